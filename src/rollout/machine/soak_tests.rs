//! Soaks and the gates of stages, whose answers decide whether a rollout goes on.

use std::time::Duration;

use jiff::Timestamp;

use super::table::{after, eve, host, plan, state_of, taken_over, way};
use super::{Effect, Input, Machine, Step, Task, TaskOutput};
use crate::model::{Command, HostId, Installed, RollBackTarget, StageIdx, Verdict};
use crate::plan::{Plan, Promote, StageGate};
use crate::rollout::event::{Event, GateScope};
use crate::rollout::pause::PauseReason;
use crate::rollout::state::Mode;

const CANARY: StageIdx = StageIdx(0);

fn gate(dry: bool) -> StageGate {
    StageGate { name: "rate".into(), every: Duration::from_secs(30), baseline: true, dry }
}

/// Plans canaries with these gates, whose stage promotes itself after ten minutes.
fn planned(gates: Vec<StageGate>) -> Plan {
    let mut plan = plan();
    plan.stages[0].gates = gates;
    plan.stages[0].promote = Promote::Auto;
    plan
}

/// Gives a conductor that goes on with a rollout so many seconds after its canaries began to soak; the one before died then.
fn resumed(gates: Vec<StageGate>, seconds: i64) -> (Machine, Step) {
    let mut events = way()[..5].concat();
    events.push(Event::SoakStarted { stage: planned(vec![]).stages[0].name.clone(), until: after(600) });
    taken_over(state_of(planned(gates), events), seconds)
}

fn answered(machine: &mut Machine, scope: GateScope, verdict: Verdict, value: f64, seconds: i64) -> Step {
    let input = Input::Gate {
        stage: CANARY,
        gate: "rate".into(),
        scope,
        verdict,
        value: Some(value),
        message: "12 of 100 requests".to_owned(),
    };
    machine.step(input, after(seconds))
}

fn asks(step: &Step) -> usize {
    step.effects.iter().filter(|effect| matches!(effect, Effect::Ask { .. })).count()
}

fn is_promoted(step: &Step) -> bool {
    step.records.iter().any(|record| matches!(record.event, Event::Promoted { .. }))
}

#[test]
fn time_that_nobody_saw_does_not_count_without_a_gate_that_can_vouch_for_it() {
    for gates in [vec![], vec![gate(true)]] {
        let (machine, step) = resumed(gates, 100_000);
        let until: Vec<Timestamp> = step
            .records
            .iter()
            .filter_map(|record| match record.event {
                Event::SoakStarted { until, .. } => Some(until),
                _ => None,
            })
            .collect();
        assert_eq!(until, [after(100_600)]);
        assert!(!is_promoted(&step));
        assert_eq!(machine.state().mode(), Mode::Soaking { stage: CANARY });
    }
}

#[test]
fn who_goes_on_leaves_hosts_alone_that_another_came_to_before_their_lock_was_ever_taken() {
    let mut plan = planned(vec![]);
    for host in &mut plan.hosts {
        host.from = Some(Installed::Missing);
    }
    let other: crate::model::ReleaseId = "9.0.0-09090909".parse().unwrap();
    // The conductor before was stopped when it had no lock but the first.
    let probed = Event::HostProbed {
        host: host(0),
        installed: Installed::Missing,
        good: Some(RollBackTarget::Nothing),
        latency_ms: 1,
    };
    let mut machine = Machine::resume(state_of(plan, vec![probed]), after(10)).unwrap();
    machine.step(Input::Begin { by: eve() }, after(10));
    let mut skipped = Vec::new();
    for index in 0..4 {
        let installed = match index {
            2 => Installed::Release { id: other.clone(), digest: None, drift: None },
            _ => Installed::Missing,
        };
        let locked =
            TaskOutput::Locked { installed, good: Some(RollBackTarget::Nothing), latency_ms: 1, taken_from: None };
        let step = machine.step(Input::Done { host: host(index), task: Task::Lock, result: Ok(locked) }, after(11));
        skipped.extend(step.records.into_iter().filter_map(|record| match record.event {
            Event::HostSkipped { host, .. } => Some(host),
            _ => None,
        }));
    }
    assert_eq!(skipped, [host(2)]);
}

#[test]
fn what_another_put_on_a_switched_host_does_not_go_back_with_the_others() {
    let release = |installed: &str| Installed::Release { id: installed.parse().unwrap(), digest: None, drift: None };
    let ours = plan().release.to_string();
    // Both canaries were healthy when the conductor died.
    let state = state_of(planned(vec![]), way()[..5].concat());
    let mut machine = Machine::resume(state, after(10)).unwrap();
    machine.step(Input::Begin { by: eve() }, after(10));
    for index in 0..4 {
        let installed = match index {
            0 => release("9.0.0-09090909"),
            1 => release(&ours),
            _ => Installed::Missing,
        };
        let good = match index {
            0 => RollBackTarget::Release { id: "9.0.0-09090909".parse().unwrap() },
            _ => RollBackTarget::Nothing,
        };
        let locked = TaskOutput::Locked { installed, good: Some(good), latency_ms: 1, taken_from: None };
        machine.step(Input::Done { host: host(index), task: Task::Lock, result: Ok(locked) }, after(11));
    }
    let step = machine.step(Input::Command { command: Command::Rollback, by: eve() }, after(12));
    let back: Vec<HostId> = step
        .effects
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Start { host, task: Task::RollBack { .. } } => Some(host),
            _ => None,
        })
        .collect();
    assert_eq!(back, [host(1)]);
    // Nor does it for whoever goes on after that.
    assert!(machine.state().switched().all(|index| index.0 != 0));
}

