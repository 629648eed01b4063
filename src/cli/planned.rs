use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::args::Selection;
use super::context::{Context, Fleet, operator};
use super::error::Failed;
use super::output::tell;
use super::survey::survey;
use super::{mapping, output};
use crate::conductor::{ConductorError, replay};
use crate::host::{RealFleet, Survey};
use crate::journal::Rollouts;
use crate::model::{Failure, HostId, Probe, RolloutId, Slot};
use crate::plan::{self, Member, OnFailure, Plan, PlanKind, Policy};
use crate::release::StoredRelease;

/// How many hosts are primed at once where nobody says otherwise.
const PRIME_WIDTH: usize = 64;

/// Says what a plan is to be, beside the hosts and the release.
#[derive(Debug, Clone, Default)]
pub(super) struct Wishes {
    pub(super) slot: Option<Slot>,
    pub(super) soak: Option<Duration>,
    pub(super) on_failure: Option<OnFailure>,
    /// Whether somebody looks on, who can say what follows a failure.
    pub(super) is_watched: bool,
    pub(super) skip_unreachable: bool,
    pub(super) promote_all: bool,
    pub(super) concurrency: Option<u32>,
    pub(super) reason: Option<String>,
}

/// Holds what the fleet answered: masters first, then the targets, each in the inventory's order.
#[derive(Debug)]
pub(super) struct Answers {
    masters: Vec<Member>,
    fleet: Vec<Member>,
}

impl Answers {
    /// Gives every answer, masters first.
    pub(super) fn all(&self) -> impl Iterator<Item = (&HostId, &Result<Probe, Failure>)> {
        let members = self.masters.iter().chain(&self.fleet);
        members.filter_map(|member| Some((&member.host, member.answer.as_ref()?)))
    }

    /// Gives every answer of a target.
    pub(super) fn targets(&self) -> impl Iterator<Item = (&HostId, &Result<Probe, Failure>)> {
        self.fleet.iter().filter_map(|member| Some((&member.host, member.answer.as_ref()?)))
    }

    /// Gives what every host has that answered, the masters' first.
    pub(super) fn probes(&self) -> impl Iterator<Item = &Probe> {
        self.all().filter_map(|(_, answer)| answer.as_ref().ok())
    }

    /// Gives why hosts could not be asked, masters too.
    pub(super) fn failures(&self) -> HashMap<HostId, Failure> {
        self.all().filter_map(|(host, answer)| Some((host.clone(), answer.as_ref().err()?.clone()))).collect()
    }
}

/// Asks the hosts that take part what they have.
pub(super) async fn ask(
    context: &Context,
    fleet: &Fleet<'_>,
    hosts: &Arc<RealFleet>,
    selection: &Selection,
    slot: Option<&Slot>,
    depth: &Survey,
) -> Result<Answers, Failed> {
    let everybody: Vec<HostId> = fleet.masters.iter().chain(&fleet.hosts).cloned().collect();
    check_masters(fleet)?;
    let is_limited = selection.limit.is_some();
    let chosen = context.select(&everybody, selection)?;
    let selected: HashSet<&HostId> = chosen.iter().collect();
    let width = context.config().ssh.sessions.get();
    let mut heard = 0;
    let answers = survey(hosts, &chosen, depth, slot, width, |host, answer| {
        heard += 1;
        match answer {
            Ok(_) => tracing::info!("{host} answered, {heard} of {}", chosen.len()),
            Err(failure) => tracing::info!("{host}: {failure}, {heard} of {}", chosen.len()),
        }
    })
    .await;
    let mut answers: HashMap<HostId, Result<Probe, Failure>> = chosen.iter().cloned().zip(answers).collect();
    let mut member = |host: &HostId| Member {
        host: host.clone(),
        site: fleet.policy.site.site_of(host),
        selected: selected.contains(host),
        answer: answers.remove(host),
    };
    let masters: Vec<Member> = fleet.masters.iter().map(&mut member).collect();
    let targets = fleet.hosts.iter().map(&mut member).collect();
    // Who names three hosts means these: a master takes part when it is named too.
    let masters = if is_limited { masters.into_iter().filter(|master| master.selected).collect() } else { masters };
    Ok(Answers { masters, fleet: targets })
}

/// Refuses a slot whose link is something else of the host's layout.
fn check_slot(context: &Context, slot: Option<&Slot>) -> Result<(), Failed> {
    let Some(slot) = slot.map(Slot::as_str) else {
        return Ok(());
    };
    let taken = match slot {
        "releases" => "the folder of the releases",
        _ if slot == context.config().target.current.as_str() => "the usual link (target.current)",
        _ => return Ok(()),
    };
    Err(Failed::usage(format!("no slot can be named {slot:?}: that is {taken}")).hint("choose another name"))
}

