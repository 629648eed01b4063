use std::time::Duration;

use jiff::Timestamp;

/// Tells the time to the engine.
pub trait Clock: Send + Sync + 'static {
    /// Gives the time that goes into the journal.
    fn now(&self) -> Timestamp;

    /// Gives how long to sleep for a moment before this clock is asked again.
    fn nap(&self, until: Timestamp) -> Duration {
        until.duration_since(self.now()).try_into().unwrap_or(Duration::ZERO)
    }
}

/// Tells the time of the machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn nap(&self, until: Timestamp) -> Duration {
        // A timer stands still while the machine is suspended, and does not hear of a clock that was set.
        const LONGEST: Duration = Duration::from_secs(30);
        let left: Duration = until.duration_since(self.now()).try_into().unwrap_or(Duration::ZERO);
        left.min(LONGEST)
    }
}

/// Tells the time of tokio's own clock, which stands still or jumps in a simulation.
#[derive(Debug, Clone, Copy)]
pub struct VirtualClock {
    epoch: Timestamp,
    start: tokio::time::Instant,
}

impl VirtualClock {
    /// Starts a clock that shows `epoch` now.
    #[must_use]
    pub fn new(epoch: Timestamp) -> Self {
        Self { epoch, start: tokio::time::Instant::now() }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        jiff::SignedDuration::try_from(self.start.elapsed())
            .ok()
            .and_then(|elapsed| self.epoch.checked_add(elapsed).ok())
            .unwrap_or(Timestamp::MAX)
    }
}
