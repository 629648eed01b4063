//! Hosts in debt: those together that ended alike.

use std::collections::BTreeMap;

use super::look::Look;
use super::text::{count, folded};
use crate::model::HostId;
use crate::rollout::{Debt, HostEnd};

/// How wide the names of one group may be.
const WIDEST: usize = 400;

/// Says which hosts are in debt, an end a text: `1 host (unreachable): mw02`.
#[must_use]
pub fn debts<'a>(owed: impl IntoIterator<Item = &'a Debt>, look: Look) -> Vec<String> {
    let mut ends: BTreeMap<HostEnd, Vec<HostId>> = BTreeMap::new();
    for debt in owed {
        ends.entry(debt.end).or_default().push(debt.host.clone());
    }
    let text = |(end, hosts): (HostEnd, Vec<HostId>)| {
        format!("{} ({end}): {}", count(hosts.len(), "host"), folded(&hosts, WIDEST, look))
    };
    ends.into_iter().map(text).collect()
}
