use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::process::Command;
use tokio::time::timeout;

use super::error::ConductorError;
use super::lines::{Line, Lines};
use super::lock::EnvironmentLock;
use crate::files;
use crate::model::Environment;

/// The version of the file and of the handshake.
const VERSION: u32 = 1;

/// How long a conductor may take to get ready; it may have to ask the site for its hosts first.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long the line may be by which a conductor says that it is ready, or why not.
const LONGEST: usize = 64 * 1024;

/// Says with what a rollout was started, so that it can be resumed from any folder, by any process.
///
/// It is kept as `launch.json` beside the journal. What the rollout does is in its plan; this is how the world is reached in
/// which it is done: the configuration is read anew from where it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    v: u32,
    /// The configuration, when it was named; absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
    /// The folder in which it was started, from which the configuration is looked for otherwise.
    pub folder: PathBuf,
    /// Whose fleet it is.
    pub environment: Environment,
    /// How much is told, as `-v` counts it.
    #[serde(default)]
    pub verbose: u8,
    /// Those variables of the environment that made a difference.
    pub variables: Vec<(String, String)>,
}

impl Launch {
    /// Notes how this process was started.
    ///
    /// Of its variables those are kept that set something of coalmine, and those with which commands and the ssh agent are
    /// found.
    ///
    /// # Errors
    ///
    /// When the current folder is gone.
    pub fn of_process(config: Option<&Path>, environment: Environment, verbose: u8) -> Result<Self, ConductorError> {
        let folder = std::env::current_dir().map_err(ConductorError::io("find", "the current folder"))?;
        let config = config.map(|config| folder.join(config));
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            is_kept(&name).then_some((name, value))
        });
        Ok(Self { v: VERSION, config, folder, environment, verbose, variables: variables.collect() })
    }

    /// Keeps it in a rollout's folder; returns when it survives a power loss.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn save(&self, folder: &Path) -> Result<(), ConductorError> {
        let path = file_in(folder);
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(ConductorError::io("write", &path))
    }

    /// Reads it from a rollout's folder.
    ///
    /// # Errors
    ///
    /// When it is not there or not to be understood.
    pub fn load(folder: &Path) -> Result<Self, ConductorError> {
        let path = file_in(folder);
        let bytes = files::read(&path).map_err(ConductorError::io("read", &path))?;
        let unreadable = |why: String| ConductorError::Unreadable { path: path.clone(), why };
        let launch: Self = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if launch.v == VERSION {
            Ok(launch)
        } else {
            Err(unreadable(format!("has version {}, and this coalmine reads version {VERSION} only", launch.v)))
        }
    }

    /// Tells whose record it is where it is neither this user's nor root's, or may be changed by others: in a shared state
    /// folder it names commands of whoever wrote it. None where it is trusted.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub fn stranger(folder: &Path) -> Result<Option<String>, ConductorError> {
        let me = rustix::process::geteuid().as_raw();
        for path in [folder.to_owned(), file_in(folder)] {
            let found = path.metadata().map_err(ConductorError::io("look at", &path))?;
            if found.uid() != me && found.uid() != 0 {
                return Ok(Some(format!("{} belongs to the user with id {}", path.display(), found.uid())));
            }
            if found.mode() & 0o022 != 0 {
                return Ok(Some(format!("others may write {} (mode {:04o})", path.display(), found.mode() & 0o7777)));
            }
        }
        Ok(None)
    }

    /// Tells whether a variable is one that sets something of coalmine.
    #[must_use]
    pub fn is_setting(name: &str) -> bool {
        name.starts_with(OURS)
    }

    /// Gives the variables of coalmine, which say how the rollout is done whoever goes on with it.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables().filter(|(name, _)| Self::is_setting(name))
    }

    /// Gives all variables that were kept, for where nobody is there whose own would be better; without an agent that is gone.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        variables.filter(|(name, value)| *name != AGENT || Path::new(value).exists())
    }
}

const OURS: &str = "COALMINE_";
const AGENT: &str = "SSH_AUTH_SOCK";

fn is_kept(name: &str) -> bool {
    name.starts_with(OURS) || [AGENT, "PATH", "HOME", "XDG_CONFIG_HOME", "LANG", "LC_ALL", "TZ"].contains(&name)
}

/// Names the file in a rollout's folder.
pub(super) fn file_in(folder: &Path) -> PathBuf {
    folder.join("launch.json")
}

/// Names the log of the conductor that runs by itself, in a rollout's folder.
pub(super) fn log_in(folder: &Path) -> PathBuf {
    folder.join("conductor.log")
}

