//! Decides: an input and a time in, records and effects out.
//!
//! The machine keeps one thing beside the state, namely what it asked for and has no answer to yet; a resumed rollout
//! starts without any. Effects must be performed only after the records of the same step are in the journal.

mod busy;
mod commands;
#[cfg(test)]
mod decide_tests;
mod ending;
mod freeze;
mod hooks;
mod locks;
mod relays;
mod results;
mod schedule;
#[cfg(test)]
mod service_tests;
#[cfg(test)]
mod soak_tests;
mod stages;
mod step;
#[cfg(test)]
pub(crate) mod table;
mod task;
mod unrun;

pub use step::{Effect, Input, Step};
pub use task::{Task, TaskError, TaskOutput};
pub use unrun::{not_begun, nothing_done, nothing_due};

use std::collections::BTreeSet;

use jiff::Timestamp;

use self::busy::Busy;
use super::event::Event;
use super::outcome::{HostEnd, Outcome};
use super::pause::PauseReason;
use super::record::Record;
use super::state::{Mode, State};
use crate::model::{GateName, HostId, HostIdx, Operator, Phase, PhaseHook, ReleaseId, RollBackTarget, StageIdx};
use crate::plan::Plan;

/// What stops a rollout that the machine of its conductor can do nothing for; in brackets behind it stands what was wrong.
pub const SHORTAGE: &str = "a failure of this machine";

/// Decides what a rollout does next.
#[derive(Debug)]
pub struct Machine {
    state: State,
    plan: std::sync::Arc<Plan>,
    begun: bool,
    busy: Busy,
    cancelled: BTreeSet<HostIdx>,
    /// Hosts whose lock has to be taken anew after a resume, before anything else.
    relock: BTreeSet<HostIdx>,
    /// Whether this conductor goes on with what another began: what hosts run may be of others since.
    resumed: bool,
    /// Hosts whose lock somebody else had then; they are asked again when the rollout goes on.
    taken: BTreeSet<HostIdx>,
    asked: BTreeSet<(StageIdx, GateName)>,
    /// Hooks that run.
    hooking: BTreeSet<(PhaseHook, Option<StageIdx>)>,
    /// Hosts that could not be asked when it was planned.
    lost: Vec<HostIdx>,
    /// Hosts that were to be taken out of service once already.
    depooling: BTreeSet<HostIdx>,
    /// Hosts that may have given their lock to somebody who did not wait for the answer.
    unsure: BTreeSet<HostIdx>,
    /// Hosts that the end of the rollout still has to be told to; none while it is not ending.
    settling: Option<ending::Settling>,
    relays: relays::Relays,
    /// When the next freeze window begins: until then the calendar is not looked at; none while it has to be.
    next_freeze: Option<Timestamp>,
    now: Timestamp,
    step: Step,
}

impl Machine {
    /// Plans a rollout: makes a machine and the first record of its journal.
    #[must_use]
    pub fn plan(plan: Plan, now: Timestamp) -> (Self, Record) {
        let plan = std::sync::Arc::new(plan);
        let record = Record {
            seq: 1,
            at: now,
            rollout: plan.rollout.clone(),
            event: Event::RolloutPlanned { number: None, plan: std::sync::Arc::clone(&plan) },
        };
        let state = State::replay([&record]);
        (Self::with(state, plan, now), record)
    }

    /// Goes on from the state of a journal; none when that has no plan.
    #[must_use]
    pub fn resume(state: State, now: Timestamp) -> Option<Self> {
        let plan = std::sync::Arc::clone(state.plan()?);
        Some(Self::with(state, plan, now))
    }

    fn with(state: State, plan: std::sync::Arc<Plan>, now: Timestamp) -> Self {
        let lost = plan.placed().filter(|(_, host)| host.lost.is_some()).map(|(index, _)| index);
        Self {
            lost: lost.collect(),
            relays: relays::Relays::of(&plan, &state),
            state,
            plan,
            begun: false,
            busy: Busy::default(),
            cancelled: BTreeSet::new(),
            relock: BTreeSet::new(),
            resumed: false,
            taken: BTreeSet::new(),
            asked: BTreeSet::new(),
            hooking: BTreeSet::new(),
            depooling: BTreeSet::new(),
            unsure: BTreeSet::new(),
            settling: None,
            next_freeze: None,
            now,
            step: Step { records: Vec::new(), effects: Vec::new(), reply: None },
        }
    }

    /// Gives the rollout as it stands.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Gives the plan.
    #[must_use]
    pub const fn plan_of(&self) -> &std::sync::Arc<Plan> {
        &self.plan
    }

