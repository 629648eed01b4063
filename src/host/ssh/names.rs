use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstat, linkat, open};
use rustix::process::geteuid;

use super::control::{self, Ending};

/// Names what a connection has in the folder of one process that is on it: its control socket, and its log.
///
/// Every process that is on a connection has names of its own for both, which are hard links: the end of the one that opened it takes
/// nothing from the others. And the kernel counts the names of the log. Who takes the last one away was the last who is on the
/// connection, and ends it; nobody else does. What a killed process leaves is a name, until the next one clears up after it.
///
/// Dropped, this process is not on it any more.
#[derive(Debug)]
pub(super) struct Names {
    socket: PathBuf,
    log: PathBuf,
    /// The socket's name for others, once there is one.
    known: OnceLock<PathBuf>,
    over: AtomicBool,
}

impl Names {
    /// Names a connection that is about to be opened.
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { log: log_of(&socket), socket, known: OnceLock::new(), over: AtomicBool::new(false) }
    }

    /// Names one that a process has in its folder by a name for others; from here on this process is on it, too.
    ///
    /// # Errors
    ///
    /// When there is none, or when its folder is not this user's alone.
    pub(super) fn of(folder: &Path, name: &str, socket: PathBuf) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = open(folder, flags, Mode::empty())?;
        let found = fstat(&folder)?;
        if found.st_uid != geteuid().as_raw() || found.st_mode & 0o077 != 0 {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "its folder is open to others"));
        }
        let names = Self::new(socket);
        // The log is what counts, so it is last: who has ended the connection meanwhile has taken that name away before.
        linkat(&folder, name, CWD, &names.socket, AtFlags::empty())?;
        let is_ours = |path: &Path, is: fn(&fs::FileType) -> bool| {
            fs::symlink_metadata(path).is_ok_and(|found| found.uid() == geteuid().as_raw() && is(&found.file_type()))
        };
        let taken = is_ours(&names.socket, fs::FileType::is_socket)
            && linkat(&folder, log_of(Path::new(name)), CWD, &names.log, AtFlags::empty()).is_ok();
        if taken && is_ours(&names.log, fs::FileType::is_file) {
            return Ok(names);
        }
        // It was not this process's for a moment, and is nobody's to end.
        names.over.store(true, Ordering::Release);
        remove(&names.log);
        remove(&names.socket);
        Err(io::Error::new(io::ErrorKind::NotFound, "it was just ended"))
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Lets other processes find it by a name.
    pub(super) fn publish(&self, name: &str) {
        let known = self.socket.with_file_name(name);
        // Who finds the socket finds the log, too. Where something has the name already, that stays what it is.
        let published = fs::hard_link(&self.log, log_of(&known))
            .and_then(|()| fs::hard_link(&self.socket, &known).inspect_err(|_| remove(&log_of(&known))));
        match published {
            Ok(()) => drop(self.known.set(known)),
            Err(error) => tracing::debug!(%error, socket = ?self.socket, "a connection stays this process's alone"),
        }
    }

    /// Leaves the connection to whichever process finds it by its name for others; tells whether there is one.
    pub(super) fn leave(&self) -> bool {
        self.known.get().is_some() && !self.over.swap(true, Ordering::AcqRel)
    }

    /// Tells whether another process is on it.
    pub(super) fn is_common(&self) -> bool {
        let own = 1 + u64::from(self.known.get().is_some());
        fs::metadata(&self.log).is_ok_and(|found| found.nlink() > own)
    }

    /// Leaves the connection, and ends it where nobody else is on it.
    pub(super) fn end(&self) -> Ending {
        if self.over.swap(true, Ordering::AcqRel) {
            return Ending::default();
        }
        if let Some(known) = self.known.get() {
            remove(&log_of(known));
            remove(known);
        }
        // What counts is what is left without this one: of two that leave at once, one at least finds that it was the last.
        let alone = !self.is_common();
        let log = File::open(&self.log);
        remove(&self.log);
        let is_last = log.and_then(|log| log.metadata()).map_or(alone, |found| found.nlink() == 0);
        let mut ending = Ending::default();
        if is_last && self.socket.exists() {
            ending = control::end(&self.socket).unwrap_or_else(|error| {
                tracing::debug!(%error, "a connection was gone before it was ended");
                Ending::default()
            });
        }
        remove(&self.socket);
        ending
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        drop(self.end());
    }
}

/// Leaves every connection that has names in a folder, which is nobody's any more, and ends those that nobody else is on.
pub(super) fn end_all(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut sockets = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_own = name.to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        match entry.file_type() {
            Ok(kind) if kind.is_socket() && is_own => sockets.push(entry.path()),
            // A name for others counts as one more.
            Ok(kind) if kind.is_socket() => {
                remove(&log_of(&entry.path()));
                remove(&entry.path());
            }
            _ => {}
        }
    }
    let endings: Vec<Ending> = sockets.into_iter().map(|socket| Names::new(socket).end()).collect();
    drop(endings);
}

