use thiserror::Error;

use crate::journal::JournalError;

/// Tells why the engine could not go on; the rollout can be resumed.
#[derive(Debug, Error)]
pub enum EngineError {
    /// What happens cannot be remembered, so nothing more is done.
    #[error("nothing more is started, since it could not be remembered: {0}")]
    Journal(#[from] JournalError),
}
