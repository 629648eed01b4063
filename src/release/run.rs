use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::time::{Instant, timeout, timeout_at};

use super::error::Ended;
use super::progress::{Progress, Report, Step};
use crate::process::{Group, quote};

/// The last lines of a failed command that are told.
const TAIL_LINES: usize = 15;
/// The longest line that is told, in bytes.
const LONGEST_LINE: usize = 2000;
/// The most that a log keeps, in bytes: a build that prints for ever must not fill the disk.
const LONGEST_LOG: u64 = 64 << 20;
/// How long a pipe may stay open after its command ended, for what it left running in the background.
const LINGER: Duration = Duration::from_secs(1);

/// A command with its whole environment; nothing is inherited.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) arguments: Vec<OsString>,
    pub(super) folder: PathBuf,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) deadline: Duration,
}

impl Task {
    /// Shows the command as one line.
    pub(super) fn line(&self) -> String {
        let words: Vec<_> = self.arguments.iter().map(|word| quote(&word.to_string_lossy())).collect();
        match self.arguments.as_slice() {
            // What the configuration says, without our shell around it.
            [sh, eu, c, command] if sh == "sh" && eu == "-eu" && c == "-c" => command.to_string_lossy().into_owned(),
            _ => words.join(" "),
        }
    }
}

/// Runs a command to its end, with its output and errors in one stream, in a process group of its own.
///
/// When the future is dropped, the group is killed.
pub(super) async fn run(task: &Task, output: &mut Output<'_>) -> Result<(), Ended> {
    let (reader, writer) = io::pipe().map_err(Ended::NotStarted)?;
    let mut group = start(task, writer).map_err(Ended::NotStarted)?;
    let mut pipe = pipe::Receiver::from_owned_fd(reader.into()).map_err(Ended::NotStarted)?;
    let deadline = Instant::now() + task.deadline;
    let mut buffer = vec![0; 16 * 1024];
    let ended = loop {
        tokio::select! {
            read = pipe.read(&mut buffer) => match read {
                Ok(0) | Err(_) => break timeout_at(deadline, group.wait()).await,
                Ok(length) => output.take(buffer.get(..length).unwrap_or_default()),
            },
            status = timeout_at(deadline, group.exited()) => {
                let drained = timeout(LINGER, async {
                    while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
                        output.take(buffer.get(..length).unwrap_or_default());
                    }
                });
                break match (drained.await, status) {
                    (_, Err(late)) => Err(late),
                    (Ok(()), Ok(_)) => Ok(group.wait().await),
                    // Something of it still holds the pipe, so the group still is what it was.
                    (Err(_), Ok(_)) => Ok(group.kill().await),
                };
            }
        }
    };
    output.finish();
    match ended {
        Err(_) => {
            group.kill().await.map_err(Ended::NotStarted)?;
            Err(Ended::Deadline(task.deadline))
        }
        Ok(status) => {
            let status = status.map_err(Ended::NotStarted)?;
            if status.success() { Ok(()) } else { Err(Ended::Status(status)) }
        }
    }
}

fn start(task: &Task, writer: io::PipeWriter) -> io::Result<Group> {
    let mut command = command(task)?;
    // The command goes at the end of this function, and with it our copies of the pipe's end.
    Group::spawn(command.stdout(writer.try_clone()?).stderr(writer))
}

fn command(task: &Task) -> io::Result<Command> {
    let (program, arguments) =
        task.arguments.split_first().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "an empty command"))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(&task.folder)
        .env_clear()
        .envs(task.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null());
    Ok(command)
}

/// Holds what a short command printed.
pub(super) struct Answer {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
    pub(super) ended: Result<(), Ended>,
}

/// Runs a short command and gives what it printed, at most 64 MiB of it.
pub(super) async fn ask(task: &Task) -> io::Result<Answer> {
    let mut group = Group::spawn(command(task)?.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (_, Some(out), Some(err)) = group.pipes() else {
        return Err(io::Error::other("no pipe to the command"));
    };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let all = async {
        let (mut out, mut err) = (out.take(LONGEST_LOG), err.take(64 << 10));
        let (out, err) = tokio::join!(out.read_to_end(&mut stdout), err.read_to_end(&mut stderr));
        out.and(err)?;
        group.wait().await
    };
    let ended = match timeout(task.deadline, all).await {
        Ok(status) => {
            let status = status?;
            if status.success() { Ok(()) } else { Err(Ended::Status(status)) }
        }
        Err(_) => Err(Ended::Deadline(task.deadline)),
    };
    drop(group);
    Ok(Answer { stdout, stderr: plain(&stderr).trim().to_owned(), ended })
}

/// Takes what commands print: to the log, to whoever watches, and the last lines for an error.
pub(super) struct Output<'a> {
    log: File,
    logged: u64,
    report: Report<'a>,
    step: Step,
    since: Instant,
    took: Vec<(Step, Duration)>,
    line: Vec<u8>,
    tail: VecDeque<String>,
}