/// Opens the log of a conductor; where something else stands in its place, a rollout is gone on with all the same.
fn log_for(folder: &Path) -> Stdio {
    let log = log_in(folder);
    match files::open_with(OpenOptions::new().create(true).append(true).mode(0o600), &log) {
        Ok(file) => file.into(),
        Err(error) => {
            tracing::warn!("nothing that its conductor logs is kept: {}: {error}", log.display());
            Stdio::null()
        }
    }
}

/// Says where a conductor's log says why it failed; where it is empty, that whoever found the disk full could not write that down either; and
/// where it went with all of the rollout, that.
#[must_use]
pub fn log_says(folder: &Path) -> String {
    let log = log_in(folder);
    match log.metadata() {
        Ok(found) if found.len() > 0 => format!("{} says why", log.display()),
        Err(_) if !folder.exists() => format!("{} was removed, or moved away", folder.display()),
        _ => format!("its log is empty, as where a disk is full: df {}", folder.display()),
    }
}

/// Says how a conductor is started that outlives this process.
#[derive(Debug)]
pub struct Start<'a> {
    /// This program, and with which arguments it conducts the rollout.
    pub command: &'a [OsString],
    /// The rollout's folder, for the log.
    pub folder: &'a Path,
    /// Where it runs, and with which variables beside those of this process.
    pub launch: &'a Launch,
    /// Whether every variable that was kept is set, or only those that are coalmine's own.
    pub unattended: bool,
}

/// Tells why a conductor did not get ready.
#[derive(Debug, Error)]
pub enum StartError {
    /// It said why not.
    #[error("{message}")]
    Refused {
        /// What it would have answered as a process.
        code: u8,
        /// Why.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// It said nothing.
    #[error("the conductor {why}; {log}")]
    Silent {
        /// What it did instead.
        why: String,
        /// Where it may have said more.
        log: String,
    },
    /// The system refused.
    #[error(transparent)]
    Conductor(#[from] ConductorError),
}

#[derive(Serialize, Deserialize)]
struct Announcement {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ready: Option<Ready>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<Failure>,
}

#[derive(Serialize, Deserialize)]
struct Failure {
    code: u8,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// Says that a conductor can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Its process.
    pub pid: u32,
}

impl Start<'_> {
    /// Starts the conductor, hands the environment's lock on to it, and waits until it can be reached.
    ///
    /// Needs a runtime. The conductor is a process of its own: neither the end of this one nor dropping this future ends it.
    ///
    /// # Errors
    ///
    /// When it says that it cannot, or nothing at all.
    pub async fn run(&self, lock: EnvironmentLock) -> Result<Ready, StartError> {
        let (program, arguments) = self
            .command
            .split_first()
            .map_or((OsStr::new("coalmine"), &[][..]), |(first, rest)| (first.as_os_str(), rest));
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.launch.folder)
            .stdout(Stdio::piped())
            .stderr(log_for(self.folder))
            .stdin(lock.hand_on());
        // The variables that set something are those of the start, and no others.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(OURS.as_bytes())) {
            command.env_remove(name);
        }
        if self.unattended {
            command.envs(self.launch.variables());
        } else {
            command.envs(self.launch.settings());
        }
        let spawned = command.spawn();
        // This process's end of the lock goes with the command: from here on it is the conductor's alone.
        drop(command);
        let mut child = spawned.map_err(ConductorError::io("start", program))?;
        let silent = |why: String| StartError::Silent { why, log: log_says(self.folder) };
        let Some(stdout) = child.stdout.take() else {
            return Err(silent("has no output".to_owned()));
        };
        let mut lines = Lines::new(stdout, LONGEST);
        let line = match timeout(PATIENCE, lines.next()).await {
            Err(_) => return Err(silent(format!("did not get ready within {} s", PATIENCE.as_secs()))),
            Ok(Err(error)) => return Err(silent(format!("cannot be heard: {error}"))),
            Ok(Ok(Some(Line::Whole(line)))) => line,
            Ok(Ok(Some(Line::TooLong))) => return Err(silent("said too much".to_owned())),
            Ok(Ok(None)) => {
                let status = timeout(Duration::from_secs(5), child.wait()).await.ok().and_then(Result::ok);
                let how = status.map_or_else(|| "went silent".to_owned(), |status| format!("died ({status})"));
                return Err(silent(how));
            }
        };
        match serde_json::from_slice(&line) {
            Ok(Announcement { v: VERSION, ready: Some(ready), .. }) => Ok(ready),
            Ok(Announcement { v: VERSION, failed: Some(Failure { code, message, hint }), .. }) => {
                Err(StartError::Refused { code, message, hint })
            }
            _ => Err(silent(format!("said {:?}", String::from_utf8_lossy(&line)))),
        }
    }
}

