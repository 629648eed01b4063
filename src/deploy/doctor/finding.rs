use std::fmt;

use serde::Serialize;

use crate::model::HostId;

/// Says how well a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// A rollout works, and somebody should look.
    Warning,
    /// A host does not answer.
    Unreachable,
    /// A rollout would fail.
    Failed,
}

/// Tells how one thing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `ssh`, `repository`, `hosts`.
    pub check: String,
    /// How it is.
    pub health: Health,
    /// What was found, in one line.
    pub message: String,
    /// How to mend it; none where nothing is to be mended.
    pub hint: Option<String>,
    /// The hosts that it is about, in the inventory's order; none where it is about this machine.
    pub hosts: Vec<HostId>,
}

impl Finding {
    /// Tells of something on this machine.
    #[must_use]
    pub fn new(check: &str, health: Health, message: impl fmt::Display) -> Self {
        Self { check: check.to_owned(), health, message: message.to_string(), hint: None, hosts: Vec::new() }
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}
