use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Operator, RolloutId};

/// Tells that hosts left a release because it was found bad there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundBad {
    /// Who found it: the operator of the rollout, or whoever marked it.
    pub by: Operator,
    /// Why, in one line.
    pub reason: String,
    /// When; none where only the hosts know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// In which rollout; none where somebody marked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutId>,
    /// On how many targets.
    pub on: usize,
    /// Of how many that had a say.
    pub of: usize,
    /// Whether that speaks against the release in the whole environment, and not only on those hosts.
    pub everywhere: bool,
}

impl FoundBad {
    /// Says it in one line: where, why, by whom.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { by, reason, rollout, on, of, .. } = self;
        let mut told = Vec::new();
        if *of > 0 {
            told.push(format!("on {on} of {of} {}", if *of == 1 { "host" } else { "hosts" }));
        }
        told.push(by.to_string());
        told.extend(self.at.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string()));
        told.extend(rollout.as_ref().map(|rollout| format!("rollout {rollout}")));
        format!("{reason} ({})", told.join(", "))
    }
}
