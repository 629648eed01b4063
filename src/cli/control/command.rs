use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::choose::one_that_runs;
use crate::cli::args::{duration, host, reason, rollout};
use crate::cli::interrupt::runtime;
use crate::cli::output::print;
use crate::cli::{Globals, completion};
use crate::conductor::{self, ClientError};
use crate::deploy::{Error, operator};
use crate::journal::Rollouts;
use crate::model::{Command, HostId, RolloutId};

/// Says which rollout is meant.
#[derive(Debug, Default, Clone, Args)]
pub(in crate::cli) struct RolloutArgs {
    /// Which rollout; the one that runs without it.
    #[arg(value_name = "ID", value_parser = rollout, add = ArgValueCompleter::new(completion::running))]
    pub rollout: Option<RolloutId>,
}

/// What `retry` takes.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct RetryArgs {
    /// Which rollout.
    #[command(flatten)]
    pub which: RolloutArgs,

    /// Only this host; all that failed without it.
    #[arg(long, value_name = "HOST", value_parser = host, add = ArgValueCompleter::new(completion::one_host))]
    pub host: Option<HostId>,
}

/// What `skip` takes.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct HostArgs {
    /// Which rollout.
    #[command(flatten)]
    pub which: RolloutArgs,

    /// Which host.
    #[arg(long, value_name = "HOST", value_parser = host, add = ArgValueCompleter::new(completion::one_host))]
    pub host: HostId,
}

/// Says why, of whoever decides otherwise than the plan has it.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct DecideArgs {
    /// Which rollout.
    #[command(flatten)]
    pub which: RolloutArgs,

    /// Why; it is journaled, and announced.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
}

/// What `soak` takes.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct SoakArgs {
    /// Which rollout, and why.
    #[command(flatten)]
    pub decide: DecideArgs,

    /// How long the soak goes on from now: `10m`, `2h`; `0s` ends it.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub left: Duration,
}

/// Gives a command to a rollout that runs.
pub(in crate::cli) fn give(globals: &Globals, named: Option<&RolloutId>, command: Command) -> Result<u8, Error> {
    let rollouts = globals.rollouts()?;
    let rollout = one_that_runs(globals, &rollouts, named)?;
    print(&send(&rollouts, &rollout, command)?)?;
    Ok(0)
}

/// Gives a command to this rollout, and says that it was accepted.
pub(in crate::cli) fn send(rollouts: &Rollouts, rollout: &RolloutId, command: Command) -> Result<String, Error> {
    let word = command.word();
    let sent = runtime()?.block_on(conductor::command(rollouts, rollout, command, operator()));
    match sent {
        Ok(()) => Ok(format!("{word}: accepted by rollout {rollout}")),
        Err(ClientError::Rejected(why)) => Err(Error::before(format!("rollout {rollout} refuses `{word}`: {why}"))),
        Err(error) => Err(unreachable(error)),
    }
}

/// Says why a conductor could not be talked with, and what to do.
pub(super) fn unreachable(error: ClientError) -> Error {
    let failed = Error::before(&error);
    match error {
        ClientError::Journal(error) => error.into(),
        ClientError::Unreachable { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            failed.hint("control.group names the group whose members may control rollouts of others")
        }
        ClientError::Unreachable { rollout, .. } => failed.hint(format!(
            "its process is named by `coalmine status`: `kill PID` stops it without its socket, and `coalmine resume {rollout}` goes on with it"
        )),
        ClientError::NotRunning(rollout) => {
            failed.hint(format!("`coalmine show {rollout}` tells how it ended, or that it waits to be resumed"))
        }
        ClientError::Silent { rollout, .. } => failed
            .hint(format!("`coalmine show {rollout}` reads its journal; conductor.log beside it may say more"))
            .hint(format!(
                "where it hangs: `coalmine status` names its process, `kill -9 PID` ends it, and `coalmine resume {rollout}` goes on with it"
            )),
        _ => failed,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::unreachable;
    use crate::conductor::ClientError;
    use crate::model::RolloutId;

    #[test]
    fn who_gets_no_answer_is_told_how_to_go_on_without_it() {
        let rollout = RolloutId::new("r1").unwrap();
        let told = unreachable(ClientError::Silent { rollout, within: Duration::from_secs(10) }).to_string();
        assert!(told.contains("did not answer within 10 s"), "{told}");
        assert!(told.contains("`kill -9 PID`") && told.contains("`coalmine resume r1`"), "{told}");
    }
}
