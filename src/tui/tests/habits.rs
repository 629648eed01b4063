//! Keys in, state and requests out: the habits that the console keeps.

use super::fixture::{
    Console, Run, commands, facts, given_plan, host, locked, past, plan, rollout_id, settings, version, versions,
    watching,
};
use super::screens::{in_flight, rolled_back, soaking};
use crate::model::{Command, HostId, HostIdx, Phase};
use crate::plan::OnFailure;
use crate::rollout::{Mode, Task, refusal, table};
use crate::tui::app::{Answer, Layer, LogSize, Screen, Side};
use crate::tui::keymap::Action;
use crate::tui::messages::{Message, Request, Settings, Source, Ticket};

fn planned() -> Console {
    let mut console = Console::new(100, 30);
    console.survey(40, 40);
    console.press("i");
    console.send(Message::Versions(Ok(versions())));
    console.press("j<Enter>");
    let ticket = console.requests().into_iter().find_map(|request| match request {
        Request::LoadPlan { ticket, .. } => Some(ticket),
        _ => None,
    });
    console.send(Message::Plan { ticket: ticket.unwrap(), plan: Ok(given_plan()) });
    console
}

#[test]
fn it_opens_on_the_fleet_and_surveys_it() {
    let mut console = Console::new(80, 24);
    assert_eq!(console.state.screen, Screen::Fleet);
    assert_eq!(console.requests(), [Request::Survey]);
    let open = Settings { open: Some(rollout_id()), ..settings() };
    let mut console = Console::with(open, 80, 24);
    assert_eq!(console.state.screen, Screen::Rollout);
    assert_eq!(console.requests(), [Request::OpenRollout(rollout_id())]);
}

#[test]
fn screens_are_reached_by_number_and_by_tab() {
    let mut console = Console::new(80, 24);
    console.requests();
    console.press("2");
    assert_eq!((console.state.screen, console.requests()), (Screen::Plan, vec![Request::LoadVersions]));
    console.press("4");
    assert_eq!((console.state.screen, console.requests()), (Screen::History, vec![Request::LoadHistory]));
    console.press("<Tab>");
    assert_eq!(console.state.screen, Screen::Fleet);
    console.press("<BackTab><BackTab>");
    assert_eq!(console.state.screen, Screen::Rollout);
    console.press("2");
    assert!(console.requests().contains(&Request::Survey), "the fleet was shown without a survey");
}

#[test]
fn moving_is_as_everywhere() {
    let mut console = Console::new(80, 24);
    console.survey(40, 40);
    console.draw();
    let place = |console: &Console| console.state.fleet.rows.selected().unwrap();
    let page = console.state.fleet.rows.window_range().len();
    for (keys, expected) in [
        ("jj", 2),
        ("<Down>k", 2),
        ("<Up><Up><Up><Up>", 0),
        ("G", 39),
        ("g", 0),
        ("<End>", 39),
        ("<Home>", 0),
        ("<PgDn>", page),
        ("<PgUp>", 0),
        ("<Ctrl-d>", page.div_ceil(2)),
        ("<Ctrl-u>", 0),
    ] {
        console.press(keys);
        assert_eq!(place(&console), expected, "after {keys}");
    }
}

#[test]
fn escape_goes_one_layer_up_and_never_out() {
    let mut console = watching(&in_flight());
    console.press("/mw0<Enter>vj?");
    assert!(matches!(console.state.layers.last(), Some(Layer::Help { .. })));
    console.press("<Esc>");
    assert!(console.state.layers.is_empty());
    assert!(console.state.rows().unwrap().has_range());
    console.press("<Esc>");
    assert!(!console.state.rows().unwrap().has_range());
    assert_eq!(console.state.rows().unwrap().filter().text(), "mw0");
    console.press("<Esc>");
    assert_eq!(console.state.rows().unwrap().filter().text(), "");
    console.press("<Esc><Esc><Esc>");
    assert_eq!(console.state.screen, Screen::Rollout);
    assert!(!console.state.is_over() && console.requests().is_empty());
}

