//! Failures, the same ones together.

use super::look::{Look, Mark, Tone};
use super::words::{clean, count, folded, one_line, without_name};
use crate::model::{FailureClass, HostId};
use crate::plan::LeftOutReason;
use crate::rollout::State;

/// How many of the last lines that a host printed are shown.
const LAST_LINES: usize = 8;

/// Holds the hosts that failed in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureGroup {
    /// Which budget they count against.
    pub class: FailureClass,
    /// What happened.
    pub message: String,
    /// What to try.
    pub hint: Option<String>,
    /// Which hosts, in the plan's order.
    pub hosts: Vec<HostId>,
    /// What one of them printed last, and which.
    pub output: Option<(HostId, String)>,
    /// How many of them went back.
    pub went_back: usize,
}

/// Groups the failures of a rollout by class and message: the class that says most about the release first, then the largest.
#[must_use]
pub fn failure_groups(state: &State) -> Vec<FailureGroup> {
    let mut groups: Vec<FailureGroup> = Vec::new();
    let mut places = std::collections::HashMap::<(FailureClass, String), usize>::new();
    for host in state.hosts() {
        let Some(failure) = &host.failure else {
            continue;
        };
        let next = groups.len();
        let message = without_name(&failure.message, &host.id);
        let place = *places.entry((failure.class, message.clone())).or_insert(next);
        if place == next {
            groups.push(FailureGroup {
                class: failure.class,
                message: failure.message.clone(),
                hint: None,
                hosts: Vec::new(),
                output: None,
                went_back: 0,
            });
        }
        if let Some(group) = groups.get_mut(place) {
            if group.message != failure.message {
                group.message = message;
            }
            group.hosts.push(host.id.clone());
            group.hint = group.hint.take().or_else(|| failure.hint.clone());
            group.went_back += usize::from(host.phase == crate::model::Phase::RolledBack);
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
            None => groups.push(FailureGroup {
                class: FailureClass::Unreachable,
                message: out.message.clone(),
                hint: None,
                hosts: vec![out.host.clone()],
                output: None,
                went_back: 0,
            }),
        }
    }
    groups.sort_by(|a, b| b.class.cmp(&a.class).then_with(|| b.hosts.len().cmp(&a.hosts.len())));
    groups
}

/// Writes the failures of a rollout for people; nothing when there is none.
#[must_use]
pub fn failures_text(groups: &[FailureGroup], look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    if groups.is_empty() {
        return lines;
    }
    lines.push(look.paint(Tone::Strong, "Failures"));
    for group in groups {
        let back = match group.went_back {
            0 => String::new(),
            all if all == group.hosts.len() => ", went back".to_owned(),
            some => format!(", {some} went back"),
        };
        let mark = look.mark(Mark::of_failure(group.class));
        let class = look.paint(Tone::Bad, group.class.word());
        let names = folded(&group.hosts, 400, look);
        lines.push(format!("  {mark} {class}  {names}  ({}{back})", count(group.hosts.len(), "host")));
        lines.push(format!("      {}", one_line(&group.message, 400, look)));
        if let Some(hint) = &group.hint {
            lines.push(format!("      try: {}", one_line(hint, 400, look)));
        }
        if let Some((host, output)) = &group.output {
            let output = clean(output);
            let printed: Vec<&str> = output.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
            let skipped = printed.len().saturating_sub(LAST_LINES);
            lines.push(format!("      {host} printed{}:", if skipped > 0 { " last" } else { "" }));
            let bar = look.paint(Tone::Faint, look.either("│", "|"));
            lines.extend(
                printed
                    .iter()
                    .skip(skipped)
                    .map(|line| format!("        {bar} {}", super::words::cut(line, 200, look))),
            );
        }
    }
    lines
}
