use std::io;
use std::thread;

use thiserror::Error;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Tells why nothing came of a thread.
#[derive(Debug, Error)]
pub enum Lost {
    /// The system refused one.
    #[error("no thread can be started: {0}")]
    NotStarted(io::Error),
    /// It panicked.
    #[error("a thread panicked")]
    Panicked,
}

/// Does what blocks in a thread of its own, which is left behind when the future is dropped and ends with the process.
///
/// # Errors
///
/// When no thread can be started, or the work panics.
pub async fn in_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Lost> {
    let (done, result) = oneshot::channel();
    thread::Builder::new().spawn(move || drop(done.send(work()))).map_err(Lost::NotStarted)?;
    result.await.map_err(|_| Lost::Panicked)
}

/// Waits for a future where nothing is asynchronous, or where a runtime must not be blocked by its own waiting.
///
/// # Errors
///
/// As [`in_thread`].
pub fn wait<T: Send>(work: impl Future<Output = T> + Send) -> Result<T, Lost> {
    thread::scope(|scope| {
        let waiting = thread::Builder::new().spawn_scoped(scope, || {
            let runtime = Builder::new_current_thread().enable_all().build().map_err(Lost::NotStarted)?;
            Ok(runtime.block_on(work))
        });
        waiting.map_err(Lost::NotStarted)?.join().map_err(|_| Lost::Panicked)?
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Lost, in_thread, wait};

    #[tokio::test]
    async fn what_blocks_is_done_in_a_thread() {
        assert_eq!(in_thread(|| 7).await.unwrap(), 7);
        let panicked = in_thread(|| std::panic::resume_unwind(Box::new(()))).await;
        assert!(matches!(panicked, Err::<(), _>(Lost::Panicked)));
    }

    #[tokio::test]
    async fn a_future_is_waited_for_inside_a_runtime_and_outside() {
        let work = || async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            8
        };
        assert_eq!(wait(work()).unwrap(), 8);
        assert_eq!(in_thread(move || wait(work()).unwrap()).await.unwrap(), 8);
    }
}
