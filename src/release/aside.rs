//! Takes releases out of the store: all of them aside at once, and away for good when nobody turned out to need them.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::ReleaseError;
use super::store::{BuildLock, REMOVING, Store, remove_tree};
use crate::model::{Bytes, Commit, Digest, ReleaseId};

/// Describes a built release by its `meta.json` and the room that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Its id.
    pub id: ReleaseId,
    /// What it was built from.
    pub commit: Commit,
    /// The digest of its manifest.
    pub digest: Digest,
    /// When it was built here.
    pub built_at: Timestamp,
    /// What it takes of the disk, with its log and all else that stands beside its tree.
    pub bytes: Bytes,
}

impl Store {
    /// Lists what is built, in no order; what has no `meta.json` that can be read is left out. Looks at every file.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn built(&self) -> Result<Vec<Built>, ReleaseError> {
        let of = |id: ReleaseId| {
            let path = self.path(&id);
            let meta = Self::meta(&path).ok()?;
            let bytes = Bytes(occupied(&path, &mut HashSet::new()));
            Some(Built { id, commit: meta.commit, digest: meta.digest, built_at: meta.built_at, bytes })
        };
        Ok(self.ids()?.into_iter().filter_map(of).collect())
    }

    /// Takes releases out of sight, all in an instant: nobody finds them, and they can be put back. Those that are gone already are
    /// passed over.
    ///
    /// # Errors
    ///
    /// When another process builds, or the disk refuses; all are where they were then.
    pub fn set_aside(&self, going: &[ReleaseId]) -> Result<SetAside, ReleaseError> {
        let Some(lock) = self.try_lock()? else {
            let text = format!("process {} builds; try again when it is done", self.lock_owner());
            let source = io::Error::new(io::ErrorKind::WouldBlock, text);
            return Err(ReleaseError::disk("remove releases from", self.state().join("releases"))(source));
        };
        self.sweep(&lock)?;
        let mut aside = SetAside { store: self.clone(), releases: Vec::new(), _lock: lock };
        for id in going {
            let (path, hidden) = (self.path(id), self.hidden(REMOVING));
            match fs::rename(&path, &hidden) {
                Ok(()) => aside.releases.push((id.clone(), hidden)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(ReleaseError::disk("remove", &path)(error)),
            }
        }
        Ok(aside)
    }
}

/// Holds releases that are out of sight while nobody can build; whatever is not removed goes back when this is dropped.
#[derive(Debug)]
pub struct SetAside {
    store: Store,
    releases: Vec<(ReleaseId, PathBuf)>,
    _lock: BuildLock,
}

impl SetAside {
    /// Puts those back that somebody needs after all.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn put_back(&mut self, is_needed: impl Fn(&ReleaseId) -> bool) -> Result<(), ReleaseError> {
        let (needed, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.releases).into_iter().partition(|(id, _)| is_needed(id));
        self.releases = rest;
        // One that cannot be keeps none of the others aside.
        let back = needed.into_iter().map(|(id, hidden)| {
            let path = self.store.path(&id);
            fs::rename(hidden, &path).map_err(ReleaseError::disk("put back", &path))
        });
        back.fold(Ok(()), Result::and)
    }

    /// Removes the rest, and gives what is gone, in its order; and what kept a release from going, with which it ends. What of that
    /// one is left has no release's name, and goes with the next build.
    #[must_use]
    pub fn remove(mut self) -> (Vec<ReleaseId>, Option<ReleaseError>) {
        let mut gone = Vec::new();
        let mut releases = std::mem::take(&mut self.releases).into_iter();
        while let Some((id, hidden)) = releases.next() {
            if let Err(error) = remove_tree(&hidden) {
                self.releases = releases.collect();
                return (gone, Some(ReleaseError::disk("remove", &hidden)(error)));
            }
            gone.push(id);
        }
        (gone, None)
    }
}

impl Drop for SetAside {
    fn drop(&mut self) {
        if let Err(error) = self.put_back(|_| true) {
            tracing::warn!("{error}");
        }
    }
}

/// Counts what a file or folder takes of the disk, of a file with several links once; what cannot be read counts nothing.
fn occupied(path: &Path, seen: &mut HashSet<(u64, u64)>) -> u64 {
    let Ok(found) = fs::symlink_metadata(path) else { return 0 };
    if !seen.insert((found.dev(), found.ino())) {
        return 0;
    }
    let within = if found.is_dir() { fs::read_dir(path).ok() } else { None };
    let entries = within.into_iter().flatten().flatten();
    // Of 512 bytes each, whatever the file system (stat(2)).
    entries.fold(found.blocks().saturating_mul(512), |sum, entry| sum.saturating_add(occupied(&entry.path(), seen)))
}
