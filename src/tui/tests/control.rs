//! A rollout under the console: what its keys ask of it, what is confirmed first, and what is left when it is over.

use super::fixture::{Console, Run, commands, facts, host, locked, past, plan, rollout_id, versions, watching};
use super::screens::{in_flight, rolled_back, soaking};
use crate::model::{Command, HostId};
use crate::rollout::{Mode, Task, refusal, table};
use crate::tui::app::Screen;
use crate::tui::keymap::Action;
use crate::tui::messages::{Message, NotDone, Request, Source, Ticket};

#[test]
fn pausing_needs_no_confirmation_and_is_shown_until_it_is_answered() {
    let mut run = in_flight();
    let mut console = watching(&run);
    console.press("p");
    assert_eq!(commands(&mut console), [Command::Pause]);
    assert!(console.screen().contains("asked: pause"));
    console.send(Message::Reply { ticket: Ticket(1), result: Ok(()) });
    assert!(!console.screen().contains("asked: pause"));
    run.command(Command::Pause).unwrap();
    console.send(Message::Records { rollout: rollout_id(), records: vec![run.records.last().unwrap().clone()] });
    assert!(console.screen().contains("paused: alice@deploy1 asked for it"));
    console.press("p");
    assert!(commands(&mut console).is_empty());
    assert!(console.screen().contains("cannot pause: it is paused already"));
    console.press("c");
    assert_eq!(commands(&mut console), [Command::Continue]);
    console.send(Message::Reply { ticket: Ticket(2), result: Err(NotDone::Refused("the rollout is over".to_owned())) });
    assert!(console.screen().contains("continue was refused: the rollout is over"));
    console.press("c");
    let why = "the conductor did not answer within 35 s".to_owned();
    console.send(Message::Reply { ticket: Ticket(3), result: Err(NotDone::Unanswered(why)) });
    assert!(console.screen().contains("continue was not answered: the conductor did not answer within 35 s"));
}

#[test]
fn aborting_is_confirmed_and_the_focus_is_on_cancel() {
    let mut console = watching(&in_flight());
    console.press("x<Enter>xy<Enter>x<Esc>");
    assert!(commands(&mut console).is_empty());
    console.press("x<Tab><Enter>");
    assert_eq!(commands(&mut console), [Command::Abort]);
}

#[test]
fn a_rollback_is_confirmed_by_typing() {
    let run = in_flight();
    let mut console = watching(&run);
    let switched = run.state().switched().count();
    console.press("R<Tab><Enter>");
    assert!(commands(&mut console).is_empty(), "the button alone is not enough");
    console.press(&format!("{switched}<Enter>"));
    assert_eq!(commands(&mut console), [Command::Rollback]);
}

#[test]
fn promotion_says_how_many_hosts_come_next() {
    let mut run = soaking();
    run.pass(900);
    run.until(|state| matches!(state.mode(), Mode::Promoting { .. }));
    let mut console = watching(&run);
    console.press("c");
    assert!(console.screen().contains("22 hosts of stage fleet are switched next."));
    console.press("<Tab><Enter>");
    assert_eq!(commands(&mut console), [Command::Continue]);
}

#[test]
fn retry_means_the_marked_hosts_or_all_that_failed() {
    let mut console = watching(&in_flight());
    console.press("t");
    assert_eq!(commands(&mut console), [Command::Retry { host: None }]);
    console.press("/state:failed<Enter>a<Esc>t");
    let expected: Vec<Command> =
        ["mw07.eqiad.wmnet", "mw19.eqiad.wmnet"].map(|name| Command::Retry { host: Some(host(name)) }).to_vec();
    assert_eq!(commands(&mut console), expected);
    console.press("n<Tab><Enter>");
    let expected: Vec<Command> =
        ["mw07.eqiad.wmnet", "mw19.eqiad.wmnet"].map(|name| Command::Skip { host: host(name) }).to_vec();
    assert_eq!(commands(&mut console), expected);
}

