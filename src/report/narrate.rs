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

use super::timing::Timings;
use crate::model::{Bytes, FailureClass, GateName, HostId, HostIdx, Phase, StageIdx, StageName, Verdict};
use crate::rollout::{Event, GateScope, Record, State};
use crate::words::{
    Glyph, Line, Look, Tone, Typed, between, clock, count, counts, event_line, failure, folded, measured, one_line,
    pad, phase_line, took, without_name,
};

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
    /// How coalmine was called: commands that are proposed are called like that.
    pub typed: Typed,
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
    held: BTreeMap<HostIdx, Vec<Change>>,
    held_since: Option<Timestamp>,
    day: Option<Date>,
    gates: HashMap<(StageName, GateName), Verdict>,
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
            self.flush(state);
        }
        self.latest = Some(at);
        match &record.event {
            Event::HostPhase { host, phase, already, bytes, .. } => {
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
            _ => self.narrate(record, state),
        }
    }

    /// Tells the changes that were held; to be called when nothing came for a while, and at the end.
    pub fn flush(&mut self, state: &State) {
        let at = self.latest.or(self.held_since);
        self.held_since = None;
        let held = std::mem::take(&mut self.held);
        let Some(at) = at else {
            return;
        };
        let mut failed: BTreeMap<(FailureClass, String), Vec<(HostIdx, String)>> = BTreeMap::new();
        let mut phases: BTreeMap<(Phase, bool), Vec<HostIdx>> = BTreeMap::new();
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
            let hosts: Vec<HostIdx> = failed.into_iter().map(|(index, _)| index).collect();
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

    fn line(&mut self, at: Timestamp, glyph: Glyph, text: &str) {
        let Style { look, zone, .. } = &self.style;
        let day = zone.to_datetime(at).date();
        if self.day.replace(day).is_some_and(|before| before != day) {
            self.lines.push(look.paint(Tone::Dim, &format!("-- {day} --")));
        }
        let clock = look.paint(Tone::Dim, &clock(at, zone));
        self.lines.push(format!("{clock}  {} {text}", look.glyph(glyph)));
    }

    fn host_line(&mut self, at: Timestamp, glyph: Glyph, word: &str, names: &str, detail: &str) {
        let word = self.style.look.paint(glyph.tone(), &pad(word, 12));
        let text = if detail.is_empty() {
            format!("{word} {names}")
        } else {
            format!("{word} {}  {detail}", pad(names, self.names))
        };
        self.line(at, glyph, &text);
    }

    fn tell_host(&mut self, index: HostIdx, phase: Phase, already: bool, at: Timestamp, state: &State) {
        if let (Some(host), Some(plan)) = (state.host(index), state.plan()) {
            let primed_in = self.timings.priming(index);
            let Line { glyph, word, text, .. } = phase_line(host, phase, already, plan, primed_in, self.style.look);
            self.host_line(at, glyph, word, host.id.as_str(), &text);
        }
    }

    fn tell_hosts(&mut self, hosts: &[HostIdx], phase: Phase, already: bool, at: Timestamp, state: &State) {
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
        self.host_line(at, Glyph::of_phase(phase), phase.text(), &names, &detail);
    }

    fn tell_failed(&mut self, class: FailureClass, message: &str, hosts: &[HostIdx], at: Timestamp, state: &State) {
        let ids: Vec<HostId> = hosts.iter().filter_map(|&index| Some(state.host(index)?.id.clone())).collect();
        let names = folded(&ids, NAMES, self.style.look);
        let names = if ids.len() > 1 { format!("{names} ({})", ids.len()) } else { names };
        let (word, detail) = failure(class, message, self.style.look);
        self.host_line(at, Glyph::of_failure(class), word, &names, &detail);
    }

    /// Tells what concerns the rollout as a whole.
    fn narrate(&mut self, record: &Record, state: &State) {
        let Some(plan) = state.plan().cloned() else {
            return;
        };
        let at = record.at;
        self.flush(state);
        self.latest = Some(at);
        match &record.event {
            Event::RolloutPlanned { plan, .. } => {
                self.names = plan.hosts.iter().map(|host| host.host.as_str().len()).max().unwrap_or(0).min(40);
            }
            Event::StageStarted { .. } => self.primed_so_far(at),
            Event::WaveStarted { stage, wave, .. } => {
                self.wave_ended(at, state);
                let Some(idx) = state.stage_named(stage) else {
                    return;
                };
                self.wave = Some((idx, *wave, at));
                // A stage of one wave has said it all.
                if state.stage(idx).is_none_or(|(plan, _)| plan.waves.len() < 2) {
                    return;
                }
            }
            Event::GateResult { .. } if !self.is_news(&record.event) => return,
            Event::SoakStarted { .. }
            | Event::SoakChanged { .. }
            | Event::PromotionNeeded { .. }
            | Event::Promoted { .. } => {
                self.wave_ended(at, state);
            }
            // What remains to be said then is the summary's.
            Event::RolloutFinished { .. } => {
                self.wave_ended(at, state);
                return;
            }
            _ => {}
        }
        let Some(mut line) = event_line(record, state, &self.style.zone, self.style.look) else {
            return;
        };
        match &record.event {
            Event::RolloutPlanned { .. } | Event::StageStarted { .. } => {
                line.text = self.style.look.paint(Tone::Strong, &line.text);
            }
            Event::Locked { hosts } => {
                let slowest = self.slowest_answer.take().filter(|_| *hosts > 1);
                if let Some((host, ms)) = slowest {
                    line.text.push_str(&format!(", the slowest was {host} with {ms} ms"));
                }
            }
            _ => {}
        }
        match &line.command {
            Some(command) => self.line(at, line.glyph, &format!("{}: {command}", line.sentence())),
            None => self.line(at, line.glyph, &line.sentence()),
        }
        if let Some(hint) = &line.hint {
            self.line(at, Glyph::Note, hint);
        }
        if let (Event::RolloutPlanned { .. }, Some(reason)) = (&record.event, &plan.reason) {
            let reason = one_line(reason, MESSAGE, self.style.look);
            self.line(at, Glyph::Note, &format!("why: {reason}"));
        }
    }

    /// Sums up what was primed since that was last told.
    fn primed_so_far(&mut self, at: Timestamp) {
        if let Some(Priming { since, hosts, bytes }) = self.primed.take() {
            let took = measured(since, at).map(|duration| format!(" in {}", took(duration))).unwrap_or_default();
            let text = format!("{} primed, {bytes}{took}", count(hosts, "host"));
            self.line(at, Glyph::Primed, &text);
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
        let before = plan.waves.iter().take(wave.saturating_sub(1)).sum();
        let size = plan.waves.get(wave.saturating_sub(1)).copied().unwrap_or(0);
        let ended = counts(state, state.range_of(idx).skip(before).take(size));
        let took = measured(since, at).map(|duration| format!(", in {}", took(duration))).unwrap_or_default();
        let text = format!("wave {wave} of stage {}: {ended}{took}", plan.name);
        self.line(at, Glyph::Note, &text);
    }

    /// Tells whether what a gate answered is worth a line: what it has said before is not.
    fn is_news(&mut self, event: &Event) -> bool {
        let Event::GateResult { gate, scope, stage, verdict, dry, .. } = event else {
            return true;
        };
        // On a host, what fails is told with the failure, and what passes by the host's being healthy.
        let told_by_its_host = match verdict {
            Verdict::Pass => true,
            Verdict::Fail => !dry,
            Verdict::Inconclusive => false,
        };
        if *scope == GateScope::Host {
            return !told_by_its_host;
        }
        let known = self.gates.insert((stage.clone(), gate.clone()), *verdict);
        *scope != GateScope::Stage || known != Some(*verdict)
    }
}
