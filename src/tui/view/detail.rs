use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::fleet::{labelled, state_glyph};
use super::paint::{Painter, span};
use super::rollout::status_cell;
use crate::model::{HostId, Installed};
use crate::report::{Told, log_told, past_told};
use crate::tui::app::{Answer, App, Screen};
use crate::tui::keymap::Action;
use crate::tui::rows::Table;
use crate::tui::theme::{Sign, Theme, Tone};
use crate::words::{self, Status, back_to, between, clean, clock, wrap};

/// Collects lines of facts.
struct Facts {
    theme: Theme,
    room: usize,
    lines: Vec<Line<'static>>,
}

impl Facts {
    const NAME: usize = 12;

    fn fact(&mut self, name: &str, tone: Tone, value: &str) {
        if value.is_empty() {
            return;
        }
        let room = self.room.saturating_sub(Self::NAME + 2).max(8);
        for (place, part) in wrap(&clean(value), room).into_iter().enumerate() {
            let name = if place == 0 { name } else { "" };
            let name = span(self.theme, Tone::Dim, format!("{name:<width$}  ", width = Self::NAME));
            self.lines.push(Line::from(vec![name, span(self.theme, tone, part)]));
        }
    }

    fn title(&mut self, text: &str) {
        self.lines.push(Line::default());
        self.lines.push(Line::from(span(self.theme, Tone::Strong, text.to_owned())));
    }

    fn text(&mut self, tone: Tone, text: &str) {
        for line in text.lines() {
            for part in wrap(&clean(line), self.room.max(8)) {
                self.lines.push(Line::from(span(self.theme, tone, part)));
            }
        }
    }

    fn told(&mut self, told: Vec<Told>) {
        for one in told {
            match one {
                Told::Title(title) => self.title(&title),
                Told::Fact(name, tone, text) => self.fact(&name, tone, &text),
                Told::Text(tone, text) => self.text(tone, &text),
            }
        }
    }

    fn host(&mut self, host: &HostId) {
        self.lines.push(Line::from(span(self.theme, Tone::Strong, host.to_string())));
    }
}

/// Makes all that is known of the selected host, in lines of a width.
pub(super) fn lines(state: &App, room: usize) -> Vec<Line<'static>> {
    told(state, room, state.told_row())
}

/// Makes the page of a host, in lines of a width: what the screen knows, what the host answers, its past and its own log.
pub(super) fn page(state: &App, room: usize) -> Vec<Line<'static>> {
    let Some(page) = state.page() else {
        return lines(state, room);
    };
    let theme = state.settings.theme;
    let mut facts = Facts { theme, room, lines: told(state, room, state.row_of(&page.host)) };
    let zone = &state.settings.zone;
    match &page.answer {
        Answer::None => {}
        Answer::Asked => facts.text(Tone::Busy, "It is being asked what it holds."),
        Answer::Failed(why) => facts.text(Tone::Bad, why),
        Answer::Here(answer) => {
            let status = &answer.status;
            let (word, tone) = labelled(theme, state_glyph(status.state), status.state.word());
            facts.fact("answers", tone, &word);
            facts.fact("runs", Tone::Plain, status.runs());
            facts.fact("should run", Tone::Plain, answer.release.version.as_str());
            facts.fact("why", tone, status.error.as_deref().unwrap_or_default());
            facts.fact("what to try", Tone::Plain, status.hint.as_deref().unwrap_or_default());
            facts.told(answer.told(zone));
        }
    }
    match &page.past {
        Answer::None => {}
        Answer::Asked => facts.text(Tone::Busy, "What rollouts did to it is being read."),
        Answer::Failed(why) => facts.text(Tone::Bad, why),
        Answer::Here(past) => facts.told(past_told(past, zone, theme.look())),
    }
    match &page.log {
        Answer::None | Answer::Asked => {}
        Answer::Failed(why) => facts.text(Tone::Warn, &format!("Its own log cannot be read: {why}")),
        Answer::Here(log) => facts.told(log_told(log)),
    }
    facts.lines
}

