//! A pseudo-terminal with the console on it: keys go in, and what a person would see comes out.

#![expect(clippy::unwrap_used, reason = "a terminal that cannot be had fails the test")]

use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::fleet::{Fleet, coalmine};

/// How long anything may take before a test has failed: on a busy machine even the build of a release stays below it.
const LONGEST: Duration = Duration::from_secs(150);
const AGAIN: Duration = Duration::from_millis(10);

pub(crate) const TAB: &str = "\t";
pub(crate) const ENTER: &str = "\r";
pub(crate) const BACKSPACE: &str = "\x7f";
pub(crate) const ESCAPE: &str = "\x1b";
pub(crate) const CTRL_L: &str = "\x0c";
pub(crate) const CTRL_Z: &str = "\x1a";

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

/// Says what is run, how.
pub(crate) struct Opening<'a> {
    pub(crate) arguments: &'a [&'a str],
    pub(crate) environment: &'a [(&'a str, &'a str)],
    /// Whether a shell with job control runs it, which says `the shell is back` when it stops, and goes on with it after
    /// a line is typed.
    pub(crate) in_shell: bool,
}

impl Opening<'static> {
    pub(crate) const BARE: Self = Self { arguments: &[], environment: &[], in_shell: false };
}

/// Owns a terminal of 80 columns and 24 rows, what runs on it, and whoever reads it.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    heard: Arc<AtomicUsize>,
    stalled: Arc<AtomicBool>,
    closing: Arc<AtomicBool>,
    reading: Option<JoinHandle<()>>,
}

impl Terminal {
    pub(crate) fn open(fleet: &Fleet, opening: &Opening<'_>) -> Self {
        let pair = native_pty_system().openpty(size(80, 24)).unwrap();
        let mut command = if opening.in_shell {
            let mut shell = CommandBuilder::new("sh");
            shell.args(["-c", r#"set -m; "$@"; echo the shell is back; read -r line; fg"#, "sh"]);
            shell.arg(coalmine());
            shell
        } else {
            CommandBuilder::new(coalmine())
        };
        command.arg("-c");
        command.arg(fleet.dir.join("coalmine.toml"));
        command.arg("--state-dir");
        command.arg(&fleet.state);
        command.args(opening.arguments);
        command.env_remove("NO_COLOR");
        command.env_remove("COLORFGBG");
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        for (name, value) in opening.environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut terminal = Self {
            keys: pair.master.take_writer().unwrap(),
            master: pair.master,
            child,
            screen: Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0))),
            heard: Arc::default(),
            stalled: Arc::default(),
            closing: Arc::default(),
            reading: None,
        };
        terminal.read();
        terminal
    }

    fn read(&mut self) {
        let mut reader = self.master.try_clone_reader().unwrap();
        let screen = Arc::clone(&self.screen);
        let heard = Arc::clone(&self.heard);
        let (stalled, closing) = (Arc::clone(&self.stalled), Arc::clone(&self.closing));
        self.reading = Some(std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !closing.load(Ordering::SeqCst) {
                if stalled.load(Ordering::SeqCst) {
                    std::thread::sleep(AGAIN);
                    continue;
                }
                // A terminal that nobody has any more says so by an error (EIO).
                let Ok(count @ 1..) = reader.read(&mut buffer) else { return };
                heard.fetch_add(count, Ordering::SeqCst);
                screen.lock().unwrap().process(buffer.split_at(count).0);
            }
        }));
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.process_id().unwrap()).unwrap()
    }

    /// Looks at the screen.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&vt100::Screen) -> T) -> T {
        at(self.screen.lock().unwrap().screen())
    }

    pub(crate) fn text(&self) -> String {
        self.look(text)
    }

    /// Gives how many bytes were read of it.
    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + LONGEST;
        while !self.look(&is_so) {
            assert!(Instant::now() < deadline, "{what} did not come; the screen shows\n{}", self.text());
            std::thread::sleep(AGAIN);
        }
    }

    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    /// Types the answer to a question, once it takes one: keys that are typed as it appears are no answer to it.
    #[track_caller]
    pub(crate) fn answer(&mut self, typed: &str) {
        self.focus("what is typed", BACKSPACE, |screen| screen.contents().contains("▌>"));
        self.press(typed);
        self.shows(&format!("> {typed}"));
    }

    /// Brings the focus of a question to one of its buttons and presses that.
    #[track_caller]
    pub(crate) fn choose(&mut self, button: &str) {
        let label = format!("[ {button} ]");
        self.focus(&label, TAB, |screen| {
            screen.rows(0, 80).enumerate().any(|(row, text)| {
                text.find(&label).is_some_and(|at| {
                    let before = text.split_at(at).0.chars().count();
                    let cell = screen.cell(u16::try_from(row).unwrap(), u16::try_from(before).unwrap());
                    cell.is_some_and(vt100::Cell::inverse)
                })
            })
        });
        self.press(ENTER);
    }

    /// Presses a key now and then until something has the focus; ever more seldom, so that none is on its way when it has.
    #[track_caller]
    fn focus(&mut self, what: &str, key: &str, has_it: impl Fn(&vt100::Screen) -> bool) {
        for attempt in 1..=10 {
            self.press(key);
            let deadline = Instant::now() + Duration::from_secs(2) * attempt;
            while Instant::now() < deadline {
                if self.look(&has_it) {
                    return;
                }
                std::thread::sleep(AGAIN);
            }
        }
        assert!(self.look(&has_it), "{what} never had the focus:\n{}", self.text());
    }

    /// Moves down until the selected row has a text.
    #[track_caller]
    pub(crate) fn select(&mut self, text: &str) {
        self.wait("a list", |screen| selected(screen).is_some());
        for _ in 0..50 {
            let before = self.selected().unwrap_or_default();
            if before.contains(text) {
                return;
            }
            self.press("j");
            self.wait("another row", |screen| selected(screen).is_some_and(|row| row != before));
        }
        assert!(self.selected().is_some_and(|row| row.contains(text)), "no row has {text}:\n{}", self.text());
    }

    pub(crate) fn selected(&self) -> Option<String> {
        self.look(selected)
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Lets nobody read the terminal, as when the connection that it is on hangs.
    pub(crate) fn stall(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::SeqCst);
    }

    /// Waits for the end of what runs on it; gives its exit code.
    #[track_caller]
    pub(crate) fn ends(mut self) -> u32 {
        let deadline = Instant::now() + LONGEST;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "it goes on and shows\n{}", self.text());
            std::thread::sleep(AGAIN);
        }
    }

    /// Closes it as a closed window does; gives what ran on it, which nobody has waited for.
    ///
    /// The reader holds the terminal as well, and lets go of it at the next byte: something has to be drawn.
    pub(crate) fn hang_up(mut self) -> Box<dyn Child + Send + Sync> {
        self.closing.store(true, Ordering::SeqCst);
        if let Some(reading) = self.reading.take() {
            reading.join().unwrap();
        }
        self.child
    }
}

/// Gives what is on a screen; spaces at the end of a row are those of how it was drawn.
pub(crate) fn text(screen: &vt100::Screen) -> String {
    screen.rows(0, 80).map(|row| row.trim_end().to_owned() + "\n").collect()
}

fn selected(screen: &vt100::Screen) -> Option<String> {
    screen.rows(0, 80).find(|row| row.starts_with('▌') || row.starts_with('>'))
}
