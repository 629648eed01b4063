//! What is wrong with a configuration, told so that it can be mended.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use super::origin::Origin;

/// Tells why a text is not the value that it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?}: {reason}")]
pub struct ValueError {
    /// The text.
    pub text: String,
    /// What is wrong with it, or what it may be.
    pub reason: String,
}

/// Says where a problem is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In a line of a file, counted from 1; without a line in the file as a whole.
    File(Arc<Path>, Option<usize>),
    /// In a variable of the environment.
    Variable(String),
    /// In a flag of the command line.
    Flag(String),
    /// In none of them: something is missing.
    Nowhere,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file, Some(line)) => write!(f, "{}:{line}", file.display()),
            Self::File(file, None) => write!(f, "{}", file.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Nowhere => f.write_str("configuration"),
        }
    }
}

impl From<&Origin> for Place {
    fn from(origin: &Origin) -> Self {
        match origin {
            Origin::Default => Self::Nowhere,
            // The file itself, as the origin of the root, has no line.
            Origin::File { file, line, .. } => Self::File(Arc::clone(file), Some(*line).filter(|&line| line > 0)),
            Origin::Variable(name) => Self::Variable(name.clone()),
            Origin::Flag(name) => Self::Flag(name.clone()),
        }
    }
}

/// Tells one thing that is wrong, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
#[error("{}", self.text())]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do, or the line itself.
    pub hint: Option<String>,
}

impl Problem {
    pub(super) fn new(place: impl Into<Place>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), hint: None }
    }

    /// Writes the problem, and its hint below it; what somebody put into a name cannot drive the reader's terminal.
    fn text(&self) -> String {
        let hint = self.hint.as_deref().map(|hint| format!("\n    {}", hint.replace('\n', "\n    ")));
        let text = format!("{}: {}{}", self.place, self.message, hint.unwrap_or_default());
        text.chars().map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Holds everything that is wrong with a configuration, file by file and line by line; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.text())]
pub struct ConfigErrors {
    /// The problems.
    pub problems: Vec<Problem>,
}

impl ConfigErrors {
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self { problems }
    }

    fn text(&self) -> String {
        let lines: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }
}

/// Tells why no environment was found.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// There is none of that name.
    #[error("there is no environment {name:?}; there is {known}{}", nearest.as_ref().map(|nearest| format!(" (did you mean {nearest:?}?)")).unwrap_or_default())]
    Unknown {
        /// The name that was given.
        name: String,
        /// Those that there are.
        known: String,
        /// The one that is spelt most like it.
        nearest: Option<String>,
    },
    /// There are several, and none was named.
    #[error("there are several environments: name one of them with -e, of {known}")]
    Several {
        /// Those that there are.
        known: String,
    },
}
