use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Gate, Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::host::{Fleet, Host as _, HostError, LockRequest};
use crate::model::{HostId, LockHolder};

/// How many renewals may wait for their hosts at once: a dead host's takes until its deadline.
const WIDTH: usize = 64;

/// How long nothing is heard of any host before a round of asking them is given up, and how far rounds are apart.
const ROUND: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_secs(2);

/// Says what a host answered that was asked whether its lock is still held.
enum Asked {
    Held,
    Lost(Option<Box<LockHolder>>),
    Silent,
}

/// Tells that a host's lock is another's now; who has it, or had it since.
pub(super) type Loss = (HostId, Option<Box<LockHolder>>);

/// Renews the locks of hosts before their leases run out, evenly over time.
///
/// A host is renewed every third of its lease, in the order in which the locks were taken, never faster than the rate that
/// the lease was made for. A renewal that fails is tried again in its next turn; one that finds the lock lost is the last,
/// and the engine is told.
pub(super) struct Leases<F> {
    fleet: Arc<F>,
    request: LockRequest,
    losses: mpsc::Sender<Loss>,
    deadline: Duration,
    gap: Duration,
    held: Mutex<HashMap<HostId, Arc<Gate<()>>>>,
    queue: Mutex<VecDeque<(Instant, HostId)>>,
    added: Notify,
}

impl<F: Fleet> Leases<F> {
    pub(super) fn new(
        fleet: Arc<F>,
        request: LockRequest,
        losses: mpsc::Sender<Loss>,
        deadline: Duration,
        renewals_per_second: u32,
    ) -> Self {
        Self {
            fleet,
            request,
            losses,
            deadline,
            gap: Duration::from_secs(1) / renewals_per_second.max(1),
            held: Mutex::default(),
            queue: Mutex::default(),
            added: Notify::new(),
        }
    }

    pub(super) const fn request(&self) -> &LockRequest {
        &self.request
    }

    /// Renews a host's lock from now on.
    pub(super) fn hold(&self, host: &HostId) {
        let before = self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone(), Arc::default());
        if before.is_none() {
            self.enqueue(host.clone());
        }
    }

    /// Renews a host's lock no more; returns when no renewal is under way, which could lock it again.
    pub(super) async fn release(&self, host: &HostId) {
        let gate = self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(host);
        if let Some(gate) = gate {
            drop(gate.lock().await);
        }
    }

    /// Asks the hosts whose locks are held whether they still are, and gives those that are not: for a conductor that stood still.
    ///
    /// What does not answer holds nobody up for long where others do; where nobody answers, as on a machine whose network is
    /// not back yet, they are asked again for a while.
    pub(super) async fn confirm(self: &Arc<Self>) -> Vec<Loss> {
        let until = Instant::now() + self.deadline;
        let mut lost = Vec::new();
        loop {
            let hosts: Vec<(HostId, Arc<Gate<()>>)> = {
                let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
                held.iter().map(|(host, gate)| (host.clone(), Arc::clone(gate))).collect()
            };
            let mut asked = hosts.into_iter();
            let mut asking = JoinSet::new();
            let mut heard = asked.len() == 0;
            let mut give_up = until.min(Instant::now() + ROUND);
            loop {
                while asking.len() < WIDTH
                    && let Some((host, gate)) = asked.next()
                {
                    let leases = Arc::clone(self);
                    asking.spawn(async move { leases.ask(host, gate).await });
                }
                match timeout_at(give_up, asking.join_next()).await {
                    Ok(Some(Ok((host, Asked::Lost(holder))))) => {
                        heard = true;
                        self.forget(&host);
                        lost.push((host, holder));
                    }
                    Ok(Some(Ok((_, Asked::Held)))) => heard = true,
                    Ok(Some(Ok((_, Asked::Silent)) | Err(_))) => {}
                    Ok(None) | Err(_) => break,
                }
                // One that answers is a network that is there; a fleet takes as long as it takes.
                if heard {
                    give_up = until.min(Instant::now() + ROUND);
                }
            }
            if heard || Instant::now() >= until {
                return lost;
            }
            sleep(AGAIN).await;
        }
    }

    async fn ask(&self, host: HostId, gate: Arc<Gate<()>>) -> (HostId, Asked) {
        let _alone = gate.lock().await;
        if self.gate(&host).is_none() {
            return (host, Asked::Held);
        }
        let asked = match self.fleet.host(&host).renew(&self.request).await {
            Ok(()) => Asked::Held,
            Err(HostError::Lost(holder)) => Asked::Lost(holder),
            Err(error) => {
                tracing::warn!(%host, %error, "could not ask whether the lock is still held");
                Asked::Silent
            }
        };
        (host, asked)
    }

    fn forget(&self, host: &HostId) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(host);
    }

    fn enqueue(&self, host: HostId) {
        let due = Instant::now() + self.request.lease / 3;
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back((due, host));
        self.added.notify_one();
    }

    fn next(&self) -> Option<(Instant, HostId)> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn gate(&self, host: &HostId) -> Option<Arc<Gate<()>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }

    /// Renews until it is dropped, and with it every renewal that is under way.
    pub(super) async fn run(self: Arc<Self>) {
        let mut renewals = JoinSet::new();
        let mut free = Instant::now();
        loop {
            let Some((due, host)) = self.next() else {
                self.added.notified().await;
                continue;
            };
            sleep_until(due.max(free)).await;
            let Some(gate) = self.gate(&host) else {
                continue;
            };
            free = Instant::now() + self.gap;
            while renewals.try_join_next().is_some() {}
            if renewals.len() >= WIDTH {
                renewals.join_next().await;
            }
            self.enqueue(host.clone());
            let leases = Arc::clone(&self);
            renewals.spawn(async move {
                let Ok(_under_way) = gate.try_lock() else {
                    return;
                };
                // It may have been released while this waited for its turn.
                if leases.gate(&host).is_none() {
                    return;
                }
                let found = leases.fleet.host(&host);
                match timeout(leases.deadline, found.renew(&leases.request)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(HostError::Lost(holder))) => {
                        leases.forget(&host);
                        // Nobody is told when the engine is gone.
                        drop(leases.losses.send((host, holder)).await);
                    }
                    Ok(Err(error)) => tracing::warn!(%host, %error, "could not renew the lock"),
                    Err(_) => tracing::warn!(%host, "could not renew the lock in time"),
                }
            });
        }
    }
}
