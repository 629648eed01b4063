#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use rustix::process::Signal;

use crate::fleet::{Fleet, kill, until};
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
fn a_rollout_that_another_goes_on_with_is_followed_to_its_end() {
    let fleet = Fleet::up(4);
    let mut first = fleet.start(&["install-world", "1.2.0", "--yes", "--headless", "--soak", "10m"]);
    until("a rollout", || fleet.coalmine(&["rollouts"]).stdout.contains("1.2.0").then_some(()));
    let mut console = Terminal::open(&fleet, &Opening::BARE);
    console.press("3");
    console.shows("stage canary soaks");
    kill(fleet.conductor().unwrap(), Signal::KILL);
    console.shows("the conductor is gone");
    first.wait().unwrap();
    let mut resumed = fleet.start(&["resume", "--headless"]);
    console.wait("who goes on", |screen| {
        let shown = screen.contents();
        !shown.contains("the conductor is gone") && shown.contains("stage canary soaks")
    });
    fleet.coalmine(&["rollback", "--yes"]).exits(0);
    console.shows("rolled back (exit 6)");
    console.press("q");
    assert_eq!(console.ends(), 0);
    assert_eq!(resumed.wait().unwrap().code(), Some(6));
}

/// Gives what is on a screen in one line, of a row only what stands in a frame if one is there.
fn unwrapped(screen: &vt100::Screen) -> String {
    let framed = |row: String| match (row.find('│'), row.rfind('│')) {
        (Some(start), Some(end)) if start < end => row.get(start + '│'.len_utf8()..end).unwrap_or_default().to_owned(),
        _ => row,
    };
    let rows: Vec<String> = screen.rows(0, 80).map(framed).collect();
    rows.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_version_is_picked_by_what_it_changes_which_the_question_repeats() {
    let fleet = Fleet::up(4);
    fleet.coalmine(&["install-world", "1.0.0", "--yes", "--no-soak"]).exits(0);
    fleet.coalmine(&["install-world", "1.1.0", "--yes", "--no-soak", "-l", "mw01*"]).exits(0);
    // What a script is told: of each release that hosts run commits, files and bytes that travel.
    let plan = fleet.coalmine(&["plan", "1.2.0"]).exits(9).stdout;
    let changes = plan.split("Changes:\n").nth(1).unwrap();
    let changes: Vec<String> =
        changes.lines().map_while(|line| Some(line.strip_prefix("  from ")?.to_owned())).collect();
    let [most, one] = changes.as_slice() else { panic!("{plan}") };
    assert!(most.starts_with("1.0.0 on 3 hosts: ") && one.starts_with("1.1.0 on 1 host: "), "{plan}");
    for line in &changes {
        assert!(["commit", "file", "B "].iter().all(|word| line.contains(word)), "{line}");
    }

    let mut console = Terminal::open(&fleet, &Opening::BARE);
    console.shows("4 hosts surveyed");
    console.press("2");
    console.shows("versions");
    // Each has its commit and whose it is, and how many hosts run it.
    console.wait("the versions", |screen| {
        screen.rows(0, 80).any(|row| row.contains(" 1.0.0 ") && row.contains(" 3 ") && row.contains("A deployer"))
    });
    console.select("1.2.0 ");
    console.press(ENTER);
    console.shows("install 1.2.0");
    for line in &changes {
        console.wait(line, |screen| unwrapped(screen).contains(line));
    }
    console.press("d");
    console.shows("─ what 1.2.0 changes ─");
    console.shows("commits:");
    console.press(ESCAPE);
    console.wait("the plan", |screen| !screen.contents().contains("─ what 1.2.0 changes ─"));
    console.press("i");
    console.shows("Install 1.2.0 on 4 hosts?");
    for line in &changes {
        console.wait(line, |screen| {
            let question = unwrapped(screen);
            question.contains("confirm: 4") && question.contains(line)
        });
    }
    console.press(ESCAPE);
    console.wait("the plan", |screen| !screen.contents().contains("Install 1.2.0 on 4 hosts?"));
    console.press("q");
    assert_eq!(console.ends(), 0);
    fleet.coalmine(&["rollouts"]).exits(0).says("1.1.0");
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

#[test]
fn a_deployer_decides_earlier_from_the_console() {
    let fleet = Fleet::up(4);
    let path = fleet.dir.join("coalmine.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let beta =
        "\n[environments.beta]\nhosts = \"mw01.eqiad.sandbox\"\n\n[[environments.beta.stages]]\nname = \"fleet\"\n";
    std::fs::write(&path, text + beta).unwrap();
    let opening = Opening { arguments: &["-e", "sandbox", "install-world", "1.2.0", "--soak", "2h"], ..Opening::BARE };
    let mut console = Terminal::open(&fleet, &opening);
    console.shows("Type the number of hosts to go ahead");
    console.press("4\r");
    console.shows("stage canary soaks");
    console.press("h");
    console.shows(":hold _");
    console.press("odd graphs\r");
    console.shows("then it is held until a person promotes");
    console.press(":pro\t");
    console.shows(":promote _");
    console.press("a fix is urgent\r");
    console.shows("Promote stage canary early?");
    console.shows("a fix is urgent");
    console.choose("Promote");
    console.shows("stage fleet soaks");
    console.press("z");
    console.shows(":soak _");
    console.press("0s all is quiet\r");
    console.shows("End the soak of stage fleet?");
    console.choose("End the soak");
    console.shows("completed (exit 0)");
    // What is shown is another environment's now, and the first one is two keys away.
    console.press("E");
    console.shows(":environment _");
    console.press("b\t\r");
    console.shows("1 host surveyed");
    console.press("E");
    console.press("sandbox\r");
    console.shows("4 hosts surveyed");
    console.press("q");
    assert_eq!(console.ends(), 0);
}

#[test]
fn what_follows_a_rollout_is_done_from_the_console() {
    let fleet = Fleet::up(4);
    fleet.coalmine(&["install-world", "1.1.0", "--yes", "--no-soak"]).exits(0);
    // One that is down when the next one comes is left in debt.
    fleet.fault("mw04.codfw.sandbox", "refuses");
    let install = ["install-world", "1.2.0", "--yes", "--no-soak", "--skip-unreachable"];
    fleet.coalmine(&install).exits(4);
    sandbox_mended(&fleet, "mw04.codfw.sandbox");
    let plan = fleet.coalmine(&["plan", "1.1.0"]).exits(9).stdout;
    assert!(plan.contains("Changes:\n  from 1.2.0 on 3 hosts: 0 commits, "), "{plan}");
    let plan = fleet.coalmine(&["plan", "1.2.0", "-l", "mw04*", "--output", "json"]).exits(9).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["changes"][0]["from"]["version"], "1.1.0", "{plan}");
    assert!(plan["changes"][0]["commits"]["added"].as_array().is_some_and(|commits| !commits.is_empty()), "{plan}");

    // The last one is a key away, and so is what it left behind.
    let mut console = Terminal::open(&fleet, &Opening::BARE);
    console.shows("4 hosts surveyed");
    console.press("3");
    console.shows("install 1.2.0");
    console.press("D");
    console.shows("on 1 host");
    console.press("i");
    console.shows("Install 1.2.0 on 1 host?");
    console.answer("1");
    console.press(ENTER);
    console.shows("completed (exit 0)");
    fleet.coalmine(&["status", "1.2.0"]).exits(0);

    console.press("4");
    console.wait("all three", |screen| screen.contents().matches("✓ completed").count() >= 2);
    console.shows("by month");
    console.press("/version:1.1.0\r");
    console.shows("1 of 3 rollouts");
    console.press("d");
    console.shows("─ what 1.1.0 changes ─");
    console.shows("commits:");
    console.press(ESCAPE);
    console.wait("no layer", |screen| !screen.contents().contains("─ what 1.1.0 changes ─"));
    console.press("R");
    console.shows("roll back to 1.1.0");
    console.shows("on 4 hosts");
    console.press("i");
    console.shows("Roll 4 hosts back to 1.1.0?");
    console.answer("4");
    console.press(ENTER);
    let texts = ["roll back to 1.1.0 on 4 hosts", "completed (exit 0)"];
    console.wait("the way back", |screen| texts.iter().all(|text| screen.contents().contains(text)));
    fleet.coalmine(&["status", "1.1.0"]).exits(0);
    console.press("q");
    // What became of it stays on the terminal that is left.
    console.wait("a summary", |screen| !screen.alternate_screen() && screen.contents().contains("travelled"));
    assert_eq!(console.ends(), 0);

    let report = fleet.coalmine(&["show", "--output", "markdown"]).exits(0).stdout;
    assert!(report.starts_with("## rollback to 1.1.0 on sandbox: ") && report.contains("| stage |"), "{report}");
    let junit = fleet.coalmine(&["show", "--output", "junit"]).exits(0).stdout;
    let junit: serde_json::Value = serde_json::from_str(&junit).unwrap();
    assert_eq!((&junit["failures"], &junit["errors"]), (&0.into(), &0.into()), "{junit}");
    let totals = fleet.coalmine(&["rollouts", "--totals"]).exits(0).stdout;
    assert!(totals.lines().count() >= 2 && totals.contains("(went back)"), "{totals}");
}

fn sandbox_mended(fleet: &Fleet, host: &str) {
    coalmine::sandbox::fault(&fleet.dir, &[coalmine::model::HostId::new(host).unwrap()], None).unwrap();
}

#[test]
fn an_environment_is_frozen_and_freed_from_the_console() {
    let fleet = Fleet::up(1);
    let mut console = Terminal::open(&fleet, &Opening::BARE);
    console.shows("1 host surveyed");
    console.press("F");
    console.shows(":lock ");
    console.press("the database moves");
    console.press(ENTER);
    console.shows("is frozen for everybody: the database moves");
    console.shows("locked by");
    fleet.coalmine(&["install-world", "1.2.0", "--yes"]).exits(7);
    console.press("U");
    console.shows("Unlock sandbox?");
    console.choose("Unlock");
    console.shows("sandbox is free again");
    fleet.coalmine(&["install-world", "1.2.0", "--yes"]).exits(0);
}
