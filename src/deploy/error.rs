use std::fmt;

use super::damage::put_back;
use crate::conductor::{ClientError, ConductorError, LockError, StartError};
use crate::config::{ConfigErrors, EnvironmentError};
use crate::expr::{ExpandError, ParseError, ResolveError};
use crate::host::SettingsError;
use crate::inventory::InventoryError;
use crate::journal::JournalError;
use crate::plan::PlanError;
use crate::process::Lost;
use crate::release::ReleaseError;
use crate::rollout::Exit;

/// Says of which kind an error is: what a process answers that ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A command was used wrongly, or the configuration or an expression is wrong.
    Usage,
    /// Something failed before anything was changed.
    Before,
    /// Who was asked gave no answer, and may do it yet.
    Unanswered,
    /// The environment is locked by another.
    Locked,
    /// Somebody interrupted it before anything was changed.
    Interrupted,
    /// A mistake in coalmine.
    Bug,
}

impl Kind {
    /// Says what a process answers.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::Usage => Exit::Usage,
            Self::Before | Self::Unanswered => Exit::Failed,
            Self::Locked => Exit::Locked,
            Self::Interrupted => Exit::Interrupted,
            Self::Bug => Exit::Bug,
        }
    }

    /// Reads what another process answered; whatever is no error's is [`Kind::Before`].
    fn of_code(code: u8) -> Self {
        let all = [Self::Usage, Self::Before, Self::Locked, Self::Interrupted, Self::Bug];
        all.into_iter().find(|kind| kind.exit().code() == code).unwrap_or(Self::Before)
    }
}

/// Tells why something was not done to an environment, and what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hints: Vec<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Says something of a kind.
    #[must_use]
    pub fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string(), hints: Vec::new(), source: None }
    }

    /// Says that a command was used wrongly, or that the configuration or an expression is wrong.
    #[must_use]
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Says that something failed before anything was changed.
    #[must_use]
    pub fn before(message: impl fmt::Display) -> Self {
        Self::new(Kind::Before, message)
    }

    /// Says what another room said, and keeps it.
    #[must_use]
    pub fn of(kind: Kind, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Box::new(source)), ..Self::new(kind, "") }.told_by_its_source()
    }

    fn told_by_its_source(mut self) -> Self {
        self.message = self.source.as_ref().map(ToString::to_string).unwrap_or_default();
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }

    /// Puts something before the message, and this hint in place of those there are.
    #[must_use]
    pub fn because(mut self, before: impl fmt::Display, hint: impl fmt::Display) -> Self {
        self.message = format!("{before}: {}", self.message);
        self.hints = vec![hint.to_string()];
        self
    }

    /// Says of which kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Says what a process answers.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.kind.exit()
    }

    /// Says what went wrong, without what to do.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Says what to do, the best first.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\n  {hint}"))
    }
}

impl std::error::Error for Error {
    /// What the message is made of is told by it already, so this is what was behind that.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref()?.source()
    }
}

/// Lets errors of other rooms become one of a kind by `?`.
macro_rules! of_kind {
    ($($kind:ident: $($error:ty),+;)+) => {$($(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::of(Kind::$kind, error)
            }
        }
    )+)+};
}

of_kind! {
    Usage: ConfigErrors, EnvironmentError, ParseError, ExpandError, ResolveError, InventoryError, PlanError, SettingsError;
    Before: ReleaseError;
}

impl From<Lost> for Error {
    fn from(error: Lost) -> Self {
        let kind = if matches!(error, Lost::Panicked) { Kind::Bug } else { Kind::Before };
        Self::of(kind, error)
    }
}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Self {
        let hint = error.unread().map(put_back);
        Self { hints: hint.into_iter().collect(), ..Self::of(Kind::Before, error) }
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        let kind = match error {
            ClientError::Journal(error) => return error.into(),
            ClientError::Rejected(_) | ClientError::Refused { .. } => Kind::Before,
            ClientError::NotRunning(_)
            | ClientError::Unreachable { .. }
            | ClientError::Nonsense { .. }
            | ClientError::Silent { .. } => Kind::Unanswered,
        };
        Self::of(kind, error)
    }
}

impl From<ConductorError> for Error {
    fn from(error: ConductorError) -> Self {
        match error {
            ConductorError::Lock(error) => error.into(),
            ConductorError::Journal(error) => error.into(),
            error @ (ConductorError::Bug(_) | ConductorError::WrongLock { .. }) => Self::of(Kind::Bug, error),
            error => Self::of(Kind::Before, error),
        }
    }
}

impl From<LockError> for Error {
    fn from(error: LockError) -> Self {
        let hint = error.hint();
        // A disk that refuses is nobody's lock.
        let kind = if matches!(error, LockError::Io { .. }) { Kind::Before } else { Kind::Locked };
        Self { hints: hint.into_iter().collect(), ..Self::of(kind, error) }
    }
}

impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Refused { code, message, hint } => {
                Self { hints: hint.into_iter().collect(), ..Self::new(Kind::of_code(code), message) }
            }
            StartError::Conductor(error) => error.into(),
            // Nobody refused anything, and it may conduct yet.
            error @ StartError::Silent { .. } => Self::of(Kind::Unanswered, error).hint(
                "`coalmine rollouts` tells whether it runs; where it does not, `coalmine resume` goes on with it",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, Kind};
    use crate::conductor::{ConductorError, StartError};
    use crate::rollout::Exit;

    #[test]
    fn a_conductor_that_refuses_is_told_as_if_it_were_this_process() {
        let refused = |code| StartError::Refused { code, message: "no".to_owned(), hint: Some("wait".to_owned()) };
        for kind in [Kind::Usage, Kind::Before, Kind::Locked, Kind::Interrupted, Kind::Bug] {
            let error = Error::from(refused(kind.exit().code()));
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, "no\n  wait"));
        }
        assert_eq!(Error::from(refused(6)).kind(), Kind::Before);
    }

    #[test]
    fn a_conductor_that_says_nothing_has_refused_nothing() {
        let silent = StartError::Silent { why: "went silent".to_owned(), log: "its log says why".to_owned() };
        let error = Error::from(silent);
        assert_eq!((error.kind(), error.message()), (Kind::Unanswered, "the conductor went silent; its log says why"));
        assert!(error.hints().iter().any(|hint| hint.contains("coalmine resume")), "{error}");
    }

    #[test]
    fn what_is_a_bug_is_told_as_one() {
        let error = Error::from(ConductorError::Bug("the engine".to_owned()));
        assert_eq!((error.exit(), error.message()), (Exit::Bug, "a bug in coalmine: the engine"));
        assert!(error.hints().is_empty());
    }

    #[test]
    fn a_cause_is_put_before_and_its_hint_in_place_of_others() {
        let error = Error::before("git is not there").hint("install it");
        let error = error.because("1.2.0-abcd was good", "name another");
        assert_eq!(error.to_string(), "1.2.0-abcd was good: git is not there\n  name another");
    }
}
