//! What of the state folder cannot be read, or not whole: what is unknown for that, and what to do about it.

use std::fmt;
use std::path::Path;

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::error::Error;
use crate::journal::{JournalError, Listing, Rollouts};

/// How many journals are named; `doctor` names all.
const NAMED: usize = 3;

/// What came of listing the rollouts.
pub(super) type Listed = Result<Listing, JournalError>;

/// Tells of something that cannot be read, or not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    /// What, and what is unknown for that.
    pub(super) message: String,
    /// What to do; none where the message says it.
    pub(super) hint: Option<String>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, "; {hint}"))
    }
}

/// Says what to do about what cannot be read: what is another's to read may be whole, and is no reason to do without.
pub(super) fn put_back(path: &Path) -> String {
    let may = access(path, Access::READ_OK | Access::WRITE_OK);
    let path = path.display();
    match may {
        Err(Errno::ACCESS) => format!("see who may read and write it: ls -ld {path}"),
        _ => format!("put it back from a backup, or do without: mv {path} {path}.damaged"),
    }
}

/// Writes an error with what to do, in one line.
pub(super) fn in_a_line(error: &Error) -> String {
    [&[error.message().to_owned()], error.hints()].concat().join("; ")
}

/// Finds among what was listed the rollouts of which nothing can be read, whichever environment they were of.
pub(super) fn damaged_journals(rollouts: &Rollouts, listed: &Listed) -> Vec<Damage> {
    let listing = match listed {
        Ok(listing) => listing,
        Err(error) => {
            let hint = Some(put_back(rollouts.root()));
            return vec![Damage { message: format!("no rollout is known: {error}"), hint }];
        }
    };
    let forbidden = listing.unreadable.iter().filter(|(_, error)| error.is_forbidden()).count();
    let damaged = listing.unreadable.iter().filter(|(_, error)| error.is_damage());
    let mut told: Vec<Damage> = damaged
        .map(|(rollout, error)| {
            let hint = matches!(error, JournalError::Io { .. }).then(|| put_back(&rollouts.journal(rollout)));
            Damage { message: format!("rollout {rollout} is not known: {error}"), hint }
        })
        .collect();
    if forbidden > 0 {
        let message = format!("{forbidden} rollouts of others are not known, which you may not read");
        told.push(Damage { message, hint: Some("`control.group` names the group that may".to_owned()) });
    }
    told
}

/// Says of which rollouts nothing can be read, a sentence each: what they left is unknown, such as who is in debt.
#[must_use]
pub fn unknown_rollouts(rollouts: &Rollouts, listed: &Result<Listing, JournalError>) -> Vec<String> {
    let damaged = damaged_journals(rollouts, listed);
    let mut told: Vec<String> = damaged.iter().take(NAMED).map(Damage::to_string).collect();
    if let Some(more) = damaged.len().checked_sub(NAMED).filter(|more| *more > 0) {
        told.push(format!("{more} more rollouts are not known: `coalmine doctor` names them"));
    }
    told
}

/// Tells of the lines of marks that say nothing.
pub(super) fn marks(path: &Path, damaged: &[usize]) -> Option<Damage> {
    let lines: Vec<String> = damaged.iter().map(usize::to_string).collect();
    (!lines.is_empty()).then(|| Damage {
        message: format!(
            "{}: no mark can be read from line {}: a version that was marked there, good or bad, is not",
            path.display(),
            lines.join(", ")
        ),
        hint: Some("`coalmine releases` lists what is marked; mark it again, and remove that line".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::put_back;

    #[test]
    fn nobody_is_told_to_move_away_what_only_others_may_read() {
        let folder = tempfile::tempdir().unwrap();
        assert!(put_back(folder.path()).contains("mv "));
        if rustix::process::geteuid().is_root() {
            eprintln!("skipped: root may read everything");
            return;
        }
        assert!(put_back("/root/marks.jsonl".as_ref()).starts_with("see who may read"));
    }
}
