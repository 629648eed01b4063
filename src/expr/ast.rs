use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::error::ParseError;
use super::group::GroupName;
use super::name::Name;
use super::parse::parse;

/// A host expression that was understood; it is what was written, byte for byte, and equal to what reads the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    pub(super) source: Arc<str>,
    pub(super) root: Chain,
}

/// Terms with operators between them, worked off from left to right.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) first: Term,
    pub(super) rest: Vec<(Operator, Term)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Union,
    Minus,
    Intersection,
    Difference,
}

#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) kind: Kind,
    /// The bytes of the source that it is made of.
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Name(Name),
    Group(Selector),
    File(PathBuf),
    /// A regular expression, anchored already.
    Regex(Regex),
    AllBut(Box<Term>),
    Parentheses(Box<Chain>),
}

/// Which groups `@…` means.
#[derive(Debug, Clone)]
pub(super) enum Selector {
    One(GroupName),
    /// Those whose name matches; `@*` is all of them.
    Glob(Name),
}

impl Chain {
    /// Gives every term with the operator before it; the first is united with nothing.
    pub(super) fn terms(&self) -> impl Iterator<Item = (Operator, &Term)> {
        std::iter::once((Operator::Union, &self.first))
            .chain(self.rest.iter().map(|(operator, term)| (*operator, term)))
    }

    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a Term)) {
        for (_, term) in self.terms() {
            term.each(visit);
        }
    }
}

impl Term {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        match &self.kind {
            Kind::AllBut(term) => term.each(visit),
            Kind::Parentheses(chain) => chain.each(visit),
            Kind::Name(_) | Kind::Group(_) | Kind::File(_) | Kind::Regex(_) => {}
        }
    }
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    ///
    /// When it is not one: the error points at the place and says what was expected there.
    pub fn new(source: &str) -> Result<Self, ParseError> {
        parse(source)
    }

    /// Gives the expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Makes the relative paths of `@path/to/file` start at `folder`: what a configuration file means by them.
    #[must_use]
    pub fn relative_to(mut self, folder: &Path) -> Self {
        fn rebase(chain: &mut Chain, folder: &Path) {
            rebase_term(&mut chain.first, folder);
            chain.rest.iter_mut().for_each(|(_, term)| rebase_term(term, folder));
        }
        fn rebase_term(term: &mut Term, folder: &Path) {
            match &mut term.kind {
                Kind::File(path) => *path = folder.join(&*path),
                Kind::AllBut(term) => rebase_term(term, folder),
                Kind::Parentheses(chain) => rebase(chain, folder),
                Kind::Name(_) | Kind::Group(_) | Kind::Regex(_) => {}
            }
        }
        rebase(&mut self.root, folder);
        self
    }

    /// Gives the groups that must be read to resolve it, `None` standing for all of them.
    ///
    /// A wildcard, a regex and "all but" speak of every host, and `@*` of every group.
    #[must_use]
    pub fn groups(&self) -> Option<Vec<&GroupName>> {
        fn walk<'a>(chain: &'a Chain, found: &mut Vec<&'a GroupName>) -> bool {
            chain.terms().all(|(_, term)| match &term.kind {
                Kind::Name(name) => !name.is_wild(),
                Kind::File(_) => true,
                Kind::Group(Selector::One(name)) => {
                    found.push(name);
                    true
                }
                Kind::Group(Selector::Glob(_)) | Kind::Regex(_) | Kind::AllBut(_) => false,
                Kind::Parentheses(chain) => walk(chain, found),
            })
        }
        let mut found = Vec::new();
        walk(&self.root, &mut found).then_some(found)
    }

    /// Gives every group that it names, wherever it stands; globs of groups name none.
    #[must_use]
    pub fn named_groups(&self) -> Vec<&GroupName> {
        let mut found = Vec::new();
        self.root.each(&mut |term| {
            if let Kind::Group(Selector::One(name)) = &term.kind {
                found.push(name);
            }
        });
        found
    }

    /// Tells whether it speaks of hosts rather than of groups alone: by name, in a range, by a pattern or in a file.
    #[must_use]
    pub fn names_hosts(&self) -> bool {
        let mut named = false;
        self.root.each(&mut |term| named |= matches!(term.kind, Kind::Name(_) | Kind::Regex(_) | Kind::File(_)));
        named
    }

    /// Gives the text of a term.
    pub(super) fn text(&self, term: &Term) -> &str {
        self.source.get(term.span.clone()).unwrap_or(&self.source)
    }
}

impl FromStr for Expression {
    type Err = ParseError;

    fn from_str(source: &str) -> Result<Self, ParseError> {
        Self::new(source)
    }
}

impl TryFrom<String> for Expression {
    type Error = ParseError;

    fn try_from(source: String) -> Result<Self, ParseError> {
        Self::new(&source)
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.source.as_ref().to_owned()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Expression {}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.source)
    }
}
