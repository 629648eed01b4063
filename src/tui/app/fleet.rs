use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{HostId, HostState, Site};
use crate::tui::messages::{Groups, SurveyHost, SurveyRow};
use crate::tui::rows::{Field, GroupBy, Rows, Sort, Standing, Table, Values, widest};
use crate::words::{Glyph, Tone};

/// Says how far the survey is.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Survey {
    /// There was none yet.
    #[default]
    Never,
    /// Hosts are being asked.
    Running {
        /// How many have answered, or were found not to.
        answered: usize,
    },
    /// All were asked.
    Done {
        /// When.
        at: Timestamp,
    },
    /// It could not be made.
    Failed(String),
}

/// Holds the hosts and what they answered.
#[derive(Debug, Default)]
pub struct FleetTable {
    hosts: Vec<HostId>,
    about: Vec<SurveyHost>,
    places: HashMap<HostId, usize>,
    groups: Groups,
    answers: Vec<Option<Box<SurveyRow>>>,
    fresh: Vec<bool>,
    widest: u16,
}

impl FleetTable {
    /// Gives what a host last answered.
    #[must_use]
    pub fn answer(&self, row: usize) -> Option<&SurveyRow> {
        self.answers.get(row)?.as_deref()
    }

    /// Tells whether that was in the survey that runs or ran last.
    #[must_use]
    pub fn is_fresh(&self, row: usize) -> bool {
        self.fresh.get(row).copied().unwrap_or(false)
    }

    /// Gives what is known of a host without asking it.
    #[must_use]
    pub fn about(&self, row: usize) -> Option<&SurveyHost> {
        self.about.get(row)
    }

    fn state(&self, row: usize) -> Option<HostState> {
        self.answer(row).map(|answer| answer.state)
    }

    fn version(&self, row: usize) -> &str {
        self.answer(row).and_then(|answer| answer.version.as_deref()).unwrap_or_default()
    }

    fn site(&self, row: usize) -> &str {
        self.about(row).and_then(|about| about.site.as_ref()).map_or("", |site| &site.0)
    }
}

/// Orders states by how much they ask for somebody.
const fn urgency(state: Option<HostState>) -> u8 {
    match state {
        Some(HostState::Unreachable) => 0,
        Some(HostState::Unknown) => 1,
        Some(HostState::Drifted) => 2,
        Some(HostState::Missing) => 3,
        Some(HostState::Unmanaged) => 4,
        Some(HostState::Outdated) => 5,
        Some(HostState::Ahead) => 6,
        None => 7,
        Some(HostState::Current) => 8,
    }
}

impl Table for FleetTable {
    fn hosts(&self) -> &[HostId] {
        &self.hosts
    }

    fn widest(&self) -> u16 {
        self.widest
    }

    fn has(&self, row: usize, field: Field, value: &str) -> bool {
        match field {
            Field::State => self.state(row).map_or("asking", HostState::word).starts_with(value),
            Field::Site => self.site(row).eq_ignore_ascii_case(value),
            Field::Version => !value.is_empty() && self.version(row).to_lowercase().starts_with(value),
            // Groups are chosen by their members, and there are no stages here.
            Field::Group | Field::Stage => false,
        }
    }

    fn values(&self, field: Field) -> Values {
        match field {
            Field::State => {
                let states = HostState::ALL.iter().map(|state| state.word());
                Values::These(states.chain(["asking"]).map(str::to_owned).collect())
            }
            Field::Site => Values::These(sites(self.about.iter().filter_map(|about| about.site.as_ref()))),
            Field::Stage => Values::Nowhere("the fleet has no stages: plan and rollout have"),
            Field::Version | Field::Group => Values::Any,
        }
    }

    fn mentions(&self, row: usize, text: &str) -> bool {
        let cause = self.answer(row).and_then(|answer| answer.cause.as_deref()).unwrap_or_default();
        self.hosts.get(row).is_some_and(|host| contains(host.as_str(), text))
            || contains(self.version(row), text)
            || contains(self.site(row), text)
            || self.state(row).is_some_and(|state| state.word().contains(text))
            || contains(cause, text)
    }

