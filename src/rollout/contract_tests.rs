//! What other programs read of a rollout: the kinds of events, and the fields of each.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::table::{eve, host, plan};
use super::{
    Debt, Effect, Event, GateScope, HostEnd, Input, Machine, Outcome, PauseReason, Record, RecordError, State, Task,
    TaskError, TaskOutput, nothing_done,
};
use crate::model::{
    Bytes, Carrier, CarrierFailed, Digest, Failure, FailureClass, GateReport, HostHook, HostId, HostIdx, Installed,
    LockHolder, Phase, PhaseHook, Pooling, PushBack, RelayFailed, RelayStarted, ReleaseId, RollBackTarget, Slot,
    Squeeze, StageName, Verdict, Version,
};
use crate::plan::{Plan, PlanKind, Promote};

/// The kinds and fields that the contract names, beside those of every record.
const CONTRACT: [(&str, &[&str]); 39] = [
    ("rollout_planned", &["plan"]),
    ("locked", &["hosts"]),
    ("host_probed", &["host", "installed", "latency_s"]),
    ("release_built", &["release"]),
    ("stage_started", &["stage"]),
    ("wave_started", &["stage", "wave", "hosts"]),
    ("host_phase", &["host", "phase"]),
    ("host_progress", &["host", "bytes", "total", "rate", "eta"]),
    ("connections_squeezed", &["way", "at_once", "most", "why"]),
    ("host_failed", &["host", "class", "message"]),
    ("host_skipped", &["host", "reason"]),
    ("gate_result", &["gate", "scope", "stage", "verdict"]),
    ("hook_ran", &["hook"]),
    ("host_hook_failed", &["host", "hook", "error"]),
    ("soak_started", &["stage", "until"]),
    ("promotion_needed", &["stage"]),
    ("promoted", &["stage"]),
    ("paused", &["why"]),
    ("continued", &["by"]),
    ("abort_requested", &["by"]),
    ("rollback_started", &["hosts"]),
    ("release_finalized", &["release", "hosts"]),
    ("rollout_finished", &["outcome", "exit_code", "counts", "debt"]),
    ("soak_changed", &["stage", "until", "by", "reason", "promotes"]),
    ("held", &["stage", "by", "reason"]),
    ("suspended", &["by"]),
    ("resumed", &["by"]),
    ("lock_taken_over", &["host", "holder"]),
    ("lock_lost", &["host", "holder"]),
    ("stage_skipped", &["stage"]),
    ("hosts_awaited", &["hosts", "at_most_s", "without"]),
    ("host_retried", &["host", "by"]),
    ("service_asked", &["host", "what", "by", "reason"]),
    ("host_depooled", &["host", "by", "reason"]),
    ("host_repooled", &["host", "error"]),
    ("stopping", &["why"]),
    ("relay_started", &["host", "address", "hosts"]),
    ("relay_failed", &["host", "message"]),
    ("carrier_failed", &["host", "carrier", "message"]),
];

fn written(event: Event) -> Value {
    let record = Record { seq: 7, at: Timestamp::UNIX_EPOCH, rollout: plan().rollout, event };
    let line = record.to_line().unwrap();
    assert_eq!(Record::from_line(&line).unwrap(), record, "{line}");
    serde_json::from_str(&line).unwrap()
}

