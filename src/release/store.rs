use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustix::fs::{FlockOperation, RenameFlags, flock, fsync, renameat_with, syncfs};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::ReleaseError;
use super::python::Interpreter;
use crate::files;
use crate::manifest::{MANIFEST, Manifest};
use crate::model::{Bytes, Commit, Digest, Operator, ReleaseId, Version};

/// The version of `meta.json`.
const SCHEMA: u32 = 1;
/// What is being built, and what is being removed; a name with a dot is no release.
const BUILDING: &str = ".building-";
pub(super) const REMOVING: &str = ".removing-";

/// Keeps built releases: `releases/ID/` with `tree`, `meta.json` and `log`, whole or not there.
///
/// A release is built in a folder whose name begins with a dot, under a lock that the kernel frees when the process dies, and takes its
/// name by one rename after everything is on the disk. What a killed build left is removed by the next.
#[derive(Debug, Clone)]
pub struct Store {
    state: PathBuf,
    releases: PathBuf,
    rehash: Duration,
}

/// Describes a release of the store; its files are looked at by [`Store::prove`] and [`StoredRelease::verify`] only.
#[derive(Debug, Clone)]
pub struct StoredRelease {
    /// Its id.
    pub id: ReleaseId,
    /// Its version.
    pub version: Version,
    /// What it was built from.
    pub commit: Commit,
    /// The digest of its manifest.
    pub digest: Digest,
    /// What is in it.
    pub manifest: Arc<Manifest>,
    /// The folder that is sent: read-only, with [`MANIFEST`] inside.
    pub tree: PathBuf,
    /// The interpreter that it needs; none where it brings all that it needs.
    pub interpreter: Option<Interpreter>,
    /// When it was built here.
    pub built_at: Timestamp,
    /// Who built it.
    pub built_by: Operator,
    /// When its version was tagged, where it was found by a tag; nothing of it is stored.
    pub tagged: Option<Timestamp>,
    /// How long it took to have it, where it was asked for by its version; nothing of it is stored.
    pub had_in: Option<Duration>,
    /// What whoever plans with it should know, a sentence each; nothing of it is stored.
    pub notes: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Schema {
    schema: u32,
}

/// The file `meta.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meta {
    pub(super) schema: u32,
    pub(super) version: Version,
    pub(super) commit: Commit,
    pub(super) digest: Digest,
    pub(super) build_key: Digest,
    pub(super) built_at: Timestamp,
    pub(super) built_by: Operator,
    pub(super) interpreter: Option<Interpreter>,
    pub(super) entries: usize,
    pub(super) bytes: Bytes,
}

impl Meta {
    pub(super) const SCHEMA: u32 = SCHEMA;
}

impl Store {
    /// Opens the store in a state folder, and makes it where there is none. Where it cannot be made, as on a read-only disk, nothing was
    /// built, and whoever builds is told why not.
    ///
    /// # Errors
    ///
    /// When the state folder is not there and cannot be made.
    pub fn open(state: &Path) -> Result<Self, ReleaseError> {
        let releases = state.join("releases");
        // Nobody else may write there, whatever the umask.
        let mut folders = fs::DirBuilder::new();
        let made = folders.recursive(true).mode(0o755).create(&releases);
        // Builds run in other folders, so the path has to hold there too.
        let state = fs::canonicalize(state)
            .map_err(|error| ReleaseError::disk("make", &releases)(made.err().unwrap_or(error)))?;
        let releases = state.join("releases");
        Ok(Self { state, releases, rehash: Duration::ZERO })
    }

    /// Lets a proof count for a time where nobody touched the release since; without this [`Store::prove`] hashes every time.
    #[must_use]
    pub fn rehash_after(self, rehash: Duration) -> Self {
        Self { rehash, ..self }
    }

    /// Proves a release before it is used: hashes every file and compares it with the manifest, unless this user did so lately and
    /// the metadata of every entry is what it was then.
    ///
    /// # Errors
    ///
    /// When anything differs.
    pub fn prove(&self, release: &StoredRelease) -> Result<(), ReleaseError> {
        release.prove(self.rehash)
    }

