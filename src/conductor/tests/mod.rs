//! Rollouts of simulated hosts behind real sockets, locks and journals.

mod conversation;
mod finding;
mod locking;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{Access, Conductor, ConductorError, Ending, EnvironmentLock, Holder, News, Opened, Signals, Watcher};
use crate::engine::{Known, Parts, Settings, VirtualClock};
use crate::hooks::{GateAnswer, Site, SiteError, StageQuestion};
use crate::host::sim::{Disk, SimFleet};
use crate::journal::Rollouts;
use crate::model::{
    Command, Environment, HostId, Operator, ReleaseId, RollBackTarget, RolloutId, StageName, Verdict, Version,
};
use crate::plan::{HostPlan, Plan, Policy, Promote, StagePlan};
use crate::plans;
use crate::release::StoredRelease;
use crate::rollout::{Machine, Record};

/// Holds a state folder and a fleet that stays as it is when its conductor goes.
pub(super) struct World {
    pub(super) state: TempDir,
    pub(super) rollouts: Rollouts,
    pub(super) rollout: RolloutId,
    fleet: SimFleet,
    clock: VirtualClock,
}

pub(super) struct NoSite;

impl Site for NoSite {
    async fn depool(&self, _host: &HostId) -> Result<(), SiteError> {
        Ok(())
    }

    async fn repool(&self, _host: &HostId) -> Result<(), SiteError> {
        Ok(())
    }

    async fn ask(&self, _question: &StageQuestion) -> GateAnswer {
        GateAnswer { verdict: Verdict::Pass, value: None, message: String::new() }
    }

    async fn announce(&self, _message: &str) -> Result<(), SiteError> {
        Ok(())
    }
}

pub(super) fn release(version: &str) -> Arc<StoredRelease> {
    Arc::new(StoredRelease::imagined(&Version::new(version).unwrap()).unwrap())
}

pub(super) fn operator(name: &str) -> Operator {
    Operator(format!("{name}@deploy").into())
}

pub(super) fn production() -> Environment {
    Environment::new("production").unwrap()
}

pub(super) fn holder(name: &str) -> Holder {
    Holder {
        owner: operator(name),
        reason: Some("a fix".to_owned()),
        rollout: None,
        pid: std::process::id(),
        since: "2026-01-01T00:00:00Z".parse().unwrap(),
    }
}

/// Plans a rollout to so many hosts, with a canary that waits for promotion when it shall.
pub(crate) fn plan(rollout: &str, hosts: usize, promote: Promote) -> Plan {
    let (old, new) = (release("1.0.0"), release("2.0.0"));
    let stage = |name: &str, hosts: usize, promote| StagePlan {
        concurrency: 100,
        soak: Duration::from_secs(60),
        promote,
        ..plans::stage(StageName::new(name).unwrap(), [hosts])
    };
    let host =
        |index| HostPlan { good: Some(RollBackTarget::Release { id: old.id.clone() }), ..plans::host(host(index)) };
    Plan {
        commit: Some(new.commit.clone()),
        operator: operator("amy"),
        // All are primed long before the server gives up on whoever reads nothing.
        policy: Policy { prime_width: 500, control_width: 100, ..plans::policy() },
        stages: vec![stage("canary", 1, promote), stage("fleet", hosts - 1, Promote::Auto)],
        hosts: (0..hosts).map(host).collect(),
        ..plans::plan(RolloutId::new(rollout).unwrap(), production(), new.version.clone(), new.digest)
    }
}

pub(crate) fn host(index: usize) -> HostId {
    HostId::new(&format!("mw{index:04}")).unwrap()
}

/// Makes the journal of a plan, as whoever planned leaves it.
pub(crate) fn journal(rollouts: &Rollouts, plan: &Plan, at: Timestamp) {
    let (_, first) = Machine::plan(plan.clone(), at);
    drop(rollouts.create(&first).unwrap());
}

impl World {
    pub(super) fn new(hosts: usize, promote: Promote) -> Self {
        Self::within(tempfile::tempdir().unwrap(), "", hosts, promote)
    }

    /// Makes one whose state folder is so far below another.
    pub(super) fn within(state: TempDir, below: &str, hosts: usize, promote: Promote) -> Self {
        let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut fleet = SimFleet::new(epoch);
        for index in 0..hosts {
            fleet.add(host(index), Disk::with_good(&release("1.0.0").id), Vec::new(), index as u64);
        }
        let plan = plan("20260101T000000-abcd", hosts, promote);
        let rollouts = Rollouts::new(&state.path().join(below));
        journal(&rollouts, &plan, epoch);
        Self { state, rollouts, rollout: plan.rollout, fleet, clock: VirtualClock::new(epoch) }
    }

    pub(super) fn state_dir(&self) -> &Path {
        self.state.path()
    }

    pub(super) fn lock(&self) -> EnvironmentLock {
        let lock = EnvironmentLock::take(self.state_dir(), &production(), &holder("amy"), Duration::ZERO, |_, _| {});
        lock.unwrap()
    }

    /// Goes on with the rollout, from wherever its journal is.
    pub(super) fn conductor(&self) -> Result<Conductor<SimFleet, NoSite>, ConductorError> {
        let parts = Parts {
            fleet: Arc::new(self.fleet.clone()),
            site: Arc::new(NoSite),
            releases: Arc::new(|id: &ReleaseId| Some(release(id.version().as_str()))),
            checks: Arc::new(|_: &HostId, _: Option<&ReleaseId>| Vec::new()),
            knows: Arc::new(|_: &RolloutId| Known::Nothing),
            clock: Arc::new(self.clock),
        };
        let opened = Opened::new(&self.rollouts, &self.rollout)?;
        opened.conductor(parts, Settings::new(operator("amy")), self.lock(), &Access::owner())
    }

    pub(super) fn conduct(&self) -> JoinHandle<Result<Ending, ConductorError>> {
        run(self.conductor().unwrap())
    }

    pub(super) async fn watch(&self, after: u64) -> Watcher {
        Watcher::connect(&self.rollouts, &self.rollout, after).await.unwrap()
    }

    pub(super) async fn command(&self, command: Command, name: &str) -> Result<(), super::ClientError> {
        super::command(&self.rollouts, &self.rollout, command, operator(name)).await
    }

    pub(super) fn records(&self) -> Vec<Record> {
        self.rollouts.read(&self.rollout).unwrap().collect::<Result<_, _>>().unwrap()
    }
}

pub(super) fn run(conductor: Conductor<SimFleet, NoSite>) -> JoinHandle<Result<Ending, ConductorError>> {
    tokio::spawn(conductor.run(Signals::take().unwrap(), Arc::new(|_: &str| {})))
}

/// Listens to the end, and gives the journaled records and the last word.
pub(super) async fn listen(watcher: &mut Watcher) -> (Vec<Record>, Option<News>) {
    let mut records = Vec::new();
    loop {
        match watcher.next().await.unwrap() {
            Some(News::Record(record)) => {
                if record.event.is_journaled() {
                    records.push(*record);
                }
            }
            last => return (records, last),
        }
    }
}

/// Listens until something has happened.
pub(super) async fn hear(watcher: &mut Watcher, what: impl Fn(&Record) -> bool) -> Record {
    loop {
        match watcher.next().await.unwrap() {
            Some(News::Record(record)) if what(&record) => return *record,
            Some(News::Record(_)) => {}
            end => panic!("{end:?} came first"),
        }
    }
}
