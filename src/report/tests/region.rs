//! What is redrawn in place while a rollout runs.

use unicode_width::UnicodeWidthStr as _;

use super::story::{ASCII, COLOR, PLAIN, Story, host, plan};
use crate::model::{Bytes, Failure, FailureClass, HostId, Phase};
use crate::report::{Progress, Screen};
use crate::rollout::Event;

fn underway() -> (Story, Progress) {
    let mut story = Story::new(plan(9));
    story.lock();
    let all: Vec<HostId> = story.plan.hosts.iter().map(|planned| planned.host.clone()).collect();
    let mut progress = Progress::default();
    for (place, host) in all.iter().enumerate().take(11) {
        story.phase(host, Phase::Priming);
        let share = u64::try_from(place).unwrap();
        let event = Event::HostProgress {
            host: host.clone(),
            bytes: Bytes(share * 1_000_000),
            total: Bytes(10_000_000),
            rate: Bytes(1_000_000 / (share + 1)),
            eta: Some((10 - share) * (share + 1)),
        };
        let record = story.record(event);
        progress.apply(&record, &story.state);
    }
    story.wait(23_000);
    for (place, host) in all.iter().enumerate().skip(1).take(10) {
        let share = u64::try_from(place).unwrap();
        let event = Event::HostProgress {
            host: host.clone(),
            bytes: Bytes(share * 1_000_000 + 1),
            total: Bytes(10_000_000),
            rate: Bytes(1_000_000 / (share + 1)),
            eta: Some((10 - share) * (share + 1)),
        };
        let record = story.record(event);
        progress.apply(&record, &story.state);
    }
    (story, progress)
}

#[test]
fn progress_names_the_stalled_and_the_slow() {
    let (story, progress) = underway();
    let region = progress.region(&story.state, PLAIN, 100, 24, story.now());
    insta::assert_snapshot!("region", region.join("\n"));
    insta::assert_snapshot!("line", progress.line(&story.state, PLAIN, story.now()).unwrap());
    let ascii = progress.region(&story.state, ASCII, 100, 24, story.now()).join("\n");
    assert!(ascii.is_ascii(), "{ascii}");
}

#[test]
fn a_region_fits_whatever_the_terminal_is() {
    let (story, progress) = underway();
    for columns in [0, 1, 5, 20, 60, 80, 140] {
        for rows in [0, 1, 5, 24] {
            let region = progress.region(&story.state, COLOR, columns, rows, story.now());
            assert!(region.iter().all(|line| crate::words::clean(line).width() <= columns.saturating_sub(1)));
            assert!(rows < 20 || region.len() < rows);
        }
    }
}

#[test]
fn a_transfer_that_is_over_is_not_shown_though_its_progress_comes_late() {
    let (mut story, mut progress) = underway();
    let slow = host("deploy01.eqiad.wmnet");
    let late = story.record(Event::HostProgress {
        host: slow.clone(),
        bytes: Bytes(1),
        total: Bytes(2),
        rate: Bytes(1),
        eta: None,
    });
    story.fail(&slow, Failure::new(FailureClass::Transfer, "no byte for 60s"));
    progress.apply(&story.records.last().unwrap().clone(), &story.state);
    progress.apply(&late, &story.state);
    let region = progress.region(&story.state, PLAIN, 100, 40, story.now()).join("\n");
    assert!(!region.contains("deploy01"), "{region}");
}

fn rows(parser: &vt100::Parser) -> Vec<String> {
    let screen = parser.screen();
    let (_, columns) = screen.size();
    screen.rows(0, columns).map(|row| row.trim_end().to_owned()).filter(|row| !row.is_empty()).collect()
}

fn lines(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn lines_scroll_above_the_region_which_is_redrawn_in_place_and_gone_at_the_end() {
    let mut terminal = vt100::Parser::new(10, 40, 0);
    let mut screen = Screen::default();
    terminal.process(screen.frame(&lines(&["one"]), &lines(&["bar 1", "bar 2"])).as_bytes());
    assert_eq!(rows(&terminal), ["one", "bar 1", "bar 2"]);
    terminal.process(screen.frame(&[], &lines(&["bar 3"])).as_bytes());
    assert_eq!(rows(&terminal), ["one", "bar 3"]);
    let long = "x".repeat(60);
    terminal.process(screen.frame(&lines(&["two", &long]), &lines(&["bar 4", "bar 5"])).as_bytes());
    assert_eq!(rows(&terminal), ["one", "two", &"x".repeat(40), &"x".repeat(20), "bar 4", "bar 5"]);
    terminal.process(screen.frame(&lines(&["three"]), &[]).as_bytes());
    assert_eq!(rows(&terminal).last().unwrap(), "three");
    assert!(!rows(&terminal).iter().any(|row| row.contains("bar")));
}

#[test]
fn a_terminal_that_became_narrower_loses_no_line_of_the_log() {
    let region = lines(&["a bar that is thirty columns!!", "another"]);
    // A terminal that breaks long rows when it is resized has them as if they had been written to the narrow one.
    for breaks_rows in [false, true] {
        let mut terminal = vt100::Parser::new(20, if breaks_rows { 20 } else { 40 }, 0);
        let mut screen = Screen::default();
        terminal.process(screen.frame(&lines(&["one", "two", "three"]), &region).as_bytes());
        terminal.screen_mut().set_size(20, 20);
        terminal.process(screen.frame(&lines(&["four"]), &lines(&["bar"])).as_bytes());
        terminal.process(screen.frame(&lines(&["five"]), &lines(&["bar"])).as_bytes());
        let mut shown = rows(&terminal);
        shown.retain(|row| !row.starts_with("a bar"));
        assert_eq!(shown, ["one", "two", "three", "four", "five", "bar"], "rows are broken: {breaks_rows}");
    }
}
