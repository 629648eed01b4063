//! Makes stages and waves of a fleet, of what is installed on it, and of a policy.
//!
//! A plan is complete: whoever has it needs no configuration and no inventory to run the rollout, or to resume it. This
//! room asks nobody anything; what is installed is given to it.

mod assign;
mod carriage;
mod error;
mod make;
mod request;
#[cfg(test)]
mod tests;
mod types;
mod way_back;

pub use assign::check_machines;
pub use carriage::{Carriage, Relays};
pub use error::PlanError;
pub use make::make;
pub use request::{Amount, BudgetRule, Member, Request, StageRequest, StageSelection};
pub use types::{
    Budget, HostPlan, LeftOut, LeftOutReason, OnFailure, Plan, PlanKind, Policy, Prefetch, Promote, StageGate,
    StageKind, StagePlan,
};
pub use way_back::{BackTo, Step, answers, steps, way_back};
