use jiff::{SignedDuration, Timestamp};

use super::{Machine, Task};
use crate::model::{HostIdx, Phase, PhaseHook, StageIdx};
use crate::plan::PlanKind;
use crate::rollout::outcome::Outcome;
use crate::rollout::state::Mode;

impl Machine {
    /// Says when something is due that no answer will bring; none while only answers and commands can change anything.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.soak_deadline().into_iter().chain(self.freeze_deadline()).chain(self.relay_deadline()).min()
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
        self.serve();
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

    pub(super) fn end_of(&self, stage: StageIdx) -> HostIdx {
        self.state.range_of(stage).end()
    }

    /// Starts what may be started among the hosts up to a place: locks and transfers always, switches within the width.
    pub(super) fn fill(&mut self, end: HostIdx, stage: StageIdx) {
        self.fill_primes(end);
        let Some((plan, _)) = self.state.stage(stage) else {
            return;
        };
        let width = plan.concurrency.max(1);
        // After a resume, a switch may have to be confirmed that was not.
        if self.state.count(Phase::Activating) > self.busy.switches() {
            let unconfirmed: Vec<HostIdx> =
                self.state.in_phase_but(Phase::Activating, ..end, self.busy.hosts()).collect();
            for index in unconfirmed {
                self.start(index, Task::Activate);
            }
        }
        let unchecked: Vec<HostIdx> = self.state.in_phase_but(Phase::Active, ..end, self.busy.hosts()).collect();
        for index in unchecked {
            self.check(index);
        }
        let in_flight = [Phase::Activating, Phase::Active, Phase::Checking, Phase::RollingBack]
            .map(|phase| self.state.count(phase));
        let room = width.saturating_sub(in_flight.iter().sum());
        let next: Vec<HostIdx> = self.state.in_phase_but(Phase::Primed, ..end, self.busy.hosts()).take(room).collect();
        for index in next {
            self.phase(index, Phase::Activating);
            self.start(index, Task::Activate);
        }
    }

    pub(super) fn fill_primes(&mut self, end: HostIdx) {
        self.leave_stalled_relays();
        let policy = &self.plan.policy;
        let room = policy.prime_width.max(1).saturating_sub(self.state.count(Phase::Priming));
        let next: Vec<HostIdx> = self
            .state
            .in_phase_but(Phase::Pending, ..end, self.busy.hosts())
            .filter(|&index| !self.awaits_relay(index, end))
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

    /// Tells whether hosts up to a place are still on their way.
    pub(super) fn is_underway(&self, end: HostIdx) -> bool {
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

    pub(super) fn is(&self, index: HostIdx, phase: Phase) -> bool {
        self.state.host(index).is_some_and(|host| host.phase == phase)
    }
}

/// Adds a duration to a time, staying at the last time there is instead of overflowing.
pub(super) fn after(at: Timestamp, duration: std::time::Duration) -> Timestamp {
    SignedDuration::try_from(duration).ok().and_then(|duration| at.checked_add(duration).ok()).unwrap_or(Timestamp::MAX)
}
