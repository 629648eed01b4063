//! Which rows of a table are shown, in which order, and where among them one stands.
//!
//! A table of a hundred thousand hosts is filtered and sorted into a list of places when something that matters to it has
//! changed, and never while it is drawn; the screen then looks at its window alone. The selection is a host and not a line.

mod cursor;
mod filter;
mod groups;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

pub use cursor::Cursor;
pub use filter::{Field, Filter, Values};
pub use groups::{Entry, Group, GroupBy, Standing, Total};

use crate::model::HostId;
use crate::words::{Glyph, Tone};

/// Says by what rows are sorted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// As the inventory or the plan has them.
    #[default]
    Given,
    /// What needs somebody first.
    State,
    /// By name.
    Name,
    /// By version.
    Version,
    /// By site.
    Site,
    /// By how much has arrived.
    Progress,
}

impl Sort {
    /// Gives the word of the list's title.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Given => "inventory",
            Self::State => "state",
            Self::Name => "name",
            Self::Version => "version",
            Self::Site => "site",
            Self::Progress => "progress",
        }
    }

    /// Tells whether an event of a host can change the order.
    const fn is_live(self) -> bool {
        matches!(self, Self::State | Self::Version | Self::Progress)
    }
}

/// What rows are chosen from.
pub trait Table {
    /// Gives the hosts; a host's place among them is its row.
    fn hosts(&self) -> &[HostId];

    /// Says how many columns the names take, within what is sensible; asked for at every frame, so it is to be remembered.
    fn widest(&self) -> u16;

    /// Tells whether a row has a value, in lower case, in a field.
    fn has(&self, row: usize, field: Field, value: &str) -> bool;

    /// Says which values a field has here; groups are known by [`Table::groups`].
    fn values(&self, field: Field) -> Values;

    /// Tells whether a text in lower case stands anywhere in a row.
    fn mentions(&self, row: usize, text: &str) -> bool;

    /// Compares two rows.
    fn compare(&self, sort: Sort, one: usize, other: usize) -> Ordering;

    /// Says by what the rows can stand together here.
    fn kinds(&self) -> &'static [GroupBy];

    /// Gives what a row has in common with others; nothing where that is not known.
    fn key(&self, row: usize, by: GroupBy) -> Cow<'_, str>;

    /// Says how a row stands.
    fn standing(&self, row: usize) -> (Standing, Glyph, Tone);

    /// Orders the names of groups.
    fn order(&self, one: &str, other: &str) -> Ordering {
        one.cmp(other)
    }

    /// Gives the hosts of a group.
    fn group(&self, name: &str) -> Option<&[HostId]>;

    /// Names the groups.
    fn groups(&self) -> Vec<Arc<str>>;
}

/// Finds how many columns the names of hosts take, within what is sensible.
#[must_use]
pub fn widest(hosts: &[HostId]) -> u16 {
    let most = hosts.iter().map(|host| host.as_str().len()).max().unwrap_or(0);
    u16::try_from(most).unwrap_or(u16::MAX).clamp(8, 36)
}

/// Holds which rows of a table are shown, and what a person did with them.
#[derive(Debug, Default, Clone)]
pub struct Rows {
    shown: Vec<usize>,
    cursor: Cursor,
    selected: Option<usize>,
    marks: BTreeSet<usize>,
    anchor: Option<usize>,
    filter: Filter,
    sort: Sort,
    reversed: bool,
    stale: bool,
    by: GroupBy,
    groups: Vec<Group>,
    /// The names of the groups whose rows are shown.
    open: BTreeSet<String>,
    /// What stands in each line where rows are grouped; else a line is a row.
    lines: Vec<Entry>,
    chosen: Option<String>,
}

impl Rows {
    /// Says that rows came or went, so that everything has to be looked at anew.
    pub const fn replaced(&mut self) {
        self.filter.unresolve();
        self.stale = true;
    }

    /// Says that other hosts stand in the rows now: marks and selection meant the ones before.
    pub fn reset(&mut self) {
        *self = Self { filter: std::mem::take(&mut self.filter), sort: self.sort, by: self.by, ..Self::default() };
        self.replaced();
    }

    /// Says that something about a row changed.
    pub fn touched(&mut self) {
        self.stale |= self.sort.is_live() || self.filter.is_live() || self.by.is_on();
    }

    /// Says that more of a row has arrived.
    pub fn moved(&mut self) {
        self.stale |= self.sort == Sort::Progress;
    }

