use std::fmt;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::access::shared_folder;
use super::error::ConductorError;
use super::freeze::{Freeze, frozen};
use crate::files;
use crate::journal::clear_temporary;
use crate::model::{Environment, Operator, RolloutId};

/// How often a lock that another holds is asked for again.
const AGAIN: Duration = Duration::from_millis(250);
/// How often it is told how long is still waited.
const COUNT: Duration = Duration::from_secs(10);
/// For how long the lock is asked for before it counts as held: whoever only looks holds it for an instant.
const LOOKING: Duration = Duration::from_millis(200);
/// The version of what is written into the file.
const VERSION: u32 = 1;

/// Says who deploys, for others who want to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Who: `user@machine`.
    pub owner: Operator,
    /// Why, in the owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The rollout; none while it is being planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutId>,
    /// In which process.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Written {
    v: u32,
    holder: Holder,
}

/// Tells why an environment is not to be had.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process deploys.
    #[error("{}", held(environment, holder.as_deref()))]
    Held {
        /// The environment.
        environment: Environment,
        /// Who does, as far as that is written.
        holder: Option<Box<Holder>>,
    },
    /// Somebody froze it.
    #[error("{environment} is frozen by {} since {}: {}", freeze.owner, when(freeze.since), freeze.reason())]
    Frozen {
        /// The environment.
        environment: Environment,
        /// Who did, and why.
        freeze: Box<Freeze>,
    },
    /// The disk refused.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as in "could not …".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl LockError {
    /// Says what to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Held { holder: Some(holder), environment } if !is_there(holder.pid) => {
                Some(format!("`lslocks` names it: whoever holds STATE/locks/{environment}.lock open"))
            }
            Self::Held { holder: Some(holder), .. } => Some(match &holder.rollout {
                Some(id) => format!(
                    "`coalmine attach {id}` shows it, `coalmine abort {id}` ends it, `--wait-lock 30m` waits for it"
                ),
                None => format!(
                    "process {} is still planning: `--wait-lock 30m` waits for it, `kill {}` ends it",
                    holder.pid, holder.pid
                ),
            }),
            Self::Held { holder: None, .. } => Some("`--wait-lock 30m` waits for it".to_owned()),
            Self::Frozen { environment, freeze } => {
                Some(format!("ask {}; `coalmine -e {environment} unlock` frees it for everybody", freeze.owner))
            }
            // The lock is on the file, whatever is in it: a new one is another lock.
            Self::Io { path, .. } if path.symlink_metadata().is_ok() && !path.is_file() => {
                let path = path.display();
                Some(format!("see that no rollout runs (`coalmine rollouts`), then: mv {path} {path}.damaged"))
            }
            Self::Io { path, source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some(format!("see who may read and write it: ls -ld {}", path.display()))
            }
            Self::Io { .. } => None,
        }
    }

    fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

fn held(environment: &Environment, holder: Option<&Holder>) -> impl fmt::Display + use<> {
    let Some(Holder { owner, reason, rollout, pid, since }) = holder else {
        return format!("{environment} is locked by somebody who did not say who");
    };
    if !is_there(*pid) {
        return format!(
            "{environment} is locked by a process that is no coalmine: the last one that had it, process {pid} of {owner}, is gone"
        );
    }
    let what = rollout.as_ref().map_or_else(|| "a plan".to_owned(), |rollout| format!("rollout {rollout}"));
    let why = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    format!("{environment} is locked by {owner} for {what} (process {pid}) since {}{why}", when(*since))
}

