use std::time::Duration;

use crate::fleet::{Fleet, until};
use crate::process::{child_of, stat};
use crate::terminal::{CTRL_Z, ENTER, ESCAPE, Opening, Terminal, text};

#[test]
fn a_console_that_is_stopped_gives_the_terminal_back_and_draws_itself_anew_later() {
    let fleet = Fleet::up(2);
    let mut shell = Terminal::open(&fleet, &Opening { in_shell: true, ..Opening::BARE });
    shell.shows("2 hosts surveyed");
    assert!(shell.look(vt100::Screen::alternate_screen));
    let before = shell.text();
    let console = child_of(shell.pid()).unwrap();
    shell.press(CTRL_Z);
    until("a stopped process", || stat(console).filter(|stat| stat.state == 'T'));
    shell.shows("the shell is back");
    assert!(shell.look(|screen| !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()));
    shell.press(ENTER);
    shell.wait("the screen as it was", |screen| screen.alternate_screen() && text(screen) == before);
    assert_ne!(stat(console).unwrap().state, 'T');
    // It reads keys again as well.
    shell.press("?");
    shell.shows("─ keys ─");
    shell.press(ESCAPE);
    shell.shows("2 hosts surveyed");
    shell.press("q");
    assert_eq!(shell.ends(), 0);
}

#[test]
fn a_storm_of_sizes_ends_in_the_picture_of_the_last() {
    let fleet = Fleet::up(2);
    let mut console = Terminal::open(&fleet, &Opening::BARE);
    console.shows("2 hosts surveyed");
    let before = console.text();
    for number in 0..200_u16 {
        let (columns, rows) = match number % 5 {
            0 => (1, 1),
            1 => (400, 2),
            2 => (59, 15),
            3 => (number + 1, 200 - number),
            _ => (2, 300),
        };
        console.resize(columns, rows);
        // Some come faster than they are drawn, some are drawn.
        if number % 20 == 0 {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    console.resize(80, 24);
    console.wait("the same picture", |screen| text(screen) == before);
    console.press("q");
    assert_eq!(console.ends(), 0);
}

#[test]
fn nothing_is_lost_without_colours_or_without_unicode() {
    let fleet = Fleet::up(2);
    let plain = |color: vt100::Color| color == vt100::Color::Default;
    let mut console = Terminal::open(&fleet, &Opening { environment: &[("NO_COLOR", "1")], ..Opening::BARE });
    console.shows("2 hosts surveyed");
    console.press("j");
    console.wait("a selected row", |screen| {
        let rows = screen.rows(0, 80).collect::<Vec<_>>();
        rows.iter().position(|row| row.starts_with("▌ mw02")).is_some_and(|row| {
            let row = u16::try_from(row).unwrap();
            (2..10).all(|column| screen.cell(row, column).unwrap().inverse())
        })
    });
    console.look(|screen| {
        for (row, column) in (0..24).flat_map(|row| (0..80).map(move |column| (row, column))) {
            let cell = screen.cell(row, column).unwrap();
            assert!(plain(cell.fgcolor()) && plain(cell.bgcolor()), "{row}, {column}: {cell:?}");
        }
    });
    console.press("q");
    assert_eq!(console.ends(), 0);

    let mut console = Terminal::open(&fleet, &Opening { arguments: &["--ascii"], ..Opening::BARE });
    console.shows("2 hosts surveyed");
    console.press("j");
    console.wait("a selected row", |screen| screen.rows(0, 80).any(|row| row.starts_with("> mw02")));
    assert!(console.text().is_ascii(), "{}", console.text());
    assert!(console.look(|screen| {
        (0..24).any(|row| (0..80).any(|column| screen.cell(row, column).is_some_and(|cell| !plain(cell.fgcolor()))))
    }));
    for (key, shown) in [("2", "5 versions"), ("3", "no rollout"), ("4", "0 rollouts"), ("?", "- keys -")] {
        console.press(key);
        console.shows(shown);
        assert!(console.text().is_ascii(), "{}", console.text());
        if key != "?" {
            console.press("1");
            console.shows("2 hosts surveyed");
        }
    }
    console.press(ESCAPE);
    // Sent together, the two would be one key with Alt.
    console.wait("no help", |screen| !screen.contents().contains("- keys -"));
    console.press("q");
    assert_eq!(console.ends(), 0);
}

#[test]
fn a_terminal_that_draws_nothing_gets_no_console() {
    let fleet = Fleet::up(1);
    for terminal in ["dumb", ""] {
        let console = Terminal::open(&fleet, &Opening { environment: &[("TERM", terminal)], ..Opening::BARE });
        console.shows("interrupted before anything was changed");
        assert!(!console.look(vt100::Screen::alternate_screen));
        assert_eq!(console.ends(), 2, "TERM={terminal}");
    }
    // What is proposed is called as this was: here, where nothing was built and nothing runs.
    fleet.coalmine(&["status", "1.2.0"]).exits(9);
    assert!(fleet.coalmine(&["start"]).exits(0).stdout.contains(&fleet.proposed("finish")));
}
