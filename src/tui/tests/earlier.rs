//! Deciding earlier than planned, the command line with its completion, and another environment.

use super::fixture::{Console, Run, commands, facts, locked, past, plan, rollout_id, settings, versions, watching};
use super::screens::{in_flight, soaking};
use crate::model::{Command, Environment, Operator};
use crate::plan::Promote;
use crate::rollout::Mode;
use crate::tui::app::{App, Layer, LineKind, Screen};
use crate::tui::messages::{Message, NotDone, Request, Settings, Source, Ticket};
use crate::words::Typed;

fn typed(state: &App) -> Option<&str> {
    match state.layers.last() {
        Some(Layer::Line(line)) if line.kind == LineKind::Command => Some(line.input.value()),
        _ => None,
    }
}

fn takes(console: &mut Console, run: &mut Run, command: Command) {
    let before = run.records.len();
    run.command(command).unwrap();
    console.send(Message::Records { rollout: rollout_id(), records: run.records[before..].to_vec() });
}

#[test]
fn a_soak_is_made_shorter_after_a_question_that_says_what_it_means() {
    let mut console = watching(&soaking());
    console.press("z");
    assert_eq!(typed(&console.state), Some("soak "));
    assert!(console.screen().contains("soak 10m REASON gives the stage so long from now"), "{}", console.screen());
    console.press("2m it is quiet<Enter>");
    insta::assert_snapshot!("soak_dialog_100x30", console.screen());
    assert!(commands(&mut console).is_empty(), "the focus is on Cancel");
    console.press("<Tab><Enter>");
    assert_eq!(commands(&mut console), [Command::Soak { left_s: 120, reason: "it is quiet".to_owned() }]);
}

#[test]
fn what_is_typed_wrong_stays_to_be_mended_and_commands_nothing() {
    let mut console = watching(&soaking());
    for (wrong, why) in [
        ("z10m<Enter>", "soak 10m REASON gives the stage so long"),
        ("z10 quiet<Enter>", "\"10\" is no time"),
        ("P<Enter>", "say why: promote REASON"),
        ("h<Enter>", "say why: hold REASON"),
        (":nonsense<Enter>", "there is no \"nonsense\" on this screen"),
        (":ro<Enter>", "\"ro\" can be "),
        (":pause now<Enter>", "pause takes nothing behind it"),
        (":environment nowhere<Enter>", "there is no environment \"nowhere\": production, beta"),
        (":environment production<Enter>", "production is what is shown"),
    ] {
        console.press(wrong);
        assert!(console.screen().contains(why), "{wrong}: {}", console.screen());
        assert!(typed(&console.state).is_some(), "{wrong}");
        console.press("<Esc>");
        assert!(console.state.layers.is_empty());
    }
    assert!(console.requests().is_empty());
}

#[test]
fn a_stage_is_promoted_early_by_confirming_and_held_at_once() {
    let mut run = soaking();
    let mut console = watching(&run);
    console.press("Pa fix is urgent<Enter>");
    let screen = console.screen();
    for text in
        ["Promote stage canary early?", "22 hosts of stage fleet are switched next.", "Its gate has the last word."]
    {
        assert!(screen.contains(text), "{screen}");
    }
    console.press("<Tab><Enter>");
    let promote = Command::Promote { reason: "a fix is urgent".to_owned() };
    assert_eq!(commands(&mut console), [promote]);
    console.press("hodd graphs<Enter>");
    let hold = Command::Hold { reason: "odd graphs".to_owned() };
    assert_eq!(commands(&mut console), std::slice::from_ref(&hold));
    takes(&mut console, &mut run, hold);
    let screen = console.screen();
    assert!(screen.contains("stage canary is held by alice@deploy1: odd graphs"), "{screen}");
    assert!(screen.contains("then it is held until a person promotes"), "{screen}");
    insta::assert_snapshot!("held_100x30", screen);
    console.press("h");
    assert!(console.screen().contains("cannot hold: it is held already"), "{}", console.screen());
    console.press("c");
    assert!(console.screen().contains("Hold it no longer?"), "{}", console.screen());
    console.press("<Tab><Enter>");
    assert_eq!(commands(&mut console), [Command::Continue]);
}

