//! The configuration as the other rooms see it.

use std::num::NonZeroUsize;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};

use super::amount::{Budget, Share, Waves};
use super::bandwidth::Bandwidth;
use super::carriers::{Carriers, HereAddress, PackUrl, Ports, RelayHosts};
use super::console::ConsoleSettings;
use super::error::EnvironmentError;
use super::hooks::Hooks;
use super::hosts::{GroupReference, HostList};
use super::leaf::leaf;
use super::schema::GROUP_TIMEOUT;
use super::selection::StageSelection;
use super::template::CommandTemplate;
use super::text::{
    Argv, BranchName, ExportPath, GitRemote, KexAlgorithms, LinkName, LocalPath, LoginName, PathPattern, ProductName,
    PythonName, TagGlob, TargetRoot, TimeZoneName, Title, UnixGroup, VersionLink,
};
use super::variables::Variables;
use super::version::VersionPattern;
use super::word::{BuildKind, Channel, GateOn};
use crate::expr::{Expression, GroupName, SiteRule, nearest};
use crate::model::{
    CalendarTime, Compress, Environment, FailureClass, FreezeWindow, HostId, HostKeys, Installer, Modes, PackWhen,
    Slot, StageName, Verify,
};
use crate::plan::{self, Amount, BudgetRule, OnFailure, Prefetch, Promote, StageGate, StageRequest};

/// Holds the whole configuration; every value in it is valid, and every path of this machine absolute.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is installed.
    pub product: Product,
    /// How a tag becomes a release.
    pub build: Build,
    /// How a release is cut.
    pub release: Release,
    /// Where a release lives on a host.
    pub target: Target,
    /// How hosts are reached.
    pub ssh: Ssh,
    /// How a release travels.
    pub transfer: Transfer,
    /// How it is known that a host has what it was given.
    pub verify: Proving,
    /// Named hosts, in the order of the files: the inventory has it.
    pub groups: IndexMap<GroupName, GroupOrigin>,
    /// The fleets; there is at least one.
    pub environments: IndexMap<Environment, EnvironmentPolicy>,
    /// The checks, in the order in which they run.
    pub gates: Vec<Gate>,
    /// The site's own commands.
    pub hooks: Hooks,
    /// Who may deploy while another does.
    pub lock: Lock,
    /// Who else may control a rollout.
    pub control: Control,
    /// How the console looks.
    pub console: ConsoleSettings,
}

impl Config {
    /// Gives the environment of a name, or the only one.
    ///
    /// # Errors
    ///
    /// When there is none of that name, or there are several and none was named; the error lists them.
    pub fn environment(&self, name: Option<&str>) -> Result<(&Environment, &EnvironmentPolicy), EnvironmentError> {
        let known = || {
            let names: Vec<&str> = self.environments.keys().map(Environment::as_str).collect();
            names.join(", ")
        };
        let Some(name) = name else {
            let mut all = self.environments.iter();
            return match (all.next(), all.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(EnvironmentError::Several { known: known() }),
            };
        };
        self.environments.iter().find(|(known, _)| known.as_str() == name).ok_or_else(|| EnvironmentError::Unknown {
            name: name.to_owned(),
            known: known(),
            nearest: nearest(name, self.environments.keys().map(Environment::as_str)).map(str::to_owned),
        })
    }
}

impl Config {
    /// Gives the gates of stages as a plan takes them; every stage has them.
    #[must_use]
    pub fn stage_gates(&self) -> Vec<StageGate> {
        let of_stages = self.gates.iter().filter_map(|gate| match gate.scope {
            GateScope::Host => None,
            GateScope::Stage { baseline, every, .. } => {
                Some(StageGate { name: gate.name.as_str().into(), every, baseline: baseline.is_some(), dry: gate.dry })
            }
        });
        of_stages.collect()
    }
}

