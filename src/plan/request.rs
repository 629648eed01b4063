use std::time::Duration;

use super::carriage::Relays;
use super::types::{Budget, Plan, Promote, StageGate};
use super::way_back::Step;
use crate::model::{Failure, HostId, Probe, Site, StageName};

/// Says how many of a number of hosts are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Count(usize),
    /// So many of a hundred, rounded down.
    Percent(u8),
}

impl Amount {
    /// Counts how many of `all` are meant.
    #[must_use]
    pub fn of(self, all: usize) -> usize {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => all.saturating_mul(usize::from(percent)) / 100,
        }
    }
}

/// Says how many hosts of a stage may fail, by class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetRule {
    /// How many may be unreachable.
    pub unreachable: Amount,
    /// How many may not get the release.
    pub transfer: Amount,
    /// How many may fail to switch.
    pub activate: Amount,
    /// How many may fail a gate.
    pub unhealthy: Amount,
}

impl Default for BudgetRule {
    fn default() -> Self {
        let none = Amount::Count(0);
        Self { unreachable: none, transfer: none, activate: none, unhealthy: none }
    }
}

impl BudgetRule {
    pub(super) fn of(&self, hosts: usize) -> Budget {
        Budget {
            unreachable: self.unreachable.of(hosts),
            transfer: self.transfer.of(hosts),
            activate: self.activate.of(hosts),
            unhealthy: self.unhealthy.of(hosts),
        }
    }
}

/// Says which hosts a stage has, of those that no earlier stage has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageSelection {
    /// These.
    Hosts(Vec<HostId>),
    /// The first so many, at least one.
    First(Amount),
    /// The first so many of each site.
    PerSite(usize),
    /// Whatever is left.
    Rest,
}

/// Describes a stage as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRequest {
    /// Its name.
    pub name: StageName,
    /// Its hosts.
    pub selection: StageSelection,
    /// How many hosts its waves have: of the stage, at least one, and the last one repeats; none is one wave.
    pub waves: Vec<Amount>,
    /// How many of its hosts may be in flight at once.
    pub concurrency: usize,
    /// How long it must stay healthy before the next one.
    pub soak: Duration,
    /// Who lets the next one start.
    pub promote: Promote,
    /// How many of its hosts may fail.
    pub budget: BudgetRule,
    /// What is asked during its soak.
    pub gates: Vec<StageGate>,
}

/// Holds what is known of a host of the environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its name.
    pub host: HostId,
    /// Where it stands.
    pub site: Option<Site>,
    /// Whether `--limit` and `--exclude` leave it in.
    pub selected: bool,
    /// What it answered; none when it was not asked, since it is not selected.
    pub answer: Option<Result<Probe, Failure>>,
    /// What a rollback does with it, once that is decided; see [`steps`](super::steps).
    pub step: Option<Step>,
}

/// Asks for a plan.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is known of it before any host has its place; whatever stages and hosts it has are replaced.
    pub plan: Plan,
    /// How many hosts may be in flight at once, whatever the stage says.
    pub concurrency: Option<usize>,
    /// How long every stage soaks, whatever the stage says.
    pub soak: Option<Duration>,
    /// The deploy servers, in the inventory's order.
    pub masters: Vec<Member>,
    /// The fleet, in the inventory's order.
    pub fleet: Vec<Member>,
    /// The stages, in order; none is one stage of the whole fleet.
    pub stages: Vec<StageRequest>,
    /// Which hosts may pass a release on to others.
    pub relays: Relays,
    /// Whether it may come to masters alone: those that owe something.
    pub masters_alone: bool,
}
