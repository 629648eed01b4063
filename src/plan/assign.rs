//! Which stage a host belongs to.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::error::PlanError;
use super::request::{Amount, BudgetRule, Member, Request, StageRequest, StageSelection};
use super::types::{PlanKind, Promote};
use crate::model::{HostId, Probe, Site, StageName};

/// Finds two names of one machine: what is done to both at once would be done twice.
///
/// # Errors
///
/// When there are two.
pub fn check_machines<'a>(answers: impl Iterator<Item = (&'a HostId, &'a Probe)>) -> Result<(), PlanError> {
    let mut known: HashMap<&str, &HostId> = HashMap::new();
    for (host, probe) in answers {
        let machine = probe.facts.iter().find(|(fact, _)| fact == "machine").map(|(_, machine)| machine.as_str());
        let Some(machine) = machine else { continue };
        if let Some(first) = known.insert(machine, host) {
            return Err(PlanError::SameMachine { first: first.clone(), second: host.clone() });
        }
    }
    Ok(())
}

/// Refuses a request of which no plan can be made.
pub(super) fn check(request: &Request) -> Result<(), PlanError> {
    if !request.masters_alone && !request.fleet.iter().any(|member| member.selected) {
        return Err(PlanError::NoTarget { environment: request.plan.environment.clone() });
    }
    let members = request.masters.iter().chain(&request.fleet);
    check_machines(members.filter_map(|member| Some((&member.host, member.answer.as_ref()?.as_ref().ok()?))))?;
    let mut masters = HashSet::new();
    let mut targets = HashSet::new();
    for master in &request.masters {
        if !masters.insert(&master.host) {
            return Err(PlanError::Twice { host: master.host.clone() });
        }
    }
    for target in &request.fleet {
        if masters.contains(&target.host) {
            return Err(PlanError::MasterAndTarget { host: target.host.clone() });
        }
        if !targets.insert(&target.host) {
            return Err(PlanError::Twice { host: target.host.clone() });
        }
    }
    Ok(())
}

/// The stage of the deploy servers.
pub(super) fn masters_stage(count: usize) -> Result<StageRequest, PlanError> {
    Ok(StageRequest {
        name: StageName::new("masters")?,
        selection: StageSelection::Rest,
        waves: Vec::new(),
        concurrency: count,
        soak: Duration::ZERO,
        promote: Promote::Auto,
        budget: BudgetRule::default(),
        gates: Vec::new(),
    })
}

/// A rollback is one stage: whoever goes back has been through the canaries before.
fn rollback_stage(request: &Request) -> Result<StageRequest, PlanError> {
    let all = Amount::Percent(100);
    let widest = request.stages.iter().map(|stage| stage.concurrency).max();
    Ok(StageRequest {
        name: StageName::new("rollback")?,
        concurrency: widest.unwrap_or(request.plan.policy.control_width),
        budget: BudgetRule { unreachable: all, transfer: all, activate: all, unhealthy: all },
        ..whole_fleet(request)?
    })
}

fn whole_fleet(request: &Request) -> Result<StageRequest, PlanError> {
    Ok(StageRequest {
        name: StageName::new("fleet")?,
        concurrency: request.plan.policy.control_width,
        ..masters_stage(request.fleet.len())?
    })
}

pub(super) type Assigned<'a> = Vec<(StageRequest, Vec<&'a Member>)>;

/// Gives every host of the fleet to the first stage that selects it.
pub(super) fn assign(request: &Request) -> Result<Assigned<'_>, PlanError> {
    let stages = match request.plan.kind {
        PlanKind::Rollback => vec![rollback_stage(request)?],
        PlanKind::Install | PlanKind::Prime if request.stages.is_empty() => vec![whole_fleet(request)?],
        PlanKind::Install | PlanKind::Prime => request.stages.clone(),
    };
    let mut rest: Vec<&Member> = request.fleet.iter().collect();
    let mut assigned = Vec::new();
    for stage in stages {
        let chosen: HashSet<&HostId> = match &stage.selection {
            StageSelection::Hosts(hosts) => hosts.iter().collect(),
            StageSelection::First(amount) => {
                let count = amount.of(request.fleet.len()).max(1);
                rest.iter().take(count).map(|member| &member.host).collect()
            }
            StageSelection::PerSite(count) => per_site(&rest, *count),
            StageSelection::Rest => rest.iter().map(|member| &member.host).collect(),
        };
        let (members, others) = rest.into_iter().partition(|member| chosen.contains(&member.host));
        rest = others;
        assigned.push((stage, members));
    }
    match rest.first() {
        None => Ok(assigned),
        Some(first) => Err(PlanError::Unassigned { count: rest.len(), first: first.host.clone() }),
    }
}

fn per_site<'a>(members: &[&'a Member], count: usize) -> HashSet<&'a HostId> {
    let mut taken: HashMap<Option<&Site>, usize> = HashMap::new();
    let mut chosen = HashSet::new();
    for member in members {
        let taken = taken.entry(member.site.as_ref()).or_default();
        if *taken < count {
            *taken += 1;
            chosen.insert(&member.host);
        }
    }
    chosen
}
