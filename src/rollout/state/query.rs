use std::collections::BTreeSet;
use std::ops::RangeTo;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Decided, HostStatus, Mode, StageStatus, State, WayBack};
use crate::model::{
    Bytes, FailureClass, HostId, HostIdx, HostRange, Operator, Phase, PhaseHook, Pooling, RolloutId, ServiceWish,
    StageIdx, StageName, TakenOut,
};
use crate::plan::{Plan, StageKind, StagePlan};
use crate::rollout::hosts::HostSet;
use crate::rollout::outcome::Outcome;
use crate::rollout::pause::PauseReason;

/// What can be asked of a state.
impl State {
    /// Gives the plan, once there is one.
    #[must_use]
    pub const fn plan(&self) -> Option<&Arc<Plan>> {
        self.plan.as_ref()
    }

    /// Names the rollout, once there is a plan.
    #[must_use]
    pub fn rollout(&self) -> Option<&RolloutId> {
        self.plan.as_ref().map(|plan| &plan.rollout)
    }

    /// Says what the rollout as a whole is doing.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Gives every host, in the plan's order.
    #[must_use]
    pub fn hosts(&self) -> &[HostStatus] {
        &self.hosts
    }

    /// Gives a host by its place in the plan.
    #[must_use]
    pub fn host(&self, index: HostIdx) -> Option<&HostStatus> {
        self.hosts.get(index.0)
    }

    /// Gives the place of a host in the plan.
    #[must_use]
    pub fn index_of(&self, host: &HostId) -> Option<HostIdx> {
        self.index.get(host).copied()
    }

    /// Tells whether a hook has run, so that it need not again; one that failed and stopped the rollout has to.
    #[must_use]
    pub fn hook_ran(&self, hook: PhaseHook, stage: Option<StageIdx>) -> bool {
        self.hooks.contains(&(hook, stage))
    }

    /// Names the hosts that rollouts took out of service and none put back after what has happened, those of earlier ones among them.
    #[must_use]
    pub fn out_of_service(&self) -> Vec<HostId> {
        let Some(plan) = &self.plan else {
            return Vec::new();
        };
        let mut out: BTreeSet<HostId> =
            plan.out_of_service.iter().filter(|host| self.is_carried_on(host)).cloned().collect();
        let depooled = self.hosts.iter().filter(|host| host.depooled && host.taken_out.is_none());
        out.extend(depooled.map(|host| host.id.clone()));
        out.into_iter().collect()
    }

    /// Names the hosts that persons took out of service and none put back after what has happened, with who and why.
    pub fn taken_out(&self) -> impl Iterator<Item = &TakenOut> {
        let planned = self.plan.iter().flat_map(|plan| &plan.taken_out);
        let carried_on = planned.filter(|taken| self.is_carried_on(&taken.host));
        carried_on.chain(self.hosts.iter().filter_map(|host| host.taken_out.as_ref()))
    }

