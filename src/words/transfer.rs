//! How far transfers are: moving, stalled, or arrived.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::time::between;
use crate::model::{Bytes, HostIdx, Phase};
use crate::rollout::{Event, Record, State};

/// How long no byte arrives before a transfer is called stalled; half of that of what begins is preparation.
const STALLED: Duration = Duration::from_secs(10);
const SLOW_START: Duration = Duration::from_secs(30);

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
    /// Gives the part that has arrived; none before the first progress.
    #[must_use]
    pub fn part(&self) -> Option<f64> {
        let total = self.total?.0;
        #[expect(clippy::cast_precision_loss, reason = "a bar has a few dozen columns")]
        let part = if total == 0 { 1.0 } else { self.bytes.0 as f64 / total as f64 };
        Some(part.clamp(0.0, 1.0))
    }

    /// Gives how many percent have arrived; none before the first progress.
    #[must_use]
    pub fn percent(&self) -> Option<u8> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
        self.part().map(|part| (part * 100.0).floor() as u8)
    }

    /// Tells whether all of it is there, and the host compares it.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        self.total.is_some_and(|total| self.bytes >= total)
    }

    /// Tells for how long nothing came, when that is so long that somebody should know.
    #[must_use]
    pub fn stalled(&self, now: Timestamp) -> Option<Duration> {
        let still = between(self.moved, now);
        let most = if self.total.is_some() { STALLED } else { SLOW_START };
        (!self.has_arrived() && still >= most).then_some(still)
    }
}

/// Says what a record changed among the transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// One began.
    Begun,
    /// One is further.
    Moved,
    /// The host came to what is not a transfer: one that it had is over.
    Over,
}

/// Holds what travels right now; a fold over records, beside the state's.
#[derive(Debug, Default, Clone)]
pub struct Transfers {
    live: BTreeMap<HostIdx, Transfer>,
}

impl Transfers {
    /// Takes a record that `state` has taken already, and tells what it changed; none when it changed nothing here.
    pub fn apply(&mut self, record: &Record, state: &State) -> Option<Change> {
        match &record.event {
            Event::HostProgress { host, bytes, total, rate, eta, .. } => {
                let index = state.index_of(host)?;
                // Progress is live, and what was sent before the phase changed can arrive after it.
                state.host(index).filter(|host| host.phase == Phase::Priming)?;
                let before = self.live.get(&index);
                let still = before.filter(|transfer| transfer.bytes == *bytes && transfer.total.is_some());
                let moved = still.map_or(record.at, |transfer| transfer.moved);
                let left = eta.map(Duration::from_secs);
                self.live.insert(index, Transfer { bytes: *bytes, total: Some(*total), rate: *rate, left, moved });
                Some(Change::Moved)
            }
            Event::HostPhase { host, phase: Phase::Priming, .. } => {
                let index = state.index_of(host)?;
                let begun = Transfer { bytes: Bytes(0), total: None, rate: Bytes(0), left: None, moved: record.at };
                self.live.insert(index, begun);
                Some(Change::Begun)
            }
            Event::HostPhase { host, .. }
            | Event::HostFailed { host, .. }
            | Event::HostRetried { host, .. }
            | Event::HostSkipped { host, .. } => {
                self.live.remove(&state.index_of(host)?);
                Some(Change::Over)
            }
            Event::RolloutPlanned { .. } | Event::RolloutFinished { .. } | Event::Resumed { .. } => {
                self.live.clear();
                None
            }
            _ => None,
        }
    }

    /// Gives the transfer to a host, while there is one.
    #[must_use]
    pub fn get(&self, index: HostIdx) -> Option<&Transfer> {
        self.live.get(&index)
    }

    /// Gives every transfer with the place of its host, in the plan's order.
    pub fn iter(&self) -> impl Iterator<Item = (HostIdx, &Transfer)> {
        self.live.iter().map(|(&index, transfer)| (index, transfer))
    }
}
