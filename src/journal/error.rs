use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::model::RolloutId;
use crate::rollout::{Record, RecordError};

/// Tells why a journal could not be written or read.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The disk refused.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as in "could not …".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else stands where the journal should.
    #[error("could not open {}: {why}; {}", path.display(), mending(path))]
    NoFile {
        /// The journal.
        path: PathBuf,
        /// What does.
        why: io::Error,
    },
    /// An append failed before: what the disk holds of it is unknown, so nothing more may follow.
    #[error(
        "the journal could not be written before, and nothing may follow a gap; `resume` goes on from what it holds"
    )]
    Closed,
    /// A line in the middle is not a record of this rollout.
    #[error("{}, line {line}: {why}; {}", path.display(), mending(path))]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The last line is not a record.
    #[error("the last line of {} is not a record: {why}; {}", path.display(), mending(path))]
    DamagedEnd {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A later coalmine wrote it.
    #[error(
        "{}, line {line}: written in version {found} of the format, and this coalmine reads version {} only: use the coalmine that wrote it",
        path.display(),
        Record::VERSION
    )]
    Version {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The version that it has.
        found: u32,
    },
    /// A record could not be written as a line.
    #[error("could not write a record: {0}")]
    Record(#[from] RecordError),
    /// A conductor runs the rollout already.
    #[error("a conductor runs rollout {0} already: `coalmine attach {0}` shows it")]
    InUse(RolloutId),
    /// There is a journal of that name.
    #[error("there is a rollout {0} already")]
    Exists(RolloutId),
    /// There is no journal of that name.
    #[error("there is no rollout {0}: `coalmine rollouts` lists those that there are")]
    Missing(RolloutId),
}

impl JournalError {
    /// Tells whether something is lost: not where a journal was removed, or is another's to read.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        !matches!(self, Self::Missing(_)) && !self.is_forbidden()
    }

    /// Tells whether a journal is there and only others may read it.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Names the file or folder that could not be read, where that is what went wrong; what could not be written is told by its cause alone.
    #[must_use]
    pub fn unread(&self) -> Option<&Path> {
        match self {
            Self::Io { action: "list" | "open" | "read" | "look at" | "ask for the lock of", path, .. } => Some(path),
            _ => None,
        }
    }

    /// Says why the journal of a rollout could not be opened.
    pub(super) fn opening(rollout: &RolloutId, path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing(rollout.clone()),
            // What the system has no word for.
            io::ErrorKind::Other => Self::NoFile { path: path.to_owned(), why: error },
            _ => Self::io("open", path)(error),
        }
    }

    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// Says what is to be done about a journal that is damaged. Nothing of it is guessed: what hosts run is asked of them.
fn mending(path: &Path) -> String {
    let folder = path.parent().unwrap_or(path).display();
    format!(
        "put the file back from a backup, or give that rollout up: mv {folder} {folder}.damaged. Hosts know themselves what they \
         run: `coalmine status` asks them, and the next install brings all of them to one release"
    )
}
