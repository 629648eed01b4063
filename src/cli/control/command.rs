use super::choose::{history, one_that_runs};
use crate::cli::Cli;
use crate::cli::args::RollbackArgs;
use crate::cli::main::runtime;
use crate::cli::output::print;
use crate::conductor::{self, ClientError, running};
use crate::deploy::{Error, operator};
use crate::journal::Rollouts;
use crate::model::{Command, RolloutId};

/// Gives a command to a rollout that runs.
pub(in crate::cli) fn give(cli: &Cli, named: Option<&RolloutId>, command: Command) -> Result<u8, Error> {
    let rollouts = history(cli)?;
    let rollout = one_that_runs(cli, &rollouts, named)?;
    send(&rollouts, &rollout, command)
}

/// Rolls the rollout back that runs; none when none does, and a rollout back is to be planned instead.
pub(in crate::cli) fn roll_back_what_runs(cli: &Cli, args: &RollbackArgs) -> Result<Option<u8>, Error> {
    let rollouts = history(cli)?;
    if args.rollout.is_none() && (args.dry_run || running(&rollouts, cli.environment.as_ref())?.is_empty()) {
        return Ok(None);
    }
    let rollout = one_that_runs(cli, &rollouts, args.rollout.as_ref())?;
    if args.to.is_some() || args.selection.limit.is_some() || args.selection.exclude.is_some() || args.slot.is_some() {
        return Err(Error::usage(format!("rollout {rollout} runs, and goes back as a whole to what was there before"))
            .hint(format!(
                "`coalmine rollback {rollout}` does that; --to, --limit, --exclude and --slot are for when nothing runs"
            )));
    }
    send(&rollouts, &rollout, Command::Rollback).map(Some)
}

fn send(rollouts: &Rollouts, rollout: &RolloutId, command: Command) -> Result<u8, Error> {
    let word = command.word();
    let sent = runtime()?.block_on(conductor::command(rollouts, rollout, command, operator()));
    match sent {
        Ok(()) => {
            print(&format!("{word}: accepted by rollout {rollout}"))?;
            Ok(0)
        }
        Err(ClientError::Rejected(why)) => Err(Error::before(format!("rollout {rollout} refuses `{word}`: {why}"))),
        Err(error) => Err(unreachable(error)),
    }
}

/// Says why a conductor could not be talked with, and what to do.
pub(super) fn unreachable(error: ClientError) -> Error {
    let failed = Error::before(&error);
    match error {
        ClientError::Unreachable { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            failed.hint("control.group names the group whose members may control rollouts of others")
        }
        ClientError::NotRunning(rollout) => {
            failed.hint(format!("`coalmine show {rollout}` tells how it ended, or that it waits to be resumed"))
        }
        ClientError::Silent { .. } => {
            failed.hint("`coalmine show` reads its journal; conductor.log beside it may say more")
        }
        _ => failed,
    }
}
