//! Sends one file over a connection, straight from the disk: ssh's own process reads it, so that nothing here has a byte of it in its hands.
//!
//! Of 25 MB that takes 35 ms of the deploy server's processor time, where rsync, what it is started with, and ssh behind them take 85.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use openssh::Stdio;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, interval, timeout};

use super::master::no_ssh;
use crate::host::answer::{Tail, last_line};
use crate::host::limits::{Shortage, blame, exhaustion};
use crate::host::pace;
use crate::host::rsync::{Broken, EVERY, GRACE, MOMENT, Meter, is_full, lost, no_space, stalled};
use crate::host::settings::TransferSettings;
use crate::host::transport::{Copied, Copy};
use crate::model::{Bytes, Failure, FailureClass, Progress};
use crate::process::quote_words;

/// Says how much of a file is there: `sh -c SIZE sh FOLDER FILE`. What is no file of ours is nothing.
const SIZE: &str = r#"cd -P "$1" && if [ -h "$2" ]; then exit 0; fi && if [ -f "$2" ]; then wc -c <"$2"; fi"#;
/// Writes what comes to the end of a file, or into a new one: `sh -c WRITE sh FOLDER FILE OFFSET`. What stands in the way of a new one goes, and
/// no link is followed. Any login shell takes it: it has neither a line feed nor a sign that one of them gives a meaning in quotes.
const WRITE: &str = r#"LC_ALL=C; export LC_ALL; umask 077; cd -P "$1" || exit 1; if [ "$3" = 0 ]; then if [ -e "$2" ] || [ -h "$2" ]; then rm -f "$2" || exit 1; fi; set -C; exec cat >"$2"; fi; if [ -h "$2" ]; then exit 1; fi; exec cat >>"$2""#;
/// What may be on its way when the last byte was read: OpenSSH's window of a channel.
const WINDOW: Bytes = Bytes(2 * 1024 * 1024);

/// Sends a pack; where a part of it `may_be_there`, what is behind that. `before` is how much was there at the first attempt.
///
/// Dropping the future leaves what runs there to end with its connection.
pub(super) async fn run(
    session: &Arc<openssh::Session>,
    r#become: &[String],
    copy: &Copy,
    may_be_there: bool,
    before: &mut Option<Bytes>,
    settings: &TransferSettings,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Copied, Broken> {
    let name = String::from_utf8_lossy(copy.list.strip_suffix(b"\0").unwrap_or(&copy.list)).into_owned();
    let target = copy.target.to_string_lossy().into_owned();
    let command = |script: &str, more: &[&str]| {
        let words = r#become.iter().map(String::as_str).chain(["sh", "-c", script, "sh", &target, &name]);
        quote_words(words.chain(more.iter().copied()))
    };
    let offset = if may_be_there { there(session, &command(SIZE, &[]), copy.total, settings).await? } else { 0 };
    before.get_or_insert(Bytes(offset));
    let (file, watched) = open(&copy.source.join(&name), offset).map_err(|error| unreadable(&error))?;
    let mut child = start(session, &command(WRITE, &[&offset.to_string()]), Some(file)).await?;
    let mut stderr = child.stderr().take();
    let mut complaints = Tail::default();
    let complain = async {
        let mut buffer = vec![0; 4 * 1024];
        while let Some(stderr) = &mut stderr
            && let Ok(length @ 1..) = stderr.read(&mut buffer).await
        {
            complaints.push(buffer.get(..length).unwrap_or_default());
        }
    };
    let mut meter = Meter::new(copy.total);
    let watch = watch(watched, copy.total, settings, |bytes| meter.reached(bytes, progress));
    // Whoever asks for the exit code lets go of the channel with the answer, and what is still to come on it is lost: so what is
    // complained of is heard to its end before.
    let given_up = tokio::select! {
        biased;
        () = complain => None,
        failure = watch => Some(failure),
    };
    let ended = match given_up {
        None => timeout(GRACE, child.wait()).await.map_err(|_| Broken { failure: lost(), again: true }),
        // What was left running there may hold on to standard error.
        Some(failure) => timeout(MOMENT, child.wait()).await.map_err(|_| failure),
    };
    let status = ended?;
    match status.map_err(|error| error.to_string()) {
        Ok(status) if status.success() => {
            meter.finish(progress);
            Ok(Copied { bytes: Bytes(copy.total.0.saturating_sub(offset)), files: 1, retries: 0 })
        }
        Ok(status) => Err(not_written(status, &complaints.text())),
        Err(error) => Err(Broken { failure: lost().output(&error), again: true }),
    }
}

/// Opens the file from where it is to be sent, twice: as it is read for the one, the other tells how far that is.
fn open(path: &Path, offset: u64) -> std::io::Result<(File, File)> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let watched = file.try_clone()?;
    Ok((file, watched))
}