/// Says what is installed, and where its tags are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its name.
    pub name: ProductName,
    /// The checkout that holds the tags.
    pub repository: LocalPath,
    /// What is fetched first; none for never.
    #[serde(deserialize_with = "leaf")]
    pub remote: Option<GitRemote>,
    /// Which tags are releases.
    pub tags: TagGlob,
    /// How the version is read in a tag; none for the order that needs no words.
    #[serde(deserialize_with = "leaf")]
    pub version_pattern: Option<VersionPattern>,
    /// Whether only tags count that `git verify-tag` accepts.
    pub verify_tags: bool,
    /// The branch that keeps what each environment runs.
    #[serde(deserialize_with = "leaf")]
    pub state_branch: Option<BranchName>,
    /// The remote that has it too.
    #[serde(deserialize_with = "leaf")]
    pub state_remote: Option<GitRemote>,
}

/// Says how a release is cut.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Where its entry goes, in the checkout; none for nowhere.
    #[serde(deserialize_with = "leaf")]
    pub changelog: Option<ExportPath>,
    /// What writes the version where the product has it.
    #[serde(deserialize_with = "leaf")]
    pub bump: Option<CommandTemplate>,
}

/// Says how a tag becomes a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// How it is built.
    pub kind: BuildKind,
    /// What runs first, in a clean export of the tag.
    #[serde(deserialize_with = "leaf")]
    pub before: Vec<CommandTemplate>,
    /// What pip installs; for [`BuildKind::PythonVenv`].
    pub pip: Argv,
    /// Files of the export whose requirements are installed too.
    #[serde(deserialize_with = "leaf")]
    pub requirements: Vec<ExportPath>,
    /// The interpreter; none for this machine's own.
    #[serde(deserialize_with = "leaf")]
    pub python: Option<PythonName>,
    /// Whether the release holds that interpreter itself.
    pub own_python: bool,
    /// What builds; for [`BuildKind::Command`], where there is at least one.
    #[serde(deserialize_with = "leaf")]
    pub commands: Vec<CommandTemplate>,
    /// What the build's commands find in their environment besides.
    pub env: Variables,
    /// What installs, for [`BuildKind::PythonVenv`].
    #[serde(deserialize_with = "leaf")]
    pub installer: Installer,
    /// Whether submodules are fetched.
    pub submodules: bool,
    /// What becomes of modes that a release does not have.
    #[serde(deserialize_with = "leaf")]
    pub modes: Modes,
    /// Files that may name the folder in which they were built.
    #[serde(deserialize_with = "leaf")]
    pub allow_paths: Vec<PathPattern>,
    /// What must exit 0 in the finished release.
    pub check: CommandTemplate,
    /// What tells the version of a host that coalmine did not install.
    #[serde(deserialize_with = "leaf")]
    pub version_command: Option<CommandTemplate>,
    /// How long a build may take.
    #[serde(deserialize_with = "leaf")]
    pub timeout: Duration,
}

/// Says where a release lives on a host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Whom ssh logs in as; none is ssh's own choice.
    #[serde(deserialize_with = "leaf")]
    pub user: Option<LoginName>,
    /// The folder that holds the releases.
    pub root: TargetRoot,
    /// The symlink under it that activation switches.
    pub current: LinkName,
    /// The links beside it that versions go into by turns; none is no cycle, and any slot.
    #[serde(deserialize_with = "leaf")]
    pub slots: Vec<Slot>,
    /// What the link of a version is named that leads to its slot; none is no such links.
    #[serde(deserialize_with = "leaf")]
    pub version_link: Option<VersionLink>,
    /// How many releases are kept; at least 2.
    pub keep: usize,
    /// What runs commands there as another user; empty for nothing.
    pub r#become: Argv,
    /// How long after its switch a host waits for its confirmation before it reverts itself; zero for ever.
    #[serde(deserialize_with = "leaf")]
    pub confirm: Duration,
}

/// Says how hosts are reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ssh {
    /// The file that ssh takes in place of its own, as its `-F`.
    #[serde(deserialize_with = "leaf")]
    pub config: Option<LocalPath>,
    /// How long a host may take to answer.
    #[serde(deserialize_with = "leaf")]
    pub connect_timeout: Duration,
    /// How often a sign of life is asked for; a host that misses three is lost.
    #[serde(deserialize_with = "leaf")]
    pub alive: Duration,
    /// How many connections are being opened at once.
    pub connects: NonZeroUsize,
    /// How many connections are held open at once.
    pub sessions: NonZeroUsize,
    /// Which hosts' keys are taken.
    #[serde(deserialize_with = "leaf")]
    pub host_keys: HostKeys,
    /// The key exchange; none is ssh's own choice.
    #[serde(deserialize_with = "leaf")]
    pub kex: Option<KexAlgorithms>,
}

