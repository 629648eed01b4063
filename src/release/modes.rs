//! Modes that a release does not have: it has 644, and 755 for what can be executed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::ReleaseError;

/// What a tree has that a release has not, below its root.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OddModes {
    /// What not everybody may read, or run as its owner may, with its mode; in a release everybody may.
    pub(super) widened: Vec<(PathBuf, u32)>,
    /// What would lose a set-id or sticky bit.
    pub(super) set_id: Vec<(PathBuf, u32)>,
}

impl OddModes {
    /// Looks at every file and folder below a root.
    pub(super) fn read(root: &Path) -> Result<Self, ReleaseError> {
        let mut odd = Self::default();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let absolute = root.join(&folder);
            for entry in fs::read_dir(&absolute).map_err(ReleaseError::disk("read", &absolute))? {
                let entry = entry.map_err(ReleaseError::disk("read", &absolute))?;
                let found = entry.metadata().map_err(ReleaseError::disk("read", entry.path()))?;
                let path = folder.join(entry.file_name());
                let mode = found.permissions().mode() & 0o7777;
                if found.is_dir() {
                    folders.push(path.clone());
                } else if !found.is_file() {
                    continue;
                }
                // A folder takes its group from the one above it where that has the bit; it says nothing about the product.
                let special = if found.is_dir() { mode & 0o5000 } else { mode & 0o7000 };
                let needed = if mode & 0o100 == 0 { 0o044 } else { 0o055 };
                if special != 0 {
                    odd.set_id.push((path, mode));
                } else if mode & needed != needed {
                    odd.widened.push((path, mode));
                }
            }
        }
        odd.widened.sort_unstable();
        odd.set_id.sort_unstable();
        Ok(odd)
    }
}

/// Lists paths with their modes.
pub(super) fn list(paths: &[(PathBuf, u32)]) -> String {
    const SHOWN: usize = 5;
    let mut text: Vec<String> = paths.iter().take(SHOWN).map(|(path, mode)| format!("{path:?} ({mode:04o})")).collect();
    match paths.len().saturating_sub(SHOWN) {
        0 => {}
        more => text.push(format!("{more} more")),
    }
    text.join(", ")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{OddModes, list};

    #[test]
    fn what_two_modes_cannot_say_is_found() {
        let root = tempfile::tempdir().unwrap();
        let make = |name: &str, mode: u32| {
            let path = root.path().join(name);
            if name.ends_with('/') {
                fs::create_dir(&path).unwrap();
            } else {
                fs::write(&path, "").unwrap();
            }
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        for (name, mode) in [("plain", 0o644), ("all", 0o666), ("run", 0o755), ("group", 0o775), ("dir/", 0o2755)] {
            make(name, mode);
        }
        assert_eq!(OddModes::read(root.path()).unwrap(), OddModes::default());
        for (name, mode) in
            [("key", 0o600), ("team", 0o640), ("mine", 0o744), ("safe/", 0o700), ("su", 0o4755), ("sticky/", 0o1777)]
        {
            make(name, mode);
        }
        let odd = OddModes::read(root.path()).unwrap();
        assert_eq!(list(&odd.widened), r#""key" (0600), "mine" (0744), "safe" (0700), "team" (0640)"#);
        assert_eq!(list(&odd.set_id), r#""sticky" (1777), "su" (4755)"#);
    }
}
