//! Every command in every state.

use std::collections::BTreeMap;

use coalmine::model::Command;
use coalmine::rollout::{Input, Mode, Rejection, State};

use crate::puppet::Puppet;
use crate::scenario::{Scenario, Weather, operator};

/// Names the state that a command meets.
fn name(state: &State) -> String {
    let mode = match state.mode() {
        Mode::Planned => "planned",
        Mode::Locking => "locking",
        Mode::Priming { .. } => "priming",
        Mode::Switching { .. } => "switching",
        Mode::Soaking { .. } => "soaking",
        Mode::Promoting { .. } => "promoting",
        Mode::RollingBack => "rolling back",
        Mode::Finalizing => "finalizing",
        Mode::Finished => "finished",
    };
    let and = [
        (state.paused().is_some(), ", paused"),
        (state.stopping().is_some(), ", stopping"),
        (state.aborted().is_some(), ", aborting"),
        (state.suspended().is_some(), ", suspended"),
    ];
    and.into_iter().filter(|(is, _)| *is).fold(mode.to_owned(), |name, (_, and)| name + and)
}

fn commands(state: &State, number: usize) -> Vec<Command> {
    let host = state.hosts()[number % state.hosts().len()].id.clone();
    vec![
        Command::Pause,
        Command::Continue,
        Command::Abort,
        Command::Rollback,
        Command::Retry { host: None },
        Command::Retry { host: Some(host.clone()) },
        Command::Skip { host: host.clone() },
        Command::Stop,
        Command::Soak { left_s: 60, reason: "quiet".to_owned() },
        Command::Promote { reason: "quiet".to_owned() },
        Command::Hold { reason: "odd graphs".to_owned() },
        Command::Depool { host: host.clone(), reason: "its disk fails".to_owned() },
        Command::Repool { host, reason: None },
    ]
}

/// Drives a machine so many turns; a person goes on with what waits for one, but for every third time.
fn drive(puppet: &mut Puppet, turns: usize) {
    for turn in 0..turns {
        if puppet.machine.is_done() {
            return;
        }
        if !puppet.turn() {
            if (turn + turns).is_multiple_of(3) {
                return;
            }
            puppet.feed(Input::Command { command: Command::Continue, by: operator("eve") });
        }
    }
}

#[test]
fn every_command_is_answered_in_every_state_and_abort_always_ends() {
    type Answers = BTreeMap<&'static str, (usize, Option<Rejection>)>;
    let mut table: BTreeMap<String, Answers> = BTreeMap::new();
    for seed in crate::seeds(40) {
        let scenario = Scenario::of(seed, Weather::Rough);
        let mut random = fastrand::Rng::with_seed(seed);
        for first in 0..10 {
            let turns = random.usize(0..30 * (first + 1));
            // A command before the one that is asked for leads to states that are not on the way.
            let before = random.u8(0..5);
            for number in 0..11 {
                let mut puppet = Puppet::new(&scenario.plan, seed);
                drive(&mut puppet, turns);
                let before = match before {
                    0 => Some(Command::Pause),
                    1 => Some(Command::Rollback),
                    2 if first % 2 == 0 => Some(Command::Stop),
                    2 => Some(Command::Abort),
                    3 => Some(Command::Hold { reason: "odd graphs".to_owned() }),
                    _ => None,
                };
                if let Some(command) = before {
                    puppet.feed(Input::Command { command, by: operator("eve") });
                    drive(&mut puppet, first % 3);
                }
                let command = commands(puppet.machine.state(), turns)[number].clone();
                let (state, word) = (name(puppet.machine.state()), command.word());
                let reply = puppet.feed(Input::Command { command, by: operator("eve") });
                let Some(reply) = reply else { panic!("seed {seed}: {word} when {state} was not answered") };
                let cell = table.entry(state).or_default().entry(word).or_default();
                match reply {
                    Ok(()) => cell.0 += 1,
                    Err(Rejection(why)) => {
                        assert!(!why.is_empty(), "seed {seed}: {word} was refused without a reason");
                        cell.1 = Some(Rejection(why));
                    }
                }
                puppet.feed(Input::Command { command: Command::Abort, by: operator("eve") });
                for _ in 0..300 {
                    puppet.turn();
                }
                let state = puppet.machine.state();
                assert!(state.mode() == Mode::Finished, "seed {seed}, {turns} turns, {word}: {}", name(state));
            }
        }
    }
    for (state, answers) in &table {
        println!("{state}");
        for (word, (accepted, refused)) in answers {
            let refused = refused.as_ref().map_or(String::new(), |why| format!("refused: {why}"));
            println!("    {word:10} {:12} {refused}", if *accepted > 0 { "accepted" } else { "" });
        }
    }
    if std::env::var_os("COALMINE_SIM_SEED").is_none() {
        for mode in ["locking", "priming", "switching", "soaking", "promoting", "rolling back", "finished"] {
            assert!(table.contains_key(mode), "no command met the state {mode}");
        }
        for and in ["paused", "stopping", "aborting", "suspended"] {
            assert!(table.keys().any(|state| state.contains(and)), "no command met a rollout that is {and}");
        }
    }
}
