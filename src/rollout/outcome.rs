use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::State;
use crate::model::{Bytes, FailureClass, HostId, Phase};
use crate::plan::{LeftOutReason, PlanKind};

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

/// Sums a rollout up: a pure function of its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many hosts ended how.
    pub counts: BTreeMap<HostEnd, usize>,
    /// The hosts that should have the release and do not.
    pub debt: Vec<Debt>,
    /// What travelled.
    pub bytes: Bytes,
    /// How long it took, until now if it still runs.
    pub took: Option<Duration>,
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

impl State {
    /// Says how a host ends, or would end if the rollout ended now.
    #[must_use]
    pub fn host_end(&self, index: usize) -> HostEnd {
        let prime = self.plan().is_some_and(|plan| plan.kind == PlanKind::Prime);
        let Some(host) = self.host(index) else {
            return HostEnd::Unknown;
        };
        match host.phase {
            Phase::Healthy => HostEnd::Healthy,
            Phase::Primed if prime => HostEnd::Primed,
            // It was switched once, and nobody knows any more to what.
            Phase::Pending | Phase::Priming | Phase::Primed if host.switched.is_some() => HostEnd::Unknown,
            // It was to be tried once more, and stands where its first failure left it.
            Phase::Pending | Phase::Priming | Phase::Primed if host.went_back => HostEnd::RolledBack,
            Phase::Pending | Phase::Priming | Phase::Primed => HostEnd::Untried,
            Phase::RolledBack => HostEnd::RolledBack,
            Phase::Skipped => HostEnd::Skipped,
            Phase::Activating | Phase::Active | Phase::Checking | Phase::RollingBack => HostEnd::Unknown,
            Phase::Failed => match &host.failure {
                // One that was lost after its switch, and may have reverted itself, was not just passed over.
                Some(failure) if failure.class == FailureClass::Unreachable && host.switched.is_none() => {
                    HostEnd::Unreachable
                }
                _ => HostEnd::Failed,
            },
        }
    }

    /// Sums the rollout up as it stands.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut counts = BTreeMap::new();
        let mut debt = Vec::new();
        let left_out = self.plan().map_or(&[][..], |plan| &plan.left_out);
        for out in left_out {
            let counted = usize::from(!out.is_master);
            match out.reason {
                LeftOutReason::Current => *counts.entry(HostEnd::Current).or_default() += counted,
                LeftOutReason::Unreachable => {
                    *counts.entry(HostEnd::Unreachable).or_default() += counted;
                    debt.push(Debt {
                        host: out.host.clone(),
                        end: HostEnd::Unreachable,
                        class: Some(FailureClass::Unreachable),
                        message: out.message.clone(),
                    });
                }
                // A master that has nowhere to go back to is told, and counts as little as in anything else.
                LeftOutReason::NoTarget if out.is_master => {}
                LeftOutReason::NoTarget => {
                    *counts.entry(HostEnd::Skipped).or_default() += counted;
                    debt.push(Debt {
                        host: out.host.clone(),
                        end: HostEnd::Skipped,
                        class: None,
                        message: out.message.clone(),
                    });
                }
                LeftOutReason::Excluded => {}
            }
        }
        for (index, host) in self.hosts().iter().enumerate() {
            let end = self.host_end(index);
            if !self.is_master(index) {
                *counts.entry(end).or_default() += 1;
            }
            if matches!(end, HostEnd::Healthy | HostEnd::Primed | HostEnd::Current) {
                continue;
            }
            let message = match (&host.failure, &host.skipped) {
                (Some(failure), _) => failure.message.clone(),
                (None, Some(reason)) => reason.clone(),
                (None, None) if end == HostEnd::Unknown => "was being switched when the rollout was ended".to_owned(),
                // It went back, or was never tried, because of others.
                (None, None) => continue,
            };
            debt.push(Debt {
                host: host.id.clone(),
                end,
                class: host.failure.as_ref().map(|failure| failure.class),
                message,
            });
        }
        counts.retain(|_, count| *count > 0);
        Summary { counts, debt, bytes: self.bytes(), took: self.took() }
    }
}
