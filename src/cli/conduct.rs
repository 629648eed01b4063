use clap::Args;

use super::args::rollout as rollout_id;
use super::interrupt::runtime;
use super::{Globals, rollout};
use crate::conductor::Readiness;
use crate::deploy::Error;
use crate::model::RolloutId;

/// What `conduct` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct ConductArgs {
    /// The rollout.
    #[arg(value_name = "ROLLOUT", value_parser = rollout_id)]
    pub rollout: RolloutId,
}

/// Conducts a rollout in a process that was started for it, away from any terminal.
pub(super) fn run(globals: &Globals, args: &ConductArgs) -> Result<u8, Error> {
    let readiness =
        Readiness::take().map_err(|error| Error::before(format!("the terminal cannot be left: {error}")))?;
    let mut readiness = Some(readiness);
    let ended = conduct(globals, &args.rollout, || {
        if let Some(readiness) = readiness.take() {
            readiness.ready();
        }
    });
    if let (Some(readiness), Err(error)) = (readiness, &ended) {
        let hint = (!error.hints().is_empty()).then(|| error.hints().join("\n  "));
        readiness.failed(error.exit().code(), error.message(), hint.as_deref());
    }
    ended
}

fn conduct(globals: &Globals, rollout: &RolloutId, ready: impl FnOnce()) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    runtime()?.block_on(async {
        let lock = workspace.take_over(rollout).await?;
        rollout::conduct_quietly(&workspace, rollout, lock, ready).await
    })
}
