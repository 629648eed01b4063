//! The conductor dies at any record of its journal, by kill -9, and another one goes on.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;

use crate::fleet::{Fleet, kill, until};

/// Kills conductors when their journals have so many records, resumes, and holds the end against that of one left alone.
fn kill_and_resume(points: &[usize]) {
    let fleet = Fleet::up(4);
    let mut version = "1.2.0";
    for &point in points {
        let (rollout, died_at) = until("a death in the middle", || {
            let (rollout, died_at) = kill_at(&fleet, version, point);
            if died_at.is_none() {
                // Whoever was to kill it had no turn before it was over.
                version = other(version);
            }
            Some((rollout, died_at?))
        });
        fleet.coalmine(&["resume", &rollout, "--headless"]).exits(0).says(&format!("{version} runs on 4 hosts"));
        let records = fleet.records(&rollout);
        for (record, seq) in records.iter().zip(1..) {
            assert_eq!(record["seq"], seq, "killed at {died_at}");
        }
        let finished = records.last().unwrap();
        assert_eq!((&finished["kind"], &finished["counts"]["healthy"]), (&"rollout_finished".into(), &4.into()));
        for (host, log) in fleet.host_logs(&rollout) {
            let count = |what: &str| log.iter().filter(|line| line.contains(what)).count();
            assert_eq!(count(" switched to "), 1, "{host}, killed at {died_at}: {log:#?}");
            assert_eq!(count(" is good"), 1, "{host}, killed at {died_at}: {log:#?}");
            assert_eq!(log.last().map(|line| line.ends_with(" unlocked")), Some(true), "{host}: {log:#?}");
        }
        version = other(version);
    }
}

fn other(version: &str) -> &'static str {
    if version == "1.2.0" { "1.1.0" } else { "1.2.0" }
}

/// Kills the conductor of a new rollout when its journal has so many records; gives the rollout, and how many there were in the end, or
/// none where it was over by then.
fn kill_at(fleet: &Fleet, version: &str, point: usize) -> (String, Option<usize>) {
    let rollout = fleet.detach(&[version, "--soak", "300ms"]);
    let journal = fleet.journal(&rollout);
    let conductor = fleet.conductor();
    until("the record", || {
        let text = fs::read(&journal).unwrap();
        (text.iter().filter(|&&byte| byte == b'\n').count() >= point).then_some(())
    });
    if let Some(pid) = conductor {
        kill(pid, Signal::KILL);
    }
    until("its death", || (fleet.coalmine(&["pause", &rollout]).code != Some(0)).then_some(()));
    let records = fleet.records(&rollout);
    let is_over = records.iter().any(|record| record["kind"] == "rollout_finished");
    (rollout, (!is_over).then_some(records.len()))
}

#[test]
fn a_rollout_survives_its_conductor_while_hosts_are_locked() {
    kill_and_resume(&[3, 5, 7, 9]);
}

#[test]
fn a_rollout_survives_its_conductor_while_hosts_are_primed() {
    kill_and_resume(&[11, 14, 18, 22]);
}

#[test]
fn a_rollout_survives_its_conductor_while_canaries_are_switched() {
    kill_and_resume(&[26, 29, 32, 36, 40]);
}

#[test]
fn a_rollout_survives_its_conductor_while_the_fleet_is_switched() {
    kill_and_resume(&[44, 48, 52, 55]);
}

#[test]
fn a_rollout_survives_as_many_conductors_as_it_takes() {
    let fleet = Fleet::up(3);
    // So long that whoever kills them has a turn before it is over.
    let rollout = fleet.detach(&["1.2.0", "--soak", "6s"]);
    let mut resumed = 0;
    for step in [6, 16, 26, 36] {
        let lines = until("the record", || {
            let records = fleet.records(&rollout);
            (records.len() >= step || records.iter().any(|record| record["kind"] == "rollout_finished"))
                .then_some(records.len())
        });
        assert!(lines < 60, "it is over too early for this test");
        kill(fleet.conductor().unwrap(), Signal::KILL);
        until("its death", || (fleet.coalmine(&["pause"]).code != Some(0)).then_some(()));
        let due = fleet.coalmine(&["resume", "--due"]).exits(0);
        assert_eq!(due.stdout.trim(), rollout, "{due:?}");
        resumed += 1;
    }
    assert_eq!(resumed, 4);
    fleet.coalmine(&["show", "--follow"]).exits(0).says("1.2.0 runs on 3 hosts");
    let by = fleet.records(&rollout).iter().filter(|record| record["kind"] == "resumed").count();
    assert_eq!(by, 4);
}

#[test]
fn what_a_later_rollout_overtook_waits_for_nobody_and_is_called_so() {
    let fleet = Fleet::up(3);
    let rollout = fleet.detach(&["1.2.0", "--soak", "300s"]);
    until("the soak", || fleet.records(&rollout).iter().any(|record| record["kind"] == "soak_started").then_some(()));
    kill(fleet.conductor().unwrap(), Signal::KILL);
    until("its death", || (fleet.coalmine(&["pause"]).code != Some(0)).then_some(()));
    fleet.coalmine(&["rollouts"]).exits(0).says("interrupted, resumable");
    fleet.coalmine(&["show", &rollout]).exits(0).says(&format!("resume {rollout}"));
    for host in fleet.coalmine(&["hosts", "@all,@masters"]).exits(0).stdout.lines() {
        fleet.coalmine(&["unlock", "--host", host]).exits(0);
    }
    fleet.coalmine(&["install-world", "1.1.0", "--no-soak", "--yes"]).exits(0);

    fleet.coalmine(&["resume", &rollout]).exits(1).says("was overtaken by");
    let listed = fleet.coalmine(&["rollouts"]).exits(0).says("interrupted, overtaken");
    assert!(!listed.stdout.contains("resumable"), "{listed:?}");
    let json: serde_json::Value =
        serde_json::from_str(&fleet.coalmine(&["rollouts", "--output", "json"]).exits(0).stdout).unwrap();
    let (later, earlier) = (&json["rollouts"][0], &json["rollouts"][1]);
    assert_eq!((&earlier["resumable"], &earlier["overtaken"]), (&false.into(), &later["rollout"]));
    assert_eq!(later["overtaken"], serde_json::Value::Null);
    let shown = fleet.coalmine(&["show", &rollout]).exits(0).says("overtaken by");
    assert!(!shown.stdout.contains(&format!("resume {rollout}")), "{shown:?}");
}

