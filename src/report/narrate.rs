//! A rollout told to people, a line a change of state.
//!
//! Changes of hosts are held for a fifth of a second of the rollout's own time, so that hosts that change together stand in one
//! line, and a host that passes through two phases in that time is told once, with the last. In a fleet of more than
//! [`MOST_HOSTS`] only what is out of the ordinary is told host by host; the rest is in the lines of stages and waves. Times are
//! those of the records, so a journal replayed reads as the rollout did.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::look::{Look, Mark, Tone};
use super::timing::Timings;
use super::words::{back_to, between, clock, count, folded, one_line, pad, span, took, was, without_name};
use crate::model::{Bytes, FailureClass, HostId, Operator, Phase, StageIdx, StageName, Verdict};
use crate::plan::{OnFailure, Plan, PlanKind, StageKind};
use crate::rollout::{Event, GateScope, PauseReason, Record, State};

/// In a larger fleet, hosts that do what they should are not told one by one unless that is asked for.
pub const MOST_HOSTS: usize = 100;

/// How long changes of hosts are held, in the rollout's own time.
const TOGETHER: Duration = Duration::from_millis(200);

/// How many hosts that change together have a line each.
const LINES_EACH: usize = 3;

/// The columns that names and messages may take in a line.
const NAMES: usize = 120;
const MESSAGE: usize = 160;

/// Says how people's text is written.
#[derive(Debug, Clone)]
pub struct Style {
    /// Glyphs and colours.
    pub look: Look,
    /// Where the clock on the wall is.
    pub zone: TimeZone,
    /// Whether every host is told, however many there are.
    pub verbose: bool,
}

/// Holds a change of a host that was not told yet.
#[derive(Debug)]
enum Change {
    Phase { phase: Phase, already: bool },
    Failed { class: FailureClass, message: String },
}

/// Sums up what was primed since it was last told.
#[derive(Debug)]
struct Priming {
    since: Timestamp,
    hosts: usize,
    bytes: Bytes,
}

/// Turns records into lines.
#[derive(Debug)]
pub struct Narrator {
    style: Style,
    timings: Timings,
    names: usize,
    lines: Vec<String>,
    held: BTreeMap<usize, Vec<Change>>,
    held_since: Option<Timestamp>,
    day: Option<Date>,
    gates: HashMap<(StageName, String), Verdict>,
    slowest_answer: Option<(HostId, u64)>,
    primed: Option<Priming>,
    wave: Option<(StageIdx, usize, Timestamp)>,
    latest: Option<Timestamp>,
}

