use super::args::ResumeArgs;
use super::attach::follow;
use super::choose::one_of;
use crate::cli::interrupt::unless_interrupted;
use crate::cli::main::runtime;
use crate::cli::output::{is_interactive, print, tell};
use crate::cli::{Cli, rollout};
use crate::deploy::{Detached, Error, Resumed, Workspace, may_resume, resumable, resume_due, title};
use crate::journal::{Entry, Rollouts};
use crate::rollout::Exit;

/// Goes on with a rollout whose conductor died or was stopped.
pub(in crate::cli) fn resume(cli: &Cli, args: &ResumeArgs) -> Result<u8, Error> {
    let invocation = cli.invocation();
    let rollouts = invocation.rollouts()?;
    if args.due {
        return due(cli, &rollouts);
    }
    let entry = chosen(cli, &rollouts, args)?;
    let mut workspace = Workspace::of_rollout(&invocation, &rollouts, &entry.rollout)?;
    workspace.lock_wait = args.wait_lock;
    let in_own_process = args.detach || (!args.headless && is_interactive());
    runtime()?.block_on(async {
        let reason = args.reason.as_deref().or(entry.reason.as_deref());
        let lock = unless_interrupted(workspace.lock(&entry.environment, &entry.rollout, reason)).await?;
        if !in_own_process {
            return rollout::conduct(cli, &workspace, &entry.rollout, lock, None, args.output).await;
        }
        let detached = Detached { rollouts: &rollouts, verbose: cli.verbose, unattended: false };
        detached.start(&entry.rollout, lock).await?;
        if args.detach {
            print(entry.rollout.as_str())?;
            return Ok(Exit::Waiting.code());
        }
        follow(cli, &rollouts, &entry.rollout, args.output).await
    })
}

fn chosen(cli: &Cli, rollouts: &Rollouts, args: &ResumeArgs) -> Result<Entry, Error> {
    let Some(named) = &args.rollout else {
        let waiting = resumable(rollouts, cli.environment.as_ref())?;
        let rollout = one_of(&waiting, "waits to be resumed", !args.yes)?;
        return Ok(rollouts.entry(&rollout)?);
    };
    may_resume(rollouts, named)
}

/// Goes on with every rollout whose conductor died, each in a process of its own.
fn due(cli: &Cli, rollouts: &Rollouts) -> Result<u8, Error> {
    let mut failures = 0;
    let resumed = resume_due(rollouts, cli.environment.as_ref(), cli.verbose, |entry, resumed| {
        let name = title(entry);
        match resumed {
            Resumed::Started => return print(entry.rollout.as_str()),
            Resumed::LeftAlone(why) => tell(&format!("left {name} alone: {why}")),
            Resumed::Unclear(why) => {
                tell(&format!("left {name} alone: {why}"));
                failures += 1;
            }
            Resumed::Failed(error) => {
                tell(&format!("could not go on with {name}: {error}"));
                failures += 1;
            }
        }
        Ok(())
    });
    runtime()?.block_on(resumed)?;
    Ok(if failures > 0 { Exit::Failed } else { Exit::Success }.code())
}
