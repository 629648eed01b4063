//! Keys in, state and requests out: the habits that the console keeps.

use super::fixture::{
    Console, Run, commands, given_plan, host, past, plan, rollout_id, settings, version, versions, watching,
};
use super::screens::{in_flight, soaking};
use crate::model::{Command, HostId, HostIdx, Phase};
use crate::plan::OnFailure;
use crate::rollout::Mode;
use crate::tui::app::{Answer, Layer, LogSize, Screen, Side};
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
fn where_the_terminal_is_too_small_keys_do_nothing_but_let_out() {
    let mut console = planned();
    console.press("i24").send(Message::Resize(20, 5)).press("<Enter><Tab><Enter>x<Esc>");
    console.send(Message::Paste("24".to_owned()));
    // What is typed before it is shown again answers nothing either.
    console.send(Message::Resize(100, 30)).send(Message::Key(crossterm::event::KeyCode::Enter.into()));
    assert!(console.requests().is_empty());
    console.draw();
    console.send(Message::Drawn).press("<Enter>");
    assert!(matches!(console.requests()[..], [Request::StartRollout { .. }]));

    let mut console = watching(&in_flight());
    console.send(Message::Resize(59, 30)).press("pRx<Enter>12");
    assert!(console.requests().is_empty() && console.state.layers.is_empty());
    assert_eq!(console.state.screen, Screen::Rollout);
    // Nobody can read what is asked: who leaves leaves it running.
    console.press("q");
    assert!(matches!(console.requests()[..], [Request::Quit]));
    // A letter may belong to what was being typed.
    let mut console = watching(&in_flight());
    console.press("/").send(Message::Resize(100, 14)).press("q");
    assert!(console.requests().is_empty());
    console.press("<Ctrl-c>");
    assert!(matches!(console.requests()[..], [Request::Quit]));
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
