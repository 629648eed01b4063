use super::args::RollbackArgs;
use super::begin::{go_ahead, refuse_to_ask_nobody};
use super::{Cli, workspace};
use crate::deploy::{ADOPTED, Deployment, Error, Goal, Options};
use crate::plan::BackTo;

pub(super) fn run(cli: &Cli, args: &RollbackArgs) -> Result<u8, Error> {
    if !args.dry_run {
        refuse_to_ask_nobody(&args.running)?;
    }
    let mut workspace = workspace(cli)?;
    workspace.lock_wait = args.running.wait_lock;
    let prepare = async {
        let fleet = workspace.fleet().await?;
        Deployment::over_ssh(&workspace, fleet, false)?.prepare(goal(args), options(args)).await
    };
    go_ahead(cli, &workspace, &args.running, args.dry_run, prepare)
}

fn goal(args: &RollbackArgs) -> Goal {
    let to = match &args.to {
        None => BackTo::Last,
        Some(version) if version.as_str() == ADOPTED => BackTo::Adopted,
        Some(version) => BackTo::Version(version.clone()),
    };
    Goal::Rollback { to, each: args.each }
}

fn options(args: &RollbackArgs) -> Options {
    Options {
        selection: args.selection.clone().into(),
        slot: args.slot.clone(),
        skip_unreachable: args.skip_unreachable,
        promote_all: true,
        concurrency: args.running.concurrency,
        reason: args.running.reason.clone(),
        dry_run: args.dry_run,
        is_asked: !args.running.yes,
        ..Options::default()
    }
}