/// Lets a conductor that runs by itself tell the process that started it how it went.
#[derive(Debug)]
pub struct Readiness(File);

impl Readiness {
    /// Leaves the terminal and its session, and takes standard output for the one line that is to be told.
    ///
    /// Everything that is printed afterwards goes where standard error goes: to the log. To be called before anything else.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn take() -> io::Result<Self> {
        // Whoever leads a process group cannot leave it: then nobody started this as `Start` does, and it stays where it is.
        match rustix::process::setsid() {
            Ok(_) | Err(rustix::io::Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
        let told = io::stdout().as_fd().try_clone_to_owned()?;
        rustix::stdio::dup2_stdout(io::stderr().as_fd())?;
        Ok(Self(File::from(told)))
    }

    /// Says that the conductor can be reached.
    pub fn ready(self) {
        let ready = Ready { pid: std::process::id() };
        self.send(&Announcement { v: VERSION, ready: Some(ready), failed: None });
    }

    /// Says why it cannot.
    pub fn failed(self, code: u8, message: &str, hint: Option<&str>) {
        let failure = Failure { code, message: message.to_owned(), hint: hint.map(str::to_owned) };
        self.send(&Announcement { v: VERSION, ready: None, failed: Some(failure) });
    }

    fn send(mut self, announcement: &Announcement) {
        let told = serde_json::to_string(announcement)
            .map_err(io::Error::from)
            .and_then(|line| self.0.write_all(format!("{line}\n").as_bytes()));
        // Whoever started this may be gone: that is what a process of its own is for.
        if let Err(error) = told {
            tracing::info!(%error, "nobody waits for this conductor");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Launch, log_says};
    use crate::model::Environment;

    #[test]
    fn a_record_that_another_may_have_written_is_a_strangers() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch::of_process(None, Environment::new("beta").unwrap(), 0).unwrap();
        launch.save(folder.path()).unwrap();
        assert_eq!(Launch::stranger(folder.path()).unwrap(), None);
        let file = super::file_in(folder.path());
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(Launch::stranger(folder.path()).unwrap().unwrap().contains("others may write"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        // Only root can give a file to somebody else.
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&file, Some(12345), None).unwrap();
            assert!(Launch::stranger(folder.path()).unwrap().unwrap().contains("the user with id 12345"));
        } else {
            eprintln!("skipped: nobody but root makes a file of another user");
        }
    }

    #[test]
    fn what_was_kept_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut launch =
            Launch::of_process(Some("conf/coalmine.toml".as_ref()), Environment::new("beta").unwrap(), 1).unwrap();
        assert!(launch.config.as_ref().unwrap().is_absolute());
        launch.variables = vec![
            ("COALMINE_LOCK_WAIT".to_owned(), "5s".to_owned()),
            ("PATH".to_owned(), "/bin".to_owned()),
            ("SSH_AUTH_SOCK".to_owned(), "/nowhere/agent".to_owned()),
        ];
        launch.save(folder.path()).unwrap();
        let read = Launch::load(folder.path()).unwrap();
        assert_eq!(read, launch);
        assert_eq!(read.settings().collect::<Vec<_>>(), [("COALMINE_LOCK_WAIT", "5s")]);
        assert_eq!(read.variables().count(), 2, "an agent that is gone helps nobody");
    }

    #[test]
    fn an_empty_log_is_not_said_to_say_why() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(super::log_in(folder.path()), "").unwrap();
        assert!(log_says(folder.path()).contains("is empty"));
        std::fs::write(super::log_in(folder.path()), "the disk is full\n").unwrap();
        assert!(log_says(folder.path()).ends_with("conductor.log says why"));
        assert!(log_says(&folder.path().join("gone")).ends_with("gone was removed, or moved away"));
    }

    #[test]
    fn another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch::of_process(None, Environment::new("beta").unwrap(), 0).unwrap();
        launch.save(folder.path()).unwrap();
        let path = super::file_in(folder.path());
        let text = std::fs::read_to_string(&path).unwrap().replacen("\"v\": 1", "\"v\": 9", 1);
        std::fs::write(&path, text).unwrap();
        let why = Launch::load(folder.path()).unwrap_err().to_string();
        assert!(why.ends_with("has version 9, and this coalmine reads version 1 only"), "{why}");
    }
}
