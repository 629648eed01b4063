use log::Level;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;
use tui_logger::{ExtLogRecord, LogFormatter, TuiLoggerWidget};

use super::paint::{Painter, span};
use super::{below, parts};
use crate::tui::app::{App, Layer, LineKind, LogSize};
use crate::tui::messages::{LogLevel, LogLine};
use crate::tui::theme::{Sign, Theme, Tone};
use crate::words::{Glyph, clean_line, count, cut, wrap};

/// What stands before a line: its sign between two blanks.
const INDENT: usize = 3;

/// Gives the columns and the rows that the lines of the log have.
pub(super) fn room(state: &App) -> (usize, usize) {
    let inside = parts(state).log.map_or(Rect::ZERO, |area| below(area, 1).1);
    (usize::from(inside.width), usize::from(inside.height))
}

/// Says how many rows a line takes: a long one is broken, since what it says at its end is why somebody reads it.
pub(super) fn rows(line: &LogLine, columns: usize) -> usize {
    broken(line, columns).len()
}

fn broken(line: &LogLine, columns: usize) -> Vec<String> {
    let parts = wrap(clean_line(line.text.trim_start()).as_ref(), columns.saturating_sub(INDENT).max(8));
    if parts.is_empty() { vec![String::new()] } else { parts }
}

const fn sign(line: &LogLine) -> (Glyph, Tone) {
    match line.level {
        LogLevel::Error => (Glyph::Bad, Tone::Bad),
        LogLevel::Warn => (Glyph::Attention, Tone::Warn),
        LogLevel::Info => (Glyph::Pending, Tone::Plain),
    }
}

pub(super) fn draw(painter: &mut Painter<'_>, area: Rect, state: &App) {
    let theme = painter.theme;
    painter.rule(area, 0, title(state));
    let (_, inside) = below(area, 1);
    if state.log_lines.is_empty() {
        own(painter, inside);
        return;
    }
    let (columns, height) = room(state);
    let shown = state.log_lines.window(height, |line| rows(line, columns));
    let mut row = 0;
    for (_, line) in shown {
        let (glyph, tone) = sign(line);
        for (place, part) in broken(line, columns).into_iter().enumerate() {
            let glyph = if place == 0 { theme.glyph(glyph) } else { " " };
            painter.line(inside, row, &Line::from(span(theme, tone, format!(" {glyph} {part}"))));
            row += 1;
        }
        if row >= height {
            break;
        }
    }
}

/// Shows what the console itself has to say; the file of its log has it too.
fn own(painter: &mut Painter<'_>, area: Rect) {
    let theme = painter.theme;
    let area = area.intersection(painter.buffer.area);
    TuiLoggerWidget::default().formatter(Box::new(Own { theme })).render(area, painter.buffer);
}

/// Makes the line of something that the console said; always exactly one, since the widget counts on at least that (0.18).
struct Own {
    theme: Theme,
}

impl LogFormatter for Own {
    fn min_width(&self) -> u16 {
        4
    }

    fn format(&self, width: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        let (glyph, tone) = match record.level {
            Level::Error => (Glyph::Bad, Tone::Bad),
            Level::Warn => (Glyph::Attention, Tone::Warn),
            Level::Info => (Glyph::Pending, Tone::Plain),
            Level::Debug | Level::Trace => (Glyph::Pending, Tone::Dim),
        };
        let text = format!(" {} {}", self.theme.glyph(glyph), clean_line(record.msg().trim_start()));
        let text = cut(&text, width, self.theme.sign(Sign::Cut)).into_owned();
        vec![Line::from(span(self.theme, tone, text))]
    }
}

fn title(state: &App) -> Vec<Span<'static>> {
    let theme: Theme = state.settings.theme;
    let log = &state.log_lines;
    let mut title = vec![span(theme, Tone::Strong, "log")];
    if log.is_empty() {
        title.push(span(theme, Tone::Dim, " of the console: no rollout is open"));
        return title;
    }
    match log.followed() {
        Some(host) => title.push(span(theme, Tone::Key, format!(" of {host}"))),
        None if state.follow => title.push(span(theme, Tone::Dim, " of the selected host")),
        None => {}
    }
    let typing = matches!(state.layers.last(), Some(Layer::Line(line)) if line.kind == LineKind::Search);
    if typing || !log.search().is_empty() {
        let cursor = if typing { "_" } else { "" };
        let of = format!(" {} of {}", log.shown().len(), count(log.len(), "line"));
        title.push(span(theme, Tone::Key, format!(" /{}{cursor}", log.search())));
        title.push(span(theme, Tone::Dim, of));
    } else if state.log == LogSize::Full {
        title.push(span(theme, Tone::Dim, " / searches, w writes it, Esc back"));
    }
    title
}

/// Writes the lines that are shown, scrolled away or not, each on one.
pub(super) fn text_of(state: &App) -> String {
    let theme = state.settings.theme;
    let mut text = String::new();
    for (_, line) in state.log_lines.shown() {
        text.push_str(&format!("{} {}\n", theme.glyph(sign(line).0), clean_line(line.text.trim_start())));
    }
    text
}
