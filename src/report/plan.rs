//! A plan, for people and as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::action::Action;
use super::carriage::carriage;
use super::diff::DifferenceReport;
use crate::model::{
    Carrier, Commit, Environment, FoundBad, HostId, Installed, ReleaseId, RollBackTarget, Slot, StageName, Version,
};
use crate::plan::{HostPlan, LeftOut, LeftOutReason, Plan, PlanKind, Prefetch, Promote};
use crate::words::{Glyph, Look, Tone, count, emergency, folded, follows, one_line, pad, span};

/// How many waves of a stage are written one by one.
const MOST_WAVES: usize = 10;

/// Gives the exit code of `plan`: 9 when there is something to do, 4 when all that is not current could not be asked.
#[must_use]
pub fn plan_exit_code(plan: &Plan) -> u8 {
    let unreachable = plan.left_out.iter().any(|out| out.reason == LeftOutReason::Unreachable);
    let unasked = plan.hosts.iter().filter(|host| host.from.is_none()).count();
    if plan.hosts.len() > unasked {
        9
    } else if unreachable || unasked > 0 {
        4
    } else {
        0
    }
}

/// Holds what `plan --output json` prints.
#[derive(Debug, Serialize)]
pub struct PlanReport<'a> {
    /// The version of the format.
    pub schema: u32,
    /// Whose fleet it is.
    pub environment: &'a Environment,
    /// What is installed.
    pub version: &'a Version,
    /// The release's id.
    pub release: &'a ReleaseId,
    /// What the rollout is for.
    pub kind: PlanKind,
    /// The link that is switched beside the usual one; null for the usual one.
    pub slot: Option<&'a Slot>,
    /// Whether it is an emergency: a commit of this machine's checkout, which no remote was asked for.
    pub emergency: bool,
    /// What was found against the release here; null where nothing was.
    pub mark: Option<&'a FoundBad>,
    /// The stages, masters first.
    pub stages: Vec<StageReport<'a>>,
    /// Hosts that could not be asked, whether they are skipped or tried again.
    pub unreachable: Vec<&'a HostId>,
    /// Hosts that `--limit` or `--exclude` left out.
    pub excluded: Vec<&'a HostId>,
    /// Every host but the excluded ones, in the plan's order, and then those that take no part.
    pub hosts: Vec<HostReport<'a>>,
    /// Why it is this version, and what else is to be known of it.
    pub notes: &'a [String],
    /// What is tried to bring the release to a host, in order; left out where it only comes directly.
    #[serde(skip_serializing_if = "<[Carrier]>::is_empty")]
    pub carriers: &'a [Carrier],
    /// What changes, for each thing that the targets run; null where that was not looked at.
    pub changes: Option<&'a [DifferenceReport]>,
}

/// Holds a stage of [`PlanReport`].
#[derive(Debug, Serialize)]
pub struct StageReport<'a> {
    /// Its name.
    pub name: &'a StageName,
    /// The hosts of each of its waves.
    pub waves: Vec<Vec<&'a HostId>>,
    /// How long it soaks, in seconds.
    pub soak_s: u64,
    /// Who lets the next one start.
    pub promote: Promote,
}

/// Holds a host of [`PlanReport`].
#[derive(Debug, Serialize)]
pub struct HostReport<'a> {
    /// Its name.
    pub host: &'a HostId,
    /// The version that it runs; null when it runs none, or when that is not known.
    pub from: Option<String>,
    /// The version that it will run; null when it will run none.
    pub to: Option<String>,
    /// What is done.
    pub action: Action,
    /// Which host passes the release on to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<&'a HostId>,
}

