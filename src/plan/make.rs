use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::assign::{assign, check, masters_stage};
use super::carriage;
use super::error::PlanError;
use super::request::{Amount, Member, Request, StageRequest};
use super::types::{HostPlan, LeftOut, LeftOutReason, Plan, PlanKind, StageKind, StagePlan};
use super::way_back::{Step, way_back};
use crate::model::{HostId, ReleaseId, RollBackTarget};

/// Makes a plan: every host of the fleet is in exactly one stage of it, or left out with the reason.
///
/// # Errors
///
/// When a host is a master and a target, is listed twice, or is in no stage.
pub fn make(request: Request) -> Result<Plan, PlanError> {
    check(&request)?;
    let out_of_service = request.plan.out_of_service.iter().collect();
    let mut maker =
        Maker { request: &request, out_of_service, hosts: Vec::new(), left_out: Vec::new(), stages: Vec::new() };
    if !request.masters.is_empty() {
        let masters: Vec<&Member> = request.masters.iter().collect();
        maker.add(&masters_stage(masters.len())?, StageKind::Masters, &masters);
    }
    let assigned = assign(&request)?;
    for (stage, members) in &assigned {
        maker.add(stage, StageKind::Targets, members);
    }
    let Maker { mut hosts, left_out, stages, .. } = maker;
    carriage::assign(&mut hosts, &request);
    let moved = finalized_otherwise(&request);
    Ok(Plan { stages, hosts, left_out, notes: request.plan.notes.into_iter().chain(moved).collect(), ..request.plan })
}

/// Tells that hosts finalized the version with other files: whoever asks next would be told so as well, whatever was fetched since.
///
/// A rollback names the release that it goes to, so that nothing is to be told there.
fn finalized_otherwise(request: &Request) -> Option<String> {
    let probes = request.masters.iter().chain(&request.fleet).filter_map(|member| {
        let probe = member.answer.as_ref()?.as_ref().ok()?;
        Some((&member.host, probe))
    });
    let mut others: BTreeMap<&ReleaseId, usize> = BTreeMap::new();
    for (_, probe) in probes {
        let known: HashSet<&ReleaseId> = probe.good.iter().chain(&probe.previous).collect();
        for id in known.into_iter().filter(|id| *id.version() == request.plan.version && **id != request.plan.release) {
            *others.entry(id).or_default() += 1;
        }
    }
    others.retain(|id, _| !request.plan.notes.iter().any(|note| note.contains(&id.to_string())));
    if others.is_empty() || request.plan.kind == PlanKind::Rollback {
        return None;
    }
    let others: Vec<String> = others
        .into_iter()
        .map(|(id, hosts)| format!("{id} (on {hosts} {})", if hosts == 1 { "host" } else { "hosts" }))
        .collect();
    Some(format!(
        "{} was finalized with other files before, as {}, and is {} now: its tag was moved, or it is built otherwise",
        request.plan.version,
        others.join(" and "),
        request.plan.release
    ))
}

struct Maker<'a> {
    request: &'a Request,
    out_of_service: HashSet<&'a HostId>,
    hosts: Vec<HostPlan>,
    left_out: Vec<LeftOut>,
    stages: Vec<StagePlan>,
}

impl Maker<'_> {
    fn add(&mut self, stage: &StageRequest, kind: StageKind, members: &[&Member]) {
        let first = self.hosts.len();
        for member in members {
            match self.left_out(member) {
                Some((reason, message)) => {
                    let is_master = kind == StageKind::Masters;
                    self.left_out.push(LeftOut { host: member.host.clone(), reason, message, is_master });
                }
                None => self.hosts.push(self.host_plan(member)),
            }
        }
        let count = self.hosts.len() - first;
        let width = self.request.concurrency.map_or(stage.concurrency, |limit| limit.min(stage.concurrency));
        let soak = match kind {
            StageKind::Masters => Duration::ZERO,
            StageKind::Targets if self.request.plan.kind == PlanKind::Rollback => Duration::ZERO,
            StageKind::Targets => self.request.soak.unwrap_or(stage.soak),
        };
        self.stages.push(StagePlan {
            name: stage.name.clone(),
            kind,
            waves: waves(&stage.waves, count),
            concurrency: width.max(1),
            soak,
            promote: stage.promote,
            budget: stage.budget.of(count),
            gates: stage.gates.clone(),
        });
    }

    fn left_out(&self, member: &Member) -> Option<(LeftOutReason, String)> {
        let Plan { release, digest, policy, .. } = &self.request.plan;
        if !member.selected {
            return Some((LeftOutReason::Excluded, String::new()));
        }
        match &member.step {
            Some(Step::Nowhere(why)) => return Some((LeftOutReason::NoTarget, why.clone())),
            Some(Step::Stay) if !self.is_to_be_put_back(&member.host) => {
                return Some((LeftOutReason::Current, String::new()));
            }
            Some(Step::Go(_) | Step::Stay) => return None,
            None => {}
        }
        match &member.answer {
            Some(Ok(probe)) if probe.is_current(release, digest) && !self.is_to_be_put_back(&member.host) => {
                Some((LeftOutReason::Current, String::new()))
            }
            Some(Err(failure)) if policy.skip_unreachable => {
                Some((LeftOutReason::Unreachable, failure.message.clone()))
            }
            _ => None,
        }
    }

    fn host_plan(&self, member: &Member) -> HostPlan {
        let probe = member.answer.as_ref().and_then(|answer| answer.as_ref().ok());
        let running = probe.and_then(|probe| probe.installed.release());
        let to = match &member.step {
            Some(Step::Go(target)) => Some(target.clone()),
            // It takes part to be put back into service.
            Some(Step::Stay) => running.map(|id| RollBackTarget::Release { id: id.clone() }),
            Some(Step::Nowhere(_)) | None => None,
        };
        let holds = match (&to, probe) {
            (Some(RollBackTarget::Release { id }), Some(probe)) => probe.releases.contains(id) || running == Some(id),
            (Some(RollBackTarget::Adopted | RollBackTarget::Nothing), _) => true,
            (None, _) | (_, None) => false,
        };
        HostPlan {
            host: member.host.clone(),
            site: member.site.clone(),
            from: probe.map(|probe| probe.installed.clone()),
            good: probe.and_then(|probe| way_back(probe, |release| self.request.plan.bad.contains(release))),
            to,
            holds,
            lost: member.answer.as_ref().and_then(|answer| answer.as_ref().err()).cloned(),
            relay: None,
        }
    }

    /// Tells whether a host takes part if only to be checked, and put back into service when it is healthy.
    fn is_to_be_put_back(&self, host: &HostId) -> bool {
        let Plan { kind, slot, .. } = &self.request.plan;
        *kind != PlanKind::Prime && slot.is_none() && self.out_of_service.contains(host)
    }
}

/// Cuts a stage into waves: each amount in turn, at least one host, and the last amount repeats.
pub(super) fn waves(amounts: &[Amount], hosts: usize) -> Vec<usize> {
    let mut waves = Vec::new();
    let mut left = hosts;
    let mut amounts = amounts.iter();
    let mut size = hosts;
    while left > 0 {
        if let Some(amount) = amounts.next() {
            size = amount.of(hosts).max(1);
        }
        let wave = size.min(left);
        waves.push(wave);
        left -= wave;
    }
    waves
}
