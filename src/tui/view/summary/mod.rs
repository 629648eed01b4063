//! What stands above the hosts of a rollout: where it is, what it waits for, what went wrong.

mod steps;
mod transfer;

use std::time::Duration;

use ratatui::text::Line;

use super::key_of;
use super::paint::span;
use crate::model::{Command, FailureClass, HostId, Phase, StageIdx, Verdict};
use crate::plan::{PlanKind, StagePlan};
use crate::rollout::{GateStatus, HostEnd, Mode, PauseReason, StageStatus, refusal};
use crate::tui::app::{App, Link, Screen, Watched, estimate};
use crate::tui::keymap::Action;
use crate::tui::messages::Source;
use crate::tui::rows::Table;
use crate::tui::theme::{Sign, Theme, Tone};
use crate::words::{
    self, Glyph, after_soak, between, clean_line, clock, count, cut, folded, reason, used, width, wrap,
};

/// How much a line matters where there is no room for all: the lowest go last.
type Weighted = (u8, Line<'static>);

/// Makes the lines above the hosts, at most so many; what matters least is left out first.
pub(super) fn lines(state: &App, watched: &Watched, room: usize, most: usize) -> Vec<Line<'static>> {
    let theme = state.settings.theme;
    let mut lines: Vec<Weighted> = vec![(1, headline(state, watched))];
    // Where there is no room for all, warnings stay and facts go.
    lines.extend(steps::line(theme, watched, room).map(|line| (7, line)));
    lines.extend(transfer::line(theme, watched, room).map(|line| (6, line)));
    lines.extend(now(state, watched, room).map(|line| (6, line)));
    lines.extend(transfer::slow(theme, watched, room).map(|line| (4, line)));
    lines.extend(decided(theme, watched).map(|line| (2, line)));
    lines.extend(waits(state, watched, room).into_iter().map(|line| (0, line)));
    lines.extend(budgets(theme, watched).map(|(warns, line)| (if warns { 3 } else { 8 }, line)));
    lines.extend(gates(state, watched).into_iter().map(|(warns, line)| (if warns { 2 } else { 9 }, line)));
    lines.extend(stalled(theme, watched, room).map(|line| (4, line)));
    lines.extend(failures(state, watched, room).into_iter().map(|line| (5, line)));
    while lines.len() > most {
        let Some(worst) =
            lines.iter().enumerate().max_by_key(|(place, (weight, _))| (*weight, *place)).map(|(place, _)| place)
        else {
            break;
        };
        lines.remove(worst);
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

fn headline(state: &App, watched: &Watched) -> Line<'static> {
    let theme = state.settings.theme;
    let rollout = watched.state();
    let Some(plan) = rollout.plan() else {
        return Line::from(span(theme, Tone::Busy, format!(" opening rollout {}", watched.rollout)));
    };
    let dot = format!(" {} ", theme.sign(Sign::Dot));
    let verb = match plan.kind {
        PlanKind::Install => "install",
        PlanKind::Prime => "prime",
        PlanKind::Rollback => "roll back to",
    };
    let mut spans = Vec::new();
    if plan.emergency {
        spans.push(span(theme, Tone::Bad, format!(" {}", words::emergency(true).trim_end())));
    }
    spans.extend([
        span(theme, Tone::Plain, format!(" {verb} ")),
        span(theme, Tone::Strong, plan.version.to_string()),
        span(theme, Tone::Plain, format!(" on {}", count(plan.targets(), "host"))),
    ]);
    if let (Some(since), Some(until)) = (rollout.started(), watched.stands_at()) {
        spans.push(span(theme, Tone::Plain, format!("{dot}{}", words::span(between(since, until)))));
    }
    if let Some(estimate) = estimate(watched, state.now) {
        let about = if estimate.at_least { "at least " } else { "about " };
        let by_hand = match estimate.by_hand {
            0 => String::new(),
            number => format!(" and {}", count(number, "promotion")),
        };
        spans.push(span(theme, Tone::Strong, format!("{dot}{about}{} left{by_hand}", words::span(estimate.left))));
    }
    spans.push(span(theme, Tone::Dim, format!("{dot}{}", plan.operator)));
    if let Some(reason) = &plan.reason {
        spans.push(span(theme, Tone::Dim, format!("{dot}{}", clean_line(reason))));
    }
    Line::from(spans)
}

/// Says who decided otherwise than the plan has it.
fn decided(theme: Theme, watched: &Watched) -> Option<Line<'static>> {
    let state = watched.state();
    let (plan, status) = state.stage(state.stage_at()?)?;
    let by = |decided| words::held_by(decided, theme.look());
    let text = match (&status.held, &status.early) {
        (Some(held), _) => format!(" {} stage {} is {}", theme.glyph(Glyph::Wait), plan.name, by(held)),
        (None, Some(early)) => format!(
            " {} stage {} is promoted once its gates have passed, as {} asked: {}",
            theme.glyph(Glyph::Attention),
            plan.name,
            clean_line(&early.by.0),
            clean_line(&early.reason)
        ),
        (None, None) => return None,
    };
    Some(Line::from(span(theme, Tone::Warn, text)))
}

