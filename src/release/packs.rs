//! Keeps packs from rollout to rollout: `packs/DIGEST.tar.zst` in the state folder, whole or not there.

use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock, fsync};
use rustix::io::retry_on_intr;

use super::error::ReleaseError;
use super::pack::{self, Packing, Unpackable};
use super::store::{Store, StoredRelease};
use crate::files;
use crate::manifest::{Difference, Manifest};
use crate::model::{Bytes, Digest};

/// What a pack is called that is being made.
const MAKING: &str = ".making-";
/// What the file is called that says which pack leads from one tree to another.
const WAY: &str = "from-";
/// For so long whoever uses a pack is not disturbed, however little room there is.
const IN_USE: Duration = Duration::from_secs(3600);

/// Keeps packs; may be shared by any number of processes.
#[derive(Debug, Clone)]
pub struct Packs {
    folder: PathBuf,
    limits: PackLimits,
}

/// Says when packs are thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackLimits {
    /// When nobody used one for so long.
    pub unused: Duration,
    /// When all together are larger: the one that was used last comes last.
    pub bytes: Bytes,
}

impl Default for PackLimits {
    fn default() -> Self {
        Self { unused: Duration::from_secs(14 * 24 * 3600), bytes: Bytes(4 << 30) }
    }
}

/// Is one file with all that has to travel from one tree to another, the manifest of the other first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// How it is compressed.
    pub packing: Packing,
    /// How long it is.
    pub bytes: Bytes,
    /// The folder that it is in.
    pub folder: PathBuf,
}

impl Pack {
    /// Gives the name of the file: its digest, and how it is compressed.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.digest, self.packing.ending())
    }

    /// Gives the file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(self.name())
    }

    /// Tells that it is used now, and whether it is still there: who keeps one in mind does so before each use.
    #[must_use]
    pub fn touch(&self) -> bool {
        touch(&self.path()).is_ok()
    }
}

impl Store {
    /// Gives what is packed of this store's releases.
    #[must_use]
    pub fn packs(&self) -> Packs {
        Packs::new(self.state().join("packs"), PackLimits::default())
    }
}

impl Packs {
    /// Keeps packs in a folder, which is made when the first is.
    #[must_use]
    pub const fn new(folder: PathBuf, limits: PackLimits) -> Self {
        Self { folder, limits }
    }

    /// Gives the pack that leads from a tree to a release, and makes it where there is none; without a tree it has the whole release.
    ///
    /// One that is there is hashed before it is believed, so keep in mind what you were given. Whoever asks for the same meanwhile waits,
    /// in this process or another. Blocks, for as long as reading, hashing and compressing takes.
    ///
    /// # Errors
    ///
    /// When the release is damaged ([`ReleaseError::Damaged`]), or the pack cannot be written.
    pub fn get(
        &self,
        release: &StoredRelease,
        base: Option<&Manifest>,
        packing: Packing,
    ) -> Result<Pack, ReleaseError> {
        let disk = |what: &'static str, path: &Path| ReleaseError::disk(what, path.to_path_buf());
        // Nobody else may write there, whatever the umask.
        let mut folders = fs::DirBuilder::new();
        folders.recursive(true).mode(0o755).create(&self.folder).map_err(disk("make", &self.folder))?;
        let lock = self.lock().map_err(disk("lock", &self.folder))?;
        self.sweep_unfinished();
        let from = base.map_or_else(|| "nothing".to_owned(), |base| base.digest().to_string());
        let way = self.folder.join(format!("{WAY}{from}-to-{}.{}", release.digest, packing.ending()));
        let pack = match self.known(&way, packing) {
            Some(pack) => pack,
            None => self.make(release, base, packing, &way)?,
        };
        if !pack.touch() {
            let gone = io::Error::other("it is gone as soon as it was made");
            return Err(disk("keep", &pack.path())(gone));
        }
        self.throw_away(&pack);
        drop(lock);
        Ok(pack)
    }

