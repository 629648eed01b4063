//! Hosts that are out of service: who took each out, and how a person takes one out or back.
//!
//! While a rollout has the host, a person asks its conductor, and the rollout's journal has it. Otherwise the site's command runs here, and
//! it is written down beside the journals. What is known is both together, by when it happened: each rollout's plan carries on what
//! was known when it was made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;

use super::damage::{in_a_line, put_back};
use super::error::Error;
use super::notice::Notice;
use super::site;
use super::workspace::Workspace;
use crate::conductor::{
    self, ClientError, ServiceNote, ServiceStep, by_hand, by_hand_changed, note_service, replay, running,
};
use crate::config::{CommandTemplate, DryWords};
use crate::expr::fold;
use crate::hooks::{Site as _, service_announcement};
use crate::journal::{Entry, JournalError, Listing};
use crate::model::{Command, Environment, HostId, Operator, Pooling, RolloutId, ServiceWish, TakenOut};
use crate::plan::{Plan, PlanKind};
use crate::rollout::State;

/// How many seconds of a rollout that runs count as the same time.
const AGAIN_S: i64 = 5;

/// Tells who took a host out of service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutOfService {
    /// Which host.
    pub host: HostId,
    /// The person who did; none when a rollout did.
    pub by: Option<Operator>,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// The rollout that did, where it is known which.
    pub rollout: Option<RolloutId>,
    /// Since when, as far as known.
    pub since: Option<Timestamp>,
}

impl OutOfService {
    /// Says who took it out, since when and why, behind what says that it is out.
    #[must_use]
    pub fn describe(&self) -> String {
        let who = match (&self.by, &self.rollout) {
            (Some(by), _) => format!("by {by}"),
            (None, Some(rollout)) => format!("by rollout {rollout}"),
            (None, None) => "by an earlier rollout".to_owned(),
        };
        let since = self.since.map(|since| format!(" since {}", since.strftime("%Y-%m-%d %H:%M UTC")));
        let why = self.reason.as_ref().map(|reason| format!(": {reason}"));
        format!("{who}{}{}", since.unwrap_or_default(), why.unwrap_or_default())
    }
}

impl From<TakenOut> for OutOfService {
    fn from(taken: TakenOut) -> Self {
        let TakenOut { host, by, reason, since } = taken;
        Self { host, by: Some(by), reason, rollout: None, since: Some(since) }
    }
}

/// Tells one state of what is known of the service of hosts from another: while it stays the same, so does what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceMark {
    last: Option<(RolloutId, bool, i64)>,
    by_hand: Option<(u64, SystemTime)>,
}

/// Holds what is known of the service of hosts, as a plan has it.
pub(super) struct ServiceNow {
    /// When it was looked up.
    pub(super) at: Timestamp,
    /// The hosts that rollouts took out.
    pub(super) by_rollouts: Vec<HostId>,
    /// Those that persons did.
    pub(super) by_persons: Vec<TakenOut>,
}

/// Says that nobody knows which hosts are out of service.
pub(super) fn unknown(error: &Error) -> String {
    format!("whether hosts are out of service is not known: {}", in_a_line(error))
}

/// Says what became of a person's wish about the service of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pooled {
    /// The site's command ran here, and did what it is for.
    Done,
    /// A rollout that has the host does it, and tells how that ends.
    Accepted(RolloutId),
}

impl Workspace {
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