fn log_of(socket: &Path) -> PathBuf {
    socket.with_extension("log")
}

fn remove(file: &Path) {
    if let Err(error) = fs::remove_file(file)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(%error, ?file, "a file of the control folder stays");
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{Names, end_all};

    fn private() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        folder
    }

    /// Listens as a connection's process does, and counts how often it is told to end.
    fn listens(socket: &Path) -> Arc<AtomicUsize> {
        let listener = UnixListener::bind(socket).unwrap();
        File::create(socket.with_extension("log")).unwrap();
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.write_all(&[0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 4]).unwrap();
                // Twelve bytes that greet, and twelve that end.
                let mut said = [0; 24];
                stream.read_exact(&mut said).unwrap();
                assert_eq!(said[16..20], [0x10, 0, 0, 5]);
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        told
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn whoever_leaves_last_ends_it_whether_it_opened_it_or_not() {
        for opener_first in [true, false] {
            let (one, two) = (private(), private());
            let told = listens(&one.path().join("0"));
            let opener = Names::new(one.path().join("0"));
            opener.publish("w1");
            assert!(!opener.is_common());
            let other = Names::of(one.path(), "w1", two.path().join("7")).unwrap();
            assert!(opener.is_common() && other.is_common());
            other.publish("w1");
            assert_eq!(names(two.path()), ["7", "7.log", "w1", "w1.log"]);
            let (first, last) = if opener_first { (opener, other) } else { (other, opener) };
            drop(first.end());
            assert_eq!(told.load(Ordering::SeqCst), 0);
            assert!(!last.is_common());
            drop(last);
            assert_eq!(told.load(Ordering::SeqCst), 1);
            drop(first);
            assert_eq!((told.load(Ordering::SeqCst), names(one.path()), names(two.path())), (1, vec![], vec![]));
        }
    }

    #[test]
    fn a_third_process_finds_it_where_the_second_has_it() {
        let (one, two, three) = (private(), private(), private());
        let told = listens(&one.path().join("0"));
        let opener = Names::new(one.path().join("0"));
        opener.publish("w1");
        let second = Names::of(one.path(), "w1", two.path().join("0")).unwrap();
        second.publish("w1");
        drop(opener);
        assert!(Names::of(one.path(), "w1", three.path().join("0")).is_err());
        let third = Names::of(two.path(), "w1", three.path().join("1")).unwrap();
        drop(second);
        assert_eq!(told.load(Ordering::SeqCst), 0);
        drop(third);
        assert_eq!(told.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_ended_by_whoever_clears_up_unless_somebody_is_on_it() {
        let (dead, alive) = (private(), private());
        let told = listens(&dead.path().join("0"));
        let lonely = listens(&dead.path().join("1"));
        for (name, known) in [("0", "w0"), ("1", "w1")] {
            let names = Names::new(dead.path().join(name));
            names.publish(known);
            std::mem::forget(names);
        }
        let other = Names::of(dead.path(), "w0", alive.path().join("0")).unwrap();
        end_all(dead.path());
        assert_eq!((told.load(Ordering::SeqCst), lonely.load(Ordering::SeqCst)), (0, 1));
        assert_eq!(names(dead.path()), [""; 0]);
        drop(other);
        assert_eq!(told.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_folder_that_others_may_look_into_and_what_is_no_socket_are_refused() {
        let (one, two) = (private(), private());
        let told = listens(&one.path().join("0"));
        let opener = Names::new(one.path().join("0"));
        opener.publish("w1");
        for mode in [0o777, 0o770, 0o705] {
            fs::set_permissions(one.path(), fs::Permissions::from_mode(mode)).unwrap();
            let refused = Names::of(one.path(), "w1", two.path().join("0")).unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied, "{mode:o}");
        }
        fs::set_permissions(one.path(), fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink(one.path(), two.path().join("link")).unwrap();
        assert!(Names::of(&two.path().join("link"), "w1", two.path().join("0")).is_err());
        fs::remove_file(two.path().join("link")).unwrap();
        for name in ["w2", "w2.log"] {
            fs::write(one.path().join(name), "x").unwrap();
        }
        assert!(Names::of(one.path(), "w2", two.path().join("0")).is_err());
        assert_eq!(names(two.path()), [""; 0]);
        // Where something has the name already the connection is this process's alone, and that stays.
        let told_too = listens(&one.path().join("5"));
        let another = Names::new(one.path().join("5"));
        another.publish("w1");
        drop(another);
        assert_eq!((told.load(Ordering::SeqCst), told_too.load(Ordering::SeqCst)), (0, 1));
        assert!(Names::of(one.path(), "w1", two.path().join("0")).is_ok());
    }
}
