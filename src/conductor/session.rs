use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _, BufWriter};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::lines::{Line, Lines};
use super::peer::Peer;
use super::tail::Tail;
use super::wire::{Farewell, FromClient, FromServer, Greeting, MOST_FROM_CLIENT, Mistake, Role};
use crate::engine::{Ended, Handle, Subscription};
use crate::rollout::Rejection;

/// How long a client may take to say what it is for.
const HELLO: Duration = Duration::from_secs(10);
/// How long a client may take nothing before it is left alone; one that comes back goes on where it was.
const STALL: Duration = Duration::from_secs(300);
/// How long the engine may take for a command, which it writes to the disk before it answers.
const ANSWER: Duration = Duration::from_secs(30);
/// How many answers may wait for a client that sends commands and reads nothing.
const ANSWERS: usize = 16;

/// Holds what every conversation needs.
#[derive(Debug, Clone)]
pub(super) struct Served {
    pub(super) greeting: Greeting,
    pub(super) journal: PathBuf,
    pub(super) handle: Handle,
    /// Why the conductor ends its conversations; none while it does not.
    pub(super) farewell: watch::Receiver<Option<Farewell>>,
}

/// Talks with one client until either has nothing more to say.
pub(super) async fn converse(stream: UnixStream, served: Served) -> io::Result<()> {
    let peer = Peer::of(&stream.peer_cred()?).await;
    let (read, write) = stream.into_split();
    let mut lines = Lines::new(read, MOST_FROM_CLIENT);
    let mut writer = Writer(BufWriter::new(write));
    writer.say(&FromServer::hello(served.greeting.clone())).await?;
    let Some((role, after)) = hello(&mut lines, &mut writer).await? else {
        return Ok(());
    };
    let (answers, to_answer) = mpsc::channel(ANSWERS);
    let listening = listen(lines, role, peer, served.handle.clone(), answers);
    let speaking = speak(writer, role, after, to_answer, served);
    // Whoever hears nothing more may still be answered; whoever is gone needs nothing more.
    tokio::pin!(listening, speaking);
    tokio::select! {
        spoken = &mut speaking => spoken,
        () = &mut listening => timeout(STALL, speaking).await.unwrap_or(Ok(())),
    }
}

/// Waits until the client says what it is for; none when it does not.
async fn hello(
    lines: &mut Lines<OwnedReadHalf>,
    writer: &mut Writer<OwnedWriteHalf>,
) -> io::Result<Option<(Role, u64)>> {
    loop {
        let why = match timeout(HELLO, lines.next()).await {
            Err(_) => {
                let why = format!("no hello within {} s", HELLO.as_secs());
                writer.say(&FromServer::error(why)).await?;
                return Ok(None);
            }
            Ok(line) => match line? {
                None => return Ok(None),
                Some(line) => match read(line) {
                    Ok(FromClient::Hello { role, after }) => return Ok(Some((role, after))),
                    Ok(FromClient::Command { id, .. }) => Mistake {
                        id: Some(id),
                        why: "say hello first: {\"v\":1,\"hello\":{\"role\":\"command\"}}".to_owned(),
                    },
                    Err(mistake) => mistake,
                },
            },
        };
        writer.say(&FromServer::mistake(why)).await?;
    }
}

fn read(line: Line) -> Result<FromClient, Mistake> {
    match line {
        Line::Whole(line) => FromClient::read(&line),
        Line::TooLong => Err(Mistake { id: None, why: format!("a line of more than {MOST_FROM_CLIENT} bytes") }),
    }
}

/// Takes commands until the client closes its side; the next is taken when the one before is answered.
async fn listen(
    mut lines: Lines<OwnedReadHalf>,
    role: Role,
    peer: Peer,
    handle: Handle,
    answers: mpsc::Sender<FromServer>,
) {
    while let Ok(Some(line)) = lines.next().await {
        let answer = match read(line) {
            Ok(FromClient::Command { id, .. }) if role == Role::Watch => {
                FromServer::reply(id, Err(Rejection("this connection is for watching only".to_owned())))
            }
            Ok(FromClient::Command { id, command, by }) => {
                let by = peer.operator(&by);
                let word = command.word();
                let answer = timeout(ANSWER, handle.command(command, by)).await.unwrap_or_else(|_| {
                    let seconds = ANSWER.as_secs();
                    let why = format!("the engine did not answer `{word}` within {seconds} s, and may still obey it");
                    Err(Rejection(why))
                });
                FromServer::reply(id, answer)
            }
            Ok(FromClient::Hello { .. }) => FromServer::error("said hello before".to_owned()),
            Err(mistake) => FromServer::mistake(mistake),
        };
        if answers.send(answer).await.is_err() {
            return;
        }
    }
}

