//! Hosts in debt, as whoever asks about an environment is told of them.

use crate::model::{Environment, Slot};
use crate::rollout::Debt;
use crate::words::{Glyph, Look, beside, debts};

/// Names the hosts of an environment that are in debt, and what clears it; nothing where there are none.
pub(super) fn debt_lines<'a>(
    environment: &Environment,
    slot: Option<&Slot>,
    owed: impl IntoIterator<Item = &'a Debt>,
    look: Look,
) -> Vec<String> {
    let there = slot.map(|slot| format!(" in slot {slot}")).unwrap_or_default();
    let texts = debts(owed, look).into_iter();
    let mut lines: Vec<String> =
        texts.map(|text| format!("{} in debt{there}: {text}", look.glyph(Glyph::Attention))).collect();
    if !lines.is_empty() {
        lines.push(format!("      try: coalmine -e {environment} install-world --debt{}", beside(slot)));
    }
    lines
}
