use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use crate::expr::GroupName;
use crate::model::HostId;

/// Tells why a group cannot be had, and where to mend it.
///
/// It can be cloned because a group that failed once stays failed for the inventory that asked.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// A file cannot be opened or read.
    #[error("cannot read {}: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: Arc<io::Error>,
    },
    /// A source gives more than any inventory has.
    #[error("{origin} has more than {most}")]
    TooLarge {
        /// The file, or the command.
        origin: String,
        /// How much would have been taken.
        most: String,
    },
    /// A line is not understood.
    #[error("{origin}:{line}: {reason}")]
    Line {
        /// The file, or the command.
        origin: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// A file lists a host twice.
    #[error("{origin}:{second}: {host} is already on line {first}; take one of them out")]
    Twice {
        /// The file.
        origin: String,
        /// The host.
        host: HostId,
        /// The line that lists it first.
        first: usize,
        /// The line that lists it again.
        second: usize,
    },
    /// An entry of a `hosts = […]` list is not understood.
    #[error("entry {entry:?} of its hosts: {reason}")]
    Entry {
        /// The entry.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A `hosts = […]` list has a host twice.
    #[error("{host} is listed twice, by {first:?} and by {second:?}; take one of them out")]
    ListedTwice {
        /// The host.
        host: HostId,
        /// The entry that has it first.
        first: String,
        /// The entry that has it again.
        second: String,
    },
    /// A file as a whole is not what it should be.
    #[error("{origin}: {reason}")]
    Document {
        /// The file.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A group's command did not do its work.
    #[error("`{command}` {outcome}{output}")]
    Command {
        /// The command, as it would be typed.
        command: String,
        /// What became of it.
        outcome: String,
        /// `: ` and the last lines of what it said on standard error, or nothing.
        output: String,
    },
    /// A group cannot be called that.
    #[error("{0}")]
    Name(String),
    /// Two groups have the same name.
    #[error("it is there twice")]
    Again,
    /// An `any` names a group that is none.
    #[error("any = [\"@{part}\"]: there is no such group{hint}")]
    NoSuchPart {
        /// What it names.
        part: GroupName,
        /// `; did you mean …?`, or nothing.
        hint: String,
    },
    /// Two inventories have a host at different places.
    #[error(
        "{host} is reached in one way by group {first} and in another by group {second}: let them agree, or leave it out of one"
    )]
    Contradiction {
        /// The host.
        host: HostId,
        /// The group that says it first.
        first: GroupName,
        /// The group that says otherwise.
        second: GroupName,
    },
    /// Groups are made of each other.
    #[error("groups are made of each other: {0}")]
    Cycle(String),
    /// Something is wrong with a group.
    #[error("group {group}: {source}")]
    Group {
        /// The group.
        group: GroupName,
        /// What is wrong.
        source: Box<Self>,
    },
}

impl InventoryError {
    pub(super) fn of(self, group: &GroupName) -> Self {
        Self::Group { group: group.clone(), source: Box::new(self) }
    }
}
