use std::sync::Arc;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::overtaken::Moment;
use crate::model::{Command, HostId, Pooling, RolloutId};
use crate::plan::Plan;
use crate::tui::keymap::Action;
use crate::tui::messages::LockFacts;
use crate::tui::rows::Cursor;

/// Lies over the screen and takes the keys; `Esc` takes the topmost one away.
#[derive(Debug)]
pub enum Layer {
    /// A question that has to be answered.
    Dialog(Box<Dialog>),
    /// A line that is being typed.
    Line(Line),
    /// The keys.
    Help {
        /// The first line that is shown.
        top: usize,
    },
    /// A text that was asked for.
    Text {
        /// What it is.
        title: String,
        /// Its lines.
        lines: Vec<String>,
        /// The first line that is shown.
        top: usize,
    },
    /// The page of a host.
    Detail {
        /// The first line that is shown.
        top: usize,
    },
    /// Failures, the same messages together.
    Failures(Cursor),
    /// Everything that can be done here.
    Menu(Cursor, Vec<Action>),
    /// The columns that can be left out.
    Columns(Cursor, Vec<&'static str>),
}

/// Says what a typed line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Which rows are shown, live.
    Filter,
    /// Which lines of the log are shown, live.
    Search,
    /// Why a rollout is started.
    Reason,
    /// What is to be done, by its name.
    Command,
    /// Why the host whose page is open is taken out of service.
    Why,
}

/// Holds a line that is being typed.
#[derive(Debug)]
pub struct Line {
    /// What it is for.
    pub kind: LineKind,
    /// The text, with its cursor.
    pub input: Input,
    /// What it was before, for `Esc`.
    pub before: String,
}

/// Says what a dialog does when it is answered with yes.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Starts the rollout of a plan.
    Install(Arc<Plan>),
    /// Gives commands to the rollout that is shown.
    Commands(Vec<Command>),
    /// Gives it one that decides about where it stands, and about nothing that comes after.
    Decide(Command, Box<Moment>),
    /// Takes a host out of service, or back in.
    Pool {
        /// Which.
        host: HostId,
        /// What is to be done.
        which: Pooling,
        /// Why, where somebody said so.
        reason: Option<String>,
    },
    /// Frees the environment of what somebody froze it by.
    Unlock(LockFacts),
    /// Goes on with a rollout without a conductor.
    Resume(RolloutId),
    /// Leaves the console.
    Leave,
    /// Aborts the rollout, and leaves when that was accepted.
    AbortAndLeave,
}

/// Holds a button of a dialog.
#[derive(Debug, Clone)]
pub struct Button {
    /// What is on it.
    pub label: &'static str,
    /// What it does; none closes the dialog.
    pub decision: Option<Decision>,
    /// Why it cannot be pressed now.
    pub refused: Option<String>,
}

/// Says what of a dialog takes the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The text that has to be typed.
    Typed,
    /// A button.
    Button(usize),
}

/// Asks before something dangerous; what was typed before it was on the screen never answers it.
#[derive(Debug)]
pub struct Dialog {
    /// What is asked.
    pub title: String,
    /// What it means.
    pub body: Vec<String>,
    /// The command line that does the same.
    pub command_line: Option<String>,
    /// What has to be typed, and what was so far.
    pub typed: Option<(String, Input)>,
    /// The buttons; the first is what `Enter` presses at first, and never the dangerous one.
    pub buttons: Vec<Button>,
    /// What takes the keys.
    pub focus: Focus,
    /// Whether it has been on the screen.
    pub seen: bool,
    /// What is wrong with the answer.
    pub complaint: Option<String>,
}

/// Says what a key made of a dialog.
#[derive(Debug)]
pub enum Answered {
    /// It is still open.
    Not,
    /// It is closed.
    Closed,
    /// It was answered.
    Do(Decision),
}

impl Dialog {
    /// Asks whether something is to be done; the decision's button comes after `Cancel`, on which the focus starts.
    #[must_use]
    pub fn new(title: impl Into<String>, label: &'static str, decision: Decision) -> Self {
        Self {
            title: title.into(),
            body: Vec::new(),
            command_line: None,
            typed: None,
            buttons: vec![
                Button { label: "Cancel", decision: None, refused: None },
                Button { label, decision: Some(decision), refused: None },
            ],
            focus: Focus::Button(0),
            seen: false,
            complaint: None,
        }
    }

