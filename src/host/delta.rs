use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::OnceCell;

use super::pace;
use crate::manifest::{Difference, Entry, Kind, MANIFEST, Manifest, escape, list_into};
use crate::model::{Bytes, ReleaseId};
use crate::release::{Packs, Store};

/// Finds the manifest of a release that this machine knows: what is on a host is told by its id, and what that means by the store.
pub trait Bases: Send + Sync + 'static {
    /// Gives the manifest; none when the store does not have the release any more.
    fn manifest(&self, id: &ReleaseId) -> Option<Arc<Manifest>>;

    /// Gives the files of a release that this machine has; none when it does not, or does not say.
    fn tree(&self, _id: &ReleaseId) -> Option<PathBuf> {
        None
    }

    /// Gives where packs are kept; none where everything is sent file by file.
    fn packs(&self) -> Option<Packs> {
        None
    }
}

impl Bases for Store {
    fn manifest(&self, id: &ReleaseId) -> Option<Arc<Manifest>> {
        Self::manifest(self, id)
    }

    fn tree(&self, id: &ReleaseId) -> Option<PathBuf> {
        self.get(id).ok().flatten().map(|release| release.tree)
    }

    fn packs(&self) -> Option<Packs> {
        Some(Self::packs(self))
    }
}

impl<F: Fn(&ReleaseId) -> Option<Arc<Manifest>> + Send + Sync + 'static> Bases for F {
    fn manifest(&self, id: &ReleaseId) -> Option<Arc<Manifest>> {
        self(id)
    }
}

/// The block in which file systems count.
const BLOCK: u64 = 4096;
/// How large a file is that is looked into before all of it is sent again.
const LARGE: Bytes = Bytes(256 * 1024);
/// What is left free besides, in KiB: names, the journal of the file system, the state.
const MARGIN: u64 = 1024;

/// Says what travels from one release to another, computed once for all hosts that take this way.
#[derive(Debug, Clone)]
pub(super) struct Delta {
    /// What rsync sends, each name ended by a zero byte.
    pub(super) list: Arc<[u8]>,
    /// What the host removes before, as [`lines`] writes it.
    pub(super) removals: Arc<[u8]>,
    /// How many bytes the sent files have.
    pub(super) bytes: Bytes,
    /// Large files that take an older one's place.
    pub(super) large: Arc<[PathBuf]>,
    /// Whether most of one of these is as it was; known once it was asked.
    pub(super) is_patched: OnceCell<bool>,
    /// What has to be free on the host for it.
    pub(super) need_kib: u64,
    /// How many inodes have to be free on the host.
    pub(super) need_inodes: u64,
}

impl Delta {
    /// Sends what differs. A file that stays a file is left there as the basis of a delta: rsync puts the new one in its place by a
    /// rename, so the old release keeps its own.
    fn between(old: &Manifest, new: &Manifest) -> Self {
        let difference = Difference::between(old, new);
        let is_file = |entry: &&Entry| matches!(entry.kind(), Kind::File { .. });
        let replaced: HashSet<_> = difference.changed.iter().filter(is_file).map(Entry::path).collect();
        let mut removals = Vec::new();
        let mut large = Vec::new();
        for entry in difference.removals() {
            if is_file(&entry) && replaced.contains(entry.path()) {
                if entry.kind().size() > LARGE {
                    large.push(entry.path().to_owned());
                }
                continue;
            }
            removals.push(entry.path());
        }
        Self { large: large.into(), ..Self::new(&difference, removals, new) }
    }

    /// Sends everything.
    pub(super) fn whole(new: &Manifest) -> Self {
        Self::new(&Difference::whole(new), Vec::new(), new)
    }

    fn new(difference: &Difference, removals: Vec<&Path>, new: &Manifest) -> Self {
        let directories = new.totals().directories as u64;
        Self {
            list: difference.files_from().into(),
            removals: lines(removals),
            bytes: difference.bytes(),
            large: Arc::from([]),
            is_patched: OnceCell::new(),
            need_kib: kibibytes(difference.sent(), new, directories),
            need_inodes: difference.totals().entries() as u64 + directories + 16,
        }
    }

    /// Sends the manifest alone: what else is wrong the host can say then.
    pub(super) fn manifest_only(new: &Manifest) -> Self {
        let mut list = Vec::new();
        list_into(MANIFEST.as_bytes(), &mut list);
        let directories = new.totals().directories as u64;
        Self {
            list: list.into(),
            removals: Arc::from([]),
            bytes: new.length(),
            large: Arc::from([]),
            is_patched: OnceCell::new(),
            need_kib: kibibytes(std::iter::empty(), new, directories),
            need_inodes: directories + 16,
        }
    }

