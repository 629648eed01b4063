use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::model::{Command, Operator};
use crate::rollout::{Record, Rejection, State};

/// How many records a subscriber may be behind.
const BEHIND: usize = 4096;

#[derive(Debug)]
pub(super) enum Message {
    Command { command: Command, by: Operator, reply: oneshot::Sender<Result<(), Rejection>> },
    Subscribe { reply: oneshot::Sender<Subscription> },
    State { reply: oneshot::Sender<State> },
}

/// Reaches a running engine; may be cloned and sent anywhere.
#[derive(Debug, Clone)]
pub struct Handle(pub(super) mpsc::Sender<Message>);

impl Handle {
    /// Gives a command, and returns once it is in the journal.
    ///
    /// # Errors
    ///
    /// When it is refused, or when there is no rollout any more.
    pub async fn command(&self, command: Command, by: Operator) -> Result<(), Rejection> {
        let (reply, answer) = oneshot::channel();
        let gone = || Rejection("the rollout is over".to_owned());
        self.0.send(Message::Command { command, by, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Follows the rollout from here on; none when it is over.
    pub async fn subscribe(&self) -> Option<Subscription> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Message::Subscribe { reply }).await.ok()?;
        answer.await.ok()
    }

    /// Gives the rollout as it stands, for which everything is in the journal; none when it is over.
    pub async fn state(&self) -> Option<State> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Message::State { reply }).await.ok()?;
        answer.await.ok()
    }
}

/// Says why no more records come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The rollout is over here.
    Over,
    /// The subscriber was too slow; the journal has what follows the record of this number.
    TooSlow {
        /// The last record that was received.
        after: u64,
    },
}

/// Receives records as they become true, each after it is on disk, and progress between them.
///
/// It never holds the engine up: whoever falls too far behind gets no more records and has to go on from the journal. Of
/// progress, some is left out before it comes to that.
#[derive(Debug)]
pub struct Subscription {
    /// The number of the last record before the first that is received here: up to it, the journal has everything.
    pub after: u64,
    records: mpsc::Receiver<Arc<Record>>,
    too_slow: Arc<AtomicBool>,
}

impl Subscription {
    pub(super) fn new(after: u64) -> (Self, Publisher) {
        let (sender, records) = mpsc::channel(BEHIND);
        let too_slow = Arc::new(AtomicBool::new(false));
        (Self { after, records, too_slow: Arc::clone(&too_slow) }, Publisher { sender, too_slow })
    }

    /// Waits for the next record; may be dropped without losing one.
    ///
    /// # Errors
    ///
    /// When no more come.
    pub async fn next(&mut self) -> Result<Arc<Record>, Ended> {
        match self.records.recv().await {
            Some(record) => {
                self.after = record.seq;
                Ok(record)
            }
            None if self.too_slow.load(Ordering::Acquire) => Err(Ended::TooSlow { after: self.after }),
            None => Err(Ended::Over),
        }
    }
}

#[derive(Debug)]
pub(super) struct Publisher {
    sender: mpsc::Sender<Arc<Record>>,
    too_slow: Arc<AtomicBool>,
}

impl Publisher {
    /// Sends a record without waiting, and tells whether the subscriber is to be kept.
    pub(super) fn publish(&self, record: &Arc<Record>) -> bool {
        if !record.event.is_journaled() && self.sender.capacity() < BEHIND / 2 {
            return !self.sender.is_closed();
        }
        match self.sender.try_send(Arc::clone(record)) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.too_slow.store(true, Ordering::Release);
                false
            }
        }
    }
}