#[test]
fn a_clock_that_was_set_back_makes_no_soak_longer() {
    // The conductor before ran under a clock that was years ahead, and died after a minute of ten.
    let years = 300_000_000;
    for gates in [vec![], vec![gate(false)]] {
        let is_vouched = !gates.is_empty();
        let mut events = way()[..5].concat();
        events.push(Event::SoakStarted { stage: planned(vec![]).stages[0].name.clone(), until: after(years + 600) });
        let mut state = state_of(planned(gates), events);
        let seq = state.seq() + 1;
        let rollout = state.rollout().cloned().unwrap();
        let event = Event::Continued { by: eve() };
        state.apply(&crate::rollout::Record { seq, at: after(years + 60), rollout, event });
        let mut machine = Machine::resume(state, after(50)).unwrap();
        machine.step(Input::Begin { by: eve() }, after(50));
        for index in 0..4 {
            let installed = Installed::Missing;
            let good = Some(RollBackTarget::Nothing);
            let locked = TaskOutput::Locked { installed, good, latency_ms: 1, taken_from: None };
            machine.step(Input::Done { host: host(index), task: Task::Lock, result: Ok(locked) }, after(50));
        }
        if is_vouched {
            assert!(!is_promoted(&answered(&mut machine, GateScope::Stage, Verdict::Pass, 1.0, 51)));
        }
        assert!(!is_promoted(&machine.step(Input::Tick, after(589))));
        let mut step = machine.step(Input::Tick, after(590));
        if asks(&step) > 0 || !is_promoted(&step) {
            step = answered(&mut machine, GateScope::Stage, Verdict::Pass, 1.0, 590);
        }
        assert!(is_promoted(&step), "{is_vouched}: {:?}", machine.state().mode());
    }
}

#[test]
fn time_that_nobody_saw_counts_once_a_gate_was_asked_afterwards() {
    let (mut machine, step) = resumed(vec![gate(false)], 100_000);
    assert!(!is_promoted(&step), "nobody has vouched for it yet");
    assert_eq!(asks(&step), 1);
    let step = answered(&mut machine, GateScope::Stage, Verdict::Pass, 1.0, 100_001);
    assert!(is_promoted(&step));
}

#[test]
fn a_gate_that_cannot_tell_pauses_and_goes_on_by_itself_when_it_can() {
    let (mut machine, _) = resumed(vec![gate(false)], 10);
    let step = answered(&mut machine, GateScope::Stage, Verdict::Inconclusive, 1.0, 11);
    assert!(!is_promoted(&step));
    match machine.state().paused() {
        Some(PauseReason::GateInconclusive { gate, message, .. }) => {
            assert_eq!((gate.as_str(), message.as_str()), ("rate", "12 of 100 requests"));
        }
        other => panic!("{other:?}"),
    }
    // It is asked on while the rollout waits for it.
    assert_eq!(machine.next_deadline(), Some(after(41)));
    assert_eq!(asks(&machine.step(Input::Tick, after(41))), 1);
    answered(&mut machine, GateScope::Stage, Verdict::Pass, 1.0, 42);
    assert_eq!(machine.state().paused(), None);
}

#[test]
fn a_gate_that_fails_stops_and_a_dry_one_is_only_told() {
    let (mut machine, _) = resumed(vec![gate(false)], 10);
    answered(&mut machine, GateScope::Stage, Verdict::Fail, 12.0, 11);
    assert!(matches!(machine.state().paused(), Some(PauseReason::GateFailed { .. })));
    let (mut machine, _) = resumed(vec![gate(true)], 10);
    let step = answered(&mut machine, GateScope::Stage, Verdict::Fail, 12.0, 11);
    assert!(step.records.iter().any(|record| matches!(record.event, Event::GateResult { dry: true, .. })));
    assert_eq!((machine.state().paused(), machine.state().stopping()), (None, None));
}

#[test]
fn a_retry_is_judged_against_the_baseline_from_before_the_first_attempt() {
    let (mut machine, _) = resumed(vec![gate(false)], 10);
    answered(&mut machine, GateScope::Baseline, Verdict::Pass, 2.0, 11);
    machine.step(Input::Command { command: Command::Retry { host: None }, by: eve() }, after(12));
    // What the failed attempt left would be easy to beat.
    answered(&mut machine, GateScope::Baseline, Verdict::Pass, 80.0, 13);
    let (_, status) = machine.state().stage(CANARY).unwrap();
    assert_eq!(status.gates[0].baseline, Some(2.0));
}