/// Says what the rollout as a whole is doing.
fn now(state: &App, watched: &Watched, room: usize) -> Option<Line<'static>> {
    let theme = state.settings.theme;
    let rollout = watched.state();
    let plan = rollout.plan()?;
    let hosts = rollout.hosts().len();
    let stage = |idx: StageIdx| rollout.stage(idx);
    let text = match rollout.mode() {
        Mode::Planned => "starting".to_owned(),
        Mode::Locking => {
            let open = rollout.unlocked().count();
            let last = match rollout.unlocked().collect::<Vec<_>>().as_slice() {
                slow @ ([_] | [_, _]) if hosts > 2 => {
                    let names = slow.iter().filter_map(|&index| watched.table.host(index.0));
                    format!(", waiting for {}", names.map(|host| host.id.to_string()).collect::<Vec<_>>().join(" and "))
                }
                _ => String::new(),
            };
            format!("locking: {} of {} gave their lock{last}", hosts - open, count(hosts, "host"))
        }
        // The line of the transfer says it.
        Mode::Priming { .. } if watched.arrivals().is_under_way() => return None,
        Mode::Priming { .. } => {
            format!("transfer: {} of {} hold it", watched.arrivals().hold, count(hosts, "host"))
        }
        Mode::Switching { stage: idx, wave } => {
            let (plan, _) = stage(idx)?;
            let flying = [Phase::Activating, Phase::Active, Phase::Checking].map(|phase| rollout.count(phase));
            format!(
                "stage {}: wave {} of {}, {} in flight, {} may be",
                plan.name,
                wave + 1,
                plan.waves.len(),
                flying.iter().sum::<usize>(),
                plan.concurrency
            )
        }
        Mode::Soaking { stage: idx } => return soak(state, watched, idx, room),
        Mode::Promoting { stage: idx } => format!("stage {} is done", stage(idx)?.0.name),
        Mode::RollingBack => {
            let back = rollout.count(Phase::RolledBack);
            let left = rollout.switched().count();
            format!("rolling back: {back} of {} are back", count(back + left, "host"))
        }
        Mode::Finalizing => {
            format!("telling {} that the release is good", count(rollout.count(Phase::Healthy), "host"))
        }
        Mode::Finished => return Some(finished(theme, watched)),
    };
    let slot = plan.slot.as_ref().map(|slot| format!(", slot {slot}")).unwrap_or_default();
    Some(Line::from(span(theme, Tone::Plain, format!(" {text}{slot}"))))
}

