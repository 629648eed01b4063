//! Asks whoever sits at the terminal.

use std::io::{self, BufRead as _, Write as _};

use super::interrupt;
use super::output::notify;
use crate::deploy::{Error, Kind};
use crate::process::in_thread;
use crate::words::{Look, one_line};

/// Asks on standard error, and reads a line, unless a signal comes first; nothing was changed on any host by then.
pub(super) fn ask(question: &str) -> Result<String, Error> {
    interrupt::run(ask_in_thread(question.to_owned()))
}

/// Asks as [`ask`] does, in a thread of its own: whoever waits for it may hear signals meanwhile.
pub(super) async fn ask_in_thread(question: String) -> Result<String, Error> {
    let mut line = OpenLine { ended: false };
    let answer = in_thread(move || read(&question)).await??;
    line.ended = answer.ends_with('\n');
    Ok(answer)
}

/// Goes ahead only where what was expected was typed: whoever typed something else is told what that was, and whoever left with nothing is not.
pub(super) fn confirmed(answer: &str, expected: &str) -> Result<(), Error> {
    let typed = answer.trim();
    if typed == expected {
        return Ok(());
    }
    let why = match one_line(typed, 40, Look::default()) {
        nothing if nothing.is_empty() => String::new(),
        typed => format!(": {expected} was expected, and {typed} was typed"),
    };
    Err(Error::new(Kind::Interrupted, format!("not confirmed{why}; nothing was changed")))
}

fn read(question: &str) -> Result<String, Error> {
    // Not held while somebody thinks: what comes of a signal is told meanwhile.
    let asked = write!(io::stderr(), "{question}").and_then(|()| io::stderr().flush());
    asked.map_err(|error| Error::before(format!("the terminal cannot be written: {error}")))?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Error::before(format!("the terminal cannot be read: {error}")))?;
    Ok(answer)
}

/// Ends the line of a question that nobody answered: what is told then begins on one of its own.
struct OpenLine {
    ended: bool,
}

impl Drop for OpenLine {
    fn drop(&mut self) {
        if !self.ended {
            notify("");
        }
    }
}