#[test]
fn a_filter_is_live_and_escape_brings_back_what_was_before() {
    let mut console = watching(&in_flight());
    console.press("/state:failed");
    assert_eq!(console.state.rows().unwrap().shown().len(), 2);
    console.press("<Enter>/<Backspace><Backspace>");
    assert_eq!(console.state.rows().unwrap().filter().text(), "state:fail");
    console.press("<Esc>");
    assert_eq!(console.state.rows().unwrap().filter().text(), "state:failed");
    console.press("/");
    console.send(Message::Paste(" \u{1b}[31mmw07\nmw19".to_owned()));
    assert_eq!(console.state.rows().unwrap().filter().text(), "state:failed [31mmw07mw19");
}

#[test]
fn the_selection_follows_the_host_when_the_order_changes() {
    let mut run = soaking();
    let mut console = watching(&run);
    console.press("/fleet<Enter>jjs");
    let selected = console.state.selected_host().cloned().unwrap();
    run.pass(900);
    let before = run.records.len();
    run.until(|state| matches!(state.mode(), Mode::Promoting { .. }));
    run.command(Command::Continue).unwrap();
    run.until(|state| state.count(Phase::Healthy) > 12);
    console.send(Message::Records { rollout: rollout_id(), records: run.records[before..].to_vec() });
    console.draw();
    assert_eq!(console.state.selected_host(), Some(&selected));
}

#[test]
fn marked_hosts_are_the_limit_of_a_plan() {
    let mut console = Console::new(80, 24);
    console.survey(40, 40);
    console.requests();
    console.press("   i");
    console.send(Message::Versions(Ok(versions())));
    console.press("<Enter>");
    let requests = console.requests();
    assert_eq!(requests.first(), Some(&Request::LoadVersions));
    let Some(Request::LoadPlan { wanted, .. }) = requests.last() else { panic!("{requests:?}") };
    let limit = wanted.limit.as_ref().unwrap();
    assert_eq!(limit.hosts, [host("mw01.eqiad.wmnet"), host("mw02.eqiad.wmnet"), host("mw03.codfw.wmnet")]);
    assert_eq!(limit.expression, crate::expr::fold(&limit.hosts));
    assert_eq!(wanted.version, version("4.284.0-rc1"));
}

#[test]
fn a_filter_is_the_limit_where_nothing_is_marked() {
    let mut console = Console::new(80, 24);
    console.survey(40, 40);
    console.press("/site:codfw<Enter>i");
    assert_eq!(console.state.planning.limit.as_ref().unwrap().hosts.len(), 13);
    console.press("1<Esc>i");
    assert_eq!(console.state.planning.limit, None, "without a filter it is the whole fleet");
    console.press("1/nothing-like-this<Enter>i");
    assert_eq!(console.state.screen, Screen::Fleet, "a filter that shows nobody is not the whole fleet");
}

#[test]
fn starting_needs_the_number_of_hosts() {
    let mut console = planned();
    console.press("i<Enter>");
    assert!(console.state.layers.is_empty() && console.requests().is_empty(), "the focus starts on Cancel");
    console.press("i25<Enter>");
    assert!(console.requests().is_empty(), "25 counts the master, which is not a target");
    console.press("<Backspace>4<Enter>");
    let requests = console.requests();
    let [Request::StartRollout { plan, .. }] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((plan.targets(), plan.reason.as_deref()), (24, None));
    assert_eq!(console.state.screen, Screen::Rollout);
}

#[test]
fn the_reason_goes_into_the_plan_and_the_command_line() {
    let mut console = planned();
    console.press("rit's urgent<Enter>i");
    let Some(Layer::Dialog(dialog)) = console.state.layers.last() else { panic!() };
    let line = dialog.command_line.clone().unwrap();
    assert_eq!(line, r"coalmine -e production install-world 4.283.0 --on-failure pause --reason 'it'\''s urgent'");
    console.press("24<Enter>");
    let requests = console.requests();
    let [Request::StartRollout { plan, .. }] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(plan.reason.as_deref(), Some("it's urgent"));
}

