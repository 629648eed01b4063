use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep, sleep_until};

use super::disk::{Armed, Change, Content, Disk, Place};
use super::fault::{Fault, Operation};
use crate::host::limits::Waiting;
use crate::host::{Activated, GateCheck, GateReport, Host, HostError, LockRequest, Primed, Survey, Switch, WentBack};
use crate::model::{
    Bytes, Failure, FailureClass, Installed, LockHolder, Operator, Probe, Progress, ReleaseId, RollBackTarget,
    RolloutId, Slot, Verdict,
};
use crate::release::StoredRelease;

/// How long a connection to a dead host is waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a host is silent before its link counts as lost.
const ALIVE_TIMEOUT: Duration = Duration::from_secs(45);
/// How long what the deploy server ran out of is waited for.
const SHORTAGE: Duration = Duration::from_secs(90);
/// What no lease is longer than, as on real hosts.
const LONGEST_LEASE: Duration = Duration::from_secs(24 * 3600);
/// In how many pieces a release travels.
const PIECES: u32 = 4;

/// Tells the time on all simulated hosts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    epoch: Timestamp,
    start: Instant,
}

impl Time {
    pub(super) fn new(epoch: Timestamp) -> Self {
        Self { epoch, start: Instant::now() }
    }

    fn now(self) -> Timestamp {
        after(self.epoch, self.start.elapsed())
    }
}

/// Is a host that does what its script says, as one deploy server reaches it.
#[derive(Debug)]
pub struct SimHost {
    time: Time,
    inner: Arc<Mutex<Inner>>,
    server: Arc<Server>,
    /// The token of the lease that this server was given, and for which rollout.
    fence: Mutex<Option<(RolloutId, u64)>>,
    /// What this server does to it.
    busy: Mutex<Option<Operation>>,
}

/// Is a deploy server, of which nothing comes through for a while.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) asleep: Mutex<Vec<(Instant, Instant)>>,
}

impl Server {
    /// Waits until the server is awake.
    async fn awake(&self) {
        loop {
            let now = Instant::now();
            let until = {
                let asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
                asleep.iter().filter(|(from, until)| (*from..*until).contains(&now)).map(|(_, until)| *until).max()
            };
            match until {
                Some(until) => sleep_until(until).await,
                None => return,
            }
        }
    }
}

#[derive(Debug)]
struct Inner {
    disk: Disk,
    faults: Vec<Fault>,
    random: fastrand::Rng,
    latency: Duration,
    work: Duration,
}

