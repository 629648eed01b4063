use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, Reader, Tail};
use super::script::Script;

/// Sends a script to a shell and reads what it says, until its end, or the end of the stream; a shell that has not begun
/// the script after `patience` is mute. `hear` is given all that comes on standard output, as it comes.
///
/// Reads while it writes, so neither side waits for the other; what comes on standard error is kept for people, its end at least.
/// Cancel safe in that nothing of it lives on when it is dropped.
pub(super) async fn converse(
    script: &Script,
    patience: Duration,
    mut hear: impl FnMut(&[u8]),
    mut stdin: impl AsyncWrite + Unpin,
    mut stdout: impl AsyncRead + Unpin,
    mut stderr: impl AsyncRead + Unpin,
) -> (Answer, Tail) {
    let text = script.text();
    let write = async {
        // A shell that is gone is told by what it did not say.
        let sent: io::Result<()> = async {
            stdin.write_all(&text).await?;
            stdin.flush().await?;
            stdin.shutdown().await
        }
        .await;
        if let Err(error) = sent {
            tracing::debug!(%error, phase = ?script.phase, "the script was not taken whole");
        }
        drop(stdin);
    };
    let read = async {
        let mut reader = Reader::new(&script.token);
        let mut buffer = vec![0; 16 * 1024];
        let begin_by = Instant::now() + patience;
        loop {
            let more = stdout.read(&mut buffer);
            // A host that logs in and then runs nothing is not to be waited for as long as one that works.
            let more = if reader.has_begun() { Ok(more.await) } else { timeout_at(begin_by, more).await };
            match more {
                Ok(Ok(length @ 1..)) => {
                    let heard = buffer.get(..length).unwrap_or_default();
                    hear(heard);
                    if !reader.push(heard) {
                        break reader.finish();
                    }
                }
                Ok(_) => break reader.finish(),
                Err(_) => break Answer { mute: true, ..reader.finish() },
            }
        }
    };
    let mut complaints = Tail::default();
    let mut answer = None;
    {
        let complain = async {
            let mut buffer = vec![0; 4 * 1024];
            while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
                complaints.push(buffer.get(..length).unwrap_or_default());
            }
        };
        tokio::pin!(write, read, complain);
        let (mut written, mut complained) = (false, false);
        while answer.is_none() {
            tokio::select! {
                biased;
                read = &mut read => answer = Some(read),
                () = &mut write, if !written => written = true,
                () = &mut complain, if !complained => complained = true,
            }
        }
        // Without an end the reason is on standard error, if anywhere; it may be a moment behind.
        if !complained && !answer.as_ref().is_some_and(|answer: &Answer| answer.ended) {
            let moment = std::time::Duration::from_millis(300);
            if tokio::time::timeout(moment, &mut complain).await.is_err() {
                tracing::debug!("standard error stays open");
            }
        }
    }
    (answer.unwrap_or_default(), complaints)
}
