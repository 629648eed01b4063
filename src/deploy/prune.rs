//! Which built releases this deploy server needs no more, and what becomes of them. No host is asked or changed.

use std::collections::{BTreeSet, HashSet};

use super::catch_up::primed;
use super::damage::{self, put_back};
use super::debts::ended_among;
use super::error::Error;
use super::notice::Notice;
use super::workspace::Workspace;
use crate::conductor::{frozen, replay, waiting_among};
use crate::journal::{Entry, Rollouts};
use crate::model::{Bytes, Digest, Environment, HostId, ReleaseId, RollBackTarget};
use crate::plan::PlanKind;
use crate::process::in_thread;
use crate::release::{Built, Choice, Kept, Need, Needs, ReleaseError, Repository, Store, choose, finalized};
use crate::rollout::Outcome;

/// Says what of the store goes and what stays, and what is packed of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Pruning {
    /// How many of the newest built stay in any case.
    pub keep: usize,
    /// The releases.
    pub choice: Choice,
    /// What the packs of what goes take.
    pub packs: Bytes,
}

/// Tells what became of releases that were to go.
#[derive(Debug, Default)]
pub struct Pruned {
    /// What is gone, oldest build first.
    pub gone: Vec<Built>,
    /// What stays, oldest build first.
    pub stays: Vec<Kept>,
    /// What the packs took that are gone with it.
    pub packs: Bytes,
    /// What kept the others from going.
    pub failed: Option<Error>,
}

impl Workspace {
    /// Finds what of this product's releases nobody needs any more: not the `keep` newest built, `target.keep` where that is not said.
    ///
    /// # Errors
    ///
    /// When what is needed cannot be known, such as where a journal, the marks or the hosts of an environment cannot be read.
    pub async fn pruning(&self, keep: Option<usize>) -> Result<Pruning, Error> {
        let keep = keep.unwrap_or(self.config().target.keep);
        let (entries, mut needs) = pressing(&self.rollouts())?;
        self.remembered(&entries, &mut needs).await?;
        let store = self.store()?;
        let listed = store.clone();
        let built = in_thread(move || listed.built()).await??;
        let ours = self.ours(&entries, &built).await?;
        let choice = choose(built, keep, &needs, |built| ours.contains(&built.id));
        let packs = store.packs().leading_to(&digests(&choice.goes, &choice.stays));
        Ok(Pruning { keep, choice, packs })
    }

    /// Removes what was to go, so far as nobody needs it by now.
    ///
    /// Nobody can build meanwhile. A rollout that begins in the same instant finds its release again. Whoever drops the future leaves it to a
    /// thread that ends with the process; what is half removed has no release's name, and goes with the next build.
    ///
    /// # Errors
    ///
    /// As [`Workspace::pruning`], and when another process builds: nothing is gone then. What goes wrong later is given.
    pub async fn prune(&self, planned: &Pruning) -> Result<Pruned, Error> {
        let Choice { goes, mut stays } = self.pruning(Some(planned.keep)).await?.choice;
        let going: Vec<Built> = planned.choice.goes.iter().filter(|built| goes.contains(built)).cloned().collect();
        let ids: Vec<ReleaseId> = going.iter().map(|built| built.id.clone()).collect();
        let (store, rollouts) = (self.store()?, self.rollouts());
        let Removed { gone, needs, failed } = in_thread(move || remove(&store, &rollouts, &ids)).await??;
        let (gone, late): (Vec<Built>, Vec<Built>) = going.into_iter().partition(|built| gone.contains(&built.id));
        stays.extend(choose(late, 0, &needs, |_| true).stays);
        stays.sort_by_key(|kept| kept.built.built_at);
        let packs = match self.store()?.packs().forget(&digests(&gone, &stays)) {
            Ok(Some(packs)) => packs,
            Ok(None) => {
                self.notify(Notice::warning(
                    "their packs stay until nobody used them for two weeks: another is being made",
                ));
                Bytes(0)
            }
            Err(error) => {
                self.notify(Notice::warning(format!("their packs stay: {error}")));
                Bytes(0)
            }
        };
        Ok(Pruned { gone, stays, packs, failed: failed.map(Error::from) })
    }

