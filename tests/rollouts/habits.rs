//! An environment that is taken, installed in and given back, and slots that are listed and removed.

use std::fs;

use serde_json::Value;

use crate::fleet::{Answer, Fleet};
use crate::hosts::mw;

/// Runs as somebody else does, on the same machine.
fn as_mallory(fleet: &Fleet, arguments: &[&str]) -> Answer {
    let mut command = fleet.command(arguments);
    Answer::of(command.env("SUDO_USER", "mallory").output().unwrap())
}

#[test]
fn an_environment_is_started_synced_reverted_and_finished_by_one_deployer_alone() {
    let fleet = Fleet::of_scripts(4);
    let run = |arguments: &[&str]| fleet.coalmine(arguments);
    fleet.install(&["1.0.0"]).exits(0);
    for command in [&["sync", "1.2.0", "--yes"][..], &["sync", "-n"], &["revert", "--yes"], &["finish"]] {
        run(command).exits(7).says("sandbox was not started").says(&fleet.proposed("start"));
    }
    run(&["lock", "--reason", "audit"]).exits(0);
    run(&["start"]).exits(7).says(": audit");
    run(&["sync", "1.2.0", "--yes"]).exits(7).says(": audit");
    run(&["unlock"]).exits(0);

    let yours = format!("sandbox is yours until `{}`; it runs 1.0.0-", fleet.proposed("finish"));
    run(&["start", "--reason", "the fix"]).exits(0).says(&yours);
    run(&["start"]).exits(7).says("you started it");
    for command in
        [&["install-world", "1.2.0", "--yes"][..], &["sync", "1.2.0", "--yes"], &["finish", "--force"], &["start"]]
    {
        as_mallory(&fleet, command).exits(7).says(": the fix");
    }
    run(&["sync", "1.2.0"]).exits(2).says("--yes was not given");
    let planned = run(&["sync", "1.2.0", "-n"]).exits(9);
    assert!(!planned.stderr.contains("frozen"), "one's own start is no warning: {planned:?}");
    run(&["sync", "1.2.0", "--yes", "--headless", "-l", &mw(1, 4)]).exits(0);
    run(&["finish"]).exits(1).says("hosts of sandbox are mixed: 1.0.0-").says("it stays yours");
    run(&["sync", "1.2.0", "--yes", "--headless"]).exits(0).says("1.2.0 runs on 4 hosts");
    run(&["revert", "--yes", "--headless"]).exits(0).says("1.0.0 runs on 4 hosts");
    fleet.all_run(fleet.hosts(), Some("1.0.0"));
    as_mallory(&fleet, &["install-world", "1.2.0", "--yes"]).exits(7);
    run(&["finish"]).exits(0).says("sandbox is free again; it runs 1.0.0-");
    as_mallory(&fleet, &["install-world", "1.0.0", "--yes"]).exits(0).says("nothing is to be done");

    // What is in the checkout gets its name, and goes out by it.
    run(&["start"]).exits(0);
    fleet.commit("1.3.0", |_| {});
    let named = |tag: &str| {
        let mut command = fleet.command(&["sync", "--tag", tag, "--yes", "--headless"]);
        command.env("GIT_COMMITTER_NAME", "Amy").env("GIT_COMMITTER_EMAIL", "amy@example.org");
        Answer::of(command.output().unwrap())
    };
    named("fix").exits(2).says("no release can be tagged \"fix\": product.tags is");
    named("1.2.0").exits(1).says("already exists");
    named("1.3.0").exits(0).says("1.3.0 runs on 4 hosts");
    run(&["finish"]).exits(0).says("it runs 1.3.0-");
}

#[test]
fn slots_are_listed_and_removed_under_the_lock_of_each_host_and_nothing_else_is() {
    let fleet = Fleet::of_scripts(4);
    let run = |arguments: &[&str]| fleet.coalmine(arguments);
    let hosts: Vec<String> = (1..=4).map(|number| mw(number, 4)).collect();
    fleet.install(&["1.0.0"]).exits(0);
    run(&["slot", "list"]).exits(0).says("no host has a slot");
    fleet.install(&["1.2.0", "--slot", "next", "-l", "mw[01-03].*"]).exits(0);
    // What others link is no slot of ours.
    std::os::unix::fs::symlink("/etc", fleet.root(&hosts[3]).join("next")).unwrap();
    let listed = run(&["slot", "list"]).exits(0);
    assert!(listed.stdout.starts_with("next  1.2.0-"), "{listed:?}");
    listed.says("3 hosts: mw[01-02].eqiad.sandbox,mw03.codfw.sandbox");
    let listed = run(&["slot", "list", "--output", "json"]).exits(0);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!((&listed["schema"], &listed["environment"]), (&1.into(), &"sandbox".into()));
    let slot = &listed["slots"][0];
    assert_eq!((&slot["slot"], &slot["version"]), (&"next".into(), &"1.2.0".into()));
    assert_eq!(slot["hosts"].as_array().unwrap().len(), 3, "{listed}");

    run(&["slot", "remove", "next"]).exits(2).says("--yes was not given");
    for name in ["current", "releases", "../next", "nope"] {
        run(&["slot", "remove", name, "--yes"]).exits(2).says(name);
    }
    run(&["lock", "--reason", "audit"]).exits(0);
    run(&["slot", "remove", "next", "--yes"]).exits(7).says(": audit");
    run(&["unlock"]).exits(0);
    run(&["slot", "remove", "next", "--yes", "-l", &hosts[0]]).exits(0).says("slot next is gone from 1 host: mw01");
    assert_eq!(fleet.runs_by(&hosts[0], "next"), None);
    assert!(!fleet.root(&hosts[0]).join(".coalmine/state.next").exists(), "what is remembered would keep its release");

    // A host that another rollout holds keeps it, and says for whom.
    let lock = fleet.root(&hosts[1]).join(".coalmine/lock");
    fs::create_dir_all(&lock).unwrap();
    let lease = lock.join(format!("{}.9999999999.1.theirs", jiff::Timestamp::now().as_second() + 600));
    fs::write(&lease, "rollout theirs\nowner mallory@elsewhere\nsince 1\n").unwrap();
    let refused = run(&["slot", "remove", "next", "--yes"]).exits(3).says("gone from 1 host: mw03");
    refused.says("mw02.eqiad.sandbox: locked by mallory@elsewhere for rollout theirs");
    assert_eq!(fleet.runs_by(&hosts[1], "next").as_deref(), Some("1.2.0"));
    fs::remove_file(&lease).unwrap();
    run(&["slot", "remove", "next", "--yes"]).exits(0);
    run(&["slot", "list"]).exits(0).says("no host has a slot");
    assert!(fleet.root(&hosts[3]).join("next").is_symlink(), "that was somebody else's");
    fleet.all_run(fleet.hosts(), Some("1.0.0"));
    fleet.install(&["1.2.0"]).exits(0).says("1.2.0 runs on 4 hosts");
}
