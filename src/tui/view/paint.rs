use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::tui::rows::{Entry, Group, GroupBy, Rows};
use crate::tui::theme::{Sign, Theme, Tone};
use crate::words::{clean_line, count, cut, width};

/// Draws into a part of the screen; what lies outside it is not drawn, however it is asked for.
pub(super) struct Painter<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) theme: Theme,
}

/// Makes a piece of text with a meaning.
pub(super) fn span(theme: Theme, tone: Tone, text: impl Into<Cow<'static, str>>) -> Span<'static> {
    Span::styled(text, theme.style(tone))
}

impl Painter<'_> {
    /// Draws a line at a row of an area.
    pub(super) fn line(&mut self, area: Rect, row: usize, line: &Line<'_>) {
        let area = area.intersection(self.buffer.area);
        let Some(y) = u16::try_from(row).ok().and_then(|row| area.y.checked_add(row)) else {
            return;
        };
        if y < area.bottom() && area.width > 0 {
            self.buffer.set_line(area.x, y, line, area.width);
            if line.width() > usize::from(area.width) {
                let style = line.spans.last().map_or_else(Style::new, |last| last.style);
                self.buffer.set_stringn(area.right() - 1, y, self.theme.sign(Sign::Cut), 1, style);
            }
        }
    }

    /// Draws lines from the top of an area.
    pub(super) fn lines(&mut self, area: Rect, lines: &[Line<'_>]) {
        for (row, line) in lines.iter().enumerate().take(usize::from(area.height)) {
            self.line(area, row, line);
        }
    }

    /// Draws a text at a column and row of an area, no wider than asked.
    pub(super) fn text(&mut self, area: Rect, column: u16, row: usize, most: u16, text: &str, style: Style) {
        let area = area.intersection(self.buffer.area);
        let Some(y) = u16::try_from(row).ok().and_then(|row| area.y.checked_add(row)) else {
            return;
        };
        let most = most.min(area.width.saturating_sub(column));
        if y < area.bottom() && most > 0 {
            let text = cut(text, usize::from(most), self.theme.sign(Sign::Cut));
            self.buffer.set_stringn(area.x + column, y, text, usize::from(most), style);
        }
    }

    /// Lays a style over a row of an area.
    pub(super) fn style(&mut self, area: Rect, row: usize, style: Style) {
        if let Ok(row) = u16::try_from(row)
            && row < area.height
        {
            let line = Rect { y: area.y.saturating_add(row), height: 1, ..area };
            self.buffer.set_style(line.intersection(self.buffer.area), style);
        }
    }

    /// Draws a rule with a title over the width of an area's row.
    pub(super) fn rule(&mut self, area: Rect, row: usize, title: Vec<Span<'static>>) {
        let line = self.theme.border().horizontal_top;
        let style = self.theme.style(Tone::Dim);
        self.text(area, 0, row, area.width, &line.repeat(usize::from(area.width)), style);
        if title.is_empty() || area.width < 4 {
            return;
        }
        let mut spans = vec![Span::raw(" ")];
        spans.extend(title);
        spans.push(Span::raw(" "));
        let inner = Rect { x: area.x.saturating_add(1), width: area.width.saturating_sub(2), ..area };
        self.line(inner, row, &Line::from(spans));
    }

    /// Draws a vertical line at the left of an area and gives what is left of the area.
    pub(super) fn divide(&mut self, area: Rect) -> Rect {
        let bar = self.theme.border().vertical_left;
        for row in 0..usize::from(area.height) {
            self.text(area, 0, row, 1, bar, self.theme.style(Tone::Dim));
        }
        let taken = 2.min(area.width);
        Rect { x: area.x.saturating_add(taken), width: area.width - taken, ..area }
    }

    /// Empties an area and draws a box around it; gives what is inside.
    pub(super) fn frame(&mut self, area: Rect, title: &str) -> Rect {
        let area = area.intersection(self.buffer.area);
        if area.width < 4 || area.height < 3 {
            return Rect { height: 0, ..area };
        }
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                }
            }
        }
        let set = self.theme.border();
        let across = usize::from(area.width) - 2;
        let bottom = usize::from(area.height) - 1;
        let style = self.theme.style(Tone::Dim);
        self.text(
            area,
            0,
            0,
            area.width,
            &format!("{}{}{}", set.top_left, set.horizontal_top.repeat(across), set.top_right),
            style,
        );
        let last = format!("{}{}{}", set.bottom_left, set.horizontal_bottom.repeat(across), set.bottom_right);
        self.text(area, 0, bottom, area.width, &last, style);
        for row in 1..bottom {
            self.text(area, 0, row, 1, set.vertical_left, style);
            self.text(area, area.width - 1, row, 1, set.vertical_right, style);
        }
        let title = format!(" {title} ");
        self.text(area, 2, 0, area.width.saturating_sub(4), &title, self.theme.style(Tone::Strong));
        Rect { x: area.x + 2, y: area.y + 1, width: area.width - 4, height: area.height - 2 }
    }
}

