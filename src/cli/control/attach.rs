use std::sync::Arc;

use clap::Args;

use super::RolloutArgs;
use super::choose::one_that_runs;
use super::command::unreachable;
use crate::cli::Globals;
use crate::cli::args::StreamFormat;
use crate::cli::console::{self, Opening};
use crate::cli::interrupt::{Interrupts, runtime};
use crate::cli::output::{has_screen, notify};
use crate::cli::rollout::{finish, reporter};
use crate::conductor::{ClientError, Ending, Farewell, News, Watcher, replay};
use crate::deploy::Error;
use crate::journal::Rollouts;
use crate::model::RolloutId;
use crate::rollout::{Exit, State};

/// What `attach` takes.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct AttachArgs {
    /// Which rollout.
    #[command(flatten)]
    pub which: RolloutArgs,

    /// Watches only.
    #[arg(long)]
    pub read_only: bool,

    /// Prints instead of opening the console.
    #[arg(long)]
    pub headless: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = StreamFormat::Text)]
    pub output: StreamFormat,
}

/// Follows a rollout that runs, until it is over or the follower has had enough.
pub(in crate::cli) fn attach(globals: &Globals, args: &AttachArgs) -> Result<u8, Error> {
    let rollouts = globals.rollouts()?;
    let rollout = one_that_runs(globals, &rollouts, args.which.rollout.as_ref())?;
    if has_screen() && !args.headless && args.output == StreamFormat::Text {
        return show(globals, &rollouts, &rollout, args.read_only);
    }
    runtime()?.block_on(follow(globals, &rollouts, &rollout, args.output))
}

/// Opens the console on a rollout, and answers as that stands when the console is left.
pub(in crate::cli) fn show(
    globals: &Globals,
    rollouts: &Rollouts,
    rollout: &RolloutId,
    read_only: bool,
) -> Result<u8, Error> {
    let opening = Opening { rollout: Some(rollout.clone()), read_only };
    console::open(globals, globals.workspace()?, opening)?;
    let state = replay(rollouts, rollout)?;
    if let Some(code) = state.exit_code() {
        return Ok(code);
    }
    notify(&format!(
        "rollout {rollout} goes on: `coalmine attach {rollout}` follows it, `coalmine abort {rollout}` ends it"
    ));
    Ok(Exit::Waiting.code())
}

/// Prints what happens in a rollout of another process, from its beginning on, and gives the exit code of its end.
///
/// A signal ends the following and not the rollout: 8.
pub(in crate::cli) async fn follow(
    globals: &Globals,
    rollouts: &Rollouts,
    rollout: &RolloutId,
    output: StreamFormat,
) -> Result<u8, Error> {
    let mut interrupts = Interrupts::take()?;
    let mut watcher = Watcher::connect(rollouts, rollout, 0).await.map_err(unreachable)?;
    let pid = watcher.greeting().pid;
    let reporter = reporter(globals, output, rollouts, rollout, &[])?;
    let mut state = State::new();
    let mut is_silent = false;
    let end = loop {
        tokio::select! {
            biased;
            _ = interrupts.next() => break None,
            news = watcher.next() => match news {
                Ok(Some(News::Record(record))) => {
                    is_silent = false;
                    if record.event.is_journaled() {
                        state.apply(&record);
                    }
                    reporter.record(Arc::from(record));
                }
                Ok(end) => break end,
                // It may only be stopped, and go on.
                Err(silent @ ClientError::Silent { .. }) => {
                    if !std::mem::replace(&mut is_silent, true) {
                        notify(&unreachable(silent).to_string());
                    }
                }
                Err(error) => return Err(unreachable(error)),
            },
        }
    };
    let is_over = matches!(end, Some(News::Bye(Farewell::Finished)));
    finish(reporter);
    if end.is_none() {
        notify(&format!(
            "rollout {rollout} goes on in process {pid}: `coalmine attach {rollout}` follows it, `coalmine abort {rollout}` ends it"
        ));
        return Ok(Exit::Waiting.code());
    }
    let ending = Ending::of(state);
    match end {
        Some(News::Lost) => notify(&format!("the conductor of rollout {rollout} died")),
        Some(News::Bye(Farewell::Failed)) => notify(&format!(
            "the conductor of rollout {rollout} could not go on; {}",
            crate::conductor::log_says(&rollouts.folder(rollout))
        )),
        _ => {}
    }
    if let (Some(hint), false) = (&ending.hint, is_over) {
        notify(hint);
    }
    Ok(ending.exit_code)
}
