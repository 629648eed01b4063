//! The terminal in other hands: a command has it until it ends, and the console neither draws nor reads meanwhile.

use std::ffi::OsString;
use std::io;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;

use crate::tui::messages::Message;

/// Who has the terminal.
static HOLDER: Mutex<Option<Pid>> = Mutex::new(None);

fn holder() -> MutexGuard<'static, Option<Pid>> {
    HOLDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells whether somebody else has the terminal.
pub(super) fn is_lent() -> bool {
    holder().is_some()
}

/// Starts a command on the terminal, in the process group that has it; its end is told.
///
/// It dies with the terminal, as it should: it is a person's, and nothing of a rollout.
pub(super) fn to(argv: &[OsString], sender: mpsc::Sender<Message>) -> io::Result<()> {
    let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    // What this process says goes to a file while the screen is the console's; what a shell says is for the terminal.
    let errors = rustix::stdio::stdout().try_clone_to_owned()?;
    let mut child = Command::new(program).args(arguments).stderr(Stdio::from(errors)).spawn()?;
    *holder() = Pid::from_raw(child.id().cast_signed());
    let named = program.to_string_lossy().into_owned();
    let waiter = thread::Builder::new().name("console-lent".to_owned());
    waiter.spawn(move || {
        let why = ended(&mut child, &named);
        *holder() = None;
        sender.blocking_send(Message::Returned(why)).ok();
    })?;
    Ok(())
}

/// Waits for the end of a command, and gives what is to be said of it: a shell that ended as its last command did is no news.
fn ended(child: &mut Child, program: &str) -> Option<String> {
    match child.wait() {
        // ssh says with it that it did not get there, and why on the terminal that is drawn over now.
        Ok(status) if status.code() == Some(255) => Some(format!("{program} could not get there, or lost its way")),
        Ok(_) => None,
        Err(error) => Some(format!("{program} cannot be waited for: {error}")),
    }
}

/// Ends whoever has the terminal, as the loss of it would: the console ends, and nobody else is to read from it.
pub(super) fn end() {
    if let Some(pid) = *holder() {
        kill_process(pid, Signal::HUP).ok();
    }
}
