use std::time::Duration;

use jiff::SignedDuration;

use crate::model::ReleaseId;

/// Names an operation of the host trait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// It is asked what it has.
    Probe,
    /// It gives its lock.
    Lock,
    /// It renews its lock.
    Renew,
    /// It gets the release.
    Prime,
    /// It is switched.
    Activate,
    /// Its switch is confirmed.
    Confirm,
    /// It goes back.
    RollBack,
    /// Its gates run.
    Check,
    /// It is told that the release is good.
    Finalize,
    /// Its lock is freed.
    Unlock,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 10] = [
        Self::Probe,
        Self::Lock,
        Self::Renew,
        Self::Prime,
        Self::Activate,
        Self::Confirm,
        Self::RollBack,
        Self::Check,
        Self::Finalize,
        Self::Unlock,
    ];
}

/// Says what is wrong with a host that passes releases on to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RelayFault {
    /// Its daemon is killed.
    Killed,
    /// What it passes on is something else.
    Lies,
    /// No host finds the way to it.
    CutOff,
    /// Nothing comes to it, nor from it.
    Hangs,
}

impl RelayFault {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Killed, Self::Lies, Self::CutOff, Self::Hangs];
}

/// Says what is wrong with a host; `times` counts how often, from the first time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Everything takes so many times as long.
    Slow(u32),
    /// It does not answer: never, or not during one operation.
    Unreachable(Option<Operation>),
    /// The deploy server cannot ask it during one operation: it is out of descriptors, processes or memory.
    ServerShort(Operation),
    /// It takes an operation and never says what came of it.
    Hung(Operation),
    /// Its link is up and down by turns.
    Flapping {
        /// How long it is up.
        up: Duration,
        /// How long it is down.
        down: Duration,
    },
    /// The operation happens, and its answer is lost.
    AnswerLost {
        /// Which one.
        operation: Operation,
        /// How often.
        times: u32,
    },
    /// There is no room for a release.
    DiskFull,
    /// There is no room for a temporary file: nothing can be proven there.
    RoomLess,
    /// The transfer ends half-way.
    DiesWhilePriming {
        /// How often.
        times: u32,
    },
    /// It passes nothing on, or nothing right.
    Relay {
        /// What is wrong.
        wrong: RelayFault,
        /// Once so many hosts got it there.
        after: u32,
    },
    /// The switch fails and has not happened.
    SwitchFails {
        /// How often.
        times: u32,
    },
    /// Going back fails and has not happened.
    BackFails {
        /// How often.
        times: u32,
    },
    /// It says that it runs another release than it does.
    Lies(ReleaseId),
    /// Its gates fail.
    GateFails {
        /// While it runs this release; none is any.
        release: Option<ReleaseId>,
        /// How often; none is always.
        times: Option<u32>,
    },
    /// Its gates cannot tell.
    GateInconclusive {
        /// How often.
        times: u32,
    },
    /// Somebody takes its lock without asking, and keeps it.
    Stolen {
        /// How long after the beginning.
        after: Duration,
    },
    /// Its clock is set.
    ClockSet {
        /// How long after the beginning.
        after: Duration,
        /// By how much, ahead or back.
        by: SignedDuration,
    },
    /// The code that speaks with it has a mistake.
    Panics(Operation),
}
