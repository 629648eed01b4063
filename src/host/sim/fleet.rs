use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::disk::Disk;
use super::fault::Fault;
use super::machine::{SimHost, Time};
use crate::host::Fleet;
use crate::model::HostId;

/// Holds simulated hosts; a clone reaches the same ones.
#[derive(Debug, Clone)]
pub struct SimFleet {
    time: Time,
    hosts: HashMap<HostId, Arc<SimHost>>,
    stranger: Arc<SimHost>,
}

impl SimFleet {
    /// Makes a fleet without hosts, whose clocks show `epoch` now.
    #[must_use]
    pub fn new(epoch: Timestamp) -> Self {
        let time = Time::new(epoch);
        let stranger = SimHost::new(Disk::new(), vec![Fault::Unreachable(None)], 0, time);
        Self { time, hosts: HashMap::new(), stranger: Arc::new(stranger) }
    }

    /// Adds a host; what is random about it comes of the seed.
    pub fn add(&mut self, id: HostId, disk: Disk, faults: Vec<Fault>, seed: u64) {
        self.hosts.insert(id, Arc::new(SimHost::new(disk, faults, seed, self.time)));
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
}
