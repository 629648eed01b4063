//! Scripted hosts in virtual time, with seeded faults.
//!
//! A simulated host keeps a little world of its own (releases, links, lock, a dead man's switch), which survives the
//! engine: so what a rollout did can be judged by what the hosts hold, and not by what the rollout says. Time is tokio's,
//! and is meant to be paused. A dropped operation may have happened all the same, as over a real link.

mod disk;
mod fault;
mod fleet;
mod machine;

pub use disk::{Change, Content, Disk, Place};
pub use fault::{Fault, Operation, RelayFault};
pub use fleet::SimFleet;
pub use machine::SimHost;