impl<'a> PlanReport<'a> {
    /// Makes the report of a plan.
    #[must_use]
    pub fn new(plan: &'a Plan) -> Self {
        let stages = plan.waves().map(|(stage, waves)| StageReport {
            name: &stage.name,
            waves: waves.iter().map(|wave| wave.iter().map(|host| &host.host).collect()).collect(),
            soak_s: stage.soak.as_secs(),
            promote: stage.promote,
        });
        let left_out = |reason| plan.left_out.iter().filter(move |out| out.reason == reason);
        let unasked = plan.hosts.iter().filter(|host| host.from.is_none()).map(|host| &host.host);
        let taking_part = plan.hosts.iter().map(|host| HostReport {
            host: &host.host,
            from: host.from.as_ref().and_then(version_of),
            to: target_version(&plan.target_of(host)),
            action: Action::of(plan, host),
            relay: host.relay.as_ref(),
        });
        let current = left_out(LeftOutReason::Current).map(|out| HostReport {
            host: &out.host,
            from: Some(plan.version.to_string()),
            to: Some(plan.version.to_string()),
            action: Action::None,
            relay: None,
        });
        let skipped = left_out(LeftOutReason::Unreachable).map(|out| HostReport {
            host: &out.host,
            from: None,
            to: Some(plan.version.to_string()),
            action: Action::Skip,
            relay: None,
        });
        let nowhere = left_out(LeftOutReason::NoTarget).map(|out| HostReport {
            host: &out.host,
            from: None,
            to: None,
            action: Action::None,
            relay: None,
        });
        Self {
            schema: 1,
            environment: &plan.environment,
            version: &plan.version,
            release: &plan.release,
            kind: plan.kind,
            slot: plan.slot.as_ref(),
            emergency: plan.emergency,
            mark: plan.mark.as_ref(),
            stages: stages.collect(),
            unreachable: unasked.chain(left_out(LeftOutReason::Unreachable).map(|out| &out.host)).collect(),
            excluded: left_out(LeftOutReason::Excluded).map(|out| &out.host).collect(),
            hosts: taking_part.chain(current).chain(skipped).chain(nowhere).collect(),
            notes: &plan.notes,
            carriers: &plan.policy.carriers,
            changes: None,
        }
    }

    /// Adds what changes.
    #[must_use]
    pub const fn with_changes(mut self, changes: &'a [DifferenceReport]) -> Self {
        self.changes = Some(changes);
        self
    }
}

fn target_version(target: &RollBackTarget) -> Option<String> {
    match target {
        RollBackTarget::Release { id } => Some(id.version().to_string()),
        RollBackTarget::Adopted => Some("adopted".to_owned()),
        RollBackTarget::Nothing => None,
    }
}

/// Says where a host goes back to, for people.
pub(super) fn target_word(target: &RollBackTarget) -> String {
    match target {
        RollBackTarget::Release { id } => id.version().to_string(),
        RollBackTarget::Adopted => "what was there before".to_owned(),
        RollBackTarget::Nothing => "nothing".to_owned(),
    }
}

fn version_of(installed: &Installed) -> Option<String> {
    match installed {
        Installed::Missing => None,
        Installed::Release { id, .. } => Some(id.version().to_string()),
        Installed::Unmanaged { version } => version.clone(),
    }
}

/// Writes a plan for people.
#[must_use]
pub fn plan_text(plan: &Plan, look: Look) -> Vec<String> {
    let mut lines = head(plan, look);
    if plan.hosts.is_empty() {
        lines.push(format!("  {} nothing is to be done", look.glyph(Glyph::Good)));
    } else {
        lines.push(String::new());
        lines.extend(stages(plan, look));
        let carriage = carriage(plan, look);
        if !carriage.is_empty() {
            lines.push(String::new());
            lines.extend(carriage);
        }
        lines.push(String::new());
        lines.extend(hosts(plan, look));
    }
    lines.extend(left_out(&plan.left_out, look));
    if !plan.hosts.is_empty() {
        lines.push(String::new());
        lines.extend(on_failure(plan));
    }
    lines
}