/// Moves as the host's own `mv` does, and kills the conductor right before or behind a move that is waited for.
const MV: &str = r#"#!/bin/sh
d=$SANDBOX_DIR/strikes
read -r when names <"$d/at"
case $* in $names) [ ! -e "$d/struck" ] || when=never ;; *) when=never ;; esac
strike() {
    : >"$d/struck"
    kill -9 "$(sed 's/.*"pid":\([0-9]*\).*/\1/' "$SANDBOX_DIR/state/locks/sandbox.lock")"
}
[ "$when" != before ] || strike
/usr/bin/mv "$@"
code=$?
[ "$when" != behind ] || strike
exit "$code"
"#;

/// What a host does is one thing, and that its conductor hears of it another: between the two it may die.
#[test]
fn a_rollout_survives_its_conductor_between_what_a_host_does_and_its_answer() {
    let fleet = Fleet::up(3);
    let (victim, root) = ("mw01.eqiad.sandbox", fleet.dir.join("hosts/mw01.eqiad.sandbox/minewatch"));
    let strikes = fleet.dir.join("strikes");
    fs::create_dir_all(strikes.join("bin")).unwrap();
    fs::write(strikes.join("at"), "never -\n").unwrap();
    fs::write(strikes.join("bin/mv"), MV).unwrap();
    fs::set_permissions(strikes.join("bin/mv"), fs::Permissions::from_mode(0o755)).unwrap();
    let change = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(fleet.dir.join(file)).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(fleet.dir.join(file), text.replace(from, to)).unwrap();
    };
    let line = format!("case $host in {victim}) PATH=$sandbox/strikes/bin:$PATH ;; esac\nunset MAIL\n");
    change("bin/enter.sh", "unset MAIL\n", &line);
    change("coalmine.toml", "keep    = 3\n", "keep    = 3\nconfirm = \"100s\"\n");
    fleet.coalmine(&["install-world", "1.1.0", "--yes", "--headless", "--no-soak"]).exits(0);
    let mut version = "1.2.0";
    for (what, names) in [
        ("its release has its name", "* releases/.* releases/*"),
        ("its link is switched", "* ./current"),
        ("its switch is confirmed", "* .coalmine/armed.* .coalmine/confirmed.*"),
        ("its lock is free", "* .coalmine/lock/* .coalmine/token.*"),
    ] {
        for when in ["before", "behind"] {
            for release in fs::read_dir(root.join("releases")).unwrap().map(Result::unwrap) {
                if release.file_name().to_string_lossy().starts_with(&format!("{version}-")) {
                    // So that it is sent again, and given its name.
                    fs::remove_dir_all(release.path()).unwrap();
                }
            }
            fs::remove_file(strikes.join("struck")).unwrap_or_default();
            fs::write(strikes.join("at"), format!("{when} {names}\n")).unwrap();
            let install = fleet.start(&["install-world", version, "--yes", "--headless", "--no-soak", "--even-bad"]);
            let killed = install.wait_with_output().unwrap();
            fs::write(strikes.join("at"), "never -\n").unwrap();
            let told = format!("{when} {what}");
            assert_eq!(killed.status.code(), None, "{told}: {}", String::from_utf8_lossy(&killed.stderr));
            let mut rollouts: Vec<_> =
                fs::read_dir(fleet.state.join("rollouts")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            rollouts.sort();
            let rollout = rollouts.pop().unwrap().into_string().unwrap();
            let resumed = fleet.coalmine(&["resume", &rollout, "--headless"]);
            assert_eq!(resumed.code, Some(0), "{told}: {resumed:?}");
            for (host, log) in fleet.host_logs(&rollout) {
                let count = |what: &str| log.iter().filter(|line| line.contains(what)).count();
                assert_eq!(count(" switched to "), 1, "{told}: {host}: {log:#?}");
                assert!(count(" is good") > 0 && count("went back") == 0, "{told}: {host}: {log:#?}");
                assert_eq!(log.last().map(|line| line.ends_with(" unlocked")), Some(true), "{told}: {host}: {log:#?}");
            }
            let names = |folder: &str| -> Vec<String> {
                let entries = fs::read_dir(root.join(folder)).unwrap();
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
            };
            let link = fs::read_link(root.join("current")).unwrap();
            assert!(link.to_string_lossy().starts_with(&format!("releases/{version}-")), "{told}: {link:?}");
            let half = names("releases").into_iter().chain(names(".coalmine"));
            let half: Vec<String> =
                half.filter(|name| [".", "armed.", "fired."].iter().any(|start| name.starts_with(start))).collect();
            assert!(half.is_empty(), "{told}: {half:?}");
            version = other(version);
        }
    }
}
