use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{Cell, Column, Painter, Width, column, needed, number, plain, span, totals};
use super::{below, beside, detail, key_of, list_title};
use crate::model::{HostId, HostState};
use crate::tui::app::{App, Screen, Survey};
use crate::tui::keymap::Action;
use crate::tui::rows::Table;
use crate::tui::theme::{Sign, Theme, Tone};
use crate::words::{self, Glyph, clean_line, clock, count, debts, folded, one_line, width};

/// How many columns who took hosts out of service may take in a line.
const WHO: usize = 160;

/// Gives the glyph and the meaning of a state.
pub(super) const fn state_glyph(state: HostState) -> (Glyph, Tone) {
    let glyph = Glyph::of_state(state);
    (glyph, glyph.tone())
}

/// Gives the summary, the list and what stands beside it.
pub(super) fn layout(state: &App, body: Rect) -> (Rect, Rect, Option<Rect>) {
    let (summary, rest) = below(body, summary(state, body).len());
    let (list, detail) = beside(rest, needed(&columns(state)));
    (summary, list, detail)
}

fn summary(state: &App, body: Rect) -> Vec<Line<'static>> {
    let mut lines = vec![release_line(state)];
    lines.extend(counts_lines(state, usize::from(body.width)));
    let hosts = state.fleet.table.hosts().len();
    if hosts > 0 && body.height >= 16 {
        lines.push(versions_line(state, usize::from(body.width)));
    }
    lines.extend(rollout_line(state));
    lines.extend(debt_lines(state));
    lines.extend(service_line(state));
    if let Survey::Failed(why) = &state.fleet.survey {
        let text = format!(" the survey could not be made: {}", clean_line(why));
        lines.push(Line::from(span(state.settings.theme, Tone::Bad, text)));
    }
    lines
}

fn release_line(state: &App) -> Line<'static> {
    let theme = state.settings.theme;
    let dot = format!(" {} ", theme.sign(Sign::Dot));
    let Some(facts) = &state.facts else {
        return Line::from(span(theme, Tone::Dim, " reading the environment"));
    };
    let mut spans = vec![span(theme, Tone::Plain, " release ")];
    match &facts.release {
        Some((version, digest)) => {
            spans.push(span(theme, Tone::Strong, version.to_string()));
            if let Some(digest) = digest {
                spans.push(span(theme, Tone::Dim, format!(" {}", digest.short())));
            }
        }
        None => spans.push(span(theme, Tone::Warn, "none yet")),
    }
    spans.push(span(theme, Tone::Dim, format!("{dot}{}{dot}", facts.channel)));
    match &facts.lock {
        None => spans.push(span(theme, Tone::Dim, "not locked")),
        Some(lock) => {
            spans.push(span(theme, Tone::Warn, format!("locked {}", lock.describe(&state.settings.zone))));
        }
    }
    Line::from(spans)
}

/// Counts the hosts by state, on as many lines as that takes.
fn counts_lines(state: &App, room: usize) -> Vec<Line<'static>> {
    let theme = state.settings.theme;
    let mut lines = Vec::new();
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut used = 0;
    for known in HostState::ALL {
        if let Some(number) = state.fleet.counts().get(&known) {
            let (sign, tone) = state_glyph(known);
            let text = format!(" {} {number} {known} ", theme.glyph(sign));
            if used + width(&text) > room && !spans.is_empty() {
                lines.push(Line::from(std::mem::take(&mut spans)));
                used = 0;
            }
            used += width(&text);
            spans.push(span(theme, tone, text));
        }
    }
    if !spans.is_empty() {
        lines.push(Line::from(spans));
    }
    lines
}

fn survey_spans(state: &App) -> Vec<Span<'static>> {
    let theme = state.settings.theme;
    let hosts = state.fleet.table.hosts().len();
    match &state.fleet.survey {
        Survey::Never | Survey::Failed(_) => Vec::new(),
        Survey::Running { answered } => {
            vec![span(theme, Tone::Busy, format!(" {} surveying, {answered} of {hosts}", theme.spinner(state.ticks)))]
        }
        Survey::Done { at } => {
            vec![span(theme, Tone::Dim, format!(" surveyed {}", clock(*at, &state.settings.zone)))]
        }
    }
}

