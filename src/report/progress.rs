//! How far a rollout is right now: transfers, gauges, clocks. What it shows is a function of the state, the last progress of
//! each host, and a time.

use jiff::Timestamp;

use crate::model::{Bytes, HostIdx, Phase, StageIdx};
use crate::plan::PlanKind;
use crate::rollout::{Mode, Record, State};
use crate::words::{Look, Status, Tone, Transfer, Transfers, between, count, cut_painted, measured, pad, span};

/// How wide a bar is.
const BAR: usize = 24;

/// The most transfers and stages that are shown one by one.
const MOST_TRANSFERS: usize = 8;
const MOST_STAGES: usize = 4;

/// Holds what travels right now.
#[derive(Debug, Default)]
pub struct Progress {
    transfers: Transfers,
}

impl Progress {
    /// Takes a record that `state` has taken already.
    pub fn apply(&mut self, record: &Record, state: &State) {
        self.transfers.apply(record, state);
    }

    /// Gives the transfers of which something is known.
    fn known(&self) -> impl Iterator<Item = (HostIdx, &Transfer)> {
        self.transfers.iter().filter(|(_, transfer)| transfer.total.is_some())
    }

    /// Draws the lines that stand below the log on a terminal, each within a number of columns.
    #[must_use]
    pub fn region(&self, state: &State, look: Look, columns: usize, rows: usize, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        if state.plan().is_none() || state.mode() == Mode::Finished {
            return lines;
        }
        lines.extend(gauges(state, look));
        let room = (rows / 2).saturating_sub(lines.len() + 2).min(MOST_TRANSFERS);
        let shown = self.worst(now, room);
        let names = shown
            .iter()
            .filter_map(|(index, _)| Some(state.host(*index)?.id.as_str().len()))
            .max()
            .unwrap_or(0)
            .min(columns / 3);
        for (index, transfer) in &shown {
            if let Some(host) = state.host(*index) {
                lines.push(transfer_line(host.id.as_str(), names, transfer, look, now));
            }
        }
        let more = self.known().count().saturating_sub(shown.len());
        if more > 0 && !shown.is_empty() {
            lines.push(look.paint(Tone::Dim, &format!("  and {}", count(more, "more transfer"))));
        }
        lines.push(look.paint(Tone::Dim, &footer(state, now)));
        lines.into_iter().map(|line| cut_painted(&line, columns.saturating_sub(1))).collect()
    }

    /// Says in one line how far it is, for where nothing can be redrawn; the same line as before means that nothing changed.
    #[must_use]
    pub fn line(&self, state: &State, look: Look, now: Timestamp) -> Option<String> {
        let plan = state.plan()?;
        let done = if plan.kind == PlanKind::Prime { Phase::Primed } else { Phase::Healthy };
        let all = state.hosts().len();
        let mut parts = vec![format!("{} of {all} {done}", state.count(done))];
        for (phase, word) in [
            (Phase::Primed, "primed"),
            (Phase::Priming, "priming"),
            (Phase::RollingBack, "rolling back"),
            (Phase::RolledBack, "rolled back"),
            (Phase::Failed, "failed"),
        ] {
            let count = state.count(phase);
            if count > 0 && phase != done {
                parts.push(format!("{count} {word}"));
            }
        }
        let in_flight: usize =
            [Phase::Activating, Phase::Active, Phase::Checking].map(|phase| state.count(phase)).iter().sum();
        if in_flight > 0 {
            parts.push(format!("{in_flight} in flight"));
        }
        if self.known().next().is_some() {
            let sum = |field: fn(&Transfer) -> Bytes| self.known().map(|(_, transfer)| field(transfer)).sum::<Bytes>();
            parts.push(format!(
                "{} of {} at {}/s",
                sum(|transfer| transfer.bytes),
                sum(|transfer| transfer.total.unwrap_or_default()),
                sum(|transfer| transfer.rate)
            ));
        }
        let stalled: Vec<String> = self
            .transfers
            .iter()
            .filter(|(_, transfer)| transfer.stalled(now).is_some())
            .filter_map(|(index, _)| Some(state.host(index)?.id.to_string()))
            .take(3)
            .collect();
        if !stalled.is_empty() {
            parts.push(format!("stalled: {}", stalled.join(", ")));
        }
        Some(look.paint(Tone::Dim, &parts.join(", ")))
    }

    /// Gives the transfers that a person should see: stalled ones first, then those that need longest.
    fn worst(&self, now: Timestamp, most: usize) -> Vec<(HostIdx, Transfer)> {
        let mut all: Vec<(HostIdx, Transfer)> = self.known().map(|(index, &transfer)| (index, transfer)).collect();
        all.sort_by_key(|(index, transfer)| {
            let still = transfer.stalled(now).unwrap_or_default().as_secs();
            let open = transfer.total.unwrap_or_default().0.saturating_sub(transfer.bytes.0);
            let left = transfer.left.map_or(open / transfer.rate.0.max(1), |left| left.as_secs());
            std::cmp::Reverse((still, left, std::cmp::Reverse(*index)))
        });
        all.truncate(most);
        // The order of the plan, so that lines do not jump about while they are read.
        all.sort_by_key(|(index, _)| *index);
        all
    }
}