    /// Sends what a host found wrong, spelled as in a manifest, and the manifest.
    pub(super) fn repair<'a>(new: &Manifest, wrong: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let wrong: HashSet<&[u8]> = wrong.into_iter().collect();
        let sent: Vec<&Entry> =
            new.entries().iter().filter(|entry| wrong.contains(&*escape(entry.path().as_os_str()))).collect();
        let mut list = Vec::new();
        let mut bytes = new.length();
        for entry in &sent {
            list_into(entry.path().as_os_str().as_bytes(), &mut list);
            bytes = bytes.saturating_add(entry.kind().size());
        }
        list_into(MANIFEST.as_bytes(), &mut list);
        let directories = new.totals().directories as u64;
        Self {
            list: list.into(),
            removals: Arc::from([]),
            bytes,
            large: Arc::from([]),
            is_patched: OnceCell::new(),
            need_kib: kibibytes(sent.iter().copied(), new, directories),
            need_inodes: sent.len() as u64 + directories + 16,
        }
    }
}

/// Tells whether three of four blocks of a file are at the same place in an older one.
fn is_mostly_same(old: &Path, new: &Path) -> io::Result<bool> {
    let (mut old, mut new) = (File::open(old)?, File::open(new)?);
    let (mut same, mut all) = (0_u64, 0_u64);
    loop {
        let (mut before, mut now) = (Vec::new(), Vec::new());
        (&mut new).take(BLOCK).read_to_end(&mut now)?;
        if now.is_empty() {
            return Ok(same * 4 > all * 3);
        }
        (&mut old).take(BLOCK).read_to_end(&mut before)?;
        all += 1;
        same += u64::from(before == now);
    }
}

/// Writes paths for a host, a line each, spelled as in a manifest: shells read what they are told byte by byte. A line that ends with a slash
/// says in which folder the names below it are, and nothing but a slash, that they are in the release itself.
pub(super) fn lines<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Arc<[u8]> {
    let mut text = Vec::new();
    let mut folder = Path::new("");
    for path in paths {
        let parent = path.parent().unwrap_or(Path::new(""));
        if parent != folder {
            folder = parent;
            text.extend_from_slice(&escape(folder.as_os_str()));
            text.extend_from_slice(b"/\n");
        }
        text.extend_from_slice(&escape(path.file_name().unwrap_or_default()));
        text.push(b'\n');
    }
    text.into()
}

/// Counts what files take up: whole blocks each, and one for every folder, for hard links have folders of their own.
fn kibibytes<'a>(sent: impl Iterator<Item = &'a Entry>, new: &Manifest, directories: u64) -> u64 {
    let files: u64 = sent.map(|entry| entry.kind().size().0.div_ceil(BLOCK)).sum();
    (files + new.length().0.div_ceil(BLOCK) + directories) * (BLOCK / 1024) + MARGIN
}

type Ways = HashMap<(Option<ReleaseId>, ReleaseId), Arc<OnceLock<Arc<Delta>>>>;

/// Remembers what travels between two releases.
pub(super) struct Deltas {
    bases: Box<dyn Bases>,
    ways: Mutex<Ways>,
    times: Mutex<HashMap<ReleaseId, u64>>,
}

impl std::fmt::Debug for Deltas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deltas").finish_non_exhaustive()
    }
}

impl Deltas {
    pub(super) fn new(bases: impl Bases) -> Self {
        Self { bases: Box::new(bases), ways: Mutex::default(), times: Mutex::default() }
    }

