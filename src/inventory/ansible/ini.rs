//! The INI format, by the documentation of `ansible.builtin.ini` and its behaviour in ansible-core 2.16.

use super::words::words;
use super::{Ansible, Builder, Place};
use crate::inventory::error::InventoryError;
use crate::inventory::lines::lines;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hosts,
    Children,
    Variables,
}

pub(super) fn parse(place: &Place<'_>, bytes: &[u8]) -> Result<Ansible, InventoryError> {
    let origin = place.origin;
    let mut builder = Builder::default();
    let mut section = (builder.group("ungrouped"), Kind::Hosts);
    // Groups that were only spoken of, with the line: a section of hosts or children must follow, or come before.
    let mut spoken_of: Vec<(usize, usize)> = Vec::new();
    let mut declared = vec![section.0, builder.group("all")];
    for line in lines(origin, bytes) {
        let (number, line) = line?;
        let wrong = |reason: String| InventoryError::Line { origin: origin.to_owned(), line: number, reason };
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some((name, kind)) = header(line).map_err(wrong)? {
            let group = builder.group(name);
            match kind {
                Kind::Variables => spoken_of.push((group, number)),
                Kind::Hosts | Kind::Children => declared.push(group),
            }
            section = (group, kind);
            continue;
        }
        match section {
            (group, Kind::Variables) => {
                let (name, value) = line
                    .split_once('=')
                    .ok_or_else(|| wrong(format!("expected variable=value, and this is {line:?}")))?;
                builder.set_group(group, name.trim(), literal(value.trim()));
            }
            (parent, Kind::Children) => {
                let name = line.split('#').next().unwrap_or_default().trim();
                if name.contains([':', ']']) || name.contains(char::is_whitespace) || name.is_empty() {
                    return Err(wrong(format!("expected the name of a group, and this is {line:?}")));
                }
                let child = builder.group(name);
                spoken_of.push((child, number));
                builder.child(parent, child);
            }
            (group, Kind::Hosts) => {
                let words = words(line).map_err(wrong)?;
                let Some((pattern, assignments)) = words.split_first() else { continue };
                let mut variables = Vec::new();
                for assignment in assignments {
                    let variable = assignment.split_once('=').ok_or_else(|| {
                        wrong(format!("expected variable=value behind the host, and not {assignment:?}"))
                    })?;
                    variables.push((variable.0, literal(variable.1)));
                }
                builder.hosts(group, pattern, variables).map_err(wrong)?;
            }
        }
    }
    let declared: std::collections::HashSet<usize> = declared.into_iter().collect();
    if let Some(&(group, line)) = spoken_of.iter().find(|(group, _)| !declared.contains(group)) {
        let name = builder.groups.get(group).map(|group| group.name.clone()).unwrap_or_default();
        let reason = format!("there is no group [{name}]");
        return Err(InventoryError::Line { origin: origin.to_owned(), line, reason });
    }
    builder.finish(place)
}

/// Gives group and kind when the line is a section's.
fn header(line: &str) -> Result<Option<(&str, Kind)>, String> {
    let line = line.split_once('#').map_or(line, |(before, _)| before.trim_end());
    let Some(inner) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) else {
        return Ok(None);
    };
    let (name, kind) = match inner.split_once(':') {
        None => (inner, Kind::Hosts),
        Some((name, "hosts")) => (name, Kind::Hosts),
        Some((name, "children")) => (name, Kind::Children),
        Some((name, "vars")) => (name, Kind::Variables),
        Some(_) => return Err(format!("[{inner}] is not [group], [group:children] or [group:vars]")),
    };
    if name.is_empty() || name.contains(char::is_whitespace) || name.contains(']') {
        return Err(format!("[{inner}] does not name a group; there can be no blanks in it"));
    }
    Ok(Some((name, kind)))
}

/// Takes quotes and comment off a value, as Python reads a literal: what is none stays the text that it is.
fn literal(value: &str) -> &str {
    let unquoted = |quote: char| {
        let (inner, behind) = value.strip_prefix(quote)?.split_once(quote)?;
        let behind = behind.trim_start();
        ((behind.is_empty() || behind.starts_with('#')) && !inner.contains('\\')).then_some(inner)
    };
    if let Some(inner) = unquoted('"').or_else(|| unquoted('\'')) {
        return inner;
    }
    // A comment ends a number and the words of Python, and is a part of any other text.
    match value.split_once('#').map(|(literal, _)| literal.trim_end()) {
        Some(literal)
            if literal.parse::<f64>().is_ok_and(f64::is_finite) || matches!(literal, "True" | "False" | "None") =>
        {
            literal
        }
        _ => value,
    }
}