#[test]
fn a_held_stage_that_would_go_on_by_itself_waits_and_says_who_holds_it() {
    let mut plan = plan(24);
    plan.stages.iter_mut().for_each(|stage| stage.promote = Promote::Auto);
    let mut run = Run::new(plan);
    run.until(|state| matches!(state.mode(), Mode::Soaking { stage } if stage.0 == 1));
    run.command(Command::Hold { reason: "odd graphs".to_owned() }).unwrap();
    run.pass(5000);
    run.only(|_, _| true);
    assert!(matches!(run.state().mode(), Mode::Promoting { stage } if stage.0 == 1), "{:?}", run.state().mode());
    let mut console = watching(&run);
    console.press("c");
    assert!(console.screen().contains("held by alice@deploy1: odd graphs"), "{}", console.screen());
}

#[test]
fn nobody_decides_about_a_stage_that_does_not_soak_or_from_a_console_that_only_watches() {
    let mut console = watching(&in_flight());
    console.press("z");
    assert!(console.screen().contains("cannot soak: no stage soaks that `soak` could change"), "{}", console.screen());
    let mut console = Console::new(100, 30);
    console.watch(&soaking(), Source::ReadOnly);
    for key in ["z", "P", "h"] {
        console.press(key);
        assert!(console.state.layers.is_empty() && console.screen().contains("read-only"), "{key}");
    }
    console.press(":promote now<Enter>");
    assert!(console.screen().contains("read-only"), "{}", console.screen());
}

#[test]
fn everything_that_the_menu_has_can_be_typed_and_completed() {
    for screen in Screen::ALL {
        let mut console = watching(&soaking());
        console.state.screen = screen;
        let names: Vec<String> = console.state.commands().map(|(name, _)| name).collect();
        console.press("m");
        let Some(Layer::Menu(_, actions)) = console.state.layers.last() else { panic!() };
        for action in actions.clone() {
            let word = console.state.settings.keys.binding(action, screen.contexts()).unwrap().command();
            assert!(names.contains(&word), "{word} on {screen:?}");
        }
        let mut unique = names.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "two commands have one name on {screen:?}: {names:?}");
    }
    let mut console = watching(&soaking());
    console.press(":pr");
    assert_eq!(console.state.candidates("pr"), ["promote", "previous"]);
    console.press("o<Tab>");
    assert_eq!(typed(&console.state), Some("promote "));
    console.press("<Esc>:env<Tab>b<Tab>");
    assert_eq!(typed(&console.state), Some("environment beta"));
    console.press("<Esc>:pa<Enter>");
    assert_eq!(commands(&mut console), [Command::Pause], "so much of a name as is clear is enough");
    console.press(":filter state:healthy<Enter>");
    assert_eq!(console.state.rows().unwrap().filter().text(), "state:healthy");
    console.press(":<Backspace>");
    assert!(console.state.layers.is_empty());
}

#[test]
fn another_environment_is_shown_as_if_opened_on_it() {
    let mut console = Console::new(100, 30);
    console.survey(40, 40).watch(&soaking(), Source::Live);
    console.requests();
    console.press("Ebeta<Enter>");
    let requests = console.requests();
    let [Request::SwitchEnvironment { ticket, environment }] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((ticket, environment.as_str()), (&Ticket(1), "beta"));
    assert!(console.screen().contains("asked: environment beta"), "{}", console.screen());
    // Two at once would leave nobody knowing which it is.
    console.press("E");
    assert!(
        console.screen().contains("cannot environment: environment beta has no answer yet"),
        "{}",
        console.screen()
    );
    let (beta, invocation) = (Environment::new("beta").unwrap(), Typed::new(None, Some("beta"), None));
    console.send(Message::Switched { environment: beta, invocation });
    assert_eq!(console.requests(), [Request::Survey]);
    let screen = console.screen();
    assert!(
        screen.contains("coalmine beta") && screen.contains("this is beta now; what ran in production goes on"),
        "{screen}"
    );
    assert!(console.state.watched.is_none() && console.state.asked.is_empty());
    // What was told of the one before means nothing here.
    console.send(Message::Reply { ticket: Ticket(1), result: Err(NotDone::Refused("late".to_owned())) });
    assert!(!console.screen().contains("late"));
}

#[test]
fn an_environment_that_cannot_be_opened_leaves_everything_as_it_was() {
    let mut console = Console::new(100, 30);
    console.survey(40, 40).press("Ebeta<Enter>");
    console.send(Message::Reply { ticket: Ticket(1), result: Err(NotDone::Refused("no hosts".to_owned())) });
    assert!(console.screen().contains("environment beta was refused: no hosts"), "{}", console.screen());
    assert_eq!(console.state.settings.environment.as_str(), "production");
    assert!(console.screen().contains("40 hosts"));
}

