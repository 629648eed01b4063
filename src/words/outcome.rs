//! How a rollout ended.

use super::glyph::Glyph;
use crate::rollout::Outcome;

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
