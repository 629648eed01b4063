//! Who may deploy while another does.

use std::io::{BufRead as _, BufReader};

use rustix::process::Signal;

use crate::fleet::{Answer, Fleet, kill, until};

#[test]
fn of_two_state_folders_and_one_fleet_exactly_one_goes_ahead() {
    let fleet = Fleet::up(4);
    let other = fleet.dir.join("other-state");
    let one = fleet.start(&["install-world", "1.2.0", "--yes", "--headless", "--soak", "2s"]);
    let mut second = std::process::Command::new(crate::fleet::coalmine());
    second.arg("-c").arg(fleet.dir.join("coalmine.toml")).arg("--state-dir").arg(&other);
    second.args(["install-world", "1.2.0", "--yes", "--headless", "--soak", "2s"]);
    let second = Answer::of(second.output().unwrap());
    let first = Answer::of(one.wait_with_output().unwrap());
    let mut codes = [first.code, second.code];
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(7)], "{first:?}{second:?}");
}

#[test]
fn an_environment_is_locked_until_its_conductor_is_dead() {
    let fleet = Fleet::up(2);
    let rollout = fleet.detach(&["1.2.0", "--soak", "10m", "--reason", "the fix"]);
    let refused = fleet.coalmine(&["install-world", "1.1.0", "--yes", "--headless"]).exits(7);
    let refused = refused.says(&format!("for rollout {rollout} (process ")).says(": the fix");
    refused.says(&format!("`coalmine attach {rollout}` shows it"));
    fleet.wait_for(&rollout, "soak_started");
    kill(fleet.conductor().unwrap(), Signal::KILL);
    until("its death", || (fleet.coalmine(&["pause"]).code != Some(0)).then_some(()));
    fleet.coalmine(&["lock", "--reason", "audit"]).exits(0).says("frozen for everybody: audit");
    fleet.coalmine(&["resume", &rollout]).exits(7).says("is frozen by").says(": audit");
    fleet.coalmine(&["status", "1.2.0"]).exits(0).says("sandbox is frozen by ");
    fleet.coalmine(&["resume", "--due"]).exits(0).says("is frozen by");
    fleet.coalmine(&["install-world", "1.1.0", "--yes", "--headless"]).exits(7);
    fleet.coalmine(&["unlock"]).exits(0).says("sandbox is free again");
    fleet.coalmine(&["resume", "--detach"]).exits(8);
    fleet.coalmine(&["lock"]).exits(0).says("runs and goes on");
    fleet.coalmine(&["abort"]).exits(0);
    fleet.coalmine(&["show", "--follow"]).exits(5);
    fleet.coalmine(&["unlock"]).exits(0);
}

#[test]
fn a_lock_is_waited_for() {
    let fleet = Fleet::up(2);
    let rollout = fleet.detach(&["1.2.0", "--soak", "10m"]);
    fleet.wait_for(&rollout, "soak_started");
    let arguments = ["install-world", "1.1.0", "--yes", "--headless", "--soak", "0s", "--wait-lock", "1m"];
    let mut waiting = fleet.start(&arguments);
    let mut told = BufReader::new(waiting.stderr.take().unwrap()).lines().map(Result::unwrap);
    let told = told.find(|line| line.starts_with("waiting: sandbox is locked by ")).unwrap();
    assert!(told.contains(&rollout), "{told}");
    assert!(waiting.try_wait().unwrap().is_none(), "it did not wait");
    fleet.coalmine(&["abort"]).exits(0);
    Answer::of(waiting.wait_with_output().unwrap()).exits(0).says("1.1.0 runs on 2 hosts");
}

#[test]
fn a_conductor_that_slept_while_another_came_leaves_every_host_to_it() {
    let fleet = Fleet::up(2);
    let config = fleet.dir.join("coalmine.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[lock]\nlease = \"2s\"\n")).unwrap();
    let rollout = fleet.detach(&["1.2.0", "--soak", "6s"]);
    fleet.wait_for(&rollout, "soak_started");
    let conductor = fleet.conductor().unwrap();
    kill(conductor, Signal::STOP);
    // The lid is closed; somebody at another server waits for the leases, and installs something else.
    let mut other = std::process::Command::new(crate::fleet::coalmine());
    other.arg("-c").arg(&config).arg("--state-dir").arg(fleet.dir.join("other-state"));
    other.args(["install-world", "1.1.0", "--yes", "--headless", "--no-soak", "--wait-lock", "1m"]);
    let other = Answer::of(other.output().unwrap()).exits(0).says("1.1.0 runs on 2 hosts");
    kill(conductor, Signal::CONT);
    fleet.coalmine(&["show", "--follow", &rollout]).exits(5).says("its lock was lost, and it is left as it is");
    let records = fleet.records(&rollout);
    let lost = records.iter().find(|record| record["kind"] == "lock_lost").unwrap();
    assert!(other.stdout.contains(lost["holder"]["rollout"].as_str().unwrap()), "{lost} {other:?}");
    // Nothing was done after that one came, by whoever asks the hosts.
    for (host, log) in fleet.host_logs("") {
        let switched = log.iter().rfind(|line| line.contains(" switched to ")).unwrap();
        assert!(switched.contains(" switched to 1.1.0-"), "{host}: {log:#?}");
        let last = log.last().unwrap();
        assert!(!last.contains(&rollout) && last.ends_with(" unlocked"), "{host}: {log:#?}");
    }
    let status = || {
        let mut status = std::process::Command::new(crate::fleet::coalmine());
        status.arg("-c").arg(&config).arg("--state-dir").arg(fleet.dir.join("other-state")).args(["status", "1.1.0"]);
        Answer::of(status.output().unwrap())
    };
    status().exits(0);
    // It is not gone on with by itself; whoever does so asks the hosts first, and leaves them what they have.
    fleet.coalmine(&["resume", "--due"]).exits(0).says("the loss of the lock of");
    fleet.coalmine(&["resume", &rollout, "--headless"]).exits(3);
    let skipped = fleet.records(&rollout).into_iter().filter(|record| record["kind"] == "host_skipped");
    let reasons: Vec<String> = skipped.map(|record| record["reason"].as_str().unwrap().to_owned()).collect();
    assert!(reasons.len() == 4 && reasons.iter().all(|why| why.contains("another was here since")), "{reasons:?}");
    status().exits(0);
}
