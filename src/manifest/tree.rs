use std::ffi::OsString;
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest as _, Sha256};

use super::MANIFEST;
use super::entry::{Entry, Kind, Manifest};
use super::error::{How, ManifestError, Mismatch};
use super::links::LinkPolicy;
use crate::model::{Bytes, Digest};

/// Threads that hash; more do not help a disk.
const MOST_THREADS: usize = 8;

impl Manifest {
    /// Reads and hashes a whole tree.
    ///
    /// # Errors
    ///
    /// When the tree cannot be read, holds a socket, a device or a pipe, has an entry named [`MANIFEST`] at its top, or
    /// a link that leads out of it and that the policy does not name.
    pub fn read_tree(root: &Path, links: &LinkPolicy) -> Result<Self, ManifestError> {
        let found = walk(root)?;
        let manifest = Self::new(hash(root, found)?)?;
        links.check(manifest.entries())?;
        Ok(manifest)
    }

    /// Reads and hashes a whole release, its [`MANIFEST`] left out, and compares it with this manifest.
    ///
    /// # Errors
    ///
    /// When the tree cannot be read, or differs: then every difference is named.
    pub fn verify_tree(&self, root: &Path) -> Result<(), ManifestError> {
        let mut found = walk(root)?;
        found.retain(|found| found.path.as_os_str() != MANIFEST);
        let mut entries = hash(root, found)?;
        entries.sort_unstable_by(|a, b| a.order().cmp(b.order()));
        let mismatches = compare(self.entries(), &entries);
        if mismatches.is_empty() {
            return Ok(());
        }
        Err(ManifestError::Mismatch { root: root.to_path_buf(), mismatches })
    }
}

/// Merges two ordered lists into the differences between them.
fn compare(expected: &[Entry], actual: &[Entry]) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    let mut note = |entry: &Entry, how: How| mismatches.push(Mismatch { path: entry.path().to_path_buf(), how });
    let (mut expected, mut actual) = (expected.iter().peekable(), actual.iter().peekable());
    loop {
        let order = match (expected.peek(), actual.peek()) {
            (None, None) => return mismatches,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(expected), Some(actual)) => expected.order().cmp(actual.order()),
        };
        let wanted = if order.is_le() { expected.next() } else { None };
        let had = if order.is_ge() { actual.next() } else { None };
        match (wanted, had) {
            (Some(wanted), Some(had)) => {
                if let Some(how) = differs(wanted.kind(), had.kind()) {
                    note(wanted, how);
                }
            }
            (Some(wanted), None) => note(wanted, How::Missing),
            (None, Some(had)) => note(had, How::Extra),
            (None, None) => return mismatches,
        }
    }
}

fn differs(expected: &Kind, actual: &Kind) -> Option<How> {
    match (expected, actual) {
        _ if expected == actual => None,
        (Kind::File { size, digest, .. }, Kind::File { size: other_size, digest: other, .. }) => {
            Some(if (size, digest) == (other_size, other) { How::Mode } else { How::Content })
        }
        (Kind::Symlink { .. }, Kind::Symlink { .. }) => Some(How::Target),
        _ => Some(How::Kind),
    }
}

/// An entry as the folder lists it, not hashed yet.
struct Found {
    path: PathBuf,
    what: What,
}

enum What {
    Directory,
    File { executable: bool },
    Symlink(OsString),
}

/// Lists a tree, in no order.
fn walk(root: &Path) -> Result<Vec<Found>, ManifestError> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        // Joining nothing would add a slash.
        let absolute = if folder.as_os_str().is_empty() { root.to_path_buf() } else { root.join(&folder) };
        let failed = |source| ManifestError::Read { path: absolute.clone(), source };
        for entry in fs::read_dir(&absolute).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = folder.join(entry.file_name());
            let failed = |source| ManifestError::Read { path: entry.path(), source };
            let file_type = entry.file_type().map_err(failed)?;
            let what = if file_type.is_dir() {
                folders.push(path.clone());
                What::Directory
            } else if file_type.is_file() {
                let mode = entry.metadata().map_err(failed)?.permissions().mode();
                What::File { executable: mode & 0o100 != 0 }
            } else if file_type.is_symlink() {
                What::Symlink(fs::read_link(entry.path()).map_err(failed)?.into_os_string())
            } else {
                return Err(ManifestError::Special { path, kind: special(file_type) });
            };
            found.push(Found { path, what });
        }
    }
    Ok(found)
}

fn special(file_type: FileType) -> &'static str {
    if file_type.is_fifo() {
        "pipe"
    } else if file_type.is_socket() {
        "socket"
    } else {
        "device"
    }
}

/// Hashes the files among what was found, on several threads.
fn hash(root: &Path, found: Vec<Found>) -> Result<Vec<Entry>, ManifestError> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<Entry>, ManifestError> {
        let mut entries = Vec::with_capacity(found.len() / threads);
        let mut buffer = vec![0; 64 * 1024];
        while let Some(found) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
            let kind = match &found.what {
                What::Directory => Kind::Directory,
                What::Symlink(target) => Kind::Symlink { target: target.as_os_str().into() },
                What::File { executable } => {
                    let path = root.join(&found.path);
                    let (size, digest) =
                        hash_file(&path, &mut buffer).map_err(|source| ManifestError::Read { path, source })?;
                    Kind::File { executable: *executable, size, digest }
                }
            };
            entries.push(Entry::new(found.path.as_path(), kind)?);
        }
        Ok(entries)
    };
    let parts: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut entries = Vec::with_capacity(found.len());
    for part in parts {
        // A worker's panic is a bug of ours and stays one.
        entries.append(&mut part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
    }
    Ok(entries)
}

fn hash_file(path: &Path, buffer: &mut [u8]) -> io::Result<(Bytes, Digest)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut size = 0;
    loop {
        let length = match file.read(buffer) {
            Ok(0) => return Ok((Bytes(size), Digest(hasher.finalize().into()))),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(buffer.get(..length).unwrap_or_default());
        size += length as u64;
    }
}
