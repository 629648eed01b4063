use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::refusal;
use super::work::Remote;
use crate::host::answer::{Answer, Record};
use crate::host::delta::Delta;
use crate::host::pace;
use crate::host::parcel::{Parcel, choose};
use crate::host::script::{Phase, Script};
use crate::host::transport::{Copy, Transport};
use crate::host::{HostError, Primed};
use crate::manifest::{Manifest, list_into};
use crate::model::{Bytes, Failure, FailureClass, Progress, ReleaseId, RolloutId};
use crate::release::{Pack, StoredRelease};

/// How often what does not match is sent again: files that the host changed are found by the first, so more is a broken disk.
const REPAIRS: u32 = 3;
/// How many releases of a host are looked at for the one that leaves least to send.
const CANDIDATES: usize = 6;

/// Says what a release is linked from on the host.
#[derive(Debug, Clone)]
enum Base {
    /// Nobody has asked yet.
    Unknown,
    Nothing,
    /// A release whose manifest is known here, and what travels from it.
    Release(ReleaseId, Arc<Delta>),
    /// A release that is known there only: the host says afterwards what is wrong with it.
    Stranger(ReleaseId),
}

/// Holds what the host answered when the folder was asked for.
enum Staged {
    Already,
    /// The host wants to be told what to link, of these.
    Absent(Vec<ReleaseId>),
    /// What was to be linked cannot be.
    NoBase,
    /// There is no room for a pack and what is in it.
    Cramped,
    Ready(Folder),
}

/// Says under which name a release is put when it is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    /// Its own.
    Final,
    /// Beside a broken copy of it that a link names.
    Repair,
}

impl Goal {
    const fn word(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::Repair => "repair",
        }
    }
}

/// The folder into which a release travels.
#[derive(Debug)]
struct Folder {
    goal: Goal,
    path: PathBuf,
    zstd: bool,
    /// What is known to be wrong in it, from the copy that was there.
    wrong: Option<Vec<Vec<u8>>>,
    /// Somebody began before us, and nobody knows how far that came.
    resumed: bool,
    /// Whether the pack that we chose came before, whole or in part.
    has_pack: bool,
}

