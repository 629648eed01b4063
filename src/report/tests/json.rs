use serde_json::{Value, json};

use super::story::{host, id, plan, release, version};
use crate::deploy::{Standing, WantedRelease, compare};
use crate::model::{Digest, Environment, Failure, FailureClass, HostState, Installed, Probe, Proof, RestsOn, Site};
use crate::plan::LeftOutReason;
use crate::report::{HostStatusReport, PlanReport, StatusReport, plan_exit_code};
use crate::rollout::{Debt, HostEnd};

fn wanted() -> WantedRelease {
    WantedRelease { version: version("1.2"), commit: "abcd".repeat(10).parse().ok(), digest: Some(Digest([1; 32])) }
}

/// Orders `1.10` after `1.9`, as the releases' own order does.
fn order(a: &crate::model::Version, b: &crate::model::Version) -> std::cmp::Ordering {
    let parts = |v: &crate::model::Version| -> Vec<u32> { v.as_str().split('.').map(|n| n.parse().unwrap()).collect() };
    parts(a).cmp(&parts(b))
}

fn probe(installed: Installed) -> Result<Probe, Failure> {
    Ok(Probe { installed, ..Probe::default() })
}

fn report(answers: Vec<Result<Probe, Failure>>) -> StatusReport {
    let hosts = answers.into_iter().enumerate().map(|(place, answer)| {
        let name = host(&format!("h{place}.eqiad"));
        HostStatusReport::new(name, Some(Site("eqiad".into())), vec!["all".into()], &answer, &wanted(), order)
    });
    let hosts = hosts.collect();
    StatusReport::new(Environment::new("beta").unwrap(), wanted(), hosts)
}

fn down() -> Result<Probe, Failure> {
    Err(Failure::new(FailureClass::Unreachable, "no answer"))
}

#[test]
fn every_answer_has_a_state() {
    let released =
        |id, digest, drift: Option<&str>| probe(Installed::Release { id, digest, drift: drift.map(str::to_owned) });
    let one = Some(Digest([1; 32]));
    for (answer, state) in [
        (probe(release("1.2", 1)), HostState::Current),
        (probe(release("1.1", 3)), HostState::Outdated),
        (probe(release("1.10", 3)), HostState::Ahead),
        (probe(release("1.2", 9)), HostState::Drifted),
        (released(id("1.2", 1), one, Some("bin/x changed")), HostState::Drifted),
        (released(id("1.2", 1), None, None), HostState::Drifted),
        (released(id("1.2", 1), Some(Digest([2; 32])), None), HostState::Drifted),
        (released(id("1.1", 1), one, Some("bin/x changed")), HostState::Drifted),
        (probe(Installed::Missing), HostState::Missing),
        (probe(Installed::Unmanaged { version: Some("1.2".into()) }), HostState::Unmanaged),
        (down(), HostState::Unreachable),
        (Err(Failure::new(FailureClass::Transfer, "its answer has no end")), HostState::Unknown),
    ] {
        assert_eq!(compare(&answer, &wanted(), order).0, state, "{answer:?}");
    }
}

#[test]
fn a_version_without_a_build_to_compare_with_is_unknown_and_older_ones_are_outdated() {
    let wanted = WantedRelease { digest: None, ..wanted() };
    let (state, why) = compare(&probe(release("1.2", 1)), &wanted, order);
    assert_eq!(state, HostState::Unknown);
    assert!(why.unwrap().contains("not built here"));
    assert_eq!(compare(&probe(release("1.1", 1)), &wanted, order).0, HostState::Outdated);
}

#[test]
fn a_host_that_runs_what_nobody_finalized_there_has_drifted_unless_it_is_the_release() {
    let with_good = |installed, good| Ok(Probe { installed, good: Some(good), ..Probe::default() });
    assert_eq!(compare(&with_good(release("1.1", 3), id("1.1", 3)), &wanted(), order).0, HostState::Outdated);
    let (state, why) = compare(&with_good(release("1.1", 3), id("1.0", 2)), &wanted(), order);
    assert_eq!((state, why.as_deref()), (HostState::Drifted, Some("not finalized there; 1.0-02020202 was")));
    assert_eq!(compare(&with_good(release("1.2", 1), id("1.0", 2)), &wanted(), order).0, HostState::Current);
}

#[test]
fn the_exit_code_of_status_tells_reached_from_unreached() {
    let (current, old) = (|| probe(release("1.2", 1)), || probe(release("1.1", 3)));
    for (answers, code) in [
        (vec![current(), current()], 0),
        (vec![], 0),
        (vec![current(), old()], 9),
        (vec![current(), probe(Installed::Missing)], 9),
        (vec![current(), down()], 4),
        (vec![old(), down()], 4),
    ] {
        assert_eq!(report(answers).exit_code(), code);
    }
}

