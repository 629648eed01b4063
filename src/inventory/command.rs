//! Groups that a command prints.

use std::path::Path;
use std::time::Duration;

use super::ansible::{self, Ansible, Place};
use super::error::InventoryError;
use super::lines::{Again, MOST_BYTES, list, too_many_bytes};
use crate::model::HostId;
use crate::process::{Ending, Job, ProcessError, quote_words, run, wait};

/// Longer than anybody waits, and short enough to be added to any time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// What a group's command printed.
pub(super) enum Printed {
    /// Names, one a line.
    Hosts(Vec<HostId>),
    /// An inventory in JSON.
    Inventory {
        /// What to call it in an error.
        origin: String,
        /// What it says.
        inventory: Ansible,
    },
}

/// Runs a group's command and reads what it prints: hosts, or an inventory as `ansible-inventory --list` prints it.
///
/// Nothing that it started is left behind when it ends, takes too long, prints too much or when the future is dropped, unless
/// that made itself a new session.
pub(super) async fn printed(argv: &[String], timeout: Duration, folder: &Path) -> Result<Printed, InventoryError> {
    let shown = quote_words(argv.iter().map(String::as_str));
    let failed = |outcome: String, complaint: &[u8]| InventoryError::Command {
        command: shown.clone(),
        outcome,
        output: last_lines(complaint),
    };
    let mut argv = argv.to_vec();
    // Where a relative program is looked for is the platform's choice when the folder changes as well.
    if let Some(program) = argv.first_mut().filter(|program| program.contains('/')) {
        *program = folder.join(&*program).to_string_lossy().into_owned();
    }
    let most = usize::try_from(MOST_BYTES).unwrap_or(usize::MAX);
    let job = Job {
        folder: Some(folder.to_owned()),
        keep: most,
        most: Some(MOST_BYTES),
        ..Job::new(argv, timeout.min(LONGEST))
    };
    let ran = run(&job).await.map_err(|error| match error {
        ProcessError::Empty => failed("is empty: name a program".to_owned(), &[]),
        ProcessError::Start { source, .. } => failed(format!("cannot be started: {source}"), &[]),
        error => failed(format!("was lost: {error}"), &[]),
    })?;
    let complaint = || ran.errors.bytes();
    match ran.ending {
        Ending::TooMuch => Err(too_many_bytes(&format!("what `{shown}` prints"))),
        Ending::TimedOut => Err(failed(format!("did not end within {timeout:?} and was killed"), &complaint())),
        Ending::Killed(signal) => Err(failed(format!("was killed by signal {signal}"), &complaint())),
        Ending::Exited(0) => {
            let (origin, output) = (format!("output of `{shown}`"), ran.output.bytes());
            if ansible::list::is_list(&output) {
                let inventory = ansible::list::parse(&Place { origin: &origin, beside: None }, &output)?;
                return Ok(Printed::Inventory { origin, inventory });
            }
            list(&origin, &output, Again::PassedOver).map(Printed::Hosts)
        }
        Ending::Exited(code) => Err(failed(format!("failed with exit code {code}"), &complaint())),
    }
}

/// As [`printed`], where nobody gathered them before: the caller is blocked.
pub(super) fn printed_now(argv: &[String], timeout: Duration, folder: &Path) -> Result<Printed, InventoryError> {
    wait(printed(argv, timeout, folder)).map_err(|lost| InventoryError::Command {
        command: quote_words(argv.iter().map(String::as_str)),
        outcome: format!("was lost: {lost}"),
        output: String::new(),
    })?
}

/// Keeps what a person can use of standard error: the last lines, without what would move their cursor.
fn last_lines(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n");
    let clean: String = last.chars().map(|c| if c.is_control() && c != '\n' { '�' } else { c }).collect();
    if clean.is_empty() { clean } else { format!(": {clean}") }
}
