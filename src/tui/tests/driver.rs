//! The loop on a surface in memory and in virtual time: when it draws, when it rests, what it keeps from reaching a dialog.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossterm::event::KeyCode;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::fixture::{rollout_id, settings, survey_hosts};
use super::screens::in_flight;
use crate::model::Command;
use crate::tui::app::App;
use crate::tui::messages::{Message, Request, Source};
use crate::tui::terminal::{Driver, Ended, Surface};

#[derive(Debug, Default)]
struct Seen {
    frames: Vec<Instant>,
    redrawn: usize,
    suspended: usize,
    lent: Vec<std::ffi::OsString>,
    copied: Vec<String>,
    gone: bool,
}

#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<Seen>>);

impl Surface for Memory {
    fn draw(&mut self, _: &App) -> io::Result<()> {
        let mut seen = self.0.lock().unwrap();
        if seen.gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        seen.frames.push(Instant::now());
        Ok(())
    }

    fn redraw(&mut self) -> io::Result<()> {
        self.0.lock().unwrap().redrawn += 1;
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.0.lock().unwrap().suspended += 1;
        Ok(())
    }

    fn lend(&mut self, argv: &[std::ffi::OsString]) -> io::Result<()> {
        self.0.lock().unwrap().lent.extend_from_slice(argv);
        Ok(())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.0.lock().unwrap().copied.push(text.to_owned());
        Ok(())
    }
}

struct Console {
    inbox: mpsc::Sender<Message>,
    requests: mpsc::UnboundedReceiver<Request>,
    surface: Memory,
    ended: JoinHandle<io::Result<Ended>>,
}

impl Console {
    fn open() -> Self {
        let (inbox, messages) = mpsc::channel(2000);
        let (asked, requests) = mpsc::unbounded_channel();
        let surface = Memory::default();
        let (state, first) = App::new(settings(), (80, 24), crate::tui::view::LAYOUT);
        let driver = Driver::new(surface.clone(), state, messages, asked, || Timestamp::UNIX_EPOCH);
        let ended = tokio::spawn(driver.run(first));
        Self { inbox, requests, surface, ended }
    }

    async fn send(&self, message: Message) {
        self.inbox.send(message).await.unwrap();
    }

    async fn press(&self, key: char) {
        self.send(Message::Key(KeyCode::Char(key).into())).await;
    }

    fn frames(&self) -> usize {
        self.surface.0.lock().unwrap().frames.len()
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_drawn_while_nothing_changes() {
    let console = Console::open();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(console.frames(), 1);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(console.frames(), 1);
    console.press('j').await;
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(console.frames(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_something_runs_it_is_drawn_once_a_second() {
    let console = Console::open();
    console.send(Message::SurveyStarted { hosts: survey_hosts(3) }).await;
    sleep(Duration::from_secs(60)).await;
    let frames = console.frames();
    assert!((60..=64).contains(&frames), "{frames}");
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_drawn_thirty_times_a_second_at_most_and_a_key_is_on_the_next_frame() {
    let console = Console::open();
    for round in 0..2_000_u16 {
        console.send(Message::Resize(60 + round % 80, 20)).await;
        if round % 20 == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    }
    sleep(Duration::from_millis(100)).await;
    let frames = console.surface.0.lock().unwrap().frames.clone();
    assert!(frames.len() > 10, "{}", frames.len());
    assert!(frames.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(33)));
    let before = Instant::now();
    console.press('j').await;
    sleep(Duration::from_millis(40)).await;
    let last = *console.surface.0.lock().unwrap().frames.last().unwrap();
    assert!(last >= before && last - before <= Duration::from_millis(33));
}

#[tokio::test(start_paused = true)]
async fn leaving_ends_the_loop_and_so_does_the_end_of_the_messages() {
    let console = Console::open();
    console.press('q').await;
    assert_eq!(console.ended.await.unwrap().unwrap(), Ended::Left);
    let console = Console::open();
    drop(console.inbox);
    assert_eq!(console.ended.await.unwrap().unwrap(), Ended::Unfed);
    let console = Console::open();
    console.send(Message::HungUp).await;
    assert_eq!(console.ended.await.unwrap().unwrap(), Ended::HungUp);
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_cannot_be_drawn_on_ends_the_loop() {
    let console = Console::open();
    sleep(Duration::from_secs(1)).await;
    console.surface.0.lock().unwrap().gone = true;
    console.press('j').await;
    assert!(console.ended.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_question_takes_no_key_until_it_could_be_read() {
    let mut console = Console::open();
    let run = in_flight();
    console.send(Message::Opened { rollout: rollout_id(), source: Source::Live }).await;
    console.send(Message::Records { rollout: rollout_id(), records: run.records.clone() }).await;
    console.press('3').await;
    sleep(Duration::from_secs(1)).await;
    let confirm = || [KeyCode::Tab, KeyCode::Enter];
    console.press('x').await;
    for delay in [0, 50, 100] {
        sleep(Duration::from_millis(delay)).await;
        for code in confirm() {
            console.send(Message::Key(code.into())).await;
        }
    }
    sleep(Duration::from_secs(1)).await;
    while let Ok(request) = console.requests.try_recv() {
        assert!(!matches!(request, Request::Command { .. }), "{request:?} by keys that were typed too soon");
    }
    for code in confirm() {
        console.send(Message::Key(code.into())).await;
    }
    sleep(Duration::from_millis(100)).await;
    let request = console.requests.try_recv().unwrap();
    assert!(matches!(request, Request::Command { command: Command::Abort, .. }), "{request:?}");
}

#[tokio::test(start_paused = true)]
async fn what_concerns_the_terminal_stays_with_it() {
    let mut console = Console::open();
    console.send(Message::SurveyStarted { hosts: survey_hosts(3) }).await;
    console.press('y').await;
    console
        .send(Message::Key(crossterm::event::KeyEvent::new(
            KeyCode::Char('z'),
            crossterm::event::KeyModifiers::CONTROL,
        )))
        .await;
    console.send(Message::Resumed).await;
    sleep(Duration::from_millis(200)).await;
    let seen = console.surface.0.lock().unwrap();
    assert_eq!(seen.copied, ["mw01.eqiad.wmnet"]);
    assert_eq!((seen.suspended, seen.redrawn), (1, 1));
    assert_eq!(console.requests.try_recv().unwrap(), Request::Survey);
    assert!(console.requests.try_recv().is_err(), "nothing else is anybody's business");
}
