use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::outcome::{Debt, HostEnd, Outcome};
use super::pause::PauseReason;
use crate::model::{
    Bytes, Carrier, CarrierFailed, CarrierNews, Failure, FailureClass, GateName, HostHook, HostId, Installed,
    LockHolder, Operator, Phase, PhaseHook, Pooling, RelayFailed, RelayStarted, ReleaseId, RollBackTarget, Squeeze,
    StageName, Verdict,
};
use crate::plan::Plan;

/// Says where a gate was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateScope {
    /// On a host, after its switch.
    Host,
    /// For a whole stage, during its soak.
    Stage,
    /// For a whole stage, before it started.
    Baseline,
}

/// Says what happened; the state of a rollout is a fold over these.
///
/// What is read and written is a [`Record`](super::Record), which has the kind of its event and the fields of that beside its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The rollout exists.
    RolloutPlanned {
        /// Its place among the rollouts of its state folder: greater than that of all that were there before it, whatever clocks
        /// said. None until it has a journal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u64>,
        /// All that it is going to do.
        plan: Arc<Plan>,
    },
    /// The release is in the store.
    ReleaseBuilt {
        /// Its id.
        release: ReleaseId,
        /// How many entries it has.
        entries: usize,
        /// How large it is.
        bytes: Bytes,
        /// Whether an earlier build was used.
        reused: bool,
        /// When its version was tagged; none for a commit without a tag.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tagged: Option<Timestamp>,
        /// How long it took to have it, in seconds: the fetch, and the build where there was none.
        #[serde(default, rename = "took_s", skip_serializing_if = "Option::is_none")]
        took: Option<f64>,
    },
    /// A host gave its lock, and told what it has.
    HostProbed {
        /// The host.
        host: HostId,
        /// What stands where the link belongs.
        installed: Installed,
        /// Where it goes back to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        good: Option<RollBackTarget>,
        /// How long the answer took, in milliseconds; written in seconds.
        #[serde(rename = "latency_s", default, with = "crate::model::seconds::of_milliseconds")]
        latency_ms: u64,
    },
    /// A dead rollout's lock on a host was taken over.
    LockTakenOver {
        /// The host.
        host: HostId,
        /// Who held it.
        holder: Box<LockHolder>,
    },
    /// A host's lock is not this rollout's any more; nothing more is done to it.
    LockLost {
        /// The host.
        host: HostId,
        /// Who has it, or had it since; none where the host does not know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<Box<LockHolder>>,
    },
    /// Every host that could give its lock gave it.
    Locked {
        /// How many.
        hosts: usize,
    },
    /// A stage's hosts are about to be switched.
    StageStarted {
        /// The stage.
        stage: StageName,
    },
    /// A stage has no host to switch.
    StageSkipped {
        /// The stage.
        stage: StageName,
    },
    /// The hosts of a wave are about to be switched.
    WaveStarted {
        /// The stage.
        stage: StageName,
        /// Which of its waves, from 1.
        wave: usize,
        /// How many hosts it has.
        hosts: usize,
    },
    /// A host has come further.
    HostPhase {
        /// The host.
        host: HostId,
        /// How far.
        phase: Phase,
        /// What travelled to it, when it was primed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<Bytes>,
        /// Whether it was so already.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        already: bool,
        /// Whether what it went back to could not be proven, for want of room.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unproven: bool,
        /// What brought it, where that was not the deploy server alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carrier: Option<Carrier>,
        /// From which host it came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        relay: Option<HostId>,
    },
    /// A host passes on to others what it got.
    RelayStarted(RelayStarted),
    /// A relay is not asked any more by this conductor: its hosts get what travels some other way.
    RelayFailed(RelayFailed),
    /// What travels did not come to a host one way, and the next is tried.
    CarrierFailed(CarrierFailed),
    /// Bytes travel to a host; live only, never journaled.
    HostProgress {
        /// The host.
        host: HostId,
        /// What has arrived.
        bytes: Bytes,
        /// What travels in all.
        total: Bytes,
        /// Bytes a second.
        rate: Bytes,
        /// Seconds that are left at that rate; null while nothing moves.
        #[serde(default)]
        eta: Option<u64>,
    },
    /// Hosts have kept everybody waiting for some seconds; live only, never journaled.
    HostsAwaited {
        /// Which.
        hosts: Vec<HostId>,
        /// For how many seconds at most, from now on.
        at_most_s: u64,
        /// What goes on without one of them; empty where nothing does, since all of them are being switched.
        without: String,
    },
    /// Fewer connections are opened at once on one way to hosts, since something there pushed back; or as many as ever again.
    ConnectionsSqueezed(Squeeze),
    /// A host failed.
    HostFailed {
        /// The host.
        host: HostId,
        /// Which budget it counts against.
        class: FailureClass,
        /// What happened, in one line without the host's name.
        message: String,
        /// What to try.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
        /// The last lines that the host printed.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        output: String,
    },
    /// A host is tried again.
    HostRetried {
        /// The host.
        host: HostId,
        /// Who asked for it.
        by: Operator,
    },
    /// A host is left out from here on.
    HostSkipped {
        /// The host.
        host: HostId,
        /// Why.
        reason: String,
        /// Whether another rollout was there since: it does not go back with the others either.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        overtaken: bool,
    },
    /// A person asks for a host to be taken out of service, or back into it; what came of it is told by an event of its own.
    ServiceAsked {
        /// The host.
        host: HostId,
        /// What is to be done.
        what: Pooling,
        /// Who asks.
        by: Operator,
        /// Why, where somebody said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A host was taken out of service, or could not be.
    HostDepooled {
        /// The host.
        host: HostId,
        /// Who asked for it; none when the rollout did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Operator>,
        /// Why, where a person asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Why it could not be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A host was put back into service, or could not be.
    HostRepooled {
        /// The host.
        host: HostId,
        /// Who asked for it; none when the rollout did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Operator>,
        /// Why, where a person asked and said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Why it could not be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A gate answered.
    GateResult {
        /// The gate.
        gate: GateName,
        /// Where it was asked.
        scope: GateScope,
        /// For which stage.
        stage: StageName,
        /// On which host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<HostId>,
        /// What it found.
        verdict: Verdict,
        /// The number that it printed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<f64>,
        /// Why it did not pass.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        message: String,
        /// Whether it is told but never decides.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dry: bool,
    },
    /// A command of the site before or after a phase ran.
    HookRan {
        /// Which.
        hook: PhaseHook,
        /// Of which stage; none where it is about all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stage: Option<StageName>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A command of the site before or after a host's way back failed, which is only told; of another hook of a host it is the host
    /// that failed.
    HostHookFailed {
        /// The host.
        host: HostId,
        /// Which.
        hook: HostHook,
        /// Why it failed.
        error: String,
    },
    /// A stage must stay healthy until then.
    SoakStarted {
        /// The stage.
        stage: StageName,
        /// When the soak ends.
        until: Timestamp,
    },
    /// A person gave the stage that soaks another end.
    SoakChanged {
        /// The stage.
        stage: StageName,
        /// When the soak ends now.
        until: Timestamp,
        /// Who said so.
        by: Operator,
        /// Why.
        reason: String,
        /// Whether the stage is promoted then, whatever it would have waited for but its gates.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        promotes: bool,
    },
    /// A person lets nothing follow a stage until a person promotes it.
    Held {
        /// The stage.
        stage: StageName,
        /// Who said so.
        by: Operator,
        /// Why.
        reason: String,
    },
    /// A stage waits for a person.
    PromotionNeeded {
        /// The stage that is done.
        stage: StageName,
    },
    /// A stage is done and the next may start.
    Promoted {
        /// The stage that is done.
        stage: StageName,
        /// Who promoted it; none when its soak and gates did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Operator>,
        /// Why, where somebody said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// No new host is started until a command comes.
    Paused {
        /// Why.
        why: PauseReason,
    },
    /// The rollout goes on.
    Continued {
        /// Who said so.
        by: Operator,
    },
    /// No new host is started; those under way finish, and then comes what the policy says.
    Stopping {
        /// Why.
        why: PauseReason,
    },
    /// The rollout is to end as it stands.
    AbortRequested {
        /// Who said so.
        by: Operator,
    },
    /// Every switched host goes back.
    RollbackStarted {
        /// Who said so; none when the policy did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Operator>,
        /// How many hosts go back.
        hosts: usize,
    },
    /// The conductor was told to stop; the rollout can be resumed.
    Suspended {
        /// Who said so.
        by: Operator,
    },
    /// Another conductor goes on.
    Resumed {
        /// Who started it.
        by: Operator,
    },
    /// The release is good on every host that is healthy; there is none such event where no target is.
    ReleaseFinalized {
        /// Its id.
        release: ReleaseId,
        /// On how many targets.
        hosts: usize,
        /// On how many masters beside them.
        #[serde(default, skip_serializing_if = "is_zero")]
        masters: usize,
    },
    /// The rollout is over.
    RolloutFinished {
        /// How it ended.
        outcome: Outcome,
        /// What the process answers.
        exit_code: u8,
        /// How many hosts ended how.
        counts: BTreeMap<HostEnd, usize>,
        /// The hosts that should have the release and do not.
        debt: Vec<Debt>,
    },
    /// Something that a later version of coalmine writes and this one does not know.
    #[serde(other)]
    Unknown,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Event {
    /// Says that a host failed.
    #[must_use]
    pub fn host_failed(host: HostId, failure: Failure) -> Self {
        let Failure { class, message, hint, output, here: _ } = failure;
        Self::HostFailed { host, class, message, hint, output }
    }

    /// Says that a host has come further, with nothing to add.
    #[must_use]
    pub const fn host_phase(host: HostId, phase: Phase) -> Self {
        Self::HostPhase { host, phase, bytes: None, already: false, unproven: false, carrier: None, relay: None }
    }

    /// Tells whether the event belongs in the journal; what is not journaled changes no state.
    #[must_use]
    pub const fn is_journaled(&self) -> bool {
        !matches!(self, Self::HostProgress { .. } | Self::HostsAwaited { .. })
    }
}

impl From<CarrierNews> for Event {
    fn from(news: CarrierNews) -> Self {
        match news {
            CarrierNews::RelayStarted(started) => Self::RelayStarted(started),
            CarrierNews::RelayFailed(failed) => Self::RelayFailed(failed),
            CarrierNews::Failed(failed) => Self::CarrierFailed(failed),
        }
    }
}
