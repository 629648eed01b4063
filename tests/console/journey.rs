#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use crate::fleet::Fleet;
use crate::terminal::{ENTER, ESCAPE, Opening, Terminal};

/// Makes the canaries wait for somebody who promotes them.
pub(crate) fn promoted_by_hand(fleet: &Fleet) {
    let path = fleet.dir.join("coalmine.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(r#"promote = "auto""#).count(), 1);
    std::fs::write(path, text.replace(r#"promote = "auto""#, r#"promote = "manual""#)).unwrap();
}

#[test]
fn a_release_is_installed_from_the_console_and_a_broken_one_goes_back() {
    let fleet = Fleet::up(4);
    promoted_by_hand(&fleet);
    let mut console = Terminal::open(&fleet, &Opening::BARE);
    console.shows("4 hosts surveyed");
    console.shows("○ 4 missing");

    // The number of hosts has to be typed, and has to be right.
    console.press("2");
    console.shows("versions");
    console.select("1.2.0 ");
    console.press(ENTER);
    console.shows("install 1.2.0");
    console.shows("on 4 hosts");
    console.press("i");
    console.shows("Type the number of hosts to confirm: 4");
    console.answer("3");
    console.press(ENTER);
    console.shows("type 4 to confirm");
    assert_eq!(fleet.conductor(), None, "nothing was started");
    console.answer("4");
    console.press(ENTER);

    console.shows("stage canary soaks");
    console.shows("stage canary waits for promotion");
    console.press("c");
    console.shows("Promote stage canary?");
    console.choose("Promote");
    console.shows("stage fleet");
    console.shows("completed (exit 0)");
    console.wait("every host", |screen| screen.contents().matches("✓ healthy").count() == 6);
    fleet.coalmine(&["status", "1.2.0"]).exits(0);

    // The newest tag is broken in a way that only a gate finds.
    console.press("2");
    console.press(ESCAPE);
    console.shows("versions");
    // A key that comes while they are read moves nothing.
    console.wait("the versions", |screen| screen.rows(0, 80).any(|row| row.contains(" 1.10.0 ")));
    console.press("g");
    console.wait("the newest", |screen| screen.rows(0, 80).any(|row| row.starts_with("▌ 1.10.0 ")));
    console.press(ENTER);
    console.shows("install 1.10.0");
    console.shows("→ 1.10.0");
    console.press("i");
    console.shows("Install 1.10.0 on 4 hosts?");
    console.answer("4");
    console.press(ENTER);
    console.shows("of stage canary failed (unhealthy), 0 may");
    console.wait("the canaries as they were", |screen| screen.contents().matches("↶ rolled back").count() == 2);
    console.press("R");
    console.shows("Roll 2 hosts back?");
    console.answer("2");
    console.press(ENTER);
    console.shows("rolled back (exit 6)");
    fleet.coalmine(&["status", "1.2.0"]).exits(0);

    console.press("4");
    let row = |screen: &vt100::Screen, words: [&str; 2]| {
        screen.rows(0, 80).any(|row| words.iter().all(|word| row.contains(word)))
    };
    console.wait("both rollouts", |screen| {
        row(screen, ["1.2.0 ", "✓ completed"]) && row(screen, ["1.10.0 ", "↶ rolled back"])
    });
    console.press("q");
    assert_eq!(console.ends(), 0);
}

#[test]
fn a_version_is_picked_among_the_newest_without_the_console() {
    let fleet = Fleet::up(1);
    let leaving = Opening { arguments: &["install-world", "--pick", "--yes"], ..Opening::BARE };
    let mut terminal = Terminal::open(&fleet, &leaving);
    terminal.shows("Type the number of one to install it, anything else to leave:");
    for line in ["1  1.10.0 ", "2  1.2.0 ", "5  1.0.0 ", "on no host"] {
        terminal.shows(line);
    }
    terminal.press("6\r");
    terminal.shows("no version was picked; nothing was changed");
    assert_eq!(terminal.ends(), 130);
    assert_eq!(fleet.conductor(), None, "nothing was started");

    let picking = Opening { arguments: &["install-world", "--pick", "--dry-run"], ..Opening::BARE };
    let mut terminal = Terminal::open(&fleet, &picking);
    terminal.shows("anything else to leave:");
    terminal.press("4\r");
    terminal.shows("Plan: install 1.1.0 on sandbox");
    assert_eq!(terminal.ends(), 9);
}
