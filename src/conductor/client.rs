use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

use super::address;
use super::lines::{Line, Lines};
use super::wire::{Farewell, FromClient, FromServer, Greeting, Heard, MOST_FROM_SERVER, Reply, Role, read_from_server};
use crate::journal::{JournalError, Rollouts};
use crate::model::{Command, Operator, RolloutId};
use crate::rollout::{Event, Record, Rejection};

/// How long a conductor may take to greet.
const GREETING: Duration = Duration::from_secs(10);
/// How long a conductor says nothing before a watcher asks whether it is there: one that is stopped, or hangs, would be waited for in vain.
const QUIET: Duration = Duration::from_secs(15);
/// How long a command may take; a little longer than the conductor gives the engine.
const ANSWER: Duration = Duration::from_secs(35);
/// How often, and how far apart, a connection is tried again while the conductor lives: a socket that was removed is made anew
/// within a second.
const ATTEMPTS: u32 = 10;
const APART: Duration = Duration::from_millis(200);

/// Tells why a conductor could not be talked with.
#[derive(Debug, Error)]
pub enum ClientError {
    /// No conductor runs the rollout.
    #[error("no conductor runs rollout {0}")]
    NotRunning(RolloutId),
    /// A conductor runs it and cannot be reached.
    #[error("could not reach the conductor of rollout {rollout} at {}: {source}", path.display())]
    Unreachable {
        /// The rollout.
        rollout: RolloutId,
        /// Its socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It refuses to talk.
    #[error("the conductor of rollout {rollout} refuses: {why}")]
    Refused {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        why: String,
    },
    /// What it says is not to be understood.
    #[error("the conductor of rollout {rollout} is not to be understood: {why}")]
    Nonsense {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        why: String,
    },
    /// It says nothing.
    #[error("the conductor of rollout {rollout} did not answer within {} s", within.as_secs())]
    Silent {
        /// The rollout.
        rollout: RolloutId,
        /// For how long.
        within: Duration,
    },
    /// The command was refused.
    #[error("{0}")]
    Rejected(Rejection),
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Says what a watcher heard.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Something happened. Records that are journaled come each once and in order.
    Record(Box<Record>),
    /// The conductor is done.
    Bye(Farewell),
    /// The conductor died in the middle; the rollout can be resumed.
    Lost,
}

/// Watches a rollout that runs, from its beginning or from any record on.
///
/// A connection that is lost while the conductor lives is made again, and goes on where it was.
#[derive(Debug)]
pub struct Watcher {
    rollouts: Rollouts,
    rollout: RolloutId,
    connection: Connection,
    after: u64,
    /// What the journal still had when the conductor was gone, and how it ended then.
    rest: Option<(VecDeque<Record>, News)>,
    over: bool,
}

impl Watcher {
    /// Connects, for records after a number: 0 is all of them.
    ///
    /// # Errors
    ///
    /// When no conductor runs the rollout, or when it cannot be talked with.
    pub async fn connect(rollouts: &Rollouts, rollout: &RolloutId, after: u64) -> Result<Self, ClientError> {
        let connection = Connection::open(rollouts, rollout, Role::Watch, after).await?;
        let (rollouts, rollout) = (rollouts.clone(), rollout.clone());
        Ok(Self { rollouts, rollout, connection, after, rest: None, over: false })
    }

    /// Tells who conducts.
    #[must_use]
    pub const fn greeting(&self) -> &Greeting {
        &self.connection.greeting
    }

    /// Waits for what happens next; none after a farewell. May be dropped without losing anything.
    ///
    /// # Errors
    ///
    /// When the conductor is there and cannot be talked with. Of one that does not answer ([`ClientError::Silent`]) it may be waited for again.
    pub async fn next(&mut self) -> Result<Option<News>, ClientError> {
        if self.over {
            return Ok(None);
        }
        loop {
            if let Some((rest, end)) = &mut self.rest {
                let Some(record) = rest.pop_front() else {
                    self.over = true;
                    return Ok(Some(end.clone()));
                };
                self.after = record.seq;
                return Ok(Some(News::Record(Box::new(record))));
            }
            let Ok(heard) = timeout(QUIET, self.connection.next(&self.rollout)).await else {
                self.ask().await?;
                continue;
            };
            match heard? {
                Some(Heard::Record(record)) => {
                    if record.event.is_journaled() {
                        if record.seq <= self.after {
                            continue;
                        }
                        if record.seq != self.after + 1 {
                            let why = format!("record {} came after record {}", record.seq, self.after);
                            return Err(self.nonsense(why));
                        }
                        self.after = record.seq;
                    }
                    return Ok(Some(News::Record(Box::new(record))));
                }
                Some(Heard::Other(FromServer { bye: Some(why), .. })) => {
                    self.over = true;
                    return Ok(Some(News::Bye(why)));
                }
                Some(Heard::Other(FromServer { error: Some(why), .. })) => {
                    return Err(ClientError::Refused { rollout: self.rollout.clone(), why });
                }
                Some(Heard::Other(_)) => return Err(self.nonsense("an answer to nothing".to_owned())),
                None => match Connection::open(&self.rollouts, &self.rollout, Role::Watch, self.after).await {
                    Ok(connection) => self.connection = connection,
                    // It is dead only when it wrote no end: whoever was stalled reads on where it was.
                    Err(ClientError::NotRunning(_)) => self.read_on()?,
                    Err(error) => return Err(error),
                },
            }
        }
    }

