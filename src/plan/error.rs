use thiserror::Error;

use crate::model::{Environment, HostId, NameError};

/// Tells why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Two names lead to one machine.
    #[error("{first} and {second} are one machine: take one of the names out, or leave it out with -x {second}")]
    SameMachine {
        /// The name that comes first.
        first: HostId,
        /// The other one.
        second: HostId,
    },
    /// A deploy server is a host of the fleet too.
    #[error("{host} is both a master and a target: take it out of `hosts`, or out of `masters`")]
    MasterAndTarget {
        /// The host.
        host: HostId,
    },
    /// A host is in the inventory's answer twice.
    #[error("{host} is listed twice")]
    Twice {
        /// The host.
        host: HostId,
    },
    /// Hosts are in no stage.
    #[error(
        "{count} hosts are in no stage, the first of them is {first}: give the last stage no `hosts`, and it has whatever is left"
    )]
    Unassigned {
        /// How many.
        count: usize,
        /// The first one.
        first: HostId,
    },
    /// No target is selected: whatever became of the masters would be a success of no host.
    #[error("no host of {environment} is selected: masters alone are no rollout")]
    NoTarget {
        /// Whose fleet it is.
        environment: Environment,
    },
    /// A name that is made here is none.
    #[error(transparent)]
    Name(#[from] NameError),
}
