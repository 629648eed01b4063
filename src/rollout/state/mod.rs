//! What a rollout has come to: a fold over its records, and all that can be asked of it.

mod apply;
mod query;
mod summary;

pub use summary::Summary;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::hosts::HostSet;
use super::outcome::Outcome;
use super::pause::PauseReason;
use super::record::Record;
use crate::model::{
    Bytes, Failure, FailureClass, HostId, HostIdx, Installed, Operator, Phase, PhaseHook, RollBackTarget, ServiceWish,
    StageIdx, TakenOut, Verdict,
};
use crate::plan::{HostPlan, Plan, StageGate, StagePlan};

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
    pub end: HostIdx,
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
    /// Who lets nothing follow it until a person promotes it.
    pub held: Option<Decided>,
    /// Who promotes it as soon as its gates have passed.
    pub early: Option<Decided>,
}

/// Tells who decided otherwise than the plan has it, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Who.
    pub by: Operator,
    /// Why.
    pub reason: String,
}

/// Tells why switched hosts go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayBack {
    /// Who said so; none when the policy did.
    pub by: Option<Operator>,
    /// What the rollout waited for, or stopped for, when that was said.
    pub why: Option<PauseReason>,
    /// Whether the release was known by then to be why.
    pub blames: bool,
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
    /// Whether that speaks of the release, and not of the host or of its way back.
    pub blames: bool,
    /// Why it was left out.
    pub skipped: Option<String>,
    /// What it ran when it gave its lock, or when the plan was made.
    pub from: Option<Installed>,
    /// Where it goes back to.
    pub good: Option<RollBackTarget>,
    /// Where a rollback leads it; none is the plan's release.
    pub to: Option<RollBackTarget>,
    /// Whether it holds the release that a rollback leads it to.
    pub holds: bool,
    /// Whether its lock is this rollout's.
    pub locked: bool,
    /// Whether its lock was this rollout's, until another came.
    pub lost: bool,
    /// Its place in the order of switches; none while its link was not touched.
    pub switched: Option<usize>,
    /// Whether it was switched before and went back.
    pub went_back: bool,
    /// Whether it could not be put back to what is healthy there.
    pub stranded: bool,
    /// Whether it did go back and its gates fail there too.
    pub unwell: bool,
    /// Whether nobody knows if it went back, since it could not be reached when it was to.
    pub unheard: bool,
    /// Whether it was taken out of service.
    pub depooled: bool,
    /// Who took it out of service by hand, so that it stays out whatever is found on it.
    pub taken_out: Option<TakenOut>,
    /// When it was taken out of service or put back in this rollout.
    pub pooled_at: Option<Timestamp>,
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
    index: HashMap<HostId, HostIdx>,
    stages: Vec<StageStatus>,
    by_phase: [HostSet; Phase::ALL.len()],
    unlocked: HostSet,
    switched: BTreeMap<usize, HostIdx>,
    switches: usize,
    /// What persons asked for about the service of hosts, and nothing came of yet.
    wishes: BTreeMap<HostIdx, ServiceWish>,
    paused: Option<PauseReason>,
    /// The windows that it paused for already, by name and end: whoever goes on in one of them means it.
    heeded: Vec<(String, Timestamp)>,
    stopping: Option<PauseReason>,
    way_back: Option<WayBack>,
    /// The hooks that need not run again.
    hooks: BTreeSet<(PhaseHook, Option<StageIdx>)>,
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
}

impl HostStatus {
    fn new(plan: &HostPlan, stage: StageIdx) -> Self {
        Self {
            id: plan.host.clone(),
            stage,
            phase: Phase::Pending,
            since: None,
            failure: None,
            blames: false,
            skipped: None,
            from: plan.from.clone(),
            good: plan.good.clone(),
            to: plan.to.clone(),
            holds: plan.holds,
            locked: false,
            lost: false,
            switched: None,
            went_back: false,
            stranded: false,
            unwell: false,
            unheard: false,
            depooled: false,
            taken_out: None,
            pooled_at: None,
            retries: 0,
            bytes: Bytes(0),
        }
    }
}

impl StageStatus {
    fn new(plan: &StagePlan, end: HostIdx) -> Self {
        Self {
            end,
            failed: BTreeMap::new(),
            forgiven: BTreeMap::new(),
            started: None,
            soak: None,
            promoted: None,
            gates: plan.gates.iter().map(|_: &StageGate| GateStatus::new()).collect(),
            waived: false,
            held: None,
            early: None,
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