    /// Takes a host out of service or back in by the site's command: through the rollout that has it, or here.
    ///
    /// Here it waits for the end of the command; who did it and why is written down before it runs, and announced after it.
    ///
    /// # Errors
    ///
    /// When there is no such command, when the rollout refuses, when the disk does, or when the command failed: where the host stands then
    /// is not known.
    pub async fn pool(
        &self,
        environment: &Environment,
        host: &HostId,
        which: Pooling,
        reason: Option<String>,
    ) -> Result<Pooled, Error> {
        if self.pooling_command(which).is_none() {
            return Err(Error::usage(format!("the configuration has no hooks.{}", which.word())));
        }
        if let Some(rollout) = self.rollout_with(environment, host)? {
            let command = match which {
                Pooling::Depool => Command::Depool { host: host.clone(), reason: reason.unwrap_or_default() },
                Pooling::Repool => Command::Repool { host: host.clone(), reason },
            };
            return self.ask_rollout(rollout, command).await;
        }
        let wish = ServiceWish { what: which, by: self.operator.clone(), reason };
        let note = |step| {
            let note = ServiceNote::new(host.clone(), wish.clone(), step);
            note_service(&self.state_dir, environment, &note)
        };
        let site = site::alone(self.config(), environment);
        note(ServiceStep::Asked)?;
        let ran = match which {
            Pooling::Depool => site.depool(host).await,
            Pooling::Repool => site.repool(host).await,
        };
        if let Err(error) = ran {
            note(ServiceStep::Failed { error: error.to_string() })?;
            return Err(Error::before(error));
        }
        note(ServiceStep::Done)?;
        let told = service_announcement(&self.config().product.name.to_string(), environment, host, &wish);
        if let Err(error) = site.announce(&told).await {
            self.notify(Notice::warning(format!("it was not announced: {error}")));
        }
        Ok(Pooled::Done)
    }

    /// Names the rollout that runs and may be asked about the service of a host.
    fn rollout_with(&self, environment: &Environment, host: &HostId) -> Result<Option<RolloutId>, Error> {
        let rollouts = self.rollouts();
        for entry in running(&rollouts, Some(environment))? {
            let state = replay(&rollouts, &entry.rollout)?;
            let may_be_asked = state.plan().is_some_and(|plan| plan.slot.is_none() && plan.policy.depool);
            if may_be_asked && state.outcome().is_none() && state.index_of(host).is_some() {
                return Ok(Some(entry.rollout));
            }
        }
        Ok(None)
    }

    async fn ask_rollout(&self, rollout: RolloutId, command: Command) -> Result<Pooled, Error> {
        let word = command.word();
        match conductor::command(&self.rollouts(), &rollout, command, self.operator.clone()).await {
            Ok(()) => Ok(Pooled::Accepted(rollout)),
            Err(ClientError::Rejected(why)) => Err(Error::before(format!("rollout {rollout} refuses `{word}`: {why}"))),
            Err(error) => Err(error.into()),
        }
    }

    /// Names the hosts that are out of service by all that is known here, with who took each out.
    ///
    /// # Errors
    ///
    /// When the state folder or the journal of the last rollout cannot be read.
    pub fn out_of_service(&self, environment: &Environment) -> Result<Vec<OutOfService>, Error> {
        self.out_of_service_by(self.rollouts().list()?, environment)
    }

    /// As [`Workspace::out_of_service`], by rollouts that were listed.
    ///
    /// # Errors
    ///
    /// When the journal of the last rollout cannot be read, or what was done by hand.
    pub fn out_of_service_by(&self, listing: Listing, environment: &Environment) -> Result<Vec<OutOfService>, Error> {
        let Listing { entries, unreadable } = listing;
        let last = last_of(&entries, environment);
        refuse_unread_since(last, unreadable)?;
        let last = last.map(|entry| replay(&self.rollouts(), &entry.rollout)).transpose()?;
        let mut out: BTreeMap<HostId, OutOfService> = last.iter().flat_map(by_rollouts).collect();
        let by_hand = by_hand(&self.state_dir, environment).map_err(|error| {
            let path = self.state_dir.join("service").join(format!("{environment}.jsonl"));
            Error::from(error).hint(put_back(&path))
        })?;
        for (host, by_hand) in by_hand {
            if last.as_ref().and_then(|state| told_by(state, &host)).is_some_and(|at| at > by_hand.at) {
                continue;
            }
            match by_hand.taken_out {
                Some(taken) => drop(out.insert(host, taken.into())),
                None => drop(out.remove(&host)),
            }
        }
        Ok(out.into_values().collect())
    }

    /// Tells what [`Workspace::out_of_service_by`] would be read from: for whoever looks again and again. Of a rollout that runs, it
    /// changes every few seconds.
    #[must_use]
    pub fn service_mark(&self, listed: &[Entry], environment: &Environment) -> ServiceMark {
        let last = last_of(listed, environment).map(|entry| {
            let second = entry.latest.as_second();
            (entry.rollout.clone(), entry.live, if entry.live { second / AGAIN_S } else { second })
        });
        ServiceMark { last, by_hand: by_hand_changed(&self.state_dir, environment) }
    }

