use std::path::Path;

use crate::conductor::waiting;
use crate::journal::{Entry, Rollouts};
use crate::model::Environment;

/// Says that a rollout of an environment waits to be resumed; none when none does.
#[must_use]
pub fn waiting_note(state_dir: &Path, environment: &Environment) -> Option<String> {
    // What cannot be read is told by whoever needs it.
    let found = waiting(&Rollouts::new(state_dir), Some(environment)).ok()?;
    let entry = found.resumable.last()?;
    Some(format!("{} waits: `coalmine resume {}` goes on with it", title(entry), entry.rollout))
}

/// Names a rollout for people.
#[must_use]
pub fn title(entry: &Entry) -> String {
    let Entry { rollout, environment, version, operator, .. } = entry;
    format!("rollout {rollout} ({version} in {environment}, by {operator})")
}

/// Says where, when somebody named an environment.
#[must_use]
pub fn in_environment(environment: Option<&Environment>) -> String {
    environment.map_or_else(String::new, |environment| format!(" in {environment}"))
}