    /// Tells what has become of a question that is none any more: what was being typed answers nothing.
    #[must_use]
    pub fn telling(title: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            body: vec![why.into()],
            command_line: None,
            typed: None,
            buttons: vec![Button { label: "Close", decision: None, refused: None }],
            focus: Focus::Button(0),
            seen: false,
            complaint: None,
        }
    }

    /// Gives what it may be answered with.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.buttons.iter().filter_map(|button| button.decision.as_ref())
    }

    /// Adds a line that says what it means.
    #[must_use]
    pub fn says(mut self, line: impl Into<String>) -> Self {
        self.body.push(line.into());
        self
    }

    /// Adds the command line that does the same.
    #[must_use]
    pub fn same_as(mut self, command_line: impl Into<String>) -> Self {
        self.command_line = Some(command_line.into());
        self
    }

    /// Makes it a dialog that is answered by typing.
    #[must_use]
    pub fn by_typing(mut self, expected: impl Into<String>) -> Self {
        self.typed = Some((expected.into(), Input::default()));
        self
    }

    /// Tells whether it asks whether to leave.
    #[must_use]
    pub fn is_quit(&self) -> bool {
        self.decisions().any(|decision| matches!(decision, Decision::Leave))
    }

    /// Takes pasted text, if it was on the screen.
    pub fn paste(&mut self, text: &str) {
        if !self.seen {
            return;
        }
        for c in text.chars().filter(|c| !c.is_control()) {
            self.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Answered {
        // Nobody needs to have read what she only takes away.
        if key.code == KeyCode::Esc {
            return Answered::Closed;
        }
        if !self.seen {
            return Answered::Not;
        }
        let buttons = self.buttons.len();
        match key.code {
            KeyCode::Enter => return self.press(),
            KeyCode::Tab | KeyCode::Down => self.focus = self.next(buttons),
            KeyCode::BackTab | KeyCode::Up => self.focus = self.previous(buttons),
            KeyCode::Right if self.focus != Focus::Typed => self.focus = self.next(buttons),
            KeyCode::Left if self.focus != Focus::Typed => self.focus = self.previous(buttons),
            _ => {
                if let Some((_, input)) = &mut self.typed {
                    self.focus = Focus::Typed;
                    self.complaint = None;
                    edit(input, key);
                }
            }
        }
        Answered::Not
    }

    fn next(&self, buttons: usize) -> Focus {
        match self.focus {
            Focus::Typed => Focus::Button(0),
            Focus::Button(place) if place + 1 < buttons => Focus::Button(place + 1),
            Focus::Button(_) if self.typed.is_some() => Focus::Typed,
            Focus::Button(_) => Focus::Button(0),
        }
    }

    fn previous(&self, buttons: usize) -> Focus {
        match self.focus {
            Focus::Button(0) if self.typed.is_some() => Focus::Typed,
            Focus::Button(place) if place > 0 => Focus::Button(place - 1),
            Focus::Typed | Focus::Button(_) => Focus::Button(buttons.saturating_sub(1)),
        }
    }

    fn press(&mut self) -> Answered {
        let place = match self.focus {
            // What was typed says yes to what it was asked for: the last button.
            Focus::Typed => self.buttons.len().saturating_sub(1),
            Focus::Button(place) => place,
        };
        let Some(button) = self.buttons.get(place) else {
            return Answered::Closed;
        };
        let Some(decision) = button.decision.clone() else {
            return Answered::Closed;
        };
        if let Some(why) = &button.refused {
            self.complaint = Some(why.clone());
            return Answered::Not;
        }
        if let Some((expected, input)) = &self.typed
            && input.value().trim() != expected
        {
            self.complaint = Some(format!("type {expected} to confirm"));
            self.focus = Focus::Typed;
            return Answered::Not;
        }
        Answered::Do(decision)
    }
}

/// Changes a typed line by a key; other keys than those of typing change nothing.
pub(super) fn edit(input: &mut Input, key: KeyEvent) -> bool {
    let key = KeyEvent { kind: KeyEventKind::Press, ..key };
    input.handle_event(&Event::Key(key)).is_some_and(|changed| changed.value)
}
