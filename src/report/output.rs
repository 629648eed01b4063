//! The writer: a thread of its own between the engine and a standard output that may be slow, stalled or gone.
//!
//! [`Reporter::record`] never waits for it. What it leaves is bounded: of progress, the last of each host; of events, a queue of
//! [`QUEUE`] records. When that is full, because nobody reads, further events are not queued but counted as missing, and as soon as
//! somebody reads again they are taken from the journal, which has them all and has them first. So a stalled pipe costs a rollout
//! nothing, and whoever reads it in the end reads every event, once and in order. Progress is what gets lost.
//!
//! When standard output is gone for good (EPIPE), the writer goes on emptying the queue and writes nothing.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::narrate::{Narrator, Style};
use super::progress::Progress;
use super::screen::Screen;
use super::summary::summary_text;
use crate::model::HostId;
use crate::rollout::{Event, Record, State};
use crate::words::{Glyph, soak_left};

/// How many records wait for the writer at most.
const QUEUE: usize = 4096;

/// How often a terminal's region is drawn at most.
const FRAME: Duration = Duration::from_millis(100);

/// How often a region is drawn while nothing comes: its clocks go on.
const IDLE_FRAME: Duration = Duration::from_secs(1);

/// How often progress is told where nothing can be redrawn.
const PLAIN_PROGRESS: Duration = Duration::from_secs(5);

/// How often a soak is told where nothing can be redrawn.
pub(super) const PLAIN_SOAK: Duration = Duration::from_secs(60);

/// After how long without a record the changes of hosts that were held are told.
const SETTLE: Duration = Duration::from_millis(200);

/// Says what is written.
#[derive(Debug, Clone)]
pub enum Format {
    /// Lines for people, with progress, failures and a summary.
    Text(Style),
    /// Every record as a line of JSON, live progress too.
    Jsonl,
}

/// Gives the columns and rows of a terminal; none when it is gone.
pub type Size = Box<dyn Fn() -> Option<(usize, usize)> + Send>;

/// Gives the journal's records after one with a number.
pub type CatchUp = Box<dyn FnMut(u64) -> Result<Vec<Record>, String> + Send>;

/// Says where it is written.
pub struct Target {
    /// What takes the bytes.
    pub writer: Box<dyn Write + Send>,
    /// How large the terminal is; none where it is no terminal and nothing can be redrawn.
    pub size: Option<Size>,
    /// How often a soak is told where nothing can be redrawn: a minute.
    pub soak_every: Duration,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("is_terminal", &self.size.is_some()).finish_non_exhaustive()
    }
}

impl Target {
    /// Gives standard output; `redraw` is whether its last lines may be drawn anew: not under `TERM=dumb`, nor for JSON.
    ///
    /// Logs must not go to the same terminal meanwhile: they would be drawn over. It is the bare file, without the buffer and
    /// the lock of [`io::stdout`], so that a reader that stalls stalls nobody who prints by that.
    ///
    /// # Errors
    ///
    /// When there is no standard output.
    pub fn stdout(redraw: bool) -> io::Result<Self> {
        let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let is_terminal = stdout.is_terminal();
        let size: Size = Box::new(|| {
            let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
            // A terminal that does not know its size says 0.
            let or = |cells: u16, usual| if cells == 0 { usual } else { usize::from(cells) };
            Some((or(size.ws_col, 80), or(size.ws_row, 24)))
        });
        Ok(Self { writer: Box::new(stdout), size: (redraw && is_terminal).then_some(size), soak_every: PLAIN_SOAK })
    }
}

/// Says how the writing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// All of it was written.
    All,
    /// Nobody reads any more.
    Closed,
    /// Somebody may still read, but did not in time; the thread is left to itself.
    Stalled,
}

#[derive(Debug, Default)]
struct Shared {
    queue: VecDeque<Arc<Record>>,
    missing: bool,
    /// The last progress of each host, and under no host's name who is waited for: neither takes the other's place.
    live: HashMap<Option<HostId>, Arc<Record>>,
    ended: bool,
}

#[derive(Debug, Default)]
struct Mailbox {
    shared: Mutex<Shared>,
    changed: Condvar,
}

impl Mailbox {
    /// The lock is only ever held for moving pointers; a thread that panicked in it left nothing half-done.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the world what a headless rollout does, without ever holding it up.
#[derive(Debug)]
pub struct Reporter {
    mailbox: Arc<Mailbox>,
    ended: Receiver<Written>,
}

impl Reporter {
    /// Starts the writer. What is in `told` is known and not told again: the journal's records so far, when a rollout is resumed.
    /// `catch_up` reads the journal, and is called by the writer's thread only.
    ///
    /// # Errors
    ///
    /// When the system has no thread to give.
    pub fn start(format: Format, target: Target, told: &[Record], catch_up: CatchUp) -> io::Result<Self> {
        let mailbox = Arc::new(Mailbox::default());
        let (tx, ended) = sync_channel(1);
        let theirs = Arc::clone(&mailbox);
        let mut writer = Writer::new(format, target, catch_up);
        writer.skip(told);
        thread::Builder::new().name("report".to_owned()).spawn(move || {
            let written = writer.run(&theirs);
            if tx.send(written).is_err() {
                tracing::debug!("nobody waits for the end of the output any more");
            }
        })?;
        Ok(Self { mailbox, ended })
    }

