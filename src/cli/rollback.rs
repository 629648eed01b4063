use std::collections::BTreeMap;

use super::args::RollbackArgs;
use super::context::{Context, Fleet};
use super::error::Failed;
use super::install::{Ready, confirm, go_ahead, heed_others, nothing_to_do, refuse_to_ask_nobody};
use super::plan::show;
use super::planned::{Answers, Wishes, ask, draft};
use super::release::{failed, make_wanted, store};
use super::rollout::Prepared;
use super::{Cli, args, mapping};
use crate::host::Survey;
use crate::model::ReleaseId;
use crate::plan::PlanKind;
use crate::release::{Mark, Store, StoredRelease, Wanted};

pub(super) fn run(cli: &Cli, context: &Context, args: &RollbackArgs) -> Result<u8, Failed> {
    if !args.dry_run {
        refuse_to_ask_nobody(&args.running)?;
    }
    go_ahead(cli, context, &args.running, prepare(cli, context, args))
}

async fn prepare(cli: &Cli, context: &Context, args: &RollbackArgs) -> Result<Ready, Failed> {
    let fleet = context.fleet()?;
    if !args.dry_run {
        heed_others(context, &fleet, &args.running)?;
    }
    let store = store(context)?;
    let hosts = mapping::real_fleet(context.config(), &store, false)?;
    let answers = ask(context, &fleet, &hosts, &args.selection, args.slot.as_ref(), &Survey::Deep).await?;
    let release = match &args.to {
        Some(version) => match store.find(version).map_err(failed)? {
            Some(release) => std::sync::Arc::new(release),
            None => make_wanted(context, Wanted::Tag(version.to_string()), false, false).await?,
        },
        None => std::sync::Arc::new(last_good(context, &fleet, &store, &answers).await?),
    };
    let wishes = Wishes {
        slot: args.slot.clone(),
        skip_unreachable: args.skip_unreachable,
        promote_all: true,
        concurrency: args.running.concurrency,
        reason: args.running.reason.clone(),
        ..Wishes::default()
    };
    let plan = draft(context, &fleet, answers, PlanKind::Rollback, &release, wishes)?;
    if args.dry_run {
        show(cli, &plan, args::TableFormat::Text)?;
        return Ok(Ready::Exit(crate::report::plan_exit_code(&plan)));
    }
    if let Some(code) = nothing_to_do(&plan, args.running.output)? {
        return Ok(Ready::Exit(code));
    }
    confirm(cli, &plan, &args.running).await?;
    Ok(Ready::Start(Box::new(plan), Prepared { release, fleet: hosts }))
}

/// Finds the release to go back to, and has it in the store.
async fn last_good(
    context: &Context,
    fleet: &Fleet<'_>,
    store: &Store,
    answers: &Answers,
) -> Result<StoredRelease, Failed> {
    let nowhere = || {
        Failed::before("no release is known to be good besides what the hosts run; nothing was changed")
            .hint("name the one to go back to: coalmine rollback --to VERSION")
    };
    let target = match by_marks(fleet, store, answers)? {
        Some(target) => target,
        None => by_hosts(store, answers)?.ok_or_else(nowhere)?,
    };
    if let Some(release) = store.get(&target).map_err(failed)? {
        return Ok(release);
    }
    let built = make_wanted(context, Wanted::Tag(target.version().to_string()), true, false).await;
    // What a host ran before its first release is kept there, and no commit makes it again.
    let built = built.map_err(|failed| Failed {
        message: format!("{target} was good before on most hosts, and cannot be built again: {}", failed.message),
        hint: Some("name the one to go back to: coalmine rollback --to VERSION".to_owned()),
        ..failed
    })?;
    if built.id != target {
        return Err(Failed::before(format!("{target} was good, and building it again gives {}", built.id))
            .hint(format!("to take that all the same: coalmine rollback --to {}", target.version())));
    }
    Ok(std::sync::Arc::unwrap_or_clone(built))
}

/// Finds it in what earlier rollouts of this deploy server found out.
fn by_marks(fleet: &Fleet<'_>, store: &Store, answers: &Answers) -> Result<Option<ReleaseId>, Failed> {
    let Some(last) = store.last_good(fleet.name, None).map_err(failed)? else {
        return Ok(None);
    };
    let finalized: Vec<ReleaseId> = store
        .marks()
        .map_err(failed)?
        .into_iter()
        .filter(|mark| mark.environment == *fleet.name && matches!(mark.verdict, Mark::Good))
        .map(|mark| mark.release)
        .collect();
    let running = answers.probes().filter_map(|probe| probe.installed.release());
    // What a rollout left half-way was never good: that is what is to be left. Where all of it was, the last one is.
    let is_half_way = running.into_iter().any(|release| *release != last && !finalized.contains(release));
    if is_half_way {
        return Ok(Some(last));
    }
    store.last_good(fleet.name, Some(&last)).map_err(failed)
}

/// Finds it in what most hosts say was good, where this deploy server was never told.
///
/// What was rolled back from since is not good any more, whatever a host remembers: two rollbacks lead back, not in a circle.
fn by_hosts(store: &Store, answers: &Answers) -> Result<Option<ReleaseId>, Failed> {
    let marks = store.marks().map_err(failed)?;
    let is_bad = |release: &ReleaseId| {
        let last = marks.iter().rev().find(|mark| mark.release == *release);
        last.is_some_and(|mark| matches!(mark.verdict, Mark::Bad { .. }))
    };
    let mut votes: BTreeMap<&ReleaseId, usize> = BTreeMap::new();
    for probe in answers.probes() {
        let running = probe.installed.release();
        let known = probe.good.iter().chain(&probe.previous);
        if let Some(good) = known.into_iter().find(|good| Some(*good) != running && !is_bad(good)) {
            *votes.entry(good).or_default() += 1;
        }
    }
    Ok(votes.into_iter().max_by_key(|(_, votes)| *votes).map(|(release, _)| release.clone()))
}
