use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthStr as _;

use super::story::{
    ASCII, COLOR, PLAIN, Story, bad, gate_failure, good, host, id, plan, release, stage_name, style, version,
};
use crate::deploy::WantedRelease;
use crate::model::{
    Bytes, Digest, Failure, FailureClass, HostId, Installed, Phase, Proof, RestsOn, RollBackTarget, RolloutId, Site,
    Slot,
};
use crate::plan::{OnFailure, Plan, PlanKind};
use crate::report::{
    HostStatusReport, Look, Progress, ReleaseMark, ReleaseRow, ReleasesReport, RolloutRow, RolloutsReport, Screen,
    Seen, StatusReport, failure_groups, plan_text, show_text,
};
use crate::rollout::{Event, Outcome};

fn show(story: &Story, look: Look) -> String {
    show_text(&story.records, None, &style(look)).1.join("\n")
}

#[test]
fn a_rollout_that_goes_well() {
    insta::assert_snapshot!("good", show(&good(), PLAIN));
}

#[test]
fn a_rollout_that_goes_back() {
    insta::assert_snapshot!("bad", show(&bad(), PLAIN));
}

#[test]
fn what_took_nobody_knows_how_long_since_the_clock_was_put_back_is_not_told_as_nothing() {
    let mut records = good().records;
    let done = records.iter().position(|record| matches!(record.event, Event::Promoted { .. })).unwrap();
    for record in &mut records[done..] {
        record.at -= jiff::SignedDuration::from_hours(24);
    }
    let (state, lines) = show_text(&records, None, &style(PLAIN));
    let shown = lines.join("\n");
    assert!(shown.contains("took      unknown: the clock was put back meanwhile (masters unknown; "), "{shown}");
    assert!(shown.contains("stage masters done: 1 healthy\n") && !shown.contains(" 0.0s"), "{shown}");
    assert_eq!(RolloutRow::new(&state, None, false, None).unwrap().took_s, None);
}

/// Gives what is proposed to type after a rollout that ended so, in which the last host failed.
fn proposed(made: Plan, outcome: Outcome) -> Vec<String> {
    let mut story = Story::new(made);
    story.lock();
    story.prime(0);
    story.start("fleet");
    let fleet = story.hosts("fleet");
    let (last, others) = fleet.split_last().unwrap();
    story.switch(others);
    story.fail(last, Failure::new(FailureClass::Transfer, "no"));
    story.finish(outcome);
    let shown = show(&story, PLAIN);
    let lines = shown.lines().filter_map(|line| line.trim_start().strip_prefix("next      coalmine -e production "));
    lines.map(|line| line.split("    ").next().unwrap().to_owned()).collect()
}

#[test]
fn what_is_proposed_next_means_the_link_the_hosts_and_the_release_of_the_rollout() {
    let whole = || {
        let mut made = plan(2);
        made.left_out.clear();
        made
    };
    let slot = || Slot::new("amy").ok();
    let rollback = |to: RollBackTarget| {
        let mut made = whole();
        made.kind = PlanKind::Rollback;
        made.hosts.iter_mut().for_each(|host| host.to = Some(to.clone()));
        made
    };
    let commit = || Plan { version: version("4.283.0-2-gdeadbee012"), ..whole() };
    let last = "-l 'mw04.eqiad.wmnet'";
    let debts = [
        (whole(), "install-world 4.283.0"),
        (commit(), "install-world --rev 4.283.0-2-gdeadbee012"),
        (Plan { emergency: true, ..commit() }, "install-world --rev 4.283.0-2-gdeadbee012 --no-fetch"),
        (Plan { slot: slot(), ..whole() }, "install-world 4.283.0 --slot amy"),
        (Plan { kind: PlanKind::Prime, ..whole() }, "install-world 4.283.0 --prime"),
        (rollback(RollBackTarget::Release { id: id("4.282.0", 0x28) }), "rollback --to 4.282.0"),
        (rollback(RollBackTarget::Adopted), "rollback --to adopted"),
        (Plan { slot: slot(), ..rollback(RollBackTarget::Nothing) }, "rollback --slot amy"),
    ];
    for (made, line) in debts {
        assert_eq!(proposed(made, Outcome::Completed), [format!("{line} {last}")]);
    }
    let mut each = rollback(RollBackTarget::Release { id: id("4.282.0", 0x28) });
    each.hosts[3].to = Some(RollBackTarget::Release { id: id("4.281.0", 0x27) });
    assert_eq!(proposed(each, Outcome::Completed), [format!("rollback --each {last}")]);
    assert_eq!(proposed(whole(), Outcome::Stopped), ["rollback", "install-world 4.283.0"]);
    assert_eq!(
        proposed(Plan { slot: slot(), ..commit() }, Outcome::Stopped),
        ["rollback --slot amy", "install-world --rev 4.283.0-2-gdeadbee012 --slot amy"]
    );
    // One that was limited to some hosts is of those.
    let only = "-l 'mw[01-04].eqiad.wmnet'";
    assert_eq!(
        proposed(plan(2), Outcome::Stopped),
        [format!("rollback {only}"), format!("install-world 4.283.0 {only}")]
    );
    let back = rollback(RollBackTarget::Adopted);
    assert_eq!(proposed(back, Outcome::Stopped), ["rollback --to adopted"], "the way back itself goes on");
    assert_eq!(
        proposed(Plan { slot: slot(), ..whole() }, Outcome::Locked),
        ["install-world 4.283.0 --slot amy --wait-lock 30m"]
    );
}