impl Narrator {
    /// Makes a narrator of a rollout of which nothing is known.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self {
            style,
            timings: Timings::default(),
            names: 0,
            lines: Vec::new(),
            held: BTreeMap::new(),
            held_since: None,
            day: None,
            gates: HashMap::new(),
            slowest_answer: None,
            primed: None,
            wave: None,
            latest: None,
        }
    }

    /// Gives when each host came how far.
    #[must_use]
    pub const fn timings(&self) -> &Timings {
        &self.timings
    }

    /// Takes a record that `state` has taken already.
    pub fn record(&mut self, record: &Record, state: &State) {
        if !record.event.is_journaled() {
            return;
        }
        self.timings.apply(record, state);
        let at = record.at;
        if self.held_since.is_some_and(|since| between(since, at) > TOGETHER) {
            self.settle(state);
        }
        self.latest = Some(at);
        match &record.event {
            Event::HostPhase { host, phase, already, bytes } => {
                if matches!(phase, Phase::Priming | Phase::Primed) {
                    let priming = self.primed.get_or_insert(Priming { since: at, hosts: 0, bytes: Bytes(0) });
                    priming.hosts += usize::from(*phase == Phase::Primed);
                    priming.bytes = priming.bytes.saturating_add(bytes.unwrap_or_default());
                }
                self.hold(state, host, Change::Phase { phase: *phase, already: *already }, at);
            }
            Event::HostFailed { host, class, message, .. } => {
                self.hold(state, host, Change::Failed { class: *class, message: message.clone() }, at);
            }
            Event::HostSkipped { host, .. } => {
                self.hold(state, host, Change::Phase { phase: Phase::Skipped, already: false }, at);
            }
            Event::HostProbed { host, latency_ms, .. } => {
                if self.slowest_answer.as_ref().is_none_or(|(_, most)| latency_ms > most) {
                    self.slowest_answer = Some((host.clone(), *latency_ms));
                }
            }
            event => self.tell(event, at, state),
        }
    }

    /// Tells the changes that were held; to be called when nothing came for a while, and at the end.
    pub fn settle(&mut self, state: &State) {
        let at = self.latest.or(self.held_since);
        self.held_since = None;
        let held = std::mem::take(&mut self.held);
        let Some(at) = at else {
            return;
        };
        let mut failed: BTreeMap<(FailureClass, String), Vec<(usize, String)>> = BTreeMap::new();
        let mut phases: BTreeMap<(Phase, bool), Vec<usize>> = BTreeMap::new();
        for (index, changes) in held {
            let last = changes.len().saturating_sub(1);
            for (place, change) in changes.into_iter().enumerate() {
                match change {
                    Change::Failed { class, message } => {
                        let same =
                            state.host(index).map_or_else(|| message.clone(), |host| without_name(&message, &host.id));
                        failed.entry((class, same)).or_default().push((index, message));
                    }
                    Change::Phase { phase, already } if place == last => {
                        phases.entry((phase, already)).or_default().push(index);
                    }
                    Change::Phase { .. } => {}
                }
            }
        }
        for ((class, same), failed) in failed {
            let message = match failed.as_slice() {
                [(_, message)] => message.clone(),
                _ => same,
            };
            let hosts: Vec<usize> = failed.into_iter().map(|(index, _)| index).collect();
            self.tell_failed(class, &message, &hosts, at, state);
        }
        for ((phase, already), hosts) in phases {
            if phase == Phase::Failed || !self.is_told(phase, state) {
                continue;
            }
            if hosts.len() <= LINES_EACH {
                for index in hosts {
                    self.tell_host(index, phase, already, at, state);
                }
            } else {
                self.tell_hosts(&hosts, phase, already, at, state);
            }
        }
    }

    /// Gives the lines that were not given yet.
    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    fn hold(&mut self, state: &State, host: &HostId, change: Change, at: Timestamp) {
        if let Some(index) = state.index_of(host) {
            self.held_since.get_or_insert(at);
            self.held.entry(index).or_default().push(change);
        }
    }

    /// Tells whether a phase is worth a line in this fleet.
    fn is_told(&self, phase: Phase, state: &State) -> bool {
        let ordinary = !matches!(phase, Phase::RolledBack | Phase::Skipped | Phase::Failed);
        phase != Phase::Pending && (!ordinary || self.style.verbose || state.hosts().len() <= MOST_HOSTS)
    }

    fn line(&mut self, at: Timestamp, mark: Mark, text: &str) {
        let Style { look, zone, .. } = &self.style;
        let day = zone.to_datetime(at).date();
        if self.day.replace(day).is_some_and(|before| before != day) {
            self.lines.push(look.paint(Tone::Faint, &format!("-- {day} --")));
        }
        let clock = look.paint(Tone::Faint, &clock(at, zone));
        self.lines.push(format!("{clock}  {} {text}", look.mark(mark)));
    }

    fn host_line(&mut self, at: Timestamp, mark: Mark, word: &str, names: &str, detail: &str) {
        let word = self.style.look.paint(mark.tone(), &pad(word, 12));
        let text = if detail.is_empty() {
            format!("{word} {names}")
        } else {
            format!("{word} {}  {detail}", pad(names, self.names))
        };
        self.line(at, mark, &text);
    }

    fn tell_host(&mut self, index: usize, phase: Phase, already: bool, at: Timestamp, state: &State) {
        let (Some(host), Some(plan)) = (state.host(index), state.plan()) else {
            return;
        };
        let travelled = |bytes: Bytes| {
            let took = self.timings.priming(index).map(|duration| format!(" in {}", took(duration)));
            format!("{bytes}{}", took.unwrap_or_default())
        };
        let detail = match phase {
            Phase::Primed if already => "held it already".to_owned(),
            Phase::Primed => travelled(host.bytes),
            Phase::Healthy => {
                let was = was(host.from.as_ref(), &plan.release).map(|was| format!(" ({was})")).unwrap_or_default();
                let version = &plan.version;
                if host.bytes > Bytes(0) {
                    format!("{version}{was}  {}", travelled(host.bytes))
                } else {
                    format!("{version}{was}")
                }
            }
            Phase::RolledBack => back_to(host.good.as_ref()),
            Phase::Skipped => {
                host.skipped.as_ref().map(|why| one_line(why, MESSAGE, self.style.look)).unwrap_or_default()
            }
            _ => String::new(),
        };
        self.host_line(at, Mark::of_phase(phase), &phase.to_string(), host.id.as_str(), &detail);
    }

    fn tell_hosts(&mut self, hosts: &[usize], phase: Phase, already: bool, at: Timestamp, state: &State) {
        let Some(plan) = state.plan() else {
            return;
        };
        let ids: Vec<HostId> = hosts.iter().filter_map(|&index| Some(state.host(index)?.id.clone())).collect();
        let detail = match phase {
            Phase::Primed if already => "held it already".to_owned(),
            Phase::Primed => {
                let bytes: Bytes = hosts.iter().filter_map(|&index| Some(state.host(index)?.bytes)).sum();
                format!("{bytes} in all")
            }
            Phase::Healthy => plan.version.to_string(),
            _ => String::new(),
        };
        let names = format!("{} ({})", folded(&ids, NAMES, self.style.look), ids.len());
        self.host_line(at, Mark::of_phase(phase), &phase.to_string(), &names, &detail);
    }

    fn tell_failed(&mut self, class: FailureClass, message: &str, hosts: &[usize], at: Timestamp, state: &State) {
        let ids: Vec<HostId> = hosts.iter().filter_map(|&index| Some(state.host(index)?.id.clone())).collect();
        let names = folded(&ids, NAMES, self.style.look);
        let names = if ids.len() > 1 { format!("{names} ({})", ids.len()) } else { names };
        let (word, detail) = match class {
            FailureClass::Unreachable => ("unreachable", one_line(message, MESSAGE, self.style.look)),
            _ => ("failed", format!("{class}: {}", one_line(message, MESSAGE, self.style.look))),
        };
        self.host_line(at, Mark::of_failure(class), word, &names, &detail);
    }

    /// Tells what concerns the rollout as a whole.
    fn tell(&mut self, event: &Event, at: Timestamp, state: &State) {
        let Some(plan) = state.plan().cloned() else {
            return;
        };
        self.settle(state);
        self.latest = Some(at);
        match event {
            Event::RolloutPlanned { plan } => {
                self.names = plan.hosts.iter().map(|host| host.host.as_str().len()).max().unwrap_or(0).min(40);
                self.line(at, Mark::Stage, &opening(plan, self.style.look));
                if let Some(reason) = &plan.reason {
                    let reason = one_line(reason, MESSAGE, self.style.look);
                    self.line(at, Mark::Note, &format!("why: {reason}"));
                }
            }
            Event::ReleaseBuilt { release, entries, bytes, reused } => {
                let how = if *reused { "was built before" } else { "built" };
                self.line(at, Mark::Note, &format!("release {release} {how}: {}, {bytes}", count(*entries, "entry")));
            }
            Event::LockTakenOver { host, holder } => {
                let text = format!(
                    "{host}: the lock of {} for rollout {} had run out and was taken over",
                    one_line(&holder.owner.0, NAMES, self.style.look),
                    holder.rollout
                );
                self.line(at, Mark::Warning, &text);
            }
            Event::Locked { hosts } => {
                let slowest = self.slowest_answer.take().filter(|_| *hosts > 1);
                let slowest =
                    slowest.map(|(host, ms)| format!(", the slowest was {host} with {ms} ms")).unwrap_or_default();
                self.line(at, Mark::Note, &format!("{} locked and surveyed{slowest}", count(*hosts, "host")));
            }
            Event::StageStarted { stage } => self.stage_started(stage, &plan, at),
            Event::StageSkipped { stage } => {
                self.line(at, Mark::Skipped, &format!("stage {stage} has no host to switch"));
            }
            Event::WaveStarted { stage, wave, hosts } => self.wave_started(stage, *wave, *hosts, at, state),
            Event::HostRetried { host, by } => {
                self.line(at, Mark::Note, &format!("{host} is tried again, as {} asked", self.operator(by)));
            }
            Event::HostDepooled { host, error: None } => {
                self.line(at, Mark::Note, &format!("{host} was taken out of service"));
            }
            Event::HostDepooled { host, error: Some(error) } => {
                let error = one_line(error, MESSAGE, self.style.look);
                self.line(at, Mark::Warning, &format!("{host} could not be taken out of service: {error}"));
            }
            Event::HostRepooled { host, error: None } => {
                self.line(at, Mark::Note, &format!("{host} was put back into service"));
            }
            Event::HostRepooled { host, error: Some(error) } => {
                let error = one_line(error, MESSAGE, self.style.look);
                self.line(at, Mark::Warning, &format!("{host} could not be put back into service: {error}"));
            }
            Event::GateResult { .. } => self.gate(event, at),
            Event::SoakStarted { stage, until } => {
                self.wave_ended(at, state);
                let left = between(at, *until);
                let text = if left.is_zero() {
                    format!("stage {stage}: its gates are asked")
                } else {
                    let end = clock(*until, &self.style.zone);
                    format!("stage {stage} soaks for {}, until {end}", span(left))
                };
                self.line(at, Mark::Wait, &text);
            }
            Event::PromotionNeeded { stage } => {
                self.wave_ended(at, state);
                let text = format!("stage {stage} waits for promotion: coalmine continue {}", plan.rollout);
                self.line(at, Mark::Wait, &text);
            }
            Event::Promoted { stage, by } => {
                self.wave_ended(at, state);
                self.promoted(stage, by.as_ref(), at, state);
            }
            Event::Paused { why } => {
                let hint = format!(
                    "go on: coalmine continue {0}; put hosts back: coalmine rollback {0}; end it: coalmine abort {0}",
                    plan.rollout
                );
                self.line(at, Mark::Wait, &format!("paused: {}", self.reason(why)));
                self.line(at, Mark::Note, &hint);
            }
            // Hosts of another's are not touched, back neither.
            Event::Stopping { why: why @ PauseReason::Locked { holder, .. } } => {
                self.line(at, Mark::Bad, &format!("not going on: {}", self.reason(why)));
                let (owner, rollout) = (self.operator(&holder.owner), &holder.rollout);
                let hint = format!("talk to {owner}; where it was started: coalmine attach {rollout}");
                self.line(at, Mark::Note, &hint);
            }
            Event::Stopping { why } => {
                let follows = match plan.policy.on_failure {
                    OnFailure::Pause => "it pauses",
                    OnFailure::Rollback => "switched hosts go back",
                    OnFailure::Abort => "it ends",
                };
                let text = format!(
                    "stopping: {}; no new host starts, those under way finish, then {follows}",
                    self.reason(why)
                );
                self.line(at, Mark::Bad, &text);
            }
            Event::Continued { by } => self.line(at, Mark::Note, &format!("continued by {}", self.operator(by))),
            Event::AbortRequested { by } => {
                let text = format!("abort requested by {}: those under way finish, the rest stays", self.operator(by));
                self.line(at, Mark::Warning, &text);
            }
            Event::RollbackStarted { by, hosts } => {
                let by = by.as_ref().map(|by| format!(", as {} asked", self.operator(by))).unwrap_or_default();
                self.line(at, Mark::Back, &format!("rolling back {}{by}", count(*hosts, "host")));
            }
            Event::Suspended { by } => {
                let text = format!("stopped by {}; goes on with: coalmine resume {}", self.operator(by), plan.rollout);
                self.line(at, Mark::Wait, &text);
            }
            Event::Resumed { by } => self.line(at, Mark::Note, &format!("resumed by {}", self.operator(by))),
            Event::ReleaseFinalized { release, hosts } => {
                self.line(at, Mark::Good, &format!("{release} is the good release of {}", count(*hosts, "host")));
            }
            Event::RolloutFinished { .. } => self.wave_ended(at, state),
            Event::HostPhase { .. }
            | Event::HostFailed { .. }
            | Event::HostSkipped { .. }
            | Event::HostProbed { .. }
            | Event::HostProgress { .. }
            | Event::Unknown => {}
        }
    }

    fn operator(&self, by: &Operator) -> String {
        one_line(&by.0, NAMES, self.style.look)
    }

    fn stage_started(&mut self, stage: &StageName, plan: &Plan, at: Timestamp) {
        if let Some(Priming { since, hosts, bytes }) = self.primed.take() {
            let text = format!("{} primed, {bytes} in {}", count(hosts, "host"), took(between(since, at)));
            self.line(at, Mark::Primed, &text);
        }
        let Some(planned) = plan.stages.iter().find(|planned| &planned.name == stage) else {
            return;
        };
        let waves =
            if planned.waves.len() > 1 { format!(" in {}", count(planned.waves.len(), "wave")) } else { String::new() };
        let text = format!("stage {stage}: {}{waves}", count(planned.hosts(), "host"));
        let text = self.style.look.paint(Tone::Strong, &text);
        self.line(at, Mark::Stage, &text);
    }

    fn wave_started(&mut self, stage: &StageName, wave: usize, hosts: usize, at: Timestamp, state: &State) {
        self.wave_ended(at, state);
        let Some(idx) = state.stage_named(stage) else {
            return;
        };
        self.wave = Some((idx, wave, at));
        let waves = state.stage(idx).map_or(0, |(plan, _)| plan.waves.len());
        if waves > 1 {
            self.line(at, Mark::Stage, &format!("wave {wave} of {waves} of stage {stage}: {}", count(hosts, "host")));
        }
    }

    /// Sums up a wave; where every host is told, its lines have said it all.
    fn wave_ended(&mut self, at: Timestamp, state: &State) {
        let Some((idx, wave, since)) = self.wave.take() else {
            return;
        };
        let Some((plan, _)) = state.stage(idx) else {
            return;
        };
        if plan.waves.len() < 2 {
            return;
        }
        let start = state.range_of(idx).start + plan.waves.iter().take(wave.saturating_sub(1)).sum::<usize>();
        let size = plan.waves.get(wave.saturating_sub(1)).copied().unwrap_or(0);
        let ended = counts(state, start..start + size);
        let text = format!("wave {wave} of stage {}: {ended}, in {}", plan.name, took(between(since, at)));
        self.line(at, Mark::Note, &text);
    }

    fn promoted(&mut self, stage: &StageName, by: Option<&Operator>, at: Timestamp, state: &State) {
        let Some(idx) = state.stage_named(stage) else {
            return;
        };
        let started = state.stage(idx).and_then(|(_, status)| status.started);
        let took = started.map(|started| format!(", in {}", took(between(started, at)))).unwrap_or_default();
        let by = by.map(|by| format!(", promoted by {}", self.operator(by))).unwrap_or_default();
        let text = format!("stage {stage} done: {}{took}{by}", counts(state, state.range_of(idx)));
        self.line(at, Mark::Good, &text);
    }

    fn gate(&mut self, event: &Event, at: Timestamp) {
        let Event::GateResult { gate, scope, stage, host, verdict, value, message, dry } = event else {
            return;
        };
        // On a host, what fails is told with the failure, and what passes by the host's being healthy.
        if *scope == GateScope::Host && *verdict == Verdict::Fail && !dry {
            return;
        }
        let known = self.gates.insert((stage.clone(), gate.clone()), *verdict);
        if *scope == GateScope::Stage && known == Some(*verdict) {
            return;
        }
        let (mark, word) = match verdict {
            Verdict::Pass => (Mark::Good, "passes"),
            Verdict::Fail => (Mark::Bad, "fails"),
            Verdict::Inconclusive => (Mark::Warning, "cannot tell"),
        };
        let place = match (scope, host) {
            (_, Some(host)) => format!("on {host}"),
            (GateScope::Baseline, None) => format!("before stage {stage}"),
            (GateScope::Stage | GateScope::Host, None) => format!("for stage {stage}"),
        };
        let value = value.map(|value| format!(", {value}")).unwrap_or_default();
        let why = one_line(message, MESSAGE, self.style.look);
        let why = if why.is_empty() { why } else { format!(": {why}") };
        let dry = if *dry { " (dry: it decides nothing)" } else { "" };
        let gate = one_line(gate, NAMES, self.style.look);
        self.line(at, mark, &format!("gate {gate:?} {word} {place}{value}{why}{dry}"));
    }

    fn reason(&self, why: &PauseReason) -> String {
        reason(why, self.style.look)
    }
}

