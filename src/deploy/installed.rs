use std::collections::HashMap;

use super::deployment::Deployment;
use super::error::Error;
use super::workspace::{Fleet, Selection, Workspace};
use crate::conductor::replay;
use crate::host::{self, Survey};
use crate::model::{HostId, Installed, RollBackTarget, Slot, Version};
use crate::plan::PlanKind;
use crate::rollout::{HostEnd, State};

/// How many rollouts are asked for what they left, the latest first.
pub(super) const ROLLOUTS: usize = 50;

/// Holds which version is on which host.
#[derive(Debug, Default)]
pub struct InstalledVersions {
    /// The version of each host that has one.
    pub versions: HashMap<HostId, Version>,
    /// The hosts that did not say.
    pub silent: Vec<HostId>,
}

impl InstalledVersions {
    /// Counts the hosts of each version.
    #[must_use]
    pub fn counts(&self) -> HashMap<Version, usize> {
        let mut counts = HashMap::new();
        for version in self.versions.values() {
            *counts.entry(version.clone()).or_default() += 1;
        }
        counts
    }
}

impl<F: host::Fleet> Deployment<'_, F> {
    /// Asks the fleet what it runs, by the usual link or by a slot's.
    ///
    /// # Errors
    ///
    /// When nobody can be asked; hosts that do not answer are given.
    pub async fn installed(&self, slot: Option<&Slot>) -> Result<InstalledVersions, Error> {
        let answers = self.survey(&Selection::default(), slot, &Survey::Shallow).await?;
        let mut installed = InstalledVersions::default();
        for (host, answer) in answers.targets() {
            match answer {
                Ok(probe) => {
                    if let Installed::Release { id, .. } = &probe.installed {
                        installed.versions.insert(host.clone(), id.version().clone());
                    }
                }
                Err(_) => installed.silent.push(host.clone()),
            }
        }
        Ok(installed)
    }
}

impl Workspace {
    /// Reads from the journals what rollouts left on the hosts of an environment, without asking these.
    ///
    /// Where no journal can be read, which whoever asks for the environment is told, nothing is known of any.
    #[must_use]
    pub fn left_by_rollouts(&self, fleet: &Fleet<'_>) -> HashMap<HostId, Version> {
        let rollouts = self.rollouts();
        let mut entries = rollouts.list().map(|listing| listing.entries).unwrap_or_default();
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
        fleet.hosts.iter().filter_map(|host| Some((host.clone(), left.remove(host)??))).collect()
    }
}

/// Gives the version on each host that a rollout switched, or put back; none where it left the host without any.
fn left_by(state: &State) -> Vec<(HostId, Option<Version>)> {
    let Some(plan) = state.plan().filter(|plan| plan.slot.is_none()) else { return Vec::new() };
    let left = state.placed().filter_map(|(index, host)| {
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
