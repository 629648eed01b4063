use std::fmt;
use std::sync::Arc;

use super::clock::Clock;
use crate::host::GateCheck;
use crate::model::{HostId, ReleaseId, RolloutId};
use crate::release::StoredRelease;

/// Finds releases in the store.
pub trait Releases: Send + Sync + 'static {
    /// Gives the release, if the store has it whole; asked once for each, and may take as long as a manifest
    /// takes to read.
    fn find(&self, id: &ReleaseId) -> Option<Arc<StoredRelease>>;
}

impl<F: Fn(&ReleaseId) -> Option<Arc<StoredRelease>> + Send + Sync + 'static> Releases for F {
    fn find(&self, id: &ReleaseId) -> Option<Arc<StoredRelease>> {
        self(id)
    }
}

/// Renders the gates of a host.
pub trait Checks: Send + Sync + 'static {
    /// Gives what is asked of a host that runs a release; none is the folder that was there before coalmine.
    fn of(&self, host: &HostId, running: Option<&ReleaseId>) -> Vec<GateCheck>;
}

impl<F: Fn(&HostId, Option<&ReleaseId>) -> Vec<GateCheck> + Send + Sync + 'static> Checks for F {
    fn of(&self, host: &HostId, running: Option<&ReleaseId>) -> Vec<GateCheck> {
        self(host, running)
    }
}

/// Holds the world in which the engine works.
pub struct Parts<F, S> {
    /// The hosts.
    pub fleet: Arc<F>,
    /// The site's own commands.
    pub site: Arc<S>,
    /// The store.
    pub releases: Arc<dyn Releases>,
    /// The gates of hosts.
    pub checks: Arc<dyn Checks>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is known here of the rollout that a host is locked for.
    pub knows: Arc<dyn Fn(&RolloutId) -> Known + Send + Sync>,
}

/// Says what is known of a rollout that holds a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It is over, or this one overtakes it: what it left locked is nobody's.
    Over,
    /// Nobody conducts it any more, and it can be gone on with from here.
    Waits,
    /// It runs, or is another state folder's.
    Nothing,
}

impl<F, S> fmt::Debug for Parts<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}
