use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::ReleaseError;
use super::store::Store;
use crate::files;
use crate::model::{Environment, Operator, ReleaseId, RolloutId};

/// The version of a line.
const VERSION: u32 = 1;

/// Tells what was found out about a release.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "snake_case")]
pub enum Mark {
    /// It was finalized.
    Good,
    /// It was rolled back, or stopped a rollout.
    Bad {
        /// Why, in one line.
        reason: String,
    },
    /// What was found out before counts no more.
    Unmarked,
}

/// One line of the marks: what was found out about one release, in one environment, on some of its targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkRecord {
    /// The version of the line's format.
    pub v: u32,
    /// When.
    pub at: Timestamp,
    /// Of which release.
    pub release: ReleaseId,
    /// Where.
    pub environment: Environment,
    /// By which rollout; none where somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutId>,
    /// What.
    pub verdict: Mark,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Operator>,
    /// For which targets, folded; none is all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<String>,
    /// On how many targets it was so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<usize>,
    /// Of how many that it was meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
}

impl MarkRecord {
    /// Makes a mark of the current version of the format, for all targets of an environment.
    #[must_use]
    pub const fn new(
        at: Timestamp,
        release: ReleaseId,
        environment: Environment,
        rollout: Option<RolloutId>,
        verdict: Mark,
    ) -> Self {
        Self { v: VERSION, at, release, environment, rollout, verdict, by: None, hosts: None, on: None, of: None }
    }
}

/// Holds what was read of the marks.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ReadMarks {
    /// The marks, oldest first.
    pub marks: Vec<MarkRecord>,
    /// The lines from which none can be read, from 1: torn or damaged ones, and those of a later version.
    pub damaged: Vec<usize>,
}

impl Store {
    /// Appends a mark; it is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn mark(&self, record: &MarkRecord) -> Result<(), ReleaseError> {
        let path = self.marks_path();
        self.append(record).map_err(ReleaseError::disk("write", path))
    }

    fn append(&self, record: &MarkRecord) -> io::Result<()> {
        files::append_line(&self.marks_path(), None, serde_json::to_vec(record)?)
    }

    /// Lists the marks, oldest first; lines that say nothing are left out.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub fn marks(&self) -> Result<Vec<MarkRecord>, ReleaseError> {
        Ok(self.read_marks()?.marks)
    }

    /// Reads the marks, and which lines say nothing.
    ///
    /// # Errors
    ///
    /// As [`Store::marks`].
    pub fn read_marks(&self) -> Result<ReadMarks, ReleaseError> {
        let path = self.marks_path();
        let text = match files::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ReadMarks::default()),
            Err(error) => return Err(ReleaseError::disk("read", path)(error)),
        };
        let mut read = ReadMarks::default();
        let lines = text.split(|&byte| byte == b'\n').zip(1..).filter(|(line, _)| !line.is_empty());
        for (line, number) in lines {
            match serde_json::from_slice::<MarkRecord>(line) {
                Ok(record) if record.v == VERSION => read.marks.push(record),
                Ok(_) | Err(_) => read.damaged.push(number),
            }
        }
        Ok(read)
    }

    /// Names the file that they are in.
    #[must_use]
    pub fn marks_path(&self) -> PathBuf {
        self.state().join("marks.jsonl")
    }
}
