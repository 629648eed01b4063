use std::fmt;
use std::time::Duration;

use crate::manifest::Totals;
use crate::model::{Commit, ReleaseId, Version};

/// Names a step of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The clean export of the commit.
    Export,
    /// `build.before`.
    Before,
    /// The virtual environment.
    Environment,
    /// pip, or `build.commands`.
    Install,
    /// What makes the release run from any path.
    Relocate,
    /// Bytecode.
    Compile,
    /// `build.check`.
    Check,
    /// Hashing, and moving the release to its place.
    Store,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Export => "export",
            Self::Before => "before",
            Self::Environment => "environment",
            Self::Install => "install",
            Self::Relocate => "relocate",
            Self::Compile => "compile",
            Self::Check => "check",
            Self::Store => "store",
        })
    }
}

/// Tells how far the making of a release is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The repository's remote is asked for news.
    Fetching {
        /// The remote.
        remote: String,
    },
    /// Something that a deployer should know and that stops nothing.
    Warning {
        /// One sentence.
        text: String,
    },
    /// Why what was asked for is what it is.
    Note {
        /// One sentence.
        text: String,
    },
    /// What was asked for is this commit.
    Resolved {
        /// Its version.
        version: Version,
        /// The commit.
        commit: Commit,
    },
    /// Another process builds in the same store.
    Waiting {
        /// Its process id, as far as it is known.
        owner: String,
    },
    /// The store has it already.
    Reused {
        /// The release.
        id: ReleaseId,
    },
    /// A step begins.
    Step {
        /// Which.
        step: Step,
    },
    /// A command of the build printed a line; control characters are removed.
    Output {
        /// The step that runs it.
        step: Step,
        /// The line, cut where it is too long.
        line: String,
    },
    /// The release is in the store.
    Built {
        /// The release.
        id: ReleaseId,
        /// What is in it.
        totals: Totals,
        /// Where the time went.
        took: Vec<(Step, Duration)>,
    },
}

/// Receives progress; it is called often and must not block.
pub type Report<'a> = &'a (dyn Fn(Progress) + Send + Sync);