    /// Tells whether nothing more is going to happen here: the rollout is over, or suspended and drained.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state.mode() == Mode::Finished
            || (self.state.suspended().is_some() && self.busy.is_empty() && self.asked.is_empty())
    }

    /// Takes an input; the same inputs at the same times always lead to the same steps.
    ///
    /// `now` is never taken back: an earlier time than that of the step before counts as that one.
    pub fn step(&mut self, input: Input, now: Timestamp) -> Step {
        let mut step = Step::default();
        self.step_onto(input, now, &mut step);
        step
    }

    /// As [`Self::step`], behind the records and effects of steps before.
    pub fn step_onto(&mut self, input: Input, now: Timestamp, step: &mut Step) {
        std::mem::swap(&mut self.step, step);
        self.take(input, now);
        std::mem::swap(&mut self.step, step);
    }

    fn take(&mut self, input: Input, now: Timestamp) {
        self.now = self.now.max(now);
        match input {
            Input::Begin { by } => self.begin(by),
            Input::Done { host, task, result } => self.done(&host, task, result),
            Input::Lost { host, holder } => self.lost(&host, holder),
            Input::Squeezed(squeeze) => {
                if self.state.mode() != Mode::Finished {
                    self.emit(Event::ConnectionsSqueezed(squeeze));
                }
            }
            Input::Gate { stage, gate, scope, verdict, value, message } => {
                self.answered(stage, gate, scope, verdict, value, message);
            }
            Input::Hook { hook, stage, error } => self.hook_ended(hook, stage, error),
            Input::HostHook { host, hook, error } => self.host_hook_failed(host, hook, error),
            Input::Command { command, by } => {
                let reply = self.command(command, by);
                self.step.reply = Some(reply);
            }
            // Whoever hears of it late hears of nothing that counts.
            Input::Carrier(news) if self.state.mode() != Mode::Finished => {
                if self.relays.heard(&news, &self.state) {
                    self.emit(news.into());
                }
            }
            // It only puts off what nothing else is due for.
            Input::Moved { host } => {
                self.moved(&host);
                return;
            }
            Input::Carrier(_) | Input::Tick => {}
        }
        if self.begun {
            self.advance();
        }
    }

    fn begin(&mut self, by: Operator) {
        if self.begun || self.state.mode() == Mode::Finished {
            return;
        }
        self.begun = true;
        // One that was stopped before its first host answered is gone on with, too.
        if self.state.mode() == Mode::Planned && self.state.suspended().is_none() {
            return;
        }
        let before = self.state.latest().unwrap_or(self.now);
        self.emit(Event::Resumed { by });
        self.resumed = true;
        self.relock = self
            .state
            .range()
            .filter(|&index| {
                self.state.host(index).is_some_and(|host| (host.locked || host.lost) && host.phase != Phase::Skipped)
            })
            .collect();
        // Whom the conductor before had asked for its lock, it took along.
        self.unsure = self.state.unlocked().collect();
        // Nobody was there to see the stage while no conductor ran: only gates of the stage can vouch for that time. Where the
        // clock was set back since, its end is no time of this clock at all.
        if let Mode::Soaking { stage } = self.state.mode()
            && let Some((plan, status)) = self.state.stage(stage)
            && let Some(soak) = status.soak
            && (self.now < before || !plan.gates.iter().any(|gate| !gate.dry))
        {
            let stage = plan.name.clone();
            let until = self.now.checked_add(soak.until.duration_since(before)).unwrap_or(soak.until);
            self.emit(Event::SoakStarted { stage, until });
        }
    }

    fn emit(&mut self, event: Event) {
        let record = Record { seq: self.state.seq() + 1, at: self.now, rollout: self.plan.rollout.clone(), event };
        self.state.apply(&record);
        self.step.records.push(record);
    }

    fn phase(&mut self, index: HostIdx, phase: Phase) {
        if let Some(host) = self.id_of(index) {
            self.emit(Event::host_phase(host, phase));
        }
    }

    fn id_of(&self, index: HostIdx) -> Option<HostId> {
        self.state.host(index).map(|host| host.id.clone())
    }

    fn start(&mut self, index: HostIdx, task: Task) {
        if let Some(host) = self.id_of(index) {
            self.busy.insert(index, task.clone());
            self.step.effects.push(Effect::Start { host, task });
        }
    }

    fn cancel(&mut self, index: HostIdx) {
        if self.busy.contains(index)
            && self.cancelled.insert(index)
            && let Some(host) = self.id_of(index)
        {
            self.step.effects.push(Effect::Cancel { host });
        }
    }

    /// Cancels what leaves nothing unknown behind: everything but a switch.
    fn cancel_harmless(&mut self) {
        let harmless: Vec<HostIdx> = self
            .busy
            .iter()
            .filter(|(_, task)| matches!(task, Task::Lock | Task::Prime | Task::Check))
            .map(|(index, _)| index)
            .collect();
        for index in harmless {
            self.cancel(index);
        }
    }

    fn finish(&mut self, outcome: Outcome) {
        let summary = self.state.summary();
        let went_back = || self.state.range().any(|index| self.state.host_end(index) == HostEnd::RolledBack);
        // Where nobody went back, every host is left as it stands, whatever was meant.
        let outcome = match outcome {
            Outcome::RolledBack if !went_back() => Outcome::Stopped,
            outcome => outcome,
        };
        let exit_code = outcome.exit_code(self.plan.kind, &summary.debt);
        self.emit(Event::RolloutFinished { outcome, exit_code, counts: summary.counts, debt: summary.debt });
    }

    fn release(&self) -> &ReleaseId {
        &self.plan.release
    }

    /// Says what a host is to run when all goes well; none is nothing, or what was there before coalmine.
    fn goal(&self, index: HostIdx) -> Option<&ReleaseId> {
        match self.state.host(index).and_then(|host| host.to.as_ref()) {
            None => Some(self.release()),
            Some(RollBackTarget::Release { id }) => Some(id),
            Some(RollBackTarget::Nothing | RollBackTarget::Adopted) => None,
        }
    }

    fn stop(&mut self, why: PauseReason) {
        if self.state.stopping().is_none() && self.state.paused().is_none() && self.state.aborted().is_none() {
            self.emit(Event::Stopping { why });
        }
    }
}