impl<T: Transport> Remote<T> {
    /// Brings a release to the host.
    pub(super) async fn transfer(
        &self,
        release: &Arc<StoredRelease>,
        rollout: &RolloutId,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Primed, HostError> {
        let manifest = &release.manifest;
        // What is there as a rule is whole, and needs no more than to be asked for.
        let known = self.known_releases().filter(|_| !self.holds(&release.id));
        let mut base = known.map_or(Base::Unknown, |known| self.choose(release, &known));
        let mut refused = false;
        let mut asked = 0;
        let mut is_cramped = false;
        let (folder, parcel) = loop {
            asked += 1;
            let parcel = if is_cramped { None } else { self.parcel(release, &base).await? };
            match self.stage(release, rollout, &base, parcel.as_deref()).await? {
                Staged::Already => return Ok(Primed { already: true, ..Primed::default() }),
                Staged::Ready(folder) => break (folder, parcel),
                _ if asked > 4 => {
                    let message = "the host does not make up its mind about what it has";
                    return Err(Failure::new(FailureClass::Transfer, message).into());
                }
                Staged::Cramped => is_cramped = true,
                Staged::Absent(found) => base = self.choose(release, &found),
                // The guess was out of date; or it was not, and nothing can be linked there.
                Staged::NoBase => {
                    self.forget_releases();
                    base = if refused { Base::Nothing } else { Base::Unknown };
                    refused = true;
                }
            }
        };
        let mut delta = match (&folder.wrong, &base) {
            (Some(wrong), _) => Arc::new(Delta::repair(manifest, wrong.iter().map(Vec::as_slice))),
            (None, _) if folder.resumed => Arc::new(Delta::manifest_only(manifest)),
            (None, Base::Release(_, delta)) => Arc::clone(delta),
            (None, Base::Stranger(_)) => Arc::new(Delta::manifest_only(manifest)),
            (None, Base::Nothing | Base::Unknown) => self.common.deltas.whole(&release.id, manifest),
        };
        // What was begun goes on as it was begun.
        let mut parcel = parcel.filter(|_| folder.wrong.is_none() && (!folder.resumed || folder.has_pack));
        let mut primed = Primed { packed: parcel.is_some(), ..Primed::default() };
        // What comes before it is only known to be all when the host has proven it.
        let mut done = Bytes(0);
        let mut repairs = 0;
        loop {
            let bytes = parcel.as_ref().map_or(delta.bytes, |parcel| parcel.pack.bytes);
            let whole = done.saturating_add(bytes);
            let tell = |now: Progress| {
                progress(Progress { bytes: done.saturating_add(now.bytes), total: whole, rate: now.rate });
            };
            let copy = match &parcel {
                Some(parcel) => Copy { fresh: !folder.has_pack, ..copy_of(&parcel.pack, folder.path.clone()) },
                None => Copy {
                    source: release.tree.clone(),
                    target: folder.path.clone(),
                    list: Arc::clone(&delta.list),
                    total: delta.bytes,
                    zstd: folder.zstd,
                    pack: false,
                    fresh: false,
                },
            };
            let copied = match &parcel {
                Some(parcel) => {
                    let (copied, carried) = self.carry(&parcel.pack, &release.id, rollout, &copy, &tell).await?;
                    primed.carried = Some(carried);
                    copied
                }
                None => self.transport.copy(&copy, &tell).await?,
            };
            primed.bytes = primed.bytes.saturating_add(copied.bytes);
            primed.files += copied.files;
            primed.retries += copied.retries;
            done = whole;
            let Some(wrong) = self.seal(release, rollout, &folder, parcel.take().as_deref()).await? else {
                return Ok(primed);
            };
            repairs += 1;
            // The first time it is what a stranger's folder lacks, or what somebody changed there.
            if repairs > REPAIRS {
                return Err(still_wrong(&wrong).into());
            }
            tracing::debug!(host = %self.id, release = %release.id, wrong = wrong.len(), "sending what does not match");
            delta = Arc::new(Delta::repair(manifest, wrong.iter().map(Vec::as_slice)));
        }
    }

    /// Chooses what to link, of what the host has: the release that leaves least to send.
    fn choose(&self, release: &StoredRelease, found: &[ReleaseId]) -> Base {
        let known = found.iter().filter(|id| **id != release.id).take(CANDIDATES).filter_map(|id| {
            let delta = self.common.deltas.between(id, &release.id, &release.manifest)?;
            Some((id.clone(), delta))
        });
        if let Some((id, delta)) = known.min_by_key(|(_, delta)| delta.bytes) {
            return Base::Release(id, delta);
        }
        match found.iter().find(|id| **id != release.id) {
            Some(stranger) => Base::Stranger(stranger.clone()),
            None => Base::Nothing,
        }
    }

    /// Gives what travels in one file, where that is to be so.
    async fn parcel(&self, release: &Arc<StoredRelease>, base: &Base) -> Result<Option<Arc<Parcel>>, Failure> {
        let deltas = &self.common.deltas;
        let (base, delta, is_patched) = match base {
            Base::Nothing => (None, deltas.whole(&release.id, &release.manifest), false),
            Base::Release(id, delta) => {
                (Some(id), Arc::clone(delta), deltas.is_patched(id, delta, &release.tree).await)
            }
            // Nobody knows what travels.
            Base::Unknown | Base::Stranger(_) => return Ok(None),
        };
        // What is there already does not travel, or only what of it is broken.
        if self.holds(&release.id) {
            return Ok(None);
        }
        let (settings, is_link) = (&self.common.transfer, self.transport.is_link());
        match choose(settings, &self.unpacks(), is_link, self.comes_from_elsewhere(), &delta, is_patched) {
            Some(packing) => {
                let manifest = |id: &ReleaseId| deltas.manifest(id);
                self.common.parcels.get(release, base, packing, &delta, manifest).await
            }
            None => Ok(None),
        }
    }

    async fn stage(
        &self,
        release: &StoredRelease,
        rollout: &RolloutId,
        base: &Base,
        parcel: Option<&Parcel>,
    ) -> Result<Staged, HostError> {
        let mut script = self.fenced(Phase::Stage, time_for(&release.manifest), None, rollout);
        name_release(&mut script, release);
        if let Some(interpreter) = &release.interpreter {
            script
                .set_path("python_path", &interpreter.path)
                .set("python_series", interpreter.series())
                .set("machine", &interpreter.machine);
        }
        let manifest = &release.manifest;
        let (name, delta) = match base {
            // What it takes is not known before the host has said what it has.
            Base::Unknown => (String::new(), Arc::new(Delta::manifest_only(manifest))),
            Base::Nothing => ("-".to_owned(), self.common.deltas.whole(&release.id, manifest)),
            Base::Release(id, delta) => (id.to_string(), Arc::clone(delta)),
            Base::Stranger(id) => (id.to_string(), Arc::new(Delta::manifest_only(manifest))),
        };
        let (need_kib, need_inodes, removals) = match parcel {
            Some(parcel) => (parcel.need_kib, parcel.need_inodes, &parcel.removals),
            None => (delta.need_kib, delta.need_inodes, &delta.removals),
        };
        script
            .set("base", &name)
            .set("need_kib", &need_kib.to_string())
            .set("need_inodes", &need_inodes.to_string())
            .set("pack", &parcel.map(|parcel| parcel.pack.name()).unwrap_or_default());
        // Without a base nothing is there to be removed; and without the last line feed: the host adds one.
        let removals: &[u8] = if name == "-" { &[] } else { removals };
        script.set_bytes("removals", removals.strip_suffix(b"\n").unwrap_or_default());
        let answer = self.transport.run(&script).await?;
        match refusal::refusal(&answer) {
            Some((word, _)) if word == "base" => return Ok(Staged::NoBase),
            Some((word, _)) if parcel.is_some() && (word == "room" || word == "inodes") => return Ok(Staged::Cramped),
            _ => {}
        }
        let answer = refusal::check(script.phase, answer)?;
        if answer.has("already") {
            return Ok(Staged::Already);
        }
        if answer.has("absent") {
            return Ok(Staged::Absent(answer.all("has").filter_map(|record| record.text().parse().ok()).collect()));
        }
        let name = format!(".{}.{rollout}", release.id);
        let folder = answer.first("staged").and_then(|record| folder(record, &answer, &name));
        folder.map(Staged::Ready).ok_or_else(|| refusal::not_understood(script.phase, &answer))
    }

    /// Lets the host prove what it has; gives what is wrong, or nothing when the release has its final name.
    async fn seal(
        &self,
        release: &StoredRelease,
        rollout: &RolloutId,
        folder: &Folder,
        parcel: Option<&Parcel>,
    ) -> Result<Option<Vec<Vec<u8>>>, HostError> {
        // What is unpacked is written and then read.
        let times = if parcel.is_some() { 2 } else { 1 };
        let mut script = self.fenced(Phase::Seal, time_for(&release.manifest) * times, None, rollout);
        name_release(&mut script, release);
        if let Some(parcel) = parcel {
            script
                .set("pack", &parcel.pack.name())
                .set_bytes("tops", parcel.tops.strip_suffix(b"\n").unwrap_or_default())
                .set_bytes("folders", parcel.folders.strip_suffix(b"\n").unwrap_or_default());
        }
        script.set("goal", folder.goal.word());
        let answer = self.run(&script).await?;
        if let Some(why) = answer.first("unpack") {
            // What it lacks by that is sent file by file.
            let why = why.text();
            tracing::warn!(host = %self.id, release = %release.id, "the pack could not be unpacked there: {why}");
        }
        if answer.has("sealed") {
            Ok(None)
        } else if answer.has("broken") {
            let named = wrong(&answer).filter(|named| !named.is_empty());
            named.map(Some).ok_or_else(|| refusal::not_understood(script.phase, &answer))
        } else {
            Err(refusal::not_understood(script.phase, &answer))
        }
    }
}

/// Gives the seconds in which a host has to have linked or hashed a release.
fn time_for(manifest: &Manifest) -> u64 {
    let totals = manifest.totals();
    pace::to_look_at(totals.bytes, totals.entries())
}

fn name_release(script: &mut Script, release: &StoredRelease) {
    script.set("id", &release.id.to_string()).set("digest", &release.digest.to_string());
    if release.manifest.is_plain() {
        script.set("plain", "yes");
    }
}

/// Gives the names of what is wrong; none when not as many came as the host counted.
fn wrong(answer: &Answer) -> Option<Vec<Vec<u8>>> {
    let counted: usize = answer.first("wrongs")?.text().parse().ok()?;
    let named: Vec<_> = answer.all("wrong").map(|record| record.rest.clone()).collect();
    (named.len() == counted).then_some(named)
}

/// Reads goal, how it was made, and where it is; none unless every one of them is what was asked for.
fn folder(record: &Record, answer: &Answer, name: &str) -> Option<Folder> {
    let mut words = record.rest.splitn(3, |&byte| byte == b' ');
    let goal = match words.next()? {
        b"final" => Goal::Final,
        b"repair" => Goal::Repair,
        _ => return None,
    };
    let how = words.next()?;
    if ![&b"self"[..], b"resumed", b"base", b"nothing"].contains(&how) {
        return None;
    }
    Some(Folder {
        goal,
        path: staging(words.next()?, name)?,
        zstd: answer.all("fact").any(|fact| fact.text() == "rsync-zstd yes"),
        wrong: if how == b"self" { Some(wrong(answer)?) } else { None },
        resumed: how == b"resumed",
        has_pack: answer.has("pack"),
    })
}

/// Gives the path that rsync may write to: the staging folder, whose name this side chose, in a folder that the host told.
///
/// A host whose tools fail answers half a path, or none: an empty one was `/` once, and rsync wrote the release there.
pub(super) fn staging(said: &[u8], name: &str) -> Option<PathBuf> {
    let said = Path::new(OsStr::from_bytes(said));
    let is_plain = |(at, part): (usize, Component<'_>)| match part {
        Component::RootDir => at == 0,
        Component::Normal(_) => at > 0,
        _ => false,
    };
    let parent = said.parent()?;
    let rebuilt = parent.join(name);
    // Two parts at least stand before it: the root of the file system and one folder.
    (said.components().enumerate().all(is_plain)
        && parent.components().count() > 1
        && rebuilt.as_os_str() == said.as_os_str())
    .then_some(rebuilt)
}

/// Says how a pack is carried: into the folder in which it is unpacked, the one that rsync may write to.
pub(super) fn copy_of(pack: &Pack, folder: PathBuf) -> Copy {
    let mut list = Vec::new();
    list_into(pack.name().as_bytes(), &mut list);
    Copy {
        source: pack.folder.clone(),
        target: folder,
        list: list.into(),
        total: pack.bytes,
        zstd: false,
        pack: true,
        fresh: false,
    }
}

fn still_wrong(wrong: &[Vec<u8>]) -> Failure {
    let first = wrong.first().map(|path| String::from_utf8_lossy(path).into_owned()).unwrap_or_default();
    let message = format!("{} entries still differ after they were sent {REPAIRS} times", wrong.len());
    Failure::new(FailureClass::Transfer, message)
        .hint("the host's disk or memory may be broken, or something changes files there, as a virus scanner does")
        .output(format!("the first of them: {first}"))
}

#[cfg(test)]
mod tests {
    use super::{Answer, Goal, Record, folder, staging};