/// Sends records and answers until there are no more of either.
async fn speak(
    writer: Writer<OwnedWriteHalf>,
    role: Role,
    after: u64,
    answers: mpsc::Receiver<FromServer>,
    served: Served,
) -> io::Result<()> {
    let mut speaker = Speaker { writer, answers, served, sent: after };
    if role != Role::Command {
        speaker.follow().await?;
    }
    speaker.part().await
}

struct Speaker {
    writer: Writer<OwnedWriteHalf>,
    answers: mpsc::Receiver<FromServer>,
    served: Served,
    /// The number of the last record that the client has.
    sent: u64,
}

impl Speaker {
    /// Sends all records, each once and in order, until no more come.
    async fn follow(&mut self) -> io::Result<()> {
        let mut tail = Tail::open(&self.served.journal)?;
        loop {
            // First there is a place for what comes, then what was is read: so nothing falls between.
            let subscription = self.served.handle.subscribe().await;
            let last = subscription.as_ref().map_or(u64::MAX, |subscription| subscription.after);
            tail = self.catch_up(tail, last).await?;
            match subscription {
                None => return Ok(()),
                Some(subscription) => {
                    if !self.stream(subscription).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Sends what the journal has up to a record.
    async fn catch_up(&mut self, mut tail: Tail, last: u64) -> io::Result<Tail> {
        loop {
            let after = self.sent;
            let reading = tokio::task::spawn_blocking(move || {
                let chunk = tail.read(after, last);
                (tail, chunk)
            });
            let (back, chunk) = reading.await.map_err(io::Error::other)?;
            tail = back;
            let Some((chunk, sent)) = chunk? else {
                return Ok(tail);
            };
            while let Ok(answer) = self.answers.try_recv() {
                self.writer.put(&answer.to_line()).await?;
            }
            self.writer.put(&chunk).await?;
            self.writer.flush().await?;
            self.sent = sent;
        }
    }

    /// Sends what comes, until the journal has to be asked again; tells whether the client is still there.
    async fn stream(&mut self, mut subscription: Subscription) -> io::Result<bool> {
        loop {
            let record = tokio::select! {
                biased;
                answer = self.answers.recv() => {
                    let Some(answer) = answer else {
                        return Ok(false);
                    };
                    self.writer.put(&answer.to_line()).await?;
                    continue;
                }
                record = subscription.next() => record,
                // Nothing waits any more.
                () = std::future::ready(()), if !self.writer.is_flushed() => {
                    self.writer.flush().await?;
                    continue;
                }
            };
            match record {
                Ok(record) => {
                    let is_journaled = record.event.is_journaled();
                    if is_journaled && record.seq <= self.sent {
                        continue;
                    }
                    let mut line = record.to_line().map_err(io::Error::other)?.into_bytes();
                    line.push(b'\n');
                    self.writer.put(&line).await?;
                    if is_journaled {
                        self.sent = record.seq;
                    }
                }
                Err(Ended::TooSlow { .. } | Ended::Over) => return Ok(true),
            }
        }
    }

    /// Answers what is still to be answered, and says good-bye when the conductor does.
    async fn part(&mut self) -> io::Result<()> {
        let mut farewell = self.served.farewell.clone();
        loop {
            tokio::select! {
                biased;
                answer = self.answers.recv() => match answer {
                    Some(answer) => self.writer.say(&answer).await?,
                    None => return Ok(()),
                },
                why = said_goodbye(&mut farewell) => return self.writer.say(&FromServer::bye(why)).await,
            }
        }
    }
}

/// Waits until the conductor says good-bye; that it is gone without is one, too.
pub(super) async fn said_goodbye(farewell: &mut watch::Receiver<Option<Farewell>>) -> Farewell {
    let why = farewell.wait_for(Option::is_some).await;
    why.ok().and_then(|why| *why).unwrap_or(Farewell::Failed)
}

/// Writes to a client, and gives it up when it takes nothing for too long.
struct Writer<W>(BufWriter<W>);

impl<W: AsyncWrite + Unpin> Writer<W> {
    async fn say(&mut self, message: &FromServer) -> io::Result<()> {
        self.put(&message.to_line()).await?;
        self.flush().await
    }

    async fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = patiently(self.0.write(bytes)).await?;
            bytes = bytes.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        patiently(self.0.flush()).await
    }

    fn is_flushed(&self) -> bool {
        self.0.buffer().is_empty()
    }
}

async fn patiently<T>(writing: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match timeout(STALL, writing).await {
        Ok(written) => written,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
