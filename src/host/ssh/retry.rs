use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::cause::{Cause, Reading};
use super::pool::Pool;
use super::throttle::Throttle;
use crate::host::limits::Shortage;
use crate::model::HostId;

/// How many attempts a failure is worth that may pass.
const ATTEMPTS: u32 = 3;
/// How many where so many were turned away that it need not be the host's doing: each halves what is opened at once.
const CROWDED: u32 = 12;

/// Decides whether a host is connected to again, and waits before it is.
#[derive(Debug)]
pub(super) struct Retry {
    attempt: u32,
    begun: Instant,
    asked_for_more: bool,
    shortage: Shortage,
}

impl Retry {
    pub(super) fn new() -> Self {
        Self { attempt: 1, begun: Instant::now(), asked_for_more: false, shortage: Shortage::new() }
    }

    /// Waits, and tells whether to connect again.
    pub(super) async fn again(&mut self, pool: &Pool, way: &Throttle, host: &HostId, reading: Reading) -> bool {
        if reading.mute && !self.asked_for_more {
            // Its words are lost, and are there the next time.
            self.asked_for_more = true;
            pool.verbose.store(true, Ordering::Relaxed);
            if reading.cause == Cause::Timeout {
                return true;
            }
        }
        if reading.cause == Cause::ThisMachine {
            return self.shortage.wait("ssh could not connect").await;
        }
        // What answers others may answer this one, too; what answers nobody is not asked again and again.
        let answers_others = matches!(reading.cause, Cause::Resolver | Cause::Agent) && way.has_let_in();
        if !reading.cause.passes() && !answers_others {
            return false;
        }
        let crowded = reading.cause == Cause::Turned && way.is_crowded();
        let most = if crowded { CROWDED } else { ATTEMPTS };
        // One that turns us away for a reason of its own is not waited for longer than one that is not there.
        let in_time = crowded || self.attempt == 1 || self.begun.elapsed() < pool.settings.connect_timeout;
        if self.attempt >= most || !in_time {
            return false;
        }
        tracing::debug!(%host, attempt = self.attempt, cause = ?reading.cause, "connecting again");
        // Apart from each other, so that those who were turned away together do not come back together.
        let pause = Duration::from_millis(fastrand::u64(300..900)).saturating_mul(1 << self.attempt.min(2));
        sleep(pause).await;
        self.attempt += 1;
        true
    }
}