#[test]
fn status_has_the_shape_that_product_md_promises() {
    let answer = Ok(Probe {
        installed: release("1.2", 1),
        good: Some(id("1.2", 1)),
        proof: Some(Proof { rests_on: RestsOn::Metadata, hashed_at: "2026-03-01T12:00:00Z".parse().unwrap() }),
        latency: std::time::Duration::from_millis(42),
        ..Probe::default()
    });
    let shown = serde_json::to_value(report(vec![answer, down()])).unwrap();
    let digest = "01".repeat(32);
    assert_eq!(
        shown,
        json!({
            "schema": 1,
            "environment": "beta",
            "release": {"version": "1.2", "commit": "abcd".repeat(10), "digest": digest},
            "hosts": [
                {
                    "host": "h0.eqiad", "site": "eqiad", "groups": ["all"], "state": "current", "version": "1.2",
                    "digest": digest,
                    "proof": {"rests_on": "metadata", "hashed_at": "2026-03-01T12:00:00Z"}, "latency_ms": 42, "error": null, "hint": null, "good": "1.2-01010101",
                },
                {
                    "host": "h1.eqiad", "site": "eqiad", "groups": ["all"], "state": "unreachable", "version": null,
                    "digest": null, "proof": null, "latency_ms": null, "error": "no answer", "hint": null, "good": null,
                },
            ],
            "counts": {
                "current": 1, "outdated": 0, "ahead": 0, "drifted": 0, "missing": 0, "unmanaged": 0,
                "unreachable": 1, "unknown": 0,
            },
            "lock": null, "freeze": null, "rollout": null, "mark": null, "debt": [], "out_of_service": [],
            "recorded": null, "unknown": [],
        })
    );
}

#[test]
fn a_host_that_was_caught_up_since_the_last_rollout_owes_nothing() {
    let owed = |name: &str| Debt { host: host(name), end: HostEnd::Failed, class: None, message: "disk full".into() };
    let debt = vec![owed("h0.eqiad"), owed("h1.eqiad"), owed("h2.eqiad")];
    let standing = Standing { debt, ..Standing::default() };
    let caught_up = Probe { installed: release("1.2", 1), good: Some(id("1.2", 1)), ..Probe::default() };
    // What was left on a release that failed its gates runs it, file for file, and owes it all the same.
    let left = probe(release("1.2", 1));
    let report = report(vec![Ok(caught_up), down(), left]).standing(standing);
    assert_eq!(report.debt, [owed("h1.eqiad"), owed("h2.eqiad")]);
}

#[test]
fn a_plan_has_the_shape_that_product_md_promises() {
    let mut made = plan(1);
    made.hosts.truncate(4);
    made.stages[2].waves = vec![1];
    made.hosts[1].from = Some(Installed::Missing);
    made.hosts[2].from = None;
    made.hosts[3].from = Some(Installed::Unmanaged { version: None });
    let shown = serde_json::to_value(PlanReport::new(&made)).unwrap();
    let names = ["deploy01.eqiad.wmnet", "mw01.eqiad.wmnet", "mw02.eqiad.wmnet", "mw03.eqiad.wmnet"];
    let of =
        |host: &str, from: Value, action: &str| json!({"host": host, "from": from, "to": "4.283.0", "action": action});
    assert_eq!(
        shown,
        json!({
            "schema": 1,
            "environment": "production",
            "version": "4.283.0",
            "release": "4.283.0-1a1a1a1a",
            "kind": "install",
            "slot": null,
            "emergency": false,
            "mark": null,
            "stages": [
                {"name": "masters", "waves": [[names[0]]], "soak_s": 0, "promote": "auto"},
                {"name": "canary", "waves": [[names[1], names[2]]], "soak_s": 600, "promote": "manual"},
                {"name": "fleet", "waves": [[names[3]]], "soak_s": 0, "promote": "auto"},
            ],
            "unreachable": [names[2], "db3.codfw.wmnet"],
            "excluded": ["db2.codfw.wmnet"],
            "hosts": [
                of(names[0], json!("4.282.0"), "update"),
                of(names[1], Value::Null, "install"),
                of(names[2], Value::Null, "install"),
                of(names[3], Value::Null, "adopt"),
                of("db1.codfw.wmnet", json!("4.283.0"), "none"),
                of("db3.codfw.wmnet", Value::Null, "skip"),
            ],
            "notes": [],
            "changes": null,
        })
    );
}

#[test]
fn the_exit_code_of_a_plan_tells_whether_there_is_work() {
    let mut made = plan(9);
    assert_eq!(plan_exit_code(&made), 9);
    made.hosts.clear();
    assert_eq!(plan_exit_code(&made), 4);
    made.left_out.retain(|out| out.reason != LeftOutReason::Unreachable);
    assert_eq!(plan_exit_code(&made), 0);
}
