use std::fmt;

/// Ends a command before or without a rollout: what went wrong, what to do, and what the process answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The exit code, as product.md lists them.
    pub code: u8,
    /// What went wrong, for people.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Failed {
    /// Failed before anything was changed.
    pub const BEFORE: u8 = 1;
    /// Usage, configuration, or an expression that matches nothing.
    pub const USAGE: u8 = 2;
    /// The environment is locked by another.
    pub const LOCKED: u8 = 7;
    /// The rollout goes on in its conductor.
    pub const WAITING: u8 = 8;
    /// A bug in coalmine.
    pub const BUG: u8 = 70;
    /// Interrupted before anything was changed.
    pub const INTERRUPTED: u8 = 130;

    /// Says that a command was used wrongly, or that the configuration or an expression is wrong.
    #[must_use]
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { code: Self::USAGE, message: message.to_string(), hint: None }
    }

    /// Says that something failed before anything was changed.
    #[must_use]
    pub fn before(message: impl fmt::Display) -> Self {
        Self { code: Self::BEFORE, message: message.to_string(), hint: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failed {}
