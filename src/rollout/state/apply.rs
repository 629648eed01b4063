use std::sync::Arc;

use jiff::Timestamp;

use super::{Decided, HostStatus, Mode, Soak, StageStatus, State, WayBack};
use crate::model::{
    Failure, FailureClass, GateName, HostId, HostIdx, Phase, ServiceWish, StageIdx, StageName, TakenOut, Verdict,
};
use crate::plan::Plan;
use crate::rollout::event::{Event, GateScope};
use crate::rollout::pause::PauseReason;
use crate::rollout::record::Record;

/// Joins why a host failed with why nobody knows whether it went back.
const UNHEARD: &str = "; whether it went back is not known: ";
/// Joins why a host failed with why it could not go back.
const STRANDED: &str = "; going back failed too: ";

impl State {
    /// Changes the state by one record; what is not journaled changes nothing.
    pub fn apply(&mut self, record: &Record) {
        if !record.event.is_journaled() {
            return;
        }
        self.seq = record.seq;
        self.started.get_or_insert(record.at);
        self.latest = Some(record.at);
        self.apply_event(&record.event, record.at);
    }

    fn apply_event(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::RolloutPlanned { plan, .. } => self.set_plan(plan),
            Event::HostProbed { host, installed, good, .. } => {
                if let Some(index) = self.index_of(host) {
                    self.unlocked.remove(index);
                    if let Some(status) = self.hosts.get_mut(index.0) {
                        status.locked = true;
                        status.lost = false;
                        // What it had before this rollout touched it is what counts, also after a resume.
                        if status.switched.is_none() {
                            status.from = Some(installed.clone());
                            status.good.clone_from(good);
                        }
                    }
                    self.leave_planned();
                }
            }
            Event::LockLost { host, .. } => {
                if let Some(status) = self.index_of(host).and_then(|index| self.hosts.get_mut(index.0)) {
                    status.locked = false;
                    status.lost = true;
                }
            }
            Event::Locked { .. } => self.mode = Mode::Priming { stage: StageIdx(0) },
            Event::StageStarted { stage } => {
                if let Some(idx) = self.stage_named(stage) {
                    self.mode = Mode::Switching { stage: idx, wave: 0 };
                    if let Some(status) = self.stages.get_mut(idx.0) {
                        status.started.get_or_insert(at);
                    }
                }
            }
            Event::StageSkipped { stage } => {
                if let Some(idx) = self.stage_named(stage) {
                    self.pass_stage(idx, at);
                }
            }
            Event::WaveStarted { stage, wave, .. } => {
                if let Some(idx) = self.stage_named(stage) {
                    self.mode = Mode::Switching { stage: idx, wave: wave.saturating_sub(1) };
                }
            }
            Event::HostPhase { host, phase, bytes, .. } => {
                if let Some(index) = self.index_of(host) {
                    self.leave_planned();
                    self.set_phase(index, *phase, at);
                    if let Some(bytes) = bytes {
                        self.bytes = self.bytes.saturating_add(*bytes);
                        if let Some(status) = self.hosts.get_mut(index.0) {
                            status.bytes = status.bytes.saturating_add(*bytes);
                        }
                    }
                }
            }
            Event::HostFailed { host, class, message, hint, output } => {
                if let Some(index) = self.index_of(host) {
                    self.leave_planned();
                    let (message, hint, output) = (message.clone(), hint.clone(), output.clone());
                    let failure = Failure { class: *class, message, hint, output, here: false };
                    self.fail(index, failure, at);
                }
            }
            Event::HostRetried { host, .. } => {
                if let Some(index) = self.index_of(host) {
                    self.forget_failure(index);
                    if let Some(status) = self.hosts.get_mut(index.0) {
                        status.retries += 1;
                    }
                    // In a rollback, what is retried is going back.
                    if self.mode != Mode::RollingBack {
                        self.set_phase(index, Phase::Pending, at);
                    }
                }
            }
            Event::HostSkipped { host, reason, overtaken } => {
                if let Some(index) = self.index_of(host) {
                    self.forget_failure(index);
                    self.unlocked.remove(index);
                    if *overtaken {
                        self.leave_to_another(index);
                    }
                    if let Some(status) = self.hosts.get_mut(index.0) {
                        status.skipped = Some(reason.clone());
                    }
                    self.set_phase(index, Phase::Skipped, at);
                }
            }
            Event::ServiceAsked { host, what, by, reason } => {
                if let Some(index) = self.index_of(host) {
                    let wish = ServiceWish { what: *what, by: by.clone(), reason: reason.clone() };
                    self.wishes.insert(index, wish);
                }
            }
            Event::HostDepooled { host, by, reason, error } => {
                let taken_out = by.as_ref().map(|by| {
                    let (host, by, reason) = (host.clone(), by.clone(), reason.clone());
                    TakenOut { host, by, reason, since: at }
                });
                if let Some(status) = self.pooled(host, by.is_some(), error.as_deref(), at) {
                    status.depooled = true;
                    status.taken_out = taken_out.or(status.taken_out.take());
                }
            }
            Event::HostRepooled { host, by, error, .. } => {
                if let Some(status) = self.pooled(host, by.is_some(), error.as_deref(), at) {
                    status.depooled = false;
                    status.taken_out = None;
                }
            }
            // What a gate says of a host is the host's; a gate of its stage may have the same name.
            Event::GateResult { scope: GateScope::Host, .. } => {}
            Event::GateResult { gate, scope, stage, verdict, value, message, .. } => {
                self.set_gate(stage, gate, *scope, *verdict, *value, message, at);
            }
            Event::HookRan { hook, stage, error } => {
                if error.is_none() || !hook.stops() {
                    let stage = stage.as_ref().and_then(|stage| self.stage_named(stage));
                    self.hooks.insert((*hook, stage));
                }
            }
            Event::SoakStarted { stage, until } => {
                if let Some(idx) = self.stage_named(stage) {
                    self.mode = Mode::Soaking { stage: idx };
                    if let Some(status) = self.stages.get_mut(idx.0) {
                        status.soak = Some(Soak { since: at, until: *until });
                        // An answer of a time that is still to come was given before the clock was set back.
                        for gate in &mut status.gates {
                            gate.asked = gate.asked.filter(|&asked| asked <= at);
                        }
                    }
                }
            }
            Event::SoakChanged { stage, until, by, reason, promotes } => {
                if let Some(status) = self.stage_named(stage).and_then(|idx| self.stages.get_mut(idx.0)) {
                    if let Some(soak) = &mut status.soak {
                        soak.until = *until;
                    }
                    status.early = promotes.then(|| Decided { by: by.clone(), reason: reason.clone() });
                    status.held = status.held.take().filter(|_| !promotes);
                }
            }
            Event::Held { stage, by, reason } => {
                if let Some(status) = self.stage_named(stage).and_then(|idx| self.stages.get_mut(idx.0)) {
                    status.early = None;
                    status.held = Some(Decided { by: by.clone(), reason: reason.clone() });
                }
            }
            Event::PromotionNeeded { stage } => {
                if let Some(idx) = self.stage_named(stage) {
                    self.mode = Mode::Promoting { stage: idx };
                }
            }
            Event::Promoted { stage, .. } => {
                if let Some(idx) = self.stage_named(stage) {
                    self.pass_stage(idx, at);
                }
            }
            Event::Paused { why } => {
                self.stopping = None;
                if let PauseReason::FreezeWindow { window, until, .. } = why {
                    self.heeded.push((window.clone(), *until));
                }
                self.paused = Some(why.clone());
            }
            Event::Stopping { why } => self.stopping = Some(why.clone()),
            Event::Continued { .. } => self.go_on(),
            Event::AbortRequested { by } => {
                self.paused = None;
                self.abort = Some(by.clone());
            }
            Event::RollbackStarted { by, .. } => {
                let why = self.paused.take().or_else(|| self.stopping.take());
                self.stopping = None;
                self.way_back = Some(WayBack { by: by.clone(), why, blames: false });
                let blames = self.is_blamed();
                self.way_back.iter_mut().for_each(|back| back.blames = blames);
                self.mode = Mode::RollingBack;
            }
            Event::Suspended { by } => self.suspended = Some(by.clone()),
            Event::Resumed { .. } => self.suspended = None,
            Event::ReleaseFinalized { .. } => self.finalized = true,
            Event::RolloutFinished { outcome, exit_code, .. } => {
                self.mode = Mode::Finished;
                self.paused = None;
                self.stopping = None;
                self.outcome = Some(*outcome);
                self.exit_code = Some(*exit_code);
            }
            Event::ReleaseBuilt { .. }
            | Event::LockTakenOver { .. }
            | Event::RelayStarted { .. }
            | Event::RelayFailed { .. }
            | Event::CarrierFailed { .. }
            | Event::HostProgress { .. }
            | Event::HostsAwaited { .. }
            | Event::ConnectionsSqueezed(_)
            | Event::HostHookFailed { .. }
            | Event::Unknown => {}
        }
    }

    /// Takes in that one of the site's commands about a host has ended; gives the host if the command did what it is for.
    fn pooled(
        &mut self,
        host: &HostId,
        was_asked: bool,
        error: Option<&str>,
        at: Timestamp,
    ) -> Option<&mut HostStatus> {
        let index = self.index_of(host)?;
        if was_asked {
            self.wishes.remove(&index);
        }
        let status = self.hosts.get_mut(index.0).filter(|_| error.is_none())?;
        status.pooled_at = Some(at);
        Some(status)
    }

    fn set_plan(&mut self, plan: &Arc<Plan>) {
        self.hosts.clear();
        self.stages.clear();
        let mut planned = plan.hosts.iter();
        for (idx, stage) in plan.stages.iter().enumerate() {
            let members = planned.by_ref().take(stage.hosts());
            self.hosts.extend(members.map(|host| HostStatus::new(host, StageIdx(idx))));
            self.stages.push(StageStatus::new(stage, self.end()));
        }
        self.index = self.placed().map(|(index, host)| (host.id.clone(), index)).collect();
        // A slot beside the usual link says nothing about the service of its host.
        if plan.slot.is_none() {
            for index in plan.out_of_service.iter().filter_map(|host| self.index.get(host).copied()) {
                if let Some(status) = self.hosts.get_mut(index.0) {
                    status.depooled = true;
                }
            }
            for taken in &plan.taken_out {
                if let Some(status) = self.index.get(&taken.host).and_then(|index| self.hosts.get_mut(index.0)) {
                    status.depooled = true;
                    status.taken_out = Some(taken.clone());
                }
            }
        }
        self.unlocked = self.range().collect();
        self.by_phase = Default::default();
        if let Some(pending) = self.by_phase.get_mut(Phase::Pending as usize) {
            pending.clone_from(&self.unlocked);
        }
        self.plan = Some(Arc::clone(plan));
        self.mode = Mode::Planned;
    }

    fn leave_planned(&mut self) {
        if self.mode == Mode::Planned {
            self.mode = Mode::Locking;
        }
    }

    /// Forgets that a host was switched: what it runs now is another's, and nothing here is undone there.
    fn leave_to_another(&mut self, index: HostIdx) {
        if let Some(order) = self.hosts.get_mut(index.0).and_then(|status| status.switched.take()) {
            self.switched.remove(&order);
        }
    }

    fn set_phase(&mut self, index: HostIdx, phase: Phase, at: Timestamp) {
        let switches = self.switches;
        let Some(status) = self.hosts.get_mut(index.0) else {
            return;
        };
        let before = std::mem::replace(&mut status.phase, phase);
        status.since = Some(at);
        match phase {
            Phase::Activating if status.switched.is_none() => {
                status.switched = Some(switches);
                self.switched.insert(switches, index);
                self.switches += 1;
            }
            Phase::RolledBack => {
                if let Some(order) = status.switched.take() {
                    self.switched.remove(&order);
                }
                status.stranded = false;
                status.unwell = false;
                status.unheard = false;
                status.went_back = true;
                // It has gone back now: what was wrong is the first failure alone.
                if let Some(failure) = &mut status.failure
                    && let Some(first) =
                        [UNHEARD, STRANDED].iter().filter_map(|joint| failure.message.find(joint)).min()
                {
                    failure.message.truncate(first);
                }
            }
            Phase::Healthy | Phase::Pending => {
                status.failure = None;
                status.blames = false;
                status.skipped = None;
                status.stranded = false;
                status.unwell = false;
                status.unheard = false;
            }
            _ => {}
        }
        if let Some(set) = self.by_phase.get_mut(before as usize) {
            set.remove(index);
        }
        if let Some(set) = self.by_phase.get_mut(phase as usize) {
            set.insert(index);
        }
    }

    fn fail(&mut self, index: HostIdx, failure: Failure, at: Timestamp) {
        self.unlocked.remove(index);
        let Some(status) = self.hosts.get_mut(index.0) else {
            return;
        };
        // A host that fails to go back has failed once already: the first failure is the one that counts.
        let again = status.phase == Phase::RollingBack;
        status.stranded = again;
        // It did go back, and is no better there: what is wrong may not be the release's.
        status.unwell = again && failure.class == FailureClass::Unhealthy;
        status.unheard = again && failure.class == FailureClass::Unreachable;
        let (unwell, unheard) = (status.unwell, status.unheard);
        let first = status.failure.is_none();
        let stage = status.stage;
        let class = failure.class;
        if again && !first {
            if let Some(known) = &mut status.failure {
                let joint = match (unwell, unheard) {
                    (true, _) => "; ",
                    (_, true) => UNHEARD,
                    _ => STRANDED,
                };
                known.message = format!("{}{joint}{}", known.message, failure.message);
                known.hint = failure.hint.or_else(|| known.hint.take());
            }
        } else {
            status.blames = !again && class.is_of_release();
            status.failure = Some(failure);
        }
        if first && let Some(stage) = self.stages.get_mut(stage.0) {
            *stage.failed.entry(class).or_default() += 1;
        }
        self.set_phase(index, Phase::Failed, at);
    }

    fn forget_failure(&mut self, index: HostIdx) {
        let Some(status) = self.hosts.get_mut(index.0) else {
            return;
        };
        status.stranded = false;
        status.unwell = false;
        status.unheard = false;
        status.blames = false;
        let Some(failure) = status.failure.take() else {
            return;
        };
        if let Some(stage) = self.stages.get_mut(status.stage.0) {
            for counts in [&mut stage.failed, &mut stage.forgiven] {
                if let Some(count) = counts.get_mut(&failure.class) {
                    *count = count.saturating_sub(1);
                }
            }
        }
    }

    fn pass_stage(&mut self, stage: StageIdx, at: Timestamp) {
        if let Some(status) = self.stages.get_mut(stage.0) {
            status.promoted = Some(at);
            status.held = None;
            status.early = None;
        }
        let next = StageIdx(stage.0 + 1);
        self.mode = if next.0 < self.stages.len() { Mode::Priming { stage: next } } else { Mode::Finalizing };
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one event")]
    fn set_gate(
        &mut self,
        stage: &StageName,
        gate: &GateName,
        scope: GateScope,
        verdict: Verdict,
        value: Option<f64>,
        message: &str,
        at: Timestamp,
    ) {
        let place = self.stage_named(stage).and_then(|idx| {
            Some((idx, self.plan.as_ref()?.stages.get(idx.0)?.gates.iter().position(|known| known.name == *gate)?))
        });
        let Some((idx, place)) = place else {
            return;
        };
        let Some(status) = self.stages.get_mut(idx.0).and_then(|stage| stage.gates.get_mut(place)) else {
            return;
        };
        if scope == GateScope::Baseline {
            // Only an answer is a baseline; and what a failed attempt left is none.
            if verdict == Verdict::Pass {
                status.baseline = status.baseline.or(value);
                status.baseline_at.get_or_insert(at);
            }
            return;
        }
        status.asked = Some(at);
        status.verdict = Some(verdict);
        status.value = value;
        message.clone_into(&mut status.message);
    }

    fn go_on(&mut self) {
        // Whoever goes on after a pause has not looked at who holds the stage.
        if self.paused.is_none()
            && let Some(status) = self.stage_at().and_then(|idx| self.stages.get_mut(idx.0))
        {
            status.held = None;
        }
        let why = self.paused.take();
        self.stopping = None;
        match why {
            Some(PauseReason::OverBudget { stage, .. }) => {
                if let Some(stage) = self.stage_named(&stage).and_then(|idx| self.stages.get_mut(idx.0)) {
                    stage.forgiven = stage.failed.clone();
                }
            }
            Some(PauseReason::NoneHealthy { stage }) => {
                if let Some(stage) = self.stage_named(&stage).and_then(|idx| self.stages.get_mut(idx.0)) {
                    stage.waived = true;
                }
            }
            Some(PauseReason::GateFailed { stage, gate, .. }) => {
                let place = self.stage_named(&stage).and_then(|idx| {
                    Some((
                        idx,
                        self.plan.as_ref()?.stages.get(idx.0)?.gates.iter().position(|known| known.name == gate)?,
                    ))
                });
                if let Some(gate) = place
                    .and_then(|(idx, place)| self.stages.get_mut(idx.0).and_then(|stage| stage.gates.get_mut(place)))
                {
                    gate.waived = true;
                }
            }
            Some(
                PauseReason::Operator { .. }
                | PauseReason::GateInconclusive { .. }
                | PauseReason::FreezeWindow { .. }
                | PauseReason::Locked { .. }
                | PauseReason::HookFailed { .. },
            )
            | None => {}
        }
    }
}
