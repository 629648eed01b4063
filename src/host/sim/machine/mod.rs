mod effects;
mod phases;
mod relays;

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep, sleep_until};

use self::effects::{Claim, after};
pub(super) use self::relays::Carrying;
use super::disk::Disk;
use super::fault::{Fault, Operation};
use crate::host::HostError;
use crate::host::limits::Waiting;
use crate::model::{Failure, FailureClass, HostId, LockHolder, Operator, RolloutId};

/// How long a connection to a dead host is waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a host is silent before its link counts as lost.
const ALIVE_TIMEOUT: Duration = Duration::from_secs(45);
/// How long what the deploy server ran out of is waited for.
const SHORTAGE: Duration = Duration::from_secs(90);

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
        self.at(self.start.elapsed())
    }

    /// Tells the time so long after the beginning.
    fn at(self, elapsed: Duration) -> Timestamp {
        after(self.epoch, elapsed)
    }
}

/// Is a host that does what its script says, as one deploy server reaches it.
#[derive(Debug)]
pub struct SimHost {
    /// Its name; none where nobody has it.
    id: Option<HostId>,
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
    /// How it brings releases to hosts; none is directly.
    pub(super) carrying: Mutex<Option<Arc<Carrying>>>,
}

impl Server {
    /// Waits until the server is awake.
    async fn awake(&self) {
        loop {
            let until = {
                let asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
                if asleep.is_empty() {
                    return;
                }
                let now = Instant::now();
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

impl Inner {
    /// Tells the time as the host has it, so long after the beginning.
    fn now(&self, time: Time, elapsed: Duration) -> Timestamp {
        let off = self.faults.iter().fold(SignedDuration::ZERO, |off, fault| match fault {
            Fault::ClockSet { after, by } if elapsed >= *after => off.saturating_add(*by),
            _ => off,
        });
        time.at(elapsed).checked_add(off).unwrap_or(Timestamp::MAX)
    }

    fn has(&self, is: impl Fn(&Fault) -> bool) -> bool {
        self.faults.iter().any(is)
    }

    fn slowed(&self, work: Duration) -> Duration {
        let factor = self.faults.iter().fold(1, |factor, fault| match fault {
            Fault::Slow(times) => factor * times,
            _ => factor,
        });
        work * factor
    }

    /// Gives the holder of a lock that was stolen.
    #[expect(clippy::expect_used, reason = "the name is a constant that is right")]
    fn thief(&self, now: Timestamp, elapsed: Duration) -> Option<LockHolder> {
        self.has(|fault| matches!(fault, Fault::Stolen { after } if elapsed >= *after)).then(|| LockHolder {
            owner: Operator("mallory@elsewhere".into()),
            rollout: RolloutId::new("stolen").expect("a rollout's name"),
            reason: None,
            since: now,
            until: after(now, Duration::from_secs(3600)),
            waits: false,
        })
    }
}

impl SimHost {
    pub(super) fn new(id: Option<HostId>, disk: Disk, faults: Vec<Fault>, seed: u64, time: Time) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let latency = Duration::from_millis(random.u64(1..80));
        let work = Duration::from_millis(random.u64(20..1500));
        let inner = Inner { disk, faults, random, latency, work };
        Self {
            id,
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
            id: self.id.clone(),
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
        let elapsed = self.time.start.elapsed();
        let mut inner = self.inner();
        let now = inner.now(self.time, elapsed);
        inner.disk.advance(now);
        inner.disk.clone()
    }

    /// Mends everything that is wrong with it.
    pub fn mend(&self) {
        self.inner().faults.clear();
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
        let (lands, work, is_well) = {
            let mut inner = self.inner();
            (inner.random.bool(), inner.slowed(work), inner.faults.is_empty())
        };
        let mut landing = Landing { host: self, lands, change: Some(change) };
        if !work.is_zero() {
            sleep(work).await;
        }
        if !is_well && self.has(|fault| *fault == Fault::Hung(operation)) {
            pending::<()>().await;
        }
        if !is_well && self.has(|fault| *fault == Fault::Panics(operation)) {
            landing.change = None;
            self.panic(operation);
        }
        let result = landing.land();
        let is_lost = !is_well
            && self.use_up(|fault| match fault {
                Fault::AnswerLost { operation: of, times } if *of == operation => Some(times),
                _ => None,
            });
        if is_lost {
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
        let is_unreachable =
            |fault: &Fault| matches!(fault, Fault::Unreachable(at) if at.is_none_or(|at| at == operation));
        let (unreachable, short, latency, is_well) = {
            let inner = self.inner();
            let short = inner.has(|fault| *fault == Fault::ServerShort(operation));
            (inner.has(is_unreachable), short, inner.slowed(inner.latency), inner.faults.is_empty())
        };
        if unreachable {
            sleep(CONNECT_TIMEOUT).await;
            return Err(lost("no route to host"));
        }
        if short {
            let _waiting = Waiting::begin();
            sleep(SHORTAGE).await;
            let message = "cannot start ssh on this machine: Too many open files";
            return Err(Failure::new(FailureClass::Unreachable, message).here().into());
        }
        sleep(latency).await;
        let is_down = |fault: &Fault| {
            let elapsed = self.time.start.elapsed().as_millis();
            matches!(fault, Fault::Flapping { up, down }
                if elapsed % (*up + *down).as_millis().max(1) >= up.as_millis())
        };
        if !is_well && self.has(is_down) {
            sleep(ALIVE_TIMEOUT).await;
            return Err(lost("stopped answering"));
        }
        Ok(())
    }

    fn slowed(&self, work: Duration) -> Duration {
        self.inner().slowed(work)
    }

    fn work(&self) -> Duration {
        self.inner().work
    }

    fn has(&self, is: impl Fn(&Fault) -> bool) -> bool {
        self.inner().has(is)
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
        let change = self.change.take()?;
        let time = self.host.time;
        let elapsed = time.start.elapsed();
        let mut inner = self.host.inner();
        let now = inner.now(time, elapsed);
        let thief = inner.thief(now, elapsed);
        let disk = &mut inner.disk;
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