/// Says how a release travels.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// How fast to one host.
    pub bandwidth: Bandwidth,
    /// After how long without a byte a transfer failed.
    #[serde(deserialize_with = "leaf")]
    pub stall: Duration,
    /// How many further attempts there are.
    pub retries: u32,
    /// Whether it is compressed.
    #[serde(deserialize_with = "leaf")]
    pub compress: Compress,
    /// When it is packed into one file, once for all hosts.
    #[serde(deserialize_with = "leaf")]
    pub packs: PackWhen,
    /// What is hashed on the host before it counts as primed.
    #[serde(deserialize_with = "leaf")]
    pub verify: Verify,
    /// What is tried to bring it to a host, in order.
    pub carriers: Carriers,
    /// Who passes it on.
    pub relays: RelayHosts,
    /// Where relays listen.
    pub relay_ports: Ports,
    /// How many hosts one relay feeds before some of them feed the others.
    #[serde(deserialize_with = "leaf")]
    pub relay_fan: NonZeroUsize,
    /// How fast one relay sends, to all of its hosts together.
    pub relay_bandwidth: Bandwidth,
    /// Where the deploy server and hosts listen for each other.
    pub torrent_ports: Ports,
    /// Where hosts find the deploy server.
    #[serde(deserialize_with = "leaf")]
    pub torrent_address: Option<HereAddress>,
    /// Whether nobody but its hosts may see a release.
    pub confidential: bool,
    /// Where hosts fetch packs by HTTP.
    #[serde(deserialize_with = "leaf")]
    pub http: Option<PackUrl>,
    /// What fetches a pack on a host.
    #[serde(deserialize_with = "leaf")]
    pub command: Option<CommandTemplate>,
    /// What puts a pack where hosts fetch it.
    #[serde(deserialize_with = "leaf")]
    pub publish: Option<CommandTemplate>,
}

/// Says how it is known that a host has what it was given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proving {
    /// After how long what nobody touched is hashed again.
    #[serde(deserialize_with = "leaf")]
    pub rehash: Duration,
}

/// Says where the hosts of a group come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "GroupKeys")]
pub enum GroupOrigin {
    /// A dsh file.
    File(LocalPath),
    /// These names.
    Hosts(Vec<HostList>),
    /// What a command prints.
    Command {
        /// The command and its arguments; never empty.
        command: Argv,
        /// When it is given up.
        timeout: Duration,
    },
    /// An inventory of Ansible's.
    Ansible(LocalPath),
    /// The hosts of any of these groups.
    Any(Vec<GroupReference>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupKeys {
    file: Option<LocalPath>,
    hosts: Option<Vec<HostList>>,
    command: Option<Argv>,
    #[serde(default, deserialize_with = "leaf")]
    timeout: Option<Duration>,
    ansible: Option<LocalPath>,
    any: Option<Vec<GroupReference>>,
}

impl TryFrom<GroupKeys> for GroupOrigin {
    type Error = &'static str;

    fn try_from(keys: GroupKeys) -> Result<Self, Self::Error> {
        let timeout = keys.timeout.unwrap_or(GROUP_TIMEOUT);
        match (keys.file, keys.hosts, keys.command, keys.ansible, keys.any) {
            (Some(file), None, None, None, None) => Ok(Self::File(file)),
            (None, Some(hosts), None, None, None) => Ok(Self::Hosts(hosts)),
            (None, None, Some(command), None, None) => Ok(Self::Command { command, timeout }),
            (None, None, None, Some(ansible), None) => Ok(Self::Ansible(ansible)),
            (None, None, None, None, Some(any)) => Ok(Self::Any(any)),
            _ => Err("a group comes from exactly one of file, hosts, command, ansible and any"),
        }
    }
}

/// Holds a fleet's own policy and channel.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentPolicy {
    /// The fleet.
    pub hosts: Expression,
    /// The deploy servers.
    #[serde(deserialize_with = "leaf")]
    pub masters: Option<Expression>,
    /// Where `latest` comes from.
    pub channel: Channel,
    /// Where a host stands.
    pub site: SiteRule,
    /// When hosts are primed.
    pub prefetch: Prefetch,
    /// What happens when a budget is exceeded; none: pause on a terminal, rollback without one.
    #[serde(deserialize_with = "leaf")]
    pub on_failure: Option<OnFailure>,
    /// The machines that may deploy to it; none is any.
    #[serde(deserialize_with = "leaf")]
    pub run_from: Option<Expression>,
    /// The times at which nothing new is brought to it.
    pub freezes: Vec<Freeze>,
    /// The parts of the fleet, in order; there is at least one.
    pub stages: Vec<Stage>,
}

/// Holds a time at which nothing new is brought to a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Its name.
    pub name: Title,
    /// When it begins.
    #[serde(deserialize_with = "leaf")]
    pub from: CalendarTime,
    /// When it ends.
    #[serde(deserialize_with = "leaf")]
    pub until: CalendarTime,
    /// The time zone of both.
    pub zone: TimeZoneName,
    /// Why.
    #[serde(deserialize_with = "leaf")]
    pub reason: Option<Title>,
}

