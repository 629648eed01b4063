//! The guide for whoever comes from elsewhere: every row of it is run, in its order.

use std::fs;
use std::path::Path;

use crate::fleet::Fleet;

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
    let sample = asset("coalmine.toml");
    let fleet = Fleet::of_scripts(3);
    let sections: Vec<Vec<Vec<String>>> = guide.split("\n## ").skip(1).map(rows).collect();
    assert_eq!(sections.iter().map(Vec::len).collect::<Vec<_>>(), [13, 10, 13, 10, 10]);
    for section in sections {
        // What the section before rolled back is bad here, as it should be.
        for version in ["1.0.0", "1.2.0"] {
            fleet.coalmine(&["releases", "unmark", version]);
        }
        for here in section.into_iter().flatten() {
            run(&fleet, &sample, &here);
        }
    }
}

/// Runs a command of the guide, or finds its setting in the sample.
fn run(fleet: &Fleet, sample: &str, here: &str) {
    let Some(command) = here.strip_prefix("coalmine ") else {
        let (key, _) = here.split_once(" = ").unwrap_or_else(|| panic!("{here} is neither command nor setting"));
        let is_there = |line: &str| line.trim_start_matches(['#', ' ']).starts_with(&format!("{key} = "));
        let in_groups = |line: &str| line.contains(&format!("# {key} = "));
        assert!(sample.lines().any(|line| is_there(line) || in_groups(line)), "no setting is called {key}");
        return;
    };
    let mut arguments = words(command);
    let rolls = ["install-world", "sync", "revert", "rollback", "bootstrap"];
    let changes = rolls.contains(&arguments[0].as_str()) && !command.contains("--script") && !command.ends_with(" -n");
    if changes {
        arguments.extend(["--yes".to_owned(), "--headless".to_owned(), "--no-soak".to_owned()]);
    }
    if ["revert", "rollback", "bootstrap"].contains(&arguments[0].as_str()) {
        arguments.retain(|word| word != "--no-soak");
    }
    if command.starts_with("slot remove") {
        arguments.push("--yes".to_owned());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = fleet.coalmine(&arguments);
    // What only looks may have found something to do.
    let looks = ["plan", "status"].contains(&arguments[0]) || command.ends_with(" -n");
    let is_right = answer.code == Some(0) || (looks && answer.code == Some(9));
    assert!(is_right, "{here}: {:?}\n{}{}", answer.code, answer.stdout, answer.stderr);
    // For a timer: nothing is due, and so nothing is said.
    let may_be_silent = command.contains("--debt");
    assert!(may_be_silent || !answer.stdout.is_empty() || !answer.stderr.is_empty(), "{here} says nothing");
}
