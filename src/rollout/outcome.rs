use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{FailureClass, HostId};
use crate::plan::PlanKind;

/// Says how a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It went through to its last stage; the hosts tell whether all of them did.
    Completed,
    /// It was stopped by a budget, a gate or an operator, and left as it stands.
    Stopped,
    /// The hosts that were switched were sent back, and at least one of them went.
    RolledBack,
    /// Another rollout holds the lock of a host; nothing was switched.
    Locked,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::RolledBack => "rolled back",
            Self::Locked => "locked",
        })
    }
}

/// Says how a host of the fleet ended; each ends in exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostEnd {
    /// It had the release before.
    Current,
    /// It runs the release and passed its gates.
    Healthy,
    /// It holds the release and was not to be switched.
    Primed,
    /// It runs its last good release again, or none if it had none.
    RolledBack,
    /// It failed and was left as the failure says.
    Failed,
    /// It could not be reached.
    Unreachable,
    /// Somebody left it out.
    Skipped,
    /// It was never switched, since the rollout ended before.
    Untried,
    /// It was being switched when the rollout was ended; what it runs has to be asked.
    Unknown,
}

impl HostEnd {
    /// Gives the word of `rollout_finished`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Healthy => "healthy",
            Self::Primed => "primed",
            Self::RolledBack => "rolled_back",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
            Self::Skipped => "skipped",
            Self::Untried => "untried",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for HostEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.word().replace('_', " "))
    }
}

/// Names a host that should have the release and does not, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debt {
    /// The host.
    pub host: HostId,
    /// How it ended.
    pub end: HostEnd,
    /// The class of its failure; none when it did not fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<FailureClass>,
    /// What went wrong, or why it was left out.
    pub message: String,
}

impl Outcome {
    /// Every outcome, in the order in which they are explained.
    pub const ALL: [Self; 4] = [Self::Completed, Self::Stopped, Self::RolledBack, Self::Locked];

    /// Gives the exit code of a rollout that ended so: of its final state, and of nothing else.
    #[must_use]
    pub fn exit_code(self, kind: PlanKind, debt: &[Debt]) -> u8 {
        match self {
            Self::Completed if debt.is_empty() => 0,
            Self::Completed if debt.iter().all(|debt| debt.end == HostEnd::Unreachable) => 4,
            Self::Completed => 3,
            Self::Stopped => 5,
            // Nobody asked for less than the release, unless going back was what was asked for.
            Self::RolledBack if kind == PlanKind::Rollback && debt.is_empty() => 0,
            Self::RolledBack => 6,
            Self::Locked => 7,
        }
    }
}
