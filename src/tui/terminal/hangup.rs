use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as threads;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::{Ended, lent};
use crate::tui::messages::Message;

/// How often it is looked whether the terminal is still there: not every loss of one comes with a signal.
const LOOK: Duration = Duration::from_secs(1);
/// How long the screen has to end by itself.
const GRACE: Duration = Duration::from_millis(500);
/// How long the kernel may take to stop every thread.
const STOPS_WITHIN: Duration = Duration::from_secs(1);

/// Where standard output and error go when the terminal is gone; without a file they lead nowhere.
pub(super) type Log = Arc<Option<File>>;

static GONE: AtomicBool = AtomicBool::new(false);

/// How often the process was told to go on.
static CONTINUED: Mutex<u64> = Mutex::new(0);
static CONTINUES: Condvar = Condvar::new();

fn continued() -> MutexGuard<'static, u64> {
    CONTINUED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops the process, and returns when it goes on.
///
/// The call that asks for the stop returns before its thread is stopped, since the kernel lets another thread take the
/// signal (signal(7)); whatever followed at once would still be done. A process that nobody is there to let go on, such as
/// one whose shell has ended, is not stopped at all; then this returns a second later.
pub(super) fn stop(ask: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let before = *continued();
    ask()?;
    let waited = CONTINUES.wait_timeout_while(continued(), STOPS_WITHIN, |now| *now == before);
    drop(waited.unwrap_or_else(PoisonError::into_inner));
    Ok(())
}

/// Tells whether the terminal is gone.
pub(super) fn is_gone() -> bool {
    GONE.load(Ordering::SeqCst)
}

/// Waits for the signals that concern a console, and for the loss of its terminal.
pub(super) fn watch(sender: &mpsc::Sender<Message>, log: &Log, done: &threads::Sender<io::Result<Ended>>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    runtime.block_on(async {
        // No key brings these here, since the terminal is raw: somebody outside ends the console.
        let (Ok(mut hangup), Ok(mut terminate), Ok(mut interrupt), Ok(mut quit), Ok(mut resume)) = (
            signal(SignalKind::hangup()),
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
            signal(SignalKind::quit()),
            signal(SignalKind::from_raw(Signal::CONT.as_raw())),
        ) else {
            return;
        };
        let mut look = tokio::time::interval(LOOK);
        let lost = loop {
            tokio::select! {
                _ = hangup.recv() => break true,
                _ = terminate.recv() => break false,
                // While a shell has the terminal, its keys mean these for what runs there.
                _ = interrupt.recv() => if !lent::is_lent() { break false },
                _ = quit.recv() => if !lent::is_lent() { break false },
                _ = resume.recv() => {
                    *continued() += 1;
                    CONTINUES.notify_all();
                    drop(sender.try_send(Message::Resumed));
                }
                _ = look.tick() => if rustix::termios::tcgetattr(rustix::stdio::stdin()).is_err() { break true },
                () = sender.closed() => return,
            }
        };
        if lost {
            cut_loose(log);
        }
        // A full inbox is that of a screen which hangs in a write; it is not waited for.
        sender.try_send(Message::HungUp).ok();
        tokio::time::timeout(GRACE, sender.closed()).await.ok();
        done.send(Ok(Ended::HungUp)).ok();
    });
}

/// Puts an empty pipe on standard input and the log on standard output and error, in place of the dead terminal.
///
/// Called on a hang-up and on the first error of a draw, before anything that holds the terminal is dropped. As long as its descriptors are open, crossterm's reader spins over them; and a print to a dead standard error panics.
pub(super) fn cut_loose(log: &Log) {
    /// The pipe's other end: were it closed, the reader would be at the end of its input over and over.
    static WRITER: OnceLock<OwnedFd> = OnceLock::new();
    if GONE.swap(true, Ordering::SeqCst) {
        return;
    }
    let nowhere = File::options().write(true).open("/dev/null").ok();
    if let Some(log) = log.as_ref().as_ref().or(nowhere.as_ref()) {
        rustix::stdio::dup2_stdout(log).ok();
        rustix::stdio::dup2_stderr(log).ok();
    }
    if let Ok((reader, writer)) = rustix::pipe::pipe() {
        rustix::stdio::dup2_stdin(&reader).ok();
        WRITER.set(writer).ok();
    }
}
