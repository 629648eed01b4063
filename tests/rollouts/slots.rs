//! Several versions that are live at once: slots that versions go into by turns, and a link of each version's name.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::Value;

use crate::fleet::Fleet;
use crate::hosts::mw;
use crate::pty::Pty;

/// Gives where a link of a host leads.
fn leads(fleet: &Fleet, host: &str, link: &str) -> Option<String> {
    let target = fs::read_link(fleet.root(host).join(link)).ok()?;
    Some(target.to_str().unwrap().to_owned())
}

/// Asserts what the links of versions are, on every host.
#[track_caller]
fn names(fleet: &Fleet, expected: &[(&str, &str, &str)]) {
    for host in fleet.hosts() {
        let root = fleet.root(&host);
        let links = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut links: Vec<String> = links.filter(|name| name.starts_with("tool-")).collect();
        links.sort();
        let named: Vec<&str> = expected.iter().map(|(name, ..)| *name).collect();
        assert_eq!(links, named, "{host}");
        for (name, slot, version) in expected {
            assert_eq!(leads(fleet, &host, name).as_deref(), Some(*slot), "{host}: {name}");
            assert_eq!(fleet.runs_by(&host, slot).as_deref(), Some(*version), "{host}: {slot}");
        }
    }
}

fn fleet() -> Fleet {
    let fleet = Fleet::of_scripts(2);
    for version in ["1.3.0", "1.4.0", "1.5.0"] {
        fleet.tag(version, |_| {});
    }
    fleet.configure(|text| {
        let slots = "keep    = 3\nslots = [\"slot0\", \"slot1\", \"slot2\"]\nversion_link = \"tool-{version}\"";
        text.replace("keep    = 3", slots)
    });
    fleet
}

#[test]
fn versions_go_from_one_slot_to_the_next_and_each_has_a_link_of_its_name() {
    let fleet = fleet();
    let run = |arguments: &[&str]| fleet.coalmine(arguments);
    fleet.install(&["1.0.0"]).exits(0);
    names(&fleet, &[]);
    let planned = run(&["plan", "1.2.0", "--next-slot"]).exits(9).says("on sandbox, slot slot0");
    planned.says("slot slot0 is the next of slot0, slot1, slot2: no host has it yet");
    // A canary alone first: the others follow it into the same slot.
    fleet.install(&["1.2.0", "--next-slot", "-l", &mw(1, 2)]).exits(0);
    run(&["plan", "1.2.0", "--next-slot"]).exits(9).says("it has this version already");
    fleet.install(&["1.2.0", "--next-slot"]).exits(0).says("on sandbox, slot slot0");
    fleet.install(&["1.3.0", "--next-slot"]).exits(0);
    fleet.install(&["1.3.0", "--next-slot"]).exits(0).says("nothing is to be done");
    fleet.install(&["1.4.0", "--next-slot"]).exits(0);
    let three = [("tool-1.2.0", "slot0", "1.2.0"), ("tool-1.3.0", "slot1", "1.3.0"), ("tool-1.4.0", "slot2", "1.4.0")];
    names(&fleet, &three);
    fleet.all_run(fleet.hosts(), Some("1.0.0"));

    // What was damaged is mended under the feet of the slot, and the name goes on leading to that.
    fs::write(fleet.root(&mw(1, 2)).join("slot1/bin/tool"), "damaged").unwrap();
    fleet.install(&["1.3.0", "--next-slot", "--full-verify"]).exits(0);
    names(&fleet, &three);

    // Round again: the one that came longest ago goes, and its name with it.
    let planned = run(&["plan", "1.5.0", "--next-slot", "--output", "json"]).exits(9);
    let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!((&plan["slot"], &plan["hosts"][0]["from"]), (&"slot0".into(), &"1.2.0".into()), "{planned:?}");
    let dry = fleet.install(&["1.5.0", "--next-slot", "-n"]).exits(9);
    dry.says("what it has came longest ago, 1.2.0 on ");
    names(&fleet, &three);
    fleet.install(&["1.5.0", "--next-slot"]).exits(0);
    names(
        &fleet,
        &[("tool-1.3.0", "slot1", "1.3.0"), ("tool-1.4.0", "slot2", "1.4.0"), ("tool-1.5.0", "slot0", "1.5.0")],
    );
    let listed = run(&["slot", "list"]).exits(0).says("named tool-1.5.0");
    assert_eq!(listed.stdout.lines().count(), 3, "names of versions are no slots: {listed:?}");
    let listed: Value = serde_json::from_str(&run(&["slot", "list", "--output", "json"]).exits(0).stdout).unwrap();
    assert_eq!(
        (&listed["slots"][1]["name"], &listed["slots"][1]["used_by"]),
        (&"tool-1.3.0".into(), &Value::from(Vec::<Value>::new()))
    );

    // Going back leads the name back too, and that slot is the next again.
    run(&["rollback", "--slot", "slot0", "--yes", "--headless"]).exits(0);
    names(&fleet, &three);
    run(&["plan", "1.5.0", "--next-slot"]).exits(9).says("slot slot0 is the next");
    run(&["rollback", "--slot", "slot9", "--yes", "--headless"])
        .exits(2)
        .says("no host has a slot slot9; there is slot0, slot1, slot2");
    // What three slots have and had is kept, whatever else comes.
    for version in ["1.2.0", "1.3.0", "1.4.0", "1.0.0", "1.5.0"] {
        fleet.install(&[version]).exits(0);
    }
    names(&fleet, &three);
    run(&["slot", "remove", "slot1", "--yes"]).exits(0);
    names(&fleet, &[three[0], three[2]]);
    run(&["plan", "1.0.0", "--next-slot"])
        .exits(9)
        .says("slot slot1 is the next of slot0, slot1, slot2: no host has it");
}

