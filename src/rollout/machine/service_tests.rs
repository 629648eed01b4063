//! What a person does to the service of hosts while a rollout runs.

use super::table::{after, answer, eve, host, plan, state_of, taken_over, way};
use super::{Effect, Input, Machine, Step, Task, TaskError, TaskOutput};
use crate::model::{Command, Failure, FailureClass, HostIdx, Pooling, TakenOut};
use crate::plan::Plan;
use crate::rollout::event::Event;
use crate::rollout::state::{Mode, State};

fn depool(index: usize) -> Command {
    Command::Depool { host: host(index), reason: "its disk fails".to_owned() }
}

fn repool(index: usize) -> Command {
    Command::Repool { host: host(index), reason: None }
}

fn with_hooks() -> Plan {
    let mut plan = plan();
    plan.policy.depool = true;
    plan
}

/// Gives a conductor whose canaries soak.
fn soaking() -> Machine {
    taken_over(state_of(with_hooks(), way()[..5].concat()), 60).0
}

fn give(machine: &mut Machine, command: Command) -> Step {
    let step = machine.step(Input::Command { command, by: eve() }, after(61));
    assert_eq!(step.reply, Some(Ok(())));
    step
}

fn events(step: &Step) -> Vec<&Event> {
    step.records.iter().map(|record| &record.event).collect()
}

fn starts(step: &Step, index: usize, task: &Task) -> bool {
    step.effects.contains(&Effect::Start { host: host(index), task: task.clone() })
}

fn ends(machine: &mut Machine, index: usize, task: Task, result: Result<TaskOutput, TaskError>) -> Step {
    machine.step(Input::Done { host: host(index), task, result }, after(62))
}

fn is_out(state: &State, index: usize) -> (bool, Option<TakenOut>) {
    let status = state.host(HostIdx(index)).unwrap();
    (status.depooled, status.taken_out.clone())
}

#[test]
fn who_takes_a_host_out_is_journaled_before_the_site_s_command_runs_and_named_after_it() {
    let mut machine = soaking();
    let step = give(&mut machine, depool(0));
    let asked = Event::ServiceAsked {
        host: host(0),
        what: Pooling::Depool,
        by: eve(),
        reason: Some("its disk fails".to_owned()),
    };
    assert_eq!(events(&step), [&asked]);
    assert!(starts(&step, 0, &Task::Depool), "{:?}", step.effects);
    assert_eq!(is_out(machine.state(), 0), (false, None), "nothing came of it yet");
    let step = ends(&mut machine, 0, Task::Depool, Ok(TaskOutput::Done));
    let [Event::HostDepooled { by, reason, error: None, .. }] = events(&step)[..] else { panic!("{step:?}") };
    assert_eq!((by.as_ref(), reason.as_deref()), (Some(&eve()), Some("its disk fails")));
    let taken = TakenOut { host: host(0), by: eve(), reason: Some("its disk fails".to_owned()), since: after(62) };
    assert_eq!(is_out(machine.state(), 0), (true, Some(taken.clone())));
    assert_eq!((machine.state().out_of_service(), machine.state().taken_out().collect()), (vec![], vec![&taken]));
    let step = give(&mut machine, repool(0));
    assert!(starts(&step, 0, &Task::Repool), "{:?}", step.effects);
    ends(&mut machine, 0, Task::Repool, Ok(TaskOutput::Done));
    assert_eq!(is_out(machine.state(), 0), (false, None));
    assert_eq!(machine.state().wishes().count(), 0);
}

#[test]
fn a_command_that_fails_leaves_the_host_as_it_was_and_is_not_run_again() {
    let mut machine = soaking();
    give(&mut machine, depool(0));
    let failed = || Err(TaskError::Failed(Box::new(Failure::new(FailureClass::Activate, "exit 2"))));
    let step = ends(&mut machine, 0, Task::Depool, failed());
    let [Event::HostDepooled { by: Some(_), error: Some(error), .. }] = events(&step)[..] else { panic!("{step:?}") };
    assert_eq!(error, "exit 2");
    assert!(step.effects.is_empty(), "{:?}", step.effects);
    assert_eq!((is_out(machine.state(), 0), machine.state().wishes().count()), ((false, None), 0));
}

