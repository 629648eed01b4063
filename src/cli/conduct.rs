use std::ffi::OsString;

use super::Cli;
use super::args::StreamFormat;
use super::context::Context;
use super::error::Failed;
use super::main::runtime;
use super::rollout::{Run, conductor_failed, holder};
use crate::conductor::{EnvironmentLock, Launch, Readiness, Start, StartError, replay};
use crate::journal::Rollouts;
use crate::model::RolloutId;

/// Conducts a rollout in a process that was started for it, away from any terminal.
pub(super) fn run(cli: &Cli, rollout: &RolloutId) -> Result<u8, Failed> {
    let readiness =
        Readiness::take().map_err(|error| Failed::before(format!("the terminal cannot be left: {error}")))?;
    let mut readiness = Some(readiness);
    let ended = conduct(cli, rollout, || {
        if let Some(readiness) = readiness.take() {
            readiness.ready();
        }
    });
    if let (Some(readiness), Err(failed)) = (readiness, &ended) {
        readiness.failed(failed.code, &failed.message, failed.hint.as_deref());
    }
    ended
}

fn conduct(cli: &Cli, rollout: &RolloutId, ready: impl FnOnce()) -> Result<u8, Failed> {
    let context = Context::load(cli)?;
    let run = Run { cli, context: &context, output: StreamFormat::Text, lock_wait: None };
    let state = replay(&run.rollouts(), rollout).map_err(conductor_failed)?;
    let plan = state.plan().ok_or_else(|| Failed::before(format!("the journal of {rollout} has no plan")))?;
    let mine = holder(Some(rollout), plan.reason.as_deref());
    let lock = EnvironmentLock::inherited(&context.state_dir, &plan.environment, &mine).map_err(conductor_failed)?;
    runtime()?.block_on(async {
        let lock = match lock {
            Some(lock) => lock,
            None => run.lock(&plan.environment, Some(rollout), plan.reason.as_deref()).await?,
        };
        run.conduct_quietly(rollout, lock, ready).await
    })
}

/// Starts a process of its own that conducts a rollout, and waits until that can be reached.
pub(super) async fn start(run: &Run<'_>, rollout: &RolloutId, lock: EnvironmentLock) -> Result<(), Failed> {
    start_in(run.cli, &run.rollouts(), rollout, lock, false).await
}

/// As [`start`]; `unattended` is where nobody is there whose own variables would be better than those of the first start.
pub(super) async fn start_in(
    cli: &Cli,
    rollouts: &Rollouts,
    rollout: &RolloutId,
    lock: EnvironmentLock,
    unattended: bool,
) -> Result<(), Failed> {
    let folder = rollouts.folder(rollout);
    let launch = Launch::load(&folder).map_err(conductor_failed)?;
    let command = command(cli, rollouts, rollout, &launch)?;
    let start = Start { command: &command, folder: &folder, launch: &launch, unattended };
    start.run(lock).await.map(drop).map_err(|error| match error {
        StartError::Refused { code, message, hint } => Failed { code, message, hint },
        StartError::Conductor(error) => conductor_failed(error),
        error @ StartError::Silent { .. } => Failed::before(error),
    })
}

/// Writes the command line of a conductor: this program with what the rollout was started with.
fn command(cli: &Cli, rollouts: &Rollouts, rollout: &RolloutId, launch: &Launch) -> Result<Vec<OsString>, Failed> {
    let program = std::env::current_exe()
        .map_err(|error| Failed::before(format!("this program's own file cannot be found: {error}")))?;
    let mut command: Vec<OsString> = vec![program.into()];
    if let Some(config) = &launch.config {
        command.extend(["--config".into(), config.into()]);
    }
    command.extend(["--environment".into(), launch.environment.as_str().into()]);
    if let Some(state_dir) = rollouts.root().parent() {
        command.extend(["--state-dir".into(), state_dir.into()]);
    }
    // A log without what was done would be of little help.
    let verbose = launch.verbose.max(cli.verbose).max(1);
    command.push(format!("-{}", "v".repeat(usize::from(verbose))).into());
    command.extend(["conduct".into(), rollout.as_str().into()]);
    Ok(command)
}
