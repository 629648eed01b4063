//! What the screens say is so: at the end of a rollout, without a conductor, over budget, and where there is little room.

use ratatui::style::Color;

use super::fixture::{Console, Run, facts, given_plan, host, plan, rollout_id, version, versions};
use super::screens::{in_flight, soaking};
use crate::model::{Command, Failure, FailureClass, HostState, Verdict};
use crate::plan::LeftOutReason;
use crate::rollout::{Debt, HostEnd, Mode, PauseReason, Task, table};
use crate::tui::app::Screen;
use crate::tui::messages::{EnvironmentFacts, Message, Source};
use crate::words::{self, Glyph, Look};

fn shown(run: &Run, columns: u16, rows: u16) -> String {
    let mut console = Console::new(columns, rows);
    console.watch(run, Source::Live);
    console.screen()
}

#[test]
fn the_last_stage_s_soak_promises_no_next_stage() {
    let mut run = soaking();
    assert!(shown(&run, 100, 30).contains("then a person promotes"), "{}", shown(&run, 100, 30));
    run.pass(900);
    run.until(|state| matches!(state.mode(), Mode::Promoting { .. }));
    run.command(Command::Continue).unwrap();
    run.until(|state| matches!(state.mode(), Mode::Soaking { stage } if stage.0 == 2));
    let screen = shown(&run, 100, 30);
    assert!(screen.contains("stage fleet soaks") && screen.contains("then it is done"), "{screen}");
    assert!(!screen.contains("next stage"), "{screen}");
}

#[test]
fn elapsed_time_stands_still_when_the_conductor_dies_and_does_not_jump_back() {
    let run = soaking();
    let mut console = Console::new(100, 30);
    console.watch(&run, Source::Live);
    let elapsed = |console: &mut Console| {
        let screen = console.screen();
        let line = screen.lines().find(|line| line.contains("install 4.283.0")).unwrap().to_owned();
        let left = screen.lines().find(|line| line.contains("soaks")).unwrap().to_owned();
        (line.split(" · ").nth(1).unwrap().to_owned(), left)
    };
    let later = run.now.checked_add(jiff::SignedDuration::from_secs(100)).unwrap();
    console.send(Message::Tick(later));
    let before = elapsed(&mut console);
    let why = "its conductor died".to_owned();
    console.send(Message::Disconnected { rollout: rollout_id(), why, gone: true });
    assert_eq!(elapsed(&mut console), before);
    console.send(Message::Tick(later.checked_add(jiff::SignedDuration::from_secs(50)).unwrap()));
    assert_eq!(elapsed(&mut console), before, "it does not go on either");
    // Opened again from its journal, it is as late as it was.
    console.send(Message::Opened { rollout: rollout_id(), source: Source::Journal });
    console.send(Message::Records { rollout: rollout_id(), records: run.records.clone() });
    assert_eq!(elapsed(&mut console), before);
}

#[test]
fn a_host_that_is_sick_on_both_releases_did_go_back() {
    let mut run = Run::new(plan(24)).sick_on_both("mw01.eqiad.wmnet");
    run.until(|state| state.paused().is_some() || state.outcome().is_some());
    let mut console = Console::new(100, 40);
    console.watch(&run, Source::Live).press("/mw01<Enter><Enter>");
    let screen = console.screen();
    assert!(screen.contains("It went back, and is not healthy there either"), "{screen}");
    assert!(!screen.to_lowercase().contains("going back failed"), "{screen}");
}

#[test]
fn a_budget_that_is_used_up_and_one_that_is_over_are_told_apart() {
    let fails = |names: &[&str]| {
        let failure = Failure::new(FailureClass::Transfer, "no space left");
        let mut run =
            names.iter().fold(Run::new(plan(24)), |run, name| run.failing(name, Task::Prime, failure.clone()));
        run.until(|state| state.paused().is_some() || matches!(state.mode(), Mode::Promoting { .. }));
        shown(&run, 100, 40)
    };
    let all = fails(&["mw03.codfw.wmnet", "mw11.eqiad.wmnet"]);
    assert!(!all.contains(": over"), "{all}");
    let over = fails(&["mw03.codfw.wmnet", "mw11.eqiad.wmnet", "mw12.codfw.wmnet"]);
    assert!(over.contains("transfer 3 of 2 allowed: over"), "{over}");
}

