use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;
use unicode_width::UnicodeWidthChar as _;

use super::resolve::UniverseError;

/// Tells why a text is not a host expression, and points at the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    source: Arc<str>,
    span: Range<usize>,
    message: String,
}

impl ParseError {
    pub(super) fn new(source: &Arc<str>, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { source: Arc::clone(source), span, message: message.into() }
    }

    /// Gives the bytes of the expression that are wrong; empty where something is missing.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Says in one line what is wrong, without showing the expression.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl std::error::Error for ParseError {}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, before, width) = excerpt(&self.source, &self.span);
        write!(f, "{}\n  {line}\n  {:before$}{:^<width$}", self.message, "", "")
    }
}

/// Cuts out what is around the place, so that a list of a thousand hosts does not fill the screen.
///
/// Returns the line, the columns before the place and the columns of the place itself.
fn excerpt(source: &str, span: &Range<usize>) -> (String, usize, usize) {
    const AROUND: usize = 60;
    let mut line = String::new();
    let (mut before, mut width) = (0, 0);
    let start = span.start.saturating_sub(AROUND);
    let end = span.start.saturating_add(AROUND);
    if start > 0 {
        line.push('…');
        before += 1;
    }
    for (place, character) in source.char_indices() {
        if place < start {
            continue;
        }
        if place >= end {
            line.push('…');
            break;
        }
        // Control characters would move the caret, or the terminal's.
        let shown = if character.is_control() { '�' } else { character };
        let columns = shown.width().unwrap_or(1);
        line.push(shown);
        if place < span.start {
            before += columns;
        } else if place < span.end {
            width += columns;
        }
    }
    (line, before, width.max(1))
}

/// Tells why an expression does not stand for hosts by itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExpandError {
    /// A group, a file, a wildcard, a regex or "all but" needs an inventory to choose from.
    #[error("`{term}` is not a host's name or a range of names, which is all that can stand here")]
    NeedsInventory {
        /// The term.
        term: String,
    },
    /// Where only a list may stand, there is an operator other than the comma, or parentheses.
    #[error(
        "`{expression}` is more than a list: names and ranges with commas between them are all that can stand here"
    )]
    NotAList {
        /// The expression.
        expression: String,
    },
    /// One of its names is not a host's name.
    #[error("`{term}` names no host: {reason}")]
    Name {
        /// The term.
        term: String,
        /// Why.
        reason: String,
    },
    /// Nothing is left of it.
    #[error("`{expression}` stands for no host at all")]
    Nothing {
        /// The expression.
        expression: String,
    },
}

/// Tells why an expression matches nothing, naming the term at fault.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// There is no such group.
    #[error("there is no group `{term}`{hint}")]
    NoSuchGroup {
        /// The term, with its `@`.
        term: String,
        /// `; did you mean …?`, the groups there are, or nothing.
        hint: String,
    },
    /// The group, or the file, is there and lists nobody.
    #[error("`{term}` has no host in it")]
    Empty {
        /// The term.
        term: String,
    },
    /// The group has hosts, but none that may be chosen here.
    #[error("none of the {members} hosts of `{term}` is among the {hosts} to choose from")]
    Elsewhere {
        /// The term.
        term: String,
        /// How many hosts it has.
        members: usize,
        /// How many hosts there are to choose from.
        hosts: usize,
    },
    /// A file lists hosts that may not be chosen here.
    #[error("`{term}` lists {strangers}, which {} not among the {hosts} hosts to choose from", if *.count == 1 { "is" } else { "are" })]
    Strangers {
        /// The term.
        term: String,
        /// The hosts that are not there, folded.
        strangers: String,
        /// How many they are.
        count: usize,
        /// How many hosts there are to choose from.
        hosts: usize,
    },
    /// A name, range, glob, regex or parenthesis matches no host.
    #[error("`{term}` matches none of the {hosts} hosts{hint}")]
    Nothing {
        /// The term.
        term: String,
        /// How many hosts there are to choose from.
        hosts: usize,
        /// `; did you mean …?`, or nothing.
        hint: String,
    },
    /// A range names hosts that do not exist, where those that it names were to be spared.
    #[error("`{term}` spares by name, and {count} of its {of} names {} no host: {missing}{hint}", if *.count == 1 { "is" } else { "are" })]
    Missing {
        /// The term.
        term: String,
        /// The names that are none, folded.
        missing: String,
        /// How many they are.
        count: usize,
        /// How many names the term stands for.
        of: usize,
        /// `; did you mean …?`, or nothing.
        hint: String,
    },
    /// Each term matches something, and together they match nothing.
    #[error("`{expression}` matches nothing, though each of its terms does")]
    NothingTogether {
        /// The expression.
        expression: String,
    },
    /// What `-x` excludes is all that was left.
    #[error("`{exclude}` excludes all {hosts} hosts that were left")]
    NothingLeft {
        /// The expression of `-x`.
        exclude: String,
        /// How many hosts there were.
        hosts: usize,
    },
    /// A name that stands for itself here is not a host's name.
    #[error(transparent)]
    Expand(#[from] ExpandError),
    /// A group or a file that is needed could not be read.
    #[error("`{term}` cannot be resolved: {reason}")]
    Unreadable {
        /// The term, or the whole expression where it speaks of every host.
        term: String,
        /// Why.
        reason: UniverseError,
    },
}
