//! Proven and not touched since: what was hashed once counts as long as the metadata of every entry is what it was, as in git's index.
//!
//! A release of the store is hashed before anything is sent from it. `releases/ID/proven-UID` says when that was done last and what the
//! metadata was. Every edit moves the time of change of what is edited, and nobody sets that back. What was changed in the very tick of the
//! clock in which a proof began is not told from what is changed later in it: then nothing is recorded.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::error::ReleaseError;
use super::store::StoredRelease;
use crate::files;
use crate::model::Digest;

/// The version of the file.
const SCHEMA: u32 = 1;

/// The file `proven-UID`, one for each user: nobody takes another's word.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    schema: u32,
    /// Of the manifest.
    digest: Digest,
    /// When every file was hashed.
    hashed_at: Timestamp,
    /// Of the metadata of all entries.
    metadata: Digest,
}

/// Seconds and nanoseconds of a time of change.
type Tick = (i64, i64);

impl StoredRelease {
    /// Proves a release as [`StoredRelease::verify`] does, unless this user did so within a time and nobody touched it since.
    ///
    /// # Errors
    ///
    /// As [`StoredRelease::verify`].
    pub(super) fn prove(&self, rehash: Duration) -> Result<(), ReleaseError> {
        if self.is_proven(rehash) {
            return Ok(());
        }
        let Some(folder) = self.tree.parent() else {
            return self.verify();
        };
        // Before the first file is read: its time of change is when the proof began.
        let mark = mark(folder);
        self.verify()?;
        if let Some((mark, began)) = mark {
            // Who cannot record it hashes again.
            self.record(mark, began).ok();
        }
        Ok(())
    }

    fn is_proven(&self, rehash: Duration) -> bool {
        let Some(proof) = self.tree.parent().and_then(read) else {
            return false;
        };
        // A clock that went back proves nothing.
        let age = Duration::try_from(Timestamp::now().duration_since(proof.hashed_at));
        proof.digest == self.digest
            && age.is_ok_and(|age| age < rehash)
            && survey(&self.tree).is_ok_and(|(metadata, _)| metadata == proof.metadata)
    }

    /// Records that all of it was hashed since a tick, unless something was changed since then, or in it.
    fn record(&self, mark: NamedTempFile, began: Tick) -> io::Result<()> {
        let (metadata, changed) = survey(&self.tree)?;
        if changed >= began {
            return Ok(());
        }
        let proof = Proof { schema: SCHEMA, digest: self.digest, hashed_at: Timestamp::now(), metadata };
        serde_json::to_writer(mark.as_file(), &proof)?;
        let record = mark.path().with_file_name(name());
        mark.persist(record).map(drop).map_err(io::Error::from)
    }
}

/// Makes the file beside a release that becomes the record of its proof, and says in which tick; none where nothing can be written.
fn mark(folder: &Path) -> Option<(NamedTempFile, Tick)> {
    let mark = tempfile::Builder::new().prefix(&format!("{}.", name())).tempfile_in(folder).ok()?;
    let began = tick(&mark.as_file().metadata().ok()?);
    Some((mark, began))
}

fn name() -> String {
    format!("proven-{}", rustix::process::geteuid().as_raw())
}

/// Reads what this user recorded; what another may have written is nothing.
fn read(folder: &Path) -> Option<Proof> {
    let file = files::open(&folder.join(name())).ok()?;
    let found = file.metadata().ok()?;
    let is_ours = found.is_file() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0;
    let proof: Proof = is_ours.then(|| serde_json::from_reader(io::BufReader::new(file)).ok()).flatten()?;
    (proof.schema == SCHEMA).then_some(proof)
}

/// Walks a tree; gives the digest of the metadata of all its entries, and when the last of them was changed.
fn survey(tree: &Path) -> io::Result<(Digest, Tick)> {
    let mut metadata = Sha256::new();
    let mut changed = Tick::default();
    let mut note = |path: &[u8], found: &Metadata| {
        changed = changed.max(tick(found));
        // A path ends with what no path has.
        metadata.update(path);
        metadata.update([0]);
        for number in [found.dev(), found.ino(), found.size(), found.mode().into(), found.uid().into()] {
            metadata.update(number.to_le_bytes());
        }
        metadata.update(found.ctime().to_le_bytes());
        metadata.update(found.ctime_nsec().to_le_bytes());
    };
    note(b"", &fs::symlink_metadata(tree)?);
    // Each with its path in the tree, and a slash behind it.
    let mut folders = vec![(tree.to_path_buf(), Vec::new())];
    while let Some((folder, inside)) = folders.pop() {
        // In an order of its own, which a file system need not have.
        let mut entries = fs::read_dir(&folder)?
            .map(|entry| entry.map(|entry| (entry.file_name(), entry)))
            .collect::<io::Result<Vec<_>>>()?;
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, entry) in entries {
            let found = entry.metadata()?;
            let mut path = [inside.as_slice(), name.as_bytes()].concat();
            note(&path, &found);
            if found.is_dir() {
                path.push(b'/');
                folders.push((entry.path(), path));
            }
        }
    }
    Ok((Digest(metadata.finalize().into()), changed))
}

