//! Variables of the environment and flags as layers.

use std::ffi::OsString;

use toml::Value;

use super::error::{Place, Problem};
use super::leaf::Form;
use super::origin::Origin;
use super::schema::{Key, Kind, Section, Shape};
use super::settings::ROOT;
use super::source::Flag;
use super::template::DryWord;
use super::tree::{Node, Table};
use crate::expr::nearest;

const PREFIX: &str = "COALMINE_";

/// Variables that are coalmine's and set no key: flags that have one, and a switch of the tests.
const NOT_KEYS: [&str; 9] = ["CONFIG", "ENV", "STATE_DIR", "COLOR", "LOG", "OUTPUT", "VERBOSE", "NO_TUI", "REGENERATE"];

/// Reads the variables; gives the layer, and the names that begin like one of coalmine's and mean nothing to it.
pub(super) fn read(
    variables: &[(OsString, OsString)],
    environments: &[String],
    problems: &mut Vec<Problem>,
) -> (Table, Vec<String>) {
    let mut layer = Table::new(Origin::Default);
    let mut ignored = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let is_dry_word = DryWord::all().any(|word| word.variable() == name);
        if is_dry_word || NOT_KEYS.contains(&rest) {
            continue;
        }
        let problem = |message: String| Problem::new(Place::Variable(name.to_owned()), message);
        match target(rest, environments) {
            Target::None => ignored.push(name.to_owned()),
            Target::Wrong { message, hint } => problems.push(problem(message).hint(hint)),
            Target::Key(path, kind) => match value.to_str() {
                None => problems.push(problem("its value is not UTF-8".to_owned())),
                Some(text) => set(&mut layer, &path, kind, text, Origin::Variable(name.to_owned()), problems),
            },
        }
    }
    ignored.sort();
    (layer, ignored)
}

/// Reads the flags.
pub(super) fn read_flags(flags: &[Flag], problems: &mut Vec<Problem>) -> Table {
    let mut layer = Table::new(Origin::Default);
    for flag in flags {
        let origin = Origin::Flag(flag.name.clone());
        match kind_of(&flag.key) {
            Some(kind) => set(&mut layer, &flag.key, kind, &flag.value, origin, problems),
            None => problems.push(Problem::new(&origin, format!("there is no key `{}`", flag.key.join(".")))),
        }
    }
    layer
}

enum Target {
    /// A key that the variable sets.
    Key(Vec<String>, &'static Kind),
    /// A known section, and nothing that could be set in it.
    Wrong { message: String, hint: String },
    /// Nothing that has to do with the configuration.
    None,
}

/// Finds the key that a variable's name, without its prefix, stands for.
fn target(rest: &str, environments: &[String]) -> Target {
    let behind = |key: &Key| rest.strip_prefix(&capitals(key.name))?.strip_prefix('_');
    let Some((section, rest)) = ROOT.keys.iter().find_map(|key| Some((key, behind(key)?))) else {
        return Target::None;
    };
    match &section.shape {
        Shape::Table(table) => match key_of(table, rest) {
            Some((key, kind)) => Target::Key(vec![section.name.to_owned(), key.name.to_owned()], kind),
            None => unknown(table, &format!("{PREFIX}{}_", capitals(section.name)), section.name, rest),
        },
        Shape::Named(named) if !named.whole => environment(section, named.section, rest, environments),
        _ => Target::Wrong {
            message: format!("`{}` cannot be set by a variable", section.name),
            hint: "write it into a file".to_owned(),
        },
    }
}

fn environment(section: &Key, keys: &'static Section, rest: &str, environments: &[String]) -> Target {
    let mut behind = environments.iter().filter_map(|name| {
        let key = rest.strip_prefix(&capitals(name))?.strip_prefix('_')?;
        Some((name, key))
    });
    let found: Vec<_> = behind.by_ref().filter_map(|(name, rest)| Some((name, key_of(keys, rest)?))).collect();
    match found.as_slice() {
        [(name, (key, kind))] => Target::Key(vec![section.name.to_owned(), (*name).clone(), key.name.to_owned()], kind),
        [(one, _), (other, _), ..] => Target::Wrong {
            message: format!("it could be of environment `{one}` or `{other}`"),
            hint: "write it into a file".to_owned(),
        },
        [] => {
            let named = environments
                .iter()
                .find_map(|name| Some((name, rest.strip_prefix(&capitals(name))?.strip_prefix('_')?)));
            match named {
                Some((name, key)) => {
                    let prefix = format!("{PREFIX}{}_{}_", capitals(section.name), capitals(name));
                    unknown(keys, &prefix, &format!("{}.{name}", section.name), key)
                }
                None => Target::Wrong {
                    message: "it is of no environment that a file has".to_owned(),
                    hint: match environments {
                        [] => "no file has an environment".to_owned(),
                        names => format!(
                            "the environments are {}; a variable begins with {PREFIX}{}_{}_",
                            names.join(", "),
                            capitals(section.name),
                            names.first().map(|name| capitals(name)).unwrap_or_default(),
                        ),
                    },
                },
            }
        }
    }
}

fn unknown(section: &'static Section, prefix: &str, path: &str, rest: &str) -> Target {
    let known = || section.keys.iter().filter(|key| matches!(key.shape, Shape::Value { .. })).map(|key| key.name);
    let hint = match nearest(rest, known()) {
        Some(nearest) => format!("the nearest known one is {prefix}{}", capitals(nearest)),
        None => format!("the keys here are {}", known().collect::<Vec<_>>().join(", ")),
    };
    Target::Wrong { message: format!("`{path}` has no key `{}` that a variable can set", rest.to_lowercase()), hint }
}

fn key_of(section: &'static Section, rest: &str) -> Option<(&'static Key, &'static Kind)> {
    section.keys.iter().find_map(|key| match &key.shape {
        Shape::Value { kind, .. } if capitals(key.name) == rest => Some((key, kind)),
        _ => None,
    })
}

fn kind_of(path: &[String]) -> Option<&'static Kind> {
    let mut section = &ROOT;
    let mut names = path.iter();
    loop {
        match &section.key(names.next()?)?.shape {
            Shape::Value { kind, .. } => return names.next().is_none().then_some(kind),
            Shape::Table(inner) => section = inner,
            Shape::Named(named) => {
                names.next()?;
                section = named.section;
            }
            Shape::List { .. } => return None,
        }
    }
}

fn set(
    layer: &mut Table,
    path: &[String],
    kind: &'static Kind,
    text: &str,
    origin: Origin,
    problems: &mut Vec<Problem>,
) {
    let value = written(kind.form, text);
    if let Err(refused) = (kind.check)(&value) {
        let message = format!("`{}` {}", path.join("."), refused.describe(&value, kind.expected));
        problems.push(Problem::new(&origin, message));
    }
    layer.insert(path, Node::Leaf { value, origin });
}

/// Reads a value that has no quotes around it.
fn written(form: Form, text: &str) -> Value {
    let toml = || {
        let value = toml::de::ValueDeserializer::parse(text).ok()?;
        serde::Deserialize::deserialize(value).ok()
    };
    let read = match form {
        Form::Text => None,
        Form::TextOrList => toml().filter(|value: &Value| value.is_array()),
        Form::Toml => toml(),
    };
    read.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Writes a name as a variable has it.
fn capitals(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}
