use crate::model::{Bytes, Carried, Failure, GateReport, Installed, LockHolder, RollBackTarget};

/// Names something that is done to one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Takes its lock and asks what it has.
    Lock,
    /// Puts the release there.
    Prime,
    /// Switches it.
    Activate,
    /// Runs the gates there.
    Check,
    /// Switches it back and runs the gates there.
    RollBack {
        /// Where to.
        to: RollBackTarget,
        /// Whether it goes back from what is why.
        blames: bool,
    },
    /// Takes it out of service.
    Depool,
    /// Puts it back into service.
    Repool,
    /// Writes that the release is good, and frees its lock.
    Finalize,
    /// Frees its lock.
    Unlock,
}

/// Holds what a task found or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskOutput {
    /// The lock was taken.
    Locked {
        /// What stands where the link belongs.
        installed: Installed,
        /// Where the host goes back to.
        good: Option<RollBackTarget>,
        /// How long the answer took, in milliseconds.
        latency_ms: u64,
        /// Whose lock it was before, when its lease had run out.
        taken_from: Option<Box<LockHolder>>,
    },
    /// The release is there.
    Primed {
        /// Whether it was there already.
        already: bool,
        /// What travelled.
        bytes: Bytes,
        /// How it came; none where nothing had to travel.
        carried: Option<Carried>,
    },
    /// The host was switched.
    Activated {
        /// Whether it was on the release already.
        already: bool,
    },
    /// The gates answered.
    Checked {
        /// What they answered, in order.
        gates: Vec<GateReport>,
    },
    /// The host went back.
    WentBack {
        /// Whether what it went back to could not be proven, for want of room.
        unproven: bool,
    },
    /// It was done, and there is nothing to tell.
    Done,
}

/// Tells why a task was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskError {
    /// It failed.
    Failed(Box<Failure>),
    /// Another rollout holds the host's lock.
    Locked(Box<LockHolder>),
    /// The host's lock is not this rollout's any more, and so nothing was done; who has it, or had it since.
    Lost(Option<Box<LockHolder>>),
    /// It was cancelled; what it did so far may or may not have happened.
    Cancelled,
}
