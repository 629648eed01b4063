//! What of a release travels in one file, made once for all hosts that take the same way.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::delta::{Delta, lines};
use super::limits::blame;
use super::settings::TransferSettings;
use crate::manifest::{Difference, Entry, Kind, MANIFEST, Manifest};
use crate::model::{Bytes, Compress, Failure, FailureClass, PackWhen, ReleaseId};
use crate::release::{Pack, Packing, Packs, ReleaseError, StoredRelease};

/// What has to travel before a pack pays: less is sent by rsync about as fast, and needs nothing to be made.
const WORTH_PACKING: Bytes = Bytes(1024 * 1024);

/// Holds a pack, and what a host has to know to unpack it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parcel {
    pub(super) pack: Pack,
    /// What the host removes before, as [`lines`] writes it: all that changes, for no archive is unpacked over it.
    pub(super) removals: Arc<[u8]>,
    /// What must not be there when it is unpacked; what the pack puts into a folder of its own is not named.
    pub(super) tops: Arc<[u8]>,
    /// What must be folders then, and no links to any.
    pub(super) folders: Arc<[u8]>,
    /// What has to be free on the host for the pack and for what is in it.
    pub(super) need_kib: u64,
    pub(super) need_inodes: u64,
}

impl Parcel {
    fn new(pack: Pack, difference: &Difference, delta: &Delta) -> Self {
        let sent: Vec<&Path> = difference.sent().map(Entry::path).collect();
        let own: HashSet<&Path> =
            difference.sent().filter(|entry| matches!(entry.kind(), Kind::Directory)).map(Entry::path).collect();
        let parent = |path: &'_ Path| path.parent().is_some_and(|parent| own.contains(parent));
        let tops: Vec<&Path> = sent.into_iter().filter(|path| !parent(path)).chain([Path::new(MANIFEST)]).collect();
        let ways = tops.iter().flat_map(|top| top.ancestors().skip(1));
        let folders: BTreeSet<&Path> = ways.filter(|path| !path.as_os_str().is_empty()).collect();
        let removals = difference.removals().iter().map(Entry::path).chain([Path::new(MANIFEST)]);
        Self {
            removals: lines(removals),
            tops: lines(tops),
            folders: lines(folders),
            need_kib: delta.need_kib + pack.bytes.0.div_ceil(1024),
            need_inodes: delta.need_inodes + 1,
            pack,
        }
    }
}

/// Chooses how what travels to a host is packed; none is by rsync, file by file.
///
/// The rule: a host unpacks by `tar`, and by the first that it has of zstd and gzip. With "auto" a pack is made where at least a mebibyte
/// travels over a link to a host that has these, and no large file `is_patched`: of that rsync sends what changed in it, and a pack has all of it. With "always" it is made for
/// every host that has `tar`, this machine too. What `transfer.compress` says is never compressed is packed plain, and by "auto" not at all. What may
/// come `from_elsewhere` than this machine is packed where at least a mebibyte travels, whatever of it: one pack leaves this machine for
/// many hosts then.
pub(super) fn choose(
    settings: &TransferSettings,
    unpacks: &str,
    is_link: bool,
    from_elsewhere: bool,
    delta: &Delta,
    is_patched: bool,
) -> Option<Packing> {
    let mut tools = unpacks.split(' ');
    if (settings.packs == PackWhen::Never && !from_elsewhere) || !tools.clone().any(|tool| tool == "tar") {
        return None;
    }
    let packing = match settings.compress {
        Compress::Never => Packing::Plain,
        Compress::Auto | Compress::Always if tools.clone().any(|tool| tool == "zstd") => Packing::Zstd,
        Compress::Auto | Compress::Always if tools.any(|tool| tool == "gzip") => Packing::Gzip,
        Compress::Auto | Compress::Always => Packing::Plain,
    };
    let is_smaller = !is_patched && packing != Packing::Plain;
    let pays = is_link && delta.bytes >= WORTH_PACKING && (is_smaller || from_elsewhere);
    (settings.packs == PackWhen::Always || pays).then_some(packing)
}

