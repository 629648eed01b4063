use super::{Machine, SHORTAGE, Task, TaskError, TaskOutput};
use crate::model::{
    Bytes, Carrier, Failure, FailureClass, GateName, GateReport, HostId, HostIdx, Operator, Phase, Pooling, StageIdx,
    Verdict,
};
use crate::plan::PlanKind;
use crate::rollout::event::{Event, GateScope};
use crate::rollout::pause::PauseReason;
use crate::rollout::state::Mode;

impl Machine {
    pub(super) fn done(&mut self, host: &HostId, task: Task, result: Result<TaskOutput, TaskError>) {
        let Some(index) = self.state.index_of(host) else {
            return;
        };
        if self.busy.get(index) != Some(&task) {
            return;
        }
        self.busy.remove(index);
        self.cancelled.remove(&index);
        // After a resume that could not have the lock again it is a failure like any other.
        if let Err(TaskError::Lost(holder)) = &result
            && let Some(status) = self.state.host(index)
            && (!status.lost || self.state.suspended().is_some())
            && !matches!(task, Task::Finalize if self.state.aborted().is_some())
        {
            self.lost(host, holder.clone());
            return;
        }
        let result = match result {
            Err(TaskError::Failed(failure)) if failure.here && self.is_short(&failure) => Err(TaskError::Cancelled),
            result => result,
        };
        match (task, result) {
            (Task::Lock, Ok(TaskOutput::Locked { installed, good, latency_ms, taken_from })) => {
                self.locked(index, host, installed, good, latency_ms, taken_from);
            }
            (Task::Lock, Err(TaskError::Locked(holder))) => {
                if self.relock.remove(&index) {
                    self.taken.insert(index);
                }
                self.stop(PauseReason::Locked { host: host.clone(), holder });
            }
            (Task::Lock, Err(TaskError::Failed(failure))) => {
                self.not_locked(index, host, *failure);
            }
            (Task::Prime, result) => self.primed(index, host, result),
            (Task::Activate, Ok(output)) => {
                let already = matches!(output, TaskOutput::Activated { already: true });
                let unproven = matches!(output, TaskOutput::WentBack { unproven: true });
                let phase = Phase::Active;
                self.emit(Event::HostPhase {
                    host: host.clone(),
                    phase,
                    bytes: None,
                    already,
                    unproven,
                    carrier: None,
                    relay: None,
                });
                self.check(index);
            }
            (Task::Check, Ok(TaskOutput::Checked { gates })) => self.checked(index, host, gates),
            (Task::Check, Err(TaskError::Cancelled)) => self.phase(index, Phase::Active),
            (Task::RollBack { .. }, Ok(output)) => {
                let unproven = matches!(output, TaskOutput::WentBack { unproven: true });
                let phase = Phase::RolledBack;
                let (carrier, relay) = (None, None);
                self.emit(Event::HostPhase {
                    host: host.clone(),
                    phase,
                    bytes: None,
                    already: false,
                    unproven,
                    carrier,
                    relay,
                });
                self.put_back(index);
            }
            (Task::RollBack { .. }, Err(error)) => {
                if let Some(failure) = failure_of(error) {
                    self.emit(Event::host_failed(host.clone(), failure));
                    self.depool(index);
                }
            }
            (Task::Activate | Task::Check, Err(error)) => {
                if let Some(failure) = failure_of(error) {
                    self.failed(index, host, failure);
                    self.go_back(index);
                }
            }
            (Task::Depool, result) => {
                let (by, reason) = self.who_asked(index, Pooling::Depool);
                let error = result.err().and_then(failure_of).map(|failure| failure.message);
                self.emit(Event::HostDepooled { host: host.clone(), by, reason, error });
            }
            (Task::Repool, result) => {
                let (by, reason) = self.who_asked(index, Pooling::Repool);
                let error = result.err().and_then(failure_of).map(|failure| failure.message);
                self.emit(Event::HostRepooled { host: host.clone(), by, reason, error });
            }
            (Task::Finalize, result) => {
                if let Some(settling) = &mut self.settling {
                    settling.left.remove(index);
                }
                if let Some(mut failure) = result.err().and_then(failure_of) {
                    failure.message =
                        format!("runs the release, and could not be told that it is good: {}", failure.message);
                    self.emit(Event::host_failed(host.clone(), failure));
                }
            }
            (Task::Unlock, _) => {
                // A lock that could not be freed ends with its lease.
                if let Some(settling) = &mut self.settling {
                    settling.left.remove(index);
                }
            }
            // It is asked for again, or never.
            (Task::Lock, Err(TaskError::Cancelled)) => {
                self.unsure.insert(index);
            }
            // Any other answer was to another question.
            (Task::Lock | Task::Check, _) => {}
        }
    }

