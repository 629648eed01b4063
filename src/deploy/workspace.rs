use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::damage::in_a_line;
use super::error::{Error, Kind};
use super::notice::{Listener, Notice};
use super::operator::operator;
use crate::conductor::trust_state;
use crate::config::{Config, EnvironmentPolicy, GroupOrigin, Loaded, Place, Sources};
use crate::expr::{Expression, GroupName};
use crate::inventory::{GroupSource, Inventory};
use crate::journal::Rollouts;
use crate::model::{Environment, HostId, Operator, Verify};
use crate::process::in_thread;
use crate::release::{Store, Wanted};

/// Says where an environment is looked for, as whoever asks named it.
#[derive(Clone)]
pub struct Invocation {
    /// The configuration; none is the nearest, as `config` finds it.
    pub config: Option<PathBuf>,
    /// The environment; none is the only one.
    pub environment: Option<Environment>,
    /// Where releases, journals and marks are kept; none is the usual place.
    pub state_dir: Option<PathBuf>,
    /// How much conductors log, as `-v` counts it.
    pub verbose: u8,
    /// Who is told what happens meanwhile.
    pub listener: Listener,
}

impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, environment, state_dir, verbose, .. } = self;
        f.debug_struct("Invocation")
            .field("config", config)
            .field("environment", environment)
            .field("state_dir", state_dir)
            .field("verbose", verbose)
            .finish_non_exhaustive()
    }
}

impl Invocation {
    /// Gives where configuration is read from.
    ///
    /// # Errors
    ///
    /// When there is no current folder, or the one that was named is none.
    pub fn sources(&self) -> Result<Sources, Error> {
        Ok(Sources::of_process(self.config.clone())?)
    }

    /// Finds the rollouts of the state folder, for which no configuration is needed.
    ///
    /// # Errors
    ///
    /// As [`state_dir`].
    pub fn rollouts(&self) -> Result<Rollouts, Error> {
        Ok(Rollouts::new(&state_dir(self.state_dir.as_deref())?))
    }
}

/// Holds what everything that is done to an environment works with: configuration, inventory, store, journals.
#[derive(Debug)]
pub struct Workspace {
    /// The configuration, with where each value came from.
    pub loaded: Loaded,
    /// The groups of hosts.
    pub inventory: Arc<Inventory>,
    /// Where releases, journals, locks and marks are kept.
    pub state_dir: PathBuf,
    /// Who asks.
    pub operator: Operator,
    /// How long a lock that another holds is waited for, where the configuration does not say it.
    pub lock_wait: Option<Duration>,
    pub(super) invocation: Invocation,
    /// What was warned of already, so that it is not told again whoever comes upon it.
    warned: Mutex<BTreeSet<String>>,
}

/// Holds an environment with its hosts.
#[derive(Debug, Clone)]
pub struct Fleet<'a> {
    /// The environment.
    pub name: &'a Environment,
    /// What the configuration says of it.
    pub policy: &'a EnvironmentPolicy,
    /// The deploy servers, in the inventory's order.
    pub masters: Vec<HostId>,
    /// The targets, in the inventory's order.
    pub hosts: Vec<HostId>,
}

impl Fleet<'_> {
    /// Says which commit is meant: a revision, a tag, or what the environment's channel has.
    #[must_use]
    pub fn wanted(&self, version: Option<&str>, revision: Option<&str>) -> Wanted {
        match (revision, version) {
            (Some(revision), _) => Wanted::Revision(revision.to_owned()),
            (None, None | Some("latest")) => Wanted::Latest(self.policy.channel.clone()),
            (None, Some(tag)) => Wanted::Tag(tag.to_owned()),
        }
    }

    /// Gives everybody who may take part, masters first.
    #[must_use]
    pub fn everybody(&self) -> Vec<HostId> {
        self.masters.iter().chain(&self.hosts).cloned().collect()
    }
}

/// Chooses among the hosts of an environment: `--limit` and `--exclude`, as they were typed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Only these; a file that is named is looked for from the current folder.
    pub limit: Option<String>,
    /// Without these.
    pub exclude: Option<String>,
    /// Whether it may come to deploy servers alone, which nobody can choose: those that owe something.
    pub masters_alone: bool,
}