/// Tells of a slot that is none, a selection that matches nothing and a fleet that cannot be before a build of minutes.
pub(super) fn check_wishes(
    context: &Context,
    fleet: &Fleet<'_>,
    selection: &Selection,
    slot: Option<&Slot>,
) -> Result<(), Failed> {
    check_masters(fleet)?;
    check_slot(context, slot)?;
    let everybody: Vec<HostId> = fleet.masters.iter().chain(&fleet.hosts).cloned().collect();
    context.select(&everybody, selection).map(drop)
}

/// Refuses a master that is a target before anything is asked of anybody.
pub(super) fn check_masters(fleet: &Fleet<'_>) -> Result<(), Failed> {
    let masters: HashSet<&HostId> = fleet.masters.iter().collect();
    match fleet.hosts.iter().find(|host| masters.contains(host)) {
        None => Ok(()),
        Some(host) => Err(Failed::usage(plan::PlanError::MasterAndTarget { host: host.clone() })),
    }
}

/// Makes the plan of a rollout.
pub(super) fn draft(
    context: &Context,
    fleet: &Fleet<'_>,
    answers: Answers,
    kind: PlanKind,
    release: &StoredRelease,
    wishes: Wishes,
) -> Result<Plan, Failed> {
    let config = context.config();
    let usual = if wishes.is_watched { OnFailure::Pause } else { OnFailure::Rollback };
    let on_failure = wishes.on_failure.or(fleet.policy.on_failure).unwrap_or(usual);
    let concurrency = wishes.concurrency.and_then(|width| usize::try_from(width).ok());
    let policy = Policy {
        on_failure,
        prefetch: fleet.policy.prefetch,
        promote_all: wishes.promote_all,
        skip_unreachable: wishes.skip_unreachable,
        prime_width: concurrency.unwrap_or(PRIME_WIDTH),
        control_width: config.ssh.sessions.get(),
        depool: config.hooks.depool.is_some(),
        confirm: config.target.confirm,
    };
    let request = plan::Request {
        rollout: new_id()?,
        environment: fleet.name.clone(),
        kind,
        version: release.version.clone(),
        release: release.id.clone(),
        digest: release.digest,
        commit: release.commit.as_str().to_owned(),
        operator: operator(),
        reason: wishes.reason,
        slot: wishes.slot,
        policy,
        concurrency,
        soak: wishes.soak,
        masters: answers.masters,
        fleet: answers.fleet,
        stages: mapping::stages(context, fleet)?,
        out_of_service: out_of_service(context, fleet),
    };
    plan::make(request).map_err(Failed::usage)
}

/// Names the hosts that earlier rollouts took out of service: each rollout carries on what the one before it left.
fn out_of_service(context: &Context, fleet: &Fleet<'_>) -> Vec<HostId> {
    if context.config().hooks.depool.is_none() {
        return Vec::new();
    }
    let rollouts = Rollouts::new(&context.state_dir);
    let found = rollouts.list().map_err(ConductorError::from).and_then(|listing| {
        let of_this = listing.entries.into_iter().filter(|entry| entry.environment == *fleet.name);
        let last = of_this.max_by_key(|entry| entry.latest);
        last.map(|entry| replay(&rollouts, &entry.rollout)).transpose()
    });
    match found {
        Ok(last) => last.map(|state| state.out_of_service()).unwrap_or_default(),
        Err(error) => {
            tell(&format!("warning: whether hosts are out of service is not known: {error}"));
            Vec::new()
        }
    }
}

/// Names a rollout: its start in UTC, and four characters for two that start in the same second.
fn new_id() -> Result<RolloutId, Failed> {
    let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    let tail: String = (0..4).map(|_| fastrand::alphanumeric().to_ascii_lowercase()).collect();
    RolloutId::new(&format!("{now}-{tail}")).map_err(Failed::before)
}

/// Refuses a rollout that would stop at its first step, with what is wrong with the hosts that would stop it.
pub(super) fn check_reachable(plan: &Plan, failures: &HashMap<HostId, Failure>) -> Result<(), Failed> {
    let over = plan.unreachable_over_budget();
    if over.is_empty() || plan.kind == PlanKind::Rollback {
        return Ok(());
    }
    let mut text = "more hosts are unreachable than the budget allows; nothing was changed".to_owned();
    for (stage, hosts) in over {
        text.push_str(&format!(
            "\n  {} of stage {stage}: {}",
            output::count(hosts.len(), "host"),
            crate::expr::fold(&hosts)
        ));
        let mut causes: BTreeMap<(&str, Option<&str>), Vec<HostId>> = BTreeMap::new();
        for host in hosts {
            if let Some(failure) = failures.get(&host) {
                causes.entry((&failure.message, failure.hint.as_deref())).or_default().push(host);
            }
        }
        for ((message, hint), hosts) in causes {
            text.push_str(&format!("\n    {}: {message}", crate::expr::fold(&hosts)));
            if let Some(hint) = hint {
                text.push_str(&format!("\n      try: {hint}"));
            }
        }
    }
    Err(Failed::before(text).hint("--skip-unreachable leaves them out, -x HOSTS goes ahead without them"))
}
