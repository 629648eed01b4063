//! Versions to choose from, plans of them, and starting what was confirmed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Backend, output};
use crate::cli::plan::changed;
use crate::config::Channel;
use crate::deploy::{Error, Goal, Known, Notice, Offer, Options, Prepared, Selection, back_to, may_resume};
use crate::host::RealFleet;
use crate::model::{RolloutId, Version};
use crate::plan::{BackTo, Plan};
use crate::release::{Mark, Wanted};
use crate::report::{Look, changes_text};
use crate::tui::messages::{Message, PlanGoal, PlanWanted, Standing, Ticket, VersionRow};

pub(super) async fn versions(backend: Arc<Backend>) {
    let rows = list(&backend).await.map_err(|failed| output::own(&failed));
    backend.send(Message::Versions(rows)).await;
}

async fn list(backend: &Backend) -> Result<Vec<VersionRow>, Error> {
    let known = backend.workspace.known(&backend.workspace.store()?).await?;
    let counts = backend.memory().versions.clone();
    let rows = known.into_iter().map(|Known { tag, built, mark }| VersionRow {
        commit: Some(tag.commit),
        author: tag.author,
        at: Some(tag.at),
        built: built.is_some(),
        standing: standing(mark),
        hosts: counts.get(&tag.version).copied().unwrap_or(0),
        version: tag.version,
        head_of: None,
    });
    let tags: Vec<VersionRow> = rows.collect();
    let mut rows = heads(backend, &counts).await?;
    rows.extend(tags.into_iter().filter(|tag| !rows.iter().any(|row| row.version == tag.version)).collect::<Vec<_>>());
    Ok(rows)
}

/// Lists what an environment that follows a branch can be given beside tags; the head of its own comes first.
async fn heads(backend: &Backend, counts: &HashMap<Version, usize>) -> Result<Vec<VersionRow>, Error> {
    let workspace = &backend.workspace;
    let fleet = workspace.fleet().await?;
    if fleet.policy.channel == Channel::Tags {
        return Ok(Vec::new());
    }
    let store = workspace.store()?;
    let offers = workspace.offers(&fleet, counts, None).await?;
    let row = |offer: Offer| {
        Ok::<_, Error>(VersionRow {
            commit: match &offer.wanted {
                Wanted::Revision(commit) => commit.parse().ok(),
                Wanted::Latest(_) | Wanted::Tag(_) => None,
            },
            author: String::new(),
            at: offer.at,
            built: store.find(&offer.version)?.is_some(),
            standing: standing(offer.mark),
            hosts: offer.hosts,
            version: offer.version,
            head_of: offer.head_of,
        })
    };
    offers.into_iter().map(row).collect()
}

fn standing(mark: Option<Mark>) -> Standing {
    match mark {
        None | Some(Mark::Unmarked) => Standing::Untried,
        Some(Mark::Good) => Standing::Good,
        Some(Mark::Bad { reason }) => Standing::Bad(reason),
    }
}

pub(super) async fn plan(backend: Arc<Backend>, ticket: Ticket, wanted: PlanWanted) {
    let prepared = make(&backend, ticket, wanted).await.map_err(|failed| output::own(&failed));
    let plan = prepared.as_ref().map(|prepared| Arc::new(prepared.plan.clone())).map_err(Clone::clone);
    backend.send(Message::Plan { ticket, plan }).await;
    // The plan can be read while git is still asked for what it changes.
    if let Ok(prepared) = prepared {
        let changes = changed(&backend.workspace, &prepared).await;
        let look = Look { color: false, ..output::look(backend.globals.color) };
        let lines = changes_text(&changes, &prepared.plan.release, look);
        backend.send(Message::Changes { ticket, lines }).await;
    }
}

async fn make(backend: &Backend, ticket: Ticket, wanted: PlanWanted) -> Result<Prepared<RealFleet>, Error> {
    let messages = backend.messages.clone();
    let deployment = backend.deployment().await?.heard_by(Arc::new(move |notice| match notice {
        Notice::Making { .. } | Notice::Surveying { .. } | Notice::Silent { .. } => {
            // A console that is behind shows the next step instead.
            drop(messages.try_send(Message::PlanStep { ticket, what: notice.to_string() }));
        }
        notice => output::hear(&notice),
    }));
    let version = wanted.version.to_string();
    // What describes a commit names it; an environment of tags has no other, and git need not be asked.
    let commit = if backend.workspace.policy()?.1.channel == Channel::Tags
        || backend.workspace.tags().await?.iter().any(|tag| tag.version == wanted.version)
    {
        Wanted::Tag(version)
    } else {
        Wanted::Revision(version)
    };
    let is_debt = wanted.goal == PlanGoal::Debt;
    let goal = match wanted.goal {
        PlanGoal::Install if wanted.prime => Goal::Prime(commit),
        PlanGoal::Install => Goal::Install(commit),
        PlanGoal::Back { to } => Goal::Rollback { to: to.map_or(BackTo::Last, back_to), each: false },
        PlanGoal::Debt | PlanGoal::CatchUp => Goal::CatchUp,
    };
    let mut options = Options {
        selection: Selection { limit: wanted.limit.map(|limit| limit.expression), ..Selection::default() },
        slot: wanted.slot,
        no_fetch: true,
        soak: wanted.no_soak.then_some(Duration::ZERO),
        on_failure: Some(wanted.on_failure),
        skip_unreachable: wanted.skip_unreachable,
        // The plan is shown, with what is known against the release, before anybody starts it.
        is_asked: true,
        ..Options::default()
    };
    if is_debt {
        let Some(selection) = deployment.in_debt(&options.selection, options.slot.as_ref(), false).await? else {
            return Err(Error::before("no host is in debt"));
        };
        options = Options { selection, skip_unreachable: true, ..options };
    }
    let prepared = deployment.prepare(goal, options).await?;
    prepared.check_reachable()?;
    backend.memory().plans.insert(prepared.plan.rollout.clone(), prepared.release.clone());
    Ok(prepared)
}

pub(super) async fn start(backend: Arc<Backend>, ticket: Ticket, plan: Arc<Plan>) {
    let rollout = plan.rollout.clone();
    let started = begin(&backend, &plan).await;
    let is_started = started.is_ok();
    backend.reply(ticket, started).await;
    if is_started {
        super::watch::follow(backend, rollout).await;
    }
}

async fn begin(backend: &Backend, plan: &Plan) -> Result<(), Error> {
    if backend.read_only {
        return Err(Error::usage("this console may only watch"));
    }
    let release = backend.memory().plans.get(&plan.rollout).cloned();
    let release = release.ok_or_else(|| Error::before("the plan is not this console's: make it again"))?;
    let workspace = &backend.workspace;
    let lock = workspace.lock(&plan.environment, &plan.rollout, plan.reason.as_deref()).await?;
    let rollout = workspace.begin(plan.clone(), release.as_deref())?;
    backend.detach(&rollout, lock).await
}

pub(super) async fn resume(backend: Arc<Backend>, ticket: Ticket, rollout: RolloutId) {
    let resumed = go_on(&backend, &rollout).await;
    let is_resumed = resumed.is_ok();
    backend.reply(ticket, resumed).await;
    if is_resumed {
        super::watch::follow(backend, rollout).await;
    }
}

async fn go_on(backend: &Backend, rollout: &RolloutId) -> Result<(), Error> {
    if backend.read_only {
        return Err(Error::usage("this console may only watch"));
    }
    let entry = may_resume(&backend.rollouts(), rollout)?;
    let lock = backend.workspace.lock(&entry.environment, rollout, entry.reason.as_deref()).await?;
    backend.detach(rollout, lock).await
}
