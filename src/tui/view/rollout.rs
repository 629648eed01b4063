use ratatui::layout::Rect;
use ratatui::text::Line;

use super::fleet::labelled;
use super::paint::{Cell, Column, Painter, Width, column, needed, number, plain, span, totals};
use super::{below, beside, detail, key_of, list_title, summary};
use crate::tui::app::{App, Screen, Watched};
use crate::tui::keymap::Action;
use crate::tui::rows::Table;
use crate::tui::theme::{Theme, Tone};
use crate::words::{self, Status, clean_line};

/// Gives the summary, the list and what stands beside it.
pub(super) fn layout(state: &App, body: Rect) -> (Rect, Rect, Option<Rect>) {
    let (summary, rest) = below(body, summary_lines(state, body).len());
    let needed = state.watched.as_ref().map_or(0, |watched| needed(&columns(state, watched)));
    let (list, detail) = beside(rest, needed);
    (summary, list, detail)
}

fn summary_lines(state: &App, body: Rect) -> Vec<Line<'static>> {
    let Some(watched) = &state.watched else {
        return Vec::new();
    };
    // Six lines of hosts at least, and never less than half of a high terminal.
    let most = usize::from(body.height).saturating_sub(8).max(3).min((usize::from(body.height) / 2).max(5));
    summary::lines(state, watched, usize::from(body.width), most)
}

/// Makes the cell of a status: its sign, its word and how many percent have arrived.
pub(super) fn status_cell(theme: Theme, status: Status) -> Cell {
    match status {
        Status::Priming(Some(percent)) | Status::Stalled(Some(percent)) => {
            labelled(theme, (status.glyph(), status.tone()), &format!("{} {percent}%", status.word()))
        }
        _ => labelled(theme, (status.glyph(), status.tone()), status.word()),
    }
}

#[derive(Debug, Clone, Copy)]
enum Id {
    Host,
    Status,
    Bar,
    Bytes,
    Rate,
    Left,
    Stage,
    Site,
    Note,
}

fn all_columns(watched: &Watched) -> [Column<Id>; 9] {
    [
        column(Id::Host, "host", Width::Fixed(watched.table.widest()), 0),
        column(Id::Status, "state", Width::Fixed(14), 0),
        column(Id::Bar, "", Width::Fixed(10), 4).named("bar"),
        number(Id::Bytes, "bytes", 19, 5),
        number(Id::Rate, "rate", 11, 6),
        number(Id::Left, "left", 7, 2),
        column(Id::Stage, "stage", Width::Fixed(8), 3),
        column(Id::Site, "site", Width::Fixed(6), 7),
        column(Id::Note, "", Width::Rest(8), 1).named("note"),
    ]
}

/// Names the columns that can be left out.
pub(super) fn names(state: &App) -> Vec<&'static str> {
    let watched = state.watched.iter();
    watched.flat_map(all_columns).filter(|column| column.drop > 0).map(|column| column.name).collect()
}

fn columns(state: &App, watched: &Watched) -> Vec<Column<Id>> {
    let mut columns = all_columns(watched).to_vec();
    columns.retain(|column| state.wants_column(Screen::Rollout, column.name));
    // What went wrong needs the room more than transfers that are over.
    if watched.table.transfers().next().is_none() {
        columns.retain(|column| !matches!(column.id, Id::Bar | Id::Bytes | Id::Rate | Id::Left));
    }
    columns
}

