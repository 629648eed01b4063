use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{FailureClass, GateName, HostId, LockHolder, Operator, PhaseHook, StageName};

/// Says why a rollout does not go on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum PauseReason {
    /// Somebody asked for it.
    Operator {
        /// Who.
        by: Operator,
    },
    /// More hosts of a stage failed than its budget allows.
    OverBudget {
        /// The stage.
        stage: StageName,
        /// The class of the failures.
        class: FailureClass,
        /// How many failed.
        failed: usize,
        /// How many may.
        allowed: usize,
    },
    /// No host of a stage is healthy: nothing that could vouch for the release.
    NoneHealthy {
        /// The stage.
        stage: StageName,
    },
    /// A gate of a stage failed.
    GateFailed {
        /// The stage.
        stage: StageName,
        /// The gate.
        gate: GateName,
        /// Why.
        message: String,
    },
    /// A gate of a stage could not tell.
    GateInconclusive {
        /// The stage.
        stage: StageName,
        /// The gate.
        gate: GateName,
        /// Why.
        message: String,
    },
    /// A time has begun at which the environment is not to be changed.
    FreezeWindow {
        /// Its name.
        window: String,
        /// When it ends.
        until: Timestamp,
        /// Why, in the site's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Another rollout holds the lock of a host.
    Locked {
        /// The host.
        host: HostId,
        /// Who holds it.
        holder: Box<LockHolder>,
    },
    /// A command of the site before or after a phase failed.
    HookFailed {
        /// Which.
        hook: PhaseHook,
        /// Of which stage; none where it is about all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stage: Option<StageName>,
        /// Why.
        message: String,
    },
}

impl PauseReason {
    /// Tells whether it speaks of the release: or of hosts, of the site or of others; none where only a person could say.
    ///
    /// A hook that stops as a gate that fails speaks as one.
    #[must_use]
    pub const fn is_of_release(&self) -> Option<bool> {
        match self {
            Self::Operator { .. } | Self::GateInconclusive { .. } => None,
            Self::OverBudget { class, .. } => Some(class.is_of_release()),
            Self::GateFailed { .. } => Some(true),
            Self::HookFailed { hook, .. } => {
                Some(matches!(hook, PhaseHook::AfterSwitch | PhaseHook::BeforeSoak | PhaseHook::AfterSoak))
            }
            // Which hosts failed by what speaks for itself.
            Self::NoneHealthy { .. } | Self::FreezeWindow { .. } | Self::Locked { .. } => Some(false),
        }
    }
}
