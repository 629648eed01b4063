//! The command line of the console: everything that the menu has, by its name, and what wants a word more.

use crossterm::event::{KeyCode, KeyEvent};
use tui_input::Input;

use super::App;
use super::layers::{Layer, Line, LineKind};
use crate::config::parse_duration;
use crate::model::Environment;
use crate::tui::keymap::{Action, Context};
use crate::tui::messages::{Request, Settings};
use crate::words::Typed;

/// What `soak` takes behind it, as a complaint and the help say it.
const SOAK: &str = "soak 10m REASON gives the stage so long from now, soak 0s REASON ends its soak";

/// Tells whether a command wants words behind its name.
const fn takes_words(action: Action) -> bool {
    matches!(
        action,
        Action::Soak
            | Action::Promote
            | Action::Hold
            | Action::Lock
            | Action::Environment
            | Action::Filter
            | Action::Reason
    )
}

impl App {
    /// Gives the commands that can be typed on the screen that is shown: by their names, those of the screen first.
    pub fn commands(&self) -> impl Iterator<Item = (String, Action)> {
        let contexts = self.screen.contexts();
        let named = contexts.iter().flat_map(|&context| {
            self.settings.keys.of(context).filter(move |binding| is_command(context, binding.action))
        });
        named.map(|binding| (binding.command(), binding.action))
    }

    /// Opens the command line with what was chosen already.
    pub(super) fn open_command(&mut self, text: &str) -> Vec<Request> {
        let input = Input::new(text.to_owned());
        self.layers.push(Layer::Line(Line { kind: LineKind::Command, input, before: String::new() }));
        Vec::new()
    }

    /// Opens the command line for an action that wants words, with its name typed.
    pub(super) fn ask_words(&mut self, action: Action) -> Vec<Request> {
        let binding = self.settings.keys.binding(action, self.screen.contexts());
        let text = binding.map(|binding| format!("{} ", binding.command())).unwrap_or_default();
        self.open_command(&text)
    }

    /// Gives what the typed text could go on with: names of commands, or of what the command takes.
    #[must_use]
    pub fn candidates(&self, text: &str) -> Vec<String> {
        let starts = |name: &String| name.starts_with(last_word(text));
        match text.trim_start().split_once(' ') {
            None => self.commands().map(|(name, _)| name).filter(starts).collect(),
            Some((word, _)) if matches!(self.command_named(word), Ok(Action::Environment)) => {
                self.settings.environments.iter().map(ToString::to_string).filter(starts).collect()
            }
            Some(_) => Vec::new(),
        }
    }

