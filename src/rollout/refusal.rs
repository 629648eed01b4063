//! Which commands a rollout refuses, and why: one rule for the machine, the console's menu and whoever else asks.

use thiserror::Error;

use super::state::{HostStatus, Mode, State};
use crate::model::{Command, HostId, HostIdx, Phase};
use crate::plan::PlanKind;

/// Says why a command is refused, in words for who gave it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Rejection(pub String);

/// Holds what the machine knows and no record says.
pub(super) struct Underway<'a> {
    /// Whether hosts are being told that it is over.
    pub(super) ending: bool,
    /// Tells whether something is being done to a host.
    pub(super) busy: &'a dyn Fn(HostIdx) -> bool,
}

/// Says why a rollout refuses a command; none when it takes it. Every command is defined in every state.
///
/// It is the machine's own rule, of what the records tell. What no record tells is the machine's alone: with which hosts it is
/// busy at this moment, and that it has begun to tell them of the end. So a command that is not refused here may still be refused there,
/// and what is refused here always is.
#[must_use]
pub fn refusal(state: &State, command: &Command) -> Option<Rejection> {
    judge(state, command, &Underway { ending: false, busy: &|_| false }).err()
}

/// Accepts a command or says why not.
pub(super) fn judge(state: &State, command: &Command, underway: &Underway<'_>) -> Result<(), Rejection> {
    let Some(plan) = state.plan() else {
        return Err(refuse("its plan is not known yet"));
    };
    if state.mode() == Mode::Finished {
        return Err(refuse("the rollout is over"));
    }
    if matches!(command, Command::Abort | Command::Stop) {
        return Ok(());
    }
    if let Some(who) = state.suspended() {
        return Err(refuse(format!("its conductor was stopped by {who}: resume it first")));
    }
    if let Some(who) = state.aborted() {
        return Err(refuse(format!("{who} is aborting it")));
    }
    let ending = |what| {
        let ends = state.mode() == Mode::Finalizing || underway.ending;
        if ends { Err(refuse(format!("it is ending and cannot be {what} any more"))) } else { Ok(()) }
    };
    match command {
        Command::Abort | Command::Stop => Ok(()),
        Command::Pause => {
            ending("paused")?;
            pause(state)
        }
        Command::Continue => go_on(state),
        Command::Rollback => {
            ending("rolled back")?;
            match plan.kind {
                _ if state.mode() == Mode::RollingBack => Err(refuse("it is rolling back already")),
                PlanKind::Rollback => Err(refuse("it is a rollback itself; `abort` ends it")),
                PlanKind::Install | PlanKind::Prime => Ok(()),
            }
        }
        Command::Retry { host } => {
            ending("retried")?;
            retry(state, host.as_ref(), underway)
        }
        Command::Skip { host } => {
            ending("changed")?;
            skip(state, host)
        }
        Command::Depool { host, reason } => {
            ending("changed")?;
            service(state, host)?;
            justified(reason)
        }
        Command::Repool { host, .. } => {
            ending("changed")?;
            service(state, host)
        }
        Command::Soak { reason, .. } => {
            ending("changed")?;
            soak(state, command)?;
            justified(reason)
        }
        Command::Promote { reason } => {
            ending("promoted")?;
            promote(state, command)?;
            justified(reason)
        }
        Command::Hold { reason } => {
            ending("held")?;
            hold(state)?;
            justified(reason)
        }
    }
}

/// Wants a reason of whoever decides otherwise than the plan has it.
fn justified(reason: &str) -> Result<(), Rejection> {
    if reason.trim().is_empty() { Err(refuse("it wants a reason, which is journaled and announced")) } else { Ok(()) }
}

fn soak(state: &State, command: &Command) -> Result<(), Rejection> {
    match state.mode() {
        _ if state.stopping().is_some() => Err(stopping()),
        Mode::Soaking { .. } => Ok(()),
        Mode::Promoting { .. } => Err(refuse("its stage has soaked and waits for promotion: `promote` or `continue`")),
        _ => Err(refuse(format!("no stage soaks that `{}` could change", command.word()))),
    }
}

fn promote(state: &State, command: &Command) -> Result<(), Rejection> {
    match state.mode() {
        _ if state.paused().is_some() => Err(refuse("it is paused: `continue` it first")),
        Mode::Promoting { .. } if state.stopping().is_none() => Ok(()),
        _ => soak(state, command),
    }
}

