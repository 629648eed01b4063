//! What a person decides otherwise than the plan has it: another end of a soak, an early promotion, a stage that is held.

use std::time::Duration;

use super::table::{after, answer, eve, host, plan, state_of, taken_over, way};
use super::{Input, Machine, Task};
use crate::model::{Command, Operator, PushBack, Squeeze, StageIdx, Verdict};
use crate::plan::{Plan, Promote, StageGate};
use crate::rollout::event::{Event, GateScope};
use crate::rollout::refusal::refusal;
use crate::rollout::state::Mode;

const CANARY: StageIdx = StageIdx(0);

fn soak(left_s: u64) -> Command {
    Command::Soak { left_s, reason: "quiet".to_owned() }
}

fn promote() -> Command {
    Command::Promote { reason: "a fix is urgent".to_owned() }
}

fn hold() -> Command {
    Command::Hold { reason: "odd graphs".to_owned() }
}

fn planned(gated: bool, promoted: Promote) -> Plan {
    let mut plan = plan();
    plan.stages[0].promote = promoted;
    if gated {
        let (name, every) = ("rate".into(), Duration::from_secs(30));
        plan.stages[0].gates = vec![StageGate { name, every, baseline: false, dry: false }];
    }
    plan
}

/// Gives a conductor whose canaries have soaked for a minute of ten.
fn soaking(gated: bool, promoted: Promote) -> Machine {
    let plan = planned(gated, promoted);
    let mut events = way()[..5].concat();
    events.push(Event::SoakStarted { stage: plan.stages[0].name.clone(), until: after(600) });
    taken_over(state_of(plan, events), 60).0
}

fn give(machine: &mut Machine, command: Command, seconds: i64) -> Vec<Event> {
    let step = machine.step(Input::Command { command, by: eve() }, after(seconds));
    assert_eq!(step.reply, Some(Ok(())));
    step.records.into_iter().map(|record| record.event).collect()
}

fn tick(machine: &mut Machine, seconds: i64) -> Vec<Event> {
    machine.step(Input::Tick, after(seconds)).records.into_iter().map(|record| record.event).collect()
}

fn promoted_by(events: &[Event]) -> Option<(Option<Operator>, Option<String>)> {
    events.iter().find_map(|event| match event {
        Event::Promoted { by, reason, .. } => Some((by.clone(), reason.clone())),
        _ => None,
    })
}

fn waits(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::PromotionNeeded { .. }))
}

#[test]
fn a_soak_ends_when_a_person_says_and_then_comes_what_the_plan_has() {
    for (promoted, goes_on) in [(Promote::Auto, true), (Promote::Manual, false)] {
        let mut machine = soaking(false, promoted);
        let events = give(&mut machine, soak(20), 60);
        let [Event::SoakChanged { until, by, reason, promotes, .. }] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((*until, by, reason.as_str(), *promotes), (after(80), &eve(), "quiet", false));
        assert_eq!(machine.next_deadline(), Some(after(80)), "it wakes up for the new end");
        assert!(tick(&mut machine, 79).is_empty());
        let events = tick(&mut machine, 80);
        assert_eq!((promoted_by(&events).is_some(), waits(&events)), (goes_on, !goes_on), "{events:?}");
    }
    // It is made longer the same way, and ended at once by no time at all.
    let mut machine = soaking(false, Promote::Auto);
    give(&mut machine, soak(6000), 60);
    assert!(tick(&mut machine, 700).is_empty());
    assert!(promoted_by(&give(&mut machine, soak(0), 701)).is_some());
}

#[test]
fn who_promotes_early_is_named_with_the_reason_and_passes_over_no_gate() {
    let told = Some((Some(eve()), Some("a fix is urgent".to_owned())));
    let mut machine = soaking(false, Promote::Manual);
    assert_eq!(promoted_by(&give(&mut machine, promote(), 61)), told);
    let mut machine = soaking(true, Promote::Manual);
    assert_eq!(promoted_by(&give(&mut machine, promote(), 61)), None, "its gate has not answered");
    let gate = |verdict| Input::Gate {
        stage: CANARY,
        gate: "rate".into(),
        scope: GateScope::Stage,
        verdict,
        value: None,
        message: String::new(),
    };
    let step = machine.step(gate(Verdict::Inconclusive), after(62));
    assert!(!step.records.iter().any(|record| matches!(record.event, Event::Promoted { .. })));
    let step = machine.step(gate(Verdict::Pass), after(95));
    let events: Vec<Event> = step.records.into_iter().map(|record| record.event).collect();
    assert_eq!(promoted_by(&events), told);
    // One that waits for a person takes the reason of whoever promotes it.
    let mut machine = soaking(false, Promote::Manual);
    assert!(waits(&tick(&mut machine, 700)));
    assert_eq!(promoted_by(&give(&mut machine, promote(), 701)), told);
}

