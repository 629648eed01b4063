//! The keys as data: what the update looks up is what the footer, the help screen and the README show.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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
    Debt,
    Compare,
    Report,
}

/// Names where a key means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// Everywhere but in a dialog or an input line.
    Everywhere,
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
}

impl Context {
    /// Every context, in the order of the help screen.
    pub const ALL: [Self; 6] = [Self::Everywhere, Self::List, Self::Fleet, Self::Plan, Self::Rollout, Self::History];

    /// Gives its title on the help screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::List => "in a list",
            Self::Fleet => "fleet",
            Self::Plan => "plan",
            Self::Rollout => "rollout",
            Self::History => "history",
        }
    }
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

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.code {
            KeyCode::Char(' ') => "space".to_owned(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            code => format!("{code:?}"),
        };
        f.pad(&if self.ctrl { format!("Ctrl-{name}") } else { name })
    }
}

/// Binds keys to an action, with the words for it.
#[derive(Debug)]
pub struct Binding {
    /// What they do.
    pub action: Action,
    /// Where.
    pub context: Context,
    /// The keys, the first being the one that the footer shows.
    pub keys: &'static [Key],
    /// One or two words for the footer.
    pub word: &'static str,
    /// What it does, as the help screen and the README say it.
    pub help: &'static str,
    /// The place in the footer, 1 being the first; 0 is never in the footer.
    pub footer: u8,
}

macro_rules! bindings {
    ($($context:ident: $action:ident [$($key:expr),+] $word:literal $help:literal $footer:literal;)+) => {
        &[$(Binding {
            action: Action::$action,
            context: Context::$context,
            keys: &[$($key),+],
            word: $word,
            help: $help,
            footer: $footer,
        }),+]
    };
}

