use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::Ended;
use crate::tui::app::App;
use crate::tui::messages::{Message, Request};

/// How many messages are taken before anything is drawn.
const TURN: usize = 256;
/// The least time between two frames: thirty a second.
const FRAME: Duration = Duration::from_millis(33);
/// How often it is told what time it is, while that changes anything.
const SECOND: Duration = Duration::from_secs(1);
/// How long a question has to be on the screen before a key can be an answer to it.
const READING: Duration = Duration::from_millis(250);

/// What the console is drawn on.
pub trait Surface {
    /// Draws a frame.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    fn draw(&mut self, state: &App) -> io::Result<()>;

    /// Draws everything anew with the next frame, and makes sure that the terminal is as the console needs it.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    fn redraw(&mut self) -> io::Result<()>;

    /// Gives the terminal back to the shell and stops the process; returns when it runs again.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    fn suspend(&mut self) -> io::Result<()>;

    /// Gives the terminal to a command, and returns when it was started; [`Message::Returned`] tells its end.
    ///
    /// # Errors
    ///
    /// When the command cannot be started.
    fn lend(&mut self, argv: &[OsString]) -> io::Result<()>;

    /// Puts a text into the clipboard of whoever sits at the terminal.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    fn copy(&mut self, text: &str) -> io::Result<()>;
}

/// Turns the loop: takes messages, updates the state, draws when something changed and the last frame is long enough ago.
#[derive(Debug)]
pub struct Driver<S> {
    surface: S,
    state: App,
    inbox: mpsc::Receiver<Message>,
    requests: mpsc::UnboundedSender<Request>,
    clock: fn() -> Timestamp,
    dirty: bool,
    drawn: Option<Instant>,
    ticked: Instant,
    /// When a question that was drawn may be answered.
    readable: Option<Instant>,
    /// Whether somebody else has the terminal.
    lent: bool,
}

impl<S: Surface> Driver<S> {
    /// Makes a loop over a surface; `clock` says what time it is.
    #[must_use]
    pub fn new(
        surface: S,
        state: App,
        inbox: mpsc::Receiver<Message>,
        requests: mpsc::UnboundedSender<Request>,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self {
            surface,
            state,
            inbox,
            requests,
            clock,
            dirty: true,
            drawn: None,
            ticked: Instant::now(),
            readable: None,
            lent: false,
        }
    }

    /// Runs until the console is left or nobody feeds it any more; the state is dropped when the future is.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    pub async fn run(mut self, first: Vec<Request>) -> io::Result<Ended> {
        if let Some(ended) = self.perform(first)? {
            return Ok(ended);
        }
        loop {
            self.draw_if_due()?;
            let next = match self.wakes() {
                None => self.inbox.recv().await.map(Some),
                Some(at) => timeout_at(at, self.inbox.recv()).await.map_or(Some(None), |message| message.map(Some)),
            };
            let Some(next) = next else {
                return Ok(Ended::Unfed);
            };
            if let Some(ended) = self.turn(next)? {
                return Ok(ended);
            }
        }
    }

    /// Says when something is due that no message will bring.
    fn wakes(&self) -> Option<Instant> {
        let frame = (self.dirty && !self.lent).then(|| self.drawn.map_or_else(Instant::now, |drawn| drawn + FRAME));
        let second = self.state.is_ticking().then(|| self.ticked + SECOND);
        [frame, second, self.readable].into_iter().flatten().min()
    }

    fn turn(&mut self, first: Option<Message>) -> io::Result<Option<Ended>> {
        let now = Instant::now();
        if self.readable.is_some_and(|readable| readable <= now) {
            self.readable = None;
            self.state.update(Message::Drawn);
        }
        let rested = now.duration_since(self.ticked) >= SECOND;
        if rested && (first.is_some() || self.state.is_ticking()) {
            self.ticked = now;
            self.dirty |= self.state.is_ticking();
            if let Some(ended) = self.take(Message::Tick((self.clock)()))? {
                return Ok(Some(ended));
            }
        }
        let mut next = first;
        for _ in 0..TURN {
            let Some(message) = next.take() else {
                break;
            };
            self.dirty = true;
            if let Some(ended) = self.take(message)? {
                return Ok(Some(ended));
            }
            next = self.inbox.try_recv().ok();
        }
        // One too many was taken to know that there is more.
        match next {
            Some(message) => {
                self.dirty = true;
                self.take(message)
            }
            None => Ok(None),
        }
    }

    fn take(&mut self, message: Message) -> io::Result<Option<Ended>> {
        let hung_up = matches!(message, Message::HungUp);
        self.lent &= !matches!(message, Message::Returned(_));
        let requests = self.state.update(message);
        let ended = self.perform(requests)?;
        Ok(if hung_up { Some(Ended::HungUp) } else { ended })
    }

    fn draw_if_due(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if !self.dirty || self.lent || self.drawn.is_some_and(|drawn| now < drawn + FRAME) {
            return Ok(());
        }
        self.state.fit();
        // What this process said meanwhile is shown where there is no rollout to tell of.
        tui_logger::move_events();
        self.surface.draw(&self.state)?;
        self.dirty = false;
        self.drawn = Some(now);
        if !self.state.has_unseen_dialog() {
            self.readable = None;
        } else if self.readable.is_none() {
            self.readable = Some(Instant::now() + READING);
        }
        Ok(())
    }

    fn perform(&mut self, requests: Vec<Request>) -> io::Result<Option<Ended>> {
        for request in requests {
            match request {
                Request::Quit => return Ok(Some(Ended::Left)),
                Request::CopyToClipboard(text) => self.surface.copy(&text)?,
                Request::Suspend => {
                    self.surface.suspend()?;
                    self.dirty = true;
                }
                Request::Lend(argv) => match self.surface.lend(&argv) {
                    Ok(()) => self.lent = true,
                    Err(error) => {
                        let program = argv.first().map(|program| program.to_string_lossy().into_owned());
                        let why = format!("{} cannot be started: {error}", program.unwrap_or_default());
                        self.state.update(Message::Returned(Some(why)));
                        self.surface.redraw()?;
                        self.dirty = true;
                    }
                },
                // Whoever has the terminal is not drawn over; what is to be drawn is, when it comes back.
                Request::Redraw if self.lent => {}
                Request::Redraw => {
                    self.surface.redraw()?;
                    self.dirty = true;
                }
                Request::WriteFile { name, text } => {
                    let told = match write_new(&name, &text) {
                        Ok(()) => format!("wrote {name}"),
                        Err(error) => format!("{name} could not be written: {error}"),
                    };
                    self.state.update(Message::Notice(told));
                }
                // Whoever answered is gone: what is shown stays shown, and the inbox ends the loop.
                request => drop(self.requests.send(request)),
            }
        }
        Ok(None)
    }
}

fn write_new(name: &str, text: &str) -> io::Result<()> {
    let mut file = File::create_new(name)?;
    file.write_all(text.as_bytes())
}
