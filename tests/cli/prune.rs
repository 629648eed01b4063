//! Built releases that go, and those that are another's.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::fs;

use crate::project::{Answer, Project};

fn built(project: &Project) -> Vec<String> {
    let names = fs::read_dir(project.path("state/releases")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

#[test]
fn a_release_of_another_product_stays_whoever_prunes() {
    let (project, other) = (Project::new(), Project::new());
    other.configure("name = \"scap\"", "name = \"shop\"");
    other.configure("root = \"scap\"", "root = \"shop\"");
    other.write("repository/file", "another");
    other.commit("another", "2.0.0");
    let beside = |arguments: &[&str]| {
        let mut command = other.command(arguments);
        Answer::of(command.env("COALMINE_STATE_DIR", project.path("state")).output().unwrap())
    };
    beside(&["build", "2.0.0"]).exits(0);
    for version in ["1.9.0", "1.10.0"] {
        project.coalmine(&["build", version]).exits(0);
    }
    let prune = ["releases", "prune", "--keep", "0", "--yes"];
    project.coalmine(&["releases", "prune"]).exits(2).complains("--dry-run shows what would go");
    let told = project.coalmine(&prune).exits(0).stdout;
    assert!(told.contains("elsewhere") && told.contains("2 releases are gone; freed "), "{told}");
    let left = built(&project);
    assert!(matches!(&left[..], [only] if only.starts_with("2.0.0-")), "{left:?}");
    beside(&prune).exits(0);
    assert_eq!(built(&project), Vec::<String>::new());
    // Nothing is built, and nothing of the marks can be read.
    assert_eq!(project.coalmine(&prune).exits(0).stdout, "nothing is built\n");
    project.write("state/marks.jsonl", "nonsense\n");
    project.coalmine(&prune).exits(1).complains("so all stay");
}
