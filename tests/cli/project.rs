//! A folder with a product and a configuration, and nothing of this machine's own around it.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Where a configuration begins; groups and environments follow.
const PRODUCT: &str = r#"
[product]
name = "scap"
repository = "repository"
remote = ""
[build]
kind = "command"
commands = ["touch {folder}/ran-build", "mkdir -p {prefix}/bin", "cp file {prefix}/bin/"]
check = "true"
[target]
root = "scap"
"#;

/// Five hosts and a master; two groups that come of a command, which leaves a trace when it runs.
const FLEET: &str = r#"
[groups]
all = { hosts = ["mw[01-04].eqiad.invalid", "db01.codfw.invalid"] }
masters = { hosts = ["deploy1.eqiad.invalid"] }
asked = { command = ["sh", "-c", "touch ran-group; echo mw99.eqiad.invalid"] }
both = { any = ["@masters", "@asked"] }
[environments.production]
hosts = "@all"
masters = "@masters"
[[environments.production.stages]]
name = "fleet"
"#;

pub(crate) fn coalmine() -> OsString {
    std::env::var_os("COALMINE_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_coalmine").into())
}

/// Holds what a command answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Asserts the exit code, and that nothing reaches a terminal that could steer it.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        let steers = |c: char| c.is_control() && c != '\n';
        assert!(!self.stderr.contains(steers) && !self.stdout.contains(steers), "{self:?}");
        self
    }

    /// Asserts what standard error has in it.
    #[track_caller]
    pub(crate) fn complains(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in {}{}", self.stdout, self.stderr);
        self
    }
}

pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        let project = Self { folder: tempfile::Builder::new().prefix("coalmine-").tempdir().unwrap() };
        let product = PRODUCT.replace("{folder}", project.path("").to_str().unwrap().trim_end_matches('/'));
        project.write("coalmine.toml", &format!("{product}{FLEET}"));
        project.write("repository/file", "content");
        project.git(&["init", "--quiet", "."]);
        project.git(&["add", "file"]);
        project.git(&["-c", "user.name=amy", "-c", "user.email=amy@deploy", "commit", "--quiet", "-m", "first"]);
        for tag in ["1.9.0", "1.10.0", "1.10.0-rc1"] {
            project.git(&["tag", tag]);
        }
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces a part of the configuration.
    pub(crate) fn configure(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path("coalmine.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(self.path("coalmine.toml"), text.replace(from, to)).unwrap();
    }

    /// Commits what was written, and tags it.
    pub(crate) fn commit(&self, message: &str, tag: &str) {
        self.git(&["-c", "user.name=amy", "-c", "user.email=amy@deploy", "commit", "--quiet", "-a", "-m", message]);
        self.git(&["tag", tag]);
    }

    fn git(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        let done = git.arg("-C").arg(self.path("repository")).args(arguments).status().unwrap();
        assert!(done.success(), "git {arguments:?}");
    }

    /// Prepares coalmine in the folder, without a terminal and with a home of its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(coalmine());
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path("home")).env("COALMINE_STATE_DIR", self.path("state")).env("LC_ALL", "C.UTF-8");
        command
    }

    #[track_caller]
    pub(crate) fn coalmine(&self, arguments: &[&str]) -> Answer {
        Answer::of(self.command(arguments).output().unwrap())
    }

    /// Tells whether something was made that a refused command must not make: a build, a group's answer, a break-out.
    pub(crate) fn left(&self, name: &str) -> bool {
        fn has(folder: &Path, name: &str) -> bool {
            let entries = fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
            entries.into_iter().any(|entry| entry.file_name() == name || has_below(&entry, name))
        }
        fn has_below(entry: &fs::DirEntry, name: &str) -> bool {
            entry.file_type().unwrap().is_dir() && has(&entry.path(), name)
        }
        has(self.folder.path(), name)
    }
}