#[test]
fn keys_that_were_typed_before_a_dialog_opened_do_not_answer_it() {
    let mut console = planned();
    // All in one go: nothing was drawn in between.
    for key in ["i", "2", "4"] {
        let code = crossterm::event::KeyCode::Char(key.chars().next().unwrap());
        console.send(Message::Key(code.into()));
    }
    console.send(Message::Paste("24".to_owned()));
    console.send(Message::Key(crossterm::event::KeyCode::Tab.into()));
    console.send(Message::Key(crossterm::event::KeyCode::Enter.into()));
    assert!(console.requests().is_empty());
    let Some(Layer::Dialog(dialog)) = console.state.layers.last() else { panic!() };
    assert_eq!(dialog.typed.as_ref().unwrap().1.value(), "");
    console.draw();
    console.send(Message::Drawn);
    console.press("24<Enter>");
    assert_eq!(console.requests().len(), 1);
    // Left it may be at once.
    let mut console = planned();
    console.send(Message::Key(crossterm::event::KeyCode::Char('i').into()));
    assert!(matches!(console.state.layers.last(), Some(Layer::Dialog(_))));
    console.send(Message::Key(crossterm::event::KeyCode::Esc.into()));
    assert!(console.state.layers.is_empty() && console.requests().is_empty());
}