fn gauges(state: &State, look: Look) -> Vec<String> {
    let Some(plan) = state.plan() else {
        return Vec::new();
    };
    let rolling_back = state.mode() == Mode::RollingBack;
    let names = plan.stages.iter().map(|stage| stage.name.as_str().len()).max().unwrap_or(0).min(20);
    let current = match state.mode() {
        Mode::Priming { stage }
        | Mode::Switching { stage, .. }
        | Mode::Soaking { stage }
        | Mode::Promoting { stage } => stage.0,
        _ => 0,
    };
    // The stage that is being worked on and its neighbours; a plan with more stages is rare.
    let first = current.saturating_sub(1).min(plan.stages.len().saturating_sub(MOST_STAGES));
    let shown = plan.stages.iter().enumerate().skip(first).take(MOST_STAGES);
    shown
        .map(|(place, stage)| {
            let idx = StageIdx(place);
            let of = |phases: &[Phase]| phases.iter().map(|&phase| state.count_in(idx, phase)).sum::<usize>();
            let all = stage.hosts();
            let failed = of(&[Phase::Failed]);
            let back = of(&[Phase::RolledBack]);
            let healthy = of(&[Phase::Healthy]);
            let in_flight = of(&[Phase::Activating, Phase::Active, Phase::Checking, Phase::RollingBack]);
            let (priming, primed) = (of(&[Phase::Priming]), of(&[Phase::Primed]));
            let parts = [
                (
                    if rolling_back { back } else { healthy },
                    "█",
                    "#",
                    if rolling_back { Tone::Warn } else { Tone::Good },
                ),
                (if rolling_back { 0 } else { back } + failed, "█", "x", Tone::Bad),
                (in_flight, "▓", "~", Tone::Busy),
                (primed, "▒", "=", Tone::Busy),
                (priming, "░", "-", Tone::Dim),
            ];
            let told = [
                (healthy, "healthy"),
                (failed, "failed"),
                (back, "rolled back"),
                (in_flight, "in flight"),
                (primed, "primed"),
                (priming, "priming"),
                (of(&[Phase::Skipped]), "skipped"),
            ];
            let told: Vec<String> =
                told.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
            format!(
                "{}  {}  {}: {}",
                pad(stage.name.as_str(), names),
                bar(&parts, all, look),
                count(all, "host"),
                told.join(", ")
            )
        })
        .collect()
}

/// Draws a bar of parts of a whole; a part that is not nothing is seen, however small.
fn bar(parts: &[(usize, &'static str, &'static str, Tone)], all: usize, look: Look) -> String {
    let mut drawn = String::new();
    let mut used = 0;
    for &(part, unicode, ascii, tone) in parts {
        if part == 0 || all == 0 {
            continue;
        }
        let cells = (part * BAR / all).max(1).min(BAR - used);
        used += cells;
        drawn.push_str(&look.paint(tone, &look.either(unicode, ascii).repeat(cells)));
    }
    drawn.push_str(&look.paint(Tone::Dim, &look.either("·", ".").repeat(BAR - used)));
    drawn
}

fn transfer_line(name: &str, names: usize, transfer: &Transfer, look: Look, now: Timestamp) -> String {
    let Transfer { bytes, total, rate, left, .. } = transfer;
    let total = total.unwrap_or_default();
    let percent = transfer.percent().unwrap_or(0);
    let speed = if let Some(still) = transfer.stalled(now) {
        look.paint(Tone::Warn, &format!("stalled for {}", span(still)))
    } else {
        let left = left.map(|left| format!(", {} left", span(left))).unwrap_or_default();
        format!("{rate}/s{left}")
    };
    let bar = bar(&[(usize::from(percent), "█", "#", Tone::Busy)], 100, look);
    let stalled = transfer.stalled(now).is_some();
    let glyph = if stalled { Status::Stalled(None) } else { Status::Priming(None) }.glyph();
    format!("  {} {} {bar} {percent:>3}%  {bytes} of {total}  {speed}", look.glyph(glyph), pad(name, names))
}

fn footer(state: &State, now: Timestamp) -> String {
    let running = state.started().and_then(|started| measured(started, now));
    let running = running.map(|running| format!(", running for {}", span(running))).unwrap_or_default();
    let doing = match state.mode() {
        _ if state.paused().is_some() => "paused".to_owned(),
        _ if state.aborted().is_some() => "ending".to_owned(),
        _ if state.stopping().is_some() => "stopping: those under way finish".to_owned(),
        Mode::Planned | Mode::Locking => "taking locks".to_owned(),
        Mode::Priming { .. } => "priming".to_owned(),
        Mode::Switching { stage, wave } => match state.stage(stage) {
            Some((plan, _)) if plan.waves.len() > 1 => {
                format!("wave {} of {} of {}", wave + 1, plan.waves.len(), plan.name)
            }
            Some((plan, _)) => format!("switching {}", plan.name),
            None => String::new(),
        },
        Mode::Soaking { stage } => state
            .stage(stage)
            .and_then(|(plan, status)| {
                let left = between(now, status.soak?.until);
                Some(format!("{} soaks, {} left", plan.name, span(left)))
            })
            .unwrap_or_default(),
        Mode::Promoting { stage } => {
            state.stage(stage).map(|(plan, _)| format!("{} waits for promotion", plan.name)).unwrap_or_default()
        }
        Mode::RollingBack => "rolling back".to_owned(),
        Mode::Finalizing => "finalizing".to_owned(),
        Mode::Finished => String::new(),
    };
    let travelled = state.bytes();
    format!("{doing}{running}, {travelled} travelled")
}
