use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::args::{host, one_line, reason};
use crate::cli::ask::ask;
use crate::cli::output::{is_interactive, notify, print, print_for_people};
use crate::cli::{Globals, completion, interrupt};
use crate::conductor::running;
use crate::deploy::{Deployment, Error, Workspace};
use crate::model::{HostId, LockHolder};
use crate::rollout::Exit;

/// What `lock` takes.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct LockArgs {
    /// Why; shown to everybody who is refused.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,

    /// Takes over what somebody froze before; it is written down who did.
    #[arg(long)]
    pub force: bool,
}

/// What `unlock` takes.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct UnlockArgs {
    /// Breaks the lock that a rollout left on this host instead, whoever's it is; it is written down who did.
    #[arg(long, value_name = "HOST", value_parser = host, add = ArgValueCompleter::new(completion::one_host))]
    pub host: Vec<HostId>,

    /// Why a host's lock is broken.
    #[arg(long, value_name = "TEXT", value_parser = reason, requires = "host")]
    pub reason: Option<String>,
}

/// Freezes an environment for everybody.
pub(in crate::cli) fn lock(globals: &Globals, args: &LockArgs) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    let (environment, _) = workspace.policy()?;
    let mut reason = args.reason.clone();
    if reason.is_none() && is_interactive() {
        reason = Some(ask(&format!("Why is {environment} frozen? "))?);
    }
    let reason = reason.map(|reason| one_line(&reason)).filter(|reason| !reason.is_empty());
    let (mine, before) = workspace.freeze(reason, args.force)?;
    if let Some(before) = before {
        notify(&format!("taken over: {before}"));
    }
    print_for_people(&format!("{environment} is frozen for everybody: {}", mine.reason()))?;
    let rollouts = workspace.rollouts();
    // It is frozen, also where nobody can tell what runs, which was told.
    for entry in running(&rollouts, Some(environment)).unwrap_or_default() {
        notify(&format!(
            "rollout {id} runs and goes on: `coalmine pause {id}` stops it from starting hosts",
            id = entry.rollout
        ));
    }
    Ok(0)
}

/// Frees an environment that was frozen, or breaks the locks of hosts.
pub(in crate::cli) fn unlock(globals: &Globals, args: &UnlockArgs) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    if !args.host.is_empty() {
        return break_locks(&workspace, args);
    }
    let (environment, _) = workspace.policy()?;
    match workspace.unfreeze()? {
        None => print(&format!("{environment} was not frozen"))?,
        Some(before) => print_for_people(&format!(
            "{environment} is free again; {}",
            before.to_string().replace(" is frozen by ", " was frozen by ")
        ))?,
    }
    Ok(0)
}

fn break_locks(workspace: &Workspace, args: &UnlockArgs) -> Result<u8, Error> {
    let broken = interrupt::run(async {
        let fleet = workspace.fleet().await?;
        Deployment::over_ssh(workspace, fleet)?.break_locks(&args.host, args.reason.as_deref()).await
    })?;
    let mut exit = Exit::Success;
    for (host, result) in broken {
        match result {
            Ok(Some(LockHolder { owner, rollout, since, .. })) => print(&format!(
                "{host} is free again; it was locked by {owner} for rollout {rollout} since {}",
                since.strftime("%Y-%m-%d %H:%M:%S UTC")
            ))?,
            Ok(None) => print(&format!("{host} was not locked"))?,
            Err(why) => {
                notify(&format!("{host}: {why}"));
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit.code())
}
