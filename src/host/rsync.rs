use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::answer::{Tail, last_line};
use super::limits::blame;
use super::pace;
use super::process::{quiet, spawn};
use super::settings::TransferSettings;
use super::transport::{Copied, Copy, contents_of};
use crate::model::{Bytes, Compress, Failure, FailureClass, Progress};
use crate::process::quote_words;

/// How often progress is told at most.
pub(super) const EVERY: Duration = Duration::from_millis(250);
/// How much later than rsync itself we take a transfer for stalled: it knows better why.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// How long is waited for words that are on their way already.
pub(super) const MOMENT: Duration = Duration::from_millis(300);
/// What has to travel before compressing pays.
const WORTH_COMPRESSING: Bytes = Bytes(16 * 1024 * 1024);

/// Says how rsync reaches the other side.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// The remote shell, as `-e` takes it; none copies on this machine.
    shell: Option<String>,
    /// Put before the folder's path.
    prefix: &'static str,
    /// What starts rsync there, quoted for the shell there.
    program: Option<String>,
    compress: bool,
}

impl Reach {
    /// Through the connection that a control socket belongs to, and through no other: where it is dead, `ssh -S` would connect
    /// anew, as whoever the user's configuration says, and `ProxyCommand=false` makes that fail at once.
    pub(super) fn control(socket: &Path, r#become: &[String]) -> Self {
        let socket = socket.to_string_lossy();
        let words = ["ssh", "-F", "none", "-S", &socket, "-o", "BatchMode=yes", "-o", "ProxyCommand=false"];
        Self {
            shell: Some(words.map(quote_for_rsync).join(" ")),
            prefix: "coalmine:",
            program: (!r#become.is_empty()).then(|| quote_words(r#become.iter().map(String::as_str).chain(["rsync"]))),
            compress: true,
        }
    }

    /// On this machine. Becoming another user takes a remote shell that is none: it drops the host's name and runs the rest.
    pub(super) fn local(r#become: &[String]) -> Self {
        let shell = (!r#become.is_empty()).then(|| {
            let words = r#become.iter().map(String::as_str);
            words.chain(["sh", "-c", "shift; exec \"$@\"", "sh"]).map(quote_for_rsync).collect::<Vec<_>>().join(" ")
        });
        let prefix = if shell.is_some() { "localhost:" } else { "" };
        Self { shell, prefix, program: None, compress: false }
    }
}

/// Quotes a word for rsync's own splitting of `-e`: quotes of either kind, doubled where they are meant (rsync(1)).
fn quote_for_rsync(word: &str) -> String {
    if word.contains([' ', '"', '\'']) || word.is_empty() {
        format!("'{}'", word.replace('\'', "''"))
    } else {
        word.to_owned()
    }
}

/// Tells why rsync did not do its work, and whether it may if it is run again.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) failure: Failure,
    /// The link was lost.
    pub(super) again: bool,
}

