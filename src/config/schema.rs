//! What can be said of a key: its name, what may stand behind it, what it is when nobody wrote it, and what it means.
//!
//! Each table's keys are written in one place, before the type that holds their values; a test holds the two together. The check
//! for unknown keys, the check of values, the defaults, the variables, `config show` and the sample file are made of them.

use toml::Value;

use super::leaf::{Form, Leaf, Refused};

/// Describes a table with fixed keys.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) keys: &'static [Key],
}

impl Section {
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// Describes a key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) shape: Shape,
}

/// Says what stands behind a key.
#[derive(Debug)]
pub(super) enum Shape {
    /// A value.
    Value { kind: Kind, presence: Presence },
    /// A table with fixed keys, which is there even when nobody wrote it.
    Table(&'static Section),
    /// A table of tables, each with a name of the author's.
    Named(&'static Named),
    /// A list of tables, `[[…]]`; a stronger layer replaces it as a whole.
    List {
        section: &'static Section,
        /// What to write when there is none; none when there need be none.
        essential: Option<&'static str>,
    },
}

/// Describes a table of tables with names of the author's.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) section: &'static Section,
    pub(super) check_name: fn(&str) -> Result<(), String>,
    /// Whether a stronger layer replaces one of them as a whole.
    pub(super) whole: bool,
    /// What to write when there is none; none when there need be none.
    pub(super) essential: Option<&'static str>,
}

/// Says what happens when nobody wrote a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Presence {
    /// It has this value, in TOML.
    Default(&'static str),
    /// It must be written, as in this example in TOML.
    Essential(&'static str),
    /// It stays away; this is an example in TOML.
    Optional(&'static str),
}

/// Describes what a value may be.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) expected: &'static str,
    pub(super) form: Form,
    pub(super) path: bool,
    pub(super) check: fn(&Value) -> Result<(), Refused>,
}

const fn kind<T: Leaf>() -> Kind {
    Kind { expected: T::EXPECTED, form: T::FORM, path: T::PATH, check: |value| T::read(value).map(drop) }
}

pub(super) const fn value<T: Leaf>(name: &'static str, presence: Presence, about: &'static str) -> Key {
    Key { name, about, shape: Shape::Value { kind: kind::<T>(), presence } }
}

pub(super) const fn table(name: &'static str, section: &'static Section, about: &'static str) -> Key {
    Key { name, about, shape: Shape::Table(section) }
}
