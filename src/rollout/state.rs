use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeTo;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::event::{Event, GateScope, PauseReason, Record};
use super::outcome::Outcome;
use crate::model::{
    Bytes, Failure, FailureClass, HostId, Installed, Operator, Phase, RollBackTarget, RolloutId, StageIdx, StageName,
    Verdict,
};
use crate::plan::{HostPlan, Plan, StageGate, StageKind, StagePlan};

/// Says what the rollout as a whole is doing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// There is a plan and nothing more.
    #[default]
    Planned,
    /// Hosts give their locks.
    Locking,
    /// Hosts get the release: those of a stage, or all of them.
    Priming {
        /// The stage that comes next.
        stage: StageIdx,
    },
    /// The hosts of a wave are switched.
    Switching {
        /// The stage.
        stage: StageIdx,
        /// Its wave, from 0.
        wave: usize,
    },
    /// A stage must stay healthy.
    Soaking {
        /// The stage.
        stage: StageIdx,
    },
    /// A stage waits for a person.
    Promoting {
        /// The stage that is done.
        stage: StageIdx,
    },
    /// Switched hosts go back.
    RollingBack,
    /// All stages are done, and the release becomes good on the healthy hosts.
    Finalizing,
    /// It is over.
    Finished,
}

/// Tells how long a stage soaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Soak {
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// Holds what a gate of a stage answered.
#[derive(Debug, Clone, PartialEq)]
pub struct GateStatus {
    /// Its value before the stage started; kept when the stage is retried.
    pub baseline: Option<f64>,
    /// When it was asked before the stage started.
    pub baseline_at: Option<Timestamp>,
    /// When it was last asked during the soak.
    pub asked: Option<Timestamp>,
    /// What it found then.
    pub verdict: Option<Verdict>,
    /// The number that it printed then.
    pub value: Option<f64>,
    /// Why it did not pass.
    pub message: String,
    /// Whether an operator went on in spite of it.
    pub waived: bool,
}

/// Holds how far a stage has come.
#[derive(Debug, Clone, PartialEq)]
pub struct StageStatus {
    /// Where its hosts end in the plan's order.
    pub end: usize,
    /// How many of its hosts failed and were neither retried nor forgiven, by class.
    pub failed: BTreeMap<FailureClass, usize>,
    /// How many failures an operator went on in spite of, by class.
    pub forgiven: BTreeMap<FailureClass, usize>,
    /// When its first wave started.
    pub started: Option<Timestamp>,
    /// Its soak, once it has begun.
    pub soak: Option<Soak>,
    /// When it was promoted, or skipped since it has no hosts.
    pub promoted: Option<Timestamp>,
    /// Its gates, in the plan's order.
    pub gates: Vec<GateStatus>,
    /// Whether an operator went on although none of its hosts is healthy.
    pub waived: bool,
}

/// Holds how far a host has come.
#[derive(Debug, Clone, PartialEq)]
pub struct HostStatus {
    /// Its name.
    pub id: HostId,
    /// Its stage.
    pub stage: StageIdx,
    /// How far it is.
    pub phase: Phase,
    /// When it came there.
    pub since: Option<Timestamp>,
    /// What is wrong with it, until it is retried.
    pub failure: Option<Failure>,
    /// Why it was left out.
    pub skipped: Option<String>,
    /// What it ran when it gave its lock, or when the plan was made.
    pub from: Option<Installed>,
    /// Where it goes back to.
    pub good: Option<RollBackTarget>,
    /// Whether its lock is this rollout's.
    pub locked: bool,
    /// Its place in the order of switches; none while its link was not touched.
    pub switched: Option<usize>,
    /// Whether going back failed.
    pub stranded: bool,
    /// Whether it was taken out of service.
    pub depooled: bool,
    /// How often it was retried.
    pub retries: u32,
    /// What travelled to it.
    pub bytes: Bytes,
}

/// Holds a rollout as its events so far have made it.
///
/// It changes by [`State::apply`] alone, so a journal's records give the same state wherever they are applied.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct State {
    plan: Option<Arc<Plan>>,
    mode: Mode,
    hosts: Vec<HostStatus>,
    index: HashMap<HostId, usize>,
    stages: Vec<StageStatus>,
    by_phase: BTreeMap<Phase, BTreeSet<usize>>,
    unlocked: BTreeSet<usize>,
    switched: BTreeMap<usize, usize>,
    switches: usize,
    paused: Option<PauseReason>,
    stopping: Option<PauseReason>,
    abort: Option<Operator>,
    suspended: Option<Operator>,
    bytes: Bytes,
    seq: u64,
    started: Option<Timestamp>,
    latest: Option<Timestamp>,
    finalized: bool,
    outcome: Option<Outcome>,
    exit_code: Option<u8>,
}

