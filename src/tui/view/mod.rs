//! What the state looks like: a pure function of it, drawn from the rows of the window alone.

mod detail;
mod fleet;
mod history;
mod layers;
mod log;
mod paint;
mod plan;
mod rollout;
mod summary;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use self::paint::{Painter, span};
use super::app::{App, Heights, Layer, Layout, LineKind, LogSize, Screen, Side};
use super::keymap::{Action, Binding};
use super::messages::Source;
use super::rows::Rows;
use super::theme::{Sign, Tone, strip_colors};
use crate::words::{between, clock, count, cut, width};

/// The smallest terminal that the console is drawn on, in columns and rows.
pub const SMALLEST: (u16, u16) = (60, 15);
/// From how many columns on the selected host's detail stands beside the list.
const WIDE: u16 = 120;
/// How many columns that detail needs at least.
const NARROWEST: u16 = 30;

/// What the console has to know of how it is drawn.
pub const LAYOUT: Layout = Layout {
    smallest: SMALLEST,
    heights,
    scroll_limit,
    log_room: log::room,
    log_rows: log::rows,
    columns,
    text: text_of,
};

/// Parts of the screen.
#[derive(Debug, Clone, Copy)]
struct Parts {
    head: Rect,
    body: Rect,
    log: Option<Rect>,
    foot: Rect,
}

fn parts(state: &App) -> Parts {
    let (width, height) = state.size;
    let area = Rect::new(0, 0, width, height);
    let head = Rect { height: 1.min(height), ..area };
    let foot = Rect { y: height.saturating_sub(1), height: 1.min(height), ..area };
    let between = Rect { y: 1, height: height.saturating_sub(2), ..area };
    let log = match state.log {
        LogSize::Hidden => 0,
        LogSize::Pane => (between.height / 3).max(4).min(between.height.saturating_sub(8)),
        LogSize::Full => between.height,
    };
    let body = Rect { height: between.height - log, ..between };
    let log = (log > 0).then(|| Rect { y: body.bottom(), height: log, ..between });
    Parts { head, body, log, foot }
}

/// Parts an area in the list and what stands beside it, where there is room for both.
///
/// The list keeps the columns that it needs: a wider terminal never shows less of it.
fn beside(area: Rect, needed: u16) -> (Rect, Option<Rect>) {
    let right = (area.width * 2 / 5).min(area.width.saturating_sub(needed));
    if area.width < WIDE || right < NARROWEST {
        return (area, None);
    }
    let list = Rect { width: area.width - right, ..area };
    (list, Some(Rect { x: list.right(), width: right, ..area }))
}

/// Parts a body in its summary of some lines and the rest.
fn below(body: Rect, lines: usize) -> (Rect, Rect) {
    let lines = u16::try_from(lines).unwrap_or(u16::MAX).min(body.height);
    let summary = Rect { height: lines, ..body };
    (summary, Rect { y: summary.bottom(), height: body.height - lines, ..body })
}

/// How many lines of rows a list has: all but its title and the titles of its columns.
fn list_height(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(2))
}

/// Says how many lines each list has; what the state's windows are fitted to.
#[must_use]
pub fn heights(state: &App) -> Heights {
    let body = parts(state).body;
    let layer = usize::from(layers::inner(state).height);
    let nothing = Rect { height: 0, ..body };
    let (list, versions) = match state.screen {
        Screen::Fleet => (fleet::layout(state, body).1, nothing),
        Screen::Plan => {
            let (picker, _, hosts) = plan::layout(state, body);
            (hosts, picker)
        }
        Screen::Rollout => (rollout::layout(state, body).1, nothing),
        Screen::History => (history::layout(state, body).0, nothing),
    };
    let focused = if state.screen == Screen::Plan && state.planning.side == Side::Versions { versions } else { list };
    // The title and the titles of the columns stand above the first line.
    let top = focused.y.saturating_add(2);
    Heights { list: list_height(list), versions: list_height(versions), layer, top }
}

/// Names the columns of the list that can be left out.
fn columns(state: &App) -> Vec<&'static str> {
    match state.screen {
        Screen::Fleet => fleet::names(state),
        Screen::Plan => plan::names(state),
        Screen::Rollout => rollout::names(state),
        Screen::History => Vec::new(),
    }
}

