use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::hooks::Site;
use crate::plan::{Plan, PlanKind};
use crate::rollout::{Event, PauseReason, Record, State};

/// How long people's own tool may take for one line.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tells people, one line after the other, until nothing more is to be told.
pub(super) async fn announce<S: Site>(site: Arc<S>, mut lines: mpsc::Receiver<String>) {
    while let Some(line) = lines.recv().await {
        match timeout(PATIENCE, site.announce(&line)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "could not announce {line:?}"),
            Err(_) => tracing::warn!("could not announce {line:?} within {} s", PATIENCE.as_secs()),
        }
    }
}

/// Says what people should hear of a record; most of them are nobody's business but the deployer's.
pub(super) fn line(record: &Record, state: &State) -> Option<String> {
    let plan = state.plan()?;
    let what = match &record.event {
        Event::StageStarted { stage } => {
            let hosts = state.stage_named(stage).map_or(0, |idx| state.range_of(idx).len());
            format!("{stage}: switching {hosts} {}", hosts_word(hosts))
        }
        Event::PromotionNeeded { stage } => format!("{stage} is healthy and waits for promotion"),
        Event::Paused { why } => format!("paused: {}", because(why)),
        Event::Stopping { why } => format!("stopping: {}", because(why)),
        Event::AbortRequested { by } => format!("aborted by {by}"),
        Event::RollbackStarted { by, hosts } => {
            let who = by.as_ref().map_or_else(String::new, |by| format!(", asked for by {by}"));
            format!("rolling {hosts} {} back{who}", hosts_word(*hosts))
        }
        Event::Suspended { by } => format!("suspended by {by}; `coalmine resume {}` goes on", plan.rollout),
        Event::Resumed { by } => format!("resumed by {by}"),
        Event::RolloutFinished { outcome, counts, .. } => {
            let counts: Vec<String> = counts.iter().map(|(end, count)| format!("{count} {end}")).collect();
            format!("{outcome}: {}", counts.join(", "))
        }
        _ => return None,
    };
    Some(format!("{}: {what}", title(plan)))
}

/// Says that a rollout starts.
pub(super) fn started(plan: &Plan) -> String {
    let reason = plan.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let hosts = plan.targets();
    format!("{}: started by {} on {hosts} {}{reason}", title(plan), plan.operator, hosts_word(hosts))
}

fn title(plan: &Plan) -> String {
    let verb = match plan.kind {
        PlanKind::Install => "install",
        PlanKind::Prime => "prime",
        PlanKind::Rollback => "roll back to",
    };
    format!("coalmine {}: {verb} {} ({})", plan.environment, plan.version, plan.rollout)
}

const fn hosts_word(count: usize) -> &'static str {
    if count == 1 { "host" } else { "hosts" }
}

fn because(why: &PauseReason) -> String {
    match why {
        PauseReason::Operator { by } => format!("{by} asked for it"),
        PauseReason::OverBudget { stage, class, failed, allowed } => {
            format!("{stage}: {failed} {} {class}, {allowed} may be", hosts_word(*failed))
        }
        PauseReason::NoneHealthy { stage } => format!("{stage}: no host is healthy"),
        PauseReason::GateFailed { stage, gate, message } => format!("{stage}: gate {gate:?} failed: {message}"),
        PauseReason::GateInconclusive { stage, gate, message } => {
            format!("{stage}: gate {gate:?} could not tell: {message}")
        }
        PauseReason::Locked { host, holder } => {
            format!("{host} is locked by {} for rollout {}", holder.owner, holder.rollout)
        }
    }
}