fn every_kind() -> Vec<Event> {
    let stage = || StageName::new("canary").unwrap();
    let release = plan().release;
    let debt = Debt { host: host(0), end: HostEnd::Failed, class: Some(FailureClass::Transfer), message: "m".into() };
    vec![
        Event::RolloutPlanned { number: Some(7), plan: plan().into() },
        Event::Locked { hosts: 1 },
        Event::HostProbed { host: host(0), installed: Installed::Missing, good: None, latency_ms: 41 },
        Event::ReleaseBuilt {
            release: release.clone(),
            entries: 1,
            bytes: Bytes(1),
            reused: false,
            tagged: None,
            took: None,
        },
        Event::StageStarted { stage: stage() },
        Event::WaveStarted { stage: stage(), wave: 1, hosts: 2 },
        Event::host_phase(host(0), Phase::Priming),
        Event::HostProgress { host: host(0), bytes: Bytes(1), total: Bytes(2), rate: Bytes(1), eta: None },
        Event::ConnectionsSqueezed(Squeeze { way: None, at_once: 15, most: 30, why: PushBack::TurnedAway }),
        Event::host_failed(host(0), Failure::new(FailureClass::Activate, "m")),
        Event::HostSkipped { host: host(0), reason: "r".into(), overtaken: false },
        Event::GateResult {
            gate: "answers".into(),
            scope: GateScope::Host,
            stage: stage(),
            host: Some(host(0)),
            verdict: Verdict::Pass,
            value: None,
            message: String::new(),
            dry: false,
        },
        Event::HookRan { hook: PhaseHook::AfterSwitch, stage: Some(stage()), error: None },
        Event::HostHookFailed { host: host(0), hook: HostHook::BeforeRollback, error: "exit 1".into() },
        Event::SoakStarted { stage: stage(), until: Timestamp::UNIX_EPOCH },
        Event::PromotionNeeded { stage: stage() },
        Event::Promoted { stage: stage(), by: None, reason: None },
        Event::SoakChanged {
            stage: stage(),
            until: Timestamp::UNIX_EPOCH,
            by: eve(),
            reason: "r".into(),
            promotes: true,
        },
        Event::Held { stage: stage(), by: eve(), reason: "r".into() },
        Event::Paused { why: PauseReason::Operator { by: eve() } },
        Event::Continued { by: eve() },
        Event::AbortRequested { by: eve() },
        Event::RollbackStarted { by: None, hosts: 1 },
        Event::ReleaseFinalized { release, hosts: 1, masters: 0 },
        Event::RolloutFinished {
            outcome: Outcome::Completed,
            exit_code: 3,
            counts: BTreeMap::from([(HostEnd::Healthy, 1)]),
            debt: vec![debt],
        },
        Event::Suspended { by: eve() },
        Event::Resumed { by: eve() },
        Event::LockTakenOver { host: host(0), holder: holder() },
        Event::LockLost { host: host(0), holder: Some(holder()) },
        Event::StageSkipped { stage: stage() },
        Event::HostsAwaited { hosts: vec![host(0)], at_most_s: 30, without: "w".into() },
        Event::HostRetried { host: host(0), by: eve() },
        Event::ServiceAsked { host: host(0), what: Pooling::Depool, by: eve(), reason: Some("r".into()) },
        Event::HostDepooled { host: host(0), by: Some(eve()), reason: Some("r".into()), error: None },
        Event::HostRepooled { host: host(0), by: None, reason: None, error: Some("exit 1".into()) },
        Event::Stopping { why: PauseReason::Operator { by: eve() } },
        Event::RelayStarted(RelayStarted { host: host(0), address: "mw01:873".into(), hosts: 3 }),
        Event::RelayFailed(RelayFailed { host: host(0), message: "m".into() }),
        Event::CarrierFailed(CarrierFailed {
            host: host(0),
            carrier: Carrier::ALL[0],
            relay: Some(host(1)),
            message: "m".into(),
        }),
    ]
}

fn holder() -> Box<LockHolder> {
    let (owner, rollout) = (eve(), plan().rollout);
    let (since, until) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
    Box::new(LockHolder { owner, rollout, since, until, reason: None, waits: false })
}

#[test]
fn every_kind_of_the_contract_is_written_with_its_fields() {
    let lines: Vec<Value> = every_kind().into_iter().map(written).collect();
    for (kind, fields) in CONTRACT {
        let line = lines.iter().find(|line| line["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"));
        for field in ["v", "seq", "at", "rollout"].iter().chain(fields) {
            assert!(line.get(field).is_some(), "{kind} has no {field}: {line}");
        }
    }
    // Whoever adds a kind tells other programs of it.
    let body = include_str!("event.rs").split("pub enum Event {").nth(1).unwrap().split("\n}\n").next().unwrap();
    let kinds = body.lines().filter_map(|line| line.strip_prefix("    "));
    let kinds = kinds.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase())).count();
    assert_eq!(kinds - 1, CONTRACT.len(), "all but the unknown one");
    let phases = ["priming", "primed", "activating", "active", "checking", "healthy", "rolling_back", "rolled_back"];
    let known = Phase::ALL.map(|phase| serde_json::to_value(phase).unwrap());
    assert!(phases.iter().all(|phase| known.contains(&Value::from(*phase))));
    let classes = FailureClass::ALL.map(|class| serde_json::to_value(class).unwrap());
    assert_eq!(classes, ["unreachable", "transfer", "activate", "unhealthy"]);
}

