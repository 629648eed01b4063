//! Where hosts go back to when rollouts and rollbacks touched a part of the fleet, and what is said of releases meanwhile.

use std::fs;

use crate::fleet::{Answer, Fleet, coalmine};
use crate::hosts::{git, mw};

/// Runs a rollback that asks nothing.
fn back(fleet: &Fleet, arguments: &[&str]) -> Answer {
    fleet.coalmine(&[&["rollback", "--yes", "--headless"], arguments].concat())
}

#[test]
fn every_host_goes_back_to_what_was_good_there_whatever_part_of_the_fleet_was_asked_before() {
    let fleet = Fleet::of_scripts(4);
    fleet.tag("1.1.0", |_| {});
    let three = "mw[01-02].eqiad.sandbox,mw03.codfw.sandbox";
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        fleet.install(&[version, "-l", three]).exits(0);
    }

    // One is down when all go back: it is brought back alone, and to the same.
    fleet.fault(&mw(2, 4), "refuses");
    let answer = back(&fleet, &["--skip-unreachable", "--reason", "loses data", "-l", three]).exits(4);
    answer.says("1.2.0 → 1.1.0 on 2 hosts");
    fleet.fault(&mw(2, 4), "none");
    let answer = fleet.coalmine(&["rollback", "--dry-run", "-l", three]).exits(9).says("Plan: go back to 1.1.0 on");
    answer.says("rollback  mw02.eqiad.sandbox  1.2.0 → 1.1.0").says("nothing travels");
    back(&fleet, &["-l", three, "--reason", "loses data"]).exits(0).says("1.2.0 → 1.1.0 on 1 host");
    fleet.all_run((1..4).map(|number| mw(number, 4)), Some("1.1.0"));

    // What was found bad is installed again only by somebody who knows it.
    fleet.coalmine(&["status", "1.2.0"]).exits(9).says("1.2.0 is bad: rolled back by ").says(": loses data (on ");
    let answer = fleet.install(&["1.2.0", "-l", three]).exits(2);
    answer.says("1.2.0 is bad in sandbox: rolled back by ").says("loses data").says("--even-bad");
    let answer = fleet.install(&["1.2.0", "--dry-run", "-l", three]).exits(9);
    answer.says("bad").says("loses data");
    fleet.install(&["1.2.0", "--even-bad", "-l", three]).exits(0).says("1.2.0 runs on 3 hosts");

    // In two halves, each goes as far as the other; who would not go to the same is not moved by one word.
    back(&fleet, &["-l", &mw(1, 4)]).exits(0).says("1.2.0 → 1.1.0 on 1 host");
    let before = fleet.picture();
    let answer = back(&fleet, &["-l", three]).exits(2).says("would not all go back to the same");
    answer.says("mw01.eqiad.sandbox: to 1.0.0-").says("mw02.eqiad.sandbox,mw03.codfw.sandbox: to 1.1.0-");
    assert_eq!(fleet.picture(), before, "nobody was touched");

    // Another deploy server, which knows nothing, in whose checkout the tag is gone: the host knows and holds all that it needs.
    git(&fleet.dir.join("product"), &["tag", "--delete", "1.1.0"]);
    let elsewhere = fleet.dir.join("elsewhere");
    let mut command = std::process::Command::new(coalmine());
    command.env("LANG", "C.UTF-8").arg("-c").arg(fleet.dir.join("coalmine.toml")).arg("--state-dir").arg(&elsewhere);
    command.args(["rollback", "--yes", "--headless", "-l", &mw(2, 4)]);
    Answer::of(command.output().unwrap()).exits(0).says("1.2.0 → 1.1.0 on 1 host").says("travelled nothing");
    assert!(fs::read_dir(elsewhere.join("releases")).unwrap().next().is_none(), "it built nothing");
    fleet.all_run([mw(1, 4), mw(2, 4)], Some("1.1.0"));

    // What a host never had is refused by its name, before anything.
    let answer = back(&fleet, &["--to", "1.0.0", "-l", &format!("{three},{}", mw(4, 4))]).exits(1);
    answer.says("mw04.codfw.sandbox never had 1.0.0 as a good release").says("nothing was changed");

    // Masters alone are no rollout, and no success.
    fleet.install(&["1.2.0", "--even-bad", "-x", "@all"]).exits(2);
    assert_eq!(fleet.runs("deploy1.eqiad.sandbox"), None);
}