#[test]
fn a_private_slot_stands_beside_a_cycle_and_the_stable_release_and_neither_notices_it() {
    let fleet = fleet();
    let run = |arguments: &[&str]| fleet.coalmine(arguments);
    fleet.install(&["1.0.0"]).exits(0);
    fleet.install(&["1.2.0", "--next-slot"]).exits(0);
    let cycle = [("tool-1.2.0", "slot0", "1.2.0")];
    // Any build, on some hosts: a commit without a tag, and a version that has a slot of the cycle.
    fleet.commit("of-amy", |_| {});
    let amy = |arguments: &[&str]| fleet.install(&[arguments, &["--slot", "amy", "-l", &mw(1, 2)]].concat());
    let private = "slot amy is a private one: target.slots does not have it";
    amy(&["--rev", "HEAD", "-n"]).exits(9).says(private).says("1.5.0-1-g");
    amy(&["--rev", "HEAD"]).exits(0);
    assert!(fleet.runs_by(&mw(1, 2), "amy").unwrap().starts_with("1.5.0-1-g"));
    let path = fleet.root(&mw(1, 2)).join("amy/bin/tool");
    assert_eq!(std::process::Command::new(path).output().unwrap().stdout, b"of-amy\n", "it is run by its own path");
    let nowhere = run(&["rollback", "--slot", "amy", "--yes"]).exits(1);
    nowhere.says("name the one to go back to: ").says(" rollback --to VERSION --slot amy");
    run(&["slot", "list"]).exits(0).says("amy").says("slot0");
    run(&["rollouts"]).exits(0).says(", slot amy ");
    let told: Value = serde_json::from_str(&run(&["rollouts", "--output", "json"]).exits(0).stdout).unwrap();
    assert_eq!((&told["rollouts"][0]["slot"], &told["rollouts"][2]["slot"]), (&"amy".into(), &Value::Null));
    // Who goes back on the stable link is not offered what one deployer tried beside it.
    let mut asking = Pty::open(&fleet, &["install-world", "--pick", "--yes", "--headless"], &[]);
    let offered = asking.shows("Type the number of one");
    assert!(offered.contains("1.0.0") && !offered.contains("1.5.0-1-g"), "{offered}");
    asking.types("none of these");
    assert_eq!(asking.ends().0, 130);
    run(&["plan", "1.3.0", "--next-slot"])
        .exits(9)
        .says("slot slot1 is the next of slot0, slot1, slot2: no host has it");
    amy(&["1.2.0"]).exits(0);
    assert_eq!(fleet.runs_by(&mw(1, 2), "amy").as_deref(), Some("1.2.0"));
    names(&fleet, &cycle);
    run(&["rollback", "--slot", "amy", "--yes", "--headless"]).exits(0);
    assert!(fleet.runs_by(&mw(1, 2), "amy").unwrap().starts_with("1.5.0-1-g"));
    names(&fleet, &cycle);
    // Others come and go, and prune nothing of it.
    for version in ["1.2.0", "1.3.0", "1.4.0", "1.5.0"] {
        fleet.install(&[version]).exits(0);
    }
    assert!(fleet.root(&mw(1, 2)).join("amy/bin/tool").exists());
    run(&["slot", "remove", "amy", "--yes"]).exits(0).says("slot amy is gone from 1 host: mw01");
    assert_eq!(fleet.runs_by(&mw(1, 2), "amy"), None);
    names(&fleet, &cycle);
    fleet.all_run(fleet.hosts(), Some("1.5.0"));
    assert_eq!(fleet.status(&["1.5.0"]).0, Some(0));
}

