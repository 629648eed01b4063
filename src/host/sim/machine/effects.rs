//! What the phases do to a host's disk.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::host::sim::disk::{Armed, Change, Content, Disk, Place};
use crate::host::{Activated, HostError, LockRequest, Switch};
use crate::model::{Failure, FailureClass, LockHolder, Probe, ReleaseId, RollBackTarget, RolloutId};

/// What no lease is longer than, as on real hosts.
const LONGEST_LEASE: Duration = Duration::from_secs(24 * 3600);

/// What an operation is done under: a rollout, and the token of its lease where that is known.
pub(super) struct Claim {
    pub(super) rollout: RolloutId,
    pub(super) token: Option<u64>,
}

impl Claim {
    pub(super) fn is_of(&self, disk: &Disk, holder: &LockHolder) -> bool {
        holder.rollout == self.rollout && self.token.is_none_or(|token| token == disk.token)
    }

    /// Refuses whoever does not hold the lock.
    pub(super) fn holds(&self, disk: &Disk) -> Result<(), HostError> {
        match &disk.lock {
            Some(holder) if self.is_of(disk, holder) => Ok(()),
            Some(holder) => Err(HostError::Lost(Some(Box::new(holder.clone())))),
            None => Err(HostError::Lost(disk.last.clone().map(Box::new))),
        }
    }

    /// Refuses whoever does not hold the lock, and remembers who wrote.
    pub(super) fn writes(&self, disk: &mut Disk) -> Result<(), HostError> {
        self.holds(disk)?;
        disk.writes.push((disk.token, self.rollout.clone()));
        Ok(())
    }

    pub(super) fn has_freed(&self, disk: &Disk) -> bool {
        disk.lock.is_none() && disk.last.as_ref().is_some_and(|last| self.is_of(disk, last))
    }
}

pub(super) fn take_lock(
    disk: &mut Disk,
    request: &LockRequest,
    now: Timestamp,
) -> Result<(Probe, Option<LockHolder>, u64), HostError> {
    let mut before = None;
    if let Some(holder) = disk.lock.clone() {
        let is_ours = holder.rollout == request.rollout;
        // One that ends further away than any lease was given by a clock that was wrong.
        let is_dead = holder.until <= now || holder.until > after(now, LONGEST_LEASE);
        let is_free = is_dead || request.over.as_ref() == Some(&holder.rollout);
        if if is_ours { disk.term > request.term } else { !is_free } {
            return Err(HostError::Locked(Box::new(holder)));
        }
        if !is_ours {
            disk.end_lease();
            before = Some(holder);
        }
    }
    let since = match &disk.lock {
        Some(ours) => {
            disk.token += u64::from(disk.term < request.term);
            ours.since
        }
        None => {
            disk.token += 1;
            disk.note(now, Change::Locked(request.rollout.clone()));
            // Nobody confirms what a rollout armed that is gone.
            disk.fire_others(&request.rollout, now);
            now
        }
    };
    disk.term = request.term;
    disk.lock = Some(LockHolder {
        owner: request.owner.clone(),
        rollout: request.rollout.clone(),
        reason: request.reason.clone(),
        since,
        until: after(now, request.lease),
        waits: false,
    });
    Ok((disk.probe(), before, disk.token))
}

pub(super) fn switch_to(
    disk: &mut Disk,
    release: &ReleaseId,
    switch: &Switch,
    now: Timestamp,
) -> Result<Activated, HostError> {
    if !disk.has(release) {
        return Err(Failure::new(FailureClass::Activate, "does not hold the release").into());
    }
    if disk.current == Place::Release(release.clone()) {
        return Ok(Activated { already: true, adopted: None });
    }
    disk.reverted = false;
    let mut activated = Activated::default();
    if disk.current == Place::Folder {
        let id = adopted_id(release);
        disk.releases.insert(id.clone(), Content::Whole);
        disk.adopted = Some(id.clone());
        disk.current = Place::Release(id.clone());
        activated.adopted = Some(id);
    }
    let back = std::mem::replace(&mut disk.current, Place::Release(release.clone()));
    disk.rollout = Some(switch.rollout.clone());
    disk.pending = Some(release.clone()).filter(|release| disk.good.as_ref() != Some(release));
    disk.armed = (!switch.confirm.is_zero()).then(|| Armed {
        until: after(now, switch.confirm),
        back,
        rollout: switch.rollout.clone(),
    });
    disk.note(now, Change::Switched(release.clone()));
    Ok(activated)
}

pub(super) fn go_back(
    disk: &mut Disk,
    target: &RollBackTarget,
    can_repair: bool,
    blames: bool,
    now: Timestamp,
) -> Result<(), HostError> {
    let place = match target {
        RollBackTarget::Release { id } => {
            if !disk.has(id) && can_repair {
                disk.releases.insert(id.clone(), Content::Whole);
            }
            if !disk.has(id) {
                return Err(Failure::new(FailureClass::Activate, "does not hold its good release any more").into());
            }
            Place::Release(id.clone())
        }
        RollBackTarget::Nothing => Place::Nothing,
        RollBackTarget::Adopted => match &disk.adopted {
            Some(id) => Place::Release(id.clone()),
            None => disk.current.clone(),
        },
    };
    disk.armed = None;
    disk.pending = None;
    if disk.current != place {
        // What was good here once and is left now by a rollout that failed.
        if blames
            && let Place::Release(left) = &disk.current
            && disk.good.as_ref() != Some(left)
            && let Some(at) = disk.was.iter().position(|was| was == left)
        {
            let left = disk.was.remove(at);
            disk.bad.insert(0, left);
        }
        disk.current = place;
        disk.note(now, Change::WentBack(target.clone()));
    }
    Ok(())
}

#[expect(clippy::expect_used, reason = "the name is a constant that is right")]
pub(super) fn adopted_id(release: &ReleaseId) -> ReleaseId {
    format!("adopted-{}", release.digest8()).parse().expect("a release's id")
}

pub(super) fn after(at: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration).ok().and_then(|left| at.checked_add(left).ok()).unwrap_or(Timestamp::MAX)
}
