//! What the configuration makes of the keys: read by name, and refused where a key would mean two things.

use std::borrow::Cow;
use std::collections::HashMap;

use crossterm::event::KeyCode;
use thiserror::Error;

use super::{Action, Binding, Key, Keymap, PLACES};
use crate::expr::nearest;

/// What nobody may be left without: the ways to help, back and out.
const NEEDED: [Action; 3] = [Action::Help, Action::Back, Action::Quit];

/// Tells what is wrong with the keys of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeysError {
    /// Nothing has that name.
    #[error("nothing is called {name:?}{}", .nearest.as_ref().map(|near| format!("; {near:?} is")).unwrap_or_default())]
    Unknown {
        /// The name.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// No key has that name.
    #[error(
        "{name} has {key:?}, which is no key: one character, Ctrl- and a letter, F1 to F12, space, Enter, Tab, \
         Shift-Tab, Esc, Backspace, Delete, Insert, Home, End, PgUp, PgDn, Up, Down, Left or Right"
    )]
    NoKey {
        /// What it was for.
        name: String,
        /// What was written.
        key: String,
    },
    /// A key would mean two things in one place.
    #[error("{key} would mean both {one} and {other}")]
    Conflict {
        /// The key.
        key: String,
        /// One of them.
        one: String,
        /// The other.
        other: String,
    },
    /// Something that is needed would have no key.
    #[error("{name} needs a key")]
    Needed {
        /// What it is.
        name: String,
    },
}

/// Names a binding as the configuration does.
pub(super) fn name(binding: &Binding) -> String {
    format!("{}.{}", binding.context.name(), binding.command())
}

impl Keymap {
    /// Gives the keys of everybody, with others for what is named; no key at all leaves only its command.
    ///
    /// # Errors
    ///
    /// When a name or a key is unknown, when a key would mean two things in one place, or when help, back or quit would have none.
    pub fn with<'a>(changes: impl IntoIterator<Item = (&'a str, &'a [String])>) -> Result<Self, KeysError> {
        let mut keymap = Self::default();
        for (wanted, keys) in changes {
            let Some(binding) = keymap.bindings.iter_mut().find(|binding| name(binding) == wanted) else {
                let names: Vec<String> = keymap.bindings.iter().map(name).collect();
                let nearest = nearest(wanted, names.iter().map(String::as_str)).map(str::to_owned);
                return Err(KeysError::Unknown { name: wanted.to_owned(), nearest });
            };
            let read = keys.iter().map(|key| {
                let unknown = || KeysError::NoKey { name: wanted.to_owned(), key: key.clone() };
                Key::read(key).ok_or_else(unknown)
            });
            binding.keys = Cow::Owned(read.collect::<Result<_, _>>()?);
        }
        keymap.check()?;
        Ok(keymap)
    }

    fn check(&self) -> Result<(), KeysError> {
        if let Some(bare) = self.bindings.iter().find(|one| NEEDED.contains(&one.action) && one.keys.is_empty()) {
            return Err(KeysError::Needed { name: name(bare) });
        }
        for contexts in PLACES {
            let mut known: HashMap<Key, &Binding> = HashMap::new();
            for binding in self.bindings.iter().filter(|binding| contexts.contains(&binding.context)) {
                for &key in binding.keys.iter() {
                    if let Some(other) = known.insert(key, binding) {
                        let (one, other) = (name(other), name(binding));
                        return Err(KeysError::Conflict { key: key.to_string(), one, other });
                    }
                }
            }
        }
        Ok(())
    }
}

impl Key {
    /// Reads a key by its name, as help and the README write it; none where there is no such key.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if let Some(letter) = text.strip_prefix("Ctrl-") {
            let mut letters = letter.chars();
            let code = letters.next().filter(|c| c.is_ascii_lowercase()).map(KeyCode::Char)?;
            return letters.next().is_none().then_some(Self { code, ctrl: true });
        }
        let mut characters = text.chars();
        let code = match (characters.next(), characters.next()) {
            (Some(c), None) if !c.is_control() && c != ' ' => named_arrow(c).unwrap_or(KeyCode::Char(c)),
            _ => match text {
                "space" => KeyCode::Char(' '),
                "Enter" => KeyCode::Enter,
                "Tab" => KeyCode::Tab,
                "Shift-Tab" => KeyCode::BackTab,
                "Esc" => KeyCode::Esc,
                "Backspace" => KeyCode::Backspace,
                "Delete" => KeyCode::Delete,
                "Insert" => KeyCode::Insert,
                "Home" => KeyCode::Home,
                "End" => KeyCode::End,
                "PgUp" => KeyCode::PageUp,
                "PgDn" => KeyCode::PageDown,
                "Up" => KeyCode::Up,
                "Down" => KeyCode::Down,
                "Left" => KeyCode::Left,
                "Right" => KeyCode::Right,
                _ => KeyCode::F(text.strip_prefix('F')?.parse().ok().filter(|number| (1..=12).contains(number))?),
            },
        };
        Some(Self { code, ctrl: false })
    }
}

const fn named_arrow(c: char) -> Option<KeyCode> {
    match c {
        '↑' => Some(KeyCode::Up),
        '↓' => Some(KeyCode::Down),
        '←' => Some(KeyCode::Left),
        '→' => Some(KeyCode::Right),
        _ => None,
    }
}