    fn compare(&self, sort: Sort, one: usize, other: usize) -> Ordering {
        match sort {
            Sort::State => urgency(self.state(one)).cmp(&urgency(self.state(other))),
            Sort::Name => self.hosts.get(one).cmp(&self.hosts.get(other)),
            Sort::Version => natural(self.version(one), self.version(other)),
            Sort::Site => self.site(one).cmp(self.site(other)),
            Sort::Given | Sort::Progress => one.cmp(&other),
        }
    }

    fn kinds(&self) -> &'static [GroupBy] {
        &[GroupBy::Site, GroupBy::Version, GroupBy::State]
    }

    fn key(&self, row: usize, by: GroupBy) -> Cow<'_, str> {
        match by {
            GroupBy::Site => self.site(row).into(),
            GroupBy::Version => self.version(row).into(),
            GroupBy::State => self.state(row).map_or("asking", HostState::word).into(),
            GroupBy::Stage | GroupBy::Nothing => "".into(),
        }
    }

    fn standing(&self, row: usize) -> (Standing, Glyph, Tone) {
        let state = self.state(row);
        let glyph = state.map_or(Glyph::Connecting, Glyph::of_state);
        (Standing { urgency: urgency(state), word: state.map_or("asking", HostState::word) }, glyph, glyph.tone())
    }

    fn order(&self, one: &str, other: &str) -> Ordering {
        // What is newest first, as everywhere.
        natural(other, one)
    }

    fn group(&self, name: &str) -> Option<&[HostId]> {
        self.groups.get(name).map(Vec::as_slice)
    }

    fn groups(&self) -> Vec<Arc<str>> {
        self.groups.keys().cloned().collect()
    }
}

/// Names every site once.
pub(super) fn sites<'a>(sites: impl Iterator<Item = &'a Site>) -> Vec<String> {
    sites.map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Tells whether a text in lower case stands in another, whatever the case of that one is.
pub(super) fn contains(text: &str, part: &str) -> bool {
    let Some(first) = part.bytes().next() else {
        return true;
    };
    if text.is_ascii() {
        // Almost every place is ruled out by its first letter, which matters at a hundred thousand hosts a key.
        let begins = |window: &[u8]| window.first().is_some_and(|byte| byte.to_ascii_lowercase() == first);
        let mut windows = text.as_bytes().windows(part.len());
        return windows.any(|window| begins(window) && window.eq_ignore_ascii_case(part.as_bytes()));
    }
    text.to_lowercase().contains(part)
}

/// Compares texts with the numbers in them as numbers, so that 4.10 comes after 4.9; only for the order of rows.
pub(super) fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.chars().peekable(), other.chars().peekable());
    loop {
        match (one.peek().copied(), other.peek().copied()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let number = |digits: &mut std::iter::Peekable<std::str::Chars<'_>>| {
                    let mut value: u64 = 0;
                    while let Some(digit) = digits.next_if(char::is_ascii_digit).and_then(|c| c.to_digit(10)) {
                        value = value.saturating_mul(10).saturating_add(u64::from(digit));
                    }
                    value
                };
                let order = number(&mut one).cmp(&number(&mut other));
                if order.is_ne() {
                    return order;
                }
            }
            (Some(a), Some(b)) => {
                if a != b {
                    return a.cmp(&b);
                }
                one.next();
                other.next();
            }
        }
    }
}

/// Holds the fleet as it was last surveyed.
#[derive(Debug, Default)]
pub struct Fleet {
    /// The hosts.
    pub table: FleetTable,
    /// Which of them are shown.
    pub rows: Rows,
    /// How far the survey is.
    pub survey: Survey,
    /// Whether a rollout ended since the survey began.
    pub outdated: bool,
    counts: BTreeMap<HostState, usize>,
    versions: BTreeMap<String, usize>,
}

