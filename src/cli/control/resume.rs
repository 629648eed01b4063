use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::attach::follow;
use super::choose::one_of;
use crate::cli::args::{StreamFormat, duration, reason, rollout as rollout_id};
use crate::cli::interrupt::{runtime, unless_interrupted};
use crate::cli::output::{is_interactive, notify, print};
use crate::cli::{Globals, completion, rollout};
use crate::deploy::{Detached, Error, Resumed, Workspace, may_resume, resumable, resume_due, title};
use crate::journal::{Entry, Rollouts};
use crate::model::RolloutId;
use crate::rollout::Exit;

/// What `resume` takes.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ResumeArgs {
    /// Which rollout; the one that waits for it without it.
    #[arg(
        value_name = "ID",
        value_parser = rollout_id,
        conflicts_with = "due",
        add = ArgValueCompleter::new(completion::waiting)
    )]
    pub rollout: Option<RolloutId>,

    /// Every rollout whose conductor died or went down with the machine; for a timer at boot.
    #[arg(long, conflicts_with_all = ["headless", "detach", "wait_lock", "output", "reason"])]
    pub due: bool,

    /// Asks nothing: of several that wait, one has to be named.
    #[arg(short, long)]
    pub yes: bool,

    /// Why it goes on; shown to whoever finds the environment locked.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,

    /// Prints, and ends with its process.
    #[arg(long)]
    pub headless: bool,

    /// Leaves the rollout to a process of its own, prints its id (with `--output jsonl` the event of its plan) and exits with 8.
    #[arg(long, conflicts_with = "headless")]
    pub detach: bool,

    /// How long to wait for a lock that another rollout holds.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait_lock: Option<Duration>,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = StreamFormat::Text)]
    pub output: StreamFormat,
}

/// Goes on with a rollout whose conductor died or was stopped.
pub(in crate::cli) fn resume(globals: &Globals, args: &ResumeArgs) -> Result<u8, Error> {
    let invocation = globals.invocation();
    let rollouts = invocation.rollouts()?;
    if args.due {
        return due(globals, &rollouts);
    }
    let entry = chosen(globals, &rollouts, args)?;
    // This process goes to where the rollout was started.
    let config = globals.config.as_ref().map(std::path::absolute).transpose().map_err(Error::before)?;
    let mut workspace = Workspace::of_rollout(&invocation, &rollouts, &entry.rollout)?;
    workspace.lock_wait = args.wait_lock;
    let in_own_process = args.detach || (!args.headless && is_interactive());
    runtime()?.block_on(async {
        let reason = args.reason.as_deref().or(entry.reason.as_deref());
        let lock = unless_interrupted(workspace.lock(&entry.environment, &entry.rollout, reason)).await?;
        if !in_own_process {
            return rollout::conduct(globals, &workspace, &entry.rollout, lock, None, args.output).await;
        }
        let detached =
            Detached { rollouts: &rollouts, verbose: globals.verbose, config: config.as_deref(), unattended: false };
        detached.start(&entry.rollout, lock).await?;
        if args.detach {
            rollout::tell_detached(&rollouts, &entry.rollout, args.output)?;
            return Ok(Exit::Waiting.code());
        }
        follow(globals, &rollouts, &entry.rollout, args.output).await
    })
}

fn chosen(globals: &Globals, rollouts: &Rollouts, args: &ResumeArgs) -> Result<Entry, Error> {
    let Some(named) = &args.rollout else {
        let waiting = resumable(rollouts, globals.environment.as_ref()).map_err(|failed| globals.or_unknown(failed))?;
        let rollout = one_of(&waiting, "waits to be resumed", !args.yes)?;
        return Ok(rollouts.entry(&rollout)?);
    };
    may_resume(rollouts, named)
}

/// Goes on with every rollout whose conductor died, each in a process of its own.
fn due(globals: &Globals, rollouts: &Rollouts) -> Result<u8, Error> {
    let mut failures = 0;
    let resumed = resume_due(rollouts, globals.environment.as_ref(), globals.verbose, |entry, resumed| {
        let name = title(entry);
        match resumed {
            Resumed::Started => return print(entry.rollout.as_str()),
            Resumed::LeftAlone(why) => notify(&format!("left {name} alone: {why}")),
            Resumed::Unclear(why) => {
                notify(&format!("left {name} alone: {why}"));
                failures += 1;
            }
            Resumed::Failed(error) => {
                notify(&format!("could not go on with {name}: {error}"));
                failures += 1;
            }
        }
        Ok(())
    });
    runtime()?.block_on(resumed)?;
    Ok(if failures > 0 { Exit::Failed } else { Exit::Success }.code())
}
