//! Versions to choose from, plans of them, and starting what was confirmed.

use std::sync::Arc;
use std::time::Duration;

use super::super::args::Selection;
use super::super::conduct;
use super::super::error::Failed;
use super::super::planned::{Wishes, ask, check_reachable, draft};
use super::super::release::{Known, known, make_wanted};
use super::Backend;
use crate::host::Survey;
use crate::model::RolloutId;
use crate::plan::{Plan, PlanKind};
use crate::release::{Mark, Wanted};
use crate::tui::edge::{Message, PlanWanted, Standing, Ticket, VersionRow};

pub(super) async fn versions(backend: Arc<Backend>) {
    let rows = list(&backend).await.map_err(|failed| failed.to_string());
    backend.tell(Message::Versions(rows)).await;
}

async fn list(backend: &Backend) -> Result<Vec<VersionRow>, Failed> {
    let known = known(&backend.context, &backend.store).await?;
    let counts = backend.memory().versions.clone();
    let rows = known.into_iter().map(|Known { tag, built, mark }| VersionRow {
        at: Some(tag.at),
        built: built.is_some(),
        standing: match mark {
            None => Standing::Untried,
            Some(Mark::Good) => Standing::Good,
            Some(Mark::Bad { reason }) => Standing::Bad(reason),
        },
        hosts: counts.get(&tag.version).copied().unwrap_or(0),
        version: tag.version,
    });
    Ok(rows.collect())
}

pub(super) async fn plan(backend: Arc<Backend>, ticket: Ticket, wanted: PlanWanted) {
    let plan = make(&backend, ticket, wanted).await.map(Arc::new).map_err(|failed| failed.to_string());
    backend.tell(Message::Plan { ticket, plan }).await;
}

async fn make(backend: &Backend, ticket: Ticket, wanted: PlanWanted) -> Result<Plan, Failed> {
    let context = &backend.context;
    let fleet = context.fleet()?;
    let step = |what: String| backend.tell(Message::PlanStep { ticket, what });
    let built = backend.store.find(&wanted.version).map_err(super::super::release::failed)?.is_some();
    let making = if built { "checking what was built of" } else { "building" };
    step(format!("{making} {}", wanted.version)).await;
    let release = make_wanted(context, Wanted::Tag(wanted.version.to_string()), true, false).await?;
    let selection = Selection { limit: wanted.limit.map(|limit| limit.expression), exclude: None };
    step("asking hosts what they run".to_owned()).await;
    let answers = ask(context, &fleet, &backend.hosts, &selection, None, &Survey::For(release.id.clone())).await?;
    let kind = if wanted.prime { PlanKind::Prime } else { PlanKind::Install };
    let wishes = Wishes {
        soak: wanted.no_soak.then_some(Duration::ZERO),
        on_failure: Some(wanted.on_failure),
        skip_unreachable: wanted.skip_unreachable,
        ..Wishes::default()
    };
    let failures = answers.failures();
    let plan = draft(context, &fleet, answers, kind, &release, wishes)?;
    check_reachable(&plan, &failures)?;
    backend.memory().releases.insert(release.id.clone(), release);
    Ok(plan)
}

pub(super) async fn start(backend: Arc<Backend>, ticket: Ticket, plan: Arc<Plan>) {
    let rollout = plan.rollout.clone();
    let started = begin(&backend, &plan).await;
    let is_started = started.is_ok();
    backend.reply(ticket, started.map_err(|failed| failed.to_string())).await;
    if is_started {
        super::watch::follow(backend, rollout).await;
    }
}

async fn begin(backend: &Backend, plan: &Plan) -> Result<(), Failed> {
    if backend.read_only {
        return Err(Failed::usage("this console may only watch"));
    }
    let release = backend.memory().releases.get(&plan.release).cloned();
    let release = release.ok_or_else(|| Failed::before("the plan is not this console's: make it again"))?;
    let run = backend.run();
    let lock = run.lock(&plan.environment, Some(&plan.rollout), plan.reason.as_deref()).await?;
    let rollout = run.begin(plan.clone(), &release)?;
    conduct::start(&run, &rollout, lock).await
}

pub(super) async fn resume(backend: Arc<Backend>, ticket: Ticket, rollout: RolloutId) {
    let resumed = go_on(&backend, &rollout).await;
    let is_resumed = resumed.is_ok();
    backend.reply(ticket, resumed.map_err(|failed| failed.to_string())).await;
    if is_resumed {
        super::watch::follow(backend, rollout).await;
    }
}

async fn go_on(backend: &Backend, rollout: &RolloutId) -> Result<(), Failed> {
    if backend.read_only {
        return Err(Failed::usage("this console may only watch"));
    }
    let (environment, _) = backend.context.policy()?;
    let run = backend.run();
    let lock = run.lock(environment, Some(rollout), None).await?;
    conduct::start(&run, rollout, lock).await
}
