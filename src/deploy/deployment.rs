use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::carriage::relays;
use super::error::Error;
use super::notice::{Listener, Notice};
use super::settings;
use super::survey::survey;
use super::workspace::{Fleet, Selection, Workspace};
use crate::host::{self, RealFleet, Survey};
use crate::model::{Failure, HostId, Probe, Slot};
use crate::plan::{Member, PlanError, check_machines};

/// Reaches an environment: what may be done to it is its methods.
///
/// It is made for one thing that is done, and generic over how hosts are reached.
pub struct Deployment<'a, F> {
    /// What it works with.
    pub workspace: &'a Workspace,
    /// Whose hosts.
    pub fleet: Fleet<'a>,
    /// How they are reached.
    pub hosts: Arc<F>,
    listener: Listener,
}

/// Says that hosts were not asked, by no fault of theirs.
fn not_asked(answers: &[Result<Probe, Failure>], why: &Failure) -> Error {
    let not_asked = answers.iter().filter(|answer| answer.as_ref().is_err_and(|failure| failure.here)).count();
    let message =
        format!("{not_asked} of {} hosts could not be asked: {}; nothing was changed", answers.len(), why.message);
    match &why.hint {
        Some(hint) => Error::before(message).hint(hint),
        None => Error::before(message),
    }
}

impl<F: fmt::Debug> fmt::Debug for Deployment<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment").field("fleet", &self.fleet).field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// Holds what the fleet answered: masters first, then the targets, each in the inventory's order.
#[derive(Debug)]
pub struct Answers {
    pub(super) masters: Vec<Member>,
    pub(super) fleet: Vec<Member>,
}

impl Answers {
    /// Gives every answer, masters first.
    pub fn all(&self) -> impl Iterator<Item = (&HostId, &Result<Probe, Failure>)> {
        let members = self.masters.iter().chain(&self.fleet);
        members.filter_map(|member| Some((&member.host, member.answer.as_ref()?)))
    }

    /// Gives every answer of a target.
    pub fn targets(&self) -> impl Iterator<Item = (&HostId, &Result<Probe, Failure>)> {
        self.fleet.iter().filter_map(|member| Some((&member.host, member.answer.as_ref()?)))
    }

    /// Gives what every host has that answered, the masters' first.
    pub fn probes(&self) -> impl Iterator<Item = &Probe> {
        self.all().filter_map(|(_, answer)| answer.as_ref().ok())
    }

    /// Gives why hosts could not be asked, masters too.
    #[must_use]
    pub fn failures(&self) -> HashMap<HostId, Failure> {
        self.all().filter_map(|(host, answer)| Some((host.clone(), answer.as_ref().err()?.clone()))).collect()
    }
}

impl<'a> Deployment<'a, RealFleet> {
    /// Reaches hosts over ssh, and masters that are this machine without; nothing is opened yet.
    ///
    /// # Errors
    ///
    /// When the configuration makes no sense, or when there is no folder for ssh's sockets.
    pub fn over_ssh(workspace: &'a Workspace, fleet: Fleet<'a>) -> Result<Self, Error> {
        let hosts = settings::reach(workspace)?;
        Ok(Self::new(workspace, fleet, hosts))
    }
}

impl<'a, F: host::Fleet> Deployment<'a, F> {
    /// Reaches these hosts.
    #[must_use]
    pub fn new(workspace: &'a Workspace, fleet: Fleet<'a>, hosts: Arc<F>) -> Self {
        Self { workspace, fleet, hosts, listener: Arc::clone(&workspace.invocation.listener) }
    }

    /// Lets somebody else hear how far it is; how far a build is, is still told to the workspace's listener.
    #[must_use]
    pub fn heard_by(self, listener: Listener) -> Self {
        Self { listener, ..self }
    }

    pub(super) fn notify(&self, notice: Notice) {
        (self.listener)(notice);
    }

    /// Warns of two names that are one machine: what a rollout does to both would be done twice.
    pub fn warn_of_same_machines(&self, answers: &Answers) {
        let probes = answers.all().filter_map(|(host, answer)| Some((host, answer.as_ref().ok()?)));
        if let Err(same) = check_machines(probes) {
            self.notify(Notice::warning(same));
        }
    }

    /// Asks the hosts that take part what they have.
    ///
    /// # Errors
    ///
    /// When the selection matches nothing, when a master is a target, or when this machine could not ask: a host that does not answer is
    /// an answer, and one that nobody asked has given none.
    pub async fn survey(&self, selection: &Selection, slot: Option<&Slot>, depth: &Survey) -> Result<Answers, Error> {
        check_masters(&self.fleet)?;
        let chosen = self.workspace.select(self.fleet.everybody(), selection).await?;
        self.refuse_no_target(&chosen, selection)?;
        self.survey_chosen(&chosen, selection.limit.is_some(), slot, depth).await
    }