impl State {
    /// Makes the state of a rollout of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Folds records to a state.
    pub fn replay<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut state = Self::new();
        for record in records {
            state.apply(record);
        }
        state
    }

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
            Event::RolloutPlanned { plan } => self.set_plan(plan),
            Event::HostProbed { host, installed, good, .. } => {
                if let Some(index) = self.index_of(host) {
                    self.unlocked.remove(&index);
                    if let Some(status) = self.hosts.get_mut(index) {
                        status.locked = true;
                        // What it had before this rollout touched it is what counts, also after a resume.
                        if status.switched.is_none() {
                            status.from = Some(installed.clone());
                            status.good.clone_from(good);
                        }
                    }
                    self.leave_planned();
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
                        if let Some(status) = self.hosts.get_mut(index) {
                            status.bytes = status.bytes.saturating_add(*bytes);
                        }
                    }
                }
            }
            Event::HostFailed { host, class, message, hint, output } => {
                if let Some(index) = self.index_of(host) {
                    self.leave_planned();
                    let failure =
                        Failure { class: *class, message: message.clone(), hint: hint.clone(), output: output.clone() };
                    self.fail(index, failure, at);
                }
            }
            Event::HostRetried { host, .. } => {
                if let Some(index) = self.index_of(host) {
                    self.forget_failure(index);
                    if let Some(status) = self.hosts.get_mut(index) {
                        status.retries += 1;
                    }
                    // In a rollback, what is retried is going back.
                    if self.mode != Mode::RollingBack {
                        self.set_phase(index, Phase::Pending, at);
                    }
                }
            }
            Event::HostSkipped { host, reason } => {
                if let Some(index) = self.index_of(host) {
                    self.forget_failure(index);
                    self.unlocked.remove(&index);
                    if let Some(status) = self.hosts.get_mut(index) {
                        status.skipped = Some(reason.clone());
                    }
                    self.set_phase(index, Phase::Skipped, at);
                }
            }
            Event::HostDepooled { host, error } => {
                if let Some(status) = self.index_of(host).and_then(|index| self.hosts.get_mut(index)) {
                    status.depooled |= error.is_none();
                }
            }
            Event::HostRepooled { host, error } => {
                if let Some(status) = self.index_of(host).and_then(|index| self.hosts.get_mut(index)) {
                    status.depooled &= error.is_some();
                }
            }
            Event::GateResult { gate, scope, stage, verdict, value, message, .. } => {
                self.set_gate(stage, gate, *scope, *verdict, *value, message, at);
            }
            Event::SoakStarted { stage, until } => {
                if let Some(idx) = self.stage_named(stage) {
                    self.mode = Mode::Soaking { stage: idx };
                    if let Some(status) = self.stages.get_mut(idx.0) {
                        status.soak = Some(Soak { since: at, until: *until });
                    }
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
                self.paused = Some(why.clone());
            }
            Event::Stopping { why } => self.stopping = Some(why.clone()),
            Event::Continued { .. } => self.go_on(),
            Event::AbortRequested { by } => {
                self.paused = None;
                self.abort = Some(by.clone());
            }
            Event::RollbackStarted { .. } => {
                self.paused = None;
                self.stopping = None;
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
            Event::ReleaseBuilt { .. } | Event::LockTakenOver { .. } | Event::HostProgress { .. } | Event::Unknown => {}
        }
    }

    fn set_plan(&mut self, plan: &Arc<Plan>) {
        self.hosts.clear();
        self.stages.clear();
        let mut planned = plan.hosts.iter();
        for (idx, stage) in plan.stages.iter().enumerate() {
            let members = planned.by_ref().take(stage.hosts());
            self.hosts.extend(members.map(|host| HostStatus::new(host, StageIdx(idx))));
            self.stages.push(StageStatus::new(stage, self.hosts.len()));
        }
        self.index = self.hosts.iter().enumerate().map(|(index, host)| (host.id.clone(), index)).collect();
        self.unlocked = (0..self.hosts.len()).collect();
        self.by_phase = BTreeMap::from([(Phase::Pending, self.unlocked.clone())]);
        self.plan = Some(Arc::clone(plan));
        self.mode = Mode::Planned;
    }

    fn leave_planned(&mut self) {
        if self.mode == Mode::Planned {
            self.mode = Mode::Locking;
        }
    }

    fn set_phase(&mut self, index: usize, phase: Phase, at: Timestamp) {
        let switches = self.switches;
        let Some(status) = self.hosts.get_mut(index) else {
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
            }
            Phase::Healthy | Phase::Pending => {
                status.failure = None;
                status.skipped = None;
                status.stranded = false;
            }
            _ => {}
        }
        if let Some(set) = self.by_phase.get_mut(&before) {
            set.remove(&index);
        }
        self.by_phase.entry(phase).or_default().insert(index);
    }

    fn fail(&mut self, index: usize, failure: Failure, at: Timestamp) {
        self.unlocked.remove(&index);
        let Some(status) = self.hosts.get_mut(index) else {
            return;
        };
        // A host that fails to go back has failed once already: the first failure is the one that counts.
        let again = status.phase == Phase::RollingBack;
        status.stranded = again;
        let first = status.failure.is_none();
        let stage = status.stage;
        let class = failure.class;
        if again && !first {
            if let Some(known) = &mut status.failure {
                known.message = format!("{}; going back failed too: {}", known.message, failure.message);
                known.hint = failure.hint.or_else(|| known.hint.take());
            }
        } else {
            status.failure = Some(failure);
        }
        if first && let Some(stage) = self.stages.get_mut(stage.0) {
            *stage.failed.entry(class).or_default() += 1;
        }
        self.set_phase(index, Phase::Failed, at);
    }

    fn forget_failure(&mut self, index: usize) {
        let Some(status) = self.hosts.get_mut(index) else {
            return;
        };
        status.stranded = false;
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
        }
        let next = StageIdx(stage.0 + 1);
        self.mode = if next.0 < self.stages.len() { Mode::Priming { stage: next } } else { Mode::Finalizing };
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one event")]
    fn set_gate(
        &mut self,
        stage: &StageName,
        gate: &str,
        scope: GateScope,
        verdict: Verdict,
        value: Option<f64>,
        message: &str,
        at: Timestamp,
    ) {
        let place = self.stage_named(stage).and_then(|idx| {
            Some((idx, self.plan.as_ref()?.stages.get(idx.0)?.gates.iter().position(|g| g.name == gate)?))
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
                    Some((idx, self.plan.as_ref()?.stages.get(idx.0)?.gates.iter().position(|g| g.name == gate)?))
                });
                if let Some(gate) = place
                    .and_then(|(idx, place)| self.stages.get_mut(idx.0).and_then(|stage| stage.gates.get_mut(place)))
                {
                    gate.waived = true;
                }
            }
            Some(PauseReason::Operator { .. } | PauseReason::GateInconclusive { .. } | PauseReason::Locked { .. })
            | None => {}
        }
    }
}

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
    pub fn host(&self, index: usize) -> Option<&HostStatus> {
        self.hosts.get(index)
    }

    /// Gives the place of a host in the plan.
    #[must_use]
    pub fn index_of(&self, host: &HostId) -> Option<usize> {
        self.index.get(host).copied()
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

    /// Tells whether a host is a deploy server.
    #[must_use]
    pub fn is_master(&self, index: usize) -> bool {
        self.host(index)
            .and_then(|host| self.stage(host.stage))
            .is_some_and(|(stage, _)| stage.kind == StageKind::Masters)
    }

    /// Counts the hosts in a phase.
    #[must_use]
    pub fn count(&self, phase: Phase) -> usize {
        self.by_phase.get(&phase).map_or(0, BTreeSet::len)
    }

    /// Counts the hosts of a stage in a phase.
    #[must_use]
    pub fn count_in(&self, stage: StageIdx, phase: Phase) -> usize {
        let range = self.range_of(stage);
        self.by_phase.get(&phase).map_or(0, |set| set.range(range).count())
    }

    /// Gives the places of a stage's hosts in the plan.
    #[must_use]
    pub fn range_of(&self, stage: StageIdx) -> std::ops::Range<usize> {
        let start = stage.0.checked_sub(1).and_then(|before| self.stages.get(before)).map_or(0, |before| before.end);
        let end = self.stages.get(stage.0).map_or(start, |status| status.end);
        start..end
    }

    /// Gives the places of the hosts in a phase, in the plan's order, up to a place.
    pub fn in_phase(&self, phase: Phase, range: RangeTo<usize>) -> impl Iterator<Item = usize> {
        self.by_phase.get(&phase).into_iter().flat_map(move |set| set.range(range).copied())
    }

    /// Gives the places of the hosts that have yet to give their lock, in the plan's order.
    pub fn unlocked(&self) -> impl Iterator<Item = usize> {
        self.unlocked.iter().copied()
    }

    /// Gives the hosts whose link was touched and that did not go back, last one first.
    pub fn switched(&self) -> impl Iterator<Item = usize> {
        self.switched.values().rev().copied()
    }

    /// Says why no new host is started until a command comes.
    #[must_use]
    pub const fn paused(&self) -> Option<&PauseReason> {
        self.paused.as_ref()
    }

    /// Says why no new host is started until those under way have finished.
    #[must_use]
    pub const fn stopping(&self) -> Option<&PauseReason> {
        self.stopping.as_ref()
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

    /// Tells how long it took until the last record.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        self.latest?.duration_since(self.started?).try_into().ok()
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

impl HostStatus {
    fn new(plan: &HostPlan, stage: StageIdx) -> Self {
        Self {
            id: plan.host.clone(),
            stage,
            phase: Phase::Pending,
            since: None,
            failure: None,
            skipped: None,
            from: plan.from.clone(),
            good: plan.good.clone(),
            locked: false,
            switched: None,
            stranded: false,
            depooled: false,
            retries: 0,
            bytes: Bytes(0),
        }
    }
}

impl StageStatus {
    fn new(plan: &StagePlan, end: usize) -> Self {
        Self {
            end,
            failed: BTreeMap::new(),
            forgiven: BTreeMap::new(),
            started: None,
            soak: None,
            promoted: None,
            gates: plan.gates.iter().map(|_: &StageGate| GateStatus::new()).collect(),
            waived: false,
        }
    }
}

impl GateStatus {
    const fn new() -> Self {
        Self {
            baseline: None,
            baseline_at: None,
            asked: None,
            verdict: None,
            value: None,
            message: String::new(),
            waived: false,
        }
    }
}
