use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    Carrier, Commit, Digest, Environment, Failure, FailureClass, FoundBad, FreezeWindow, GateName, HostHook, HostId,
    HostIdx, Installed, Operator, PhaseHook, ProductId, ReleaseId, RollBackTarget, RolloutId, Site, Slot, StageName,
    TakenOut, Version,
};

/// Says what a rollout is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanKind {
    /// Puts a release on hosts and switches them to it.
    Install,
    /// Puts a release on hosts and switches none.
    Prime,
    /// Puts hosts back to a release: one stage, no soak, no budget, the first failure stops nothing.
    Rollback,
}

impl PlanKind {
    /// Gives the word for what a rollout is for.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Prime => "prime",
            Self::Rollback => "rollback",
        }
    }
}

/// Says what follows when a rollout must not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It waits for a command.
    Pause,
    /// Every switched host goes back.
    Rollback,
    /// It ends and leaves every host as it stands.
    Abort,
}

impl OnFailure {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Pause, Self::Rollback, Self::Abort];

    /// Gives the word as the configuration, the command line and the journal have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Rollback => "rollback",
            Self::Abort => "abort",
        }
    }
}

/// Says how much of the fleet is primed before the first switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prefetch {
    /// All of it.
    All,
    /// The stage that comes next.
    Stage,
}

/// Says who lets the next stage start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promote {
    /// A person.
    Manual,
    /// The soak and the gates alone.
    Auto,
}

/// Says whether the hosts of a stage are counted as targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// Deploy servers: first, and never counted.
    Masters,
    /// Hosts of the fleet.
    Targets,
}

/// Counts how many hosts of a stage may fail, by class, before the rollout stops.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// How many may be unreachable.
    pub unreachable: usize,
    /// How many may not get the release.
    pub transfer: usize,
    /// How many may fail to switch.
    pub activate: usize,
    /// How many may fail a gate.
    pub unhealthy: usize,
}

impl Budget {
    /// Gives the count for a class.
    #[must_use]
    pub const fn of(&self, class: FailureClass) -> usize {
        match class {
            FailureClass::Unreachable => self.unreachable,
            FailureClass::Transfer => self.transfer,
            FailureClass::Activate => self.activate,
            FailureClass::Unhealthy => self.unhealthy,
        }
    }
}

/// Names a gate of a stage and says how often it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageGate {
    /// Its name.
    pub name: GateName,
    /// How long after one answer it is asked again, during the soak.
    #[serde(rename = "every_s", alias = "every", with = "crate::model::seconds")]
    pub every: Duration,
    /// Whether it compares with its value from before the stage.
    pub baseline: bool,
    /// Whether it is told but never decides.
    pub dry: bool,
}

/// Holds what is done with one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagePlan {
    /// Its name.
    pub name: StageName,
    /// What its hosts count as.
    pub kind: StageKind,
    /// How many hosts each of its waves has; a stage without hosts has none.
    pub waves: Vec<usize>,
    /// How many of its hosts may be in flight at once.
    pub concurrency: usize,
    /// How long it must stay healthy before the next one.
    #[serde(rename = "soak_s", alias = "soak", with = "crate::model::seconds")]
    pub soak: Duration,
    /// Who lets the next one start.
    pub promote: Promote,
    /// How many of its hosts may fail.
    pub budget: Budget,
    /// What is asked during its soak.
    pub gates: Vec<StageGate>,
}

impl StagePlan {
    /// Counts its hosts.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.waves.iter().sum()
    }
}

/// Holds what is done with one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPlan {
    /// Its name.
    pub host: HostId,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Site>,
    /// What it ran when the plan was made; none when it could not be asked.
    pub from: Option<Installed>,
    /// Where it goes back to; none when there is nothing that was ever good there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<RollBackTarget>,
    /// Where a rollback leads it; none is the plan's release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<RollBackTarget>,
    /// Whether it holds the release that a rollback leads it to, so that nothing has to travel.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds: bool,
    /// Why it could not be asked when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Failure>,
    /// Which host passes on to it what travels packed; none where it has no relay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<HostId>,
}

/// Says why a host of the fleet takes no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// It has the release, verified and finalized.
    Current,
    /// `--limit` or `--exclude` left it out.
    Excluded,
    /// It could not be asked and `--skip-unreachable` was given.
    Unreachable,
    /// A rollback has nowhere to lead it.
    NoTarget,
}

/// Names a host that takes no part, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub host: HostId,
    /// Why.
    pub reason: LeftOutReason,
    /// What was wrong, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Whether it is a deploy server, which is never counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_master: bool,
}

/// Holds what the rollout does where it has a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What follows when it must not go on.
    pub on_failure: OnFailure,
    /// How much is primed before the first switch.
    pub prefetch: Prefetch,
    /// Whether stages are promoted without a person: `--yes` headless.
    pub promote_all: bool,
    /// Whether hosts that cannot be reached before their switch are skipped instead of counted.
    pub skip_unreachable: bool,
    /// How many hosts are primed at once.
    pub prime_width: usize,
    /// How many hosts are asked, locked or finalized at once.
    pub control_width: usize,
    /// Whether the site has a command that takes a host out of service.
    pub depool: bool,
    /// The hooks that there are before and after phases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<PhaseHook>,
    /// The hooks that there are before and after what is done to a host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_hooks: Vec<HostHook>,
    /// After how long an unconfirmed host goes back by itself; zero is never.
    #[serde(rename = "confirm_s", alias = "confirm", with = "crate::model::seconds")]
    pub confirm: Duration,
    /// The times at which it pauses instead of switching another host; none for what brings nothing new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<FreezeWindow>,
    /// The names of the windows that it was told to go on in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<String>,
    /// What brings the release to hosts, tried in this order for each; none is the deploy server alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carriers: Vec<Carrier>,
    /// No byte for this long: what travels has failed.
    #[serde(rename = "stall_s", default = "a_minute", skip_serializing_if = "is_a_minute")]
    #[serde(with = "crate::model::seconds")]
    pub stall: Duration,
}

