//! The pip that builds unpack, which tests hand on to each other: it is the same for all of one interpreter, whose digest is in its name, and
//! takes longer than all else in a small build.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Leads a state folder to the pip that others left, or has a copy of it there for whoever cannot read that.
pub(crate) fn lend(state: &Path, can_read: bool) {
    let link = |kept: &Path, to: &Path| symlink(kept, to).is_ok();
    hand_over(&common(), &state.join("cache"), if can_read { link } else { copy });
}

/// Leaves others the pip of a state folder.
pub(crate) fn keep(state: &Path) {
    hand_over(&state.join("cache"), &common(), copy);
}

fn common() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pip")
}

fn copy(kept: &Path, to: &Path) -> bool {
    Command::new("cp").arg("-a").args([kept, to]).status().is_ok_and(|status| status.success())
}

/// Puts what builds keep of pip into a folder where it is not there yet, each whole or not at all.
fn hand_over(from: &Path, to: &Path, put: impl Fn(&Path, &Path) -> bool) {
    for kept in fs::read_dir(from).into_iter().flatten().flatten() {
        let name = kept.file_name();
        let target = to.join(&name);
        if !name.to_string_lossy().starts_with("pip-") || target.exists() {
            continue;
        }
        let making = to.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        let is_put = fs::create_dir_all(to).is_ok() && put(&kept.path(), &making);
        // Another test may have been first.
        if !is_put || fs::rename(&making, &target).is_err() {
            fs::remove_file(&making).or_else(|_| fs::remove_dir_all(&making)).ok();
        }
    }
}
