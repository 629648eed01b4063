use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Machine;
use crate::model::RolloutId;
use crate::plan::{Plan, PlanKind};
use crate::rollout::event::Event;
use crate::rollout::exit::Exit;
use crate::rollout::outcome::Outcome;
use crate::rollout::record::Record;

/// Gives the records of a rollout that has nothing to do, and so is over before it begins; they are nobody's journal.
#[must_use]
pub fn nothing_done(plan: &Plan, now: Timestamp) -> [Record; 2] {
    let (mut machine, planned) = Machine::plan(plan.clone(), now);
    machine.finish(Outcome::Completed);
    let finished = machine.step.records.pop();
    let rollout = plan.rollout.clone();
    let unknown = Record { seq: 2, at: now, rollout, event: Event::Unknown };
    [planned, finished.unwrap_or(unknown)]
}

/// Gives the record of a rollout for which there is not even a plan, since nothing is due.
#[must_use]
pub fn nothing_due(rollout: RolloutId, now: Timestamp) -> Record {
    let outcome = Outcome::Completed;
    let exit_code = outcome.exit_code(PlanKind::Install, &[]);
    let event = Event::RolloutFinished { outcome, exit_code, counts: BTreeMap::new(), debt: Vec::new() };
    Record { seq: 1, at: now, rollout, event }
}

/// Gives the record of a rollout that was refused, or given up, before there was a plan; its exit code says which.
#[must_use]
pub fn not_begun(rollout: RolloutId, exit: Exit, now: Timestamp) -> Record {
    let outcome = if exit == Exit::Locked { Outcome::Locked } else { Outcome::Stopped };
    let event = Event::RolloutFinished { outcome, exit_code: exit.code(), counts: BTreeMap::new(), debt: Vec::new() };
    Record { seq: 1, at: now, rollout, event }
}
