//! How a rollout ended.

use super::glyph::Glyph;
use crate::rollout::Outcome;

/// Gives the word that stands before whatever is said of an emergency as a whole; nothing before any other rollout.
#[must_use]
pub const fn emergency(is_one: bool) -> &'static str {
    if is_one { "EMERGENCY " } else { "" }
}

/// Says how a rollout ended that left so many hosts in debt.
#[must_use]
pub fn ended(outcome: Outcome, debt: usize) -> (Glyph, String) {
    match outcome {
        Outcome::Completed if debt == 0 => (Glyph::Good, outcome.to_string()),
        Outcome::Completed => (Glyph::Attention, format!("{outcome}, debt {debt}")),
        Outcome::Stopped | Outcome::Locked => (Glyph::Bad, outcome.to_string()),
        Outcome::RolledBack => (Glyph::Back, outcome.to_string()),
    }
}
