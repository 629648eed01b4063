use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::{HostId, Progress};
use crate::rollout::Event;

/// Keeps the latest progress of every transfer until it is told: as many as there are transfers, however fast they report.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<BTreeMap<HostId, Progress>>);

impl Board {
    pub(super) fn put(&self, host: &HostId, progress: Progress) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone(), progress);
    }

    /// Takes what is new.
    pub(super) fn take(&self) -> impl Iterator<Item = Event> + use<> {
        let board = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        board.into_iter().map(|(host, Progress { bytes, total, rate })| Event::HostProgress {
            host,
            bytes,
            total,
            rate,
            eta: total.0.saturating_sub(bytes.0).checked_div(rate.0),
        })
    }
}