    /// Asks these hosts what they have, masters alone too; where nobody named hosts, every master takes part.
    pub(super) async fn survey_chosen(
        &self,
        chosen: &[HostId],
        is_limited: bool,
        slot: Option<&Slot>,
        depth: &Survey,
    ) -> Result<Answers, Error> {
        let selected: HashSet<&HostId> = chosen.iter().collect();
        let width = self.workspace.config().ssh.sessions.get();
        self.notify(Notice::Surveying { hosts: chosen.len() });
        let mut heard = 0;
        let tell = |notice| self.notify(notice);
        let answers = survey(&self.hosts, chosen, depth, slot, width, tell, |host, answer| {
            heard += 1;
            match answer {
                Ok(_) => tracing::info!("{host} answered, {heard} of {}", chosen.len()),
                Err(failure) => tracing::info!("{host}: {failure}, {heard} of {}", chosen.len()),
            }
        })
        .await;
        if let Some(failure) = answers.iter().filter_map(|answer| answer.as_ref().err()).find(|failure| failure.here) {
            return Err(not_asked(&answers, failure));
        }
        let mut answers: HashMap<HostId, Result<Probe, Failure>> = chosen.iter().cloned().zip(answers).collect();
        let mut member = |host: &HostId| Member {
            host: host.clone(),
            site: self.fleet.policy.site.site_of(host),
            selected: selected.contains(host),
            answer: answers.remove(host),
            step: None,
        };
        let masters: Vec<Member> = self.fleet.masters.iter().map(&mut member).collect();
        let targets = self.fleet.hosts.iter().map(&mut member).collect();
        // Who names three hosts means these: a master takes part when it is named too.
        let masters = if is_limited { masters.into_iter().filter(|master| master.selected).collect() } else { masters };
        Ok(Answers { masters, fleet: targets })
    }

    /// Asks the targets alone what they have, and gives each answer as it comes.
    ///
    /// # Errors
    ///
    /// When a master is a target.
    pub async fn survey_targets(
        &self,
        depth: &Survey,
        on_answer: impl FnMut(&HostId, &Result<Probe, Failure>),
    ) -> Result<(), Error> {
        check_masters(&self.fleet)?;
        let width = self.workspace.config().ssh.sessions.get();
        let tell = |notice| self.notify(notice);
        survey(&self.hosts, &self.fleet.hosts, depth, None, width, tell, on_answer).await;
        Ok(())
    }

    /// Tells of a slot that is none, a selection that matches nothing and a fleet that cannot be before a build of minutes; gives the
    /// hosts that are selected.
    pub(super) async fn check(&self, selection: &Selection, slot: Option<&Slot>) -> Result<Vec<HostId>, Error> {
        check_masters(&self.fleet)?;
        self.check_slot(slot)?;
        let chosen = self.workspace.select(self.fleet.everybody(), selection).await?;
        self.refuse_no_target(&chosen, selection)?;
        for note in self.workspace.selection_notes(&self.fleet.everybody(), selection) {
            self.notify(Notice::warning(note));
        }
        Ok(chosen)
    }

    /// Refuses a selection of masters alone that somebody made: nothing that became of them would be a success of any host.
    fn refuse_no_target(&self, chosen: &[HostId], selection: &Selection) -> Result<(), Error> {
        let targets: HashSet<&HostId> = self.fleet.hosts.iter().collect();
        if selection.masters_alone || chosen.iter().any(|host| targets.contains(host)) {
            return Ok(());
        }
        Err(PlanError::NoTarget { environment: self.fleet.name.clone() }.into())
    }

    /// Refuses a slot whose link is something else of the host's layout.
    pub(super) fn check_slot(&self, slot: Option<&Slot>) -> Result<(), Error> {
        let Some(slot) = slot.map(Slot::as_str) else {
            return Ok(());
        };
        let taken = match slot {
            "releases" => "the folder of the releases",
            _ if slot == self.workspace.config().target.current.as_str() => "the usual link (target.current)",
            "current" => "what the usual link is called on a state branch",
            _ => return Ok(()),
        };
        Err(Error::usage(format!("no slot can be named {slot:?}: that is {taken}")).hint("choose another name"))
    }
}

/// Refuses a master that is a target before anything is asked of anybody.
pub(super) fn check_masters(fleet: &Fleet<'_>) -> Result<(), Error> {
    let masters: HashSet<&HostId> = fleet.masters.iter().collect();
    match fleet.hosts.iter().find(|host| masters.contains(host)) {
        None => Ok(()),
        Some(host) => Err(PlanError::MasterAndTarget { host: host.clone() }.into()),
    }
}

/// Resolves every expression of an environment, as a plan would.
///
/// # Errors
///
/// When one is wrong, or a master is a target.
pub async fn check_environment(workspace: &Workspace, name: &str) -> Result<(), Error> {
    let fleet = workspace.fleet_of(name).await?;
    check_masters(&fleet)?;
    relays(workspace, &fleet).await?;
    settings::stages(workspace, &fleet).await.map(drop)
}
