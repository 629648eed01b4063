//! The terminal: the only part of the console that does IO.
//!
//! A terminal can stop reading for hours (a suspended ssh, a frozen tmux) and can vanish at any time. Whoever draws
//! therefore has a thread of its own, as do those who read keys and wait for signals; none of them is ever joined, and
//! [`run`] returns half a second after the terminal was lost even if the screen's thread still hangs in a write.
//!
//! When the terminal is gone, crossterm 0.29 turns in circles over its dead descriptor and every print to standard error
//! panics. The cure is to put an empty pipe on standard input and the log on standard output and error before anything is
//! dropped (`hangup`).

mod driver;
mod hangup;
mod input;
mod lent;
mod tty;

pub use driver::{Driver, Surface};

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc as threads;
use std::thread;

use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::mpsc;

use super::app::App;
use super::messages::{Message, Request, Settings};
use super::view;

/// How many messages wait at most: whoever sends faster than the screen takes has to wait, and is not buffered for.
const WAITING: usize = 1024;

/// Tells why the console could not be opened, or ended before its time.
#[derive(Debug, Error)]
pub enum TerminalError {
    /// The terminal cannot be drawn on.
    #[error("cannot draw on this terminal: {0}; `--headless` needs none")]
    Open(#[source] io::Error),
    /// A thread or its runtime could not be started.
    #[error("cannot start the console's thread: {0}")]
    Thread(#[source] io::Error),
    /// The console broke; the rollout does not notice.
    #[error("the console broke; what it watched goes on, `coalmine attach` opens it again")]
    Broken,
}

/// Says why the console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Somebody left it.
    Left,
    /// The terminal is gone, or the process was told to end.
    HungUp,
    /// Nobody sends messages any more.
    Unfed,
}

/// Holds the console's ends of the channels to whoever answers its requests.
#[derive(Debug)]
pub struct Ends {
    sender: mpsc::Sender<Message>,
    inbox: mpsc::Receiver<Message>,
    requests: mpsc::UnboundedSender<Request>,
}

/// Makes the channels: where messages are sent to, where requests come from, and the console's ends of both.
///
/// Messages wait for the screen, since hosts send more than a person can; requests do not, since a person sends few.
#[must_use]
pub fn channels() -> (mpsc::Sender<Message>, mpsc::UnboundedReceiver<Request>, Ends) {
    let (sender, inbox) = mpsc::channel(WAITING);
    let (requests, asked) = mpsc::unbounded_channel();
    (sender.clone(), asked, Ends { sender, inbox, requests })
}

/// Runs the console on the terminal of the process until it is left; blocks, so it wants a thread of its own or the main one.
///
/// `log` takes over standard output and error once the terminal is lost; without it they lead nowhere.
///
/// # Errors
///
/// When the terminal cannot be drawn on, a thread cannot be started, or the console broke.
pub fn run(settings: Settings, ends: Ends, log: Option<File>) -> Result<Ended, TerminalError> {
    let mouse = settings.mouse;
    let log = Arc::new(log);
    let Ends { sender, inbox, requests } = ends;
    let tty = tty::Tty::enter(mouse, Arc::clone(&log), sender.clone()).map_err(TerminalError::Open)?;
    let size = tty.size();
    let (done, ended) = threads::channel();

    let screen_done = done.clone();
    let screen = move || {
        let outcome = (|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            let (state, first) = App::new(settings, size, view::LAYOUT);
            let driver = Driver::new(tty, state, inbox, requests, Timestamp::now);
            runtime.block_on(driver.run(first))
        })();
        // Nobody listens any more when the terminal was lost before; then there is nothing to say either.
        screen_done.send(outcome).ok();
    };
    let named = |name: &str| thread::Builder::new().name(format!("console-{name}"));
    named("screen").spawn(screen).map_err(TerminalError::Thread)?;
    let keys = sender.clone();
    named("keys").spawn(move || input::read(&keys)).map_err(TerminalError::Thread)?;
    named("signals").spawn(move || hangup::watch(&sender, &log, &done)).map_err(TerminalError::Thread)?;

    let outcome = ended.recv();
    input::stop();
    match outcome {
        Ok(Ok(ended)) => Ok(ended),
        // The only errors of a screen that was once opened are those of a terminal that is gone.
        Ok(Err(_)) => Ok(Ended::HungUp),
        Err(threads::RecvError) => Err(TerminalError::Broken),
    }
}