const fn a_minute() -> Duration {
    Duration::from_secs(60)
}

fn is_a_minute(stall: &Duration) -> bool {
    *stall == a_minute()
}

/// Holds everything that a rollout is going to do; complete, so that it can be resumed without its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The rollout.
    pub rollout: RolloutId,
    /// Whose fleet it is.
    pub environment: Environment,
    /// Which product that is of; none in journals of an earlier coalmine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// What it is for.
    pub kind: PlanKind,
    /// What is installed.
    pub version: Version,
    /// The release.
    pub release: ReleaseId,
    /// Its digest.
    pub digest: Digest,
    /// The commit that it was built of, where that is known.
    #[serde(with = "crate::model::commit::or_empty")]
    pub commit: Option<Commit>,
    /// Who wants it.
    pub operator: Operator,
    /// Why, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Which link is switched; none is `target.current`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
    /// Whether it is an emergency: what this machine's checkout has, which no remote was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emergency: bool,
    /// What it does where it has a choice.
    pub policy: Policy,
    /// Its stages, masters first.
    pub stages: Vec<StagePlan>,
    /// Its hosts, stage by stage and wave by wave, each in the inventory's order.
    pub hosts: Vec<HostPlan>,
    /// The hosts of the fleet that take no part.
    pub left_out: Vec<LeftOut>,
    /// The hosts that earlier rollouts took out of service and none put back, whether they take part or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out_of_service: Vec<HostId>,
    /// The hosts that persons took out of service and none took back: they take part, and are not put back into service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_out: Vec<TakenOut>,
    /// When it was looked up which hosts are out of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_at: Option<Timestamp>,
    /// The releases that the environment had found bad when the plan was made: no host goes back to one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad: Vec<ReleaseId>,
    /// What was known against the release itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<FoundBad>,
    /// What it changes, a line for each release that hosts run; none where that was not found out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// Why it is this version, and what else is to be known of it, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Plan {
    /// Tells whether a hook of a phase runs: a rollback by name has its own two and no other, since nothing that may fail keeps hosts
    /// from going back.
    #[must_use]
    pub fn has_hook(&self, hook: PhaseHook) -> bool {
        self.policy.hooks.contains(&hook) && (self.kind != PlanKind::Rollback || hook.is_of_way_back())
    }

    /// Tells whether a hook of hosts runs, by the same rule.
    #[must_use]
    pub fn has_host_hook(&self, hook: HostHook) -> bool {
        self.policy.host_hooks.contains(&hook) && (self.kind != PlanKind::Rollback || hook.is_of_way_back())
    }

    /// Gives a host by its place.
    #[must_use]
    pub fn host(&self, index: HostIdx) -> Option<&HostPlan> {
        self.hosts.get(index.0)
    }

    /// Gives every host with its place.
    pub fn placed(&self) -> impl Iterator<Item = (HostIdx, &HostPlan)> {
        (0..).map(HostIdx).zip(&self.hosts)
    }

    /// Counts the targets that take part: what the deployer types to confirm.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.stages.iter().filter(|stage| stage.kind == StageKind::Targets).map(StagePlan::hosts).sum()
    }

    /// Counts the deploy servers that take part: they are no targets, and the first to be installed.
    #[must_use]
    pub fn masters(&self) -> usize {
        self.hosts.len().saturating_sub(self.targets())
    }

    /// Counts the targets that were left out for a reason.
    #[must_use]
    pub fn left_out_for(&self, reason: LeftOutReason) -> usize {
        self.left_out.iter().filter(|out| out.reason == reason && !out.is_master).count()
    }

    /// Says what a rollback leads a host to; an install has one release for all.
    #[must_use]
    pub fn target_of(&self, host: &HostPlan) -> RollBackTarget {
        host.to.clone().unwrap_or_else(|| RollBackTarget::Release { id: self.release.clone() })
    }

    /// Says where a rollback leads every host of it; none where they do not all go to the same.
    #[must_use]
    pub fn common_target(&self) -> Option<RollBackTarget> {
        let mut targets = self.hosts.iter().filter(|host| host.from.is_some()).map(|host| self.target_of(host));
        let first = targets.next().unwrap_or_else(|| RollBackTarget::Release { id: self.release.clone() });
        targets.all(|target| target == first).then_some(first)
    }

    /// Gives each stage with its hosts, wave by wave.
    pub fn waves(&self) -> impl Iterator<Item = (&StagePlan, Vec<&[HostPlan]>)> {
        let mut rest = self.hosts.as_slice();
        self.stages.iter().map(move |stage| {
            let waves = stage
                .waves
                .iter()
                .map(|&size| {
                    let (wave, after) = rest.split_at(size.min(rest.len()));
                    rest = after;
                    wave
                })
                .collect();
            (stage, waves)
        })
    }

    /// Counts the hosts that could not be asked, by the stage whose budget they would break.
    ///
    /// A rollout that would stop at its first step is better not begun.
    #[must_use]
    pub fn unreachable_over_budget(&self) -> BTreeMap<StageName, Vec<HostId>> {
        let mut over = BTreeMap::new();
        for (stage, waves) in self.waves() {
            let lost: Vec<HostId> =
                waves.into_iter().flatten().filter(|host| host.from.is_none()).map(|host| host.host.clone()).collect();
            if lost.len() > stage.budget.unreachable {
                over.insert(stage.name.clone(), lost);
            }
        }
        over
    }
}
