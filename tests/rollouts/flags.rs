//! What a deployer may ask of an install: fewer hosts, another link, only the transfer, another commit, other soaks and widths.

use std::time::{Duration, Instant};

use crate::fleet::Fleet;
use crate::hosts::mw;

#[test]
fn a_limited_install_finalizes_only_who_took_part_and_tells_what_became_empty() {
    let fleet = Fleet::of_scripts(6);
    let host = |number| mw(number, 6);
    let before = fleet.picture();
    let answer = fleet.install(&["1.0.0", "--dry-run", "-l", "mw[02-03].eqiad.sandbox"]).exits(9);
    let answer = answer.says("Plan: install 1.0.0 on sandbox");
    answer.says("- canary: no host").says("mw02.eqiad.sandbox  nothing → 1.0.0");
    assert_eq!(fleet.picture(), before, "a plan changes nothing");
    let answer = fleet.install(&["1.0.0", "-l", "mw[02-03].eqiad.sandbox"]).exits(0);
    answer.says("stage canary has no host to switch").says("1.0.0 runs on 2 hosts.");
    fleet.all_run([host(2), host(3)], Some("1.0.0"));
    for other in fleet.hosts().into_iter().filter(|other| *other != host(2) && *other != host(3)) {
        assert_eq!((fleet.runs(&other), fleet.log(&other).len()), (None, 0), "{other} took no part");
    }
    let answer = fleet.install(&["1.0.0", "-x", "*.codfw.sandbox"]).exits(0);
    answer.says("1.0.0 runs on 3 hosts; 2 of them had it before");
    fleet.all_run([host(1), host(2), host(3), "deploy1.eqiad.sandbox".to_owned()], Some("1.0.0"));
    assert_eq!(fleet.log("deploy1.codfw.sandbox").len() + fleet.log(&host(4)).len(), 0);
    fleet.install(&["1.0.0", "-l", "mw09"]).exits(2).says("mw09");
    fleet.install(&["1.0.0", "-l", "*", "-x", "*"]).exits(2);

    // First the transfer, then nothing but switches.
    let answer = fleet.install(&["1.2.0", "--prime"]).exits(0);
    answer.says("1.2.0 is on 6 hosts and switched on none");
    fleet.all_run([host(1), host(2), host(3)], Some("1.0.0"));
    fleet.all_run([host(4), host(5), host(6)], None);
    fleet.install(&["1.2.0", "--prime"]).exits(0);
    let answer = fleet.install(&["1.2.0"]).exits(0).says("1.2.0 runs on 6 hosts");
    answer.says("travelled nothing");
    fleet.all_run(fleet.hosts(), Some("1.2.0"));

    // Beside it, by a link of its own.
    let answer = fleet.install(&["1.0.0", "--slot", "old", "-l", "mw[05-06].codfw.sandbox"]).exits(0);
    answer.says("1.0.0 runs on 2 hosts");
    for number in [5, 6] {
        assert_eq!(fleet.runs_by(&host(number), "old").as_deref(), Some("1.0.0"));
    }
    fleet.all_run(fleet.hosts(), Some("1.2.0"));
    assert_eq!(fleet.runs_by(&host(1), "old"), None);
    assert_eq!(fleet.status(&["1.2.0"]).0, Some(0), "the slot is another matter");
    assert_eq!(fleet.status(&["1.0.0", "--slot", "old", "-l", "mw[05-06].codfw.sandbox"]).0, Some(0));
    fleet.install(&["1.0.0", "--slot", "current"]).exits(2);
}

#[test]
fn a_commit_without_a_tag_and_a_hack_in_the_checkout_are_installed_when_they_are_named() {
    let fleet = Fleet::of_scripts(2);
    fleet.commit("hacked", |_| {});
    std::fs::write(fleet.dir.join("product/tree/bin/tool"), "#!/bin/sh\necho not committed\n").unwrap();
    let answer = fleet.install(&["--no-fetch"]).exits(0).says("1.2.0 runs on 2 hosts");
    answer.says("warning: the checkout has changes that are not committed").says("--no-fetch --rev HEAD");
    let answer = fleet.install(&["--no-fetch", "--rev", "HEAD"]).exits(0);
    answer.says("1.2.0-1-g");
    for host in fleet.hosts() {
        assert!(fleet.runs(&host).unwrap().starts_with("1.2.0-1-g"), "{host}");
        let tool = std::fs::read_to_string(fleet.root(&host).join("current/bin/tool")).unwrap();
        assert_eq!(tool, "#!/bin/sh\necho hacked\n", "what is committed, and not a word more");
    }
    fleet.install(&["--rev", "nowhere"]).exits(1).says("nowhere");
    fleet.install(&["1.0.0", "--rev", "HEAD"]).exits(2);
    fleet.install(&["1.9.0"]).exits(1).says("1.9.0");

    // A remote that is away stops an install, unless nobody is to ask it.
    fleet.configure(|text| text.replace("remote     = \"\"", "remote     = \"origin\""));
    fleet.install(&["1.0.0"]).exits(1).says("origin");
    fleet.install(&["1.0.0", "--no-fetch"]).exits(0).says("1.0.0 runs on 2 hosts");
}

