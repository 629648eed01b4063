//! Local commands, and what surrounds them: one runner, threads for what blocks, words for the shell, users and groups, and secrets.
//!
//! A command runs by its argument vector in a process group of its own, with bounded output and a deadline, and is killed with
//! all that it started when whoever waits for it is dropped. Nothing here knows for whom it runs.

mod accounts;
mod group;
mod run;
mod secret;
mod thread;
mod words;

pub use accounts::{group_id, user_name};
pub use group::Group;
pub use run::{Ending, Job, KEPT_OUTPUT, ProcessError, Ran, Tail, run};
pub use secret::secret;
pub use thread::{Lost, in_thread, wait};
pub use words::{enclose, quote, quote_words};
