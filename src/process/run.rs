use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use std::os::unix::process::ExitStatusExt as _;

use rustix::process::Signal;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::group::Group;

/// What is kept of each of a command's two outputs: its end.
pub const KEPT_OUTPUT: usize = 64 * 1024;

/// Linux takes no argument and no variable that is longer, with its NUL (`MAX_ARG_STRLEN`, execve(2)).
const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// How long a command may clean up between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(1);

/// How long its outputs are waited for once a command has exited, when something that it started still holds them.
const LINGER: Duration = Duration::from_millis(250);

/// Tells why a command did not even start.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// There is no command.
    #[error("the command is empty")]
    Empty,
    /// An argument is longer than any may be.
    #[error(
        "an argument of {program:?} has {length} bytes, and Linux takes {LONGEST_ARGUMENT} at most; \
         where it is {{hosts}}, let the command ask for the hosts of {{rollout}} instead"
    )]
    TooLong {
        /// The command.
        program: String,
        /// How long it is.
        length: usize,
    },
    /// The system refused.
    #[error("cannot run {program:?}: {source}; is it installed, and on the PATH of who runs coalmine?")]
    Start {
        /// The command.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ran, and what became of it is not known.
    #[error("cannot wait for {program:?}: {source}")]
    Wait {
        /// The command.
        program: String,
        /// Why.
        source: io::Error,
    },
}

/// Describes a command that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The command and its arguments.
    pub argv: Vec<String>,
    /// What is set in its environment, beside coalmine's own; what is longer than a variable may be is left out.
    pub environment: Vec<(String, String)>,
    /// What it reads; none is an empty input.
    pub input: Option<Vec<u8>>,
    /// Where it runs; none is the current folder.
    pub folder: Option<PathBuf>,
    /// How long it may take.
    pub timeout: Duration,
    /// How much of each output is kept, in bytes: its end.
    pub keep: usize,
    /// How much it may print before it is ended, in bytes; none is as much as it likes.
    pub most: Option<u64>,
}

impl Job {
    /// Describes a command that reads nothing and gets nothing into its environment.
    #[must_use]
    pub const fn new(argv: Vec<String>, timeout: Duration) -> Self {
        Self { argv, environment: Vec::new(), input: None, folder: None, timeout, keep: KEPT_OUTPUT, most: None }
    }
}

/// Says how a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself.
    Exited(i32),
    /// By a signal that was not coalmine's.
    Killed(i32),
    /// It was not done in time, and was killed with all that it had started.
    TimedOut,
    /// It printed more than it may, and was killed with all that it had started.
    TooMuch,
}

impl Ending {
    fn of(status: ExitStatus) -> Self {
        status.code().map_or_else(|| Self::Killed(status.signal().unwrap_or(0)), Self::Exited)
    }
}

/// Holds the end of what a command printed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tail {
    kept: VecDeque<u8>,
    keep: usize,
    /// How much it printed in all.
    pub total: u64,
}

impl Tail {
    fn of(keep: usize) -> Self {
        Self { keep, ..Self::default() }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        self.kept.extend(bytes);
        let excess = self.kept.len().saturating_sub(self.keep);
        self.kept.drain(..excess);
    }

    /// Gives the bytes as they were printed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.kept.iter().copied().collect()
    }

    /// Gives the text, with U+FFFD for what is none: the whole is decoded at once, so no character is cut by a read.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

/// Holds what came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub ending: Ending,
    /// The end of its standard output.
    pub output: Tail,
    /// The end of its standard error.
    pub errors: Tail,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// Gives the last line that is not blank of what it printed, errors first.
    #[must_use]
    pub fn last_line(&self) -> Option<String> {
        [&self.errors, &self.output]
            .into_iter()
            .find_map(|tail| tail.text().lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned))
    }
}

