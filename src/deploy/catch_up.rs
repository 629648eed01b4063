use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::conduct::from_store;
use super::debts::{Debts, ended};
use super::deployment::Deployment;
use super::error::Error;
use super::notice::Notice;
use super::prepare::Prepared;
use super::release::Making;
use super::workspace::{Selection, Workspace};
use jiff::Timestamp;

use crate::conductor::replay;
use crate::expr::fold;
use crate::host;
use crate::journal::Entry;
use crate::model::{Environment, HostId, ReleaseId, RolloutId, Slot, StageName};
use crate::plan::{LeftOutReason, PlanKind, Promote, StageRequest, StageSelection};
use crate::release::{Mark, Records, StoredRelease, Wanted};
use crate::rollout::{Debt, Outcome, Record, State};
use crate::words::{beside, named};

/// What the one stage is called in which hosts are caught up with.
pub(super) const CATCH_UP: &str = "catch-up";

/// Names what an environment finalized last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finalized {
    pub(super) release: ReleaseId,
    pub(super) rollout: RolloutId,
    pub(super) hosts: usize,
    at: Timestamp,
}

impl Workspace {
    /// Gives what an environment finalized last and did not find bad since, by identity: its tag may name something else today.
    pub(super) async fn finalized_release(&self, environment: &Environment) -> Result<Arc<StoredRelease>, Error> {
        let here = self.finalized(environment)?;
        // Another deploy server may have been the last one.
        let there = self.last_recorded(environment).await?.remove(&None).map(|recorded| Finalized {
            release: recorded.release,
            rollout: recorded.rollout,
            hosts: recorded.hosts,
            at: recorded.at,
        });
        let verdicts = self.verdicts(environment)?;
        let there = there.filter(|found| !verdicts.is_bad(&found.release));
        let Some(found) = here.into_iter().chain(there).max_by_key(|found| found.at) else {
            let text = format!("nothing was finalized in {environment} yet, so there is nothing to catch up with");
            return Err(
                Error::before(format!("{text}; nothing was changed")).hint("coalmine install-world comes first")
            );
        };
        let mut stored = self.kept_or_built_again(&found.release).await?;
        let hosts = if found.hosts == 1 { "1 host".to_owned() } else { format!("{} hosts", found.hosts) };
        let note = format!("{} is what {} finalized last, on {hosts}", found.release, found.rollout);
        Arc::make_mut(&mut stored).notes.push(note);
        Ok(stored)
    }

    async fn kept_or_built_again(&self, id: &ReleaseId) -> Result<Arc<StoredRelease>, Error> {
        let store = self.store()?;
        if store.get(id)?.is_some() {
            return from_store(&store, id);
        }
        let gone = format!("{id} was finalized last and is not in the store any more");
        let hint = "name another: coalmine install-world VERSION -l HOSTS";
        let built = self.make(Wanted::of(id.version()), Making::default()).await;
        let built = built.map_err(|error| error.because(&gone, hint))?;
        if built.id == *id {
            return Ok(built);
        }
        Err(Error::before(format!("{gone}, and built again it is {}; nothing was changed", built.id)).hint(hint))
    }

    /// Finds it in the journals, or where those are gone in the marks that their rollouts left.
    pub(super) fn finalized(&self, environment: &Environment) -> Result<Option<Finalized>, Error> {
        let verdicts = self.verdicts(environment)?;
        for entry in self.ended(environment)?.into_iter().rev().filter(|entry| entry.kind != PlanKind::Prime) {
            let Some(state) = self.replayed(&entry) else { continue };
            let good = state.judgements().into_iter().filter(|found| found.bad.is_none());
            let good = good.filter(|found| !verdicts.is_bad(&found.release));
            if let Some(found) = good.max_by_key(|found| found.on) {
                return Ok(Some(Finalized {
                    release: found.release,
                    rollout: entry.rollout,
                    hosts: found.on,
                    at: entry.latest,
                }));
            }
        }
        let marks = self.store()?.marks()?.into_iter().rev().filter(|mark| mark.environment == *environment);
        let mut good = marks.filter(|mark| mark.verdict == Mark::Good && !verdicts.is_bad(&mark.release));
        Ok(good.find_map(|mark| {
            Some(Finalized { release: mark.release, rollout: mark.rollout?, hosts: mark.on.unwrap_or(1), at: mark.at })
        }))
    }

    /// Gives what was primed last, unless something else came after it.
    pub(super) async fn primed_release(&self, environment: &Environment) -> Result<Option<Arc<StoredRelease>>, Error> {
        match primed(&self.ended(environment)?) {
            Some(last) => self.kept_or_built_again(&last.release).await.map(Some),
            None => Ok(None),
        }
    }

