use thiserror::Error;

use crate::model::{GateName, HostHook, HostId, PhaseHook, StageName, Verdict};
use crate::rollout::GateScope;

/// Asks a gate of a whole stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StageQuestion {
    /// The stage.
    pub stage: StageName,
    /// The gate's name in the configuration.
    pub gate: GateName,
    /// Whether it is asked before the stage or during its soak.
    pub scope: GateScope,
    /// The hosts that it is asked about: those of the stage that neither failed nor were left out.
    pub hosts: Vec<HostId>,
    /// What it answered before the stage started; none when that was never asked.
    pub baseline: Option<f64>,
}

/// Holds what a gate of a stage answered.
#[derive(Debug, Clone, PartialEq)]
pub struct GateAnswer {
    /// What it found; a command that could not be run at all is [`Verdict::Inconclusive`].
    pub verdict: Verdict,
    /// The number that it printed.
    pub value: Option<f64>,
    /// Why it did not pass, in one line.
    pub message: String,
}

/// Tells why a command of the site did not do what it was asked to, in one line for people.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SiteError(pub String);

/// Does what only the site knows how to do.
///
/// Whoever calls gives every wait a deadline of its own. Dropping a future of this trait ends the processes that it started.
pub trait Site: Send + Sync + 'static {
    /// Takes a host out of service; doing it twice is as doing it once.
    ///
    /// # Errors
    ///
    /// When the site's command failed: the host may still be in service.
    fn depool(&self, host: &HostId) -> impl Future<Output = Result<(), SiteError>> + Send;

    /// Puts a host back into service; doing it twice is as doing it once.
    ///
    /// # Errors
    ///
    /// When the site's command failed: the host may still be out of service.
    fn repool(&self, host: &HostId) -> impl Future<Output = Result<(), SiteError>> + Send;

    /// Asks a gate of a stage; whatever goes wrong is part of the answer.
    fn ask(&self, question: &StageQuestion) -> impl Future<Output = GateAnswer> + Send;

    /// Runs the site's command before or after a phase, where there is one.
    ///
    /// # Errors
    ///
    /// When it failed; what follows is not this room's business.
    fn phase(
        &self,
        _hook: PhaseHook,
        _stage: Option<&StageName>,
        _hosts: &[HostId],
    ) -> impl Future<Output = Result<(), SiteError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Runs the site's command before or after something is done to a host, where there is one.
    ///
    /// # Errors
    ///
    /// When it failed.
    fn beside(&self, _hook: HostHook, _host: &HostId) -> impl Future<Output = Result<(), SiteError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Tells people what happens to the rollout, in one line.
    ///
    /// # Errors
    ///
    /// When nobody could be told; the rollout goes on all the same.
    fn announce(&self, message: &str) -> impl Future<Output = Result<(), SiteError>> + Send;
}