fn tick(found: &Metadata) -> Tick {
    (found.ctime(), found.ctime_nsec())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, FileTimes, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use super::{Tick, mark, name};
    use crate::release::StoredRelease;
    use crate::release::fixture::{Product, StateFolder, by_commands, request};

    const HOUR: Duration = Duration::from_secs(3600);
    const LATER: Tick = (i64::MAX, 0);

    struct Built {
        _product: Product,
        _state: StateFolder,
        release: StoredRelease,
    }

    impl Built {
        async fn new() -> Self {
            let (product, state) = (Product::new(), StateFolder::new());
            product.write("file", "").tag("1.0");
            let spec = by_commands(&["mkdir {prefix}/lib", "echo one > {prefix}/lib/version"], "test -d lib");
            let release = state.prepare(&request(&product, "1.0", spec)).await.unwrap();
            // Past the tick in which it was built.
            std::thread::sleep(Duration::from_millis(30));
            Self { _product: product, _state: state, release }
        }

        fn folder(&self) -> &Path {
            self.release.tree.parent().unwrap()
        }

        fn record(&self) -> PathBuf {
            self.folder().join(name())
        }

        /// Gives a file another content of the same length, and its old times.
        fn edit(&self) {
            let path = self.release.tree.join("lib/version");
            let times = fs::metadata(&path).unwrap();
            let times =
                FileTimes::new().set_modified(times.modified().unwrap()).set_accessed(times.accessed().unwrap());
            fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
            fs::write(&path, "two\n").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
            fs::File::open(&path).unwrap().set_times(times).unwrap();
        }

        /// Records what is there as if it had been hashed.
        fn record_untrue(&self) {
            self.release.record(mark(self.folder()).unwrap().0, LATER).unwrap();
        }
    }

    #[tokio::test]
    async fn what_was_proven_and_not_touched_since_is_not_hashed_again() {
        let built = Built::new().await;
        built.release.prove(HOUR).unwrap();
        assert!(built.record().exists());
        built.edit();
        let error = built.release.prove(HOUR).unwrap_err().to_string();
        assert!(error.contains("\"lib/version\" has another content"), "{error}");
        // Only who hashes sees what a record wrongly vouches for: so the record was what counted.
        built.record_untrue();
        built.release.prove(HOUR).unwrap();
        built.release.verify().unwrap_err();
        for age in [Duration::ZERO, Duration::from_nanos(1)] {
            built.release.prove(age).unwrap_err();
        }
        assert_eq!(fs::read_dir(built.folder()).unwrap().count(), 4, "tree, meta.json, log, the record");
    }

    #[tokio::test]
    async fn nobody_elses_word_is_taken_nor_that_of_another_release_or_a_clock_ahead() {
        let built = Built::new().await;
        built.edit();
        built.record_untrue();
        built.release.prove(HOUR).unwrap();
        let good = fs::read_to_string(built.record()).unwrap();
        let refuse = |text: &str| {
            fs::write(built.record(), text).unwrap();
            built.release.prove(HOUR).unwrap_err();
        };
        refuse("");
        refuse(&good.replace("\"schema\":1", "\"schema\":2"));
        refuse(&good.replace(&built.release.digest.to_string(), &"0".repeat(64)));
        refuse(&good.replace("\"hashed_at\":\"20", "\"hashed_at\":\"21"));
        fs::write(built.record(), &good).unwrap();
        built.release.prove(HOUR).unwrap();
        fs::set_permissions(built.record(), Permissions::from_mode(0o666)).unwrap();
        built.release.prove(HOUR).unwrap_err();
    }

    #[tokio::test]
    async fn what_was_changed_in_the_tick_in_which_a_proof_began_is_hashed_again() {
        let built = Built::new().await;
        let changed = super::survey(&built.release.tree).unwrap().1;
        built.release.record(mark(built.folder()).unwrap().0, changed).unwrap();
        assert!(!built.record().exists());
        built.release.record(mark(built.folder()).unwrap().0, (changed.0, changed.1 + 1)).unwrap();
        assert!(built.record().exists());
    }

    #[tokio::test]
    async fn every_change_of_an_entry_is_seen() {
        let built = Built::new().await;
        let tree = &built.release.tree;
        fs::set_permissions(tree.join("lib"), Permissions::from_mode(0o755)).unwrap();
        let changes: [(&str, &dyn Fn()); 4] = [
            ("a new file", &|| fs::write(tree.join("lib/new"), "").unwrap()),
            ("a new name", &|| fs::rename(tree.join("lib/new"), tree.join("lib/other")).unwrap()),
            ("a mode", &|| fs::set_permissions(tree.join("lib/version"), Permissions::from_mode(0o644)).unwrap()),
            ("one less", &|| fs::remove_file(tree.join("lib/other")).unwrap()),
        ];
        for (what, change) in changes {
            built.record_untrue();
            assert!(built.release.is_proven(HOUR), "before {what}");
            change();
            assert!(!built.release.is_proven(HOUR), "{what} was not seen");
        }
    }
}