#[test]
fn leaving_asks_while_something_runs_and_leaves_it_running() {
    let mut console = watching(&in_flight());
    console.press("q");
    assert!(!console.state.is_over());
    console.press("<Esc>q<Enter>");
    assert_eq!(console.requests(), [Request::Quit]);
    let mut console = watching(&in_flight());
    console.press("q<Tab><Tab><Enter>");
    assert!(!console.state.is_over() && console.requests().is_empty(), "stay");
    console.press("<Ctrl-c><Ctrl-c>");
    assert_eq!(console.requests(), [Request::Quit], "who asks twice leaves, and it goes on");
}

#[test]
fn aborting_on_leaving_waits_for_the_answer() {
    let mut console = watching(&in_flight());
    console.press("q<Tab><Enter>");
    assert_eq!(commands(&mut console), [Command::Abort]);
    assert!(!console.state.is_over());
    console.send(Message::Reply { ticket: Ticket(1), result: Ok(()) });
    assert_eq!(console.requests(), [Request::Quit]);
}

/// Gives the records that came since there were so many.
fn since(run: &Run, before: usize) -> Message {
    Message::Records { rollout: rollout_id(), records: run.records[before..].to_vec() }
}

#[test]
fn whoever_is_asked_whether_to_leave_what_runs_is_told_when_it_is_over() {
    let mut run = in_flight();
    let mut console = watching(&run);
    console.press("q<Tab>");
    let before = run.records.len();
    run.command(Command::Rollback).unwrap();
    run.until(|state| state.mode() == Mode::Finished);
    console.send(since(&run, before));
    // What was pressed for the question of before answers no other.
    console.send(Message::Key(crossterm::event::KeyCode::Enter.into()));
    assert!(console.requests().is_empty(), "an answer to a question that is over");
    let screen = console.screen();
    assert!(screen.contains("The rollout is over") && screen.contains("It ended: rolled back"), "{screen}");
    assert!(!screen.contains("Abort it"), "{screen}");
    console.send(Message::Drawn);
    console.press("<Tab><Enter>");
    assert!(console.state.layers.is_empty() && !console.state.is_over(), "stay");
    console.press("q");
    assert!(console.state.is_over());

    let mut console = watching(&in_flight());
    console.press("q");
    console.send(Message::Disconnected { rollout: rollout_id(), why: "reset".to_owned(), gone: true });
    assert!(console.screen().contains("The rollout stands still"), "{}", console.screen());
    assert!(console.screen().contains("Its conductor is gone: `c` resumes it."), "{}", console.screen());
    console.send(Message::Drawn);
    console.press("<Enter>");
    assert_eq!(console.requests(), [Request::Quit]);
}

#[test]
fn a_question_about_where_the_rollout_was_answers_nothing_where_it_is() {
    let mut run = soaking();
    run.pass(900);
    run.until(|state| matches!(state.mode(), Mode::Promoting { .. }));
    let mut console = watching(&run);
    console.press("c<Tab>");
    // Somebody else promotes the canaries, and a gate of the next stage may be what it waits for by now.
    let before = run.records.len();
    run.command(Command::Continue).unwrap();
    run.until(|state| state.count(crate::model::Phase::Healthy) >= 9);
    run.command(Command::Pause).unwrap();
    console.send(since(&run, before));
    assert!(console.screen().contains("The rollout has gone on meanwhile."), "{}", console.screen());
    console.press("<Tab><Enter>");
    assert!(commands(&mut console).is_empty());
    assert!(console.state.layers.is_empty());
}

#[test]
fn a_question_that_is_still_one_stays_whatever_happens_beside_it() {
    let mut run = in_flight();
    let mut console = watching(&run);
    console.press("x<Tab>");
    let before = run.records.len();
    run.perform_one();
    console.send(since(&run, before));
    console.press("<Enter>");
    assert_eq!(commands(&mut console), [Command::Abort]);
}

