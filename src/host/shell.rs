use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{Answer, Reader, Record, Tail};
use super::script::{Opening, Script};

/// How long a shell that is there may take to get its library: a link may be slow.
const SENDING: Duration = Duration::from_secs(30);

/// Holds what a shell is spoken to through.
pub(super) struct Ends {
    pub(super) stdin: Pin<Box<dyn AsyncWrite + Send>>,
    pub(super) stdout: Pin<Box<dyn AsyncRead + Send>>,
    pub(super) stderr: Pin<Box<dyn AsyncRead + Send>>,
    /// What has to live as long as the shell: a channel, or a group of processes.
    pub(super) keep: Box<dyn Any + Send>,
}

/// Holds a shell on a host that has the library of remote functions, and does one step after the other.
///
/// Dropped, whatever it does there is ended by its own guard within seconds; so is what hangs.
pub(super) struct Shell {
    ends: Ends,
    /// Its process there, its group and its start, where the host says it.
    identity: Option<String>,
    /// What came before anything of ours ran: rsync would take that for its own.
    greeted: String,
    complaints: Arc<Mutex<Tail>>,
    complain: JoinHandle<()>,
}

impl fmt::Debug for Shell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shell").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.complain.abort();
    }
}

/// Tells why no shell is there.
#[derive(Debug)]
pub(super) struct NotOpened {
    /// What came before it could begin.
    pub(super) answer: Answer,
    pub(super) complaints: Tail,
}

impl Shell {
    /// Waits until a shell answers, and sends it the library; one that says nothing for `patience` is mute.
    ///
    /// `stale` is the identity of the shell that was given up before: it is ended first. With `packed` a fourth of the bytes is sent
    /// where the host can unpack them, by three processes: worth it for a rollout, and not for one question.
    ///
    /// Dropping the future closes what was opened.
    ///
    /// # Errors
    ///
    /// When no shell of ours answers; the answer has `mute` where nothing came in time.
    pub(super) async fn open(
        mut ends: Ends,
        stale: Option<&str>,
        patience: Duration,
        packed: bool,
    ) -> Result<Self, NotOpened> {
        let complaints = Arc::new(Mutex::new(Tail::default()));
        let complain = tokio::spawn(complain(
            std::mem::replace(&mut ends.stderr, Box::pin(tokio::io::empty())),
            Arc::clone(&complaints),
        ));
        let mut shell = Self { ends, identity: None, greeted: String::new(), complaints, complain };
        let opening = Opening::new(stale);
        let greeting = if packed { opening.packing() } else { opening.greeting() };
        let mut answer = shell.say(&greeting, &opening.token, patience, patience).await;
        if answer.ended {
            shell.greeted = std::mem::take(&mut answer.greeting);
        }
        if answer.ended && answer.has("packed") {
            answer = shell.say(Opening::packed(), &opening.token, SENDING, SENDING).await;
        }
        if answer.ended && !answer.has("session") {
            answer = shell.say(&opening.text(), &opening.token, SENDING, SENDING).await;
        }
        if !answer.ended {
            let complaints = shell.complaints().await;
            return Err(NotOpened { answer: Answer { mute: answer.mute || answer.late, ..answer }, complaints });
        }
        let is_number = |word: &String| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        shell.identity = answer
            .first("session")
            .map(Record::words)
            .filter(|words| words.len() == 3 && words.iter().all(is_number))
            .map(|words| words.join(" "));
        Ok(shell)
    }

    /// Does a step; the answer has `late` when it took longer than its deadline, and no end when the shell ended before it.
    ///
    /// A shell whose step did not come to its end is of no further use. Dropping the future leaves a shell of no further use.
    pub(super) async fn step(&mut self, script: &Script, patience: Duration) -> Answer {
        let answer = self.say(&script.step(), &script.token, patience, script.deadline).await;
        // It greets once, whatever is asked of it then.
        Answer { greeting: self.greeted.clone(), ..answer }
    }

    /// Tells which process it is on the host, to end it by.
    pub(super) fn identity(&self) -> Option<&str> {
        self.identity.as_deref()
    }

    /// Gives what came on standard error lately; what is on its way may be a moment behind.
    pub(super) async fn complaints(&mut self) -> Tail {
        if timeout(Duration::from_millis(300), &mut self.complain).await.is_err() {
            tracing::debug!("standard error stays open");
        }
        std::mem::take(&mut self.complaints.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends a text and reads what is said with a token, up to its end.
    ///
    /// Reads while it writes, so neither side waits for the other.
    async fn say(&mut self, text: &[u8], token: &str, patience: Duration, most: Duration) -> Answer {
        let Ends { stdin, stdout, .. } = &mut self.ends;
        let begun = Instant::now();
        let write = async {
            let sent = async {
                stdin.write_all(text).await?;
                stdin.flush().await
            };
            // A shell that is gone is told by what it does not say.
            if let Err(error) = sent.await {
                tracing::debug!(%error, "a step was not taken whole");
            }
        };
        let read = async {
            let mut reader = Reader::new(token);
            let mut buffer = vec![0; 16 * 1024];
            loop {
                // A host that logs in and then runs nothing is not to be waited for as long as one that works.
                let until = begun + if reader.has_begun() { most } else { patience.min(most) };
                match timeout_at(until, stdout.read(&mut buffer)).await {
                    Ok(Ok(length @ 1..)) if reader.push(buffer.get(..length).unwrap_or_default()) => {}
                    Ok(_) => break reader.finish(),
                    Err(_) if reader.has_begun() => break Answer { late: true, ..reader.finish() },
                    Err(_) => break Answer { mute: true, ..reader.finish() },
                }
            }
        };
        tokio::pin!(write, read);
        let mut written = false;
        loop {
            tokio::select! {
                biased;
                answer = &mut read => break answer,
                () = &mut write, if !written => written = true,
            }
        }
    }
}

async fn complain(mut stderr: Pin<Box<dyn AsyncRead + Send>>, complaints: Arc<Mutex<Tail>>) {
    let mut buffer = vec![0; 4 * 1024];
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        complaints.lock().unwrap_or_else(PoisonError::into_inner).push(buffer.get(..length).unwrap_or_default());
    }
}