fn hold(state: &State) -> Result<(), Rejection> {
    let prime = state.plan().is_some_and(|plan| plan.kind == PlanKind::Prime);
    match state.mode() {
        _ if prime => Err(refuse("it only transfers, and nothing follows that could be held")),
        _ if state.stopping().is_some() => Err(stopping()),
        Mode::RollingBack => Err(refuse("it is rolling back, which is not held; `abort` ends it")),
        Mode::Planned | Mode::Locking => Err(refuse("no stage has begun yet; `pause` starts no host")),
        Mode::Promoting { .. } => Err(refuse("it waits for a person already")),
        _ if state.held().is_some() => Err(refuse("it is held already; `promote` or `continue` lets it go on")),
        _ => Ok(()),
    }
}

fn pause(state: &State) -> Result<(), Rejection> {
    if state.mode() == Mode::RollingBack {
        Err(refuse("it is rolling back, which does not pause; `abort` ends it"))
    } else if state.stopping().is_some() {
        Err(stopping())
    } else if state.paused().is_some() {
        Err(refuse("it is paused already"))
    } else {
        Ok(())
    }
}

fn go_on(state: &State) -> Result<(), Rejection> {
    if state.paused().is_some() {
        Ok(())
    } else if state.stopping().is_some() {
        Err(stopping())
    } else if matches!(state.mode(), Mode::Promoting { .. }) || state.held().is_some() {
        Ok(())
    } else {
        Err(refuse("it is neither paused nor held nor waiting for promotion"))
    }
}

fn retry(state: &State, host: Option<&HostId>, underway: &Underway<'_>) -> Result<(), Rejection> {
    let Some(id) = host else {
        let any = retried(state, underway).next().is_some();
        return if any { Ok(()) } else { Err(refuse("no host has failed")) };
    };
    match state.index_of(id).and_then(|index| Some((index, state.host(index)?))) {
        None => Err(refuse(format!("{id} takes no part in it"))),
        Some((index, status)) if (underway.busy)(index) => Err(refuse(format!("{id} is {} right now", status.phase))),
        Some((_, status)) if !can_retry(state, status) => {
            Err(refuse(format!("{id} is {}, it did not fail", status.phase)))
        }
        Some(_) => Ok(()),
    }
}

/// Names the hosts that a `retry` without a host tries again.
pub(super) fn retried<'a>(state: &'a State, underway: &Underway<'a>) -> impl Iterator<Item = &'a HostStatus> {
    let busy = underway.busy;
    let failed = move |host: &HostStatus| can_retry(state, host) && host.phase != Phase::Skipped;
    state.placed().filter(move |(index, host)| failed(host) && !busy(*index)).map(|(_, host)| host)
}

/// Tells whether a host is one to be tried again; in a rollback, what is tried is going back.
fn can_retry(state: &State, host: &HostStatus) -> bool {
    match host.phase {
        _ if state.mode() == Mode::RollingBack => host.stranded,
        Phase::Failed | Phase::Skipped => true,
        Phase::RolledBack => host.failure.is_some(),
        _ => false,
    }
}

fn skip(state: &State, id: &HostId) -> Result<(), Rejection> {
    let Some(status) = state.index_of(id).and_then(|index| state.host(index)) else {
        return Err(refuse(format!("{id} takes no part in it")));
    };
    match status.phase {
        Phase::Skipped => Err(refuse(format!("{id} is skipped already"))),
        Phase::Healthy => Err(refuse(format!("{id} has the release already; `rollback` takes it back"))),
        Phase::Activating | Phase::Active | Phase::Checking | Phase::RollingBack => {
            Err(refuse(format!("{id} is being switched; wait until it is healthy or has failed")))
        }
        Phase::Pending | Phase::Priming | Phase::Primed | Phase::RolledBack | Phase::Failed => Ok(()),
    }
}

fn service(state: &State, id: &HostId) -> Result<(), Rejection> {
    match state.plan() {
        Some(plan) if plan.slot.is_some() => Err(refuse("a slot says nothing of the service of its hosts")),
        Some(plan) if !plan.policy.depool => Err(refuse("there was no hooks.depool when it was planned")),
        _ if state.index_of(id).is_none() => Err(refuse(format!("{id} takes no part in it"))),
        _ => Ok(()),
    }
}

fn stopping() -> Rejection {
    refuse("it is stopping already; `abort` leaves every host as it stands")
}

fn refuse(why: impl Into<String>) -> Rejection {
    Rejection(why.into())
}