    /// Gives the seconds in which a host has to have proven a release that it runs.
    pub(super) fn time_to_prove(&self, id: &ReleaseId) -> u64 {
        let mut known = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seconds) = known.get(id) {
            return *seconds;
        }
        let seconds = self.bases.manifest(id).map_or(300, |manifest| {
            let totals = manifest.totals();
            // Its facts are asked for as well.
            15 + pace::to_look_at(totals.bytes, totals.entries())
        });
        known.insert(id.clone(), seconds);
        seconds
    }

    /// Tells whether a large file changes of which three fourths are as they were: of that rsync sends little. Of what was compiled anew it
    /// finds less again than compressing takes away: it is sent whole. What cannot be looked at here is taken for the first.
    pub(super) async fn is_patched(&self, base: &ReleaseId, delta: &Delta, tree: &Path) -> bool {
        if delta.large.is_empty() {
            return false;
        }
        let look = async {
            let Some(old) = self.bases.tree(base) else { return true };
            let (large, new) = (Arc::clone(&delta.large), tree.to_owned());
            let look =
                move || large.iter().any(|path| is_mostly_same(&old.join(path), &new.join(path)).unwrap_or(true));
            tokio::task::spawn_blocking(look).await.unwrap_or(true)
        };
        *delta.is_patched.get_or_init(|| look).await
    }

    /// Gives what travels from nothing.
    pub(super) fn whole(&self, id: &ReleaseId, new: &Manifest) -> Arc<Delta> {
        self.way(None, id, || Some(Delta::whole(new))).unwrap_or_else(|| Arc::new(Delta::whole(new)))
    }

    /// Gives what travels from a release; none when the store does not know that one.
    pub(super) fn between(&self, base: &ReleaseId, id: &ReleaseId, new: &Manifest) -> Option<Arc<Delta>> {
        self.way(Some(base), id, || self.bases.manifest(base).map(|old| Delta::between(&old, new)))
    }

    /// Gives the manifest of a release; none when the store does not have it.
    pub(super) fn manifest(&self, id: &ReleaseId) -> Option<Arc<Manifest>> {
        self.bases.manifest(id)
    }

    /// Computes a way once; whoever asks for the same meanwhile waits.
    fn way(
        &self,
        base: Option<&ReleaseId>,
        id: &ReleaseId,
        compute: impl FnOnce() -> Option<Delta>,
    ) -> Option<Arc<Delta>> {
        let key = (base.cloned(), id.clone());
        let place = Arc::clone(self.ways.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        if let Some(delta) = place.get() {
            return Some(Arc::clone(delta));
        }
        let delta = Arc::new(compute()?);
        Some(Arc::clone(place.get_or_init(|| delta)))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{Delta, Deltas, lines};
    use crate::manifest::{Entry, Kind, Manifest};
    use crate::model::{Bytes, Digest, ReleaseId};

    fn file(path: &str, content: u8, size: u64) -> Entry {
        let kind = Kind::File { executable: false, size: Bytes(size), digest: Digest([content; 32]) };
        Entry::new(Path::new(path), kind).unwrap()
    }

    fn folder(path: &str) -> Entry {
        Entry::new(Path::new(path), Kind::Directory).unwrap()
    }

    fn link(path: &str) -> Entry {
        Entry::new(Path::new(path), Kind::Symlink { target: Arc::from(std::ffi::OsStr::new("same")) }).unwrap()
    }

    fn id(text: &str) -> ReleaseId {
        text.parse().unwrap()
    }

    #[test]
    fn only_what_differs_travels_and_changed_files_stay_as_a_basis() {
        let old =
            [file("same", 1, 5000), file("edit\ned", 1, 100), file("gone", 1, 1), file("was", 1, 1), link("turns")];
        let new =
            [file("same", 1, 5000), file("edit\ned", 2, 90), folder("was"), file("was/new", 1, 7), file("turns", 1, 3)];
        let (old, new) = (Manifest::new(old.to_vec()).unwrap(), Manifest::new(new.to_vec()).unwrap());
        let delta = Delta::between(&old, &new);
        assert_eq!(&*delta.list, b"./edit\ned\0./turns\0./was\0./was/new\0./MANIFEST\0");
        let removals = String::from_utf8(delta.removals.to_vec()).unwrap();
        let mut removals: Vec<_> = removals.lines().collect();
        removals.sort_unstable();
        assert_eq!(removals, ["gone", "turns", "was"]);
        assert_eq!(delta.bytes, Bytes(100 + new.length().0));
    }

    #[test]
    fn a_folder_is_named_once_for_what_is_in_it() {
        let text = |paths: &[&str]| String::from_utf8(lines(paths.iter().map(Path::new)).to_vec()).unwrap();
        assert_eq!(text(&["a/b/c", "a/b/d", "a/e", "f", "MANIFEST"]), "a/b/\nc\nd\na/\ne\n/\nf\nMANIFEST\n");
        assert_eq!(text(&["f", "a\nb/c\\"]), "f\na\\0012b/\nc\\0134\n");
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn a_repair_sends_what_the_host_named_and_no_more() {
        let new = Manifest::new(vec![file("a", 1, 5), file("b\nc", 1, 70), folder("d")]).unwrap();
        let delta = Delta::repair(&new, [&b"b\\0012c"[..], b"MANIFEST", b"unknown"]);
        assert_eq!(&*delta.list, b"./b\nc\0./MANIFEST\0");
        assert_eq!(delta.bytes, Bytes(70 + new.length().0));
    }

    #[test]
    fn a_difference_is_computed_once() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let (old, new) = (id("1-00000000"), id("2-00000000"));
        let manifest = Arc::new(Manifest::new(vec![file("a", 1, 5)]).unwrap());
        let known = Arc::clone(&manifest);
        let deltas = Deltas::new(move |id: &ReleaseId| {
            ASKED.fetch_add(1, Ordering::Relaxed);
            (id.version().as_str() == "1").then(|| Arc::clone(&known))
        });
        for _ in 0..10 {
            assert!(deltas.between(&old, &new, &manifest).is_some());
        }
        assert_eq!(ASKED.load(Ordering::Relaxed), 1);
        assert!(deltas.between(&id("3-00000000"), &new, &manifest).is_none());
    }
}
