use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Bytes, GateName, Operator, ReleaseId, RolloutId};

/// Tells who holds the lock of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Who took it: `user@machine`.
    pub owner: Operator,
    /// For which rollout.
    pub rollout: RolloutId,
    /// Why, in the owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When, by the host's clock.
    pub since: Timestamp,
    /// Until when, unless it is renewed, by the host's clock.
    pub until: Timestamp,
    /// Whether nobody conducts that rollout any more and it can be gone on with here: it is one of this state folder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
}

/// Tells what a host says of its lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostLock {
    /// Whose it is.
    pub holder: LockHolder,
    /// Whether its lease has run out by the host's clock, or ends further away than any lease does: then it is nobody's, and the
    /// next rollout takes it over.
    pub over: bool,
}

/// Tells how far a transfer is; live only, never journaled.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What has arrived.
    pub bytes: Bytes,
    /// What travels in all, known from the manifests.
    pub total: Bytes,
    /// Bytes a second, smoothed.
    pub rate: Bytes,
}

/// Says where a host goes back to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "target", rename_all = "snake_case")]
pub enum RollBackTarget {
    /// To the release that was last finalized there.
    Release {
        /// Its id.
        id: ReleaseId,
    },
    /// To none: the link is removed, since there was none before.
    Nothing,
    /// To the folder that stood in the link's place and was kept as a release.
    Adopted,
}

/// Says what a gate found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All is well: exit 0.
    Pass,
    /// It is not: any other exit, or a timeout.
    Fail,
    /// It could not tell: exit 75 (`EX_TEMPFAIL`, sysexits.h).
    Inconclusive,
}

/// Holds what one gate answered on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateReport {
    /// The gate.
    pub gate: GateName,
    /// What it found.
    pub verdict: Verdict,
    /// Why, when it did not pass: exit code or timeout, and the last line that it printed.
    pub message: String,
    /// The last lines that it printed, control characters removed.
    pub output: String,
    /// Whether it is told but never decides.
    pub dry: bool,
}
