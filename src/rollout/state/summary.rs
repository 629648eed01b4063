use std::collections::BTreeMap;
use std::time::Duration;

use super::State;
use crate::model::{Bytes, FailureClass, HostIdx, Phase};
use crate::plan::{LeftOutReason, PlanKind};
use crate::rollout::outcome::{Debt, HostEnd};

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

impl State {
    /// Says how a host ends, or would end if the rollout ended now.
    #[must_use]
    pub fn host_end(&self, index: HostIdx) -> HostEnd {
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
        for (index, host) in self.placed() {
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
