//! Makes a rollout and the world around it of a seed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use coalmine::hooks::{GateAnswer, Site, SiteError, StageQuestion};
use coalmine::host::GateCheck;
use coalmine::host::sim::{Disk, Fault, Operation, Place, RelayFault, SimFleet};
use coalmine::model::{
    Carrier, Command, Environment, Failure, FailureClass, HostHook, HostId, Installed, LockHolder, Operator, PhaseHook,
    ReleaseId, RollBackTarget, RolloutId, StageName, Verdict, Version,
};
use coalmine::plan::{
    Budget, HostPlan, OnFailure, Plan, PlanKind, Policy, Prefetch, Promote, StageGate, StageKind, StagePlan,
};
use coalmine::release::StoredRelease;
use jiff::{Timestamp, ToSpan as _};
use tokio::time::sleep;

use crate::plans;

pub(crate) fn epoch() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn release(version: &str) -> Arc<StoredRelease> {
    Arc::new(StoredRelease::imagined(&Version::new(version).unwrap()).unwrap())
}

/// Holds a host before anything is done to it.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    pub(crate) id: HostId,
    pub(crate) disk: Disk,
    pub(crate) faults: Vec<Fault>,
    pub(crate) seed: u64,
}

/// Says which people and faults take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Whatever may happen.
    Rough,
    /// Faults that are there from the beginning to the end, and nobody at the keyboard: so that two runs can be compared.
    Steady,
    /// No faults and nobody at the keyboard.
    Calm,
}

#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) plan: Plan,
    pub(crate) hosts: Vec<Before>,
    pub(crate) commands: Vec<(Duration, Command)>,
    pub(crate) weather: Weather,
    pub(crate) checks: usize,
    pub(crate) retries: u32,
    pub(crate) lock_wait: Duration,
    pub(crate) lease: Duration,
}

impl Scenario {
    pub(crate) fn of(seed: u64, weather: Weather) -> Self {
        let random = &mut fastrand::Rng::with_seed(seed);
        let (old, new) = (release("1.0.0"), release("2.0.0"));
        let kind = match random.u8(0..10) {
            0 => PlanKind::Prime,
            1 => PlanKind::Rollback,
            _ => PlanKind::Install,
        };
        let stages = stages(random, kind, weather);
        let count = stages.iter().map(StagePlan::hosts).sum();
        let policy = Policy {
            on_failure: match (weather, random.u8(0..3)) {
                (Weather::Rough, 0) => OnFailure::Pause,
                (_, 1) => OnFailure::Abort,
                _ => OnFailure::Rollback,
            },
            prefetch: if random.bool() { Prefetch::All } else { Prefetch::Stage },
            promote_all: weather != Weather::Rough || random.bool(),
            skip_unreachable: random.u8(0..4) == 0,
            prime_width: random.usize(1..8),
            control_width: random.usize(1..8),
            depool: random.bool(),
            // Of every third rollout, some of them.
            hooks: PhaseHook::ALL
                .into_iter()
                .enumerate()
                .filter(|(place, _)| {
                    seed.is_multiple_of(3) && (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (40 + place)) & 1 == 1
                })
                .map(|(_, hook)| hook)
                .collect(),
            host_hooks: if seed.is_multiple_of(4) { HostHook::ALL.to_vec() } else { Vec::new() },
            confirm: if random.bool() { Duration::ZERO } else { Duration::from_secs(120) },
            freezes: Vec::new(),
            overridden: Vec::new(),
            carriers: match (seed % 8, weather) {
                (5, Weather::Rough) => vec![Carrier::Relay],
                (1 | 5, _) => vec![Carrier::Relay, Carrier::Direct],
                _ => Vec::new(),
            },
            stall: Duration::from_secs(60),
        };
        let mut hosts = Vec::new();
        let mut planned = Vec::new();
        for index in 0..count {
            let id = HostId::new(&format!("h{index:02}")).unwrap();
            let mut disk = disk(random, kind, &old.id, &new.id);
            if weather == Weather::Rough && random.u8(0..60) == 0 {
                // Another's lock: long dead, dead before this is over, or alive for good.
                disk.lock = Some(holder("other", [-10, 2, 100_000][random.usize(0..3)]));
            }
            let mut faults = faults(random, weather, &old.id, &new.id);
            faults.extend(relay_fault(seed, index, weather));
            // Some could not be asked when the plan was made, whatever is wrong with them now.
            let is_lost = weather == Weather::Rough && (seed.wrapping_add(index as u64)).is_multiple_of(41);
            planned.push(HostPlan {
                from: Some(installed(&disk)).filter(|_| !is_lost),
                good: good(&disk).filter(|_| !is_lost),
                // Of every fourth rollout most hosts get it from another, some of those from a third.
                relay: match index {
                    _ if seed % 4 != 1 || index < 2 => None,
                    2..6 => Some(HostId::new(&format!("h{:02}", index % 2)).unwrap()),
                    _ => Some(HostId::new(&format!("h{:02}", 2 + index % 4)).unwrap()),
                },
                lost: is_lost.then(|| Failure::new(FailureClass::Unreachable, "no route to it")),
                ..plans::host(id.clone())
            });
            hosts.push(Before { id, disk, faults, seed: random.u64(..) });
        }
        let target = if kind == PlanKind::Rollback { &old } else { &new };
        let rollout = RolloutId::new(&format!("20260101T000000-{:04x}", seed & 0xffff)).unwrap();
        let environment = Environment::new("production").unwrap();
        let plan = Plan {
            kind,
            commit: Some(target.commit.clone()),
            operator: operator("amy"),
            policy,
            stages,
            hosts: planned,
            ..plans::plan(rollout, environment, target.version.clone(), target.digest)
        };
        let commands = if weather == Weather::Rough { commands(random, &plan) } else { Vec::new() };
        Self {
            seed,
            plan,
            hosts,
            commands,
            weather,
            checks: random.usize(0..3),
            retries: random.u32(0..2),
            lock_wait: Duration::from_secs(random.u64(0..2) * 60),
            lease: Duration::from_secs([60, 600, 3600, 3600][random.usize(0..4)]),
        }
    }