/// Says how far the text of the topmost layer can be scrolled.
#[must_use]
pub fn scroll_limit(state: &App) -> usize {
    layers::length(state).saturating_sub(usize::from(layers::inner(state).height))
}

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, state: &App) {
    let area = frame.area();
    let theme = state.settings.theme;
    let mut painter = Painter { buffer: frame.buffer_mut(), theme };
    if LAYOUT.is_too_small((area.width, area.height)) {
        too_small(&mut painter, area, state);
    } else {
        let parts = parts(state);
        head(&mut painter, parts.head, state);
        match state.screen {
            _ if state.log == LogSize::Full => {}
            Screen::Fleet => fleet::draw(&mut painter, parts.body, state),
            Screen::Plan => plan::draw(&mut painter, parts.body, state),
            Screen::Rollout => rollout::draw(&mut painter, parts.body, state),
            Screen::History => history::draw(&mut painter, parts.body, state),
        }
        if let Some(area) = parts.log {
            log::draw(&mut painter, area, state);
        }
        foot(&mut painter, parts.foot, state);
        layers::draw(&mut painter, state);
    }
    if !theme.color {
        strip_colors(frame.buffer_mut());
    }
}

fn too_small(painter: &mut Painter<'_>, area: Rect, state: &App) {
    let running = state.watched.as_ref().is_some_and(super::app::Watched::is_running);
    let (columns, rows) = SMALLEST;
    let goes_on = if running { "; the rollout goes on" } else { "" };
    let text = format!("{}x{} is too small, {columns}x{rows} is enough{goes_on}", area.width, area.height);
    painter.text(area, 0, usize::from(area.height / 2), area.width, &text, ratatui::style::Style::new());
}

fn head(painter: &mut Painter<'_>, area: Rect, state: &App) {
    let theme = painter.theme;
    let tabs = |named: bool| -> Vec<Span<'static>> {
        let tab = |(number, screen): (usize, Screen)| {
            let here = screen == state.screen;
            let name = if named || here { format!(" {}", screen.title()) } else { String::new() };
            span(theme, if here { Tone::Selected } else { Tone::Dim }, format!(" {}{name} ", number + 1))
        };
        Screen::ALL.into_iter().enumerate().map(tab).collect()
    };
    let mut right = Vec::new();
    let watching = state.watched.as_ref().is_some_and(|watched| watched.source == Source::ReadOnly);
    if state.settings.read_only || (watching && state.screen == Screen::Rollout) {
        right.push(span(theme, Tone::Warn, "read-only "));
    }
    if state.is_ticking() {
        right.push(span(theme, Tone::Busy, format!("{} ", theme.spinner(state.ticks))));
        right.push(span(theme, Tone::Dim, format!("{} ", clock(state.now, &state.settings.zone))));
    }
    let columns = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    let room = usize::from(area.width);
    // Which environment it is and that nothing can be changed matter more than what time it is or how screens are called.
    let environment = format!(" {} ", state.settings.environment);
    let mut left = vec![span(theme, Tone::Strong, " coalmine"), span(theme, Tone::Plain, environment)];
    let mut tabs_shown = tabs(true);
    if columns(&left) + columns(&tabs_shown) + columns(&right) > room {
        left.remove(0);
    }
    if columns(&left) + columns(&tabs_shown) + columns(&right) > room && state.is_ticking() {
        right.pop();
    }
    if columns(&left) + columns(&tabs_shown) + columns(&right) > room {
        tabs_shown = tabs(false);
    }
    left.extend(tabs_shown);
    painter.line(area, 0, &Line::from(left));
    at_right(painter, area, right);
}

/// Draws at the right of an area's first row.
fn at_right(painter: &mut Painter<'_>, area: Rect, spans: Vec<Span<'static>>) {
    let line = Line::from(spans);
    let used = u16::try_from(line.width()).unwrap_or(u16::MAX).min(area.width);
    if used > 0 {
        painter.line(Rect { x: area.right() - used, width: used, ..area }, 0, &line);
    }
}

