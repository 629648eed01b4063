//! Performs what the machine decided: tasks, limits, deadlines, locks.
//!
//! One loop owns the machine. It takes what has happened (answers of tasks and gates, commands, time), steps the machine
//! with each, appends all records of that turn to the journal, and only when these are on disk does it tell subscribers,
//! answer commands and start tasks. Every task is owned by the loop, which joins it, and has a deadline beside the host's
//! own; a task that panics is a failure of its host.
//!
//! Nothing is decided here: which host comes next, and what a failure means, is the machine's business. How a host is
//! reached, and what the site's commands are, is known below.
//!
//! The loop blocks its thread while the disk syncs: run it on a runtime of several threads, beside sockets.

mod announce;
mod clock;
mod error;
mod handle;
mod lease;
mod parts;
mod progress;
mod run;
mod settings;
mod worker;

pub use clock::{Clock, SystemClock, VirtualClock};
pub use error::EngineError;
pub use handle::{Ended, Handle, Subscription};
pub use parts::{Checks, Known, Parts, Releases};
pub use run::{Engine, Finished};
pub use settings::{Deadlines, Settings};
