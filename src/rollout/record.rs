use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::event::Event;
use crate::model::RolloutId;

/// Tells why a line is not a record.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It is not the JSON of a record.
    #[error("not a record: {0}")]
    Json(#[from] serde_json::Error),
    /// A version of coalmine wrote it that this one cannot read.
    #[error("a record of version {0}, and this coalmine reads version {version} only", version = Record::VERSION)]
    Version(u32),
}

/// Holds an event with its place in a rollout: a line of the journal, of the control socket and of `--output jsonl`.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its number, from 1; a live event that is not journaled has that of the record before it.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// In which rollout.
    pub rollout: RolloutId,
    /// What happened.
    pub event: Event,
}

/// The fields that a record has beside its event's; other fields are the event's and are not looked at here.
#[derive(Serialize, Deserialize)]
struct Envelope {
    v: u32,
    seq: u64,
    at: Timestamp,
    rollout: RolloutId,
}

impl Record {
    /// The version of the format that this coalmine writes and reads.
    pub const VERSION: u32 = 1;

    /// Writes the record as one line of JSON, without the newline.
    ///
    /// # Errors
    ///
    /// When the event cannot be written as JSON, which no event of this version does.
    pub fn to_line(&self) -> Result<String, RecordError> {
        // Two objects become one by their text: an event is a tagged enum, which serde cannot put beside other fields.
        let envelope = serde_json::to_string(&Envelope {
            v: Self::VERSION,
            seq: self.seq,
            at: self.at,
            rollout: self.rollout.clone(),
        })?;
        let event = serde_json::to_string(&self.event)?;
        let head = envelope.strip_suffix('}').unwrap_or(&envelope);
        let tail = event.strip_prefix('{').unwrap_or(&event);
        Ok(format!("{head},{tail}"))
    }

    /// Reads a record of one line of JSON.
    ///
    /// # Errors
    ///
    /// When the line is no record, or one of a version that this coalmine cannot read. An event of an unknown kind is read as
    /// [`Event::Unknown`].
    pub fn from_line(line: &str) -> Result<Self, RecordError> {
        let envelope: Envelope = serde_json::from_str(line)?;
        if envelope.v != Self::VERSION {
            return Err(RecordError::Version(envelope.v));
        }
        let event = serde_json::from_str(line)?;
        Ok(Self { seq: envelope.seq, at: envelope.at, rollout: envelope.rollout, event })
    }
}