impl Workspace {
    /// Reads the configuration that an invocation means.
    ///
    /// # Errors
    ///
    /// When it is wrong, or when there is no folder to keep state in.
    pub fn open(invocation: &Invocation) -> Result<Self, Error> {
        Self::open_from(invocation, &invocation.sources()?)
    }

    /// As [`Workspace::open`], from these sources.
    ///
    /// # Errors
    ///
    /// As [`Workspace::open`].
    pub fn open_from(invocation: &Invocation, sources: &Sources) -> Result<Self, Error> {
        let loaded = Config::load(sources)?;
        for name in &loaded.ignored_variables {
            tracing::warn!("the variable {name} means nothing to coalmine");
        }
        let inventory = Arc::new(inventory(&loaded, |_| true)?);
        let state_dir = state_dir(invocation.state_dir.as_deref())?;
        trust_state(&state_dir).map_err(Error::usage)?;
        Ok(Self {
            loaded,
            inventory,
            state_dir,
            operator: operator(),
            lock_wait: None,
            invocation: invocation.clone(),
            warned: Mutex::default(),
        })
    }

    /// Gives the configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// Takes nothing for proven that is not hashed anew, here or on hosts, whatever the configuration says.
    pub const fn verify_everything(&mut self) {
        self.loaded.config.transfer.verify = Verify::Full;
        self.loaded.config.verify.rehash = Duration::ZERO;
    }

    /// Says how long a lock that another holds is waited for.
    #[must_use]
    pub fn lock_wait(&self) -> Duration {
        self.lock_wait.unwrap_or(self.config().lock.wait)
    }

    /// Opens the store of built releases.
    ///
    /// # Errors
    ///
    /// When its folder cannot be made.
    pub fn store(&self) -> Result<Store, Error> {
        Ok(Store::open(&self.state_dir)?.rehash_after(self.config().verify.rehash))
    }

    /// Finds the journals.
    #[must_use]
    pub fn rollouts(&self) -> Rollouts {
        Rollouts::new(&self.state_dir)
    }

    /// Tells whoever listens.
    pub(super) fn notify(&self, notice: Notice) {
        (self.invocation.listener)(notice);
    }

