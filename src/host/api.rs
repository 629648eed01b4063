use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::model::{
    Bytes, Carried, CarrierNews, Failure, GateName, GateReport, HostId, LockHolder, Operator, Probe, Progress,
    ReleaseId, RollBackTarget, RolloutId, Slot, Squeeze,
};
use crate::plan::Carriage;
use crate::release::StoredRelease;

/// Says how deep a host is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Survey {
    /// Its state file, its links and the names of its releases.
    Shallow,
    /// As deep where the host says that it runs this release, so that nothing may have to be done there. What else it runs is
    /// replaced, and hashing it would cost every host of an upgrade as much as proving what replaces it.
    For(ReleaseId),
    /// Also every file of the current release against its manifest, and what an unmanaged one answers.
    Files,
    /// As that, and the manifests of all its releases.
    Deep,
    /// As files, each that differs by its name; what room is left, what time it is there, and the end of the host's own log.
    Page,
    /// As shallow, and the end of the host's own log.
    Log,
    /// As shallow, and tries those of its tools that are not the same everywhere; in a temporary folder.
    Tools,
}

/// Asks for the lock of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRequest {
    /// Who asks: `user@machine`.
    pub owner: Operator,
    /// For which rollout; the same conductor of it may ask again, and has the same lease then.
    pub rollout: RolloutId,
    /// Which conductor of the rollout asks: a number that is greater for each that goes on with it.
    pub term: u64,
    /// A rollout that is known to be over: its lease is nobody's, however long it would last.
    pub over: Option<RolloutId>,
    /// Why, in the owner's words.
    pub reason: Option<String>,
    /// For how long, unless it is renewed.
    pub lease: Duration,
}

/// Tells why an operation did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostError {
    /// Another holds the host's lock: nothing was done.
    Locked(Box<LockHolder>),
    /// The lease that was given is not the host's lock any more: nothing was done, and nothing may be.
    ///
    /// Who has the lock now, or had it since, as far as the host knows.
    Lost(Option<Box<LockHolder>>),
    /// Anything else, in words for people.
    Failed(Box<Failure>),
}

impl From<Failure> for HostError {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked(holder) => write!(f, "locked by {} for rollout {}", holder.owner, holder.rollout),
            Self::Lost(Some(holder)) => {
                write!(f, "its lock was lost to {} and rollout {}", holder.owner, holder.rollout)
            }
            Self::Lost(None) => f.write_str("its lock is gone"),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

/// Tells what priming a host took.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Primed {
    /// Whether the host held the whole release already.
    pub already: bool,
    /// What travelled.
    pub bytes: Bytes,
    /// How many files travelled.
    pub files: usize,
    /// How many attempts failed before.
    pub retries: u32,
    /// Whether what travelled was packed into one file.
    pub packed: bool,
    /// How the pack came; none where there was none.
    pub carried: Option<Carried>,
}

/// Asks a host to switch.
#[derive(Debug, Clone)]
pub struct Switch {
    /// Which rollout asks; the host's lock must be this rollout's.
    pub rollout: RolloutId,
    /// Which link; none is `target.current`.
    pub slot: Option<Slot>,
    /// The dead man's switch: the host goes back by itself unless `confirm` follows in time; zero is never.
    pub confirm: Duration,
    /// Whether what a way back leaves was found bad, which the host remembers of what was good there.
    pub blames: bool,
}

/// Tells what a switch found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Activated {
    /// Whether the link named the release already.
    pub already: bool,
    /// The release that a folder found in the link's place was kept as.
    pub adopted: Option<ReleaseId>,
}

/// Tells what a switch back found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct WentBack {
    /// Whether what it went back to could not be proven file by file, for want of room; its manifest is the right one.
    pub unproven: bool,
}

/// Describes a check that runs on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateCheck {
    /// Its name.
    pub name: GateName,
    /// What runs there, by `sh -c` in the release's folder; dry words are replaced already.
    pub run: String,
    /// What is set in its environment: `COALMINE_HOST` and so on.
    pub environment: Vec<(String, String)>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How many more attempts there are after the first one failed.
    pub retries: u32,
    /// Whether it is told but never decides.
    pub dry: bool,
}

