//! What the sandbox keeps about itself, and where its files are.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::at;
use super::fleet::{self, Network, SandboxHost};
use super::process::Identity;
use super::{Fault, SandboxError};
use crate::model::HostId;

const SCHEMA: u32 = 1;

/// The control socket's path must fit into `sun_path` (108 bytes, unix(7)), and so must the sockets that ssh makes.
const LONGEST_DIR: usize = 80;

/// Tells what a sandbox is; written before anything else is made, so that `down` knows whatever `up` has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    schema: u32,
    /// What every process of the sandbox carries as `SANDBOX_ID`.
    pub(super) token: String,
    /// How many hosts it has beside the masters.
    pub(super) hosts: usize,
    /// The account that every host is.
    pub(super) user: String,
    pub(super) network: Network,
    pub(super) sshd: PathBuf,
    /// The interpreters that a release may link to.
    pub(super) pythons: Vec<PathBuf>,
    /// What the hosts' PATH has beside the usual folders: `:/opt/rsync/bin`, or nothing.
    pub(super) extra_path: String,
}

impl Record {
    pub(super) fn new(hosts: usize, network: Network, user: String, sshd: PathBuf) -> Self {
        let token = std::iter::repeat_with(fastrand::alphanumeric).take(20).collect();
        Self { schema: SCHEMA, token, hosts, user, network, sshd, pythons: Vec::new(), extra_path: String::new() }
    }

    pub(super) fn fleet(&self) -> Result<Vec<SandboxHost>, SandboxError> {
        fleet::hosts(self.hosts, self.network)
    }
}

/// Finds the files of a sandbox.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) dir: PathBuf,
}

impl Layout {
    /// Takes a folder for a sandbox.
    ///
    /// # Errors
    ///
    /// When its path is too long for a socket, or has characters that a shell, ssh or TOML would take for something.
    pub(super) fn new(dir: &Path) -> Result<Self, SandboxError> {
        let dir = std::path::absolute(dir).map_err(at(dir))?;
        let wrong = |reason| Err(SandboxError::BadDir { dir: dir.clone(), reason });
        let Some(text) = dir.to_str() else {
            return wrong("the path is not text");
        };
        if text.len() > LONGEST_DIR {
            return wrong("the path is longer than 80 bytes, and sockets in it could not be reached");
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@');
        if !text.chars().all(is_plain) {
            return wrong("the path has characters that shells and ssh would take for something else");
        }
        Ok(Self { dir })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(super) fn home(&self, host: &HostId) -> PathBuf {
        self.dir.join("hosts").join(host.as_str())
    }

    pub(super) fn host_key(&self, host: &HostId) -> PathBuf {
        self.dir.join("keys").join(host.as_str())
    }

    pub(super) fn fault_file(&self, host: &HostId) -> PathBuf {
        self.dir.join("faults").join(host.as_str())
    }

    /// Names the file that tells `enter.sh` how to get into the host's namespace.
    pub(super) fn namespace_file(&self, host: &HostId) -> PathBuf {
        self.dir.join("run").join(host.as_str())
    }

    pub(super) fn state_file(&self) -> PathBuf {
        self.path("sandbox.json")
    }

    pub(super) fn control_socket(&self) -> PathBuf {
        self.path("control.sock")
    }

    pub(super) fn supervisor_log(&self) -> PathBuf {
        self.path("log/supervisor.log")
    }

    pub(super) fn sshd_log(&self, host: &HostId) -> PathBuf {
        self.dir.join("log").join(host.as_str())
    }

    pub(super) fn write_state(&self, state: &Record) -> Result<(), SandboxError> {
        write_json(&self.state_file(), state)
    }

    /// Reads what the sandbox is; none when the folder has none.
    pub(super) fn state(&self) -> Result<Option<Record>, SandboxError> {
        let state: Option<Record> = read_json(&self.state_file())?;
        match state {
            Some(state) if state.schema != SCHEMA => Err(SandboxError::Unreadable {
                path: self.state_file(),
                what: format!(
                    "written by another coalmine (schema {}); take the sandbox down with that one",
                    state.schema
                ),
            }),
            state => Ok(state),
        }
    }

    pub(super) fn write_supervisor(&self, identity: &Identity) -> Result<(), SandboxError> {
        write_json(&self.path("supervisor.json"), identity)
    }

    /// Gives the supervisor if it is running: a process with its id that started later is somebody else.
    pub(super) fn supervisor(&self) -> Result<Option<Identity>, SandboxError> {
        let identity: Option<Identity> = read_json(&self.path("supervisor.json"))?;
        Ok(identity.filter(Identity::is_alive))
    }

    /// Reads a host's fault; none when it has none.
    pub(super) fn fault(&self, host: &HostId) -> Result<Option<Fault>, SandboxError> {
        let path = self.fault_file(host);
        match read(&path)? {
            None => Ok(None),
            Some(text) => match text.trim().parse() {
                Ok(fault) => Ok(Some(fault)),
                Err(error) => Err(SandboxError::Unreadable { path, what: format!("{error}") }),
            },
        }
    }

    pub(super) fn write_fault(&self, host: &HostId, fault: Option<Fault>) -> Result<(), SandboxError> {
        let path = self.fault_file(host);
        match fault {
            Some(fault) => write(&path, format!("{fault}\n").as_bytes(), 0o600),
            None => remove_file(&path),
        }
    }
}

/// Gives the folder of the sandbox when none is named: `$XDG_STATE_HOME/coalmine/sandbox`.
///
/// # Errors
///
/// When there is no home folder.
pub fn default_dir() -> Result<PathBuf, SandboxError> {
    let strategy = etcetera::choose_base_strategy().map_err(|_| SandboxError::NoHome)?;
    let state = strategy.state_dir().ok_or(SandboxError::NoHome)?;
    Ok(state.join("coalmine").join("sandbox"))
}

/// Writes a file whole or not at all: remote commands read some of them at any moment.
pub(super) fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), SandboxError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}~", std::process::id()));
    let unfinished = PathBuf::from(unfinished);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&unfinished)
        .map_err(at(&unfinished))?;
    file.write_all(content).map_err(at(&unfinished))?;
    drop(file);
    fs::rename(&unfinished, path).map_err(at(path))
}

