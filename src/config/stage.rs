//! The parts of a fleet, each with its own width, budget, soak and promotion.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;
use toml::Value;

use super::amount::{Budget, Share, Waves};
use super::leaf::{Form, Leaf, Refused, leaf};
use super::schema::Presence::{Default, Essential, Optional};
use super::schema::{Section, table, value};
use super::selection::StageSelection;
use crate::expr::Expression;
use crate::model::{FailureClass, HostId, StageName};
use crate::plan::{self, Amount, BudgetRule, Promote, StageGate, StageRequest};

pub(super) static STAGE: Section = Section {
    keys: &[
        value::<StageTitle>("name", Essential(r#""canary""#), "the stage's name"),
        value::<Expression>(
            "hosts",
            Optional(r#""@canaries""#),
            "its hosts; the last stage needs none: it takes whatever is left",
        ),
        value::<NonZeroUsize>("count", Optional("2"), "instead of hosts: so many of those that are left"),
        value::<Share>("percent", Optional("5"), "instead of hosts: this share of the fleet, at least one host"),
        value::<NonZeroUsize>("per_site", Optional("1"), "instead of hosts: so many of each site"),
        value::<Waves>(
            "waves",
            Default(r#"["100%"]"#),
            "hosts activated together, as Ansible's serial: of the stage, at least 1, the last repeats",
        ),
        value::<NonZeroUsize>("concurrency", Default("80"), "hosts in flight at once"),
        value::<Duration>(
            "soak",
            Default(r#""10m""#),
            "how long it must stay healthy before the next may start, the last stage too: ten minutes where it is not said",
        ),
        value::<Promote>(
            "promote",
            Default(r#""auto""#),
            "who lets the next stage start: \"auto\": its gates, \"manual\": a person",
        ),
        table(
            "budget",
            &BUDGET,
            "how many of the stage's hosts may fail before the rollout stops: a number, or a share, rounded down",
        ),
    ],
};

static BUDGET: Section = Section {
    keys: &[
        value::<Budget>("unreachable", Default("0"), "hosts that cannot be reached"),
        value::<Budget>("transfer", Default("0"), "hosts that the release does not get to whole"),
        value::<Budget>("activate", Default("0"), "hosts that cannot be switched"),
        value::<Budget>("unhealthy", Default("0"), "hosts that fail a gate"),
    ],
};

/// Reads the name of a stage; `masters` is the name of the stage that coalmine itself puts first.
struct StageTitle;

impl Leaf for StageTitle {
    const EXPECTED: &'static str = "the name of a stage";
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let name = value.as_str().ok_or(Refused::Unexpected)?;
        if name == "masters" {
            return Err(Refused::because("the stage of the masters has that name already: choose another"));
        }
        StageName::new(name).map(|_| Self).map_err(Refused::because)
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
    /// Asks for this stage of a plan; `hosts` resolves an expression, `gates` are those of [`Config::stage_gates`](super::Config::stage_gates).
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