fn told(state: &App, room: usize, row: Option<usize>) -> Vec<Line<'static>> {
    let mut facts = Facts { theme: state.settings.theme, room, lines: Vec::new() };
    let whole = match state.screen {
        Screen::Fleet => row.and_then(|row| fleet(state, row, &mut facts)),
        Screen::Plan => row.and_then(|row| plan(state, row, &mut facts)),
        Screen::Rollout => row.and_then(|row| rollout(state, row, &mut facts)),
        Screen::History => None,
    };
    if whole.is_none() && facts.lines.is_empty() {
        facts.text(Tone::Dim, "No host is selected.");
    }
    facts.lines
}

fn fleet(state: &App, row: usize, facts: &mut Facts) -> Option<()> {
    let table = &state.fleet.table;
    facts.host(table.hosts().get(row)?);
    let about = table.about(row)?;
    facts.fact("site", Tone::Plain, &about.site.as_ref().map(ToString::to_string).unwrap_or_default());
    facts.fact("groups", Tone::Plain, &about.groups.join(", "));
    if let Some(debt) = state.owing().find(|debt| debt.host == about.host) {
        facts.fact("in debt", Tone::Warn, &format!("{}: {}", debt.end, debt.message));
    }
    // What it just answered takes the place of what the survey found.
    if state.page().is_some_and(|page| page.host == about.host && page.answer.here().is_some()) {
        return Some(());
    }
    if let Some(out) = state.out_of_service(&about.host) {
        facts.fact("service", Tone::Warn, &format!("out of service {}", out.describe()));
    }
    let Some(answer) = table.answer(row) else {
        facts.text(Tone::Dim, "It has not answered yet.");
        return Some(());
    };
    let (word, tone) = labelled(facts.theme, state_glyph(answer.state), answer.state.word());
    facts.fact("state", tone, &word);
    facts.fact("installed", Tone::Plain, answer.version.as_deref().unwrap_or_default());
    facts.fact("digest", Tone::Dim, &answer.digest.map(|digest| digest.to_string()).unwrap_or_default());
    if let Some(behind) = answer.behind.filter(|&behind| behind > 0) {
        facts.fact("behind", Tone::Warn, &words::count(behind, "release"));
    }
    let asked = format!("{} ({} ms)", clock(answer.at, &state.settings.zone), answer.latency.as_millis());
    facts.fact("asked", Tone::Plain, &asked);
    // These are for coalmine, and nobody else.
    let facts_for_people = answer.facts.iter().filter(|(name, _)| !["machine", "unpacks"].contains(&name.as_str()));
    for (name, value) in facts_for_people {
        facts.fact(&clean(name), Tone::Plain, value);
    }
    if let Some(cause) = &answer.cause {
        facts.title("why");
        facts.text(tone, cause);
    }
    Some(())
}

fn plan(state: &App, row: usize, facts: &mut Facts) -> Option<()> {
    let table = state.planning.plan.here()?;
    let host = table.plan.hosts.get(row)?;
    facts.host(&host.host);
    facts.fact("site", Tone::Plain, &host.site.as_ref().map(ToString::to_string).unwrap_or_default());
    if let Some((stage, wave)) = table.place(row) {
        facts.fact("stage", Tone::Plain, &format!("{stage}, wave {wave}"));
    }
    facts.fact("from", Tone::Plain, table.from(row));
    facts.fact("to", Tone::Plain, &table.plan.release.to_string());
    facts.fact("back to", Tone::Plain, &back_to(host.good.as_ref()));
    facts.fact("relay", Tone::Plain, &host.relay.as_ref().map(ToString::to_string).unwrap_or_default());
    Some(())
}