/// Draws how much of the fleet is on which version: a bar, and the names of its parts.
fn versions_line(state: &App, room: usize) -> Line<'static> {
    let theme = state.settings.theme;
    let versions = state.fleet.versions();
    let all: usize = versions.iter().map(|(_, count)| count).sum();
    let columns = (room / 3).clamp(10, 40);
    let fills: [&str; 4] = if theme.ascii { ["#", "=", "-", "."] } else { ["█", "▓", "▒", "░"] };
    // What most hosts run is good only if it is what they should run.
    let wanted = state.facts.as_ref().and_then(|facts| facts.release.as_ref()).map(|(version, _)| version.as_str());
    let tone = |version: &str| match version {
        _ if wanted == Some(version) => Tone::Good,
        "unknown" => Tone::Lost,
        _ if wanted.is_none() => Tone::Plain,
        _ => Tone::Warn,
    };
    let mut bar = vec![Span::raw(" ")];
    let mut names = vec![Span::raw(" ")];
    let mut used = 0;
    for ((version, number), fill) in versions.iter().zip(fills) {
        let tone = tone(version);
        let width = (number * columns).div_ceil(all.max(1)).min(columns - used);
        used += width;
        bar.push(span(theme, tone, fill.repeat(width)));
        let percent = number * 100 / all.max(1);
        names.push(span(theme, tone, format!(" {fill} {version} {percent}%")));
    }
    if versions.len() > 4 {
        names.push(span(theme, Tone::Dim, format!("  and {} more", versions.len() - 4)));
    }
    bar.push(Span::raw(" ".repeat(columns - used)));
    bar.extend(names);
    Line::from(bar)
}

fn rollout_line(state: &App) -> Option<Line<'static>> {
    let theme = state.settings.theme;
    let live = state.facts.as_ref()?.rollouts.first()?;
    let (tone, what) = if live.running {
        (Tone::Busy, format!("is running: {} opens it", key_of(state, Screen::Fleet, Action::Rollout)))
    } else {
        (Tone::Warn, format!("waits to be resumed: {} opens it", key_of(state, Screen::Fleet, Action::Continue)))
    };
    let sign = theme.glyph(if live.running { Glyph::Priming } else { Glyph::Attention });
    let emergency = words::emergency(live.emergency);
    let text = format!(" {sign} {emergency}rollout {} of {} by {} {what}", live.rollout, live.version, live.operator);
    Some(Line::from(span(theme, tone, text)))
}

/// Names the hosts in debt, an end a line; on a low screen all of them in one.
fn debt_lines(state: &App) -> Vec<Line<'static>> {
    let theme = state.settings.theme;
    let sign = theme.glyph(Glyph::Attention);
    let texts = debts(state.owing(), theme.look());
    let line = |text: String| Line::from(span(theme, Tone::Warn, format!(" {sign} in debt: {text}")));
    match texts.as_slice() {
        [_, _, ..] if state.size.1 < 24 => vec![line(texts.join("; "))],
        _ => texts.into_iter().map(line).collect(),
    }
}

/// Names the hosts that are out of service; who took each out is told with it.
fn service_line(state: &App) -> Option<Line<'static>> {
    let theme = state.settings.theme;
    let out = &state.facts.as_ref()?.out_of_service;
    let text = match out.as_ref() {
        [] => return None,
        [one] => format!("{} {}", one.host, one_line(&one.describe(), WHO, theme.look())),
        many => {
            let hosts: Vec<HostId> = many.iter().map(|out| out.host.clone()).collect();
            format!("{}: {}", count(hosts.len(), "host"), folded(&hosts, WHO, theme.look()))
        }
    };
    Some(Line::from(span(theme, Tone::Warn, format!(" {} out of service: {text}", theme.glyph(Glyph::Attention)))))
}

#[derive(Debug, Clone, Copy)]
enum Id {
    Host,
    State,
    Installed,
    Behind,
    Site,
    Groups,
    Asked,
    Latency,
    Cause,
}

fn columns(state: &App) -> Vec<Column<Id>> {
    let wanted = |column: &Column<Id>| state.wants_column(Screen::Fleet, column.name);
    all_columns(state).into_iter().filter(wanted).collect()
}

/// Names the columns that can be left out.
pub(super) fn names(state: &App) -> Vec<&'static str> {
    all_columns(state).into_iter().filter(|column| column.drop > 0).map(|column| column.name).collect()
}

