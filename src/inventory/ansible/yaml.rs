//! The YAML format, by the documentation of `ansible.builtin.yaml`; stricter than it where it would pass a host over.

use serde_norway::{Mapping, Value};

use super::reach::is_about_reach;
use super::{Ansible, Builder, Place};
use crate::expr::nearest;
use crate::inventory::error::InventoryError;

const KEYS: [&str; 3] = ["hosts", "children", "vars"];

pub(super) fn parse(place: &Place<'_>, bytes: &[u8]) -> Result<Ansible, InventoryError> {
    let origin = place.origin;
    let value = read(origin, bytes)?;
    let document = |reason: String| InventoryError::Document { origin: origin.to_owned(), reason };
    let groups = match &value {
        Value::Mapping(groups) => groups,
        Value::Null => return Err(document("it is empty".to_owned())),
        _ => return Err(document("expected groups, as in `all: {hosts: {…}}`".to_owned())),
    };
    if groups.contains_key("_meta") {
        // What `ansible-inventory --list` printed, kept in a file.
        return super::list::parse(place, bytes);
    }
    if groups.contains_key("plugin") {
        return Err(document(
            "this configures an inventory plugin; let Ansible run it and make a group of what it prints with \
             `{ command = [\"ansible-inventory\", \"-i\", …, \"--list\"] }`"
                .to_owned(),
        ));
    }
    let mut builder = Builder::default();
    for (name, group) in groups {
        let name = name.as_str().ok_or_else(|| document(format!("expected a group's name, not {name:?}")))?;
        read_group(&mut builder, name, group, name).map_err(document)?;
    }
    builder.finish(place)
}

/// Reads a group and its children; the parser has bounded how deep they are. `path` tells where it is.
fn read_group(builder: &mut Builder, name: &str, group: &Value, path: &str) -> Result<usize, String> {
    let index = builder.group(name);
    let Some(keys) = mapping(group, path)? else { return Ok(index) };
    for (key, value) in &*keys {
        let place = format!("{path}.{}", key.as_str().unwrap_or("?"));
        match key.as_str() {
            Some("vars") => {
                for (name, value) in scalars(value).map_err(|reason| format!("{place}: {reason}"))? {
                    builder.set_group(index, name, &value);
                }
            }
            Some("hosts") => {
                for (pattern, variables) in mapping(value, &place)?.iter().flat_map(|hosts| hosts.iter()) {
                    let pattern = pattern
                        .as_str()
                        .ok_or_else(|| format!("{place}: expected a host, not {pattern:?}; put it into quotes"))?;
                    let variables = scalars(variables).map_err(|reason| format!("{place}.{pattern}: {reason}"))?;
                    let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
                    builder
                        .hosts(index, pattern, variables)
                        .map_err(|reason| format!("{place}.{pattern}: {reason}"))?;
                }
            }
            Some("children") => {
                for (child, group) in mapping(value, &place)?.iter().flat_map(|children| children.iter()) {
                    let name =
                        child.as_str().ok_or_else(|| format!("{place}: expected a group's name, not {child:?}"))?;
                    let child = read_group(builder, name, group, &format!("{place}.{name}"))?;
                    builder.child(index, child);
                }
            }
            Some(other) => {
                let hint = nearest(other, KEYS).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                return Err(format!("{place}: a group has `hosts`, `children` and `vars`{hint}"));
            }
            None => return Err(format!("{place}: expected `hosts`, `children` or `vars`, not {key:?}")),
        }
    }
    Ok(index)
}

/// Gives a mapping; a lone text stands for a mapping of it to nothing, as for Ansible.
fn mapping<'a>(value: &'a Value, place: &str) -> Result<Option<std::borrow::Cow<'a, Mapping>>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Mapping(mapping) => Ok(Some(std::borrow::Cow::Borrowed(mapping))),
        Value::String(_) => {
            let mut lone = Mapping::new();
            lone.insert(value.clone(), Value::Null);
            Ok(Some(std::borrow::Cow::Owned(lone)))
        }
        _ => Err(format!("{place}: expected a mapping, as in `web1: {{}}`, each name with a colon behind it")),
    }
}

/// Gives the variables that Ansible itself obeys, and refuses those that are neither a text nor a number nor a truth value.
pub(super) fn scalars(variables: &Value) -> Result<Vec<(&str, String)>, String> {
    let Value::Mapping(variables) = variables else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.as_str().filter(|name| name.starts_with("ansible_")) else { continue };
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(is) => is.to_string(),
            Value::Null => String::new(),
            _ if !is_about_reach(name) => continue,
            Value::Tagged(_) => return Err(format!("{name} is encrypted, and only Ansible has the key: write it out")),
            _ => return Err(format!("{name} is no text: write it out")),
        };
        found.push((name, value));
    }
    Ok(found)
}

/// Parses a document, and tells where it cannot be.
pub(super) fn read(origin: &str, bytes: &[u8]) -> Result<Value, InventoryError> {
    let document = |reason: String| InventoryError::Document { origin: origin.to_owned(), reason };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        InventoryError::Line {
            origin: origin.to_owned(),
            line: before.iter().filter(|&&byte| byte == b'\n').count() + 1,
            reason: "not UTF-8".to_owned(),
        }
    })?;
    let parsed = serde_norway::from_str(text).and_then(|mut value: Value| value.apply_merge().map(|()| value));
    parsed.map_err(|error| match error.location() {
        Some(place) => {
            InventoryError::Line { origin: origin.to_owned(), line: place.line(), reason: error.to_string() }
        }
        None => document(error.to_string()),
    })
}
