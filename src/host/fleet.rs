use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::capacity::{Capacity, Widths, told};
use super::delta::{Bases, Deltas};
use super::local::Local;
use super::parcel::Parcels;
use super::remote::{Carrying, Common, Remote};
use super::route::Route;
use super::settings::{SshSettings, TargetSettings, TransferSettings};
use super::ssh::{Pool, Ssh, login};
use super::{Activated, Fleet, GateCheck, Host, HostError, LockRequest, Primed, Survey, Switch, WentBack};
use crate::model::{
    CarrierNews, GateReport, HostId, LockHolder, Operator, Probe, Progress, ReleaseId, RollBackTarget, RolloutId, Slot,
    Squeeze,
};
use crate::plan::Carriage;
use crate::release::StoredRelease;

/// Finds real hosts: this machine itself, and others over ssh.
#[derive(Debug)]
pub struct RealFleet(Arc<Hosts>);

/// Holds what hosts share, and those that were asked for.
pub(super) struct Hosts {
    common: Arc<Common>,
    pool: Arc<Pool>,
    is_this_machine: Box<dyn Fn(&HostId) -> bool + Send + Sync>,
    hosts: Mutex<HashMap<HostId, Arc<RealHost>>>,
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").field("common", &self.common).finish_non_exhaustive()
    }
}

impl RealFleet {
    /// Makes a fleet; nothing is opened before a host's first operation.
    ///
    /// `is_this_machine` tells which hosts are reached without ssh. `bases` gives the manifests of releases that hosts may have.
    ///
    /// # Errors
    ///
    /// When there is no ssh on this machine, or no folder for the sockets of its connections.
    pub fn new(
        ssh: SshSettings,
        transfer: TransferSettings,
        target: TargetSettings,
        is_this_machine: impl Fn(&HostId) -> bool + Send + Sync + 'static,
        bases: impl Bases,
    ) -> io::Result<Self> {
        let (capacity, wanted) = (Capacity::count(), Widths::of(&ssh, &transfer));
        let fitted = capacity.fit(wanted);
        if fitted != wanted {
            let shortages: Vec<_> = capacity.shortages(wanted).collect();
            tracing::info!(
                "{} connections and {} transfers at once: {}",
                fitted.sessions,
                fitted.transfers,
                told(&shortages)
            );
        }
        let Widths { connects, sessions, execs, transfers, .. } = fitted;
        let pool = Arc::new(Pool::new(SshSettings { connects, sessions, execs, ..ssh }, transfers)?);
        let common = Common {
            target: Arc::new(target),
            transfer: Arc::new(transfer),
            parcels: Parcels::new(bases.packs()),
            deltas: Deltas::new(bases),
            carrying: Carrying::default(),
        };
        let is_this_machine = Box::new(is_this_machine);
        Ok(Self(Arc::new(Hosts { common: Arc::new(common), pool, is_this_machine, hosts: Mutex::default() })))
    }

    /// Gives the command that opens a shell on a host for a person, as whom coalmine logs in; on this machine that is a shell here.
    ///
    /// What ssh is told is in a file that goes with this fleet.
    #[must_use]
    pub fn login(&self, id: &HostId) -> Vec<OsString> {
        if (self.0.is_this_machine)(id) {
            return vec![std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "sh".into())];
        }
        login(&self.0.pool, id)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.pool.close_idle();
    }
}

impl Hosts {
    /// Gives the host; nothing is opened before its first operation.
    pub(super) fn find(&self, id: &HostId) -> Arc<RealHost> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(id) {
            return Arc::clone(host);
        }
        let (target, transfer) = (Arc::clone(&self.common.target), Arc::clone(&self.common.transfer));
        let pool = Arc::clone(&self.pool);
        let route = if (self.is_this_machine)(id) {
            Route::Local(Local::new(target, transfer, pool))
        } else {
            Route::Ssh(Ssh::new(id.clone(), target, transfer, pool))
        };
        let host = Arc::new(RealHost(Arc::new(Remote::new(id.clone(), Arc::clone(&self.common), route))));
        hosts.insert(id.clone(), Arc::clone(&host));
        host
    }
}

impl Fleet for RealFleet {
    type Host = RealHost;

    fn reach(&self, hosts: &[HostId]) -> JoinSet<()> {
        let reached = hosts.iter().take(self.0.pool.most()).map(|id| self.0.find(id));
        reached.map(|host| async move { host.0.reach().await }).collect()
    }

    fn squeezes(&self) -> Vec<Squeeze> {
        self.0.pool.ways.squeezes()
    }

    fn host(&self, id: &HostId) -> Arc<RealHost> {
        self.0.find(id)
    }

    fn carry(&self, carriage: Carriage) -> Option<mpsc::Receiver<CarrierNews>> {
        let hosts = Arc::downgrade(&self.0);
        let find = move |id: &HostId| hosts.upgrade().map(|hosts| Arc::clone(&hosts.find(id).0));
        Some(self.0.common.carrying.begin(carriage, Arc::new(find)))
    }

    fn give_up(&self, relay: &HostId, why: &str) {
        self.0.common.carrying.give_up(relay, why);
    }
}

/// Is a real host.
#[derive(Debug)]
pub struct RealHost(Arc<Remote<Route>>);

impl Host for RealHost {
    async fn probe(&self, survey: &Survey, slot: Option<&Slot>) -> Result<Probe, HostError> {
        self.0.probe(survey, slot).await
    }

    async fn lock(&self, request: &LockRequest, slot: Option<&Slot>) -> Result<(Probe, Option<LockHolder>), HostError> {
        self.0.lock(request, slot).await
    }

    async fn renew(&self, request: &LockRequest) -> Result<(), HostError> {
        self.0.renew(request).await
    }

    async fn prime(
        &self,
        release: &Arc<StoredRelease>,
        rollout: &RolloutId,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Primed, HostError> {
        self.0.prime(release, rollout, progress).await
    }

    async fn activate(&self, release: &ReleaseId, switch: &Switch) -> Result<Activated, HostError> {
        self.0.activate(release, switch).await
    }

    async fn confirm(&self, rollout: &RolloutId) -> Result<(), HostError> {
        self.0.confirm(rollout).await
    }

    async fn roll_back(
        &self,
        target: &RollBackTarget,
        repair: Option<&Arc<StoredRelease>>,
        switch: &Switch,
    ) -> Result<WentBack, HostError> {
        self.0.roll_back(target, repair, switch).await
    }

    async fn remove_slot(&self, slot: &Slot, rollout: &RolloutId) -> Result<(), HostError> {
        self.0.remove_slot(slot, rollout).await
    }

    async fn check(&self, gates: &[GateCheck]) -> Result<Vec<GateReport>, HostError> {
        self.0.check(gates).await
    }

    async fn finalize(&self, release: &ReleaseId, rollout: &RolloutId, slot: Option<&Slot>) -> Result<(), HostError> {
        self.0.finalize(release, rollout, slot).await
    }

    async fn finalize_back(
        &self,
        target: &RollBackTarget,
        rollout: &RolloutId,
        slot: Option<&Slot>,
    ) -> Result<(), HostError> {
        self.0.finalize_back(target, rollout, slot).await
    }

    async fn unlock(&self, rollout: &RolloutId) -> Result<(), HostError> {
        self.0.unlock(rollout).await
    }

    async fn break_lock(
        &self,
        rollout: &RolloutId,
        by: &Operator,
        reason: Option<&str>,
    ) -> Result<Option<LockHolder>, HostError> {
        self.0.break_lock(rollout, by, reason).await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