fn rollout(state: &App, row: usize, facts: &mut Facts) -> Option<()> {
    let watched = state.watched.as_ref()?;
    let table = &watched.table;
    let host = table.host(row)?;
    let plan = watched.state().plan()?;
    facts.host(&host.id);
    let (word, tone) = status_cell(facts.theme, table.status(row));
    let now = if watched.is_running() { Some(state.now) } else { None };
    let since = host.since.zip(now).map(|(since, now)| format!(" for {}", words::span(between(since, now))));
    facts.fact("state", tone, &format!("{word}{}", since.unwrap_or_default()));
    let site = plan.hosts.get(row).and_then(|host| host.site.as_ref());
    facts.fact("site", Tone::Plain, &site.map(ToString::to_string).unwrap_or_default());
    let stage = watched.state().stage(host.stage).map(|(stage, _)| stage.name.to_string());
    facts.fact("stage", Tone::Plain, &stage.unwrap_or_default());
    let from = match &host.from {
        Some(Installed::Release { id, .. }) => id.to_string(),
        Some(Installed::Unmanaged { version }) => {
            format!("unmanaged {}", version.as_deref().unwrap_or_default())
        }
        Some(Installed::Missing) => "none".to_owned(),
        None => "unknown".to_owned(),
    };
    facts.fact("from", Tone::Plain, &from);
    facts.fact("to", Tone::Plain, &plan.release.to_string());
    facts.fact("back to", Tone::Plain, &back_to(host.good.as_ref()));
    let relay = plan.hosts.get(row).and_then(|host| host.relay.as_ref());
    facts.fact("relay", Tone::Plain, &relay.map(ToString::to_string).unwrap_or_default());
    if let Some(transfer) = table.transfer(row) {
        let total = transfer.total.map(|total| format!(" of {total}")).unwrap_or_default();
        facts.fact("arrived", Tone::Plain, &format!("{}{total}", transfer.bytes));
        if let Status::Priming(_) = table.status(row) {
            facts.fact("rate", Tone::Plain, &format!("{}/s", transfer.rate));
            facts.fact("left", Tone::Plain, &transfer.left.map(words::span).unwrap_or_default());
        }
        if let Status::Stalled(_) = table.status(row) {
            facts.fact(
                "stalled",
                Tone::Warn,
                &format!("no byte since {}", clock(transfer.moved, &state.settings.zone)),
            );
        }
    } else if host.bytes.0 > 0 {
        facts.fact("arrived", Tone::Plain, &host.bytes.to_string());
    }
    if host.depooled {
        let by = host.taken_out.as_ref().map(|taken| crate::deploy::OutOfService::from(taken.clone()).describe());
        facts.fact("service", Tone::Warn, &format!("depooled {}", by.unwrap_or_default()));
    }
    if host.retries > 0 {
        facts.fact("retries", Tone::Plain, &host.retries.to_string());
    }
    facts.fact("left out", Tone::Warn, host.skipped.as_deref().unwrap_or_default());
    if let Some(failure) = &host.failure {
        facts.title(&format!("failed: {}", failure.class));
        facts.text(Tone::Bad, &failure.message);
        if host.unwell {
            facts.text(Tone::Bad, "It went back, and is not healthy there either: the fault may not be the release's.");
        } else if host.unheard {
            facts.text(Tone::Bad, "It could not be asked to go back: what it runs has to be looked at.");
        } else if host.stranded {
            facts.text(Tone::Bad, "Going back failed: what it runs has to be looked at.");
        }
        if let Some(hint) = &failure.hint {
            facts.title("what to try");
            facts.text(Tone::Plain, &state.settings.invocation.within(hint));
        }
        if !failure.output.is_empty() {
            facts.title("its last output");
            facts.text(Tone::Dim, &failure.output);
        }
    }
    Some(())
}

/// Draws it beside a list.
pub(super) fn draw(painter: &mut Painter<'_>, area: Rect, state: &App) {
    let inner = painter.divide(area);
    let lines = lines(state, usize::from(inner.width));
    let room = usize::from(inner.height);
    painter.lines(inner, &lines);
    if lines.len() > room && room > 0 {
        let cut = painter.theme.sign(Sign::Cut);
        let key = state.settings.keys.name(Action::Enter, state.contexts());
        let more = format!("{cut} {key} shows {} more lines", lines.len() - room + 1);
        let last = Line::from(vec![span(painter.theme, Tone::Dim, more), Span::raw(" ".repeat(room.max(200)))]);
        painter.line(inner, room - 1, &last);
    }
}
