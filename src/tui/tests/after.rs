//! What follows a rollout that is over: back, the debt, what differs, a report, and the history that it stands in.

use super::fixture::{Console, Run, facts, given_plan, locked, past, plan, rollout_id, version, versions};
use super::screens::{in_flight, rolled_back};
use crate::model::{Slot, Version};
use crate::plan::{LeftOut, LeftOutReason, Plan, PlanKind};
use crate::rollout::Mode;
use crate::tui::app::{Layer, Screen, Side};
use crate::tui::messages::{HistoryRow, Message, PlanGoal, PlanWanted, Request, Source, Ticket};

fn history(columns: u16, rows: u16) -> Console {
    let mut console = Console::new(columns, rows);
    console.send(Message::Environment(facts())).press("4");
    console.send(Message::History(Ok(past())));
    console.requests();
    console
}

fn wanted(console: &mut Console) -> (Ticket, PlanWanted) {
    let mut asked = console.requests().into_iter().filter_map(|request| match request {
        Request::LoadPlan { ticket, wanted } => Some((ticket, wanted)),
        _ => None,
    });
    asked.next().expect("a plan is asked for")
}

fn finished() -> Run {
    let mut run = Run::new(plan(24));
    for _ in 0..40 {
        run.until(|state| matches!(state.mode(), Mode::Promoting { .. }));
        run.pass(1000);
        run.only(|_, _| true);
        run.command(crate::model::Command::Continue).ok();
    }
    assert_eq!(run.state().mode(), Mode::Finished);
    run
}

fn backwards() -> Plan {
    Plan { kind: PlanKind::Rollback, version: version("4.282.1"), reason: None, ..plan(24) }
}

#[test]
fn the_history_leads_back_to_what_a_rollout_installed_by_a_plan_that_is_confirmed() {
    let mut console = history(120, 30);
    console.press("jR");
    assert_eq!(console.state.screen, Screen::Plan);
    let (ticket, wanted) = wanted(&mut console);
    assert_eq!(wanted.goal, PlanGoal::Back { to: Some(version("4.282.1")) });
    assert!(console.screen().contains("roll back to 4.282.1"), "{}", console.screen());
    console.send(Message::Versions(Ok(versions())));
    console.send(Message::Plan { ticket, plan: Ok(backwards().into()) });
    console.press("i");
    let screen = console.screen();
    assert!(screen.contains("Type the number of hosts to confirm: 24"), "{screen}");
    assert!(screen.contains("coalmine -e production rollback --to 4.282.1"), "{screen}");
    console.press("24<Enter>");
    let requests = console.requests();
    assert!(matches!(requests.as_slice(), [Request::StartRollout { plan, .. }] if plan.kind == PlanKind::Rollback));
}

#[test]
fn a_rollout_that_is_over_is_led_back_and_only_where_it_was() {
    let mut console = Console::new(100, 30);
    console.watch(&finished(), Source::Journal).press("R");
    let (_, whole) = wanted(&mut console);
    assert_eq!((whole.goal, whole.limit), (PlanGoal::Back { to: None }, None));
    assert!(console.screen().contains("what was good before 4.283.0"), "{}", console.screen());
    let mut limited = plan(24);
    let (reason, message) = (LeftOutReason::Excluded, String::new());
    limited.left_out.push(LeftOut { host: super::fixture::host("mw99"), reason, message, is_master: false });
    let mut run = Run::new(limited);
    run.command(crate::model::Command::Abort).unwrap();
    run.only(|_, _| true);
    let mut console = Console::new(100, 30);
    console.watch(&run, Source::Journal).press("R");
    let (_, part) = wanted(&mut console);
    assert_eq!(part.limit.map(|limit| limit.hosts.len()), Some(24), "its targets, and no master");
}

#[test]
fn a_flag_makes_the_plan_of_a_way_back_anew_and_not_another() {
    let mut console = history(120, 30);
    console.press("jR");
    wanted(&mut console);
    console.press("u");
    let (_, again) = wanted(&mut console);
    assert_eq!((again.goal, again.skip_unreachable), (PlanGoal::Back { to: Some(version("4.282.1")) }, true));
}

