//! What is told in tables: a status, releases, rollouts.

use std::time::Duration;

use super::story::{ASCII, COLOR, PLAIN, Story, bad, good, host, id, plan, release, style, version};
use crate::deploy::WantedRelease;
use crate::model::{Digest, Failure, FailureClass, Installed, Proof, RestsOn, RolloutId, Site};
use crate::report::{
    HostStatusReport, ReleaseMark, ReleaseRow, ReleasesReport, RolloutRow, RolloutsReport, Seen, StatusReport,
};

fn status() -> StatusReport {
    let wanted = WantedRelease {
        version: version("4.283.0"),
        commit: "0123456789abcdef0123456789abcdef01234567".parse().ok(),
        digest: Some(Digest([0x1a; 32])),
    };
    let probe = |installed| {
        Ok(crate::model::Probe { installed, latency: Duration::from_millis(42), ..crate::model::Probe::default() })
    };
    let answers: Vec<(&str, Result<crate::model::Probe, Failure>)> = vec![
        ("mw01.eqiad", probe(release("4.283.0", 0x1a))),
        ("mw02.eqiad", probe(release("4.283.0", 0x1a))),
        ("mw03.eqiad", probe(release("4.283.0", 0x1a))),
        ("mw04.eqiad", probe(release("4.282.0", 0x28))),
        ("mw05.eqiad", probe(release("4.282.0", 0x28))),
        ("mw06.eqiad", probe(release("4.284.0", 0x30))),
        ("mw07.codfw", probe(Installed::Missing)),
        ("mw08.codfw", probe(Installed::Unmanaged { version: Some("scap \x1b[1m3.9".into()) })),
        (
            "mw09.codfw",
            probe(Installed::Release {
                id: id("4.283.0", 0x1a),
                digest: Some(Digest([0x1a; 32])),
                drift: Some("bin/scap changed".into()),
            }),
        ),
        ("mw10.codfw", Err(Failure::new(FailureClass::Unreachable, "no answer within 10s").hint("ssh mw10.codfw"))),
        ("mw11.codfw", Err(Failure::new(FailureClass::Unreachable, "no answer within 10s").hint("ssh mw11.codfw"))),
    ];
    let hosts = answers.into_iter().map(|(name, answer)| {
        let site = name.split('.').nth(1).map(|site| Site(site.into()));
        HostStatusReport::new(host(name), site, vec!["api".into()], &answer, &wanted, |a, b| a.as_str().cmp(b.as_str()))
    });
    let hosts = hosts.collect();
    StatusReport::new(crate::model::Environment::new("production").unwrap(), wanted, hosts)
}

#[test]
fn a_status_is_told_by_what_hosts_have_in_common_or_host_by_host() {
    insta::assert_snapshot!("status", status().text(PLAIN, false).join("\n"));
    insta::assert_snapshot!("status_each", status().text(PLAIN, true).join("\n"));
    insta::assert_snapshot!("status_color", status().text(COLOR, false).join("\n").replace('\x1b', "␛"));
    assert!(status().text(ASCII, false).iter().all(|line| line.is_ascii()));
    // What the answers rest on is told of those that looked.
    let mut looked = status();
    let proof = |rests_on, hashed_at: &str| Some(Proof { rests_on, hashed_at: hashed_at.parse().unwrap() });
    looked.hosts[0].proof = proof(RestsOn::Metadata, "2026-03-04T12:00:00Z");
    looked.hosts[1].proof = proof(RestsOn::Metadata, "2026-03-01T12:00:00Z");
    let told = |report: &StatusReport| report.text(PLAIN, false).into_iter().find(|line| line.starts_with("files: "));
    assert_eq!(told(&looked).unwrap(), "files: of 2 hosts untouched since they were hashed (2026-03-01 or later)");
    looked.hosts[1].proof = proof(RestsOn::Hashes, "2026-03-04T12:00:00Z");
    let both = "files: of 1 host untouched since they were hashed (2026-03-04 or later), of 1 host hashed now";
    assert_eq!((told(&looked).unwrap().as_str(), told(&status())), (both, None));
}

#[test]
fn a_host_runs_nothing_only_where_that_was_seen() {
    let report = status();
    let runs = |name: &str| report.hosts.iter().find(|known| known.host == host(name)).unwrap().runs();
    assert_eq!([runs("mw05.eqiad"), runs("mw07.codfw"), runs("mw10.codfw")], ["4.282.0", "nothing", "unknown"]);
}

#[test]
fn releases_and_rollouts_are_tables() {
    let row = |name: &str, mark, built| ReleaseRow {
        version: version(name),
        commit: "0123456789abcdef0123456789abcdef01234567".parse().unwrap(),
        date: Some("2026-03-01T12:00:00Z".parse().unwrap()),
        built,
        digest: None,
        mark,
        installed: [(crate::model::Environment::new("production").unwrap(), 12)].into(),
    };
    let rows = vec![
        row("4.284.0", Some(ReleaseMark::Bad), true),
        row("4.283.0", Some(ReleaseMark::Good), true),
        row("4.282.0", None, false),
    ];
    let from_journals = ReleasesReport::new(rows.clone(), Seen::Journals).text(&style(PLAIN));
    assert!(from_journals[0].ends_with("left by rollouts"), "{from_journals:?}");
    let releases = ReleasesReport::new(rows, Seen::Surveyed);
    insta::assert_snapshot!("releases", releases.text(&style(PLAIN)).join("\n"));
    let mut running = Story::new(plan(9));
    running.lock();
    let later = Some(RolloutId::new("20260301-130000-late").unwrap());
    let rows = [
        (&good(), false, None),
        (&bad(), false, None),
        (&running, true, None),
        (&running, false, None),
        (&running, false, later),
    ]
    .map(|(story, live, overtaken)| RolloutRow::new(&story.state, None, live, overtaken).unwrap());
    assert_eq!(rows.each_ref().map(|row| row.resumable), [false, false, false, true, false]);
    insta::assert_snapshot!("rollouts", RolloutsReport::new(rows.to_vec()).text(&style(PLAIN)).join("\n"));
}
