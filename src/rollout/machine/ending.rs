use std::iter::repeat;

use super::{Machine, Task};
use crate::model::{HostIdx, Phase, PhaseHook};
use crate::plan::{OnFailure, PlanKind};
use crate::rollout::event::Event;
use crate::rollout::hosts::HostSet;
use crate::rollout::outcome::Outcome;
use crate::rollout::pause::PauseReason;

/// Holds the hosts that the end of a rollout still has to be told to.
#[derive(Debug, Default)]
pub(super) struct Settling {
    pub(super) left: HostSet,
    /// Those of them on which the release becomes good.
    finalized: HostSet,
}

impl Settling {
    fn task_of(&self, index: HostIdx) -> Task {
        if self.finalized.contains(index) { Task::Finalize } else { Task::Unlock }
    }
}

impl Machine {
    pub(super) fn drain(&mut self, why: PauseReason) {
        if matches!(why, PauseReason::Locked { .. }) {
            self.cancel_harmless();
        }
        if !self.busy.is_empty() {
            return;
        }
        if let PauseReason::Locked { .. } = why {
            if !self.state.anything_switched() {
                self.end(Outcome::Locked);
                return;
            }
            // Hosts whose lock is another's are not touched, back neither.
            if self.plan.policy.on_failure != OnFailure::Pause {
                self.end(Outcome::Stopped);
                return;
            }
        }
        match self.plan.policy.on_failure {
            OnFailure::Pause => {
                let why = self.as_it_stands(why);
                self.emit(Event::Paused { why });
            }
            OnFailure::Rollback if self.state.switched().next().is_some() => {
                let hosts = self.state.switched().count();
                self.emit(Event::RollbackStarted { by: None, hosts });
            }
            // A canary that went back by itself is all there was to go back.
            OnFailure::Rollback if self.state.anything_switched() => {
                if self.settling.is_none() {
                    self.emit(Event::RollbackStarted { by: None, hosts: 0 });
                }
            }
            OnFailure::Rollback | OnFailure::Abort => self.end(Outcome::Stopped),
        }
    }

    /// Counts anew what failed: hosts that were under way when it stopped may have failed since.
    fn as_it_stands(&self, why: PauseReason) -> PauseReason {
        match why {
            PauseReason::OverBudget { stage, class, failed, allowed } => {
                let now = self.state.stage_named(&stage).and_then(|idx| self.state.over_budget(idx));
                let failed = now.filter(|(of, ..)| *of == class).map_or(failed, |(_, failed, _)| failed);
                PauseReason::OverBudget { stage, class, failed, allowed }
            }
            other => other,
        }
    }

    pub(super) fn roll_back(&mut self) {
        self.cancel_harmless();
        let width = self.plan.stages.iter().map(|stage| stage.concurrency).max().unwrap_or(1).max(1);
        let room = width.saturating_sub(self.busy.len());
        let next: Vec<HostIdx> = self
            .state
            .switched()
            .filter(|&index| !self.busy.contains(index) && self.state.host(index).is_some_and(|host| !host.stranded))
            .take(room)
            .collect();
        for index in next {
            self.send_back(index);
        }
        if self.busy.is_empty() && self.hooked(PhaseHook::AfterRollback, None) {
            self.end(Outcome::RolledBack);
        }
    }

    pub(super) fn finalize(&mut self) {
        self.end(Outcome::Completed);
    }

    /// Tells every host that the rollout is over, and then ends it; called until it has.
    pub(super) fn end(&mut self, outcome: Outcome) {
        if self.settling.is_none() {
            if self.busy.iter().any(|(_, task)| !matches!(task, Task::Depool | Task::Repool)) {
                return;
            }
            let finalize = outcome == Outcome::Completed && self.plan.kind != PlanKind::Prime;
            let mut settling = Settling::default();
            for (index, host) in self.state.placed() {
                let is_finalized = finalize && host.phase == Phase::Healthy;
                // One whose lock was lost is not finalized, and has to say so.
                if host.locked || self.unsure.contains(&index) || (host.lost && is_finalized) {
                    settling.left.insert(index);
                    if is_finalized {
                        settling.finalized.insert(index);
                    }
                }
            }
            self.settling = Some(settling);
        }
        let room = self.plan.policy.control_width.max(1).saturating_sub(self.busy.len());
        let next: Vec<(HostIdx, Task)> = self
            .settling
            .iter()
            .flat_map(|settling| {
                settling.left.before_without(self.state.end(), self.busy.hosts()).zip(repeat(settling))
            })
            .take(room)
            .map(|(index, settling)| (index, settling.task_of(index)))
            .collect();
        for (index, task) in next {
            self.start(index, task);
        }
        let told_everybody = self.settling.as_ref().is_some_and(|settling| settling.left.is_empty());
        if !told_everybody || !self.busy.is_empty() {
            return;
        }
        if outcome == Outcome::Completed && self.plan.kind != PlanKind::Prime && !self.state.is_finalized() {
            let healthy = self.state.in_phase(Phase::Healthy, ..self.state.end());
            let (masters, targets): (Vec<HostIdx>, Vec<HostIdx>) =
                healthy.partition(|&index| self.state.is_master(index));
            // A verdict of no host is none.
            if !targets.is_empty() {
                let release = self.release().clone();
                self.emit(Event::ReleaseFinalized { release, hosts: targets.len(), masters: masters.len() });
            }
        }
        let last =
            if self.plan.kind == PlanKind::Rollback { PhaseHook::AfterRollback } else { PhaseHook::AfterFinalize };
        if outcome == Outcome::Completed && self.state.is_finalized() && !self.hooked(last, None) {
            return;
        }
        self.finish(outcome);
    }
}