    /// Names the hosts that rollouts should have brought their release and did not, until one since did: by the journals of this
    /// machine, and by the word of other deploy servers where they keep it on a branch.
    ///
    /// # Errors
    ///
    /// When the state folder cannot be read. That the branch cannot be is told.
    pub async fn debts(&self, environment: &Environment, slot: Option<&Slot>) -> Result<Vec<Debt>, Error> {
        let records = self.recorded_if_known(environment).await;
        Ok(self.debts_since(&self.ended(environment)?, slot, &records))
    }

    /// Writes down that hosts in debt have what they should, where a preparation found that nothing is to be done: they came by it in
    /// another way, and nobody has to name them any more. What goes wrong is told; they are named until the next time then.
    pub async fn settle<F>(&self, prepared: &Prepared<F>) {
        let plan = &prepared.plan;
        let settled = async {
            // What is only there runs nowhere.
            if plan.kind == PlanKind::Prime {
                return Ok::<_, Error>(());
            }
            // Nobody waits long for a remote who has nothing to do.
            let records = self.glance(&[&plan.environment]).await.0.remove(&plan.environment).unwrap_or_default();
            let debts = self.debts_since(&self.ended(&plan.environment)?, plan.slot.as_ref(), &records);
            let has_it = |debt: &Debt| {
                plan.left_out.iter().any(|out| out.host == debt.host && out.reason == LeftOutReason::Current)
            };
            if !debts.iter().any(has_it) {
                return Ok(());
            }
            let lock = self.lock(&plan.environment, &plan.rollout, plan.reason.as_deref()).await?;
            let [planned, finished] = prepared.nothing_done();
            let mut journal = self.rollouts().create(&planned)?;
            journal.append([&finished])?;
            drop((journal, lock));
            self.record(&State::replay(&[planned, finished])).await;
            Ok(())
        };
        if let Err(error) = settled.await {
            let text = format!("hosts have what they should, and are still called in debt: {}", error.message());
            self.notify(Notice::warning(text));
        }
    }

    /// As [`Workspace::debts`], by rollouts that are over and what is on record.
    pub(super) fn debts_since(&self, ended: &[Entry], slot: Option<&Slot>, records: &Records) -> Vec<Debt> {
        let debts = Debts::read(&self.rollouts(), ended, records, |rollout, why| {
            self.notify(Notice::warning(format!("{rollout} is passed over: {why}")));
        });
        debts.of(slot).cloned().collect()
    }

    /// Lists the rollouts of an environment that are over, in the order in which they were planned.
    fn ended(&self, environment: &Environment) -> Result<Vec<Entry>, Error> {
        ended(&self.rollouts(), environment)
    }

    pub(super) fn replayed(&self, entry: &Entry) -> Option<State> {
        let state = replay(&self.rollouts(), &entry.rollout);
        state.map_err(|error| self.notify(Notice::warning(format!("{} is passed over: {error}", entry.rollout)))).ok()
    }
}

/// Finds among the rollouts of an environment that are over the last one, where what it brought was primed and nothing else came after.
pub(super) fn primed(ended: &[Entry]) -> Option<&Entry> {
    let mut done = ended.iter().rev().filter(|entry| matches!(entry.ended, Some((Outcome::Completed, _))));
    let last = done.next()?;
    let was_primed = last.kind == PlanKind::Prime
        || done.take_while(|entry| entry.release == last.release).any(|entry| entry.kind == PlanKind::Prime);
    was_primed.then_some(last)
}

/// Makes one wave of the last stage's width and budget, which nothing follows: what is caught up with has been through the stages.
pub(super) fn one_wave(mut stages: Vec<StageRequest>) -> Result<Vec<StageRequest>, Error> {
    let widest = stages.iter().map(|stage| stage.concurrency).max();
    let Some(last) = stages.pop() else { return Ok(stages) };
    let stage = StageRequest {
        name: StageName::new(CATCH_UP).map_err(Error::before)?,
        selection: StageSelection::Rest,
        waves: Vec::new(),
        concurrency: widest.unwrap_or(last.concurrency),
        soak: Duration::ZERO,
        promote: Promote::Auto,
        // They are asked while a stage soaks.
        gates: Vec::new(),
        ..last
    };
    Ok(vec![stage])
}

/// Gives the record of a rollout that could not begin: it ends as others do, and is nobody's journal.
///
/// # Errors
///
/// When it cannot be named.
pub fn not_begun(exit: crate::rollout::Exit) -> Result<Record, Error> {
    Ok(crate::rollout::not_begun(super::sequence::new_id()?, exit, jiff::Timestamp::now()))
}