#[test]
fn the_debt_is_installed_from_the_history_and_from_the_rollout_that_left_it() {
    let mut console = history(100, 30);
    console.press("D");
    let (ticket, from_history) = wanted(&mut console);
    assert_eq!(from_history.goal, PlanGoal::Debt);
    assert!(console.screen().contains("install what is good on the hosts in debt"), "{}", console.screen());
    console.send(Message::Plan { ticket, plan: Ok(given_plan()) }).press("i");
    let screen = console.screen();
    assert!(screen.contains("coalmine -e production install-world --debt"), "{screen}");
    let mut console = Console::new(100, 30);
    console.watch(&finished(), Source::Live).press("D");
    let (ticket, after) = wanted(&mut console);
    assert_eq!(after.goal, PlanGoal::Debt);
    console.send(Message::Plan { ticket, plan: Err("no host is in debt".to_owned()) });
    assert!(console.screen().contains("no host is in debt"), "{}", console.screen());
    assert_eq!(console.state.planning.side, Side::Plan);
}

#[test]
fn what_follows_a_rollout_of_a_slot_is_of_that_slot() {
    let mut rows = past();
    rows[1].slot = Slot::new("amy").ok();
    for (keys, line) in [("jR", "rollback --to 4.282.1 --slot amy"), ("jD", "install-world --debt --slot amy")] {
        let mut console = history(120, 30);
        console.send(Message::History(Ok(rows.clone()))).press(keys);
        let (_, first) = wanted(&mut console);
        assert_eq!(first.slot, Slot::new("amy").ok());
        assert!(console.screen().contains(" in slot amy"), "{}", console.screen());
        console.press("u");
        let (ticket, again) = wanted(&mut console);
        assert_eq!(again.slot, Slot::new("amy").ok(), "a flag makes the same plan anew");
        console.send(Message::Plan { ticket, plan: Ok(backwards().into()) }).press("i");
        assert!(console.screen().contains(line), "{}", console.screen());
    }
    let mut made = plan(24);
    made.slot = Slot::new("amy").ok();
    let mut run = Run::new(made);
    run.command(crate::model::Command::Abort).unwrap();
    run.only(|_, _| true);
    for key in ["R", "D"] {
        let mut console = Console::new(100, 30);
        console.watch(&run, Source::Journal).press(key);
        assert_eq!(wanted(&mut console).1.slot, Slot::new("amy").ok(), "{key}");
    }
}

#[test]
fn what_cannot_follow_says_why() {
    let mut console = history(100, 30);
    console.press("R");
    assert!(console.screen().contains("cannot roll back: 4.283.0 did not become good in it"), "{}", console.screen());
    console.press("jc");
    assert!(console.screen().contains("cannot resume: it is over"), "{}", console.screen());
    let mut runs = locked(facts());
    runs.rollouts.iter_mut().for_each(|live| live.running = true);
    console.send(Message::Environment(runs));
    console.requests();
    for key in ["R", "D"] {
        console.press(key);
        assert!(console.screen().contains(&format!("rollout {} runs", rollout_id())), "{key}: {}", console.screen());
    }
    // What was seen to end does not run, whatever was last heard.
    let mut runs = locked(facts());
    runs.rollouts.iter_mut().for_each(|live| live.running = true);
    let mut console = Console::new(100, 30);
    console.send(Message::Environment(runs)).watch(&finished(), Source::Live);
    console.requests();
    console.press("D");
    assert_eq!(wanted(&mut console).1.goal, PlanGoal::Debt);
    let mut console = Console::new(100, 30);
    console.watch(&in_flight(), Source::Live).press("D");
    assert!(console.screen().contains("cannot debt: the rollout is not over"), "{}", console.screen());
}

#[test]
fn an_interrupted_rollout_is_resumed_from_the_history() {
    let mut console = history(100, 30);
    console.press("c");
    assert!(console.screen().contains("Resume rollout 20261118T101500Z-aaaa?"), "{}", console.screen());
    console.press("<Tab><Enter>");
    let requests = console.requests();
    assert!(matches!(requests.as_slice(), [Request::Resume { rollout, .. }] if rollout == &past()[0].rollout));
    assert_eq!(console.state.screen, Screen::Rollout);
}

