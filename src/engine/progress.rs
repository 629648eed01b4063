use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{HostId, Progress};
use crate::rollout::Event;

/// Keeps the latest progress of every transfer that is under way until it is told: as many as there are transfers, however fast they
/// report.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<HashMap<HostId, Progress>>);

impl Board {
    pub(super) fn put(&self, host: &HostId, progress: Progress) {
        self.board().insert(host.clone(), progress);
    }

    /// Forgets a transfer that is over: nobody wants to know any more how far it was.
    pub(super) fn forget(&self, host: &HostId) {
        self.board().remove(host);
    }

    fn board(&self) -> MutexGuard<'_, HashMap<HostId, Progress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is new, in the order of the hosts' names.
    pub(super) fn take(&self) -> impl Iterator<Item = Event> + use<> {
        let mut board: Vec<(HostId, Progress)> = self.board().drain().collect();
        board.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        board.into_iter().map(|(host, Progress { bytes, total, rate })| Event::HostProgress {
            host,
            bytes,
            total,
            rate,
            eta: total.0.saturating_sub(bytes.0).checked_div(rate.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Board;
    use crate::model::{Bytes, HostId, Progress};
    use crate::rollout::Event;

    #[test]
    fn what_is_under_way_is_told_once_and_in_order_and_what_is_over_is_not() {
        let board = Board::default();
        let host = |name: &str| HostId::new(name).unwrap();
        let progress = |bytes| Progress { bytes: Bytes(bytes), total: Bytes(100), rate: Bytes(5) };
        for (name, bytes) in [("mw03", 1), ("mw01", 10), ("mw02", 20), ("mw01", 90)] {
            board.put(&host(name), progress(bytes));
        }
        board.forget(&host("mw02"));
        let told: Vec<(String, u64, Option<u64>)> = board
            .take()
            .map(|event| match event {
                Event::HostProgress { host, bytes, eta, .. } => (host.to_string(), bytes.0, eta),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, [("mw01".to_owned(), 90, Some(2)), ("mw03".to_owned(), 1, Some(19))]);
        assert_eq!(board.take().count(), 0);
    }
}
