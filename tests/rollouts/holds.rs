//! What goes wrong beside a rollout: names that nobody has, notifiers, editors, interpreters, masters and windows.

use std::fs;

use serde_json::Value;

use crate::fleet::{Fleet, until};
use crate::hosts::{git, mw};
use crate::pty::Pty;

#[test]
fn what_nobody_has_is_refused_by_its_name_and_changes_nothing() {
    let fleet = Fleet::of_scripts(2);
    fleet.install(&["1.0.0"]).exits(0);
    let before = fleet.picture();
    for command in ["status", "install-world", "bootstrap", "rollback", "start", "doctor", "rollouts"] {
        let hosts = if command == "bootstrap" { vec!["mw01.eqiad.sandbox"] } else { vec![] };
        let yes = if ["status", "start", "doctor", "rollouts"].contains(&command) { vec![] } else { vec!["--yes"] };
        let arguments = [vec!["-e", "nope", command], hosts, yes].concat();
        fleet.coalmine(&arguments).exits(2).says("\"nope\"").says("sandbox");
    }
    for arguments in [vec!["config", "check"], vec!["config", "show"], vec!["release", "cut", "9.9.9", "--yes"]] {
        fleet.coalmine(&[vec!["-e", "nope"], arguments].concat()).exits(2).says("\"nope\"").says("sandbox");
    }
    fleet.coalmine(&["slot", "remove", "nope", "--yes"]).exits(2).says("nope");
    fleet.coalmine(&["rollback", "--slot", "nope", "--yes"]).exits(2).says("no host has a slot nope");
    fleet.install(&["1.2.0", "--activate-only", "--slot", "nope"]).exits(1).says("was not primed on ");
    fleet.install(&["--debt", "--slot", "nope"]).exits(2).says("no rollout of sandbox went into a slot nope");
    fleet.install(&["1.2.0", "--override-freeze", "nope"]).exits(2).says("has no freeze window \"nope\"");
    assert_eq!(fleet.picture(), before);
}

#[test]
fn a_notifier_that_is_down_hangs_or_prints_megabytes_is_told_and_stops_nothing() {
    let fleet = Fleet::of_scripts(2);
    let hooks = |announce: &str| {
        format!("\n[hooks]\ntimeout = \"2s\"\nirc = \"127.0.0.1:1\"\nannounce = [\"sh\", \"-c\", \"{announce}\"]\n")
    };
    let mut last = String::new();
    for (version, announce) in [
        ("1.0.0", "exec sleep 1000"),
        ("1.2.0", "exec yes megabytes"),
        ("1.0.0", "echo no bot today >&2; exit 3"),
        ("1.2.0", "cat >/dev/null"),
    ] {
        fleet.configure(|text| text.replace(&last, "") + &hooks(announce));
        last = hooks(announce);
        let answer = fleet.install(&[version, "--even-bad"]).exits(0);
        let answer = answer.says(&format!("{version} runs on 2 hosts")).says("127.0.0.1:1");
        assert!(answer.stdout.len() + answer.stderr.len() < 100_000, "what it printed is nobody's to read");
        fleet.all_run(fleet.hosts(), Some(version));
    }
}

#[test]
fn a_python_that_differs_is_told_before_anything_is_switched() {
    let fleet = Fleet::up(2);
    fleet.fault(&mw(2, 2), "wrong-python");
    fleet.coalmine(&["doctor"]).says("Python");
    let answer = fleet.install(&["1.2.0", "--no-soak"]);
    assert_ne!(answer.code, Some(0), "{answer:?}");
    answer.says("ython").says(&mw(2, 2));
    fleet.all_run(fleet.hosts(), None);
}

#[test]
fn an_editor_that_is_quit_cuts_no_release() {
    let fleet = Fleet::of_scripts(1);
    let product = fleet.dir.join("product");
    fleet.commit("the fix", |_| {});
    let refs = || {
        let output = std::process::Command::new("git").arg("-C").arg(&product).args(["show-ref", "--head"]).output();
        (String::from_utf8(output.unwrap().stdout).unwrap(), fs::read_dir(&product).unwrap().count())
    };
    let before = refs();
    for (editor, told) in [("false", "did not end well; nothing was changed"), ("truncate -s 0", "the entry is empty")]
    {
        let asking = Pty::open(&fleet, &["release", "cut", "1.3.0"], &[("GIT_EDITOR", editor)]);
        let (code, shown) = asking.ends();
        assert!(code == 130 && shown.contains(told), "{code}: {shown}");
        assert_eq!(refs(), before, "{editor}");
    }
    let mut asking = Pty::open(&fleet, &["release", "cut", "1.3.0"], &[("GIT_EDITOR", "true")]);
    asking.shows("Type the version to go ahead");
    asking.types("no");
    let (code, shown) = asking.ends();
    assert!(
        code == 130 && shown.contains("not confirmed: 1.3.0 was expected, and no was typed; nothing was changed"),
        "{code}: {shown}"
    );
    assert_eq!(refs(), before);
    // What is there is not made again.
    git(&product, &["tag", "1.3.0"]);
    fleet.coalmine(&["release", "cut", "1.3.0", "--yes"]).exits(1).says("the tag 1.3.0 exists already");
}

