use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use super::Table;
use crate::expr::{Expression, GroupName, Universe, UniverseError};
use crate::model::HostId;

/// Names a column that a filter can ask for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The state or phase.
    State,
    /// The site.
    Site,
    /// The version; its beginning is enough.
    Version,
    /// A group that the host is in.
    Group,
    /// The stage.
    Stage,
}

impl Field {
    const ALL: [(&'static str, Self); 5] = [
        ("state", Self::State),
        ("site", Self::Site),
        ("version", Self::Version),
        ("group", Self::Group),
        ("stage", Self::Stage),
    ];

    /// Gives the name by which it is asked for.
    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }

    /// Tells whether what was typed means a value: states are known by their beginning.
    fn means(self, known: &str, typed: &str) -> bool {
        match self {
            Self::State => known.starts_with(typed) || known.starts_with(&typed.replace(['_', '-'], " ")),
            Self::Version => known.to_lowercase().starts_with(typed),
            Self::Site | Self::Group | Self::Stage => known.eq_ignore_ascii_case(typed),
        }
    }

    const fn is_live(self) -> bool {
        matches!(self, Self::State | Self::Version)
    }
}

/// Says which values a table has in a field, for whoever asks for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// There may be any.
    Any,
    /// There is no such field here, and why.
    Nowhere(&'static str),
    /// These, and no other.
    These(Vec<String>),
}

#[derive(Debug, Clone)]
enum What {
    Text(String),
    Field(Field, String),
    Group { name: String, rows: HashSet<usize> },
    Hosts { expression: Box<Expression>, has_groups: bool, rows: HashSet<usize> },
}

#[derive(Debug, Clone)]
struct Term {
    inverted: bool,
    what: What,
}

/// Chooses rows: terms parted by blanks, all of which must hold.
///
/// A term is `state:failed` and its like, a host expression if it has a sign of one, and otherwise a text; `!` before it inverts it.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
    unreadable: Option<String>,
    unmatched: Option<String>,
    resolved: bool,
}

impl Filter {
    /// Reads a filter; what cannot be read is told by [`Filter::error`] and chooses nothing and nobody.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut filter = Self { text: text.to_owned(), ..Self::default() };
        for word in text.split_whitespace() {
            let (inverted, word) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
            if word.is_empty() {
                continue;
            }
            match filter.read(word) {
                Ok(what) => filter.terms.push(Term { inverted, what }),
                Err(error) => filter.unreadable = Some(error),
            }
        }
        filter
    }

    fn read(&self, word: &str) -> Result<What, String> {
        if let Some((name, value)) = word.split_once(':') {
            let value = value.to_lowercase();
            match Field::ALL.iter().find(|(known, _)| *known == name) {
                Some((_, Field::Group)) => return Ok(What::Group { name: value, rows: HashSet::new() }),
                Some(&(_, field)) => return Ok(What::Field(field, value)),
                // An address has colons too, and a range of Ansible's has brackets before its own.
                None if !name.is_empty() && name.chars().all(char::is_alphabetic) && !value.starts_with(':') => {
                    let known = Field::ALL.map(|(known, _)| known).join(", ");
                    return Err(format!("no field is called {name:?}: {known}"));
                }
                None => {}
            }
        }
        if word.contains(['[', ']', '@', '*', '?', '~', '&', '^', ',', '!', '(', ')']) {
            let expression = Expression::new(word).map_err(|error| error.message().to_owned())?;
            let has_groups = word.contains('@');
            return Ok(What::Hosts { expression: Box::new(expression), has_groups, rows: HashSet::new() });
        }
        Ok(What::Text(word.to_lowercase()))
    }

    /// Says that other hosts stand in the rows now.
    pub(super) const fn unresolve(&mut self) {
        self.resolved = false;
    }

    /// Finds which rows the host expressions mean, unless that is known.
    pub(super) fn resolve(&mut self, table: &(impl Table + ?Sized)) {
        if std::mem::replace(&mut self.resolved, true) {
            return;
        }
        self.unmatched = None;
        let all = || table.hosts().iter().enumerate();
        for term in &mut self.terms {
            match &mut term.what {
                What::Text(_) => {}
                What::Field(field, value) => {
                    let unknown = unknown(*field, value, &table.values(*field));
                    self.unmatched = self.unmatched.take().or(unknown.filter(|_| !table.hosts().is_empty()));
                }
                What::Group { name, rows } => {
                    rows.clear();
                    let groups = table.groups();
                    let meant = groups.iter().filter(|group| Field::Group.means(group, name));
                    let members: HashSet<&HostId> = meant.filter_map(|group| table.group(group)).flatten().collect();
                    rows.extend(all().filter(|(_, host)| members.contains(host)).map(|(row, _)| row));
                    let known = Values::These(groups.iter().map(ToString::to_string).collect());
                    self.unmatched = self.unmatched.take().or_else(|| unknown(Field::Group, name, &known));
                }
                What::Hosts { expression, has_groups, rows } => {
                    rows.clear();
                    match expression.resolve(&Choice(table)) {
                        Ok(hosts) => {
                            let hosts: HashSet<&HostId> = hosts.iter().collect();
                            rows.extend(all().filter(|(_, host)| hosts.contains(host)).map(|(row, _)| row));
                        }
                        Err(error) => match Undomained::new(table, *has_groups).rows(expression, table) {
                            Some(found) => *rows = found,
                            None => self.unmatched = Some(error.to_string()),
                        },
                    }
                }
            }
        }
    }

    /// Tells whether a row is shown.
    pub(super) fn matches(&self, table: &(impl Table + ?Sized), row: usize) -> bool {
        self.terms.iter().all(|term| {
            let holds = match &term.what {
                What::Text(text) => table.mentions(row, text),
                What::Field(field, value) => table.has(row, *field, value),
                What::Group { rows, .. } | What::Hosts { rows, .. } => rows.contains(&row),
            };
            holds != term.inverted
        })
    }

    /// Gives the text as it was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Says what is wrong with it.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.unreadable.as_deref().or(self.unmatched.as_deref())
    }

    /// Tells whether it chooses at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Tells whether an event of a host can change what it chooses.
    pub(super) fn is_live(&self) -> bool {
        self.terms.iter().any(|term| match &term.what {
            What::Text(_) => true,
            What::Field(field, _) => field.is_live(),
            What::Group { .. } | What::Hosts { .. } => false,
        })
    }
}

