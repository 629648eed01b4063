use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::detail;
use super::paint::{Painter, span};
use crate::tui::app::{App, Dialog, Focus, Layer};
use crate::tui::keymap::{self, Action, Context};
use crate::tui::rows::Cursor;
use crate::tui::theme::{Sign, Theme, Tone};
use crate::words::{FailureGroup, clean_line, count, cut, width, wrap};

/// The widest that a layer of text is drawn.
const WIDEST: u16 = 110;

/// The most lines that a question has for the command line that does the same.
const COMMAND_LINES: usize = 3;

fn outer(state: &App) -> Rect {
    let (columns, rows) = state.size;
    let width = columns.saturating_sub(4).min(WIDEST);
    let height = rows.saturating_sub(2);
    Rect { x: (columns - width) / 2, y: 1.min(rows), width, height: height.min(rows.saturating_sub(1)) }
}

/// Gives what is inside the box of a layer that is not a dialog.
pub(super) fn inner(state: &App) -> Rect {
    let outer = outer(state);
    Rect {
        x: outer.x + 2,
        y: outer.y + 1,
        width: outer.width.saturating_sub(4),
        height: outer.height.saturating_sub(2),
    }
}

/// Counts the lines of the topmost layer's text.
pub(super) fn length(state: &App) -> usize {
    let room = usize::from(inner(state).width);
    match state.layers.last() {
        Some(Layer::Help { .. }) => help(state).len(),
        Some(Layer::Detail { .. }) => detail::page(state, room).len(),
        Some(Layer::Text { lines, .. }) => told(lines, room).len(),
        _ => 0,
    }
}

pub(super) fn draw(painter: &mut Painter<'_>, state: &App) {
    let area = outer(state);
    let room = usize::from(inner(state).width);
    match state.layers.last() {
        None | Some(Layer::Line(_)) => {}
        Some(Layer::Help { top }) => text(painter, area, "keys", &help(state), *top),
        Some(Layer::Detail { top }) => text(painter, area, "host", &detail::page(state, room), *top),
        Some(Layer::Text { title, lines, top }) => text(painter, area, title, &told(lines, room), *top),
        Some(Layer::Failures(cursor)) => {
            let groups = state.watched.as_ref().map(|watched| watched.groups()).unwrap_or_default();
            failures(painter, area, state, groups, *cursor);
        }
        Some(Layer::Menu(cursor, actions)) => menu(painter, area, state, *cursor, actions),
        Some(Layer::Columns(cursor, names)) => columns(painter, area, state, *cursor, names),
        Some(Layer::Dialog(dialog)) => draw_dialog(painter, state, dialog),
    }
}

/// Breaks a text that was asked for into lines that fit.
fn told(lines: &[String], room: usize) -> Vec<Line<'static>> {
    let whole = |line: &String| if line.is_empty() { vec![String::new()] } else { wrap(&clean_line(line), room) };
    lines.iter().flat_map(whole).map(Line::from).collect()
}

fn text(painter: &mut Painter<'_>, area: Rect, title: &str, lines: &[Line<'static>], top: usize) {
    let inside = painter.frame(area, title);
    let room = usize::from(inside.height);
    let top = top.min(lines.len().saturating_sub(room));
    painter.lines(inside, lines.get(top..).unwrap_or_default());
    if lines.len() > room {
        let shown = format!(" {}-{} of {} ", top + 1, (top + room).min(lines.len()), lines.len());
        let bottom = usize::from(area.height.saturating_sub(1));
        painter.text(area, 2, bottom, area.width.saturating_sub(4), &shown, painter.theme.style(Tone::Dim));
    }
}