impl SimHost {
    pub(super) fn new(disk: Disk, faults: Vec<Fault>, seed: u64, time: Time) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let latency = Duration::from_millis(random.u64(1..80));
        let work = Duration::from_millis(random.u64(20..1500));
        let inner = Inner { disk, faults, random, latency, work };
        Self {
            time,
            inner: Arc::new(Mutex::new(inner)),
            server: Arc::default(),
            fence: Mutex::default(),
            busy: Mutex::default(),
        }
    }

    /// Reaches the same host from another deploy server.
    pub(super) fn behind(&self, server: &Arc<Server>) -> Self {
        Self {
            time: self.time,
            inner: Arc::clone(&self.inner),
            server: Arc::clone(server),
            fence: Mutex::default(),
            busy: Mutex::default(),
        }
    }

    /// Gives the token of the lease that a rollout was given, if it was given one by this handle.
    fn fence(&self, rollout: &RolloutId) -> Claim {
        let fence = self.fence.lock().unwrap_or_else(PoisonError::into_inner);
        let token = fence.as_ref().filter(|(of, _)| of == rollout).map(|(_, token)| *token);
        Claim { rollout: rollout.clone(), token }
    }

    /// Gives what is on the host now.
    #[must_use]
    pub fn disk(&self) -> Disk {
        let now = self.now();
        let mut inner = self.inner();
        inner.disk.advance(now);
        inner.disk.clone()
    }

    /// Mends everything that is wrong with it.
    pub fn mend(&self) {
        self.inner().faults.clear();
    }

    /// Tells the time as the host has it.
    fn now(&self) -> Timestamp {
        let elapsed = self.time.start.elapsed();
        let off = self.inner().faults.iter().fold(SignedDuration::ZERO, |off, fault| match fault {
            Fault::ClockSet { after, by } if elapsed >= *after => off.saturating_add(*by),
            _ => off,
        });
        self.time.now().checked_add(off).unwrap_or(Timestamp::MAX)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something on the host: there and back over its link, with whatever is wrong with either.
    async fn remote<T>(
        &self,
        operation: Operation,
        class: FailureClass,
        work: Duration,
        change: impl FnOnce(&mut Disk, Timestamp) -> Result<T, HostError> + Send,
    ) -> Result<T, HostError> {
        let _using = self.using(operation);
        self.reach(operation).await?;
        let mut landing = Landing { host: self, lands: self.inner().random.bool(), change: Some(change) };
        sleep(self.slowed(work)).await;
        if self.has(|fault| *fault == Fault::Hung(operation)) {
            pending::<()>().await;
        }
        if self.has(|fault| *fault == Fault::Panics(operation)) {
            landing.change = None;
            self.panic(operation);
        }
        let result = landing.land();
        if self.use_up(|fault| match fault {
            Fault::AnswerLost { operation: of, times } if *of == operation => Some(times),
            _ => None,
        }) {
            sleep(ALIVE_TIMEOUT).await;
            return Err(Failure::new(class, "the link was lost before the answer came").into());
        }
        self.reach(operation).await?;
        result.unwrap_or_else(|| Err(Failure::new(class, "did not happen").into()))
    }

    #[expect(clippy::panic, reason = "that is what the fault is")]
    fn panic(&self, operation: Operation) {
        panic!("a mistake in {operation:?} at {}", self.time.now());
    }

    /// Passes the link once.
    async fn reach(&self, operation: Operation) -> Result<(), HostError> {
        self.server.awake().await;
        let lost = |message: &str| HostError::from(Failure::new(FailureClass::Unreachable, message));
        if self.has(|fault| matches!(fault, Fault::Unreachable(at) if at.is_none_or(|at| at == operation))) {
            sleep(CONNECT_TIMEOUT).await;
            return Err(lost("no route to host"));
        }
        if self.has(|fault| *fault == Fault::ServerShort(operation)) {
            let _waiting = Waiting::begin();
            sleep(SHORTAGE).await;
            let message = "cannot start ssh on this machine: Too many open files";
            return Err(Failure::new(FailureClass::Unreachable, message).here().into());
        }
        let latency = self.inner().latency;
        sleep(self.slowed(latency)).await;
        let elapsed = self.time.start.elapsed().as_millis();
        let is_down = |fault: &Fault| {
            matches!(fault, Fault::Flapping { up, down }
                if elapsed % (*up + *down).as_millis().max(1) >= up.as_millis())
        };
        if self.has(is_down) {
            sleep(ALIVE_TIMEOUT).await;
            return Err(lost("stopped answering"));
        }
        Ok(())
    }

    fn slowed(&self, work: Duration) -> Duration {
        let factor = self.inner().faults.iter().fold(1, |factor, fault| match fault {
            Fault::Slow(times) => factor * times,
            _ => factor,
        });
        work * factor
    }

    fn work(&self) -> Duration {
        self.inner().work
    }

    fn has(&self, is: impl Fn(&Fault) -> bool) -> bool {
        self.inner().faults.iter().any(is)
    }

    /// Tells whether a fault strikes now, and counts that it did.
    fn use_up(&self, times_of: impl Fn(&mut Fault) -> Option<&mut u32>) -> bool {
        let mut inner = self.inner();
        let left = inner.faults.iter_mut().filter_map(times_of).find(|times| **times > 0);
        left.is_some_and(|times| {
            *times -= 1;
            true
        })
    }

    /// Gives the holder of a lock that was stolen.
    #[expect(clippy::expect_used, reason = "the name is a constant that is right")]
    fn thief(&self, now: Timestamp) -> Option<LockHolder> {
        let elapsed = self.time.start.elapsed();
        self.has(|fault| matches!(fault, Fault::Stolen { after } if elapsed >= *after)).then(|| LockHolder {
            owner: Operator("mallory@elsewhere".into()),
            rollout: RolloutId::new("stolen").expect("a rollout's name"),
            reason: None,
            since: now,
            until: after(now, Duration::from_secs(3600)),
            waits: false,
        })
    }

    fn using(&self, operation: Operation) -> Using<'_> {
        // Leases are renewed whatever else goes on.
        if matches!(operation, Operation::Lock | Operation::Renew) {
            return Using(None);
        }
        if let Some(other) = self.busy.lock().unwrap_or_else(PoisonError::into_inner).replace(operation) {
            self.inner().disk.broken.push(format!("{operation:?} during {other:?}"));
        }
        Using(Some(self))
    }
}

