//! The append-only record of a rollout, and the index of all of them.
//!
//! A journal is JSON lines, one record each, at `STATE/rollouts/ROLLOUT/journal.jsonl`. Whoever appends holds the file's
//! lock (flock(2)), which the kernel frees when the process dies: so one conductor runs one rollout, and everybody can see
//! whether one does. Readers take no lock and read what is whole. A crash can leave a torn last line: nothing came of it,
//! since effects follow only a finished fsync(2), so it is left out, and cut off before more is appended.
//!
//! This room knows lines, files and disks. What a record means is the room `rollout`'s.

mod error;
mod index;
mod litter;
mod reader;
mod rollouts;
mod storage;
mod writer;

pub use error::JournalError;
pub use index::{Entry, Listing};
pub use litter::clear_temporary;
pub use reader::Records;
pub use rollouts::Rollouts;
pub use storage::{Disk, Memory, Storage};
pub use writer::Journal;

#[cfg(test)]
mod tests;