#[test]
fn a_question_about_hosts_counts_those_that_are_switched_while_it_is_open() {
    for (keys, now) in [("R", "Roll 9 hosts back?"), ("x", "9 switched hosts stay")] {
        let mut run = soaking();
        let asked = run.state().switched().count();
        assert!(asked < 9);
        let mut console = watching(&run);
        console.press(keys);
        let before = run.records.len();
        run.pass(900);
        run.until(|state| matches!(state.mode(), Mode::Promoting { .. }));
        run.command(Command::Continue).unwrap();
        run.until(|state| state.switched().count() == 9);
        console.send(since(&run, before));
        let screen = console.screen();
        assert!(screen.contains(now), "{screen}");
        if keys == "R" {
            assert!(screen.contains(&format!("It was {asked} when this was asked")), "{screen}");
            console.press(&format!("{asked}<Enter>"));
            assert_eq!(commands(&mut console), [Command::Rollback]);
        }
    }
}

#[test]
fn a_soak_that_is_over_waits_for_no_gate_where_there_is_none() {
    for (has_gates, awaited) in [(true, "its gates have yet to pass"), (false, "its conductor has yet to say so")] {
        let mut plan = plan(24);
        plan.stages.iter_mut().filter(|_| !has_gates).for_each(|stage| stage.gates.clear());
        let mut run = Run::new(plan);
        run.until(|state| matches!(state.mode(), Mode::Soaking { .. }));
        let mut console = watching(&run);
        // Its conductor says nothing, as where it was stopped.
        console.send(Message::Tick(run.now + std::time::Duration::from_secs(1200)));
        let screen = console.screen();
        assert!(screen.contains(&format!("over, {awaited}")), "{screen}");
    }
}

#[test]
fn an_answer_about_one_rollout_is_not_given_to_another() {
    for keys in ["x<Tab>", "q<Tab>"] {
        let mut console = watching(&in_flight());
        console.press(keys);
        let other = crate::model::RolloutId::new("other").unwrap();
        console.send(Message::Opened { rollout: other, source: Source::Live });
        assert!(console.screen().contains("Another rollout is shown by now."), "{}", console.screen());
        console.press("<Tab><Enter>");
        assert!(console.requests().is_empty() && console.state.layers.is_empty(), "{keys}");
    }
}

#[test]
fn leaving_asks_nothing_when_nothing_runs() {
    let mut console = Console::new(80, 24);
    console.press("q");
    assert!(console.state.is_over());
    let mut console = watching(&rolled_back());
    console.press("q");
    assert!(console.state.is_over());
}

#[test]
fn a_terminal_that_hung_up_asks_nothing() {
    let mut console = watching(&in_flight());
    console.press("R");
    console.send(Message::HungUp);
    assert_eq!(console.requests(), [Request::Quit]);
}

#[test]
fn who_only_watches_changes_nothing_and_is_told_why() {
    let mut console = Console::new(100, 30);
    console.watch(&in_flight(), Source::ReadOnly);
    console.requests();
    for keys in ["p", "x", "R", "t", "n", "c"] {
        console.press(keys);
        assert!(console.state.layers.is_empty(), "{keys} opened a dialog");
        assert!(console.screen().contains("read-only"), "{keys}");
    }
    console.press("q<Tab><Enter>");
    assert!(commands(&mut console).is_empty());
    assert!(!console.state.is_over());
    console.press("<BackTab><Enter>");
    assert_eq!(console.requests(), [Request::Quit]);
}

#[test]
fn a_rollout_without_a_conductor_is_resumed_by_continue() {
    let mut console = watching(&in_flight());
    let why = "connection reset".to_owned();
    console.send(Message::Disconnected { rollout: rollout_id(), why, gone: true });
    console.press("p");
    assert!(commands(&mut console).is_empty());
    console.press("c<Tab><Enter>");
    assert!(matches!(console.requests().as_slice(), [Request::Resume { rollout, .. }] if *rollout == rollout_id()));
}

#[test]
fn a_dead_rollout_is_two_keys_from_the_fleet() {
    let mut console = Console::new(80, 24);
    console.survey(40, 40);
    console.press("c");
    console.requests();
    assert_eq!(console.state.screen, Screen::Fleet, "there is none");
    console.send(Message::Environment(locked(facts())));
    console.press("c");
    assert_eq!(console.requests(), [Request::OpenRollout(rollout_id())]);
}

