//! Every command in every state, as the documentation has it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Input, Machine, Step, Task, TaskOutput};
use crate::model::{
    Command, Digest, Environment, FailureClass, HostId, Installed, Operator, Phase, RollBackTarget, RolloutId,
    StageName, Version,
};
use crate::plan::{Budget, HostPlan, Plan, Promote, StagePlan};
use crate::plans;
use crate::rollout::event::Event;
use crate::rollout::outcome::Outcome;
use crate::rollout::pause::PauseReason;
use crate::rollout::record::Record;
use crate::rollout::refusal::refusal;
use crate::rollout::state::{Mode, State};

const HOSTS: [&str; 4] = ["mw01", "mw02", "mw03", "mw04"];

pub(crate) fn host(index: usize) -> HostId {
    HostId::new(HOSTS[index]).unwrap()
}

pub(crate) fn eve() -> Operator {
    Operator("eve".into())
}

fn stage(name: &str) -> StagePlan {
    StagePlan {
        concurrency: 2,
        soak: Duration::from_secs(600),
        promote: Promote::Manual,
        budget: Budget { transfer: 1, ..Budget::default() },
        ..plans::stage(StageName::new(name).unwrap(), [2])
    }
}

pub(crate) fn plan() -> Plan {
    Plan {
        operator: eve(),
        stages: vec![stage("canary"), stage("fleet")],
        hosts: (0..4).map(|index| HostPlan { from: Some(Installed::Missing), ..plans::host(host(index)) }).collect(),
        ..plans::plan(
            RolloutId::new("r1").unwrap(),
            Environment::new("production").unwrap(),
            Version::new("2.0").unwrap(),
            Digest([2; 32]),
        )
    }
}

pub(super) fn after(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// Lets a conductor go on, and take the lock of every host.
pub(super) fn taken_over(state: State, seconds: i64) -> (Machine, Step) {
    let mut machine = Machine::resume(state, after(seconds)).unwrap();
    let mut step = machine.step(Input::Begin { by: eve() }, after(seconds));
    for index in 0..4 {
        let locked = TaskOutput::Locked {
            installed: Installed::Missing,
            good: Some(RollBackTarget::Nothing),
            latency_ms: 1,
            taken_from: None,
        };
        let answer = Input::Done { host: host(index), task: Task::Lock, result: Ok(locked) };
        let next = machine.step(answer, after(seconds));
        step.records.extend(next.records);
        step.effects.extend(next.effects);
    }
    (machine, step)
}

/// Gives the plan with a site that can take hosts out of service.
fn serving() -> Plan {
    let mut plan = plan();
    plan.policy.depool = true;
    plan
}

fn state(events: impl IntoIterator<Item = Event>) -> State {
    state_of(serving(), events)
}

pub(super) fn state_of(plan: Plan, events: impl IntoIterator<Item = Event>) -> State {
    State::replay(&records(plan, events))
}

fn records(plan: Plan, events: impl IntoIterator<Item = Event>) -> Vec<Record> {
    let planned = Event::RolloutPlanned { number: None, plan: plan.into() };
    let record = |(event, seq)| {
        let rollout = RolloutId::new("r1").unwrap();
        Record { seq, at: Timestamp::UNIX_EPOCH, rollout, event }
    };
    std::iter::once(planned).chain(events).zip(1..).map(record).collect()
}

fn phases(hosts: impl IntoIterator<Item = usize>, phase: Phase) -> Vec<Event> {
    hosts.into_iter().map(|index| Event::host_phase(host(index), phase)).collect()
}

fn failed(index: usize) -> Event {
    Event::HostFailed {
        host: host(index),
        class: FailureClass::Transfer,
        message: "no space".to_owned(),
        hint: None,
        output: String::new(),
    }
}

/// Gives what happens on the way through a rollout, from one mode to the next; the last host fails to get the release.
pub(super) fn way() -> Vec<Vec<Event>> {
    let canary = || StageName::new("canary").unwrap();
    let fleet = || StageName::new("fleet").unwrap();
    let probed = |index| Event::HostProbed {
        host: host(index),
        installed: Installed::Missing,
        good: Some(crate::model::RollBackTarget::Nothing),
        latency_ms: 1,
    };
    let switched = |hosts: [usize; 2]| {
        [Phase::Activating, Phase::Active, Phase::Checking, Phase::Healthy].map(|phase| phases(hosts, phase)).concat()
    };
    vec![
        vec![],
        vec![probed(0)],
        [vec![probed(1), probed(2), probed(3), Event::Locked { hosts: 4 }, failed(3)]].concat(),
        [
            phases(0..3, Phase::Primed),
            vec![Event::StageStarted { stage: canary() }, Event::WaveStarted { stage: canary(), wave: 1, hosts: 2 }],
        ]
        .concat(),
        [switched([0, 1]), vec![Event::SoakStarted { stage: canary(), until: Timestamp::UNIX_EPOCH }]].concat(),
        vec![Event::PromotionNeeded { stage: canary() }],
        [canary(), fleet()].map(|stage| Event::Promoted { stage, by: None, reason: None }).to_vec(),
        vec![Event::RolloutFinished {
            outcome: Outcome::Completed,
            exit_code: 3,
            counts: BTreeMap::new(),
            debt: Vec::new(),
        }],
    ]
}

const fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Planned => "planned",
        Mode::Locking => "locking",
        Mode::Priming { .. } => "priming",
        Mode::Switching { .. } => "switching",
        Mode::Soaking { .. } => "soaking",
        Mode::Promoting { .. } => "waiting for promotion",
        Mode::RollingBack => "rolling back",
        Mode::Finalizing => "finalizing",
        Mode::Finished => "finished",
    }
}

