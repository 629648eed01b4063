use std::time::Duration;

use super::args::{InstallArgs, OnFailureChoice};
use super::begin::{go_ahead, opens_console, refuse_to_ask_nobody};
use super::output::is_interactive;
use super::{Cli, workspace};
use crate::deploy::{Deployment, Error, Goal, Options};
use crate::plan::OnFailure;

pub(super) fn run(cli: &Cli, args: &InstallArgs) -> Result<u8, Error> {
    if !args.dry_run {
        refuse_to_ask_nobody(&args.running)?;
    }
    let mut workspace = workspace(cli)?;
    workspace.lock_wait = args.running.wait_lock;
    let prepare = async {
        let fleet = workspace.fleet().await?;
        let wanted = fleet.wanted(args.wanted.version.as_deref(), args.wanted.rev.as_deref());
        let goal = if args.prime { Goal::Prime(wanted) } else { Goal::Install(wanted) };
        Deployment::over_ssh(&workspace, fleet, args.full_verify)?.prepare(goal, options(args)).await
    };
    go_ahead(cli, &workspace, &args.running, args.dry_run, prepare)
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
