use std::thread;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::error::Failed;
use super::main::runtime;

/// Runs what changes nothing on any host; a signal ends it, and with it every process that it started.
pub(super) fn run<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    runtime()?.block_on(unless_interrupted(work))
}

/// Waits for what changes nothing on any host, unless SIGINT or SIGTERM comes first.
///
/// From here on these signals no longer end the process by themselves: whoever waits for something has to say so here, or
/// to take them.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    let no_signals = |error: std::io::Error| Failed::before(format!("signals cannot be taken: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let name = tokio::select! {
        done = work => return done,
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    };
    Err(Failed { code: Failed::INTERRUPTED, message: format!("{name}: nothing was changed"), hint: None })
}

/// Does what blocks in a thread of its own, which is left behind when the future is dropped and ends with the process.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failed> {
    let (done, result) = oneshot::channel();
    thread::Builder::new()
        .spawn(move || drop(done.send(work())))
        .map_err(|error| Failed::before(format!("no thread can be started: {error}")))?;
    result.await.map_err(|_| Failed { code: Failed::BUG, message: "a thread panicked".to_owned(), hint: None })
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use super::{aside, unless_interrupted};
    use crate::cli::error::Failed;

    #[tokio::test]
    async fn a_signal_ends_what_changed_nothing_with_130() {
        let waiting = tokio::spawn(unless_interrupted(pending::<Result<(), Failed>>()));
        let mut signals = tokio::time::interval(Duration::from_millis(10));
        // The first ones come before it listens, and mean nothing to this process as soon as the test has taken them too.
        let mine = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        while !waiting.is_finished() {
            signals.tick().await;
            kill_process(getpid(), Signal::TERM).unwrap();
        }
        drop(mine);
        let failed = waiting.await.unwrap().unwrap_err();
        assert_eq!((failed.code, failed.message.as_str()), (130, "SIGTERM: nothing was changed"));
    }

    #[tokio::test]
    async fn what_blocks_is_done_aside() {
        assert_eq!(aside(|| 7).await.unwrap(), 7);
        assert_eq!(unless_interrupted(async { Ok(8) }).await.unwrap(), 8);
    }
}
