use std::os::unix::fs::MetadataExt as _;

use jiff::{SignedDuration, Timestamp};

use super::error::ConductorError;
use super::signals::{INTERRUPTED, TERMINATED};
use crate::journal::{Entry, Rollouts};
use crate::model::{Environment, RolloutId};
use crate::rollout::{Mode, Record, State};

/// How long after its last sign of life a rollout is still resumed without anybody asking for it.
const FRESH: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Says what is to be resumed, and why the rest is not.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Those that can be resumed, the one that was planned first at the front.
    pub resumable: Vec<Entry>,
    /// Those that could have been, and the later rollout of each.
    pub overtaken: Vec<(Entry, Entry)>,
}

/// Says whether a timer resumes a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// It does: its conductor died, or went down with its machine.
    Yes,
    /// It does not, for this reason.
    No(String),
}

/// Lists the rollouts that a conductor runs; of one environment, or of all.
///
/// # Errors
///
/// When the state folder cannot be read. A rollout of which nothing can be read is left out.
pub fn running(rollouts: &Rollouts, environment: Option<&Environment>) -> Result<Vec<Entry>, ConductorError> {
    Ok(running_among(&rollouts.list()?.entries, environment))
}

/// As [`running`], among rollouts that were listed.
#[must_use]
pub fn running_among(listed: &[Entry], environment: Option<&Environment>) -> Vec<Entry> {
    let is_meant =
        |entry: &&Entry| entry.live && environment.is_none_or(|environment| entry.environment == *environment);
    listed.iter().filter(is_meant).cloned().collect()
}

/// Finds the rollouts that wait to be resumed; of one environment, or of all.
///
/// A later rollout of the same environment overtakes an earlier one as soon as it switched a host: going on with the
/// earlier one would put the hosts back. What is later is said by the journals' numbers, and not by clocks or names; what
/// came from another state folder is found out on the hosts, which are asked first.
///
/// # Errors
///
/// When the state folder or a journal cannot be read.
pub fn waiting(rollouts: &Rollouts, environment: Option<&Environment>) -> Result<Waiting, ConductorError> {
    waiting_among(rollouts, &rollouts.list()?.entries, environment)
}

/// As [`waiting`], among rollouts that were listed.
///
/// # Errors
///
/// When a journal cannot be read.
pub fn waiting_among(
    rollouts: &Rollouts,
    listed: &[Entry],
    environment: Option<&Environment>,
) -> Result<Waiting, ConductorError> {
    let of_it = |entry: &&Entry| environment.is_none_or(|environment| entry.environment == *environment);
    let entries: Vec<Entry> = listed.iter().filter(of_it).cloned().collect();
    let mut found = Waiting::default();
    for entry in entries.iter().filter(|entry| entry.is_resumable()) {
        match overtaker(rollouts, &entries, entry)? {
            Some(later) => found.overtaken.push((entry.clone(), later.clone())),
            None => found.resumable.push(entry.clone()),
        }
    }
    Ok(found)
}

/// Finds the last rollout that overtook one that is not over, so that nobody goes on with that; among rollouts in their order.
///
/// # Errors
///
/// When a journal cannot be read.
pub fn overtaker<'a>(
    rollouts: &Rollouts,
    entries: &'a [Entry],
    entry: &Entry,
) -> Result<Option<&'a Entry>, ConductorError> {
    let later = entries.iter().rev().take_while(|other| other.rollout != entry.rollout);
    for later in later.filter(|later| later.environment == entry.environment) {
        if later.live || replay(rollouts, &later.rollout)?.anything_switched() {
            return Ok(Some(later));
        }
    }
    Ok(None)
}

/// Tells whether a rollout that can be resumed is due to be, without anybody asking for it.
///
/// It is when it had begun, nobody stopped it and it is not older than a week. Who stopped it was a person when it was a
/// `stop` or SIGINT; SIGTERM is what a machine sends that shuts down.
///
/// # Errors
///
/// When its journal cannot be read.
pub fn due(rollouts: &Rollouts, entry: &Entry, now: Timestamp) -> Result<Due, ConductorError> {
    let folder = rollouts.folder(&entry.rollout);
    let owner = folder.metadata().map_err(ConductorError::io("look at", &folder))?.uid();
    if owner != rustix::process::geteuid().as_raw() {
        return Ok(Due::No(format!("it is the user's with id {owner}")));
    }
    let state = replay(rollouts, &entry.rollout)?;
    if state.mode() == Mode::Planned && state.seq() <= 2 {
        return Ok(Due::No("it was planned and never begun".to_owned()));
    }
    match state.suspended() {
        Some(by) if &*by.0 == TERMINATED => {}
        Some(by) if &*by.0 == INTERRUPTED => return Ok(Due::No("it was interrupted by hand".to_owned())),
        Some(by) => return Ok(Due::No(format!("it was stopped by {by}"))),
        None => {}
    }
    if now.duration_since(entry.latest) > FRESH {
        return Ok(Due::No("nothing has happened in it for more than a week".to_owned()));
    }
    Ok(Due::Yes)
}

/// Folds a rollout's journal.
///
/// # Errors
///
/// When it cannot be read.
pub fn replay(rollouts: &Rollouts, rollout: &RolloutId) -> Result<State, ConductorError> {
    let records = rollouts.read(rollout)?.collect::<Result<Vec<Record>, _>>()?;
    Ok(State::replay(&records))
}