#[test]
fn the_bar_of_versions_is_green_for_the_release_alone() {
    let tones = |release: Option<&str>| {
        let mut console = Console::new(100, 30);
        console.survey(40, 40);
        let release = release.map(|name| (version(name), None));
        console.send(Message::Environment(EnvironmentFacts { release, ..facts() }));
        let buffer = console.draw();
        let line = (0..buffer.area.height).find(|&y| buffer.cell((1, y)).unwrap().symbol() == "█").unwrap();
        ["█", "▓"].map(|fill| {
            let cells = (0..buffer.area.width).filter_map(|x| buffer.cell((x, line)));
            cells.filter(|cell| cell.symbol() == fill).map(|cell| cell.fg).next().unwrap()
        })
    };
    assert_eq!(tones(Some("4.283.0"))[0], Color::Green);
    assert!(tones(Some("4.283.0"))[1] != Color::Green);
    assert!(tones(Some("4.290.0")).iter().all(|&tone| tone == Color::Yellow || tone == Color::Magenta), "outdated");
    assert!(tones(None).iter().all(|&tone| tone != Color::Green), "nobody knows what they should run");
    assert_ne!(Glyph::of_state(HostState::Outdated).tone(), words::Tone::Good);
}

/// Whatever a rollout does, what it waits for and how it ended has the sign that the lines of the headless output have.
#[test]
fn one_state_has_one_sign_in_console_and_headless() {
    let look = Look { color: false, unicode: true };
    let mut compared = 0;
    for (name, records) in table::stories() {
        let rollout = records[0].rollout.clone();
        let state = crate::rollout::State::replay(&records);
        let Some(last) = records.iter().rev().find(|record| record.event.is_journaled()) else { continue };
        let line = words::event_line(last, &state, &jiff::tz::TimeZone::UTC, look);
        let Some(line) = line.filter(|line| matches!(line.glyph, Glyph::Wait)) else { continue };
        if state.paused().is_none() && !matches!(state.mode(), Mode::Promoting { .. }) {
            continue;
        }
        let mut console = Console::new(100, 40);
        console.send(Message::Opened { rollout: rollout.clone(), source: Source::Live });
        console.send(Message::Records { rollout, records });
        console.press("3");
        let screen = console.screen();
        assert!(screen.contains(&format!(" {} ", look.glyph(line.glyph))), "{name}: {screen}");
        assert!(!screen.contains(" ! paused") && !screen.contains(" ! stage"), "{name}: {screen}");
        compared += 1;
    }
    assert!(compared > 0);
    let mut run = Run::new(plan(24)).unhealthy("mw03.codfw.wmnet", "exit 1");
    run.until(|state| state.count(crate::model::Phase::Healthy) >= 3);
    run.command(Command::Abort).unwrap();
    run.until(|state| state.outcome().is_some());
    let state = run.state();
    let line = words::event_line(run.records.last().unwrap(), state, &jiff::tz::TimeZone::UTC, look).unwrap();
    let (sign, _) = words::ended(state.outcome().unwrap(), state.summary().debt.len());
    assert_eq!(line.glyph, sign);
    let ended = format!(" {} {} (exit", look.glyph(sign), state.outcome().unwrap());
    assert!(shown(&run, 100, 30).contains(&ended), "{}", shown(&run, 100, 30));
}

#[test]
fn on_a_small_screen_facts_go_before_warnings() {
    let mut run = soaking().gate(Verdict::Fail, 9.5, "too many errors");
    run.pass(900);
    run.until(|state| state.paused().is_some());
    let screen = shown(&run, 60, 15);
    assert!(screen.contains("paused") && screen.contains("gate error rate: fails"), "{screen}");
    let screen = shown(&in_flight(), 60, 15);
    assert!(screen.contains("No space") && screen.contains("install 4.283.0"), "{screen}");
    // In the plan too: who cannot be reached, and that a version is bad, stand above the stages.
    let mut console = Console::new(60, 15);
    console.survey(40, 40).press("i");
    let mut rows = versions();
    rows[1].standing = crate::tui::messages::Standing::Bad("rolled back on 2026-10-28".to_owned());
    console.send(Message::Versions(Ok(rows))).press("j<Enter>");
    let ticket = console.state.planning.ticket.unwrap();
    let mut plan = crate::plan::Plan::clone(&given_plan());
    let lost = plan.left_out.iter().position(|out| out.reason == LeftOutReason::Unreachable).unwrap();
    plan.left_out.swap(0, lost);
    console.send(Message::Plan { ticket, plan: Ok(plan.into()) });
    let screen = console.screen();
    assert_eq!(console.state.screen, Screen::Plan);
    let place = |text: &str| screen.lines().position(|line| line.contains(text));
    assert!(place("this version is marked bad").is_some(), "{screen}");
    assert!(place("cannot be reached").unwrap() < place("promoted").unwrap(), "{screen}");
}

