//! Rollouts made up record by record.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{
    Bytes, Digest, Environment, Failure, FailureClass, HostId, Installed, Operator, Phase, ReleaseId, RollBackTarget,
    RolloutId, Site, StageName, Version,
};
use crate::plan::{
    Budget, HostPlan, LeftOut, LeftOutReason, OnFailure, Plan, Policy, Promote, StageGate, StageKind, StagePlan,
};
use crate::plans;
use crate::report::{Look, Style};
use crate::rollout::{Event, Record, State};

pub(crate) const PLAIN: Look = Look { color: false, unicode: true };
pub(crate) const COLOR: Look = Look { color: true, unicode: true };
pub(crate) const ASCII: Look = Look { color: false, unicode: false };

pub(crate) fn style(look: Look) -> Style {
    Style { look, zone: TimeZone::UTC, verbose: false, typed: crate::words::Typed::default() }
}

pub(crate) fn host(name: &str) -> HostId {
    HostId::new(name).unwrap()
}

pub(crate) fn stage_name(name: &str) -> StageName {
    StageName::new(name).unwrap()
}

pub(crate) fn version(name: &str) -> Version {
    Version::new(name).unwrap()
}

pub(crate) fn id(name: &str, digit: u8) -> ReleaseId {
    ReleaseId::new(&version(name), &Digest([digit; 32]))
}

pub(crate) fn release(name: &str, digit: u8) -> Installed {
    Installed::Release { id: id(name, digit), digest: Some(Digest([digit; 32])), drift: None }
}

pub(crate) fn host_plan(name: &str) -> HostPlan {
    HostPlan {
        site: name.split('.').nth(1).map(|site| Site(site.into())),
        from: Some(release("4.282.0", 0x28)),
        good: Some(RollBackTarget::Release { id: id("4.282.0", 0x28) }),
        ..plans::host(host(name))
    }
}

pub(crate) fn stage(name: &str, waves: &[usize]) -> StagePlan {
    StagePlan {
        concurrency: 80,
        budget: Budget { unreachable: 0, transfer: 1, activate: 1, unhealthy: 1 },
        ..plans::stage(stage_name(name), waves)
    }
}

/// One master, two canaries with a soak, a fleet in waves, and a host of each kind that takes no part.
pub(crate) fn plan(fleet: usize) -> Plan {
    let mut names = vec!["deploy01.eqiad.wmnet".to_owned()];
    let digits = (fleet + 2).to_string().len().max(2);
    names.extend((1..=fleet + 2).map(|n| format!("mw{n:0digits$}.eqiad.wmnet")));
    let wave = (fleet / 2).max(1);
    let mut canary = stage("canary", &[2]);
    canary.soak = Duration::from_secs(600);
    canary.promote = Promote::Manual;
    canary.gates =
        vec![StageGate { name: "error rate".into(), every: Duration::from_secs(30), baseline: true, dry: false }];
    Plan {
        operator: Operator("alice@deploy01".into()),
        reason: Some("fixes T123".into()),
        policy: Policy {
            on_failure: OnFailure::Rollback,
            skip_unreachable: true,
            prime_width: 64,
            control_width: 256,
            depool: true,
            ..plans::policy()
        },
        stages: vec![
            StagePlan { kind: StageKind::Masters, ..stage("masters", &[1]) },
            canary,
            stage("fleet", &[wave, fleet - wave]),
        ],
        hosts: names.iter().map(|name| host_plan(name)).collect(),
        left_out: vec![
            LeftOut {
                host: host("db1.codfw.wmnet"),
                reason: LeftOutReason::Current,
                message: String::new(),
                is_master: false,
            },
            LeftOut {
                host: host("db2.codfw.wmnet"),
                reason: LeftOutReason::Excluded,
                message: String::new(),
                is_master: false,
            },
            LeftOut {
                host: host("db3.codfw.wmnet"),
                reason: LeftOutReason::Unreachable,
                message: "no answer within 10s".into(),
                is_master: false,
            },
        ],
        ..plans::plan(
            RolloutId::new("20260301T120000Z-ab12").unwrap(),
            Environment::new("production").unwrap(),
            version("4.283.0"),
            Digest([0x1a; 32]),
        )
    }
}