impl<'a> Output<'a> {
    pub(super) fn new(log: &Path, report: Report<'a>) -> io::Result<Self> {
        Ok(Self {
            log: File::create(log)?,
            logged: 0,
            report,
            step: Step::Export,
            since: Instant::now(),
            took: Vec::new(),
            line: Vec::new(),
            tail: VecDeque::new(),
        })
    }

    /// Tells that a step begins.
    pub(super) fn step(&mut self, step: Step) {
        let now = Instant::now();
        self.took.push((self.step, now - self.since));
        (self.step, self.since) = (step, now);
        (self.report)(Progress::Step { step });
    }

    /// Tells where the time went, up to now.
    pub(super) fn took(&self) -> Vec<(Step, Duration)> {
        let mut took: Vec<(Step, Duration)> = Vec::new();
        for (step, duration) in self.took.iter().copied().chain([(self.step, self.since.elapsed())]) {
            match took.last_mut().filter(|(last, _)| *last == step) {
                Some((_, sum)) => *sum += duration,
                None => took.push((step, duration)),
            }
        }
        took
    }

    /// Tells which command comes next; what the one before printed is no longer the tail.
    pub(super) fn announce(&mut self, command: &str) {
        self.tail.clear();
        self.write(format!("\n[{}] {command}\n", self.step).as_bytes());
    }

    pub(super) fn warn(&mut self, text: String) {
        self.write(format!("warning: {text}\n").as_bytes());
        (self.report)(Progress::Warning { text });
    }

    pub(super) const fn current_step(&self) -> Step {
        self.step
    }

    /// Gives the last lines that the command printed.
    pub(super) fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }

    fn write(&mut self, bytes: &[u8]) {
        let room = usize::try_from(LONGEST_LOG.saturating_sub(self.logged)).unwrap_or(usize::MAX);
        let fits = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.logged += fits.len() as u64;
        // A log that cannot be written is no reason to lose the build; whoever watches sees the lines.
        self.log.write_all(fits).ok();
    }

    fn take(&mut self, bytes: &[u8]) {
        self.write(bytes);
        for &byte in bytes {
            match byte {
                b'\n' | b'\r' => self.finish(),
                _ if self.line.len() < LONGEST_LINE => self.line.push(byte),
                _ => {}
            }
        }
    }

    /// Ends a line that has no end of its own.
    fn finish(&mut self) {
        let line = plain(&std::mem::take(&mut self.line));
        if line.trim().is_empty() {
            return;
        }
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(line.clone());
        (self.report)(Progress::Output { step: self.step, line });
    }
}

/// Makes text of bytes, without what would drive a terminal.
pub(super) fn plain(bytes: &[u8]) -> String {
    let keep = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    String::from_utf8_lossy(bytes).trim_end().chars().map(keep).collect()
}

/// Lists our own environment without what would change what a git command means.
pub(super) fn git_environment() -> Vec<(OsString, OsString)> {
    let kept = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        // A hook of another repository sets these, and git would use that one.
        !matches!(
            &*name,
            "GIT_DIR"
                | "GIT_WORK_TREE"
                | "GIT_INDEX_FILE"
                | "GIT_OBJECT_DIRECTORY"
                | "GIT_COMMON_DIR"
                | "GIT_PREFIX"
                | "GIT_ALTERNATE_OBJECT_DIRECTORIES"
                | "GIT_NAMESPACE"
                | "LANG"
                | "LANGUAGE"
        ) && !name.starts_with("LC_")
    });
    let mut environment: Vec<_> = kept.collect();
    // Nobody is there to answer: a question would wait for ever, behind a screen that does not show it.
    let mut set = |name: &str, value: &str| environment.push((name.into(), value.into()));
    set("GIT_TERMINAL_PROMPT", "0");
    set("GIT_OPTIONAL_LOCKS", "0");
    // A replaced commit would be another one for whoever does not have the replacement.
    set("GIT_NO_REPLACE_OBJECTS", "1");
    set("LC_ALL", "C");
    if std::env::var_os("GIT_SSH_COMMAND").is_none() && std::env::var_os("GIT_SSH").is_none() {
        set("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
    }
    environment
}

/// Makes a vector of words of different types.
pub(super) fn words<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Vec<OsString> {
    words.into_iter().map(|word| word.as_ref().to_owned()).collect()
}
