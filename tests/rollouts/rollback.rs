//! Rollbacks that are asked for while nothing runs.

use crate::fleet::{Answer, Fleet};
use crate::hosts::{beside, mw};

#[test]
fn a_rollback_with_nothing_running_leads_to_the_last_good_release_and_then_to_the_one_that_is_named() {
    let fleet = Fleet::of_scripts(4);
    let back = |arguments: &[&str]| fleet.coalmine(&[&["rollback", "--yes", "--headless"], arguments].concat());
    back(&[]).exits(1).says("no release is known to be good besides what the hosts run; nothing was changed");
    fleet.install(&["1.0.0"]).exits(0);
    fleet.install(&["1.2.0"]).exits(0);
    fleet.all_run(fleet.hosts(), Some("1.2.0"));

    // What a plan promises is what is printed before, and it changes nothing.
    let before = fleet.picture();
    let answer = fleet.coalmine(&["rollback", "--dry-run"]).exits(9).says("Plan: go back to 1.0.0 on sandbox");
    assert_eq!(beside(&answer), [""; 0]);
    assert_eq!(fleet.picture(), before);

    back(&["--reason", "too hot"]).exits(0).says("1.0.0 runs on 4 hosts").says("1.2.0 → 1.0.0 on 4 hosts");
    fleet.all_run(fleet.hosts(), Some("1.0.0"));
    fleet.coalmine(&["status", "1.2.0"]).exits(9).says("1.2.0 is bad: rolled back by ");
    back(&[]).exits(1).says(&fleet.proposed("rollback --to VERSION"));
    back(&["--to", "1.2.0"]).exits(0).says("1.2.0 runs on 4 hosts");
    back(&["--to", "1.2.0"]).exits(0).says("nothing is to be done");
    back(&["--to", "9.9.9"]).exits(1).says("9.9.9");
    fleet.all_run(fleet.hosts(), Some("1.2.0"));

    // One host is a release behind and goes there alone.
    back(&["--to", "1.0.0", "-l", &mw(4, 4)]).exits(0).says("1.0.0 runs on 1 host.");
    assert_eq!(fleet.runs(&mw(4, 4)).as_deref(), Some("1.0.0"));
    fleet.all_run((1..4).map(|number| mw(number, 4)), Some("1.2.0"));
}

#[test]
fn a_host_that_had_no_release_goes_back_to_none_and_one_that_had_a_good_one_to_that() {
    let fleet = Fleet::of_scripts(4);
    let old = mw(2, 4);
    fleet.install(&["1.0.0", "-l", &old]).exits(0);
    // Its gate fails on the last host of all, when every other has been switched.
    fleet.tag("2.0.0", |tree| {
        let script = "#!/bin/sh\n[ \"$1 $COALMINE_HOST\" != 'check mw04.codfw.sandbox' ] || { echo the canary is dead; exit 3; }\n";
        std::fs::write(tree.join("bin/tool"), script).unwrap();
    });
    fleet.configure(|text| text.replace("unhealthy = \"5%\"", "unhealthy = 0"));
    let answer = fleet.install(&["2.0.0"]).exits(6).says("gate \"fit for work\" failed: exit 3");
    answer.says("the canary is dead").says("none was left on 2.0.0");
    for host in fleet.hosts() {
        assert!(fleet.log(&host).iter().any(|line| line.contains("current switched to 2.0.0")), "{host}");
        assert_eq!(fleet.runs(&host).as_deref(), (host == old).then_some("1.0.0"), "{host}");
        assert!(fleet.root(&host).join("current").symlink_metadata().is_ok() == (host == old), "{host}");
    }
    let (code, status) = fleet.status(&["1.0.0"]);
    assert_eq!((code, &status["counts"]["missing"], &status["counts"]["current"]), (Some(9), &3.into(), &1.into()));

    // The same failure, left to the operator: what is switched stays, the failed host goes back all the same.
    fleet
        .install(&["2.0.0", "--on-failure", "abort"])
        .exits(2)
        .says("2.0.0 is bad in sandbox: rolled back in rollout ");
    let answer = fleet.install(&["2.0.0", "--on-failure", "abort", "--even-bad"]).exits(5);
    answer.says("Stopped, and left as it stands: 3 hosts on 2.0.0, 1 host as before");
    fleet.all_run((1..4).map(|number| mw(number, 4)), Some("2.0.0"));
    assert_eq!(fleet.runs(&mw(4, 4)), None);
    let (_, status) = fleet.status(&["2.0.0"]);
    assert_eq!(status["counts"]["missing"], 1, "{status}");
    // Nothing was finalized there: a rollback leads away from it, each host to what it had.
    let answer = fleet.coalmine(&["rollback", "--yes", "--headless"]).exits(2);
    answer.says(&format!("{old}: to 1.0.0-")).says("to none, as before").says("--each");
    fleet.coalmine(&["rollback", "--yes", "--headless", "--each"]).exits(0);
    assert_eq!(fleet.runs(&old).as_deref(), Some("1.0.0"));
    assert_eq!((fleet.runs(&mw(1, 4)), fleet.runs(&mw(3, 4))), (None, None));

    // A pause waits for somebody: here another terminal takes it back.
    let before = fleet.rollouts();
    let child = fleet.start(&["install-world", "2.0.0", "--even-bad", "--yes", "--headless", "--on-failure", "pause"]);
    let rollout = fleet.newest(&before);
    fleet.wait_for(&rollout, "paused");
    fleet.coalmine(&["rollback", &rollout]).exits(0).says("rollback: accepted");
    let answer = Answer::of(child.wait_with_output().unwrap()).exits(6);
    answer
        .says("paused: 1 host of stage fleet failed (unhealthy), 0 may")
        .says(&fleet.proposed(&format!("rollback {rollout}")));
}