/// Says how wide a column is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Width {
    /// So many columns of the terminal.
    Fixed(u16),
    /// What the others leave, if it is at least so many.
    Rest(u16),
}

/// Describes a column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column<I> {
    /// Which it is.
    pub(super) id: I,
    /// What stands over it.
    pub(super) title: &'static str,
    /// How wide it is.
    pub(super) width: Width,
    /// When it is given up for lack of room: the highest first, 0 never.
    pub(super) drop: u8,
    /// Whether its texts stand at its right.
    pub(super) right: bool,
    /// By what name it is chosen: what stands over it, if anything does.
    pub(super) name: &'static str,
}

impl<I> Column<I> {
    /// Gives a name to a column over which nothing stands.
    pub(super) const fn named(self, name: &'static str) -> Self
    where
        I: Copy,
    {
        Self { name, ..self }
    }
}

/// Makes a column.
pub(super) const fn column<I>(id: I, title: &'static str, width: Width, drop: u8) -> Column<I> {
    Column { id, title, width, drop, right: false, name: title }
}

/// Makes a column of numbers.
pub(super) const fn number<I>(id: I, title: &'static str, width: u16, drop: u8) -> Column<I> {
    Column { id, title, width: Width::Fixed(width), drop, right: true, name: title }
}

/// A column with its place and its width.
pub(super) type Placed<I> = (Column<I>, u16, u16);

/// Chooses the columns that have room and gives each its place and width.
pub(super) fn fit<I: Copy>(columns: &[Column<I>], room: u16) -> Vec<Placed<I>> {
    let need = |column: &Column<I>| match column.width {
        Width::Fixed(width) | Width::Rest(width) => width.saturating_add(1),
    };
    let mut kept: Vec<Column<I>> = columns.to_vec();
    let mut total: u16 = kept.iter().map(need).fold(0, u16::saturating_add);
    while total > room.saturating_add(1) {
        let worst = kept.iter().enumerate().filter(|(_, column)| column.drop > 0).max_by_key(|(_, column)| column.drop);
        let Some((place, _)) = worst else {
            break;
        };
        let dropped = kept.remove(place);
        total = total.saturating_sub(need(&dropped));
    }
    let rest = room.saturating_add(1).saturating_sub(total);
    let mut x: u16 = 0;
    kept.into_iter()
        .filter_map(|column| {
            let width = match column.width {
                Width::Fixed(width) => width,
                Width::Rest(least) => least.saturating_add(rest),
            };
            let place = x;
            x = place.saturating_add(width).saturating_add(1);
            (place < room).then(|| (column, place, width.min(room - place)))
        })
        .collect()
}

/// Says how many columns of the terminal a list needs that is to show all of its own.
pub(super) fn needed<I>(columns: &[Column<I>]) -> u16 {
    let each = columns.iter().map(|column| match column.width {
        Width::Fixed(width) | Width::Rest(width) => width.saturating_add(1),
    });
    each.fold(GUTTER, u16::saturating_add).saturating_sub(1)
}

/// What stands in a cell.
pub(super) type Cell = (Cow<'static, str>, Tone);

/// The two columns before a row, for cursor and mark.
const GUTTER: u16 = 2;

impl Painter<'_> {
    /// Draws the titles of columns.
    pub(super) fn titles<I: Copy>(&mut self, area: Rect, row: usize, columns: &[Placed<I>]) {
        let style = self.theme.style(Tone::Dim);
        for placed in columns {
            self.cell(area, row, placed, placed.0.title, style);
        }
    }

    fn cell<I>(&mut self, area: Rect, row: usize, &(ref column, x, most): &Placed<I>, text: &str, style: Style) {
        let x = x.saturating_add(GUTTER);
        let right = column.right;
        let used = width(text);
        let indent = if right { usize::from(most).saturating_sub(used) } else { 0 };
        let indent = u16::try_from(indent).unwrap_or(0);
        self.text(area, x.saturating_add(indent), row, most.saturating_sub(indent), text, style);
    }

    /// Draws a row of cells.
    pub(super) fn row<I: Copy>(
        &mut self,
        area: Rect,
        row: usize,
        columns: &[Placed<I>],
        (selected, marked): (bool, bool),
        cell: impl Fn(I) -> Cell,
    ) {
        let theme = self.theme;
        if marked {
            self.text(area, 1, row, 1, theme.sign(Sign::Mark), theme.style(Tone::Key));
        }
        for placed in columns {
            let (text, tone) = cell(placed.0.id);
            self.cell(area, row, placed, &text, theme.style(tone));
        }
        if selected {
            self.select(area, row);
        }
    }

    /// Draws the window of a list of hosts: titles, then rows, and a line for each group where they are grouped.
    pub(super) fn rows<I: Copy>(
        &mut self,
        area: Rect,
        columns: &[Column<I>],
        rows: &Rows,
        cell: impl Fn(usize, I) -> Cell,
    ) {
        self.rows_of_focus(area, columns, rows, true, cell);
    }

    /// As that, of a list that may not be the one that takes the keys.
    pub(super) fn rows_of_focus<I: Copy>(
        &mut self,
        area: Rect,
        columns: &[Column<I>],
        rows: &Rows,
        has_focus: bool,
        cell: impl Fn(usize, I) -> Cell,
    ) {
        let columns = fit(columns, area.width.saturating_sub(GUTTER));
        self.titles(area, 0, &columns);
        let range = rows.range();
        let first = rows.window_range().start;
        for (line, (entry, selected)) in rows.window().enumerate() {
            let in_range = range.contains(&(first + line));
            match entry {
                Entry::Row(row) => {
                    let marked = rows.marks().contains(&row) || in_range;
                    self.row(area, line + 1, &columns, (selected && has_focus, marked), |id| cell(row, id));
                }
                Entry::Group(place) => {
                    let Some(group) = rows.groups().get(place) else { continue };
                    let marked = group.rows.iter().all(|row| rows.marks().contains(row)) || in_range;
                    self.group(area, line + 1, rows.grouped_by(), group, marked);
                    if selected && has_focus {
                        self.select(area, line + 1);
                    }
                }
            }
            if selected && !has_focus {
                self.text(area, 0, line + 1, 1, self.theme.sign(Sign::Dot), self.theme.style(Tone::Dim));
            }
        }
    }

    /// Draws the line of a group: its name, and how its rows stand.
    fn group(&mut self, area: Rect, row: usize, by: GroupBy, group: &Group, marked: bool) {
        if marked {
            self.text(area, 1, row, 1, self.theme.sign(Sign::Mark), self.theme.style(Tone::Key));
        }
        let inner = Rect { x: area.x.saturating_add(GUTTER), width: area.width.saturating_sub(GUTTER), ..area };
        self.line(inner, row, &group_line(self.theme, by, group));
    }

    fn select(&mut self, area: Rect, row: usize) {
        self.text(area, 0, row, 1, self.theme.sign(Sign::Cursor), self.theme.style(Tone::Plain));
        self.style(area, row, self.theme.style(Tone::Selected));
    }
}

/// Says of a group what it is and how its rows stand.
pub(super) fn group_line(theme: Theme, by: GroupBy, group: &Group) -> Line<'static> {
    let sign = theme.sign(if group.is_open { Sign::Open } else { Sign::Closed });
    let name = if group.name.is_empty() { format!("no {}", by.word()) } else { group.name.clone() };
    let mut spans = vec![
        span(theme, Tone::Strong, format!("{sign} {} {}", by.word(), clean_line(&name))),
        span(theme, Tone::Plain, format!("  {}", count(group.rows.len(), "host"))),
    ];
    for total in &group.totals {
        spans.push(span(theme, total.tone, format!("  {} {} {}", theme.glyph(total.glyph), total.count, total.word)));
    }
    Line::from(spans)
}