    /// Hands over a record that is in the journal, or live progress; never waits for the writer.
    pub fn record(&self, record: Arc<Record>) {
        let mut shared = self.mailbox.lock();
        if let Event::HostProgress { host, .. } = &record.event {
            let host = host.clone();
            shared.live.insert(Some(host), record);
        } else if matches!(record.event, Event::HostsAwaited { .. }) {
            // The last word is what counts, as of progress.
            shared.live.insert(None, record);
        } else if shared.missing || shared.queue.len() >= QUEUE {
            shared.missing = true;
        } else {
            shared.queue.push_back(record);
        }
        drop(shared);
        self.mailbox.changed.notify_one();
    }

    /// Writes what is left and the summary, and waits for that, but not longer than it may.
    #[must_use]
    pub fn finish(self, patience: Duration) -> Written {
        self.mailbox.lock().ended = true;
        self.mailbox.changed.notify_one();
        match self.ended.recv_timeout(patience) {
            Ok(written) => written,
            Err(RecvTimeoutError::Timeout) => Written::Stalled,
            // Its thread is gone without a word, so it writes nothing any more.
            Err(RecvTimeoutError::Disconnected) => Written::Closed,
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.mailbox.lock().ended = true;
        self.mailbox.changed.notify_one();
    }
}

/// What one turn of the writer has to write.
#[derive(Debug, Default)]
struct Turn {
    records: Vec<Arc<Record>>,
    missing: bool,
    live: Vec<Arc<Record>>,
    ended: bool,
}

struct Writer {
    format: Format,
    target: Target,
    catch_up: CatchUp,
    state: State,
    told: Option<People>,
    closed: bool,
}

/// What text for people remembers.
struct People {
    style: Style,
    narrator: Narrator,
    progress: Progress,
    screen: Screen,
    last_line: Option<String>,
    last_line_at: Instant,
    last_said_at: Instant,
    last_frame_at: Option<Instant>,
    unsettled: Option<Instant>,
}

impl People {
    fn new(style: Style) -> Self {
        Self {
            narrator: Narrator::new(style.clone()),
            style,
            progress: Progress::default(),
            screen: Screen::default(),
            last_line: None,
            last_line_at: Instant::now(),
            last_said_at: Instant::now(),
            last_frame_at: None,
            unsettled: None,
        }
    }
}

impl Writer {
    fn new(format: Format, target: Target, catch_up: CatchUp) -> Self {
        let told = match &format {
            Format::Text(style) => Some(People::new(style.clone())),
            Format::Jsonl => None,
        };
        Self { format, target, catch_up, state: State::new(), told, closed: false }
    }

    /// Takes records without telling them.
    fn skip(&mut self, records: &[Record]) {
        for record in records {
            self.take(record, &mut String::new());
        }
        if let Some(told) = &mut self.told {
            told.narrator.flush(&self.state);
            told.narrator.take();
        }
    }

    fn run(mut self, mailbox: &Mailbox) -> Written {
        loop {
            let turn = self.wait(mailbox);
            let ended = turn.ended;
            let text = self.turn(turn);
            self.write(&text);
            if ended {
                return if self.closed { Written::Closed } else { Written::All };
            }
        }
    }

    /// Waits for something to do, or until it is time to draw.
    fn wait(&self, mailbox: &Mailbox) -> Turn {
        let mut shared = mailbox.lock();
        let idle = match &self.told {
            Some(told) if told.unsettled.is_some() => SETTLE,
            _ => IDLE_FRAME,
        };
        let until = Instant::now() + idle;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if shared.ended || shared.missing || !shared.queue.is_empty() || !shared.live.is_empty() || left.is_zero() {
                break;
            }
            (shared, _) = mailbox.changed.wait_timeout(shared, left).unwrap_or_else(PoisonError::into_inner);
        }
        let turn = Turn {
            records: shared.queue.drain(..).collect(),
            missing: std::mem::take(&mut shared.missing),
            live: shared.live.drain().map(|(_, record)| record).collect(),
            ended: shared.ended,
        };
        drop(shared);
        // What comes while this sleeps is drawn together: at most ten frames a second, whatever the engine does.
        if self.target.size.is_some()
            && !turn.ended
            && let Some(last) = self.told.as_ref().and_then(|told| told.last_frame_at)
        {
            thread::sleep(FRAME.saturating_sub(last.elapsed()));
        }
        turn
    }

