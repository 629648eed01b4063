//! What the console shows of an environment beside its hosts, told whenever it changes; and its history.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Backend, output};
use crate::conductor::{overtaker, running_among, seen_frozen, waiting_among};
use crate::deploy::{Debts, Error, LiveRollout, OutOfService, ended_among};
use crate::journal::{Entry, Listing};
use crate::model::{Environment, RolloutId, Version};
use crate::plan::PlanKind;
use crate::rollout::{Debt, Event, Outcome, Record};
use crate::tui::messages::{EnvironmentFacts, Groups, HistoryRow, LockFacts, Message};

/// How often it is looked whether something changed.
const AGAIN: Duration = Duration::from_secs(2);
/// How often it is looked whether another deploy server wrote something down.
const RECORDS_AGAIN: Duration = Duration::from_secs(60);
/// How many rollouts the history goes back.
const HISTORY: usize = 200;

pub(super) async fn keep_sending(backend: Arc<Backend>) {
    let mut told: Option<EnvironmentFacts> = None;
    loop {
        if backend.memory().release.is_none()
            && let Ok(fleet) = backend.workspace.fleet().await
            && let Ok(found) = backend.workspace.wanted_release(&fleet.wanted(None, None), true).await
        {
            backend.memory().release = Some((found.version, found.digest));
        }
        let release = backend.memory().release.clone();
        match find(&backend).await {
            Ok(facts) => {
                let facts = EnvironmentFacts { release, ..facts };
                if told.as_ref() != Some(&facts) {
                    told = Some(facts.clone());
                    backend.send(Message::Environment(facts)).await;
                }
            }
            Err(failed) => backend.send(Message::Notice(output::own(&failed))).await,
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Tells the groups by which hosts can be chosen, also to who only attached and has no survey.
pub(super) async fn groups(backend: Arc<Backend>) {
    let workspace = &backend.workspace;
    // Where one cannot be read, who is in none is not known; the survey says so.
    let (Ok(_), Ok(fleet)) = (workspace.grouped().await, workspace.fleet().await) else {
        return;
    };
    let mut groups = Groups::new();
    for host in &fleet.hosts {
        for group in workspace.groups_of(host) {
            groups.entry(group.into()).or_default().push(host.clone());
        }
    }
    backend.send(Message::Groups(groups)).await;
}

async fn find(backend: &Arc<Backend>) -> Result<EnvironmentFacts, Error> {
    let backend = Arc::clone(backend);
    let found = tokio::task::spawn_blocking(move || {
        let (environment, policy) = backend.workspace.policy()?;
        let rollouts = backend.rollouts();
        let state = &backend.workspace.state_dir;
        // Listed once for all that is told: each of the journals is opened for that.
        let listing = rollouts.list()?;
        let runs = running_among(&listing.entries, Some(environment));
        let waits = waiting_among(&rollouts, &listing.entries, Some(environment))?.resumable;
        let frozen = seen_frozen(state, environment);
        let held = backend.workspace.seen_holder(environment);
        let lock = frozen
            .map(|freeze| LockFacts {
                owner: freeze.owner,
                since: freeze.since,
                reason: freeze.reason,
                is_freeze: true,
            })
            .or_else(|| {
                held.map(|held| LockFacts {
                    owner: held.owner,
                    since: held.since,
                    reason: held.reason,
                    is_freeze: false,
                })
            });
        Ok(EnvironmentFacts {
            debt: debts(&backend, &listing.entries, environment),
            out_of_service: out_of_service(&backend, listing, environment).into(),
            name: environment.clone(),
            channel: policy.channel.to_string(),
            release: None,
            lock,
            rollouts: runs
                .into_iter()
                .map(|entry| LiveRollout::of(entry, true))
                .chain(waits.into_iter().map(|entry| LiveRollout::of(entry, false)))
                .collect(),
        })
    });
    found.await.map_err(|error| Error::before(error.to_string()))?
}

/// Reads now and then what other deploy servers wrote down; what goes wrong with that is told once.
pub(super) async fn keep_records(backend: Arc<Backend>) {
    let mut told = Vec::new();
    let workspace = &backend.workspace;
    // Where it is not clear which environment is meant, nothing is shown at all.
    let Ok((environment, _)) = workspace.policy() else { return };
    loop {
        let (mut records, texts) = workspace.glance(&[environment]).await;
        backend.memory().records = records.remove(environment).unwrap_or_default();
        for text in texts.iter().filter(|text| !told.contains(*text)) {
            tracing::warn!("{text}");
        }
        told = texts;
        tokio::time::sleep(RECORDS_AGAIN).await;
    }
}

/// Names the hosts in debt; the journals are read again only when one more rollout is over, or something else is on record.
fn debts(backend: &Backend, listed: &[Entry], environment: &Environment) -> Vec<Debt> {
    let ended = ended_among(listed, environment);
    let records = backend.memory().records.clone();
    let by = (ended.len(), ended.last().map(|last| last.rollout.clone()), records);
    let named = |debts: &Debts| debts.of(None).cloned().collect();
    if let Some((_, known)) = backend.memory().debts.as_ref().filter(|(known, _)| *known == by) {
        return named(known);
    }
    let pass_over = |rollout: &RolloutId, why| tracing::warn!("{rollout} says nothing of debt: {why}");
    let debts = Debts::read(&backend.rollouts(), &ended, &by.2, pass_over);
    let owed = named(&debts);
    backend.memory().debts = Some((by, debts));
    owed
}

/// Names the hosts that are out of service; what tells it is read again only when it may have changed.
fn out_of_service(backend: &Backend, listing: Listing, environment: &Environment) -> Vec<OutOfService> {
    let mark = backend.workspace.service_mark(&listing.entries, environment);
    if let Some((_, known)) = backend.memory().service.as_ref().filter(|(known, _)| *known == mark) {
        return known.clone();
    }
    // The lock, the rollouts and the debt are worth showing without it. Told once for each state of it.
    let out = backend.workspace.out_of_service_by(listing, environment).unwrap_or_else(|error| {
        tracing::warn!("whether hosts are out of service is not known: {error}");
        Vec::new()
    });
    backend.memory().service = Some((mark, out.clone()));
    out
}

pub(super) async fn history(backend: Arc<Backend>) {
    let reader = Arc::clone(&backend);
    // Without the tags, the history is the same but for the time since them.
    let tagged = match backend.workspace.tags().await {
        Ok(tags) => tags.into_iter().map(|tag| (tag.version, tag.at)).collect(),
        Err(failed) => {
            tracing::warn!("the history has no times of tags: {failed}");
            HashMap::new()
        }
    };
    let rows = tokio::task::spawn_blocking(move || read(&reader, &tagged)).await;
    let rows = match rows {
        Ok(rows) => rows.map_err(|failed| output::own(&failed)),
        Err(error) => Err(error.to_string()),
    };
    backend.send(Message::History(rows)).await;
}

fn read(backend: &Backend, tagged: &HashMap<Version, Timestamp>) -> Result<Vec<HistoryRow>, Error> {
    let (environment, _) = backend.workspace.policy()?;
    let rollouts = backend.rollouts();
    let listing = rollouts.list()?;
    for (_, error) in &listing.unreadable {
        tracing::warn!("{error}");
    }
    let entries = listing.entries.iter().rev().filter(|entry| entry.environment == *environment).take(HISTORY);
    let overtaken = |entry: &Entry| {
        let by =
            entry.is_resumable().then(|| overtaker(&rollouts, &listing.entries, entry).ok().flatten()).flatten()?;
        Some(by.rollout.clone())
    };
    let rows = entries.map(|entry| HistoryRow { overtaken: overtaken(entry), ..row(backend, entry.clone(), tagged) });
    Ok(rows.collect())
}

fn row(backend: &Backend, entry: Entry, tagged: &HashMap<Version, Timestamp>) -> HistoryRow {
    let records: Vec<Record> = backend
        .rollouts()
        .read(&entry.rollout)
        .map(|records| records.map_while(Result::ok).collect())
        .unwrap_or_default();
    let mut hosts = 0;
    let mut debt = 0;
    let mut arrived = None;
    for record in &records {
        match &record.event {
            Event::RolloutPlanned { plan, .. } => hosts = plan.targets(),
            Event::RolloutFinished { debt: owed, outcome, .. } => {
                debt = owed.len();
                arrived = (*outcome == Outcome::Completed).then_some(record.at);
            }
            _ => {}
        }
    }
    // Only what brought a version forward, to wherever it was to go, says how long that took.
    let tag = tagged.get(&entry.version).filter(|_| entry.kind == PlanKind::Install);
    let lead = arrived.zip(tag).and_then(|(arrived, tag)| arrived.duration_since(*tag).try_into().ok());
    let took = entry.latest.duration_since(entry.started).try_into().ok();
    HistoryRow {
        rollout: entry.rollout,
        kind: entry.kind,
        version: entry.version,
        slot: entry.slot,
        emergency: entry.emergency,
        operator: entry.operator,
        reason: entry.reason,
        started: entry.started,
        took: took.filter(|_| entry.ended.is_some()),
        lead,
        outcome: entry.ended.map(|(outcome, _)| outcome),
        overtaken: None,
        hosts,
        debt,
    }
}
