//! The steps of a rollout, the transfer first, each with a gauge in which failures come first.

use ratatui::text::{Line, Span};

use super::span;
use crate::model::{Phase, StageIdx};
use crate::plan::{PlanKind, StagePlan};
use crate::rollout::{Mode, Outcome, StageStatus};
use crate::tui::app::Watched;
use crate::tui::theme::{Sign, Theme, Tone};
use crate::words::{Glyph, width};

/// The least and the most columns of a gauge.
const GAUGE: (usize, usize) = (6, 24);

/// One step as it is drawn.
struct Step {
    sign: Glyph,
    tone: Tone,
    name: String,
    done: usize,
    failed: usize,
    hosts: usize,
}

impl Step {
    fn label(&self, theme: Theme) -> String {
        format!("{} {}", theme.glyph(self.sign), self.name)
    }

    fn counts(&self, theme: Theme) -> String {
        let failed =
            if self.failed > 0 { format!(" {}{}", theme.glyph(Glyph::Bad), self.failed) } else { String::new() };
        format!("{}/{}{failed}", self.done, self.hosts)
    }

    fn least(&self, theme: Theme) -> usize {
        width(&self.label(theme)) + width(&self.counts(theme)) + 2 + GAUGE.0
    }

    /// Draws the gauge: what failed, in a sign of its own, then what is done.
    fn gauge(&self, theme: Theme, columns: usize) -> [Span<'static>; 2] {
        let failed = if self.hosts == 0 { 0 } else { (self.failed * columns).div_ceil(self.hosts).min(columns) };
        let rest = self.hosts.saturating_sub(self.failed);
        let bar = theme.bar(part(self.done, rest), columns - failed);
        [span(theme, Tone::Bad, theme.sign(Sign::Lost).repeat(failed)), span(theme, self.tone, bar)]
    }
}

#[expect(clippy::cast_precision_loss, reason = "a bar has a few dozen columns")]
fn part(done: usize, all: usize) -> f64 {
    if all == 0 { 1.0 } else { done as f64 / all as f64 }
}

/// Draws the steps; where there are too many, those around the one that runs.
pub(super) fn line(theme: Theme, watched: &Watched, room: usize) -> Option<Line<'static>> {
    let plan = watched.state().plan()?;
    let stages = plan.stages.iter().enumerate().filter_map(|(place, plan)| stage(watched, StageIdx(place), plan));
    let steps: Vec<Step> = transfer(watched, plan.kind).into_iter().chain(stages).collect();
    let first_stage = steps.len() - plan.stages.len();
    let here = match watched.state().mode() {
        Mode::Planned | Mode::Locking => 0,
        Mode::Priming { .. } if watched.arrivals().is_under_way() => 0,
        _ => watched.stage().map_or(0, |stage| stage.0 + first_stage),
    };
    let join = format!(" {} ", theme.sign(Sign::Step).repeat(2));
    let needed = |steps: &[Step]| steps.iter().map(|step| step.least(theme) + width(&join)).sum::<usize>();
    let (mut first, mut last) = (0, steps.len());
    while last - first > 1 && needed(steps.get(first..last).unwrap_or_default()) > room.saturating_sub(4) {
        if here > first { first += 1 } else { last -= 1 }
    }
    let shown = steps.get(first..last).unwrap_or_default();
    let gauge = (GAUGE.0 + room.saturating_sub(needed(shown) + 4) / shown.len().max(1)).min(GAUGE.1);
    let mut spans = vec![Span::raw(" ")];
    if first > 0 {
        spans.push(span(theme, Tone::Dim, format!("{first}{join}")));
    }
    for (place, step) in shown.iter().enumerate() {
        if place > 0 {
            spans.push(span(theme, Tone::Dim, join.clone()));
        }
        spans.push(span(theme, step.tone, format!("{} ", step.label(theme))));
        spans.extend(step.gauge(theme, gauge));
        let tone = if step.failed > 0 { Tone::Bad } else { Tone::Plain };
        spans.push(span(theme, tone, format!(" {}", step.counts(theme))));
    }
    if last < steps.len() {
        spans.push(span(theme, Tone::Dim, format!("{join}{} more", steps.len() - last)));
    }
    Some(Line::from(spans))
}

/// Makes the step of the transfer; a way back transfers nothing but what is broken there.
fn transfer(watched: &Watched, kind: PlanKind) -> Option<Step> {
    let state = watched.state();
    if kind == PlanKind::Rollback || state.mode() == Mode::RollingBack {
        return None;
    }
    let arrivals = watched.arrivals();
    let (sign, tone) = match state.mode() {
        _ if arrivals.is_under_way() => (Glyph::Priming, Tone::Busy),
        Mode::Planned | Mode::Locking => (Glyph::Pending, Tone::Dim),
        _ if arrivals.hold + arrivals.failed >= arrivals.hosts && arrivals.hold > 0 => (Glyph::Good, Tone::Good),
        Mode::Finished => (Glyph::Attention, Tone::Warn),
        _ => (Glyph::Pending, Tone::Dim),
    };
    let name = "transfer".to_owned();
    Some(Step { sign, tone, name, done: arrivals.hold, failed: arrivals.failed, hosts: arrivals.hosts })
}

fn stage(watched: &Watched, idx: StageIdx, plan: &StagePlan) -> Option<Step> {
    let (_, status) = watched.state().stage(idx)?;
    let (sign, tone) = stage_sign(watched, idx, status);
    let prime = watched.state().plan().is_some_and(|plan| plan.kind == PlanKind::Prime);
    let done = watched.count_in(idx, if prime { Phase::Primed } else { Phase::Healthy });
    let failed = status.failed.values().sum();
    Some(Step { sign, tone, name: plan.name.to_string(), done, failed, hosts: plan.hosts() })
}

fn stage_sign(watched: &Watched, idx: StageIdx, status: &StageStatus) -> (Glyph, Tone) {
    let state = watched.state();
    let here = watched.stage() == Some(idx);
    let gone_back = state.mode() == Mode::RollingBack || state.outcome() == Some(Outcome::RolledBack);
    match state.mode() {
        Mode::RollingBack | Mode::Finished if gone_back && status.started.is_some() => (Glyph::Back, Tone::Back),
        _ if status.promoted.is_some() => (Glyph::Good, Tone::Good),
        Mode::Finished if status.started.is_some() => (Glyph::Attention, Tone::Warn),
        _ if here && state.stopping().is_some() => (Glyph::Bad, Tone::Bad),
        _ if here && state.paused().is_some() => (Glyph::Wait, Tone::Warn),
        Mode::Promoting { .. } | Mode::Soaking { .. } if here => (Glyph::Wait, Tone::Warn),
        Mode::Priming { .. } if here => (Glyph::Priming, Tone::Busy),
        _ if here => (Glyph::Activating, Tone::Busy),
        _ => (Glyph::Pending, Tone::Dim),
    }
}