/// Removes a file that may not be there.
pub(super) fn remove_file(path: &Path) -> Result<(), SandboxError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Option<String>, SandboxError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, SandboxError> {
    let unreadable =
        |error: serde_json::Error| SandboxError::Unreadable { path: path.to_owned(), what: error.to_string() };
    read(path)?.map(|text| serde_json::from_str(&text)).transpose().map_err(unreadable)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), SandboxError> {
    let text = serde_json::to_vec(value)
        .map_err(|error| SandboxError::Unreadable { path: path.to_owned(), what: error.to_string() })?;
    write(path, &text, 0o600)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Layout, Network, Record};

    #[test]
    fn folders_that_ssh_or_a_socket_could_not_name_are_refused() {
        for dir in ["/tmp/a b", "/tmp/a'b", "/tmp/%h", "/tmp/a$b", "/tmp/ü", &format!("/tmp/{}", "x".repeat(80))] {
            assert!(Layout::new(Path::new(dir)).is_err(), "{dir:?} was taken");
        }
        assert!(Layout::new(Path::new("/tmp/sandbox-1.2_3+@")).is_ok());
    }

    #[test]
    fn the_state_reads_back_what_it_writes_and_another_schema_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout { dir: dir.path().to_owned() };
        assert_eq!(layout.state().unwrap(), None);
        let mut state = Record::new(12, Network { subnet: 20, port: 22_000 }, "root".into(), "/usr/sbin/sshd".into());
        layout.write_state(&state).unwrap();
        assert_eq!(layout.state().unwrap(), Some(state.clone()));
        state.schema = 2;
        layout.write_state(&state).unwrap();
        assert!(layout.state().unwrap_err().to_string().contains("schema 2"));
    }
}
