use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::disk::Disk;
use super::fault::Fault;
use super::machine::{Carrying, Server, SimHost, Time};
use crate::host::Fleet;
use crate::model::{Carrier, CarrierNews, HostId};
use crate::plan::Carriage;

/// Holds simulated hosts; a clone reaches the same ones.
#[derive(Debug, Clone)]
pub struct SimFleet {
    time: Time,
    hosts: HashMap<HostId, Arc<SimHost>>,
    stranger: Arc<SimHost>,
    server: Arc<Server>,
}

impl SimFleet {
    /// Makes a fleet without hosts, whose clocks show `epoch` now.
    #[must_use]
    pub fn new(epoch: Timestamp) -> Self {
        let time = Time::new(epoch);
        let stranger = SimHost::new(None, Disk::new(), vec![Fault::Unreachable(None)], 0, time);
        Self { time, hosts: HashMap::new(), stranger: Arc::new(stranger), server: Arc::default() }
    }

    /// Adds a host; what is random about it comes of the seed.
    pub fn add(&mut self, id: HostId, disk: Disk, faults: Vec<Fault>, seed: u64) {
        let host = SimHost::new(Some(id.clone()), disk, faults, seed, self.time).behind(&self.server);
        self.hosts.insert(id, Arc::new(host));
    }

    /// Reaches the same hosts from another deploy server, or from another process of the same one.
    #[must_use]
    pub fn from_another_server(&self) -> Self {
        let server = Arc::default();
        let hosts = self.hosts.iter().map(|(id, host)| (id.clone(), Arc::new(host.behind(&server)))).collect();
        Self { time: self.time, hosts, stranger: Arc::clone(&self.stranger), server }
    }

    /// Lets nothing of this deploy server come through for a while, nor anything to it.
    pub fn suspend(&self, from: Instant, until: Instant) {
        self.server.asleep.lock().unwrap_or_else(PoisonError::into_inner).push((from, until));
    }

    /// Gives a host, if the fleet has it.
    #[must_use]
    pub fn get(&self, id: &HostId) -> Option<&Arc<SimHost>> {
        self.hosts.get(id)
    }
}

impl Fleet for SimFleet {
    type Host = SimHost;

    /// Gives the host; one that the fleet does not have never answers.
    fn host(&self, id: &HostId) -> Arc<SimHost> {
        Arc::clone(self.hosts.get(id).unwrap_or(&self.stranger))
    }

    fn carry(&self, carriage: Carriage) -> Option<mpsc::Receiver<CarrierNews>> {
        if carriage.carriers == [Carrier::Direct] {
            return None;
        }
        let hosts = self.hosts.iter().map(|(id, host)| (id.clone(), Arc::downgrade(host))).collect();
        let (carrying, news) = Carrying::begin(carriage, hosts);
        *self.server.carrying.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(carrying));
        Some(news)
    }

    fn give_up(&self, relay: &HostId, why: &str) {
        let carrying = self.server.carrying.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(carrying) = carrying {
            carrying.give_up(relay, why);
        }
    }
}
