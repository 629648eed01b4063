use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::access::Access;
use super::error::ConductorError;
use super::find::replay;
use super::lock::EnvironmentLock;
use super::server::Server;
use super::signals::{Notify, Signals, obey};
use super::wire::Farewell;
use crate::engine::{Engine, Finished, Handle, Parts, Settings};
use crate::hooks::Site;
use crate::host::Fleet;
use crate::journal::{Disk, Journal, Rollouts};
use crate::model::RolloutId;
use crate::plan::Plan;
use crate::rollout::{Machine, Mode, SHORTAGE, State};

/// How long the third signal waits for what cannot be interrupted.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Holds a rollout whose journal is this process's: nobody else conducts it.
#[derive(Debug)]
pub struct Opened {
    journal: Journal<Disk>,
    state: State,
    plan: Arc<Plan>,
    rollouts: Rollouts,
}

impl Opened {
    /// Takes a rollout's journal over, from the one who planned it or from a conductor that is gone.
    ///
    /// # Errors
    ///
    /// When there is none, when a conductor lives, when the rollout is over, or when its journal is damaged.
    pub fn new(rollouts: &Rollouts, rollout: &RolloutId) -> Result<Self, ConductorError> {
        let (journal, records) = rollouts.reopen(rollout)?;
        let state = State::replay(&records);
        if state.mode() == Mode::Finished {
            return Err(ConductorError::Over(rollout.clone()));
        }
        let plan = state.plan().cloned().ok_or_else(|| ConductorError::NoPlan(rollout.clone()))?;
        Ok(Self { journal, state, plan, rollouts: rollouts.clone() })
    }

    /// Gives the plan.
    #[must_use]
    pub const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Gives the rollout as its journal left it.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Makes the conductor, whose socket can be connected to from here on; needs a runtime of several threads.
    ///
    /// # Errors
    ///
    /// When the lock is not that of the rollout's environment, or when the socket cannot be made.
    pub fn conductor<F: Fleet, S: Site>(
        self,
        parts: Parts<F, S>,
        settings: Settings,
        lock: EnvironmentLock,
        access: &Access,
    ) -> Result<Conductor<F, S>, ConductorError> {
        let Self { journal, state, plan, rollouts } = self;
        if *lock.environment() != plan.environment {
            return Err(ConductorError::WrongLock {
                rollout: plan.rollout.clone(),
                expected: plan.environment.clone(),
                locked: lock.environment().clone(),
            });
        }
        let path = journal.path().to_owned();
        let folder = rollouts.folder(&plan.rollout);
        access.open(&folder, &[&path, &super::launch::file_in(&folder), &super::launch::log_in(&folder)])?;
        let machine =
            Machine::resume(state, parts.clock.now()).ok_or_else(|| ConductorError::NoPlan(plan.rollout.clone()))?;
        let (engine, handle) = Engine::new(machine, journal, parts, settings);
        let (farewell, told) = watch::channel(None);
        let server = Server::bind(&folder, path, plan.rollout.clone(), handle.clone(), access, told)?;
        Ok(Conductor { engine, handle, server, farewell, lock, rollouts, plan })
    }
}

/// Runs one rollout: its engine, its socket and the signals of its process.
#[derive(Debug)]
pub struct Conductor<F: Fleet, S: Site> {
    engine: Engine<F, S, Disk>,
    handle: Handle,
    server: Server,
    farewell: watch::Sender<Option<Farewell>>,
    lock: EnvironmentLock,
    rollouts: Rollouts,
    plan: Arc<Plan>,
}

/// Holds how a rollout stood when its conductor was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The rollout: over, or to be resumed.
    pub state: State,
    /// What the process answers.
    pub exit_code: u8,
    /// What to do, when it is not over.
    pub hint: Option<String>,
}

impl Ending {
    /// Says how a rollout stands that nobody conducts any more.
    ///
    /// One that was stopped before anything was switched answers 130, or 1 where this machine failed, and 5 afterwards.
    #[must_use]
    pub fn of(state: State) -> Self {
        match state.exit_code() {
            Some(exit_code) => Self { state, exit_code, hint: None },
            None => {
                let failed = state.suspended().is_some_and(|by| by.0.starts_with(SHORTAGE));
                let exit_code = match (state.anything_switched(), failed) {
                    (true, _) => 5,
                    (false, true) => 1,
                    (false, false) => 130,
                };
                let hint = state.rollout().map(|rollout| format!("`coalmine resume {rollout}` goes on with it"));
                Self { state, exit_code, hint }
            }
        }
    }
}

impl<F: Fleet, S: Site> Conductor<F, S> {
    /// Reaches the engine, which answers once the conductor runs.
    #[must_use]
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Gives what is conducted.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Names the socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        self.server.path()
    }

    /// Runs until the rollout is over or stopped; whoever watches has a short time to hear of it.
    ///
    /// The environment is locked until the rollout is over, or this returns. Dropping the future ends everything at once, as the death of the
    /// process would: the rollout can be resumed.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written any more.
    pub async fn run(self, signals: Signals, notify: Notify) -> Result<Ending, ConductorError> {
        let Self { engine, handle, server, farewell, lock, rollouts, plan } = self;
        let serving = Owned(tokio::spawn(server.serve()));
        let mut running = Owned(tokio::spawn(engine.run()));
        let obeying = obey(signals, handle, notify);
        let ended = tokio::select! {
            biased;
            joined = &mut running.0 => match joined {
                Ok(Ok(Finished { state })) => Ok(state),
                Ok(Err(error)) => Err(error.into()),
                Err(error) => Err(ConductorError::Bug(format!("the engine of rollout {}: {error}", plan.rollout))),
            },
            () = obeying => {
                running.end().await;
                replay(&rollouts, &plan.rollout)
            }
        };
        drop(running);
        // Who hears that it is over may begin the next one at once, whoever else is still to hear it. What can be gone on with stays locked
        // until its socket is free.
        let is_over = matches!(&ended, Ok(state) if state.mode() == Mode::Finished);
        let lock = (!is_over).then_some(lock);
        // The engine is gone before anybody is told so: its handles answer nothing more, and the journal is complete.
        farewell.send_replace(Some(match &ended {
            Ok(state) if state.mode() == Mode::Finished => Farewell::Finished,
            Ok(_) => Farewell::Suspended,
            Err(_) => Farewell::Failed,
        }));
        if let Err(error) = serving.join().await {
            tracing::warn!(%error, "the control socket was left");
        }
        drop(lock);
        ended.map(Ending::of)
    }
}

/// Ends a task when its owner goes without having joined it.
struct Owned<T>(tokio::task::JoinHandle<T>);

impl<T> Owned<T> {
    /// Drops the task, wherever it waits.
    async fn end(&mut self) {
        self.0.abort();
        // A disk that takes for ever is not waited for.
        if timeout(AT_ONCE, &mut self.0).await.is_err() {
            tracing::warn!("the engine is still writing to the disk");
        }
    }

    async fn join(mut self) -> Result<(), tokio::task::JoinError> {
        (&mut self.0).await.map(drop)
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