/// Gives rsync's arguments.
///
/// - The list is exact, so there is neither recursion nor deletion: folders are entries of it.
/// - `--ignore-times` because equal size and time prove nothing: twelve wrong files went unnoticed so. What is listed differs, or is
///   not there; what differs serves as the basis of a delta.
/// - Files become read-only: their inodes are shared with other releases.
/// - Neither `--inplace` nor `--append`: both would write into the old release. A pack is a file that no release shares, so what of it
///   came before the link was lost stays, and serves as its own basis; it is compressed already.
fn arguments(reach: &Reach, copy: &Copy, settings: &TransferSettings) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = [
        "--files-from=-",
        "--from0",
        "--links",
        "--perms",
        "--times",
        "--omit-dir-times",
        "--ignore-times",
        "--no-inc-recursive",
        "--no-human-readable",
        "--info=progress2,stats2",
        // Arguments go over the wire and not through a shell there.
        "-s",
    ]
    .map(OsString::from)
    .to_vec();
    if copy.pack {
        arguments.extend(["--inplace", "--chmod=F600"].map(OsString::from));
    } else {
        arguments.push("--chmod=D755,Fugo-w,Fa+rX".into());
    }
    arguments.push(format!("--timeout={}", settings.stall.as_secs().max(1)).into());
    let limit = pace::in_kib(settings.bandwidth);
    if !limit.is_empty() {
        arguments.push(format!("--bwlimit={limit}").into());
    }
    if reach.compress && !copy.pack {
        match settings.compress {
            Compress::Auto if copy.zstd && copy.total >= WORTH_COMPRESSING => {
                arguments.extend(["--compress-choice=zstd", "--compress-level=1"].map(OsString::from));
            }
            Compress::Always => arguments.push("--compress".into()),
            Compress::Auto | Compress::Never => {}
        }
    }
    if let Some(shell) = &reach.shell {
        arguments.extend(["-e".into(), shell.into()]);
    }
    if let Some(program) = &reach.program {
        arguments.push(format!("--rsync-path={program}").into());
    }
    let mut target = OsString::from(reach.prefix);
    target.push(contents_of(&copy.target));
    arguments.extend(["--".into(), contents_of(&copy.source), target]);
    arguments
}

/// Runs rsync once.
///
/// Dropping the future ends rsync and its remote shell; the rsync on the host ends when the link does.
pub(super) async fn run(
    reach: &Reach,
    copy: &Copy,
    settings: &TransferSettings,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Copied, Broken> {
    let mut command = quiet("rsync");
    command.args(arguments(reach, copy, settings));
    // Options and filters of whoever runs this are not for here.
    command.env_remove("RSYNC_RSH").env_remove("RSYNC_PARTIAL_DIR").env_remove("RSYNC_OLD_ARGS");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let not_started = |error: &std::io::Error| Broken {
        failure: blame(
            Failure::new(FailureClass::Transfer, format!("cannot start rsync on this machine: {error}"))
                .hint("install rsync here"),
            error,
        ),
        again: false,
    };
    let mut group = spawn(&mut command).await.map_err(|error| not_started(&error))?;
    let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) = group.pipes() else {
        return Err(not_started(&std::io::Error::other("no pipes")));
    };
    let deadline = pace::to_send(copy.total, settings.bandwidth, settings.stall, settings.deadline);
    let mut meter = Meter::new(copy.total);
    let mut complaints = Tail::default();
    let end = {
        let write = async {
            if let Err(error) = stdin.write_all(&copy.list).await {
                tracing::debug!(%error, "rsync did not take the whole list");
            }
            drop(stdin);
        };
        let complain = async {
            let mut buffer = vec![0; 4 * 1024];
            while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
                complaints.push(buffer.get(..length).unwrap_or_default());
            }
        };
        let read = async {
            let mut buffer = vec![0; 16 * 1024];
            // rsync's own `--timeout` counts the keepalives that it sends, which vanish in the link's buffers: a receiver that
            // hangs is seen here alone. Whenever a byte was sent, rsync says so.
            loop {
                match tokio::time::timeout(settings.stall + GRACE, stdout.read(&mut buffer)).await {
                    Err(_) => return Err(()),
                    Ok(Ok(length @ 1..)) => meter.push(buffer.get(..length).unwrap_or_default(), progress),
                    Ok(_) => return Ok(()),
                }
            }
        };
        let work = async {
            tokio::pin!(complain);
            let mut complained = false;
            let both = async { tokio::join!(read, write).0 };
            tokio::pin!(both);
            let read = loop {
                tokio::select! {
                    read = &mut both => break read,
                    () = &mut complain, if !complained => complained = true,
                }
            };
            // The connection's process holds on to standard error for as long as the host holds on to its channel.
            if !complained && tokio::time::timeout(MOMENT, complain).await.is_err() {
                tracing::debug!("standard error stays open");
            }
            read
        };
        tokio::time::timeout(deadline, work).await
    };
    let hangs = |seconds: u64, what: &str| Broken {
        failure: Failure::new(FailureClass::Transfer, format!("{what} {seconds} s"))
            .hint("a slow link needs transfer.stall and transfer.bandwidth to fit it"),
        again: false,
    };
    match end {
        Err(_) => return Err(hangs(deadline.as_secs(), "the transfer took longer than")),
        Ok(Err(())) => return Err(Broken { failure: stalled(settings), again: true }),
        Ok(Ok(())) => {}
    }
    // Its output has ended.
    let status = match tokio::time::timeout(Duration::from_secs(10), group.wait()).await {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => return Err(not_started(&error)),
        Err(_) => return Err(hangs(10, "rsync did not end for")),
    };
    if status.success() {
        meter.finish(progress);
        Ok(Copied { bytes: meter.sent, files: meter.files, retries: 0 })
    } else {
        Err(broken(status, &complaints.text(), settings))
    }
}