impl Fleet {
    /// The orders that `s` goes through.
    pub const SORTS: [Sort; 5] = [Sort::Given, Sort::State, Sort::Name, Sort::Version, Sort::Site];

    /// Takes the start of a survey; what the same hosts answered before is kept until they answer again.
    pub fn start(&mut self, hosts: Vec<SurveyHost>) {
        self.survey = Survey::Running { answered: 0 };
        self.outdated = false;
        let same = hosts.len() == self.table.hosts.len()
            && hosts.iter().zip(&self.table.hosts).all(|(new, old)| new.host == *old);
        if same {
            self.table.about = hosts;
            self.table.fresh.fill(false);
            self.rows.replaced();
        } else {
            let names: Vec<HostId> = hosts.iter().map(|host| host.host.clone()).collect();
            self.table = FleetTable {
                widest: widest(&names),
                hosts: names,
                places: hosts.iter().enumerate().map(|(row, host)| (host.host.clone(), row)).collect(),
                groups: Groups::default(),
                answers: hosts.iter().map(|_| None).collect(),
                fresh: vec![false; hosts.len()],
                about: hosts,
            };
            self.counts.clear();
            self.versions.clear();
            self.rows.reset();
        }
        self.table.groups.clear();
        for about in &self.table.about {
            for group in &about.groups {
                self.table.groups.entry(Arc::clone(group)).or_default().push(about.host.clone());
            }
        }
    }

    /// Takes a host's answer; one from a host that was not asked is told by `false`.
    pub fn answer(&mut self, row: Box<SurveyRow>) -> bool {
        let Some(&place) = self.table.places.get(&row.host) else {
            return false;
        };
        let (Some(slot), Some(fresh)) = (self.table.answers.get_mut(place), self.table.fresh.get_mut(place)) else {
            return false;
        };
        *self.counts.entry(row.state).or_default() += 1;
        *self.versions.entry(version_of(&row)).or_default() += 1;
        if let Some(before) = slot.replace(row) {
            take_one(&mut self.counts, &before.state);
            take_one(&mut self.versions, &version_of(&before));
        }
        if !std::mem::replace(fresh, true)
            && let Survey::Running { answered } = &mut self.survey
        {
            *answered += 1;
        }
        self.rows.touched();
        true
    }

    /// Counts the hosts by state, those that have not answered left out.
    #[must_use]
    pub const fn counts(&self) -> &BTreeMap<HostState, usize> {
        &self.counts
    }

    /// Gives the versions that hosts run, the most frequent first.
    #[must_use]
    pub fn versions(&self) -> Vec<(&str, usize)> {
        let mut versions: Vec<(&str, usize)> =
            self.versions.iter().map(|(version, &count)| (version.as_str(), count)).collect();
        versions.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| natural(other.0, one.0)));
        versions
    }

    /// Gives the groups and their hosts.
    #[must_use]
    pub const fn groups(&self) -> &Groups {
        &self.table.groups
    }

    /// Gives the place of a host.
    #[must_use]
    pub fn row_of(&self, host: &HostId) -> Option<usize> {
        self.table.places.get(host).copied()
    }
}

fn version_of(row: &SurveyRow) -> String {
    match (&row.version, row.state) {
        (Some(version), _) => version.clone(),
        (None, HostState::Missing) => "none".to_owned(),
        (None, _) => "unknown".to_owned(),
    }
}

fn take_one<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::{contains, natural};

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        assert_eq!(natural("4.10.0", "4.9.0"), Ordering::Greater);
        assert_eq!(natural("4.9.0", "4.9.0"), Ordering::Equal);
        assert_eq!(natural("", "1"), Ordering::Less);
    }

    #[test]
    fn texts_are_found_whatever_their_case() {
        assert!(contains("MW01.Eqiad", "w01.e"));
        assert!(!contains("mw01", "mw011"));
        assert!(contains("anything", ""));
        assert!(contains("Größe", "größe"));
    }
}
