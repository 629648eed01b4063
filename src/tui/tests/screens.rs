//! Every screen in the states that matter, at the sizes that matter. The pictures are reviewed like code.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::fixture::{Console, Run, facts, given_plan, host, locked, past, plan, rollout_id, settings, versions};
use crate::model::{Command, Failure, FailureClass, Phase, Verdict};
use crate::rollout::{Mode, Task};
use crate::tui::app::Planning;
use crate::tui::messages::{Message, Request, Settings, Source};
use crate::tui::theme::{Ground, Theme};

const SIZES: [(u16, u16); 3] = [(60, 15), (80, 24), (140, 40)];

/// Shows a state at every size; `set` makes it.
fn pictures(name: &str, set: impl Fn(&mut Console)) {
    for (columns, rows) in SIZES {
        let mut console = Console::new(columns, rows);
        set(&mut console);
        insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), console.screen());
    }
}

fn watch(name: &str, run: &Run) {
    pictures(name, |console| {
        console.watch(run, Source::Live);
    });
}

pub(super) fn soaking() -> Run {
    let mut run = Run::new(plan(24));
    run.until(|state| matches!(state.mode(), Mode::Soaking { .. }));
    run.only(|_, _| true);
    run.pass(280);
    run
}

pub(super) fn in_flight() -> Run {
    let no_space = Failure::new(FailureClass::Transfer, "No space left on device (28)")
        .hint("free space under /var/lib/scap, then `t` tries again")
        .output("rsync: [receiver] write failed on \"lib/x.py\": No space left on device (28)\n\u{1b}[31mrsync error\u{1b}[0m");
    let mut run = Run::new(plan(24)).failing("mw07.eqiad.wmnet", Task::Prime, no_space.clone()).failing(
        "mw19.eqiad.wmnet",
        Task::Prime,
        no_space,
    );
    run.until(|state| matches!(state.mode(), Mode::Promoting { .. }));
    run.pass(900);
    run.until(|state| matches!(state.mode(), Mode::Promoting { .. }));
    run.command(Command::Continue).unwrap();
    run.until(|state| state.count(Phase::Healthy) >= 9);
    run
}

pub(super) fn stalled() -> Run {
    let mut run = Run::new(plan(24));
    run.only(|host, task| *task == Task::Lock || (*task == Task::Prime && host.as_str() < "mw05"));
    for (name, percent, rate) in
        [("mw05.eqiad.wmnet", 63, 10_485_760), ("mw06.codfw.wmnet", 12, 1_048_576), ("mw07.eqiad.wmnet", 41, 4_194_304)]
    {
        run.progress(name, percent, rate);
    }
    run.pass(34);
    run.progress("mw05.eqiad.wmnet", 88, 10_485_760);
    run.progress("mw08.eqiad.wmnet", 100, 0);
    run
}

fn over_budget() -> Run {
    let mut run = Run::new(plan(24));
    for name in ["mw03.codfw.wmnet", "mw11.eqiad.wmnet", "mw12.codfw.wmnet"] {
        run = run.failing(
            name,
            Task::Prime,
            Failure::new(FailureClass::Transfer, "rsync: connection unexpectedly closed (exit 12)"),
        );
    }
    run.until(|state| state.paused().is_some());
    run
}

pub(super) fn rolled_back() -> Run {
    let mut run = Run::new(plan(24)).gate(Verdict::Pass, 3.1, "");
    run.until(|state| state.count(Phase::Healthy) >= 3);
    run = run.unhealthy("mw02.eqiad.wmnet", "exit 1: ImportError");
    run.command(Command::Rollback).unwrap();
    run.until(|state| state.mode() == Mode::Finished);
    run
}

fn waiting() -> Run {
    let mut run = soaking();
    run.pass(900);
    run.until(|state| matches!(state.mode(), Mode::Promoting { .. }));
    run
}

#[test]
fn an_empty_fleet() {
    pictures("fleet_empty", |console| {
        console.send(Message::Environment(facts()));
        console.send(Message::SurveyStarted { hosts: Vec::new() });
        console.send(Message::SurveyDone(Ok(())));
    });
}

