//! What inventories, repositories and hosts say, as real fleets have it: none of it is read without being obeyed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{lchown, symlink};

use serde_json::Value;

use crate::fleet::{Answer, Fleet, coalmine};
use crate::hosts::{git, mw};

/// Runs by another configuration of the same fleet.
fn by(fleet: &Fleet, config: &str, arguments: &[&str]) -> Answer {
    let mut command = std::process::Command::new(coalmine());
    command.env("LANG", "C.UTF-8").arg("-c").arg(fleet.dir.join(config)).arg("--state-dir").arg(&fleet.state);
    Answer::of(command.args(arguments).stdin(std::process::Stdio::null()).output().unwrap())
}

/// Writes another configuration of the same fleet.
fn configured(fleet: &Fleet, config: &str, change: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(fleet.dir.join("coalmine.toml")).unwrap();
    fs::write(fleet.dir.join(config), change(text)).unwrap();
}

/// Gives what ssh is told of a host: its address and the port of all.
fn reach(fleet: &Fleet, host: &str) -> (String, String) {
    let text = fs::read_to_string(fleet.dir.join("ssh_config")).unwrap();
    let after = |text: &str, word: &str| text.split(word).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let own = text.split(&format!("Host {host}")).nth(1).unwrap();
    (after(own, "HostName"), after(&text, "Port"))
}