/// Sorts rsync's exit codes by what can be done (rsync(1), and as observed with 3.5.0).
fn broken(status: ExitStatus, said: &str, settings: &TransferSettings) -> Broken {
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let transfer = |message: String| Failure::new(FailureClass::Transfer, message);
    let detail = || {
        // rsync's own last line names a line of its source; what happened stands before it.
        let line = said.lines().rev().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("rsync error:"));
        line.unwrap_or_else(|| last_line(said)).to_owned()
    };
    if let Some(why) = unread(said) {
        let failure = transfer(format!("this machine cannot read the release in its store: {why}"));
        let failure = failure.hint("it was removed or changed while it was sent: build it again");
        return Broken { failure: failure.output(said), again: false };
    }
    let (failure, again) = match status.code() {
        _ if is_full(said) => (no_space(), false),
        _ if says(&["Read-only file system"]) => (transfer("the host's file system is read-only".into()), false),
        Some(126 | 127) => (no_rsync(), false),
        _ if says(&["rsync: command not found", "rsync: not found", "rsync: No such file or directory"]) => {
            (no_rsync(), false)
        }
        _ if says(&["is your shell clean"]) => {
            let hint = "its login shell prints something before any command: silence ~/.bashrc there for shells without a terminal";
            (transfer("the host's shell talks into the transfer".into()).hint(hint), false)
        }
        Some(10 | 12 | 255) | None => (lost(), true),
        Some(30 | 35) => (stalled(settings), true),
        Some(24) => {
            (transfer("the release changed in the store while it was sent".into()).hint("build it again"), false)
        }
        Some(23) => (transfer(format!("not every file could be written: {}", detail())), false),
        Some(3) => (transfer(format!("rsync refused a path: {}", detail())), false),
        Some(11) => (transfer(format!("cannot write on the host: {}", detail())), false),
        // A shell's word for a command that was killed.
        Some(code @ 129..=159) => {
            let hint = "something there ended it; `dmesg` says whether the memory ran out";
            (transfer(format!("rsync on the host was killed by signal {}", code - 128)).hint(hint), true)
        }
        Some(code) => (transfer(format!("rsync failed with exit code {code}: {}", detail())), false),
    };
    Broken { failure: failure.output(said), again }
}

/// Gives why the sender could not read what it sends, and no host is to blame: rsync says from 3.2.0 on which side complains.
fn unread(said: &str) -> Option<&str> {
    let line = said.lines().map(str::trim).find(|line| {
        line.starts_with("rsync: [sender] ")
            && [
                "change_dir",
                "link_stat",
                "readlink_stat",
                "opendir",
                "send_files failed to open",
                "read errors mapping",
            ]
            .iter()
            .any(|call| line.contains(call))
    })?;
    line.rsplit_once("\": ").or_else(|| line.rsplit_once(" failed: ")).map(|(_, why)| why)
}

/// Tells whether complaints are of a disk that is full.
pub(super) fn is_full(said: &str) -> bool {
    ["No space left on device", "Disk quota exceeded"].iter().any(|words| said.contains(words))
}