#[test]
fn a_survey_running() {
    pictures("fleet_surveying", |console| {
        console.survey(40, 13);
        console.press("jjj");
    });
}

#[test]
fn a_mixed_fleet() {
    pictures("fleet_mixed", |console| {
        console.survey(40, 40);
        console.send(Message::Environment(locked(facts())));
        console.press("jjjjj j");
    });
}

#[test]
fn a_filtered_and_sorted_fleet() {
    pictures("fleet_filtered", |console| {
        console.survey(40, 40);
        console.press("/!state:current<Enter>svjj");
    });
}

#[test]
fn the_cause_of_an_unreachable_host_is_one_enter_away() {
    pictures("fleet_detail", |console| {
        console.survey(40, 40);
        console.press("jjjjj<Enter>");
    });
}

fn open_plan(console: &mut Console) {
    console.survey(40, 40);
    console.press("i");
    console.send(Message::Versions(Ok(versions())));
    console.press("j<Enter>");
    let ticket = console.requests().into_iter().find_map(|request| match request {
        Request::LoadPlan { ticket, .. } => Some(ticket),
        _ => None,
    });
    console.send(Message::Plan { ticket: ticket.unwrap(), plan: Ok(given_plan()) });
}

#[test]
fn the_version_picker() {
    pictures("plan_versions", |console| {
        console.survey(40, 40);
        console.press("jj i");
        console.send(Message::Versions(Ok(versions())));
        console.press("j");
    });
}

#[test]
fn a_plan() {
    pictures("plan", |console| {
        open_plan(console);
        console.press("rsecurity fix<Enter>");
    });
}

#[test]
fn the_number_of_hosts_is_typed() {
    pictures("plan_confirm", |console| {
        open_plan(console);
        console.press("i23<Enter>");
    });
}

#[test]
fn canaries_soaking() {
    watch("rollout_soaking", &soaking());
}

#[test]
fn the_fleet_in_flight() {
    watch("rollout_in_flight", &in_flight());
}

#[test]
fn a_stalled_host() {
    watch("rollout_stalled", &stalled());
}

#[test]
fn over_its_budget() {
    watch("rollout_over_budget", &over_budget());
}

#[test]
fn rolled_back_to_the_good_release() {
    watch("rollout_rolled_back", &rolled_back());
}

#[test]
fn waiting_for_promotion() {
    watch("rollout_waiting", &waiting());
}

#[test]
fn locking() {
    let mut run = Run::new(plan(24));
    for _ in 0..5 {
        run.perform_one();
        run.pass(1);
    }
    watch("rollout_locking", &run);
}

#[test]
fn a_canary_that_went_back_by_itself() {
    let mut run = Run::new(plan(24)).unhealthy("mw02.eqiad.wmnet", "exit 1: ImportError");
    run.until(|state| matches!(state.mode(), Mode::Soaking { .. }));
    pictures("rollout_canary_back", |console| {
        console.watch(&run, Source::Live);
        console.press("/mw02<Enter><Enter>");
    });
}

#[test]
fn a_lost_conductor() {
    let run = in_flight();
    pictures("rollout_lost", |console| {
        console.watch(&run, Source::Live);
        let why = "connection refused".to_owned();
        console.send(Message::Disconnected { rollout: rollout_id(), why, gone: true });
    });
}

#[test]
fn failures_by_message() {
    let run = in_flight();
    pictures("rollout_failures", |console| {
        console.watch(&run, Source::Live);
        console.press("e");
    });
}

#[test]
fn the_actions_and_why_not() {
    let run = in_flight();
    pictures("rollout_actions", |console| {
        console.watch(&run, Source::Live);
        console.press("m");
    });
}

#[test]
fn a_rollback_is_typed() {
    let run = in_flight();
    pictures("rollout_rollback", |console| {
        console.watch(&run, Source::Live);
        console.press("R");
    });
}

#[test]
fn leaving_asks() {
    let run = in_flight();
    pictures("rollout_quit", |console| {
        console.watch(&run, Source::Live);
        console.press("q");
    });
}

