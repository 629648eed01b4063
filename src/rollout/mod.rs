//! What a rollout is: its events, its state as a fold over them, and the machine that decides.
//!
//! Nothing here has a clock, does IO or waits: time is given with every input, and what is to be done is returned. Whoever
//! has a journal has the rollout.
//!
//! # What counts as soak
//!
//! A stage soaks while a conductor sees that it is healthy. Time that passed while none ran, because it died or was stopped,
//! counts only where the stage has a gate (`on = "stage"`, and not `dry`): on resume every gate whose `every` has passed is
//! asked before anything is promoted, and only its answer can show that the stage was healthy meanwhile. A gate that is to
//! vouch for that time has to look back over it, as an error rate over the last hour does; one that looks at this moment
//! only vouches for this moment. A stage without such a gate has nobody who saw it: its soak ends that much later, which a
//! second `soak_started` with the new `until` says. A pause does not end a soak, and its time counts: gates are asked
//! while it lasts.
//!
//! A person may decide otherwise than the plan has it, with a reason that is journaled and announced: `soak` gives the stage that soaks
//! another end, `promote` ends it and promotes, `hold` lets nothing follow the stage that it is at until a person promotes it or
//! continues. None of them passes over a gate: a stage is promoted, early or not, once every gate of it has passed during its soak. The
//! last of them counts.
//!
//! A person may also take a host out of service, and back into it (`depool`, `repool`): who and why is journaled before the site's command
//! runs, as soon as nothing else is being done to the host. It stays out of service then, whatever this rollout or a later one finds on it,
//! until a person takes it back.
//!
//! # Every command in every state
//!
//! `stop` is what a signal gives. One host had failed to get the release, and that one `skip` is asked for; reasons are below.
//!
#![doc = include_str!("commands.md")]

#[cfg(test)]
mod contract_tests;
mod event;
mod exit;
mod hosts;
mod judgement;
mod machine;
mod outcome;
mod pause;
mod record;
mod refusal;
mod state;

pub use event::{Event, GateScope};
pub use exit::Exit;
pub use judgement::Judgement;
#[cfg(test)]
pub(crate) use machine::table;
pub use machine::{
    Effect, Input, Machine, SHORTAGE, Step, Task, TaskError, TaskOutput, not_begun, nothing_done, nothing_due,
};
pub use outcome::{Debt, HostEnd, Outcome};
pub use pause::PauseReason;
pub use record::{Record, RecordError};
pub use refusal::{Rejection, refusal};
pub use state::{Decided, GateStatus, HostStatus, Mode, Soak, StageStatus, State, Summary, WayBack};
