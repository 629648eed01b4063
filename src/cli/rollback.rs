use super::args::RollbackArgs;
use super::begin::{go_ahead, refuse_to_ask_nobody};
use super::{Cli, workspace};
use crate::deploy::{Deployment, Error, Goal, Options};

pub(super) fn run(cli: &Cli, args: &RollbackArgs) -> Result<u8, Error> {
    if !args.dry_run {
        refuse_to_ask_nobody(&args.running)?;
    }
    let mut workspace = workspace(cli)?;
    workspace.lock_wait = args.running.wait_lock;
    let prepare = async {
        let fleet = workspace.fleet()?;
        Deployment::over_ssh(&workspace, fleet, false)?.prepare(Goal::Rollback(args.to.clone()), options(args)).await
    };
    go_ahead(cli, &workspace, &args.running, args.dry_run, prepare)
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
        ..Options::default()
    }
}
