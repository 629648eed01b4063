use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::HostId;

/// Names who gave a command: `user@machine`, or the signal that came.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Operator(pub Arc<str>);

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Asks something of a running rollout; each is accepted or refused with a reason, in every state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Starts no new host; those under way finish.
    Pause,
    /// Goes on after a pause, and promotes a stage that waits for it.
    Continue,
    /// Ends the rollout and leaves every host as it stands.
    Abort,
    /// Puts every host that was switched back to its last good release, and ends.
    Rollback,
    /// Tries failed hosts again.
    Retry {
        /// Only this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<HostId>,
    },
    /// Leaves a host out, or forgives its failure.
    Skip {
        /// Which one.
        host: HostId,
    },
    /// Takes a host out of service by the site's command; it stays out, whatever is found on it, until a person takes it back.
    Depool {
        /// Which one.
        host: HostId,
        /// Why.
        reason: String,
    },
    /// Takes a host back into service by the site's command.
    Repool {
        /// Which one.
        host: HostId,
        /// Why, where somebody says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Starts no new host, lets those under way finish and stops the conductor; `resume` goes on.
    Stop,
    /// Gives the stage that soaks so much time from now, less or more than it had.
    Soak {
        /// How long it goes on, in seconds; 0 ends it.
        left_s: u64,
        /// Why.
        reason: String,
    },
    /// Ends the soak and promotes the stage, as soon as the gates of the stage have passed.
    Promote {
        /// Why.
        reason: String,
    },
    /// Lets nothing follow the stage that it is at, until a person promotes it or continues.
    Hold {
        /// Why.
        reason: String,
    },
}

impl Command {
    /// Gives the word of the command line.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Continue => "continue",
            Self::Abort => "abort",
            Self::Rollback => "rollback",
            Self::Retry { .. } => "retry",
            Self::Skip { .. } => "skip",
            Self::Depool { .. } => "depool",
            Self::Repool { .. } => "repool",
            Self::Stop => "stop",
            Self::Soak { .. } => "soak",
            Self::Promote { .. } => "promote",
            Self::Hold { .. } => "hold",
        }
    }
}