#[test]
fn a_stage_that_is_held_goes_on_by_a_person_alone() {
    let mut machine = soaking(false, Promote::Auto);
    give(&mut machine, hold(), 61);
    assert!(waits(&tick(&mut machine, 100_000)), "an automatic stage waits too");
    assert!(tick(&mut machine, 200_000).is_empty());
    assert_eq!(promoted_by(&give(&mut machine, Command::Continue, 200_001)), Some((Some(eve()), None)));
    // Who continues before takes the hold away, and the plan goes on.
    let mut machine = soaking(false, Promote::Auto);
    give(&mut machine, hold(), 61);
    give(&mut machine, Command::Continue, 62);
    assert_eq!(promoted_by(&tick(&mut machine, 700)), Some((None, None)));
    // A pause that ends has nothing to do with it.
    let mut machine = soaking(false, Promote::Auto);
    give(&mut machine, hold(), 61);
    give(&mut machine, Command::Pause, 62);
    give(&mut machine, Command::Continue, 63);
    assert!(waits(&tick(&mut machine, 700)));
    // The last decision counts.
    let mut machine = soaking(true, Promote::Auto);
    give(&mut machine, promote(), 61);
    give(&mut machine, hold(), 62);
    assert!(machine.state().held().is_some() && machine.state().stages()[0].early.is_none());
    give(&mut machine, promote(), 63);
    assert!(machine.state().held().is_none() && machine.state().stages()[0].early.is_some());
}

#[test]
fn a_held_stage_of_which_nothing_is_left_holds_all_the_same() {
    let state = state_of(planned(false, Promote::Auto), way()[..3].concat());
    let (mut machine, _) = taken_over(state, 60);
    assert_eq!(machine.state().mode(), Mode::Priming { stage: CANARY });
    give(&mut machine, hold(), 61);
    let mut events = Vec::new();
    for index in [0, 1] {
        events.extend(give(&mut machine, Command::Skip { host: host(index) }, 62));
    }
    for index in 0..4 {
        let cancelled = Input::Done { host: host(index), task: Task::Prime, result: Err(super::TaskError::Cancelled) };
        events.extend(machine.step(cancelled, after(63)).records.into_iter().map(|record| record.event));
    }
    assert!(!events.iter().any(|event| matches!(event, Event::StageSkipped { .. })), "{events:?}");
}

#[test]
fn another_conductor_keeps_what_was_decided() {
    for (command, waiting) in [(hold(), true), (promote(), false)] {
        let mut machine = soaking(true, Promote::Auto);
        give(&mut machine, command, 61);
        let (mut next, step) = taken_over(machine.state().clone(), 5000);
        assert!(!step.records.iter().any(|record| matches!(record.event, Event::Promoted { .. })));
        let (stage, scope, verdict) = (CANARY, GateScope::Stage, Verdict::Pass);
        let gate = "rate".into();
        let passed = Input::Gate { stage, gate, scope, verdict, value: None, message: String::new() };
        let step = next.step(passed, after(6000));
        let events: Vec<Event> = step.records.into_iter().map(|record| record.event).collect();
        assert_eq!((waits(&events), promoted_by(&events).is_none()), (waiting, waiting), "{events:?}");
    }
}

#[test]
fn nobody_decides_otherwise_without_a_reason() {
    let machine = soaking(false, Promote::Auto);
    let reason = || " \t".to_owned();
    for command in [
        Command::Soak { left_s: 1, reason: reason() },
        Command::Promote { reason: reason() },
        Command::Hold { reason: reason() },
    ] {
        let refused = refusal(machine.state(), &command).map(|refused| refused.0);
        assert_eq!(refused.as_deref(), Some("it wants a reason, which is journaled and announced"));
        assert_eq!(answer(machine.state(), command), Err(refused.unwrap()));
    }
}

#[test]
fn what_pushes_back_when_connections_are_opened_is_told_and_decides_nothing() {
    let mut machine = soaking(false, Promote::Auto);
    let squeeze = Squeeze { way: None, at_once: 7, most: 30, why: PushBack::TurnedAway };
    let (before, wakes) = (machine.state().clone(), machine.next_deadline());
    let step = machine.step(Input::Squeezed(squeeze.clone()), after(61));
    assert_eq!(
        step.records.iter().map(|record| &record.event).collect::<Vec<_>>(),
        [&Event::ConnectionsSqueezed(squeeze)]
    );
    assert!(step.effects.is_empty() && step.reply.is_none());
    assert_eq!((machine.state().mode(), machine.next_deadline()), (before.mode(), wakes));
}
