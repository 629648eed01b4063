use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::below;
use super::paint::{Cell, Column, Painter, Width, column, fit, number, plain, span};
use crate::tui::app::{Answer, App, Layer, LineKind};
use crate::tui::messages::HistoryRow;
use crate::tui::theme::Tone;
use crate::words::{self, Glyph, clean_line, count, day_and_time};

/// How many months are summed up, and from how many rows on.
const MONTHS: usize = 4;
const ROOMY: u16 = 16;

#[derive(Debug, Clone, Copy)]
enum Id {
    Started,
    Version,
    Kind,
    Outcome,
    Took,
    Lead,
    Hosts,
    Debt,
    Operator,
    Reason,
}

const COLUMNS: [Column<Id>; 10] = [
    column(Id::Started, "started", Width::Fixed(16), 0),
    column(Id::Version, "version", Width::Fixed(12), 0),
    column(Id::Outcome, "outcome", Width::Fixed(13), 0),
    number(Id::Took, "took", 8, 2),
    number(Id::Hosts, "hosts", 6, 4),
    number(Id::Debt, "debt", 5, 3),
    number(Id::Lead, "tag to fleet", 12, 5),
    column(Id::Kind, "for", Width::Fixed(8), 7),
    column(Id::Operator, "by", Width::Fixed(16), 6),
    column(Id::Reason, "why", Width::Rest(10), 1),
];

fn cell(state: &App, row: &HistoryRow, id: Id) -> Cell {
    let theme = state.settings.theme;
    let time = |duration: Option<std::time::Duration>| duration.map(words::span).unwrap_or_default();
    match id {
        Id::Started => (day_and_time(row.started, &state.settings.zone).into(), Tone::Plain),
        Id::Version if row.emergency => (row.version.to_string().into(), Tone::Bad),
        Id::Version => (row.version.to_string().into(), Tone::Strong),
        Id::Kind => (row.kind.word().into(), Tone::Dim),
        Id::Outcome => {
            let (glyph, word) = match row.outcome {
                // How large the debt is stands in a column of its own.
                Some(outcome) => (words::ended(outcome, row.debt).0, outcome.to_string()),
                None if row.overtaken.is_some() => (Glyph::Skipped, "overtaken".to_owned()),
                None => (Glyph::Priming, "not over".to_owned()),
            };
            (format!("{} {word}", theme.glyph(glyph)).into(), glyph.tone())
        }
        // One that is not over has taken nothing yet.
        Id::Took if row.outcome.is_none() => ("".into(), Tone::Plain),
        Id::Took => (words::known(row.took, words::span).into(), Tone::Plain),
        Id::Lead => (time(row.lead).into(), Tone::Plain),
        Id::Hosts => (row.hosts.to_string().into(), Tone::Plain),
        Id::Debt if row.debt == 0 => ("".into(), Tone::Plain),
        Id::Debt => (row.debt.to_string().into(), Tone::Bad),
        Id::Operator => (row.operator.to_string().into(), Tone::Dim),
        Id::Reason => {
            let reason = clean_line(row.reason.as_deref().unwrap_or_default());
            let tone = if row.emergency { Tone::Bad } else { Tone::Dim };
            let slot = row.slot.as_ref().map(|slot| format!("slot {slot} ")).unwrap_or_default();
            (format!("{}{slot}{reason}", words::emergency(row.emergency)).into(), tone)
        }
    }
}

pub(super) fn draw(painter: &mut Painter<'_>, body: Rect, state: &App) {
    let theme = painter.theme;
    let says = match &state.history {
        Answer::Here(rows) if rows.is_empty() => "no rollout was made from here yet".to_owned(),
        Answer::Here(_) => String::new(),
        Answer::Failed(why) => format!("the history could not be read: {}", clean_line(why)),
        Answer::None | Answer::Asked => "reading the journals".to_owned(),
    };
    let rows = state.past_rows();
    let all = state.history.here().map_or(0, Vec::len);
    let (list, totals) = layout(state, body);
    painter.rule(list, 0, title(state, rows.len(), all));
    draw_totals(painter, totals, state);
    let (_, area) = below(list, 1);
    if !says.is_empty() {
        painter.line(area, 1, &Line::from(span(theme, Tone::Dim, format!("  {says}"))));
        return;
    }
    let columns = fit(&COLUMNS, area.width.saturating_sub(2));
    painter.titles(area, 0, &columns);
    let window = state.past.window(rows.len());
    let first = window.start;
    for (line, row) in rows.get(window).unwrap_or_default().iter().enumerate() {
        let selected = first + line == state.past.place();
        painter.row(area, line + 1, &columns, (selected, false), |id| cell(state, row, id));
    }
}

fn title(state: &App, shown: usize, all: usize) -> Vec<Span<'static>> {
    let theme = state.settings.theme;
    let counts = if shown == all { count(all, "rollout") } else { format!("{shown} of {}", count(all, "rollout")) };
    let mut title = vec![span(theme, Tone::Strong, counts)];
    let typing = matches!(state.layers.last(), Some(Layer::Line(line)) if line.kind == LineKind::Filter);
    let filter = &state.past_filter;
    if typing || !filter.text().is_empty() {
        let cursor = if typing { "_" } else { "" };
        title.push(span(theme, Tone::Key, format!(" /{}{cursor}", filter.text())));
    } else if all > 0 {
        title.push(span(theme, Tone::Dim, " Enter opens one as it was"));
    }
    if let Some(error) = filter.error() {
        title.push(span(theme, Tone::Bad, format!(" {error}")));
    }
    title
}

/// Tells what the latest months came to, of the rollouts that are shown.
fn draw_totals(painter: &mut Painter<'_>, area: Rect, state: &App) {
    if area.height == 0 {
        return;
    }
    let theme = painter.theme;
    painter.rule(area, 0, vec![span(theme, Tone::Strong, "by month")]);
    for (line, month) in state.past_months().into_iter().take(usize::from(area.height) - 1).enumerate() {
        let tell = |whole| format!("  {}  {}", month.month, month.describe(whole));
        let whole = tell(true);
        let text = if words::width(&whole) > usize::from(area.width) { tell(false) } else { whole };
        let tone = if month.failed > 0 { Tone::Warn } else { Tone::Plain };
        painter.text(area, 0, line + 1, area.width, &text, theme.style(tone));
    }
}

/// Gives the list and, below it where there is room, the totals by months.
pub(super) fn layout(state: &App, body: Rect) -> (Rect, Rect) {
    let months = state.past_months().len().min(MONTHS);
    let wanted = if months > 0 && body.height >= ROOMY { u16::try_from(months + 1).unwrap_or(0) } else { 0 };
    let list = Rect { height: body.height - wanted, ..body };
    (list, Rect { y: list.bottom(), height: wanted, ..body })
}

pub(super) fn text_of(state: &App) -> String {
    let rows = state.past_rows();
    let places: Vec<usize> = (0..rows.len()).collect();
    plain(&COLUMNS, &places, |place, id| rows.get(place).map_or(("".into(), Tone::Plain), |row| cell(state, row, id)))
}