/// Runs a command in a process group of its own and waits for its end.
///
/// Not done in time, the group gets SIGTERM, and SIGKILL a second later. What a command leaves running in its group, with its
/// outputs held open, is killed when the command itself has exited. Dropping the future kills the group at once, and the
/// runtime reaps the command.
///
/// # Errors
///
/// When it cannot be started; a command that fails is no error.
pub async fn run(job: &Job) -> Result<Ran, ProcessError> {
    let (program, arguments) = job.argv.split_first().ok_or(ProcessError::Empty)?;
    if let Some(long) = job.argv.iter().find(|argument| argument.len() > LONGEST_ARGUMENT) {
        return Err(ProcessError::TooLong { program: program.clone(), length: long.len() });
    }
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(job.environment.iter().filter(|(name, value)| name.len() + value.len() < LONGEST_ARGUMENT).cloned())
        .stdin(if job.input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(folder) = job.folder.as_ref().filter(|folder| !folder.as_os_str().is_empty()) {
        command.current_dir(folder);
    }
    let started = Instant::now();
    let mut group =
        Group::spawn(&mut command).map_err(|source| ProcessError::Start { program: program.clone(), source })?;
    let (mut output, mut errors) = (Tail::of(job.keep), Tail::of(job.keep));
    let in_time = tokio::time::timeout(job.timeout, follow(&mut group, job, &mut output, &mut errors)).await;
    let ending = match in_time {
        Ok(Ok(Some(status))) => Ending::of(status),
        Ok(Err(source)) => return Err(ProcessError::Wait { program: program.clone(), source }),
        Ok(Ok(None)) => {
            end(&mut group).await;
            Ending::TooMuch
        }
        Err(_) => {
            end(&mut group).await;
            Ending::TimedOut
        }
    };
    Ok(Ran { ending, output, errors, took: started.elapsed() })
}

/// Feeds a command, takes what it prints, and waits for it; none when it printed more than it may.
async fn follow(group: &mut Group, job: &Job, output: &mut Tail, errors: &mut Tail) -> io::Result<Option<ExitStatus>> {
    let (stdin, stdout, stderr) = group.pipes();
    let feed = async {
        if let (Some(mut stdin), Some(input)) = (stdin, &job.input) {
            // A command need not read what it is given: a broken pipe says nothing about its success.
            drop(stdin.write_all(input).await);
        }
    };
    let pipes = async {
        let (_, output, errors) = tokio::join!(feed, keep(stdout, output, job.most), keep(stderr, errors, job.most));
        output && errors
    };
    tokio::pin!(pipes);
    tokio::select! {
        biased;
        within = &mut pipes => {
            if !within {
                return Ok(None);
            }
            // Both outputs are closed: either it is gone, or it lets go of its outputs and works on.
            return group.wait().await.map(Some);
        }
        status = group.exited() => {
            status?;
        }
    }
    match tokio::time::timeout(LINGER, &mut pipes).await {
        Ok(within) => Ok(Some(group.wait().await?).filter(|_| within)),
        // Somebody still holds an output, so the group is not empty and its number cannot be another's yet.
        Err(_) => group.kill().await.map(Some),
    }
}

/// Takes what a command prints until it closes its output; false once that is more than it may print.
async fn keep(pipe: Option<impl AsyncRead + Unpin>, tail: &mut Tail, most: Option<u64>) -> bool {
    let Some(mut pipe) = pipe else {
        return true;
    };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        tail.push(buffer.get(..count).unwrap_or_default());
        if most.is_some_and(|most| tail.total > most) {
            return false;
        }
    }
    true
}

