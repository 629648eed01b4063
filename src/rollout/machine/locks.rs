use super::{Machine, Task};
use crate::model::{
    Failure, FailureClass, HostId, HostIdx, Installed, LockHolder, Operator, Phase, ReleaseId, RollBackTarget,
};
use crate::rollout::event::Event;
use crate::rollout::state::Mode;

impl Machine {
    pub(super) fn take_locks_anew(&mut self) {
        let width = self.plan.policy.control_width;
        let next: Vec<HostIdx> = self
            .relock
            .iter()
            .copied()
            .filter(|&index| !self.busy.contains(index))
            .take(width.saturating_sub(self.busy.len()))
            .collect();
        for index in next {
            self.start(index, Task::Lock);
        }
    }

    /// Takes every lock, and the first one alone: two rollouts that start at once meet there, and one goes ahead.
    pub(super) fn lock(&mut self) {
        if self.count_lost() {
            return;
        }
        let arbiter_is_open = !self.state.hosts().iter().take(self.first_open().0).any(|host| host.locked);
        let width = if arbiter_is_open { 1 } else { self.plan.policy.control_width };
        let room = width.saturating_sub(self.busy.len());
        let next: Vec<HostIdx> = self.state.unlocked_but(self.busy.hosts()).take(room).collect();
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
            .filter(|&index| self.state.is_unlocked(index) && is_new(index) && !self.busy.contains(index))
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

    /// Says of a command line which link is meant: none says the usual one.
    pub(super) fn slot_flag(&self) -> String {
        let slot = self.state.plan().and_then(|plan| plan.slot.as_ref());
        slot.map(|slot| format!(" --slot {slot}")).unwrap_or_default()
    }

    /// Leaves a host as it is that answers now, and did not when the rollback was planned: nobody saw where it would go.
    pub(super) fn refuse_unasked(&mut self, index: HostIdx) {
        if let Some(host) = self.id_of(index) {
            let message = "did not answer when the rollback was planned, so where it goes back to is not known";
            let slot = self.slot_flag();
            let failure = Failure::new(FailureClass::Unreachable, message)
                .hint(format!("it answers now: coalmine rollback{slot} -l {host}"));
            self.emit(Event::host_failed(host, failure));
        }
    }

    /// Stops where a host's lock is another's: whoever came there meanwhile knows more than this rollout does.
    ///
    /// Every host stays as it is. Who resumes asks each of them first what it has.
    pub(super) fn lost(&mut self, host: &HostId, holder: Option<Box<LockHolder>>) {
        let status = self.state.index_of(host).and_then(|index| self.state.host(index));
        if status.is_none_or(|status| status.lost) || self.state.mode() == Mode::Finished {
            return;
        }
        self.emit(Event::LockLost { host: host.clone(), holder });
        if self.state.suspended().is_none() && self.state.aborted().is_none() {
            // Whom the end was to be told to is asked anew by whoever goes on.
            self.settling = None;
            self.emit(Event::Suspended { by: Operator(format!("the loss of the lock of {host}").into()) });
            self.cancel_harmless();
        }
    }

    pub(super) fn locked(
        &mut self,
        index: HostIdx,
        host: &HostId,
        installed: Installed,
        good: Option<RollBackTarget>,
        latency_ms: u64,
        taken_from: Option<Box<LockHolder>>,
    ) {
        if let Some(holder) = taken_from {
            self.emit(Event::LockTakenOver { host: host.clone(), holder });
        }
        let release = installed.release().cloned();
        let runs_nothing = installed == Installed::Missing;
        let again = self.relock.remove(&index);
        // One whose lock was not taken before is compared with what it ran when the rollout was planned.
        let is_known = || self.state.host(index).is_some_and(|status| status.from.is_some());
        let is_foreign =
            (again || (self.resumed && is_known())) && self.is_foreign(index, release.as_ref(), good.as_ref());
        self.emit(Event::HostProbed { host: host.clone(), installed, good, latency_ms });
        if is_foreign {
            let runs = release.map_or_else(|| "no release".to_owned(), |release| release.to_string());
            let reason = format!("runs {runs}: another was here since, and that is left as it is");
            self.emit(Event::HostSkipped { host: host.clone(), reason, overtaken: true });
        } else if again {
            let there = match self.goal(index) {
                Some(goal) => release.as_ref() == Some(goal),
                None => {
                    let to = self.state.host(index).and_then(|host| host.to.as_ref());
                    runs_nothing && to == Some(&RollBackTarget::Nothing)
                }
            };
            let back = match self.state.host(index).and_then(|host| host.good.as_ref()) {
                Some(RollBackTarget::Release { id }) => release.as_ref() == Some(id),
                Some(RollBackTarget::Nothing) => runs_nothing,
                Some(RollBackTarget::Adopted) | None => false,
            };
            self.go_on_with(index, there, back);
        }
    }

    /// Tells whether a host, asked anew after a resume, runs what this rollout neither found there nor put there.
    fn is_foreign(&self, index: HostIdx, release: Option<&ReleaseId>, good_now: Option<&RollBackTarget>) -> bool {
        let Some(status) = self.state.host(index) else {
            return false;
        };
        let goal = self.goal(index);
        // What was there before coalmine has a name that this side does not know.
        if status.phase == Phase::Healthy && goal.is_some() {
            return release != goal;
        }
        let Some(release) = release else {
            return false;
        };
        let good = match &status.good {
            Some(RollBackTarget::Release { id }) => Some(id),
            _ => None,
        };
        let found = match &status.from {
            Some(Installed::Release { id, .. }) => Some(id),
            // A dead man's switch may have put what was adopted back, under the name that it has since; nobody finalized that.
            Some(Installed::Unmanaged { .. }) if !self.plan.policy.confirm.is_zero() => {
                let is_finalized = matches!(good_now, Some(RollBackTarget::Release { id }) if id == release);
                return is_finalized && goal != Some(release);
            }
            _ => None,
        };
        goal.is_some() && ![goal, good, found].contains(&Some(release))
    }

    /// Goes on with a host after a resume: it says how far it came, the journal only says what was about to be done.
    fn go_on_with(&mut self, index: HostIdx, there: bool, back: bool) {
        let Some(status) = self.state.host(index) else {
            return;
        };
        let (phase, depooled, stranded, switched, unwell) =
            (status.phase, status.depooled, status.stranded, status.switched.is_some(), status.unwell);
        let is_kept_out = self.state.is_kept_out(index);
        let rolling_back = self.state.mode() == Mode::RollingBack;
        match phase {
            Phase::Priming => self.phase(index, Phase::Pending),
            // A switch that nobody confirmed takes itself back: it is asked for once more, and confirmed.
            Phase::Activating | Phase::Active | Phase::Checking if there && !self.plan.policy.confirm.is_zero() => {
                self.phase(index, Phase::Activating);
            }
            Phase::Activating | Phase::Active | Phase::Checking if there => self.phase(index, Phase::Active),
            Phase::Activating | Phase::Active | Phase::Checking => self.phase(index, Phase::Primed),
            Phase::Healthy if depooled && !is_kept_out => self.start(index, Task::Repool),
            Phase::RollingBack if !rolling_back => self.send_back(index),
            // It went back by itself, or was told to and its answer was lost.
            Phase::Failed if (switched || stranded) && !unwell && back && !there => {
                self.phase(index, Phase::RolledBack);
            }
            Phase::Failed if switched && !stranded && !rolling_back => self.go_back(index),
            Phase::Failed if stranded => self.depool(index),
            _ => {}
        }
    }

    /// Takes note of a host that did not give its lock.
    pub(super) fn not_locked(&mut self, index: HostIdx, host: &HostId, failure: Failure) {
        let again = self.relock.remove(&index);
        let phase = self.state.host(index).map(|status| status.phase);
        // What is wrong with it is known, and it needs nothing more.
        if again && matches!(phase, Some(Phase::Failed | Phase::RolledBack)) {
            return;
        }
        self.failed(index, host, failure);
        if matches!(phase, Some(Phase::Activating | Phase::Active | Phase::Checking))
            && self.state.mode() != Mode::RollingBack
        {
            self.go_back(index);
        }
    }
}