/// Says what is wrong with a value that a table does not have in a field.
fn unknown(field: Field, typed: &str, values: &Values) -> Option<String> {
    match values {
        Values::Any => None,
        Values::Nowhere(why) => Some((*why).to_owned()),
        Values::These(known) if known.iter().any(|known| field.means(known, typed)) => None,
        Values::These(known) if known.is_empty() => Some(format!("there is no {} here", field.name())),
        Values::These(known) => Some(format!("no {} is {typed:?}: {}", field.name(), known.join(", "))),
    }
}

/// The hosts of a table without their domains: filters are typed by people, who call hosts by their first label.
struct Undomained {
    hosts: Vec<HostId>,
    groups: BTreeMap<GroupName, Vec<HostId>>,
}

impl Undomained {
    fn new<T: Table + ?Sized>(table: &T, has_groups: bool) -> Self {
        let mut known = HashSet::new();
        let mut short = |hosts: &[HostId]| -> Vec<HostId> {
            known.clear();
            hosts.iter().filter_map(first_label).filter(|host| known.insert(host.clone())).collect()
        };
        let hosts = short(table.hosts());
        // They are asked for by few, and a large fleet has many.
        let groups = if has_groups { table.groups() } else { Vec::new() };
        let groups = groups.iter().filter_map(|name| Some((GroupName::new(name).ok()?, short(table.group(name)?))));
        Self { hosts, groups: groups.collect() }
    }

    /// Finds the rows that an expression of short names means; none when it means nobody.
    fn rows<T: Table + ?Sized>(&self, expression: &Expression, table: &T) -> Option<HashSet<usize>> {
        let meant: HashSet<HostId> = expression.resolve(self).ok()?.into_iter().collect();
        let all = table.hosts().iter().enumerate();
        let is_meant = |host: &HostId| first_label(host).is_some_and(|short| meant.contains(&short));
        Some(all.filter(|(_, host)| is_meant(host)).map(|(row, _)| row).collect())
    }
}

fn first_label(host: &HostId) -> Option<HostId> {
    if host.as_str().parse::<IpAddr>().is_ok() {
        return Some(host.clone());
    }
    HostId::new(host.as_str().split('.').next()?).ok()
}

impl Universe for Undomained {
    fn hosts(&self) -> &[HostId] {
        &self.hosts
    }

    fn groups(&self) -> Vec<GroupName> {
        self.groups.keys().cloned().collect()
    }

    fn group(&self, name: &GroupName) -> Result<Option<&[HostId]>, UniverseError> {
        Ok(self.groups.get(name).map(Vec::as_slice))
    }

    fn file(&self, path: &Path) -> Result<Vec<HostId>, UniverseError> {
        Err(no_files(path))
    }
}

fn no_files(path: &Path) -> UniverseError {
    let told = format!("a filter reads no files, so {} cannot be asked for here", path.display());
    Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(told))
}

/// What a host expression of a filter chooses from: the rows of its table. A filter reads no files.
struct Choice<'a, T: ?Sized>(&'a T);

impl<T: Table + ?Sized> Universe for Choice<'_, T> {
    fn hosts(&self) -> &[HostId] {
        self.0.hosts()
    }

    fn groups(&self) -> Vec<GroupName> {
        self.0.groups().iter().filter_map(|name| GroupName::new(name).ok()).collect()
    }

    fn group(&self, name: &GroupName) -> Result<Option<&[HostId]>, UniverseError> {
        Ok(self.0.group(name.as_str()))
    }

    fn file(&self, path: &Path) -> Result<Vec<HostId>, UniverseError> {
        Err(no_files(path))
    }
}