/// Every key of the console.
pub const BINDINGS: &[Binding] = bindings! {
    Everywhere: Fleet [key('1')] "fleet" "the fleet: what every host runs" 0;
    Everywhere: Plan [key('2')] "plan" "the plan: a version, its stages, who is left out" 0;
    Everywhere: Rollout [key('3')] "rollout" "the rollout that runs, or the one that was opened last" 0;
    Everywhere: History [key('4')] "history" "earlier rollouts" 0;
    Everywhere: NextScreen [named(KeyCode::Tab)] "next" "the next screen" 0;
    Everywhere: PreviousScreen [named(KeyCode::BackTab)] "previous" "the screen before" 0;
    Everywhere: Back [named(KeyCode::Esc)] "back" "one layer up; never out" 0;
    Everywhere: Menu [key('m')] "actions" "everything that can be done here, with the command line that does the same" 5;
    Everywhere: Command [key(':')] "command" "a command by its name, such as `soak 10m REASON` or `environment beta`; Tab completes" 0;
    Everywhere: Environment [key('E')] "environment" "another environment of the same configuration" 0;
    Everywhere: Log [key('l')] "log" "show or hide the log" 0;
    Everywhere: LogFull [key('L')] "full log" "the log on the full screen" 0;
    Everywhere: Follow [key('f')] "follow" "the log follows the selected host, or all again" 0;
    Everywhere: Write [key('w')] "write" "write what is shown to a file" 0;
    Everywhere: Help [key('?')] "help" "this help" 6;
    Everywhere: Redraw [ctrl('l')] "redraw" "draw everything anew" 0;
    Everywhere: Suspend [ctrl('z')] "suspend" "back to the shell; `fg` returns" 0;
    Everywhere: Quit [key('q'), ctrl('c')] "quit" "leave; asks while something runs" 0;
    List: Down [key('j'), named(KeyCode::Down)] "down" "one row down" 0;
    List: Up [key('k'), named(KeyCode::Up)] "up" "one row up" 0;
    List: First [key('g'), named(KeyCode::Home)] "first" "the first row" 0;
    List: Last [key('G'), named(KeyCode::End)] "last" "the last row" 0;
    List: PageDown [named(KeyCode::PageDown), ctrl('f')] "page down" "a page down" 0;
    List: PageUp [named(KeyCode::PageUp), ctrl('b')] "page up" "a page up" 0;
    List: HalfDown [ctrl('d')] "half down" "half a page down" 0;
    List: HalfUp [ctrl('u')] "half up" "half a page up" 0;
    List: Enter [named(KeyCode::Enter)] "open" "what is known of the row" 0;
    List: Mark [key(' ')] "mark" "mark the row, or unmark it" 0;
    List: MarkRange [key('v')] "range" "mark from here; `v` again marks up to there" 0;
    List: MarkAll [key('a')] "mark all" "mark all that are shown" 0;
    List: Unmark [key('A')] "unmark" "mark none" 0;
    List: Filter [key('/')] "filter" "text, `state:failed`, `site:eqiad`, `version:4.2`, `mw[01-10]`, `@api`; `!` inverts; of the history `by:`, `version:`, `outcome:`, `month:`, `for:`" 3;
    List: Sort [key('s')] "sort" "sort by the next column" 0;
    List: Reverse [key('S')] "reverse" "sort the other way round" 0;
    List: Copy [key('y')] "copy" "copy the host's name, or the command line of a row that is no host, in the menu too" 0;
    List: CopyFailure [key('Y')] "copy failure" "copy what went wrong with the host" 0;
    Fleet: Install [key('i')] "install" "install a version on the marked hosts, on those that the filter shows, or on all" 1;
    Fleet: Survey [key('r')] "survey" "ask every host what it runs" 2;
    Fleet: Continue [key('c')] "resume" "go on with the rollout whose conductor died" 0;
    Plan: Install [key('i')] "install" "start the rollout, after the number of its hosts was typed" 1;
    Plan: Reason [key('r')] "reason" "say why" 2;
    Plan: SkipUnreachable [key('u')] "skip unreachable" "leave hosts out that cannot be reached, or count them as failures" 0;
    Plan: OnFailure [key('o')] "on failure" "what follows when it must not go on: pause, rollback, abort" 0;
    Plan: NoSoak [key('z')] "no soak" "with or without the time that a stage must stay healthy" 0;
    Plan: PrimeOnly [key('P')] "prime only" "transfer everywhere and switch nowhere, or a whole rollout" 0;
    Plan: Compare [key('d')] "changes" "what differs between what hosts run and the version: commits, files, sizes" 3;
    Plan: Reload [key('R')] "plan anew" "make the plan again" 0;
    Rollout: Continue [key('c')] "continue" "go on after a pause, or promote a stage that waits for it" 1;
    Rollout: Pause [key('p')] "pause" "start no new host; those under way finish" 2;
    Rollout: Rollback [key('R')] "roll back" "put every switched host back to its last good release; when it is over, plan a rollback" 3;
    Rollout: Abort [key('x')] "abort" "end the rollout and leave every host as it stands" 4;
    Rollout: Soak [key('z')] "soak" "give the stage that soaks more or less time, or none, with a reason" 0;
    Rollout: Promote [key('P')] "promote" "promote the stage without the rest of its soak, with a reason; its gates have the last word" 0;
    Rollout: Hold [key('h')] "hold" "let nothing follow this stage until a person promotes it or continues, with a reason" 0;
    Rollout: Retry [key('t')] "retry" "try the marked hosts again, or all that failed" 0;
    Rollout: Skip [key('n')] "skip" "leave the marked hosts out, or the selected one" 0;
    Rollout: Failures [key('e')] "failures" "what went wrong, the same messages together" 0;
    Rollout: Debt [key('D')] "debt" "when it is over, plan what installs the good release on the hosts in debt" 0;
    Rollout: Compare [key('d')] "compare" "what differs between what hosts ran before it and what it installs" 0;
    Rollout: Report [key('W')] "report" "write a report of it to a file, in Markdown" 0;
    History: Reload [key('r')] "reload" "read the history anew" 1;
    History: Rollback [key('R')] "roll back" "plan a rollback to what the selected rollout installed" 2;
    History: Debt [key('D')] "debt" "plan what installs the good release on the hosts in debt" 0;
    History: Continue [key('c')] "resume" "go on with the selected rollout, whose conductor died" 0;
    History: Compare [key('d')] "compare" "what differs between the selected rollout's release and the one before" 4;
    History: Report [key('W')] "report" "write a report of the selected rollout to a file, in Markdown" 0;
};

/// Finds what a key does in the first of some contexts that knows it.
#[must_use]
pub fn lookup(event: KeyEvent, contexts: &[Context]) -> Option<Action> {
    let pressed = Key::from(event);
    contexts.iter().find_map(|&context| {
        BINDINGS
            .iter()
            .find(|binding| binding.context == context && binding.keys.contains(&pressed))
            .map(|binding| binding.action)
    })
}