    /// Warns of something that several steps of a command may come upon, once.
    pub(super) fn warn_once(&self, text: &str) {
        if self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned()) {
            self.notify(Notice::warning(text));
        }
    }

    /// Gives the environment that was named, or the only one, with its hosts.
    ///
    /// # Errors
    ///
    /// When it is not clear which is meant, or when its hosts cannot be read.
    pub async fn fleet(&self) -> Result<Fleet<'_>, Error> {
        let (name, policy) = self.policy()?;
        self.hosts_of(name, policy).await
    }

    /// Gives the environment of a name, with its hosts.
    ///
    /// # Errors
    ///
    /// When there is none, or when its hosts cannot be read.
    pub async fn fleet_of(&self, name: &str) -> Result<Fleet<'_>, Error> {
        let (name, policy) = self.environment(Some(name))?;
        self.hosts_of(name, policy).await
    }

    /// Gives an environment with its hosts, whoever's it is in this state folder.
    pub(super) async fn hosts_of<'a>(
        &'a self,
        name: &'a Environment,
        policy: &'a EnvironmentPolicy,
    ) -> Result<Fleet<'a>, Error> {
        let masters = match &policy.masters {
            Some(masters) => self.define(masters, &format!("environments.{name}.masters")).await?,
            None => Vec::new(),
        };
        let hosts = self.define(&policy.hosts, &format!("environments.{name}.hosts")).await?;
        Ok(Fleet { name, policy, masters, hosts })
    }

    /// Tells whether it is clear which environment is meant.
    #[must_use]
    pub fn has_one_fleet(&self) -> bool {
        self.invocation.environment.is_some() || self.config().environments.len() == 1
    }

    /// Gives the environment that was named, or the only one, without reading its hosts.
    ///
    /// # Errors
    ///
    /// When it is not clear which is meant, or when that is another product's.
    pub fn policy(&self) -> Result<(&Environment, &EnvironmentPolicy), Error> {
        self.environment(self.invocation.environment.as_ref().map(Environment::as_str))
    }

    fn environment(&self, wanted: Option<&str>) -> Result<(&Environment, &EnvironmentPolicy), Error> {
        let (name, policy) = self.config().environment(wanted)?;
        match self.refuse_that_of_another_product(name) {
            // Whose it is decides what is begun, and nothing of what hosts say.
            Err(error) if error.kind() == Kind::Before => {
                self.warn_once(&format!("no rollout is known: {}", in_a_line(&error)));
            }
            judged => judged?,
        }
        Ok((name, policy))
    }

    pub(super) async fn define(&self, expression: &Expression, key: &str) -> Result<Vec<HostId>, Error> {
        let based = self.based(expression);
        let hosts = self.ask(vec![based.clone()], move |inventory| inventory.define(&based)).await?;
        hosts.map_err(|error| Error::usage(self.placed(key, &error)))
    }

    /// Asks the inventory about expressions: commands end when the future is dropped, and files are read in a thread.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        expressions: Vec<Expression>,
        question: impl FnOnce(&Inventory) -> T + Send + 'static,
    ) -> Result<T, Error> {
        for expression in &expressions {
            self.inventory.gather(expression).await;
        }
        let inventory = Arc::clone(&self.inventory);
        Ok(in_thread(move || question(&inventory)).await?)
    }

    /// Resolves an expression that was typed among these hosts, or among all that any group has.
    ///
    /// # Errors
    ///
    /// When it matches nothing, or a group or file cannot be read.
    pub async fn resolve(&self, expression: &Expression, within: Option<Vec<HostId>>) -> Result<Vec<HostId>, Error> {
        let typed = expression.clone();
        let hosts = self.ask(vec![typed.clone()], move |inventory| inventory.resolve(&typed, within.as_deref()));
        Ok(hosts.await??)
    }

    /// Reads every group, so that what is asked of them afterwards waits for nothing.
    ///
    /// # Errors
    ///
    /// When a group cannot be read.
    pub async fn grouped(&self) -> Result<Vec<HostId>, Error> {
        self.inventory.gather_all().await;
        let inventory = Arc::clone(&self.inventory);
        let hosts = in_thread(move || inventory.hosts().map(<[HostId]>::to_vec)).await?;
        Ok(hosts?)
    }

    /// Lets the files that an expression of the configuration names be looked for from the configuration's folder.
    #[must_use]
    pub fn based(&self, expression: &Expression) -> Expression {
        expression.clone().relative_to(self.loaded.base_dir())
    }

    /// Says what is wrong with a key, and where it was written.
    #[must_use]
    pub fn placed(&self, key: &str, error: &dyn fmt::Display) -> String {
        match self.loaded.origin(key) {
            Some(origin) => format!("{}: `{key}`: {error}", Place::from(origin)),
            None => format!("`{key}`: {error}"),
        }
    }

    /// Chooses from some hosts.
    ///
    /// # Errors
    ///
    /// When what was typed is no expression, or matches nothing.
    pub async fn select(&self, within: Vec<HostId>, selection: &Selection) -> Result<Vec<HostId>, Error> {
        // What is typed names files from where it is typed.
        let read = |text: &Option<String>| text.as_deref().map(Expression::new).transpose();
        let (limit, exclude) = (read(&selection.limit)?, read(&selection.exclude)?);
        if limit.is_none() && exclude.is_none() {
            return Ok(within);
        }
        let named = [&limit, &exclude].into_iter().flatten().cloned().collect();
        let chosen = self.ask(named, move |inventory| inventory.select(&within, limit.as_ref(), exclude.as_ref()));
        Ok(chosen.await??)
    }

    /// Says which names of a limit are no host, where some of a range are.
    #[must_use]
    pub fn selection_notes(&self, within: &[HostId], selection: &Selection) -> Vec<String> {
        let limit = selection.limit.as_deref().and_then(|limit| Expression::new(limit).ok());
        limit.map(|limit| self.inventory.notes(&limit, within)).unwrap_or_default()
    }

    /// Says what inventories say of how hosts are reached and is not obeyed.
    ///
    /// # Errors
    ///
    /// When an inventory cannot be read, or two of them contradict each other.
    pub fn unheeded(&self) -> Result<Vec<String>, Error> {
        let user = &self.config().target.user;
        let mut told: Vec<String> = Vec::new();
        for (group, text, hosts) in self.inventory.passed_over()? {
            let of = if hosts.is_empty() { String::new() } else { format!(", of {}", crate::expr::fold(&hosts)) };
            told.push(format!("group {group}: {text}{of}"));
        }
        if let Some(user) = user {
            let others: Vec<HostId> = self
                .inventory
                .addresses()?
                .into_iter()
                .filter(|(_, address)| address.user.as_ref().is_some_and(|other| other.as_str() != user.as_str()))
                .map(|(host, _)| host)
                .collect();
            if !others.is_empty() {
                let hosts = crate::expr::fold(&others);
                told.push(format!("ansible_user is not obeyed: target.user = \"{user}\" is stronger, of {hosts}"));
            }
        }
        Ok(told)
    }

    /// Names the groups of a host; a group that cannot be read hides nothing else.
    #[must_use]
    pub fn groups_of(&self, host: &HostId) -> Vec<String> {
        match self.inventory.groups_of(host) {
            Ok(groups) => groups.iter().map(|group| group.as_str().to_owned()).collect(),
            Err(error) => {
                tracing::warn!("groups are left out: {error}");
                Vec::new()
            }
        }
    }
}

