use super::task::{Task, TaskError, TaskOutput};
use crate::model::{
    CarrierNews, Command, GateName, HostHook, HostId, LockHolder, Operator, PhaseHook, Squeeze, StageIdx, Verdict,
};
use crate::rollout::event::GateScope;
use crate::rollout::record::Record;
use crate::rollout::refusal::Rejection;

/// Tells the machine that something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A conductor starts, or goes on with, the rollout.
    Begin {
        /// Who started it.
        by: Operator,
    },
    /// A task is over.
    Done {
        /// The host.
        host: HostId,
        /// What was asked.
        task: Task,
        /// What came of it.
        result: Result<TaskOutput, TaskError>,
    },
    /// A lease could not be renewed, since the host's lock is not this rollout's any more.
    Lost {
        /// The host.
        host: HostId,
        /// Who has it, or had it since.
        holder: Option<Box<LockHolder>>,
    },
    /// Something pushed back when connections were opened, or does no more.
    Squeezed(Squeeze),
    /// A gate of a stage answered.
    Gate {
        /// The stage.
        stage: StageIdx,
        /// The gate.
        gate: GateName,
        /// Before the stage, or during its soak.
        scope: GateScope,
        /// What it found.
        verdict: Verdict,
        /// The number that it printed.
        value: Option<f64>,
        /// Why it did not pass.
        message: String,
    },
    /// A command of the site before or after a phase is over.
    Hook {
        /// Which.
        hook: PhaseHook,
        /// Of which stage.
        stage: Option<StageIdx>,
        /// Why it failed.
        error: Option<String>,
    },
    /// Something became of what brings releases to hosts.
    Carrier(CarrierNews),
    /// Some of the release came to a host; worth telling where [`super::Machine::awaits`] says so.
    Moved {
        /// The host.
        host: HostId,
    },
    /// A command of the site before or after a host's way back failed.
    HostHook {
        /// The host.
        host: HostId,
        /// Which.
        hook: HostHook,
        /// Why it failed.
        error: String,
    },
    /// Somebody asks for something.
    Command {
        /// What.
        command: Command,
        /// Who.
        by: Operator,
    },
    /// Time has passed.
    Tick,
}

/// Asks for something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Does something to a host; answered by exactly one [`Input::Done`].
    Start {
        /// The host.
        host: HostId,
        /// What is done.
        task: Task,
    },
    /// Ends what is being done to a host as soon as possible; its [`Input::Done`] still comes.
    Cancel {
        /// The host.
        host: HostId,
    },
    /// Asks a gate of a stage; answered by exactly one [`Input::Gate`].
    Ask {
        /// The stage.
        stage: StageIdx,
        /// The gate.
        gate: GateName,
        /// Before the stage, or during its soak.
        scope: GateScope,
    },
    /// Runs a command of the site before or after a phase; answered by exactly one [`Input::Hook`].
    Hook {
        /// Which.
        hook: PhaseHook,
        /// Of which stage; none where it is about all of them.
        stage: Option<StageIdx>,
    },
    /// Lets no host ask a relay any more, nor wait for it.
    GiveUp {
        /// The relay.
        relay: HostId,
        /// Why.
        why: String,
    },
}

/// Holds what one input led to.
#[derive(Debug, Default, PartialEq)]
pub struct Step {
    /// What happened; to be journaled before anything is performed.
    pub records: Vec<Record>,
    /// What is to be done.
    pub effects: Vec<Effect>,
    /// The answer to a command.
    pub reply: Option<Result<(), Rejection>>,
}