    /// Adds what environments remember: what they finalized last and what they would go back to.
    async fn remembered(&self, entries: &[Entry], needs: &mut Needs) -> Result<(), Error> {
        let store = self.store()?;
        let read = store.read_marks().map_err(|error| unknown(error).hint(put_back(&store.marks_path())))?;
        if let Some(damage) = damage::marks(&store.marks_path(), &read.damaged) {
            return Err(of(damage));
        }
        let configured = &self.config().environments;
        let by_marks: BTreeSet<&Environment> = read.marks.iter().map(|mark| &mark.environment).collect();
        for name in by_marks {
            // Of an environment that others configure, everybody counts who was ever a host of it.
            let hosts: Option<HashSet<HostId>> = match configured.get(name) {
                Some(policy) => Some(self.hosts_of(name, policy).await?.everybody().into_iter().collect()),
                None => None,
            };
            for (release, need) in finalized(&read.marks, name, hosts.as_ref()) {
                needs.add(release, need, name);
            }
        }
        for name in configured.keys() {
            // Where a mark could not be written, the journals know.
            if let Some(found) = self.finalized(name)? {
                needs.add(found.release, Need::Finalized, name);
            }
        }
        let names: Vec<&Environment> = configured.keys().collect();
        let (recorded, told) = self.glance(&names).await;
        for text in told {
            self.warn_once(&text);
        }
        for (name, records) in recorded {
            for recorded in records.into_values() {
                needs.add(recorded.release, Need::Finalized, &name);
            }
        }
        let known: BTreeSet<&Environment> = entries.iter().map(|entry| &entry.environment).chain(names).collect();
        for name in known {
            // `revert` leads back to what hosts ran when somebody took the environment.
            let started = frozen(&self.state_dir, name).map_err(unknown)?.and_then(|freeze| freeze.started);
            for ran in started.into_iter().flat_map(|started| started.ran) {
                needs.add(ran.release, Need::GoesBackTo, name);
            }
        }
        Ok(())
    }

    /// Names of what is built what is this product's beyond doubt: what its rollouts installed, and what its repository has the commit of,
    /// unless another product of the state folder is made of the same.
    async fn ours(&self, entries: &[Entry], built: &[Built]) -> Result<HashSet<ReleaseId>, Error> {
        let mine = self.product();
        let (theirs, own): (Vec<&Entry>, Vec<&Entry>) = entries
            .iter()
            .filter(|entry| entry.product.is_some())
            .partition(|entry| entry.product.as_ref().is_some_and(|product| mine.is_another_than(product)));
        let is_shared = theirs.iter().filter_map(|entry| entry.product.as_ref());
        let mut is_shared = is_shared.into_iter().any(|product| product.repository == mine.repository);
        let theirs: HashSet<&ReleaseId> = theirs.into_iter().map(|entry| &entry.release).collect();
        let own: HashSet<&ReleaseId> = own.into_iter().map(|entry| &entry.release).collect();
        let repository = Repository::open(self.config().product.repository.as_path()).await?;
        let (mut ours, mut by_commit) = (HashSet::new(), Vec::new());
        for Built { id, commit, .. } in built {
            match (theirs.contains(id), own.contains(id)) {
                (false, true) => drop(ours.insert(id.clone())),
                (true, true) => {}
                (is_theirs, false) if repository.commit(commit.as_str()).await?.is_some() => {
                    is_shared |= is_theirs;
                    if !is_theirs {
                        by_commit.push(id.clone());
                    }
                }
                (_, false) => {}
            }
        }
        if !is_shared {
            ours.extend(by_commit);
        }
        Ok(ours)
    }
}