/// Writes records as an engine would, with a clock that is set by hand.
pub(crate) struct Story {
    pub(crate) records: Vec<Record>,
    pub(crate) state: State,
    pub(crate) plan: Arc<Plan>,
    millis: i64,
}

impl Story {
    pub(crate) fn new(plan: Plan) -> Self {
        let plan = Arc::new(plan);
        let mut story = Self { records: Vec::new(), state: State::new(), plan: Arc::clone(&plan), millis: 0 };
        story.happens(Event::RolloutPlanned { number: None, plan });
        story
    }

    pub(crate) fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        start + jiff::SignedDuration::from_millis(self.millis)
    }

    pub(crate) fn wait(&mut self, millis: i64) {
        self.millis += millis;
    }

    /// Makes a record of an event without telling it.
    pub(crate) fn record(&self, event: Event) -> Record {
        let seq = self.state.seq() + u64::from(event.is_journaled());
        Record { seq, at: self.now(), rollout: self.plan.rollout.clone(), event }
    }

    pub(crate) fn happens(&mut self, event: Event) {
        let record = self.record(event);
        self.state.apply(&record);
        self.records.push(record);
    }

    pub(crate) fn lock(&mut self) {
        for planned in &Arc::clone(&self.plan).hosts {
            self.wait(1);
            self.happens(Event::HostProbed {
                host: planned.host.clone(),
                installed: planned.from.clone().unwrap(),
                good: planned.good.clone(),
                latency_ms: 40 + self.state.seq() % 7,
            });
        }
        self.happens(Event::Locked { hosts: self.plan.hosts.len() });
    }

    pub(crate) fn hosts(&self, stage: &str) -> Vec<HostId> {
        let idx = self.state.stage_named(&stage_name(stage)).unwrap();
        self.state.range_of(idx).map(|index| self.state.host(index).unwrap().id.clone()).collect()
    }

    pub(crate) fn phase(&mut self, host: &HostId, phase: Phase) {
        self.happens(Event::host_phase(host.clone(), phase));
    }

    /// Primes every host, `each` milliseconds after the other.
    pub(crate) fn prime(&mut self, each: i64) {
        let hosts: Vec<HostId> = self.plan.hosts.iter().map(|planned| planned.host.clone()).collect();
        for host in &hosts {
            self.phase(host, Phase::Priming);
        }
        self.wait(2100);
        for host in hosts {
            self.happens(Event::HostPhase {
                host,
                phase: Phase::Primed,
                bytes: Some(Bytes(9_751_757)),
                already: false,
                unproven: false,
                carrier: None,
                relay: None,
            });
            self.wait(each);
        }
    }

    pub(crate) fn start(&mut self, stage: &str) {
        let hosts = self.plan.stages.iter().find(|planned| planned.name.as_str() == stage).unwrap().waves[0];
        self.happens(Event::StageStarted { stage: stage_name(stage) });
        self.happens(Event::WaveStarted { stage: stage_name(stage), wave: 1, hosts });
    }

    /// Switches hosts that all do well.
    pub(crate) fn switch(&mut self, hosts: &[HostId]) {
        for phase in [Phase::Activating, Phase::Active, Phase::Checking] {
            hosts.iter().for_each(|host| self.phase(host, phase));
        }
        self.wait(900);
        hosts.iter().for_each(|host| self.phase(host, Phase::Healthy));
        self.wait(300);
    }

    pub(crate) fn fail(&mut self, host: &HostId, failure: Failure) {
        self.happens(Event::host_failed(host.clone(), failure));
    }

    pub(crate) fn promote(&mut self, stage: &str) {
        self.happens(Event::Promoted { stage: stage_name(stage), by: None, reason: None });
    }

    pub(crate) fn finish(&mut self, outcome: crate::rollout::Outcome) {
        let summary = self.state.summary();
        let exit_code = outcome.exit_code(self.plan.kind, &summary.debt);
        self.happens(Event::RolloutFinished { outcome, exit_code, counts: summary.counts, debt: summary.debt });
    }
}

