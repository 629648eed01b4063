//! The words of the product as types.
//!
//! What a host, a version, a release or a failure is, is said here once; every other room speaks with these types.
//! This room knows nothing of files, networks or time, and a value of one of its types is valid by construction.

mod address;
mod bytes;
mod carrier;
mod choice;
mod command;
pub mod commit;
mod failure;
mod hook;
mod host;
mod ids;
mod mark;
mod name;
mod phase;
mod product;
mod release;
pub mod seconds;
mod service;
mod squeeze;
mod survey;
mod window;
mod work;

pub use address::{Address, AddressError, Jump, KeyFile, Login, Proxy, ProxyCommand};
pub use bytes::Bytes;
pub use carrier::{Carried, Carrier, CarrierFailed, CarrierNews, RelayFailed, RelayStarted};
pub use choice::{Compress, HostKeys, Installer, Modes, PackWhen, Verify};
pub use command::{Command, Operator};
pub use commit::Commit;
pub use failure::{Failure, FailureClass};
pub use hook::{HostHook, PhaseHook};
pub use host::{HostId, Site};
pub use ids::{Environment, GateName, HostIdx, HostRange, RolloutId, Slot, StageIdx, StageName};
pub use mark::FoundBad;
pub use name::NameError;
pub(crate) use name::{FromText, read_as_text, text_name, written_as_text};
pub use phase::Phase;
pub use product::ProductId;
pub use release::{Digest, DigestError, ReleaseId, Version, described};
pub use service::{Pooling, ServiceWish, TakenOut};
pub use squeeze::{PushBack, Squeeze};
pub use survey::{ASTRAY, Adopted, HostState, Installed, NamedSlot, Packaged, Probe, Proof, RestsOn, ToolPath};
pub use window::{CalendarTime, CalendarTimeError, FreezeWindow, Occurrence, WindowError, frozen_by, is_time_zone};
pub use work::{GateReport, HostLock, LockHolder, Progress, RollBackTarget, Verdict};