fn all_columns(state: &App) -> [Column<Id>; 9] {
    [
        column(Id::Host, "host", Width::Fixed(state.fleet.table.widest()), 0),
        column(Id::State, "state", Width::Fixed(13), 0),
        column(Id::Installed, "installed", Width::Fixed(12), 2),
        number(Id::Behind, "behind", 6, 4),
        column(Id::Site, "site", Width::Fixed(8), 3),
        column(Id::Groups, "groups", Width::Fixed(14), 7),
        column(Id::Asked, "asked", Width::Fixed(8), 5),
        number(Id::Latency, "took", 8, 6),
        column(Id::Cause, "why", Width::Rest(10), 1),
    ]
}

fn cell(state: &App, row: usize, id: Id) -> Cell {
    let theme = state.settings.theme;
    let table = &state.fleet.table;
    let answer = table.answer(row);
    let fresh = table.is_fresh(row);
    let dim = if fresh { Tone::Plain } else { Tone::Dim };
    match id {
        Id::Host => (table.hosts().get(row).map(ToString::to_string).unwrap_or_default().into(), Tone::Plain),
        Id::State => match answer {
            Some(answer) if fresh => labelled(theme, state_glyph(answer.state), answer.state.word()),
            _ if matches!(state.fleet.survey, Survey::Running { .. }) => {
                labelled(theme, (Glyph::Connecting, Tone::Dim), "asking")
            }
            Some(answer) => labelled(theme, (state_glyph(answer.state).0, Tone::Dim), answer.state.word()),
            None => labelled(theme, (Glyph::Pending, Tone::Dim), "not asked"),
        },
        Id::Installed => (
            answer.and_then(|answer| answer.version.as_deref()).map(clean_line).unwrap_or_default().into_owned().into(),
            dim,
        ),
        Id::Behind => match answer.and_then(|answer| answer.behind) {
            Some(behind) if behind > 0 => (behind.to_string().into(), Tone::Warn),
            _ => ("".into(), dim),
        },
        Id::Site => {
            let site = table.about(row).and_then(|about| about.site.as_ref());
            (site.map(ToString::to_string).unwrap_or_default().into(), Tone::Plain)
        }
        Id::Groups => (table.about(row).map(|about| about.groups.join(",")).unwrap_or_default().into(), Tone::Dim),
        Id::Asked => {
            (answer.map(|answer| clock(answer.at, &state.settings.zone)).unwrap_or_default().into(), Tone::Dim)
        }
        Id::Latency => {
            (answer.map(|answer| format!("{} ms", answer.latency.as_millis())).unwrap_or_default().into(), Tone::Dim)
        }
        Id::Cause => {
            let cause = answer.and_then(|answer| answer.cause.as_deref()).unwrap_or_default();
            let out = table.hosts().get(row).and_then(|host| state.out_of_service(host));
            match out {
                Some(out) => {
                    (clean_line(&format!("out of service {}", out.describe())).into_owned().into(), Tone::Warn)
                }
                None => (clean_line(cause.lines().next().unwrap_or_default()).into_owned().into(), dim),
            }
        }
    }
}

/// Makes a cell of a sign and its word.
pub(super) fn labelled(theme: Theme, (sign, tone): (Glyph, Tone), word: &str) -> Cell {
    (format!("{} {word}", theme.glyph(sign)).into(), tone)
}

pub(super) fn draw(painter: &mut Painter<'_>, body: Rect, state: &App) {
    let (top, list, side) = layout(state, body);
    painter.lines(top, &summary(state, body));
    let fleet = &state.fleet;
    let mut title = list_title(state, "host", &fleet.rows, fleet.table.hosts().len());
    title.extend(survey_spans(state));
    painter.rule(list, 0, title);
    let (_, area) = below(list, 1);
    if fleet.table.hosts().is_empty() {
        let surveys = || key_of(state, Screen::Fleet, Action::Survey);
        let text = match fleet.survey {
            Survey::Running { .. } => "the inventory is being read".to_owned(),
            Survey::Never => format!("nothing was surveyed yet: {} asks every host", surveys()),
            Survey::Done { .. } => "it has no host; see `coalmine hosts`".to_owned(),
            Survey::Failed(_) => format!("{} tries the survey again", surveys()),
        };
        painter.line(
            area,
            1,
            &Line::from(span(painter.theme, Tone::Dim, format!("  {}", state.settings.invocation.within(&text)))),
        );
    } else {
        painter.rows(area, &columns(state), &fleet.rows, |row, id| cell(state, row, id));
    }
    if let Some(side) = side {
        detail::draw(painter, side, state);
    }
}

pub(super) fn text_of(state: &App) -> String {
    totals(state.settings.theme, &state.fleet.rows)
        + &plain(&columns(state), state.fleet.rows.shown(), |row, id| cell(state, row, id))
}