/// Gives every state that a rollout can be in, as far as commands tell them apart.
fn states() -> Vec<(String, State)> {
    stories().into_iter().map(|(name, records)| (name, State::replay(&records))).collect()
}

/// Gives the records of a way to every state that a rollout can be in, as far as commands tell them apart.
pub(crate) fn stories() -> Vec<(String, Vec<Record>)> {
    let canary = || StageName::new("canary").unwrap();
    let over_budget =
        || PauseReason::OverBudget { stage: canary(), class: FailureClass::Unhealthy, failed: 1, allowed: 0 };
    let and: [(&str, Option<Event>); 7] = [
        ("", None),
        (", paused", Some(Event::Paused { why: PauseReason::Operator { by: eve() } })),
        (", held", Some(Event::Held { stage: canary(), by: eve(), reason: "odd graphs".to_owned() })),
        (", stopping", Some(Event::Stopping { why: over_budget() })),
        (", paused over its budget", Some(Event::Paused { why: over_budget() })),
        (", aborting", Some(Event::AbortRequested { by: eve() })),
        (", conductor stopped", Some(Event::Suspended { by: eve() })),
    ];
    let mut modes: Vec<Vec<Event>> = Vec::new();
    for step in way() {
        modes.push([modes.last().cloned().unwrap_or_default(), step].concat());
    }
    let back = [modes[4].clone(), vec![Event::RollbackStarted { by: None, hosts: 2 }]].concat();
    modes.insert(6, back);
    let mut all = Vec::new();
    for events in modes {
        for (more, event) in &and {
            let story = records(serving(), events.iter().cloned().chain(event.clone()));
            let mode = State::replay(&story).mode();
            let is_there = match mode {
                Mode::Finished => more.is_empty(),
                // What goes back or is being told of its end does not pause.
                Mode::RollingBack | Mode::Finalizing => {
                    !["paused", "stopping", "held"].iter().any(|other| more.contains(other))
                }
                Mode::Locking | Mode::Promoting { .. } if more.contains("held") => false,
                Mode::Planned => more.is_empty() || more.contains("aborting") || more.contains("stopped"),
                _ => true,
            };
            if is_there {
                all.push((format!("{}{more}", name(mode)), story));
            }
        }
    }
    all
}

