//! The keys as data: what the update looks up is what the footer, the help screen and the README show.

mod bindings;
mod configured;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub use bindings::BINDINGS;
pub use configured::KeysError;

/// Names what a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is said in words once, in the binding's help")]
pub enum Action {
    Fleet,
    Plan,
    Rollout,
    History,
    NextScreen,
    PreviousScreen,
    Enter,
    Back,
    Down,
    Up,
    First,
    Last,
    PageDown,
    PageUp,
    HalfDown,
    HalfUp,
    Mark,
    MarkRange,
    MarkAll,
    Unmark,
    Filter,
    Sort,
    Reverse,
    Survey,
    Reload,
    Install,
    Reason,
    SkipUnreachable,
    OnFailure,
    NoSoak,
    PrimeOnly,
    Continue,
    Pause,
    Abort,
    Rollback,
    Retry,
    Skip,
    Failures,
    Copy,
    CopyFailure,
    Write,
    Log,
    LogFull,
    Follow,
    Menu,
    Help,
    Suspend,
    Redraw,
    Quit,
    Command,
    Environment,
    Soak,
    Promote,
    Hold,
    Lock,
    Unlock,
    Debt,
    Compare,
    Report,
    Group,
    Columns,
    Shell,
    Depool,
    Repool,
    Bootstrap,
}

/// Names where a key means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// Everywhere but in a dialog or an input line.
    Everywhere,
    /// In everything that is longer than the screen: lists, and what lies over them.
    Moves,
    /// In every list of hosts.
    List,
    /// On the fleet.
    Fleet,
    /// On the plan.
    Plan,
    /// On the rollout.
    Rollout,
    /// On the history.
    History,
    /// On the page of a host.
    Host,
}

impl Context {
    /// Every context, in the order of the help screen.
    pub const ALL: [Self; 8] =
        [Self::Everywhere, Self::Moves, Self::List, Self::Fleet, Self::Plan, Self::Rollout, Self::History, Self::Host];

    /// Gives its title on the help screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::Moves => "moving",
            Self::List => "in a list",
            Self::Fleet => "fleet",
            Self::Plan => "plan",
            Self::Rollout => "rollout",
            Self::History => "history",
            Self::Host => "a host's page",
        }
    }

    /// Gives the name by which the configuration means it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::Moves => "move",
            Self::List => "list",
            Self::Fleet => "fleet",
            Self::Plan => "plan",
            Self::Rollout => "rollout",
            Self::History => "history",
            Self::Host => "host",
        }
    }
}

/// Where keys are looked up at once: on each screen, and on the page of a host.
pub const PLACES: [&[Context]; 5] = [
    &[Context::Fleet, Context::List, Context::Moves, Context::Everywhere],
    &[Context::Plan, Context::List, Context::Moves, Context::Everywhere],
    &[Context::Rollout, Context::List, Context::Moves, Context::Everywhere],
    &[Context::History, Context::List, Context::Moves, Context::Everywhere],
    &[Context::Host, Context::Moves, Context::Everywhere],
];

/// Gives where keys are looked up in a place that has keys of its own.
#[must_use]
pub fn place(own: Context) -> &'static [Context] {
    PLACES.into_iter().find(|contexts| contexts.first() == Some(&own)).unwrap_or_default()
}

/// Names a key, as a terminal reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
}

const fn key(c: char) -> Key {
    Key { code: KeyCode::Char(c), ctrl: false }
}

const fn ctrl(c: char) -> Key {
    Key { code: KeyCode::Char(c), ctrl: true }
}

const fn named(code: KeyCode) -> Key {
    Key { code, ctrl: false }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        Self { code: event.code, ctrl: event.modifiers.contains(KeyModifiers::CONTROL) }
    }
}