#[test]
fn what_is_asked_of_a_busy_host_is_done_when_it_is_free_also_by_another_conductor() {
    // Its switch is under way: the site's command waits for that.
    let (mut machine, _) = taken_over(state_of(with_hooks(), way()[..4].concat()), 60);
    assert_eq!(machine.busy.get(HostIdx(0)), Some(&Task::Activate));
    let step = give(&mut machine, depool(0));
    assert!(step.effects.is_empty(), "{:?}", step.effects);
    // A conductor that dies meanwhile has it in its journal.
    let (_, step) = taken_over(machine.state().clone(), 70);
    assert!(starts(&step, 0, &Task::Depool), "{:?}", step.effects);
    // Nor does the rollout put back what it finds healthy, once a person wants it out.
    ends(&mut machine, 0, Task::Activate, Ok(TaskOutput::Activated { already: false }));
    let step = ends(&mut machine, 0, Task::Check, Ok(TaskOutput::Checked { gates: Vec::new() }));
    assert!(starts(&step, 0, &Task::Depool) && !starts(&step, 0, &Task::Repool), "{step:?}");
}

#[test]
fn a_host_that_a_person_keeps_out_is_switched_as_others_and_not_put_back() {
    let taken = TakenOut { host: host(0), by: eve(), reason: None, since: after(-90) };
    for (by_person, put_back) in [(true, false), (false, true)] {
        let mut plan = with_hooks();
        if by_person {
            plan.taken_out = vec![taken.clone()];
        } else {
            plan.out_of_service = vec![host(0)];
        }
        let (mut machine, _) = taken_over(state_of(plan, way()[..4].concat()), 60);
        assert!(is_out(machine.state(), 0).0);
        ends(&mut machine, 0, Task::Activate, Ok(TaskOutput::Activated { already: false }));
        let step = ends(&mut machine, 0, Task::Check, Ok(TaskOutput::Checked { gates: Vec::new() }));
        assert_eq!(starts(&step, 0, &Task::Repool), put_back, "{step:?}");
        assert_eq!(machine.state().taken_out().next().is_some(), by_person);
    }
}

#[test]
fn a_rollout_says_why_it_has_nothing_to_do_with_the_service_of_a_host() {
    let state = |plan: Plan| state_of(plan, way()[..5].concat());
    let refused = |plan: Plan, command| answer(&state(plan), command).unwrap_err();
    assert!(refused(plan(), depool(0)).contains("no hooks.depool when it was planned"));
    let mut beside = with_hooks();
    beside.slot = Some(crate::model::Slot::new("next").unwrap());
    assert!(refused(beside, repool(0)).contains("a slot says nothing"));
    let nobody = Command::Repool { host: crate::model::HostId::new("db01").unwrap(), reason: None };
    assert!(refused(with_hooks(), nobody).contains("db01 takes no part in it"));
    let no_reason = Command::Depool { host: host(0), reason: " ".to_owned() };
    assert!(refused(with_hooks(), no_reason).contains("it wants a reason"));
}

#[test]
fn a_rollout_ends_only_when_something_came_of_what_was_asked() {
    let mut machine = soaking();
    give(&mut machine, depool(3));
    let step = give(&mut machine, Command::Abort);
    assert!(machine.state().mode() != Mode::Finished, "{step:?}");
    for index in 0..4 {
        ends(&mut machine, index, Task::Unlock, Ok(TaskOutput::Done));
    }
    assert!(machine.state().mode() != Mode::Finished);
    ends(&mut machine, 3, Task::Depool, Ok(TaskOutput::Done));
    ends(&mut machine, 3, Task::Unlock, Ok(TaskOutput::Done));
    assert_eq!(machine.state().mode(), Mode::Finished);
    assert!(is_out(machine.state(), 3).0);
}