/// Tells whether a process lives on this machine, whoever's it is.
fn is_there(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Writes a time for people of this machine.
pub(super) fn when(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Holds an environment on this deploy server: while it lives, no other rollout of it starts here.
///
/// It is a lock of flock(2) on `STATE/locks/ENVIRONMENT.lock`, which the kernel frees when the last process that has the
/// file open is gone; what stands in the file is only for people. Another deploy server is met on the hosts.
#[derive(Debug)]
pub struct EnvironmentLock {
    environment: Environment,
    file: File,
    path: PathBuf,
}

impl EnvironmentLock {
    /// Takes the lock, or waits for it; `waiting` is called when it comes to that, and again and again with how long it still does.
    ///
    /// Blocks; a signal that ends the process ends the wait.
    ///
    /// # Errors
    ///
    /// When another process holds it for longer than `wait`, or at once when the environment is frozen.
    pub fn take(
        state: &Path,
        environment: &Environment,
        holder: &Holder,
        wait: Duration,
        mut waiting: impl FnMut(&LockError, Duration),
    ) -> Result<Self, ConductorError> {
        let locks = shared_folder(state, "locks")?;
        clear_temporary(&locks);
        let path = path(&locks, environment);
        let file = open(&path).map_err(LockError::io("open", &path))?;
        let start = Instant::now();
        let mut next_word = Duration::ZERO;
        loop {
            refuse_frozen(state, environment, Some(&holder.owner))?;
            if try_lock(&file).map_err(LockError::io("lock", &path))? {
                break;
            }
            let waited = start.elapsed();
            if waited < LOOKING {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            }
            let holder = read(&file).map(Box::new);
            let held = LockError::Held { environment: environment.clone(), holder };
            let left = wait.saturating_sub(waited);
            if left.is_zero() {
                return Err(held.into());
            }
            if waited >= next_word {
                waiting(&held, left);
                next_word = waited + COUNT;
            }
            std::thread::sleep(AGAIN.min(left));
        }
        let lock = Self { environment: environment.clone(), file, path };
        // Whoever froze it may have looked before this lock was held.
        refuse_frozen(state, environment, Some(&holder.owner))?;
        lock.describe(holder)?;
        Ok(lock)
    }

    /// Tells whether the lock could be had now, without taking it: by somebody, or by whoever comes.
    ///
    /// # Errors
    ///
    /// As [`Self::take`].
    pub fn look(state: &Path, environment: &Environment, by: Option<&Operator>) -> Result<(), ConductorError> {
        refuse_frozen(state, environment, by)?;
        match standing(state, environment)? {
            Standing::Free => Ok(()),
            Standing::Held(holder) => Err(LockError::Held { environment: environment.clone(), holder }.into()),
        }
    }

    /// Takes over the lock that the process before handed on as this one's standard input; none when it did not.
    ///
    /// What is read from standard input afterwards is nothing.
    ///
    /// # Errors
    ///
    /// When the disk refuses, or when the environment was frozen meanwhile.
    pub fn inherited(state: &Path, environment: &Environment, holder: &Holder) -> Result<Option<Self>, ConductorError> {
        let path = path(&shared_folder(state, "locks")?, environment);
        let stdin = io::stdin();
        let io_error = |error: io::Error| LockError::io("take over", &path)(error);
        let given = stdin.as_fd().try_clone_to_owned().map(File::from).map_err(io_error)?;
        let (Ok(given_is), Ok(wanted)) = (given.metadata(), path.metadata()) else {
            return Ok(None);
        };
        if (given_is.dev(), given_is.ino()) != (wanted.dev(), wanted.ino()) || !try_lock(&given).map_err(io_error)? {
            return Ok(None);
        }
        let nothing = File::open("/dev/null").map_err(LockError::io("open", "/dev/null"))?;
        rustix::stdio::dup2_stdin(&nothing).map_err(|error| io_error(error.into()))?;
        let lock = Self { environment: environment.clone(), file: given, path };
        refuse_frozen(state, environment, Some(&holder.owner))?;
        lock.describe(holder)?;
        Ok(Some(lock))
    }

    /// Hands the lock on to a process that is started with this as its standard input.
    ///
    /// Nobody can take it meanwhile: it is the same lock, held by one process, then two, then the other.
    #[must_use]
    pub fn hand_on(self) -> Stdio {
        Stdio::from(self.file)
    }

    /// Names what is locked.
    #[must_use]
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Writes for others who holds the lock.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn describe(&self, holder: &Holder) -> Result<(), ConductorError> {
        let written = Written { v: VERSION, holder: holder.clone() };
        let fail = |error: io::Error| LockError::io("write", &self.path)(error);
        let mut line = serde_json::to_vec(&written).map_err(|error| fail(error.into()))?;
        line.push(b'\n');
        // Readers take the first line: what was longer before is cut off only after it.
        self.file.write_all_at(&line, 0).and_then(|()| self.file.set_len(line.len() as u64)).map_err(fail)?;
        Ok(())
    }
}

/// Says whether an environment is to be had on this deploy server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody holds it.
    Free,
    /// Somebody does; who, as far as that is written.
    Held(Option<Box<Holder>>),
}

/// Tells whether somebody holds an environment.
///
/// # Errors
///
/// When the disk refuses.
pub fn standing(state: &Path, environment: &Environment) -> Result<Standing, ConductorError> {
    let path = path(&state.join("locks"), environment);
    let file = match files::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Free),
        opened => opened.map_err(LockError::io("open", &path))?,
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Standing::Free),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Standing::Held(read(&file).map(Box::new))),
        Err(error) => Err(LockError::io("ask for", &path)(error.into()).into()),
    }
}

fn path(locks: &Path, environment: &Environment) -> PathBuf {
    locks.join(format!("{environment}.lock"))
}

/// Opens the file, which owner and group may write who may write the folder that it is in, and nobody else may read: who may
/// read a file may lock it (flock(2)).
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match files::open_with(&mut options, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => {
            let file = opened?;
            let found = file.metadata()?;
            if found.mode() & 0o007 != 0 && found.uid() == rustix::process::geteuid().as_raw() {
                file.set_permissions(Permissions::from_mode(found.mode() & 0o770))?;
            }
            return Ok(file);
        }
    }
    match options.create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            let folder = path.parent().unwrap_or(path).metadata()?;
            file.set_permissions(Permissions::from_mode(folder.mode() & 0o660 | 0o600))?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => files::open_with(options.create_new(false), path),
        Err(error) => Err(error),
    }
}

fn try_lock(file: impl AsFd) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn read(mut file: &File) -> Option<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(64 * 1024).read_to_string(&mut text).ok()?;
    let Written { v, holder } = serde_json::from_str(text.lines().next()?).ok()?;
    (v == VERSION).then_some(holder)
}

fn refuse_frozen(state: &Path, environment: &Environment, by: Option<&Operator>) -> Result<(), ConductorError> {
    match frozen(state, environment)? {
        None => Ok(()),
        Some(freeze) if by.is_some_and(|by| freeze.lets(by)) => Ok(()),
        Some(freeze) => Err(LockError::Frozen { environment: environment.clone(), freeze: Box::new(freeze) }.into()),
    }
}
