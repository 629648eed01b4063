use jiff::tz::TimeZone;

use crate::model::{Environment, HostId, ServiceWish};
use crate::plan::{Plan, PlanKind};
use crate::rollout::{Debt, Event, HostEnd, Outcome, PauseReason, Record, State};
use crate::words::{Look, count, emergency, event_line, folded, follows, one_line, reason};

/// How announcements look: people's own tools take all characters, and colour what they like themselves.
const LOOK: Look = Look { color: false, unicode: true };
/// How long it may be what is said of a host and a person.
const SERVICE: usize = 400;
/// What it changes for so many releases is told; the plan has all of it.
const CHANGES: usize = 2;

/// Writes what is announced of a record; none for most of them. `state` has the record applied already.
///
/// Told are the start, the end and whatever a person may have to act on: what stops a rollout, what sends hosts back, what waits.
#[must_use]
pub fn announcement(product: &str, record: &Record, state: &State) -> Option<String> {
    let plan = state.plan()?;
    let told = match &record.event {
        // Masters are never counted: what people want to know is how many targets there are.
        Event::Locked { .. } => started(plan),
        Event::Stopping { why: PauseReason::Locked { .. } } => said(record, state)?,
        Event::Stopping { why } => {
            format!("FAILING, and {}: {}", follows(plan.policy.on_failure).about, reason(why, LOOK))
        }
        // What stops a rollout by itself was told when it did; these come unannounced.
        Event::Paused {
            why: PauseReason::Operator { .. } | PauseReason::GateInconclusive { .. } | PauseReason::FreezeWindow { .. },
        }
        | Event::Continued { .. }
        | Event::AbortRequested { .. }
        | Event::RollbackStarted { by: Some(_), .. }
        | Event::PromotionNeeded { .. }
        | Event::SoakChanged { .. }
        | Event::Held { .. }
        | Event::Promoted { by: Some(_), .. }
        | Event::HostDepooled { by: Some(_), .. }
        | Event::HostRepooled { by: Some(_), .. }
        | Event::Suspended { .. }
        | Event::Resumed { .. } => said(record, state)?,
        Event::RollbackStarted { by: None, .. } => format!("{} by itself", said(record, state)?),
        Event::RolloutFinished { outcome, exit_code, debt, .. } => finished(plan, state, *outcome, *exit_code, debt),
        _ => return None,
    };
    let what = emergency(plan.emergency);
    Some(format!("{what}{product} {} on {}: {told} [{}]", plan.version, plan.environment, plan.rollout))
}

/// Says what everybody else is told of the event.
fn said(record: &Record, state: &State) -> Option<String> {
    let line = event_line(record, state, &TimeZone::UTC, LOOK)?;
    Some(match &line.command {
        Some(command) => format!("{}: {command}", line.text),
        None => line.text,
    })
}

/// Writes what is announced of a host that a person took out of service, or back into it, while no rollout had it.
#[must_use]
pub fn service_announcement(product: &str, environment: &Environment, host: &HostId, wish: &ServiceWish) -> String {
    format!("{product} on {environment}: {host} was {}", one_line(&wish.to_string(), SERVICE, LOOK))
}

fn started(plan: &Plan) -> String {
    let what = match plan.kind {
        PlanKind::Install => "rollout",
        PlanKind::Prime => "transfer",
        PlanKind::Rollback => "rollback",
    };
    let reason = plan.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let whom = match (plan.targets(), plan.hosts.len()) {
        (0, masters) => count(masters, "master"),
        (targets, _) => count(targets, "host"),
    };
    format!("{what} to {whom} started by {}{reason}{}", plan.operator, changes(plan))
}

/// Says what a plan changes, so far as that fits into a line.
fn changes(plan: &Plan) -> String {
    let told: String =
        plan.changes.iter().take(CHANGES).map(|line| format!("; {}", one_line(line, SERVICE, LOOK))).collect();
    match plan.changes.len() {
        all if all > CHANGES => format!("{told}; and from {} more", count(all - CHANGES, "release")),
        _ => told,
    }
}

fn finished(plan: &Plan, state: &State, outcome: Outcome, exit_code: u8, debt: &[Debt]) -> String {
    let summary = state.summary();
    let good = if plan.kind == PlanKind::Prime { HostEnd::Primed } else { HostEnd::Healthy };
    let good = summary.counts.get(&good).copied().unwrap_or(0);
    let mut told = match (outcome, exit_code) {
        (Outcome::Completed, 0) => format!("done on {}", count(good, "host")),
        (Outcome::Completed, _) => format!("done on {}, but not on {}", count(good, "host"), count(debt.len(), "host")),
        (Outcome::Stopped, _) => "STOPPED, left as it stands".to_owned(),
        (Outcome::RolledBack, 0) => format!("done, {} went back", count(good, "host")),
        (Outcome::RolledBack, _) => "ROLLED BACK".to_owned(),
        (Outcome::Locked, _) => "not started, the fleet is locked by another rollout".to_owned(),
    };
    if !debt.is_empty() {
        let hosts: Vec<HostId> = debt.iter().map(|debt| debt.host.clone()).collect();
        told.push_str(&format!("; not right: {}", folded(&hosts, 120, LOOK)));
    }
    told
}
