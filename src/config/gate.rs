//! Checks: of one host after its activation, or of a whole stage during its soak.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::amount::Factor;
use super::duration::Positive;
use super::leaf::leaf;
use super::schema::Presence::{Default, Essential, Optional};
use super::schema::{Section, value};
use super::template::CommandTemplate;
use super::text::Title;
use super::word::GateOn;

pub(super) static GATE: Section = Section {
    keys: &[
        value::<Title>("name", Essential(r#""answers""#), "the gate's name"),
        value::<GateOn>(
            "on",
            Default(r#""host""#),
            "\"host\": after each activation, on the host; \"stage\": during the soak, on this machine",
        ),
        value::<CommandTemplate>(
            "run",
            Essential(r#""bin/scap version""#),
            "exit 0: pass, 75: inconclusive (the rollout pauses), anything else: fail",
        ),
        value::<Positive>("timeout", Default(r#""30s""#), "a run that takes longer failed"),
        value::<u32>("retries", Default("2"), "further attempts after one that failed"),
        value::<bool>("dry", Default("false"), "true: told, never decides"),
        value::<f64>("max", Optional("10.0"), "stage: `run` prints one number, and this is the most that passes"),
        value::<Factor>("baseline", Optional("1.2"), "stage: at most that many times its value before the stage"),
        value::<Positive>("every", Default(r#""30s""#), "stage: how often it runs during the soak"),
    ],
};

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
