//! What the engine sees of a host, and its makers: `ssh`, `local` and `sim`.
//!
//! The trait speaks of releases, switches and gates; how a host is reached, and which scripts run there, is known below
//! it alone. Every operation may be repeated: done twice, it is as if it was done once. Dropping a future of this room
//! ends the processes on this machine; what runs on the host ends by its own deadline.
//!
//! From the top down: [`RealFleet`] finds hosts; `remote` is the one [`Host`] over a `transport`, and knows the phases;
//! `script` and `answer` are the two halves of a conversation with a host; `ssh` and `local` carry it; `rsync` carries
//! files, `delta` says which, and `parcel` what goes in one. `capacity` counts what this machine has for all that, and `limits` waits for it; `pace`
//! says how long work may take.

mod answer;
mod api;
mod bootstrap;
mod capacity;
mod converse;
mod delta;
mod fleet;
mod held;
mod limits;
mod local;
mod pace;
mod parcel;
mod process;
mod remote;
mod route;
mod rsync;
pub mod script;
mod session;
mod settings;
mod sharing;
mod shell;
pub mod sim;
mod ssh;
mod transport;

pub use api::{Activated, Fleet, GateCheck, Host, HostError, LockRequest, Primed, Survey, Switch, WentBack};
pub use bootstrap::{Bootstrap, Source};
pub use capacity::{Capacity, LEAST, Resource, Shortage, Supply, Widths, told};
pub use delta::Bases;
pub use fleet::{RealFleet, RealHost};
pub use limits::is_short;
pub use settings::{CarrierSettings, SettingsError, SshSettings, TargetSettings, TransferSettings};
