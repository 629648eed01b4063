//! Hosts in debt: those together that ended alike.

use std::collections::BTreeMap;

use super::look::Look;
use super::text::{count, folded, one_line};
use crate::model::HostId;
use crate::rollout::{Debt, HostEnd};

/// How wide the names of one group may be.
const WIDEST: usize = 400;
/// How wide what was heard of it may be.
const HEARD: usize = 160;

/// Says which hosts are in debt, an end a text: `1 host (unreachable): mw02`. Where nobody here saw the end, it is said who tells of it.
#[must_use]
pub fn debts<'a>(owed: impl IntoIterator<Item = &'a Debt>, look: Look) -> Vec<String> {
    let mut ends: BTreeMap<(HostEnd, Option<&str>), Vec<HostId>> = BTreeMap::new();
    for debt in owed {
        let heard = Some(debt.message.as_str()).filter(|message| debt.end == HostEnd::Unknown && !message.is_empty());
        ends.entry((debt.end, heard)).or_default().push(debt.host.clone());
    }
    let text = |((end, heard), hosts): ((HostEnd, Option<&str>), Vec<HostId>)| {
        let heard = heard.map(|heard| format!(", {}", one_line(heard, HEARD, look))).unwrap_or_default();
        format!("{} ({end}): {}{heard}", count(hosts.len(), "host"), folded(&hosts, WIDEST, look))
    };
    ends.into_iter().map(text).collect()
}
