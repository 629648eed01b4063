use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use super::entry::{Entry, Kind, find};
use super::error::ManifestError;

/// How many links a path may lead through; Linux gives up after as many (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Says where links of a tree may point besides the tree itself.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LinkPolicy {
    /// Absolute targets that are taken as they are written: the interpreter of a virtual environment.
    pub absolute: Vec<PathBuf>,
}

impl LinkPolicy {
    /// Takes no link that leads out of the tree.
    #[must_use]
    pub const fn inside() -> Self {
        Self { absolute: Vec::new() }
    }

    /// Takes links to one file of the host.
    #[must_use]
    pub fn and_to(file: impl Into<PathBuf>) -> Self {
        Self { absolute: vec![file.into()] }
    }

    /// Refuses the first absolute link that leads to anything else.
    pub(super) fn check(&self, entries: &[Entry]) -> Result<(), ManifestError> {
        let wrong = entries.iter().find_map(|entry| match entry.kind() {
            Kind::Symlink { target } if Path::new(target).is_absolute() => {
                let allowed = self.absolute.iter().any(|allowed| allowed.as_os_str() == &**target);
                (!allowed).then(|| refuse(entry.path(), target))
            }
            _ => None,
        });
        wrong.map_or(Ok(()), Err)
    }
}

fn refuse(path: &Path, target: &OsStr) -> ManifestError {
    ManifestError::Link { path: path.to_path_buf(), target: target.to_owned() }
}

/// Refuses relative links that lead out of the tree, through whatever other links of the tree.
///
/// Counting `..` is not enough: `a/b -> ..` makes `a/b/..` the folder above the tree.
pub(super) fn stay_inside(entries: &[Entry]) -> Result<(), ManifestError> {
    for entry in entries {
        if let Kind::Symlink { target } = entry.kind()
            && !Path::new(target).is_absolute()
            && !stays_inside(entries, entry.path().parent().unwrap_or(Path::new("")), target)
        {
            return Err(refuse(entry.path(), target));
        }
    }
    Ok(())
}

fn stays_inside(entries: &[Entry], folder: &Path, target: &OsStr) -> bool {
    let mut here = folder.to_path_buf();
    let mut links = 0;
    // The parts still to be walked, the next one last.
    let mut parts = reversed_parts(Path::new(target));
    while let Some(part) = parts.pop() {
        if part == ".." {
            if !here.pop() {
                return false;
            }
            continue;
        }
        let next = here.join(&part);
        match find(entries, &next).map(Entry::kind) {
            Some(Kind::Symlink { target }) if Path::new(target).is_absolute() => {
                // It leaves the tree for a place of its own; nothing may lead on from there.
                return parts.is_empty();
            }
            Some(Kind::Symlink { target }) => {
                links += 1;
                if links > MOST_LINKS {
                    // A loop leads nowhere, so not outside either.
                    return true;
                }
                parts.extend(reversed_parts(Path::new(target)));
            }
            _ => here = next,
        }
    }
    true
}

fn reversed_parts(path: &Path) -> Vec<OsString> {
    let part = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(part).collect()
}
