//! A good release, nothing to do, a bad release, and a file that somebody edited.

use std::fs;

use crate::fleet::Fleet;
use crate::hosts::{beside, mw};

#[test]
fn a_good_release_is_installed_and_a_bad_one_comes_no_further_than_the_canaries() {
    let fleet = Fleet::up(12);
    let targets = || (1..=12).map(|number| mw(number, 12));
    fleet.install(&["1.2.0", "--no-soak"]).exits(0).says("1.2.0 runs on 12 hosts");
    let (code, status) = fleet.status(&["1.2.0"]);
    assert_eq!((code, &status["counts"]["current"]), (Some(0), &12.into()), "{status}");
    for host in status["hosts"].as_array().unwrap() {
        assert_eq!(host["digest"], status["release"]["digest"], "{host}");
    }
    fleet.all_run(fleet.hosts(), Some("1.2.0"));

    let before = fleet.picture();
    let rollouts = fs::read_dir(fleet.state.join("rollouts")).unwrap().count();
    let answer = fleet.install(&["1.2.0"]).exits(0).says("nothing is to be done: 12 hosts have 1.2.0-");
    assert_eq!(beside(&answer), [""; 0]);
    assert_eq!(fleet.picture(), before, "nobody was locked");
    assert_eq!(fs::read_dir(fleet.state.join("rollouts")).unwrap().count(), rollouts, "and there was no rollout");

    let answer = fleet.install(&["--no-soak"]).exits(6);
    let answer = answer.says("gate \"fit for work\" failed: exit 1").says("mw01.eqiad.sandbox,mw07.codfw.sandbox");
    answer.says("none was left on 1.10.0").says("exit      6: rolled back");
    fleet.all_run(fleet.hosts(), Some("1.2.0"));
    for host in targets() {
        let log = fleet.log(&host).join("\n");
        let is_canary = ["mw01", "mw07"].iter().any(|name| host.starts_with(name));
        assert!(log.contains("primed 1.10.0"), "{host}: {log}");
        assert_eq!(log.contains("current switched to 1.10.0"), is_canary, "{host}: {log}");
        assert_eq!(log.contains("current went back to releases/1.2.0"), is_canary, "{host}: {log}");
    }
    // What is bad is nobody's latest: every host has what it should have, and is told why that is not the newest tag.
    let (code, status) = fleet.status(&[]);
    assert_eq!((code, &status["counts"]["current"]), (Some(0), &12.into()), "{status}");
    assert_eq!(status["debt"], serde_json::json!([]), "{status}");
    fleet.coalmine(&["status"]).exits(0).says("1.10.0 is passed over: it is bad here: ");
    let (code, status) = fleet.status(&["1.10.0"]);
    assert_eq!((code, &status["counts"]["outdated"]), (Some(9), &12.into()), "{status}");
    fleet.coalmine(&["status", "1.10.0"]).exits(9).says("1.10.0 is bad: rolled back in rollout ");

    let python = fs::read_dir(fleet.root(&mw(3, 12)).join("current/lib")).unwrap().next().unwrap().unwrap().path();
    fs::write(python.join("site-packages/minewatch/cli.py"), "print('hacked')\n").unwrap();
    let (code, status) = fleet.status(&["1.2.0"]);
    assert_eq!((code, &status["hosts"][2]["state"]), (Some(9), &"drifted".into()), "{status}");
    let why = status["hosts"][2]["error"].as_str().unwrap();
    assert!(why.starts_with("1 entry differs: ") && why.ends_with("/minewatch/cli.py"), "{why}");
    let answer = fleet.install(&["1.2.0", "--no-soak"]).exits(0);
    answer.says("1.2.0 runs on 12 hosts; 11 of them had it before").says("1 host");
    assert_eq!(fleet.status(&["1.2.0"]).0, Some(0));
    fleet.all_run(targets(), Some("1.2.0"));
}