    /// Stops where this machine cannot do what has to be done, and tells whether it did: whatever is asked of a host then says nothing
    /// of the host, and the next one would fare no better.
    ///
    /// Every host stays as it is, uncounted. Who resumes asks each of them first what it has.
    fn is_short(&mut self, failure: &Failure) -> bool {
        if self.state.aborted().is_some() || self.state.mode() == Mode::Finished {
            return false;
        }
        if self.state.suspended().is_none() {
            self.settling = None;
            self.emit(Event::Suspended { by: Operator(format!("{SHORTAGE} ({})", failure.message).into()) });
            self.cancel_harmless();
        }
        true
    }

    fn primed(&mut self, index: HostIdx, host: &HostId, result: Result<TaskOutput, TaskError>) {
        // It may have been skipped meanwhile.
        if self.state.host(index).is_none_or(|status| status.phase != Phase::Priming) {
            return;
        }
        match result {
            Ok(output) => {
                let (already, bytes, carried) = match output {
                    TaskOutput::Primed { already, bytes, carried } => (already, bytes, carried),
                    _ => (false, Bytes(0), None),
                };
                let carried = carried.filter(|carried| carried.by != Carrier::Direct);
                self.emit(Event::HostPhase {
                    host: host.clone(),
                    phase: Phase::Primed,
                    bytes: Some(bytes),
                    already,
                    unproven: false,
                    carrier: carried.as_ref().map(|carried| carried.by),
                    relay: carried.and_then(|carried| carried.relay),
                });
            }
            Err(TaskError::Cancelled) => self.phase(index, Phase::Pending),
            Err(error) => {
                if let Some(failure) = failure_of(error) {
                    self.failed(index, host, failure);
                    // One that was retried may run the release since its first attempt: what failed is not left on it.
                    if self.state.host(index).is_some_and(|status| status.switched.is_some()) {
                        self.go_back(index);
                    }
                }
            }
        }
    }

    pub(super) fn check(&mut self, index: HostIdx) {
        let ending = self.state.aborted().is_some() || self.state.mode() == Mode::RollingBack;
        if !ending && !self.busy.contains(index) {
            self.phase(index, Phase::Checking);
            self.start(index, Task::Check);
        }
    }

    fn checked(&mut self, index: HostIdx, host: &HostId, gates: Vec<GateReport>) {
        let Some((stage, _)) = self.state.host(index).and_then(|status| self.state.stage(status.stage)) else {
            return;
        };
        let stage = stage.name.clone();
        let mut verdict: Option<GateReport> = None;
        for gate in gates {
            self.emit(Event::GateResult {
                gate: gate.gate.clone(),
                scope: GateScope::Host,
                stage: stage.clone(),
                host: Some(host.clone()),
                verdict: gate.verdict,
                value: None,
                message: gate.message.clone(),
                dry: gate.dry,
            });
            if gate.verdict == Verdict::Pass {
                continue;
            }
            let worse = verdict.as_ref().is_none_or(|known| known.verdict != Verdict::Fail);
            if !gate.dry && worse {
                verdict = Some(gate);
            }
        }
        match verdict {
            None => {
                self.phase(index, Phase::Healthy);
                self.put_back(index);
            }
            Some(gate) if gate.verdict == Verdict::Fail => {
                let message = format!("gate {:?} failed: {}", gate.gate, gate.message);
                let failure = Failure::new(FailureClass::Unhealthy, message).output(gate.output);
                self.failed(index, host, failure);
                self.go_back(index);
            }
            Some(gate) => {
                self.phase(index, Phase::Active);
                if self.state.paused().is_none() && self.state.stopping().is_none() && self.state.aborted().is_none() {
                    let message = format!("on {host}: {}", gate.message);
                    self.emit(Event::Paused { why: PauseReason::GateInconclusive { stage, gate: gate.gate, message } });
                }
            }
        }
    }

    /// Counts a failure against the budget of the host's stage.
    pub(super) fn failed(&mut self, index: HostIdx, host: &HostId, failure: Failure) {
        self.emit(Event::host_failed(host.clone(), failure));
        let Some(idx) = self.state.host(index).map(|status| status.stage) else {
            return;
        };
        self.stop_if_over_budget(idx);
    }

    pub(super) fn stop_if_over_budget(&mut self, idx: StageIdx) {
        // Who goes back does so as far as possible, whatever fails.
        let tolerant = self.plan.kind == PlanKind::Rollback || self.state.mode() == Mode::RollingBack;
        if !tolerant
            && let Some((class, failed, allowed)) = self.state.over_budget(idx)
            && let Some((stage, _)) = self.state.stage(idx)
        {
            let stage = stage.name.clone();
            self.stop(PauseReason::OverBudget { stage, class, failed, allowed });
        }
    }

    /// Sends one host back to its own last good release, at once.
    pub(super) fn go_back(&mut self, index: HostIdx) {
        let Some(status) = self.state.host(index) else {
            return;
        };
        // A rollback goes to what is good; what ran before it is what is being left.
        if self.plan.kind == PlanKind::Rollback || status.switched.is_none() {
            self.depool(index);
            return;
        }
        self.send_back(index);
    }