/// Holds a host while something is done to it.
struct Using<'a>(Option<&'a SimHost>);

impl Drop for Using<'_> {
    fn drop(&mut self) {
        if let Some(host) = self.0 {
            *host.busy.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// Is something on its way to the disk; when nobody waits for it any more, it may happen all the same.
struct Landing<'a, T, F: FnOnce(&mut Disk, Timestamp) -> Result<T, HostError>> {
    host: &'a SimHost,
    lands: bool,
    change: Option<F>,
}

impl<T, F: FnOnce(&mut Disk, Timestamp) -> Result<T, HostError>> Landing<'_, T, F> {
    fn land(&mut self) -> Option<Result<T, HostError>> {
        let now = self.host.now();
        let change = self.change.take()?;
        let thief = self.host.thief(now);
        let disk = &mut self.host.inner().disk;
        disk.advance(now);
        if thief.is_some() {
            if disk.lock.as_ref().map(|holder| &holder.rollout) != thief.as_ref().map(|thief| &thief.rollout) {
                disk.end_lease();
                disk.token += 1;
            }
            disk.lock = thief;
        }
        Some(change(disk, now))
    }
}

impl<T, F: FnOnce(&mut Disk, Timestamp) -> Result<T, HostError>> Drop for Landing<'_, T, F> {
    fn drop(&mut self) {
        if self.lands {
            drop(self.land());
        }
    }
}

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
        let total = Bytes(64 << 20);
        for piece in 1..=PIECES {
            sleep(self.slowed(self.work() * 4)).await;
            let bytes = Bytes(total.0 / u64::from(PIECES) * u64::from(piece));
            progress(Progress { bytes, total, rate: Bytes(1 << 20) });
            if piece == PIECES / 2
                && self.use_up(|fault| match fault {
                    Fault::DiesWhilePriming { times } => Some(times),
                    _ => None,
                })
            {
                return failed("the receiver was killed");
            }
        }
        self.remote(Operation::Prime, FailureClass::Transfer, Duration::ZERO, |disk, now| {
            claim.writes(disk)?;
            disk.releases.insert(id.clone(), Content::Whole);
            disk.note(now, Change::Primed(id.clone()));
            Ok(())
        })
        .await?;
        Ok(Primed { already: false, bytes: total, files: 100, retries: 0 })
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
        let claim = self.fence(&switch.rollout);
        self.remote(Operation::RollBack, FailureClass::Activate, self.work(), |disk, now| {
            claim.writes(disk)?;
            if fails {
                return Err(Failure::new(FailureClass::Activate, "permission denied").into());
            }
            go_back(disk, target, repair.is_some(), now)?;
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

/// What an operation is done under: a rollout, and the token of its lease where that is known.
struct Claim {
    rollout: RolloutId,
    token: Option<u64>,
}

impl Claim {
    fn is_of(&self, disk: &Disk, holder: &LockHolder) -> bool {
        holder.rollout == self.rollout && self.token.is_none_or(|token| token == disk.token)
    }

    /// Refuses whoever does not hold the lock.
    fn holds(&self, disk: &Disk) -> Result<(), HostError> {
        match &disk.lock {
            Some(holder) if self.is_of(disk, holder) => Ok(()),
            Some(holder) => Err(HostError::Lost(Some(Box::new(holder.clone())))),
            None => Err(HostError::Lost(disk.last.clone().map(Box::new))),
        }
    }

    /// Refuses whoever does not hold the lock, and remembers who wrote.
    fn writes(&self, disk: &mut Disk) -> Result<(), HostError> {
        self.holds(disk)?;
        disk.writes.push((disk.token, self.rollout.clone()));
        Ok(())
    }

    fn has_freed(&self, disk: &Disk) -> bool {
        disk.lock.is_none() && disk.last.as_ref().is_some_and(|last| self.is_of(disk, last))
    }
}

fn take_lock(
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

fn switch_to(disk: &mut Disk, release: &ReleaseId, switch: &Switch, now: Timestamp) -> Result<Activated, HostError> {
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

fn go_back(disk: &mut Disk, target: &RollBackTarget, can_repair: bool, now: Timestamp) -> Result<(), HostError> {
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
        if let Place::Release(left) = &disk.current
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
fn adopted_id(release: &ReleaseId) -> ReleaseId {
    format!("adopted-{}", release.digest8()).parse().expect("a release's id")
}

fn after(at: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration).ok().and_then(|left| at.checked_add(left).ok()).unwrap_or(Timestamp::MAX)
}
