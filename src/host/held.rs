use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::answer::{Answer, Reader};
use super::script::Script;
use super::shell::Ends;

/// How long what is held may take until it is ready: it tries one port after the other.
pub(super) const BEGINS: Duration = Duration::from_secs(60);

type Ending = (Pin<Box<dyn AsyncWrite + Send>>, Box<dyn Any + Send>);

/// Holds a script that stays on its host; let go, it ends there.
pub(super) struct Held {
    /// Its standard input, whose end is what the script waits for, and its channel. Nobody locks it: it is shared, and they are not.
    _ends: Mutex<Ending>,
    listening: JoinHandle<()>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("over", &self.is_over()).finish_non_exhaustive()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Held {
    /// Begins to hold a script once it has said `ready`; gives what it said so far, and nothing to hold where it ended before. `connection`
    /// lives as long.
    ///
    /// Dropping the future lets go.
    pub(super) async fn begin(
        script: &Script,
        ready: &str,
        patience: Duration,
        ends: Ends,
        connection: impl Send + 'static,
    ) -> (Answer, Option<Self>) {
        let Ends { mut stdin, mut stdout, stderr, keep } = ends;
        let mut reader = Reader::new(&script.token);
        let read = async {
            let text = script.text();
            let write = async {
                let sent = async {
                    stdin.write_all(&text).await?;
                    stdin.flush().await
                };
                // A shell that is gone is told by what it did not say.
                if let Err(error) = sent.await {
                    tracing::debug!(%error, "a script was not taken whole");
                }
            };
            let read = async {
                let mut buffer = vec![0; 16 * 1024];
                while let Ok(length @ 1..) = stdout.read(&mut buffer).await {
                    let goes_on = reader.push(buffer.get(..length).unwrap_or_default());
                    if !goes_on || reader.has(ready) {
                        return goes_on;
                    }
                }
                false
            };
            tokio::join!(write, read).1
        };
        let goes_on = timeout(patience, read).await;
        let answer = Answer { late: goes_on.is_err(), ..reader.finish() };
        if !matches!(goes_on, Ok(true)) {
            return (answer, None);
        }
        let listening = tokio::spawn(listen(stdout, stderr, Reader::new(&script.token)));
        (answer, Some(Self { _ends: Mutex::new((stdin, Box::new((keep, connection)))), listening }))
    }

    /// Tells whether it ended, or said that what it is for is gone.
    pub(super) fn is_over(&self) -> bool {
        self.listening.is_finished()
    }
}

/// Reads until there is no more, or word that it is over.
async fn listen(
    mut stdout: Pin<Box<dyn AsyncRead + Send>>,
    mut stderr: Pin<Box<dyn AsyncRead + Send>>,
    mut reader: Reader,
) {
    let read = async {
        let mut buffer = vec![0; 1024];
        while let Ok(length @ 1..) = stdout.read(&mut buffer).await {
            if !reader.push(buffer.get(..length).unwrap_or_default()) || reader.has("gone") {
                break;
            }
        }
    };
    let complaints = async {
        let mut buffer = vec![0; 1024];
        while let Ok(1..) = stderr.read(&mut buffer).await {}
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = read => {}
        () = complaints => {}
    }
}