#[test]
fn what_a_later_rollout_overtook_is_called_so_and_not_gone_on_with() {
    let mut console = history(120, 30);
    let mut rows = past();
    rows[0].overtaken = Some(rows[1].rollout.clone());
    console.send(Message::History(Ok(rows)));
    console.press("c");
    let screen = console.screen();
    assert!(screen.contains("cannot resume: it was overtaken by 20261102T091500Z-bbbb"), "{screen}");
    assert!(screen.contains("- overtaken") && !screen.contains("not over"), "{screen}");
    console.press("/outcome:over<Enter>");
    assert_eq!(console.state.past_rows().len(), 1);
}

#[test]
fn what_differs_is_read_in_a_layer_of_its_own_and_never_over_an_answer() {
    let mut console = history(80, 24);
    console.press("jd");
    let compared = |console: &mut Console| match console.requests().as_slice() {
        [Request::Compare { ticket, from, to, limit }] => (*ticket, from.clone(), to.clone(), limit.clone()),
        requests => panic!("{requests:?}"),
    };
    let (ticket, from, to, limit) = compared(&mut console);
    assert_eq!((from, to, limit), (None, version("4.282.1"), None), "nothing before it was finalized");
    let lines: Vec<String> = (1..60).map(|line| format!("commit {line}\u{1b}[31m of many")).collect();
    console.send(Message::Told { ticket: Ticket(99), title: "other".to_owned(), text: Ok(vec!["no".to_owned()]) });
    assert!(console.state.layers.is_empty(), "nobody asked for that");
    console.send(Message::Told { ticket, title: "what 4.282.1 changes".to_owned(), text: Ok(lines) });
    let screen = console.screen();
    assert!(screen.contains("─ what 4.282.1 changes ─") && screen.contains("commit 1 of many"), "{screen}");
    console.press("G");
    assert!(console.screen().contains("commit 59 of many"));
    console.press("<Esc>");
    assert!(console.state.layers.is_empty());
    // From the rollout it is what most hosts ran before; from the plan what they run now.
    let mut console = Console::new(80, 24);
    console.watch(&rolled_back(), Source::Live);
    console.requests();
    console.press("d");
    let (ticket, from, to, _) = compared(&mut console);
    assert_eq!((from, to), (Some(version("4.282.1")), version("4.283.0")));
    console.press(":");
    console.send(Message::Told { ticket, title: "difference".to_owned(), text: Ok(vec!["same".to_owned()]) });
    assert!(matches!(console.state.layers.last(), Some(Layer::Line(_))), "what is typed stays on top");
    let mut console = Console::new(100, 30);
    console.survey(40, 40).press("/site:codfw<Enter>i");
    console.send(Message::Versions(Ok(versions())));
    console.requests();
    console.press("jd");
    let (_, from, to, limit) = compared(&mut console);
    assert_eq!((from, to), (None::<Version>, version("4.283.0")));
    assert!(limit.is_some_and(|limit| limit.contains("codfw")), "those hosts alone are asked");
}

#[test]
fn a_report_is_asked_for_by_the_rollout_that_is_meant() {
    let mut console = history(100, 30);
    console.press("jjW");
    assert_eq!(console.requests(), [Request::Report { ticket: Ticket(1), rollout: past()[2].rollout.clone() }]);
    assert!(console.screen().contains("asked: report"));
    console.press("m");
    assert!(console.screen().contains("show 20261028T100000Z-cccc --output markdown"), "{}", console.screen());
}

#[test]
fn without_a_rollout_the_last_one_is_opened() {
    let mut console = Console::new(100, 30);
    console.survey(40, 40);
    console.requests();
    console.press("3");
    assert_eq!(console.requests(), [Request::OpenLast]);
}