fn unreadable(error: &std::io::Error) -> Broken {
    let failure = Failure::new(FailureClass::Transfer, format!("the pack cannot be read here: {error}"));
    Broken { failure: blame(failure, error).here(), again: false }
}

/// Starts a command on the host whose standard input is a file.
async fn start(
    session: &Arc<openssh::Session>,
    command: &str,
    file: Option<File>,
) -> Result<openssh::Child<Arc<openssh::Session>>, Broken> {
    let mut shortage = Shortage::new();
    loop {
        let mut started = Arc::clone(session).arc_raw_command(command);
        let stdin = match file.as_ref().map(File::try_clone) {
            Some(Ok(file)) => Stdio::from(file),
            Some(Err(error)) => return Err(unreadable(&error)),
            None => Stdio::null(),
        };
        let stdout = if file.is_some() { Stdio::null() } else { Stdio::piped() };
        started.stdin(stdin).stdout(stdout).stderr(Stdio::piped());
        return match timeout(STARTING, started.spawn()).await {
            Err(_) => Err(Broken { failure: lost(), again: true }),
            Ok(Ok(child)) => Ok(child),
            Ok(Err(error)) => match exhaustion(&error) {
                Some(lack) if shortage.wait(&lack.to_string()).await => continue,
                Some(lack) => Err(Broken { failure: no_ssh(lack), again: false }),
                None => Err(Broken { failure: lost().output(error.to_string()), again: true }),
            },
        };
    }
}

/// How long a host may take to open a channel, behind what else is on its link.
const STARTING: Duration = Duration::from_secs(60);

/// Asks how much of a file is there; what is longer than it is to be is begun anew.
async fn there(
    session: &Arc<openssh::Session>,
    command: &str,
    total: Bytes,
    settings: &TransferSettings,
) -> Result<u64, Broken> {
    let child = start(session, command, None).await?;
    match timeout(settings.stall + GRACE, child.wait_with_output()).await {
        Err(_) => Err(Broken { failure: stalled(settings), again: true }),
        Ok(Err(error)) => Err(Broken { failure: lost().output(error.to_string()), again: true }),
        Ok(Ok(output)) => {
            let size = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_default();
            Ok(if size > total.0 { 0 } else { size })
        }
    }
}

/// Tells how far the file was read, and gives why no more is waited for.
async fn watch(mut file: File, total: Bytes, settings: &TransferSettings, mut tell: impl FnMut(u64)) -> Broken {
    let deadline = pace::to_send(total, settings.bandwidth, settings.stall, settings.deadline);
    let rest = pace::to_send(WINDOW, settings.bandwidth, settings.stall, settings.deadline);
    let (begun, mut moved, mut before) = (Instant::now(), Instant::now(), None);
    let mut ticks = interval(EVERY);
    loop {
        ticks.tick().await;
        let now = file.stream_position().unwrap_or_default();
        if before.replace(now) != Some(now) {
            moved = Instant::now();
            tell(now);
        }
        // What was read is not yet there, and nothing tells how much of it is.
        let most = if now < total.0 { settings.stall + GRACE } else { rest };
        if moved.elapsed() >= most {
            return Broken { failure: stalled(settings), again: true };
        }
        if begun.elapsed() >= deadline {
            let message = format!("the transfer took longer than {} s", deadline.as_secs());
            let failure = Failure::new(FailureClass::Transfer, message)
                .hint("a slow link needs transfer.stall and transfer.bandwidth to fit it");
            return Broken { failure, again: false };
        }
    }
}

/// Says why the host did not write all of it.
fn not_written(status: ExitStatus, said: &str) -> Broken {
    let transfer = |message: String| Failure::new(FailureClass::Transfer, message);
    let (failure, again) = match status.code() {
        Some(255) | None => (lost(), true),
        // A shell's word for a command that was killed.
        Some(code @ 129..=159) => {
            (transfer(format!("what writes the pack on the host was killed by signal {}", code - 128)), true)
        }
        _ if is_full(said) => (no_space(), false),
        Some(code) => {
            let line = last_line(said);
            let why = if line.is_empty() { format!("exit code {code}") } else { line.to_owned() };
            (transfer(format!("cannot write the pack on the host: {why}")), false)
        }
    };
    Broken { failure: failure.output(said), again }
}
