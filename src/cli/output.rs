use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use clap::ValueEnum;

use crate::deploy::{Error, Notice};
use crate::release::Progress;
use crate::report::{self, Look, Style};
use crate::words::Typed;

/// Says when to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Also where nobody may see them.
    Always,
    /// Nowhere.
    Never,
}

/// Prints a result on standard output; a reader that has gone away is no failure.
pub(super) fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(newline.as_bytes()));
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::before(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// How coalmine was called.
static TYPED: OnceLock<Typed> = OnceLock::new();

/// Proposes commands from here on as this one was called.
pub(super) fn propose_as(typed: Typed) {
    TYPED.get_or_init(|| typed);
}

fn typed() -> Typed {
    TYPED.get().cloned().unwrap_or_default()
}

/// Writes what went wrong, with what it proposes to type as this command was.
pub(super) fn own(error: &impl std::fmt::Display) -> String {
    typed().within(&error.to_string()).into_owned()
}

/// Prints a result for people; what it proposes to type is called as this command was.
pub(super) fn print_for_people(text: &str) -> Result<(), Error> {
    print(&typed().within(text))
}

/// Where people are told things while the screen is the console's.
static REDIRECTED: OnceLock<File> = OnceLock::new();

/// Whether only ASCII signs were asked for.
static ASCII: OnceLock<()> = OnceLock::new();

/// Uses ASCII signs only from here on, whatever the locale has.
pub(super) fn use_ascii_only() {
    ASCII.get_or_init(|| ());
}

/// Sends what people are told, and what is logged, to a file from here on: the screen is the console's.
pub(super) fn redirect_errors(log: File) {
    REDIRECTED.get_or_init(|| log);
}

/// Writes to standard error, or where that was sent to.
#[derive(Debug, Clone, Copy)]
pub(super) struct ErrorOutput;

impl io::Write for ErrorOutput {
    /// What is told and what is logged comes whole, a message at a time.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let typed = typed();
        let text = std::str::from_utf8(bytes).map(|text| typed.within(text));
        let shown = text.as_ref().map_or(bytes, |text| text.as_bytes());
        match REDIRECTED.get() {
            Some(mut log) => log.write_all(shown)?,
            None => io::stderr().write_all(shown)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tells people something on standard error; there is nobody to tell when that fails.
pub(super) fn notify(text: &str) {
    drop(ErrorOutput.write_all(format!("{text}\n").as_bytes()));
}

/// Tells whether somebody can be asked: what is asked is read from standard input and shown on standard error.
pub(super) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// Tells whether there is a screen for the console: a terminal that somebody sits at and that can be drawn on.
pub(super) fn has_screen() -> bool {
    is_interactive() && std::env::var_os("TERM").is_some_and(|terminal| !terminal.is_empty() && terminal != "dumb")
}

/// Says how text on standard output looks.
pub(super) fn look(choice: ColorChoice) -> Look {
    look_on(choice, io::stdout().is_terminal())
}

/// Tells whether what is logged on standard error is coloured.
pub(super) fn logs_in_colour(choice: ColorChoice) -> bool {
    look_on(choice, io::stderr().is_terminal()).color
}

fn look_on(choice: ColorChoice, is_terminal: bool) -> Look {
    let choice = match choice {
        ColorChoice::Auto => report::ColorChoice::Auto,
        ColorChoice::Always => report::ColorChoice::Always,
        ColorChoice::Never => report::ColorChoice::Never,
    };
    let look = Look::detect(choice, is_terminal, |name| std::env::var(name).ok());
    Look { unicode: look.unicode && ASCII.get().is_none(), ..look }
}

/// Says how text for people is written on standard output.
pub(super) fn style(choice: ColorChoice, verbose: bool) -> Style {
    Style { look: look(choice), zone: jiff::tz::TimeZone::system(), verbose, typed: typed() }
}

/// Counts things in words: `1 host`, `3 hosts`.
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Tells people what happens meanwhile, so far as they want to know it.
pub(super) fn hear(notice: &Notice) {
    match notice {
        Notice::Making { .. } | Notice::Surveying { .. } => {}
        Notice::Release(progress) => hear_of_release(progress),
        notice => notify(&notice.to_string()),
    }
}

fn hear_of_release(progress: &Progress) {
    match progress {
        Progress::Fetching { remote } => tracing::info!("fetching {remote}"),
        Progress::Warning { text } => notify(&format!("warning: {text}")),
        Progress::Note { text } => tracing::info!("{text}"),
        Progress::Resolved { version, commit } => tracing::info!("{version} is commit {}", commit.as_str()),
        Progress::Waiting { owner } => notify(&format!("waiting for process {owner}, which builds")),
        Progress::Reused { id } => tracing::info!("{id} was built before"),
        // Whoever sits there should see what takes its time; a log only has to say so when it is asked.
        Progress::Step { step } if std::io::stderr().is_terminal() => notify(&format!("building: {step}")),
        Progress::Step { step } => tracing::info!("build: {step}"),
        Progress::Output { step, line } => tracing::debug!("build: {step}: {line}"),
        Progress::Built { id, totals, took } => {
            let steps: Vec<String> =
                took.iter().map(|(step, took)| format!("{step} {:.1} s", took.as_secs_f64())).collect();
            notify(&format!("built {id}: {} entries, {}; {}", totals.entries(), totals.bytes, steps.join(", ")));
        }
    }
}
