//! What a record means, in one line.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::glyph::Glyph;
use super::installed::{back_to, brought, was};
use super::look::Look;
use super::on_failure::follows;
use super::outcome::{emergency, ended};
use super::reason::reason;
use super::text::{count, one_line};
use super::time::{between, clock, measured, span, took};
use crate::model::{
    Bytes, Carrier, CarrierFailed, FailureClass, HostId, HostIdx, Operator, Phase, Pooling, RelayFailed, RelayStarted,
};
use crate::plan::{Plan, PlanKind, StageKind};
use crate::rollout::{Event, GateScope, HostStatus, PauseReason, Record, State};

/// The columns that names and messages may take in a line.
const NAMES: usize = 120;
const MESSAGE: usize = 160;

/// Holds what is said of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The glyph before it.
    pub glyph: Glyph,
    /// Which host it is about; none when it is about the rollout.
    pub host: Option<HostId>,
    /// What that host is; empty when the line is about the rollout.
    pub word: &'static str,
    /// What is said of it.
    pub text: String,
    /// The command line that does what the line asks for.
    pub command: Option<String>,
    /// What can be done about it.
    pub hint: Option<String>,
}

impl Line {
    fn new(glyph: Glyph, text: impl Into<String>) -> Self {
        Self { glyph, host: None, word: "", text: text.into(), command: None, hint: None }
    }

    fn of(glyph: Glyph, host: &HostId, word: &'static str, text: impl Into<String>) -> Self {
        Self { host: Some(host.clone()), word, ..Self::new(glyph, text) }
    }

    /// Writes the line as a sentence, without its glyph.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Some(host) = &self.host else {
            return self.text.clone();
        };
        match (self.word, self.text.as_str()) {
            ("", text) => format!("{host}: {text}"),
            (word, "") => format!("{host} {word}"),
            (word, text) => format!("{host} {word}: {text}"),
        }
    }
}

/// Says which way a release came.
#[must_use]
pub fn way(carrier: Carrier, relay: Option<&HostId>) -> String {
    match (carrier, relay) {
        (Carrier::Relay, Some(relay)) => format!("by {relay}"),
        (Carrier::Relay, None) => "by a relay".to_owned(),
        (Carrier::Http, _) => "by HTTP".to_owned(),
        (Carrier::Command, _) => "by the site's command".to_owned(),
        (Carrier::Torrent, _) => "by torrent".to_owned(),
        (Carrier::Direct, _) => "directly".to_owned(),
    }
}