impl Freeze {
    /// Gives the window.
    #[must_use]
    pub fn window(&self) -> FreezeWindow {
        FreezeWindow {
            name: self.name.to_string(),
            from: self.from,
            until: self.until,
            zone: self.zone.to_string(),
            reason: self.reason.as_ref().map(ToString::to_string),
        }
    }
}

/// Holds a part of a fleet with its own width, budget, soak and promotion.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "StageKeys")]
pub struct Stage {
    /// Its name; never `masters`.
    pub name: StageName,
    /// Its hosts.
    pub selection: StageSelection,
    /// How it is cut into waves.
    pub waves: Waves,
    /// How many of its hosts are in flight at once.
    pub concurrency: NonZeroUsize,
    /// How long it must stay healthy before the next may start.
    pub soak: Duration,
    /// Who lets the next start.
    pub promote: Promote,
    /// How many of its hosts may fail.
    pub budget: FailureBudgets,
}

impl Stage {
    /// Asks for this stage of a plan; `hosts` resolves an expression, `gates` are those of [`Config::stage_gates`].
    ///
    /// # Errors
    ///
    /// When the stage's expression cannot be resolved.
    pub fn request<E>(
        &self,
        hosts: impl FnOnce(&Expression) -> Result<Vec<HostId>, E>,
        gates: Vec<StageGate>,
    ) -> Result<StageRequest, E> {
        let selection = match &self.selection {
            StageSelection::Hosts(expression) => plan::StageSelection::Hosts(hosts(expression)?),
            StageSelection::First(amount) => plan::StageSelection::First(*amount),
            StageSelection::PerSite(count) => plan::StageSelection::PerSite(count.get()),
            StageSelection::Rest => plan::StageSelection::Rest,
        };
        Ok(StageRequest {
            name: self.name.clone(),
            selection,
            waves: self.waves.sizes().to_vec(),
            concurrency: self.concurrency.get(),
            soak: self.soak,
            promote: self.promote,
            budget: self.budget.rule(),
            gates,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StageKeys {
    name: StageName,
    hosts: Option<Expression>,
    count: Option<NonZeroUsize>,
    percent: Option<Share>,
    per_site: Option<NonZeroUsize>,
    waves: Waves,
    concurrency: NonZeroUsize,
    #[serde(deserialize_with = "leaf")]
    soak: Duration,
    promote: Promote,
    budget: FailureBudgets,
}

impl TryFrom<StageKeys> for Stage {
    type Error = &'static str;

    fn try_from(keys: StageKeys) -> Result<Self, Self::Error> {
        let selection = match (keys.hosts, keys.count, keys.percent, keys.per_site) {
            (Some(hosts), None, None, None) => StageSelection::Hosts(hosts),
            (None, Some(count), None, None) => StageSelection::First(Amount::Count(count.get())),
            (None, None, Some(Share(share)), None) => StageSelection::First(share),
            (None, None, None, Some(count)) => StageSelection::PerSite(count),
            (None, None, None, None) => StageSelection::Rest,
            _ => return Err("a stage has one of hosts, count, percent and per_site"),
        };
        Ok(Self {
            name: keys.name,
            selection,
            waves: keys.waves,
            concurrency: keys.concurrency,
            soak: keys.soak,
            promote: keys.promote,
            budget: keys.budget,
        })
    }
}

/// Says how many hosts of a stage may fail, by kind, before the rollout stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureBudgets {
    /// Hosts that cannot be reached.
    pub unreachable: Budget,
    /// Hosts that the release does not get to whole.
    pub transfer: Budget,
    /// Hosts that cannot be switched.
    pub activate: Budget,
    /// Hosts that fail a gate.
    pub unhealthy: Budget,
}

impl FailureBudgets {
    /// Gives the budgets as a plan takes them.
    #[must_use]
    pub const fn rule(&self) -> BudgetRule {
        BudgetRule {
            unreachable: self.unreachable.amount(),
            transfer: self.transfer.amount(),
            activate: self.activate.amount(),
            unhealthy: self.unhealthy.amount(),
        }
    }

    /// Gives the budget of a class of failures.
    #[must_use]
    pub const fn of(&self, class: FailureClass) -> Budget {
        match class {
            FailureClass::Unreachable => self.unreachable,
            FailureClass::Transfer => self.transfer,
            FailureClass::Activate => self.activate,
            FailureClass::Unhealthy => self.unhealthy,
        }
    }
}

/// Holds a check.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "GateKeys")]
pub struct Gate {
    /// Its name.
    pub name: Title,
    /// What it checks.
    pub scope: GateScope,
    /// What runs; exit 0 passes, 75 is inconclusive, anything else fails.
    pub run: CommandTemplate,
    /// How long a run may take.
    pub timeout: Duration,
    /// How many further attempts there are.
    pub retries: u32,
    /// Whether it is told only, and never decides.
    pub dry: bool,
}

/// Says what a gate checks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GateScope {
    /// One host, after its activation, on the host.
    Host,
    /// A whole stage, during its soak, on this machine.
    Stage {
        /// The most that the printed number may be.
        max: Option<f64>,
        /// How many times its value before the stage the printed number may be.
        baseline: Option<f64>,
        /// How often it runs.
        every: Duration,
    },
}

impl GateScope {
    /// Tells whether the gate's command prints a number that decides.
    #[must_use]
    pub const fn has_number(&self) -> bool {
        matches!(self, Self::Stage { max: Some(_), .. } | Self::Stage { baseline: Some(_), .. })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GateKeys {
    name: Title,
    on: GateOn,
    run: CommandTemplate,
    #[serde(deserialize_with = "leaf")]
    timeout: Duration,
    retries: u32,
    dry: bool,
    #[serde(default, deserialize_with = "number")]
    max: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    baseline: Option<f64>,
    #[serde(deserialize_with = "leaf")]
    every: Duration,
}

/// Reads a number that may be written without a point.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    leaf(deserializer).map(Some)
}

impl From<GateKeys> for Gate {
    fn from(keys: GateKeys) -> Self {
        let scope = match keys.on {
            GateOn::Host => GateScope::Host,
            GateOn::Stage => GateScope::Stage { max: keys.max, baseline: keys.baseline, every: keys.every },
        };
        Self { name: keys.name, scope, run: keys.run, timeout: keys.timeout, retries: keys.retries, dry: keys.dry }
    }
}

/// Says who may deploy while another does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// How long to wait for a lock that another holds.
    #[serde(deserialize_with = "leaf")]
    pub wait: Duration,
    /// How long a lock on a host outlives the conductor that renews it.
    #[serde(deserialize_with = "leaf")]
    pub lease: Duration,
}

/// Says who else may control a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The group whose members may watch and control; none for nobody else.
    #[serde(deserialize_with = "leaf")]
    pub group: Option<UnixGroup>,
}
