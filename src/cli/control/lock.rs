use super::args::LockArgs;
use super::choose::ask;
use crate::cli::args::one_line;
use crate::cli::output::{is_interactive, print, tell};
use crate::cli::{Cli, workspace};
use crate::conductor::{Freeze, Freezing, LockError, freeze, running, unfreeze};
use crate::deploy::Error;

/// Freezes an environment for everybody.
pub(in crate::cli) fn lock(cli: &Cli, args: &LockArgs) -> Result<u8, Error> {
    let workspace = workspace(cli)?;
    let (environment, _) = workspace.policy()?;
    let mut reason = args.reason.clone();
    if reason.is_none() && is_interactive() {
        reason = Some(ask(&format!("Why is {environment} frozen? "))?);
    }
    let reason = reason.map(|reason| one_line(&reason)).filter(|reason| !reason.is_empty());
    let mine = Freeze { owner: workspace.operator.clone(), reason, since: jiff::Timestamp::now(), started: None };
    let frozen = |by: Freeze| LockError::Frozen { environment: environment.clone(), freeze: Box::new(by) };
    match freeze(&workspace.state_dir, environment, &mine, args.force)? {
        Freezing::Frozen => {}
        Freezing::Held(before) => {
            return Err(Error::from(frozen(before)).hint("`coalmine lock --force` takes the freeze over"));
        }
        Freezing::TakenOver(before) => tell(&format!("taken over: {}", frozen(before))),
    }
    print(&format!("{environment} is frozen for everybody: {}", mine.reason()))?;
    let rollouts = workspace.rollouts();
    for entry in running(&rollouts, Some(environment))? {
        tell(&format!(
            "rollout {id} runs and goes on: `coalmine pause {id}` stops it from starting hosts",
            id = entry.rollout
        ));
    }
    Ok(0)
}

/// Frees an environment that was frozen.
pub(in crate::cli) fn unlock(cli: &Cli) -> Result<u8, Error> {
    let workspace = workspace(cli)?;
    let (environment, _) = workspace.policy()?;
    match unfreeze(&workspace.state_dir, environment)? {
        None => print(&format!("{environment} was not frozen"))?,
        Some(before) => {
            let frozen = LockError::Frozen { environment: environment.clone(), freeze: Box::new(before) };
            print(&format!(
                "{environment} is free again; {}",
                frozen.to_string().replace(" is frozen by ", " was frozen by ")
            ))?;
        }
    }
    Ok(0)
}
