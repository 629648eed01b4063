//! Which hosts are in debt: rollouts should have brought them their release and did not, and none did since.

use std::collections::BTreeMap;

use super::error::Error;
use super::installed::ROLLOUTS;
use crate::conductor::replay;
use crate::journal::{Entry, Rollouts};
use crate::model::{Environment, HostId, RolloutId, Slot};
use crate::plan::{LeftOutReason, PlanKind};
use crate::release::Recorded;
use crate::rollout::{Debt, HostEnd, State};

/// Holds the hosts in debt, by the link that was to be switched there; none is the usual one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Debts {
    by_link: BTreeMap<Option<Slot>, BTreeMap<HostId, Debt>>,
}

impl Debts {
    /// Reads them from the journals of an environment's rollouts; why one of these cannot be read goes to `passed_over`.
    ///
    /// # Errors
    ///
    /// When the state folder cannot be read.
    pub fn read(
        rollouts: &Rollouts,
        environment: &Environment,
        passed_over: impl FnMut(&RolloutId, String),
    ) -> Result<Self, Error> {
        Ok(Self::after(rollouts, &ended(rollouts, environment)?, passed_over))
    }

    /// As [`Debts::read`], from rollouts that [`ended`] listed.
    pub fn after(rollouts: &Rollouts, ended: &[Entry], passed_over: impl FnMut(&RolloutId, String)) -> Self {
        let mut debts = Self::default();
        debts.take(rollouts, ended, passed_over);
        debts
    }

    /// Goes on from what a deploy server wrote down, which need not have been this one, with what rollouts here left since.
    ///
    /// What is known here of a host that is in debt by that word is told with it.
    pub(super) fn after_recorded(
        self,
        recorded: &Recorded,
        slot: Option<&Slot>,
        rollouts: &Rollouts,
        ended: &[Entry],
    ) -> Self {
        let known = self.by_link.get(&slot.cloned());
        let owed = recorded.debt.iter().map(|host| {
            let unknown = || Debt {
                host: host.clone(),
                end: HostEnd::Unknown,
                class: None,
                message: format!("left in debt by {} of {}", recorded.rollout, recorded.by),
            };
            (host.clone(), known.and_then(|known| known.get(host)).cloned().unwrap_or_else(unknown))
        });
        let mut debts = Self { by_link: [(slot.cloned(), owed.collect())].into() };
        let since: Vec<Entry> = ended.iter().filter(|entry| entry.latest > recorded.at).cloned().collect();
        // What cannot be read was told before.
        debts.take(rollouts, &since, |_, _| {});
        debts
    }

    fn take(&mut self, rollouts: &Rollouts, ended: &[Entry], mut passed_over: impl FnMut(&RolloutId, String)) {
        let recent = ended.len().saturating_sub(ROLLOUTS);
        for entry in ended.iter().skip(recent).filter(|entry| entry.kind != PlanKind::Prime) {
            match replay(rollouts, &entry.rollout) {
                Ok(state) => self.owe(&state),
                Err(error) => passed_over(&entry.rollout, error.to_string()),
            }
        }
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

    /// Takes in what one more rollout left: whoever got its release owes nothing any more, and who took no part owes what it did.
    fn owe(&mut self, state: &State) {
        let Some(plan) = state.plan() else { return };
        let debts = self.by_link.entry(plan.slot.clone()).or_default();
        for (index, host) in state.hosts().iter().enumerate() {
            if state.host_end(index) == HostEnd::Healthy {
                debts.remove(&host.id);
            }
        }
        for out in plan.left_out.iter().filter(|out| out.reason == LeftOutReason::Current) {
            debts.remove(&out.host);
        }
        for debt in state.summary().debt {
            debts.insert(debt.host.clone(), debt);
        }
    }
}

/// Lists the rollouts of an environment that are over, in the order in which they were planned.
///
/// # Errors
///
/// When the state folder cannot be read.
pub fn ended(rollouts: &Rollouts, environment: &Environment) -> Result<Vec<Entry>, Error> {
    let mut entries = rollouts.list()?.entries;
    entries.retain(|entry| entry.environment == *environment && entry.ended.is_some());
    Ok(entries)
}
