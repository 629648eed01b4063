use std::fmt;

use serde::{Deserialize, Serialize};

/// Tells how far a host has come in a rollout; the words are those of the `host_phase` event.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing was asked of it yet.
    #[default]
    Pending,
    /// The release is on its way to it.
    Priming,
    /// It holds the whole release, verified, and runs what it ran before.
    Primed,
    /// Its link is being switched.
    Activating,
    /// It runs the release; nobody has checked it yet.
    Active,
    /// Its gates are running.
    Checking,
    /// It runs the release and passed its gates.
    Healthy,
    /// It is being switched back.
    RollingBack,
    /// It runs its last good release again, or none if it had none.
    RolledBack,
    /// It failed, in one of four classes, and was left as the failure says.
    Failed,
    /// It was left out, for a reason that was told.
    Skipped,
}

impl Phase {
    /// Every phase, in the order in which a host passes through them.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::Priming,
        Self::Primed,
        Self::Activating,
        Self::Active,
        Self::Checking,
        Self::Healthy,
        Self::RollingBack,
        Self::RolledBack,
        Self::Failed,
        Self::Skipped,
    ];

    /// Tells whether something is being done to the host right now.
    #[must_use]
    pub const fn is_in_flight(self) -> bool {
        matches!(self, Self::Priming | Self::Activating | Self::Active | Self::Checking | Self::RollingBack)
    }

    /// Gives the word of the `host_phase` event.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Priming => "priming",
            Self::Primed => "primed",
            Self::Activating => "activating",
            Self::Active => "active",
            Self::Checking => "checking",
            Self::Healthy => "healthy",
            Self::RollingBack => "rolling_back",
            Self::RolledBack => "rolled_back",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl Phase {
    /// Gives the words that people read.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::RollingBack => "rolling back",
            Self::RolledBack => "rolled back",
            other => other.word(),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}
