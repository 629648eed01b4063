//! What remains to be said when a rollout is over.

use std::collections::BTreeMap;
use std::time::Duration;

use super::failures::failures_text;
use super::narrate::Style;
use super::plan::target_word;
use super::timing::Timings;
use crate::model::{Bytes, HostId, Installed, Phase, RolloutId, StageIdx};
use crate::plan::{Plan, PlanKind};
use crate::rollout::{Exit, HostEnd, HostStatus, Outcome, PauseReason, State};
use crate::words::{
    Glyph, Look, Tone, again, back, beside, between, brought, count, debts, emergency, failure_groups, known, measured,
    pad, reason, took, was,
};

/// How many of the slowest hosts are named, and in how large a fleet at least.
const SLOWEST: usize = 3;

/// Writes the end of a rollout for people: failures, what changed, how long it took, what travelled, what is left to do.
///
/// Of a rollout that is not over it says how it stands; `overtaken` is the later one by which nothing goes on with it.
#[must_use]
pub fn summary_text(state: &State, overtaken: Option<&RolloutId>, timings: &Timings, style: &Style) -> Vec<String> {
    let Some(plan) = state.plan() else {
        return Vec::new();
    };
    let look = style.look;
    let mut lines = vec![String::new()];
    let failures = failures_text(&failure_groups(state), look);
    if !failures.is_empty() {
        lines.extend(failures);
        lines.push(String::new());
    }
    lines.push(match overtaken.filter(|_| state.outcome().is_none()) {
        Some(by) => {
            let text = format!("Not over, and overtaken by {by}: nothing goes on with it.");
            format!("{} {}", look.glyph(Glyph::Skipped), look.paint(Tone::Strong, &text))
        }
        None => outcome_line(state, plan, look),
    });
    let mut fact = |name: &str, text: String| lines.push(format!("  {} {text}", look.paint(Tone::Dim, &pad(name, 9))));
    for change in changes(state, plan, look) {
        fact("changed", change);
    }
    fact("took", durations(state));
    let spent = timings.lead().spent.text();
    // Where it took less than a minute, nobody asks where that went.
    if state.took().unwrap_or_default() >= Duration::from_secs(60) && !spent.is_empty() {
        fact("spent", spent);
    }
    if let Some(lead) = timings.lead().text() {
        fact("lead time", lead);
    }
    let slowest = timings.slowest(SLOWEST);
    if state.hosts().len() > SLOWEST && !slowest.is_empty() {
        let slowest: Vec<String> = slowest
            .iter()
            .filter_map(|&(index, work)| Some(format!("{} {}", state.host(index)?.id, took(work))))
            .collect();
        fact("slowest", slowest.join(", "));
    }
    fact("travelled", travelled(state));
    for text in debts(&state.summary().debt, look) {
        fact("debt", text);
    }
    if let Some(code) = state.exit_code() {
        fact(
            "exit",
            format!("{code}: {}", Exit::of_code(code).map_or("not one of coalmine's exit codes", Exit::meaning)),
        );
    }
    for next in next_steps(state, overtaken, plan) {
        fact("next", next);
    }
    lines
}

fn outcome_line(state: &State, plan: &Plan, look: Look) -> String {
    let summary = state.summary();
    let of = |end: HostEnd| summary.counts.get(&end).copied().unwrap_or(0);
    let version = format!("{}{}", emergency(plan.emergency), goal(plan));
    let (current, healthy) = (of(HostEnd::Current), of(HostEnd::Healthy));
    let debt = summary.debt.len();
    let (glyph, text) = match (state.outcome(), plan.kind) {
        (None, _) if state.suspended().is_some() => (Glyph::Wait, "Stopped, and can be resumed.".to_owned()),
        (None, _) => match state.paused() {
            Some(why) => (Glyph::Wait, format!("Paused: {}.", reason(why, look))),
            None => (Glyph::Note, "Not over yet.".to_owned()),
        },
        (Some(Outcome::Completed), PlanKind::Prime) if debt == 0 => {
            (Glyph::Good, format!("{version} is on {} and switched on none.", count(of(HostEnd::Primed), "host")))
        }
        (Some(Outcome::Completed), _) if debt == 0 && current > 0 => {
            let text =
                format!("{version} runs on {}; {current} of them had it before.", count(healthy + current, "host"));
            (Glyph::Good, text)
        }
        (Some(Outcome::Completed), _) if debt == 0 => {
            (Glyph::Good, format!("{version} runs on {}.", count(healthy, "host")))
        }
        (Some(Outcome::Completed), _) => {
            let done = healthy + current + of(HostEnd::Primed);
            (Glyph::Attention, format!("{version} is on {}, and not on {}.", count(done, "host"), count(debt, "host")))
        }
        (Some(Outcome::Stopped), _) => {
            let untried = of(HostEnd::Untried);
            let text = format!(
                "Stopped, and left as it stands: {} on {version}, {} as before.",
                count(healthy, "host"),
                count(untried + of(HostEnd::RolledBack), "host")
            );
            (Glyph::Bad, text)
        }
        (Some(Outcome::RolledBack), _) => (Glyph::Back, went_back(state, plan, of(HostEnd::RolledBack))),
        (Some(Outcome::Locked), _) => {
            (Glyph::Bad, "Not started: another rollout holds the lock; nothing was changed.".to_owned())
        }
    };
    format!("{} {}", look.glyph(glyph), look.paint(Tone::Strong, &text))
}

