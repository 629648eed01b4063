//! What a plan does to a host.

use std::fmt;

use serde::Serialize;

use crate::model::{Digest, Installed, RollBackTarget};
use crate::plan::{HostPlan, Plan, PlanKind};

/// Says what is done to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It gets a release where there is none; also what is planned for a host that could not be asked.
    Install,
    /// It goes from one release to another.
    Update,
    /// It has the release with other files than those of the release, and gets it anew.
    Reinstall,
    /// What stands there was not installed by coalmine: it is kept as a release, and replaced.
    Adopt,
    /// It has the release, file for file, and has yet to be checked and finalized.
    Finalize,
    /// It goes back.
    Rollback,
    /// It gets the release and is not switched.
    Prime,
    /// Nothing: it has the release.
    None,
    /// Nothing: it could not be asked, and such hosts are skipped.
    Skip,
}

impl Action {
    /// Gives the word of `plan --output json`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Update => "update",
            Self::Reinstall => "reinstall",
            Self::Adopt => "adopt",
            Self::Finalize => "finalize",
            Self::Rollback => "rollback",
            Self::Prime => "prime",
            Self::None => "none",
            Self::Skip => "skip",
        }
    }

    /// Says what a plan does to a host of it.
    #[must_use]
    pub fn of(plan: &Plan, host: &HostPlan) -> Self {
        let target = plan.target_of(host);
        match (plan.kind, &host.from) {
            (PlanKind::Prime, _) => Self::Prime,
            (PlanKind::Install | PlanKind::Rollback, Some(Installed::Release { id, digest, drift }))
                if target == (RollBackTarget::Release { id: id.clone() }) =>
            {
                let is_right = |digest: &Digest| match plan.kind {
                    PlanKind::Install | PlanKind::Prime => *digest == plan.digest,
                    // Of another release than the plan's, its name knows the digest.
                    PlanKind::Rollback => id.has_digest(digest),
                };
                let whole = drift.is_none() && digest.as_ref().is_some_and(is_right);
                if whole { Self::Finalize } else { Self::Reinstall }
            }
            (PlanKind::Rollback, _) => Self::Rollback,
            (PlanKind::Install, Some(Installed::Missing) | None) => Self::Install,
            (PlanKind::Install, Some(Installed::Unmanaged { .. })) => Self::Adopt,
            (PlanKind::Install, Some(Installed::Release { .. })) => Self::Update,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