fn cell(theme: Theme, watched: &Watched, row: usize, id: Id) -> Cell {
    let table = &watched.table;
    let transfer = table.transfer(row);
    let host = table.host(row);
    // What stands still has no rate, and no end in sight.
    let moving = transfer.filter(|_| matches!(table.status(row), Status::Priming(_)));
    match id {
        Id::Host => (table.hosts().get(row).map(ToString::to_string).unwrap_or_default().into(), Tone::Plain),
        Id::Status => status_cell(theme, table.status(row)),
        Id::Bar => match transfer.and_then(|transfer| transfer.part()) {
            Some(part) => (theme.bar(part, 10).into(), table.status(row).tone()),
            None => ("".into(), Tone::Plain),
        },
        Id::Bytes => match (transfer, host) {
            (Some(transfer), _) => {
                let total = transfer.total.map(|total| format!("/{total}")).unwrap_or_default();
                (format!("{}{total}", transfer.bytes).into(), Tone::Plain)
            }
            (None, Some(host)) if host.bytes.0 > 0 => (host.bytes.to_string().into(), Tone::Dim),
            _ => ("".into(), Tone::Plain),
        },
        Id::Rate => match moving.filter(|transfer| transfer.rate.0 > 0) {
            Some(transfer) => (format!("{}/s", transfer.rate).into(), Tone::Plain),
            None => ("".into(), Tone::Plain),
        },
        Id::Left => {
            (moving.and_then(|transfer| transfer.left).map(words::span).unwrap_or_default().into(), Tone::Plain)
        }
        Id::Stage => {
            let stage = host.and_then(|host| watched.state().stage(host.stage));
            (stage.map(|(stage, _)| stage.name.to_string()).unwrap_or_default().into(), Tone::Dim)
        }
        Id::Site => {
            let planned = watched.state().plan().and_then(|plan| plan.hosts.get(row));
            (planned.and_then(|host| host.site.as_ref()).map(ToString::to_string).unwrap_or_default().into(), Tone::Dim)
        }
        Id::Note => note(watched, row),
    }
}

/// Says what is to be known of a host beside its state: what went wrong, why it was left out, for how long nothing came.
fn note(watched: &Watched, row: usize) -> Cell {
    let Some(host) = watched.table.host(row) else {
        return ("".into(), Tone::Plain);
    };
    if let Some((_, still)) = watched.stalled().iter().find(|(stalled, _)| *stalled == row) {
        return (format!("no byte for {}", words::span(*still)).into(), Tone::Warn);
    }
    if let Some(failure) = &host.failure {
        return (format!("{}: {}", failure.class, clean_line(&failure.message)).into(), Tone::Bad);
    }
    if let Some(why) = &host.skipped {
        return (clean_line(why).into_owned().into(), Tone::Dim);
    }
    let mut facts = Vec::new();
    if host.depooled {
        facts.push("depooled".to_owned());
    }
    if host.retries > 0 {
        facts.push(format!("tried again {}x", host.retries));
    }
    (facts.join(", ").into(), Tone::Dim)
}

pub(super) fn draw(painter: &mut Painter<'_>, body: Rect, state: &App) {
    let theme = painter.theme;
    let Some(watched) = &state.watched else {
        let starting = state.asked.iter().any(|asked| asked.what.starts_with("start"));
        let text = if starting || state.settings.open.is_some() {
            "opening the rollout".to_owned()
        } else {
            let (install, history) =
                (key_of(state, Screen::Fleet, Action::Install), key_of(state, Screen::Rollout, Action::History));
            format!("no rollout is open: `{install}` on the fleet plans one, {history} shows earlier ones")
        };
        painter.line(body, 1, &Line::from(span(theme, Tone::Dim, format!("  {text}"))));
        return;
    };
    let (top, list, side) = layout(state, body);
    painter.lines(top, &summary_lines(state, body));
    painter.rule(list, 0, list_title(state, "host", &watched.rows, watched.table.hosts().len()));
    let (_, area) = below(list, 1);
    painter.rows(area, &columns(state, watched), &watched.rows, |row, id| cell(theme, watched, row, id));
    if let Some(side) = side {
        detail::draw(painter, side, state);
    }
}

pub(super) fn text_of(state: &App) -> String {
    let Some(watched) = &state.watched else {
        return String::new();
    };
    let mut text = String::new();
    for line in summary::lines(state, watched, usize::MAX / 4, usize::MAX) {
        text.push_str(line.to_string().trim_end());
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&totals(state.settings.theme, &watched.rows));
    let mut columns = columns(state, watched);
    columns.retain(|column| !matches!(column.id, Id::Bar));
    text.push_str(&plain(&columns, watched.rows.shown(), |row, id| cell(state.settings.theme, watched, row, id)));
    text
}
