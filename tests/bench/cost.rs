//! Measures what a command costs the deploy server, and what it costs the hosts.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{WaitOptions, getpid, set_child_subreaper, wait};
use tempfile::TempDir;

/// What this program is started with to watch over a command.
const OBSERVE: &str = "observe";

/// How long processes that a command left in the background may live on.
const FAREWELL: Duration = Duration::from_secs(10);

/// Does what this program was started for, where that is no bench: watches over a command, or says nothing to a test runner that
/// asks what is in here, which is right: nothing is. Tells whether a bench is to be run.
pub(crate) fn is_bench() -> Result<bool> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == OBSERVE) {
        observe(arguments)?;
        return Ok(false);
    }
    Ok(std::env::args_os().any(|argument| argument == "--bench"))
}

/// Makes a folder for a bench, in memory where there is some: what is measured is no disk.
pub(crate) fn folder(parent: Option<&Path>) -> Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let usual = || if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let parent = parent.map_or_else(usual, Path::to_owned);
    Ok(tempfile::Builder::new().prefix("coalmine-bench-").tempdir_in(parent)?)
}

/// Holds what one upgrade of all hosts took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Of the deploy server: the command and all its descendants.
    pub(crate) client: Duration,
    /// Of all hosts together.
    pub(crate) hosts: Duration,
    /// How many connections the hosts accepted.
    pub(crate) connections: usize,
}

/// Runs a command to its end; gives its wall time and the processor time of it and its descendants.
///
/// A process of its own adopts what the command leaves in the background, as ssh does with a shared connection, and so is told
/// the time of that too when it ends (prctl(2), `PR_SET_CHILD_SUBREAPER`).
pub(crate) fn measure(command: &[OsString], log: &Path) -> Result<(Duration, Duration)> {
    let result = log.with_extension("cost");
    let own = std::env::current_exe()?;
    let status = Command::new(own).arg(OBSERVE).arg(&result).arg(log).args(command).stdin(Stdio::null()).status()?;
    let said = || fs::read_to_string(log).unwrap_or_default();
    ensure!(status.success(), "{command:?} failed:\n{}", said());
    let text = fs::read_to_string(&result)?;
    let mut numbers = text.split_whitespace().map(|word| word.parse::<u64>().map(Duration::from_micros));
    match (numbers.next(), numbers.next()) {
        (Some(wall), Some(client)) => Ok((wall?, client?)),
        _ => bail!("{} has no two numbers", result.display()),
    }
}

/// Lets this process have whatever its descendants leave behind: sshd does not wait for the shells of a connection that ends, and what those
/// took is told to whoever does.
pub(crate) fn adopt() -> Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Waits for all that was left behind and has ended.
pub(crate) fn bury() -> Result<()> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Gives the processor time of all that this process has waited for.
pub(crate) fn buried() -> Result<Duration> {
    times("self", [15, 16])
}

/// Watches over a command: `observe RESULT LOG COMMAND…`.
fn observe(mut arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let mut next = || arguments.next().context("observe RESULT LOG COMMAND…");
    let (result, log, program) = (next()?, next()?, next()?);
    let log = File::create(log)?;
    set_child_subreaper(Some(getpid()))?;
    let begun = Instant::now();
    let child = Command::new(program).args(arguments).stdout(log.try_clone()?).stderr(log).spawn()?;
    let pid = i32::try_from(child.id())?;
    let mut wall = None;
    let mut succeeded = false;
    loop {
        let patient = if wall.is_some() { WaitOptions::NOHANG } else { WaitOptions::empty() };
        match wait(patient) {
            Ok(Some((ended, status))) if ended.as_raw_nonzero().get() == pid => {
                wall = Some(begun.elapsed());
                succeeded = status.exit_status() == Some(0);
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                ensure!(begun.elapsed() < wall.unwrap_or_default() + FAREWELL, "it left processes behind");
                std::thread::sleep(Duration::from_millis(10));
            }
            // Nobody is left.
            Err(rustix::io::Errno::CHILD) => break,
            Err(error) => return Err(error.into()),
        }
    }
    ensure!(succeeded, "it failed");
    let spent = times("self", [15, 16])?;
    let mut result = File::create(result)?;
    writeln!(result, "{} {}", wall.unwrap_or_default().as_micros(), spent.as_micros())?;
    Ok(())
}

/// Gives the processor time of a process, of its descendants, and of all that any of them has waited for.
pub(crate) fn spent(pid: u32) -> Result<Duration> {
    Ok(own(pid) + below(pid, None)?)
}

/// Gives the processor time of what lives below this process, but for one of its children and what is below that.
pub(crate) fn beside(but: u32) -> Result<Duration> {
    below(std::process::id(), Some(but))
}

/// Gives what a process took, and those that it has waited for; one that is gone has told whoever waited for it.
fn own(pid: u32) -> Duration {
    times(&pid.to_string(), [13, 14, 15, 16]).unwrap_or_default()
}

fn below(root: u32, but: Option<u32>) -> Result<Duration> {
    let mut parents: Vec<(u32, u32)> = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(1)?.parse().ok());
        parents.extend(parent.map(|parent| (pid, parent)));
    }
    let mut found = vec![root];
    let mut total = Duration::ZERO;
    while let Some(parent) = found.pop() {
        let children = parents.iter().filter(|(pid, of)| *of == parent && Some(*pid) != but);
        for (pid, _) in children {
            total += own(*pid);
            found.push(*pid);
        }
    }
    Ok(total)
}

/// Adds fields of /proc/PID/stat (proc(5)), counted from 0, that are times in ticks.
fn times<const COUNT: usize>(pid: &str, fields: [usize; COUNT]) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold anything, but is followed by the last closing parenthesis.
    let (_, after_name) = stat.rsplit_once(") ").context("/proc/PID/stat has no name")?;
    let words: Vec<&str> = after_name.split_whitespace().collect();
    let mut ticks = 0;
    for field in fields {
        ticks += words.get(field - 2).context("/proc/PID/stat is short")?.parse::<u64>()?;
    }
    Ok(Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second()))
}