    /// Brings the list up to date if anything made it stale, and the window to the selection.
    pub fn fit(&mut self, table: &(impl Table + ?Sized), height: usize) {
        if std::mem::take(&mut self.stale) {
            self.rebuild(table);
        }
        self.cursor.fit(self.len(), height);
        (self.selected, self.chosen) = match self.entry(self.cursor.place()) {
            Some(Entry::Row(row)) => (Some(row), None),
            Some(Entry::Group(place)) => (None, self.groups.get(place).map(|group| group.name.clone())),
            None => (None, None),
        };
    }

    fn len(&self) -> usize {
        if self.by.is_on() { self.lines.len() } else { self.shown.len() }
    }

    /// Gives what stands in a line.
    #[must_use]
    pub fn entry(&self, line: usize) -> Option<Entry> {
        if self.by.is_on() { self.lines.get(line).copied() } else { self.shown.get(line).copied().map(Entry::Row) }
    }

    fn line_of(&self, wanted: Entry) -> Option<usize> {
        match wanted {
            Entry::Row(row) if !self.by.is_on() => self.shown.iter().position(|&shown| shown == row),
            wanted => self.lines.iter().position(|&entry| entry == wanted),
        }
    }

    /// Gives the groups, where rows are grouped.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Says by what rows are grouped.
    #[must_use]
    pub const fn grouped_by(&self) -> GroupBy {
        self.by
    }

    /// Groups by the next of some kinds, and by nothing after the last; groups are closed at first, so that all totals are seen.
    pub fn group_by_next(&mut self, kinds: &[GroupBy]) {
        let place = kinds.iter().position(|&by| by == self.by).map_or(0, |place| place + 1);
        self.group_by(kinds.get(place).copied().unwrap_or_default());
    }

    /// Groups by something, or by nothing.
    pub fn group_by(&mut self, by: GroupBy) {
        self.by = by;
        self.open.clear();
        self.anchor = None;
        self.stale = true;
    }

    /// Shows the rows of the selected group, or hides them; tells whether one is selected.
    pub fn toggle_group(&mut self) -> bool {
        let Some(name) = self.chosen.clone() else {
            return false;
        };
        if !self.open.remove(&name) {
            self.open.insert(name);
        }
        self.stale = true;
        true
    }

    /// Gives the rows that a line means: its own, or all of its group.
    fn rows_of(&self, line: usize) -> &[usize] {
        match self.entry(line) {
            Some(Entry::Group(place)) => self.groups.get(place).map(|group| group.rows.as_slice()).unwrap_or_default(),
            Some(Entry::Row(row)) => {
                let place =
                    if self.by.is_on() { self.shown.iter().position(|&shown| shown == row) } else { Some(line) };
                place.and_then(|place| self.shown.get(place..=place)).unwrap_or_default()
            }
            None => &[],
        }
    }

    fn rebuild(&mut self, table: &(impl Table + ?Sized)) {
        let all = 0..table.hosts().len();
        self.filter.resolve(table);
        self.shown.clear();
        if self.filter.is_empty() {
            self.shown.extend(all);
        } else {
            let filter = &self.filter;
            self.shown.extend(all.filter(|&row| filter.matches(table, row)));
        }
        if self.sort != Sort::Given {
            let sort = self.sort;
            self.shown.sort_by(|&one, &other| table.compare(sort, one, other));
        }
        if self.reversed {
            self.shown.reverse();
        }
        self.groups = if self.by.is_on() { groups::group(table, &self.shown, self.by, &self.open) } else { Vec::new() };
        self.lines.clear();
        for (place, group) in self.groups.iter().enumerate() {
            self.lines.push(Entry::Group(place));
            if group.is_open {
                self.lines.extend(group.rows.iter().map(|&row| Entry::Row(row)));
            }
        }
        // The selection stays on its host or its group; where that is not shown any more, on the line.
        let chosen = self.chosen.as_ref();
        let group = chosen.and_then(|name| self.groups.iter().position(|group| group.name == *name));
        let kept = self.selected.map(Entry::Row).or(group.map(Entry::Group));
        if let Some(line) = kept.and_then(|kept| self.line_of(kept)) {
            self.cursor.go(line);
        }
    }

    /// Moves the selection.
    pub fn cursor(&mut self) -> &mut Cursor {
        &mut self.cursor
    }