    pub(crate) fn fleet(&self) -> SimFleet {
        let mut fleet = SimFleet::new(epoch());
        for host in &self.hosts {
            fleet.add(host.id.clone(), host.disk.clone(), host.faults.clone(), host.seed);
        }
        fleet
    }

    pub(crate) fn checks_of(&self) -> Vec<GateCheck> {
        (0..self.checks)
            .map(|index| GateCheck {
                name: format!("check {index}").as_str().into(),
                run: "true".to_owned(),
                environment: Vec::new(),
                timeout: Duration::from_secs(30),
                retries: self.retries,
                dry: index > 0 && self.seed.is_multiple_of(5),
            })
            .collect()
    }
}

pub(crate) fn operator(name: &str) -> Operator {
    Operator(format!("{name}@deploy").into())
}

fn stages(random: &mut fastrand::Rng, kind: PlanKind, weather: Weather) -> Vec<StagePlan> {
    let mut stages = Vec::new();
    let masters = if kind == PlanKind::Install && random.bool() { random.usize(1..3) } else { 0 };
    if masters > 0 {
        stages.push(stage(random, "masters", StageKind::Masters, masters, weather));
    }
    let targets = if kind == PlanKind::Install { random.usize(1..5) } else { 1 };
    for index in 0..targets {
        let hosts = if random.u8(0..8) == 0 && index > 0 { 0 } else { random.usize(1..9) };
        stages.push(stage(random, &format!("stage{index}"), StageKind::Targets, hosts, weather));
    }
    if kind != PlanKind::Install {
        for stage in &mut stages {
            stage.soak = Duration::ZERO;
            stage.gates.clear();
        }
    }
    stages
}

fn stage(random: &mut fastrand::Rng, name: &str, kind: StageKind, hosts: usize, weather: Weather) -> StagePlan {
    let mut waves = Vec::new();
    let mut left = hosts;
    while left > 0 {
        let wave = random.usize(1..=left);
        waves.push(wave);
        left -= wave;
    }
    let gates = (0..random.usize(0..3))
        .map(|index| StageGate {
            name: format!("gate {index}").as_str().into(),
            every: Duration::from_secs([15, 120, 600][random.usize(0..3)]),
            baseline: random.bool(),
            dry: random.u8(0..4) == 0,
        })
        .collect();
    let generous = random.bool();
    let mut budget = || if generous { random.usize(0..=hosts) } else { random.usize(0..2) };
    StagePlan {
        kind,
        budget: Budget { unreachable: budget(), transfer: budget(), activate: budget(), unhealthy: budget() },
        concurrency: random.usize(1..6),
        soak: Duration::from_secs([0, 60, 600, 3600][random.usize(0..4)]),
        promote: if weather == Weather::Rough && random.bool() { Promote::Manual } else { Promote::Auto },
        gates,
        ..plans::stage(StageName::new(name).unwrap(), waves)
    }
}

fn disk(random: &mut fastrand::Rng, kind: PlanKind, old: &ReleaseId, new: &ReleaseId) -> Disk {
    if kind == PlanKind::Rollback {
        let mut disk = Disk::with_good(old);
        disk.releases.insert(new.clone(), coalmine::host::sim::Content::Whole);
        disk.current = Place::Release(new.clone());
        return disk;
    }
    match random.u8(0..8) {
        0 => Disk::new(),
        1 => Disk::with_folder(),
        2 => {
            let mut disk = Disk::with_good(old);
            disk.good = None;
            disk
        }
        3 => {
            let mut disk = Disk::with_good(old);
            disk.releases.insert(new.clone(), coalmine::host::sim::Content::Whole);
            disk
        }
        _ => Disk::with_good(old),
    }
}