    /// Lists the releases, oldest version first and, of one version, the one built last behind the others; damaged ones are left out.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn list(&self) -> Result<Vec<StoredRelease>, ReleaseError> {
        let mut found: Vec<_> = self.ids()?.iter().filter_map(|id| self.get(id).ok().flatten()).collect();
        found.sort_by(|a, b| {
            super::order::compare(a.version.as_str(), b.version.as_str()).then(a.built_at.cmp(&b.built_at))
        });
        Ok(found)
    }

    /// Lists the ids without opening the releases.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn ids(&self) -> Result<Vec<ReleaseId>, ReleaseError> {
        let entries = match files::list(&self.releases) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(ReleaseError::disk("read", &self.releases))?,
        };
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
    }

    /// Finds the release of a version that was built of this commit; of several, the one built last. A tag may have been moved, and
    /// another product has tags of the same names.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn find_of(&self, version: &Version, commit: &Commit) -> Result<Option<StoredRelease>, ReleaseError> {
        self.find_where(version, |meta| meta.commit == *commit)
    }

    /// Gives of which commit a release was built, and when, without opening it; none where that cannot be read.
    #[must_use]
    pub fn origin(&self, id: &ReleaseId) -> Option<(Commit, Timestamp)> {
        let meta = Self::meta(&self.path(id)).ok()?;
        Some((meta.commit, meta.built_at))
    }

    /// Finds the release of a version; of several, the one built last.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn find(&self, version: &Version) -> Result<Option<StoredRelease>, ReleaseError> {
        self.find_where(version, |_| true)
    }

    /// Finds the release of a version that fits by its description; of several, the one built last. A manifest may be long, and so
    /// only that of what is meant is read; one that is damaged is passed over.
    fn find_where(
        &self,
        version: &Version,
        fits: impl Fn(&Meta) -> bool,
    ) -> Result<Option<StoredRelease>, ReleaseError> {
        let of_version = self.ids()?.into_iter().filter(|id| id.version() == version);
        let mut found: Vec<(Timestamp, ReleaseId)> = of_version
            .filter_map(|id| Self::meta(&self.path(&id)).ok().filter(&fits).map(|meta| (meta.built_at, id)))
            .collect();
        found.sort_by_key(|(built_at, _)| std::cmp::Reverse(*built_at));
        Ok(found.into_iter().find_map(|(_, id)| self.get(&id).ok().flatten()))
    }

    /// Opens a release; none when the store does not have it.
    ///
    /// # Errors
    ///
    /// When it is there and its description or manifest is not what it should be.
    pub fn get(&self, id: &ReleaseId) -> Result<Option<StoredRelease>, ReleaseError> {
        let path = self.path(id);
        if !path.is_dir() {
            return Ok(None);
        }
        self.read(id, &path).map(Some)
    }

    /// Reads the manifest of a release that a host names; none when the store does not have it, or no longer whole.
    #[must_use]
    pub fn manifest(&self, id: &ReleaseId) -> Option<Arc<Manifest>> {
        self.get(id).ok().flatten().map(|release| release.manifest)
    }

    /// Gives the state folder.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Gives the folder of what is kept from build to build.
    pub(super) fn cache(&self) -> PathBuf {
        self.state.join("cache")
    }

    pub(super) fn path(&self, id: &ReleaseId) -> PathBuf {
        self.releases.join(id.to_string())
    }

    fn read(&self, id: &ReleaseId, path: &Path) -> Result<StoredRelease, ReleaseError> {
        let damaged = |problem: String| ReleaseError::Damaged { path: path.to_path_buf(), problem };
        let meta = Self::meta(path)?;
        let tree = path.join("tree");
        let manifest = files::read(&tree.join(MANIFEST)).map_err(|error| damaged(format!("its manifest: {error}")))?;
        let manifest = Manifest::parse(&manifest).map_err(|error| damaged(error.to_string()))?;
        if manifest.digest() != meta.digest || ReleaseId::new(&meta.version, &meta.digest) != *id {
            return Err(damaged("its name, meta.json and manifest do not belong together".into()));
        }
        Ok(StoredRelease {
            id: id.clone(),
            version: meta.version,
            commit: meta.commit,
            digest: meta.digest,
            manifest: Arc::new(manifest),
            tree,
            interpreter: meta.interpreter,
            built_at: meta.built_at,
            built_by: meta.built_by,
            tagged: None,
            had_in: None,
            notes: Vec::new(),
        })
    }

    pub(super) fn meta(path: &Path) -> Result<Meta, ReleaseError> {
        let damaged = |problem: String| ReleaseError::Damaged { path: path.to_path_buf(), problem };
        let text = files::read(&path.join("meta.json")).map_err(|error| damaged(format!("meta.json: {error}")))?;
        let schema: Schema = serde_json::from_slice(&text).map_err(|error| damaged(format!("meta.json: {error}")))?;
        if schema.schema != SCHEMA {
            return Err(damaged(format!("meta.json is of schema {}; this coalmine reads {SCHEMA}", schema.schema)));
        }
        serde_json::from_slice(&text).map_err(|error| damaged(format!("meta.json: {error}")))
    }

    /// Finds what was built from the same commit in the same way, the last first.
    pub(super) fn find_built(&self, version: &Version, key: &Digest) -> Result<Option<StoredRelease>, ReleaseError> {
        self.find_where(version, |meta| meta.build_key == *key)
    }

    /// Takes the lock of all building in this store, if nobody has it.
    pub(super) fn try_lock(&self) -> Result<Option<BuildLock>, ReleaseError> {
        let path = self.lock_path();
        let open = files::open_with(OpenOptions::new().read(true).write(true).create(true).truncate(false), &path);
        let mut file = open.map_err(ReleaseError::disk("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(ReleaseError::disk("lock", &path)(error.into())),
        }
        // Only told to whoever waits; the kernel's lock is what counts.
        let note = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        note.map_err(ReleaseError::disk("write", &path))?;
        Ok(Some(BuildLock { _file: file }))
    }

    /// Tells who has the lock.
    pub(super) fn lock_owner(&self) -> String {
        let mut owner = String::new();
        let read = files::open(&self.lock_path()).and_then(|file| file.take(32).read_to_string(&mut owner));
        if read.is_err() || owner.trim().is_empty() { "unknown".into() } else { owner.trim().to_owned() }
    }

    fn lock_path(&self) -> PathBuf {
        self.releases.join(".lock")
    }

    /// Removes what killed builds left; whoever has the lock knows that none of it is alive.
    pub(super) fn sweep(&self, _lock: &BuildLock) -> Result<(), ReleaseError> {
        for entry in fs::read_dir(&self.releases).map_err(ReleaseError::disk("read", &self.releases))? {
            let entry = entry.map_err(ReleaseError::disk("read", &self.releases))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(BUILDING) || name.starts_with(REMOVING) {
                remove_tree(&entry.path()).map_err(ReleaseError::disk("remove", entry.path()))?;
            }
        }
        Ok(())
    }

    /// Makes the folder of one build.
    pub(super) fn begin(&self, lock: BuildLock) -> Result<Work, ReleaseError> {
        let path = self.hidden(BUILDING);
        fs::create_dir(&path).map_err(ReleaseError::disk("make", &path))?;
        Ok(Work { path, _lock: lock })
    }

    /// Gives a finished build its name, after everything of it is on the disk.
    pub(super) fn finish(&self, work: Work, meta: &Meta) -> Result<StoredRelease, ReleaseError> {
        let id = ReleaseId::new(&meta.version, &meta.digest);
        // Whatever else a build needed is not the release's.
        for entry in fs::read_dir(&work.path).map_err(ReleaseError::disk("read", &work.path))? {
            let entry = entry.map_err(ReleaseError::disk("read", &work.path))?;
            if entry.file_name() != "tree" && entry.file_name() != "log" {
                remove_tree(&entry.path()).map_err(ReleaseError::disk("remove", entry.path()))?;
            }
        }
        let path = work.path.join("meta.json");
        let text = serde_json::to_vec_pretty(meta).map_err(|error| ReleaseError::disk("write", &path)(error.into()))?;
        fs::write(&path, text).map_err(ReleaseError::disk("write", &path))?;
        let disk = |path: &Path| ReleaseError::disk("write", path.to_path_buf());
        let folder = File::open(&self.releases).map_err(disk(&self.releases))?;
        syncfs(&folder).map_err(|error| disk(&self.releases)(error.into()))?;
        let target = self.path(&id);
        // The same build of another day: it takes the place of the other, which may be damaged.
        if fs::symlink_metadata(&target).is_ok() {
            let exchanged = renameat_with(&folder, &work.path, &folder, &target, RenameFlags::EXCHANGE);
            exchanged.map_err(|error| disk(&target)(error.into()))?;
        } else {
            fs::rename(&work.path, &target).map_err(disk(&target))?;
        }
        fsync(&folder).map_err(|error| disk(&self.releases)(error.into()))?;
        drop(work);
        self.read(&id, &target)
    }

    /// Keeps the log of a build that failed, and gives its path.
    pub(super) fn keep_log(&self, work: &Work, version: &Version) -> Option<PathBuf> {
        let folder = self.state.join("logs");
        let kept = folder.join(format!("build-{version}.log"));
        // An error about the log would hide the one that matters.
        fs::create_dir_all(&folder).and_then(|()| fs::rename(work.path.join("log"), &kept)).ok().map(|()| kept)
    }

    /// Names a folder of the store that is no release.
    pub(super) fn hidden(&self, prefix: &str) -> PathBuf {
        let token: String = std::iter::repeat_with(fastrand::alphanumeric).take(12).collect();
        self.releases.join(format!("{prefix}{token}"))
    }
}

