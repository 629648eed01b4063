use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Table;
use crate::words::{Glyph, Tone};

/// Says by what rows stand together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// They do not.
    #[default]
    Nothing,
    /// By site.
    Site,
    /// By stage.
    Stage,
    /// By what they run.
    Version,
    /// By how they stand.
    State,
}

impl GroupBy {
    /// Gives the word of the list's title.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Site => "site",
            Self::Stage => "stage",
            Self::Version => "version",
            Self::State => "state",
        }
    }

    /// Tells whether an event of a host can lead it to another group, or change the totals of its own.
    pub(super) const fn is_on(self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

/// Says how a row stands, for the totals of its group: what needs somebody most has the lowest urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    /// Its place in an order of what has to be looked at first.
    pub urgency: u8,
    /// Its word.
    pub word: &'static str,
}

/// Counts the rows of a group that stand alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// How they stand.
    pub word: &'static str,
    /// Its sign.
    pub glyph: Glyph,
    /// Its meaning.
    pub tone: Tone,
    /// How many there are.
    pub count: usize,
}

/// Holds rows that stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they have in common; empty where that is nothing.
    pub name: String,
    /// The rows, in the list's order.
    pub rows: Vec<usize>,
    /// How they stand, what needs somebody first.
    pub totals: Vec<Total>,
    /// Whether its rows are shown.
    pub is_open: bool,
}

/// Names what stands in a line of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A group, by its place among the groups.
    Group(usize),
    /// A row.
    Row(usize),
}

/// Puts rows together that have something in common; `open` names the groups whose rows are shown.
pub(super) fn group(table: &(impl Table + ?Sized), rows: &[usize], by: GroupBy, open: &BTreeSet<String>) -> Vec<Group> {
    struct Found {
        rows: Vec<usize>,
        standings: BTreeMap<Standing, (Glyph, Tone, usize)>,
    }
    let mut places: HashMap<Cow<'_, str>, usize> = HashMap::new();
    let mut found: Vec<Found> = Vec::new();
    for &row in rows {
        let next = found.len();
        let place = *places.entry(table.key(row, by)).or_insert(next);
        if place == next {
            found.push(Found { rows: Vec::new(), standings: BTreeMap::new() });
        }
        if let Some(found) = found.get_mut(place) {
            found.rows.push(row);
            let (standing, glyph, tone) = table.standing(row);
            found.standings.entry(standing).or_insert((glyph, tone, 0)).2 += 1;
        }
    }
    let mut named: Vec<(Cow<'_, str>, usize)> = places.into_iter().collect();
    named.sort_by_key(|(_, place)| *place);
    let mut groups: Vec<(Option<Standing>, Group)> = Vec::with_capacity(found.len());
    for ((name, _), found) in named.into_iter().zip(found) {
        let total = |(standing, (glyph, tone, count)): (&Standing, &(Glyph, Tone, usize))| Total {
            word: standing.word,
            glyph: *glyph,
            tone: *tone,
            count: *count,
        };
        let first = found.standings.keys().next().copied();
        let totals = found.standings.iter().map(total).collect();
        let is_open = open.contains(name.as_ref());
        groups.push((first, Group { name: name.into_owned(), rows: found.rows, totals, is_open }));
    }
    match by {
        GroupBy::State => groups.sort_by_key(|(standing, _)| *standing),
        // Stages follow one another; they come as the plan has them.
        GroupBy::Stage | GroupBy::Nothing => {}
        GroupBy::Site | GroupBy::Version => groups.sort_by(|(_, one), (_, other)| table.order(&one.name, &other.name)),
    }
    groups.into_iter().map(|(_, group)| group).collect()
}