fn foot(painter: &mut Painter<'_>, area: Rect, state: &App) {
    let theme = painter.theme;
    let asked: Vec<Span<'static>> = state
        .asked
        .last()
        .map(|asked| {
            let more =
                if state.asked.len() > 1 { format!(" and {} more", state.asked.len() - 1) } else { String::new() };
            let since = crate::words::span(between(asked.since, state.now));
            vec![span(theme, Tone::Busy, format!(" asked: {}{more} ({since}) ", asked.what))]
        })
        .unwrap_or_default();
    let room = usize::from(area.width).saturating_sub(Line::from(asked.clone()).width());
    let mut spans = vec![Span::raw(" ")];
    if let (None, Some(Layer::Line(line))) = (&state.notice, state.layers.last())
        && line.kind == LineKind::Command
    {
        spans = command_line(state, line.input.value(), room);
    } else if let (None, Some(Layer::Line(line))) = (&state.notice, state.layers.last())
        && line.kind == LineKind::Why
    {
        let text = format!("why is it taken out of service: {}_", line.input.value());
        spans.push(span(theme, Tone::Key, cut(&text, room.saturating_sub(2), theme.sign(Sign::Cut)).into_owned()));
    } else if let Some(notice) = &state.notice {
        let text = cut(&notice.text, room.saturating_sub(2), theme.sign(Sign::Cut)).into_owned();
        spans.push(span(theme, Tone::Warn, text));
    } else {
        let key_name = |binding: &Binding| binding.keys.first().map(ToString::to_string).unwrap_or_default();
        let columns = |binding: &Binding| width(&key_name(binding)) + 1 + width(binding.word) + 3;
        let mut shown = state.settings.keys.footer(state.contexts(), |action| state.offers(action));
        // Where there is no room for all, the way to help is the last that goes.
        while shown.len() > 1 && shown.iter().map(|binding| columns(binding)).sum::<usize>() > room + 2 {
            shown.remove(shown.len() - 2);
        }
        for binding in shown {
            spans.push(span(theme, Tone::Key, key_name(binding)));
            spans.push(span(theme, Tone::Plain, format!(" {}   ", binding.word)));
        }
    }
    painter.line(area, 0, &Line::from(spans));
    at_right(painter, area, asked);
}

/// Makes the command line that is typed, with what it takes or could go on with behind it.
fn command_line(state: &App, text: &str, room: usize) -> Vec<Span<'static>> {
    let theme = state.settings.theme;
    let typed = format!(" :{text}_");
    // Of a text that is too long the end is what is being typed.
    let hidden = width(&typed).saturating_sub(room.saturating_sub(1));
    let typed: String = typed.chars().skip(hidden).collect();
    let candidates = state.candidates(text).join(" ");
    let more = if candidates.is_empty() { state.command_help(text).unwrap_or_default().to_owned() } else { candidates };
    let left = room.saturating_sub(width(&typed) + 4);
    let more = cut(&more, left, theme.sign(Sign::Cut)).into_owned();
    vec![span(theme, Tone::Key, typed), span(theme, Tone::Dim, format!("  {more}"))]
}

/// Makes the title of a list: its name, how many of how many, what chooses and orders them, and how many are marked.
fn list_title(state: &App, name: &str, rows: &Rows, all: usize) -> Vec<Span<'static>> {
    let theme = state.settings.theme;
    let shown = rows.shown().len();
    let counts = if shown == all { count(all, name) } else { format!("{shown} of {}", count(all, name)) };
    let mut spans = vec![span(theme, Tone::Strong, counts)];
    let typing =
        matches!(state.layers.last(), Some(super::app::Layer::Line(line)) if line.kind == super::app::LineKind::Filter);
    if typing || !rows.filter().text().is_empty() {
        let cursor = if typing { "_" } else { "" };
        spans.push(span(theme, Tone::Key, format!(" /{}{cursor}", rows.filter().text())));
    }
    if let Some(error) = rows.filter().error() {
        spans.push(span(theme, Tone::Bad, format!(" {error}")));
    }
    let (sort, reversed) = rows.sort();
    if sort != super::rows::Sort::Given || reversed {
        let sign = theme.sign(if reversed { Sign::Falling } else { Sign::Rising });
        spans.push(span(theme, Tone::Dim, format!(" by {} {sign}", sort.word())));
    }
    if rows.grouped_by() != super::rows::GroupBy::Nothing {
        let groups = count(rows.groups().len(), "group");
        spans.push(span(theme, Tone::Key, format!(" in {groups} by {}", rows.grouped_by().word())));
    }
    if !rows.marks().is_empty() {
        spans.push(span(theme, Tone::Key, format!(" {} {} marked", theme.sign(Sign::Mark), rows.marks().len())));
    }
    if rows.has_range() {
        let key = key_of(state, state.screen, Action::MarkRange);
        spans.push(span(theme, Tone::Key, format!(" {key} marks up to here")));
    }
    spans
}

/// Writes what is shown as text.
#[must_use]
pub fn text_of(state: &App) -> String {
    match state.screen {
        _ if state.log == LogSize::Full => log::text_of(state),
        Screen::Fleet => fleet::text_of(state),
        Screen::Plan => plan::text_of(state),
        Screen::Rollout => rollout::text_of(state),
        Screen::History => history::text_of(state),
    }
}

/// Gives the name of the key of an action on a screen.
fn key_of(state: &App, screen: Screen, action: Action) -> String {
    state.key_on(screen, action)
}
