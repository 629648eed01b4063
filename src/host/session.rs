use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::answer::{Answer, Tail};
use super::script::{Phase, Script};
use super::shell::{Ends, NotOpened, Shell};

/// After this long without a step a shell is closed: a soak may last a day, and nobody's host is to hold one so long.
const IDLE: Duration = Duration::from_secs(60);

/// Holds the one shell of a host: who has the turn does a step in it, opened anew where none is there.
#[derive(Debug, Default)]
pub(super) struct Session {
    slot: Arc<Mutex<Slot>>,
}

/// Holds what there is between two steps.
#[derive(Debug, Default)]
struct Slot {
    shell: Option<Kept>,
    /// The shells that were given up in the middle of a step, as they named themselves.
    stale: Option<String>,
    /// Counts steps, so that who closes what is idle knows that nothing came in between.
    steps: u64,
}

/// Holds a shell and the connection that it is on.
#[derive(Debug)]
struct Kept {
    connection: u64,
    shell: Shell,
}

/// Has the turn in a session.
#[derive(Debug)]
pub(super) struct Turn(OwnedMutexGuard<Slot>);

/// Tells what became of a step.
#[derive(Debug)]
pub(super) enum Stepped<E> {
    /// It came to its end.
    Whole(Answer),
    /// There was no shell, and none could be started.
    NotStarted(E),
    /// What was started is no shell of ours.
    NotOpened(NotOpened),
    /// It did not come to its end; where it had not begun the shell was gone before.
    Broken(Answer, Tail),
}

impl Session {
    /// Waits for the turn to do a phase; gives none where somebody has it and the phase waits for nobody: a lease is taken and renewed while
    /// another phase is at work.
    pub(super) async fn turn_for(&self, phase: Phase) -> Option<Turn> {
        match phase {
            Phase::Lock | Phase::Renew => self.try_turn(),
            _ => Some(Turn(Arc::clone(&self.slot).lock_owned().await)),
        }
    }

    fn try_turn(&self) -> Option<Turn> {
        Arc::clone(&self.slot).try_lock_owned().ok().map(Turn)
    }

    /// Closes the shell, unless a step runs in it: that one ends with its connection.
    pub(super) fn close(&self) {
        if let Some(mut turn) = self.try_turn() {
            turn.0.shell = None;
        }
    }
}

impl Turn {
    /// Does a step; `start` gives the ends of a new shell on a connection, and is asked only where there is none on this one.
    ///
    /// Dropping the future gives the shell up; the next one to be opened ends what that still does.
    pub(super) async fn step<E>(
        mut self,
        script: &Script,
        connection: u64,
        patience: Duration,
        start: impl Future<Output = Result<Ends, E>>,
    ) -> Stepped<E> {
        let slot = &mut *self.0;
        slot.steps += 1;
        // Taken out: a step that is dropped in its middle leaves none behind. One that was only asked something is no loss.
        let kept = slot.shell.take().filter(|kept| kept.connection == connection && kept.shell.knows(script));
        let (mut shell, answer) = match kept {
            Some(Kept { mut shell, .. }) => {
                slot.stale = shell.identity().map(str::to_owned);
                let answer = shell.step(script, patience).await;
                (shell, answer)
            }
            None => {
                let ends = match start.await {
                    Ok(ends) => ends,
                    Err(error) => return Stepped::NotStarted(error),
                };
                match Shell::open(ends, &mut slot.stale, patience, script).await {
                    Ok(opened) => opened,
                    Err(error) => return Stepped::NotOpened(error),
                }
            }
        };
        if !answer.ended {
            slot.stale = shell.identity().map(str::to_owned);
            let complaints = shell.complaints().await;
            return Stepped::Broken(answer, complaints);
        }
        slot.stale = None;
        slot.shell = Some(Kept { connection, shell });
        self.close_when_idle();
        Stepped::Whole(answer)
    }

    fn close_when_idle(self) {
        let steps = self.0.steps;
        let slot = Arc::downgrade(OwnedMutexGuard::mutex(&self.0));
        tokio::spawn(async move {
            tokio::time::sleep(IDLE).await;
            if let Some(slot) = slot.upgrade()
                && let mut slot = slot.lock().await
                && slot.steps == steps
            {
                slot.shell = None;
            }
        });
    }
}
