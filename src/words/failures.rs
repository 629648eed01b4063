//! Failures, the same ones together.

use std::collections::HashMap;

use crate::expr;
use crate::model::{FailureClass, HostId, Phase};
use crate::plan::LeftOutReason;
use crate::rollout::State;

/// Holds the hosts that failed in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureGroup {
    /// Which budget they count against.
    pub class: FailureClass,
    /// What happened.
    pub message: String,
    /// What to try.
    pub hint: Option<String>,
    /// Which hosts, in the plan's order, those that were left out behind the others.
    pub hosts: Vec<HostId>,
    /// The places of those of them that take part, in the plan.
    pub rows: Vec<usize>,
    /// Their names, folded.
    pub names: String,
    /// What one of them printed last, and which.
    pub output: Option<(HostId, String)>,
    /// How many of them went back.
    pub went_back: usize,
}

impl FailureGroup {
    const fn new(class: FailureClass, message: String) -> Self {
        Self {
            class,
            message,
            hint: None,
            hosts: Vec::new(),
            rows: Vec::new(),
            names: String::new(),
            output: None,
            went_back: 0,
        }
    }
}

/// Groups the failures of a rollout by class and message: the class that says most about the release first, then the largest.
#[must_use]
pub fn failure_groups(state: &State) -> Vec<FailureGroup> {
    let mut groups: Vec<FailureGroup> = Vec::new();
    let mut places = HashMap::<(FailureClass, String), usize>::new();
    for (row, host) in state.hosts().iter().enumerate() {
        let Some(failure) = &host.failure else {
            continue;
        };
        let next = groups.len();
        let message = without_name(&failure.message, &host.id);
        let place = *places.entry((failure.class, message.clone())).or_insert(next);
        if place == next {
            groups.push(FailureGroup::new(failure.class, failure.message.clone()));
        }
        if let Some(group) = groups.get_mut(place) {
            if group.message != failure.message {
                group.message = message;
            }
            group.hosts.push(host.id.clone());
            group.rows.push(row);
            group.hint = group.hint.take().or_else(|| failure.hint.clone());
            group.went_back += usize::from(host.phase == Phase::RolledBack);
            if group.output.is_none() && !failure.output.trim().is_empty() {
                group.output = Some((host.id.clone(), failure.output.clone()));
            }
        }
    }
    for out in state.plan().map_or(&[][..], |plan| &plan.left_out) {
        if out.reason != LeftOutReason::Unreachable {
            continue;
        }
        let same =
            groups.iter_mut().find(|group| group.class == FailureClass::Unreachable && group.message == out.message);
        match same {
            Some(group) => group.hosts.push(out.host.clone()),
            None => {
                let mut group = FailureGroup::new(FailureClass::Unreachable, out.message.clone());
                group.hosts.push(out.host.clone());
                groups.push(group);
            }
        }
    }
    for group in &mut groups {
        group.names = expr::fold(&group.hosts);
    }
    groups.sort_by(|a, b| b.class.cmp(&a.class).then_with(|| b.hosts.len().cmp(&a.hosts.len())));
    groups
}

/// Puts the word HOST where a failure's message names the host itself, so that hosts that failed alike have one message.
#[must_use]
pub fn without_name(message: &str, host: &HostId) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once(host.as_str()) {
        text.push_str(before);
        let is_whole = !text.ends_with(is_name) && !after.starts_with(is_name);
        text.push_str(if is_whole { "HOST" } else { host.as_str() });
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::without_name;
    use crate::model::HostId;

    #[test]
    fn a_message_is_the_same_on_every_host_whose_own_name_is_all_that_differs() {
        let host = HostId::new("mw1.example").unwrap();
        for (message, same) in [
            ("no /srv/mw1.example/data", "no /srv/HOST/data"),
            ("mw1.example", "HOST"),
            ("mw1.example.org, xmw1.example and mw1.example-a", "mw1.example.org, xmw1.example and mw1.example-a"),
            ("mw1.example: mw1.example", "HOST: HOST"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(without_name(message, &host), same);
        }
    }
}
