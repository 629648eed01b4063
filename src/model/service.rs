use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{HostId, Operator};

/// Says which of the site's commands about the service of a host is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The one that takes a host out of service.
    Depool,
    /// The one that takes it back in.
    Repool,
}

impl Pooling {
    /// Gives the key of its command, behind `hooks.`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Depool => "depool",
            Self::Repool => "repool",
        }
    }

    /// Says what a host was then.
    #[must_use]
    pub const fn done(self) -> &'static str {
        match self {
            Self::Depool => "taken out of service",
            Self::Repool => "put back into service",
        }
    }
}

/// Holds what a person asks for about the service of a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServiceWish {
    /// What is to be done.
    pub what: Pooling,
    /// Who asks.
    pub by: Operator,
    /// Why, where somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Writes what came of it, behind the name of the host: `taken out of service by alice@d1: its disk fails`.
impl fmt::Display for ServiceWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, by, reason } = self;
        write!(f, "{} by {by}", what.done())?;
        reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

/// Names a host that a person took out of service: it stays out, whatever rollouts find, until a person takes it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOut {
    /// Which.
    pub host: HostId,
    /// Who took it out.
    pub by: Operator,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
}
