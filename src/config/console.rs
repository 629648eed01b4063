//! How the console looks and what its keys do: a person's own, so it belongs into the user's file.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Value;

use super::leaf::{Leaf, Refused, deserialize_as_leaf};
use super::schema::{Key, Presence::Default, Section, value};
use super::word::Ground;
use crate::words::Tone;

pub(super) static CONSOLE: Section = Section { keys: &KEYS };

static KEYS: [Key; 4] = [
    value::<Ground>(
        "ground",
        Default(r#""auto""#),
        "what the terminal draws on: \"dark\", \"light\", or \"auto\", which asks COLORFGBG",
    ),
    value::<Colors>(
        "colors",
        Default("{}"),
        "colours by what they mean, such as { busy = \"blue\", warn = \"bright-yellow\" }: good, busy, warn, bad, lost, back, key",
    ),
    value::<bool>(
        "mouse",
        Default("false"),
        "true: the wheel scrolls and a click selects; false: the mouse selects text, as ever",
    ),
    value::<KeyNames>(
        "keys",
        Default("{}"),
        "other keys by the names of README's table, such as { \"rollout.pause\" = [\"F5\"], \"fleet.survey\" = [] }",
    ),
];

/// Says how the console looks and what its keys do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleSettings {
    /// What the terminal draws on.
    pub ground: Ground,
    /// Other colours than those of everybody.
    pub colors: Colors,
    /// Whether the mouse is the console's.
    pub mouse: bool,
    /// Other keys than those of everybody.
    pub keys: KeyNames,
}

/// Names one of the sixteen colours that every terminal has, as its owner wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnsiColor(u8);

impl AnsiColor {
    const NAMES: [&'static str; 8] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

    /// Gives its number: 0 to 7, and 8 to 15 for the bright ones (ECMA-48, aixterm).
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    fn read(text: &str) -> Option<Self> {
        let (name, bright) = text.strip_prefix("bright-").map_or((text, 0), |name| (name, 8));
        let place = Self::NAMES.iter().position(|known| *known == name)?;
        Some(Self(u8::try_from(place).ok()? + bright))
    }
}

/// Holds colours by what they mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colors(Vec<(Tone, AnsiColor)>);

impl Colors {
    /// The meanings that have a colour, by their names.
    const MEANINGS: [(&'static str, Tone); 7] = [
        ("good", Tone::Good),
        ("busy", Tone::Busy),
        ("warn", Tone::Warn),
        ("bad", Tone::Bad),
        ("lost", Tone::Lost),
        ("back", Tone::Back),
        ("key", Tone::Key),
    ];

    /// Gives the colours that were chosen.
    pub fn iter(&self) -> impl Iterator<Item = (Tone, AnsiColor)> {
        self.0.iter().copied()
    }
}

impl Leaf for Colors {
    const EXPECTED: &'static str = r#"meanings and colours, such as { busy = "blue" }"#;

    fn read(value: &Value) -> Result<Self, Refused> {
        let read = |(name, value): (&String, &Value)| {
            let Some((_, tone)) = Self::MEANINGS.into_iter().find(|(known, _)| known == name) else {
                let known = Self::MEANINGS.map(|(known, _)| known).join(", ");
                return Err(Refused::because(format_args!("nothing means {name:?}: {known}")));
            };
            let color = value.as_str().and_then(AnsiColor::read).ok_or_else(|| {
                let known = AnsiColor::NAMES.join(", ");
                Refused::because(format_args!("{name} must be one of {known}, or one of these behind \"bright-\""))
            })?;
            Ok((tone, color))
        };
        value.as_table().ok_or(Refused::Unexpected)?.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

/// Holds the names of keys by the names of what they do; which there are is known to the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyNames(BTreeMap<String, Vec<String>>);

impl KeyNames {
    /// Gives each name with its keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(name, keys)| (name.as_str(), keys.as_slice()))
    }
}

impl Leaf for KeyNames {
    const EXPECTED: &'static str = r#"names and lists of keys, such as { "rollout.pause" = ["F5"] }"#;

    fn read(value: &Value) -> Result<Self, Refused> {
        let read = |(name, value): (&String, &Value)| {
            let keys: Option<Vec<String>> = match value {
                Value::String(key) => Some(vec![key.clone()]),
                Value::Array(keys) => keys.iter().map(|key| key.as_str().map(str::to_owned)).collect(),
                _ => None,
            };
            let keys = keys.ok_or_else(|| Refused::because(format_args!("{name} must be a list of keys in quotes")))?;
            Ok((name.clone(), keys))
        };
        value.as_table().ok_or(Refused::Unexpected)?.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

deserialize_as_leaf!(Colors, KeyNames);

#[cfg(test)]
mod tests {
    use super::{Colors, KeyNames};
    use crate::config::leaf::Leaf;
    use crate::words::Tone;

    fn read<T: Leaf>(text: &str) -> Result<T, super::Refused> {
        T::read(&format!("it = {text}").parse::<toml::Table>().unwrap()["it"])
    }

    #[test]
    fn colours_are_the_terminal_s_own_by_what_they_mean() {
        let colors: Colors = read(r#"{ busy = "blue", warn = "bright-yellow" }"#).unwrap();
        let found: Vec<(Tone, u8)> = colors.iter().map(|(tone, color)| (tone, color.number())).collect();
        assert_eq!(found, [(Tone::Busy, 4), (Tone::Warn, 11)]);
        for wrong in [r#"{ plain = "red" }"#, r#"{ bad = "pink" }"#, r#"{ bad = 1 }"#, r#"{ bad = "bright-" }"#, "1"] {
            assert!(read::<Colors>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_are_one_or_several_texts() {
        let keys: KeyNames = read(r#"{ "rollout.pause" = "F5", "fleet.survey" = [] }"#).unwrap();
        let found: Vec<(&str, usize)> = keys.iter().map(|(name, keys)| (name, keys.len())).collect();
        assert_eq!(found, [("fleet.survey", 0), ("rollout.pause", 1)]);
        assert!(read::<KeyNames>(r#"{ "rollout.pause" = 5 }"#).is_err());
    }
}