    /// Says what the command that is typed does, and what it takes; none while it is not clear which that is.
    #[must_use]
    pub fn command_help(&self, text: &str) -> Option<&'static str> {
        let (word, _) = text.trim_start().split_once(' ')?;
        match self.command_named(word).ok()? {
            Action::Soak => Some(SOAK),
            Action::Promote => Some("promote REASON"),
            Action::Hold => Some("hold REASON"),
            Action::Lock => Some("lock REASON"),
            action => self.settings.keys.binding(action, self.screen.contexts()).map(|binding| binding.help),
        }
    }

    pub(super) fn key_in_command(&mut self, key: KeyEvent) -> Vec<Request> {
        let Some(Layer::Line(line)) = self.layers.last() else {
            return Vec::new();
        };
        let text = line.input.value().to_owned();
        match key.code {
            KeyCode::Enter => {
                self.layers.pop();
                match self.run_line(&text) {
                    Ok(requests) => requests,
                    Err(why) => {
                        // What was typed stays, so that it can be mended.
                        self.open_command(&text);
                        self.notify(why)
                    }
                }
            }
            KeyCode::Esc => {
                self.layers.pop();
                Vec::new()
            }
            KeyCode::Tab => {
                let completed = self.completed(&text);
                if let Some(Layer::Line(line)) = self.layers.last_mut() {
                    line.input = Input::new(completed);
                }
                Vec::new()
            }
            // An empty line that is deleted once more is closed, as elsewhere.
            KeyCode::Backspace if text.is_empty() => {
                self.layers.pop();
                Vec::new()
            }
            _ => {
                if let Some(Layer::Line(line)) = self.layers.last_mut() {
                    super::layers::edit(&mut line.input, key);
                }
                Vec::new()
            }
        }
    }

    /// Completes the last word as far as it is the same in all that it could be.
    fn completed(&self, text: &str) -> String {
        let candidates = self.candidates(text);
        let Some(first) = candidates.first() else {
            return text.to_owned();
        };
        let common = candidates.iter().fold(first.as_str(), |common, other| common_start(common, other));
        let kept = text.strip_suffix(last_word(text)).unwrap_or(text);
        let wants_more =
            candidates.len() == 1 && kept.trim().is_empty() && self.command_named(common).is_ok_and(takes_words);
        format!("{kept}{common}{}", if wants_more { " " } else { "" })
    }

    fn command_named(&self, word: &str) -> Result<Action, String> {
        if let Some((_, action)) = self.commands().find(|(name, _)| name == word) {
            return Ok(action);
        }
        let meant: Vec<(String, Action)> = self.commands().filter(|(name, _)| name.starts_with(word)).collect();
        match meant.as_slice() {
            [(_, action)] => Ok(*action),
            [] => Err(format!("there is no {word:?} on this screen: Tab shows what there is")),
            many => {
                let names: Vec<&str> = many.iter().map(|(name, _)| name.as_str()).collect();
                Err(format!("{word:?} can be {}", names.join(" or ")))
            }
        }
    }

    /// Does what was typed, or says why not.
    fn run_line(&mut self, text: &str) -> Result<Vec<Request>, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let action = self.command_named(word)?;
        if let Some(why) = self.refusal(action) {
            return Err(format!("cannot {word}: {why}"));
        }
        match action {
            Action::Soak => {
                let (left, reason) = rest.split_once(char::is_whitespace).ok_or(SOAK)?;
                let left = parse_duration(left).map_err(|error| format!("{left:?} is no time: {}", error.reason))?;
                self.soak_dialog(left, reason.trim())
            }
            Action::Promote if rest.is_empty() => Err("say why: promote REASON".to_owned()),
            Action::Promote => self.promote_dialog(rest),
            Action::Hold if rest.is_empty() => Err("say why: hold REASON".to_owned()),
            Action::Hold => Ok(self.hold(rest)),
            Action::Lock if rest.is_empty() => Err("say why: lock REASON".to_owned()),
            Action::Lock => Ok(self.freeze_for(rest)),
            Action::Environment => self.switch_environment(rest),
            Action::Filter => {
                self.set_line(LineKind::Filter, rest);
                Ok(Vec::new())
            }
            Action::Reason => {
                self.set_line(LineKind::Reason, rest);
                Ok(Vec::new())
            }
            _ if !rest.is_empty() => Err(format!("{word} takes nothing behind it")),
            action => Ok(self.act(action)),
        }
    }

    /// Begins as if opened on another environment; how it looks stays.
    pub(super) fn begin_anew(&mut self, environment: Environment, invocation: Typed) -> Vec<Request> {
        let settings = Settings { environment, invocation, open: None, now: self.now, ..self.settings.clone() };
        let (state, first) = Self::new(settings, self.size, self.layout);
        let before = std::mem::replace(self, state);
        (self.log, self.ticks, self.hidden) = (before.log, before.ticks, before.hidden);
        self.notify(format!(
            "this is {} now; what ran in {} goes on",
            self.settings.environment, before.settings.environment
        ));
        first
    }

    fn switch_environment(&mut self, name: &str) -> Result<Vec<Request>, String> {
        let known: Vec<&str> = self.settings.environments.iter().map(Environment::as_str).collect();
        let Some(environment) = self.settings.environments.iter().find(|known| known.as_str() == name).cloned() else {
            return Err(format!("there is no environment {name:?}: {}", known.join(", ")));
        };
        if environment == self.settings.environment {
            return Err(format!("{environment} is what is shown"));
        }
        let ticket = self.ask(format!("environment {environment}"));
        Ok(vec![Request::SwitchEnvironment { ticket, environment }])
    }
}

/// Tells whether something makes sense as a typed command: whatever is done, and not how the cursor moves.
fn is_command(context: Context, action: Action) -> bool {
    match context {
        Context::Moves => false,
        Context::List => matches!(
            action,
            Action::Filter
                | Action::MarkAll
                | Action::Unmark
                | Action::Sort
                | Action::Reverse
                | Action::Copy
                | Action::Group
                | Action::Columns
        ),
        _ => !matches!(action, Action::Command | Action::Back),
    }
}

fn last_word(text: &str) -> &str {
    text.rsplit(' ').next().unwrap_or_default()
}

fn common_start<'a>(one: &'a str, other: &str) -> &'a str {
    let same = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b).map(|((place, _), _)| place);
    let end = same.unwrap_or_else(|| one.len().min(other.len()));
    one.get(..end).unwrap_or(one)
}
