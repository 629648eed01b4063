//! Asks whoever sits at the terminal.

use std::io::{self, BufRead as _, Write as _};

use crate::deploy::Error;
use crate::process::in_thread;

/// Asks on standard error, and reads a line.
pub(super) fn ask(question: &str) -> Result<String, Error> {
    let mut stderr = io::stderr().lock();
    let asked = write!(stderr, "{question}").and_then(|()| stderr.flush());
    asked.map_err(|error| Error::before(format!("the terminal cannot be written: {error}")))?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Error::before(format!("the terminal cannot be read: {error}")))?;
    Ok(answer)
}

/// Asks as [`ask`] does, in a thread of its own: a signal is heard meanwhile.
pub(super) async fn ask_in_thread(question: String) -> Result<String, Error> {
    in_thread(move || ask(&question)).await?
}
