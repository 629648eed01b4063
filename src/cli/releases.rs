use std::collections::{BTreeMap, HashMap};

use super::args::{ReleasesArgs, Selection, TableFormat};
use super::context::{Context, Fleet};
use super::error::Failed;
use super::output::{count, print, style, tell};
use super::planned::ask;
use super::release::{Known, known, refresh, store};
use super::{Cli, interrupt, mapping};
use crate::conductor::replay;
use crate::host::Survey;
use crate::journal::Rollouts;
use crate::model::{HostId, Installed, RollBackTarget, Version};
use crate::plan::PlanKind;
use crate::release::Mark;
use crate::report::{ReleaseMark, ReleaseRow, ReleasesReport, Seen};
use crate::rollout::{HostEnd, State};

/// How many rollouts are asked for what they left, the latest first.
const ROLLOUTS: usize = 50;

pub(super) fn run(cli: &Cli, context: &Context, args: &ReleasesArgs) -> Result<u8, Failed> {
    let report = interrupt::run(list(context, args))?;
    match args.output {
        TableFormat::Text => print(&report.text(&style(cli.color, cli.verbose > 0)).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Failed::before)?)?,
    }
    Ok(0)
}

async fn list(context: &Context, args: &ReleasesArgs) -> Result<ReleasesReport, Failed> {
    let fleet = context.fleet()?;
    if !args.no_fetch {
        refresh(context).await?;
    }
    let known = known(context, &store(context)?).await?;
    let (seen, installed) = if args.survey {
        (Seen::Surveyed, surveyed(context, &fleet).await?)
    } else {
        (Seen::Journals, left_by_rollouts(context, &fleet)?)
    };
    let mut counts: HashMap<Version, usize> = HashMap::new();
    for version in installed.into_values() {
        *counts.entry(version).or_default() += 1;
    }
    let rows = known.into_iter().map(|Known { tag, built, mark }| {
        let hosts = counts.remove(&tag.version);
        ReleaseRow {
            commit: tag.commit.as_str().to_owned(),
            date: Some(tag.at),
            built: built.is_some(),
            digest: built.map(|built| built.digest8().to_owned()),
            mark: mark.map(|mark| match mark {
                Mark::Good => ReleaseMark::Good,
                Mark::Bad { .. } => ReleaseMark::Bad,
            }),
            installed: hosts.map(|hosts| (fleet.name.clone(), hosts)).into_iter().collect(),
            version: tag.version,
        }
    });
    let report = ReleasesReport::new(rows.collect(), seen);
    // What is not a release of this repository is told all the same: no host is left out.
    let others: BTreeMap<String, usize> =
        counts.into_iter().map(|(version, hosts)| (version.to_string(), hosts)).collect();
    for (version, hosts) in others {
        tell(&format!("{version}, which is no tag here, is on {}", count(hosts, "host")));
    }
    Ok(report)
}

/// Asks the fleet what it runs.
async fn surveyed(context: &Context, fleet: &Fleet<'_>) -> Result<HashMap<HostId, Version>, Failed> {
    let hosts = mapping::real_fleet(context.config(), &store(context)?, false)?;
    let answers = ask(context, fleet, &hosts, &Selection::default(), None, &Survey::Shallow).await?;
    let mut installed = HashMap::new();
    let mut silent = Vec::new();
    for (host, answer) in answers.targets() {
        match answer {
            Ok(probe) => {
                if let Installed::Release { id, .. } = &probe.installed {
                    installed.insert(host.clone(), id.version().clone());
                }
            }
            Err(_) => silent.push(host.clone()),
        }
    }
    if !silent.is_empty() {
        tell(&format!("{} did not answer: {}", count(silent.len(), "host"), crate::expr::fold(&silent)));
    }
    Ok(installed)
}

/// Reads from the journals what rollouts left on the hosts of an environment, without asking these.
fn left_by_rollouts(context: &Context, fleet: &Fleet<'_>) -> Result<HashMap<HostId, Version>, Failed> {
    let rollouts = Rollouts::new(&context.state_dir);
    let mut entries = rollouts.list().map_err(Failed::before)?.entries;
    entries.retain(|entry| entry.environment == *fleet.name && entry.kind != PlanKind::Prime);
    let mut left: HashMap<HostId, Option<Version>> = HashMap::new();
    for entry in entries.iter().rev().take(ROLLOUTS) {
        // One that cannot be read is told by `rollouts`.
        let Ok(state) = replay(&rollouts, &entry.rollout) else { continue };
        for (host, version) in left_by(&state) {
            left.entry(host).or_insert(version);
        }
        if fleet.hosts.iter().all(|host| left.contains_key(host)) {
            break;
        }
    }
    Ok(fleet.hosts.iter().filter_map(|host| Some((host.clone(), left.remove(host)??))).collect())
}

/// Gives the version on each host that a rollout switched, or put back; none where it left the host without any.
fn left_by(state: &State) -> Vec<(HostId, Option<Version>)> {
    let Some(plan) = state.plan().filter(|plan| plan.slot.is_none()) else { return Vec::new() };
    let hosts = state.hosts().iter().enumerate();
    let left = hosts.filter_map(|(index, host)| {
        let version = match state.host_end(index) {
            HostEnd::Healthy => Some(plan.version.clone()),
            HostEnd::RolledBack => match host.good.as_ref()? {
                RollBackTarget::Release { id } => Some(id.version().clone()),
                RollBackTarget::Nothing | RollBackTarget::Adopted => None,
            },
            _ => return None,
        };
        Some((host.id.clone(), version))
    });
    left.collect()
}
