use std::sync::Arc;
use std::time::Duration;

use super::args::{InstallArgs, OnFailureChoice};
use super::begin::{go_ahead, opens_console, refuse_to_ask_nobody};
use super::output::is_interactive;
use super::pick::{pick, refuse_to_pick_for_nobody};
use super::{Cli, workspace};
use crate::deploy::{Deployment, Error, Goal, Invocation, Options, Workspace};
use crate::host::RealFleet;
use crate::plan::{LeftOutReason, OnFailure};
use crate::release::Wanted;

pub(super) fn run(cli: &Cli, args: &InstallArgs) -> Result<u8, Error> {
    if !args.dry_run {
        refuse_to_ask_nobody(&args.running)?;
    }
    if args.pick {
        refuse_to_pick_for_nobody()?;
    }
    let mut workspace = workspace(cli)?;
    workspace.lock_wait = args.running.wait_lock;
    let prepare = async {
        let fleet = workspace.fleet().await?;
        let (version, revision) = (args.wanted.version.as_deref(), args.wanted.rev.as_deref());
        let wanted = match args.pick {
            true => pick(&workspace, &fleet, args.wanted.no_fetch).await?,
            false => fleet.wanted(version, revision),
        };
        let is_named = version.is_some() || revision.is_some();
        let deployment = Deployment::over_ssh(&workspace, fleet, args.full_verify)?;
        let mut options = options(args);
        if args.if_newer && !is_newer(cli, &deployment, &wanted, &options).await? {
            return Ok(None);
        }
        let goal = match args {
            InstallArgs { prime: true, .. } => Goal::Prime(wanted),
            InstallArgs { activate_only: true, .. } => Goal::Activate(is_named.then_some(wanted)),
            InstallArgs { debt: true, .. } if !is_named => Goal::CatchUp,
            _ => Goal::Install(wanted),
        };
        if args.debt {
            let Some(selection) = deployment.in_debt(&options.selection, options.slot.as_ref(), is_named).await? else {
                return Ok(None);
            };
            options = Options { selection, skip_unreachable: true, ..options };
        }
        let prepared = deployment.prepare(goal, options).await?;
        // They came by it in another way: nobody has to be told that again every quarter of an hour.
        let is_settled =
            args.debt && prepared.plan.hosts.is_empty() && prepared.plan.left_out_for(LeftOutReason::Unreachable) == 0;
        Ok((!is_settled).then_some(prepared))
    };
    go_ahead(cli, &workspace, &args.running, args.dry_run, prepare)
}

/// Asks without a word whether the version is newer than what hosts run: where it is not, there is nothing to be told.
async fn is_newer(
    cli: &Cli,
    deployment: &Deployment<'_, RealFleet>,
    wanted: &Wanted,
    options: &Options,
) -> Result<bool, Error> {
    let quiet = Workspace::open(&Invocation { listener: Arc::new(|_| {}), ..cli.invocation() })?;
    let asking = Deployment::new(&quiet, quiet.fleet().await?, Arc::clone(&deployment.hosts));
    asking.is_newer(wanted, &options.selection, options.slot.as_ref(), options.no_fetch).await
}

fn options(args: &InstallArgs) -> Options {
    Options {
        selection: args.selection.clone().into(),
        slot: args.slot.clone(),
        no_fetch: args.wanted.no_fetch,
        soak: if args.no_soak { Some(Duration::ZERO) } else { args.soak },
        on_failure: args.on_failure.map(|choice| match choice {
            OnFailureChoice::Pause => OnFailure::Pause,
            OnFailureChoice::Rollback => OnFailure::Rollback,
            OnFailureChoice::Abort => OnFailure::Abort,
        }),
        // Where somebody looks, it is theirs to say what follows.
        is_watched: opens_console(&args.running) || (args.running.detach && is_interactive()),
        skip_unreachable: args.skip_unreachable,
        promote_all: args.promotes_all(),
        concurrency: args.running.concurrency,
        reason: args.running.reason.clone(),
        dry_run: args.dry_run,
        is_asked: !args.running.yes,
        even_bad: args.even_bad,
    }
}