pub(super) fn no_space() -> Failure {
    Failure::new(FailureClass::Transfer, "no space left on the host").hint("free some, or lower target.keep")
}

pub(super) fn lost() -> Failure {
    Failure::new(FailureClass::Transfer, "the link was lost during the transfer")
        .hint("the network, or sshd there, gave way")
}

pub(super) fn stalled(settings: &TransferSettings) -> Failure {
    Failure::new(FailureClass::Transfer, format!("no byte for {} s", settings.stall.as_secs_f64()))
        .hint("the link or the host's disk hangs; transfer.stall says how long is waited")
}

fn no_rsync() -> Failure {
    Failure::new(FailureClass::Transfer, "rsync is not installed on the host")
        .hint("apt-get install rsync, or its like")
}

/// Reads rsync's progress and statistics.
#[derive(Debug)]
pub(super) struct Meter {
    line: Vec<u8>,
    progress: Progress,
    told: Option<Instant>,
    counted: (Instant, u64),
    sent: Bytes,
    files: usize,
}

impl Meter {
    pub(super) fn new(total: Bytes) -> Self {
        Self {
            line: Vec::new(),
            progress: Progress { total, ..Progress::default() },
            told: None,
            counted: (Instant::now(), 0),
            sent: Bytes(0),
            files: 0,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], report: &(dyn Fn(Progress) + Send + Sync)) {
        for &byte in bytes {
            if matches!(byte, b'\r' | b'\n') {
                let line = std::mem::take(&mut self.line);
                self.read_line(&String::from_utf8_lossy(&line));
            } else if self.line.len() < 4096 {
                self.line.push(byte);
            }
        }
        // What it prints last has no end until the next.
        let line = String::from_utf8_lossy(&self.line).into_owned();
        if line.contains('%') {
            self.read_line(&line);
        }
        if self.told.is_none_or(|told| told.elapsed() >= EVERY) {
            self.report(report);
        }
    }

    /// Takes it that so many bytes are on their way.
    pub(super) fn reached(&mut self, bytes: u64, report: &(dyn Fn(Progress) + Send + Sync)) {
        self.progress.bytes = Bytes(bytes.max(self.progress.bytes.0).min(self.progress.total.0));
        self.report(report);
    }

    /// Reads `        2100000  49%    1.06MB/s    0:00:01 (xfr#2, to-chk=4/7)` or `Total bytes sent: 1,234`.
    fn read_line(&mut self, line: &str) {
        let number = |text: &str| text.replace(',', "").parse::<u64>().ok();
        if let Some((name, value)) = line.split_once(": ") {
            let first = value.split_whitespace().next().unwrap_or_default();
            match name.trim() {
                "Total bytes sent" => self.sent = number(first).map_or(self.sent, Bytes),
                "Number of regular files transferred" => {
                    self.files = number(first).and_then(|n| usize::try_from(n).ok()).unwrap_or(self.files);
                }
                _ => {}
            }
            return;
        }
        let mut words = line.split_whitespace();
        if let (Some(bytes), Some(percent)) = (words.next(), words.next())
            && percent.ends_with('%')
            && let Some(bytes) = number(bytes)
        {
            // Never back, and never beyond what was said to come.
            let bytes = bytes.max(self.progress.bytes.0).min(self.progress.total.0);
            self.progress.bytes = Bytes(bytes);
        }
    }

