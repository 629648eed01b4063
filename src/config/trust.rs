//! Whether a file may tell coalmine which commands to run.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

const WRITABLE_BY_ALL: u32 = 0o002;
const STICKY: u32 = 0o1000;
const ROOT: u32 = 0;

/// Holds what is to be known of a file, its symlink or a folder above it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) owner: u32,
    pub(super) mode: u32,
}

impl From<&Metadata> for Facts {
    fn from(metadata: &Metadata) -> Self {
        Self { owner: metadata.uid(), mode: metadata.mode() }
    }
}

/// Tells why a file is not trusted, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Distrust {
    pub(super) reason: String,
    pub(super) hint: String,
}

/// Judges a file by its mode.
pub(super) fn judge_file(file: Facts, path: &Path) -> Result<(), Distrust> {
    if file.mode & WRITABLE_BY_ALL == 0 {
        return Ok(());
    }
    Err(Distrust {
        reason: format!(
            "anybody may write this file (mode {:04o}), and it names commands that you run",
            file.mode & 0o7777
        ),
        hint: format!("see what is in it, then: chmod o-w {}", path.display()),
    })
}

/// Judges who owns a file or a symlink that was found, not named.
pub(super) fn judge_owner(file: Facts, user_id: u32) -> Result<(), Distrust> {
    if file.owner == user_id || file.owner == ROOT {
        return Ok(());
    }
    Err(Distrust {
        reason: format!(
            "it belongs to user {}, neither to you (user {user_id}) nor to root, and it names commands that you run",
            file.owner
        ),
        hint: "when you trust it, name it: coalmine -c FILE".to_owned(),
    })
}

/// Judges a folder above a file: where all may write and nothing is sticky, all may put another file in its place.
pub(super) fn judge_folder(folder: Facts, path: &Path) -> Result<(), Distrust> {
    if folder.mode & WRITABLE_BY_ALL == 0 || folder.mode & STICKY != 0 {
        return Ok(());
    }
    Err(Distrust {
        reason: format!(
            "anybody may put another file in its place: the folder {} is writable by all (mode {:04o})",
            path.display(),
            folder.mode & 0o7777
        ),
        hint: format!("chmod o-w {}", path.display()),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Facts, judge_file, judge_folder, judge_owner};

    #[test]
    fn only_files_that_few_can_change_are_trusted() {
        let path = Path::new("/x/coalmine.toml");
        for (mode, trusted) in [(0o600, true), (0o644, true), (0o664, true), (0o666, false), (0o602, false)] {
            assert_eq!(judge_file(Facts { owner: 1, mode }, path).is_ok(), trusted, "{mode:o}");
        }
        let distrust = judge_file(Facts { owner: 1, mode: 0o100_666 }, path).unwrap_err();
        assert!(distrust.reason.contains("mode 0666"), "{}", distrust.reason);
        assert!(distrust.hint.ends_with("chmod o-w /x/coalmine.toml"));
    }

    #[test]
    fn a_file_that_was_found_belongs_to_the_user_or_to_root() {
        for (owner, trusted) in [(0, true), (1000, true), (1001, false)] {
            assert_eq!(judge_owner(Facts { owner, mode: 0o644 }, 1000).is_ok(), trusted, "{owner}");
        }
        assert!(judge_owner(Facts { owner: 1000, mode: 0o644 }, 0).is_err(), "root ran a user's file");
    }

    #[test]
    fn a_folder_for_all_is_trusted_when_it_is_sticky() {
        let path = Path::new("/tmp");
        for (mode, trusted) in [(0o755, true), (0o775, true), (0o777, false), (0o1777, true)] {
            assert_eq!(judge_folder(Facts { owner: 0, mode }, path).is_ok(), trusted, "{mode:o}");
        }
    }
}
