//! The page of one host, on a real terminal, over a real host.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use coalmine::model::HostId;

use crate::fleet::Fleet;
use crate::terminal::{ENTER, ESCAPE, Opening, Terminal};

const HOST: &str = "mw02.eqiad.sandbox";

fn release(fleet: &Fleet) -> PathBuf {
    fleet.dir.join("hosts").join(HOST).join("minewatch/current")
}

/// Gives the configuration of a fleet something more.
fn configured(fleet: &Fleet, from: &str, to: &str) {
    let path = fleet.dir.join("coalmine.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_hosts_page_tells_its_drift_its_past_and_its_log_and_lends_the_terminal_to_a_shell_there() {
    let fleet = Fleet::up(4);
    let depooled = fleet.dir.join("depooled");
    let hooks =
        format!("[hooks]\ndepool = [\"sh\", \"-c\", \"echo $COALMINE_HOST >> {}\"]\n\n[[gates]]", depooled.display());
    configured(&fleet, "[[gates]]", &hooks);
    fleet.coalmine(&["install-world", "1.1.0", "--yes", "--no-soak"]).exits(0);
    let file = release(&fleet).join("bin/minewatch");
    for path in [&file, &release(&fleet).join("bin")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(&file, "#!/bin/sh\nexit 1\n").unwrap();
    fs::write(release(&fleet).join("bin/left over"), "").unwrap();

    // Headless it is the same page.
    let told = fleet.coalmine(&["host", HOST]).exits(9).stdout;
    for text in ["M bin/minewatch", "+ bin/left over", "install 1.1.0: healthy", "current switched to 1.1.0-"] {
        assert!(told.contains(text), "{text}: {told}");
    }
    let json = fleet.coalmine(&["host", HOST, "--output", "json"]).exits(9).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["schema"], &json["status"]["state"]), (&1.into(), &"drifted".into()), "{json}");
    assert_eq!(
        (&json["differs"][0], &json["surplus"][0]),
        (&"bin/minewatch".into(), &"bin/left over".into()),
        "{json}"
    );
    assert_eq!((&json["past"][0]["version"], &json["past"][0]["end"]), (&"1.1.0".into(), &"healthy".into()), "{json}");
    assert!(json["room_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{json}");
    assert!(json["clock_ahead_s"].as_i64().is_some_and(|ahead| ahead.abs() < 60), "{json}");
    fleet.coalmine(&["host", "mw99.eqiad.sandbox"]).exits(2);
    fleet.coalmine(&["host", "mw*"]).exits(2);

    let mut console = Terminal::open(&fleet, &Opening::BARE);
    console.shows("4 hosts surveyed");
    console.press("/mw02\r");
    console.shows("1 of 4 hosts");
    console.press(ENTER);
    console.shows("M bin/minewatch");
    console.press("G");
    console.shows(" unlocked");
    // The log is read as it grows.
    let log = fleet.dir.join("hosts").join(HOST).join("minewatch/.coalmine/log");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, format!("{text}2026-01-01T00:00:00Z - somebody was here\n")).unwrap();
    console.shows("somebody was here");

    // A shell there has the terminal, and the console comes back whole.
    console.press("!");
    console.wait("the shell", |screen| !screen.alternate_screen() && !screen.hide_cursor());
    console.press("echo $((6*7)) in $(pwd)\r");
    console.shows(&format!("42 in {}", fleet.dir.join("hosts").join(HOST).display()));
    console.press("exit\r");
    console.wait("the console", |screen| screen.alternate_screen() && screen.contents().contains("somebody was here"));

    console.press("o");
    console.shows("why is it taken out of service: _");
    console.press("its disk fails\r");
    console.shows(&format!("Take {HOST} out of service?"));
    console.choose("Depool");
    console.shows(&format!("{HOST} was taken out of service"));
    assert_eq!(fs::read_to_string(&depooled).unwrap(), format!("{HOST}\n"));
    let status = fleet.coalmine(&["status", "1.1.0"]).exits(9).stdout;
    assert!(status.contains("out of service by ") && status.contains(": its disk fails: 1 host"), "{status}");
    console.press("O");
    console.shows("cannot repool: the configuration has no hooks.repool");

    // What is wrong with it is mended from here.
    console.press("B");
    console.shows("limited to 1 host: mw02.eqiad.sandbox");
    console.shows("install 1.1.0");
    console.press("i");
    console.shows("Install 1.1.0 on 1 host?");
    console.answer("1");
    console.press(ENTER);
    console.shows("completed (exit 0)");
    assert_ne!(fs::read_to_string(&file).unwrap(), "#!/bin/sh\nexit 1\n");
    console.press("q");
    assert_eq!(console.ends(), 0);
}

