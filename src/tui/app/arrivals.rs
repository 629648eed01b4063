//! The transfer of a release as one thing: how much of it has arrived, how fast it comes, and who holds it up.

use std::collections::VecDeque;
use std::time::Duration;

use super::watch::WatchedTable;
use crate::model::{Bytes, Phase};

/// How many samples of the rate are kept: one a second.
const SAMPLES: usize = 32;
/// How many must be under way before one of them can be called slow.
const MANY: usize = 3;
/// How many times as long as half of the others one takes that is called slow.
const SLOW: u32 = 3;

/// Holds how far the transfer is.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Arrivals {
    /// What has arrived.
    pub done: Bytes,
    /// What travels in all: what did, what is announced, and for those that wait as much as the others had; none before anything is known.
    pub total: Option<Bytes>,
    /// Whether some of that is a guess.
    pub is_guess: bool,
    /// How many hosts hold the release, or went further.
    pub hold: usize,
    /// How many do not and failed.
    pub failed: usize,
    /// How many take part.
    pub hosts: usize,
    /// How many transfers are under way.
    pub moving: usize,
    /// Bytes a second, of all together.
    pub rate: Bytes,
    /// The rows whose transfers take much longer than the others, and how long yet, the slowest first.
    pub slow: Vec<(usize, Duration)>,
    /// The row that the others will have waited for, and how long yet; unknown where no byte arrives there.
    pub last: Option<(usize, Option<Duration>)>,
    rates: VecDeque<u64>,
}

impl Arrivals {
    /// Gives what arrived in each of the last seconds, the latest last.
    pub fn rates(&self) -> impl Iterator<Item = u64> {
        self.rates.iter().copied()
    }

    /// Tells whether anything travels.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        self.moving > 0
    }

    /// Remembers how fast it is now; called once a second.
    pub(super) fn sample(&mut self, table: &WatchedTable) {
        if table.transfers().next().is_none() {
            self.rates.clear();
            return;
        }
        if self.rates.len() == SAMPLES {
            self.rates.pop_front();
        }
        self.rates.push_back(table.moving().map(|transfer| transfer.rate.0).sum());
    }

    /// Sums up what travels; `stalled` are the rows to which nothing comes, the longest first.
    pub(super) fn derive(&mut self, table: &WatchedTable, stalled: &[(usize, Duration)]) {
        let state = &table.state;
        let rates = std::mem::take(&mut self.rates);
        *self = Self { rates, hosts: state.hosts().len(), ..Self::default() };
        // What travelled to those that are done is known; what waits is taken for as much as they had.
        let (mut known, mut of) = (0_u64, 0_u64);
        for (row, host) in state.hosts().iter().enumerate() {
            match host.phase {
                Phase::Pending => {}
                Phase::Priming => {
                    let Some(transfer) = table.transfer(row) else { continue };
                    self.moving += 1;
                    self.done = Bytes(self.done.0.saturating_add(transfer.bytes.0));
                    if let Some(total) = transfer.total {
                        (known, of) = (known.saturating_add(total.0), of + 1);
                    }
                }
                Phase::Failed | Phase::Skipped if host.switched.is_none() => self.failed += 1,
                _ => {
                    self.hold += 1;
                    self.done = Bytes(self.done.0.saturating_add(host.bytes.0));
                    (known, of) = (known.saturating_add(host.bytes.0), of + 1);
                }
            }
        }
        let unknown = (self.hosts as u64).saturating_sub(self.failed as u64).saturating_sub(of);
        self.is_guess = unknown > 0;
        self.total = known.checked_div(of).map(|mean| Bytes(known.saturating_add(mean.saturating_mul(unknown))));
        self.rate = table.moving().map(|transfer| transfer.rate).sum();
        self.name_the_slow(table, stalled);
    }

    fn name_the_slow(&mut self, table: &WatchedTable, stalled: &[(usize, Duration)]) {
        let is_stalled = |row: usize| stalled.iter().any(|(other, _)| *other == row);
        let moving = table.under_way().filter(|(row, transfer)| transfer.rate.0 > 0 && !is_stalled(*row));
        let mut left: Vec<(usize, Duration)> =
            moving.filter_map(|(row, transfer)| Some((row, transfer.left?))).collect();
        left.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
        let half = left.get(left.len() / 2).map_or(Duration::ZERO, |(_, half)| *half);
        if left.len() >= MANY {
            let most = half.saturating_mul(SLOW).max(Duration::from_secs(10));
            self.slow = left.iter().take_while(|(_, left)| *left > most).copied().collect();
        }
        let slowest = left.first().map(|(row, left)| (*row, Some(*left)));
        self.last = stalled.first().map(|(row, _)| (*row, None)).or(slowest);
    }
}