#[test]
fn the_history_is_filtered_by_what_is_typed() {
    let mut console = history(100, 30);
    let mut shown = |keys: &str| {
        console.press(keys);
        let ids: Vec<String> =
            console.state.past_rows().iter().map(|row| row.rollout.as_str().chars().skip(17).collect()).collect();
        (ids.join(" "), console.screen())
    };
    assert_eq!(shown("/rolled<Enter>").0, "cccc");
    assert_eq!(shown("<Esc>/outcome:completed<Enter>").0, "bbbb dddd");
    assert_eq!(shown("<Esc>/outcome:debt<Enter>").0, "dddd");
    assert_eq!(shown("<Esc>/!for:rollback version:4.28<Enter>").0, "aaaa bbbb cccc");
    assert_eq!(shown("<Esc>/by:alice month:2026-11<Enter>").0, "aaaa bbbb cccc dddd");
    let (ids, screen) = shown("<Esc>/nowhere:x<Enter>");
    assert_eq!(ids, "aaaa bbbb cccc dddd", "what is not understood chooses nothing");
    assert!(screen.contains("no field nowhere: by, version, outcome, month, for"), "{screen}");
    let (_, screen) = shown("<Esc>/outcome:exploded<Enter>");
    assert!(screen.contains("no outcome exploded: completed"), "{screen}");
    let (ids, screen) = shown("<Esc>/cccc<Enter>");
    assert_eq!(ids, "cccc");
    assert!(screen.contains("1 of 4 rollouts /cccc"), "{screen}");
    // What is done is done to what is shown.
    console.press("<Enter>");
    assert_eq!(console.requests(), [Request::OpenRollout(past()[2].rollout.clone())]);
}

#[test]
fn the_history_tells_what_months_came_to() {
    let mut rows = past();
    let before = |row: HistoryRow| HistoryRow { started: "2026-10-05T09:00:00Z".parse().unwrap(), ..row };
    rows.extend(past().into_iter().map(before));
    for (columns, height) in [(80, 24), (120, 40)] {
        let mut console = history(columns, height);
        console.send(Message::History(Ok(rows.clone())));
        insta::assert_snapshot!(format!("months_{columns}x{height}"), console.screen());
    }
    // Where there is no room, the rollouts are what stays.
    let mut console = history(60, 15);
    assert!(!console.screen().contains("by month"));
}

#[test]
fn the_history_says_of_which_slot_a_rollout_was_on_narrow_screens_too() {
    let mut rows = past();
    rows[1].slot = Slot::new("amy").ok();
    for (columns, height) in [(60, 15), (80, 24), (140, 40)] {
        let mut console = history(columns, height);
        console.send(Message::History(Ok(rows.clone())));
        let screen = console.screen();
        assert_eq!(screen.matches("slot amy").count(), 1, "{screen}");
    }
}

#[test]
fn a_plan_says_what_it_changes_and_so_does_the_question_before_it() {
    let mut console = Console::new(120, 40);
    console.survey(40, 40).press("i");
    console.send(Message::Versions(Ok(versions()))).press("j<Enter>");
    let (ticket, _) = wanted(&mut console);
    console.send(Message::Plan { ticket, plan: Ok(given_plan()) });
    let line = "from 4.282.1 on 24 hosts: 3 commits by Amy, Bob; files: 4 changed; 1.2 MiB travel to each";
    console.send(Message::Changes { ticket: Ticket(99), lines: vec!["of another plan".to_owned()] });
    console.send(Message::Changes { ticket, lines: vec![line.to_owned()] });
    let screen = console.screen();
    assert!(
        screen.contains("from 4.282.1 on 24 hosts: 3 commits by Amy, Bob;") && !screen.contains("another plan"),
        "{screen}"
    );
    console.press("i");
    let Some(Layer::Dialog(dialog)) = console.state.layers.last() else { panic!() };
    assert!(dialog.body.contains(&line.to_owned()), "{:?}", dialog.body);
    // Another plan changes something else.
    console.press("<Esc>u");
    let (ticket, _) = wanted(&mut console);
    console.send(Message::Plan { ticket, plan: Ok(given_plan()) });
    assert!(!console.screen().contains("from 4.282.1 on 24 hosts:"), "{}", console.screen());
}
