//! Files of the state folder that cannot be read: what a deployer learns who has nothing else at hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::Value;

use crate::project::Project;

impl Project {
    /// Puts a pipe that nobody writes where a file belongs.
    fn pipe(&self, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
    }
}

#[test]
fn a_status_shows_its_hosts_whatever_it_cannot_read_beside_them_and_names_that() {
    let project = Project::new();
    project.pipe("state/marks.jsonl");
    fs::create_dir_all(project.path("state/locks/production.lock")).unwrap();
    project.pipe("state/locks/production.frozen");
    project.pipe("state/service/production.jsonl");
    let answer = project.coalmine(&["status", "--no-fetch"]).exits(4);
    assert!(answer.stdout.contains("mw[01-04].eqiad.invalid"), "{answer:?}");
    for told in [
        "marks.jsonl: it is a pipe, and no file",
        "production.lock: it is a folder, and no file",
        "is frozen, but not by whom (it is a pipe, and no file)",
        "production.jsonl: it is a pipe, and no file",
    ] {
        assert_eq!(answer.stderr.matches(told).count(), 1, "{told}: {}", answer.stderr);
    }
    project.pipe("state/rollouts/20260101-000000-abcd/journal.jsonl");
    let json = project.coalmine(&["status", "--no-fetch", "--output", "json"]).exits(4);
    let json = json.complains("rollout 20260101-000000-abcd is not known").stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["hosts"].as_array().unwrap().len(), 5);
    assert!(json["unknown"].as_array().unwrap().len() >= 4, "{json}");
}

#[test]
fn what_would_lose_something_is_refused_by_the_name_of_the_file() {
    let project = Project::new();
    fs::create_dir_all(project.path("state")).unwrap();
    symlink("/nowhere/marks.jsonl", project.path("state/marks.jsonl")).unwrap();
    let install = ["install-world", "1.9.0", "--yes", "--no-fetch"];
    let answer = project.coalmine(&install).exits(1).complains("what was found bad is not known");
    answer.complains("it is a link to /nowhere/marks.jsonl").complains("put it back from a backup");
    assert!(!project.left("ran-build"));
    project.coalmine(&["releases"]).exits(0).complains("what was found bad is not known");
    fs::remove_file(project.path("state/marks.jsonl")).unwrap();
    fs::create_dir_all(project.path("state/locks/production.lock")).unwrap();
    let told = "production.lock: it is a folder, and no file";
    project.coalmine(&install).exits(1).complains(told);
    let status = project.coalmine(&["status", "--no-fetch"]).exits(4);
    assert_eq!(status.stderr.matches(told).count(), 1, "{}", status.stderr);
    assert!(!project.left("ran-build"));
}

#[test]
fn a_folder_of_rollouts_that_is_none_stops_what_begins_one_and_nothing_else() {
    let project = Project::new();
    project.write("state/rollouts", "no folder");
    let told = "rollouts: it is a file, and no folder";
    let status = project.coalmine(&["status", "--no-fetch"]).exits(4).complains("who is in debt");
    assert_eq!(status.stderr.matches(told).count(), 1, "{}", status.stderr);
    assert!(project.coalmine(&["releases"]).exits(0).complains(told).stdout.contains("1.10.0"));
    for command in ["rollouts", "show", "attach", "pause", "continue", "abort", "retry", "resume"] {
        project
            .coalmine(&[command])
            .exits(1)
            .complains(told)
            .complains("put it back from a backup, or do without: mv ");
    }
    project.coalmine(&["lock", "--reason", "audit"]).exits(0);
    project.coalmine(&["unlock"]).exits(0);
    assert!(project.coalmine(&["doctor"]).exits(1).stdout.contains(told));
    project.coalmine(&["install-world", "1.9.0", "--yes", "--no-fetch"]).exits(1).complains(told);
    assert!(!project.left("ran-build"));
}

