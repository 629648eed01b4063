use std::path::{Path, PathBuf};

use super::args::{Cli, Selection};
use super::error::Failed;
use crate::config::{Config, EnvironmentPolicy, Group, Loaded, Place, Sources};
use crate::expr::{Expression, GroupName};
use crate::inventory::{GroupSource, Inventory};
use crate::model::{Environment, HostId, Operator};

/// Holds what every command that knows a configuration works with.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) loaded: Loaded,
    pub(super) inventory: Inventory,
    pub(super) state_dir: PathBuf,
    environment: Option<Environment>,
}

/// Holds an environment with its hosts.
#[derive(Debug, Clone)]
pub(super) struct Fleet<'a> {
    pub(super) name: &'a Environment,
    pub(super) policy: &'a EnvironmentPolicy,
    /// The deploy servers, in the inventory's order.
    pub(super) masters: Vec<HostId>,
    /// The targets, in the inventory's order.
    pub(super) hosts: Vec<HostId>,
}

impl Context {
    pub(super) fn load(cli: &Cli) -> Result<Self, Failed> {
        Self::load_from(cli, &sources(cli)?)
    }

    pub(super) fn load_from(cli: &Cli, sources: &Sources) -> Result<Self, Failed> {
        let loaded = Config::load(sources).map_err(Failed::usage)?;
        for name in &loaded.ignored_variables {
            tracing::warn!("the variable {name} means nothing to coalmine");
        }
        let inventory = inventory(&loaded, |_| true)?;
        let state_dir = state_dir(cli.state_dir.as_deref())?;
        Ok(Self { loaded, inventory, state_dir, environment: cli.environment.clone() })
    }

    pub(super) const fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// Gives the environment that was named, or the only one, with its hosts.
    pub(super) fn fleet(&self) -> Result<Fleet<'_>, Failed> {
        let (name, policy) = self.policy()?;
        self.hosts_of(name, policy)
    }

    /// Gives the environment of a name, with its hosts.
    pub(super) fn fleet_of(&self, name: &str) -> Result<Fleet<'_>, Failed> {
        let (name, policy) = self.config().environment(Some(name)).map_err(Failed::usage)?;
        self.hosts_of(name, policy)
    }

    fn hosts_of<'a>(&'a self, name: &'a Environment, policy: &'a EnvironmentPolicy) -> Result<Fleet<'a>, Failed> {
        let masters = match &policy.masters {
            Some(masters) => self.define(masters, &format!("environments.{name}.masters"))?,
            None => Vec::new(),
        };
        let hosts = self.define(&policy.hosts, &format!("environments.{name}.hosts"))?;
        Ok(Fleet { name, policy, masters, hosts })
    }

    /// Tells whether it is clear which environment is meant.
    pub(super) fn has_one_fleet(&self) -> bool {
        self.environment.is_some() || self.config().environments.len() == 1
    }

    pub(super) fn policy(&self) -> Result<(&Environment, &EnvironmentPolicy), Failed> {
        let wanted = self.environment.as_ref().map(Environment::as_str);
        self.config().environment(wanted).map_err(Failed::usage)
    }

    fn define(&self, expression: &Expression, key: &str) -> Result<Vec<HostId>, Failed> {
        self.inventory.define(&self.based(expression)).map_err(|error| Failed::usage(self.told(key, &error)))
    }

    /// Lets the files that an expression of the configuration names be looked for from the configuration's folder.
    pub(super) fn based(&self, expression: &Expression) -> Expression {
        expression.clone().relative_to(self.loaded.base_dir())
    }

    /// Says what is wrong with a key, and where it was written.
    pub(super) fn told(&self, key: &str, error: &dyn std::fmt::Display) -> String {
        match self.loaded.origin(key) {
            Some(origin) => format!("{}: `{key}`: {error}", Place::from(origin)),
            None => format!("`{key}`: {error}"),
        }
    }

    /// Chooses from some hosts by `--limit` and `--exclude`.
    pub(super) fn select(&self, within: &[HostId], selection: &Selection) -> Result<Vec<HostId>, Failed> {
        // What is typed names files from where it is typed.
        let read = |text: &Option<String>| text.as_deref().map(Expression::new).transpose().map_err(Failed::usage);
        let (limit, exclude) = (read(&selection.limit)?, read(&selection.exclude)?);
        self.inventory.select(within, limit.as_ref(), exclude.as_ref()).map_err(Failed::usage)
    }
}

pub(super) fn sources(cli: &Cli) -> Result<Sources, Failed> {
    Sources::of_process(cli.config.clone()).map_err(Failed::usage)
}

/// Makes an inventory that runs nothing: groups that a command lists are not in it, nor what others have of them.
pub(super) fn inventory_without_commands(loaded: &Loaded) -> Result<Inventory, Failed> {
    inventory(loaded, |name| {
        let mut groups = loaded.config.groups.iter();
        !groups.any(|(known, group)| known.as_str() == name.outer() && matches!(group, Group::Command { .. }))
    })
}

fn inventory(loaded: &Loaded, is_wanted: impl Fn(&GroupName) -> bool) -> Result<Inventory, Failed> {
    let mut groups = Vec::new();
    for (name, group) in loaded.config.groups.iter().filter(|(name, _)| is_wanted(name)) {
        let source = match group {
            Group::File(path) => GroupSource::File(path.as_path().to_owned()),
            Group::Hosts(hosts) => GroupSource::Hosts(hosts.iter().map(|host| host.as_str().to_owned()).collect()),
            Group::Command { command, timeout } => {
                GroupSource::Command { argv: command.as_slice().to_vec(), timeout: *timeout }
            }
            Group::Ansible(path) => GroupSource::Ansible(path.as_path().to_owned()),
            Group::Any(parts) => {
                let parts = parts.iter().map(|part| part.name()).filter(|name| is_wanted(name));
                GroupSource::Any(parts.cloned().collect())
            }
        };
        groups.push((name.clone(), source));
    }
    Inventory::load(groups, loaded.base_dir()).map_err(Failed::usage)
}

/// Finds the state folder: the flag's, else the system's where this user may write it, else the user's own.
///
/// Deployers who share a server share `/var/lib/coalmine`, so that they see each other's rollouts.
pub(super) fn state_dir(flag: Option<&Path>) -> Result<PathBuf, Failed> {
    use etcetera::BaseStrategy as _;

    if let Some(folder) = flag {
        return std::path::absolute(folder).map_err(|error| Failed::usage(format!("{}: {error}", folder.display())));
    }
    let shared = Path::new("/var/lib/coalmine");
    if rustix::fs::access(shared, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok() {
        return Ok(shared.to_owned());
    }
    let strategy = etcetera::base_strategy::Xdg::new().map_err(|error| {
        Failed::usage(format!("there is no home folder to keep state in: {error}"))
            .hint("name one with --state-dir DIR")
    })?;
    let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Ok(folder.join("coalmine"))
}

/// Names who runs coalmine, as others are told: `user@machine`; under sudo, the one who called it.
pub(super) fn operator() -> Operator {
    let user = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .or_else(user)
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let machine = machine();
    let name: String = format!("{user}@{machine}").chars().filter(|c| !c.is_control()).collect();
    Operator(name.into())
}

/// Names the user of this process where no variable does, as under cron.
fn user() -> Option<String> {
    let id = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut named = fields.filter(|fields| fields.get(2) == Some(&id.as_str()));
    named.next().and_then(|fields| fields.first().map(|name| (*name).to_owned()))
}

/// Names this machine.
pub(super) fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
