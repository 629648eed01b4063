//! Which hosts are in debt: rollouts should have brought them their release and did not, and none did since.
//!
//! By the journals of this machine, and where deploy servers share a branch by what the last of them wrote there: that counts until a
//! rollout from here comes after it.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use super::catch_up::CATCH_UP;
use super::error::Error;
use super::installed::ROLLOUTS;
use crate::conductor::replay;
use crate::journal::{Entry, Rollouts};
use crate::model::{Environment, HostId, RolloutId, Slot};
use crate::plan::{LeftOutReason, Plan, PlanKind};
use crate::release::{Recorded, Records};
use crate::rollout::{Debt, HostEnd, State};

type ByLink = BTreeMap<Option<Slot>, BTreeMap<HostId, Debt>>;

/// Holds the hosts in debt, by the link that was to be switched there; none is the usual one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Debts {
    by_link: ByLink,
}

impl Debts {
    /// Reads them from the journals of rollouts that [`ended`] listed, and from what is on record; why a journal cannot be read goes to
    /// `passed_over`.
    pub fn read(
        rollouts: &Rollouts,
        ended: &[Entry],
        records: &Records,
        mut passed_over: impl FnMut(&RolloutId, String),
    ) -> Self {
        let mut sum = DebtSum::new(records);
        for entry in counted(ended) {
            match replay(rollouts, &entry.rollout) {
                Ok(state) => sum.take(&state, entry.latest),
                Err(error) => passed_over(&entry.rollout, error.to_string()),
            }
        }
        sum.debts()
    }

    /// Names those of one link.
    pub fn of(&self, slot: Option<&Slot>) -> impl Iterator<Item = &Debt> {
        self.by_link.get(&slot.cloned()).into_iter().flat_map(BTreeMap::values)
    }

    /// Names those of every link that has any, the usual one first.
    pub fn links(&self) -> impl Iterator<Item = (Option<&Slot>, impl Iterator<Item = &Debt>)> {
        let owing = self.by_link.iter().filter(|(_, owed)| !owed.is_empty());
        owing.map(|(slot, owed)| (slot.as_ref(), owed.values()))
    }
}

/// Sums debts up over rollouts, which are taken in the order in which they were planned: for whoever reads their journals anyway.
#[derive(Debug)]
pub struct DebtSum<'a> {
    records: &'a Records,
    /// By all rollouts of this machine.
    here: ByLink,
    /// By what is on record, and what rollouts of this machine left after that.
    since: ByLink,
}

impl<'a> DebtSum<'a> {
    /// Begins with what is on record.
    #[must_use]
    pub fn new(records: &'a Records) -> Self {
        let owed = |recorded: &Recorded| {
            let each = recorded.debt.iter().map(|host| (host.clone(), on_record(host, recorded)));
            each.collect::<BTreeMap<_, _>>()
        };
        let since = records.iter().map(|(slot, recorded)| (slot.clone(), owed(recorded)));
        Self { records, here: ByLink::new(), since: since.collect() }
    }

    /// Takes in what one more rollout left, in which something happened last at `latest`.
    pub fn take(&mut self, state: &State, latest: Timestamp) {
        let Some(plan) = state.plan() else { return };
        owe(self.here.entry(plan.slot.clone()).or_default(), state);
        if self.records.get(&plan.slot).is_some_and(|recorded| latest > recorded.at) {
            owe(self.since.entry(plan.slot.clone()).or_default(), state);
        }
    }

    /// Gives the hosts in debt; what is known here of one that is so by the word of others is told with it.
    #[must_use]
    pub fn debts(self) -> Debts {
        let Self { here, since, .. } = self;
        let mut by_link = here.clone();
        for (slot, mut owed) in since {
            for (host, debt) in owed.iter_mut().filter(|(_, debt)| debt.end == HostEnd::Unknown) {
                if let Some(known) = here.get(&slot).and_then(|known| known.get(host)) {
                    debt.clone_from(known);
                }
            }
            by_link.insert(slot, owed);
        }
        Debts { by_link }
    }
}

fn on_record(host: &HostId, recorded: &Recorded) -> Debt {
    Debt {
        host: host.clone(),
        end: HostEnd::Unknown,
        class: None,
        message: format!("left in debt by {} of {}", recorded.rollout, recorded.by),
    }
}

/// Takes in what one more rollout left: whoever got its release owes nothing any more, and who took no part owes what it did. Who is
/// not even left out of a plan of the whole environment is no host of it any more, and nothing could ever bring it its release.
fn owe(debts: &mut BTreeMap<HostId, Debt>, state: &State) {
    if let Some(plan) = state.plan().filter(|plan| names_everybody(plan)) {
        let hosts = plan.hosts.iter().map(|host| &host.host);
        let named: HashSet<&HostId> = hosts.chain(plan.left_out.iter().map(|out| &out.host)).collect();
        debts.retain(|host, _| named.contains(host));
    }
    for (index, host) in state.placed() {
        if state.host_end(index) == HostEnd::Healthy {
            debts.remove(&host.id);
        }
    }
    let left_out = state.plan().into_iter().flat_map(|plan| &plan.left_out);
    for out in left_out.filter(|out| out.reason == LeftOutReason::Current) {
        debts.remove(&out.host);
    }
    for debt in state.summary().debt {
        debts.insert(debt.host.clone(), debt);
    }
}

/// Tells whether a plan names every host of its environment, deploy servers too; one of some hosts, or that catches up, need not.
fn names_everybody(plan: &Plan) -> bool {
    plan.left_out.iter().all(|out| out.reason != LeftOutReason::Excluded)
        && plan.stages.iter().all(|stage| stage.name.as_str() != CATCH_UP)
}

/// Lists the rollouts of an environment that are over, in the order in which they were planned.
///
/// # Errors
///
/// When the state folder cannot be read.
pub fn ended(rollouts: &Rollouts, environment: &Environment) -> Result<Vec<Entry>, Error> {
    Ok(ended_among(&rollouts.list()?.entries, environment))
}

/// As [`ended`], among rollouts that were listed.
#[must_use]
pub fn ended_among(listed: &[Entry], environment: &Environment) -> Vec<Entry> {
    let is_meant = |entry: &&Entry| entry.environment == *environment && entry.ended.is_some();
    listed.iter().filter(is_meant).cloned().collect()
}

/// Names of all rollouts those that say who is in debt, of each environment the latest.
#[must_use]
pub fn indebting(entries: &[Entry]) -> HashSet<RolloutId> {
    let mut by_environment: BTreeMap<&Environment, Vec<&Entry>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.ended.is_some()) {
        by_environment.entry(&entry.environment).or_default().push(entry);
    }
    let each = by_environment.values().flat_map(|ended| counted(ended.iter().copied()));
    each.map(|entry| entry.rollout.clone()).collect()
}

/// Gives of ended rollouts of an environment those that count; what was only primed brought nobody anything.
fn counted<'a, E>(ended: E) -> impl Iterator<Item = &'a Entry>
where
    E: IntoIterator<Item = &'a Entry, IntoIter: ExactSizeIterator>,
{
    let ended = ended.into_iter();
    let before = ended.len().saturating_sub(ROLLOUTS);
    ended.skip(before).filter(|entry| entry.kind != PlanKind::Prime)
}