impl Key {
    /// Gives what a terminal reports of it.
    #[must_use]
    pub const fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, if self.ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE })
    }

    /// Gives its name in what only ASCII is drawn of.
    #[must_use]
    pub fn ascii(self) -> String {
        match self.code {
            KeyCode::Up => "Up".to_owned(),
            KeyCode::Down => "Down".to_owned(),
            KeyCode::Left => "Left".to_owned(),
            KeyCode::Right => "Right".to_owned(),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.code {
            KeyCode::Char(' ') => "space".to_owned(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::F(number) => format!("F{number}"),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            code => format!("{code:?}"),
        };
        f.pad(&if self.ctrl { format!("Ctrl-{name}") } else { name })
    }
}

/// Binds keys to an action, with the words for it.
#[derive(Debug, Clone)]
pub struct Binding {
    /// What they do.
    pub action: Action,
    /// Where.
    pub context: Context,
    /// The keys, the first being the one that the footer shows.
    pub keys: Cow<'static, [Key]>,
    /// One or two words for the footer.
    pub word: &'static str,
    /// What it does, as the help screen and the README say it.
    pub help: &'static str,
    /// The place in the footer, 1 being the first; 0 is never in the footer.
    pub footer: u8,
}

/// How many keys a footer has at most.
const FOOTER: usize = 6;

/// Holds the keys as they are: those of everybody, with what the configuration changes.
#[derive(Debug, Clone)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { bindings: BINDINGS.to_vec() }
    }
}

impl Keymap {
    /// Gives every binding, in the order of the help screen.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// Gives the bindings of a context.
    pub fn of(&self, context: Context) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |binding| binding.context == context)
    }

    /// Finds what a key does in the first of some contexts that knows it.
    #[must_use]
    pub fn lookup(&self, event: KeyEvent, contexts: &[Context]) -> Option<Action> {
        let pressed = Key::from(event);
        contexts.iter().find_map(|&context| {
            self.of(context).find(|binding| binding.keys.contains(&pressed)).map(|binding| binding.action)
        })
    }

    /// Finds the binding of an action in the first of some contexts that has it.
    #[must_use]
    pub fn binding(&self, action: Action, contexts: &[Context]) -> Option<&Binding> {
        contexts.iter().find_map(|&context| self.of(context).find(|binding| binding.action == action))
    }

    /// Names the key of an action; where it has none, its command.
    #[must_use]
    pub fn name(&self, action: Action, contexts: &[Context]) -> String {
        let Some(binding) = self.binding(action, contexts) else {
            return String::new();
        };
        binding.keys.first().map_or_else(|| format!(":{}", binding.command()), ToString::to_string)
    }

    /// Gives the keys that matter most in some contexts and `can` be done now, at most six, in the order of the footer.
    #[must_use]
    pub fn footer(&self, contexts: &[Context], can: impl Fn(Action) -> bool) -> Vec<&Binding> {
        let is_shown = |binding: &&Binding| {
            let here = binding.footer > 0 && contexts.contains(&binding.context);
            here && !binding.keys.is_empty() && can(binding.action)
        };
        let mut shown: Vec<&Binding> = self.bindings.iter().filter(is_shown).collect();
        shown.sort_by_key(|binding| binding.footer);
        // The way to everything that can be done, and to help, is always among them.
        let always = shown.iter().filter(|binding| binding.context == Context::Everywhere).count();
        let own = shown.len() - always;
        let left = own.min(FOOTER.saturating_sub(always));
        shown.drain(left..own);
        shown
    }
}

impl Binding {
    /// Gives the name of its command: its word, without blanks.
    #[must_use]
    pub fn command(&self) -> String {
        self.word.replace(' ', "-")
    }
}

/// Writes the names of a binding's keys.
#[must_use]
pub fn names(binding: &Binding, ascii: bool) -> String {
    let names = binding.keys.iter().map(|key| if ascii { key.ascii() } else { key.to_string() });
    names.collect::<Vec<_>>().join(" ")
}

/// Writes the README's table of keys, in Markdown.
#[must_use]
pub fn readme_table() -> String {
    let mut table = String::from("| where | name | key | does |\n|---|---|---|---|\n");
    for context in Context::ALL {
        for (place, binding) in BINDINGS.iter().filter(|binding| binding.context == context).enumerate() {
            let keys = binding.keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" ");
            let title = if place == 0 { context.title() } else { "" };
            let name = configured::name(binding);
            table.push_str(&format!("| {title} | {name} | {keys} | {} |\n", binding.help));
        }
    }
    table
}