    /// Selects a row if it is shown.
    pub fn select(&mut self, row: usize) {
        if let Some(line) = self.line_of(Entry::Row(row)) {
            self.cursor.go(line);
            self.selected = Some(row);
        }
    }

    /// Gives the selected row.
    #[must_use]
    pub const fn selected(&self) -> Option<usize> {
        self.selected
    }

    /// Gives the rows that are shown, in order.
    #[must_use]
    pub fn shown(&self) -> &[usize] {
        &self.shown
    }

    /// Gives what stands in the lines of the window, each with whether it is selected.
    pub fn window(&self) -> impl Iterator<Item = (Entry, bool)> {
        let place = self.cursor.place();
        self.window_range().filter_map(move |line| Some((self.entry(line)?, line == place)))
    }

    /// Gives the lines of the window among all that are shown.
    #[must_use]
    pub fn window_range(&self) -> Range<usize> {
        self.cursor.window(self.len())
    }

    /// Marks the selected row or every row of the selected group, or takes the marks away, and goes on to the next line.
    pub fn mark(&mut self) {
        let rows = self.rows_of(self.cursor.place()).to_vec();
        if rows.is_empty() {
            return;
        }
        if rows.iter().all(|row| self.marks.contains(row)) {
            for row in &rows {
                self.marks.remove(row);
            }
        } else {
            self.marks.extend(rows);
        }
        self.cursor.down(1);
    }

    /// Starts a range at the selected row, or marks what lies between its start and the selected row.
    pub fn mark_range(&mut self) {
        match self.anchor.take() {
            None => self.anchor = self.selected,
            Some(anchor) => {
                let rows: Vec<usize> = self.lines_since(anchor).flat_map(|line| self.rows_of(line)).copied().collect();
                self.marks.extend(rows);
            }
        }
    }

    /// Gives the lines from a row to the selected one, both included; the row alone is not enough if it is not shown.
    fn lines_since(&self, anchor: usize) -> Range<usize> {
        let end = self.cursor.place();
        self.line_of(Entry::Row(anchor)).map_or(0..0, |start| start.min(end)..start.max(end) + 1)
    }

    /// Forgets a range that was started; says whether there was one.
    pub const fn drop_range(&mut self) -> bool {
        self.anchor.take().is_some()
    }

    /// Tells whether a range was started.
    #[must_use]
    pub const fn has_range(&self) -> bool {
        self.anchor.is_some()
    }

    /// Marks all rows that are shown.
    pub fn mark_all(&mut self) {
        self.marks.extend(&self.shown);
    }

    /// Takes every mark away.
    pub fn unmark(&mut self) {
        self.marks.clear();
        self.anchor = None;
    }

    /// Gives the marked rows, in the table's order.
    #[must_use]
    pub const fn marks(&self) -> &BTreeSet<usize> {
        &self.marks
    }

    /// Gives the lines of the window that a started range covers.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.anchor.map_or(0..0, |anchor| self.lines_since(anchor))
    }

    /// Gives the rows that an action means: the marked ones, or the selected one, or those of the selected group.
    #[must_use]
    pub fn meant(&self) -> Vec<usize> {
        if !self.marks.is_empty() {
            return self.marks.iter().copied().collect();
        }
        match (self.selected, &self.chosen) {
            (Some(row), _) => vec![row],
            (None, Some(name)) => {
                let group = self.groups.iter().find(|group| group.name == *name);
                group.map(|group| group.rows.clone()).unwrap_or_default()
            }
            (None, None) => Vec::new(),
        }
    }

    /// Gives the filter.
    #[must_use]
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Filters by a text.
    pub fn set_filter(&mut self, text: &str) {
        self.filter = Filter::new(text);
        self.anchor = None;
        self.stale = true;
    }

    /// Sorts by the next of some orders.
    pub fn next_sort(&mut self, orders: &[Sort]) {
        let place = orders.iter().position(|&sort| sort == self.sort).map_or(0, |place| place + 1);
        self.sort = orders.get(place).or(orders.first()).copied().unwrap_or_default();
        self.stale = true;
    }

    /// Sorts the other way round.
    pub const fn reverse(&mut self) {
        self.reversed = !self.reversed;
        self.stale = true;
    }

    /// Says by what the rows are sorted, and whether backwards.
    #[must_use]
    pub const fn sort(&self) -> (Sort, bool) {
        (self.sort, self.reversed)
    }
}

#[cfg(test)]
mod tests;
