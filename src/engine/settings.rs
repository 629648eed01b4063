use std::time::Duration;

use crate::model::Operator;
use crate::rollout::Task;

/// Says what the engine needs to know that is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Who starts the rollout, or goes on with it.
    pub operator: Operator,
    /// What is installed, as people know it: announcements begin with it.
    pub product: String,
    /// How long a host's lock that another rollout holds is waited for.
    pub lock_wait: Duration,
    /// For how long a host stays locked after the conductor was last heard of; longer on large fleets.
    pub lease: Duration,
    /// How many leases are renewed in a second at most, over the whole fleet.
    ///
    /// Each may be a connection that has to be opened anew. A fleet for which the rate is too low gets longer leases: with the
    /// default of 10 a second, 10,000 hosts stay locked for 50 minutes after their conductor died.
    pub renewals_per_second: u32,
    /// How long tasks may take.
    pub deadlines: Deadlines,
}

impl Settings {
    /// Makes the settings of somebody who asks for nothing special.
    #[must_use]
    pub fn new(operator: Operator) -> Self {
        Self {
            operator,
            product: "coalmine".to_owned(),
            lock_wait: Duration::ZERO,
            lease: Duration::from_secs(60),
            renewals_per_second: 10,
            deadlines: Deadlines::default(),
        }
    }

    /// Gives the lease that so many hosts can be given without renewing more often than the rate allows.
    #[must_use]
    pub fn lease_for(&self, hosts: usize) -> Duration {
        // A lease is renewed when a third of it has passed, so that two renewals may fail.
        let hosts = u32::try_from(hosts).unwrap_or(u32::MAX);
        let round = Duration::from_secs(3) * hosts / self.renewals_per_second.max(1);
        self.lease.max(round)
    }
}

/// Says how long a task may take before the engine gives it up.
///
/// Hosts and sites have deadlines of their own, which know more and end earlier; these are for the day when those fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// For a question, a lock or a finalization.
    pub control: Duration,
    /// For a transfer with all its attempts.
    pub prime: Duration,
    /// For a switch in either direction, without its gates.
    pub switch: Duration,
    /// For a command of the site that concerns one host.
    pub site: Duration,
    /// For a gate of a stage.
    pub gate: Duration,
    /// For a command of the site before or after a phase, or beside a task on a host; what such a task may take counts it twice.
    pub hook: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            control: Duration::from_secs(120),
            prime: Duration::from_secs(4 * 3600),
            switch: Duration::from_secs(300),
            site: Duration::from_secs(120),
            gate: Duration::from_secs(900),
            hook: Duration::from_secs(120),
        }
    }
}

impl Deadlines {
    /// Gives the deadline of a task; `gates` is what the gates on its host may take.
    pub(super) fn of(&self, task: &Task, lock_wait: Duration, confirm: Duration, gates: Duration) -> Duration {
        match task {
            Task::Lock => self.control.saturating_add(lock_wait),
            Task::Prime => self.prime.saturating_add(self.hook.saturating_mul(2)),
            Task::Activate => self.switch.saturating_add(confirm).saturating_add(self.hook.saturating_mul(2)),
            Task::Check => self.control.saturating_add(gates),
            Task::RollBack { .. } => self.switch.saturating_add(gates).saturating_add(self.hook.saturating_mul(2)),
            Task::Depool | Task::Repool => self.site,
            Task::Finalize | Task::Unlock => self.control,
        }
    }
}
