//! The scripts that run on hosts, as text: what a shell would read otherwise than it was meant.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use coalmine::host::script::{Opening, Phase};

use crate::programs::script;

fn functions(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| Some(line.strip_suffix("() {")?.to_owned())).collect()
}

/// Lists the parts that are sent to hosts, but for what is no part, and what is never sent with what a session is made of.
fn parts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/remote");
    let is_part = |path: &PathBuf| {
        let is_alone = path.ends_with("bootstrap.sh") || path.ends_with("dead_man.sh");
        !is_alone && path.extension().is_some_and(|end| end == "sh")
    };
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(is_part).collect()
}

#[test]
fn no_part_has_a_function_that_another_has() {
    let functions = |path: &Path| functions(&fs::read_to_string(path).unwrap());
    let mut names: Vec<String> = Vec::new();
    let mut by_itself = functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/remote/bootstrap.sh"));
    for path in parts() {
        let of_sessions = ["session.sh", "fetch.sh"].iter().any(|name| path.ends_with(name));
        if !of_sessions {
            by_itself.extend(functions(&path));
        }
        names.extend(functions(&path));
    }
    for mut sent in [names, by_itself] {
        sent.sort_unstable();
        for pair in sent.windows(2) {
            assert_ne!(pair[0], pair[1], "the later one would be in the place of the other");
        }
    }
}

/// A shell that is asked something by itself is sent a part of the library.
#[test]
fn a_question_is_sent_all_that_it_calls() {
    let all: BTreeSet<String> = parts().iter().flat_map(|path| functions(&fs::read_to_string(path).unwrap())).collect();
    let text = Opening::new(None, &script(Phase::Probe, Path::new("/srv"), "r1")).text();
    let text = String::from_utf8(text).unwrap();
    let sent: BTreeSet<String> = functions(&text).into_iter().collect();
    let keywords = ["if", "then", "else", "elif", "do", "while", "until", "must", "walk", "learn"];
    for command in text.split(|char: char| "\n;|&(){}!".contains(char)) {
        for word in command.split_whitespace() {
            assert!(!all.contains(word) || sent.contains(word), "{word} is called and not sent: {command}");
            if !keywords.contains(&word) {
                break;
            }
        }
    }
    assert!(sent.contains("phase_probe") && !sent.contains("phase_activate"), "{sent:?}");
}

/// One shell does one step after the other: what the first was told, and the second is not, would be taken for the second's.
#[test]
fn what_a_step_may_be_told_is_forgotten_behind_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/remote");
    let prelude = fs::read_to_string(folder.join("prelude.sh")).unwrap();
    let (_, forgets) = prelude.split_once("\nforget_step() {").unwrap();
    let (forgets, _) = forgets.split_once("\n}").unwrap();
    let forgotten: Vec<&str> = forgets.split_whitespace().filter(|word| word.starts_with("p_")).collect();
    assert!(forgotten.len() > 20, "{forgotten:?}");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("bootstrap.sh") || path.extension().is_none_or(|end| end != "sh") {
            continue;
        }
        // What has a default may have no value; whatever else is not told ends the step.
        for asked in fs::read_to_string(&path).unwrap().split("${p_").skip(1) {
            let (name, behind) =
                asked.split_at(asked.find(|char: char| !char.is_ascii_lowercase() && char != '_').unwrap());
            let is_default = behind.starts_with([':', '-', '+']);
            let is_forgotten = forgotten.iter().any(|forgotten| forgotten.strip_prefix("p_") == Some(name));
            assert!(!is_default || is_forgotten, "{}: p_{name} is told to all steps behind", path.display());
        }
    }
}

#[test]
fn shellcheck_has_nothing_to_say() {
    // They share the library: it is looked at once, with what calls each of them behind it.
    let steps = Phase::ALL.map(|phase| {
        let mut script = script(phase, Path::new("/srv"), "r1");
        // What each phase is told besides; the dead man's switch is looked at by itself.
        script.set("dead_man", "x");
        for name in [
            "id",
            "digest",
            "base",
            "need_kib",
            "need_inodes",
            "goal",
            "confirm",
            "to",
            "keep",
            "python_series",
            "machine",
        ] {
            script.set(name, "x");
        }
        script
            .set("gates", "gate 0 1 0 dry true '' || return 0\n")
            .set("removals", "")
            .set("stale", "")
            .set("blames", "no");
        script
    });
    let mut text = steps[0].text();
    text.truncate(text.strip_suffix(b"}\n").unwrap().len());
    for step in &steps[1..] {
        text.extend_from_slice(&step.step());
    }
    text.extend_from_slice(b"}\n");
    shellcheck("the phases", &text);
    shellcheck("the dead man's switch", include_bytes!("../../assets/remote/dead_man.sh"));
}

fn shellcheck(what: &str, text: &[u8]) {
    let mut child = Command::new("shellcheck")
        // Shared parts: not every phase uses all of them, and functions are called by others. -ef and -nt are of POSIX.1-2024.
        .args(["--shell=sh", "--exclude=SC2034,SC2317,SC2329,SC3013", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{what}:\n{}", String::from_utf8_lossy(&output.stdout));
}

/// A pipeline tells of its last command only: in a `$(…)` what its first one did not say would look like a value.
#[test]
fn no_value_comes_out_of_a_pipeline() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/remote");
    let mut found = Vec::new();
    for script in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if script.extension().is_none_or(|extension| extension != "sh") {
            continue;
        }
        for (at, line) in fs::read_to_string(&script).unwrap().lines().enumerate() {
            // What the shell prints itself, to a function that says whether it could read it.
            let values = line.split("$(").skip(1).map(|value| value.replace("||", "").replace("| hex)", ""));
            if values.into_iter().any(|value| value.split(')').next().unwrap().contains('|')) {
                found.push(format!("{}:{}: {line}", script.display(), at + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