/// Ends a command that had its time, and all that it started.
async fn end(group: &mut Group) {
    group.signal(Signal::TERM);
    // Its leader stays a zombie until it is waited for, so the group's number is still this group's.
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline && group.is_alive() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    if let Err(error) = group.kill().await {
        tracing::warn!(%error, "a killed command cannot be waited for");
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Ending, Job, KEPT_OUTPUT, ProcessError, run};

    fn sh(script: &str, timeout: Duration) -> Job {
        Job::new(["/bin/sh", "-c", script].map(str::to_owned).to_vec(), timeout)
    }

    const LONG: Duration = Duration::from_secs(60);
    /// How long a shell has to begin on a busy machine before its time is over.
    const ENOUGH_TO_BEGIN: Duration = Duration::from_secs(3);

    /// Waits until a process is gone; a zombie that nobody reaps counts as there.
    async fn is_gone(pid: &str) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if !std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists() {
                return true;
            }
            // A grandchild belongs to init once its parent is dead; in a container init may reap late or never.
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            if status.contains("State:\tZ") {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    #[tokio::test]
    async fn exit_codes_signals_and_both_outputs_are_told_apart() {
        let ran = run(&sh("echo out; echo err >&2; exit 7", LONG)).await.unwrap();
        assert_eq!(
            (ran.ending, ran.output.text(), ran.errors.text()),
            (Ending::Exited(7), "out\n".into(), "err\n".into())
        );
        assert_eq!(ran.last_line().as_deref(), Some("err"));
        assert_eq!(run(&sh("kill -9 $$", LONG)).await.unwrap().ending, Ending::Killed(9));
    }

    #[tokio::test]
    async fn a_command_that_is_not_there_is_named() {
        let error = run(&Job::new(vec!["/no/such/command".to_owned()], LONG)).await.unwrap_err();
        assert!(error.to_string().starts_with("cannot run \"/no/such/command\": "), "{error}");
        assert!(matches!(run(&Job::new(Vec::new(), LONG)).await, Err(ProcessError::Empty)));
    }

    #[tokio::test]
    async fn input_is_given_and_without_one_it_is_empty() {
        let mut job = sh("wc -c", LONG);
        assert_eq!(run(&job).await.unwrap().output.text().trim(), "0");
        job.input = Some(vec![b'x'; 300_000]);
        assert_eq!(run(&job).await.unwrap().output.text().trim(), "300000");
        job.argv = vec!["true".to_owned()];
        assert_eq!(run(&job).await.unwrap().ending, Ending::Exited(0), "input that nobody reads is no failure");
    }

    #[tokio::test]
    async fn of_much_output_the_end_is_kept_byte_for_byte() {
        let ran = run(&sh("head -c 100000000 /dev/zero; printf '\\377\\303\\274end'", LONG)).await.unwrap();
        assert_eq!(ran.output.total, 100_000_006);
        assert_eq!(ran.output.bytes().len(), KEPT_OUTPUT);
        assert!(ran.output.bytes().ends_with(b"\xff\xc3\xbcend"));
        assert!(ran.output.text().ends_with("\u{fffd}üend"));
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_dies_with_all_that_it_started() {
        let started = Instant::now();
        let ran = run(&sh("sleep 300 & echo $!; wait", ENOUGH_TO_BEGIN)).await.unwrap();
        assert_eq!(ran.ending, Ending::TimedOut);
        assert!(started.elapsed() < LONG, "what it started was waited for");
        assert!(is_gone(ran.output.text().trim()).await);
    }

    #[tokio::test]
    async fn a_command_that_ignores_sigterm_is_killed() {
        let script =
            "trap '' TERM; sh -c \"trap '' TERM; while :; do sleep 1; done\" & echo $!; while :; do sleep 1; done";
        let ran = run(&sh(script, ENOUGH_TO_BEGIN)).await.unwrap();
        assert_eq!(ran.ending, Ending::TimedOut);
        assert!(is_gone(ran.output.text().trim()).await);
    }

    #[tokio::test]
    async fn what_a_command_leaves_behind_with_its_output_open_holds_nobody_up() {
        let started = Instant::now();
        let ran = run(&sh("sleep 300 & echo $!", LONG)).await.unwrap();
        assert_eq!(ran.ending, Ending::Exited(0));
        assert!(started.elapsed() < LONG);
        assert!(is_gone(ran.output.text().trim()).await);
    }

    #[tokio::test]
    async fn a_dropped_command_dies_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let job = sh(&format!("sleep 300 & echo $! > '{}'; wait", file.display()), LONG);
        let running = tokio::spawn(async move { run(&job).await });
        let pid = loop {
            match std::fs::read_to_string(&file) {
                Ok(pid) if pid.ends_with('\n') => break pid,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        assert!(is_gone(pid.trim()).await);
    }

    #[tokio::test]
    async fn a_command_that_prints_more_than_it_may_is_ended() {
        let job = Job { most: Some(100_000), keep: 10, ..sh("yes & echo $! >&2; wait", LONG) };
        let started = Instant::now();
        let ran = run(&job).await.unwrap();
        assert_eq!((ran.ending, ran.output.bytes().len()), (Ending::TooMuch, 10));
        assert!(started.elapsed() < LONG);
        assert!(is_gone(ran.errors.text().trim()).await);
    }

    #[tokio::test]
    async fn a_command_runs_where_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let job = Job { folder: Some(folder.clone()), ..sh("pwd -P", LONG) };
        assert_eq!(run(&job).await.unwrap().output.text().trim(), folder.to_str().unwrap());
    }

    #[tokio::test]
    async fn a_command_runs_in_a_group_of_its_own() {
        let ran = run(&sh("test \"$(ps -o pgid= -p $$ | tr -d ' ')\" = $$", LONG)).await.unwrap();
        assert_eq!(ran.ending, Ending::Exited(0));
    }

    #[tokio::test]
    async fn variables_are_set_and_one_that_is_too_long_is_left_out() {
        let mut job = sh("echo ${COALMINE_HOST-none} ${COALMINE_HOSTS-none}", LONG);
        job.environment =
            vec![("COALMINE_HOST".into(), "a;b c".into()), ("COALMINE_HOSTS".into(), "h".repeat(200_000))];
        assert_eq!(run(&job).await.unwrap().output.text(), "a;b c none\n");
        job.argv.push("h".repeat(200_000));
        let error = run(&job).await.unwrap_err().to_string();
        assert!(error.contains("has 200000 bytes") && error.contains("{hosts}"), "{error}");
    }
}