/// Says what a record means, which `state` has taken already; none when it is not worth a line.
#[must_use]
pub fn event_line(record: &Record, state: &State, zone: &TimeZone, look: Look) -> Option<Line> {
    let plan = state.plan()?;
    let name = |text: &str| one_line(text, NAMES, look);
    let message = |text: &str| one_line(text, MESSAGE, look);
    Some(match &record.event {
        // Headless it is the conductor itself that says who is waited for.
        Event::HostProgress { .. } | Event::HostsAwaited { .. } | Event::Unknown => return None,
        Event::RolloutPlanned { plan, .. } => Line::new(Glyph::Stage, opening(plan, look)),
        Event::ReleaseBuilt { release, entries, bytes, reused, .. } => {
            let how = if *reused { "was built before" } else { "built" };
            Line::new(Glyph::Note, format!("release {release} {how}: {}, {bytes}", count(*entries, "entry")))
        }
        Event::HostProbed { host, installed, latency_ms, .. } => {
            let was = was(Some(installed), &plan.release).unwrap_or_default();
            Line::of(Glyph::Note, host, "locked", format!("{was}, answered in {latency_ms} ms"))
        }
        Event::LockTakenOver { host, holder } => {
            let owner = name(&holder.owner.0);
            let text = format!("the lock of {owner} for rollout {} was left there and taken over", holder.rollout);
            Line::of(Glyph::Attention, host, "", text)
        }
        Event::LockLost { host, holder } => {
            let who = holder.as_ref().map_or_else(
                || "nobody says to whom".to_owned(),
                |holder| {
                    let since = holder.since.strftime("%Y-%m-%d %H:%M:%S UTC");
                    format!("{} came with rollout {} at {since}", name(&holder.owner.0), holder.rollout)
                },
            );
            Line::of(Glyph::Bad, host, "", format!("its lock was lost, and it is left as it is: {who}"))
        }
        Event::Locked { hosts } => Line::new(Glyph::Note, format!("{} locked and surveyed", count(*hosts, "host"))),
        Event::StageStarted { stage } => {
            let planned = plan.stages.iter().find(|planned| planned.name == *stage)?;
            let waves = planned.waves.len();
            let waves = if waves > 1 { format!(" in {}", count(waves, "wave")) } else { String::new() };
            Line::new(Glyph::Stage, format!("stage {stage}: {}{waves}", count(planned.hosts(), "host")))
        }
        Event::StageSkipped { stage } => Line::new(Glyph::Skipped, format!("stage {stage} has no host to switch")),
        Event::WaveStarted { stage, wave, hosts } => {
            let waves = plan.stages.iter().find(|planned| planned.name == *stage)?.waves.len();
            Line::new(Glyph::Stage, format!("wave {wave} of {waves} of stage {stage}: {}", count(*hosts, "host")))
        }
        Event::HostPhase { host, phase, already, unproven, carrier, relay, .. } => {
            let status = state.index_of(host).and_then(|index| state.host(index))?;
            let mut line = phase_line(status, *phase, *already, plan, None, look);
            if *unproven {
                line.text.push_str(" (unproven: there was no room to prove it)");
            }
            if let Some(carrier) = carrier {
                let via = way(*carrier, relay.as_ref());
                line.text.push_str(&if line.text.is_empty() { via } else { format!(", {via}") });
            }
            line
        }
        Event::RelayStarted(RelayStarted { host, address, hosts }) => {
            let text = format!("passes it on to {} at {}", count(*hosts, "host"), name(address));
            Line::of(Glyph::Note, host, "", text)
        }
        Event::RelayFailed(RelayFailed { host, message: why }) => {
            let text = format!("passes nothing on any more, and its hosts get it otherwise: {}", message(why));
            Line::of(Glyph::Attention, host, "", text)
        }
        Event::CarrierFailed(CarrierFailed { host, carrier, relay, message: why }) => {
            let text =
                format!("nothing came {}, and the next way is tried: {}", way(*carrier, relay.as_ref()), message(why));
            Line::of(Glyph::Attention, host, "", text)
        }
        Event::HostFailed { host, class, message: why, .. } => {
            let (word, text) = failure(*class, why, look);
            Line::of(Glyph::of_failure(*class), host, word, text)
        }
        Event::ConnectionsSqueezed(squeeze) => {
            let glyph = if squeeze.is_over() { Glyph::Note } else { Glyph::Attention };
            Line::new(glyph, message(&squeeze.to_string()))
        }
        Event::HostRetried { host, by } => {
            Line::new(Glyph::Note, format!("{host} is tried again, as {} asked", name(&by.0)))
        }
        Event::HostSkipped { host, reason, .. } => Line::of(Glyph::Skipped, host, "skipped", message(reason)),
        Event::ServiceAsked { host, what, by, reason } => {
            let why = reason.as_ref().map(|reason| format!(": {}", message(reason))).unwrap_or_default();
            Line::new(Glyph::Note, format!("{host} is to be {}, as {} asked{why}", what.done(), name(&by.0)))
        }
        Event::HostDepooled { host, by, reason, error } => {
            service(host, Pooling::Depool, (by.as_ref(), reason.as_deref()), error.as_deref(), look)
        }
        Event::HostRepooled { host, by, reason, error } => {
            service(host, Pooling::Repool, (by.as_ref(), reason.as_deref()), error.as_deref(), look)
        }
        Event::GateResult { .. } => gate(&record.event, look)?,
        Event::HookRan { hook, stage, error } => {
            let of = stage.as_ref().map(|stage| format!(" of stage {stage}")).unwrap_or_default();
            match error {
                None => Line::new(Glyph::Note, format!("{hook}{of} ran")),
                Some(why) if hook.stops() => Line::new(Glyph::Bad, format!("{hook}{of} failed: {}", message(why))),
                Some(why) => {
                    let text = format!("{hook}{of} failed, which is only told: {}", message(why));
                    Line::new(Glyph::Attention, text)
                }
            }
        }
        Event::HostHookFailed { host, hook, error } => {
            let text = format!("{hook} failed, which is only told: {}", message(error));
            Line::of(Glyph::Attention, host, "", text)
        }
        Event::SoakStarted { stage, until } => {
            let left = between(record.at, *until);
            let text = if left.is_zero() {
                format!("stage {stage}: its gates are asked")
            } else {
                format!("stage {stage} soaks for {}, until {}", span(left), clock(*until, zone))
            };
            Line::new(Glyph::Wait, text)
        }
        Event::PromotionNeeded { stage } => Line {
            command: Some(format!("coalmine continue {}", plan.rollout)),
            ..Line::new(Glyph::Wait, format!("stage {stage} waits for promotion"))
        },
        Event::SoakChanged { stage, until, by, reason, promotes } => {
            let (by, reason) = (name(&by.0), message(reason));
            let text = match between(record.at, *until) {
                _ if *promotes => {
                    format!("stage {stage} is promoted early by {by}, once its gates have passed: {reason}")
                }
                left if left.is_zero() => format!("the soak of stage {stage} is ended by {by}: {reason}"),
                left => {
                    let until = clock(*until, zone);
                    format!("stage {stage} soaks for {} more, until {until}, as {by} asked: {reason}", span(left))
                }
            };
            Line::new(Glyph::Attention, text)
        }
        Event::Held { stage, by, reason } => Line {
            command: Some(format!("coalmine promote {} --reason TEXT", plan.rollout)),
            ..Line::new(
                Glyph::Wait,
                format!("stage {stage} is held by {} until a person promotes it ({})", name(&by.0), message(reason)),
            )
        },
        Event::Promoted { stage, by, reason } => {
            let idx = state.stage_named(stage)?;
            let started = state.stage(idx).and_then(|(_, status)| status.started);
            let duration = started.and_then(|started| measured(started, record.at));
            let took = duration.map(|duration| format!(", in {}", took(duration))).unwrap_or_default();
            let by = by.as_ref().map(|by| format!(", promoted by {}", name(&by.0))).unwrap_or_default();
            let why = reason.as_ref().map(|reason| format!(": {}", message(reason))).unwrap_or_default();
            let hosts = counts(state, state.range_of(idx));
            Line::new(Glyph::Good, format!("stage {stage} done: {hosts}{took}{by}{why}"))
        }
        Event::Paused { why } => Line {
            hint: Some(format!(
                "go on: coalmine continue {0}; put hosts back: coalmine rollback {0}; end it: coalmine abort {0}",
                plan.rollout
            )),
            ..Line::new(Glyph::Wait, format!("paused: {}", reason(why, look)))
        },
        // Hosts of another's are not touched, back neither.
        Event::Stopping { why: why @ PauseReason::Locked { holder, .. } } => Line {
            hint: Some(if holder.waits {
                format!(
                    "go on with that one: coalmine resume {}; or wait for its lease: --wait-lock 5m",
                    holder.rollout
                )
            } else {
                let owner = name(&holder.owner.0);
                format!("talk to {owner}; where it was started: coalmine attach {}", holder.rollout)
            }),
            ..Line::new(Glyph::Bad, format!("not going on: {}", reason(why, look)))
        },
        Event::Stopping { why } => {
            let follows = follows(plan.policy.on_failure).then;
            let why = reason(why, look);
            let text = format!("stopping: {why}; no new host starts, those under way finish, then {follows}");
            Line::new(Glyph::Bad, text)
        }
        Event::Continued { by } => Line::new(Glyph::Note, format!("continued by {}", name(&by.0))),
        Event::AbortRequested { by } => {
            let text = format!("abort requested by {}: those under way finish, the rest stays", name(&by.0));
            Line::new(Glyph::Attention, text)
        }
        Event::RollbackStarted { by, hosts } => {
            let by = by.as_ref().map(|by| format!(", as {} asked", name(&by.0))).unwrap_or_default();
            Line::new(Glyph::Back, format!("rolling back {}{by}", count(*hosts, "host")))
        }
        Event::Suspended { by } => Line {
            command: Some(format!("coalmine resume {}", plan.rollout)),
            ..Line::new(Glyph::Wait, format!("stopped by {}; goes on with", name(&by.0)))
        },
        Event::Resumed { by } => Line::new(Glyph::Note, format!("resumed by {}", name(&by.0))),
        Event::ReleaseFinalized { release, hosts, masters } => {
            let beside = if *masters > 0 { format!(", and of {}", count(*masters, "master")) } else { String::new() };
            Line::new(Glyph::Good, format!("{release} is the good release of {}{beside}", count(*hosts, "host")))
        }
        Event::RolloutFinished { outcome, exit_code, debt, .. } => {
            let (glyph, _) = ended(*outcome, debt.len());
            let debt = if debt.is_empty() { String::new() } else { format!(", {} in debt", count(debt.len(), "host")) };
            let what = emergency(plan.emergency);
            Line::new(glyph, format!("{what}the rollout is over: {outcome}{debt} (exit {exit_code})"))
        }
    })
}

