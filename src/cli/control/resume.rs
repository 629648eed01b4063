use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::args::ResumeArgs;
use super::attach::follow;
use super::choose::{history, in_environment, one_of, title};
use crate::cli::conduct::start_in;
use crate::cli::context::{Context, sources};
use crate::cli::error::Failed;
use crate::cli::interrupt::unless_interrupted;
use crate::cli::main::runtime;
use crate::cli::output::{is_interactive, print, tell};
use crate::cli::rollout::{Run, conductor_failed, holder};
use crate::cli::{Cli, context};
use crate::conductor::{ConductorError, Due, EnvironmentLock, Launch, LockError, Waiting, due, waiting};
use crate::journal::{Entry, Rollouts};

/// Goes on with a rollout whose conductor died or was stopped.
pub(in crate::cli) fn resume(cli: &Cli, args: &ResumeArgs) -> Result<u8, Failed> {
    let rollouts = history(cli)?;
    if args.due {
        return runtime()?.block_on(resume_due(cli, &rollouts));
    }
    let entry = chosen(cli, &rollouts, args)?;
    let launch = Launch::load(&rollouts.folder(&entry.rollout)).map_err(conductor_failed)?;
    let context = context_of(cli, &rollouts, &launch)?;
    let run = Run { cli, context: &context, output: args.output, lock_wait: args.wait_lock };
    let in_own_process = args.detach || (!args.headless && is_interactive());
    runtime()?.block_on(async {
        let lock =
            run.lock(&entry.environment, Some(&entry.rollout), args.reason.as_deref().or(entry.reason.as_deref()));
        let lock = unless_interrupted(lock).await?;
        if !in_own_process {
            return run.conduct(&entry.rollout, lock, None).await;
        }
        start_in(cli, &rollouts, &entry.rollout, lock, false).await?;
        if args.detach {
            print(entry.rollout.as_str())?;
            return Ok(Failed::WAITING);
        }
        follow(cli, &rollouts, &entry.rollout, args.output).await
    })
}

/// Reads the configuration with which a rollout was started, from where it was; this process goes there for it.
fn context_of(cli: &Cli, rollouts: &Rollouts, launch: &Launch) -> Result<Context, Failed> {
    let absolute = |path: &PathBuf| std::path::absolute(path).map_err(Failed::before);
    let named = cli.config.as_ref().map(absolute).transpose()?.or_else(|| launch.config.clone());
    std::env::set_current_dir(&launch.folder).map_err(|error| {
        let folder = launch.folder.display();
        Failed::before(format!("the folder in which it was started cannot be entered: {folder}: {error}"))
    })?;
    let mut sources = sources(cli)?;
    sources.named = named;
    sources.variables.retain(|(name, _)| !name.to_str().is_some_and(Launch::is_setting));
    sources.variables.extend(launch.settings().map(|(name, value)| (OsString::from(name), OsString::from(value))));
    let mut context = Context::load_from(cli, &sources)?;
    // What was named was named from the folder before.
    if let Some(state_dir) = rollouts.root().parent() {
        state_dir.clone_into(&mut context.state_dir);
    }
    Ok(context)
}

fn chosen(cli: &Cli, rollouts: &Rollouts, args: &ResumeArgs) -> Result<Entry, Failed> {
    let wanted = cli.environment.as_ref();
    let Some(named) = &args.rollout else {
        let Waiting { resumable, .. } = waiting(rollouts, wanted).map_err(conductor_failed)?;
        if resumable.is_empty() {
            return Err(Failed::before(format!("no rollout waits to be resumed{}", in_environment(wanted)))
                .hint("`coalmine rollouts` lists what there is"));
        }
        let rollout = one_of(&resumable, "waits to be resumed", !args.yes)?;
        return rollouts.entry(&rollout).map_err(Failed::before);
    };
    let entry = rollouts.entry(named).map_err(Failed::before)?;
    if entry.live {
        return Err(Failed::before(format!("a conductor runs rollout {named} already"))
            .hint(format!("`coalmine attach {named}` follows it")));
    }
    if entry.ended.is_some() {
        return Err(conductor_failed(ConductorError::Over(named.clone())));
    }
    let Waiting { overtaken, .. } = waiting(rollouts, Some(&entry.environment)).map_err(conductor_failed)?;
    match overtaken.into_iter().find(|(earlier, _)| earlier.rollout == entry.rollout) {
        Some((_, later)) => Err(conductor_failed(ConductorError::Overtaken {
            rollout: entry.rollout,
            by: later.rollout,
            environment: entry.environment,
        })),
        None => Ok(entry),
    }
}

/// Goes on with every rollout whose conductor died, each in a process of its own; the latest of an environment first.
async fn resume_due(cli: &Cli, rollouts: &Rollouts) -> Result<u8, Failed> {
    let now = jiff::Timestamp::now();
    let Waiting { resumable, .. } = waiting(rollouts, cli.environment.as_ref()).map_err(conductor_failed)?;
    let mut failures = 0;
    for entry in resumable.iter().rev() {
        let name = title(entry);
        match due(rollouts, entry, now) {
            Ok(Due::Yes) => {}
            Ok(Due::No(why)) => {
                tell(&format!("left {name} alone: {why}"));
                continue;
            }
            Err(error) => {
                tell(&format!("left {name} alone: {error}"));
                failures += 1;
                continue;
            }
        }
        let mine = holder(Some(&entry.rollout), entry.reason.as_deref());
        let state_dir = context::state_dir(cli.state_dir.as_deref())?;
        let lock = EnvironmentLock::take(&state_dir, &entry.environment, &mine, Duration::ZERO, |_| {});
        let started = match lock {
            // Whoever holds it knows what is to be done.
            Err(ConductorError::Lock(held @ (LockError::Held { .. } | LockError::Frozen { .. }))) => {
                tell(&format!("left {name} alone: {held}"));
                continue;
            }
            Err(error) => Err(conductor_failed(error)),
            Ok(lock) => start_in(cli, rollouts, &entry.rollout, lock, true).await,
        };
        match started {
            Ok(()) => print(entry.rollout.as_str())?,
            Err(failed) => {
                tell(&format!("could not go on with {name}: {failed}"));
                failures += 1;
            }
        }
    }
    Ok(if failures > 0 { Failed::BEFORE } else { 0 })
}