#[test]
fn records_of_another_rollout_change_nothing() {
    let run = in_flight();
    let mut console = watching(&run);
    let before = console.state.watched.as_ref().unwrap().state().clone();
    let other = crate::model::RolloutId::new("other").unwrap();
    console.send(Message::Records { rollout: other, records: run.records.clone() });
    assert_eq!(console.state.watched.as_ref().unwrap().state(), &before);
}

#[test]
fn who_keeps_everybody_waiting_is_named_with_for_how_long_and_the_key_that_leaves_it_out() {
    let mut run = in_flight();
    run.awaited("mw07.eqiad.wmnet", 40);
    let mut console = watching(&run);
    let words = "waiting for mw07.eqiad.wmnet, at most 40 s more; n goes on without";
    assert!(console.screen().contains(words), "{}", console.screen());
    // Who is being switched is left out by nobody, and no key says so.
    run.awaited("mw10.eqiad.wmnet", 40);
    let screen = watching(&run).screen();
    assert!(
        screen.contains("waiting for mw10.eqiad.wmnet, at most 40 s more") && !screen.contains("n goes on without")
    );
    // Whatever happens ends the wait.
    run.perform_one();
    assert!(!watching(&run).screen().contains("waiting for mw07"));
}

/// Whatever state a rollout is in, the menu says of each of its actions what the machine would answer.
#[test]
fn the_menu_refuses_in_every_state_what_the_machine_refuses_and_says_the_same() {
    for (name, records) in table::stories() {
        let state = crate::rollout::State::replay(&records);
        let rollout = records[0].rollout.clone();
        let mut console = Console::new(100, 30);
        console.send(Message::Opened { rollout: rollout.clone(), source: Source::Live });
        console.send(Message::Records { rollout, records });
        console.press("3");
        let screen = console.screen();
        let footer = screen.lines().last().unwrap();
        assert!(footer.contains(" m actions ") && footer.contains(" ? help"), "{footer}");
        for (action, command) in [
            (Action::Pause, Command::Pause),
            (Action::Continue, Command::Continue),
            (Action::Abort, Command::Abort),
            (Action::Rollback, Command::Rollback),
            (Action::Retry, Command::Retry { host: None }),
            (Action::Soak, Command::Soak { left_s: 60, reason: "quiet".to_owned() }),
            (Action::Promote, Command::Promote { reason: "quiet".to_owned() }),
            (Action::Hold, Command::Hold { reason: "odd".to_owned() }),
        ] {
            let told = console.state.refusal(action);
            let key = match action {
                Action::Pause => Some(" p pause "),
                Action::Continue => Some(" c continue "),
                Action::Abort => Some(" x abort "),
                Action::Rollback => Some(" R roll back "),
                _ => None,
            };
            if let Some(key) = key {
                assert_eq!(footer.contains(key), told.is_none(), "{key}when {name}: {footer}");
            }
            if action == Action::Rollback && state.mode() == Mode::Finished {
                assert_eq!(told, None, "what follows is a rollout of its own");
                continue;
            }
            assert_eq!(told, table::answer(&state, command).err(), "{action:?} when {name}");
        }
    }
}