/// Says that a host came to a phase; `primed_in` is how long the release travelled to it, where that is known.
#[must_use]
pub fn phase_line(
    host: &HostStatus,
    phase: Phase,
    already: bool,
    plan: &Plan,
    primed_in: Option<Duration>,
    look: Look,
) -> Line {
    let travelled = |bytes: Bytes| {
        let took = primed_in.map(|duration| format!(" in {}", took(duration))).unwrap_or_default();
        format!("{bytes}{took}")
    };
    let text = match phase {
        Phase::Primed if already => "held it already".to_owned(),
        Phase::Primed => travelled(host.bytes),
        Phase::Healthy => {
            let release = brought(host.to.as_ref(), plan);
            let was = was(host.from.as_ref(), release).map(|was| format!(" ({was})")).unwrap_or_default();
            let version = release.version();
            if host.bytes > Bytes(0) {
                format!("{version}{was}  {}", travelled(host.bytes))
            } else {
                format!("{version}{was}")
            }
        }
        Phase::RolledBack => format!("to {}", back_to(host.good.as_ref())),
        Phase::Skipped => host.skipped.as_ref().map(|why| one_line(why, MESSAGE, look)).unwrap_or_default(),
        _ => String::new(),
    };
    Line::of(Glyph::of_phase(phase), &host.id, phase.text(), text)
}

