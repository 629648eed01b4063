//! The site's own commands: gates, depool, repool, announce.
//!
//! What the engine needs of the site is the trait [`Site`]; [`SiteHooks`] does it with the site's commands. This room decides
//! nothing: whether an answer stops a rollout is the machine's business.

mod api;
mod gate;
mod irc;
mod message;
mod site;

pub use api::{GateAnswer, Site, SiteError, StageQuestion};
pub use gate::judge;
pub use irc::{IrcError, say};
pub use message::{announcement, service_announcement};
pub use site::{HookSettings, Place, SiteHooks, StageGateSettings};
