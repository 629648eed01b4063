//! The phases of a rollout, each over a link with whatever is wrong.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::SimHost;
use super::effects::{Claim, after, go_back, switch_to, take_lock};
use crate::host::sim::disk::{Change, Content, Disk, Place};
use crate::host::sim::fault::{Fault, Operation};
use crate::host::{Activated, GateCheck, Host, HostError, LockRequest, Primed, Survey, Switch, WentBack};
use crate::model::{
    Failure, FailureClass, GateReport, Installed, LockHolder, Operator, Probe, Progress, ReleaseId, RollBackTarget,
    RolloutId, Slot, Verdict,
};
use crate::release::StoredRelease;

impl Host for SimHost {
    async fn probe(&self, _survey: &Survey, _slot: Option<&Slot>) -> Result<Probe, HostError> {
        let probe = self
            .remote(Operation::Probe, FailureClass::Unreachable, Duration::ZERO, |disk, _| Ok(disk.probe()))
            .await?;
        Ok(self.answered(probe))
    }

    async fn lock(
        &self,
        request: &LockRequest,
        _slot: Option<&Slot>,
    ) -> Result<(Probe, Option<LockHolder>), HostError> {
        let (probe, before, token) = self
            .remote(Operation::Lock, FailureClass::Unreachable, Duration::ZERO, |disk, now| {
                take_lock(disk, request, now)
            })
            .await?;
        *self.fence.lock().unwrap_or_else(PoisonError::into_inner) = Some((request.rollout.clone(), token));
        Ok((self.answered(probe), before))
    }

    async fn renew(&self, request: &LockRequest) -> Result<(), HostError> {
        let claim = self.fence(&request.rollout);
        self.remote(Operation::Renew, FailureClass::Unreachable, Duration::ZERO, |disk, now| {
            claim.holds(disk)?;
            if let Some(holder) = &mut disk.lock {
                holder.until = holder.until.max(after(now, request.lease));
            }
            Ok(())
        })
        .await
    }

