use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::{Instant, sleep};

use super::settings::{SshSettings, TransferSettings};
use crate::model::Failure;

/// How many descriptors are asked for: programs that close every one they may have take long where there are very many.
const ENOUGH: u64 = 65_536;
/// What sockets, journals, the store and the site's commands need beside the hosts.
const RESERVE: u64 = 96;
/// What one script or one transfer holds here at once: three pipes, a socket, the process, and what opens for a moment.
const PER_CONVERSATION: u64 = 7;
/// What one ssh that connects holds here.
const PER_CONNECT: u64 = 5;
/// How long something that this machine ran out of is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// Tells how many descriptors this process may have, and what that is enough for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors {
    /// How many it may have.
    pub limit: u64,
    /// How many of them are free.
    pub free: u64,
    /// How many the widths of the settings would need.
    pub wanted: u64,
}

impl Descriptors {
    /// Raises the soft limit as far as it goes, and counts.
    #[must_use]
    pub fn count(ssh: &SshSettings, transfer: &TransferSettings) -> Self {
        let limit = raise();
        let used = std::fs::read_dir("/proc/self/fd").map_or(64, |entries| entries.count() as u64);
        Self { limit, free: limit.saturating_sub(used + RESERVE), wanted: wanted(ssh, transfer) }
    }

    /// Tells whether everything fits.
    #[must_use]
    pub const fn suffice(self) -> bool {
        self.wanted <= self.free
    }

    /// Makes the widths as small as what is free, each by the same factor.
    #[must_use]
    pub fn fit(self, ssh: SshSettings, at_once: usize) -> (SshSettings, usize) {
        if self.suffice() {
            return (ssh, at_once);
        }
        let scale = |width: usize| {
            let scaled = (width as u64).saturating_mul(self.free) / self.wanted.max(1);
            usize::try_from(scaled).unwrap_or(width).clamp(1, width.max(1))
        };
        let (connects, execs, sessions) = (scale(ssh.connects), scale(ssh.execs), scale(ssh.sessions));
        (SshSettings { connects, execs, sessions, ..ssh }, scale(at_once))
    }
}

fn wanted(ssh: &SshSettings, transfer: &TransferSettings) -> u64 {
    let conversations = (ssh.execs.min(ssh.sessions) as u64).saturating_add(transfer.at_once as u64);
    conversations.saturating_mul(PER_CONVERSATION).saturating_add((ssh.connects as u64).saturating_mul(PER_CONNECT))
}

/// Raises the soft limit to the hard one; gives what it is now.
fn raise() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let now = current.unwrap_or(u64::MAX);
    let goal = maximum.unwrap_or(u64::MAX).min(ENOUGH);
    if goal <= now {
        return now;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(goal), maximum }) {
        Ok(()) => goal,
        Err(error) => {
            tracing::debug!(%error, "the limit of descriptors stays as it is");
            now
        }
    }
}

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

    use super::{Descriptors, exhaustion, patiently};
    use crate::host::settings::{SshSettings, TransferSettings};

    #[test]
    fn widths_fit_into_what_is_free_and_stay_as_they_are_where_that_is_enough() {
        let (ssh, transfer) = (SshSettings::default(), TransferSettings::default());
        let wanted = super::wanted(&ssh, &transfer);
        let roomy = Descriptors { limit: 20_000, free: 19_000, wanted };
        assert_eq!(roomy.fit(ssh.clone(), transfer.at_once), (ssh.clone(), transfer.at_once));
        for free in [0, 10, 100, 800] {
            let tight = Descriptors { limit: 1024, free, wanted };
            let (fitted, at_once) = tight.fit(ssh.clone(), transfer.at_once);
            let settings = TransferSettings { at_once, ..transfer.clone() };
            let least = super::wanted(
                &SshSettings { connects: 1, execs: 1, sessions: 1, ..ssh.clone() },
                &TransferSettings { at_once: 1, ..transfer.clone() },
            );
            assert!(super::wanted(&fitted, &settings) <= free.max(least), "{free}: {fitted:?}");
        }
    }

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
