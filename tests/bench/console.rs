//! How long the console takes for a frame, at fleets that are larger than a screen: `cargo bench --bench console`.
//!
//! Prints and asserts nothing: times are those of the machine that it runs on. Beside each stands the same with ten hosts,
//! since a screen that draws its window only should not care how long the list is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coalmine::model::{Bytes, Digest, Environment, HostId, HostState, Phase, RolloutId, Site, StageName, Version};
use coalmine::plan::{HostPlan, Plan, Policy, StagePlan};
use coalmine::rollout::{Event, Record};
use coalmine::tui::messages::{Message, Settings, Source, SurveyHost, SurveyRow};
use coalmine::tui::theme::Theme;
use coalmine::tui::view;
use coalmine::tui::{App, Request};
use coalmine::words::Typed;
use crossterm::event::KeyCode;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

#[path = "../common/plans.rs"]
mod plans;

const SIZE: (u16, u16) = (140, 40);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

struct Console {
    state: App,
    terminal: Terminal<TestBackend>,
}

impl Console {
    fn new() -> Outcome<Self> {
        let settings = Settings {
            invocation: Typed::new(None, Some("production"), None),
            environment: Environment::new("production")?,
            environments: Vec::new(),
            zone: TimeZone::UTC,
            theme: Theme::default(),
            keys: std::sync::Arc::default(),
            hidden: Default::default(),
            read_only: false,
            mouse: false,
            now: Timestamp::UNIX_EPOCH,
            open: None,
        };
        let (state, _) = App::new(settings, SIZE, view::LAYOUT);
        Ok(Self { state, terminal: Terminal::new(TestBackend::new(SIZE.0, SIZE.1))? })
    }

    fn send(&mut self, message: Message) -> Vec<Request> {
        self.state.update(message)
    }

    fn press(&mut self, keys: &str) {
        for c in keys.chars() {
            let code = if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
            self.send(Message::Key(code.into()));
        }
    }

    fn frame(&mut self) -> Outcome<()> {
        self.state.fit();
        let Self { state, terminal } = self;
        terminal.draw(|frame| view::draw(frame, state))?;
        Ok(())
    }
}

fn name(number: usize) -> Outcome<HostId> {
    Ok(HostId::new(&format!("mw{number:06}.eqiad.wmnet"))?)
}

fn plan(count: usize) -> Outcome<Plan> {
    let rollout = RolloutId::new("20261121T130200Z-k3f9")?;
    let environment = Environment::new("production")?;
    let stage = StagePlan {
        concurrency: 80,
        soak: Duration::from_secs(600),
        ..plans::stage(StageName::new("fleet")?, [count])
    };
    let hosts: Outcome<Vec<HostPlan>> = (0..count).map(|number| Ok(plans::host(name(number)?))).collect();
    Ok(Plan {
        policy: Policy { prime_width: 80, control_width: 256, ..plans::policy() },
        stages: vec![stage],
        hosts: hosts?,
        ..plans::plan(rollout, environment, Version::new("4.283.0")?, Digest([26; 32]))
    })
}

/// Opens a rollout of which the first third is primed and eighty hosts are transferring.
fn transferring(count: usize) -> Outcome<(Console, Vec<Message>)> {
    let plan = Arc::new(plan(count)?);
    let rollout = plan.rollout.clone();
    let record = |event| Record { seq: 1, at: Timestamp::UNIX_EPOCH, rollout: rollout.clone(), event };
    let phase =
        |number: usize, phase| Ok::<_, Box<dyn std::error::Error>>(record(Event::host_phase(name(number)?, phase)));
    let mut records = vec![
        record(Event::RolloutPlanned { number: None, plan: Arc::clone(&plan) }),
        record(Event::Locked { hosts: count }),
    ];
    let first = count / 3;
    let moving = first..(first + 80).min(count);
    for number in 0..moving.end {
        records.push(phase(number, Phase::Priming)?);
    }
    for number in 0..first {
        records.push(phase(number, Phase::Primed)?);
    }
    let mut console = Console::new()?;
    console.send(Message::Opened { rollout: rollout.clone(), source: Source::Live });
    console.send(Message::Records { rollout: rollout.clone(), records });
    console.press("3");
    let progress: Outcome<Vec<Message>> = moving
        .map(|number| {
            let total = Bytes(73_085_747);
            let event = Event::HostProgress {
                host: name(number)?,
                bytes: Bytes(number as u64 * 1000),
                total,
                rate: Bytes(10_485_760),
                eta: Some(7),
            };
            Ok(Message::Records { rollout: rollout.clone(), records: vec![record(event)] })
        })
        .collect();
    Ok((console, progress?))
}

/// Opens a fleet at several sites, of which most hosts run one version and some each of several others.
fn surveyed(count: usize) -> Outcome<Console> {
    let mut console = Console::new()?;
    let site =
        |number: usize| ["eqiad", "codfw", "esams", "ulsfo", "eqsin"].get(number % 5).map(|site| Site((*site).into()));
    let hosts: Outcome<Vec<SurveyHost>> = (0..count)
        .map(|number| Ok(SurveyHost { host: name(number)?, site: site(number), groups: vec!["api".into()] }))
        .collect();
    console.send(Message::SurveyStarted { hosts: hosts? });
    for number in 0..count {
        let state = if number % 50 == 7 { HostState::Unreachable } else { HostState::Current };
        console.send(Message::SurveyRow(Box::new(SurveyRow {
            host: name(number)?,
            state,
            version: Some(format!("4.283.{}", if number % 10 == 3 { number % 70 } else { 0 })),
            digest: None,
            behind: None,
            latency: Duration::from_millis(12),
            at: Timestamp::UNIX_EPOCH,
            cause: None,
            settled: state == HostState::Current,
            facts: Vec::new(),
        })));
    }
    Ok(console)
}