fn installed(disk: &Disk) -> Installed {
    match &disk.current {
        Place::Nothing => Installed::Missing,
        Place::Release(id) => Installed::Release { id: id.clone(), digest: None, drift: None },
        Place::Folder => Installed::Unmanaged { version: None },
    }
}

/// Says where a host may go back to; told apart from the engine's own idea of it on purpose.
pub(crate) fn good(disk: &Disk) -> Option<RollBackTarget> {
    match (&disk.good, &disk.current) {
        (Some(id), _) => Some(RollBackTarget::Release { id: id.clone() }),
        (None, Place::Nothing) => Some(RollBackTarget::Nothing),
        (None, Place::Folder) => Some(RollBackTarget::Adopted),
        (None, Place::Release(_)) => None,
    }
}

fn faults(random: &mut fastrand::Rng, weather: Weather, old: &ReleaseId, new: &ReleaseId) -> Vec<Fault> {
    let share = match weather {
        Weather::Calm => 0,
        Weather::Steady => 15,
        Weather::Rough => 25,
    };
    let mut faults = Vec::new();
    while random.u8(0..100) < share {
        let times = random.u32(1..3);
        let operation = Operation::ALL[random.usize(0..Operation::ALL.len())];
        let steady = weather == Weather::Steady;
        faults.push(match random.u8(0..if steady { 5 } else { 17 }) {
            0 => Fault::Slow(random.u32(2..30)),
            1 => Fault::Unreachable(None),
            2 => Fault::DiskFull,
            3 => Fault::GateFails { release: Some(new.clone()), times: None },
            4 => Fault::SwitchFails { times: u32::MAX },
            5 => Fault::Unreachable(Some(operation)),
            6 => Fault::Hung(operation),
            7 => Fault::Flapping {
                up: Duration::from_secs(random.u64(20..600)),
                down: Duration::from_secs(random.u64(20..300)),
            },
            8 | 9 => Fault::AnswerLost { operation, times },
            10 => Fault::DiesWhilePriming { times },
            11 => Fault::SwitchFails { times },
            12 => Fault::BackFails { times },
            13 => Fault::Lies(if random.bool() { new.clone() } else { old.clone() }),
            14 => Fault::GateFails { release: None, times: Some(times) },
            15 => Fault::Stolen { after: Duration::from_secs(random.u64(0..600)) },
            _ if random.bool() => Fault::GateInconclusive { times },
            // A renewal that panics is told in the log, each time.
            _ if operation == Operation::Renew => Fault::Panics(Operation::Lock),
            _ => Fault::Panics(operation),
        });
    }
    faults
}

/// Says what is wrong with a host as a relay, in a rollout that has some.
fn relay_fault(seed: u64, index: usize, weather: Weather) -> Option<Fault> {
    let relays = &mut fastrand::Rng::with_seed(seed.rotate_left(32) ^ index as u64);
    if seed % 4 != 1 || index >= 6 || weather == Weather::Calm || relays.u8(0..3) > 0 {
        return None;
    }
    // What was served is counted anew by the next conductor.
    let after = if weather == Weather::Steady { 0 } else { relays.u32(0..3) };
    let wrong = RelayFault::ALL[relays.usize(0..RelayFault::ALL.len())];
    Some(Fault::Relay { wrong, after })
}

fn commands(random: &mut fastrand::Rng, plan: &Plan) -> Vec<(Duration, Command)> {
    let mut commands: Vec<(Duration, Command)> = Vec::new();
    if random.bool() {
        for _ in 0..random.usize(1..6) {
            let scale = [10, 120, 3000][random.usize(0..3)];
            commands.push((Duration::from_millis(random.u64(0..scale * 1000)), command(random, plan)));
        }
    }
    commands.sort_by_key(|(at, _)| *at);
    commands
}

/// Thinks of something that a person might ask for.
pub(crate) fn command(random: &mut fastrand::Rng, plan: &Plan) -> Command {
    let host = plan.hosts[random.usize(0..plan.hosts.len())].host.clone();
    let reason = || "because".to_owned();
    match random.u8(0..23) {
        0..=2 => Command::Pause,
        3..=6 => Command::Continue,
        7 => Command::Abort,
        8 => Command::Rollback,
        9 | 10 => Command::Retry { host: Some(host) },
        11 | 12 => Command::Retry { host: None },
        13 => Command::Stop,
        14 => Command::Soak { left_s: [0, 30, 3000][random.usize(0..3)], reason: reason() },
        15 => Command::Promote { reason: reason() },
        16 | 17 => Command::Hold { reason: reason() },
        20 => Command::Depool { host, reason: reason() },
        21 => Command::Repool { host, reason: None },
        _ => Command::Skip { host },
    }
}

