//! `coalmine diff`: what differs, as text and as JSON.

use serde_json::Value;

use crate::project::Project;

#[test]
fn two_releases_differ_by_commits_files_and_sizes() {
    let project = Project::new();
    project.write("repository/file", "longer content");
    project.commit("Say more", "2.0.0");

    let text = project.coalmine(&["diff", "1.10.0", "2.0.0", "--no-fetch"]).exits(0).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("1.10.0-") && lines[0].contains(" → 2.0.0-"), "{text}");
    assert_eq!(lines[1], "  commits: 1 new, 0 taken back");
    assert!(lines[2].ends_with(" Say more"), "{text}");
    assert!(lines[3].starts_with("  files: 0 new, 1 changed, 0 removed, 0 the same"), "{text}");
    assert_eq!(lines[4], "    ~ bin/file 7 B → 14 B");

    let back = project.coalmine(&["diff", "2.0.0", "1.10.0", "--output", "json"]).exits(0).stdout;
    let json: Value = serde_json::from_str(&back).unwrap();
    assert_eq!((&json["schema"], &json["environment"]), (&1.into(), &"production".into()));
    let difference = &json["differences"][0];
    assert_eq!(difference["from"]["version"], "2.0.0");
    assert_eq!(difference["commits"]["removed"][0]["subject"], "Say more");
    assert_eq!(difference["files"]["changed"][0]["bytes_before"], 14);

    let same = project.coalmine(&["diff", "2.0.0", "latest"]).exits(0).stdout;
    assert!(same.ends_with("  nothing differs\n"), "{same}");
}

#[test]
fn what_cannot_be_compared_is_refused_or_told() {
    let project = Project::new();
    for arguments in [&["diff", "1.11.0"][..], &["diff", "1.10.0", "1.11.0"]] {
        project.coalmine(arguments).exits(1).complains("there is no tag \"1.11.0\"").complains("1.10.0");
    }
    project.coalmine(&["diff", "1.9.0", "1.10.0", "-l", "mw01.eqiad.invalid"]).exits(2).complains("--limit");
    // Nobody answers under `.invalid`, and that is told instead of an empty difference.
    let silent = project.coalmine(&["diff", "1.10.0", "-l", "mw[01-02].eqiad.invalid"]).exits(4).stdout;
    assert!(silent.contains("2 hosts did not say what they run: mw[01-02].eqiad.invalid"), "{silent}");
}