/// Finds the binding of an action in the first of some contexts that has it.
#[must_use]
pub fn binding(action: Action, contexts: &[Context]) -> Option<&'static Binding> {
    contexts
        .iter()
        .find_map(|&context| BINDINGS.iter().find(|binding| binding.context == context && binding.action == action))
}

/// Gives the keys that matter most in some contexts, at most six, in the order of the footer.
#[must_use]
pub fn footer(contexts: &[Context]) -> Vec<&'static Binding> {
    let mut shown: Vec<&Binding> =
        BINDINGS.iter().filter(|binding| binding.footer > 0 && contexts.contains(&binding.context)).collect();
    // The screen's own keys come before those of every list, and the way to help is always among them.
    if shown.len() > 6 {
        shown.retain(|binding| binding.context != Context::List);
    }
    shown.sort_by_key(|binding| binding.footer);
    shown
}

/// Writes the names of a binding's keys.
#[must_use]
pub fn names(binding: &Binding, ascii: bool) -> String {
    let names = binding.keys.iter().map(|key| match key.code {
        KeyCode::Up if ascii => "Up".to_owned(),
        KeyCode::Down if ascii => "Down".to_owned(),
        _ => key.to_string(),
    });
    names.collect::<Vec<_>>().join(" ")
}

/// Writes the README's table of keys, in Markdown.
#[must_use]
pub fn readme_table() -> String {
    let mut table = String::from("| where | key | does |\n|---|---|---|\n");
    for context in Context::ALL {
        for (place, binding) in BINDINGS.iter().filter(|binding| binding.context == context).enumerate() {
            let keys = binding.keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" ");
            let title = if place == 0 { context.title() } else { "" };
            table.push_str(&format!("| {title} | {keys} | {} |\n", binding.help));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Action, BINDINGS, Context, footer, lookup, names, readme_table};
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for screen in [Context::Fleet, Context::Plan, Context::Rollout, Context::History] {
            let mut seen = HashSet::new();
            for binding in BINDINGS.iter().filter(|binding| {
                binding.context == screen || matches!(binding.context, Context::Everywhere | Context::List)
            }) {
                for key in binding.keys {
                    assert!(seen.insert(*key), "{key} means two things on {screen:?}");
                }
            }
        }
    }

    #[test]
    fn a_footer_has_at_most_six_keys_and_always_the_way_to_help() {
        for screen in [Context::Fleet, Context::Plan, Context::Rollout, Context::History] {
            let shown = footer(&[screen, Context::List, Context::Everywhere]);
            assert!(shown.len() <= 6);
            assert!(shown.iter().any(|binding| binding.action == Action::Help), "{screen:?}");
        }
    }

    #[test]
    fn the_keys_of_the_contract_do_what_it_says() {
        let rollout = [Context::Rollout, Context::List, Context::Everywhere];
        for (pressed, action) in [
            ('c', Action::Continue),
            ('p', Action::Pause),
            ('x', Action::Abort),
            ('R', Action::Rollback),
            ('t', Action::Retry),
            ('n', Action::Skip),
            ('q', Action::Quit),
            (' ', Action::Mark),
            ('/', Action::Filter),
        ] {
            let event = KeyEvent::new(KeyCode::Char(pressed), KeyModifiers::NONE);
            assert_eq!(lookup(event, &rollout), Some(action), "{pressed:?}");
        }
        let half = KeyEvent::new(KeyCode::Char('d'), KeyModifiers::CONTROL);
        assert_eq!(lookup(half, &rollout), Some(Action::HalfDown));
    }

    #[test]
    fn every_binding_has_words_and_ascii_names() {
        for binding in BINDINGS {
            assert!(!binding.help.is_empty() && !binding.word.is_empty());
            assert!(names(binding, true).is_ascii(), "{:?}", binding.action);
        }
    }

    #[test]
    fn the_readme_has_every_key() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let readme = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = readme.split_once("<!-- keys:").unwrap();
        let (comment, rest) = rest.split_once("-->\n").unwrap();
        let (written, after) = rest.split_once("<!-- end of keys -->").unwrap();
        let table = readme_table();
        if std::env::var_os("COALMINE_REGENERATE").is_some() {
            std::fs::write(&path, format!("{before}<!-- keys:{comment}-->\n{table}<!-- end of keys -->{after}"))
                .unwrap();
            return;
        }
        assert_eq!(written, table, "run this test with COALMINE_REGENERATE=1");
    }
}
