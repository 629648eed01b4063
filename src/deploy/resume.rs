use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::conduct::holder;
use super::detached::Detached;
use super::error::Error;
use super::operator::operator;
use super::waiting::in_environment;
use super::workspace::{Invocation, Workspace};
use crate::conductor::{ConductorError, Due, EnvironmentLock, Launch, LockError, Waiting, due, waiting};
use crate::journal::{Entry, Rollouts};
use crate::model::{Environment, RolloutId};

/// Finds the rollouts that can be gone on with; there is at least one.
///
/// # Errors
///
/// When there is none, or when a journal cannot be read.
pub fn resumable(rollouts: &Rollouts, environment: Option<&Environment>) -> Result<Vec<Entry>, Error> {
    let Waiting { resumable, .. } = waiting(rollouts, environment)?;
    if resumable.is_empty() {
        return Err(Error::before(format!("no rollout waits to be resumed{}", in_environment(environment)))
            .hint("`coalmine rollouts` lists what there is"));
    }
    Ok(resumable)
}

/// Finds a rollout that was named, if it can be gone on with.
///
/// # Errors
///
/// When a conductor runs it, when it is over, or when a later one overtook it: going on would undo that one.
pub fn may_resume(rollouts: &Rollouts, rollout: &RolloutId) -> Result<Entry, Error> {
    let entry = rollouts.entry(rollout)?;
    if entry.live {
        return Err(Error::before(format!("a conductor runs rollout {rollout} already"))
            .hint(format!("`coalmine attach {rollout}` follows it")));
    }
    if entry.ended.is_some() {
        return Err(ConductorError::Over(rollout.clone()).into());
    }
    let Waiting { overtaken, .. } = waiting(rollouts, Some(&entry.environment))?;
    match overtaken.into_iter().find(|(earlier, _)| earlier.rollout == entry.rollout) {
        Some((_, later)) => {
            Err(ConductorError::Overtaken { rollout: entry.rollout, by: later.rollout, environment: entry.environment }
                .into())
        }
        None => Ok(entry),
    }
}

impl Workspace {
    /// Reads the configuration with which a rollout was started, from where it was; this process goes there for it.
    ///
    /// # Errors
    ///
    /// When it is not there any more, or wrong.
    pub fn of_rollout(invocation: &Invocation, rollouts: &Rollouts, rollout: &RolloutId) -> Result<Self, Error> {
        if let Some(why) = Launch::stranger(&rollouts.folder(rollout))? {
            return Self::of_a_stranger(invocation, rollout, &why);
        }
        let launch = match Launch::load(&rollouts.folder(rollout)) {
            // Nothing but the name of the configuration would be missing.
            Err(_) if invocation.config.is_some() => return Self::open(invocation),
            loaded => loaded.map_err(|error| {
                let hint =
                    format!("to go on with it by a configuration that you name: coalmine -c FILE resume {rollout}");
                Error::from(error).hint(hint)
            })?,
        };
        let absolute = |path: &PathBuf| std::path::absolute(path).map_err(Error::before);
        let named = invocation.config.as_ref().map(absolute).transpose()?.or_else(|| launch.config.clone());
        std::env::set_current_dir(&launch.folder).map_err(|error| {
            let folder = launch.folder.display();
            Error::before(format!("the folder in which it was started cannot be entered: {folder}: {error}"))
        })?;
        let mut sources = invocation.sources()?;
        sources.named = named;
        sources.variables.retain(|(name, _)| !name.to_str().is_some_and(Launch::is_setting));
        sources.variables.extend(launch.settings().map(|(name, value)| (OsString::from(name), OsString::from(value))));
        let mut workspace = Self::open_from(invocation, &sources)?;
        // What was named was named from the folder before.
        if let Some(state_dir) = rollouts.root().parent() {
            state_dir.clone_into(&mut workspace.state_dir);
        }
        Ok(workspace)
    }

    /// Goes on with a rollout of another user only with a configuration that was named for it: what the other's record names
    /// would run as this user.
    fn of_a_stranger(invocation: &Invocation, rollout: &RolloutId, why: &str) -> Result<Self, Error> {
        if invocation.config.is_some() {
            return Self::open(invocation);
        }
        let text = format!("rollout {rollout} was started by another: {why}, and it names commands that you would run");
        Err(Error::usage(text)
            .hint(format!("to go on with it by your own configuration: coalmine -c FILE resume {rollout}")))
    }
}

/// Says what became of a rollout that a timer might resume.
#[derive(Debug)]
pub enum Resumed {
    /// A conductor runs it again.
    Started,
    /// It was left alone, for this reason.
    LeftAlone(String),
    /// Whether it is due cannot be known, for this reason; it was left alone too.
    Unclear(String),
    /// It was due, and nobody conducts it.
    Failed(Error),
}

/// Goes on with every rollout whose conductor died, each in a process of its own; the latest of an environment first.
///
/// # Errors
///
/// When the state folder cannot be read.
pub async fn resume_due(
    rollouts: &Rollouts,
    environment: Option<&Environment>,
    verbose: u8,
    mut on_each: impl FnMut(&Entry, Resumed) -> Result<(), Error>,
) -> Result<(), Error> {
    let now = jiff::Timestamp::now();
    let Waiting { resumable, .. } = waiting(rollouts, environment)?;
    let detached = Detached { rollouts, verbose, config: None, unattended: true };
    for entry in resumable.iter().rev() {
        let resumed = match due(rollouts, entry, now) {
            Ok(Due::Yes) => go_on(&detached, entry).await,
            Ok(Due::No(why)) => Resumed::LeftAlone(why),
            Err(error) => Resumed::Unclear(error.to_string()),
        };
        on_each(entry, resumed)?;
    }
    Ok(())
}

async fn go_on(detached: &Detached<'_>, entry: &Entry) -> Resumed {
    let mine = holder(operator(), Some(&entry.rollout), entry.reason.as_deref());
    let Some(state_dir) = detached.rollouts.root().parent() else {
        return Resumed::Unclear("there is no state folder".to_owned());
    };
    match EnvironmentLock::take(state_dir, &entry.environment, &mine, Duration::ZERO, |_, _| {}) {
        // Whoever holds it knows what is to be done.
        Err(ConductorError::Lock(held @ (LockError::Held { .. } | LockError::Frozen { .. }))) => {
            Resumed::LeftAlone(held.to_string())
        }
        Err(error) => Resumed::Failed(error.into()),
        Ok(lock) => match detached.start(&entry.rollout, lock).await {
            Ok(()) => Resumed::Started,
            Err(error) => Resumed::Failed(error),
        },
    }
}