#[test]
fn what_was_asked_is_shown_until_it_is_answered() {
    let run = in_flight();
    pictures("rollout_asked", |console| {
        console.watch(&run, Source::Live);
        console.press("p");
    });
}

#[test]
fn watching_only() {
    let run = soaking();
    pictures("rollout_read_only", |console| {
        console.watch(&run, Source::ReadOnly);
        console.press("x");
    });
}

#[test]
fn the_history() {
    pictures("history", |console| {
        console.press("4");
        console.send(Message::History(Ok(past())));
        console.press("j");
    });
}

#[test]
fn the_help() {
    let run = in_flight();
    pictures("help", |console| {
        console.watch(&run, Source::Live);
        console.press("?");
    });
}

#[test]
fn no_rollout_is_open() {
    pictures("rollout_none", |console| {
        console.press("3");
    });
}

#[test]
fn too_small_says_so_and_that_the_rollout_goes_on() {
    let run = in_flight();
    for (columns, rows) in [(59, 15), (60, 14), (30, 3), (12, 1)] {
        let mut console = Console::new(columns, rows);
        console.watch(&run, Source::Live);
        insta::assert_snapshot!(format!("too_small_{columns}x{rows}"), console.screen());
    }
}

fn themed(theme: Theme) -> Console {
    let mut console = Console::with(Settings { theme, ..settings() }, 80, 24);
    console.watch(&in_flight(), Source::Live);
    console.press("j");
    console
}

#[test]
fn in_ascii_nothing_else_is_drawn() {
    let mut console = themed(Theme { ascii: true, ..Theme::default() });
    console.press("s");
    let screen = console.screen();
    assert!(screen.is_ascii(), "{screen}");
    insta::assert_snapshot!("ascii", screen);
    for keys in ["?", "<Esc>m", "<Esc>R", "<Esc>e", "<Esc>l", "1", "2", "4"] {
        console.press(keys);
        let screen = console.screen();
        assert!(screen.is_ascii(), "after {keys}: {screen}");
    }
}

#[test]
fn without_colours_the_selected_row_is_still_reversed() {
    let mut console = themed(Theme { color: false, ..Theme::default() });
    let buffer = console.draw();
    assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    insta::assert_snapshot!("no_color", styled(buffer));
}

#[test]
fn colours_are_those_of_the_theme() {
    insta::assert_snapshot!("styles_dark", styled(themed(Theme::default()).draw()));
    let light = Theme { ground: Ground::Light, ..Theme::default() };
    let mut console = themed(light);
    let buffer = console.draw();
    let unreadable = [Color::Yellow, Color::White, Color::Cyan, Color::Gray];
    assert!(buffer.content.iter().all(|cell| !unreadable.contains(&cell.fg)));
}

/// Writes a buffer with the styles of its runs.
fn styled(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut last = (Color::Reset, Modifier::empty());
        let mut line = String::new();
        for x in 0..buffer.area.width {
            let cell = buffer.cell((x, y)).unwrap();
            let style = (cell.fg, cell.modifier);
            if style != last {
                let color = if style.0 == Color::Reset { String::new() } else { format!("{:?}", style.0) };
                let modifier = if style.1.is_empty() { String::new() } else { format!("{:?}", style.1) };
                line.push_str(&format!("‹{color}{modifier}›"));
                last = style;
            }
            line.push_str(cell.symbol());
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn the_log_follows_the_selected_host() {
    let run = in_flight();
    let mut console = Console::new(80, 24);
    console.watch(&run, Source::Live);
    console.press("ljjf");
    let screen = console.screen();
    let selected = console.state.selected_host().cloned().unwrap();
    assert_eq!(selected, host("mw02.eqiad.wmnet"));
    let log: Vec<&str> = screen.lines().skip_while(|line| !line.contains(" log ")).collect();
    assert!(log.iter().skip(1).any(|line| line.contains("mw02.eqiad.wmnet healthy")), "{screen}");
    assert!(!log.iter().any(|line| line.contains("mw01")), "{screen}");
    console.press("ff");
    console.press("f");
    assert!(console.screen().contains("the rollout") || console.screen().contains("mw"), "all lines again");
    assert_eq!(Planning::SORTS.len(), 3);
}