/// Says what became of a way back: who could not is told from whom nobody could ask.
fn went_back(state: &State, plan: &Plan, back: usize) -> String {
    let all = |of: fn(&HostStatus) -> bool| state.hosts().iter().filter(|host| of(host)).count();
    let unwell = all(|host| host.unwell);
    let unheard = all(|host| host.unheard);
    let stranded = all(|host| host.stranded && !host.unwell && !host.unheard);
    let mut rest = String::new();
    if stranded > 0 {
        rest.push_str(&format!(", {} could not", count(stranded, "host")));
    }
    if unheard > 0 {
        rest.push_str(&format!(", {} could not be asked", count(unheard, "host")));
    }
    if unwell > 0 {
        let all = count(back + unwell, "host");
        return format!("Rolled back: {all} went back, the gates of {unwell} fail there too{rest}.");
    }
    let back = count(back, "host");
    // What had lost files of this very release has it as before.
    let had_it = |host: &HostStatus| matches!(&host.from, Some(Installed::Release { id, .. }) if *id == plan.release);
    match rest.as_str() {
        "" if state.hosts().iter().any(had_it) => format!("Rolled back: {back} went back."),
        "" => format!("Rolled back: {back} went back, none was left on {}{}.", emergency(plan.emergency), goal(plan)),
        rest => format!("Rolled back in part: {back} went back{rest}."),
    }
}

/// Says what hosts are to run when all goes well.
fn goal(plan: &Plan) -> String {
    match (plan.kind, plan.common_target()) {
        (PlanKind::Rollback, Some(target)) => target_word(&target),
        (PlanKind::Rollback, None) => "each host's own release".to_owned(),
        (PlanKind::Install | PlanKind::Prime, _) => plan.version.to_string(),
    }
}

/// Says what went from which version to which, the largest group first.
fn changes(state: &State, plan: &Plan, look: Look) -> Vec<String> {
    let mut groups: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (index, host) in state.placed() {
        if host.phase == Phase::Healthy && !state.is_master(index) {
            let release = brought(host.to.as_ref(), plan);
            let was = was(host.from.as_ref(), release).unwrap_or_else(|| "was unknown".to_owned());
            let to = host.to.as_ref().map_or_else(|| plan.version.to_string(), target_word);
            *groups.entry((was.strip_prefix("was ").unwrap_or(&was).to_owned(), to)).or_default() += 1;
        }
    }
    let mut groups: Vec<((String, String), usize)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let more = groups.len().saturating_sub(5);
    groups.truncate(5);
    let mut lines: Vec<String> = groups
        .iter()
        .map(|((was, to), hosts)| format!("{was} {} {to} on {}", look.arrow(), count(*hosts, "host")))
        .collect();
    if more > 0 {
        lines.push(format!("and from {more} others"));
    }
    let masters =
        state.placed().filter(|(index, host)| state.is_master(*index) && host.phase == Phase::Healthy).count();
    if masters > 0 {
        lines.push(format!("{} {} on {}", look.arrow(), goal(plan), count(masters, "master")));
    }
    lines
}