    /// Tells whether the service of a host is as the plan has it, whatever happens in this rollout.
    fn is_carried_on(&self, host: &HostId) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.slot.is_some()) || self.index_of(host).is_none()
    }

    /// Gives what persons asked for about the service of hosts, and nothing came of yet.
    pub fn wishes(&self) -> impl Iterator<Item = (HostIdx, &ServiceWish)> {
        self.wishes.iter().map(|(&index, wish)| (index, wish))
    }

    /// Gives what a person asked for about the service of a host, if nothing came of it yet.
    #[must_use]
    pub fn wish(&self, index: HostIdx) -> Option<&ServiceWish> {
        self.wishes.get(&index)
    }

    /// Tells whether a person keeps a host out of service, or is about to: no rollout puts it back.
    #[must_use]
    pub fn is_kept_out(&self, index: HostIdx) -> bool {
        let is_wanted_out = self.wish(index).is_some_and(|wish| wish.what == Pooling::Depool);
        is_wanted_out || self.host(index).is_some_and(|host| host.taken_out.is_some())
    }

    /// Gives every stage, in the plan's order.
    #[must_use]
    pub fn stages(&self) -> &[StageStatus] {
        &self.stages
    }

    /// Gives a stage's plan and how far it has come.
    #[must_use]
    pub fn stage(&self, idx: StageIdx) -> Option<(&StagePlan, &StageStatus)> {
        Some((self.plan.as_ref()?.stages.get(idx.0)?, self.stages.get(idx.0)?))
    }

    /// Gives the place of a stage.
    #[must_use]
    pub fn stage_named(&self, name: &StageName) -> Option<StageIdx> {
        self.plan.as_ref()?.stages.iter().position(|stage| &stage.name == name).map(StageIdx)
    }

    /// Gives the stage that it is at; none before the first, and once none is left.
    #[must_use]
    pub const fn stage_at(&self) -> Option<StageIdx> {
        match self.mode {
            Mode::Priming { stage }
            | Mode::Switching { stage, .. }
            | Mode::Soaking { stage }
            | Mode::Promoting { stage } => Some(stage),
            Mode::Planned | Mode::Locking | Mode::RollingBack | Mode::Finalizing | Mode::Finished => None,
        }
    }

    /// Says who holds the stage that it is at, and why.
    #[must_use]
    pub fn held(&self) -> Option<&Decided> {
        self.stages.get(self.stage_at()?.0)?.held.as_ref()
    }

    /// Tells whether a host is a deploy server.
    #[must_use]
    pub fn is_master(&self, index: HostIdx) -> bool {
        self.host(index)
            .and_then(|host| self.stage(host.stage))
            .is_some_and(|(stage, _)| stage.kind == StageKind::Masters)
    }

    /// Counts the hosts in a phase.
    #[must_use]
    pub fn count(&self, phase: Phase) -> usize {
        self.by_phase.get(phase as usize).map_or(0, HostSet::len)
    }

    /// Counts the hosts of a stage in a phase.
    #[must_use]
    pub fn count_in(&self, stage: StageIdx, phase: Phase) -> usize {
        let range = self.range_of(stage);
        self.by_phase.get(phase as usize).map_or(0, |set| set.count_in(&range))
    }

    /// Gives the places of all hosts in the plan.
    #[must_use]
    pub const fn range(&self) -> HostRange {
        HostRange::new(HostIdx(0), self.end())
    }

    /// Gives the place behind the last host.
    #[must_use]
    pub const fn end(&self) -> HostIdx {
        HostIdx(self.hosts.len())
    }

    /// Gives every host with its place, in the plan's order.
    pub fn placed(&self) -> impl Iterator<Item = (HostIdx, &HostStatus)> {
        self.range().zip(&self.hosts)
    }

    /// Gives the places of a stage's hosts in the plan.
    #[must_use]
    pub fn range_of(&self, stage: StageIdx) -> HostRange {
        let before = stage.0.checked_sub(1).and_then(|before| self.stages.get(before));
        let start = before.map_or(HostIdx(0), |before| before.end);
        HostRange::new(start, self.stages.get(stage.0).map_or(start, |status| status.end))
    }

    /// Gives the places of the hosts in a phase, in the plan's order, up to a place.
    pub fn in_phase(&self, phase: Phase, range: RangeTo<HostIdx>) -> impl Iterator<Item = HostIdx> {
        self.by_phase.get(phase as usize).into_iter().flat_map(move |set| set.before(range.end))
    }

    /// As [`Self::in_phase`], but for some hosts.
    pub(in crate::rollout) fn in_phase_but(
        &self,
        phase: Phase,
        range: RangeTo<HostIdx>,
        others: &HostSet,
    ) -> impl Iterator<Item = HostIdx> {
        self.by_phase.get(phase as usize).into_iter().flat_map(move |set| set.before_without(range.end, others))
    }

    /// Gives the places of the hosts that have yet to give their lock, in the plan's order.
    pub fn unlocked(&self) -> impl Iterator<Item = HostIdx> {
        self.unlocked.iter()
    }

    /// As [`Self::unlocked`], but for some hosts.
    pub(in crate::rollout) fn unlocked_but(&self, others: &HostSet) -> impl Iterator<Item = HostIdx> {
        self.unlocked.before_without(self.end(), others)
    }

    /// Tells whether a host has neither given its lock nor failed to.
    #[must_use]
    pub fn is_unlocked(&self, index: HostIdx) -> bool {
        self.unlocked.contains(index)
    }

    /// Gives the hosts whose link was touched and that did not go back, last one first.
    pub fn switched(&self) -> impl Iterator<Item = HostIdx> {
        self.switched.values().rev().copied()
    }

    /// Says why no new host is started until a command comes.
    #[must_use]
    pub const fn paused(&self) -> Option<&PauseReason> {
        self.paused.as_ref()
    }

    /// Tells whether it paused for a window that ends then.
    #[must_use]
    pub fn has_heeded(&self, window: &str, until: Timestamp) -> bool {
        self.heeded.iter().any(|(name, end)| name == window && *end == until)
    }

    /// Says why no new host is started until those under way have finished.
    #[must_use]
    pub const fn stopping(&self) -> Option<&PauseReason> {
        self.stopping.as_ref()
    }

    /// Says why switched hosts go back, or went.
    #[must_use]
    pub const fn way_back(&self) -> Option<&WayBack> {
        self.way_back.as_ref()
    }

    /// Says who asked for the end.
    #[must_use]
    pub const fn aborted(&self) -> Option<&Operator> {
        self.abort.as_ref()
    }

    /// Says who stopped the conductor; the rollout can be resumed.
    #[must_use]
    pub const fn suspended(&self) -> Option<&Operator> {
        self.suspended.as_ref()
    }

    /// Tells whether the release is good on every healthy host.
    #[must_use]
    pub const fn is_finalized(&self) -> bool {
        self.finalized
    }

    /// Says how it ended, once it has.
    #[must_use]
    pub const fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Gives the exit code that was journaled with the end.
    #[must_use]
    pub const fn exit_code(&self) -> Option<u8> {
        self.exit_code
    }

    /// Counts what travelled.
    #[must_use]
    pub const fn bytes(&self) -> Bytes {
        self.bytes
    }

    /// Gives the number of the last record.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Gives the time of the first record.
    #[must_use]
    pub const fn started(&self) -> Option<Timestamp> {
        self.started
    }

    /// Gives the time of the last record.
    #[must_use]
    pub const fn latest(&self) -> Option<Timestamp> {
        self.latest
    }

    /// Tells how long it took until the last record: no time where it did not start, and none that is known where the clock was put back
    /// meanwhile.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        match (self.started, self.latest) {
            (Some(started), Some(latest)) => latest.duration_since(started).try_into().ok(),
            _ => Some(Duration::ZERO),
        }
    }

    /// Tells whether any host's link was ever touched.
    #[must_use]
    pub const fn anything_switched(&self) -> bool {
        self.switches > 0
    }

    /// Names the first class of which a stage has more failures than its budget allows.
    ///
    /// Hosts that could not be reached do not count while they may be skipped.
    #[must_use]
    pub fn over_budget(&self, idx: StageIdx) -> Option<(FailureClass, usize, usize)> {
        let (plan, status) = self.stage(idx)?;
        let skip = self.plan.as_ref()?.policy.skip_unreachable;
        status.failed.iter().find_map(|(&class, &failed)| {
            let forgiven = status.forgiven.get(&class).copied().unwrap_or(0);
            let allowed = plan.budget.of(class);
            let counts = !(skip && class == FailureClass::Unreachable);
            (counts && failed.saturating_sub(forgiven) > allowed).then_some((class, failed, allowed))
        })
    }
}
