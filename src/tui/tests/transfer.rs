//! The transfer as a stage of its own, rows that stand together, and columns that somebody chose.

use super::fixture::{Console, Run, plan, settings, watching};
use super::screens::{in_flight, stalled};
use crate::model::{Failure, FailureClass};
use crate::rollout::Task;
use crate::tui::app::Screen;
use crate::tui::messages::{Message, Request, Settings, Source};
use crate::tui::theme::{Theme, Tone};

const SIZES: [(u16, u16); 5] = [(60, 15), (80, 24), (114, 36), (120, 40), (200, 50)];

/// Transfers to many at once, of which one is slow.
fn one_slow() -> Run {
    let full = Failure::new(FailureClass::Transfer, "No space left on device (28)");
    let mut run = Run::new(plan(24)).failing("mw03.codfw.wmnet", Task::Prime, full);
    run.only(|host, task| *task == Task::Lock || (*task == Task::Prime && host.as_str() < "mw05"));
    for (name, percent, rate) in [
        ("mw05.eqiad.wmnet", 63, 10_485_760),
        ("mw06.codfw.wmnet", 12, 204_800),
        ("mw07.eqiad.wmnet", 41, 4_194_304),
        ("mw08.eqiad.wmnet", 30, 8_388_608),
        ("mw09.codfw.wmnet", 30, 8_388_608),
    ] {
        run.progress(name, percent, rate);
    }
    run
}

fn ticked(columns: u16, rows: u16, run: &Run) -> Console {
    let mut console = Console::new(columns, rows);
    console.watch(run, Source::Live);
    let mut now = run.now;
    for _ in 0..4 {
        now = now.checked_add(jiff::SignedDuration::from_secs(1)).unwrap();
        console.send(Message::Tick(now));
    }
    console
}

#[test]
fn the_transfer_is_a_stage_with_its_bytes_its_rate_and_who_holds_it_up() {
    let run = one_slow();
    for (columns, rows) in SIZES {
        insta::assert_snapshot!(format!("transfer_{columns}x{rows}"), ticked(columns, rows, &run).screen());
    }
    let mut console = ticked(160, 40, &run);
    let screen = console.screen();
    let arrivals = console.state.watched.as_ref().unwrap().arrivals().clone();
    assert!(arrivals.is_guess, "those that wait are taken for as large as the others");
    assert!(arrivals.total.unwrap() > arrivals.done);
    assert_eq!((arrivals.failed, arrivals.slow.len()), (1, 1));
    for text in [
        "▸ transfer ",
        " of about ",
        "30.2 MiB/s",
        "1 slow: mw06.codfw.wmnet 200.0 KiB/s,",
        "5m 14s left; it holds up the estimate",
        "████",
    ] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
}

#[test]
fn one_to_which_nothing_comes_holds_up_the_estimate_before_any_that_is_slow() {
    let mut console = Console::new(140, 40);
    console.watch(&stalled(), Source::Live);
    let screen = console.screen();
    assert!(screen.contains("holds up the estimate: nothing comes"), "{screen}");
    assert!(screen.contains("stalled: mw09.codfw.wmnet"), "{screen}");
}

#[test]
fn failures_come_first_in_a_gauge_in_red_and_in_a_sign_of_their_own() {
    let run = one_slow();
    let mut console = ticked(120, 40, &run);
    let theme = Theme::default();
    let buffer = console.draw();
    let row = (0..buffer.area.height).find(|&y| {
        let text: String = (0..buffer.area.width).map(|x| buffer.cell((x, y)).unwrap().symbol()).collect();
        text.contains("transfer") && text.contains("canary")
    });
    let cells: Vec<_> = (0..buffer.area.width).map(|x| buffer.cell((x, row.unwrap())).unwrap()).collect();
    let first = cells.iter().position(|cell| ["▚", "█", "░"].contains(&cell.symbol())).unwrap();
    assert_eq!((cells[first].symbol(), cells[first].fg), ("▚", theme.style(Tone::Bad).fg.unwrap()));
    let ascii = Settings { theme: Theme { ascii: true, color: false, ..Theme::default() }, ..settings() };
    let mut console = Console::with(ascii, 120, 40);
    console.watch(&run, Source::Live);
    assert!(console.screen().contains("transfer x"), "{}", console.screen());
}

