//! The site's own commands: gates, depool, repool, announce.
//!
//! What the engine needs of the site is the trait [`Site`]. It decides nothing: whether an answer stops a rollout is the
//! machine's business.

mod api;

pub use api::{GateAnswer, Site, SiteError, StageQuestion};