    fn report(&mut self, report: &(dyn Fn(Progress) + Send + Sync)) {
        let now = Instant::now();
        let (at, bytes) = self.counted;
        let elapsed = now.duration_since(at);
        if elapsed >= EVERY {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a rate is shown with three digits"
            )]
            let rate = {
                let recent = self.progress.bytes.0.saturating_sub(bytes) as f64 / elapsed.as_secs_f64();
                let before = self.progress.rate.0 as f64;
                // A third of what is new, so that one burst does not make the time left jump.
                (if self.told.is_none() { recent } else { before + (recent - before) / 3.0 }) as u64
            };
            self.progress.rate = Bytes(rate);
            self.counted = (now, self.progress.bytes.0);
        }
        self.told = Some(now);
        report(self.progress);
    }

    pub(super) fn finish(&mut self, report: &(dyn Fn(Progress) + Send + Sync)) {
        self.progress.bytes = self.progress.total;
        self.report(report);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use std::sync::Mutex;

    use super::{Meter, broken, quote_for_rsync};
    use crate::host::TransferSettings;
    use crate::model::{Bytes, Progress};

    #[test]
    fn progress_is_read_through_any_cut_and_through_bytes_that_are_no_text() {
        let output = b"\xff\xfe noise\r        2100000  49%    1.06MB/s    0:00:01 (xfr#2, to-chk=4/7)\r    3000000  70%  \
            1.06MB/s 0:00:01  \r\n\nNumber of files: 9 (reg: 7, dir: 2)\nNumber of regular files transferred: 97\nTotal bytes sent: 1,234,567\n";
        for at in 0..output.len() {
            let told = Mutex::new(Vec::new());
            let report = |progress: Progress| told.lock().unwrap().push(progress.bytes);
            let mut meter = Meter::new(Bytes(4_000_000));
            meter.push(&output[..at], &report);
            meter.push(&output[at..], &report);
            assert_eq!(meter.progress.bytes, Bytes(3_000_000), "cut at {at}");
            assert_eq!((meter.sent, meter.files), (Bytes(1_234_567), 97));
            assert!(told.lock().unwrap().is_sorted());
        }
    }

    #[test]
    fn progress_is_told_at_most_four_times_a_second() {
        let told = Mutex::new(0);
        let mut meter = Meter::new(Bytes(1000));
        for i in 0..1000 {
            meter.push(format!("  {i}  1%  1B/s 0:00:01\r").as_bytes(), &|_| *told.lock().unwrap() += 1);
        }
        assert_eq!(told.into_inner().unwrap(), 1);
    }

    #[test]
    fn only_a_lost_link_and_a_stall_are_worth_another_attempt() {
        let settings = TransferSettings::default();
        for (code, said, again, message) in [
            (12, "connection unexpectedly closed", true, "the link was lost"),
            (255, "", true, "the link was lost"),
            (10, "", true, "the link was lost"),
            (30, "io timeout", true, "no byte for 60 s"),
            (11, "write failed on \"x\": No space left on device (28)", false, "no space left"),
            (23, "rsync: [receiver] mkstemp \"/x\" failed: Permission denied (13)", false, "Permission denied"),
            (127, "bash: line 1: rsync: command not found", false, "rsync is not installed"),
            (2, "protocol version mismatch -- is your shell clean?", false, "talks into the transfer"),
            (24, "file has vanished", false, "changed in the store"),
            (
                3,
                "rsync: [sender] change_dir \"/s/tree/\" failed: No such file or directory (2)\nrsync error: errors selecting \
                 input/output files, dirs (code 3)\nrsync: connection unexpectedly closed (0 bytes received so far) [Receiver]",
                false,
                "this machine cannot read the release in its store: No such file or directory (2)",
            ),
            (
                23,
                "rsync: [sender] send_files failed to open \"/s/tree/a: b\": Permission denied (13)",
                false,
                "this machine cannot read the release in its store: Permission denied (13)",
            ),
            (1, "syntax", false, "exit code 1"),
        ] {
            let broken = broken(ExitStatus::from_raw(code << 8), said, &settings);
            assert_eq!(broken.again, again, "{code}");
            assert!(broken.failure.message.contains(message), "{code}: {}", broken.failure.message);
        }
    }

    #[test]
    fn words_survive_the_splitting_of_the_remote_shell() {
        assert_eq!(quote_for_rsync("-S"), "-S");
        assert_eq!(quote_for_rsync("a b"), "'a b'");
        assert_eq!(quote_for_rsync("it's"), "'it''s'");
    }
}
