//! One host: what it answers, and what rollouts did to it.

use jiff::Timestamp;
use serde::Serialize;

use super::deployment::Deployment;
use super::error::Error;
use super::installed::ROLLOUTS;
use super::survey::survey;
use super::workspace::Workspace;
use crate::conductor::replay;
use crate::host::{self, Survey};
use crate::journal::Entry;
use crate::model::{Bytes, Environment, Failure, FailureClass, HostId, Operator, Probe, RolloutId, StageName, Version};
use crate::plan::{LeftOutReason, PlanKind};
use crate::rollout::{HostEnd, Outcome, State};
use crate::words::measured;

/// Tells what one rollout did to a host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostPast {
    /// Which.
    pub rollout: RolloutId,
    /// What it was for.
    pub kind: PlanKind,
    /// What it installed.
    pub version: Version,
    /// Who wanted it.
    pub operator: Operator,
    /// When it was planned.
    pub started: Timestamp,
    /// How long it took, once it was over.
    pub took_s: Option<f64>,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
    /// The host's stage; none where it took no part.
    pub stage: Option<StageName>,
    /// How the host ended, or would if the rollout ended now.
    pub end: HostEnd,
    /// What travelled to it.
    pub bytes: Bytes,
    /// How often it was tried again.
    pub retries: u32,
    /// Why it took no part, or was left out.
    pub left_out: Option<String>,
    /// What went wrong on it, with all that it printed.
    pub failure: Option<Failure>,
}

impl<F: host::Fleet> Deployment<'_, F> {
    /// Asks one host, target or master.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, or its answer not be read.
    pub async fn ask(&self, host: &HostId, depth: &Survey) -> Result<Probe, Failure> {
        let asked = std::slice::from_ref(host);
        let mut answers = survey(&self.hosts, asked, depth, None, 1, |notice| self.notify(notice), |_, _| {}).await;
        answers.pop().unwrap_or_else(|| Err(Failure::new(FailureClass::Unreachable, "nobody asked it")))
    }
}

impl Workspace {
    /// Reads what the latest rollouts of an environment did to a host, the latest first; those that have nothing of it are left out.
    ///
    /// Reads whole journals, so it may take seconds.
    ///
    /// # Errors
    ///
    /// When the state folder cannot be read. A journal that cannot be read is told, and passed over.
    pub fn past_of(&self, environment: &Environment, host: &HostId) -> Result<Vec<HostPast>, Error> {
        let rollouts = self.rollouts();
        let entries = rollouts.list()?.entries.into_iter().rev().filter(|entry| entry.environment == *environment);
        let read = entries.take(ROLLOUTS).filter_map(|entry| match replay(&rollouts, &entry.rollout) {
            Ok(state) => past(&state, entry, host),
            Err(error) => {
                tracing::warn!("{} says nothing of {host}: {error}", entry.rollout);
                None
            }
        });
        Ok(read.collect())
    }
}

fn past(state: &State, entry: Entry, host: &HostId) -> Option<HostPast> {
    let plan = state.plan()?;
    let of = |end, left_out: Option<String>| HostPast {
        rollout: entry.rollout,
        kind: entry.kind,
        version: entry.version,
        operator: entry.operator,
        started: entry.started,
        took_s: entry.ended.and_then(|_| Some(measured(entry.started, entry.latest)?.as_secs_f64())),
        outcome: entry.ended.map(|(outcome, _)| outcome),
        stage: None,
        end,
        bytes: Bytes(0),
        retries: 0,
        left_out,
        failure: None,
    };
    let Some(index) = state.index_of(host) else {
        let out = plan.left_out.iter().find(|out| out.host == *host)?;
        let (end, why) = match out.reason {
            LeftOutReason::Excluded => return None,
            LeftOutReason::Current => (HostEnd::Current, "had it already"),
            LeftOutReason::Unreachable => (HostEnd::Unreachable, "could not be reached"),
            LeftOutReason::NoTarget => (HostEnd::Skipped, "had nowhere to go back to"),
        };
        let why = if out.message.is_empty() { why.to_owned() } else { out.message.clone() };
        return Some(of(end, Some(why)));
    };
    let status = state.host(index)?;
    Some(HostPast {
        stage: state.stage(status.stage).map(|(stage, _)| stage.name.clone()),
        bytes: status.bytes,
        retries: status.retries,
        failure: status.failure.clone(),
        ..of(state.host_end(index), status.skipped.clone())
    })
}
