use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use tokio::time::{Instant, sleep};

use crate::model::Failure;

/// How long something that this machine ran out of is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// Tells whether an error means that this machine has run out of something, for now.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    let mean = [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM, Errno::ADDRNOTAVAIL, Errno::NOBUFS];
    mean.into_iter().any(|errno| code == Some(errno.raw_os_error()))
}

/// Finds such an error behind another one.
pub(super) fn exhaustion<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && is_exhausted(error)
        {
            return Some(error);
        }
        source = error.source();
    }
    None
}

/// Says that a failure is this machine's where the reason is that it has run out of something.
pub(super) fn blame(failure: Failure, error: &io::Error) -> Failure {
    if is_exhausted(error) {
        failure.here().hint("it is no fault of the host: see `ulimit -n`, `ulimit -u` and the memory here")
    } else {
        failure
    }
}

/// How many wait just now for what this machine ran out of.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Counts one who waits, as long as it lives.
pub(super) struct Waiting;

impl Waiting {
    pub(super) fn begin() -> Self {
        WAITING.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells whether anything waits for what this machine ran out of: what hosts do not answer then may not have been asked.
#[must_use]
pub fn is_short() -> bool {
    WAITING.load(Ordering::Relaxed) > 0
}

/// Waits for what this machine ran out of.
#[derive(Debug)]
pub(super) struct Shortage {
    until: Instant,
    pause: Duration,
}

impl Shortage {
    pub(super) fn new() -> Self {
        Self { until: Instant::now() + PATIENCE, pause: Duration::from_millis(50) }
    }

    /// Waits a while, longer each time; tells whether it is worth another attempt.
    pub(super) async fn wait(&mut self, what: &str) -> bool {
        static TOLD: AtomicBool = AtomicBool::new(false);
        if Instant::now() >= self.until {
            return false;
        }
        if !TOLD.swap(true, Ordering::Relaxed) {
            tracing::warn!("this machine ran out of something and waits for it: {what} (see `ulimit -n`, `ulimit -u`)");
        }
        let _waiting = Waiting::begin();
        sleep(self.pause + Duration::from_millis(fastrand::u64(0..50))).await;
        self.pause = self.pause.saturating_mul(2).min(Duration::from_secs(5));
        true
    }
}

/// Does something, and again while this machine has run out of what that needs.
pub(super) async fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut shortage = Shortage::new();
    loop {
        match attempt() {
            Err(error) if is_exhausted(&error) => {
                if !shortage.wait(&error.to_string()).await {
                    return Err(error);
                }
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{exhaustion, patiently};

    #[tokio::test(start_paused = true)]
    async fn what_this_machine_ran_out_of_is_waited_for_and_nothing_else_is() {
        let mut left = 5;
        let done = patiently(|| {
            left -= 1;
            if left > 0 { Err(io::Error::from_raw_os_error(24)) } else { Ok(left) }
        });
        assert_eq!(done.await.unwrap(), 0);
        let mut asked = 0;
        let refused = patiently(|| -> io::Result<()> {
            asked += 1;
            Err(io::ErrorKind::NotFound.into())
        });
        assert_eq!(refused.await.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(asked, 1);
        let endless = patiently(|| -> io::Result<()> { Err(io::Error::from_raw_os_error(11)) }).await;
        assert!(exhaustion(&endless.unwrap_err()).is_some());
    }
}
