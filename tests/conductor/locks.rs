//! Who may deploy while another does.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::Signal;

use crate::fleet::{Answer, Fleet, kill, until};

#[test]
fn of_two_state_folders_and_one_fleet_exactly_one_goes_ahead() {
    let fleet = Fleet::up(4);
    let other = fleet.dir.join("other-state");
    let elsewhere = |arguments: &[&str]| {
        let mut command = std::process::Command::new(crate::fleet::coalmine());
        command.arg("-c").arg(fleet.dir.join("coalmine.toml")).arg("--state-dir").arg(&other).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    // Whoever goes ahead soaks until the other one has come, however much later that is.
    let install = ["install-world", "1.2.0", "--yes", "--headless", "--soak", "10m"];
    let mut both = [fleet.start(&install), elsewhere(&install).spawn().unwrap()];
    let refused = until("who is refused", || both.iter_mut().position(|one| one.try_wait().unwrap().is_some()));
    let [first, second] = both;
    let (refused, mut goes_on, from_first) = if refused == 0 { (first, second, false) } else { (second, first, true) };
    Answer::of(refused.wait_with_output().unwrap()).exits(7);
    until("its end", || {
        // Whatever stage soaks.
        let promote = ["promote", "--reason", "the other one is gone"];
        let mut command = if from_first { fleet.command(&promote) } else { elsewhere(&promote) };
        command.output().unwrap();
        goes_on.try_wait().unwrap()
    });
    Answer::of(goes_on.wait_with_output().unwrap()).exits(0).says("1.2.0 runs on 4 hosts");
}

#[test]
fn an_environment_is_locked_until_its_conductor_is_dead() {
    let fleet = Fleet::up(2);
    let rollout = fleet.detach(&["1.2.0", "--soak", "10m", "--reason", "the fix"]);
    let refused = fleet.coalmine(&["install-world", "1.1.0", "--yes", "--headless"]).exits(7);
    let refused = refused.says(&format!("for rollout {rollout} (process ")).says(": the fix");
    refused.says(&format!("`{}` shows it", fleet.proposed(&format!("attach {rollout}"))));
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
    let slept = fleet.records(&rollout).len();
    // Its soak is long over when it wakes.
    std::thread::sleep(std::time::Duration::from_secs(1));
    kill(conductor, Signal::CONT);
    fleet.coalmine(&["show", "--follow", &rollout]).exits(5).says("its lock was lost, and it is left as it is");
    let records = fleet.records(&rollout);
    let since: Vec<&str> = records.iter().skip(slept).map(|record| record["kind"].as_str().unwrap()).collect();
    assert!(since.iter().all(|kind| ["lock_lost", "suspended"].contains(kind)), "{since:?}");
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

#[test]
fn a_rollback_does_not_wait_for_the_leases_of_a_conductor_that_is_dead() {
    let fleet = Fleet::up(2);
    fleet.coalmine(&["install-world", "1.1.0", "--yes", "--headless", "--no-soak"]).exits(0);
    let rollout = fleet.detach(&["1.2.0", "--soak", "10m"]);
    fleet.wait_for(&rollout, "soak_started");
    kill(fleet.conductor().unwrap(), Signal::KILL);
    until("its death", || (fleet.coalmine(&["pause"]).code != Some(0)).then_some(()));
    // It has not run out, and nobody says so.
    fleet
        .coalmine(&["rollback", "--yes", "--headless"])
        .exits(0)
        .says(&format!("for rollout {rollout} was left there"));
    let (_, log) = fleet.host_logs("").swap_remove(0);
    assert!(log.iter().any(|line| line.contains(&format!("the lock of rollout {rollout} was left there"))), "{log:#?}");
    let status = fleet.coalmine(&["status", "1.1.0"]).exits(0);
    assert!(!status.stdout.contains("locked"), "{status:?}");
    fleet.coalmine(&["resume", &rollout]).exits(1).says("was overtaken by");
}

#[test]
fn what_a_dead_rollout_left_locked_is_told_with_what_to_do_and_is_broken_by_name() {
    let fleet = Fleet::up(2);
    let rollout = fleet.detach(&["1.2.0", "--soak", "10m"]);
    fleet.wait_for(&rollout, "soak_started");
    let json = |answer: &Answer| serde_json::from_str::<serde_json::Value>(&answer.stdout).unwrap();
    let status = json(&fleet.coalmine(&["status", "1.2.0", "--output", "json"]));
    let host = status["hosts"][0]["host"].as_str().unwrap().to_owned();
    assert_eq!(status["hosts"][0]["lock"]["holder"]["rollout"], *rollout);
    let running = fleet.coalmine(&["status", "1.2.0"]).exits(0);
    assert!(!running.stdout.contains("locked for rollout"), "it runs, and that is said: {running:?}");
    fleet.coalmine(&["unlock", "--host", &host]).exits(1).says("which runs; no lock was broken");
    // A socket that was removed is made again.
    std::fs::remove_file(fleet.journal(&rollout).with_file_name("control.sock")).unwrap();
    fleet.coalmine(&["pause"]).exits(0);

    kill(fleet.conductor().unwrap(), Signal::KILL);
    until("its death", || (fleet.coalmine(&["pause"]).code != Some(0)).then_some(()));
    let told = fleet.coalmine(&["status", "1.2.0"]).exits(0).says(&format!("locked for rollout {rollout} by "));
    let told = told.says(&format!(" resume {rollout}")).says(&format!("unlock --host {host}"));
    assert!(told.stdout.contains(" by the hosts' clocks: 2 hosts: "), "{told:?}");
    fleet.coalmine(&["doctor"]).says(&format!("is locked for rollout {rollout} by "));
    let refused = fleet.coalmine(&["install-world", "1.1.0", "--yes", "--headless", "--no-soak"]).exits(7);
    let refused = refused.says("its conductor is gone, and the host frees itself at ");
    refused.says(&format!(" resume {rollout}"));

    let broken = fleet.coalmine(&["unlock", "--host", &host, "--reason", "it is gone"]).exits(0);
    broken.says(&format!("{host} is free again; it was locked by ")).says(&format!(" for rollout {rollout} since "));
    fleet.coalmine(&["unlock", "--host", &host]).exits(0).says(&format!("{host} was not locked"));
    let noted = std::fs::read_to_string(fleet.state.join("locks/freezes.jsonl")).unwrap();
    let noted: serde_json::Value = serde_json::from_str(noted.lines().last().unwrap()).unwrap();
    assert_eq!((&noted["what"], &noted["broken"]["host"]), (&"host_unlocked".into(), &host.as_str().into()), "{noted}");
    assert_eq!(noted["broken"]["reason"], "it is gone");
    let logs = fleet.host_logs("");
    let of_host = &logs.iter().find(|(name, _)| *name == host).unwrap().1;
    assert!(of_host.last().unwrap().contains(&format!("the lock of rollout {rollout} was broken by ")), "{of_host:?}");

    fleet.coalmine(&["resume", &rollout, "--detach"]).exits(8);
    fleet.coalmine(&["abort"]).exits(0);
    fleet.coalmine(&["show", "--follow", &rollout]).exits(5);
    // What is over holds nobody up.
    fleet.coalmine(&["install-world", "1.1.0", "--yes", "--headless", "--no-soak"]).exits(0);
    let free = fleet.coalmine(&["status", "1.1.0"]).exits(0);
    assert!(!free.stdout.contains("locked"), "{free:?}");
}