fn durations(state: &State) -> String {
    let mut text = known(state.took(), took);
    if state.took().is_none() {
        text.push_str(": the clock was put back meanwhile");
    }
    let mut stages = Vec::new();
    for place in 0..state.stages().len() {
        let Some((plan, status)) = state.stage(StageIdx(place)) else {
            continue;
        };
        let ended = status.promoted.or_else(|| state.latest());
        if let (Some(started), Some(ended)) = (status.started, ended) {
            let soaked: Duration = status.soak.map(|soak| between(soak.since, ended)).unwrap_or_default();
            let soaked = if soaked.is_zero() { String::new() } else { format!(", {} of it soak", took(soaked)) };
            stages.push(format!("{} {}{soaked}", plan.name, known(measured(started, ended), took)));
        }
    }
    if !stages.is_empty() {
        text.push_str(&format!(" ({})", stages.join("; ")));
    }
    text
}

fn travelled(state: &State) -> String {
    let hosts = state.hosts().iter().filter(|host| host.bytes > Bytes(0)).count();
    match hosts {
        0 => "nothing".to_owned(),
        _ => format!("{} to {}", state.bytes(), count(hosts, "host")),
    }
}

/// Says what to type next: whole command lines.
fn next_steps(state: &State, overtaken: Option<&RolloutId>, plan: &Plan) -> Vec<String> {
    let id = &plan.rollout;
    let mut steps = Vec::new();
    let passed_by = |host: &HostId| plan.left_out.iter().any(|out| out.is_master && out.host == *host);
    let target = |host: &HostId| match state.index_of(host) {
        Some(index) => !state.is_master(index),
        None => !passed_by(host),
    };
    match state.outcome() {
        None if overtaken.is_some() => {
            steps.extend(overtaken.map(|by| format!("coalmine show {by}    tells of the one that overtook it")));
        }
        None if state.suspended().is_some() => steps.push(format!("coalmine resume {id}")),
        None if state.paused().is_some() => {
            steps.push(format!("coalmine continue {id}    goes on"));
            steps.push(format!("coalmine rollback {id}    puts switched hosts back"));
            steps.push(format!("coalmine abort {id}       ends it and leaves every host as it stands"));
        }
        None => {
            steps.push(format!("coalmine attach {id}    follows it while it runs"));
            steps.push(format!("coalmine resume {id}    goes on with it when its conductor is gone"));
        }
        Some(Outcome::Completed) => {
            let debt = state.summary().debt;
            let owing: Vec<HostId> = debt.iter().map(|debt| debt.host.clone()).filter(target).collect();
            let line = match (owing.as_slice(), debt.is_empty(), plan.kind) {
                ([_, ..], ..) => Some(again(plan, &owing)),
                // Nobody can choose deploy servers alone.
                ([], false, PlanKind::Install) => {
                    let (environment, slot) = (&plan.environment, beside(plan.slot.as_ref()));
                    Some(format!("coalmine -e {environment} install-world --debt{slot}"))
                }
                _ => None,
            };
            steps.extend(line.map(|line| format!("{line}    when they can be reached and are mended")));
        }
        Some(Outcome::Stopped) => {
            if state.switched().next().is_some() && plan.kind != PlanKind::Rollback {
                steps.push(format!("{}    puts every host on its last good release", back(plan, &[])));
            }
            steps.push(format!("{}    goes on when it is mended", again(plan, &[])));
        }
        Some(Outcome::RolledBack) => {
            let stranded: Vec<HostId> =
                state.hosts().iter().filter(|host| host.stranded).map(|host| host.id.clone()).collect();
            if !stranded.is_empty() {
                let unheard = state.hosts().iter().any(|host| host.unheard);
                steps.push(format!(
                    "{}    {}",
                    back(plan, &stranded),
                    if unheard {
                        "asks those again that could not be asked"
                    } else {
                        "tries those again that could not go back"
                    }
                ));
            }
            if plan.kind == PlanKind::Install && !state.is_blamed() {
                let line = again(plan, &[]);
                steps.push(format!(
                    "{line}    tries again when that is mended: nothing was found against {}",
                    plan.version
                ));
            }
        }
        Some(Outcome::Locked) => {
            let holder = match state.stopping() {
                Some(PauseReason::Locked { holder, .. }) if holder.waits => Some(holder),
                _ => None,
            };
            steps.push(match holder {
                Some(holder) => {
                    format!(
                        "coalmine resume {}    goes on with the one that holds it, whose conductor is gone",
                        holder.rollout
                    )
                }
                None => "coalmine rollouts    shows who is at it, where that was started".to_owned(),
            });
            steps.push(format!("{} --wait-lock 30m    waits for it", again(plan, &[])));
        }
    }
    if state.outcome().is_some() && state.exit_code() != Some(0) {
        steps.push(format!("coalmine show {id}    tells all of it again"));
    }
    steps
}
