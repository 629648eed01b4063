use std::time::Duration;

use crate::model::Bytes;

/// What the slowest host is expected to read and hash in a second: an old disk, or a card.
const HASHED: u64 = 4 * 1024 * 1024;
/// How many files it opens, links or looks at in a second.
const FILES: u64 = 100;
/// What the slowest link carries in a second.
const CARRIED: u64 = 16 * 1024;

/// Gives the seconds in which a host has to have looked at a tree: they grow with the work, so a small one is not waited for long, and
/// a large one not too short. What a host says meanwhile makes them no longer.
pub(super) fn to_look_at(bytes: Bytes, files: usize) -> u64 {
    let files = u64::try_from(files).unwrap_or(u64::MAX);
    15_u64.saturating_add(bytes.0 / HASHED).saturating_add(files / FILES)
}

/// Gives how long a transfer may take, whatever arrives: a byte a second is no progress.
pub(super) fn to_send(bytes: Bytes, bandwidth: Option<Bytes>, stall: Duration, most: Duration) -> Duration {
    let rate = bandwidth.map_or(CARRIED, |limit| CARRIED.min(limit.0 / 2)).max(1);
    stall.saturating_mul(2).saturating_add(Duration::from_secs(bytes.0 / rate)).min(most)
}

/// Writes a limit as rsync(1), curl(1) and aria2c(1) take it: in units of 1024 bytes, one at least; what is no limit is an empty text.
pub(super) fn in_kib(limit: Option<Bytes>) -> String {
    match limit {
        // Their 0 would be no limit.
        Some(Bytes(bytes @ 1..)) => (bytes / 1024).max(1).to_string(),
        Some(Bytes(0)) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{in_kib, to_look_at, to_send};
    use crate::model::Bytes;

    #[test]
    fn a_limit_is_never_so_small_that_it_is_none() {
        let limits =
            [None, Some(0), Some(1), Some(1023), Some(2048), Some(5 << 20)].map(|limit| in_kib(limit.map(Bytes)));
        assert_eq!(limits, ["", "", "1", "1", "2", "5120"]);
    }

    #[test]
    fn deadlines_grow_with_the_work_and_with_nothing_else() {
        assert_eq!(to_look_at(Bytes(200_000), 30), 15);
        assert_eq!(to_look_at(Bytes(98 << 20), 4_900), 15 + 24 + 49);
        let (stall, most) = (Duration::from_secs(60), Duration::from_secs(3600));
        assert_eq!(to_send(Bytes(200_000), None, stall, most), Duration::from_secs(132));
        assert_eq!(to_send(Bytes(1 << 40), None, stall, most), most);
        assert!(to_send(Bytes(200_000), Some(Bytes(2_000)), stall, most) >= Duration::from_secs(300));
    }
}