fn head(plan: &Plan, look: Look) -> Vec<String> {
    let what = match plan.kind {
        PlanKind::Install => "install",
        PlanKind::Prime => "prime, without switching,",
        PlanKind::Rollback => "go back to",
    };
    let slot = plan.slot.as_ref().map(|slot| format!(", slot {slot}")).unwrap_or_default();
    let common = plan.common_target();
    let version = match (plan.kind, &common) {
        (PlanKind::Install | PlanKind::Prime, _) => plan.version.to_string(),
        (PlanKind::Rollback, Some(target)) => target_word(target),
        (PlanKind::Rollback, None) => "its own release, each host,".to_owned(),
    };
    let emergency = emergency(plan.emergency);
    let title = format!("{emergency}Plan: {what} {version} on {}{slot}", plan.environment);
    let mut lines = vec![look.paint(Tone::Strong, &title)];
    let mut fact = |name: &str, text: &str| lines.push(format!("  {} {text}", look.paint(Tone::Dim, &pad(name, 8))));
    if matches!(common, Some(RollBackTarget::Release { .. })) {
        fact(
            "release",
            &format!("{}, of commit {}", plan.release, plan.commit.as_ref().map_or("unknown", Commit::short)),
        );
    }
    if let Some(found) = &plan.mark {
        let name = if found.everywhere { "bad" } else { "bad on" };
        let told = one_line(&found.describe(), 240, look);
        fact(name, &if found.everywhere { told } else { format!("some hosts only: {told}") });
    }
    if let Some(reason) = &plan.reason {
        fact("why", &one_line(reason, 160, look));
    }
    for note in &plan.notes {
        fact("note", &one_line(note, 400, look));
    }
    let phases = plan.policy.hooks.iter().filter(|hook| plan.has_hook(**hook)).map(|hook| hook.key());
    let beside = plan.policy.host_hooks.iter().filter(|hook| plan.has_host_hook(**hook)).map(|hook| hook.key());
    let hooks: Vec<&str> = phases.chain(beside).collect();
    if !hooks.is_empty() {
        fact("hooks", &hooks.join(", "));
    }
    let masters = plan.masters();
    let masters = if masters > 0 { format!(", and {} before them", count(masters, "master")) } else { String::new() };
    fact("hosts", &format!("{}{masters}", count(plan.targets(), "host")));
    lines
}

fn stages(plan: &Plan, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    let primed = match (plan.policy.prefetch, plan.kind) {
        (_, PlanKind::Rollback) if plan.hosts.iter().all(|host| host.holds) => {
            "Every host holds what it goes back to: nothing travels"
        }
        (_, PlanKind::Prime) | (Prefetch::All, _) => "Every host gets the release before the first one is switched",
        (Prefetch::Stage, _) => "The hosts of a stage get the release before the first of them is switched",
    };
    lines.push(format!("{primed}, {} at once.", plan.policy.prime_width));
    let names = plan.stages.iter().map(|stage| stage.name.as_str().len()).max().unwrap_or(0).max(5);
    let heading =
        format!("  {} {:>6} {:>6} {:>8} {:>8}  {}", pad("stage", names), "hosts", "waves", "at once", "soak", "then");
    lines.push(look.paint(Tone::Dim, &heading));
    for (place, stage) in plan.stages.iter().enumerate() {
        let soak = if stage.soak.is_zero() { "-".to_owned() } else { span(stage.soak) };
        let last = place + 1 == plan.stages.len();
        let then = match stage.promote {
            _ if last => "the end",
            Promote::Manual if plan.policy.promote_all => "goes on (--yes)",
            Promote::Manual => "waits for a person",
            Promote::Auto => "goes on",
        };
        lines.push(format!(
            "  {} {:>6} {:>6} {:>8} {soak:>8}  {then}",
            pad(stage.name.as_str(), names),
            stage.hosts(),
            stage.waves.len(),
            stage.concurrency
        ));
        let gates: Vec<String> = stage
            .gates
            .iter()
            .map(|gate| {
                let dry = if gate.dry { ", dry" } else { "" };
                format!("{:?} every {}{dry}", one_line(gate.name.as_str(), 40, look), span(gate.every))
            })
            .collect();
        if !gates.is_empty() {
            lines.push(format!("  {} gates: {}", pad("", names), gates.join("; ")));
        }
        let budget = &stage.budget;
        if stage.hosts() > 0 && plan.kind != PlanKind::Rollback {
            lines.push(format!(
                "  {} may fail: {} unreachable, {} transfer, {} activate, {} unhealthy",
                pad("", names),
                budget.unreachable,
                budget.transfer,
                budget.activate,
                budget.unhealthy
            ));
        }
    }
    lines
}

fn hosts(plan: &Plan, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    for (stage, waves) in plan.waves() {
        let all = waves.len();
        if all == 0 {
            lines.push(format!("{} {}: no host", look.glyph(Glyph::Skipped), stage.name));
            continue;
        }
        let title = format!("{}: {}", stage.name, count(stage.hosts(), "host"));
        lines.push(format!("{} {}", look.glyph(Glyph::Stage), look.paint(Tone::Strong, &title)));
        for (place, wave) in waves.iter().enumerate().take(MOST_WAVES) {
            if all > 1 {
                lines.push(
                    look.paint(Tone::Dim, &format!("  wave {} of {all}: {}", place + 1, count(wave.len(), "host"))),
                );
            }
            lines.extend(changes(plan, wave.iter(), look));
        }
        if all > MOST_WAVES {
            let rest = waves.iter().skip(MOST_WAVES).copied().flatten();
            lines.push(look.paint(Tone::Dim, &format!("  waves {} to {all}", MOST_WAVES + 1)));
            lines.extend(changes(plan, rest, look));
        }
    }
    lines
}

