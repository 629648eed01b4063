//! Lists of hosts, one expression a line.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use super::error::InventoryError;
use crate::expr::{Expression, MOST_NAMES};
use crate::model::HostId;

/// Bytes of a file or a command's output; 100,000 hosts take 3 MB.
pub(super) const MOST_BYTES: u64 = 64 << 20;

/// What is done with a host that a source lists again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Refused,
    PassedOver,
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, InventoryError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|reason| InventoryError::Unreadable { path: path.to_owned(), reason: Arc::new(reason) })?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MOST_BYTES {
        return Err(too_many_bytes(&path.display().to_string()));
    }
    Ok(bytes)
}

pub(super) fn too_many_bytes(origin: &str) -> InventoryError {
    InventoryError::TooLarge { origin: origin.to_owned(), most: format!("{} MiB", MOST_BYTES >> 20) }
}

/// Reads a dsh file.
pub(super) fn read_list(path: &Path) -> Result<Vec<HostId>, InventoryError> {
    list(&path.display().to_string(), &read(path)?, Again::Refused)
}

/// Gives the lines with their numbers, counted from 1, without their ends and a byte order mark.
pub(super) fn lines<'a>(
    origin: &'a str,
    bytes: &'a [u8],
) -> impl Iterator<Item = Result<(usize, &'a str), InventoryError>> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    bytes.split(|&byte| byte == b'\n').enumerate().map(move |(index, line)| match std::str::from_utf8(line) {
        Ok(text) => Ok((index + 1, text.trim())),
        Err(error) => Err(InventoryError::Line {
            origin: origin.to_owned(),
            line: index + 1,
            reason: format!("byte {} of it is not UTF-8", error.valid_up_to() + 1),
        }),
    })
}

/// Gives the hosts of a list, in its order.
pub(super) fn list(origin: &str, bytes: &[u8], again: Again) -> Result<Vec<HostId>, InventoryError> {
    let mut hosts = Vec::new();
    let mut first_line: HashMap<HostId, usize> = HashMap::new();
    for line in lines(origin, bytes) {
        let (number, line) = line?;
        let text = line.split('#').next().unwrap_or_default().trim_end();
        if text.is_empty() {
            continue;
        }
        let these =
            entry(text).map_err(|reason| InventoryError::Line { origin: origin.to_owned(), line: number, reason })?;
        for host in these {
            match first_line.get(&host) {
                None => {
                    first_line.insert(host.clone(), number);
                    hosts.push(host);
                }
                Some(_) if again == Again::PassedOver => {}
                Some(&first) => {
                    return Err(InventoryError::Twice { origin: origin.to_owned(), host, first, second: number });
                }
            }
        }
        too_many_hosts(origin, hosts.len())?;
    }
    Ok(hosts)
}

pub(super) fn too_many_hosts(origin: &str, hosts: usize) -> Result<(), InventoryError> {
    if u64::try_from(hosts).unwrap_or(u64::MAX) > MOST_NAMES {
        return Err(InventoryError::TooLarge { origin: origin.to_owned(), most: format!("{MOST_NAMES} hosts") });
    }
    Ok(())
}

/// Gives the hosts of one line or entry, or the reason why it has none.
pub(super) fn entry(text: &str) -> Result<Vec<HostId>, String> {
    if text.starts_with(['@', '+']) {
        return Err(format!("`{text}` would include others, which a list cannot: make a group with `any` of both"));
    }
    let expression = Expression::new(text).map_err(|error| error.to_string())?;
    expression.list().map_err(|error| error.to_string())
}
