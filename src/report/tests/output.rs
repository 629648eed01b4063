use std::io::{self, Read as _, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::story::{PLAIN, Story, bad, good, plan, style};
use crate::model::{Bytes, HostId, Phase};
use crate::report::output::PLAIN_SOAK;
use crate::report::{CatchUp, Format, Reporter, Target, Written};
use crate::rollout::{Event, Record};

const LONG: Duration = Duration::from_secs(30);

/// Takes bytes, but none before it is let go.
struct Gate {
    open: Option<Receiver<()>>,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(open) = self.open.take() {
            // Also when the test ends without opening it.
            open.recv().ok();
        }
        self.taken.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gate() -> (Target, Sender<()>, Arc<Mutex<Vec<u8>>>) {
    let (tx, rx) = channel();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let writer = Gate { open: Some(rx), taken: Arc::clone(&taken) };
    (Target { writer: Box::new(writer), size: None, soak_every: PLAIN_SOAK }, tx, taken)
}

fn journal(records: &[Record]) -> CatchUp {
    let records = records.to_vec();
    Box::new(move |after| Ok(records.iter().filter(|record| record.seq > after).cloned().collect()))
}

fn no_journal() -> CatchUp {
    Box::new(|_| Err("there is none".to_owned()))
}

fn text(taken: &Mutex<Vec<u8>>) -> String {
    String::from_utf8(taken.lock().unwrap().clone()).unwrap()
}

fn hand_over(reporter: &Reporter, records: &[Record]) {
    for record in records {
        reporter.record(Arc::new(record.clone()));
    }
}

fn long_story() -> Story {
    let mut story = Story::new(plan(2_000));
    story.lock();
    story.prime(1);
    story.start("fleet");
    let fleet = story.hosts("fleet");
    story.switch(&fleet);
    story
}

#[test]
fn a_reader_that_stalls_holds_nobody_up_and_gets_every_event_once_and_in_order() {
    let story = long_story();
    assert!(story.records.len() > 12_000, "more than the queue holds: {}", story.records.len());
    let (target, open, taken) = gate();
    let reporter = Reporter::start(Format::Jsonl, target, &[], journal(&story.records)).unwrap();
    hand_over(&reporter, &story.records[..1]);
    std::thread::sleep(Duration::from_millis(50));
    let started = Instant::now();
    hand_over(&reporter, &story.records[1..]);
    // Whoever waited for the reader would do so for ever.
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
    assert_eq!(text(&taken), "");
    open.send(()).unwrap();
    assert_eq!(reporter.finish(LONG), Written::All);
    let expected: Vec<String> = story.records.iter().map(|record| record.to_line().unwrap()).collect();
    let shown = text(&taken);
    assert!(shown.lines().eq(expected.iter().map(String::as_str)));
}

#[test]
fn text_for_people_catches_up_too() {
    let mut story = long_story();
    story.finish(crate::rollout::Outcome::Completed);
    let (target, open, taken) = gate();
    let reporter = Reporter::start(Format::Text(style(PLAIN)), target, &[], journal(&story.records)).unwrap();
    hand_over(&reporter, &story.records[..1]);
    std::thread::sleep(Duration::from_millis(50));
    hand_over(&reporter, &story.records[1..]);
    open.send(()).unwrap();
    assert_eq!(reporter.finish(LONG), Written::All);
    assert_eq!(text(&taken), crate::report::show_text(&story.records, None, &style(PLAIN)).1.join("\n") + "\n");
}

#[test]
fn a_stalled_reader_is_not_waited_for_longer_than_it_may() {
    let (target, open, _taken) = gate();
    let reporter = Reporter::start(Format::Jsonl, target, &[], no_journal()).unwrap();
    hand_over(&reporter, &good().records);
    let started = Instant::now();
    assert_eq!(reporter.finish(Duration::from_millis(200)), Written::Stalled);
    assert!(started.elapsed() < LONG);
    drop(open);
}

#[test]
fn a_reader_that_went_away_is_told_of_and_harms_nobody() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let target = Target { writer: Box::new(writer), size: None, soak_every: PLAIN_SOAK };
    let story = good();
    let reporter = Reporter::start(Format::Jsonl, target, &[], no_journal()).unwrap();
    hand_over(&reporter, &story.records);
    assert_eq!(reporter.finish(LONG), Written::Closed);
}

#[test]
fn json_lines_are_the_journals_and_live_progress_is_among_them() {
    let (mut reader, writer) = io::pipe().unwrap();
    let story = good();
    let host = HostId::new("mw01.eqiad.wmnet").unwrap();
    let (total, rate, eta) = (Bytes(10), Bytes(1), Some(5));
    let progress = Event::HostProgress { host: host.clone(), bytes: Bytes(5), total, rate, eta };
    // Of one and the same host, and told in the same turn.
    let awaited = Event::HostsAwaited { hosts: vec![host], at_most_s: 40, without: "coalmine skip".to_owned() };
    let live = [progress, awaited].map(|event| Record { seq: story.records.len() as u64, ..story.record(event) });
    let target = Target { writer: Box::new(writer), size: None, soak_every: PLAIN_SOAK };
    let reporter = Reporter::start(Format::Jsonl, target, &[], no_journal()).unwrap();
    hand_over(&reporter, &story.records);
    hand_over(&reporter, &live);
    assert_eq!(reporter.finish(LONG), Written::All);
    let mut shown = String::new();
    reader.read_to_string(&mut shown).unwrap();
    let read: Vec<Record> = shown.lines().map(|line| Record::from_line(line).unwrap()).collect();
    assert_eq!(read.len(), story.records.len() + live.len());
    assert!(live.iter().all(|live| read.contains(live)), "{shown}");
    let line = shown.lines().find(|line| line.contains("\"hosts_awaited\"")).unwrap();
    for part in ["\"hosts\":[\"mw01.eqiad.wmnet\"]", "\"at_most_s\":40", "\"without\":\"coalmine skip\""] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    assert!(read.iter().filter(|record| record.event.is_journaled()).eq(story.records.iter()));
}

#[test]
fn a_resumed_rollout_is_not_told_from_its_start_and_a_late_joiner_gets_it_all() {
    let story = bad();
    let (known, new) = story.records.split_at(20);
    let run = |told: &[Record]| {
        let (target, open, taken) = gate();
        open.send(()).unwrap();
        let reporter = Reporter::start(Format::Jsonl, target, told, journal(&story.records)).unwrap();
        hand_over(&reporter, new);
        assert_eq!(reporter.finish(LONG), Written::All);
        text(&taken).lines().count()
    };
    assert_eq!(run(known), new.len());
    assert_eq!(run(&[]), story.records.len());
}

#[test]
fn on_a_terminal_the_region_is_drawn_and_gone_at_the_end() {
    let (target, open, taken) = gate();
    open.send(()).unwrap();
    let target = Target { size: Some(Box::new(|| Some((100, 30)))), ..target };
    let mut story = Story::new(plan(9));
    story.lock();
    let all: Vec<HostId> = story.plan.hosts.iter().map(|planned| planned.host.clone()).collect();
    all.iter().for_each(|host| story.phase(host, Phase::Priming));
    let reporter = Reporter::start(Format::Text(style(PLAIN)), target, &[], no_journal()).unwrap();
    hand_over(&reporter, &story.records);
    let progress = story.record(Event::HostProgress {
        host: all[1].clone(),
        bytes: Bytes(5_000_000),
        total: Bytes(10_000_000),
        rate: Bytes(1_000_000),
        eta: Some(5),
    });
    let deadline = Instant::now() + LONG;
    while !text(&taken).contains("50%") {
        assert!(Instant::now() < deadline, "never drawn: {:?}", text(&taken));
        hand_over(&reporter, std::slice::from_ref(&progress));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(reporter.finish(LONG), Written::All);
    let mut terminal = vt100::Parser::new(30, 100, 0);
    terminal.process(text(&taken).as_bytes());
    let contents = terminal.screen().contents();
    assert!(contents.contains("12 hosts locked and surveyed") && contents.contains("Not over yet"), "{contents}");
    assert!(!contents.contains("50%"), "{contents}");
}

#[test]
fn a_soak_is_told_every_now_and_then_where_nothing_is_redrawn() {
    let mut story = Story::new(plan(3));
    story.lock();
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    story.happens(Event::SoakStarted { stage: super::story::stage_name("canary"), until });
    let (target, open, taken) = gate();
    let target = Target { soak_every: Duration::from_millis(20), ..target };
    let reporter = Reporter::start(Format::Text(style(PLAIN)), target, &[], journal(&story.records)).unwrap();
    open.send(()).unwrap();
    hand_over(&reporter, &story.records);
    let deadline = Instant::now() + LONG;
    while text(&taken).matches("stage canary soaks, 59m").count() < 2 {
        assert!(Instant::now() < deadline, "{}", text(&taken));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(PLAIN_SOAK, Duration::from_secs(60));
    drop(reporter);
}
