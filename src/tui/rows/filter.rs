use std::collections::HashSet;
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

    const fn is_live(self) -> bool {
        matches!(self, Self::State | Self::Version)
    }
}

#[derive(Debug, Clone)]
enum What {
    Text(String),
    Field(Field, String),
    Hosts { expression: Box<Expression>, rows: HashSet<usize> },
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
        if let Some((name, value)) = word.split_once(':')
            && let Some(&(_, field)) = Field::ALL.iter().find(|(known, _)| *known == name)
        {
            return Ok(What::Field(field, value.to_lowercase()));
        }
        if word.contains(['[', ']', '@', '*', '?', '~', '&', '^', ',', '!', '(', ')']) {
            let expression = Expression::new(word).map_err(|error| error.message().to_owned())?;
            return Ok(What::Hosts { expression: Box::new(expression), rows: HashSet::new() });
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
        for term in &mut self.terms {
            if let What::Hosts { expression, rows } = &mut term.what {
                rows.clear();
                match expression.resolve(&Choice(table)) {
                    Ok(hosts) => {
                        let hosts: HashSet<&HostId> = hosts.iter().collect();
                        let all = table.hosts().iter().enumerate();
                        rows.extend(all.filter(|(_, host)| hosts.contains(host)).map(|(row, _)| row));
                    }
                    Err(error) => self.unmatched = Some(error.to_string()),
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
                What::Hosts { rows, .. } => rows.contains(&row),
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
            What::Hosts { .. } => false,
        })
    }
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
        Err(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(format!(
            "a filter reads no files, so {} cannot be asked for here",
            path.display()
        ))))
    }
}
