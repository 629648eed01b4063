use super::main::runtime;
use super::{Cli, rollout, workspace};
use crate::conductor::Readiness;
use crate::deploy::Error;
use crate::model::RolloutId;

/// Conducts a rollout in a process that was started for it, away from any terminal.
pub(super) fn run(cli: &Cli, rollout: &RolloutId) -> Result<u8, Error> {
    let readiness =
        Readiness::take().map_err(|error| Error::before(format!("the terminal cannot be left: {error}")))?;
    let mut readiness = Some(readiness);
    let ended = conduct(cli, rollout, || {
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

fn conduct(cli: &Cli, rollout: &RolloutId, ready: impl FnOnce()) -> Result<u8, Error> {
    let workspace = workspace(cli)?;
    runtime()?.block_on(async {
        let lock = workspace.take_over(rollout).await?;
        rollout::conduct_quietly(&workspace, rollout, lock, ready).await
    })
}
