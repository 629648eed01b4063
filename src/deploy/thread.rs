use std::thread;

use tokio::sync::oneshot;

use super::error::{Error, Kind};

/// Does what blocks in a thread of its own, which is left behind when the future is dropped and ends with the process.
///
/// # Errors
///
/// When no thread can be started.
pub async fn in_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let (done, result) = oneshot::channel();
    thread::Builder::new()
        .spawn(move || drop(done.send(work())))
        .map_err(|error| Error::before(format!("no thread can be started: {error}")))?;
    result.await.map_err(|_| Error::new(Kind::Bug, "a thread panicked"))
}

#[cfg(test)]
mod tests {
    use super::in_thread;

    #[tokio::test]
    async fn what_blocks_is_done_in_a_thread() {
        assert_eq!(in_thread(|| 7).await.unwrap(), 7);
        assert!(in_thread(|| std::panic::resume_unwind(Box::new(()))).await.is_err());
    }
}
