use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::deploy::{LiveRollout, OutOfService};
use crate::model::{
    Commit, Digest, Environment, HostId, HostState, LockHolder, Operator, RolloutId, Site, Slot, Version,
};
use crate::plan::PlanKind;
use crate::rollout::{Debt, Outcome};
use crate::words::{clean_line, day_and_time};

/// Holds what the console shows of an environment on top of the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentFacts {
    /// Its name.
    pub name: Environment,
    /// Where its latest release comes from: `tags`, `branch:master`.
    pub channel: String,
    /// The release that every host should run.
    pub release: Option<(Version, Option<Digest>)>,
    /// Who holds its lock, and why.
    pub lock: Option<LockFacts>,
    /// Rollouts that run, wait, or wait to be resumed.
    pub rollouts: Vec<LiveRollout>,
    /// The hosts that rollouts should have brought their release and did not, and none did since.
    pub debt: Vec<Debt>,
    /// The hosts that are out of service, as far as coalmine took them out, in the order of their names.
    pub out_of_service: Box<[OutOfService]>,
}

/// Tells who holds the lock of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFacts {
    /// Who.
    pub owner: Operator,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: Option<String>,
    /// Whether it is a freeze, which stays until it is freed; else a rollout holds it.
    pub is_freeze: bool,
}

impl LockFacts {
    /// Says who holds it, since when and why, behind what says that it is held.
    #[must_use]
    pub fn describe(&self, zone: &TimeZone) -> String {
        let why = self.reason.as_deref().map(|why| format!(": {}", clean_line(why))).unwrap_or_default();
        format!("by {} since {}{why}", self.owner, day_and_time(self.since, zone))
    }
}

impl From<LockHolder> for LockFacts {
    fn from(holder: LockHolder) -> Self {
        Self { owner: holder.owner, since: holder.since, reason: holder.reason, is_freeze: false }
    }
}

/// Holds the hosts of groups by their names.
pub type Groups = BTreeMap<Arc<str>, Vec<HostId>>;

/// Names a host of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyHost {
    /// Its name.
    pub host: HostId,
    /// Where it stands.
    pub site: Option<Site>,
    /// The groups that it is in.
    pub groups: Vec<Arc<str>>,
}

/// Holds what a host answered.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyRow {
    /// The host.
    pub host: HostId,
    /// How it stands to the release.
    pub state: HostState,
    /// The version that it runs.
    pub version: Option<String>,
    /// The digest of that release.
    pub digest: Option<Digest>,
    /// How many releases it is behind.
    pub behind: Option<usize>,
    /// How long the answer took.
    pub latency: Duration,
    /// When the answer came.
    pub at: Timestamp,
    /// How it drifted, or why it could not be asked.
    pub cause: Option<String>,
    /// Whether it runs the release, and that was finalized there.
    pub settled: bool,
    /// What else it told: `python3` → `3.11.2`.
    pub facts: Vec<(String, String)>,
}

/// Holds what is known of a version that could be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// Its name.
    pub version: Version,
    /// Its commit, where that is known.
    pub commit: Option<Commit>,
    /// Who wrote that.
    pub author: String,
    /// When it was tagged.
    pub at: Option<Timestamp>,
    /// Whether it is built here.
    pub built: bool,
    /// What became of it when it was installed.
    pub standing: Standing,
    /// How many hosts run it.
    pub hosts: usize,
    /// The branch whose head it is; none for a tag, and for what ran before.
    pub head_of: Option<String>,
}

/// Says what became of a version.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It was never finalized and never found bad.
    #[default]
    Untried,
    /// It was finalized.
    Good,
    /// It was rolled back, or said to be bad.
    Bad(String),
}

/// Holds an earlier rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// Its name.
    pub rollout: RolloutId,
    /// What it was for.
    pub kind: PlanKind,
    /// What it installed.
    pub version: Version,
    /// The slot that it was for; none is the usual link.
    pub slot: Option<Slot>,
    /// Whether it was an emergency.
    pub emergency: bool,
    /// Who started it.
    pub operator: Operator,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub started: Timestamp,
    /// How long it took, if it is over.
    pub took: Option<Duration>,
    /// From the tag to the last host, if it got there.
    pub lead: Option<Duration>,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
    /// The later rollout that overtook it before it was over, so that nothing goes on with it.
    pub overtaken: Option<RolloutId>,
    /// How many hosts took part.
    pub hosts: usize,
    /// How many should have the release and do not.
    pub debt: usize,
}
