use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Tells the time to the engine.
pub trait Clock: Send + Sync + 'static {
    /// Gives the time that goes into the journal.
    fn now(&self) -> Timestamp;

    /// Gives how long this clock has run. Nobody sets it, and it also runs while the machine is suspended: so whoever asks twice
    /// learns how long it stood still between.
    fn elapsed(&self) -> Duration;

    /// Gives how long to sleep for a moment before this clock is asked again.
    fn nap(&self, until: Timestamp) -> Duration {
        until.duration_since(self.now()).try_into().unwrap_or(Duration::ZERO)
    }
}

/// Tells the time of the machine as it was when this was made, and counts from there by itself.
///
/// A soak is neither longer nor shorter because somebody set the machine's clock meanwhile, and the times of one conductor's
/// records never go back. It counts by `CLOCK_BOOTTIME`, which runs on while the machine is suspended (clock_gettime(2)).
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    epoch: Timestamp,
    start: Duration,
}

impl SystemClock {
    /// Looks at the machine's clock for the first and last time.
    #[must_use]
    pub fn start() -> Self {
        Self { epoch: Timestamp::now(), start: since_boot() }
    }
}

fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        after(self.epoch, self.elapsed())
    }

    fn elapsed(&self) -> Duration {
        since_boot().saturating_sub(self.start)
    }

    fn nap(&self, until: Timestamp) -> Duration {
        // A timer stands still while the machine is suspended.
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
        after(self.epoch, self.start.elapsed())
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

fn after(at: Timestamp, elapsed: Duration) -> Timestamp {
    SignedDuration::try_from(elapsed).ok().and_then(|elapsed| at.checked_add(elapsed).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Clock as _, SystemClock};

    #[test]
    fn it_counts_by_itself_and_begins_where_the_machine_was() {
        let before = jiff::Timestamp::now();
        let clock = SystemClock::start();
        std::thread::sleep(Duration::from_millis(20));
        let elapsed = clock.elapsed();
        assert!(elapsed >= Duration::from_millis(20) && elapsed < Duration::from_secs(60), "{elapsed:?}");
        assert!(clock.now() >= before);
        assert_eq!(clock.nap(clock.now()), Duration::ZERO);
    }
}
