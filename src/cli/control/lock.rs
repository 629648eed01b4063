use super::args::LockArgs;
use super::choose::ask;
use crate::cli::Cli;
use crate::cli::args::one_line;
use crate::cli::context::{Context, operator};
use crate::cli::error::Failed;
use crate::cli::output::{is_interactive, print, tell};
use crate::cli::rollout::conductor_failed;
use crate::conductor::{Freeze, LockError, freeze, running, unfreeze};
use crate::journal::Rollouts;

/// Freezes an environment for everybody.
pub(in crate::cli) fn lock(_cli: &Cli, context: &Context, args: &LockArgs) -> Result<u8, Failed> {
    let (environment, _) = context.policy()?;
    let mut reason = args.reason.clone();
    if reason.is_none() && is_interactive() {
        reason = Some(ask(&format!("Why is {environment} frozen? "))?);
    }
    let reason = reason.map(|reason| one_line(&reason)).filter(|reason| !reason.is_empty());
    let mine = Freeze { owner: operator(), reason, since: jiff::Timestamp::now() };
    let before = freeze(&context.state_dir, environment, &mine).map_err(conductor_failed)?;
    if let Some(before) = before.filter(|before| before.owner != mine.owner) {
        let frozen = LockError::Frozen { environment: environment.clone(), freeze: Box::new(before) };
        let hint = frozen.hint();
        return Err(Failed { code: Failed::LOCKED, message: frozen.to_string(), hint });
    }
    print(&format!("{environment} is frozen for everybody: {}", mine.reason()))?;
    let rollouts = Rollouts::new(&context.state_dir);
    for entry in running(&rollouts, Some(environment)).map_err(conductor_failed)? {
        tell(&format!(
            "rollout {id} runs and goes on: `coalmine pause {id}` stops it from starting hosts",
            id = entry.rollout
        ));
    }
    Ok(0)
}

/// Frees an environment that was frozen.
pub(in crate::cli) fn unlock(context: &Context) -> Result<u8, Failed> {
    let (environment, _) = context.policy()?;
    match unfreeze(&context.state_dir, environment).map_err(conductor_failed)? {
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