/// Writes the totals of groups as text, a line each; nothing where rows are not grouped.
pub(super) fn totals(theme: Theme, rows: &Rows) -> String {
    let groups = rows.groups().iter();
    let mut text: String = groups.map(|group| format!("{}\n", group_line(theme, rows.grouped_by(), group))).collect();
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Writes the rows of a list as text, all that are shown and not the window only.
pub(super) fn plain<I: Copy>(columns: &[Column<I>], rows: &[usize], cell: impl Fn(usize, I) -> Cell) -> String {
    let cells: Vec<Vec<String>> =
        rows.iter().map(|&row| columns.iter().map(|column| cell(row, column.id).0.into_owned()).collect()).collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let widest = cells.iter().filter_map(|row| row.get(place)).map(|text| width(text)).max();
            widest.unwrap_or(0).max(width(column.title))
        })
        .collect();
    let mut out = String::new();
    let mut add = |texts: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (text, &room) in texts.zip(&widths) {
            line.push_str(text);
            line.push_str(&" ".repeat(room.saturating_sub(width(text)) + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    };
    add(&mut columns.iter().map(|column| column.title));
    for row in &cells {
        add(&mut row.iter().map(String::as_str));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Column, Width, column, fit, number};

    fn columns() -> Vec<Column<char>> {
        vec![
            column('h', "host", Width::Fixed(10), 0),
            column('s', "state", Width::Fixed(8), 0),
            number('b', "bytes", 6, 2),
            column('n', "note", Width::Rest(10), 1),
        ]
    }

    #[test]
    fn columns_go_in_their_order_and_the_last_takes_the_rest() {
        let ids = |room| fit(&columns(), room).iter().map(|(column, ..)| column.id).collect::<String>();
        assert_eq!(ids(80), "hsbn");
        assert_eq!(ids(30), "hsn");
        assert_eq!(ids(19), "hs");
        assert_eq!(ids(5), "h", "what has no room at all is not drawn over the edge");
        assert_eq!(ids(0), "");
        let wide = fit(&columns(), 80);
        let (_, x, width) = wide[3];
        assert_eq!(x + width, 80);
    }
}
