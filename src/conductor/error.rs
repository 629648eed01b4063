use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::lock::LockError;
use crate::engine::EngineError;
use crate::journal::JournalError;
use crate::model::{Environment, RolloutId};

/// Tells why a rollout could not be conducted, found or reached.
#[derive(Debug, Error)]
pub enum ConductorError {
    /// Its journal could not be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its engine could not go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Its environment is not free.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The system refused something that has to do with a file.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as in "could not …".
        action: &'static str,
        /// The file, folder or socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the rollout is not what this coalmine writes.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The journal has no plan: its conductor died while it was being made.
    #[error("the journal of rollout {0} has no plan in it: nothing was done, start a new one")]
    NoPlan(RolloutId),
    /// The rollout is over.
    #[error("rollout {0} is over: `coalmine show {0}` tells how it ended")]
    Over(RolloutId),
    /// A later rollout changed the same hosts.
    #[error(
        "rollout {rollout} was overtaken by {by} in {environment}: going on with it would undo that one; \
         install what you want anew"
    )]
    Overtaken {
        /// The rollout.
        rollout: RolloutId,
        /// The later one.
        by: RolloutId,
        /// Where.
        environment: Environment,
    },
    /// The lock that was taken is another environment's.
    #[error("a bug in coalmine: rollout {rollout} is one of {expected}, and what is locked is {locked}")]
    WrongLock {
        /// The rollout.
        rollout: RolloutId,
        /// Its environment.
        expected: Environment,
        /// The environment that is locked.
        locked: Environment,
    },
    /// Something in the conductor itself panicked.
    #[error("a bug in coalmine: {0}")]
    Bug(String),
}

impl ConductorError {
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