/// Says in one line why a rollout does not go on by itself.
#[must_use]
pub fn reason(why: &PauseReason, look: Look) -> String {
    match why {
        PauseReason::Operator { by } => format!("{} asked for it", one_line(&by.0, NAMES, look)),
        PauseReason::OverBudget { stage, class, failed, allowed } => {
            format!("{} of stage {stage} failed ({class}), its budget is {allowed}", count(*failed, "host"))
        }
        PauseReason::NoneHealthy { stage } => format!("no host of stage {stage} is healthy"),
        PauseReason::GateFailed { stage, gate, message } => {
            let message = one_line(message, MESSAGE, look);
            format!("gate {:?} of stage {stage} failed: {message}", one_line(gate, NAMES, look))
        }
        PauseReason::GateInconclusive { stage, gate, message } => {
            let message = one_line(message, MESSAGE, look);
            format!("gate {:?} of stage {stage} could not tell: {message}", one_line(gate, NAMES, look))
        }
        PauseReason::Locked { host, holder } => {
            let why = holder.reason.as_ref().map(|why| format!(": {}", one_line(why, NAMES, look))).unwrap_or_default();
            let owner = one_line(&holder.owner.0, NAMES, look);
            let since = holder.since.strftime("%Y-%m-%d %H:%M:%S UTC");
            format!("{host} is locked by {owner} for rollout {} since {since}{why}", holder.rollout)
        }
    }
}

