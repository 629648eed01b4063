//! What a repository says, and what a build leaves: obeyed, or refused by name; and what is printed of it for programs.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::fs;
use std::os::unix::fs::chown;
use std::process::Command;

use serde_json::Value;

use crate::project::{Answer, Project};

/// Holds a project whose checkout follows a bare repository, and a second clone of that, which pushes.
struct Followed {
    project: Project,
}

impl Followed {
    fn new() -> Self {
        let project = Project::new();
        project.configure("remote = \"\"", "remote = \"origin\"");
        let followed = Self { project };
        let origin = followed.project.path("origin.git");
        followed.git("repository", &["branch", "-M", "main"]);
        followed.git("", &["clone", "--quiet", "--bare", "repository", origin.to_str().unwrap()]);
        followed.git("repository", &["remote", "add", "origin", origin.to_str().unwrap()]);
        followed.git("", &["clone", "--quiet", origin.to_str().unwrap(), "other"]);
        followed
    }

    fn git(&self, folder: &str, arguments: &[&str]) {
        let mut git = Command::new("git");
        let names = ["-c", "user.name=amy", "-c", "user.email=amy@deploy"];
        let done = git.arg("-C").arg(self.project.path(folder)).args(names).args(arguments).output().unwrap();
        assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Plans; hosts that there are not are no concern of what is planned for them.
    fn plan(&self, arguments: &[&str]) -> Answer {
        self.project.coalmine(&[&["plan"], arguments].concat())
    }
}

#[test]
fn what_upstream_withdrew_is_not_the_latest_and_a_branch_that_became_a_folder_stands_in_no_way() {
    let followed = Followed::new();
    followed.git("other", &["tag", "1.20.0"]);
    followed.git("other", &["push", "--quiet", "origin", "1.20.0", "HEAD:refs/heads/fix"]);
    let planned = followed.plan(&[]).exits(4);
    assert!(planned.stdout.contains("Plan: install 1.20.0 on production"), "{planned:?}");
    assert!(planned.stdout.contains("1.20.0 is the newest of 4 tags"), "{planned:?}");

    followed.git("other", &["push", "--quiet", "origin", ":refs/tags/1.20.0", ":refs/heads/fix"]);
    followed.git("other", &["push", "--quiet", "origin", "HEAD:refs/heads/fix/typo"]);
    let planned = followed.plan(&[]).exits(4).complains("the tag 1.20.0 was withdrawn upstream");
    assert!(planned.stdout.contains("Plan: install 1.10.0 on production"), "{planned:?}");
    // Not only who fetched first is told.
    let planned = followed.plan(&["--output", "json"]).exits(4);
    let planned: Value = serde_json::from_str(&planned.stdout).unwrap();
    let noted = planned["notes"].as_array().unwrap();
    assert!(noted.contains(&"1.20.0 was withdrawn upstream, and is passed over".into()), "{planned}");
    followed.project.coalmine(&["build", "1.20.0"]).exits(1).complains("the tag \"1.20.0\" was withdrawn upstream");
    let listed = followed.project.coalmine(&["releases"]).exits(0);
    assert!(listed.stdout.contains("1.10.0"), "{listed:?}");

    // A channel whose branch is gone is no channel.
    followed.project.configure("hosts = \"@all\"", "channel = \"branch:fix\"\nhosts = \"@all\"");
    followed.plan(&[]).exits(1).complains("no branch \"fix\" at origin");
    followed.project.configure("branch:fix", "branch:fix/typo");
    followed.plan(&[]).exits(4);
}

#[test]
fn tags_that_nobody_signed_are_counted_and_a_tag_of_a_tree_is_told_for_what_it_is() {
    let followed = Followed::new();
    followed.git("repository", &["tag", "1.3.0", "HEAD^{tree}"]);
    let refused = followed.project.coalmine(&["build", "1.3.0"]).exits(1);
    refused.complains("the tag \"1.3.0\" is of a tree, not of a commit").complains("tag the commit that has it");
    followed.project.configure("remote = \"origin\"", "remote = \"origin\"\nverify_tags = true");
    for command in ["plan", "build"] {
        let refused = followed.project.coalmine(&[command]).exits(1);
        assert!(!refused.stderr.contains("matches product.tags"), "{refused:?}");
        let refused = refused.complains("git accepts the signature of none of the 3 tags");
        refused.complains("product.verify_tags is set; the newest: 1.10.0: error: ");
    }
}

#[test]
fn a_checkout_of_somebody_else_is_named_with_the_command_that_trusts_it() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: nobody but root gives a checkout to another user");
        return;
    }
    let project = Project::new();
    let repository = project.path("repository");
    for folder in [repository.clone(), repository.join(".git")] {
        chown(&folder, Some(65534), None).unwrap();
    }
    let trust = format!("git config --global --add safe.directory {}", repository.display());
    for command in ["releases", "plan", "build"] {
        let refused = project.coalmine(&[command]).exits(1);
        assert!(!refused.stderr.contains("is not a git repository"), "{refused:?}");
        refused.complains("belongs to nobody, and git does not trust it").complains(&trust);
    }
    let mut command = Command::new("git");
    command.env("HOME", project.path("home")).args(["config", "--global", "--add", "safe.directory"]).arg(&repository);
    fs::create_dir_all(project.path("home")).unwrap();
    assert!(command.status().unwrap().success());
    project.coalmine(&["releases"]).exits(0);
}