    /// Measures what leads to trees of these digests and to no others.
    #[must_use]
    pub fn leading_to(&self, digests: &BTreeSet<Digest>) -> Bytes {
        self.only_for(digests).into_iter().map(|(_, bytes)| bytes).sum()
    }

    /// Throws away what leads to trees of these digests and to no others, and gives how much that was; none while somebody else makes a
    /// pack: what is left is thrown away when nobody used it for long.
    ///
    /// # Errors
    ///
    /// When the lock cannot be taken.
    pub fn forget(&self, digests: &BTreeSet<Digest>) -> Result<Option<Bytes>, ReleaseError> {
        if !self.folder.is_dir() {
            return Ok(Some(Bytes(0)));
        }
        let disk = |error: io::Error| ReleaseError::disk("lock", &self.folder)(error);
        let file = self.lock_file().map_err(disk)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(disk(error.into())),
        }
        let gone = self.only_for(digests).into_iter().filter(|(path, _)| remove(path));
        Ok(Some(gone.map(|(_, bytes)| bytes).sum()))
    }

    /// Finds the ways to trees of these digests, and the packs to which no other way leads.
    fn only_for(&self, digests: &BTreeSet<Digest>) -> Vec<(PathBuf, Bytes)> {
        let entries: Vec<(PathBuf, String, fs::Metadata)> = self.entries().collect();
        let (mut theirs, mut others, mut found) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for (path, name, _) in &entries {
            let Some((to, ending)) = way_to(name) else { continue };
            let pack = format!("{}.{ending}", said(path).unwrap_or_default().trim());
            if digests.contains(&to) {
                theirs.insert(pack);
                found.push((path.clone(), Bytes(0)));
            } else {
                others.insert(pack);
            }
        }
        let packs = entries.into_iter().filter(|(_, name, _)| theirs.contains(name) && !others.contains(name));
        found.extend(packs.map(|(path, _, metadata)| (path, Bytes(metadata.len()))));
        found
    }

    /// Finds a pack that was made before, and proves it.
    fn known(&self, way: &Path, packing: Packing) -> Option<Pack> {
        let digest: Digest = said(way)?.trim().parse().ok()?;
        let pack = Pack { digest, packing, bytes: Bytes(0), folder: self.folder.clone() };
        let path = pack.path();
        let (found, bytes) = pack::measure(&path).ok()?;
        if found == digest {
            return Some(Pack { bytes, ..pack });
        }
        tracing::warn!("{} is damaged and is made anew: look at the disk of this machine", path.display());
        fs::remove_file(&path).ok()?;
        None
    }

    fn make(
        &self,
        release: &StoredRelease,
        base: Option<&Manifest>,
        packing: Packing,
        way: &Path,
    ) -> Result<Pack, ReleaseError> {
        let manifest = &release.manifest;
        let difference = base.map_or_else(|| Difference::whole(manifest), |base| Difference::between(base, manifest));
        let unfinished = self.unfinished();
        let unfinished = unfinished.map_err(ReleaseError::disk("write into", &self.folder))?;
        let to = unfinished.as_file().try_clone().map_err(ReleaseError::disk("write into", &self.folder))?;
        let written = pack::write(packing, &release.tree, manifest, difference.sent(), to);
        let (digest, bytes) = written.map_err(|why| match why {
            Unpackable::Damaged(problem) => ReleaseError::Damaged { path: release.tree.clone(), problem },
            Unpackable::Disk(error) => ReleaseError::disk("pack", &release.tree)(error),
        })?;
        let pack = Pack { digest, packing, bytes, folder: self.folder.clone() };
        let path = pack.path();
        let kept = unfinished.persist(&path).map_err(|error| error.error);
        kept.map_err(ReleaseError::disk("write", &path))?;
        self.write_way(way, &digest).map_err(ReleaseError::disk("write", way))?;
        tracing::info!(
            "packed {}: {bytes} of {} in {} files",
            release.id,
            difference.bytes(),
            difference.totals().files
        );
        Ok(pack)
    }

    fn unfinished(&self) -> io::Result<tempfile::NamedTempFile> {
        let permissions = fs::Permissions::from_mode(0o644);
        tempfile::Builder::new().prefix(MAKING).permissions(permissions).tempfile_in(&self.folder)
    }

    fn write_way(&self, way: &Path, digest: &Digest) -> io::Result<()> {
        let unfinished = self.unfinished()?;
        fs::write(unfinished.path(), format!("{digest}\n"))?;
        unfinished.as_file().sync_all()?;
        unfinished.persist(way).map_err(|error| error.error)?;
        Ok(fsync(File::open(&self.folder)?)?)
    }

    /// Waits for the lock of all that make packs; the kernel frees it when a process dies.
    fn lock(&self) -> io::Result<File> {
        let file = self.lock_file()?;
        retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?;
        Ok(file)
    }

    fn lock_file(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        files::open_with(options.read(true).write(true).create(true).truncate(false), &self.folder.join(".lock"))
    }

    /// Removes what was being made by who is dead: the lock is ours, and nobody else makes any.
    fn sweep_unfinished(&self) {
        for (path, name, _) in self.entries() {
            if name.starts_with(MAKING) {
                remove(&path);
            }
        }
    }

    /// Throws away what was not used for long, and the longest unused where all are too much; never what may be in use.
    fn throw_away(&self, but: &Pack) {
        let now = SystemTime::now();
        let mut packs: Vec<(Duration, u64, PathBuf)> = Vec::new();
        for (path, name, found) in self.entries() {
            // Of a clock that was set back no age is known, and it is kept.
            let age = found.modified().ok().and_then(|used| now.duration_since(used).ok()).unwrap_or_default();
            if name.contains(".tar") && !name.starts_with(WAY) {
                packs.push((age, found.len(), path));
            }
        }
        packs.sort_unstable();
        let mut kept = 0_u64;
        for (age, bytes, path) in packs {
            let is_too_much = kept.saturating_add(bytes) > self.limits.bytes.0 && age > IN_USE;
            if path != but.path() && (age > self.limits.unused || is_too_much) {
                tracing::debug!("throwing away {}, unused for {} s", path.display(), age.as_secs());
                remove(&path);
            } else {
                kept = kept.saturating_add(bytes);
            }
        }
        for (path, name, _) in self.entries() {
            let leads_nowhere = || {
                let ending = name.split_once(".tar").map(|(_, ending)| ending).unwrap_or_default();
                let digest = said(&path).unwrap_or_default();
                !self.folder.join(format!("{}.tar{ending}", digest.trim())).exists()
            };
            if name.starts_with(WAY) && leads_nowhere() {
                remove(&path);
            }
        }
    }

    fn entries(&self) -> impl Iterator<Item = (PathBuf, String, fs::Metadata)> {
        fs::read_dir(&self.folder).into_iter().flatten().flatten().filter_map(|entry| {
            let found = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((entry.path(), entry.file_name().into_string().ok()?, found))
        })
    }
}

fn said(path: &Path) -> Option<String> {
    String::from_utf8(files::read(path).ok()?).ok()
}

fn touch(path: &Path) -> io::Result<()> {
    files::open(path)?.set_times(FileTimes::new().set_modified(SystemTime::now()))
}

/// Reads from the name of a way to which tree it leads, and how its pack is compressed.
fn way_to(name: &str) -> Option<(Digest, &str)> {
    let (to, ending) = name.strip_prefix(WAY)?.split_once("-to-")?.1.split_once('.')?;
    Some((to.parse().ok()?, ending))
}

/// What cannot be removed is tried again by the next.
fn remove(path: &Path) -> bool {
    let removed = fs::remove_file(path);
    if let Err(error) = &removed {
        tracing::debug!(%error, "{} stays", path.display());
    }
    removed.is_ok()
}
