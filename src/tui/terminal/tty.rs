use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Signal, kill_current_process_group};
use tokio::sync::mpsc;

use super::driver::Surface;
use super::{hangup, input, lent};
use crate::tui::app::App;
use crate::tui::messages::Message;
use crate::tui::view;

/// How much is gathered before it is written: a frame goes out in one piece.
const FRAME_BYTES: usize = 64 * 1024;

/// Whether the terminal is as the console needs it, and somebody has to put it back.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Writes to the terminal, and nowhere once that is gone.
///
/// Not through [`io::stdout`]: a thread that hangs in a write to a stalled terminal would hold its lock against everybody.
#[derive(Debug)]
struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if hangup::is_gone() {
            return Ok(bytes.len());
        }
        let terminal = rustix::stdio::stdout();
        loop {
            match rustix::io::write(terminal, bytes) {
                Ok(written) => return Ok(written),
                // Whoever shares the terminal may have made it non-blocking, as ssh does.
                Err(Errno::AGAIN) => {
                    poll(&mut [PollFd::new(&terminal, PollFlags::OUT)], None)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Owns the terminal: raw mode, the alternate screen, pastes in brackets, and the mouse if it is wanted.
///
/// Whatever ends the console drops this, and that puts everything back; a panic does so before it is told.
#[derive(Debug)]
pub(super) struct Tty {
    terminal: Terminal<CrosstermBackend<BufWriter<Output>>>,
    mouse: bool,
    log: hangup::Log,
    sender: mpsc::Sender<Message>,
}

impl Tty {
    pub(super) fn enter(mouse: bool, log: hangup::Log, sender: mpsc::Sender<Message>) -> io::Result<Self> {
        restore_before_panics_are_told();
        // Colours are taken out where they are not wanted; crossterm would take reverse and bold out with them.
        crossterm::style::force_color_output(true);
        let backend = CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, Output));
        let terminal = Terminal::new(backend)?;
        enter_modes(mouse)?;
        let mut tty = Self { terminal, mouse, log, sender };
        tty.clear()?;
        Ok(tty)
    }

    pub(super) fn size(&self) -> (u16, u16) {
        self.terminal.size().map_or((80, 24), |size| (size.width, size.height))
    }

    /// Cuts the process loose from a terminal that cannot be written to any more, before that is dropped.
    fn or_lost<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.is_err() {
            hangup::cut_loose(&self.log);
        }
        result
    }

    fn try_draw(&mut self, state: &App) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| view::draw(frame, state))?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    fn try_redraw(&mut self) -> io::Result<()> {
        enter_modes(self.mouse)?;
        self.clear()
    }

    /// Empties the screen, so that the next frame draws all of it.
    ///
    /// Not through [`Terminal::clear`], which asks the terminal where its cursor is (ratatui 0.30): the answer comes on the
    /// input that another thread reads, and a stalled terminal gives none, so the console would not open or not come back.
    fn clear(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        lent::end();
        leave_modes();
    }
}

fn enter_modes(mouse: bool) -> io::Result<()> {
    ENTERED.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    let mut output = BufWriter::new(Output);
    queue!(output, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
    if mouse {
        queue!(output, EnableMouseCapture)?;
    }
    output.flush()
}

/// Puts the terminal back, once; errors are those of a terminal that is gone, and then there is nothing to put back.
fn leave_modes() {
    if ENTERED.swap(false, Ordering::SeqCst) && !hangup::is_gone() {
        let mut output = BufWriter::new(Output);
        execute!(output, DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show).ok();
        disable_raw_mode().ok();
    }
}

/// A panic's message is for reading: it must not be written on an alternate screen that vanishes, or in raw mode.
fn restore_before_panics_are_told() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            leave_modes();
            before(info);
        }));
    });
}

impl Surface for Tty {
    fn draw(&mut self, state: &App) -> io::Result<()> {
        let drawn = self.try_draw(state);
        self.or_lost(drawn)
    }

    fn redraw(&mut self) -> io::Result<()> {
        input::resume();
        let entered = self.try_redraw();
        self.or_lost(entered)
    }

    fn suspend(&mut self) -> io::Result<()> {
        leave_modes();
        // The whole job stops, as the shell expects it of the key; it goes on here when the shell lets it.
        hangup::stop(|| Ok(kill_current_process_group(Signal::TSTP)?))?;
        self.redraw()
    }

    fn lend(&mut self, argv: &[OsString]) -> io::Result<()> {
        // A key that is typed from here on is not the console's.
        input::pause();
        leave_modes();
        lent::to(argv, self.sender.clone())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        let copied = execute!(self.terminal.backend_mut(), CopyToClipboard::to_clipboard_from(text));
        self.or_lost(copied)
    }
}
