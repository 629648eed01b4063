use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::name::{NameError, check_name, text_name};

/// Declares a name that is also the name of a file: a letter or digit, then letters, digits, `.`, `_` and `-`.
macro_rules! file_name {
    ($(#[$docs:meta])* $name:ident, $what:literal) => {
        text_name! { $(#[$docs])* $name, NameError, $name::new }

        impl $name {
            /// Makes the name of a text.
            ///
            /// # Errors
            ///
            /// When the text is empty, longer than 100 bytes, or could be anything else than the name of one file.
            pub fn new(name: &str) -> Result<Self, NameError> {
                check_name(
                    $what,
                    name,
                    100,
                    concat!("no ", $what, " has: letters, digits, `.`, `_` and `-`, a letter or digit first"),
                    |c| c.is_ascii_alphanumeric(),
                    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'),
                )?;
                Ok(Self(name.into()))
            }
        }
    };
}

file_name! {
    /// Names an environment: a fleet with its own policy and channel.
    Environment, "environment"
}

file_name! {
    /// Names a second switch beside `current`.
    Slot, "slot"
}

file_name! {
    /// Names a stage of a rollout.
    StageName, "stage"
}

file_name! {
    /// Names a rollout: its start in UTC and four random characters, so that names sort by time.
    RolloutId, "rollout"
}

/// Names a gate as the configuration does: a short text on one line, of any characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GateName(Arc<str>);

impl GateName {
    /// Gives the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for GateName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for GateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Quotes the name: it may have blanks, and stands in sentences.
impl fmt::Debug for GateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Counts the stages of a plan, the masters' included, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StageIdx(pub usize);

/// Counts the hosts of a plan in its order, the masters' included, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostIdx(pub usize);

/// Goes through hosts that follow each other in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRange(Range<usize>);

impl HostRange {
    /// Holds the hosts from one to another, that one excluded.
    #[must_use]
    pub const fn new(start: HostIdx, end: HostIdx) -> Self {
        Self(start.0..end.0)
    }

    /// Gives the next host; what [`Self::end`] gives where none is left.
    #[must_use]
    pub const fn start(&self) -> HostIdx {
        HostIdx(self.0.start)
    }

    /// Gives the place behind the last host.
    #[must_use]
    pub const fn end(&self) -> HostIdx {
        HostIdx(self.0.end)
    }

    /// Holds the first hosts of these.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        Self(self.0.start..self.0.start.saturating_add(count).min(self.0.end))
    }
}

impl Iterator for HostRange {
    type Item = HostIdx;

    fn next(&mut self) -> Option<HostIdx> {
        self.0.next().map(HostIdx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for HostRange {}
