use std::io::BufRead;
use std::path::PathBuf;

use super::error::JournalError;
use crate::model::RolloutId;
use crate::rollout::{Record, RecordError};

/// Reads the records of one journal, in order, without holding them all.
///
/// A last line without its newline is torn, or is being written right now: it is left out. Whatever else is not the next
/// record is an error that names the line, and ends the reading.
#[derive(Debug)]
pub struct Records<R> {
    reader: R,
    path: PathBuf,
    line: usize,
    whole: u64,
    buffer: Vec<u8>,
    /// Which rollout its records are of.
    rollout: Option<RolloutId>,
    over: bool,
}

impl<R: BufRead> Records<R> {
    /// Reads a journal from its beginning; `path` is for messages.
    pub fn new(reader: R, path: impl Into<PathBuf>) -> Self {
        Self { reader, path: path.into(), line: 0, whole: 0, buffer: Vec::new(), rollout: None, over: false }
    }

    /// Counts the bytes of the whole lines read so far.
    #[must_use]
    pub const fn whole(&self) -> u64 {
        self.whole
    }

    fn read(&mut self) -> Result<Option<Record>, JournalError> {
        self.buffer.clear();
        let count = self.reader.read_until(b'\n', &mut self.buffer).map_err(JournalError::io("read", &self.path))?;
        let Some(text) = self.buffer.strip_suffix(b"\n") else {
            return Ok(None);
        };
        self.line += 1;
        let text = std::str::from_utf8(text).map_err(|error| self.damaged(error.to_string()))?;
        let record = Record::from_next_line(text, self.rollout.as_ref()).map_err(|error| match error {
            RecordError::Version(found) => JournalError::Version { path: self.path.clone(), line: self.line, found },
            error @ RecordError::Json(_) => self.damaged(error.to_string()),
        })?;
        // A record's number is that of its line: so a lost or doubled line is noticed.
        if record.seq != self.line as u64 {
            return Err(self.damaged(format!("record {} stands where record {} belongs", record.seq, self.line)));
        }
        if self.rollout.is_none() {
            self.rollout = Some(record.rollout.clone());
        }
        self.whole += count as u64;
        Ok(Some(record))
    }

    fn damaged(&self, why: String) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), line: self.line, why }
    }
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let record = self.read().transpose();
        self.over = !matches!(record, Some(Ok(_)));
        record
    }
}