fn soak(state: &App, watched: &Watched, idx: StageIdx, room: usize) -> Option<Line<'static>> {
    let theme = state.settings.theme;
    let (plan, status) = watched.state().stage(idx)?;
    let soak = status.soak?;
    let all = between(soak.since, soak.until);
    let now = watched.stands_at()?;
    let left = between(now, soak.until);
    let over = all.saturating_sub(left);
    let part = if all.is_zero() { 1.0 } else { over.as_secs_f64() / all.as_secs_f64() };
    let then = after_soak(watched.state(), idx)?;
    let name = format!(" stage {} soaks ", plan.name);
    let (whole, until) = (words::span(all), clock(soak.until, &state.settings.zone));
    let words = if left == Duration::ZERO {
        // Without gates nothing is to come but the word of a conductor that hangs, or runs a hook.
        let awaited =
            if plan.gates.is_empty() { "its conductor has yet to say so" } else { "its gates have yet to pass" };
        [format!(" over, {awaited}"), String::new(), String::new()]
    } else {
        let left = words::span(left);
        [
            format!(" {left} left of {whole} (until {until}), {then}"),
            format!(" {left} left (until {until}), {then}"),
            format!(" {left} left, {then}"),
        ]
    };
    // What comes then is the last that may be cut away.
    let fits = |words: &&String| !words.is_empty() && width(&name) + 6 + width(words) <= room;
    let text = words.iter().find(fits).or(words.iter().rev().find(|words| !words.is_empty())).cloned()?;
    // The bar shows what the words say: it takes what they leave.
    let bar = theme.bar(part, room.saturating_sub(width(&name) + width(&text)).clamp(4, 30));
    Some(Line::from(vec![span(theme, Tone::Plain, name), span(theme, Tone::Busy, bar), span(theme, Tone::Plain, text)]))
}

fn finished(theme: Theme, watched: &Watched) -> Line<'static> {
    let state = watched.state();
    let summary = state.summary();
    let exit = state.exit_code().unwrap_or_default();
    let outcome = state.outcome().map(|outcome| outcome.to_string()).unwrap_or_default();
    let debt = summary.debt.len();
    let sign = state.outcome().map_or(Glyph::Attention, |outcome| words::ended(outcome, debt).0);
    let counts: Vec<String> = summary.counts.iter().map(|(end, number)| format!("{number} {end}")).collect();
    let debt = if debt == 0 { String::new() } else { format!("; {} in debt", count(debt, "host")) };
    let unsure = summary.counts.contains_key(&HostEnd::Unknown);
    let ask = if unsure { "; survey to learn what they run" } else { "" };
    Line::from(vec![
        span(theme, sign.tone(), format!(" {} {outcome} (exit {exit}): ", theme.glyph(sign))),
        span(theme, Tone::Plain, format!("{}{debt}{ask}", counts.join(", "))),
    ])
}

