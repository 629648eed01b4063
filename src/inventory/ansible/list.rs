//! What `ansible-inventory --list` and other dynamic inventories print: groups in JSON, and every host's variables under `_meta`.

use serde_norway::Value;

use super::{Ansible, Builder, Place, yaml};
use crate::inventory::error::InventoryError;

/// Tells whether a text is such a list rather than a list of names.
pub(in crate::inventory) fn is_list(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

pub(in crate::inventory) fn parse(place: &Place<'_>, bytes: &[u8]) -> Result<Ansible, InventoryError> {
    let document = |reason: String| InventoryError::Document { origin: place.origin.to_owned(), reason };
    // JSON is YAML; and of two keys of one name neither is to be lost.
    let value = yaml::read(place.origin, bytes)?;
    let Value::Mapping(groups) = &value else {
        return Err(document("expected groups, as `ansible-inventory --list` prints them".to_owned()));
    };
    let mut builder = Builder::default();
    for (name, group) in groups {
        let name = name.as_str().ok_or_else(|| document(format!("expected a group's name, not {name:?}")))?;
        if name != "_meta" {
            read_group(&mut builder, name, group).map_err(|reason| document(format!("{name}: {reason}")))?;
        }
    }
    let variables = groups.get("_meta").and_then(|meta| meta.get("hostvars")).and_then(Value::as_mapping);
    for (host, variables) in variables.into_iter().flatten() {
        let host = host.as_str().unwrap_or_default();
        let wrong = |reason: String| document(format!("_meta.hostvars.{host}: {reason}"));
        let variables = unwrapped(variables);
        let variables = yaml::scalars(&variables).map_err(wrong)?;
        builder.set_host(host, variables.iter().map(|(name, value)| (*name, value.as_str()))).map_err(wrong)?;
    }
    builder.finish(place)
}

fn read_group(builder: &mut Builder, name: &str, group: &Value) -> Result<(), String> {
    let index = builder.group(name);
    let names = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Sequence(names)) => names
            .iter()
            .map(|name| name.as_str().map(ToOwned::to_owned).ok_or_else(|| format!("expected a name, not {name:?}")))
            .collect(),
        Some(_) => Err("expected a list of names".to_owned()),
    };
    // Old scripts print the hosts of a group alone.
    if matches!(group, Value::Sequence(_)) {
        return names(Some(group))?.iter().try_for_each(|host| builder.host(index, host));
    }
    if !matches!(group, Value::Mapping(_)) {
        return Err("expected `hosts`, `children` and `vars`".to_owned());
    }
    for host in names(group.get("hosts"))? {
        builder.host(index, &host)?;
    }
    for child in names(group.get("children"))? {
        let child = builder.group(&child);
        builder.child(index, child);
    }
    if let Some(variables) = group.get("vars") {
        for (name, value) in yaml::scalars(&unwrapped(variables))? {
            builder.set_group(index, name, &value);
        }
    }
    Ok(())
}

/// Takes texts out of `{"__ansible_unsafe": …}`, as Ansible marks those that are no templates.
fn unwrapped(variables: &Value) -> Value {
    let Value::Mapping(variables) = variables else { return Value::Null };
    let plain = variables.iter().map(|(name, value)| {
        let value = value.get("__ansible_unsafe").unwrap_or(value);
        (name.clone(), value.clone())
    });
    Value::Mapping(plain.collect())
}
