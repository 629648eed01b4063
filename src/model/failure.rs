use std::fmt;

use serde::{Deserialize, Serialize};

/// Sorts failures by what they say about the rollout; each class has a budget of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The host could not be reached, or stopped answering.
    Unreachable,
    /// The release did not get there whole.
    Transfer,
    /// The switch failed.
    Activate,
    /// The release runs and a gate says that it does not do its work.
    Unhealthy,
}

impl FailureClass {
    /// Every class, mildest first.
    pub const ALL: [Self; 4] = [Self::Unreachable, Self::Transfer, Self::Activate, Self::Unhealthy];

    /// Gives the word of the `host_failed` event and of the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Transfer => "transfer",
            Self::Activate => "activate",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// Tells whether such a failure speaks of the release: where it did not get, or where nobody could ask, nothing was seen of it.
    #[must_use]
    pub const fn is_of_release(self) -> bool {
        match self {
            Self::Unreachable | Self::Transfer => false,
            Self::Activate | Self::Unhealthy => true,
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Says what went wrong on a host, for people: a fragment without the host's name, so that equal ones group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Failure {
    /// Which budget it counts against.
    pub class: FailureClass,
    /// What happened, in one line.
    pub message: String,
    /// What to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The last lines that the host printed, control characters removed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// Whether it is this machine that could not, which says nothing of the host.
    ///
    /// No host is counted for that, so it is in no journal.
    #[serde(skip)]
    pub here: bool,
}

impl Failure {
    /// Makes a failure of a class and a message, without hint or output.
    #[must_use]
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None, output: String::new(), here: false }
    }

    /// Adds what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says that it is this machine's.
    #[must_use]
    pub fn here(self) -> Self {
        Self { here: true, ..self }
    }

    /// Adds what the host printed.
    #[must_use]
    pub fn output(mut self, output: impl Into<String>) -> Self {
        self.output = output.into();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}