/// Says what the rollout waits for, and what would let it go on.
fn waits(state: &App, watched: &Watched, room: usize) -> Vec<Line<'static>> {
    let theme = state.settings.theme;
    let rollout = watched.state();
    let key = |action| key_of(state, Screen::Rollout, action);
    let mut lines = Vec::new();
    let mut say = |sign: Glyph, tone, text: String| {
        let sign = theme.glyph(sign);
        for (place, part) in wrap(&text, room.saturating_sub(3).max(8)).into_iter().take(3).enumerate() {
            let sign = if place == 0 { sign } else { " " };
            lines.push(Line::from(span(theme, tone, format!(" {sign} {part}"))));
        }
    };
    match &watched.link {
        Link::Up => {}
        Link::Lost { why, gone: true } => {
            say(
                Glyph::Attention,
                Tone::Bad,
                format!("the conductor is gone ({}): {} resumes it", clean_line(why), key(Action::Continue)),
            );
        }
        Link::Lost { why, gone: false } => {
            say(
                Glyph::Attention,
                Tone::Warn,
                format!("cannot hear the conductor ({}); the rollout may go on, trying again", clean_line(why)),
            );
        }
    }
    if rollout.mode() == Mode::Finished {
        return lines;
    }
    if let (Some((hosts, until)), Link::Up) = (&watched.awaited, &watched.link) {
        let left = until.duration_since(state.now).as_secs().max(1);
        let names = folded(hosts, room, theme.look());
        let can_go = |host: &HostId| refusal(rollout, &Command::Skip { host: host.clone() }).is_none();
        let advice = if hosts.iter().any(can_go) {
            format!("; {} goes on without the one chosen", key(Action::Skip))
        } else {
            String::new()
        };
        say(Glyph::Attention, Tone::Warn, format!("waiting for {names}, at most {left} s more{advice}"));
    }
    if watched.can_resume() && watched.source == Source::Journal && watched.link == Link::Up {
        say(Glyph::Attention, Tone::Warn, format!("no conductor runs it: {} resumes it", key(Action::Continue)));
    }
    if let Some(by) = rollout.aborted() {
        say(Glyph::Attention, Tone::Warn, format!("{by} aborts it; what is being switched finishes"));
    }
    if let Some(by) = rollout.suspended() {
        say(Glyph::Wait, Tone::Warn, format!("{by} stopped the conductor; resuming goes on"));
    }
    if let Some(why) = rollout.stopping() {
        say(Glyph::Bad, Tone::Bad, format!("stopping: {}; hosts under way finish", reason(why, theme.look())));
    }
    if let Some(why) = rollout.paused() {
        let (go_on, back, abort) = (key(Action::Continue), key(Action::Rollback), key(Action::Abort));
        let text = reason(why, theme.look());
        say(Glyph::Wait, Tone::Warn, format!("paused: {text}; {go_on} goes on, {back} rolls back, {abort} aborts"));
    }
    if let (Mode::Promoting { stage }, None) = (rollout.mode(), rollout.paused()) {
        let name = rollout.stage(stage).map(|(plan, _)| plan.name.to_string()).unwrap_or_default();
        say(
            Glyph::Wait,
            Tone::Warn,
            format!("stage {name} waits for promotion: {} promotes it", key(Action::Continue)),
        );
    }
    lines
}

fn shown_stage(watched: &Watched) -> Option<(&StagePlan, &StageStatus)> {
    let state = watched.state();
    let at_fault = match state.paused().or(state.stopping()) {
        Some(
            PauseReason::OverBudget { stage, .. }
            | PauseReason::NoneHealthy { stage }
            | PauseReason::GateFailed { stage, .. }
            | PauseReason::GateInconclusive { stage, .. }
            | PauseReason::HookFailed { stage: Some(stage), .. },
        ) => state.stage_named(stage),
        Some(
            PauseReason::Operator { .. }
            | PauseReason::FreezeWindow { .. }
            | PauseReason::Locked { .. }
            | PauseReason::HookFailed { stage: None, .. },
        )
        | None => None,
    };
    let last_started = (0..state.stages().len()).rev().find(|&place| {
        state.stages().get(place).is_some_and(|status| status.started.is_some() || !status.failed.is_empty())
    });
    state.stage(at_fault.or(watched.stage()).or(last_started.map(StageIdx))?)
}

/// Says how much of the budgets of the running stage is used, and whether that is more than there was.
fn budgets(theme: Theme, watched: &Watched) -> Option<(bool, Line<'static>)> {
    let (plan, status) = shown_stage(watched)?;
    let mut spans = vec![span(theme, Tone::Dim, format!(" budget of {}:", plan.name))];
    let failed = |class: &FailureClass| status.failed.get(class).copied().unwrap_or(0);
    if FailureClass::ALL.iter().map(failed).sum::<usize>() == 0 {
        let may = FailureClass::ALL.map(|class| format!("{} {class}", plan.budget.of(class)));
        spans.push(span(theme, Tone::Dim, format!(" {} may fail", may.join(", "))));
        return Some((false, Line::from(spans)));
    }
    let mut is_over = false;
    for class in FailureClass::ALL {
        let failed = failed(&class);
        if failed == 0 {
            continue;
        }
        let forgiven = status.forgiven.get(&class).copied().unwrap_or(0);
        let allowed = plan.budget.of(class);
        let counted = failed.saturating_sub(forgiven);
        let (tone, over) = match counted {
            _ if counted > allowed => (Tone::Bad, ": over"),
            _ if counted == allowed => (Tone::Warn, ""),
            _ => (Tone::Plain, ""),
        };
        is_over |= counted > allowed;
        let forgiven = if forgiven > 0 { format!(" ({forgiven} forgiven)") } else { String::new() };
        spans.push(span(theme, tone, format!("  {class} {}{forgiven}{over}", used(failed, allowed))));
    }
    Some((is_over, Line::from(spans)))
}

