//! An environment that one deployer has taken to deploy alone: `start`, `sync`, `finish`, `revert`, as git-deploy has them.
//!
//! `start` is a freeze that lets its owner deploy, and remembers what hosts ran. `finish` frees the environment. Between the two any
//! rollout of the owner's may run, and nobody else's.

use std::collections::BTreeMap;

use super::deployment::Deployment;
use super::error::{Error, Kind};
use super::workspace::{Selection, Workspace};
use crate::conductor::{EnvironmentLock, Freeze, Freezing, LockError, Ran, Started, freeze, frozen, unfreeze};
use crate::expr::fold;
use crate::host::{self, Survey};
use crate::model::{HostId, ReleaseId};

impl Workspace {
    /// Gives the start of whoever asks.
    ///
    /// # Errors
    ///
    /// When nobody started the environment, or another did.
    pub fn own_start(&self) -> Result<(Freeze, Started), Error> {
        let (environment, _) = self.policy()?;
        match frozen(&self.state_dir, environment)? {
            None => Err(Error::new(Kind::Locked, format!("{environment} was not started; nothing was done"))
                .hint("`coalmine start --reason TEXT` takes it for you alone")),
            Some(found) => match found.started.clone() {
                Some(started) if found.lets(&self.operator) => Ok((found, started)),
                _ => Err(LockError::Frozen { environment: environment.clone(), freeze: Box::new(found) }.into()),
            },
        }
    }

    /// Tags the checkout's commit, so that it can be installed by that name.
    ///
    /// # Errors
    ///
    /// When git cannot, or when what it is called is no release's name (`product.tags`); there is no tag then.
    pub async fn tag_head(&self, name: &str, reason: Option<&str>) -> Result<(), Error> {
        let product = &self.config().product;
        let repository = crate::release::Repository::open(product.repository.as_path()).await?;
        repository.tag_head(name, reason.unwrap_or(name), product.verify_tags).await?;
        if self.tags().await?.iter().any(|tag| tag.name == name) {
            return Ok(());
        }
        repository.remove_tag(name).await?;
        let tags = product.tags.as_str();
        Err(Error::usage(format!("no release can be tagged {name:?}: product.tags is {tags:?}; nothing was done")))
    }
}

impl<F: host::Fleet> Deployment<'_, F> {
    /// Takes the environment for whoever asks, and remembers what its hosts run now.
    ///
    /// # Errors
    ///
    /// When somebody has it already, whoever that is, or when a rollout runs.
    pub async fn start(&self, reason: Option<String>) -> Result<Started, Error> {
        let (state, environment) = (&self.workspace.state_dir, self.fleet.name);
        let taken = |by: Freeze| {
            let hint = if by.lets(&self.workspace.operator) {
                "you started it: `coalmine sync` installs, `coalmine finish` ends it, `coalmine revert` leads back first"
            } else {
                "`coalmine lock --force` takes the freeze over"
            };
            Error::from(LockError::Frozen { environment: environment.clone(), freeze: Box::new(by) }).hint(hint)
        };
        if let Some(before) = frozen(state, environment)? {
            return Err(taken(before));
        }
        EnvironmentLock::look(state, environment, None)?;
        let started = self.run_now().await?;
        let owner = self.workspace.operator.clone();
        let mine = Freeze { owner, reason, since: jiff::Timestamp::now(), started: Some(started.clone()) };
        match freeze(state, environment, &mine, false)? {
            Freezing::Held(before) => Err(taken(before)),
            Freezing::Frozen | Freezing::TakenOver(_) => Ok(started),
        }
    }

    /// Frees the environment that whoever asks has started, unless its hosts run different things.
    ///
    /// # Errors
    ///
    /// When it was not started by whoever asks, when a rollout runs, or when hosts are mixed and nobody said that this is meant.
    pub async fn finish(&self, force: bool) -> Result<Started, Error> {
        let (state, environment) = (&self.workspace.state_dir, self.fleet.name);
        self.workspace.own_start()?;
        EnvironmentLock::look(state, environment, Some(&self.workspace.operator))?;
        let now = self.run_now().await?;
        if now.ran.len() + usize::from(!now.bare.is_empty()) > 1 && !force {
            return Err(Error::before(format!("hosts of {environment} are mixed: {}; it stays yours", describe_started(&now)))
                .hint("`coalmine sync` brings all to one version, `coalmine revert` leads back, `coalmine finish --force` leaves it so"));
        }
        unfreeze(state, environment)?;
        Ok(now)
    }

    /// Asks the targets what they run.
    async fn run_now(&self) -> Result<Started, Error> {
        let answers = self.survey(&Selection::default(), None, &Survey::Shallow).await?;
        let mut ran: BTreeMap<String, Ran> = BTreeMap::new();
        let mut started = Started::default();
        for (host, answer) in answers.targets() {
            match answer.as_ref().map(|probe| probe.installed.release()) {
                Ok(Some(release)) => {
                    let empty = || Ran { release: release.clone(), hosts: Vec::new() };
                    ran.entry(release.to_string()).or_insert_with(empty).hosts.push(host.clone());
                }
                Ok(None) => started.bare.push(host.clone()),
                Err(_) => started.silent.push(host.clone()),
            }
        }
        started.ran = ran.into_values().collect();
        Ok(started)
    }
}

/// Names the one release that was there before.
///
/// # Errors
///
/// When there was none, or more than one: then nobody but the deployer knows which is meant.
pub fn before_start(started: &Started) -> Result<ReleaseId, Error> {
    match started.ran.as_slice() {
        [one] => Ok(one.release.clone()),
        [] => Err(Error::usage("no host ran a release when it was started; nothing was done")
            .hint("`coalmine rollback --to adopted` leads to what was there before coalmine")),
        _ => Err(Error::usage(format!(
            "hosts were mixed when it was started: {}; nothing was done",
            describe_started(started)
        ))
        .hint("`coalmine rollback --to VERSION` or `--each` says which is meant")),
    }
}

/// Says what hosts run, in one line.
#[must_use]
pub fn describe_started(started: &Started) -> String {
    let part = |what: &str, hosts: &[HostId]| format!("{what} on {}", fold(hosts));
    let mut parts: Vec<String> = started.ran.iter().map(|ran| part(&ran.release.to_string(), &ran.hosts)).collect();
    if !started.bare.is_empty() {
        parts.push(part("no release", &started.bare));
    }
    if !started.silent.is_empty() {
        parts.push(format!("no answer from {}", fold(&started.silent)));
    }
    parts.join(", ")
}