#[test]
fn masters_that_disagree_are_brought_to_one_release_before_any_target_is_switched() {
    let fleet = Fleet::of_scripts(2);
    fleet.install(&["1.0.0"]).exits(0);
    // One was edited by hand, the other holds something else.
    let one = fleet.root("deploy1.eqiad.sandbox");
    fs::write(one.join("current/share/same"), "edited").unwrap();
    let other = fleet.root("deploy1.codfw.sandbox");
    fs::remove_dir_all(&other).unwrap();
    let answer = fleet.coalmine(&["install-world", "1.2.0", "--yes", "--output", "jsonl"]).exits(0);
    let events: Vec<Value> = answer.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at = |host: &str, phase: &str| {
        events.iter().position(|event| {
            event["kind"] == "host_phase"
                && event["host"].as_str().unwrap().starts_with(host)
                && event["phase"] == phase
        })
    };
    for master in ["deploy1.eqiad", "deploy1.codfw"] {
        assert!(at(master, "healthy").unwrap() < at("mw", "activating").unwrap(), "{master} comes first");
    }
    fleet.all_run(fleet.hosts(), Some("1.2.0"));
    // And back: one of them never had what the others go back to.
    fleet.coalmine(&["rollback", "--yes", "--headless"]).exits(0);
    fleet.all_run([mw(1, 2), mw(2, 2)], Some("1.0.0"));
}

#[test]
fn a_window_that_begins_while_a_rollout_runs_lets_it_finish_what_is_in_flight_and_pauses_it() {
    let fleet = Fleet::of_scripts(3);
    let hold = fleet.dir.join("hold");
    fs::write(&hold, "").unwrap();
    // The next minute that leaves time to begin before it.
    let begins = (jiff::Timestamp::now().as_second() + 40).div_euclid(60) * 60 + 60;
    let minute = |second: i64| jiff::Timestamp::from_second(second).unwrap().strftime("%Y-%m-%d %H:%M").to_string();
    fleet.configure(|text| {
        let gate = format!("run     = \"while [ -e {} ]; do sleep 0.1; done\"", hold.display());
        let text = text.replace("run     = \"bin/tool check\"", &gate).replace("timeout = \"20s\"", "timeout = \"200s\"");
        let window = format!(
            "\n[[environments.sandbox.freezes]]\nname = \"switchover\"\nfrom = \"{}\"\nuntil = \"{}\"\nzone = \"UTC\"\nreason = \"the other site moves\"\n",
            minute(begins),
            minute(begins + 3600)
        );
        text.replacen("\n[[environments.sandbox.stages]]", &format!("{window}\n[[environments.sandbox.stages]]"), 1)
    });
    let answer = fleet.coalmine(&["install-world", "1.0.0", "--yes", "--detach"]).exits(8);
    let rollout = answer.stdout.trim().to_owned();
    let journal = || fs::read_to_string(fleet.journal(&rollout)).unwrap();
    fleet.wait_for(&rollout, "stage_started");
    until("a host in flight", || journal().contains("\"phase\":\"checking\"").then_some(()));
    let left = begins - jiff::Timestamp::now().as_second() + 2;
    std::thread::sleep(std::time::Duration::from_secs(left.try_into().unwrap_or(0)));
    fs::remove_file(&hold).unwrap();
    fleet.wait_for(&rollout, "paused");
    until("the end of what is in flight", || journal().contains("\"phase\":\"healthy\"").then_some(()));
    let switched = journal().matches("\"phase\":\"activating\"").count();
    let told = fleet.coalmine(&["show", &rollout]).exits(0);
    told.says("switchover").says("the other site moves");
    fleet.install(&["1.2.0"]).exits(7);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(journal().matches("\"phase\":\"activating\"").count(), switched, "nobody new was switched");
    assert!(switched < 5, "there is somebody left");
    fleet.coalmine(&["continue", &rollout]).exits(0);
    fleet.wait_for_the_end(&rollout);
    fleet.all_run(fleet.hosts(), Some("1.0.0"));
    // Within it nothing new begins, but for who names it; and that is written down.
    let refused = fleet.install(&["1.2.0"]).exits(7);
    refused.says("switchover").says("the other site moves").says("--override-freeze");
    fleet.install(&["1.2.0", "--override-freeze", "switchover"]).exits(0);
    assert!(fs::read_to_string(fleet.journal(fleet.rollouts().last().unwrap())).unwrap().contains("switchover"));
}