#[test]
fn a_plan_says_who_built_a_release_that_somebody_else_did() {
    let project = Project::new();
    let by = |user: &str, words: &[&str]| {
        let mut command = project.command(words);
        command.env("USER", user).env_remove("SUDO_USER");
        Answer::of(command.output().unwrap())
    };
    by("joe", &["build", "1.9.0"]).exits(0);
    let told = |plan: &Answer| plan.stdout.contains("1.9.0-") && plan.stdout.contains("was built here on ");
    assert!(!told(&by("joe", &["plan", "1.9.0"])), "one's own release is told as somebody else's");
    let plan = by("amy", &["plan", "1.9.0"]);
    assert!(told(&plan) && plan.stdout.contains(" by joe@"), "{plan:?}");
    if !rustix::process::geteuid().is_root() {
        eprintln!("not looked at: nobody but root gives files to another user");
        return;
    }
    // Whoever it says it was, the files are another's.
    let releases = fs::read_dir(project.path("state/releases")).unwrap().map(|entry| entry.unwrap().path());
    for release in releases.filter(|path| path.join("tree").exists()) {
        chown(release.join("tree"), Some(65534), None).unwrap();
    }
    let plan = by("joe", &["plan", "1.9.0"]);
    assert!(told(&plan) && plan.stdout.contains("its files are nobody's"), "{plan:?}");
}

#[test]
fn modes_that_a_release_cannot_say_and_pointers_in_place_of_contents_are_told_or_refused() {
    let project = Project::new();
    let copy = "\"cp file {prefix}/bin/\"";
    project.configure(copy, &format!("{copy}, \"echo key >{{prefix}}/secret; chmod 600 {{prefix}}/secret\""));
    project.coalmine(&["build", "1.9.0"]).exits(0).complains("\"secret\" (0600)").complains("build.modes");
    project.configure("kind = \"command\"", "kind = \"command\"\nmodes = \"refuse\"");
    project.coalmine(&["build", "1.10.0"]).exits(1).complains("\"secret\" (0600)").complains("build.modes");
    project.configure("modes = \"refuse\"", "modes = \"tell\"");
    project.configure("chmod 600", "chmod 4755");
    project.coalmine(&["build", "1.10.0"]).exits(1).complains("set-id or sticky bits").complains("\"secret\"");
    project.configure("modes = \"tell\"", "modes = \"plain\"");
    project.coalmine(&["build", "1.10.0"]).exits(0);

    // A pointer that is one by the repository's own word is never deployed as it lies.
    let digest = "434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53";
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 8\n");
    project.write("repository/file", &pointer);
    project.commit("a pointer that nobody says is one", "1.11.0");
    project.coalmine(&["build", "1.11.0"]).exits(0).complains("Git LFS pointers, not contents (\"file\")");
    project.write("repository/.gitattributes", "file filter=lfs -text\n");
    let refused = {
        let mut git = Command::new("git");
        git.arg("-C").arg(project.path("repository")).args(["-c", "filter.lfs.clean=cat", "add", "--all"]);
        assert!(git.status().unwrap().success());
        project.commit("a pointer that is one", "1.12.0");
        project.coalmine(&["build", "1.12.0"]).exits(1)
    };
    refused.complains("1.12.0").complains("Git LFS that cannot be had (\"file\")");
    project.write(&format!("repository/.git/lfs/objects/43/47/{digest}"), "content\n");
    project.coalmine(&["build", "1.12.0"]).exits(0);
    let releases = fs::read_dir(project.path("state/releases")).unwrap().map(|entry| entry.unwrap().path());
    let built = releases.into_iter().find(|path| path.to_string_lossy().contains("1.12.0-")).unwrap();
    assert_eq!(fs::read_to_string(built.join("tree/bin/file")).unwrap(), "content\n");
}

#[test]
fn contents_of_git_lfs_are_fetched_where_git_lfs_is() {
    if !Command::new("git").args(["lfs", "version"]).output().is_ok_and(|told| told.status.success()) {
        eprintln!("skipped: there is no git-lfs here");
        return;
    }
    let followed = Followed::new();
    let project = &followed.project;
    project.write("other/file", &"content of a large file\n".repeat(1000));
    followed.git("other", &["lfs", "install", "--local"]);
    followed.git("other", &["lfs", "track", "file"]);
    followed.git("other", &["add", "--all"]);
    followed.git("other", &["commit", "--quiet", "--message", "large"]);
    followed.git("other", &["tag", "2.0.0"]);
    let origin = format!("file://{}", project.path("origin.git").display());
    followed.git("other", &["remote", "set-url", "origin", &origin]);
    followed.git("other", &["push", "--quiet", "origin", "HEAD:main", "2.0.0"]);
    followed.git("repository", &["remote", "set-url", "origin", &origin]);
    // The checkout has the pointer alone, and what it points at comes from upstream; without a fetch it is refused.
    project.coalmine(&["build", "1.9.0"]).exits(0);
    project.coalmine(&["build", "2.0.0", "--no-fetch"]).exits(1).complains("Git LFS that cannot be had (\"file\")");
    project.coalmine(&["build", "2.0.0"]).exits(0);
    let releases = fs::read_dir(project.path("state/releases")).unwrap().map(|entry| entry.unwrap().path());
    let built = releases.into_iter().find(|path| path.to_string_lossy().contains("2.0.0-")).unwrap();
    let built = fs::read_to_string(built.join("tree/bin/file")).unwrap();
    assert_eq!(built, fs::read_to_string(project.path("other/file")).unwrap());
}
