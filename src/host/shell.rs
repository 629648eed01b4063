use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{Answer, Reader, Record, Tail};
use super::script::{Opening, Phase, Script};

/// How long a shell that is there may take to get its library: a link may be slow.
const SENDING: Duration = Duration::from_secs(30);
/// How many shells that were given up are ended by the next at most.
const GIVEN_UP: usize = 4;

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
    /// Whether it was sent no more than questions need.
    only_asks: bool,
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

/// Says what is waited for.
#[derive(Debug, Clone, Copy)]
struct Awaited<'a> {
    /// What each of its records begins with.
    token: &'a str,
    /// How long it may take to begin.
    patience: Duration,
    /// How long it may take in all.
    most: Duration,
}

impl<'a> Awaited<'a> {
    /// Waits for what a shell says that gets its library.
    const fn sending(token: &'a str) -> Self {
        Self { token, patience: SENDING, most: SENDING }
    }

    /// Waits for what a step says.
    fn step(script: &'a Script, patience: Duration) -> Self {
        // A host that logs in and then runs nothing is not to be waited for as long as one that works.
        Self { token: &script.token, patience: patience.min(script.deadline), most: script.deadline }
    }
}

impl Shell {
    /// Waits until a shell answers, sends it the library, and does the first step in it; one that says nothing for `patience` is mute.
    ///
    /// `stale` names the shells that were given up before, which are ended first; where this one may be at work and be given up it is added to
    /// them. A question by itself is sent with all that it needs in one go. What changes something is not: the shell has to have said before which one
    /// it is; and the library is packed for it where the host can unpack it, as for a question that a rollout begins with: a fourth of the
    /// bytes for three processes.
    ///
    /// Dropping the future closes what was opened.
    ///
    /// # Errors
    ///
    /// When no shell of ours answers; the answer has `mute` where nothing came in time.
    pub(super) async fn open(
        mut ends: Ends,
        stale: &mut Option<String>,
        patience: Duration,
        script: &Script,
    ) -> Result<(Self, Answer), NotOpened> {
        let complaints = Arc::new(Mutex::new(Tail::default()));
        let complain = tokio::spawn(complain(
            std::mem::replace(&mut ends.stderr, Box::pin(tokio::io::empty())),
            Arc::clone(&complaints),
        ));
        let only_asks = script.alone;
        let mut shell = Self { ends, identity: None, only_asks, greeted: String::new(), complaints, complain };
        let opening = Opening::new(stale.as_deref(), script);
        let (library, step) = (Awaited::sending(&opening.token), Awaited::step(script, patience));
        let greeting = Awaited { token: &opening.token, patience, most: patience };
        let (opened, first) = if only_asks {
            let text = [opening.greeting(), opening.text()];
            let [greeted, opened, first] = shell.say(&text, [greeting, library, step]).await;
            shell.greeted.clone_from(&greeted.greeting);
            if greeted.ended { (opened, first) } else { (greeted, first) }
        } else {
            let text = [opening.asking(), opening.question()];
            let [mut greeted] = shell.say(&text, [Awaited { most: SENDING.max(patience), ..greeting }]).await;
            shell.greeted = std::mem::take(&mut greeted.greeting);
            if let Some(identity) = greeted.first("stat").and_then(|stat| identity(&stat.text())) {
                // Until it has ended the one before, both are to be ended by the next.
                *stale = Some(stale.as_deref().map_or(identity.clone(), |before| beside(before, &identity)));
            }
            let (mut opened, mut first) = (greeted, Answer::default());
            if opened.ended && opened.has("packed") {
                [opened, first] = shell.say(&[Opening::packed()], [library, step]).await;
            }
            if opened.ended && !opened.has("session") {
                [opened, first] = shell.say(&[opening.plain()], [library, step]).await;
            }
            (opened, first)
        };
        if !opened.ended {
            let complaints = shell.complaints().await;
            return Err(NotOpened { answer: Answer { mute: opened.mute || opened.late, ..opened }, complaints });
        }
        let is_number = |word: &String| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        shell.identity = opened
            .first("session")
            .map(Record::words)
            .filter(|words| words.len() == 3 && words.iter().all(is_number))
            .map(|words| words.join(" "));
        let first = shell.greeted(first);
        Ok((shell, first))
    }

    /// Does a step; the answer has `late` when it took longer than its deadline, and no end when the shell ended before it.
    ///
    /// A shell whose step did not come to its end is of no further use. Dropping the future leaves a shell of no further use.
    pub(super) async fn step(&mut self, script: &Script, patience: Duration) -> Answer {
        let [answer] = self.say(&[script.step()], [Awaited::step(script, patience)]).await;
        self.greeted(answer)
    }

