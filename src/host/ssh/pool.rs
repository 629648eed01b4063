use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::config;
use super::control::Ending;
use super::master::Master;
use super::names::end_all;
use super::system;
use super::warm::Warm;
use super::way::Ways;
use crate::host::settings::SshSettings;

/// What a folder for control sockets is called, before its random part.
const PREFIX: &str = "coalmine-";
/// After this long a folder's owner has locked it, if it lives.
const SETTLED: Duration = Duration::from_secs(60);
/// The longest path of a socket: `sun_path` has 108 bytes with its end (unix(7)), and ssh binds `PATH.` and 16 more first.
const LONGEST_SOCKET: usize = 107 - 17;

/// Counts what is open at once, and holds the folder of the control sockets.
#[derive(Debug)]
pub(in crate::host) struct Pool {
    pub(super) settings: SshSettings,
    pub(in crate::host) ways: Ways,
    /// How long logins take just now, in milliseconds: this machine may have much to do, or the hosts.
    logins: AtomicU64,
    /// A proxy ended without a word: every ssh from then on is asked to tell more.
    pub(super) verbose: AtomicBool,
    sessions: Arc<Semaphore>,
    execs: Semaphore,
    transfers: Semaphore,
    /// Told whenever a connection has nothing to do.
    pub(super) idle: Arc<Notify>,
    open: Mutex<Vec<Weak<Master>>>,
    clock: AtomicU64,
    serial: AtomicU64,
    /// Where connections are shared with other processes, what finds those.
    pub(super) warm: Option<Warm>,
    /// Whether a connection was left for the next process.
    pub(super) left: AtomicBool,
    folder: tempfile::TempDir,
    /// Locked as long as this process lives, so that another knows whether the folder is anybody's.
    owner: File,
}

impl Pool {
    /// Makes the folder for control sockets, and removes those that dead processes left.
    ///
    /// # Errors
    ///
    /// When there is no ssh here, or no folder for the sockets.
    pub(in crate::host) fn new(settings: SshSettings, transfers: usize) -> io::Result<Self> {
        // Where there is no ssh it is known before any host is asked: that is no host's fault.
        let machine = config::OfMachine::this()
            .map_err(|error| io::Error::new(error.kind(), format!("cannot start ssh on this machine: {error}")))?;
        let parent = parent();
        clear(&parent);
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .rand_bytes(8)
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .tempdir_in(&parent)?;
        let owner = File::create(folder.path().join("owner"))?;
        flock(&owner, FlockOperation::NonBlockingLockExclusive)?;
        let system = system::faithful(Path::new("/etc/ssh/ssh_config"), folder.path());
        let text = config::write(&settings, machine, std::env::home_dir().as_deref(), &system);
        fs::write(folder.path().join("config"), text)?;
        Ok(Self {
            ways: Ways::new(&settings),
            logins: AtomicU64::new(0),
            verbose: AtomicBool::new(false),
            sessions: Arc::new(Semaphore::new(settings.sessions.max(1))),
            execs: Semaphore::new(settings.execs.max(1)),
            transfers: Semaphore::new(transfers.max(1)),
            idle: Arc::default(),
            open: Mutex::default(),
            clock: AtomicU64::new(0),
            serial: AtomicU64::new(0),
            warm: settings.share.clone().map(|among| Warm::new(&settings, among)),
            left: AtomicBool::new(false),
            folder,
            owner,
            settings,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the generated configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// Tells whether connections are kept for the next process.
    pub(super) const fn keeps(&self) -> bool {
        self.warm.is_some() && !self.settings.keep.is_zero()
    }

    /// Gives how many connections are open at once at most.
    pub(in crate::host) const fn most(&self) -> usize {
        self.settings.sessions
    }

    /// Gives how long a connection lives on that nobody uses.
    pub(super) const fn persist(&self) -> Duration {
        if self.keeps() { self.settings.keep } else { self.settings.persist }
    }

    /// Gives a path for a socket that no other connection has.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join(self.serial.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Waits for a turn to run a script. The permits are closed never, so there is always one to come.
    pub(in crate::host) async fn exec(&self) -> Option<SemaphorePermit<'_>> {
        self.execs.acquire().await.ok()
    }

    /// Waits for a turn to transfer.
    pub(in crate::host) async fn transfer(&self) -> Option<SemaphorePermit<'_>> {
        self.transfers.acquire().await.ok()
    }

    /// Notes how long a login took.
    pub(super) fn logged_in(&self, took: Duration) {
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        // The slowest of late: those before count for less and less. One that is lost between two of these is no loss.
        let before = self.logins.load(Ordering::Relaxed);
        self.logins.store(took.max(before - before / 8), Ordering::Relaxed);
    }

    /// Gives how long a host may take to let us in, or to start a shell after it did: where all are slow, one is not to be blamed.
    pub(super) fn patience(&self) -> Duration {
        let slow = Duration::from_millis(self.logins.load(Ordering::Relaxed)).saturating_mul(3);
        self.settings.connect_timeout.max(slow.min(self.settings.silence()))
    }

    /// Waits for room for one more connection; closes the one that was idle longest to make it.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(permit) = Arc::clone(&self.sessions).try_acquire_owned() {
                return Some(permit);
            }
            let idle = self.idle.notified();
            tokio::pin!(idle);
            // From here on no word of an idle one is missed.
            idle.as_mut().enable();
            if self.close_idlest() {
                continue;
            }
            tokio::select! {
                permit = Arc::clone(&self.sessions).acquire_owned() => return permit.ok(),
                () = idle => {}
            }
        }
    }

    /// Counts on; the larger, the later.
    pub(super) fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn register(&self, master: &Arc<Master>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|master| master.strong_count() > 0);
        open.push(Arc::downgrade(master));
    }

    fn open(&self) -> Vec<Arc<Master>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().filter_map(Weak::upgrade).collect()
    }

    fn close_idlest(&self) -> bool {
        let mut idle = self.open();
        idle.retain(|master| master.is_idle());
        idle.sort_unstable_by_key(|master| master.used());
        // Somebody may have begun with it meanwhile.
        idle.iter().any(|master| master.close_if_idle().is_some())
    }

    /// Closes all that nobody uses, unless they are kept for the next process: each takes a moment to end, and they do so at the same time.
    pub(in crate::host) fn close_idle(&self) {
        if !self.keeps() {
            let endings: Vec<Ending> = self.open().iter().filter_map(|master| master.close_if_idle()).collect();
            drop(endings);
        }
    }
}