/// Gives every command, with the host that `skip` and `retry` are asked for.
pub(crate) fn commands(host: &HostId) -> [Command; 13] {
    [
        Command::Pause,
        Command::Continue,
        Command::Abort,
        Command::Rollback,
        Command::Retry { host: None },
        Command::Skip { host: host.clone() },
        Command::Stop,
        Command::Soak { left_s: 60, reason: "quiet".to_owned() },
        Command::Promote { reason: "quiet".to_owned() },
        Command::Hold { reason: "odd graphs".to_owned() },
        Command::Depool { host: host.clone(), reason: "its disk fails".to_owned() },
        Command::Repool { host: host.clone(), reason: None },
        Command::Retry { host: Some(host.clone()) },
    ]
}

/// Gives what the machine answers that goes on from a state.
pub(crate) fn answer(state: &State, command: Command) -> Result<(), String> {
    let mut machine = Machine::resume(state.clone(), Timestamp::UNIX_EPOCH).unwrap();
    let reply = machine.step(Input::Command { command, by: eve() }, Timestamp::UNIX_EPOCH).reply;
    reply.expect("every command is answered").map_err(|refused| refused.0)
}

fn cell(answer: Result<(), String>, reasons: &mut Vec<String>) -> String {
    let Err(why) = answer else {
        return "yes".to_owned();
    };
    let place = reasons.iter().position(|known| *known == why).unwrap_or_else(|| {
        reasons.push(why);
        reasons.len() - 1
    });
    format!("no ({})", place + 1)
}

fn table() -> String {
    let mut reasons = Vec::new();
    let mut text = String::from(
        "| state of the rollout | `pause` | `continue` | `abort` | `rollback` | `retry` | `skip` | `stop` | `soak` | `promote` | `hold` | `depool` | `repool` |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (state_name, state) in states() {
        let commands = commands(&host(3)).into_iter().take(12);
        let cells: Vec<String> = commands.map(|command| cell(answer(&state, command), &mut reasons)).collect();
        writeln!(text, "| {state_name} | {} |", cells.join(" | ")).unwrap();
    }
    text.push_str("\n| phase of the host | `retry --host` | `skip --host` |\n|---|---|---|\n");
    for phase in Phase::ALL {
        let before = if phase == Phase::Failed { vec![failed(2)] } else { phases([2], phase) };
        let state = state(way()[..3].concat().into_iter().chain(before));
        let cells = [Command::Retry { host: Some(host(2)) }, Command::Skip { host: host(2) }]
            .map(|command| cell(answer(&state, command).map_err(|why| why.replace("mw03", "HOST")), &mut reasons));
        writeln!(text, "| {phase} | {} |", cells.join(" | ")).unwrap();
    }
    text.push('\n');
    for (reason, number) in reasons.iter().zip(1..) {
        writeln!(text, "{number}. {reason}").unwrap();
    }
    text
}

#[test]
fn the_documented_table_of_commands_is_what_the_machine_answers() {
    let table = table();
    assert_eq!(include_str!("../commands.md"), table, "src/rollout/commands.md has to be:\n{table}");
}

#[test]
fn abort_is_refused_nowhere_but_at_the_end() {
    for (name, state) in states() {
        assert_eq!(answer(&state, Command::Abort).is_ok(), state.mode() != Mode::Finished, "{name}");
    }
}

#[test]
fn whoever_asks_first_hears_what_the_machine_would_answer() {
    for (name, state) in states() {
        for command in (0..HOSTS.len()).flat_map(|index| commands(&host(index))) {
            let asked = refusal(&state, &command).map_or(Ok(()), |refused| Err(refused.0));
            assert_eq!(asked, answer(&state, command.clone()), "{command:?} when {name}");
        }
    }
}