/// Makes the help of every key: this screen's first, what cannot be done now dimmed and with why.
fn help(state: &App) -> Vec<Line<'static>> {
    let theme = state.settings.theme;
    let here = state.contexts();
    let room = usize::from(inner(state).width);
    let mut contexts: Vec<Context> = here.to_vec();
    contexts.extend(Context::ALL.into_iter().filter(|context| !here.contains(context)));
    let mut lines = Vec::new();
    for context in contexts {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::from(span(theme, Tone::Strong, context.title())));
        for binding in state.settings.keys.of(context) {
            let why = if here.contains(&context) { state.refusal(binding.action) } else { None };
            let keys = format!("  {:<14}", keymap::names(binding, theme.ascii));
            let (key, word) = if why.is_some() { (Tone::Dim, Tone::Dim) } else { (Tone::Key, Tone::Plain) };
            let indent = width(&keys) + 1;
            let mut left = Some(keys);
            let why = why.map(|why| format!("not now: {why}"));
            for text in [Some(binding.help.to_owned()), why].into_iter().flatten() {
                for part in wrap(&text, room.saturating_sub(indent).max(8)) {
                    let keys = left.take().unwrap_or_else(|| " ".repeat(indent - 1));
                    lines.push(Line::from(vec![span(theme, key, keys), span(theme, word, format!(" {part}"))]));
                }
            }
        }
    }
    lines
}

/// Lists what can be done on this screen, with the command line that does the same, or why not now.
fn menu(painter: &mut Painter<'_>, area: Rect, state: &App, cursor: Cursor, actions: &[Action]) {
    let theme = painter.theme;
    let height = u16::try_from(actions.len() + 2).unwrap_or(area.height).min(area.height);
    let inside = painter.frame(Rect { height, ..area }, "actions");
    let window = cursor.window(actions.len());
    let first = window.start;
    for (line, action) in actions.get(window).unwrap_or_default().iter().enumerate() {
        let Some(binding) = state.settings.keys.binding(*action, state.contexts()) else {
            continue;
        };
        let why = state.refusal(*action);
        let (key, word) = if why.is_some() { (Tone::Dim, Tone::Dim) } else { (Tone::Key, Tone::Plain) };
        let keys = keymap::names(binding, theme.ascii);
        let mut spans =
            vec![span(theme, key, format!("{keys:<4}")), span(theme, word, format!("{:<17}", binding.word))];
        let room = usize::from(inside.width).saturating_sub(spans.iter().map(Span::width).sum());
        match (why, state.same_as(*action)) {
            (Some(why), _) => spans.push(span(theme, Tone::Dim, format!("not now: {why}"))),
            (None, Some(same)) => {
                let same = state.settings.invocation.cut(&same, room, theme.sign(Sign::Cut)).into_owned();
                spans.push(span(theme, Tone::Dim, same));
            }
            (None, None) => spans.push(span(theme, Tone::Dim, binding.help)),
        }
        painter.line(inside, line, &Line::from(spans));
        if first + line == cursor.place() {
            painter.style(inside, line, theme.style(Tone::Selected));
        }
    }
}

/// Lists the columns that can be left out, and whether each is wanted.
fn columns(painter: &mut Painter<'_>, area: Rect, state: &App, cursor: Cursor, names: &[&'static str]) {
    let theme = painter.theme;
    let key = state.settings.keys.name(Action::Enter, &[Context::Moves]);
    let height = u16::try_from(names.len() + 2).unwrap_or(area.height).min(area.height);
    let title = format!("columns: {key} shows one or leaves it out; what has no room is left out all the same");
    let inside = painter.frame(Rect { height, ..area }, &title);
    let window = cursor.window(names.len());
    let first = window.start;
    for (line, name) in names.get(window).unwrap_or_default().iter().enumerate() {
        let wanted = state.wants_column(state.screen, name);
        let tone = if wanted { Tone::Plain } else { Tone::Dim };
        let text = format!("[{}] {name}", if wanted { "x" } else { " " });
        painter.line(inside, line, &Line::from(span(theme, tone, text)));
        if first + line == cursor.place() {
            painter.style(inside, line, theme.style(Tone::Selected));
        }
    }
}

fn failures(painter: &mut Painter<'_>, area: Rect, state: &App, groups: &[FailureGroup], cursor: Cursor) {
    let theme = painter.theme;
    let inside = painter.frame(area, "failures: Enter shows the hosts");
    let window = cursor.window(groups.len());
    let first = window.start;
    // Below the list stands the selected one whole.
    let shown =
        groups.get(cursor.place()).map(|group| whole(state, group, usize::from(inside.width))).unwrap_or_default();
    let foot = shown.len().min(usize::from(inside.height) / 2);
    let list = usize::from(inside.height).saturating_sub(foot + 1);
    let skipped = (cursor.place() - first.min(cursor.place())).saturating_sub(list.saturating_sub(1));
    for (line, group) in groups.get(window).unwrap_or_default().iter().skip(skipped).enumerate().take(list) {
        let text = format!("{:>5}  {:<11}  {}", group.hosts.len(), group.class, clean_line(&group.message));
        painter.text(inside, 0, line, inside.width, &text, theme.style(Tone::Plain));
        if first + skipped + line == cursor.place() {
            painter.style(inside, line, theme.style(Tone::Selected));
        }
    }
    painter.rule(inside, list, Vec::new());
    for (line, text) in shown.iter().take(foot).enumerate() {
        painter.line(inside, list + 1 + line, text);
    }
}