#[test]
fn a_slow_host_is_named_watched_on_its_page_and_left_out_from_there() {
    let fleet = Fleet::up(4);
    let hosts = [HostId::new(HOST).unwrap()];
    coalmine::sandbox::fault(&fleet.dir, &hosts, "slow:5k".parse().ok()).unwrap();
    let opening = Opening { arguments: &["install-world", "1.1.0", "--yes"], ..Opening::BARE };
    let mut console = Terminal::open(&fleet, &opening);
    console.shows("transfer");
    // It is the only one that has not got it.
    console.shows("5/6");
    console.press("/mw02\r");
    console.shows("1 of 6 hosts");
    console.press(ENTER);
    console.shows("─ host ─");
    console.press("n");
    console.shows(&format!("Leave {HOST} out?"));
    console.choose("Skip");
    console.press(ESCAPE);
    console.shows("completed (exit 3)");
    console.press("q");
    assert_eq!(console.ends(), 3);
    coalmine::sandbox::fault(&fleet.dir, &hosts, None).unwrap();
}

#[test]
fn keys_colours_and_columns_are_somebody_s_own() {
    let fleet = Fleet::up(2);
    let state = tempfile::tempdir().unwrap();
    let environment = [("XDG_STATE_HOME", state.path().to_str().unwrap())];
    let console = |keys: &str| {
        format!("[console]\nground = \"light\"\ncolors = {{ lost = \"blue\" }}\nkeys = {keys}\n\n[[gates]]")
    };
    configured(
        &fleet,
        "[[gates]]",
        &console(r#"{ "everywhere.help" = ["F1"], "fleet.survey" = ["F5"], "list.sort" = ["F6"] }"#),
    );
    fleet.coalmine(&["config", "check"]).exits(0);
    let opening = Opening { environment: &environment, ..Opening::BARE };
    let mut terminal = Terminal::open(&fleet, &opening);
    terminal.shows("2 hosts surveyed");
    terminal.shows("F5 survey");
    terminal.press("\x1bOP");
    terminal.shows("─ keys ─");
    // Sent together, Esc and another key would be one with Alt.
    terminal.press("q");
    terminal.wait("no help", |screen| !screen.contents().contains("─ keys ─"));
    terminal.press("C");
    terminal.shows("[x] groups");
    terminal.press("jjj");
    terminal.press(ENTER);
    terminal.shows("[ ] groups");
    terminal.press(ESCAPE);
    terminal.wait("no column of groups", |screen| !screen.contents().contains("groups"));
    terminal.press("\x1b[17~");
    terminal.shows("by state");
    terminal.press("q");
    assert_eq!(terminal.ends(), 0);
    let mut terminal = Terminal::open(&fleet, &opening);
    terminal.shows("2 hosts surveyed");
    assert!(!terminal.text().contains("groups"), "{}", terminal.text());
    terminal.press("q");
    assert_eq!(terminal.ends(), 0);

    // A key that would mean two things opens no console.
    configured(&fleet, r#"["F5"]"#, r#"["i"]"#);
    let refused = fleet.coalmine(&["config", "check"]).exits(2).stderr;
    assert!(refused.contains("`console.keys`: i would mean both fleet.install and fleet.survey"), "{refused}");
    let terminal = Terminal::open(&fleet, &Opening::BARE);
    terminal.shows("would mean both");
    assert_eq!(terminal.ends(), 2);
}