#[test]
fn hosts_stand_together_by_site_stage_version_and_state_with_totals() {
    for (columns, rows) in SIZES {
        let mut console = Console::new(columns, rows);
        console.watch(&in_flight(), Source::Live);
        console.press("b");
        insta::assert_snapshot!(format!("groups_{columns}x{rows}"), console.screen());
    }
    let mut console = watching(&in_flight());
    for (by, text) in [
        ("site", "▸ site eqiad"),
        ("stage", "▸ stage canary  2 hosts  ✓ 2 healthy"),
        ("version", "▸ version 4."),
        ("state", "▸ state failed"),
    ] {
        console.press("b");
        let screen = console.screen();
        assert!(screen.contains(text) && screen.contains(&format!("groups by {by}")), "{by}: {screen}");
    }
    console.press("<Enter>");
    let screen = console.screen();
    assert!(screen.contains("▾ state failed") && screen.contains("mw07.eqiad.wmnet"), "{screen}");
    // What is written has the totals too.
    console.press("w");
    let written = console.requests().into_iter().find_map(|asked| match asked {
        Request::WriteFile { text, .. } => Some(text),
        _ => None,
    });
    assert!(written.unwrap().contains("state failed  2 hosts"));
    console.press("<Esc>");
    assert!(!console.screen().contains("groups by"), "Esc takes the groups away");
    let mut fleet = Console::new(100, 30);
    fleet.survey(40, 40);
    fleet.press("bbb");
    assert!(fleet.screen().contains("state unreachable"), "{}", fleet.screen());
    fleet.press("i");
    assert_eq!(fleet.state.screen, Screen::Plan);
    assert!(fleet.state.planning.limit.is_none(), "a group that is selected chooses nobody to install on");
}

#[test]
fn columns_are_chosen_kept_and_found_again() {
    let mut console = Console::new(120, 30);
    console.survey(40, 40);
    assert!(console.screen().contains("took"));
    console.requests();
    console.press("C");
    let screen = console.screen();
    assert!(
        screen.contains("[x] took") && !screen.contains("[x] host"),
        "what a row is about is always there: {screen}"
    );
    let place = screen.lines().filter(|line| line.contains("[x]")).position(|line| line.contains("took")).unwrap();
    console.press(&"j".repeat(place));
    console.press("<Enter>");
    let asked = console.requests();
    let [Request::KeepColumns(hidden)] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(console.screen().contains("[ ] took"));
    console.press("<Esc>");
    assert!(!console.screen().contains("took"), "{}", console.screen());
    let again = Settings { hidden: hidden.clone(), ..settings() };
    let mut console = Console::with(again, 120, 30);
    console.survey(40, 40);
    assert!(!console.screen().contains("took"), "{}", console.screen());
    // The columns of other screens are others.
    console.watch(&in_flight(), Source::Live);
    console.press("C");
    assert!(!console.screen().contains("[ ]"), "{}", console.screen());
}

#[test]
fn the_columns_are_chosen_from_a_list_at_every_size() {
    for (columns, rows) in SIZES {
        let mut console = Console::new(columns, rows);
        console.survey(40, 40).press("C");
        insta::assert_snapshot!(format!("columns_{columns}x{rows}"), console.screen());
    }
}

#[test]
fn the_focus_of_the_plan_is_seen_without_colours() {
    let mut console =
        Console::with(Settings { theme: Theme { color: false, ..Theme::default() }, ..settings() }, 140, 30);
    console.survey(40, 40);
    console.press("i");
    console.send(Message::Versions(Ok(super::fixture::versions())));
    let cursors = |console: &mut Console| {
        let screen = console.screen();
        screen.lines().filter(|line| line.contains('▌')).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = cursors(&mut console);
    assert!(before.len() == 1 && before[0].contains("4.284.0-rc1"), "{before:?}");
    console.press("j<Enter>");
    let ticket = console.state.planning.ticket.unwrap();
    console.send(Message::Plan { ticket, plan: Ok(super::fixture::given_plan()) });
    let after = cursors(&mut console);
    assert!(after.len() == 1 && after[0].contains("deploy1"), "one list has the focus: {after:?}");
}

#[test]
fn a_click_selects_a_row_where_the_mouse_is_the_console_s() {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

    let mut console = Console::new(100, 30);
    console.survey(40, 40);
    let screen = console.screen();
    let row = screen.lines().position(|line| line.contains("mw05.eqiad")).unwrap();
    let click = |row: usize| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        Message::Mouse(MouseEvent { kind, column: 5, row: u16::try_from(row).unwrap(), modifiers: KeyModifiers::NONE })
    };
    console.send(click(row));
    assert_eq!(console.state.selected_host().unwrap().as_str(), "mw05.eqiad.wmnet");
    console.send(click(0));
    console.send(click(29));
    assert_eq!(console.state.selected_host().unwrap().as_str(), "mw05.eqiad.wmnet", "what is no row selects none");
}

#[test]
fn a_rate_of_four_digits_keeps_its_unit_in_its_column() {
    let mut run = Run::new(plan(24));
    run.only(|host, task| *task == Task::Lock || (*task == Task::Prime && host.as_str() < "mw05"));
    run.progress("mw05.eqiad.wmnet", 63, 1_041_715);
    let mut console = Console::new(200, 40);
    console.watch(&run, Source::Live);
    let screen = console.screen();
    let row = screen.lines().find(|line| line.contains(" 62%")).unwrap_or_default();
    assert!(row.contains(" 1017 KiB/s "), "{row}\n{screen}");
}