/// Tells which releases are gone, what is needed by rollouts that began since they were chosen, and what kept the others from going.
struct Removed {
    gone: Vec<ReleaseId>,
    needs: Needs,
    failed: Option<ReleaseError>,
}

/// Takes releases away but for those that a rollout began with since they were chosen.
fn remove(store: &Store, rollouts: &Rollouts, going: &[ReleaseId]) -> Result<Removed, Error> {
    let mut aside = store.set_aside(going)?;
    // Whoever begins from here on finds that its release is gone, and says so.
    let (_, needs) = pressing(rollouts)?;
    aside.put_back(|id| needs.contains(id))?;
    let (gone, failed) = aside.remove();
    Ok(Removed { gone, needs, failed })
}

/// Lists the rollouts, with what is needed by those that run or wait, what was primed and what slots have.
fn pressing(rollouts: &Rollouts) -> Result<(Vec<Entry>, Needs), Error> {
    let listed = rollouts.list();
    if let Some(damage) = damage::damaged_journals(rollouts, &listed).into_iter().next() {
        return Err(of(damage));
    }
    let entries = listed?.entries;
    let mut needs = Needs::default();
    let waits = waiting_among(rollouts, &entries, None).map_err(unknown)?.resumable;
    let runs = entries.iter().filter(|entry| entry.live).map(|entry| (entry, Need::Runs));
    for (entry, need) in runs.chain(waits.iter().map(|entry| (entry, Need::Waits))) {
        needs.add(entry.release.clone(), need, &entry.environment);
        let state = replay(rollouts, &entry.rollout).map_err(unknown)?;
        for host in state.plan().into_iter().flat_map(|plan| &plan.hosts) {
            for (target, need) in [(&host.to, need), (&host.good, Need::GoesBackTo)] {
                if let Some(RollBackTarget::Release { id }) = target {
                    needs.add(id.clone(), need, &entry.environment);
                }
            }
        }
    }
    let environments: BTreeSet<&Environment> = entries.iter().map(|entry| &entry.environment).collect();
    for name in environments {
        let ended = ended_among(&entries, name);
        if let Some(entry) = primed(&ended) {
            needs.add(entry.release.clone(), Need::Primed, name);
        }
        of_slots(&ended, name, &mut needs);
    }
    Ok((entries, needs))
}

/// Adds what each slot got last and before that: of slots nothing is marked.
fn of_slots(ended: &[Entry], name: &Environment, needs: &mut Needs) {
    let slots: BTreeSet<_> = ended.iter().filter_map(|entry| entry.slot.as_ref()).collect();
    for slot in slots {
        let got = ended.iter().rev().filter(|entry| entry.slot.as_ref() == Some(slot) && entry.kind != PlanKind::Prime);
        let mut got = got.filter(|entry| matches!(entry.ended, Some((Outcome::Completed, _))));
        let Some(last) = got.next() else { continue };
        needs.add(last.release.clone(), Need::Finalized, name);
        if let Some(before) = got.find(|entry| entry.release != last.release) {
            needs.add(before.release.clone(), Need::GoesBackTo, name);
        }
    }
}

/// Names of releases the trees that nothing else that stays has.
fn digests(going: &[Built], stays: &[Kept]) -> BTreeSet<Digest> {
    let stays: HashSet<Digest> = stays.iter().map(|kept| kept.built.digest).collect();
    going.iter().map(|built| built.digest).filter(|digest| !stays.contains(digest)).collect()
}

fn of(damage: damage::Damage) -> Error {
    unknown(damage.hint.into_iter().fold(Error::before(damage.message), Error::hint))
}

fn unknown(why: impl Into<Error>) -> Error {
    let why = why.into();
    let told = format!("what is needed of the built releases is not known, so all stay: {}", why.message());
    why.hints().iter().fold(Error::before(told), Error::hint)
}