/// Does to one host what the machine decided.
///
/// Whoever was given the lock remembers its fencing token; every change is made under that token, and refused with
/// [`HostError::Lost`] once another lease was given on the host, or this one was freed. Leases never lose their token by
/// being renewed, nor by running out while nobody else wants the host.
pub trait Host: Send + Sync + 'static {
    /// Asks what the host has; changes nothing.
    ///
    /// # Errors
    ///
    /// When the host cannot be reached or its answer not be read.
    fn probe(&self, survey: &Survey, slot: Option<&Slot>) -> impl Future<Output = Result<Probe, HostError>> + Send;

    /// Takes the host's lock and asks what the host has, in one round trip.
    ///
    /// A lease that ran out is taken over; the holder before is told in the answer.
    ///
    /// # Errors
    ///
    /// [`HostError::Locked`] while another rollout holds it.
    fn lock(
        &self,
        request: &LockRequest,
        slot: Option<&Slot>,
    ) -> impl Future<Output = Result<(Probe, Option<LockHolder>), HostError>> + Send;

    /// Renews the lease that was given, beside whatever else is done to the host; never takes one.
    ///
    /// # Errors
    ///
    /// [`HostError::Lost`] when it is not the host's lock any more.
    fn renew(&self, request: &LockRequest) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Puts a release on the host without switching to it; whole and verified when this returns.
    ///
    /// `progress` is called at most four times a second.
    ///
    /// # Errors
    ///
    /// When it did not get there; nothing that looks whole is left then.
    fn prime(
        &self,
        release: &Arc<StoredRelease>,
        rollout: &RolloutId,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> impl Future<Output = Result<Primed, HostError>> + Send;

    /// Switches the host to a release that it holds: one rename of a link.
    ///
    /// # Errors
    ///
    /// When the link does not name the release afterwards, or when that cannot be known.
    fn activate(
        &self,
        release: &ReleaseId,
        switch: &Switch,
    ) -> impl Future<Output = Result<Activated, HostError>> + Send;

    /// Confirms a switch over a connection of its own, so that the dead man's switch does not fire.
    ///
    /// # Errors
    ///
    /// When the host went back by itself already, or cannot be reached anew.
    fn confirm(&self, rollout: &RolloutId) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Switches the host back; a target that is not whole any more is repaired from the store first when that has it.
    ///
    /// # Errors
    ///
    /// When the host does not stand on the target afterwards, or when that cannot be known.
    fn roll_back(
        &self,
        target: &RollBackTarget,
        repair: Option<&Arc<StoredRelease>>,
        switch: &Switch,
    ) -> impl Future<Output = Result<WentBack, HostError>> + Send;

    /// Removes a slot: its link, and what the host remembers of it. Done already, it is done.
    ///
    /// # Errors
    ///
    /// When something else stands in its place, or when that cannot be known.
    fn remove_slot(&self, slot: &Slot, rollout: &RolloutId) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Runs gates on the host, one after the other, until one fails.
    ///
    /// # Errors
    ///
    /// When the host could not be asked; a gate that fails is an answer and no error.
    fn check(&self, gates: &[GateCheck]) -> impl Future<Output = Result<Vec<GateReport>, HostError>> + Send;

    /// Writes that the current release is good, prunes old releases and frees the lock.
    ///
    /// Never pruned are current, good, previous, what any slot names, and what another live rollout primed.
    ///
    /// # Errors
    ///
    /// When the release is not the current one any more, or when the host cannot be reached.
    fn finalize(
        &self,
        release: &ReleaseId,
        rollout: &RolloutId,
        slot: Option<&Slot>,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Writes that what a rollback led the host to is good again and what it left is not, prunes and frees the lock.
    ///
    /// # Errors
    ///
    /// As [`Self::finalize`].
    fn finalize_back(
        &self,
        target: &RollBackTarget,
        rollout: &RolloutId,
        slot: Option<&Slot>,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Frees the host's lock if it is this rollout's, and removes what it left half-done.
    ///
    /// # Errors
    ///
    /// When the host cannot be reached; the lease ends by itself then.
    fn unlock(&self, rollout: &RolloutId) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Ends the lease that a rollout has on the host, by somebody's word, and gives whose it was; none where it has none.
    ///
    /// Whoever had it finds out by the next thing that is tried under it, and does nothing.
    ///
    /// # Errors
    ///
    /// [`HostError::Lost`] when another has the lock meanwhile.
    fn break_lock(
        &self,
        rollout: &RolloutId,
        by: &Operator,
        reason: Option<&str>,
    ) -> impl Future<Output = Result<Option<LockHolder>, HostError>> + Send;

    /// Closes the connection; the next operation opens it anew.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// Finds the host behind a name.
pub trait Fleet: Send + Sync + 'static {
    /// What it finds.
    type Host: Host;

    /// Gives the host; nothing is opened before its first operation.
    fn host(&self, id: &HostId) -> Arc<Self::Host>;

    /// Begins to open connections to hosts that are soon asked something, the first that are named, as many as stay open at once.
    ///
    /// What cannot be opened is told by what is asked then. Dropping what it gives ends what is not open yet.
    fn reach(&self, _hosts: &[HostId]) -> JoinSet<()> {
        JoinSet::new()
    }

    /// Takes what changed of how many connections are opened at once since this was asked last, in the order in which it happened.
    fn squeezes(&self) -> Vec<Squeeze> {
        Vec::new()
    }

    /// Is told how releases travel in the rollout that follows, and gives what becomes of that; none where nothing ever does.
    fn carry(&self, _carriage: Carriage) -> Option<mpsc::Receiver<CarrierNews>> {
        None
    }

    /// Lets no host ask a relay any more: who waits for it now hears so, and takes the next way.
    fn give_up(&self, _relay: &HostId, _why: &str) {}
}
