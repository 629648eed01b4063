use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::{Adopted, Installed, LockHolder, Probe, ReleaseId, RollBackTarget, RolloutId};

/// How many releases that were good before the last one are kept.
const KEEP: usize = 3;

/// Says how much of a release is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// All of it, verified.
    Whole,
    /// Some of it.
    Partial,
}

/// Says what stands in the link's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nothing.
    Nothing,
    /// A link to a release.
    Release(ReleaseId),
    /// A folder that coalmine did not make.
    Folder,
}

/// Names something that was done to a host and changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A rollout took the lock.
    Locked(RolloutId),
    /// The release became whole.
    Primed(ReleaseId),
    /// The link was renamed to the release.
    Switched(ReleaseId),
    /// The link was put back by a rollout.
    WentBack(RollBackTarget),
    /// The dead man's switch put the link back.
    Reverted,
    /// The release became good.
    Finalized(ReleaseId),
    /// The lock was freed.
    Unlocked(RolloutId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Armed {
    pub(super) until: Timestamp,
    pub(super) back: Place,
    pub(super) rollout: RolloutId,
}

/// Holds what is on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its releases.
    pub releases: BTreeMap<ReleaseId, Content>,
    /// What the link names.
    pub current: Place,
    /// The release that was last finalized.
    pub good: Option<ReleaseId>,
    /// What was good before, the latest first.
    pub was: Vec<ReleaseId>,
    /// What was good and was left by a way back.
    pub bad: Vec<ReleaseId>,
    /// The release that it was switched to last, until that is finalized.
    pub pending: Option<ReleaseId>,
    /// The release that a folder was kept as.
    pub adopted: Option<ReleaseId>,
    /// Who holds the lock.
    pub lock: Option<LockHolder>,
    /// The fencing token of that lease, or of the last one.
    pub token: u64,
    /// Which conductor of its rollout holds it.
    pub term: u64,
    /// Who had the last lease that is over.
    pub last: Option<LockHolder>,
    /// Under which lease it was written to, and by which rollout, oldest first.
    pub writes: Vec<(u64, RolloutId)>,
    /// The rollout that switched it last.
    pub rollout: Option<RolloutId>,
    /// What was done to it, oldest first.
    pub changes: Vec<(Timestamp, Change)>,
    /// What must never be and was.
    pub broken: Vec<String>,
    pub(super) armed: Option<Armed>,
    pub(super) reverted: bool,
}

impl Disk {
    /// Makes an empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            releases: BTreeMap::new(),
            current: Place::Nothing,
            good: None,
            was: Vec::new(),
            bad: Vec::new(),
            pending: None,
            adopted: None,
            lock: None,
            token: 0,
            term: 0,
            last: None,
            writes: Vec::new(),
            rollout: None,
            changes: Vec::new(),
            broken: Vec::new(),
            armed: None,
            reverted: false,
        }
    }

    /// Makes one where a release was finalized.
    #[must_use]
    pub fn with_good(release: &ReleaseId) -> Self {
        let mut disk = Self::new();
        disk.releases.insert(release.clone(), Content::Whole);
        disk.current = Place::Release(release.clone());
        disk.good = Some(release.clone());
        disk
    }

    /// Makes one where a folder stands in the link's place.
    #[must_use]
    pub fn with_folder() -> Self {
        Self { current: Place::Folder, ..Self::new() }
    }

    /// Tells whether a release is there and whole.
    #[must_use]
    pub fn has(&self, release: &ReleaseId) -> bool {
        self.releases.get(release) == Some(&Content::Whole)
    }

    /// Ends the lease that there is.
    pub(super) fn end_lease(&mut self) {
        self.last = self.lock.take();
    }

    pub(super) fn note(&mut self, now: Timestamp, change: Change) {
        self.changes.push((now, change));
        if let Place::Release(current) = &self.current
            && !self.has(current)
        {
            self.broken.push(format!("current names {current}, which is not whole, after {:?}", self.changes.last()));
        }
    }

    /// Lets the dead man's switch fire when its time has come.
    pub(super) fn advance(&mut self, now: Timestamp) {
        if let Some(armed) = self.armed.take_if(|armed| armed.until <= now) {
            self.current = armed.back;
            self.reverted = true;
            self.note(now, Change::Reverted);
        }
    }

    /// Lets another rollout's dead man's switch fire now.
    pub(super) fn fire_others(&mut self, rollout: &RolloutId, now: Timestamp) {
        if let Some(armed) = self.armed.as_mut().filter(|armed| armed.rollout != *rollout) {
            armed.until = now;
        }
        self.advance(now);
    }

    /// Gives what the host would answer that has it.
    #[must_use]
    pub fn answer(&self) -> Probe {
        self.probe()
    }

    pub(super) fn probe(&self) -> Probe {
        let installed = match &self.current {
            Place::Nothing => Installed::Missing,
            Place::Release(id) => Installed::Release { id: id.clone(), digest: None, drift: None },
            Place::Folder => Installed::Unmanaged { version: None },
        };
        let whole = self.releases.iter().filter(|(_, content)| **content == Content::Whole);
        Probe {
            installed,
            good: self.good.clone(),
            previous: self.was.first().cloned(),
            was: self.was.iter().skip(1).cloned().collect(),
            bad: self.bad.clone(),
            pending: self.pending.clone(),
            adopted: self.adopted.as_ref().map(|id| Adopted { place: format!("releases/{id}"), gone: false }),
            rollout: self.rollout.clone(),
            releases: whole.map(|(id, _)| id.clone()).collect(),
            ..Probe::default()
        }
    }

    /// Removes every release that nobody needs any more.
    pub(super) fn prune(&mut self) {
        let Self { releases, current, good, was, adopted, .. } = self;
        releases.retain(|id, _| {
            *current == Place::Release(id.clone())
                || good.as_ref() == Some(id)
                || was.iter().take(KEEP).any(|kept| kept == id)
                || adopted.as_ref() == Some(id)
        });
    }

    /// Remembers what is good now and what was before, as the script does that finalizes: an install comes on top of it, a way
    /// back drops what it led away from.
    pub(super) fn remember_good(&mut self, now: Option<&ReleaseId>, back: bool) {
        let before: Vec<ReleaseId> = self.good.take().into_iter().chain(std::mem::take(&mut self.was)).collect();
        let at = before.iter().position(|id| Some(id) == now);
        let left = match (back, at, now) {
            (false, ..) => 0,
            (true, Some(at), _) => at,
            (true, None, Some(_)) => 1.min(before.len()),
            (true, None, None) => before.len(),
        };
        let (left, rest) = before.split_at(left);
        self.was = rest.iter().filter(|id| Some(*id) != now).cloned().collect();
        self.bad = left.iter().chain(&self.bad).filter(|id| Some(*id) != now).cloned().collect();
        self.good = now.cloned();
        self.pending = None;
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}