/// Replaces the line that begins with a word.
fn line(text: &str, begins: &str, with: &str) -> String {
    text.lines().map(|line| if line.starts_with(begins) { with } else { line }).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_release_goes_to_the_machine_that_the_inventory_means_and_to_each_machine_once() {
    let fleet = Fleet::of_scripts(4);
    let (third, fourth) = (mw(3, 4), mw(4, 4));
    let (address, port) = reach(&fleet, &fourth);
    // As Ansible would, who is called the third is reached as the fourth; in INI, in YAML, and as a command prints it.
    fs::write(fleet.dir.join("a.ini"), format!("[web]\n{third} ansible_host={address} ansible_port={port}\n")).unwrap();
    let yaml = format!("web:\n  hosts:\n    {third}:\n      ansible_host: {address}\n      ansible_port: {port}\n");
    fs::write(fleet.dir.join("b.yml"), yaml).unwrap();
    let list = serde_json::json!({
        "web": {"hosts": [third]},
        "_meta": {"hostvars": {&third: {"ansible_host": address, "ansible_port": port.parse::<u16>().unwrap()}}},
    });
    fs::write(fleet.dir.join("c.json"), list.to_string()).unwrap();
    let list = format!("all = {{ command = [\"cat\", \"{}\"] }}", fleet.dir.join("c.json").display());
    let ansible = |name: &str| format!("all = {{ ansible = \"{}\" }}", fleet.dir.join(name).display());
    for (version, all) in [("1.0.0", ansible("a.ini")), ("1.2.0", ansible("b.yml")), ("1.0.0", list)] {
        configured(&fleet, "elsewhere.toml", |text| {
            let text = line(&text, "all ", &all);
            let text = line(&text, "canaries = ", &format!("canaries = {{ hosts = [\"{third}\"] }}"));
            line(&line(&text, "masters  = {", ""), "masters  = \"@masters\"", "")
        });
        by(&fleet, "elsewhere.toml", &["config", "check"]).exits(0);
        let install = ["install-world", version, "--even-bad", "--yes", "--headless", "--no-soak"];
        by(&fleet, "elsewhere.toml", &install).exits(0).says(&format!("{version} runs on 1 host"));
        assert_eq!(fleet.runs(&fourth).as_deref(), Some(version), "{all}");
        assert!(!fleet.root(&third).exists(), "{all}: that is not the machine that is meant");
    }
    // What is not obeyed is told by name.
    fs::write(fleet.dir.join("a.ini"), format!("[web]\n{third} ansible_host={address} ansible_password=x\n")).unwrap();
    configured(&fleet, "told.toml", |text| {
        line(&text, "canaries = ", &format!("canaries = {{ hosts = [\"{third}\"] }}\nold = {{ ansible = \"a.ini\" }}"))
    });
    let told = "ansible_password is not obeyed: ssh logs in with keys";
    by(&fleet, "told.toml", &["config", "check"]).says(told);
    by(&fleet, "told.toml", &["doctor", "-l", &mw(1, 4)]).says(told);

    // Two names of one machine are found before anything starts, whoever is asked.
    let (address, _) = reach(&fleet, &mw(2, 4));
    let ssh = fs::read_to_string(fleet.dir.join("ssh_config")).unwrap();
    fs::write(fleet.dir.join("ssh"), format!("Host www1.eqiad.sandbox\n HostName {address}\n{ssh}")).unwrap();
    let targets = fs::read_to_string(fleet.dir.join("targets")).unwrap();
    fs::write(fleet.dir.join("names"), format!("{targets}www1.eqiad.sandbox\n")).unwrap();
    configured(&fleet, "twins.toml", |text| text.replace("/ssh_config\"", "/ssh\"").replace("/targets\"", "/names\""));
    let before = fleet.picture();
    let both = ["install-world", "1.2.0", "--yes", "--headless", "-l", "mw02*,www1*"];
    let refused = by(&fleet, "twins.toml", &both).exits(2);
    refused.says("mw02.eqiad.sandbox and www1.eqiad.sandbox are one machine").says("-x www1.eqiad.sandbox");
    by(&fleet, "twins.toml", &["doctor"]).exits(1).says("are one machine");
    by(&fleet, "twins.toml", &["status", "1.0.0"]).says("are one machine");
    assert_eq!(fleet.picture(), before);
    by(
        &fleet,
        "twins.toml",
        &["install-world", "1.2.0", "--yes", "--headless", "-l", "MW02*,www1*", "-x", "WWW1.eqiad.sandbox."],
    )
    .exits(0);
    fleet.all_run([mw(2, 4)], Some("1.2.0"));
}

#[test]
fn what_hosts_have_is_found_by_the_doctor_and_stops_no_rollout_that_could_be() {
    let fleet = Fleet::of_scripts(2);
    let (linked, greets) = (mw(1, 2), mw(2, 2));
    // Roots behind somebody else's link, which rsync from 3.5 on refuses to go through.
    let home = fleet.dir.join("hosts").join(&linked);
    fs::create_dir(home.join("disk")).unwrap();
    symlink("disk", home.join("minewatch")).unwrap();
    if rustix::process::geteuid().is_root() {
        lchown(home.join("minewatch"), Some(65534), Some(65534)).unwrap();
    }
    let disk = fs::canonicalize(home.join("disk")).unwrap();
    let told = fleet.coalmine(&["doctor", "-l", &linked]).exits(0).says("rsync 3.");
    told.says(&format!("target.root is behind a link there: releases are kept in {}", disk.display()));
    for version in ["1.0.0", "1.2.0"] {
        fleet.install(&[version, "-l", &linked]).exits(0).says("exit      0");
        assert_eq!(fleet.runs(&linked).as_deref(), Some(version));
    }

    // A shell that greets is found before a transfer takes the greeting for rsync's.
    let enter = fleet.dir.join("bin/enter.sh");
    let quiet = fs::read_to_string(&enter).unwrap();
    fs::write(&enter, quiet.replacen('\n', "\n[ \"$SANDBOX_HOST\" != mw02.codfw.sandbox ] || echo Welcome\n", 1))
        .unwrap();
    let told = fleet.coalmine(&["doctor"]).exits(1).says("its shell greets, and no transfer works: Welcome");
    told.says("silence what ~/.bashrc and its like print");
    let answer = fleet.install(&["1.2.0", "-l", &greets]).exits(5).says("the host's shell talks into the transfer");
    answer.says("silence ~/.bashrc there");
    fs::write(&enter, quiet).unwrap();
    fleet.install(&["1.2.0", "-l", &greets]).exits(0);
}

#[test]
fn that_a_version_has_other_files_than_it_was_finalized_with_is_told_to_everybody() {
    let fleet = Fleet::of_scripts(2);
    let product = fleet.dir.join("product");
    git(&fleet.dir, &["clone", "--quiet", "--bare", "product", "upstream.git"]);
    git(&product, &["remote", "add", "origin", "../upstream.git"]);
    fleet.configure(|text| text.replace("remote     = \"\"", "remote     = \"origin\""));
    fleet.install(&["1.0.0", "-l", &mw(1, 2)]).exits(0);
    git(&fleet.dir, &["clone", "--quiet", "upstream.git", "other"]);
    git(&fleet.dir.join("other"), &["tag", "--force", "1.0.0", "1.2.0"]);
    git(&fleet.dir.join("other"), &["push", "--quiet", "--force", "origin", "1.0.0"]);
    // Who fetches first is told by git; who comes later, by what was finalized.
    fleet.coalmine(&["status"]).says("the tag 1.0.0 was moved");
    let moved = "1.0.0 was finalized in sandbox with other files before, as 1.0.0-";
    fleet.coalmine(&["plan", "1.0.0"]).exits(9).says(moved);
    let planned = fleet.coalmine(&["plan", "1.0.0", "--output", "json"]);
    let planned: Value = serde_json::from_str(&planned.stdout).unwrap();
    assert!(planned["notes"][0].as_str().unwrap().starts_with(moved), "{planned}");
    let answer = fleet.install(&["1.0.0", "-l", &mw(1, 2)]).exits(0).says(moved);
    assert!(answer.stdout.contains("1.0.0-"), "{answer:?}");
    let journal = fs::read_to_string(fleet.journal(fleet.rollouts().last().unwrap())).unwrap();
    assert!(journal.contains(moved), "it is in the journal too");
}

/// Reads a stream of events, and asserts that it ends as every rollout's does.
#[track_caller]
fn events(answer: &Answer) -> Vec<Value> {
    let events: Vec<Value> = answer.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = events.last().unwrap();
    assert_eq!(last["kind"], "rollout_finished", "{last}");
    assert_eq!(last["exit_code"].as_i64(), answer.code.map(i64::from), "{last}");
    events
}

/// Lists what a state folder holds, with names that differ from one to the next written as the manual has them.
fn layout(state: &std::path::Path) -> BTreeSet<String> {
    let names = |folder: &str| {
        let entries = fs::read_dir(state.join(folder)).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    let mut found = BTreeSet::new();
    for name in names("") {
        match name.as_str() {
            "rollouts" => {
                for id in names("rollouts") {
                    found
                        .extend(names(&format!("rollouts/{id}")).into_iter().map(|file| format!("rollouts/ID/{file}")));
                }
            }
            "releases" => {
                for id in names("releases").into_iter().filter(|id| id != ".lock") {
                    let within = names(&format!("releases/{id}")).into_iter();
                    let own = format!("proven-{}", rustix::process::geteuid().as_raw());
                    found.extend(
                        within.map(|file| format!("releases/VERSION-DIGEST8/{}", file.replace(&own, "proven-UID"))),
                    );
                }
            }
            folder @ ("locks" | "service") => {
                let of = |file: &String| format!("{folder}/{}", file.replace("sandbox.", "ENV."));
                found.extend(names(folder).iter().map(of));
            }
            "logs" => {
                found.extend(names("logs").iter().map(|file| format!("logs/{}", file.replace("2.0.0", "VERSION"))));
            }
            other => drop(found.insert(other.to_owned())),
        }
    }
    found
}

/// Lists what the manual says of a state folder.
fn documented() -> BTreeSet<String> {
    let readme = include_str!("../../README.md");
    let table = readme.split("| in the state folder | is |").nth(1).unwrap().split("\n\n").next().unwrap();
    let cells =
        table.lines().filter_map(|line| line.split('|').nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    cells.map(|name| name.trim_end_matches('/').to_owned()).collect()
}

#[test]
fn what_programs_read_is_whole_and_the_state_folder_is_as_it_is_documented() {
    let fleet = Fleet::of_scripts(4);
    fleet.configure(|text| text.replacen("promote = \"auto\"", "promote = \"manual\"", 1));
    fleet.configure(|text| text + "\n[[gates]]\nname = \"calm\"\non = \"stage\"\nrun = \"echo 1\"\nmax = 2.0\n");
    let stream = |arguments: &[&str]| fleet.coalmine(&[&["install-world", "--output", "jsonl"], arguments].concat());
    // What is refused before anything ends like everything else.
    for (arguments, code, outcome) in [
        (&["nope", "--yes"][..], 1, "stopped"),
        (&["1.0.0", "--yes", "-l", "nobody"], 2, "stopped"),
        (&["1.0.0"], 2, "stopped"),
    ] {
        let answer = stream(arguments).exits(code);
        assert_eq!(events(&answer)[0]["outcome"], outcome, "{arguments:?}");
    }
    fleet.coalmine(&["lock", "--reason", "audit"]).exits(0);
    assert_eq!(events(&stream(&["1.0.0", "--yes"]).exits(7))[0]["outcome"], "locked");
    let status = fleet.status(&["1.0.0"]).1;
    assert_eq!(status["freeze"]["reason"], "audit", "{status}");
    let mut found = layout(&fleet.state);
    fleet.coalmine(&["unlock"]).exits(0);

    let told = events(&stream(&["1.0.0", "--yes", "--no-soak"]).exits(0));
    let gates: Vec<&Value> = told.iter().filter(|event| event["kind"] == "gate_result").collect();
    let passed = |scope: &str| gates.iter().filter(|gate| gate["scope"] == scope && gate["verdict"] == "pass").count();
    assert!(passed("host") >= 4 && passed("stage") >= 1, "{gates:?}");
    let stage = &told[0]["plan"]["stages"][1];
    assert!(stage["soak_s"].is_number() && stage.get("soak").is_none(), "{stage}");

    // A script leaves it to a person whether a stage goes on.
    let answer = stream(&["1.2.0", "--yes", "--detach", "--promote", "manual"]).exits(8);
    // What goes on elsewhere is named by its first event, and has not ended.
    let told: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!((&told["kind"], &told["seq"], &told["v"]), (&"rollout_planned".into(), &1.into(), &1.into()));
    let rollout = told["rollout"].as_str().unwrap().to_owned();
    fleet.wait_for(&rollout, "promotion_needed");
    let status = fleet.status(&["1.2.0"]).1;
    assert_eq!(status["rollout"]["rollout"], *rollout, "{status}");
    assert_eq!((&status["freeze"], &status["mark"]), (&Value::Null, &Value::Null), "{status}");
    assert!(status["lock"].is_object(), "{status}");
    found.extend(layout(&fleet.state));
    fleet.coalmine(&["continue", &rollout]).exits(0);
    fleet.wait_for_the_end(&rollout);
    let read = |arguments: &[&str]| -> Value {
        let answer = fleet.coalmine(&[arguments, &["--output", "json"]].concat()).exits(0);
        let read: Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!(read["schema"], 1, "{read}");
        read
    };
    let shown = read(&["show", &rollout]);
    assert_eq!(
        (&shown["rollout"]["outcome"], &shown["rollout"]["exit_code"]),
        (&"completed".into(), &0.into()),
        "{shown}"
    );
    assert!(shown["rollout"]["took_s"].is_number() && shown["hosts"].as_array().unwrap().len() >= 4, "{shown}");
    assert_eq!(read(&["hosts", "@canaries"])["hosts"], serde_json::json!([mw(1, 4), mw(3, 4)]));
    assert_eq!(read(&["config", "check"])["valid"], true);
    fleet.coalmine(&["releases", "mark", "1.0.0", "--reason", "CVE 1"]).exits(0);
    assert_eq!(fleet.status(&["1.0.0"]).1["mark"]["verdict"], "bad");
    fleet.tag("2.0.0", |tree| fs::write(tree.join("bin/tool"), "#!/bin/sh\nexit 4\n").unwrap());
    events(&stream(&["2.0.0", "--yes"]).exits(1));

    fleet.configure(|text| text + "\n[hooks]\ndepool = [\"true\"]\nrepool = [\"true\"]\n");
    fleet.coalmine(&["depool", &mw(1, 4), "--reason", "its disk fails"]).exits(0);

    // Every name is explained, and nothing is that nobody finds.
    found.extend(layout(&fleet.state));
    let mut documented = documented();
    assert!(documented.remove("logs/console.log"), "the console's own");
    assert!(documented.remove("packs"), "nothing is packed for so few");
    assert_eq!(found, documented);
}
