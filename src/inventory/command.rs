//! Groups that a command prints.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::error::InventoryError;
use super::lines::{Again, MOST_BYTES, list, too_many_bytes};
use crate::config::quote_words;
use crate::model::HostId;

/// How often the command is looked at while its output is silent; it may end and leave its output open to a child.
const LOOK: Duration = Duration::from_millis(20);
/// Longer than anybody waits, and short enough to be added to any time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// Bytes of standard error that are kept, the last ones.
const MOST_COMPLAINT: usize = 4096;

/// Runs a group's command and reads the hosts that it prints.
///
/// It runs in a process group of its own, without standard input. When it ends, takes too long or prints too much, the
/// whole group is killed: nothing that it started is left behind, unless that made itself a new session.
pub(super) fn hosts(argv: &[String], timeout: Duration, folder: &Path) -> Result<Vec<HostId>, InventoryError> {
    let shown = quote_words(argv.iter().map(String::as_str));
    let failed = |outcome: String, complaint: &[u8]| InventoryError::Command {
        command: shown.clone(),
        outcome,
        output: last_lines(complaint),
    };
    let Some((program, arguments)) = argv.split_first() else {
        return Err(failed("is empty: name a program".to_owned(), &[]));
    };
    // Where a relative program is looked for is the platform's choice when the folder changes as well.
    let program = if program.contains('/') { folder.join(program) } else { program.into() };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    if !folder.as_os_str().is_empty() {
        command.current_dir(folder);
    }
    let child = command.spawn().map_err(|error| failed(format!("cannot be started: {error}"), &[]))?;
    let mut running = Running { child, reaped: false };
    let end = running
        .wait(Instant::now() + timeout.min(LONGEST))
        .map_err(|error| failed(format!("was lost: {error}"), &[]))?;
    match end {
        End::TooMuch => Err(too_many_bytes(&format!("what `{shown}` prints"))),
        End::TooLong { complaint } => Err(failed(format!("did not end within {timeout:?} and was killed"), &complaint)),
        End::Exited { status, output, complaint } => {
            if !status.success() {
                return Err(failed(ending(status), &complaint));
            }
            list(&format!("output of `{shown}`"), &output, Again::PassedOver)
        }
    }
}

enum End {
    Exited { status: ExitStatus, output: Vec<u8>, complaint: Vec<u8> },
    TooLong { complaint: Vec<u8> },
    TooMuch,
}

/// A child that is killed with its group and reaped, however this ends.
struct Running {
    child: Child,
    reaped: bool,
}

impl Running {
    fn wait(&mut self, deadline: Instant) -> io::Result<End> {
        let mut output = Pipe::new(self.child.stdout.take().map(OwnedFd::from))?;
        let mut complaint = Pipe::new(self.child.stderr.take().map(OwnedFd::from))?;
        loop {
            // Asked before reading: what an ended command wrote is in the pipes by then.
            let ended = self.has_ended()?;
            output.drain(usize::MAX)?;
            complaint.drain(MOST_COMPLAINT)?;
            if u64::try_from(output.bytes.len()).unwrap_or(u64::MAX) > MOST_BYTES {
                return Ok(End::TooMuch);
            }
            if ended {
                let status = self.end()?;
                return Ok(End::Exited { status, output: output.bytes, complaint: complaint.bytes });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(End::TooLong { complaint: complaint.bytes });
            }
            wait_for_output(&output, &complaint, left.min(LOOK))?;
        }
    }

    /// Tells whether the command has ended, and leaves it unreaped: its number stays its own, so that the group can be killed.
    fn has_ended(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(self.pid()?), options)?.is_some())
    }

    fn pid(&self) -> io::Result<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("no process id"))
    }

    fn end(&mut self) -> io::Result<ExitStatus> {
        match kill_process_group(self.pid()?, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH | rustix::io::Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
        let status = self.child.wait()?;
        self.reaped = true;
        Ok(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.reaped
            && let Err(error) = self.end()
        {
            tracing::warn!(%error, "a group's command could not be reaped");
        }
    }
}

/// One of the command's pipes, read without waiting.
struct Pipe {
    file: Option<File>,
    bytes: Vec<u8>,
}

impl Pipe {
    fn new(pipe: Option<OwnedFd>) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(Self { file: pipe.map(File::from), bytes: Vec::new() })
    }

    /// Takes what is there, up to a bound a call so that nobody who prints for ever keeps us, and keeps the last `most` bytes.
    fn drain(&mut self, most: usize) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        for _ in 0..64 {
            let Some(file) = &mut self.file else { return Ok(()) };
            match file.read(&mut buffer) {
                Ok(0) => self.file = None,
                Ok(count) => {
                    self.bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    self.bytes.drain(..self.bytes.len().saturating_sub(most));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn wait_for_output(output: &Pipe, complaint: &Pipe, most: Duration) -> io::Result<()> {
    let pipes = [output, complaint];
    let mut waiting: Vec<PollFd<'_>> = pipes
        .iter()
        .filter_map(|pipe| pipe.file.as_ref())
        .map(|file| PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN))
        .collect();
    let most = Timespec::try_from(most).map_err(io::Error::other)?;
    match poll(&mut waiting, Some(&most)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with exit code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "failed".to_owned(),
    }
}

/// Keeps what a person can use of standard error: the last lines, without what would move their cursor.
fn last_lines(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n");
    let clean: String = last.chars().map(|c| if c.is_control() && c != '\n' { '�' } else { c }).collect();
    if clean.is_empty() { clean } else { format!(": {clean}") }
}
