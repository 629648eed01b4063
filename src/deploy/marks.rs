use super::notice::Notice;
use super::workspace::Workspace;
use crate::model::ReleaseId;
use crate::plan::PlanKind;
use crate::release::{Mark, MarkRecord, Store};
use crate::rollout::{Outcome, State};

impl Workspace {
    /// Remembers what a rollout found out about the release: where a later rollback goes depends on it.
    pub(super) fn mark(&self, store: &Store, state: &State) {
        let (Some(plan), Some(at)) = (state.plan(), state.latest()) else {
            return;
        };
        for (release, verdict) in verdicts(state) {
            let (environment, rollout) = (plan.environment.clone(), plan.rollout.clone());
            let record = MarkRecord::new(at, release.clone(), environment, rollout, verdict);
            if let Err(error) = store.mark(&record) {
                self.tell(Notice::Forgotten { release, why: error.to_string() });
            }
        }
    }
}

/// Says what a rollout that is over found out about releases; nothing while it is not.
fn verdicts(state: &State) -> Vec<(ReleaseId, Mark)> {
    let (Some(plan), Some(outcome)) = (state.plan(), state.outcome()) else {
        return Vec::new();
    };
    let mut verdicts = Vec::new();
    if state.is_finalized() && plan.slot.is_none() && plan.kind != PlanKind::Prime {
        verdicts.push((plan.release.clone(), Mark::Good));
    }
    match (outcome, plan.kind) {
        (Outcome::Completed, PlanKind::Rollback) => {
            let mut left: Vec<&ReleaseId> = plan
                .hosts
                .iter()
                .filter_map(|host| host.from.as_ref().and_then(|installed| installed.release()))
                .filter(|from| **from != plan.release)
                .collect();
            left.sort_unstable();
            left.dedup();
            let reason = format!("rolled back by {}", plan.operator);
            verdicts.extend(left.into_iter().map(|release| (release.clone(), Mark::Bad { reason: reason.clone() })));
        }
        (Outcome::RolledBack, _) => {
            verdicts
                .push((plan.release.clone(), Mark::Bad { reason: format!("rolled back in rollout {}", plan.rollout) }));
        }
        _ => {}
    }
    verdicts
}
