//! The configuration as the other rooms see it.

use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;

use super::build::{BUILD, Build};
use super::console::{CONSOLE, ConsoleSettings};
use super::duration::Positive;
use super::environment::{ENVIRONMENTS, EnvironmentPolicy};
use super::error::EnvironmentError;
use super::gate::{GATE, Gate, GateScope};
use super::group::{GROUPS, GroupOrigin};
use super::hooks::{HOOKS, Hooks};
use super::leaf::leaf;
use super::product::{PRODUCT, Product};
use super::schema::Presence::Default;
use super::schema::{Key, Section, Shape, table, value};
use super::ssh::{SSH, Ssh};
use super::target::{TARGET, Target};
use super::template::CommandTemplate;
use super::text::{ExportPath, UnixGroup};
use super::transfer::{TRANSFER, Transfer};
use crate::expr::{GroupName, nearest};
use crate::model::Environment;
use crate::plan::StageGate;

/// The whole file.
pub(super) static ROOT: Section = Section {
    keys: &[
        table("product", &PRODUCT, "What is installed, and where its tags are."),
        table("build", &BUILD, "How a tag becomes a release, on this machine."),
        table("release", &RELEASE, "How a release is cut, by `coalmine release cut`."),
        table("target", &TARGET, "Where a release lives on a host."),
        table("ssh", &SSH, "How hosts are reached; whatever is not said here is said by ssh_config."),
        table("transfer", &TRANSFER, "How a release travels."),
        table("verify", &VERIFY, "How it is known that a host still has what it was given."),
        Key { name: "groups", about: "Named hosts, for expressions: `@NAME`.", shape: Shape::Named(&GROUPS) },
        Key {
            name: "environments",
            about: "Fleets, each with its own policy and channel.",
            shape: Shape::Named(&ENVIRONMENTS),
        },
        Key {
            name: "gates",
            about: "Checks: of one host after its activation, or of a whole stage during its soak.",
            shape: Shape::List { section: &GATE, essential: None },
        },
        table("hooks", &HOOKS, "The site's own commands; `[]` for none."),
        table("lock", &LOCK, "Who may deploy while another does: nobody."),
        table("control", &CONTROL, "Who else may control a rollout that runs."),
        table(
            "console",
            &CONSOLE,
            "How the console looks and what its keys do: yours, in ~/.config/coalmine/coalmine.toml.",
        ),
    ],
};

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

static RELEASE: Section = Section {
    keys: &[
        value::<Option<ExportPath>>(
            "changelog",
            Default(r#""CHANGELOG.md""#),
            "where the entry of a release goes, in the checkout; \"\": nowhere",
        ),
        value::<Option<CommandTemplate>>(
            "bump",
            Default(r#""""#),
            "what writes the version into the checkout before the commit, such as \"bin/bump {version}\"",
        ),
    ],
};

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

static VERIFY: Section = Section {
    keys: &[value::<Duration>(
        "rehash",
        Default(r#""30d""#),
        "what a host or the store proved and nobody touched is hashed again within this time, hosts by turns; \"0s\": always",
    )],
};

/// Says how it is known that a host has what it was given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proving {
    /// After how long what nobody touched is hashed again.
    #[serde(deserialize_with = "leaf")]
    pub rehash: Duration,
}

static LOCK: Section = Section {
    keys: &[
        value::<Duration>("wait", Default(r#""0s""#), "how long to wait for a lock that another holds"),
        value::<Positive>("lease", Default(r#""60s""#), "how long a lock outlives the conductor that renews it"),
    ],
};

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

static CONTROL: Section = Section {
    keys: &[value::<Option<UnixGroup>>(
        "group",
        Default(r#""""#),
        "members of this group may watch and control rollouts; \"\": only you",
    )],
};

/// Says who else may control a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The group whose members may watch and control; none for nobody else.
    #[serde(deserialize_with = "leaf")]
    pub group: Option<UnixGroup>,
}
