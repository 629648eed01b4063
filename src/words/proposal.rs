//! Command lines that people are proposed to type once a rollout is over, each meaning the same hosts, link and release as that did.

use super::text::quote;
use crate::expr::fold;
use crate::model::{HostId, RollBackTarget, Slot, Version};
use crate::plan::{LeftOutReason, Plan, PlanKind, StageKind};

/// Names a version as `install-world` takes it: a tag by itself, any other commit behind `--rev`.
#[must_use]
pub fn named(version: &Version) -> String {
    let name = quote(version.as_str());
    if version.is_of_commit() { format!("--rev {name}") } else { name.into_owned() }
}

/// Writes the command that does once more what a plan does: on these hosts, or where none are named on all that it was for.
#[must_use]
pub fn again(plan: &Plan, hosts: &[HostId]) -> String {
    let what = match (plan.kind, plan.common_target()) {
        (PlanKind::Install, _) => format!("install-world {}", named(&plan.version)),
        (PlanKind::Prime, _) => format!("install-world {} --prime", named(&plan.version)),
        (PlanKind::Rollback, Some(RollBackTarget::Release { id })) => {
            format!("rollback --to {}", quote(id.version().as_str()))
        }
        (PlanKind::Rollback, Some(RollBackTarget::Adopted)) => "rollback --to adopted".to_owned(),
        (PlanKind::Rollback, Some(RollBackTarget::Nothing)) => "rollback".to_owned(),
        (PlanKind::Rollback, None) => "rollback --each".to_owned(),
    };
    // Nothing of an emergency is where a remote could be asked for it.
    let as_it_is = if plan.emergency { " --no-fetch" } else { "" };
    format!("coalmine -e {} {what}{as_it_is}{}", plan.environment, whereabouts(plan, hosts))
}

/// Writes the command that leads back what a plan switched: on these hosts, or where none are named on all that it was for.
#[must_use]
pub fn back(plan: &Plan, hosts: &[HostId]) -> String {
    format!("coalmine -e {} rollback{}", plan.environment, whereabouts(plan, hosts))
}

/// Says of a command line which link is meant and which hosts; a plan for all of them names none.
#[must_use]
pub fn whereabouts(plan: &Plan, hosts: &[HostId]) -> String {
    let is_limited = plan.left_out.iter().any(|out| out.reason == LeftOutReason::Excluded);
    let limit = match hosts {
        [] if is_limited => fold(&targets(plan)),
        hosts => fold(hosts),
    };
    // Expressions have brackets, which a shell takes for its own.
    let limit = if limit.is_empty() { limit } else { format!(" -l '{limit}'") };
    format!("{}{limit}", beside(plan.slot.as_ref()))
}

/// Says of a command line which link beside the usual one is meant.
#[must_use]
pub fn beside(slot: Option<&Slot>) -> String {
    slot.map(|slot| format!(" --slot {slot}")).unwrap_or_default()
}

fn targets(plan: &Plan) -> Vec<HostId> {
    let targets = plan.waves().filter(|(stage, _)| stage.kind == StageKind::Targets);
    targets.flat_map(|(_, waves)| waves.into_iter().flatten()).map(|host| host.host.clone()).collect()
}