#[test]
fn rows_that_are_no_hosts_are_copied_as_their_command_line() {
    let mut console = watching(&soaking());
    console.press("mjy");
    assert_eq!(
        console.requests(),
        [Request::CopyToClipboard(format!("coalmine -e production pause {}", rollout_id()))]
    );
    assert!(matches!(console.state.layers.last(), Some(Layer::Menu(..))), "the menu stays");
    console.press("<Esc>4");
    console.send(Message::Environment(facts())).send(Message::History(Ok(past())));
    console.requests();
    console.press("jy");
    let line = format!("coalmine -e production show {}", past()[1].rollout);
    assert_eq!(console.requests(), [Request::CopyToClipboard(line)]);
    console.press("2");
    console.send(Message::Versions(Ok(versions())));
    console.requests();
    console.press("jy");
    assert_eq!(console.requests(), [Request::CopyToClipboard("coalmine -e production plan 4.283.0".to_owned())]);
}

#[test]
fn an_environment_is_frozen_with_a_reason_and_freed_after_who_froze_it_was_named() {
    let mut console = Console::new(100, 30);
    console.send(Message::Environment(facts()));
    console.requests();
    console.press("U");
    assert!(console.screen().contains("cannot unlock: nobody froze it"), "{}", console.screen());
    console.press("F");
    assert_eq!(typed(&console.state), Some("lock "));
    console.press("<Enter>");
    assert!(console.screen().contains("say why: lock REASON"), "{}", console.screen());
    assert!(console.requests().is_empty());
    console.press("the database moves<Enter>");
    let asked = console.requests();
    let [Request::Lock { reason, .. }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(reason, "the database moves");
    // Held by a rollout it is not frozen; by a person it is, whoever that was.
    let mut frozen = locked(facts());
    frozen.lock.as_mut().unwrap().is_freeze = false;
    console.send(Message::Environment(frozen.clone()));
    console.press("U");
    assert!(console.screen().contains("cannot unlock: nobody froze it"), "{}", console.screen());
    frozen.lock.as_mut().unwrap().is_freeze = true;
    console.send(Message::Environment(frozen));
    console.press("F");
    assert!(console.screen().contains("cannot lock: it is frozen by bob@deploy2 since"), "{}", console.screen());
    console.press("U");
    let screen = console.screen();
    for told in ["Unlock production?", "It is frozen by bob@deploy2", "network maintenance", "-e production unlock"] {
        assert!(screen.contains(told), "{screen}");
    }
    assert!(console.requests().is_empty());
    console.press("<Tab><Enter>");
    let asked = console.requests();
    assert!(matches!(asked.as_slice(), [Request::Unlock { .. }]), "{asked:?}");
}

#[test]
fn a_freeze_is_told_in_the_zone_of_the_configuration_and_on_one_line_wherever_it_is_told() {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    let mut console = Console::with(Settings { zone, ..settings() }, 160, 30);
    console.survey(6, 6);
    let mut frozen = locked(facts());
    frozen.lock.as_mut().unwrap().reason = Some("the network\nmoves\u{1b}]0;title\u{7}".to_owned());
    console.send(Message::Environment(frozen));
    let told = "by bob@deploy2 since 2026-11-21 17:30: the network moves";
    assert!(console.screen().contains(&format!("locked {told}")), "{}", console.screen());
    console.press("F");
    assert!(console.screen().contains(&format!("cannot lock: it is frozen {told}")), "{}", console.screen());
    console.press("U");
    assert!(console.screen().contains(&format!("It is frozen {told}.")), "{}", console.screen());
}

#[test]
fn a_freeze_that_another_made_meanwhile_is_not_taken_away_by_the_answer_about_the_first() {
    let mut console = Console::new(160, 30);
    console.survey(6, 6);
    let frozen = locked(facts());
    console.send(Message::Environment(frozen.clone()));
    for (later, told) in [
        (facts(), "It is not frozen any more."),
        (
            {
                let mut others = frozen.clone();
                others.lock.as_mut().unwrap().owner = Operator("eve@deploy3".into());
                others
            },
            "It is frozen by eve@deploy3 since 2026-11-21 08:30",
        ),
    ] {
        console.send(Message::Environment(frozen.clone()));
        console.press("U<Tab>");
        console.requests();
        console.send(Message::Environment(frozen.clone()));
        assert!(console.screen().contains("It is frozen by bob@deploy2"), "{}", console.screen());
        console.send(Message::Environment(later));
        assert!(console.screen().contains(told), "{}", console.screen());
        console.press("<Tab><Enter>");
        assert!(console.requests().is_empty() && console.state.layers.is_empty());
    }
}