type Way = (Option<ReleaseId>, ReleaseId, Packing);

/// What is known of a way.
#[derive(Debug, Clone, Default)]
enum Known {
    /// Nobody has asked.
    #[default]
    Nothing,
    Parcel(Arc<Parcel>),
    /// It could not be made, and is not tried again by this process.
    Unmade,
}

/// Remembers parcels.
#[derive(Debug, Default)]
pub(super) struct Parcels {
    packs: Option<Packs>,
    ways: Mutex<HashMap<Way, Arc<tokio::sync::Mutex<Known>>>>,
}

impl Parcels {
    pub(super) fn new(packs: Option<Packs>) -> Self {
        Self { packs, ways: Mutex::default() }
    }

    /// Gives what travels from a base to a release in one file, made where there is none; none where it cannot be made here.
    ///
    /// Whoever asks for the same meanwhile waits. Dropping the future leaves the making to go on, for whoever asks next.
    ///
    /// # Errors
    ///
    /// When the release in the store is not what was built.
    pub(super) async fn get(
        &self,
        release: &Arc<StoredRelease>,
        base: Option<&ReleaseId>,
        packing: Packing,
        delta: &Arc<Delta>,
        manifest: impl FnOnce(&ReleaseId) -> Option<Arc<Manifest>>,
    ) -> Result<Option<Arc<Parcel>>, Failure> {
        let Some(packs) = &self.packs else { return Ok(None) };
        let key = (base.cloned(), release.id.clone(), packing);
        let place = Arc::clone(self.ways.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        let mut known = place.lock().await;
        match &*known {
            Known::Unmade => return Ok(None),
            // It may have been thrown away while a stage soaked.
            Known::Parcel(parcel) if parcel.pack.touch() => return Ok(Some(Arc::clone(parcel))),
            Known::Parcel(_) | Known::Nothing => {}
        }
        let base = match base.map(manifest) {
            // The store does not have it any more, and nothing tells what differs.
            Some(None) => return Ok(None),
            base => base.flatten(),
        };
        let (packs, of, delta) = (packs.clone(), Arc::clone(release), Arc::clone(delta));
        let made = tokio::task::spawn_blocking(move || {
            let pack = packs.get(&of, base.as_deref(), packing)?;
            let difference =
                base.map_or_else(|| Difference::whole(&of.manifest), |base| Difference::between(&base, &of.manifest));
            Ok::<_, ReleaseError>(Parcel::new(pack, &difference, &delta))
        });
        match made.await {
            Ok(Ok(parcel)) => {
                let parcel = Arc::new(parcel);
                *known = Known::Parcel(Arc::clone(&parcel));
                Ok(Some(parcel))
            }
            Ok(Err(error @ ReleaseError::Damaged { .. })) => {
                Err(Failure::new(FailureClass::Transfer, error.to_string()).here())
            }
            Ok(Err(error)) => {
                tracing::warn!("{} is sent file by file, since it cannot be packed here: {error}", release.id);
                *known = Known::Unmade;
                Ok(None)
            }
            Err(error) => {
                let error = std::io::Error::other(error);
                Err(blame(Failure::new(FailureClass::Transfer, format!("packing was ended: {error}")), &error).here())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::{Parcel, choose};
    use crate::host::delta::Delta;
    use crate::host::settings::TransferSettings;
    use crate::manifest::{Difference, Entry, Kind, Manifest};
    use crate::model::{Bytes, Compress, Digest, PackWhen};
    use crate::release::{Pack, Packing};

    #[test]
    fn what_is_packed_and_how_follows_one_rule() {
        let way = |bytes| Delta { bytes: Bytes(bytes), ..Delta::whole(&Manifest::new(Vec::new()).unwrap()) };
        let (much, little, patched) = ((&way(1 << 20), false), (&way((1 << 20) - 1), false), (&way(9 << 20), true));
        let rule = |packs, compress, tools: &str, is_link, (delta, is_patched): (&Delta, bool)| {
            let settings = TransferSettings { packs, compress, ..TransferSettings::default() };
            choose(&settings, tools, is_link, false, delta, is_patched)
        };
        let (auto, always, never) = (PackWhen::Auto, PackWhen::Always, PackWhen::Never);
        assert_eq!(rule(auto, Compress::Auto, "tar zstd gzip", true, much), Some(Packing::Zstd));
        assert_eq!(rule(auto, Compress::Auto, "tar gzip", true, much), Some(Packing::Gzip));
        assert_eq!(rule(auto, Compress::Always, "tar gzip", true, much), Some(Packing::Gzip));
        for (tools, is_link, delta) in [("tar", true, much), ("zstd", true, much), ("", true, much)]
            .into_iter()
            .chain([("tar zstd", false, much), ("tar zstd", true, little), ("tar zstd", true, patched)])
        {
            assert_eq!(rule(auto, Compress::Auto, tools, is_link, delta), None, "{tools} {is_link} {delta:?}");
        }
        assert_eq!(rule(auto, Compress::Never, "tar zstd", true, much), None);
        assert_eq!(rule(always, Compress::Never, "tar zstd", true, much), Some(Packing::Plain));
        assert_eq!(rule(always, Compress::Auto, "tar", false, little), Some(Packing::Plain));
        assert_eq!(rule(always, Compress::Auto, "tar zstd", false, little), Some(Packing::Zstd));
        assert_eq!(rule(always, Compress::Auto, "zstd gzip", true, much), None);
        assert_eq!(rule(never, Compress::Auto, "tar zstd", true, much), None);
        let elsewhere = |tools: &str, (delta, is_patched): (&Delta, bool)| {
            choose(&TransferSettings::default(), tools, true, true, delta, is_patched)
        };
        assert_eq!(elsewhere("tar zstd", patched), Some(Packing::Zstd));
        assert_eq!(elsewhere("tar", much), Some(Packing::Plain));
        assert_eq!((elsewhere("zstd", much), elsewhere("tar zstd", little)), (None, None));
    }

    #[test]
    fn a_host_is_told_what_must_be_out_of_the_way_and_what_must_be_a_folder() {
        let file = |path: &str, content: u8| {
            let kind = Kind::File { executable: false, size: Bytes(5), digest: Digest([content; 32]) };
            Entry::new(Path::new(path), kind).unwrap()
        };
        let folder = |path: &str| Entry::new(Path::new(path), Kind::Directory).unwrap();
        let link = Kind::Symlink { target: Arc::from(std::ffi::OsStr::new("a")) };
        let link = Entry::new(Path::new("turns"), link).unwrap();
        let old = [folder("a"), folder("a/b"), file("a/b/edited\n", 1), file("a/same", 1), file("gone", 1), link];
        let new = [
            folder("a"),
            folder("a/b"),
            file("a/b/edited\n", 2),
            file("a/same", 1),
            folder("turns"),
            folder("turns/deep"),
            file("turns/deep/x", 1),
        ];
        let (old, new) = (Manifest::new(old.to_vec()).unwrap(), Manifest::new(new.to_vec()).unwrap());
        let pack =
            Pack { digest: Digest([1; 32]), packing: Packing::Zstd, bytes: Bytes(5000), folder: "/packs".into() };
        let whole = Delta::whole(&new);
        let parcel = Parcel::new(pack.clone(), &Difference::between(&old, &new), &whole);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text(&parcel.tops), "a/b/\nedited\\0012\n/\nturns\nMANIFEST\n");
        assert_eq!(text(&parcel.folders), "a\na/\nb\n");
        assert_eq!(text(&parcel.removals), "turns\ngone\na/b/\nedited\\0012\n/\nMANIFEST\n");
        assert_eq!(parcel.need_kib, whole.need_kib + 5);
        let parcel = Parcel::new(pack, &Difference::whole(&new), &whole);
        assert_eq!(text(&parcel.tops), "a\nturns\nMANIFEST\n");
        assert_eq!(text(&parcel.folders), "");
    }
}