/// Does something again and again and gives the middle and the longest time that it took.
fn measure(rounds: usize, mut act: impl FnMut() -> Outcome<()>) -> Outcome<(Duration, Duration)> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        act()?;
        times.push(start.elapsed());
    }
    times.sort();
    let of = |place: usize| times.get(place).copied().unwrap_or_default();
    Ok((of(rounds / 2), of(rounds - 1)))
}

fn show(what: &str, small: (Duration, Duration), large: (Duration, Duration)) {
    let ratio = large.0.as_secs_f64() / small.0.as_secs_f64().max(1e-9);
    println!("{what:<58} {:>10.3?} (longest {:>10.3?})   {ratio:>6.1} times that of ten hosts", large.0, large.1);
}

fn frames(count: usize) -> Outcome<(Duration, Duration)> {
    let (mut console, progress) = transferring(count)?;
    measure(300, || {
        for message in &progress {
            console.send(message.clone());
        }
        console.frame()
    })
}

fn scrolling(count: usize) -> Outcome<(Duration, Duration)> {
    let mut console = surveyed(count)?;
    console.frame()?;
    measure(300, || {
        console.press("j");
        console.frame()
    })
}

fn filtering(count: usize, filter: &str) -> Outcome<(Duration, Duration)> {
    let mut console = surveyed(count)?;
    console.frame()?;
    let mut keys: Vec<String> = filter.chars().map(String::from).collect();
    keys.push("\n".to_owned());
    keys.insert(0, "/".to_owned());
    let mut next = keys.iter().cycle();
    measure(keys.len() * 8, || {
        if let Some(key) = next.next() {
            console.press(key);
        }
        console.frame()
    })
}

fn sorting(count: usize) -> Outcome<(Duration, Duration)> {
    let mut console = surveyed(count)?;
    console.frame()?;
    measure(50, || {
        console.press("s");
        console.frame()
    })
}

/// Groups by the next field as often as it takes, and gives how long the one of a number took.
fn grouping(count: usize, field: usize) -> Outcome<(Duration, Duration)> {
    let mut console = surveyed(count)?;
    console.frame()?;
    let mut times = Vec::new();
    for _ in 0..50 {
        // By site, by version, by state, by nothing.
        for next in 0..4 {
            let start = Instant::now();
            console.press("b");
            console.frame()?;
            if next == field {
                times.push(start.elapsed());
            }
        }
    }
    times.sort();
    let of = |place: usize| times.get(place).copied().unwrap_or_default();
    Ok((of(times.len() / 2), of(times.len() - 1)))
}

fn expanding(count: usize) -> Outcome<(Duration, Duration)> {
    let mut console = surveyed(count)?;
    console.press("b");
    console.frame()?;
    measure(100, || {
        console.press("\n");
        console.frame()
    })
}

fn filtering_grouped(count: usize, filter: &str) -> Outcome<(Duration, Duration)> {
    let mut console = surveyed(count)?;
    console.press("b");
    console.frame()?;
    // One group is open, so that rows come and go.
    console.press("\n");
    console.frame()?;
    let mut keys: Vec<String> = filter.chars().map(String::from).collect();
    keys.push("\n".to_owned());
    keys.insert(0, "/".to_owned());
    let mut next = keys.iter().cycle();
    measure(keys.len() * 8, || {
        if let Some(key) = next.next() {
            console.press(key);
        }
        console.frame()
    })
}

fn main() -> Outcome<()> {
    println!("console of {}x{}", SIZE.0, SIZE.1);
    show("80 progress events and a frame, 10,000 hosts", frames(10)?, frames(10_000)?);
    show("80 progress events and a frame, 100,000 hosts", frames(10)?, frames(100_000)?);
    show("a row down and a frame, 100,000 hosts", scrolling(10)?, scrolling(100_000)?);
    show("a key of a filter by text and a frame, 100,000 hosts", filtering(10, "w0123")?, filtering(100_000, "w0123")?);
    let state = "state:unreach";
    show("a key of a filter by state and a frame, 100,000 hosts", filtering(10, state)?, filtering(100_000, state)?);
    show("another order and a frame, 100,000 hosts", sorting(10)?, sorting(100_000)?);
    for (field, by) in ["site", "version", "state"].into_iter().enumerate() {
        show(&format!("grouped by {by} and a frame, 100,000 hosts"), grouping(10, field)?, grouping(100_000, field)?);
    }
    show("a group opened or closed and a frame, 100,000 hosts", expanding(10)?, expanding(100_000)?);
    show(
        "a key of a filter while grouped and a frame, 100,000 hosts",
        filtering_grouped(10, state)?,
        filtering_grouped(100_000, state)?,
    );
    Ok(())
}