/// Gives the record of a rollout for which nothing is due: it ends as others do, and is nobody's journal.
///
/// # Errors
///
/// When it cannot be named.
pub fn nothing_due() -> Result<Record, Error> {
    Ok(crate::rollout::nothing_due(super::sequence::new_id()?, jiff::Timestamp::now()))
}

impl<F: host::Fleet> Deployment<'_, F> {
    /// Chooses the hosts that expressions name, each of which has to be the environment's.
    ///
    /// # Errors
    ///
    /// When one of them matches none, or a name of a range is no host of it.
    pub async fn named(&self, expressions: &[String], exclude: Option<String>) -> Result<Selection, Error> {
        let everybody = self.fleet.everybody();
        let mut named: Vec<HostId> = Vec::new();
        for expression in expressions {
            let selection = Selection { limit: Some(expression.clone()), ..Selection::default() };
            if let Some(note) = self.workspace.selection_notes(&everybody, &selection).into_iter().next() {
                return Err(Error::usage(format!("{note}; nothing was changed")));
            }
            named.extend(self.workspace.select(everybody.clone(), &selection).await?);
        }
        Ok(Selection { limit: Some(fold(&named)), exclude, masters_alone: false })
    }

    /// Narrows a selection to the hosts of it that are in debt, masters too; none when no host is.
    ///
    /// `is_named` is whether somebody named the version: without, nobody touches what a stopped rollout left.
    ///
    /// # Errors
    ///
    /// When the selection matches nothing, the journals cannot be read, or the last rollout was stopped.
    pub async fn in_debt(
        &self,
        selection: &Selection,
        slot: Option<&Slot>,
        is_named: bool,
    ) -> Result<Option<Selection>, Error> {
        let debts = self.workspace.debts(self.fleet.name, slot).await?;
        if let Some(slot) = slot.filter(|_| debts.is_empty()) {
            self.refuse_unheard_slot(slot).await?;
        }
        let owing: HashSet<&HostId> = debts.iter().map(|debt| &debt.host).collect();
        let everybody = self.fleet.everybody();
        let gone: Vec<HostId> =
            debts.iter().map(|debt| &debt.host).filter(|host| !everybody.contains(host)).cloned().collect();
        if !gone.is_empty() {
            let text = format!(
                "{} in debt is no host of {} any more: nothing is brought there, and the next rollout of all its hosts forgets it",
                fold(&gone),
                self.fleet.name
            );
            self.workspace.notify(Notice::warning(text));
        }
        let mut chosen = self.workspace.select(everybody, selection).await?;
        chosen.retain(|host| owing.contains(host));
        if chosen.is_empty() {
            return Ok(None);
        }
        if !is_named {
            self.refuse_stopped(slot)?;
        }
        Ok(Some(Selection { limit: Some(fold(&chosen)), exclude: None, masters_alone: true }))
    }

    /// Refuses a slot into which nothing ever went: nobody can be in debt there, and a timer would never say so.
    async fn refuse_unheard_slot(&self, slot: &Slot) -> Result<(), Error> {
        let environment = self.fleet.name;
        let is_of_it = |entry: &Entry| entry.slot.as_ref() == Some(slot);
        if self.workspace.ended(environment)?.iter().any(is_of_it)
            || self.workspace.recorded_if_known(environment).await.contains_key(&Some(slot.clone()))
        {
            return Ok(());
        }
        Err(Error::usage(format!("no rollout of {environment} went into a slot {slot}; nothing was changed"))
            .hint("coalmine slot list names the slots that hosts have"))
    }

    /// Refuses to go on by itself behind a rollout of the same link that somebody, or a budget, stopped and left as it stands.
    fn refuse_stopped(&self, slot: Option<&Slot>) -> Result<(), Error> {
        let ended = self.workspace.ended(self.fleet.name)?;
        let switching = |entry: &&Entry| !matches!(entry.ended, Some((Outcome::Locked, _)) | None);
        let of_it = |entry: &&Entry| entry.kind != PlanKind::Prime && entry.slot.as_ref() == slot;
        let last = ended.iter().rev().filter(switching).find(of_it);
        match last.filter(|entry| matches!(entry.ended, Some((Outcome::Stopped, _)))) {
            None => Ok(()),
            Some(entry) => {
                let text = format!("{} was stopped, and its hosts are left as they stand", entry.rollout);
                Err(Error::before(format!("{text}; nothing was changed")).hint(format!(
                    "name what they are to get: coalmine install-world {} --debt{}",
                    named(&entry.version),
                    beside(entry.slot.as_ref())
                )))
            }
        }
    }
}
