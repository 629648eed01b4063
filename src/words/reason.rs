//! Why a rollout does not go on by itself, and what it waits for.

use jiff::Timestamp;

use super::look::Look;
use super::text::{count, one_line};
use super::time::{between, span};
use crate::model::StageIdx;
use crate::plan::Promote;
use crate::rollout::{Decided, Mode, PauseReason, State};

/// The columns that names and messages may take in a line.
const NAMES: usize = 120;
const MESSAGE: usize = 160;

/// Says in one line why a rollout does not go on by itself.
#[must_use]
pub fn reason(why: &PauseReason, look: Look) -> String {
    match why {
        PauseReason::Operator { by } => format!("{} asked for it", one_line(&by.0, NAMES, look)),
        PauseReason::OverBudget { stage, class, failed, allowed } => {
            format!("{} of stage {stage} failed ({class}), {allowed} may", count(*failed, "host"))
        }
        PauseReason::NoneHealthy { stage } => format!("no host of stage {stage} is healthy"),
        PauseReason::GateFailed { stage, gate, message } => {
            let message = one_line(message, MESSAGE, look);
            format!("gate {:?} of stage {stage} failed: {message}", one_line(gate.as_str(), NAMES, look))
        }
        PauseReason::GateInconclusive { stage, gate, message } => {
            let message = one_line(message, MESSAGE, look);
            format!("gate {:?} of stage {stage} cannot tell: {message}", one_line(gate.as_str(), NAMES, look))
        }
        PauseReason::FreezeWindow { window, until, why } => {
            let window = one_line(window, NAMES, look);
            let why = why.as_ref().map(|why| format!(": {}", one_line(why, MESSAGE, look))).unwrap_or_default();
            format!("freeze window {window:?} has begun and ends {}{why}", until.strftime("%a %Y-%m-%d %H:%M UTC"))
        }
        PauseReason::HookFailed { hook, stage, message } => {
            let of = stage.as_ref().map(|stage| format!(" of stage {stage}")).unwrap_or_default();
            format!("{hook}{of} failed: {}", one_line(message, MESSAGE, look))
        }
        PauseReason::Locked { host, holder } => {
            let why = holder.reason.as_ref().map(|why| format!(": {}", one_line(why, NAMES, look))).unwrap_or_default();
            let owner = one_line(&holder.owner.0, NAMES, look);
            let since = holder.since.strftime("%Y-%m-%d %H:%M:%S UTC");
            let text = format!("{host} is locked by {owner} for rollout {} since {since}{why}", holder.rollout);
            let until = holder.until.strftime("%H:%M:%S UTC");
            if holder.waits {
                format!("{text}; its conductor is gone, and the host frees itself at {until} by its own clock")
            } else {
                text
            }
        }
    }
}

/// Says who holds a stage, and why.
#[must_use]
pub fn held_by(held: &Decided, look: Look) -> String {
    format!("held by {}: {}", one_line(&held.by.0, NAMES, look), one_line(&held.reason, MESSAGE, look))
}

/// Says how much of a budget is used: `2 of 0 allowed`.
#[must_use]
pub fn used(failed: usize, allowed: usize) -> String {
    format!("{failed} of {allowed} allowed")
}

/// Says how long the stage that soaks has left, and what comes then; none when none soaks.
#[must_use]
pub fn soak_left(state: &State, now: Timestamp) -> Option<String> {
    let Mode::Soaking { stage } = state.mode() else {
        return None;
    };
    let (plan, status) = state.stage(stage)?;
    let left = between(now, status.soak?.until);
    let then = after_soak(state, stage)?;
    Some(if left.is_zero() && status.early.is_some() {
        format!("stage {} is promoted early, once its gates have passed", plan.name)
    } else if left.is_zero() && plan.gates.is_empty() {
        format!("stage {} has soaked, and its conductor has yet to say so", plan.name)
    } else if left.is_zero() {
        format!("stage {} has soaked, and its gates have yet to pass", plan.name)
    } else {
        format!("stage {} soaks, {} left, {then}", plan.name, span(left))
    })
}

/// Says what comes when a stage has soaked; after the last one nothing more is switched.
#[must_use]
pub fn after_soak(state: &State, stage: StageIdx) -> Option<&'static str> {
    let plan = state.plan()?;
    let (_, status) = state.stage(stage)?;
    let follows = plan.stages.iter().skip(stage.0 + 1).any(|next| next.hosts() > 0);
    Some(match plan.stages.get(stage.0).map(|stage| stage.promote) {
        _ if status.held.is_some() => "then it is held until a person promotes",
        _ if !follows => "then it is done",
        Some(Promote::Manual) if !plan.policy.promote_all => "then a person promotes",
        Some(Promote::Manual | Promote::Auto) | None => "then the next stage",
    })
}
