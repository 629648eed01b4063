use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Effect, Machine, Task};
use crate::model::{Failure, FailureClass, GateName, HostIdx, Phase, PhaseHook, StageIdx, Verdict};
use crate::plan::{OnFailure, PlanKind, Prefetch, Promote};
use crate::rollout::event::{Event, GateScope};
use crate::rollout::pause::PauseReason;
use crate::rollout::outcome::Outcome;
use crate::rollout::state::Mode;

impl Machine {
    /// Says when something is due that no answer will bring; none while only answers and commands can change anything.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.soak_deadline().into_iter().chain(self.freeze_deadline()).min()
    }

    fn soak_deadline(&self) -> Option<Timestamp> {
        let Mode::Soaking { stage } = self.state.mode() else {
            return None;
        };
        if self.is_ending() || !self.relock.is_empty() {
            return None;
        }
        let (plan, status) = self.state.stage(stage)?;
        let soak = status.soak?;
        let gates = plan
            .gates
            .iter()
            .zip(&status.gates)
            .filter(|(gate, status)| !status.waived && !self.asked.contains(&(stage, gate.name.clone())));
        let due = gates.map(|(gate, status)| {
            status.asked.filter(|&asked| asked >= soak.since).map_or(self.now, |asked| after(asked, gate.every))
        });
        let end = Some(soak.until).filter(|&until| until > self.now && self.state.paused().is_none());
        due.chain(end).min()
    }

    pub(super) fn is_ending(&self) -> bool {
        self.state.aborted().is_some() || self.state.suspended().is_some() || self.state.stopping().is_some()
    }

    /// Does whatever can be done now; called after every input, and does nothing when there is nothing to do.
    pub(super) fn advance(&mut self) {
        // Every turn changes the mode or ends: the bound only turns a mistake in here into a rollout that waits.
        for _ in 0..4 * self.plan.stages.len() + 16 {
            let before = (self.state.mode(), self.state.seq());
            self.turn();
            if (self.state.mode(), self.state.seq()) == before {
                break;
            }
        }
    }

    fn turn(&mut self) {
        if self.state.mode() == Mode::Finished {
            return;
        }
        if self.state.aborted().is_some() {
            // Every stage was promoted: all that is left is to say so on the hosts.
            if self.state.mode() == Mode::Finalizing {
                self.finalize();
                return;
            }
            self.cancel_harmless();
            self.end(Outcome::Stopped);
            return;
        }
        if self.state.suspended().is_some() {
            return;
        }
        if !self.relock.is_empty() {
            self.take_locks_anew();
            return;
        }
        if self.state.mode() == Mode::RollingBack {
            self.cancel_harmless();
            if self.hooked(PhaseHook::BeforeRollback, None) {
                self.roll_back();
            }
            return;
        }
        // Hosts also fail while it is paused, when nothing can stop: that counts as soon as it goes on.
        if self.state.paused().is_none() && self.state.mode() != Mode::Finalizing {
            for stage in 0..self.plan.stages.len() {
                self.stop_if_over_budget(StageIdx(stage));
            }
        }
        if let Some(why) = self.state.stopping().cloned() {
            self.drain(why);
            return;
        }
        if self.state.paused().is_some() {
            if let Mode::Soaking { stage } = self.state.mode() {
                self.ask_gates(stage);
            }
            return;
        }
        if self.heed_freeze() {
            return;
        }
        if !self.taken.is_empty() {
            self.relock = std::mem::take(&mut self.taken);
            self.take_locks_anew();
            return;
        }
        match self.state.mode() {
            Mode::Planned | Mode::Locking => {
                if self.hooked(PhaseHook::BeforeLock, None) {
                    self.lock();
                }
            }
            Mode::Priming { stage } => {
                let way_back = self.plan.kind == PlanKind::Rollback;
                if (!way_back || self.hooked(PhaseHook::BeforeRollback, None))
                    && self.all_hooked([PhaseHook::AfterLock, PhaseHook::BeforePrime], self.priming_of(stage))
                {
                    self.prime(stage);
                }
            }
            Mode::Switching { stage, wave } => self.switch(stage, wave),
            Mode::Soaking { stage } => self.soak(stage),
            Mode::Promoting { stage } => {
                self.fill(self.end_of(stage), stage);
            }
            Mode::Finalizing => {
                if self.hooked(PhaseHook::BeforeFinalize, None) {
                    self.finalize();
                }
            }
            Mode::RollingBack | Mode::Finished => {}
        }
    }

    fn take_locks_anew(&mut self) {
        let width = self.plan.policy.control_width;
        let next: Vec<HostIdx> = self
            .relock
            .iter()
            .copied()
            .filter(|index| !self.busy.contains_key(index))
            .take(width.saturating_sub(self.busy.len()))
            .collect();
        for index in next {
            self.start(index, Task::Lock);
        }
    }

    /// Takes every lock, and the first one alone: two rollouts that start at once meet there, and one goes ahead.
    fn lock(&mut self) {
        if self.count_lost() {
            return;
        }
        let arbiter_is_open = !self.state.hosts().iter().take(self.first_open().0).any(|host| host.locked);
        let width = if arbiter_is_open { 1 } else { self.plan.policy.control_width };
        let room = width.saturating_sub(self.busy.len());
        let next: Vec<HostIdx> =
            self.state.unlocked().filter(|index| !self.busy.contains_key(index)).take(room).collect();
        for index in next {
            self.start(index, Task::Lock);
        }
        if self.busy.is_empty() && self.state.unlocked().next().is_none() {
            let hosts = self.state.hosts().iter().filter(|host| host.locked).count();
            self.emit(Event::Locked { hosts });
        }
    }

    /// Counts the hosts that could not be asked a moment ago, and tells whether there were any: asked again, each would hold everybody for
    /// as long once more. A retry asks them. In a rollback, too: where one goes back to is not known before it has answered, and it would
    /// not be touched.
    fn count_lost(&mut self) -> bool {
        let is_new = |index: HostIdx| self.state.host(index).is_some_and(|status| status.retries == 0);
        let lost: Vec<(HostIdx, Failure)> = self
            .lost
            .iter()
            .copied()
            .filter(|&index| self.state.is_unlocked(index) && is_new(index) && !self.busy.contains_key(&index))
            .filter_map(|index| Some((index, self.plan.host(index)?.lost.clone()?)))
            .collect();
        let any = !lost.is_empty();
        for (index, failure) in lost {
            if let Some(host) = self.id_of(index) {
                self.failed(index, &host, failure);
            }
        }
        any
    }

    /// Gives the first host that has neither given its lock nor failed to.
    fn first_open(&self) -> HostIdx {
        self.state.unlocked().next().unwrap_or(self.state.end())
    }

    fn end_of(&self, stage: StageIdx) -> HostIdx {
        self.state.range_of(stage).end()
    }

    /// Starts what may be started among the hosts up to a place: locks and transfers always, switches within the width.
    fn fill(&mut self, end: HostIdx, stage: StageIdx) {
        self.fill_primes(end);
        let Some((plan, _)) = self.state.stage(stage) else {
            return;
        };
        let width = plan.concurrency.max(1);
        // After a resume, a switch may have to be confirmed that was not.
        let unconfirmed: Vec<HostIdx> =
            self.state.in_phase(Phase::Activating, ..end).filter(|index| !self.busy.contains_key(index)).collect();
        for index in unconfirmed {
            self.start(index, Task::Activate);
        }
        let unchecked: Vec<HostIdx> =
            self.state.in_phase(Phase::Active, ..end).filter(|index| !self.busy.contains_key(index)).collect();
        for index in unchecked {
            self.check(index);
        }
        let in_flight = [Phase::Activating, Phase::Active, Phase::Checking, Phase::RollingBack]
            .map(|phase| self.state.count(phase));
        let room = width.saturating_sub(in_flight.iter().sum());
        let next: Vec<HostIdx> = self
            .state
            .in_phase(Phase::Primed, ..end)
            .filter(|index| !self.busy.contains_key(index))
            .take(room)
            .collect();
        for index in next {
            self.phase(index, Phase::Activating);
            self.start(index, Task::Activate);
        }
    }

    fn fill_primes(&mut self, end: HostIdx) {
        let policy = &self.plan.policy;
        let room = policy.prime_width.max(1).saturating_sub(self.state.count(Phase::Priming));
        let next: Vec<HostIdx> = self
            .state
            .in_phase(Phase::Pending, ..end)
            .filter(|index| !self.busy.contains_key(index) && !self.awaits_relay(*index, end))
            .take(room)
            .collect();
        for index in next {
            let (locked, holds, unasked) = self.state.host(index).map_or((false, false, false), |host| {
                let unasked =
                    self.plan.kind == PlanKind::Rollback && self.plan.host(index).is_some_and(|p| p.from.is_none());
                (host.locked, host.holds, unasked && host.to.is_none())
            });
            if locked && unasked {
                self.refuse_unasked(index);
            } else if locked && holds {
                // The way back needs nothing: no room, and nothing of this machine's.
                self.phase(index, Phase::Primed);
            } else if locked {
                self.phase(index, Phase::Priming);
                self.start(index, Task::Prime);
            } else {
                self.start(index, Task::Lock);
            }
        }
    }

    /// Tells whether a host's relay is about to have the release: it would only wait for that, in a place of others.
    fn awaits_relay(&self, index: HostIdx, end: HostIdx) -> bool {
        let relay = self.relays.get(index.0).copied().flatten().filter(|&relay| relay < end);
        relay.is_some_and(|relay| self.is(relay, Phase::Pending) || self.is(relay, Phase::Priming))
    }

    /// Leaves a host as it is that answers now, and did not when the rollback was planned: nobody saw where it would go.
    fn refuse_unasked(&mut self, index: HostIdx) {
        if let Some(host) = self.id_of(index) {
            let message = "did not answer when the rollback was planned, so where it goes back to is not known";
            let failure = Failure::new(FailureClass::Unreachable, message)
                .hint(format!("it answers now: coalmine rollback -l {host}"));
            self.emit(Event::host_failed(host, failure));
        }
    }

    /// Tells whether hosts up to a place are still on their way.
    fn is_underway(&self, end: HostIdx) -> bool {
        let phases = [
            Phase::Pending,
            Phase::Priming,
            Phase::Primed,
            Phase::Activating,
            Phase::Active,
            Phase::Checking,
            Phase::RollingBack,
        ];
        !self.busy.is_empty() || phases.into_iter().any(|phase| self.state.in_phase(phase, ..end).next().is_some())
    }

    /// Gives the stage whose hosts are primed by themselves; none where all are at once.
    fn priming_of(&self, stage: StageIdx) -> Option<StageIdx> {
        let everything = self.plan.policy.prefetch == Prefetch::All || self.plan.kind == PlanKind::Prime;
        (!everything).then_some(stage)
    }

    fn prime(&mut self, stage: StageIdx) {
        let everything = self.plan.policy.prefetch == Prefetch::All || self.plan.kind == PlanKind::Prime;
        let first = stage.0 == 0;
        let end = if everything && first { self.state.end() } else { self.end_of(stage) };
        self.fill_primes(end);
        let waiting = [Phase::Pending, Phase::Priming]
            .into_iter()
            .any(|phase| self.state.in_phase(phase, ..end).next().is_some());
        if waiting || !self.busy.is_empty() || !self.hooked(PhaseHook::AfterPrime, self.priming_of(stage)) {
            return;
        }
        if self.plan.kind == PlanKind::Prime {
            self.end(Outcome::Completed);
            return;
        }
        let lost: Vec<HostIdx> = self
            .state
            .in_phase(Phase::Failed, ..end)
            .filter(|&index| self.state.host(index).is_some_and(|host| host.switched.is_none() && !host.depooled))
            .collect();
        for index in lost {
            self.depool_once(index);
        }
        if self.busy.is_empty() {
            self.open(stage);
        }
    }

    /// Takes a host out of service unless that was tried before.
    fn depool_once(&mut self, index: HostIdx) {
        if self.depooling.insert(index) {
            self.depool(index);
        }
    }

    /// Starts a stage whose hosts hold the release.
    fn open(&mut self, idx: StageIdx) {
        let Some((plan, status)) = self.state.stage(idx) else {
            return;
        };
        let stage = plan.name.clone();
        let range = self.state.range_of(idx);
        let skipped = range.clone().filter(|&index| self.is(index, Phase::Skipped)).count();
        if range.len() == skipped {
            // A held stage holds what follows it, also when nothing is left of it.
            let held = status.held.is_some();
            self.emit(if held { Event::PromotionNeeded { stage } } else { Event::StageSkipped { stage } });
            return;
        }
        let alive = range.clone().any(|index| !self.is(index, Phase::Skipped) && !self.is(index, Phase::Failed));
        if !alive && !self.tolerates_empty(idx) {
            self.stop(PauseReason::NoneHealthy { stage });
            return;
        }
        let wanted: Vec<GateName> = plan
            .gates
            .iter()
            .zip(&status.gates)
            .filter(|(gate, status)| gate.baseline && status.baseline_at.is_none() && status.asked.is_none())
            .map(|(gate, _)| gate.name.clone())
            .collect();
        if !wanted.is_empty() {
            for gate in wanted {
                self.ask(idx, gate, GateScope::Baseline);
            }
            return;
        }
        let hosts = plan.waves.first().copied().unwrap_or(0);
        if self.asked.is_empty() && self.hooked(PhaseHook::BeforeSwitch, Some(idx)) {
            self.emit(Event::StageStarted { stage: stage.clone() });
            self.emit(Event::WaveStarted { stage, wave: 1, hosts });
        }
    }

    fn is(&self, index: HostIdx, phase: Phase) -> bool {
        self.state.host(index).is_some_and(|host| host.phase == phase)
    }

    fn tolerates_empty(&self, idx: StageIdx) -> bool {
        self.plan.kind == PlanKind::Rollback || self.state.stage(idx).is_some_and(|(_, status)| status.waived)
    }

    fn ask(&mut self, stage: StageIdx, gate: GateName, scope: GateScope) {
        if self.asked.insert((stage, gate.clone())) {
            self.step.effects.push(Effect::Ask { stage, gate, scope });
        }
    }

    fn switch(&mut self, idx: StageIdx, wave: usize) {
        let Some((plan, _)) = self.state.stage(idx) else {
            return;
        };
        let range = self.state.range_of(idx);
        let end = range.first(plan.waves.iter().take(wave + 1).sum()).end();
        let next_wave = plan.waves.get(wave + 1).copied();
        let stage = plan.name.clone();
        self.fill(end, idx);
        if self.is_underway(end) {
            return;
        }
        if let Some(hosts) = next_wave {
            self.emit(Event::WaveStarted { stage, wave: wave + 2, hosts });
            return;
        }
        let healthy = range.clone().any(|index| self.is(index, Phase::Healthy));
        let all_skipped = range.clone().all(|index| self.is(index, Phase::Skipped));
        if !healthy && !all_skipped && !self.tolerates_empty(idx) {
            self.stop(PauseReason::NoneHealthy { stage });
            return;
        }
        if !self.hooked(PhaseHook::AfterSwitch, Some(idx)) {
            return;
        }
        let Some((plan, _)) = self.state.stage(idx) else {
            return;
        };
        let soak = plan.soak;
        if soak.is_zero() && plan.gates.is_empty() {
            self.promote(idx);
        } else if self.hooked(PhaseHook::BeforeSoak, Some(idx)) {
            let until = after(self.now, soak);
            self.emit(Event::SoakStarted { stage, until });
        }
    }

    fn ask_gates(&mut self, idx: StageIdx) {
        let Some((plan, status)) = self.state.stage(idx) else {
            return;
        };
        let Some(soak) = status.soak else {
            return;
        };
        let due: Vec<GateName> = plan
            .gates
            .iter()
            .zip(&status.gates)
            .filter(|(gate, status)| {
                let last = status.asked.filter(|&asked| asked >= soak.since);
                !status.waived && last.is_none_or(|asked| after(asked, gate.every) <= self.now)
            })
            .map(|(gate, _)| gate.name.clone())
            .collect();
        for gate in due {
            self.ask(idx, gate, GateScope::Stage);
        }
    }

    fn soak(&mut self, idx: StageIdx) {
        self.ask_gates(idx);
        let end = self.end_of(idx);
        self.fill(end, idx);
        let Some((plan, status)) = self.state.stage(idx) else {
            return;
        };
        let Some(soak) = status.soak else {
            return;
        };
        let vouched = plan.gates.iter().zip(&status.gates).all(|(gate, status)| {
            let answered = status.asked.is_some_and(|asked| asked >= soak.since);
            status.waived || (answered && (gate.dry || status.verdict == Some(Verdict::Pass)))
        });
        let is_over = self.now >= soak.until && vouched && self.asked.is_empty() && !self.is_underway(end);
        if is_over && self.hooked(PhaseHook::AfterSoak, Some(idx)) {
            self.promote(idx);
        }
    }

    fn promote(&mut self, idx: StageIdx) {
        let Some((plan, status)) = self.state.stage(idx) else {
            return;
        };
        let stage = plan.name.clone();
        let nothing_follows = self.end_of(idx) == self.state.end();
        if let Some(early) = status.early.clone() {
            self.emit(Event::Promoted { stage, by: Some(early.by), reason: Some(early.reason) });
        } else if status.held.is_some() {
            self.emit(Event::PromotionNeeded { stage });
        } else if nothing_follows || plan.promote == Promote::Auto || self.plan.policy.promote_all {
            self.emit(Event::Promoted { stage, by: None, reason: None });
        } else {
            self.emit(Event::PromotionNeeded { stage });
        }
    }

    fn drain(&mut self, why: PauseReason) {
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
            OnFailure::Pause => self.emit(Event::Paused { why }),
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

    fn roll_back(&mut self) {
        self.cancel_harmless();
        let width = self.plan.stages.iter().map(|stage| stage.concurrency).max().unwrap_or(1).max(1);
        let room = width.saturating_sub(self.busy.len());
        let next: Vec<HostIdx> = self
            .state
            .switched()
            .filter(|index| {
                !self.busy.contains_key(index) && self.state.host(*index).is_some_and(|host| !host.stranded)
            })
            .take(room)
            .collect();
        for index in next {
            self.send_back(index);
        }
        if self.busy.is_empty() && self.hooked(PhaseHook::AfterRollback, None) {
            self.end(Outcome::RolledBack);
        }
    }

    fn finalize(&mut self) {
        self.end(Outcome::Completed);
    }

    /// Tells every host that the rollout is over, and then ends it; called until it has.
    fn end(&mut self, outcome: Outcome) {
        if self.settling.is_none() {
            if self.busy.keys().any(|index| !matches!(self.busy.get(index), Some(Task::Depool | Task::Repool))) {
                return;
            }
            let finalize = outcome == Outcome::Completed && self.plan.kind != PlanKind::Prime;
            let told: BTreeMap<HostIdx, Task> = self
                .state
                .range()
                .filter_map(|index| {
                    let host = self.state.host(index)?;
                    let task = if finalize && host.phase == Phase::Healthy { Task::Finalize } else { Task::Unlock };
                    // One whose lock was lost is not finalized, and has to say so.
                    let told = host.locked || self.unsure.contains(&index) || (host.lost && task == Task::Finalize);
                    told.then_some((index, task))
                })
                .collect();
            self.settling = Some(told);
        }
        let room = self.plan.policy.control_width.max(1).saturating_sub(self.busy.len());
        let next: Vec<(HostIdx, Task)> = self
            .settling
            .iter()
            .flatten()
            .filter(|(index, _)| !self.busy.contains_key(index))
            .take(room)
            .map(|(&index, task)| (index, task.clone()))
            .collect();
        for (index, task) in next {
            self.start(index, task);
        }
        let told_everybody = self.settling.as_ref().is_some_and(BTreeMap::is_empty);
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

/// Adds a duration to a time, staying at the last time there is instead of overflowing.
pub(super) fn after(at: Timestamp, duration: std::time::Duration) -> Timestamp {
    SignedDuration::try_from(duration).ok().and_then(|duration| at.checked_add(duration).ok()).unwrap_or(Timestamp::MAX)
}
