use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, chown};

use super::error::ConductorError;
use crate::process::group_id;

/// Says who beside its owner may watch and control a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access(Option<Gid>);

impl Access {
    /// Lets nobody else in.
    #[must_use]
    pub const fn owner() -> Self {
        Self(None)
    }

    /// Lets the members of a group of this machine in.
    ///
    /// # Errors
    ///
    /// When the system knows no group of that name.
    pub fn group(name: &str) -> Result<Self, ConductorError> {
        let unknown = |why: String| ConductorError::Unreadable { path: PathBuf::from("control.group"), why };
        match group_id(name) {
            Some(id) => Ok(Self(Some(Gid::from_raw(id)))),
            None => Err(unknown(format!("this machine has no group {name:?}: `getent group {name}` finds none"))),
        }
    }

    pub(super) const fn is_shared(&self) -> bool {
        self.0.is_some()
    }

    /// Gives a file or folder to the group.
    pub(super) fn give(&self, path: &Path) -> Result<(), ConductorError> {
        match self.0 {
            Some(_) => chown(path, None, self.0)
                .map_err(|error| ConductorError::io("give to the group of control.group", path)(error.into())),
            None => Ok(()),
        }
    }

    /// Lets the group read what a rollout's folder holds; what others may do there stays nothing.
    pub(super) fn open(&self, folder: &Path, files: &[&Path]) -> Result<(), ConductorError> {
        if !self.is_shared() {
            return Ok(());
        }
        for (path, mode) in std::iter::once((folder, 0o750)).chain(files.iter().map(|&file| (file, 0o640))) {
            if !path.exists() {
                continue;
            }
            self.give(path)?;
            std::fs::set_permissions(path, Permissions::from_mode(mode))
                .map_err(ConductorError::io("set the mode of", path))?;
        }
        Ok(())
    }
}

/// Refuses a state folder that everybody may write: what stands in it decides what runs and what is shipped.
///
/// What is not there yet is made without that right, whatever the umask.
///
/// # Errors
///
/// When others may write it, or one of the folders in it.
pub fn trust_state(state: &Path) -> Result<(), ConductorError> {
    for folder in ["", "locks", "rollouts", "releases", "service"].map(|name| state.join(name)) {
        let Ok(found) = folder.metadata() else {
            continue;
        };
        if found.mode() & 0o002 != 0 {
            let why = format!(
                "anybody may write this folder (mode {:04o}), and what is in it decides what runs and what is shipped; \
                 see what is in it, then: chmod o-w {}",
                found.mode() & 0o7777,
                folder.display()
            );
            return Err(ConductorError::Unreadable { path: folder, why });
        }
    }
    Ok(())
}

/// Makes a folder that everybody shares who shares the one that it is in: same mode, same group.
pub(super) fn shared_folder(within: &Path, name: &str) -> Result<PathBuf, ConductorError> {
    let folder = within.join(name);
    if folder.is_dir() {
        return Ok(folder);
    }
    DirBuilder::new().recursive(true).mode(0o755).create(within).map_err(ConductorError::io("make", within))?;
    match std::fs::create_dir(&folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(folder),
        Err(error) => return Err(ConductorError::io("make", &folder)(error)),
    }
    let metadata = within.metadata().map_err(ConductorError::io("look at", within))?;
    std::fs::set_permissions(&folder, Permissions::from_mode(metadata.mode() & 0o7777))
        .map_err(ConductorError::io("set the mode of", &folder))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::{Access, shared_folder, trust_state};

    #[test]
    fn a_group_is_found_by_its_name() {
        assert!(Access::group("root").unwrap().is_shared());
        let why = Access::group("no-such-group-here").unwrap_err().to_string();
        assert!(why.contains("no group \"no-such-group-here\""), "{why}");
    }

    #[test]
    fn a_state_folder_that_everybody_may_write_is_refused() {
        let state = tempfile::tempdir().unwrap();
        trust_state(state.path()).unwrap();
        trust_state(&state.path().join("not/there")).unwrap();
        shared_folder(state.path(), "locks").unwrap();
        let modes = [("", 0o2775, true), ("locks", 0o777, false), ("locks", 0o775, true), ("", 0o777, false)];
        for (folder, mode, trusted) in modes {
            let folder = state.path().join(folder);
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
            let judged = trust_state(state.path()).map_err(|error| error.to_string());
            assert_eq!(judged.is_ok(), trusted, "{mode:o}: {judged:?}");
        }
    }

    #[test]
    fn a_shared_folder_is_as_the_one_that_it_is_in() {
        let state = tempfile::tempdir().unwrap();
        std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(0o2770)).unwrap();
        let folder = shared_folder(state.path(), "locks").unwrap();
        assert_eq!(folder.metadata().unwrap().mode() & 0o7777, 0o2770);
        assert_eq!(shared_folder(state.path(), "locks").unwrap(), folder);
    }
}
