use std::future::pending;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::deploy::{Error, Kind};

/// Makes what asynchronous commands run on.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::before(format!("no threads can be started: {error}")))
}

/// Runs what changes nothing on any host; a signal ends it, and with it every process that it started.
pub(super) fn run<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    runtime()?.block_on(unless_interrupted(work))
}

/// Waits for what changes nothing on any host, unless a signal comes first that ends it.
///
/// From here on these signals no longer end the process by themselves: whoever waits for something has to say so here, or
/// to take them.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut interrupts = Interrupts::take()?;
    tokio::select! {
        done = work => done,
        name = interrupts.next() => Err(Error::new(Kind::Interrupted, format!("{name}: nothing was changed"))),
    }
}

/// Takes the signals by which whoever started a command ends it: SIGINT, SIGTERM, and SIGHUP, since what it started has groups of its own, which no
/// terminal takes along that is closed.
#[derive(Debug)]
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    /// None where it was ignored before.
    hang_up: Option<Signal>,
}

impl Interrupts {
    /// Takes them from here on; needs a runtime.
    pub(super) fn take() -> Result<Self, Error> {
        let taken = |kind| signal(kind).map_err(|error| Error::before(format!("signals cannot be taken: {error}")));
        Ok(Self {
            interrupt: taken(SignalKind::interrupt())?,
            terminate: taken(SignalKind::terminate())?,
            hang_up: if ignores_hang_up() { None } else { Some(taken(SignalKind::hangup())?) },
        })
    }

    /// Waits for one of them, and gives its name; may be dropped without losing one.
    pub(super) async fn next(&mut self) -> &'static str {
        let hung_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = hung_up => "SIGHUP",
        }
    }
}

/// Tells whether whoever started this had it outlive its terminal, as nohup(1) does: SIGHUP, the first of the signals, is ignored (proc_pid_status(5)).
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use super::unless_interrupted;
    use crate::deploy::Error;

    #[tokio::test]
    async fn a_signal_ends_what_changed_nothing_with_130() {
        let waiting = tokio::spawn(unless_interrupted(pending::<Result<(), Error>>()));
        let mut signals = tokio::time::interval(Duration::from_millis(10));
        // The first ones come before it listens, and mean nothing to this process as soon as the test has taken them too.
        let mine = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        while !waiting.is_finished() {
            signals.tick().await;
            kill_process(getpid(), Signal::TERM).unwrap();
        }
        drop(mine);
        let failed = waiting.await.unwrap().unwrap_err();
        assert_eq!((failed.exit().code(), failed.message()), (130, "SIGTERM: nothing was changed"));
    }
}