/// What the console dims the machine refuses, and what it offers the machine takes.
#[test]
fn the_console_offers_what_the_machine_takes() {
    let every = |id: &HostId| {
        [
            Command::Pause,
            Command::Continue,
            Command::Abort,
            Command::Rollback,
            Command::Retry { host: None },
            Command::Retry { host: Some(id.clone()) },
            Command::Skip { host: id.clone() },
            Command::Promote { reason: "quiet".to_owned() },
            Command::Hold { reason: "odd".to_owned() },
        ]
    };
    let id = host("mw07.eqiad.wmnet");
    let scripts: [&[(usize, Option<Command>)]; 5] = [
        &[],
        &[(40, Some(Command::Pause)), (10, Some(Command::Continue))],
        &[(150, Some(Command::Rollback))],
        &[(90, Some(Command::Abort))],
        &[(60, Some(Command::Skip { host: host("mw03.codfw.wmnet") })), (5, Some(Command::Stop))],
    ];
    let mut compared = 0;
    for script in scripts {
        for probe in 0..every(&id).len() {
            for steps in (0..260).step_by(13) {
                let failure = crate::model::Failure::new(crate::model::FailureClass::Transfer, "disk full");
                let mut run = Run::new(plan(12)).failing("mw07.eqiad.wmnet", Task::Prime, failure);
                let mut done = 0;
                for (after, command) in script {
                    for _ in 0..*after {
                        run.perform_one();
                        run.pass(30);
                    }
                    done += after;
                    if let Some(command) = command {
                        run.command(command.clone()).ok();
                    }
                }
                for _ in done..done + steps {
                    run.perform_one();
                    run.pass(30);
                }
                let mut watched = crate::tui::app::Watched::new(rollout_id(), Source::Live, run.now);
                run.records.iter().for_each(|record| watched.take(record));
                let command = every(&id)[probe].clone();
                let shown = refusal(watched.state(), &command);
                let answer = run.command(command.clone());
                // What a host is busy with is the machine's alone; the console may offer what is then refused.
                if let Err(refused) = &answer {
                    let busy = refused.to_string().contains("right now") || refused.to_string().contains("ending");
                    assert!(
                        shown.is_some() || busy || refused.to_string().contains("no host"),
                        "{command:?}: {refused}"
                    );
                } else {
                    assert_eq!(shown, None, "{command:?} is taken in {:?}", run.state().mode());
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 500);
}

#[test]
fn what_a_rollout_made_untrue_is_asked_anew_when_it_is_over() {
    for (source, survey, tags, history) in [
        (Source::Live, vec![Request::Survey], vec![Request::LoadVersions], vec![Request::LoadHistory]),
        (Source::Journal, vec![], vec![], vec![]),
    ] {
        let mut console = Console::new(100, 30);
        console.survey(40, 40).press("2");
        console.send(Message::Versions(Ok(versions()))).press("4");
        console.send(Message::History(Ok(past()))).press("3");
        console.watch(&rolled_back(), source);
        console.requests();
        for (key, expected) in [("1", survey), ("2", tags), ("4", history)] {
            console.press(key);
            assert_eq!(console.requests(), expected, "{key} after a rollout from {source:?}");
        }
    }
}

#[test]
fn a_rollout_of_somebody_else_that_is_over_has_the_fleet_surveyed_anew() {
    let mut console = Console::new(100, 30);
    console.survey(40, 40);
    let mut runs = locked(facts());
    runs.rollouts.iter_mut().for_each(|live| live.running = true);
    console.send(Message::Environment(runs.clone()));
    console.requests();
    console.send(Message::Environment(runs));
    assert_eq!(console.requests(), [], "it goes on");
    console.send(Message::Environment(facts()));
    assert_eq!(console.requests(), [Request::Survey]);
}

#[test]
fn a_rollout_that_ends_during_a_survey_has_it_made_again() {
    let mut console = Console::new(100, 30);
    console.survey(40, 20);
    let mut runs = locked(facts());
    runs.rollouts.iter_mut().for_each(|live| live.running = true);
    console.send(Message::Environment(runs));
    console.requests();
    console.send(Message::Environment(facts()));
    assert_eq!(console.requests(), [], "the survey still runs");
    console.send(Message::SurveyDone(Ok(())));
    assert_eq!(console.requests(), [Request::Survey]);
}

#[test]
fn what_was_replayed_gives_way_to_the_rollout_that_runs() {
    let mut console = Console::new(100, 30);
    console.survey(40, 40).watch(&rolled_back(), Source::Journal);
    let mut runs = locked(facts());
    runs.rollouts.iter_mut().for_each(|live| live.running = true);
    console.send(Message::Environment(runs));
    console.press("1");
    console.requests();
    console.press("3");
    assert_eq!(console.requests(), [Request::OpenRollout(rollout_id())]);
    console.press("1");
    console.watch(&in_flight(), Source::Live);
    console.requests();
    console.press("13");
    assert_eq!(console.requests(), [], "it is the one that is shown");
}
