//! A sandbox that goes down when its test ends, and what tests ask of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use coalmine::model::HostId;
use coalmine::sandbox::{self, Options, Removed};

pub(crate) const FIRST: &str = "mw01.eqiad.sandbox";
pub(crate) const SECOND: &str = "mw02.codfw.sandbox";

/// Names the binary; it lies elsewhere when these tests are run once more on another machine.
fn coalmine() -> OsString {
    std::env::var_os("COALMINE_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_coalmine").into())
}

/// How many seconds a host has to let us in that is to do so, whatever else this machine does.
const PATIENT: u32 = 60;

pub(crate) struct Fleet {
    pub(crate) dir: PathBuf,
    _parent: tempfile::TempDir,
}

impl Fleet {
    pub(crate) fn up(hosts: usize) -> Self {
        let parent = tempfile::Builder::new().prefix("coalmine-").tempdir().unwrap();
        let fleet = Self { dir: parent.path().join("sandbox"), _parent: parent };
        sandbox::up(&fleet.options(hosts)).unwrap();
        fleet
    }

    pub(crate) fn options(&self, hosts: usize) -> Options {
        let arguments = ["sandbox", "serve"].map(OsString::from);
        let supervisor = std::iter::once(coalmine()).chain(arguments).collect();
        Options { dir: self.dir.clone(), hosts, supervisor }
    }

    /// Runs coalmine with the sandbox's configuration; gives its exit code and what it printed.
    pub(crate) fn coalmine(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(coalmine())
            .arg("-c")
            .arg(self.dir.join("coalmine.toml"))
            .arg("--state-dir")
            .arg(self.dir.join("state"))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), said)
    }

    /// Gives a command on a host, which has so many seconds to let us in.
    fn command(&self, host: &str, command: &str, seconds: u32) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(self.dir.join("ssh_config"));
        ssh.args(["-o", "BatchMode=yes", "-o", &format!("ConnectTimeout={seconds}"), host, command]);
        ssh
    }

    pub(crate) fn try_ssh(&self, host: &str, command: &str) -> Output {
        self.command(host, command, PATIENT).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a command on a host that must succeed; gives what it printed.
    pub(crate) fn ssh(&self, host: &str, command: &str) -> String {
        let output = self.try_ssh(host, command);
        assert!(output.status.success(), "{host}: {command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs a command on a host that must fail; gives what was complained of.
    pub(crate) fn ssh_fails(&self, host: &str, command: &str) -> String {
        let output = self.command(host, command, 8).stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "{host}: {command} succeeded");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Starts a command on a host and goes on.
    pub(crate) fn spawn(&self, host: &str, command: &str) -> Child {
        let pipes = [Stdio::piped(), Stdio::piped(), Stdio::piped()];
        let [stdin, stdout, stderr] = pipes;
        self.command(host, command, PATIENT).stdin(stdin).stdout(stdout).stderr(stderr).spawn().unwrap()
    }

    /// Starts a command on a host and waits until it runs there.
    pub(crate) fn session(&self, host: &str, command: &str) -> Child {
        let mut session = self.spawn(host, &format!("echo in; {command}"));
        session.stdout.as_mut().unwrap().read_exact(&mut [0; 3]).unwrap();
        session
    }

    pub(crate) fn rsync(&self, from: &Path, host: &str) -> Output {
        Command::new("rsync")
            .args(["-r", "--timeout=20", "-e"])
            .arg(format!("ssh -F {} -o BatchMode=yes", self.dir.join("ssh_config").display()))
            .arg(from)
            .arg(format!("{host}:got"))
            .output()
            .unwrap()
    }

    /// Switches a fault on or, with `none`, off; gives what it cannot do on this machine.
    pub(crate) fn fault(&self, host: &str, fault: &str) -> Vec<String> {
        let fault = (fault != "none").then(|| fault.parse().unwrap());
        sandbox::fault(&self.dir, &[HostId::new(host).unwrap()], fault).unwrap()
    }

    pub(crate) fn address(&self, host: &str) -> SocketAddr {
        let status = sandbox::status(&self.dir).unwrap();
        let found = status.hosts.iter().find(|known| known.host.as_str() == host).unwrap();
        SocketAddr::new(found.address, status.port)
    }

    pub(crate) fn down(&self) -> Removed {
        sandbox::down(&self.dir).unwrap()
    }

    /// Lists the processes that name the sandbox's folder in their arguments or environment.
    pub(crate) fn processes(&self) -> Vec<String> {
        let needle = self.dir.to_str().unwrap().as_bytes();
        let has =
            |path: String| fs::read(path).is_ok_and(|content| content.windows(needle.len()).any(|part| part == needle));
        let own = std::process::id().to_string();
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        pids.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()) && *pid != own)
            .filter(|pid| has(format!("/proc/{pid}/cmdline")) || has(format!("/proc/{pid}/environ")))
            .map(|pid| format!("{pid} {}", fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim()))
            .collect()
    }

    /// Asserts that nothing is left; a process that is just ending gets a moment.
    pub(crate) fn assert_gone(&self) {
        assert!(!self.dir.exists());
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.processes().is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(self.processes(), Vec::<String>::new());
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.contains(self.dir.to_str().unwrap()), "{mounts}");
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Err(error) = sandbox::down(&self.dir) {
            eprintln!("the sandbox was not taken down: {error}");
        }
    }
}