/// Writes hosts that go from and to the same, folded.
fn changes<'a>(plan: &Plan, hosts: impl Iterator<Item = &'a HostPlan>, look: Look) -> Vec<String> {
    let mut groups: BTreeMap<(Action, String, String), Vec<HostId>> = BTreeMap::new();
    for host in hosts {
        let from = match &host.from {
            None => "could not be asked".to_owned(),
            Some(Installed::Missing) => "nothing".to_owned(),
            Some(Installed::Release { id, .. }) if *id != plan.release && *id.version() == plan.version => {
                id.to_string()
            }
            Some(Installed::Release { id, drift: Some(drift), .. }) => {
                format!("{} drifted ({})", id.version(), one_line(drift, 60, look))
            }
            Some(Installed::Release { id, .. }) => id.version().to_string(),
            Some(Installed::Unmanaged { version }) => {
                format!("unmanaged {}", version.as_deref().map(|v| one_line(v, 40, look)).unwrap_or_default())
                    .trim_end()
                    .to_owned()
            }
        };
        // Where a host goes back to that did not answer, nobody can say.
        let to = match (plan.kind, &host.from, &host.to) {
            (PlanKind::Rollback, None, None) => "unknown".to_owned(),
            _ => target_word(&plan.target_of(host)),
        };
        groups.entry((Action::of(plan, host), from, to)).or_default().push(host.host.clone());
    }
    groups
        .into_iter()
        .map(|((action, from, to), hosts)| {
            let number = if hosts.len() > 1 { format!(" ({})", hosts.len()) } else { String::new() };
            let names = folded(&hosts, 400, look);
            let arrow = look.arrow();
            format!("    {} {names}{number}  {from} {arrow} {to}", pad(action.word(), 9))
        })
        .collect()
}

fn left_out(hosts: &[LeftOut], look: Look) -> Vec<String> {
    let mut groups: BTreeMap<(LeftOutReason, &str), Vec<HostId>> = BTreeMap::new();
    for out in hosts {
        groups.entry((out.reason, &out.message)).or_default().push(out.host.clone());
    }
    let mut lines = Vec::new();
    if !groups.is_empty() {
        lines.push(String::new());
        let masters = hosts.iter().filter(|out| out.is_master).count();
        let and = if masters > 0 { format!(" and {}", count(masters, "master")) } else { String::new() };
        let title = format!("Left out: {}{and}", count(hosts.len() - masters, "host"));
        lines.push(look.paint(Tone::Strong, &title));
    }
    for ((reason, message), hosts) in groups {
        let (glyph, why) = match reason {
            LeftOutReason::Current => (Glyph::Good, "has the release"),
            LeftOutReason::Excluded => (Glyph::Skipped, "not selected"),
            LeftOutReason::Unreachable => (Glyph::Unreachable, "unreachable, skipped"),
            LeftOutReason::NoTarget => (Glyph::Bad, "nowhere to go back to"),
        };
        let message = one_line(message, 160, look);
        let message =
            if message.is_empty() || reason == LeftOutReason::Current { String::new() } else { format!(": {message}") };
        let names = folded(&hosts, 400, look);
        lines.push(format!("  {} {why}  {names} ({}){message}", look.glyph(glyph), hosts.len()));
    }
    lines
}

fn on_failure(plan: &Plan) -> Vec<String> {
    if plan.kind == PlanKind::Rollback {
        return vec!["A host that fails stops nothing: every host goes back as far as it can.".to_owned()];
    }
    let mut lines = Vec::new();
    if plan.kind == PlanKind::Install {
        lines.push("A host that fails after its switch goes back to its last good release at once.".to_owned());
        let nowhere = plan.hosts.iter().filter(|host| host.good.is_none() && host.from.is_some()).count();
        if nowhere > 0 {
            lines.push(format!(
                "{} never had a release that was finalized, and cannot go back.",
                count(nowhere, "host")
            ));
        }
    }
    let follows = follows(plan.policy.on_failure).would;
    lines.push(format!("When more fail than may, no new host starts, and {follows}."));
    lines
}