    async fn prime(
        &self,
        release: &Arc<StoredRelease>,
        rollout: &RolloutId,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Primed, HostError> {
        let id = &release.id;
        let claim = self.fence(rollout);
        let failed = |message: &str| Err(Failure::new(FailureClass::Transfer, message).into());
        let begin = |disk: &mut Disk, _: Timestamp| {
            claim.writes(disk)?;
            let already = disk.has(id);
            if !already {
                disk.releases.insert(id.clone(), Content::Partial);
            }
            Ok(already)
        };
        if self.remote(Operation::Prime, FailureClass::Transfer, Duration::ZERO, begin).await? {
            return Ok(Primed { already: true, ..Primed::default() });
        }
        if self.has(|fault| *fault == Fault::DiskFull) {
            return failed("no space left on device");
        }
        let (bytes, carried) = self.bring(progress).await?;
        self.remote(Operation::Prime, FailureClass::Transfer, Duration::ZERO, |disk, now| {
            claim.writes(disk)?;
            disk.releases.insert(id.clone(), Content::Whole);
            disk.note(now, Change::Primed(id.clone()));
            Ok(())
        })
        .await?;
        Ok(Primed { bytes, files: 100, packed: carried.is_some(), carried, ..Primed::default() })
    }

    async fn activate(&self, release: &ReleaseId, switch: &Switch) -> Result<Activated, HostError> {
        let fails = self.use_up(|fault| match fault {
            Fault::SwitchFails { times } => Some(times),
            _ => None,
        });
        let claim = self.fence(&switch.rollout);
        self.remote(Operation::Activate, FailureClass::Activate, self.work(), |disk, now| {
            claim.writes(disk)?;
            if fails {
                return Err(Failure::new(FailureClass::Activate, "permission denied").into());
            }
            switch_to(disk, release, switch, now)
        })
        .await
    }

    async fn confirm(&self, rollout: &RolloutId) -> Result<(), HostError> {
        let claim = self.fence(rollout);
        self.remote(Operation::Confirm, FailureClass::Activate, Duration::ZERO, |disk, _| {
            claim.writes(disk)?;
            disk.armed.take_if(|armed| armed.rollout == *rollout);
            if disk.reverted {
                return Err(Failure::new(FailureClass::Activate, "went back by itself").into());
            }
            Ok(())
        })
        .await
    }

    async fn roll_back(
        &self,
        target: &RollBackTarget,
        repair: Option<&Arc<StoredRelease>>,
        switch: &Switch,
    ) -> Result<WentBack, HostError> {
        let fails = self.use_up(|fault| match fault {
            Fault::BackFails { times } => Some(times),
            _ => None,
        });
        let unproven = self.has(|fault| *fault == Fault::RoomLess);
        let (claim, blames) = (self.fence(&switch.rollout), switch.blames);
        self.remote(Operation::RollBack, FailureClass::Activate, self.work(), |disk, now| {
            claim.writes(disk)?;
            if fails {
                return Err(Failure::new(FailureClass::Activate, "permission denied").into());
            }
            go_back(disk, target, repair.is_some(), blames, now)?;
            Ok(WentBack { unproven })
        })
        .await
    }

    async fn remove_slot(&self, _slot: &Slot, rollout: &RolloutId) -> Result<(), HostError> {
        let claim = self.fence(rollout);
        // A simulated disk has one link, and no slot of it is there.
        self.remote(Operation::RollBack, FailureClass::Activate, self.work(), |disk, _| claim.writes(disk)).await
    }

    async fn check(&self, gates: &[GateCheck]) -> Result<Vec<GateReport>, HostError> {
        let mut reports = Vec::new();
        for gate in gates {
            let mut report = None;
            for _ in 0..=gate.retries {
                let running = self
                    .remote(Operation::Check, FailureClass::Unreachable, self.work(), |disk, _| {
                        Ok(disk.current.clone())
                    })
                    .await?;
                let (verdict, message) = self.verdict(&running);
                report = Some(GateReport {
                    gate: gate.name.clone(),
                    verdict,
                    message: message.to_owned(),
                    output: String::new(),
                    dry: gate.dry,
                });
                if verdict == Verdict::Pass {
                    break;
                }
            }
            let stops = report.as_ref().is_some_and(|report| report.verdict == Verdict::Fail && !report.dry);
            reports.extend(report);
            if stops {
                break;
            }
        }
        Ok(reports)
    }

    async fn finalize(&self, release: &ReleaseId, rollout: &RolloutId, _slot: Option<&Slot>) -> Result<(), HostError> {
        let claim = self.fence(rollout);
        self.remote(Operation::Finalize, FailureClass::Unreachable, Duration::ZERO, |disk, now| {
            // Its answer may have been lost: what is finalized stays so.
            if disk.good.as_ref() == Some(release) && claim.has_freed(disk) {
                return Ok(());
            }
            claim.writes(disk)?;
            if disk.current != Place::Release(release.clone()) {
                return Err(Failure::new(FailureClass::Activate, "does not run the release any more").into());
            }
            disk.remember_good(Some(release), false);
            disk.prune();
            disk.end_lease();
            disk.note(now, Change::Finalized(release.clone()));
            Ok(())
        })
        .await
    }

    async fn finalize_back(
        &self,
        target: &RollBackTarget,
        rollout: &RolloutId,
        _slot: Option<&Slot>,
    ) -> Result<(), HostError> {
        let id = match target {
            RollBackTarget::Release { id } => Some(id),
            RollBackTarget::Adopted => None,
            RollBackTarget::Nothing => return self.unlock(rollout).await,
        };
        let claim = self.fence(rollout);
        self.remote(Operation::Finalize, FailureClass::Unreachable, Duration::ZERO, |disk, now| {
            if disk.good.as_ref() == id && claim.has_freed(disk) {
                return Ok(());
            }
            claim.writes(disk)?;
            if id.is_some_and(|id| disk.current != Place::Release(id.clone())) {
                return Err(Failure::new(FailureClass::Activate, "does not run the release any more").into());
            }
            // Told twice, it is the same: what is good already leads away from nothing.
            if id.is_none() || disk.good.as_ref() != id {
                disk.remember_good(id, true);
            }
            disk.prune();
            disk.end_lease();
            if let Some(id) = id {
                disk.note(now, Change::Finalized(id.clone()));
            }
            Ok(())
        })
        .await
    }

    async fn unlock(&self, rollout: &RolloutId) -> Result<(), HostError> {
        let claim = self.fence(rollout);
        self.remote(Operation::Unlock, FailureClass::Unreachable, Duration::ZERO, |disk, now| {
            if claim.writes(disk).is_ok() {
                disk.end_lease();
                disk.releases.retain(|_, content| *content == Content::Whole);
                disk.note(now, Change::Unlocked(rollout.clone()));
            }
            Ok(())
        })
        .await
    }

    async fn break_lock(
        &self,
        rollout: &RolloutId,
        _by: &Operator,
        _reason: Option<&str>,
    ) -> Result<Option<LockHolder>, HostError> {
        let claim = Claim { rollout: rollout.clone(), token: None };
        self.remote(Operation::Unlock, FailureClass::Unreachable, Duration::ZERO, |disk, _| {
            if disk.lock.is_none() {
                return Ok(None);
            }
            claim.holds(disk)?;
            let broken = disk.lock.clone();
            disk.end_lease();
            Ok(broken)
        })
        .await
    }

    async fn close(&self) {}
}

impl SimHost {
    /// Gives what the host says that it has.
    fn answered(&self, mut probe: Probe) -> Probe {
        probe.latency = self.inner().latency;
        for fault in &self.inner().faults {
            if let Fault::Lies(id) = fault {
                probe.installed = Installed::Release { id: id.clone(), digest: None, drift: None };
            }
        }
        probe
    }

    fn verdict(&self, running: &Place) -> (Verdict, &'static str) {
        let mut inner = self.inner();
        for fault in &mut inner.faults {
            match fault {
                Fault::GateFails { release, times } => {
                    let here = release.as_ref().is_none_or(|id| *running == Place::Release(id.clone()));
                    if here && times.is_none_or(|times| times > 0) {
                        *times = times.map(|times| times - 1);
                        return (Verdict::Fail, "exit 1");
                    }
                }
                Fault::GateInconclusive { times } if *times > 0 => {
                    *times -= 1;
                    return (Verdict::Inconclusive, "exit 75");
                }
                _ => {}
            }
        }
        (Verdict::Pass, "")
    }
}