/// Finds a folder whose path is short: sockets have to fit.
fn parent() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| {
        let fits = path.as_os_str().len() + "/coalmine-12345678/123456".len() <= LONGEST_SOCKET;
        fits && path.is_absolute() && fs::metadata(path).is_ok_and(|found| found.is_dir() && is_ours(&found))
    });
    runtime.unwrap_or_else(|| "/tmp".into())
}

fn is_ours(found: &fs::Metadata) -> bool {
    found.uid() == rustix::process::geteuid().as_raw()
}

fn is_settled(found: &fs::Metadata) -> bool {
    found.modified().ok().and_then(|made| made.elapsed().ok()).is_some_and(|age| age >= SETTLED)
}

/// Names the folders for control sockets that this user's processes have made.
pub(super) fn folders(parent: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()))
        .map(|entry| entry.path())
        .filter(|folder| fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir() && is_ours(&found)))
}

/// Removes the folders of processes that died without doing so, and ends their connections that nobody else is on.
fn clear(parent: &Path) {
    for folder in folders(parent) {
        let Ok(owner) = File::open(folder.join("owner")) else {
            // Whoever made it was killed before it was anybody's; where anything is in it, it is not ours.
            if fs::metadata(&folder).is_ok_and(|found| is_settled(&found)) && fs::remove_dir(&folder).is_ok() {
                tracing::debug!(?folder, "removed a folder that nobody had come to own");
            }
            continue;
        };
        // One that is being made just now is not locked yet.
        if !owner.metadata().is_ok_and(|found| is_settled(&found))
            || flock(&owner, FlockOperation::NonBlockingLockExclusive).is_err()
        {
            continue;
        }
        end_all(&folder);
        if let Err(error) = fs::remove_dir_all(&folder) {
            tracing::debug!(%error, ?folder, "a dead process's folder stays");
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if !*self.left.get_mut() {
            end_all(self.folder.path());
            return;
        }
        // It is cleared up when the last of what was left has ended by itself.
        let until = SystemTime::now() + self.settings.keep;
        match self.owner.set_modified(until) {
            Ok(()) => self.folder.disable_cleanup(true),
            Err(error) => {
                tracing::debug!(%error, "connections are not kept");
                end_all(self.folder.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::SystemTime;

    use super::{LONGEST_SOCKET, Pool, SETTLED, clear};
    use crate::host::settings::SshSettings;

    #[test]
    fn sockets_fit_and_their_folder_is_private_and_goes_with_the_pool() {
        use std::os::unix::fs::PermissionsExt as _;
        let pool = Pool::new(SshSettings::default(), 1).unwrap();
        let socket = pool.socket();
        assert!(socket.as_os_str().len() + 6 <= LONGEST_SOCKET);
        let folder = socket.parent().unwrap().to_owned();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_ne!(pool.socket(), socket);
        // A second process beside it leaves it alone.
        let other = Pool::new(SshSettings::default(), 1).unwrap();
        assert!(folder.is_dir());
        drop(other);
        drop(pool);
        assert!(!folder.exists());
    }

    #[test]
    fn folders_that_killed_processes_left_are_removed_and_those_of_others_are_not() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str, files: &[&str], old: bool| {
            let folder = parent.path().join(name);
            fs::create_dir(&folder).unwrap();
            for file in files {
                File::create(folder.join(file)).unwrap();
            }
            for path in [folder.join("owner"), folder] {
                if old && let Ok(file) = File::open(path) {
                    file.set_modified(SystemTime::now() - SETTLED - SETTLED).unwrap();
                }
            }
        };
        make("coalmine-dead", &["owner", "config", "7.log"], true);
        make("coalmine-unowned", &[], true);
        make("coalmine-begun", &[], false);
        make("coalmine-foreign", &["notes"], true);
        make("coalmine-alive", &["owner"], true);
        make("another-dead", &["owner"], true);
        let alive = File::open(parent.path().join("coalmine-alive/owner")).unwrap();
        rustix::fs::flock(&alive, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        clear(parent.path());
        let mut left: Vec<_> = fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["another-dead", "coalmine-alive", "coalmine-begun", "coalmine-foreign"]);
    }
}
