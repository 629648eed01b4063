use crate::expr;
use crate::model::HostId;
use crate::plan::{OnFailure, Plan, PlanKind};
use crate::rollout::{Debt, Event, HostEnd, Outcome, PauseReason, Record, State};

/// Writes what is announced of a record; none for most of them. `state` has the record applied already.
///
/// Told are the start, the end and whatever a person may have to act on: what stops a rollout, what sends hosts back, what waits.
#[must_use]
pub fn announcement(product: &str, record: &Record, state: &State) -> Option<String> {
    let plan = state.plan()?;
    let told = match &record.event {
        // Masters are never counted: what people want to know is how many targets there are.
        Event::Locked { .. } => started(plan),
        Event::Stopping { why: why @ PauseReason::Locked { .. } } => format!("not going on: {}", reason(why)),
        Event::Stopping { why } => format!("FAILING, and {}: {}", what_follows(plan), reason(why)),
        // What stops a rollout by itself was told when it did; these come unannounced.
        Event::Paused { why: why @ (PauseReason::Operator { .. } | PauseReason::GateInconclusive { .. }) } => {
            format!("paused: {}", reason(why))
        }
        Event::Continued { by } => format!("continued by {by}"),
        Event::AbortRequested { by } => format!("abort requested by {by}"),
        Event::RollbackStarted { by: Some(by), hosts } => format!("rolling back {}, by {by}", count(*hosts)),
        Event::RollbackStarted { by: None, hosts } => format!("rolling back {} by itself", count(*hosts)),
        Event::PromotionNeeded { stage } => {
            format!("stage {stage} is done and waits for promotion: coalmine continue {}", plan.rollout)
        }
        Event::Suspended { by } => format!("stopped by {by}; it goes on with: coalmine resume {}", plan.rollout),
        Event::Resumed { by } => format!("resumed by {by}"),
        Event::RolloutFinished { outcome, exit_code, debt, .. } => finished(plan, state, *outcome, *exit_code, debt),
        _ => return None,
    };
    Some(format!("{product} {} on {}: {told} [{}]", plan.version, plan.environment, plan.rollout))
}

fn started(plan: &Plan) -> String {
    let what = match plan.kind {
        PlanKind::Install => "rollout",
        PlanKind::Prime => "transfer",
        PlanKind::Rollback => "rollback",
    };
    let reason = plan.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let whom = match (plan.targets(), plan.hosts.len()) {
        (0, 1) => "1 master".to_owned(),
        (0, masters) => format!("{masters} masters"),
        (targets, _) => count(targets),
    };
    format!("{what} to {whom} started by {}{reason}", plan.operator)
}

const fn what_follows(plan: &Plan) -> &'static str {
    match plan.policy.on_failure {
        OnFailure::Pause => "about to pause",
        OnFailure::Rollback => "about to roll back",
        OnFailure::Abort => "about to stop",
    }
}

fn reason(why: &PauseReason) -> String {
    match why {
        PauseReason::Operator { by } => format!("by {by}"),
        PauseReason::OverBudget { stage, class, failed, allowed } => {
            format!("{} of stage {stage} failed ({class}), and {allowed} may", count(*failed))
        }
        PauseReason::NoneHealthy { stage } => format!("no host of stage {stage} is healthy"),
        PauseReason::GateFailed { stage, gate, message } => format!("gate {gate:?} of stage {stage} failed: {message}"),
        PauseReason::GateInconclusive { stage, gate, message } => {
            format!("gate {gate:?} of stage {stage} could not tell: {message}")
        }
        PauseReason::Locked { host, holder } => {
            format!("{host} is locked by {} for rollout {}", holder.owner, holder.rollout)
        }
    }
}

fn finished(plan: &Plan, state: &State, outcome: Outcome, exit_code: u8, debt: &[Debt]) -> String {
    let summary = state.summary();
    let good = if plan.kind == PlanKind::Prime { HostEnd::Primed } else { HostEnd::Healthy };
    let good = summary.counts.get(&good).copied().unwrap_or(0);
    let mut told = match (outcome, exit_code) {
        (Outcome::Completed, 0) => format!("done on {}", count(good)),
        (Outcome::Completed, _) => format!("done on {}, but not on {}", count(good), count(debt.len())),
        (Outcome::Stopped, _) => "STOPPED, left as it stands".to_owned(),
        (Outcome::RolledBack, 0) => format!("done, {} went back", count(good)),
        (Outcome::RolledBack, _) => "ROLLED BACK".to_owned(),
        (Outcome::Locked, _) => "not started, the fleet is locked by another rollout".to_owned(),
    };
    if !debt.is_empty() {
        let hosts: Vec<HostId> = debt.iter().map(|debt| debt.host.clone()).collect();
        let folded = expr::fold(&hosts);
        let shown: String = folded.chars().take(120).collect();
        let more = if shown.len() < folded.len() { "…" } else { "" };
        told.push_str(&format!("; not right: {shown}{more}"));
    }
    told
}

fn count(hosts: usize) -> String {
    if hosts == 1 { "1 host".to_owned() } else { format!("{hosts} hosts") }
}