/// Says in a word and a line what is wrong with a host.
#[must_use]
pub fn failure(class: FailureClass, message: &str, look: Look) -> (&'static str, String) {
    let message = one_line(message, MESSAGE, look);
    match class {
        FailureClass::Unreachable => ("unreachable", message),
        _ => ("failed", format!("{class}: {message}")),
    }
}

fn service(
    host: &HostId,
    what: Pooling,
    (by, reason): (Option<&Operator>, Option<&str>),
    error: Option<&str>,
    look: Look,
) -> Line {
    let done = what.done();
    let by = by.map(|by| one_line(&by.0, NAMES, look));
    match (error, by) {
        (None, None) => Line::new(Glyph::Note, format!("{host} was {done}")),
        (None, Some(by)) => {
            let why = reason.map(|reason| format!(": {}", one_line(reason, MESSAGE, look))).unwrap_or_default();
            Line::new(Glyph::Attention, format!("{host} was {done} by {by}{why}"))
        }
        (Some(error), by) => {
            let asked = by.map(|by| format!(", as {by} asked")).unwrap_or_default();
            let error = one_line(error, MESSAGE, look);
            Line::new(Glyph::Attention, format!("{host} could not be {done}{asked}: {error}"))
        }
    }
}

fn gate(event: &Event, look: Look) -> Option<Line> {
    let Event::GateResult { gate, scope, stage, host, verdict, value, message, dry } = event else {
        return None;
    };
    let (glyph, word) = Glyph::of_verdict(*verdict);
    let place = match (scope, host) {
        (_, Some(host)) => format!("on {host}"),
        (GateScope::Baseline, None) => format!("before stage {stage}"),
        (GateScope::Stage | GateScope::Host, None) => format!("for stage {stage}"),
    };
    let value = value.map(|value| format!(", {value}")).unwrap_or_default();
    let why = one_line(message, MESSAGE, look);
    let why = if why.is_empty() { why } else { format!(": {why}") };
    let dry = if *dry { " (dry: it decides nothing)" } else { "" };
    let gate = one_line(gate.as_str(), NAMES, look);
    Some(Line::new(glyph, format!("gate {gate:?} {word} {place}{value}{why}{dry}")))
}

fn opening(plan: &Plan, look: Look) -> String {
    let what = match plan.kind {
        PlanKind::Install => "rollout of",
        PlanKind::Prime => "transfer of",
        PlanKind::Rollback => "rollback to",
    };
    let stages = stages(plan);
    let stages = if stages.is_empty() { String::new() } else { format!(" ({stages})") };
    let slot = plan.slot.as_ref().map(|slot| format!(", slot {slot}")).unwrap_or_default();
    format!(
        "{}{what} {} on {}{slot}: {}{stages}, by {}, {}",
        emergency(plan.emergency),
        plan.version,
        plan.environment,
        count(plan.targets(), "host"),
        one_line(&plan.operator.0, NAMES, look),
        plan.rollout
    )
}

/// Names the stages of a plan's targets, each with how many hosts it has: `canary 2, fleet 38`.
#[must_use]
pub fn stages(plan: &Plan) -> String {
    let targets = plan.stages.iter().filter(|stage| stage.kind == StageKind::Targets);
    targets.map(|stage| format!("{} {}", stage.name, stage.hosts())).collect::<Vec<_>>().join(", ")
}

/// Counts hosts by what became of them: `38 healthy, 2 failed`.
#[must_use]
pub fn counts(state: &State, hosts: impl IntoIterator<Item = HostIdx>) -> String {
    let mut by_phase: BTreeMap<Phase, usize> = BTreeMap::new();
    for host in hosts.into_iter().filter_map(|index| state.host(index)) {
        *by_phase.entry(host.phase).or_default() += 1;
    }
    let shown: Vec<String> = by_phase.iter().map(|(phase, count)| format!("{count} {phase}")).collect();
    if shown.is_empty() { "no host".to_owned() } else { shown.join(", ") }
}