#[test]
fn flags_are_asked_of_the_plan_anew() {
    let mut console = planned();
    console.press("u");
    let requests = console.requests();
    let [Request::LoadPlan { ticket, wanted }] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(wanted.skip_unreachable);
    assert!(matches!(console.state.planning.plan, Answer::Asked), "the old plan cannot be started any more");
    console.press("oo");
    let requests = console.requests();
    let Some(Request::LoadPlan { wanted, .. }) = requests.last() else { panic!("{requests:?}") };
    assert_eq!(wanted.on_failure, OnFailure::Abort);
    console.send(Message::Plan { ticket: *ticket, plan: Ok(given_plan()) });
    assert!(matches!(console.state.planning.plan, Answer::Asked), "an answer to an older question is not the plan");
    console.press("<Esc>");
    assert_eq!(console.state.planning.side, Side::Versions);
}

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
    console.send(Message::Reply { ticket: Ticket(2), result: Err("the rollout is over".to_owned()) });
    assert!(console.screen().contains("continue was refused: the rollout is over"));
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
fn failures_lead_to_their_hosts() {
    let mut console = watching(&in_flight());
    console.press("e<Enter>");
    let rows = console.state.rows().unwrap();
    let hosts: Vec<HostId> = rows
        .shown()
        .iter()
        .map(|&row| console.state.watched.as_ref().unwrap().state().host(HostIdx(row)).unwrap().id.clone())
        .collect();
    assert_eq!(hosts, [host("mw07.eqiad.wmnet"), host("mw19.eqiad.wmnet")]);
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
fn history_opens_a_rollout_as_it_was() {
    let mut console = Console::new(80, 24);
    console.press("4");
    console.send(Message::History(Ok(past())));
    console.requests();
    console.press("j<Enter>");
    assert_eq!(console.requests(), [Request::OpenRollout(past()[1].rollout.clone())]);
    assert_eq!(console.state.screen, Screen::Rollout);
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
fn hosts_and_failures_are_copied_and_what_is_shown_is_written() {
    let mut console = watching(&in_flight());
    console.press("y");
    assert_eq!(console.requests(), [Request::CopyToClipboard("deploy1.eqiad.wmnet".to_owned())]);
    console.press("/mw07<Enter>Y");
    let requests = console.requests();
    let [Request::CopyToClipboard(text)] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(text.starts_with("mw07.eqiad.wmnet: transfer: No space left on device (28)\nfree space under"));
    console.press("<Esc>w");
    let requests = console.requests();
    let [Request::WriteFile { name, text }] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(name.starts_with("coalmine-rollout-2026"));
    assert_eq!(text.lines().filter(|line| line.starts_with("mw") || line.starts_with("deploy")).count(), 25);
}

#[test]
fn who_keeps_everybody_waiting_is_named_with_for_how_long_and_the_key_that_leaves_it_out() {
    let mut run = in_flight();
    run.awaited("mw07.eqiad.wmnet", 40);
    let mut console = watching(&run);
    let words = "waiting for mw07.eqiad.wmnet, at most 40 s more; n goes on without";
    assert!(console.screen().contains(words), "{}", console.screen());
    // Whatever happens ends the wait.
    run.perform_one();
    assert!(!watching(&run).screen().contains("waiting for mw07"));
}

#[test]
fn the_log_goes_from_hidden_to_pane_to_all_and_back() {
    let mut console = watching(&in_flight());
    let sizes = ["l", "L", "<Esc>", "l"].map(|keys| {
        console.press(keys);
        console.state.log
    });
    assert_eq!(sizes, [LogSize::Pane, LogSize::Full, LogSize::Pane, LogSize::Hidden]);
}

#[test]
fn the_menu_does_what_its_row_says() {
    let mut console = watching(&in_flight());
    console.press("mj<Enter>");
    assert_eq!(commands(&mut console), [Command::Pause]);
    console.press("m<Enter>");
    assert!(console.screen().contains("cannot continue: it is neither paused nor held nor waiting for promotion"));
}

#[test]
fn everything_is_at_most_three_keys_from_the_fleet() {
    for (keys, reached) in [("2", Screen::Plan), ("3", Screen::Rollout), ("4", Screen::History), ("i", Screen::Plan)] {
        let mut console = Console::new(80, 24);
        console.survey(40, 40);
        console.press(keys);
        assert_eq!(console.state.screen, reached);
    }
    let run = in_flight();
    for (keys, opened) in
        [("3R", "Roll"), ("3x", "Abort"), ("3e", "failures"), ("3m", "actions"), ("?", "keys"), ("q", "running")]
    {
        let mut console = Console::new(80, 24);
        console.survey(40, 40);
        console.watch(&run, Source::Live);
        console.press("1").press(keys);
        assert!(console.screen().contains(opened), "{keys}");
    }
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
fn hosts_whose_messages_differ_in_their_own_names_alone_failed_alike() {
    let mut run = Run::new(plan(24))
        .unhealthy("mw01.eqiad.wmnet", "no such file: /srv/mw01.eqiad.wmnet/limits.ini")
        .unhealthy("mw02.eqiad.wmnet", "no such file: /srv/mw02.eqiad.wmnet/limits.ini");
    run.until(|state| state.paused().is_some());
    let mut console = watching(&run);
    console.press("e");
    let watched = console.state.watched.as_ref().unwrap();
    let [group, unreachable] = watched.groups() else { panic!("{:?}", watched.groups()) };
    assert_eq!((unreachable.hosts.len(), unreachable.rows.len()), (1, 0), "left out before it started");
    assert_eq!(group.rows.len(), 2);
    assert!(group.message.contains("/srv/HOST/limits.ini"), "{}", group.message);
}

#[test]
fn the_command_line_of_an_install_has_the_marked_hosts() {
    let mut console = Console::new(140, 30);
    console.survey(40, 40).press(" jm");
    assert!(console.screen().contains("coalmine -e production plan -l "), "{}", console.screen());
}

#[test]
fn making_a_plan_says_what_it_takes_so_long_with() {
    let mut console = Console::new(80, 24);
    console.survey(40, 40).press("i");
    console.send(Message::Versions(Ok(versions()))).press("<Enter>");
    let ticket = console.state.planning.ticket.unwrap();
    console.send(Message::PlanStep { ticket: Ticket(999), what: "something else".to_owned() });
    console.send(Message::PlanStep { ticket, what: "building 4.284.0-rc1".to_owned() });
    let screen = console.screen();
    assert!(screen.contains("making the plan: building 4.284.0-rc1"), "{screen}");
    console.send(Message::Plan { ticket, plan: Err("it does not build".to_owned()) });
    let screen = console.screen();
    assert!(screen.contains("it does not build") && !screen.contains("building"), "{screen}");
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
