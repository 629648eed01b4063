//! What follows when a rollout must not go on.

use crate::plan::OnFailure;

/// Holds how it is told what follows, as each sentence needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follows {
    /// Behind what is happening now.
    pub about: &'static str,
    /// Behind what comes before it.
    pub then: &'static str,
    /// Behind what could happen.
    pub would: &'static str,
}

/// Says what follows when a rollout must not go on.
#[must_use]
pub const fn follows(on_failure: OnFailure) -> Follows {
    match on_failure {
        OnFailure::Pause => {
            Follows { about: "about to pause", then: "it pauses", would: "the rollout waits for a person" }
        }
        OnFailure::Rollback => Follows {
            about: "about to roll back",
            then: "switched hosts go back",
            would: "every switched host goes back",
        },
        OnFailure::Abort => {
            Follows { about: "about to stop", then: "it ends", would: "every host is left as it stands" }
        }
    }
}