#[test]
fn a_rollback_of_each_host_to_its_own_release_names_that_of_each() {
    let mut made = plan(2);
    made.kind = PlanKind::Rollback;
    made.version = version("4.281.0");
    made.release = id("4.281.0", 0x27);
    let to = |name, digit| Some(RollBackTarget::Release { id: id(name, digit) });
    made.hosts.iter_mut().for_each(|host| host.to = to("4.281.0", 0x27));
    made.hosts[4].from = Some(release("4.281.0", 0x27));
    made.hosts[4].to = to("4.282.0", 0x28);
    let mut story = Story::new(made);
    story.lock();
    story.start("fleet");
    let fleet = story.hosts("fleet");
    story.switch(&fleet);
    story.finish(Outcome::Completed);
    let shown = show(&story, PLAIN);
    assert!(shown.contains("mw04.eqiad.wmnet      4.282.0 (was 4.281.0)"), "{shown}");
    assert!(shown.contains("mw03.eqiad.wmnet      4.281.0 (was 4.282.0)"), "{shown}");
    assert!(shown.contains("4.281.0 → 4.282.0 on 1 host"), "{shown}");
}

#[test]
fn colour_adds_nothing_to_what_is_said() {
    let coloured = show(&bad(), COLOR);
    insta::assert_snapshot!("bad_color", coloured.replace('\x1b', "␛"));
    assert_eq!(crate::words::clean(&coloured), show(&bad(), PLAIN));
}

#[test]
fn a_locale_without_unicode_gets_ascii() {
    for story in [good(), bad()] {
        let shown = show(&story, ASCII);
        assert!(shown.is_ascii(), "{shown}");
    }
    insta::assert_snapshot!("bad_ascii", show(&bad(), ASCII));
}

