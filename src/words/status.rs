//! How a host stands: its phase, and what is known beside it.

use jiff::Timestamp;

use super::glyph::{Glyph, Tone};
use super::transfer::Transfer;
use crate::model::{FailureClass, Phase};
use crate::rollout::HostStatus;

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
    /// The word of every status.
    pub const WORDS: [&'static str; 15] = [
        Self::Pending.word(),
        Self::Connecting.word(),
        Self::Priming(None).word(),
        Self::Stalled(None).word(),
        Self::Verifying.word(),
        Self::Primed.word(),
        Self::Activating.word(),
        Self::Active.word(),
        Self::Checking.word(),
        Self::Healthy.word(),
        Self::RollingBack.word(),
        Self::RolledBack.word(),
        Self::Failed.word(),
        Self::Unreachable.word(),
        Self::Skipped.word(),
    ];

    /// Says how a host stands; `asked` is whether one that has not given its lock is being asked for it.
    #[must_use]
    pub fn of(host: &HostStatus, transfer: Option<&Transfer>, asked: bool, now: Timestamp) -> Self {
        match host.phase {
            Phase::Pending if !host.locked && asked => Self::Connecting,
            Phase::Pending => Self::Pending,
            Phase::Priming => match transfer {
                None => Self::Priming(None),
                Some(transfer) if transfer.has_arrived() => Self::Verifying,
                Some(transfer) if transfer.stalled(now).is_some() => Self::Stalled(transfer.percent()),
                Some(transfer) => Self::Priming(transfer.percent()),
            },
            Phase::Primed => Self::Primed,
            Phase::Activating => Self::Activating,
            Phase::Active => Self::Active,
            Phase::Checking => Self::Checking,
            Phase::Healthy => Self::Healthy,
            Phase::RollingBack => Self::RollingBack,
            Phase::RolledBack => Self::RolledBack,
            Phase::Failed => match &host.failure {
                Some(failure) if failure.class == FailureClass::Unreachable => Self::Unreachable,
                _ => Self::Failed,
            },
            Phase::Skipped => Self::Skipped,
        }
    }

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

    /// Gives the glyph.
    #[must_use]
    pub const fn glyph(self) -> Glyph {
        match self {
            Self::Pending => Glyph::Pending,
            Self::Connecting => Glyph::Connecting,
            Self::Priming(_) | Self::Verifying => Glyph::Priming,
            Self::Stalled(_) => Glyph::Attention,
            Self::Primed => Glyph::Primed,
            Self::Activating | Self::Active | Self::Checking => Glyph::Activating,
            Self::Healthy => Glyph::Good,
            Self::RollingBack | Self::RolledBack => Glyph::Back,
            Self::Failed => Glyph::Bad,
            Self::Unreachable => Glyph::Unreachable,
            Self::Skipped => Glyph::Skipped,
        }
    }

    /// Gives the tone.
    #[must_use]
    pub const fn tone(self) -> Tone {
        self.glyph().tone()
    }

    /// Gives its place in an order of what has to be looked at first.
    #[must_use]
    pub const fn urgency(self) -> u8 {
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
