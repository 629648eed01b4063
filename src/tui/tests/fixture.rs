//! Rollouts as the real machine makes them, and a console to show them on.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(super) use super::console::Console;
pub(super) use super::run::Run;
use crate::deploy::LiveRollout;
use crate::model::{
    Command, Digest, Environment, HostId, HostState, Installed, Operator, ReleaseId, RollBackTarget, RolloutId, Site,
    StageName, Version,
};
use crate::plan::{
    Budget, HostPlan, LeftOut, LeftOutReason, Plan, PlanKind, Policy, Promote, StageGate, StageKind, StagePlan,
};
use crate::plans;
use crate::rollout::Outcome;
use crate::tui::messages::{
    EnvironmentFacts, HistoryRow, LockFacts, Request, Settings, Source, Standing, SurveyHost, SurveyRow, VersionRow,
};
use crate::tui::theme::Theme;

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn host(name: &str) -> HostId {
    HostId::new(name).unwrap()
}

pub(super) fn version(name: &str) -> Version {
    Version::new(name).unwrap()
}

pub(super) fn operator() -> Operator {
    Operator("alice@deploy1".into())
}

pub(super) fn rollout_id() -> RolloutId {
    RolloutId::new("20261121T130200Z-k3f9").unwrap()
}

pub(super) fn release(name: &str, digest: u8) -> ReleaseId {
    ReleaseId::new(&version(name), &Digest([digest; 32]))
}

fn stage(name: &str, kind: StageKind, waves: Vec<usize>, soak: u64, promote: Promote) -> StagePlan {
    StagePlan {
        kind,
        concurrency: 10,
        soak: Duration::from_secs(soak),
        promote,
        budget: Budget { unreachable: 0, transfer: 2, activate: 1, unhealthy: 1 },
        ..plans::stage(StageName::new(name).unwrap(), waves)
    }
}

pub(super) fn names(count: usize) -> Vec<HostId> {
    let site = |i: usize| if i.is_multiple_of(3) { "codfw" } else { "eqiad" };
    (1..=count).map(|i| host(&format!("mw{i:02}.{}.wmnet", site(i)))).collect()
}

/// Plans 4.283.0 on a master, two canaries and the rest of so many hosts.
pub(super) fn plan(count: usize) -> Plan {
    let from = Installed::Release { id: release("4.282.1", 7), digest: Some(Digest([7; 32])), drift: None };
    let good = Some(RollBackTarget::Release { id: release("4.282.1", 7) });
    let planned = |host: HostId| HostPlan {
        site: host.as_str().split('.').nth(1).map(|site| Site(site.into())),
        from: Some(from.clone()),
        good: good.clone(),
        ..plans::host(host)
    };
    let mut canary = stage("canary", StageKind::Targets, vec![2], 900, Promote::Manual);
    canary.gates =
        vec![StageGate { name: "error rate".into(), every: Duration::from_secs(30), baseline: true, dry: false }];
    let rest = count - 2;
    let waves = if rest > 4 { vec![1, rest / 4, rest - 1 - rest / 4] } else { vec![rest] };
    Plan {
        reason: Some("security fix".to_owned()),
        policy: Policy { prime_width: 8, control_width: 16, ..plans::policy() },
        stages: vec![
            stage("masters", StageKind::Masters, vec![1], 0, Promote::Auto),
            canary,
            stage("fleet", StageKind::Targets, waves, 600, Promote::Auto),
        ],
        hosts: std::iter::once(host("deploy1.eqiad.wmnet")).chain(names(count)).map(planned).collect(),
        left_out: vec![
            LeftOut {
                host: host("mw90.eqiad.wmnet"),
                reason: LeftOutReason::Current,
                message: String::new(),
                is_master: false,
            },
            LeftOut {
                host: host("mw91.eqiad.wmnet"),
                reason: LeftOutReason::Current,
                message: String::new(),
                is_master: false,
            },
            LeftOut {
                host: host("mw95.codfw.wmnet"),
                reason: LeftOutReason::Unreachable,
                message: "connection timed out".to_owned(),
                is_master: false,
            },
        ],
        ..plans::plan(rollout_id(), Environment::new("production").unwrap(), version("4.283.0"), Digest([26; 32]))
    }
}

pub(super) fn settings() -> Settings {
    Settings {
        invocation: crate::words::Typed::new(None, Some("production"), None),
        environment: Environment::new("production").unwrap(),
        environments: ["production", "beta"].map(|name| Environment::new(name).unwrap()).to_vec(),
        zone: TimeZone::UTC,
        theme: Theme::default(),
        keys: std::sync::Arc::default(),
        hidden: crate::tui::messages::Hidden::default(),
        read_only: false,
        mouse: false,
        now: at("2026-11-21T13:00:00Z"),
        open: None,
    }
}

pub(super) fn facts() -> EnvironmentFacts {
    EnvironmentFacts {
        name: Environment::new("production").unwrap(),
        channel: "tags".to_owned(),
        release: Some((version("4.283.0"), Some(Digest([26; 32])))),
        lock: None,
        rollouts: Vec::new(),
        debt: Vec::new(),
        out_of_service: Box::default(),
    }
}