#[test]
fn a_version_that_fails_in_its_slot_leaves_the_name_where_it_was_and_slots_in_use_are_passed_over() {
    let fleet = fleet();
    let run = |arguments: &[&str]| fleet.coalmine(arguments);
    fleet.tag("1.6.0", |tree| {
        let script = "#!/bin/sh\n[ \"$1\" != check ] || exit 3\necho 1.6.0\n";
        fs::write(tree.join("bin/tool"), script).unwrap();
        fs::set_permissions(tree.join("bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    });
    for version in ["1.2.0", "1.3.0", "1.4.0"] {
        fleet.install(&[version, "--next-slot"]).exits(0);
    }
    let three = [("tool-1.2.0", "slot0", "1.2.0"), ("tool-1.3.0", "slot1", "1.3.0"), ("tool-1.4.0", "slot2", "1.4.0")];
    fleet.install(&["1.6.0", "--next-slot"]).exits(6);
    names(&fleet, &three);

    // A version has one slot; and what is no slot here is refused by its name, before anything.
    let before = fleet.picture();
    fleet.install(&["1.2.0", "--slot", "slot1"]).exits(2).says("1.2.0 is in slot slot0 already on ");
    fleet.install(&["1.2.0", "--slot", "solt1"]).exits(2).says("no slot solt1").says("did you mean --slot slot1?");
    fleet.install(&["1.2.0", "--slot", "current"]).exits(2).says("no slot can be named \"current\"");
    fleet.install(&["1.2.0", "--slot", "releases"]).exits(2).says("no slot can be named \"releases\"");
    fleet.install(&["1.2.0", "--slot", "slot1", "--next-slot"]).exits(2);
    for link in ["php", "stable"] {
        for host in fleet.hosts() {
            symlink(if link == "php" { "tool-1.2.0" } else { "slot1" }, fleet.root(&host).join(link)).unwrap();
        }
    }
    run(&["slot", "list"]).exits(0).says("used by php").says("used by stable");
    run(&["slot", "remove", "slot0", "--yes"]).exits(1).says("slot slot0 is in use: php leads to it on ");
    run(&["plan", "1.5.0", "--next-slot"]).exits(9).says("slot slot2 is the next");
    run(&["plan", "1.5.0", "--slot", "slot1"]).exits(9).says("stable on hosts leads to slot slot1");
    for host in fleet.hosts() {
        symlink("slot2", fleet.root(&host).join("beta")).unwrap();
    }
    let refused = fleet.install(&["1.5.0", "--next-slot"]).exits(1).says("every slot of target.slots is in use");
    refused.says("slot2: 1.4.0 on ").says("to which beta leads");
    assert_eq!(fleet.picture(), before);
    names(&fleet, &three);

    // What somebody else has put in a name's place is left as it is.
    for host in fleet.hosts() {
        fs::remove_file(fleet.root(&host).join("beta")).unwrap();
        fs::create_dir(fleet.root(&host).join("tool-1.5.0")).unwrap();
    }
    let refused = fleet.install(&["1.5.0", "--next-slot"]);
    assert_ne!(refused.code, Some(0));
    refused.says("stands where the link of that version belongs");
    for host in fleet.hosts() {
        fs::remove_dir(fleet.root(&host).join("tool-1.5.0")).unwrap();
        assert_eq!(leads(&fleet, &host, "tool-1.4.0").as_deref(), Some("slot2"), "{host}");
    }

    // A cycle that is none, and configurations that cannot be.
    fleet.configure(|text| text.replace("[\"slot0\", \"slot1\", \"slot2\"]", "[\"slot0\", \"slot0\"]"));
    run(&["plan", "1.5.0"]).exits(2).says("`target.slots` has \"slot0\" twice");
    fleet.configure(|text| text.replace("[\"slot0\", \"slot0\"]", "[\"current\"]"));
    run(&["plan", "1.5.0"]).exits(2).says("which is the usual link");
    fleet.configure(|text| text.replace("[\"current\"]", "[\"releases\"]"));
    run(&["plan", "1.5.0"]).exits(2).says("that is the folder of the releases");
    fleet.configure(|text| text.replace("slots = [\"releases\"]\n", ""));
    for wrong in ["tool", "{version}", ".{version}", "a/{version}", "{version}-{version}"] {
        fleet.configure(|text| text.replace("\"tool-{version}\"", &format!("{wrong:?}")));
        run(&["plan", "1.5.0"]).exits(2).says("`target.version_link`");
        fleet.configure(|text| text.replace(&format!("version_link = {wrong:?}"), "version_link = \"tool-{version}\""));
    }
    run(&["plan", "1.5.0", "--next-slot"]).exits(2).says("target.slots names none");
}

#[test]
fn a_slot_that_nobody_confirms_goes_back_with_the_name_of_its_version() {
    let fleet = fleet();
    fleet.configure(|text| text.replace("keep    = 3", "keep    = 3\nconfirm = \"15s\""));
    for version in ["1.2.0", "1.3.0", "1.4.0"] {
        fleet.install(&[version, "--next-slot"]).exits(0);
    }
    let before = fleet.rollouts();
    let mut rollout = fleet.start(&["install-world", "1.5.0", "--next-slot", "--yes", "--headless"]);
    let id = fleet.newest(&before);
    fleet.wait_for(&id, "stage_started");
    let conductor = crate::fleet::until("the conductor", || fleet.conductor());
    crate::fleet::until("a switch", || {
        fleet
            .hosts()
            .iter()
            .any(|host| leads(&fleet, host, "slot0").is_some_and(|to| to.contains("1.5.0")))
            .then_some(())
    });
    crate::fleet::kill(conductor, rustix::process::Signal::KILL);
    rollout.wait().unwrap();
    // Whatever was confirmed by then stays, the rest goes back, and no name is untrue.
    for host in fleet.hosts() {
        crate::fleet::until("what is not confirmed to go back", || {
            let names = fs::read_dir(fleet.root(&host).join(".coalmine")).unwrap();
            let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            (!names.any(|name| name.starts_with("armed.") || name.starts_with("fired."))).then_some(())
        });
        let version = fleet.runs_by(&host, "slot0").unwrap();
        let other = if version == "1.5.0" { "1.2.0" } else { "1.5.0" };
        assert_eq!(leads(&fleet, &host, &format!("tool-{version}")).as_deref(), Some("slot0"), "{host}");
        assert_eq!(leads(&fleet, &host, &format!("tool-{other}")), None, "{host}");
    }
    fleet.coalmine(&["resume", &id, "--headless"]).exits(0);
    names(
        &fleet,
        &[("tool-1.3.0", "slot1", "1.3.0"), ("tool-1.4.0", "slot2", "1.4.0"), ("tool-1.5.0", "slot0", "1.5.0")],
    );
}