    /// Finds out whether a conductor from which nothing came is there: it greets then. Of one that is gone it is heard where it said something last.
    async fn ask(&self) -> Result<(), ClientError> {
        match Connection::open(&self.rollouts, &self.rollout, Role::Command, 0).await {
            Ok(_) | Err(ClientError::NotRunning(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes from the journal what the conductor wrote that is gone.
    fn read_on(&mut self) -> Result<(), ClientError> {
        let mut rest = VecDeque::new();
        let mut end = News::Lost;
        for record in self.rollouts.read(&self.rollout)? {
            let record = record?;
            end = match &record.event {
                Event::RolloutFinished { .. } => News::Bye(Farewell::Finished),
                Event::Suspended { .. } => News::Bye(Farewell::Suspended),
                Event::Resumed { .. } => News::Lost,
                _ => end,
            };
            if record.seq > self.after {
                rest.push_back(record);
            }
        }
        self.rest = Some((rest, end));
        Ok(())
    }

    fn nonsense(&self, why: String) -> ClientError {
        ClientError::Nonsense { rollout: self.rollout.clone(), why }
    }
}

/// Gives a command to the conductor of a rollout, and returns when it is in the journal.
///
/// # Errors
///
/// [`ClientError::Rejected`] when it is refused; otherwise when no conductor runs the rollout or when it cannot be talked with.
pub async fn command(
    rollouts: &Rollouts,
    rollout: &RolloutId,
    command: Command,
    by: Operator,
) -> Result<(), ClientError> {
    let mut connection = Connection::open(rollouts, rollout, Role::Command, 0).await?;
    let id = 1;
    connection.say(&FromClient::Command { id, command, by }, rollout).await?;
    let answer = timeout(ANSWER, connection.next(rollout)).await;
    let heard = answer.map_err(|_| ClientError::Silent { rollout: rollout.clone(), within: ANSWER })??;
    match heard {
        Some(Heard::Other(FromServer { id: Some(1), reply: Some(Reply::Accepted), .. })) => Ok(()),
        Some(Heard::Other(FromServer { id: Some(1), reply: Some(Reply::Rejected), reason, .. })) => {
            Err(ClientError::Rejected(Rejection(reason.unwrap_or_else(|| "without a reason".to_owned()))))
        }
        Some(Heard::Other(FromServer { bye: Some(_), .. })) | None => Err(ClientError::NotRunning(rollout.clone())),
        Some(Heard::Other(FromServer { error: Some(why), .. })) => {
            Err(ClientError::Refused { rollout: rollout.clone(), why })
        }
        Some(other) => Err(ClientError::Nonsense { rollout: rollout.clone(), why: format!("{other:?}") }),
    }
}

#[derive(Debug)]
struct Connection {
    lines: Lines<OwnedReadHalf>,
    /// Kept open: its end would say that nobody listens.
    write: OwnedWriteHalf,
    greeting: Greeting,
}

impl Connection {
    async fn open(rollouts: &Rollouts, rollout: &RolloutId, role: Role, after: u64) -> Result<Self, ClientError> {
        let path = address::socket_in(&rollouts.folder(rollout));
        let mut attempt = 0;
        let stream = loop {
            let source = match address::connect(&path).await {
                Ok(stream) => break stream,
                Err(source) => source,
            };
            attempt += 1;
            // A conductor takes the journal before it has a socket, and leaves the socket before the journal.
            if !rollouts.is_live(rollout)? {
                return Err(ClientError::NotRunning(rollout.clone()));
            }
            if attempt >= ATTEMPTS || source.kind() == io::ErrorKind::PermissionDenied {
                return Err(ClientError::Unreachable { rollout: rollout.clone(), path, source });
            }
            sleep(APART).await;
        };
        let (read, write) = stream.into_split();
        let greeting = Greeting { coalmine: String::new(), rollout: rollout.clone(), pid: 0 };
        let mut connection = Self { lines: Lines::new(read, MOST_FROM_SERVER), write, greeting };
        let heard = timeout(GREETING, connection.next(rollout)).await;
        let heard = heard.map_err(|_| ClientError::Silent { rollout: rollout.clone(), within: GREETING })??;
        match heard {
            Some(Heard::Other(FromServer { hello: Some(greeting), .. })) if greeting.rollout == *rollout => {
                connection.greeting = greeting;
            }
            Some(Heard::Other(FromServer { error: Some(why), .. })) => {
                return Err(ClientError::Refused { rollout: rollout.clone(), why });
            }
            None => return Err(ClientError::NotRunning(rollout.clone())),
            Some(other) => {
                return Err(ClientError::Nonsense { rollout: rollout.clone(), why: format!("{other:?}") });
            }
        }
        connection.say(&FromClient::Hello { role, after }, rollout).await?;
        Ok(connection)
    }

    async fn say(&mut self, message: &FromClient, rollout: &RolloutId) -> Result<(), ClientError> {
        match self.write.write_all(&message.to_line()).await {
            // It is gone: what it still said is read, and the end of that noticed there.
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
            written => written.map_err(|error| ClientError::Nonsense {
                rollout: rollout.clone(),
                why: format!("could not write to its socket: {error}"),
            }),
        }
    }

    /// Waits for a line; none when there are no more. May be dropped without losing any of it.
    async fn next(&mut self, rollout: &RolloutId) -> Result<Option<Heard>, ClientError> {
        let nonsense = |why: String| ClientError::Nonsense { rollout: rollout.clone(), why };
        match self.lines.next().await {
            Ok(Some(Line::Whole(line))) => read_from_server(&line).map(Some).map_err(nonsense),
            Ok(Some(Line::TooLong)) => Err(nonsense(format!("a line of more than {MOST_FROM_SERVER} bytes"))),
            Ok(None) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(nonsense(format!("could not read from its socket: {error}"))),
        }
    }
}
