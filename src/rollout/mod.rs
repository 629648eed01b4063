//! What a rollout is: its events, its state as a fold over them, and the machine that decides.
//!
//! Nothing here has a clock, does IO or waits: time is given with every input, and what is to be done is returned. Whoever
//! has a journal has the rollout.

mod event;
mod machine;
mod outcome;
mod state;

pub use event::{Event, GateScope, PauseReason, Record, RecordError};
pub use machine::{Effect, HostGate, Input, Machine, Rejection, Step, Task, TaskError, TaskOutput};
pub use outcome::{Debt, HostEnd, Outcome, Summary};
pub use state::{GateStatus, HostStatus, Mode, Soak, StageStatus, State};
