//! Says in a line what a record means.

use jiff::tz::TimeZone;

use crate::model::{Phase, Verdict};
use crate::rollout::{Event, GateScope, PauseReason, Record};
use crate::tui::edge::{LogLevel, LogLine};
use crate::tui::text::{clean, clock, count};

/// Says why a rollout does not go on.
#[must_use]
pub fn pause_reason(why: &PauseReason) -> String {
    match why {
        PauseReason::Operator { by } => format!("{by} asked for it"),
        PauseReason::OverBudget { stage, class, failed, allowed } => {
            format!("over budget in stage {stage}: {failed} failed ({class}), {allowed} may")
        }
        PauseReason::NoneHealthy { stage } => format!("no host of stage {stage} is healthy"),
        PauseReason::GateFailed { stage, gate, message } => format!("gate {gate:?} of stage {stage} failed: {message}"),
        PauseReason::GateInconclusive { stage, gate, message } => {
            format!("gate {gate:?} of stage {stage} cannot tell: {message}")
        }
        PauseReason::Locked { host, holder } => {
            let reason = holder.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("{} holds the lock of {host} for rollout {}{reason}", holder.owner, holder.rollout)
        }
    }
}

/// Makes the line of the log that a record is worth, if it is worth one.
#[must_use]
pub(super) fn line(record: &Record, zone: &TimeZone) -> Option<LogLine> {
    use LogLevel::{Error, Info, Warn};
    let mut about = None;
    let (level, text) = match &record.event {
        Event::HostProgress { .. } | Event::Unknown => return None,
        Event::RolloutPlanned { plan } => {
            (Info, format!("{} planned {} for {}", plan.operator, plan.version, count(plan.targets(), "host")))
        }
        Event::ReleaseBuilt { release, entries, bytes, reused } => {
            let how = if *reused { "was built before" } else { "built" };
            (Info, format!("{release} {how}: {entries} entries, {bytes}"))
        }
        Event::HostProbed { host, latency_ms, .. } => {
            about = Some(host);
            (Info, format!("{host} gave its lock ({latency_ms} ms)"))
        }
        Event::LockTakenOver { host, holder } => {
            about = Some(host);
            (Warn, format!("{host}: took over the dead lock of {} (rollout {})", holder.owner, holder.rollout))
        }
        Event::Locked { hosts } => (Info, format!("{} locked", count(*hosts, "host"))),
        Event::StageStarted { stage } => (Info, format!("stage {stage} started")),
        Event::StageSkipped { stage } => (Warn, format!("stage {stage} has no host to switch")),
        Event::WaveStarted { stage, wave, hosts } => {
            (Info, format!("stage {stage}: wave {wave} of {}", count(*hosts, "host")))
        }
        Event::HostPhase { host, phase, bytes, already } => {
            about = Some(host);
            let moved = bytes.filter(|bytes| bytes.0 > 0).map(|bytes| format!(", {bytes}")).unwrap_or_default();
            let already = if *already { " already" } else { "" };
            let level = if matches!(phase, Phase::RollingBack | Phase::RolledBack) { Warn } else { Info };
            (level, format!("{host} is{already} {phase}{moved}"))
        }
        Event::HostFailed { host, class, message, .. } => {
            about = Some(host);
            (Error, format!("{host} failed ({class}): {message}"))
        }
        Event::HostRetried { host, by } => {
            about = Some(host);
            (Info, format!("{host} is tried again ({by})"))
        }
        Event::HostSkipped { host, reason } => {
            about = Some(host);
            (Warn, format!("{host} is left out: {reason}"))
        }
        Event::HostDepooled { host, error } | Event::HostRepooled { host, error } => {
            about = Some(host);
            let out = matches!(record.event, Event::HostDepooled { .. });
            let what = if out { "out of service" } else { "back into service" };
            match error {
                None => (if out { Warn } else { Info }, format!("{host} was taken {what}")),
                Some(error) => (Error, format!("{host} could not be taken {what}: {error}")),
            }
        }
        Event::GateResult { gate, scope, stage, host, verdict, value, message, dry } => {
            about = host.as_ref();
            let place = match (scope, host) {
                (GateScope::Baseline, _) => format!("before stage {stage}"),
                (_, Some(host)) => format!("on {host}"),
                (_, None) => format!("for stage {stage}"),
            };
            let value = value.map(|value| format!(" at {value}")).unwrap_or_default();
            let dry = if *dry { " (dry)" } else { "" };
            let why = if message.is_empty() { String::new() } else { format!(": {message}") };
            let (level, word) = match verdict {
                Verdict::Pass => (Info, "passed"),
                Verdict::Fail => (Error, "failed"),
                Verdict::Inconclusive => (Warn, "cannot tell"),
            };
            (level, format!("gate {gate:?} {place} {word}{value}{dry}{why}"))
        }
        Event::SoakStarted { stage, until } => (Info, format!("stage {stage} soaks until {}", clock(*until, zone))),
        Event::PromotionNeeded { stage } => (Warn, format!("stage {stage} is done and waits for promotion")),
        Event::Promoted { stage, by } => {
            let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            (Info, format!("stage {stage} was promoted{by}"))
        }
        Event::Paused { why } => (Warn, format!("paused: {}", pause_reason(why))),
        Event::Continued { by } => (Info, format!("{by} lets it go on")),
        Event::Stopping { why } => (Error, format!("stopping: {}", pause_reason(why))),
        Event::AbortRequested { by } => (Warn, format!("{by} aborts the rollout")),
        Event::RollbackStarted { by, hosts } => {
            let by = by.as_ref().map_or("the policy".to_owned(), ToString::to_string);
            (Warn, format!("{by} puts {} back", count(*hosts, "host")))
        }
        Event::Suspended { by } => (Warn, format!("{by} stopped the conductor; `resume` goes on")),
        Event::Resumed { by } => (Info, format!("{by} resumed the rollout")),
        Event::ReleaseFinalized { release, hosts } => (Info, format!("{release} is good on {}", count(*hosts, "host"))),
        Event::RolloutFinished { outcome, exit_code, debt, .. } => {
            let level = if *exit_code == 0 { Info } else { Error };
            let debt = if debt.is_empty() { String::new() } else { format!(", {} in debt", count(debt.len(), "host")) };
            (level, format!("the rollout is over: {outcome}{debt} (exit {exit_code})"))
        }
    };
    Some(LogLine { level, host: about.cloned(), text: format!("{} {}", clock(record.at, zone), clean(&text)) })
}