#[test]
fn who_looks_for_what_runs_hears_of_rollouts_of_which_nothing_can_be_read() {
    let project = Project::new();
    project.write("state/rollouts/20260101-000000-abcd/journal.jsonl", "garbage\n");
    project.pipe("state/rollouts/20260102-000000-abcd/journal.jsonl");
    for command in ["attach", "pause", "abort"] {
        let answer = project.coalmine(&[command]).exits(1).complains("no rollout runs");
        let answer = answer.complains("rollout 20260101-000000-abcd is not known: ").complains("put the file back");
        answer.complains("rollout 20260102-000000-abcd is not known: ").complains("it is a pipe, and no file");
        project.coalmine(&[command, "20260102-000000-abcd"]).exits(1).complains("put the file back from a backup");
    }
}

#[test]
fn a_folder_of_releases_that_is_none_stops_what_builds_one_and_nothing_else() {
    let project = Project::new();
    project.write("state/releases", "no folder");
    let answer = project.coalmine(&["status", "--no-fetch"]).exits(4);
    assert!(answer.stdout.contains("mw[01-04].eqiad.invalid"), "{answer:?}");
    answer.complains("what was built here is not known").complains("releases: it is a file, and no folder");
    let releases = project.coalmine(&["releases"]).exits(0);
    assert!(releases.complains("what was built here is not known").stdout.contains("1.10.0"));
    let install = project.coalmine(&["install-world", "1.9.0", "--yes", "--no-fetch"]).exits(1);
    install.complains("releases: it is a file, and no folder");
    assert!(!project.left("ran-build"));
}

#[test]
fn a_doctor_names_each_file_that_is_damaged_with_what_to_do() {
    let project = Project::new();
    project.write("state/marks.jsonl", "\0\0\0\0\n{}\n");
    project.write("state/rollouts/20260101-000000-abcd/journal.jsonl", "garbage\n");
    project.write("state/releases/1.9.0-0a1b2c3d/meta.json", "{\"schema\":");
    fs::create_dir_all(project.path("state/locks/production.lock")).unwrap();
    fs::create_dir_all(project.path("state/locks/freezes.jsonl")).unwrap();
    project.pipe("state/service/production.jsonl");
    project.write("state/logs", "no folder");
    let answer = project.coalmine(&["doctor", "--output", "json"]).exits(1);
    let report: Value = serde_json::from_str(&answer.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    for (file, health) in [
        ("marks.jsonl", "warning"),
        ("20260101-000000-abcd/journal.jsonl", "warning"),
        ("1.9.0-0a1b2c3d", "warning"),
        ("production.lock", "failed"),
        ("freezes.jsonl", "warning"),
        ("service/production.jsonl", "warning"),
        ("state/logs", "failed"),
    ] {
        let about: Vec<&Value> = findings
            .iter()
            .filter(|finding| finding["message"].as_str().unwrap().contains(file) && finding["health"] != "ok")
            .collect();
        assert!(!about.is_empty(), "{file}: {}", answer.stdout);
        assert_eq!(about[0]["health"], health, "{file}");
        let told = format!("{}{}", about[0]["message"], about[0]["hint"]);
        assert!(["mv ", "rm -r", "mark it again"].iter().any(|what| told.contains(what)), "{file}: {told}");
    }
}

#[test]
fn an_environment_is_frozen_and_freed_also_where_that_cannot_be_written_down() {
    let project = Project::new();
    fs::create_dir_all(project.path("state/locks/freezes.jsonl")).unwrap();
    project.coalmine(&["lock", "--reason", "audit"]).exits(0).complains("it is not written down who did that");
    project.coalmine(&["unlock"]).exits(0).complains("it is not written down who did that");
    project.pipe("state/locks/production.frozen");
    project.coalmine(&["unlock"]).exits(0);
    fs::create_dir(project.path("state/locks/production.frozen")).unwrap();
    project.coalmine(&["install-world", "1.9.0", "--yes", "--no-fetch"]).exits(1).complains("not by whom");
    project.coalmine(&["unlock"]).exits(0);
    assert!(project.path("state/locks/production.damaged").is_dir(), "what is in it is kept");
}