#[test]
fn an_emergency_is_called_one_wherever_it_is_told_and_its_commit_is_kept_by_a_name() {
    let fleet = Fleet::of_scripts(2);
    let product = fleet.dir.join("product");
    fleet.install(&["1.2.0"]).exits(0);
    fleet.commit("hacked", |_| {});
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git").arg("-C").arg(&product).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let commit = git(&["rev-parse", "HEAD"]);
    // A commit that anybody may fetch is none, and neither is a tag without asking the remote.
    for usual in [&["plan", "--rev", "HEAD"][..], &["plan", "1.2.0", "--no-fetch"]] {
        let planned = fleet.coalmine(usual);
        assert!(!planned.stdout.contains("EMERGENCY"), "{planned:?}");
    }
    fleet.coalmine(&["plan", "--rev", "HEAD", "--no-fetch"]).exits(9).says("EMERGENCY Plan: install 1.2.0-1-g");
    let planned = fleet.coalmine(&["plan", "--rev", "HEAD", "--no-fetch", "--output", "json"]).exits(9);
    assert!(planned.stdout.contains("\"emergency\":true"), "{planned:?}");
    assert_eq!(git(&["for-each-ref", "refs/coalmine/installed"]), "", "nothing was installed");
    fleet.configure(|text| format!("{text}\n[hooks]\nannounce = \"cat >> '{}'\"\n", fleet.dir.join("heard").display()));
    let answer = fleet.install(&["--rev", "HEAD", "--no-fetch"]).exits(0);
    answer.says("EMERGENCY rollout of 1.2.0-1-g").says("EMERGENCY 1.2.0-1-g");
    let heard = std::fs::read_to_string(fleet.dir.join("heard")).unwrap();
    assert!(heard.lines().all(|line| line.starts_with("EMERGENCY minewatch 1.2.0-1-g")), "{heard}");
    let id = fleet.rollouts().pop().unwrap();
    fleet.coalmine(&["rollouts"]).exits(0).says("EMERGENCY 1.2.0-1-g");
    fleet.coalmine(&["show", &id]).exits(0).says("EMERGENCY rollout of");

    // The checkout goes on without it, and git forgets nothing that was installed.
    git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    git(&["reflog", "expire", "--expire=now", "--all"]);
    git(&["gc", "--quiet", "--prune=now"]);
    let kept = git(&["for-each-ref", "--format=%(objectname) %(refname)", "refs/coalmine/installed"]);
    assert_eq!(kept, format!("{commit} refs/coalmine/installed/sandbox/{id}"));
    assert_eq!(git(&["cat-file", "-t", &commit]), "commit");
    // A repository that takes no name stops nobody in an emergency, who is told.
    std::fs::remove_dir_all(product.join(".git/refs/coalmine")).ok();
    git(&["update-ref", "-d", &format!("refs/coalmine/installed/sandbox/{id}")]);
    git(&["update-ref", "refs/coalmine/installed", "HEAD"]);
    fleet.commit("hacked again", |_| {});
    let answer = fleet.install(&["--rev", "HEAD", "--no-fetch"]).exits(0).says("EMERGENCY rollout of");
    answer.says("has no name that keeps it");
}

#[test]
fn soaks_and_widths_are_as_they_were_asked_for() {
    let fleet = Fleet::of_scripts(6);
    fleet.install(&["1.0.0", "--soak", "soon"]).exits(2).says("soon");
    fleet.install(&["1.0.0", "--soak", "1s", "--no-soak"]).exits(2);
    fleet.install(&["1.0.0", "--concurrency", "0"]).exits(2);
    let start = Instant::now();
    let answer = fleet.coalmine(&["install-world", "1.0.0", "--yes", "--soak", "2s", "--output", "jsonl"]).exits(0);
    assert!(start.elapsed() > Duration::from_secs(4), "two stages soak for two seconds");
    assert_eq!(answer.stdout.matches("\"kind\":\"soak_started\"").count(), 2);

    fleet.configure(|text| text.replace("waves  = [1, \"25%\", \"50%\"]", "waves  = [\"100%\"]"));
    let arguments = ["install-world", "1.2.0", "--yes", "--no-soak", "--concurrency", "1", "--output", "jsonl"];
    let answer = fleet.coalmine(&arguments).exits(0);
    assert!(!answer.stdout.contains("\"kind\":\"soak_started\""));
    let mut in_flight = std::collections::BTreeSet::new();
    for line in answer.stdout.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        match event["phase"].as_str() {
            Some("activating") => {
                in_flight.insert(event["host"].to_string());
            }
            Some("healthy") => {
                in_flight.remove(&event["host"].to_string());
            }
            _ => {}
        }
        // Masters are a stage of their own, of which nobody asked for less.
        assert!(in_flight.len() <= 1, "{in_flight:?}");
    }
}