#[test]
fn a_line_is_written_in_one_order_and_read_in_any() {
    let record = |event| Record { seq: 7, at: Timestamp::UNIX_EPOCH, rollout: plan().rollout, event };
    let head = r#"{"v":1,"seq":7,"at":"1970-01-01T00:00:00Z","rollout":"r1","kind":"#;
    let squeeze = Squeeze { way: None, at_once: 15, most: 30, why: PushBack::TurnedAway };
    for (event, tail) in [
        (Event::host_phase(host(0), Phase::Primed), r#""host_phase","host":"mw01","phase":"primed"}"#),
        (
            Event::ConnectionsSqueezed(squeeze),
            r#""connections_squeezed","way":null,"at_once":15,"most":30,"why":"turned_away"}"#,
        ),
        (
            Event::HostSkipped { host: host(0), reason: ":{".into(), overtaken: true },
            r#""host_skipped","host":"mw01","reason":":{","overtaken":true}"#,
        ),
        (Event::Unknown, r#""unknown"}"#),
    ] {
        assert_eq!(record(event).to_line().unwrap(), format!("{head}{tail}"));
    }
    for event in every_kind() {
        let Value::Object(fields) = written(event.clone()) else { panic!("{event:?}") };
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        let kind = fields.iter().position(|field| field.starts_with("\"kind\"")).unwrap();
        for first in 0..fields.len() {
            let mut turned = fields.clone();
            turned.rotate_left(first);
            let line = format!("{{{}}}", turned.join(","));
            assert_eq!(Record::from_line(&line).unwrap(), record(event.clone()), "{line}");
            turned.retain(|field| *field != fields[kind]);
            assert!(Record::from_line(&format!("{{{}}}", turned.join(","))).is_err(), "{line} without its kind");
        }
    }
}

#[test]
fn what_a_later_version_adds_is_passed_over_wherever_it_stands() {
    let known = Record {
        seq: 7,
        at: Timestamp::UNIX_EPOCH,
        rollout: plan().rollout,
        event: Event::host_phase(host(0), Phase::Primed),
    };
    let line = known.to_line().unwrap();
    for place in [r#""v":1"#, r#""kind":"#, r#""phase":"#] {
        let more = line.replace(place, &format!(r#""more":{{"kind":[1,{{"v":2}}]}},{place}"#));
        assert_eq!(Record::from_line(&more).unwrap(), known, "{more}");
        let other = more.replace("host_phase", "host_promoted");
        assert_eq!(Record::from_line(&other).unwrap(), Record { event: Event::Unknown, ..known.clone() }, "{other}");
        let later = more.replace(r#""v":1"#, r#""v":2"#);
        assert!(matches!(Record::from_line(&later), Err(RecordError::Version(2))), "{later}");
        for torn in 1..more.len() {
            let torn = more.get(..torn).unwrap();
            assert!(Record::from_line(torn).is_err(), "{torn}");
        }
    }
}

#[test]
fn a_plan_and_a_pause_say_what_is_out_of_the_ordinary() {
    let slot = Some(Slot::new("slot0").unwrap());
    let planned =
        written(Event::RolloutPlanned { number: None, plan: Plan { slot, emergency: true, ..plan() }.into() });
    assert_eq!((&planned["plan"]["slot"], &planned["plan"]["emergency"]), (&"slot0".into(), &true.into()));
    let (until, why) = (Timestamp::UNIX_EPOCH, Some("the other site moves".to_owned()));
    let frozen = written(Event::Paused { why: PauseReason::FreezeWindow { window: "w".into(), until, why } });
    for (field, value) in [("reason", "freeze_window"), ("window", "w"), ("why", "the other site moves")] {
        assert_eq!(frozen["why"][field], value, "{frozen}");
    }
    let (hook, message) = (PhaseHook::BeforeLock, "exit 1".to_owned());
    let hooked = written(Event::Stopping { why: PauseReason::HookFailed { hook, stage: None, message } });
    for (field, value) in [("reason", "hook_failed"), ("hook", "before_lock"), ("message", "exit 1")] {
        assert_eq!(hooked["why"][field], value, "{hooked}");
    }
}

#[test]
fn every_duration_is_a_number_of_seconds_by_its_name() {
    fn look(value: &Value, path: &str) {
        match value {
            Value::Object(fields) => {
                assert!(!fields.contains_key("nanos"), "{path} is no number");
                for (name, value) in fields {
                    assert!(!name.ends_with("_ms"), "{path}.{name}");
                    assert!(!name.ends_with("_s") || value.is_number(), "{path}.{name} is {value}");
                    look(value, &format!("{path}.{name}"));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| look(item, path)),
            _ => {}
        }
    }
    for event in every_kind() {
        let line = written(event);
        look(&line, line["kind"].as_str().unwrap());
    }
}

#[test]
fn a_number_is_read_back_as_it_was_written() {
    // What other readers of JSON take for their neighbours: who watches would hear other numbers than the journal has.
    for took in [4.103_291_310_999_999_6, 0.1 + 0.2, 5.8e-7, 123_456.789_012_345_6] {
        let mut events = every_kind();
        events.retain(|event| matches!(event, Event::ReleaseBuilt { .. }));
        let Some(Event::ReleaseBuilt { took: built_in, .. }) = events.first_mut() else { panic!() };
        *built_in = Some(took);
        let rollout = plan().rollout;
        let record = Record { seq: 1, at: Timestamp::UNIX_EPOCH, rollout, event: events.remove(0) };
        let line = record.to_line().unwrap();
        let again = Record::from_line(&line).unwrap();
        assert_eq!(again.to_line().unwrap(), line);
        assert_eq!(again, record);
    }
}

/// Does whatever a machine asks for until it asks for nothing more, and gives all that happened.
fn play(plan: Plan, answer: impl Fn(&HostId, &Task) -> Result<TaskOutput, TaskError>) -> (Machine, Vec<Record>) {
    let (machine, first) = Machine::plan(plan, Timestamp::UNIX_EPOCH);
    drive(machine, vec![first], answer)
}

fn drive(
    mut machine: Machine,
    mut records: Vec<Record>,
    answer: impl Fn(&HostId, &Task) -> Result<TaskOutput, TaskError>,
) -> (Machine, Vec<Record>) {
    let mut open = VecDeque::from([Input::Begin { by: eve() }]);
    while let Some(input) = open.pop_front() {
        let step = machine.step(input, Timestamp::UNIX_EPOCH);
        records.extend(step.records);
        for effect in step.effects {
            if let Effect::Start { host, task } = effect {
                let result = answer(&host, &task);
                open.push_back(Input::Done { host, task, result });
            }
        }
    }
    (machine, records)
}

fn quick() -> Plan {
    let mut plan = plan();
    for stage in &mut plan.stages {
        stage.soak = Duration::ZERO;
        stage.promote = Promote::Auto;
    }
    plan
}

fn good() -> ReleaseId {
    ReleaseId::new(&Version::new("1.0").unwrap(), &Digest([1; 32]))
}

fn well(task: &Task, verdict: Verdict) -> TaskOutput {
    match task {
        Task::Lock => TaskOutput::Locked {
            installed: Installed::Missing,
            good: Some(RollBackTarget::Release { id: good() }),
            latency_ms: 1,
            taken_from: None,
        },
        Task::Prime => TaskOutput::Primed { already: false, bytes: Bytes(1), carried: None },
        Task::Activate => TaskOutput::Activated { already: false },
        Task::Check => {
            let message = if verdict == Verdict::Pass { "" } else { "exit 1" };
            let gate = |gate: &str, verdict| GateReport {
                gate: gate.into(),
                verdict,
                message: message.into(),
                output: String::new(),
                dry: false,
            };
            TaskOutput::Checked { gates: vec![gate("answers", Verdict::Pass), gate("page", verdict)] }
        }
        _ => TaskOutput::Done,
    }
}

#[test]
fn every_answer_of_a_gate_is_an_event_passing_ones_too() {
    let (_, records) = play(quick(), |_, task| Ok(well(task, Verdict::Pass)));
    let passed = |record: &&Record| {
        matches!(record.event, Event::GateResult { scope: GateScope::Host, verdict: Verdict::Pass, host: Some(_), .. })
    };
    assert_eq!(records.iter().filter(passed).count(), 8, "two gates on four hosts");
    assert!(records.iter().filter(passed).all(|record| record.event.is_journaled()));
    assert!(matches!(records.last().unwrap().event, Event::RolloutFinished { exit_code: 0, .. }));
}

#[test]
fn a_host_that_is_sick_on_both_releases_went_back_all_the_same() {
    let sick = host(0);
    let (machine, _) = play(quick(), |asked, task| match task {
        Task::Check if *asked == sick => Ok(well(task, Verdict::Fail)),
        Task::RollBack { .. } => {
            let message = "went back, and there too gate \"page\" failed: exit 1";
            Err(TaskError::Failed(Box::new(Failure::new(FailureClass::Unhealthy, message))))
        }
        _ => Ok(well(task, Verdict::Pass)),
    });
    let status = machine.state().host(HostIdx(0)).unwrap();
    let message = &status.failure.as_ref().unwrap().message;
    assert!(status.unwell && status.stranded, "{status:?}");
    assert_eq!(message, "gate \"page\" failed: exit 1; went back, and there too gate \"page\" failed: exit 1");
}

#[test]
fn a_host_that_took_its_switch_back_while_nobody_could_reach_it_counts_as_one_that_went_back() {
    let alone = host(0);
    let lost = || TaskError::Failed(Box::new(Failure::new(FailureClass::Unreachable, "no answer for 10 s")));
    let (machine, records) = play(quick(), |asked, task| match task {
        Task::Activate | Task::RollBack { .. } if *asked == alone => Err(lost()),
        _ => Ok(well(task, Verdict::Pass)),
    });
    let status = machine.state().host(HostIdx(0)).unwrap();
    assert!(machine.state().paused().is_some() && status.unheard, "{status:?}");
    // Whoever resumes asks it first, and believes what it says.
    let resumed = Machine::resume(State::replay(&records), Timestamp::UNIX_EPOCH).unwrap();
    let (machine, _) = drive(resumed, records, |asked, task| match well(task, Verdict::Pass) {
        TaskOutput::Locked { good, latency_ms, taken_from, .. } if *asked == alone => {
            let installed = Installed::Release { id: self::good(), digest: None, drift: None };
            Ok(TaskOutput::Locked { installed, good, latency_ms, taken_from })
        }
        output => Ok(output),
    });
    let status = machine.state().host(HostIdx(0)).unwrap();
    assert_eq!(machine.state().host_end(HostIdx(0)), HostEnd::RolledBack);
    assert!(!status.unheard && !status.stranded, "{status:?}");
    assert_eq!(status.failure.as_ref().unwrap().message, "no answer for 10 s");
}

#[test]
fn what_was_found_hung_is_not_waited_for_again_whichever_way_it_goes() {
    for kind in [PlanKind::Install, PlanKind::Rollback] {
        let mut plan = quick();
        plan.kind = kind;
        plan.stages.iter_mut().for_each(|stage| stage.budget.unreachable = 1);
        plan.hosts[3].from = None;
        plan.hosts[3].lost = Some(Failure::new(FailureClass::Unreachable, "no shell answered for 10 s"));
        let (machine, _) = play(plan, |asked, task| {
            assert_ne!(*asked, host(3), "{kind:?}: {task:?}");
            Ok(well(task, Verdict::Pass))
        });
        assert_eq!(machine.state().host_end(HostIdx(3)), HostEnd::Unreachable, "{kind:?}");
        assert!(
            (0..3).map(HostIdx).all(|index| machine.state().host_end(index) == HostEnd::Healthy),
            "{kind:?}: the others go on"
        );
    }
}

#[test]
fn a_rollout_with_nothing_to_do_ends_as_others_do() {
    let mut plan = quick();
    plan.hosts.clear();
    plan.stages.iter_mut().for_each(|stage| stage.waves.clear());
    let [planned, finished] = nothing_done(&plan, Timestamp::UNIX_EPOCH);
    assert!(matches!(planned.event, Event::RolloutPlanned { .. }));
    assert_eq!((planned.seq, finished.seq), (1, 2));
    let Event::RolloutFinished { outcome, exit_code, debt, .. } = finished.event else { panic!("{finished:?}") };
    assert_eq!((outcome, exit_code, debt), (Outcome::Completed, 0, Vec::new()));
}
