use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::rollouts::Rollouts;
use crate::files;
use crate::model::RolloutId;

/// After this long nobody is about to name what has no name yet, however slow a disk is.
const SETTLED: Duration = Duration::from_secs(3600);
/// What files are called that are to be renamed when they are whole.
const TEMPORARY: &str = ".tmp";
/// More than the first record of any rollout: a file that has no whole line in so much was not written here.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Removes the temporary files that processes of this user left in a folder when they were killed.
///
/// What is younger than an hour, another user's, or no file, stays.
pub fn clear_temporary(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let is_temporary = entry.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes());
        if is_temporary && fs::symlink_metadata(&path).is_ok_and(|found| found.is_file() && is_left(&found)) {
            told(fs::remove_file(&path), &path);
        }
    }
}

impl Rollouts {
    /// Removes what processes of this user left when they were killed: temporary files, and folders of rollouts that have no first
    /// record, and so never began.
    pub(super) fn clear(&self) {
        let Ok(entries) = fs::read_dir(self.root()) else { return };
        for entry in entries.flatten() {
            let Some(rollout) = entry.file_name().to_str().and_then(|name| RolloutId::new(name).ok()) else { continue };
            let folder = self.folder(&rollout);
            // Its age is that of before anything is removed from it.
            let Ok(found) = fs::symlink_metadata(&folder) else { continue };
            if !found.is_dir() || !is_ours(&found) {
                continue;
            }
            clear_temporary(&folder);
            if is_left(&found) && self.clear_unbegun(&rollout) {
                // What holds anything else stays as it is.
                told(fs::remove_dir(&folder), &folder);
            }
        }
    }

    /// Tells whether a rollout has no journal, or had none worth the name.
    fn clear_unbegun(&self, rollout: &RolloutId) -> bool {
        let path = self.journal(rollout);
        let file = match files::open(&path) {
            Err(error) => return error.kind() == io::ErrorKind::NotFound,
            Ok(file) => file,
        };
        if !file.metadata().is_ok_and(|found| is_left(&found))
            || flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
        {
            return false;
        }
        let mut head = Vec::new();
        let read = (&file).take(LONGEST).read_to_end(&mut head);
        let unbegun = read.is_ok_and(|read| (read as u64) < LONGEST) && !head.contains(&b'\n');
        unbegun && told(fs::remove_file(&path), &path)
    }
}

fn is_ours(found: &Metadata) -> bool {
    found.uid() == rustix::process::geteuid().as_raw()
}

fn is_left(found: &Metadata) -> bool {
    let age = found.modified().ok().and_then(|changed| changed.elapsed().ok());
    is_ours(found) && age.is_some_and(|age| age >= SETTLED)
}

fn told(removed: io::Result<()>, path: &Path) -> bool {
    match removed {
        Ok(()) => tracing::debug!(?path, "removed what a process left that was killed"),
        Err(ref error) => tracing::debug!(%error, ?path, "what a dead process left stays"),
    }
    removed.is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;
    use std::time::SystemTime;

    use super::{SETTLED, clear_temporary};
    use crate::journal::Rollouts;

    fn age(path: &Path) {
        let then = SystemTime::now() - SETTLED - SETTLED;
        File::open(path).unwrap().set_modified(then).unwrap();
    }

    #[test]
    fn what_a_killed_process_left_is_removed_when_it_is_old_and_nothing_else_is() {
        let state = tempfile::tempdir().unwrap();
        let rollouts = Rollouts::new(state.path());
        let root = rollouts.root();
        let begun = "{\"v\":1}\n";
        for (name, files) in [
            ("empty", &[][..]),
            ("torn", &[("journal.jsonl", "{\"v\":1,\"se")][..]),
            ("unlaunched", &[(".tmpAbCdEf", "{}")][..]),
            ("begun", &[("journal.jsonl", begun), (".tmpAbCdEf", "{}"), ("launch.json", "{}")][..]),
            ("young", &[][..]),
            ("foreign", &[("notes", "by hand")][..]),
        ] {
            fs::create_dir_all(root.join(name)).unwrap();
            for (file, text) in files {
                let file = root.join(name).join(file);
                fs::write(&file, text).unwrap();
                age(&file);
            }
            if name != "young" {
                age(&root.join(name));
            }
        }
        fs::write(root.join("begun/.tmpYoung"), "{}").unwrap();
        fs::create_dir(root.join("no rollout")).unwrap();
        age(&root.join("no rollout"));
        rollouts.clear();
        let mut left: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["begun", "foreign", "no rollout", "young"]);
        let mut left: Vec<_> = fs::read_dir(root.join("begun")).unwrap().map(|it| it.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".tmpYoung", "journal.jsonl", "launch.json"]);
    }

    #[test]
    fn the_next_that_is_planned_removes_what_the_one_before_left() {
        let state = tempfile::tempdir().unwrap();
        let rollouts = Rollouts::new(state.path());
        let half_made = rollouts.root().join("half-made");
        fs::create_dir_all(&half_made).unwrap();
        age(&half_made);
        drop(rollouts.create(&crate::journal::tests::first("a", 1)).unwrap());
        assert!(!half_made.exists() && rollouts.list().unwrap().entries.len() == 1);
    }

    #[test]
    fn a_journal_that_somebody_begins_just_now_is_left_alone() {
        let state = tempfile::tempdir().unwrap();
        let rollouts = Rollouts::new(state.path());
        let folder = rollouts.root().join("a");
        fs::create_dir_all(&folder).unwrap();
        let journal = File::create(folder.join("journal.jsonl")).unwrap();
        age(&folder.join("journal.jsonl"));
        age(&folder);
        rustix::fs::flock(&journal, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        rollouts.clear();
        assert!(folder.join("journal.jsonl").exists());
        fs::create_dir(folder.join(".tmpFolder")).unwrap();
        age(&folder.join(".tmpFolder"));
        clear_temporary(&folder);
        assert!(folder.join(".tmpFolder").exists(), "only files are temporary");
    }
}
