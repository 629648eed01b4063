//! Decides: an input and a time in, records and effects out.
//!
//! The machine keeps one thing beside the state, namely what it asked for and has no answer to yet; a resumed rollout
//! starts without any. Effects must be performed only after the records of the same step are in the journal.

mod commands;
#[cfg(test)]
mod decide_tests;
mod freeze;
mod hooks;
mod results;
mod schedule;
#[cfg(test)]
mod soak_tests;
#[cfg(test)]
pub(crate) mod table;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::event::{Event, GateScope};
use super::pause::PauseReason;
use super::record::Record;
use super::exit::Exit;
use super::outcome::{HostEnd, Outcome};
use super::refusal::Rejection;
use super::state::{Mode, State};
use crate::model::{
    Bytes, Carried, CarrierNews, Command, Failure, GateName, HostHook, HostId, HostIdx, Installed, LockHolder,
    Operator, Phase, PhaseHook, ReleaseId, RollBackTarget, RolloutId, Squeeze, StageIdx, Verdict,
};
use crate::plan::{Plan, PlanKind};

/// What stops a rollout that the machine of its conductor can do nothing for; in brackets behind it stands what was wrong.
pub const SHORTAGE: &str = "a failure of this machine";

/// Names something that is done to one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Takes its lock and asks what it has.
    Lock,
    /// Puts the release there.
    Prime,
    /// Switches it.
    Activate,
    /// Runs the gates there.
    Check,
    /// Switches it back and runs the gates there.
    RollBack(RollBackTarget),
    /// Takes it out of service.
    Depool,
    /// Puts it back into service.
    Repool,
    /// Writes that the release is good, and frees its lock.
    Finalize,
    /// Frees its lock.
    Unlock,
}

/// Asks for something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Does something to a host; answered by exactly one [`Input::Done`].
    Start {
        /// The host.
        host: HostId,
        /// What is done.
        task: Task,
    },
    /// Ends what is being done to a host as soon as possible; its [`Input::Done`] still comes.
    Cancel {
        /// The host.
        host: HostId,
    },
    /// Asks a gate of a stage; answered by exactly one [`Input::Gate`].
    Ask {
        /// The stage.
        stage: StageIdx,
        /// The gate.
        gate: GateName,
        /// Before the stage, or during its soak.
        scope: GateScope,
    },
    /// Runs a command of the site before or after a phase; answered by exactly one [`Input::Hook`].
    Hook {
        /// Which.
        hook: PhaseHook,
        /// Of which stage; none where it is about all of them.
        stage: Option<StageIdx>,
    },
}

/// Holds what one gate answered on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostGate {
    /// The gate.
    pub gate: GateName,
    /// What it found.
    pub verdict: Verdict,
    /// Why it did not pass.
    pub message: String,
    /// What it printed.
    pub output: String,
    /// Whether it is told but never decides.
    pub dry: bool,
}

/// Holds what a task found or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskOutput {
    /// The lock was taken.
    Locked {
        /// What stands where the link belongs.
        installed: Installed,
        /// Where the host goes back to.
        good: Option<RollBackTarget>,
        /// How long the answer took, in milliseconds.
        latency_ms: u64,
        /// Whose lock it was before, when its lease had run out.
        taken_from: Option<Box<LockHolder>>,
    },
    /// The release is there.
    Primed {
        /// Whether it was there already.
        already: bool,
        /// What travelled.
        bytes: Bytes,
        /// How it came; none where nothing had to travel.
        carried: Option<Carried>,
    },
    /// The host was switched.
    Activated {
        /// Whether it was on the release already.
        already: bool,
    },
    /// The gates answered.
    Checked {
        /// What they answered, in order.
        gates: Vec<HostGate>,
    },
    /// The host went back.
    WentBack {
        /// Whether what it went back to could not be proven, for want of room.
        unproven: bool,
    },
    /// It was done, and there is nothing to tell.
    Done,
}

/// Tells why a task was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskError {
    /// It failed.
    Failed(Box<Failure>),
    /// Another rollout holds the host's lock.
    Locked(Box<LockHolder>),
    /// The host's lock is not this rollout's any more, and so nothing was done; who has it, or had it since.
    Lost(Option<Box<LockHolder>>),
    /// It was cancelled; what it did so far may or may not have happened.
    Cancelled,
}

