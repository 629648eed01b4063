//! One host: what it answers, what rollouts did to it, and the site's commands that take it out of service and back.

use jiff::Timestamp;
use serde::Serialize;

use super::deployment::Deployment;
use super::error::Error;
use super::installed::ROLLOUTS;
use super::site;
use super::survey::survey;
use super::workspace::Workspace;
use crate::conductor::replay;
use crate::config::{CommandTemplate, DryWords};
use crate::hooks::Site as _;
use crate::host::{self, Survey};
use crate::journal::Entry;
use crate::model::{Bytes, Environment, Failure, FailureClass, HostId, Operator, Probe, RolloutId, StageName, Version};
use crate::plan::{LeftOutReason, PlanKind};
use crate::rollout::{HostEnd, Outcome, State};

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

/// Says which of the site's commands about hosts is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// The one that takes a host out of service.
    Depool,
    /// The one that takes it back in.
    Repool,
}

impl Pooling {
    /// Gives the key of its command, behind `hooks.`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Depool => "depool",
            Self::Repool => "repool",
        }
    }
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

    /// Gives the command by which the site takes a host out of service or back in; none where the configuration has none.
    #[must_use]
    pub fn pooling(&self, environment: &Environment, host: &HostId, which: Pooling) -> Option<Vec<String>> {
        let words = DryWords {
            host: Some(host.clone()),
            hosts: vec![host.clone()],
            environment: Some(environment.clone()),
            ..DryWords::default()
        };
        Some(self.pooling_command(which)?.argv(&words))
    }

    /// Takes a host out of service or back in by the site's command, and waits for its end.
    ///
    /// # Errors
    ///
    /// When there is no such command, or when it failed: where the host stands then is not known.
    pub async fn pool(&self, environment: &Environment, host: &HostId, which: Pooling) -> Result<(), Error> {
        if self.pooling_command(which).is_none() {
            return Err(Error::usage(format!("the configuration has no hooks.{}", which.word())));
        }
        let site = site::alone(self.config(), environment);
        let ran = match which {
            Pooling::Depool => site.depool(host).await,
            Pooling::Repool => site.repool(host).await,
        };
        ran.map_err(Error::before)
    }

    fn pooling_command(&self, which: Pooling) -> Option<&CommandTemplate> {
        let hooks = &self.config().hooks;
        match which {
            Pooling::Depool => hooks.depool.as_ref(),
            Pooling::Repool => hooks.repool.as_ref(),
        }
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
        took_s: entry.ended.map(|_| entry.latest.duration_since(entry.started).as_secs_f64()),
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
