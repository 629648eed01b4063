use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::deployment::Deployment;
use super::error::Error;
use super::sequence::new_id;
use super::workspace::Selection;
use crate::host::{self, HostError, LockRequest, Survey};
use crate::model::{HostId, ReleaseId, RolloutId, Slot};

/// How many hosts lose a slot at once.
const WIDTH: usize = 64;

/// Holds a slot with a release and the hosts where it names that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotUse {
    /// The slot.
    pub slot: Slot,
    /// What it names.
    pub release: ReleaseId,
    /// Where, in the inventory's order, masters first.
    pub hosts: Vec<HostId>,
    /// The link of its version's name, where hosts have one.
    pub name: Option<String>,
    /// The rollout that finalized it there last; none where that is not known.
    pub since: Option<RolloutId>,
    /// Links of the site's own that lead to the slot or to that name.
    pub used_by: BTreeSet<String>,
}

/// Holds the slots of a fleet.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Slots {
    /// By name, then by release.
    pub uses: Vec<SlotUse>,
    /// The hosts that did not say.
    pub silent: Vec<HostId>,
}

impl Slots {
    /// Gives the hosts that have a slot, in the inventory's order.
    #[must_use]
    pub fn hosts_of(&self, slot: &Slot) -> Vec<HostId> {
        self.uses.iter().filter(|found| found.slot == *slot).flat_map(|found| found.hosts.iter().cloned()).collect()
    }
}

/// Tells what became of the removal of a slot.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Where it is gone.
    pub removed: Vec<HostId>,
    /// Where it is not, and why.
    pub failed: Vec<(HostId, String)>,
}

impl<F: host::Fleet> Deployment<'_, F> {
    /// Asks hosts for their slots.
    ///
    /// # Errors
    ///
    /// When the selection matches nothing; hosts that do not answer are given.
    pub async fn slots(&self, selection: &Selection) -> Result<Slots, Error> {
        let answers = self.survey(selection, None, &Survey::Shallow).await?;
        let sequence = self.workspace.sequence()?;
        let mut uses: BTreeMap<(String, String), SlotUse> = BTreeMap::new();
        let mut silent = Vec::new();
        for (host, answer) in answers.all() {
            let Ok(probe) = answer else {
                silent.push(host.clone());
                continue;
            };
            for (slot, release) in &probe.slots {
                let found = uses.entry((slot.to_string(), release.to_string())).or_insert_with(|| SlotUse {
                    slot: slot.clone(),
                    release: release.clone(),
                    hosts: Vec::new(),
                    name: None,
                    since: None,
                    used_by: BTreeSet::new(),
                });
                found.hosts.push(host.clone());
                for named in probe.named.iter().filter(|named| named.slot == *slot) {
                    found.name = found.name.take().or_else(|| named.name.clone());
                    found.since = sequence.later(found.since.take(), named.since.clone());
                    found.used_by.extend(named.used_by.iter().cloned());
                }
            }
        }
        Ok(Slots { uses: uses.into_values().collect(), silent })
    }

    /// Refuses what is no slot, or what another holds, before anybody is asked.
    ///
    /// # Errors
    ///
    /// As it says.
    pub fn may_remove(&self, slot: &Slot) -> Result<(), Error> {
        self.check_slot(Some(slot))?;
        self.heed_others()
    }

    /// Removes a slot from hosts, each under its own lock, while this deploy server holds the environment.
    ///
    /// Dropping the future leaves hosts locked until their leases run out, each with its slot or without it.
    ///
    /// # Errors
    ///
    /// When another holds the environment; what goes wrong on a host is given.
    pub async fn remove_slot(&self, slot: &Slot, hosts: &[HostId]) -> Result<Removal, Error> {
        self.check_slot(Some(slot))?;
        let (rollout, reason) = (new_id()?, format!("slot {slot} is removed"));
        let held = self.workspace.lock(self.fleet.name, &rollout, Some(&reason)).await?;
        let request = LockRequest {
            owner: self.workspace.operator.clone(),
            rollout,
            term: 1,
            over: None,
            reason: Some(reason),
            lease: self.workspace.config().lock.lease,
        };
        let (request, permits, mut tasks) = (Arc::new(request), Arc::new(Semaphore::new(WIDTH)), JoinSet::new());
        for (index, id) in hosts.iter().enumerate() {
            let (host, slot) = (self.hosts.host(id), slot.clone());
            let (request, permits) = (Arc::clone(&request), Arc::clone(&permits));
            tasks.spawn(async move {
                let permit = permits.acquire_owned().await;
                let removed = remove(&*host, &slot, &request).await;
                drop(permit);
                (index, removed)
            });
        }
        let unknown = || Err("its removal ended without an answer".to_owned());
        let mut answers: Vec<Result<(), String>> = hosts.iter().map(|_| unknown()).collect();
        while let Some(joined) = tasks.join_next().await {
            // A task that panicked has told so itself.
            let Ok((index, removed)) = joined else { continue };
            if let Some(answer) = answers.get_mut(index) {
                *answer = removed.map_err(|error| error.to_string());
            }
        }
        drop(held);
        let mut removal = Removal::default();
        for (host, answer) in hosts.iter().zip(answers) {
            match answer {
                Ok(()) => removal.removed.push(host.clone()),
                Err(why) => removal.failed.push((host.clone(), why)),
            }
        }
        Ok(removal)
    }
}

async fn remove<H: host::Host>(host: &H, slot: &Slot, request: &LockRequest) -> Result<(), HostError> {
    let rollout: &RolloutId = &request.rollout;
    host.lock(request, Some(slot)).await?;
    let removed = host.remove_slot(slot, rollout).await;
    // Whatever became of it, nobody should have to wait for the lease.
    let freed = host.unlock(rollout).await;
    removed.and(freed)
}