fn whole(state: &App, group: &FailureGroup, room: usize) -> Vec<Line<'static>> {
    let theme = state.settings.theme;
    let mut lines = Vec::new();
    let mut add =
        |tone, text: &str| lines.extend(wrap(text, room).into_iter().map(|line| Line::from(span(theme, tone, line))));
    add(Tone::Bad, &clean_line(&group.message));
    add(Tone::Plain, &format!("{}: {}", count(group.hosts.len(), "host"), group.names));
    if let Some(hint) = &group.hint {
        add(Tone::Dim, &format!("try: {}", state.settings.invocation.within(&clean_line(hint))));
    }
    lines
}

fn draw_dialog(painter: &mut Painter<'_>, state: &App, dialog: &Dialog) {
    let theme = painter.theme;
    let (columns, rows) = state.size;
    let room = usize::from(columns.saturating_sub(8).min(72));
    let mut lines: Vec<Line<'static>> = Vec::new();
    for text in &dialog.body {
        lines.extend(wrap(&clean_line(text), room).into_iter().map(Line::from));
    }
    if let Some(same) = &dialog.command_line {
        let same = clean_line(same);
        let mut parts = wrap(&same, room);
        if parts.len() > COMMAND_LINES {
            let most = room.saturating_mul(COMMAND_LINES).min(width(&same).saturating_sub(1));
            parts = wrap(&state.settings.invocation.cut(&same, most, theme.sign(Sign::Cut)), room);
            parts.truncate(COMMAND_LINES);
        }
        lines.extend(parts.into_iter().map(|part| Line::from(span(theme, Tone::Dim, part))));
    }
    if let Some((_, input)) = &dialog.typed {
        lines.push(Line::default());
        let focused = dialog.focus == Focus::Typed;
        let cursor = if focused { "_" } else { "" };
        let sign = if focused { theme.sign(Sign::Cursor) } else { " " };
        let value = cut(input.value(), room.saturating_sub(4), theme.sign(Sign::Cut)).into_owned();
        lines.push(Line::from(span(theme, Tone::Key, format!("{sign}> {value}{cursor}"))));
    }
    lines.push(Line::default());
    lines.push(Line::from(buttons(theme, dialog)));
    if let Some(complaint) = &dialog.complaint {
        lines.push(Line::from(span(theme, Tone::Bad, clean_line(complaint).into_owned())));
    }
    let widest = lines.iter().map(Line::width).max().unwrap_or(0).max(width(&dialog.title) + 2).min(room);
    let box_width = u16::try_from(widest + 4).unwrap_or(columns).min(columns);
    let box_height = u16::try_from(lines.len() + 2).unwrap_or(rows).min(rows);
    let area = Rect { x: (columns - box_width) / 2, y: (rows - box_height) / 2, width: box_width, height: box_height };
    let inside = painter.frame(area, &dialog.title);
    // The buttons are what must be seen; where there is no room for all, the text above them goes first.
    let hidden = lines.len().saturating_sub(usize::from(inside.height));
    painter.lines(inside, lines.get(hidden..).unwrap_or_default());
}

fn buttons(theme: Theme, dialog: &Dialog) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for (place, button) in dialog.buttons.iter().enumerate() {
        let focused = dialog.focus == Focus::Button(place);
        let tone = match (focused, button.refused.is_some()) {
            (true, _) => Tone::Selected,
            (false, true) => Tone::Dim,
            (false, false) => Tone::Plain,
        };
        spans.push(span(theme, tone, format!("[ {} ]", button.label)));
        spans.push(Span::raw("  "));
    }
    spans
}
