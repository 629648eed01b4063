//! The guide for whoever comes from elsewhere: every row of it is run, in its order.

use std::fs;
use std::path::Path;

use crate::fleet::{Answer, Fleet};

fn asset(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets").join(name)).unwrap()
}

/// Gives what stands between backticks in the second column of each row of a section.
fn rows(section: &str) -> Vec<Vec<String>> {
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| there"));
    let here = rows.map(|row| row.trim_end_matches('|').rsplit_once(" | ").unwrap().1.to_owned());
    here.map(|here| here.split('`').skip(1).step_by(2).map(str::to_owned).collect()).collect()
}

/// Splits a command as a shell does, and names the fleet's own tags.
fn words(command: &str) -> Vec<String> {
    let script = format!("printf '%s\\n' {command}");
    let output = std::process::Command::new("sh").args(["-f", "-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|word| word.replace("4.282.0", "1.0.0").replace("4.283.0", "1.2.0")).collect()
}

#[test]
fn every_row_of_the_guide_does_what_it_says() {
    let guide = asset("coming-from.md");
    let fleet = Fleet::of_scripts(3);
    fs::write(fleet.dir.join("hosts.ini"), "[all]\nmw01.eqiad.sandbox\n").unwrap();
    let sections: Vec<Vec<Vec<String>>> = guide.split("\n## ").skip(1).map(rows).collect();
    assert_eq!(sections.iter().map(Vec::len).collect::<Vec<_>>(), [13, 10, 13, 10, 10]);
    for section in sections {
        // What the section before rolled back is bad here, as it should be.
        for version in ["1.0.0", "1.2.0"] {
            fleet.coalmine(&["releases", "unmark", version]);
        }
        for here in section.into_iter().flatten() {
            run(&fleet, &here).unwrap_or_else(|why| panic!("`{here}`: {why}"));
        }
    }
    // A row that says something else than what there is would be found.
    for wrong in [
        "coalmine instal-world",
        "coalmine install-world 4.282.0 --only mw01",
        "coalmine install-world 4.284.0",
        "coalmine slot remove nope",
        "coalmine hosts '@nope' --fold",
        "keeps = 5",
        "keep = \"many\"",
        "soak = \"a while\"",
        "channel = \"master\"",
        "budget = { transfers = \"2%\" }",
    ] {
        assert!(run(&fleet, wrong).is_err(), "`{wrong}` would stand in the guide");
    }
}

/// Runs a command of the guide, or tries its setting.
fn run(fleet: &Fleet, here: &str) -> Result<(), String> {
    let Some(command) = here.strip_prefix("coalmine ") else { return set(fleet, here) };
    let mut arguments = words(command);
    let rolls = ["install-world", "sync", "revert", "rollback", "bootstrap"];
    let looks_only = command.contains("--script") || command.ends_with(" -n");
    if rolls.contains(&arguments[0].as_str()) && !looks_only {
        arguments.extend(["--yes".to_owned(), "--headless".to_owned()]);
        if ["install-world", "sync"].contains(&arguments[0].as_str()) {
            arguments.push("--no-soak".to_owned());
        }
    }
    if command.starts_with("slot remove") {
        arguments.push("--yes".to_owned());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = fleet.coalmine(&arguments);
    // What only looks may have found something to do.
    let looks = ["plan", "status"].contains(&arguments[0]) || command.ends_with(" -n");
    if answer.code != Some(0) && !(looks && answer.code == Some(9)) {
        return Err(format!("{:?}\n{}{}", answer.code, answer.stdout, answer.stderr));
    }
    // For a timer: nothing is due, and so nothing is said.
    if !command.contains("--debt") && answer.stdout.is_empty() && answer.stderr.is_empty() {
        return Err("it says nothing".to_owned());
    }
    // What names a version for everybody has brought it to everybody.
    let version = arguments.iter().find(|word| ["1.0.0", "1.2.0"].contains(word));
    let for_all = ["install-world", "sync", "rollback"].contains(&arguments[0])
        && !looks_only
        && !arguments.iter().any(|word| ["-l", "-x", "--slot"].contains(word));
    if let Some(version) = version.filter(|_| for_all) {
        fleet.all_run(fleet.hosts(), Some(version));
    }
    Ok(())
}

/// Writes a setting where it belongs, and has the configuration checked.
fn set(fleet: &Fleet, setting: &str) -> Result<(), String> {
    let (key, _) = setting.split_once(" = ").ok_or("it is neither command nor setting")?;
    let in_stage = ["soak", "promote", "concurrency", "waves", "budget"];
    let at = |table: &str, keys: &[&str]| {
        if keys.contains(&key) { format!("{table}\n{setting}\n") } else { table.to_owned() }
    };
    let hosts = if key == "ansible" { setting } else { "hosts = [\"mw01.eqiad.sandbox\"]" };
    let root = if key == "root" { "" } else { "\nroot = \"/srv/scap\"" };
    let gate = match key {
        "on" => format!("[[gates]]\nname = \"answers\"\nrun = \"true\"\n{setting}\n"),
        "run" => format!("[[gates]]\nname = \"answers\"\non = \"host\"\n{setting}\n"),
        _ => String::new(),
    };
    let tables = [
        "[product]\nname = \"scap\"\nrepository = \"product\"\n".to_owned(),
        "[build]\nkind = \"command\"\ncommands = [\"true\"]\ncheck = \"true\"\n".to_owned(),
        at(&format!("[target]{root}"), &["root", "current", "keep", "keeps", "become"]),
        at("[hooks]", &["announce", "irc"]),
        format!("[groups]\nall = {{ {hosts} }}\n"),
        at("[environments.production]\nhosts = \"@all\"", &["channel"]),
        at("[[environments.production.stages]]\nname = \"fleet\"", &in_stage),
        gate,
    ];
    let text = tables.join("\n");
    if !text.contains(setting) {
        return Err("nobody knows where it belongs".to_owned());
    }
    let file = fleet.dir.join("guide.toml");
    fs::write(&file, text).unwrap();
    let mut check = std::process::Command::new(crate::fleet::coalmine());
    check.arg("-c").arg(&file).arg("--state-dir").arg(&fleet.state).args(["config", "check"]);
    let answer = Answer::of(check.output().unwrap());
    let told = || format!("{:?}\n{}{}", answer.code, answer.stdout, answer.stderr);
    if answer.code == Some(0) { Ok(()) } else { Err(told()) }
}
