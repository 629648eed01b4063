use std::fmt;

use serde::{Deserialize, Serialize};

/// Names a command of the site that runs on the deploy server before or after a phase of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseHook {
    /// Before any host is asked for its lock.
    BeforeLock,
    /// When all that could have given their locks.
    AfterLock,
    /// Before anything travels.
    BeforePrime,
    /// When the release is where it is to be.
    AfterPrime,
    /// Before the first host of a stage is switched.
    BeforeSwitch,
    /// When the last host of a stage is.
    AfterSwitch,
    /// Before a stage soaks.
    BeforeSoak,
    /// When a stage has soaked and its gates have passed, before it is promoted.
    AfterSoak,
    /// Before the release becomes good.
    BeforeFinalize,
    /// When it has.
    AfterFinalize,
    /// Before switched hosts go back.
    BeforeRollback,
    /// When they have.
    AfterRollback,
}

impl PhaseHook {
    /// Every one, in the order of a rollout.
    pub const ALL: [Self; 12] = [
        Self::BeforeLock,
        Self::AfterLock,
        Self::BeforePrime,
        Self::AfterPrime,
        Self::BeforeSwitch,
        Self::AfterSwitch,
        Self::BeforeSoak,
        Self::AfterSoak,
        Self::BeforeFinalize,
        Self::AfterFinalize,
        Self::BeforeRollback,
        Self::AfterRollback,
    ];

    /// Gives its key in the configuration, below `hooks`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::BeforeLock => "before.lock",
            Self::AfterLock => "after.lock",
            Self::BeforePrime => "before.prime",
            Self::AfterPrime => "after.prime",
            Self::BeforeSwitch => "before.switch",
            Self::AfterSwitch => "after.switch",
            Self::BeforeSoak => "before.soak",
            Self::AfterSoak => "after.soak",
            Self::BeforeFinalize => "before.finalize",
            Self::AfterFinalize => "after.finalize",
            Self::BeforeRollback => "before.rollback",
            Self::AfterRollback => "after.rollback",
        }
    }

    /// Tells whether its failure stops the rollout; that of another is only told. Nothing keeps hosts from going back, and what is
    /// done is done.
    #[must_use]
    pub const fn stops(self) -> bool {
        !matches!(self, Self::AfterFinalize) && !self.is_of_way_back()
    }

    /// Tells whether it is about hosts that go back.
    #[must_use]
    pub const fn is_of_way_back(self) -> bool {
        matches!(self, Self::BeforeRollback | Self::AfterRollback)
    }
}

impl fmt::Display for PhaseHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hooks.{}", self.key())
    }
}

/// Names a command of the site that runs on the deploy server before or after something is done to one host, be it a target or a master.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HostHook {
    /// Before the release travels to it.
    #[serde(rename = "before_host_prime")]
    BeforePrime,
    /// When it has the release.
    #[serde(rename = "after_host_prime")]
    AfterPrime,
    /// Before it is switched.
    #[serde(rename = "before_host_switch")]
    BeforeSwitch,
    /// When it is, before its gates.
    #[serde(rename = "after_host_switch")]
    AfterSwitch,
    /// Before it goes back.
    #[serde(rename = "before_host_rollback")]
    BeforeRollback,
    /// When it has.
    #[serde(rename = "after_host_rollback")]
    AfterRollback,
}

impl HostHook {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::BeforePrime,
        Self::AfterPrime,
        Self::BeforeSwitch,
        Self::AfterSwitch,
        Self::BeforeRollback,
        Self::AfterRollback,
    ];

    /// Gives its key in the configuration, below `hooks`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::BeforePrime => "before.host_prime",
            Self::AfterPrime => "after.host_prime",
            Self::BeforeSwitch => "before.host_switch",
            Self::AfterSwitch => "after.host_switch",
            Self::BeforeRollback => "before.host_rollback",
            Self::AfterRollback => "after.host_rollback",
        }
    }

    /// Tells whether it is about a host that goes back: nothing keeps it from that, so that a failure is only told.
    #[must_use]
    pub const fn is_of_way_back(self) -> bool {
        matches!(self, Self::BeforeRollback | Self::AfterRollback)
    }
}

impl fmt::Display for HostHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hooks.{}", self.key())
    }
}
