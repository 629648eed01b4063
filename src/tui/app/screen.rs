//! Which screens there are, and how much of one the log has.

use crate::tui::keymap::{Context, place};

/// Names a screen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// What every host runs.
    #[default]
    Fleet,
    /// What would be done.
    Plan,
    /// What is being done.
    Rollout,
    /// What was done.
    History,
}

impl Screen {
    /// Every screen, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Fleet, Self::Plan, Self::Rollout, Self::History];

    /// Gives its title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Plan => "plan",
            Self::Rollout => "rollout",
            Self::History => "history",
        }
    }

    /// Gives the contexts in which keys are looked up on it.
    #[must_use]
    pub fn contexts(self) -> &'static [Context] {
        place(match self {
            Self::Fleet => Context::Fleet,
            Self::Plan => Context::Plan,
            Self::Rollout => Context::Rollout,
            Self::History => Context::History,
        })
    }
}

/// Says how much of the screen the log has.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum LogSize {
    /// None.
    #[default]
    Hidden,
    /// Its lower part.
    Pane,
    /// All of it.
    Full,
}