/// Tells the machine that something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A conductor starts, or goes on with, the rollout.
    Begin {
        /// Who started it.
        by: Operator,
    },
    /// A task is over.
    Done {
        /// The host.
        host: HostId,
        /// What was asked.
        task: Task,
        /// What came of it.
        result: Result<TaskOutput, TaskError>,
    },
    /// A lease could not be renewed, since the host's lock is not this rollout's any more.
    Lost {
        /// The host.
        host: HostId,
        /// Who has it, or had it since.
        holder: Option<Box<LockHolder>>,
    },
    /// Something pushed back when connections were opened, or does no more.
    Squeezed(Squeeze),
    /// A gate of a stage answered.
    Gate {
        /// The stage.
        stage: StageIdx,
        /// The gate.
        gate: GateName,
        /// Before the stage, or during its soak.
        scope: GateScope,
        /// What it found.
        verdict: Verdict,
        /// The number that it printed.
        value: Option<f64>,
        /// Why it did not pass.
        message: String,
    },
    /// A command of the site before or after a phase is over.
    Hook {
        /// Which.
        hook: PhaseHook,
        /// Of which stage.
        stage: Option<StageIdx>,
        /// Why it failed.
        error: Option<String>,
    },
    /// Something became of what brings releases to hosts.
    Carrier(CarrierNews),
    /// A command of the site before or after a host's way back failed.
    HostHook {
        /// The host.
        host: HostId,
        /// Which.
        hook: HostHook,
        /// Why it failed.
        error: String,
    },
    /// Somebody asks for something.
    Command {
        /// What.
        command: Command,
        /// Who.
        by: Operator,
    },
    /// Time has passed.
    Tick,
}

/// Holds what one input led to.
#[derive(Debug, Default, PartialEq)]
pub struct Step {
    /// What happened; to be journaled before anything is performed.
    pub records: Vec<Record>,
    /// What is to be done.
    pub effects: Vec<Effect>,
    /// The answer to a command.
    pub reply: Option<Result<(), Rejection>>,
}

/// Gives the records of a rollout that has nothing to do, and so is over before it begins; they are nobody's journal.
#[must_use]
pub fn nothing_done(plan: &Plan, now: Timestamp) -> [Record; 2] {
    let (mut machine, planned) = Machine::plan(plan.clone(), now);
    machine.finish(Outcome::Completed);
    let finished = machine.step.records.pop();
    let rollout = plan.rollout.clone();
    let unknown = Record { seq: 2, at: now, rollout, event: Event::Unknown };
    [planned, finished.unwrap_or(unknown)]
}

/// Gives the record of a rollout for which there is not even a plan, since nothing is due.
#[must_use]
pub fn nothing_due(rollout: RolloutId, now: Timestamp) -> Record {
    let outcome = Outcome::Completed;
    let exit_code = outcome.exit_code(PlanKind::Install, &[]);
    let event = Event::RolloutFinished { outcome, exit_code, counts: BTreeMap::new(), debt: Vec::new() };
    Record { seq: 1, at: now, rollout, event }
}

/// Gives the record of a rollout that was refused, or given up, before there was a plan; its exit code says which.
#[must_use]
pub fn not_begun(rollout: RolloutId, exit: Exit, now: Timestamp) -> Record {
    let outcome = if exit == Exit::Locked { Outcome::Locked } else { Outcome::Stopped };
    let event = Event::RolloutFinished { outcome, exit_code: exit.code(), counts: BTreeMap::new(), debt: Vec::new() };
    Record { seq: 1, at: now, rollout, event }
}

/// Decides what a rollout does next.
#[derive(Debug)]
pub struct Machine {
    state: State,
    plan: std::sync::Arc<Plan>,
    begun: bool,
    busy: BTreeMap<HostIdx, Task>,
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
    settling: Option<BTreeMap<HostIdx, Task>>,
    /// The relay of each host, where that takes part.
    relays: Vec<Option<HostIdx>>,
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
        let relays = plan.hosts.iter().map(|host| state.index_of(host.relay.as_ref()?)).collect();
        Self {
            lost: lost.collect(),
            relays,
            state,
            plan,
            begun: false,
            busy: BTreeMap::new(),
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
            Input::Carrier(news) if self.state.mode() != Mode::Finished => self.emit(news.into()),
            Input::Carrier(_) | Input::Tick => {}
        }
        if self.begun {
            self.advance();
        }
        std::mem::take(&mut self.step)
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
        if self.busy.contains_key(&index)
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
            .map(|(&index, _)| index)
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
