//! A throw-away fleet of real sshd hosts on loopback, with a product to deploy.
//!
//! One supervisor ([`serve`]) listens on an address of 127.0.0.0/8 for every host and starts `sshd -i` for each
//! connection, as any user. It stands between the two, so that a network fault is a real one: nobody answers, the port
//! is closed, the line is silent, slow or cut. Faults of the host itself (a full disk, a killed receiver, a missing
//! interpreter) are made by the script that sshd runs instead of the command (`assets/sandbox/bin/enter.sh`).
//!
//! Everything lives in one folder; [`down`] ends every process that carries the sandbox's token and removes the folder.
//! This room knows nothing of rollouts, and nothing of the product but its files: to coalmine the sandbox is a fleet as
//! any other.

mod error;
mod fault;
mod files;
mod fleet;
mod lifecycle;
mod privsep;
mod process;
mod product;
mod relay;
mod state;
mod station;
mod status;
mod supervisor;
mod tools;

pub use error::SandboxError;
pub use fault::{Fault, FaultError};
pub use fleet::MAX_HOSTS;
pub use lifecycle::{Options, Removed, Report, down, up};
pub use product::{BROKEN, TAGS};
pub use state::default_dir;
pub use status::{HostStatus, Status, fault, status};
pub use supervisor::serve;
