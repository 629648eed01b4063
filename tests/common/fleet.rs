//! A sandbox with a state folder, and what tests do to the rollouts in it; shared by the binaries that name this file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot set itself up has failed")]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use coalmine::model::HostId;
use coalmine::sandbox::{self, Options};
use coalmine::words::VERBS;
use serde_json::Value;

#[path = "pip.rs"]
mod pip;

/// How long anything may take before a test has failed: on a busy machine the build of a release alone takes more than a minute.
const LONGEST: Duration = Duration::from_secs(150);

pub(crate) fn coalmine() -> OsString {
    std::env::var_os("COALMINE_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_coalmine").into())
}

/// Waits until something is so.
pub(crate) fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONGEST;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
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
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code, and that whatever is proposed to people is called as this was.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        // A line of usage says how a command is written, and proposes none.
        let is_told = |line: &&str| !line.starts_with('{') && !line.starts_with("Usage: ");
        let told = self.stdout.lines().chain(self.stderr.lines()).filter(is_told);
        for line in told {
            for proposed in line.split("coalmine ").skip(1) {
                let word = proposed.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap_or_default();
                assert!(!VERBS.contains(&word), "it lacks -c and --state-dir: {line}");
            }
        }
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "{}{}", self.stdout, self.stderr);
        self
    }
}

pub(crate) struct Fleet {
    pub(crate) dir: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) _parent: tempfile::TempDir,
}

impl Fleet {
    pub(crate) fn up(hosts: usize) -> Self {
        let parent = tempfile::Builder::new().prefix("coalmine-").tempdir().unwrap();
        let dir = parent.path().join("sandbox");
        let fleet = Self { state: dir.join("state"), dir, _parent: parent };
        let supervisor = [coalmine(), "sandbox".into(), "serve".into()].into();
        sandbox::up(&Options { dir: fleet.dir.clone(), hosts, supervisor }).unwrap();
        pip::lend(&fleet.state, true);
        fleet
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(coalmine());
        command.arg("-c").arg(self.dir.join("coalmine.toml")).arg("--state-dir").arg(&self.state);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // What is expected has arrows in it, whoever runs the tests.
        command.env("LANG", "C.UTF-8");
        command
    }

    /// Writes a command as it is proposed to whoever runs one of this fleet's.
    pub(crate) fn proposed(&self, command: &str) -> String {
        let (config, state) = (self.dir.join("coalmine.toml"), self.state.display());
        format!("coalmine -c {} --state-dir {state} {command}", config.display())
    }

    pub(crate) fn coalmine(&self, arguments: &[&str]) -> Answer {
        Answer::of(self.command(arguments).output().unwrap())
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Names the process that holds the environment.
    pub(crate) fn conductor(&self) -> Option<i32> {
        let text = fs::read_to_string(self.state.join("locks/sandbox.lock")).ok()?;
        let written: Value = serde_json::from_str(text.lines().next()?).ok()?;
        let pid = written["holder"]["pid"].as_i64()?;
        i32::try_from(pid).ok()
    }

    pub(crate) fn journal(&self, rollout: &str) -> PathBuf {
        self.state.join("rollouts").join(rollout).join("journal.jsonl")
    }

    /// Waits until the journal has a record of a kind.
    pub(crate) fn wait_for(&self, rollout: &str, kind: &str) {
        until(kind, || {
            let text = fs::read_to_string(self.journal(rollout)).unwrap_or_default();
            text.contains(&format!("\"kind\":\"{kind}\"")).then_some(())
        });
    }

    /// Waits until a rollout is over, and what it had locked is free.
    pub(crate) fn wait_for_the_end(&self, rollout: &str) {
        let conductor = self.conductor();
        self.wait_for(rollout, "rollout_finished");
        until("the end of its conductor", || conductor.is_none_or(is_gone).then_some(()));
    }

    pub(crate) fn fault(&self, host: &str, fault: &str) {
        sandbox::fault(&self.dir, &[HostId::new(host).unwrap()], fault.parse().ok()).unwrap();
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Some(pid) = self.conductor() {
            kill(pid, rustix::process::Signal::KILL);
        }
        pip::keep(&self.state);
        if let Err(error) = sandbox::down(&self.dir) {
            eprintln!("the sandbox was not taken down: {error}");
        }
    }
}

/// Sends a signal to a conductor of a test, if it is still one; one that is killed is gone afterwards, with all that it held.
pub(crate) fn kill(pid: i32, signal: rustix::process::Signal) {
    let arguments = fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline")).unwrap_or_default();
    if !String::from_utf8_lossy(&arguments).contains("coalmine") {
        return;
    }
    let process = rustix::process::Pid::from_raw(pid).unwrap();
    // It may have ended meanwhile.
    if let Err(error) = rustix::process::kill_process(process, signal) {
        assert_eq!(error, rustix::io::Errno::SRCH);
    }
    if signal == rustix::process::Signal::KILL {
        // Its socket may be closed before its lock is free.
        until("the death of a conductor", || is_gone(pid).then_some(()));
    }
}

/// Tells whether a process is gone with all that it held: one that nobody has reaped yet holds nothing.
fn is_gone(pid: i32) -> bool {
    !fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