/// Tells of each gate of the running stage, and whether that is a warning.
fn gates(state: &App, watched: &Watched) -> Vec<(bool, Line<'static>)> {
    let theme = state.settings.theme;
    let Some((plan, status)) = shown_stage(watched) else {
        return Vec::new();
    };
    let line = |(gate, status): (&crate::plan::StageGate, &GateStatus)| {
        let (sign, tone, word) = match status.verdict {
            None => (Glyph::Pending, Tone::Dim, "not asked yet"),
            Some(_) if status.waived => (Glyph::Skipped, Tone::Warn, "went on in spite of it"),
            Some(verdict) => {
                let (sign, word) = Glyph::of_verdict(verdict);
                (sign, sign.tone(), word)
            }
        };
        let mut text = format!(" {} gate {}: {word}", theme.glyph(sign), clean_line(gate.name.as_str()));
        if let Some(value) = status.value {
            text.push_str(&format!(" at {value}"));
        }
        if let Some(baseline) = status.baseline {
            text.push_str(&format!(" (before: {baseline})"));
        }
        if let Some(asked) = status.asked {
            text.push_str(&format!(", asked {}", clock(asked, &state.settings.zone)));
        }
        if gate.dry {
            text.push_str(", decides nothing");
        }
        if !status.message.is_empty() && status.verdict != Some(Verdict::Pass) {
            text.push_str(&format!(": {}", clean_line(&status.message)));
        }
        let warns = matches!(status.verdict, Some(Verdict::Fail | Verdict::Inconclusive)) && !status.waived;
        (warns, Line::from(span(theme, tone, text)))
    };
    plan.gates.iter().zip(&status.gates).map(line).collect()
}

/// Names the hosts whose transfers have stalled, and for how long.
fn stalled(theme: Theme, watched: &Watched, room: usize) -> Option<Line<'static>> {
    let stalled = watched.stalled();
    if stalled.is_empty() {
        return None;
    }
    let mut text = format!(" {} stalled:", theme.glyph(Glyph::Attention));
    for (place, (row, still)) in stalled.iter().enumerate() {
        let host = watched.table.hosts().get(*row).map(ToString::to_string).unwrap_or_default();
        let next = format!(" {host} {},", words::span(*still));
        if width(&text) + width(&next) + 14 > room {
            text.push_str(&format!(" and {} more,", stalled.len() - place));
            break;
        }
        text.push_str(&next);
    }
    Some(Line::from(span(theme, Tone::Warn, text.trim_end_matches(',').to_owned())))
}

/// Shows what went wrong, the same messages together, the most frequent first.
fn failures(state: &App, watched: &Watched, room: usize) -> Vec<Line<'static>> {
    const MOST: usize = 3;
    let theme = state.settings.theme;
    let groups = watched.groups();
    let mut lines: Vec<Line<'static>> = groups
        .iter()
        .take(MOST)
        .map(|group| {
            let sign = theme.glyph(Glyph::of_failure(group.class));
            let message = clean_line(&group.message).into_owned();
            // A message can be longer than the line; which hosts it is about must not be what is cut away.
            let hosts = cut(&group.names, (room / 3).max(16), theme.sign(Sign::Cut));
            let text = format!(" {sign} {} {}: {hosts}: {message}", group.hosts.len(), group.class);
            let tone = Glyph::of_failure(group.class).tone();
            Line::from(span(theme, tone, cut(&text, room, theme.sign(Sign::Cut)).into_owned()))
        })
        .collect();
    if groups.len() > MOST {
        let key = key_of(state, Screen::Rollout, Action::Failures);
        let text = format!("   and {} more kinds of failures: {key} shows them", groups.len() - MOST);
        lines.push(Line::from(span(theme, Tone::Dim, text)));
    }
    lines
}