pub(crate) fn gate_failure() -> Failure {
    Failure::new(FailureClass::Unhealthy, "gate \"answers\" failed: exit 1: connection refused")
        .hint("look at its log: journalctl -u scap")
        .output("starting\n\x1b[31mTraceback\x1b[0m (most recent call last):\n\x1b]0;pwned\x07OSError: connection refused\n")
}

/// A rollout that goes well.
pub(crate) fn good() -> Story {
    use crate::rollout::GateScope;
    let mut story = Story::new(plan(9));
    story.happens(Event::ReleaseBuilt {
        release: story.plan.release.clone(),
        entries: 5012,
        bytes: Bytes(100_663_296),
        reused: false,
        tagged: None,
        took: None,
    });
    story.lock();
    story.wait(400);
    story.prime(300);
    story.start("masters");
    let masters = story.hosts("masters");
    story.switch(&masters);
    story.promote("masters");
    story.start("canary");
    let canaries = story.hosts("canary");
    story.switch(&canaries);
    let until = story.now() + Duration::from_secs(600);
    story.happens(Event::SoakStarted { stage: stage_name("canary"), until });
    for (value, verdict) in [(1.1, crate::model::Verdict::Pass), (1.0, crate::model::Verdict::Pass)] {
        story.wait(30_000);
        story.happens(Event::GateResult {
            gate: "error rate".into(),
            scope: GateScope::Stage,
            stage: stage_name("canary"),
            host: None,
            verdict,
            value: Some(value),
            message: String::new(),
            dry: false,
        });
    }
    story.wait(540_000);
    story.happens(Event::PromotionNeeded { stage: stage_name("canary") });
    story.wait(60_000);
    story.happens(Event::Promoted {
        stage: stage_name("canary"),
        by: Some(Operator("bob@deploy01".into())),
        reason: None,
    });
    story.start("fleet");
    let fleet = story.hosts("fleet");
    story.switch(&fleet[..4]);
    story.happens(Event::WaveStarted { stage: stage_name("fleet"), wave: 2, hosts: 5 });
    story.switch(&fleet[4..]);
    story.promote("fleet");
    story.happens(Event::ReleaseFinalized { release: story.plan.release.clone(), hosts: 12, masters: 0 });
    story.finish(crate::rollout::Outcome::Completed);
    story
}

/// A rollout whose canaries fail, and which goes back by itself.
pub(crate) fn bad() -> Story {
    use crate::rollout::PauseReason;
    let mut story = Story::new(plan(9));
    story.lock();
    story.prime(0);
    story.start("masters");
    let masters = story.hosts("masters");
    story.switch(&masters);
    story.promote("masters");
    story.start("canary");
    let canaries = story.hosts("canary");
    for host in &canaries {
        story.phase(host, Phase::Activating);
        story.phase(host, Phase::Active);
        story.phase(host, Phase::Checking);
    }
    story.wait(1000);
    for host in &canaries {
        story.fail(host, gate_failure());
        story.phase(host, Phase::RollingBack);
    }
    story.happens(Event::Stopping {
        why: PauseReason::OverBudget {
            stage: stage_name("canary"),
            class: FailureClass::Unhealthy,
            failed: 2,
            allowed: 1,
        },
    });
    story.wait(700);
    canaries.iter().for_each(|host| story.phase(host, Phase::RolledBack));
    story.wait(300);
    story.happens(Event::RollbackStarted { by: None, hosts: 1 });
    story.phase(&masters[0], Phase::RollingBack);
    story.wait(500);
    story.fail(
        &masters[0],
        Failure::new(FailureClass::Unreachable, "the connection broke").hint("is deploy01 up? ssh deploy01"),
    );
    story.happens(Event::HostDepooled {
        host: masters[0].clone(),
        by: None,
        reason: None,
        error: Some("exit 2: no such\nservice".into()),
    });
    story.finish(crate::rollout::Outcome::RolledBack);
    story
}