    fn turn(&mut self, turn: Turn) -> String {
        let mut text = String::new();
        let any = !turn.records.is_empty() || turn.missing;
        for record in &turn.records {
            // Whoever joins late, or lost some, has them from the journal.
            if record.seq > self.state.seq() + 1 {
                self.catch_up(&mut text);
            }
            self.take(record, &mut text);
        }
        if turn.missing {
            self.catch_up(&mut text);
        }
        for record in &turn.live {
            self.live(record, &mut text);
        }
        if let Some(told) = &mut self.told {
            if any {
                told.unsettled = Some(Instant::now());
            } else if turn.ended || told.unsettled.is_some_and(|since| since.elapsed() >= SETTLE) {
                told.narrator.flush(&self.state);
                told.unsettled = None;
            }
            if turn.ended {
                told.narrator.flush(&self.state);
            }
            Self::show(told, &self.state, &self.target, turn.ended, &mut text);
        }
        text
    }

    fn catch_up(&mut self, text: &mut String) {
        match (self.catch_up)(self.state.seq()) {
            Ok(records) => records.iter().for_each(|record| self.take(record, text)),
            Err(error) => tracing::warn!(%error, "events are missing from the output: the journal has them"),
        }
    }

    /// Takes an event; one that was taken already, from the queue or from the journal, is not taken again.
    fn take(&mut self, record: &Record, text: &mut String) {
        if record.seq <= self.state.seq() {
            return;
        }
        self.state.apply(record);
        match &mut self.told {
            Some(told) => {
                told.narrator.record(record, &self.state);
                told.progress.apply(record, &self.state);
            }
            None => push_line(record, text),
        }
    }

    fn live(&mut self, record: &Record, text: &mut String) {
        match &mut self.told {
            Some(told) => told.progress.apply(record, &self.state),
            None => push_line(record, text),
        }
    }

    /// Writes lines that are due, and the region or a line of progress.
    fn show(told: &mut People, state: &State, target: &Target, ended: bool, text: &mut String) {
        let now = Timestamp::now();
        let look = told.style.look;
        let mut lines = told.narrator.take();
        let typed = told.style.typed.clone();
        let own =
            |lines: Vec<String>| lines.into_iter().map(|line| typed.within(&line).into_owned()).collect::<Vec<_>>();
        if let Some((columns, rows)) = target.size.as_ref().and_then(|size| size()) {
            let region = if ended { Vec::new() } else { told.progress.region(state, look, columns, rows, now) };
            if ended {
                lines.extend(summary_text(state, None, told.narrator.timings(), &told.style));
            }
            text.push_str(&told.screen.frame(&own(lines), &region));
            told.last_frame_at = Some(Instant::now());
            return;
        }
        if ended {
            lines.extend(summary_text(state, None, told.narrator.timings(), &told.style));
        } else if lines.is_empty() && told.last_line_at.elapsed() >= PLAIN_PROGRESS {
            let line = told.progress.line(state, look, now);
            if line != told.last_line && !is_waiting(state) {
                let clock = crate::words::clock(now, &told.style.zone);
                lines.extend(line.iter().map(|line| format!("{clock}  {} {line}", look.either("…", "."))));
            }
            told.last_line = line;
            told.last_line_at = Instant::now();
        }
        if !lines.is_empty() {
            told.last_said_at = Instant::now();
        } else if told.last_said_at.elapsed() >= target.soak_every
            && let Some(line) = soak_left(state, now)
        {
            let clock = crate::words::clock(now, &told.style.zone);
            lines.push(format!("{clock}  {} {line}", look.glyph(Glyph::Wait)));
            told.last_said_at = Instant::now();
        }
        for line in own(lines) {
            text.push_str(&line);
            text.push('\n');
        }
    }

    fn write(&mut self, text: &str) {
        if self.closed || text.is_empty() {
            return;
        }
        let written = write_all(&mut self.target.writer, text.as_bytes()).and_then(|()| self.target.writer.flush());
        if let Err(error) = written {
            self.closed = true;
            let jsonl = matches!(self.format, Format::Jsonl);
            tracing::warn!(%error, jsonl, "nobody reads the output any more; the rollout goes on");
        }
    }
}

/// Writes all of it, also to an output that somebody who shares it, such as ssh, has made non-blocking.
fn write_all(writer: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match writer.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(20)),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Tells whether nothing can change before somebody decides.
fn is_waiting(state: &State) -> bool {
    state.plan().is_none() || state.outcome().is_some()
}

fn push_line(record: &Record, text: &mut String) {
    match record.to_line() {
        Ok(line) => {
            text.push_str(&line);
            text.push('\n');
        }
        Err(error) => tracing::error!(%error, seq = record.seq, "a record could not be written as JSON"),
    }
}