pub(crate) fn holder(rollout: &str, minutes: i64) -> LockHolder {
    LockHolder {
        owner: operator("bob"),
        rollout: RolloutId::new(rollout).unwrap(),
        reason: None,
        since: epoch() - 1.hour(),
        until: epoch() + minutes.minutes(),
        waits: false,
    }
}

/// Answers as a site whose gates and commands have bad days.
#[derive(Debug)]
pub(crate) struct SimSite {
    random: Mutex<fastrand::Rng>,
    weather: Weather,
    pub(crate) lines: Mutex<Vec<String>>,
}

impl SimSite {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        Self { random: Mutex::new(fastrand::Rng::with_seed(seed)), weather, lines: Mutex::default() }
    }

    fn roll(&self, sides: u8) -> u8 {
        self.random.lock().unwrap().u8(0..sides)
    }

    async fn think(&self) {
        let millis = self.random.lock().unwrap().u64(1..20_000);
        sleep(Duration::from_millis(millis)).await;
    }

    async fn pooled(&self) -> Result<(), SiteError> {
        self.think().await;
        if self.weather == Weather::Rough && self.roll(10) == 0 {
            return Err(SiteError("exit 1".to_owned()));
        }
        Ok(())
    }
}

impl Site for SimSite {
    async fn depool(&self, _host: &HostId) -> Result<(), SiteError> {
        self.pooled().await
    }

    async fn repool(&self, _host: &HostId) -> Result<(), SiteError> {
        self.pooled().await
    }

    async fn ask(&self, _question: &StageQuestion) -> GateAnswer {
        self.think().await;
        let verdict = match self.roll(30) {
            _ if self.weather != Weather::Rough => Verdict::Pass,
            0 => Verdict::Fail,
            1 | 2 => Verdict::Inconclusive,
            _ => Verdict::Pass,
        };
        GateAnswer { verdict, value: Some(1.0), message: "told so".to_owned() }
    }

    async fn phase(&self, _hook: PhaseHook, _stage: Option<&StageName>, _hosts: &[HostId]) -> Result<(), SiteError> {
        self.pooled().await
    }

    async fn beside(&self, _hook: HostHook, _host: &HostId) -> Result<(), SiteError> {
        self.pooled().await
    }

    async fn announce(&self, message: &str) -> Result<(), SiteError> {
        self.lines.lock().unwrap().push(message.to_owned());
        Ok(())
    }
}

/// Makes a rollout over so many hosts: a canary stage and the fleet in waves; one in fifty hosts has something wrong.
pub(crate) fn large(count: usize) -> Scenario {
    let mut scenario = Scenario::of(1, Weather::Steady);
    let (old, new) = (release("1.0.0"), release("2.0.0"));
    let budget = Budget { unreachable: count, transfer: count, activate: count, unhealthy: count };
    let stage = |name, waves: Vec<usize>, concurrency| StagePlan {
        concurrency,
        soak: Duration::from_secs(600),
        budget,
        gates: vec![StageGate {
            name: "error rate".into(),
            every: Duration::from_secs(30),
            baseline: true,
            dry: false,
        }],
        ..plans::stage(StageName::new(name).unwrap(), waves)
    };
    let plan = &mut scenario.plan;
    plan.kind = PlanKind::Install;
    (plan.version, plan.release, plan.digest) = (new.version.clone(), new.id.clone(), new.digest);
    plan.stages = vec![stage("canary", vec![10], 5), stage("fleet", vec![1, count / 10, count - count / 10 - 11], 500)];
    plan.policy.prefetch = Prefetch::All;
    plan.policy.on_failure = OnFailure::Rollback;
    plan.policy.prime_width = 256;
    plan.policy.control_width = 256;
    plan.policy.depool = true;
    plan.policy.confirm = Duration::ZERO;
    plan.policy.carriers.clear();
    plan.hosts.clear();
    scenario.hosts.clear();
    for index in 0..count {
        let id = HostId::new(&format!("mw{index:05}.example.org")).unwrap();
        let disk = Disk::with_good(&old.id);
        let faults = match index % 250 {
            20 => vec![Fault::Unreachable(None)],
            70 => vec![Fault::DiskFull],
            120 => vec![Fault::GateFails { release: Some(new.id.clone()), times: None }],
            170 => vec![Fault::SwitchFails { times: u32::MAX }],
            220 => vec![Fault::Slow(20)],
            _ => Vec::new(),
        };
        let good = Some(RollBackTarget::Release { id: old.id.clone() });
        plan.hosts.push(HostPlan { good, ..plans::host(id.clone()) });
        scenario.hosts.push(Before { id, disk, faults, seed: index as u64 });
    }
    scenario.checks = 1;
    scenario
}