#[test]
fn a_name_means_what_hosts_finalized_and_a_verdict_is_of_hosts() {
    let fleet = Fleet::of_scripts(2);
    let host = mw(2, 2);
    fleet.tag("1.1.0", |_| {});
    fleet.install(&["1.0.0", "-l", &host]).exits(0);
    fleet.install(&["1.1.0", "-l", &host]).exits(0);
    let good = fs::read_link(fleet.root(&host).join("current")).unwrap();
    // The same name for something else, which does not work.
    git(&fleet.dir.join("product"), &["tag", "--delete", "1.1.0"]);
    fleet.tag("1.1.0", |tree| fs::write(tree.join("bin/tool"), "#!/bin/sh\n[ \"$1\" != check ]\n").unwrap());
    fleet.install(&["1.1.0", "-l", &host]).exits(6);
    fleet.install(&["1.0.0", "-l", &host]).exits(0);
    back(&fleet, &["--to", "1.1.0", "-l", &host]).exits(0);
    assert_eq!(fs::read_link(fleet.root(&host).join("current")).unwrap(), good, "what was finalized there");

    // A rollback that fails everywhere makes nothing good, and nothing bad.
    fleet.configure(|text| text.replace("bin/tool check", "false"));
    back(&fleet, &["--to", "1.0.0", "-l", &host]).exits(3).says("1.0.0 is on 0 hosts, and not on 1 host");
    let marks = fs::read_to_string(fleet.state.join("marks.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(marks.lines().last().unwrap()).unwrap();
    assert_eq!((&last["verdict"]["mark"], &last["on"]), (&"bad".into(), &1.into()), "of the rollback before");

    // Somebody's own word holds until it is taken back.
    fleet.coalmine(&["releases", "mark", "1.0.0", "--reason", "CVE 1"]).exits(0).says("is bad: CVE 1, in sandbox");
    fleet.install(&["1.0.0", "-l", &mw(1, 2)]).exits(2).says("CVE 1");
    fleet.coalmine(&["releases", "unmark", "1.0.0"]).exits(0).says("has no mark any more");
    fleet.coalmine(&["releases", "mark", "7.7.7"]).exits(1).says("7.7.7");

    // A freeze is held by who made it, and told by whatever only looks.
    fleet.coalmine(&["lock", "--reason", "audit"]).exits(0);
    fleet.coalmine(&["lock", "--reason", "party"]).exits(7).says(": audit").says("--force");
    fleet.install(&["1.0.0", "--dry-run"]).says("is frozen by ").says(": audit");
    fleet.coalmine(&["plan", "1.0.0"]).says(": audit");
    fleet.coalmine(&["lock", "--force", "--reason", "fire"]).exits(0).says("taken over: ");
    assert!(fs::read_to_string(fleet.state.join("locks/freezes.jsonl")).unwrap().contains("taken_over"));
}

#[test]
fn hosts_that_left_the_inventory_are_named_by_whoever_leads_the_others_back() {
    let fleet = Fleet::of_scripts(4);
    let targets = fleet.dir.join("targets");
    let listed = fs::read_to_string(&targets).unwrap();
    let leave = |host: &str| {
        let listed = fs::read_to_string(&targets).unwrap();
        fs::write(&targets, listed.replace(&format!("{host}\n"), "")).unwrap();
    };
    fleet.install(&["1.0.0"]).exits(0);
    // One has the release before all others, one never gets it.
    fleet.install(&["1.2.0", "-l", &mw(2, 4)]).exits(0);
    leave(&mw(4, 4));
    fleet.install(&["1.2.0"]).exits(0);
    leave(&mw(2, 4));
    leave(&mw(3, 4));
    let told = format!("no host of it any more, and not led back: {},{}\n", mw(3, 4), mw(2, 4));
    fleet.coalmine(&["rollback", "--dry-run"]).exits(9).says(&told);
    let answer = fleet.coalmine(&["rollback", "--dry-run", "-l", &mw(1, 4)]).exits(9);
    assert!(!answer.stdout.contains("not led back"), "whoever names hosts means those: {}", answer.stdout);
    fs::write(&targets, listed).unwrap();
    let answer = fleet.coalmine(&["rollback", "--dry-run"]);
    assert!(!answer.stdout.contains("not led back"), "{}", answer.stdout);
}

/// A file system of 64 KiB over a host's temporary folder, until it is dropped.
struct SmallRoom(std::path::PathBuf);

impl SmallRoom {
    /// None where nobody but root may mount.
    fn over(folder: std::path::PathBuf) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k,mode=1777", "tmpfs"]).arg(&folder);
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallRoom {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg("--lazy").arg(&self.0).status().unwrap();
    }
}

#[test]
fn proven_releases_are_kept_first_and_a_full_temporary_folder_stops_no_way_back() {
    let fleet = Fleet::of_scripts(2);
    let host = mw(1, 2);
    let held = || {
        let names = fs::read_dir(fleet.root(&host).join("releases")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut versions: Vec<_> = names.filter_map(|name| Some(name.rsplit_once('-')?.0.to_owned())).collect();
        versions.sort_unstable();
        versions
    };
    fleet.tag("1.1.0", |_| {});
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        fleet.install(&[version, "-l", &host]).exits(0);
    }
    let sick = |version: &str, check: &str| {
        fleet.tag(version, |tree| {
            let script = format!("#!/bin/sh\n[ \"$1\" != check ] || {{ {check}; exit 1; }}\n");
            fs::write(tree.join("bin/tool"), script).unwrap();
        });
    };
    // Each is refused by its gate, and none pushes out what was good.
    for (version, word) in [("2.0.1", "one"), ("2.0.2", "two"), ("2.0.3", "three")] {
        sick(version, &format!("echo {word}"));
        fleet.install(&[version, "-l", &host]).exits(6);
    }
    fleet.tag("1.2.1", |_| {});
    fleet.install(&["1.2.1", "-l", &host]).exits(0);
    assert_eq!(held(), ["1.1.0", "1.2.0", "1.2.1"]);

    let folder = fleet.dir.join("hosts").join(&host).join(".tmp");
    let Some(_small) = SmallRoom::over(folder.clone()) else {
        eprintln!("no tmpfs for who is not root");
        return;
    };
    // A release that fills it is left by itself.
    sick("2.0.4", "head -c 9000000 /dev/zero >\"$TMPDIR/fill\" 2>/dev/null");
    fleet.install(&["2.0.4", "-l", &host]).exits(6).says("to 1.2.1-");
    assert_eq!(fleet.runs(&host).as_deref(), Some("1.2.1"));
    assert_eq!(fs::metadata(folder.join("fill")).unwrap().len(), 65536, "it is full");
    // And by hand, while it is full.
    let (_, status) = fleet.status(&["1.2.1", "-l", &host]);
    assert_eq!(status["counts"]["unreachable"], 0, "{status}");
    back(&fleet, &["--to", "1.2.0", "-l", &host]).exits(0);
    assert_eq!(fleet.runs(&host).as_deref(), Some("1.2.0"));
}
