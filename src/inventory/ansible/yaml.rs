//! The YAML format, by the documentation of `ansible.builtin.yaml`; stricter than it where it would pass a host over.

use serde_norway::{Mapping, Value};

use super::{Ansible, Builder};
use crate::expr::nearest;
use crate::inventory::error::InventoryError;

const KEYS: [&str; 3] = ["hosts", "children", "vars"];

pub(super) fn parse(origin: &str, bytes: &[u8]) -> Result<Ansible, InventoryError> {
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
    let value = parsed.map_err(|error| match error.location() {
        Some(place) => {
            InventoryError::Line { origin: origin.to_owned(), line: place.line(), reason: error.to_string() }
        }
        None => document(error.to_string()),
    })?;
    let groups = match &value {
        Value::Mapping(groups) => groups,
        Value::Null => return Err(document("it is empty".to_owned())),
        _ => return Err(document("expected groups, as in `all: {hosts: {…}}`".to_owned())),
    };
    if groups.contains_key("plugin") {
        return Err(document(
            "this configures an inventory plugin; let Ansible run it and make a group of what it prints with \
             `{ command = […] }`"
                .to_owned(),
        ));
    }
    let mut builder = Builder::default();
    for (name, group) in groups {
        let name = name.as_str().ok_or_else(|| document(format!("expected a group's name, not {name:?}")))?;
        read_group(&mut builder, name, group, name).map_err(document)?;
    }
    builder.finish(origin)
}

/// Reads a group and its children; the parser has bounded how deep they are. `path` tells where it is.
fn read_group(builder: &mut Builder, name: &str, group: &Value, path: &str) -> Result<usize, String> {
    let index = builder.group(name);
    let Some(keys) = mapping(group, path)? else { return Ok(index) };
    for (key, value) in &*keys {
        let place = format!("{path}.{}", key.as_str().unwrap_or("?"));
        match key.as_str() {
            Some("vars") => {}
            Some("hosts") => {
                for (pattern, variables) in mapping(value, &place)?.iter().flat_map(|hosts| hosts.iter()) {
                    let pattern = pattern
                        .as_str()
                        .ok_or_else(|| format!("{place}: expected a host, not {pattern:?}; put it into quotes"))?;
                    let variables = scalars(variables);
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

fn scalars(variables: &Value) -> Vec<(&str, String)> {
    let Value::Mapping(variables) = variables else { return Vec::new() };
    variables
        .iter()
        .filter_map(|(name, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            Some((name.as_str()?, value))
        })
        .collect()
}
