//! `group_vars` and `host_vars` beside an inventory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::reach::Variables;
use super::yaml;
use crate::inventory::error::InventoryError;
use crate::inventory::lines::read;

/// Files and folders nested in each other: whoever links a folder into itself is told.
const MOST_NESTED: usize = 16;

/// Holds the variables of the files in one of these folders, by the name of the group or host.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) variables: BTreeMap<String, Variables>,
    /// Files that only Ansible can read.
    pub(super) encrypted: Vec<PathBuf>,
}

/// Reads `folder/NAME`, `folder/NAME.yml` and the files of `folder/NAME/`; none of it need be there.
pub(super) fn variables(folder: &Path) -> Result<Beside, InventoryError> {
    let mut beside = Beside::default();
    for path in entries(folder)? {
        let (name, stem) = (path.file_name(), path.file_stem());
        let is_folder = path.is_dir();
        // `web.example.org` is a host, and `org` no extension.
        let is_document = matches!(path.extension().and_then(|ending| ending.to_str()), Some("yml" | "yaml" | "json"));
        let named = if is_document && !is_folder { stem } else { name };
        if let Some(named) = named.and_then(|named| named.to_str()).filter(|_| is_folder || is_variables(&path)) {
            take(&path, named, 0, &mut beside)?;
        }
    }
    Ok(beside)
}

fn take(path: &Path, name: &str, nested: usize, beside: &mut Beside) -> Result<(), InventoryError> {
    if path.is_dir() {
        if nested == MOST_NESTED {
            let reason = "it is nested too deep to be read".to_owned();
            return Err(InventoryError::Document { origin: path.display().to_string(), reason });
        }
        let inside = entries(path)?.into_iter().filter(|path| path.is_dir() || is_variables(path));
        return inside.into_iter().try_for_each(|path| take(&path, name, nested + 1, beside));
    }
    let bytes = read(path)?;
    if bytes.starts_with(b"$ANSIBLE_VAULT") {
        beside.encrypted.push(path.to_owned());
        return Ok(());
    }
    let origin = path.display().to_string();
    let value = yaml::read(&origin, &bytes)?;
    let variables = yaml::scalars(&value).map_err(|reason| InventoryError::Document { origin, reason })?;
    let known = beside.variables.entry(name.to_owned()).or_default();
    known.extend(variables.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Ok(())
}

/// Lists a folder by name, as Ansible does, without what is hidden or a backup.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, InventoryError> {
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(InventoryError::Unreadable { path: folder.to_owned(), reason: std::sync::Arc::new(error) });
        }
    };
    let mut paths: Vec<PathBuf> = found
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            !name.starts_with('.') && !name.ends_with('~')
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    Ok(paths)
}

/// Tells whether a file is one of variables: `.yml`, `.yaml`, `.json`, or one whose name is a host's or a group's.
fn is_variables(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    !matches!(
        path.extension().and_then(|extension| extension.to_str()),
        Some("bak" | "orig" | "swp" | "retry" | "rpm" | "md" | "rej" | "txt" | "j2" | "sample")
    ) && !name.is_empty()
}