fn opening(plan: &Plan, look: Look) -> String {
    let what = match plan.kind {
        PlanKind::Install => "rollout of",
        PlanKind::Prime => "transfer of",
        PlanKind::Rollback => "rollback to",
    };
    let stages: Vec<String> = plan
        .stages
        .iter()
        .filter(|stage| stage.kind == StageKind::Targets)
        .map(|stage| format!("{} {}", stage.name, stage.hosts()))
        .collect();
    let stages = if stages.is_empty() { String::new() } else { format!(" ({})", stages.join(", ")) };
    let slot = plan.slot.as_ref().map(|slot| format!(", slot {slot}")).unwrap_or_default();
    let text = format!(
        "{what} {} on {}{slot}: {}{stages}, by {}, {}",
        plan.version,
        plan.environment,
        count(plan.targets(), "host"),
        one_line(&plan.operator.0, NAMES, look),
        plan.rollout
    );
    look.paint(Tone::Strong, &text)
}

/// Counts hosts by what became of them: `38 healthy, 2 failed`.
fn counts(state: &State, range: std::ops::Range<usize>) -> String {
    let mut by_phase: BTreeMap<Phase, usize> = BTreeMap::new();
    for host in range.filter_map(|index| state.host(index)) {
        *by_phase.entry(host.phase).or_default() += 1;
    }
    let shown: Vec<String> = by_phase.iter().map(|(phase, count)| format!("{count} {phase}")).collect();
    if shown.is_empty() { "no host".to_owned() } else { shown.join(", ") }
}
