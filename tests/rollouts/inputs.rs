//! What inventories, repositories and hosts say, as real fleets have it: none of it is read without being obeyed.

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