    /// Sends a host back, or says that there is nothing to send it to.
    pub(super) fn send_back(&mut self, index: HostIdx) {
        let Some(status) = self.state.host(index) else {
            return;
        };
        let (host, good, failed_by_it) = (status.id.clone(), status.good.clone(), status.blames);
        self.phase(index, Phase::RollingBack);
        if let Some(target) = good {
            let blames = failed_by_it || self.state.way_back().is_some_and(|back| back.blames);
            self.start(index, Task::RollBack { to: target, blames });
        } else {
            let failure = Failure::new(
                FailureClass::Activate,
                "no release was ever finalized here, so there is none to go back to",
            )
            .hint(format!("name one that is known to work: coalmine rollback --to VERSION{}", self.slot_flag()));
            self.emit(Event::host_failed(host, failure));
            self.depool(index);
        }
    }

    /// Takes a host out of service when the site says how.
    pub(super) fn depool(&mut self, index: HostIdx) {
        let wanted = self.plan.policy.depool && self.state.host(index).is_some_and(|status| !status.depooled);
        if wanted && !self.busy.contains(index) {
            self.start(index, Task::Depool);
        }
    }

    /// Puts a host back into service whose gates have just passed, if it was taken out and no person keeps it out.
    fn put_back(&mut self, index: HostIdx) {
        if self.state.host(index).is_some_and(|status| status.depooled) && !self.state.is_kept_out(index) {
            self.start(index, Task::Repool);
        }
    }

    /// Does what persons asked for about the service of hosts, on each as soon as nothing else is being done to it.
    pub(super) fn serve(&mut self) {
        if self.state.suspended().is_some() || self.state.mode() == Mode::Finished {
            return;
        }
        let due = self.state.wishes().filter(|(index, _)| !self.busy.contains(*index));
        let due: Vec<(HostIdx, Pooling)> = due.map(|(index, wish)| (index, wish.what)).collect();
        for (index, what) in due {
            self.start(index, if what == Pooling::Depool { Task::Depool } else { Task::Repool });
        }
    }

    /// Says who asked for what the site's command has just done, and why; nobody where the rollout did.
    fn who_asked(&self, index: HostIdx, what: Pooling) -> (Option<Operator>, Option<String>) {
        let wish = self.state.wish(index).filter(|wish| wish.what == what);
        wish.map_or((None, None), |wish| (Some(wish.by.clone()), wish.reason.clone()))
    }

    pub(super) fn answered(
        &mut self,
        idx: StageIdx,
        gate: GateName,
        scope: GateScope,
        verdict: Verdict,
        value: Option<f64>,
        message: String,
    ) {
        self.asked.remove(&(idx, gate.clone()));
        let Some((plan, _)) = self.state.stage(idx) else {
            return;
        };
        let stage = plan.name.clone();
        let dry = plan.gates.iter().any(|known| known.name == gate && known.dry);
        self.emit(Event::GateResult {
            gate: gate.clone(),
            scope,
            stage: stage.clone(),
            host: None,
            verdict,
            value,
            message: message.clone(),
            dry,
        });
        let waiting_for_it = matches!(
            self.state.paused(),
            Some(PauseReason::GateInconclusive { gate: waiting, .. }) if *waiting == gate
        );
        match verdict {
            Verdict::Pass if waiting_for_it => {
                self.emit(Event::Continued { by: Operator(format!("gate {gate:?}").into()) });
            }
            Verdict::Pass => {}
            _ if dry => {}
            Verdict::Fail if scope == GateScope::Stage => {
                if waiting_for_it {
                    self.emit(Event::Continued { by: Operator(format!("gate {gate:?}").into()) });
                }
                self.stop(PauseReason::GateFailed { stage, gate, message });
            }
            // A baseline that cannot be taken says nothing about the release: a person has to look.
            Verdict::Fail | Verdict::Inconclusive => {
                if self.state.paused().is_none() && self.state.stopping().is_none() && self.state.aborted().is_none() {
                    self.emit(Event::Paused { why: PauseReason::GateInconclusive { stage, gate, message } });
                }
            }
        }
    }
}

/// Turns what went wrong with a task into a failure; none when it was cancelled.
fn failure_of(error: TaskError) -> Option<Failure> {
    match error {
        TaskError::Failed(failure) => Some(*failure),
        TaskError::Locked(holder) => Some(
            Failure::new(
                FailureClass::Activate,
                format!("its lock was taken over by {} for rollout {}", holder.owner, holder.rollout),
            )
            .hint("somebody else deploys to it: talk to them before anything is retried"),
        ),
        TaskError::Lost(holder) => Some(
            Failure::new(
                FailureClass::Activate,
                holder.map_or_else(
                    || "its lock is gone".to_owned(),
                    |holder| format!("its lock was lost to {} and rollout {}", holder.owner, holder.rollout),
                ),
            )
            .hint("somebody else deploys to it: talk to them before anything is retried"),
        ),
        TaskError::Cancelled => None,
    }
}
