//! Releases that are cut whole, or not at all.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::project::{Answer, Project};

/// Holds a project whose checkout follows a bare repository.
struct Product {
    project: Project,
}

impl Product {
    fn new() -> Self {
        let product = Self { project: Project::new() };
        product.project.configure(
            "[target]",
            "[release]\nbump = \"echo {version} >version; if [ -e ../no-bump ]; then echo no bump today >&2; exit 1; fi\"\n[target]",
        );
        product.project.configure("remote = \"\"", "remote = \"origin\"");
        let origin = product.project.path("origin.git");
        product.git(&["init", "--quiet", "--bare", origin.to_str().unwrap()]);
        product.git(&["branch", "-M", "main"]);
        product.git(&["remote", "add", "origin", origin.to_str().unwrap()]);
        product.git(&["push", "--quiet", "--set-upstream", "origin", "main", "--tags"]);
        product.change("fix: say yes");
        product
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        let names = ["-c", "user.name=amy", "-c", "user.email=amy@deploy"];
        let done = git.arg("-C").arg(self.project.path("repository")).args(names).args(arguments).output().unwrap();
        assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Commits something.
    fn change(&self, subject: &str) {
        self.project.write("repository/file", subject);
        self.git(&["commit", "--quiet", "--all", "-m", subject]);
    }

    fn cut(&self, arguments: &[&str]) -> Answer {
        Answer::of(self.command(arguments).output().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.project.command(&[&["release", "cut"], arguments].concat());
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "amy").env(format!("GIT_{role}_EMAIL"), "amy@deploy");
        }
        command
    }

    /// Gives everything that a cut could change, here and there.
    fn picture(&self) -> String {
        let all = ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"];
        let status = self.git(&["status", "--porcelain", "--ignored"]);
        let origin = self.git(&["ls-remote", "origin"]);
        format!("{}{}{status}{origin}", self.git(&all), self.git(&["rev-parse", "HEAD"]))
    }
}

#[test]
fn a_release_is_cut_with_changelog_bump_commit_and_tag_and_pushed_whole() {
    let product = Product::new();
    let before = product.picture();
    let shown = product.cut(&["1.11.0", "-n"]).exits(0);
    assert_eq!(shown.stdout, "- fix: say yes\n");
    product.cut(&["1.11.0"]).exits(2).complains("--yes was not given");
    assert_eq!(product.picture(), before);
    let cut = product.cut(&["1.11.0", "--yes"]).exits(0);
    assert!(cut.stdout.contains("`git push --atomic origin main 1.11.0` publishes it"), "{cut:?}");
    assert_eq!(product.git(&["show", "1.11.0:version"]), "1.11.0\n");
    let changelog = product.git(&["show", "1.11.0:CHANGELOG.md"]);
    assert!(
        changelog.starts_with("# Changelog\n\n## [1.11.0] - 20") && changelog.ends_with("\n\n- fix: say yes\n"),
        "{changelog}"
    );
    assert_eq!(product.git(&["cat-file", "-t", "1.11.0"]), "tag\n", "it is annotated");
    assert_eq!(product.git(&["status", "--porcelain"]), "");
    product.project.coalmine(&["releases"]).exits(0);

    product.change("feat: say no");
    product.project.write("notes", "### Added\n\n- A way to say no.\n");
    product.cut(&["1.12.0", "--yes", "--push", "--notes", "notes"]).exits(0);
    let changelog = product.git(&["show", "1.12.0:CHANGELOG.md"]);
    assert!(changelog.contains("\n\n### Added\n\n- A way to say no.\n\n## [1.11.0]"), "{changelog}");
    let origin = product.git(&["ls-remote", "origin"]);
    let head = product.git(&["rev-parse", "HEAD"]);
    assert!(
        origin.contains("refs/tags/1.12.0^{}") && origin.contains(&format!("{}\trefs/heads/main", head.trim())),
        "{origin}"
    );
}

#[test]
fn a_cut_that_is_interrupted_in_the_middle_of_its_commit_leaves_nothing() {
    let product = Product::new();
    let hook = "repository/.git/hooks/pre-commit";
    product.project.write(hook, "#!/bin/sh\n: >../hooked\nexec sleep 60\n");
    fs::set_permissions(product.project.path(hook), fs::Permissions::from_mode(0o755)).unwrap();
    let before = product.picture();
    let mut command = product.command(&["1.11.0", "--yes"]);
    let cut = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !product.project.path("hooked").exists() {
        assert!(Instant::now() < deadline, "the hook did not run");
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = rustix::process::Pid::from_child(&cut);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let answer = Answer::of(cut.wait_with_output().unwrap()).exits(130);
    answer.complains("SIGTERM: nothing was changed").complains("the checkout is as it was before");
    assert_eq!(product.picture(), before);
}

#[test]
fn a_cut_that_cannot_be_whole_leaves_nothing() {
    let product = Product::new();
    let refused = |arguments: &[&str], complaint: &str| {
        let before = product.picture();
        product.cut(arguments).exits(1).complains(complaint);
        assert_eq!(product.picture(), before, "{complaint}");
    };
    refused(&["1.10.0", "--yes"], "the tag 1.10.0 exists already");
    refused(&["1.9.1", "--yes"], "1.9.1 is not newer than 1.10.0");
    refused(&["v1.11.0", "--yes"], "no release can be tagged \"v1.11.0\"");
    product.project.write("repository/stray", "");
    refused(&["1.11.0", "--yes"], "changes that are not committed: stray");
    fs::remove_file(product.project.path("repository/stray")).unwrap();
    product.project.write("no-bump", "");
    refused(&["1.11.0", "--yes"], "release.bump failed: no bump today");
    fs::remove_file(product.project.path("no-bump")).unwrap();
    // A hook here, and one there: what was done before them is taken back.
    for (hooks, arguments) in [
        ("repository/.git/hooks/pre-commit", &["1.11.0", "--yes"][..]),
        ("origin.git/hooks/pre-receive", &["1.11.0", "--yes", "--push"]),
    ] {
        product.project.write(hooks, "#!/bin/sh\necho not on fridays >&2\nexit 1\n");
        fs::set_permissions(product.project.path(hooks), fs::Permissions::from_mode(0o755)).unwrap();
        refused(arguments, "not on fridays");
        fs::remove_file(product.project.path(hooks)).unwrap();
    }
    // Somebody has pushed meanwhile.
    product.git(&["push", "--quiet", "origin", "main"]);
    product.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    product.cut(&["1.11.0", "--yes"]).exits(1).complains("main is stale: origin/main has 1 commit that it has not");
    product.cut(&["1.11.0", "--yes", "--no-fetch", "--sign"]).exits(1).complains("the checkout is as it was before");
    product.git(&["switch", "--quiet", "--detach"]);
    product.cut(&["1.11.0", "--yes"]).exits(1).complains("on no branch");
    product.project.configure("remote = \"origin\"", "remote = \"\"");
    product.cut(&["1.11.0", "--yes", "--push"]).exits(2).complains("no product.remote");
}
