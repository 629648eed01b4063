//! The log on the full screen: where its keys go, what is written of it, and that nothing of a line is lost.

use super::fixture::{Console, Run, plan};
use super::screens::in_flight;
use crate::model::{Failure, FailureClass};
use crate::rollout::Task;
use crate::tui::app::LogSize;
use crate::tui::keymap::{BINDINGS, Context};
use crate::tui::messages::{Message, Request, Source};

fn reading(run: &Run, columns: u16, rows: u16) -> Console {
    let mut console = Console::new(columns, rows);
    console.watch(run, Source::Live).press("L");
    console.requests();
    console
}

/// Gives the lines of the log on the screen, without head, title and footer.
fn lines(console: &mut Console) -> Vec<String> {
    let screen = console.screen();
    let rows: Vec<&str> = screen.lines().collect();
    rows[2..rows.len() - 1].iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn the_keys_of_the_log_do_what_they_say() {
    let mut console = reading(&in_flight(), 160, 20);
    let end = lines(&mut console);
    let page = end.len();
    console.press("g");
    let first = lines(&mut console);
    assert!(first[0].contains("rollout of 4.283.0"), "{first:?}");
    for (keys, back, by) in [("j", "k", 1), ("<Down>", "<Up>", 1), ("<Ctrl-d>", "<Ctrl-u>", page.div_ceil(2))] {
        console.press(keys);
        assert_eq!(lines(&mut console)[0], first[by], "after {keys}");
        console.press(back);
        assert_eq!(lines(&mut console), first, "after {back}");
    }
    console.press("<PgDn>k");
    assert_eq!(lines(&mut console)[0], first[page - 1], "a page less a line");
    for (keys, shown) in [("G", &end), ("<Home>", &first), ("<End>", &end), ("g", &first), ("<Home>k<PgUp>", &first)] {
        console.press(keys);
        assert_eq!(&lines(&mut console), shown, "after {keys}");
    }
    // At the end it goes on with what comes; elsewhere it stays.
    let mut run = in_flight();
    let before = run.records.len();
    run.until(|state| state.outcome().is_some());
    for (keys, stays) in [("G", false), ("g", true)] {
        let mut console = reading(&in_flight(), 160, 20);
        console.press(keys);
        let shown = lines(&mut console);
        let (rollout, records) = (super::fixture::rollout_id(), run.records[before..].to_vec());
        console.send(Message::Records { rollout, records });
        assert_eq!(lines(&mut console) == shown, stays, "after {keys}");
    }
}

#[test]
fn what_is_written_of_the_log_is_the_log() {
    let mut console = reading(&in_flight(), 100, 20);
    console.press("w");
    let requests = console.requests();
    let [Request::WriteFile { name, text }] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(name.starts_with("coalmine-log-2026"), "{name}");
    assert!(text.contains("stage canary") && text.lines().count() > 40, "all of it, and not the window: {text}");
    console.press("/MW07<Enter>w");
    let requests = console.requests();
    let [Request::WriteFile { text, .. }] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(!text.is_empty() && text.lines().all(|line| line.contains("mw07")), "{text}");
    console.press("<Esc><Esc>w");
    let requests = console.requests();
    let [Request::WriteFile { name, .. }] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(name.starts_with("coalmine-rollout-2026"), "{name}");
}

#[test]
fn a_long_line_of_the_log_is_read_to_its_end() {
    let why = format!("rsync: {} the end of it", "write failed on lib/x.py, ".repeat(4));
    let failure = Failure::new(FailureClass::Transfer, why);
    let mut run = Run::new(plan(24)).failing("mw01.eqiad.wmnet", Task::Prime, failure);
    run.until(|state| state.paused().is_some());
    let mut console = reading(&run, 60, 15);
    console.press("/write failed<Enter>");
    let screen = console.screen();
    let words: Vec<&str> = screen.split_whitespace().collect();
    assert!(words.join(" ").contains("the end of it"), "{screen}");
    assert!(lines(&mut console).iter().all(|line| line.chars().count() <= 60));
}

#[test]
fn the_log_is_searched_and_whoever_leaves_the_search_reads_on_there() {
    let mut console = reading(&in_flight(), 100, 20);
    console.press("/no space left");
    let shown = lines(&mut console);
    let found: Vec<&String> = shown.iter().filter(|line| !line.is_empty()).collect();
    assert_eq!(found.len(), 2, "{shown:?}");
    assert!(found.iter().all(|line| line.contains("No space left")));
    assert!(console.screen().contains("log /no space left_ 2 of "), "{}", console.screen());
    console.press("<Enter><Esc>");
    assert_eq!(console.state.log, LogSize::Full);
    assert_eq!(&lines(&mut console)[0], found[0]);
    console.press("/nothing-has-this");
    assert!(lines(&mut console).iter().all(String::is_empty));
    console.press("<Esc><Esc>");
    assert_eq!((console.state.log, console.state.log_lines.search()), (LogSize::Pane, ""));
}

#[test]
fn the_log_takes_no_key_for_a_list_that_it_hides() {
    let mut console = reading(&in_flight(), 100, 20);
    for binding in BINDINGS.iter().filter(|binding| binding.context == Context::List) {
        let keys = crate::tui::keymap::names(binding, true);
        let named = ["space", "v", "a", "A", "s", "S"].contains(&keys.as_str());
        if named {
            console.press(if keys == "space" { " " } else { &keys });
            assert!(console.screen().contains("the log hides the list"), "{keys}: {}", console.screen());
        }
    }
    assert!(console.state.rows().unwrap().marks().is_empty());
}

#[test]
fn where_no_rollout_is_open_the_log_is_what_the_console_itself_says() {
    use tracing_subscriber::layer::SubscriberExt as _;

    let subscriber = tracing_subscriber::registry().with(tui_logger::TuiTracingSubscriberLayer);
    tracing::subscriber::with_default(subscriber, || tracing::warn!("the tags may be\x1b[2J old"));
    tui_logger::move_events();
    let mut console = Console::new(100, 20);
    console.press("L");
    let screen = console.screen();
    assert!(screen.contains("log of the console: no rollout is open"), "{screen}");
    assert!(screen.contains("the tags may be old"), "{screen}");
}
