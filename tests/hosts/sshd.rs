//! An sshd of a test's own.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use coalmine::host::SshSettings;

/// An sshd of the test's own on loopback, with one key that it takes.
pub(crate) struct Sshd {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) port: u16,
    child: Option<Child>,
}

impl Sshd {
    pub(crate) fn start(extra: &str) -> Self {
        let folder = crate::stage::temporary();
        let path = folder.path();
        for key in ["host", "user"] {
            keygen(&path.join(key));
        }
        fs::copy(path.join("user.pub"), path.join("authorized_keys")).unwrap();
        let mut sshd = Self { folder, port: 0, child: None };
        sshd.trust("host.pub");
        // A port that was free is somebody else's now and then.
        for _ in 0..20 {
            sshd.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            sshd.write_server(extra);
            sshd.write_client("");
            if sshd.listens() {
                return sshd;
            }
        }
        panic!("sshd does not listen: {}", sshd.log());
    }

    fn write_server(&self, extra: &str) {
        let (port, folder_name) = (self.port, self.folder.path().display());
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {folder_name}/host\nPidFile none\n\
             AuthorizedKeysFile {folder_name}/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nLogLevel VERBOSE\n{extra}\n"
        );
        fs::write(self.folder.path().join("sshd_config"), config).unwrap();
    }

    /// Writes the configuration of ssh that the fleet is given.
    pub(crate) fn write_client(&self, extra: &str) {
        let path = self.folder.path().display();
        let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
        let config = format!(
            "{extra}\nHost box*\n HostName 127.0.0.1\n Port {}\n User {user}\n IdentityFile {path}/user\n IdentitiesOnly yes\n\
             IdentityAgent none\n UserKnownHostsFile {path}/known_hosts\n GlobalKnownHostsFile /dev/null\n HostKeyAlias box\n",
            self.port
        );
        fs::write(self.folder.path().join("ssh_config"), config).unwrap();
    }

    /// Makes a key of a file the one that clients know.
    pub(crate) fn trust(&self, key: &str) {
        let key = fs::read_to_string(self.folder.path().join(key)).unwrap();
        fs::write(self.folder.path().join("known_hosts"), format!("box {key}")).unwrap();
    }

    /// Starts it, and waits until it says that it listens; tells whether it does.
    fn listens(&mut self) -> bool {
        // It keeps its rights apart in a folder that packages make at boot.
        if fs::metadata("/run/sshd").is_err() {
            fs::create_dir_all("/run/sshd").unwrap_or_default();
        }
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let mut child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(self.folder.path().join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while !self.log().contains("Server listening on") {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "sshd does not listen: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child = Some(child);
        true
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Lists every process below it.
    pub(crate) fn descendants(&self) -> Vec<u32> {
        descendants(self.pid())
    }

    /// Lists the processes of sshd's own that serve connections.
    pub(crate) fn sessions(&self) -> Vec<u32> {
        let is_sshd =
            |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("sshd"));
        self.descendants().into_iter().filter(is_sshd).collect()
    }

    pub(crate) fn signal(&self, pids: &[u32], signal: &str) {
        for pid in pids {
            let status = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
            if !status.success() {
                eprintln!("process {pid} was gone");
            }
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Counts the handshakes that there were.
    pub(crate) fn accepted(&self) -> usize {
        self.log().lines().filter(|line| line.contains("Accepted publickey")).count()
    }

    pub(crate) fn ssh(&self) -> SshSettings {
        SshSettings {
            config: Some(self.folder.path().join("ssh_config")),
            // A machine that has much else to do takes its time to start a shell, and falls silent for a while.
            connect_timeout: Duration::from_secs(20),
            alive: Duration::from_secs(10),
            ..SshSettings::default()
        }
    }

    /// As [`Self::ssh`], for what is to be seen to be waited for: five seconds for a login, three for any other answer.
    pub(crate) fn impatient(&self) -> SshSettings {
        SshSettings { connect_timeout: Duration::from_secs(5), alive: Duration::from_secs(1), ..self.ssh() }
    }

    pub(crate) fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            let below = descendants(child.id());
            self.signal(&below, "-CONT");
            self.signal(&[child.id()], "-CONT");
            child.kill().unwrap();
            child.wait().unwrap();
            self.signal(&below, "-KILL");
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.down();
    }
}

pub(crate) fn keygen(path: &Path) {
    let status = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap();
    assert!(status.success());
}

/// Lists the processes below one, from /proc.
pub(crate) fn descendants(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut open = vec![pid];
    while let Some(parent) = open.pop() {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            // The name in parentheses may have anything in it.
            let above = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
            if above == Some(parent) {
                found.push(child);
                open.push(child);
            }
        }
    }
    found
}