impl StoredRelease {
    /// Describes a release that nobody built, for simulated hosts: an empty tree, told apart by its version alone.
    #[must_use]
    pub fn imagined(version: &Version) -> Option<Self> {
        let digest = Digest(Sha256::digest(version.as_str()).into());
        Some(Self {
            id: ReleaseId::new(version, &digest),
            version: version.clone(),
            commit: "0".repeat(40).parse().ok()?,
            digest,
            manifest: Arc::new(Manifest::new(Vec::new()).ok()?),
            tree: PathBuf::new(),
            interpreter: None,
            built_at: Timestamp::UNIX_EPOCH,
            built_by: Operator("nobody".into()),
            tagged: None,
            had_in: None,
            notes: Vec::new(),
        })
    }

    /// Hashes every file and compares it with the manifest: the source is proven before anything is sent from it.
    ///
    /// # Errors
    ///
    /// When anything differs.
    pub fn verify(&self) -> Result<(), ReleaseError> {
        let damaged = |problem: String| ReleaseError::Damaged { path: self.tree.clone(), problem };
        if self.manifest.totals().files == 0 {
            return Err(damaged("it is empty".into()));
        }
        self.manifest.verify_tree(&self.tree).map_err(|error| damaged(error.to_string()))
    }
}

/// Holds the lock of all building in a store; the kernel frees it when the process dies.
#[derive(Debug)]
pub(super) struct BuildLock {
    _file: File,
}

/// The folder of one build; removed when dropped, unless it became a release.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) path: PathBuf,
    // Dropped after the folder was removed.
    _lock: BuildLock,
}

impl Drop for Work {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next build.
        remove_tree(&self.path).ok();
    }
}

/// Removes a folder or file with all that is in it, read-only or not, if it is there.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.is_dir() {
        return fs::remove_file(path);
    }
    if found.permissions().mode() & 0o700 != 0o700 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    for entry in fs::read_dir(path)? {
        remove_tree(&entry?.path())?;
    }
    fs::remove_dir(path)
}
