//! What the engine sees of a host, and its makers: `ssh`, `local` and `sim`.
//!
//! The trait speaks of releases, switches and gates; how a host is reached, and which scripts run there, is known below
//! it alone. Every operation may be repeated: done twice, it is as if it was done once. Dropping a future of this room
//! ends the processes on this machine; what runs on the host ends by its own deadline.

mod api;
pub mod sim;

pub use api::{Activated, Fleet, GateCheck, GateReport, Host, HostError, LockRequest, Primed, Survey, Switch};