    const NAME: &str = ".1.0-0123abcd.r1";

    #[test]
    fn only_the_folder_that_this_side_named_is_written_to() {
        for right in ["/srv/tool/releases/.1.0-0123abcd.r1", "/x/.1.0-0123abcd.r1", "/a b/\u{fc}/.1.0-0123abcd.r1"] {
            assert_eq!(staging(right.as_bytes(), NAME).unwrap().to_str(), Some(right));
        }
        for wrong in [
            "",
            "/",
            "//",
            "/.1.0-0123abcd.r1",
            "/srv/tool/releases",
            "/srv/tool/releases/",
            "/srv/tool/releases/.1.0-0123abcd",
            "/srv/tool/releases/.1.0-0123abcd.r",
            "/srv/tool/releases/.1.0-0123abcd.r1/",
            "/srv/tool/releases/.1.0-0123abcd.r1/.",
            "/srv/tool/releases/.1.0-0123abcd.r2",
            "/srv/../etc/.1.0-0123abcd.r1",
            "srv/tool/releases/.1.0-0123abcd.r1",
            "./.1.0-0123abcd.r1",
            ".1.0-0123abcd.r1",
            "/srv//releases/.1.0-0123abcd.r1 ",
        ] {
            assert_eq!(staging(wrong.as_bytes(), NAME), None, "{wrong:?} was taken");
        }
    }

    #[test]
    fn an_answer_that_is_half_is_none() {
        let read = |records: &[(&str, &str)]| {
            let records: Vec<_> =
                records.iter().map(|(kind, rest)| Record { kind: (*kind).into(), rest: (*rest).into() }).collect();
            let answer = Answer { records, ..Answer::default() };
            folder(answer.first("staged").unwrap(), &answer, NAME)
        };
        let staged = ("staged", "repair self /srv/releases/.1.0-0123abcd.r1");
        let found = read(&[("wrong", "a"), ("wrong", "b"), ("wrongs", "2"), staged]).unwrap();
        assert_eq!((found.goal, found.wrong.unwrap().len()), (Goal::Repair, 2));
        for wrong in [
            &[("wrong", "a"), ("wrongs", "2"), staged][..],
            &[("wrong", "a"), ("wrongs", ""), staged],
            &[("wrong", "a"), staged],
            &[("staged", "final base")],
            &[("staged", "final base ")],
            &[("staged", " base /srv/releases/.1.0-0123abcd.r1")],
            &[("staged", "final  /srv/releases/.1.0-0123abcd.r1")],
        ] {
            assert!(read(wrong).is_none(), "{wrong:?}");
        }
    }
}