pub(super) fn locked(facts: EnvironmentFacts) -> EnvironmentFacts {
    EnvironmentFacts {
        lock: Some(LockFacts {
            owner: Operator("bob@deploy2".into()),
            since: at("2026-11-21T08:30:00Z"),
            reason: Some("network maintenance in codfw".to_owned()),
            is_freeze: true,
        }),
        rollouts: vec![LiveRollout {
            rollout: rollout_id(),
            version: version("4.283.0"),
            emergency: false,
            operator: operator(),
            running: false,
        }],
        ..facts
    }
}

pub(super) fn survey_hosts(count: usize) -> Vec<SurveyHost> {
    names(count)
        .into_iter()
        .enumerate()
        .map(|(place, host)| SurveyHost {
            site: host.as_str().split('.').nth(1).map(|site| Site(site.into())),
            groups: vec![if place < 2 { "canaries".into() } else { "api".into() }],
            host,
        })
        .collect()
}

pub(super) fn survey_row(place: usize, host: HostId) -> SurveyRow {
    let (state, version, behind, cause) = match place % 12 {
        3 => (HostState::Outdated, Some("4.282.1"), Some(1), None),
        5 => (HostState::Unreachable, None, None, Some("ssh: connect to host: Connection timed out")),
        7 => (HostState::Drifted, Some("4.283.0"), None, Some("2 files differ from the manifest: bin/scap, lib/x.py")),
        9 => (HostState::Missing, None, None, None),
        10 => (HostState::Outdated, Some("4.280.0"), Some(4), None),
        11 => (HostState::Unmanaged, Some("4.1"), None, Some("a real folder stands where the link belongs")),
        _ => (HostState::Current, Some("4.283.0"), None, None),
    };
    SurveyRow {
        host,
        settled: state == HostState::Current,
        state,
        version: version.map(str::to_owned),
        digest: None,
        behind,
        latency: Duration::from_millis(20 + 7 * place as u64),
        at: at("2026-11-21T13:00:04Z"),
        cause: cause.map(str::to_owned),
        facts: vec![("python3".to_owned(), "3.11.2".to_owned())],
    }
}

pub(super) fn versions() -> Vec<VersionRow> {
    let row = |name: &str, day: &str, built, standing, hosts| VersionRow {
        version: version(name),
        commit: "1a2b3c4d5e6f".repeat(4).get(..40).and_then(|name| name.parse().ok()),
        author: "Alice Doe".to_owned(),
        at: Some(at(&format!("2026-{day}T10:00:00Z"))),
        built,
        standing,
        hosts,
        head_of: None,
    };
    vec![
        row("4.284.0-rc1", "11-20", false, Standing::Untried, 0),
        row("4.283.0", "11-18", true, Standing::Good, 31),
        row("4.282.1", "11-02", true, Standing::Good, 4),
        row("4.282.0", "10-28", true, Standing::Bad("rolled back on 2026-10-28".to_owned()), 0),
        row("4.281.0", "10-02", false, Standing::Good, 0),
    ]
}

pub(super) fn past() -> Vec<HistoryRow> {
    let row = |id: &str, name: &str, outcome, minutes: u64, debt, kind| HistoryRow {
        rollout: RolloutId::new(id).unwrap(),
        kind,
        version: version(name),
        slot: None,
        emergency: false,
        operator: operator(),
        reason: Some("security fix".to_owned()),
        started: at("2026-11-02T09:15:00Z"),
        took: Some(Duration::from_secs(minutes * 60)),
        lead: (debt == 0).then(|| Duration::from_secs(93_600)),
        outcome,
        overtaken: None,
        hosts: 40,
        debt,
    };
    vec![
        row("20261118T101500Z-aaaa", "4.283.0", None, 12, 0, PlanKind::Install),
        row("20261102T091500Z-bbbb", "4.282.1", Some(Outcome::Completed), 1510, 0, PlanKind::Install),
        row("20261028T100000Z-cccc", "4.282.0", Some(Outcome::RolledBack), 35, 40, PlanKind::Install),
        row("20261028T090000Z-dddd", "4.281.0", Some(Outcome::Completed), 4, 2, PlanKind::Rollback),
    ]
}

pub(super) fn given_plan() -> Arc<Plan> {
    Arc::new(Plan { reason: None, ..plan(24) })
}

/// Gives a console that follows a rollout which runs.
pub(super) fn watching(run: &Run) -> Console {
    let mut console = Console::new(100, 30);
    console.watch(run, Source::Live);
    console.requests();
    console
}

/// Gives the commands that were given to the rollout since.
pub(super) fn commands(console: &mut Console) -> Vec<Command> {
    let commands = console.requests().into_iter().filter_map(|request| match request {
        Request::Command { rollout, command, .. } => {
            assert_eq!(rollout, rollout_id());
            Some(command)
        }
        _ => None,
    });
    commands.collect()
}
