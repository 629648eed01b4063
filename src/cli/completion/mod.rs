//! Shell completion: a script for each shell, and the answers to what the scripts ask.
//!
//! A shell waits while somebody types: whatever cannot be known at once is left out, nothing is fetched, no command of a
//! group runs, and nothing that goes wrong is told.

mod candidates;
mod known;
mod script;

pub(super) use candidates::{
    environments, hosts, one_host, rollouts, running, slots, tags, versions, waiting, ways_back,
};
pub(super) use script::{CompletionsArgs, answer, script};