    /// Gives what is known now of the service of hosts, as a plan has it.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(super) fn service_now(&self, environment: &Environment) -> Result<ServiceNow, Error> {
        let mut now = ServiceNow { at: Timestamp::now(), by_rollouts: Vec::new(), by_persons: Vec::new() };
        if self.config().hooks.depool.is_none() {
            return Ok(now);
        }
        for OutOfService { host, by, reason, since, .. } in self.out_of_service(environment)? {
            match by.zip(since) {
                Some((by, since)) => now.by_persons.push(TakenOut { host, by, reason, since }),
                None => now.by_rollouts.push(host),
            }
        }
        Ok(now)
    }

    /// Brings what a plan says of the service of hosts up to date, and tells what persons changed of it since the plan was made: whoever
    /// looked at that has not seen it.
    pub(super) fn take_in_service(&self, plan: &mut Plan) {
        let ServiceNow { at, by_rollouts, by_persons } = match self.service_now(&plan.environment) {
            Ok(now) => now,
            Err(error) => return self.notify(Notice::warning(unknown(&error))),
        };
        let before = std::mem::replace(&mut plan.taken_out, by_persons);
        (plan.out_of_service, plan.service_at) = (by_rollouts, Some(at));
        let takes_part = |host: &HostId| plan.hosts.iter().any(|planned| planned.host == *host);
        let only_in = |these: &[TakenOut], others: &[TakenOut]| {
            let others: BTreeSet<&HostId> = others.iter().map(|taken| &taken.host).collect();
            let hosts = these.iter().map(|taken| &taken.host).filter(|host| !others.contains(host) && takes_part(host));
            hosts.cloned().collect::<Vec<HostId>>()
        };
        let (out, back) = (only_in(&plan.taken_out, &before), only_in(&before, &plan.taken_out));
        if plan.kind == PlanKind::Prime || plan.slot.is_some() {
            return;
        }
        let told = [
            (out, "taken out of service by hand since this was planned, switched all the same and not put back"),
            (back, "put back into service by hand since this was planned"),
        ];
        for (hosts, what) in told.into_iter().filter(|(hosts, _)| !hosts.is_empty()) {
            let note = format!("{what}: {}", fold(&hosts));
            self.notify(Notice::warning(&note));
            plan.notes.push(note);
        }
    }

    fn pooling_command(&self, which: Pooling) -> Option<&CommandTemplate> {
        let hooks = &self.config().hooks;
        match which {
            Pooling::Depool => hooks.depool.as_ref(),
            Pooling::Repool => hooks.repool.as_ref(),
        }
    }
}

/// Finds the rollout of an environment that was planned last: what is known of service goes from each to the next.
fn last_of<'a>(entries: &'a [Entry], environment: &Environment) -> Option<&'a Entry> {
    entries.iter().rfind(|entry| entry.environment == *environment)
}

/// Refuses to take a rollout for the last one where the journal of a later one cannot be read.
fn refuse_unread_since(last: Option<&Entry>, unreadable: Vec<(RolloutId, JournalError)>) -> Result<(), Error> {
    // Names begin with the time: what cannot be read has no number.
    let is_later = |rollout: &RolloutId| last.is_none_or(|last| *rollout > last.rollout);
    match unreadable.into_iter().find(|(rollout, error)| error.is_damage() && is_later(rollout)) {
        Some((_, error)) => Err(error.into()),
        None => Ok(()),
    }
}

/// Gives the hosts that are out of service by the word of a rollout.
fn by_rollouts(state: &State) -> BTreeMap<HostId, OutOfService> {
    let rollout = state.plan().map(|plan| &plan.rollout);
    let depooled = state.out_of_service().into_iter().map(|host| {
        let since = state.index_of(&host).and_then(|index| state.host(index)?.pooled_at);
        let rollout = rollout.filter(|_| since.is_some()).cloned();
        (host.clone(), OutOfService { host, by: None, reason: None, rollout, since })
    });
    let taken = state.taken_out().map(|taken| (taken.host.clone(), taken.clone().into()));
    depooled.chain(taken).collect()
}

/// Says up to when a rollout knows what became of the service of a host.
fn told_by(state: &State, host: &HostId) -> Option<Timestamp> {
    let here = state.index_of(host).and_then(|index| state.host(index)?.pooled_at);
    here.or_else(|| state.plan()?.service_at)
}
