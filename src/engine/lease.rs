use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Gate, Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::host::{Fleet, Host as _, HostError, LockRequest};
use crate::model::{HostId, LockHolder};

/// How many renewals may wait for their hosts at once: a dead host's takes until its deadline.
const WIDTH: usize = 64;

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