#[test]
fn nothing_that_came_from_elsewhere_reaches_the_terminal_as_an_order() {
    let evil = "\x1b[2J\x1b]0;x\x07 a\rb\u{9b}31m\ny";
    let mut made = plan(9);
    made.reason = Some(evil.into());
    made.operator = crate::model::Operator(evil.into());
    made.left_out[2].message = evil.into();
    made.hosts[1].from = Some(Installed::Unmanaged { version: Some(evil.into()) });
    let mut story = Story::new(made);
    story.lock();
    let hosts = story.hosts("fleet");
    story.fail(&hosts[0], Failure::new(FailureClass::Transfer, evil).hint(evil).output(evil));
    story.happens(Event::HostSkipped { host: hosts[1].clone(), reason: evil.into(), overtaken: false });
    story.happens(Event::HostDepooled { host: hosts[2].clone(), by: None, reason: None, error: Some(evil.into()) });
    story.happens(Event::AbortRequested { by: crate::model::Operator(evil.into()) });
    story.finish(Outcome::Stopped);
    let (_, mut lines) = show_text(&story.records, None, &style(PLAIN));
    lines.extend(plan_text(&story.plan, PLAIN));
    for line in lines {
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[test]
fn the_same_failures_stand_together_and_hosts_keep_their_own() {
    let mut story = Story::new(plan(9));
    let fleet = story.hosts("fleet");
    for index in [0, 1, 2, 6] {
        story.fail(&fleet[index], gate_failure());
    }
    story.fail(&fleet[4], Failure::new(FailureClass::Transfer, "no space left on device"));
    story.fail(&fleet[5], Failure::new(FailureClass::Unreachable, "no answer within 10s"));
    let groups = failure_groups(&story.state);
    let shown: Vec<(FailureClass, String)> =
        groups.iter().map(|group| (group.class, crate::expr::fold(&group.hosts))).collect();
    assert_eq!(
        shown,
        [
            (FailureClass::Unhealthy, "mw[03-05,09].eqiad.wmnet".to_owned()),
            (FailureClass::Transfer, "mw07.eqiad.wmnet".to_owned()),
            (FailureClass::Unreachable, "mw08.eqiad.wmnet,db3.codfw.wmnet".to_owned()),
        ]
    );
}

#[test]
fn ten_thousand_hosts_are_told_in_few_lines_and_every_failure_is() {
    let mut story = Story::new(plan(9_997));
    story.lock();
    story.prime(3);
    story.start("fleet");
    let fleet = story.hosts("fleet");
    for group in fleet.chunks(80) {
        story.switch(group);
    }
    story.fail(&fleet[1234], gate_failure());
    story.promote("fleet");
    story.finish(Outcome::Completed);
    let started = Instant::now();
    let (_, lines) = show_text(&story.records, None, &style(PLAIN));
    assert!(lines.len() < 60, "{} lines", lines.len());
    assert!(lines.iter().all(|line| line.chars().count() < 600));
    assert!(lines.iter().any(|line| line.contains("mw1237.eqiad.wmnet") || line.contains("mw01237.eqiad.wmnet")));
    assert!(started.elapsed() < Duration::from_secs(60), "a debug build took {:?}", started.elapsed());
    let verbose = crate::report::Style { verbose: true, ..style(PLAIN) };
    assert!(show_text(&story.records, None, &verbose).1.len() > 400, "asked for, every change is told");
}

#[test]
fn a_paused_rollout_says_how_to_go_on() {
    let mut story = Story::new(plan(9));
    story.lock();
    let why = crate::rollout::PauseReason::GateInconclusive {
        stage: stage_name("canary"),
        gate: "error rate".into(),
        message: "it printed no number".into(),
    };
    story.happens(Event::Paused { why });
    let shown = show(&story, PLAIN);
    assert!(
        shown.contains("‖ paused: gate \"error rate\" of stage canary cannot tell: it printed no number"),
        "{shown}"
    );
    for command in ["continue", "rollback", "abort"] {
        assert!(shown.contains(&format!("coalmine {command} 20260301T120000Z-ab12")), "{command} in {shown}");
    }
}

#[test]
fn a_rollout_that_was_overtaken_is_not_to_be_gone_on_with() {
    let mut story = Story::new(plan(3));
    story.lock();
    let by = RolloutId::new("20260301T130000Z-cd34").unwrap();
    let shown = show_text(&story.records, Some(&by), &style(PLAIN)).1.join("\n");
    assert!(shown.contains("Not over, and overtaken by 20260301T130000Z-cd34"), "{shown}");
    assert!(shown.contains("coalmine show 20260301T130000Z-cd34"), "{shown}");
    assert!(!shown.contains("resume") && !shown.contains("attach"), "{shown}");
    assert!(show(&story, PLAIN).contains("coalmine resume 20260301T120000Z-ab12"));
}

#[test]
fn a_way_back_says_who_went_and_not_that_nobody_has_what_all_had() {
    let end = |from: Option<Installed>, failure: Option<&str>| {
        let mut made = plan(1);
        made.hosts.iter_mut().for_each(|host| host.from = from.clone());
        let mut story = Story::new(made);
        story.lock();
        let host = story.hosts("canary")[0].clone();
        for phase in [Phase::Activating, Phase::Active, Phase::Checking, Phase::RollingBack] {
            story.phase(&host, phase);
        }
        match failure {
            Some(failure) => story.fail(&host, Failure::new(FailureClass::Unhealthy, failure)),
            None => story.phase(&host, Phase::RolledBack),
        }
        story.finish(Outcome::RolledBack);
        show(&story, PLAIN)
    };
    let same = Installed::Release { id: plan(1).release, digest: None, drift: None };
    let shown = end(Some(release("4.282.0", 2)), None);
    assert!(shown.contains("Rolled back: 1 host went back, none was left on 4.283.0."), "{shown}");
    let shown = end(Some(same), None);
    assert!(shown.contains("Rolled back: 1 host went back.\n"), "{shown}");
    let shown = end(Some(release("4.282.0", 2)), Some("went back, and there too gate \"page\" failed: exit 1"));
    assert!(shown.contains("Rolled back: 1 host went back, the gates of 1 fail there too."), "{shown}");
}

fn underway() -> (Story, Progress) {
    let mut story = Story::new(plan(9));
    story.lock();
    let all: Vec<HostId> = story.plan.hosts.iter().map(|planned| planned.host.clone()).collect();
    let mut progress = Progress::default();
    for (place, host) in all.iter().enumerate().take(11) {
        story.phase(host, Phase::Priming);
        let share = u64::try_from(place).unwrap();
        let event = Event::HostProgress {
            host: host.clone(),
            bytes: Bytes(share * 1_000_000),
            total: Bytes(10_000_000),
            rate: Bytes(1_000_000 / (share + 1)),
            eta: Some((10 - share) * (share + 1)),
        };
        let record = story.record(event);
        progress.apply(&record, &story.state);
    }
    story.wait(23_000);
    for (place, host) in all.iter().enumerate().skip(1).take(10) {
        let share = u64::try_from(place).unwrap();
        let event = Event::HostProgress {
            host: host.clone(),
            bytes: Bytes(share * 1_000_000 + 1),
            total: Bytes(10_000_000),
            rate: Bytes(1_000_000 / (share + 1)),
            eta: Some((10 - share) * (share + 1)),
        };
        let record = story.record(event);
        progress.apply(&record, &story.state);
    }
    (story, progress)
}

#[test]
fn progress_names_the_stalled_and_the_slow() {
    let (story, progress) = underway();
    let region = progress.region(&story.state, PLAIN, 100, 24, story.now());
    insta::assert_snapshot!("region", region.join("\n"));
    insta::assert_snapshot!("line", progress.line(&story.state, PLAIN, story.now()).unwrap());
    let ascii = progress.region(&story.state, ASCII, 100, 24, story.now()).join("\n");
    assert!(ascii.is_ascii(), "{ascii}");
}

#[test]
fn a_region_fits_whatever_the_terminal_is() {
    let (story, progress) = underway();
    for columns in [0, 1, 5, 20, 60, 80, 140] {
        for rows in [0, 1, 5, 24] {
            let region = progress.region(&story.state, COLOR, columns, rows, story.now());
            assert!(region.iter().all(|line| crate::words::clean(line).width() <= columns.saturating_sub(1)));
            assert!(rows < 20 || region.len() < rows);
        }
    }
}

#[test]
fn a_transfer_that_is_over_is_not_shown_though_its_progress_comes_late() {
    let (mut story, mut progress) = underway();
    let slow = host("deploy01.eqiad.wmnet");
    let late = story.record(Event::HostProgress {
        host: slow.clone(),
        bytes: Bytes(1),
        total: Bytes(2),
        rate: Bytes(1),
        eta: None,
    });
    story.fail(&slow, Failure::new(FailureClass::Transfer, "no byte for 60s"));
    progress.apply(&story.records.last().unwrap().clone(), &story.state);
    progress.apply(&late, &story.state);
    let region = progress.region(&story.state, PLAIN, 100, 40, story.now()).join("\n");
    assert!(!region.contains("deploy01"), "{region}");
}

fn rows(parser: &vt100::Parser) -> Vec<String> {
    let screen = parser.screen();
    let (_, columns) = screen.size();
    screen.rows(0, columns).map(|row| row.trim_end().to_owned()).filter(|row| !row.is_empty()).collect()
}

fn lines(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn lines_scroll_above_the_region_which_is_redrawn_in_place_and_gone_at_the_end() {
    let mut terminal = vt100::Parser::new(10, 40, 0);
    let mut screen = Screen::default();
    terminal.process(screen.frame(&lines(&["one"]), &lines(&["bar 1", "bar 2"])).as_bytes());
    assert_eq!(rows(&terminal), ["one", "bar 1", "bar 2"]);
    terminal.process(screen.frame(&[], &lines(&["bar 3"])).as_bytes());
    assert_eq!(rows(&terminal), ["one", "bar 3"]);
    let long = "x".repeat(60);
    terminal.process(screen.frame(&lines(&["two", &long]), &lines(&["bar 4", "bar 5"])).as_bytes());
    assert_eq!(rows(&terminal), ["one", "two", &"x".repeat(40), &"x".repeat(20), "bar 4", "bar 5"]);
    terminal.process(screen.frame(&lines(&["three"]), &[]).as_bytes());
    assert_eq!(rows(&terminal).last().unwrap(), "three");
    assert!(!rows(&terminal).iter().any(|row| row.contains("bar")));
}

#[test]
fn a_terminal_that_became_narrower_loses_no_line_of_the_log() {
    let region = lines(&["a bar that is thirty columns!!", "another"]);
    // A terminal that breaks long rows when it is resized has them as if they had been written to the narrow one.
    for breaks_rows in [false, true] {
        let mut terminal = vt100::Parser::new(20, if breaks_rows { 20 } else { 40 }, 0);
        let mut screen = Screen::default();
        terminal.process(screen.frame(&lines(&["one", "two", "three"]), &region).as_bytes());
        terminal.screen_mut().set_size(20, 20);
        terminal.process(screen.frame(&lines(&["four"]), &lines(&["bar"])).as_bytes());
        terminal.process(screen.frame(&lines(&["five"]), &lines(&["bar"])).as_bytes());
        let mut shown = rows(&terminal);
        shown.retain(|row| !row.starts_with("a bar"));
        assert_eq!(shown, ["one", "two", "three", "four", "five", "bar"], "rows are broken: {breaks_rows}");
    }
}

#[test]
fn a_plan_is_told_with_who_who_not_and_what_if() {
    let mut made = plan(9);
    made.hosts[3].from = Some(Installed::Missing);
    made.hosts[4].from = Some(Installed::Unmanaged { version: Some("3.9".into()) });
    made.hosts[5].from = None;
    made.hosts[6].from = Some(Installed::Release {
        id: made.release.clone(),
        digest: Some(made.digest),
        drift: Some("bin/scap changed".into()),
    });
    made.hosts[7].from = Some(release("4.283.0", 0x1a));
    made.hosts[8].from = Some(release("4.283.0", 0x77));
    made.hosts[8].good = None;
    insta::assert_snapshot!("plan", plan_text(&made, PLAIN).join("\n"));
    made.kind = PlanKind::Rollback;
    made.policy.on_failure = OnFailure::Pause;
    insta::assert_snapshot!("plan_rollback_ascii", plan_text(&made, ASCII).join("\n"));
}

#[test]
fn a_plan_without_work_says_so() {
    let mut made = plan(9);
    made.hosts.clear();
    made.stages.iter_mut().for_each(|stage| stage.waves.clear());
    let shown = plan_text(&made, PLAIN).join("\n");
    assert!(shown.contains("nothing is to be done") && !shown.contains("goes back"), "{shown}");
}

#[test]
fn a_plan_of_many_waves_stays_short() {
    let mut made = plan(9_997);
    made.stages[2].waves = vec![1; 9_997];
    let lines = plan_text(&made, PLAIN);
    assert!(lines.len() < 60, "{} lines", lines.len());
    assert!(lines.iter().any(|line| line.contains("waves 11 to 9997")));
}

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