    /// Says of an answer what came before anything of ours: a shell greets once, whatever is asked of it then.
    fn greeted(&self, answer: Answer) -> Answer {
        Answer { greeting: self.greeted.clone(), ..answer }
    }

    /// Tells whether it has what a step calls.
    pub(super) const fn knows(&self, script: &Script) -> bool {
        !self.only_asks || matches!(script.phase, Phase::Probe)
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

    /// Sends texts, each by itself, and reads one answer after the other, each up to its end; behind one without an end, or with `unpacked`,
    /// nothing is waited for.
    ///
    /// Reads while it writes, so neither side waits for the other.
    async fn say<const N: usize>(&mut self, texts: &[impl AsRef<[u8]>], awaited: [Awaited<'_>; N]) -> [Answer; N] {
        let Ends { stdin, stdout, .. } = &mut self.ends;
        let write = async {
            let sent = async {
                for text in texts {
                    stdin.write_all(text.as_ref()).await?;
                    stdin.flush().await?;
                }
                Ok::<(), std::io::Error>(())
            };
            // A shell that is gone is told by what it does not say.
            if let Err(error) = sent.await {
                tracing::debug!(%error, "a step was not taken whole");
            }
        };
        let read = async {
            let mut answers = [const { None }; N];
            let mut come = Vec::new();
            for (awaited, answer) in awaited.iter().zip(&mut answers) {
                let heard = hear(stdout, &mut come, *awaited).await;
                let is_last = !heard.ended || heard.has("unpacked");
                *answer = Some(heard);
                if is_last {
                    break;
                }
            }
            answers.map(Option::unwrap_or_default)
        };
        tokio::pin!(write, read);
        let mut written = false;
        loop {
            tokio::select! {
                biased;
                answers = &mut read => break answers,
                () = &mut write, if !written => written = true,
            }
        }
    }
}

/// Reads an answer up to its end. `come` is what came and was not read yet, and then what came behind the end.
async fn hear(stdout: &mut (impl AsyncRead + Unpin), come: &mut Vec<u8>, awaited: Awaited<'_>) -> Answer {
    let begun = Instant::now();
    let mut reader = Reader::new(awaited.token);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if let Some(behind) = reader.take(come) {
            *come = behind.to_vec();
            return reader.finish();
        }
        come.clear();
        let until = begun + if reader.has_begun() { awaited.most } else { awaited.patience };
        match timeout_at(until, stdout.read(&mut buffer)).await {
            Ok(Ok(length @ 1..)) => come.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Ok(_) => return reader.finish(),
            Err(_) if reader.has_begun() => return Answer { late: true, ..reader.finish() },
            Err(_) => return Answer { mute: true, ..reader.finish() },
        }
    }
}

/// Adds a shell to those that are to be ended; of many the latest are, since their guards have ended the others.
fn beside(before: &str, identity: &str) -> String {
    let words: Vec<&str> = before.split(' ').chain(identity.split(' ')).collect();
    words.get(words.len().saturating_sub(3 * GIVEN_UP)..).unwrap_or_default().join(" ")
}

/// Reads of a line of `/proc/PID/stat` which process it is: its number, its group and its start (`proc_pid_stat(5)`).
fn identity(stat: &str) -> Option<String> {
    let pid = stat.split(' ').next()?;
    // Behind the name, which may have anything in it: state, parent, group, and the start as the 20th.
    let words: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let identity = [pid, *words.get(2)?, *words.get(19)?];
    let is_number = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    identity.iter().all(is_number).then(|| identity.join(" "))
}

async fn complain(mut stderr: Pin<Box<dyn AsyncRead + Send>>, complaints: Arc<Mutex<Tail>>) {
    let mut buffer = vec![0; 4 * 1024];
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        complaints.lock().unwrap_or_else(PoisonError::into_inner).push(buffer.get(..length).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::{beside, identity};

    #[test]
    fn a_shell_is_known_by_its_number_its_group_and_its_start() {
        let stat = format!("42 (a) b) S 1 40 40 0 -1 {} 9876 1 2", ["0"; 13].join(" "));
        assert_eq!(identity(&format!("{stat} 3")).unwrap(), "42 40 9876");
        for wrong in ["", "42", "42 (sh) S 1 40", &stat.replace("9876", "x"), &stat.replace("42 (", "; (")] {
            assert_eq!(identity(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn only_the_latest_that_were_given_up_are_ended() {
        let all = (2..7).fold("1 1 1".to_owned(), |before, n| beside(&before, &format!("{n} {n} {n}")));
        assert_eq!(all, "3 3 3 4 4 4 5 5 5 6 6 6");
    }
}
