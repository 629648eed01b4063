//! How a release travels, for people.

use crate::model::{Carrier, HostId};
use crate::plan::Plan;
use crate::words::{Look, count, folded, way};

/// How many relays are written one by one.
const MOST_RELAYS: usize = 20;

/// Says by what a release comes to its hosts, and from which of them others get it; nothing where it only comes directly.
pub(super) fn carriage(plan: &Plan, look: Look) -> Vec<String> {
    let carriers = &plan.policy.carriers;
    if carriers.is_empty() {
        return Vec::new();
    }
    let ways: Vec<String> = carriers.iter().map(|carrier| way(*carrier, None)).collect();
    let mut lines = vec![format!("What travels packed comes {}.", ways.join(", then "))];
    if !carriers.contains(&Carrier::Relay) {
        return lines;
    }
    let mut fed: Vec<(&HostId, Vec<HostId>)> = Vec::new();
    let mut without = Vec::new();
    for host in &plan.hosts {
        let Some(relay) = &host.relay else {
            without.push(host.host.clone());
            continue;
        };
        match fed.iter_mut().rfind(|(known, _)| *known == relay) {
            Some((_, hosts)) => hosts.push(host.host.clone()),
            None => fed.push((relay, vec![host.host.clone()])),
        }
    }
    for (relay, hosts) in fed.iter().take(MOST_RELAYS) {
        lines.push(format!("  relay {relay} passes it on to {} ({})", folded(hosts, 400, look), hosts.len()));
    }
    if let Some(more) = fed.get(MOST_RELAYS..).filter(|more| !more.is_empty()) {
        let hosts = more.iter().map(|(_, hosts)| hosts.len()).sum();
        lines.push(format!("  and {} to {}", count(more.len(), "relay"), count(hosts, "host")));
    }
    without.retain(|host| !fed.iter().any(|(relay, _)| *relay == host));
    if !without.is_empty() {
        lines.push(format!("  without a relay: {} ({})", folded(&without, 400, look), without.len()));
    }
    lines
}