/// Makes an inventory that runs nothing: groups that a command lists are not in it, nor what others have of them.
///
/// # Errors
///
/// When groups are made of each other.
pub fn inventory_without_commands(loaded: &Loaded) -> Result<Inventory, Error> {
    inventory(loaded, |name| {
        let mut groups = loaded.config.groups.iter();
        !groups.any(|(known, group)| known.as_str() == name.outer() && matches!(group, GroupOrigin::Command { .. }))
    })
}

fn inventory(loaded: &Loaded, is_wanted: impl Fn(&GroupName) -> bool) -> Result<Inventory, Error> {
    let mut groups = Vec::new();
    for (name, group) in loaded.config.groups.iter().filter(|(name, _)| is_wanted(name)) {
        let source = match group {
            GroupOrigin::File(path) => GroupSource::File(path.as_path().to_owned()),
            GroupOrigin::Hosts(hosts) => {
                GroupSource::Hosts(hosts.iter().map(|host| host.as_str().to_owned()).collect())
            }
            GroupOrigin::Command { command, timeout } => {
                GroupSource::Command { argv: command.as_slice().to_vec(), timeout: *timeout }
            }
            GroupOrigin::Ansible(path) => GroupSource::Ansible(path.as_path().to_owned()),
            GroupOrigin::Any(parts) => {
                let parts = parts.iter().map(|part| part.name()).filter(|name| is_wanted(name));
                GroupSource::Any(parts.cloned().collect())
            }
        };
        groups.push((name.clone(), source));
    }
    Ok(Inventory::load(groups, loaded.base_dir())?)
}

/// Finds the state folder: the one that was named, else the system's where this user may write it, else the user's own.
///
/// Deployers who share a server share `/var/lib/coalmine`, so that they see each other's rollouts.
///
/// # Errors
///
/// When there is no home folder.
pub fn state_dir(named: Option<&Path>) -> Result<PathBuf, Error> {
    use etcetera::BaseStrategy as _;

    if let Some(folder) = named {
        return std::path::absolute(folder).map_err(|error| Error::usage(format!("{}: {error}", folder.display())));
    }
    let shared = Path::new("/var/lib/coalmine");
    if rustix::fs::access(shared, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok() {
        return Ok(shared.to_owned());
    }
    let strategy = etcetera::base_strategy::Xdg::new().map_err(|error| {
        Error::usage(format!("there is no home folder to keep state in: {error}")).hint("name one with --state-dir DIR")
    })?;
    let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Ok(folder.join("coalmine"))
}

/// Hears nothing of what happens meanwhile.
#[must_use]
pub fn nobody() -> Listener {
    Arc::new(|_| {})
}
