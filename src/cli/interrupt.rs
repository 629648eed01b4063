use tokio::signal::unix::{SignalKind, signal};

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

/// Waits for what changes nothing on any host, unless SIGINT or SIGTERM comes first.
///
/// From here on these signals no longer end the process by themselves: whoever waits for something has to say so here, or
/// to take them.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let no_signals = |error: std::io::Error| Error::before(format!("signals cannot be taken: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let name = tokio::select! {
        done = work => return done,
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    };
    Err(Error::new(Kind::Interrupted, format!("{name}: nothing was changed")))
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
