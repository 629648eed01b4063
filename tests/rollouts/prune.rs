//! A deploy server that keeps only what it needs.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::fleet::{Answer, Fleet, kill, until};
use crate::hosts::mw;
use crate::pty::Pty;

/// Names the versions that are built, each as often as it is.
fn built(fleet: &Fleet) -> Vec<String> {
    let names = fs::read_dir(fleet.state.join("releases")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut versions: Vec<String> = names
        .filter_map(|name| (!name.starts_with('.')).then(|| name.rsplit_once('-').unwrap().0.to_owned()))
        .collect();
    versions.sort();
    versions
}

fn pruned(answer: &Answer) -> Value {
    serde_json::from_str(&answer.stdout).unwrap()
}

/// Names the versions of a part of a report, and why each is there.
fn versions(report: &Value, part: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    report[part].as_array().unwrap().iter().map(|row| (text(&row["version"]), text(&row["why"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(version, why)| ((*version).to_owned(), (*why).to_owned())).collect()
}

fn forget(fleet: &Fleet, host: &str, version: &str) {
    let releases = fs::read_dir(fleet.root(host).join("releases")).unwrap().map(|entry| entry.unwrap().path());
    let is_it = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with(version);
    let release = releases.into_iter().find(|path| is_it(path)).unwrap();
    fs::remove_dir_all(release).unwrap();
}

#[test]
fn a_rollback_works_after_everything_went_that_nobody_needs() {
    let fleet = Fleet::of_scripts(2);
    for version in ["1.3.0", "1.4.0", "1.5.0", "2.0.0"] {
        fleet.tag(version, |_| {});
    }
    for version in ["1.0.0", "1.2.0", "1.3.0"] {
        fleet.install(&[version]).exits(0);
    }
    fleet.coalmine(&["build", "1.5.0"]).exits(0);
    fleet.install(&["--prime", "1.4.0"]).exits(0);
    fleet.coalmine(&["build", "2.0.0"]).exits(0);
    let all = built(&fleet);
    let prune = ["releases", "prune", "--keep", "1"];
    fleet.coalmine(&prune).exits(2).says("--yes was not given");
    let answer = fleet.coalmine(&[&prune[..], &["-n"]].concat()).exits(0);
    answer.says("2 releases go, 4 stay; frees ").says("goes back to: sandbox").says("finalized: sandbox");
    let report = pruned(&fleet.coalmine(&[&prune[..], &["-n", "--output", "json"]].concat()).exits(0));
    assert_eq!((&report["schema"], &report["dry_run"], &report["keep"]), (&1.into(), &true.into(), &1.into()));
    assert_eq!(versions(&report, "goes"), pairs(&[("1.0.0", ""), ("1.5.0", "")]));
    let stays = [("1.2.0", "goes_back_to"), ("1.3.0", "finalized"), ("1.4.0", "primed"), ("2.0.0", "newest")];
    assert_eq!(versions(&report, "stays"), pairs(&stays));
    assert_eq!(built(&fleet), all, "who only looks removes nothing");
    // As many stay as on a host where nobody says it.
    for (typed, code, told) in
        [("2", 130, "1 was expected, and 2 was typed; nothing was changed"), ("1", 0, "1 release is gone; freed ")]
    {
        assert_eq!(built(&fleet), all);
        let mut asked = Pty::open(&fleet, &["releases", "prune"], &[]);
        assert!(asked.shows("Type the number of releases").contains("1 release goes, 5 stay"));
        asked.types(typed);
        let (ended, text) = asked.ends();
        assert!(ended == code && text.contains(told), "{ended}: {text}");
    }
    let report = pruned(&fleet.coalmine(&[&prune[..], &["--yes", "--output", "json"]].concat()).exits(0));
    assert_eq!(versions(&report, "goes"), pairs(&[("1.5.0", "")]));
    assert!(report["freed_bytes"].as_u64() > Some(50_000), "{report}");
    assert_eq!(built(&fleet), ["1.2.0", "1.3.0", "1.4.0", "2.0.0"]);
    fleet.coalmine(&[&prune[..], &["--yes"]].concat()).exits(0).says("nothing goes: 4 releases stay");

    // What hosts lost comes from the store.
    forget(&fleet, &mw(2, 2), "1.2.0");
    fleet.coalmine(&["rollback", "--yes", "--headless"]).exits(0);
    fleet.all_run(fleet.hosts(), Some("1.2.0"));
    fleet.coalmine(&["build", "1.0.0"]).exits(0);
    fleet.install(&["1.0.0"]).exits(0);

    // Another product of the same checkout and state folder: nobody knows whose is what was only built.
    let text = fs::read_to_string(fleet.dir.join("coalmine.toml")).unwrap();
    let name = text.lines().find(|line| line.starts_with("name ")).unwrap().to_owned();
    let other = text.replace(&name, "name = \"other\"").replace("environments.sandbox", "environments.other");
    let root = other.lines().find(|line| line.starts_with("root ")).unwrap().to_owned();
    fs::write(fleet.dir.join("other.toml"), other.replace(&root, "root = \"/srv/other\"")).unwrap();
    let before = built(&fleet);
    let mut command = Command::new(crate::fleet::coalmine());
    command.arg("-c").arg(fleet.dir.join("other.toml")).arg("--state-dir").arg(&fleet.state);
    let command = command.args(["releases", "prune", "--keep", "0", "--yes"]).env("LANG", "C.UTF-8");
    let answer = Answer::of(command.stdin(Stdio::null()).output().unwrap());
    answer.exits(0).says("nothing goes: 5 releases stay").says("elsewhere");
    assert_eq!(built(&fleet), before);
}

#[test]
fn what_a_rollout_installs_stays_while_it_runs_and_while_it_waits() {
    let fleet = Fleet::of_scripts(2);
    fleet.install(&["1.0.0"]).exits(0);
    fleet.tag("1.3.0", |_| {});
    let before = fleet.rollouts();

    // It went while somebody thought about its plan: nothing begins without it.
    let mut asked = Pty::open(&fleet, &["install-world", "1.3.0"], &[]);
    asked.shows("Type the number of hosts");
    fleet.coalmine(&["releases", "prune", "--keep", "0", "--yes"]).exits(0).says("1 release is gone");
    asked.types("2");
    let (code, text) = asked.ends();
    assert!(code == 1 && text.contains("is not in the store any more"), "{code}: {text}");
    assert_eq!(fleet.rollouts(), before);

    let mut rollout = fleet.start(&["install-world", "1.2.0", "--yes", "--headless", "--soak", "1h"]);
    let id = fleet.newest(&before);
    fleet.wait_for(&id, "stage_started");
    fleet.coalmine(&["build", "1.3.0"]).exits(0);
    let prune = ["releases", "prune", "--keep", "0", "--output", "json"];
    let report = pruned(&fleet.coalmine(&[&prune[..], &["-n"]].concat()).exits(0));
    assert_eq!(versions(&report, "stays"), pairs(&[("1.0.0", "finalized"), ("1.2.0", "runs")]));
    kill(until("the conductor", || fleet.conductor()), rustix::process::Signal::KILL);
    rollout.wait().unwrap();

    // What cannot be known keeps everything.
    let damaged = fleet.state.join("rollouts/20200101-000000-abcd");
    fs::create_dir(&damaged).unwrap();
    fs::write(damaged.join("journal.jsonl"), "no journal\n").unwrap();
    let refused = fleet.coalmine(&[&prune[..], &["--yes"]].concat()).exits(1);
    refused.says("so all stay").says("20200101-000000-abcd is not known");
    assert_eq!(built(&fleet), ["1.0.0", "1.2.0", "1.3.0"]);
    fs::remove_dir_all(&damaged).unwrap();

    // Nobody prunes while another builds.
    let lock = fs::File::open(fleet.state.join("releases/.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    fleet.coalmine(&[&prune[..], &["--yes"]].concat()).exits(1).says("try again when it is done");
    assert_eq!(built(&fleet), ["1.0.0", "1.2.0", "1.3.0"]);
    drop(lock);
    let report = pruned(&fleet.coalmine(&[&prune[..], &["--yes"]].concat()).exits(0));
    assert_eq!(versions(&report, "goes"), pairs(&[("1.3.0", "")]));
    assert_eq!(versions(&report, "stays"), pairs(&[("1.0.0", "finalized"), ("1.2.0", "waits")]));
    assert_eq!(built(&fleet), ["1.0.0", "1.2.0"]);
    let resumed = fleet.start(&["resume", &id, "--headless"]);
    until("the conductor", || fleet.conductor().filter(|pid| u32::try_from(*pid) == Ok(resumed.id())));
    until("the rollback", || (fleet.coalmine(&["rollback", &id]).code == Some(0)).then_some(()));
    Answer::of(resumed.wait_with_output().unwrap()).exits(6);
    fleet.all_run(fleet.hosts(), Some("1.0.0"));
}