#[test]
fn a_wider_screen_shows_no_column_less() {
    let mut run = Run::new(plan(24));
    run.only(|host, task| *task == Task::Lock || (*task == Task::Prime && host.as_str() < "mw05"));
    run.progress("mw05.eqiad.wmnet", 63, 10_485_760);
    let titles = |columns: u16, fleet: bool| {
        let mut console = Console::new(columns, 40);
        if fleet {
            console.survey(40, 40);
        } else {
            console.watch(&run, Source::Live);
        }
        let all =
            ["host ", "state ", "bytes", "rate", "left", "stage", "site", "installed", "behind", "groups", "asked"];
        let screen = console.screen();
        let line = screen.lines().find(|line| line.contains("host  ") && line.contains("state ")).unwrap().to_owned();
        all.into_iter().filter(|title| line.contains(title)).count()
    };
    for fleet in [true, false] {
        let counts: Vec<usize> = (60..=220).map(|columns| titles(columns, fleet)).collect();
        assert!(counts.is_sorted(), "{fleet}: {counts:?}");
    }
    let mut console = Console::new(120, 40);
    console.watch(&run, Source::Live).press("/mw05<Enter>");
    let screen = console.screen();
    assert!(screen.contains("10.0 MiB/s") && screen.contains("█"), "{screen}");
    assert_eq!(console.state.selected_host(), Some(&host("mw05.eqiad.wmnet")));
}

#[test]
fn hosts_in_debt_are_named_until_one_of_them_has_the_release() {
    let debt = |name: &str, end, message: &str| Debt {
        host: host(name),
        end,
        class: Some(FailureClass::Unreachable),
        message: message.to_owned(),
    };
    let owed = vec![
        debt("mw03.codfw.wmnet", HostEnd::Unreachable, "connection refused"),
        debt("mw06.codfw.wmnet", HostEnd::Failed, "disk is full"),
    ];
    for (columns, rows) in [(60, 15), (100, 30), (140, 40)] {
        let mut console = Console::new(columns, rows);
        console.send(Message::Environment(EnvironmentFacts { debt: owed.clone(), ..facts() }));
        let screen = console.screen();
        assert!(screen.contains("! in debt: 1 host (failed): mw06.codfw.wmnet"), "{screen}");
        if rows > 15 {
            assert!(screen.contains("! in debt: 1 host (unreachable): mw03.codfw.wmnet"), "{screen}");
        }
        // It came back, and has it by another way.
        console.survey(12, 12);
        console.send(Message::Environment(EnvironmentFacts { debt: owed.clone(), ..facts() }));
        let screen = console.screen();
        assert!(!screen.contains("(unreachable)") && screen.contains("in debt: 1 host (failed): mw06"), "{screen}");
        console.send(Message::Environment(facts()));
        assert!(!console.screen().contains("in debt"), "{}", console.screen());
    }
}

#[test]
fn what_fails_while_a_rollout_stops_is_counted_when_it_pauses() {
    let mut run = Run::new(plan(24));
    for name in ["mw03.codfw.wmnet", "mw04.eqiad.wmnet", "mw05.eqiad.wmnet", "mw06.codfw.wmnet", "mw07.eqiad.wmnet"] {
        let closed = Failure::new(FailureClass::Transfer, "rsync: connection unexpectedly closed (exit 12)");
        run = run.failing(name, Task::Prime, closed);
    }
    run.until(|state| state.stopping().is_some());
    let Some(PauseReason::OverBudget { failed: first, .. }) = run.state().stopping().cloned() else { panic!() };
    run.until(|state| state.paused().is_some());
    let Some(PauseReason::OverBudget { stage, failed, .. }) = run.state().paused().cloned() else { panic!() };
    let idx = run.state().stage_named(&stage).unwrap();
    assert!(failed > first, "none failed meanwhile");
    assert_eq!(run.state().over_budget(idx).map(|(_, failed, _)| failed), Some(failed));
}
