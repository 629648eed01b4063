use std::path::{Path, PathBuf};

use super::error::JournalError;
use super::storage::Storage;
use crate::rollout::Record;

/// Appends records to the journal of one rollout.
///
/// It blocks for as long as the disk takes. After the first error it takes nothing more: an fsync(2) that failed once says
/// nothing when it is repeated.
#[derive(Debug)]
pub struct Journal<S> {
    storage: S,
    path: PathBuf,
    lines: Vec<u8>,
    broken: bool,
}

impl<S: Storage> Journal<S> {
    /// Makes a journal of a storage; `path` is for messages.
    pub fn new(storage: S, path: impl Into<PathBuf>) -> Self {
        Self { storage, path: path.into(), lines: Vec::new(), broken: false }
    }

    /// Names the file, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends records and returns once they survive a power loss: one write and one fsync(2) for all of them.
    ///
    /// Records that are not to be journaled are left out.
    ///
    /// # Errors
    ///
    /// When that is not certain; nothing may be done on the strength of these records then.
    pub fn append<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) -> Result<(), JournalError> {
        if self.broken {
            return Err(JournalError::Closed);
        }
        self.lines.clear();
        for record in records.into_iter().filter(|record| record.event.is_journaled()) {
            record.write(&mut self.lines)?;
            self.lines.push(b'\n');
        }
        if self.lines.is_empty() {
            return Ok(());
        }
        self.broken = true;
        self.storage.append(&self.lines).map_err(JournalError::io("append to", &self.path))?;
        self.storage.sync().map_err(JournalError::io("sync", &self.path))?;
        self.broken = false;
        // A plan of a large fleet is megabytes once; the batches after it are not.
        self.lines.shrink_to(64 * 1024);
        Ok(())
    }
}
