use std::time::Duration;

use jiff::Timestamp;

use crate::model::Bytes;
use crate::tui::text::between;

/// How long no byte arrives before a transfer is called stalled; half of that of what begins is preparation.
const STALLED: Duration = Duration::from_secs(10);
const SLOW_START: Duration = Duration::from_secs(30);

/// Says how a host of a rollout stands, as its row shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing was asked of it yet.
    Pending,
    /// It is being reached.
    Connecting,
    /// The release is on its way; how many percent of it have arrived.
    Priming(Option<u8>),
    /// The release is on its way and no byte has arrived for a while.
    Stalled(Option<u8>),
    /// All bytes are there and the host compares them.
    Verifying,
    /// It holds the release.
    Primed,
    /// Its link is being switched.
    Activating,
    /// It runs the release, unchecked.
    Active,
    /// Its gates are running.
    Checking,
    /// It runs the release and passed its gates.
    Healthy,
    /// It is being switched back.
    RollingBack,
    /// It runs its last good release again.
    RolledBack,
    /// It failed.
    Failed,
    /// It could not be reached.
    Unreachable,
    /// It was left out.
    Skipped,
}

impl Status {
    /// Gives the word that is shown, and that `state:` asks for.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Connecting => "connecting",
            Self::Priming(_) => "priming",
            Self::Stalled(_) => "stalled",
            Self::Verifying => "verifying",
            Self::Primed => "primed",
            Self::Activating => "activating",
            Self::Active => "active",
            Self::Checking => "checking",
            Self::Healthy => "healthy",
            Self::RollingBack => "rolling back",
            Self::RolledBack => "rolled back",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
            Self::Skipped => "skipped",
        }
    }

    pub(super) const fn urgency(self) -> u8 {
        match self {
            Self::Failed => 0,
            Self::Unreachable => 1,
            Self::Stalled(_) => 2,
            Self::RollingBack => 3,
            Self::RolledBack => 4,
            Self::Activating => 5,
            Self::Active => 6,
            Self::Checking => 7,
            Self::Priming(_) => 8,
            Self::Verifying => 9,
            Self::Connecting => 10,
            Self::Primed => 11,
            Self::Pending => 12,
            Self::Skipped => 13,
            Self::Healthy => 14,
        }
    }
}

/// Holds how far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// What has arrived.
    pub bytes: Bytes,
    /// What travels in all; none before the first progress.
    pub total: Option<Bytes>,
    /// Bytes a second.
    pub rate: Bytes,
    /// How long it takes at that rate.
    pub left: Option<Duration>,
    /// When a byte last arrived.
    pub moved: Timestamp,
}

impl Transfer {
    /// Gives the part that has arrived.
    #[must_use]
    pub fn part(&self) -> Option<f64> {
        let total = self.total?.0;
        #[expect(clippy::cast_precision_loss, reason = "a bar has a few dozen columns")]
        let part = if total == 0 { 1.0 } else { self.bytes.0 as f64 / total as f64 };
        Some(part.clamp(0.0, 1.0))
    }

    pub(super) fn percent(&self) -> Option<u8> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
        self.part().map(|part| (part * 100.0).floor() as u8)
    }

    pub(super) fn has_arrived(&self) -> bool {
        self.total.is_some_and(|total| self.bytes >= total)
    }

    pub(super) fn stalled(&self, now: Timestamp) -> Option<Duration> {
        let still = between(self.moved, now);
        let most = if self.total.is_some() { STALLED } else { SLOW_START };
        (!self.has_arrived() && still >= most).then_some(still)
    }
}
