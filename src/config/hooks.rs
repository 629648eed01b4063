//! The site's own commands: which there are, each by the key that has it.

use std::time::Duration;

use serde::Deserialize;

use super::duration::Positive;
use super::leaf::leaf;
use super::schema::Presence::Default;
use super::schema::{Section, table, value};
use super::template::CommandTemplate;
use super::text::Endpoint;
use crate::model::{HostHook, PhaseHook};

pub(super) static HOOKS: Section = Section {
    keys: &[
        value::<Option<CommandTemplate>>(
            "depool",
            Default("[]"),
            r#"for a host that failed and was not led back, e.g. ["confctl", "select", "name={host}", "set/pooled=no"]"#,
        ),
        value::<Option<CommandTemplate>>(
            "repool",
            Default("[]"),
            r#"for one that was taken out once its gates pass, e.g. ["confctl", "select", "name={host}", "set/pooled=yes"]"#,
        ),
        value::<Option<CommandTemplate>>(
            "announce",
            Default("[]"),
            r#"e.g. ["logmsg"]: the message on its standard input"#,
        ),
        table(
            "before",
            &PHASE_HOOKS,
            "What runs on this machine before each phase of a rollout; host_…: before each host's.",
        ),
        table(
            "after",
            &PHASE_HOOKS,
            "What runs on this machine after each phase of a rollout; host_…: after each host's.",
        ),
        value::<Option<Endpoint>>("irc", Default(r#""""#), "HOST:PORT of a tcpircbot: one line over TCP"),
        value::<Positive>("timeout", Default(r#""30s""#), "a hook that takes longer failed"),
    ],
};

static PHASE_HOOKS: Section = Section {
    keys: &[
        value::<Option<CommandTemplate>>("lock", Default("[]"), "taking the hosts' locks, which surveys them"),
        value::<Option<CommandTemplate>>("prime", Default("[]"), "putting the release on hosts"),
        value::<Option<CommandTemplate>>("switch", Default("[]"), "switching the hosts of a stage: {stage}, {hosts}"),
        value::<Option<CommandTemplate>>("soak", Default("[]"), "the soak and the gates of a stage: {stage}, {hosts}"),
        value::<Option<CommandTemplate>>("finalize", Default("[]"), "the release becoming good; its end is only told"),
        value::<Option<CommandTemplate>>("rollback", Default("[]"), "switched hosts going back; only told"),
        value::<Option<CommandTemplate>>("host_prime", Default("[]"), "the transfer to one host: {host}"),
        value::<Option<CommandTemplate>>("host_switch", Default("[]"), "the switch of one host: {host}"),
        value::<Option<CommandTemplate>>("host_rollback", Default("[]"), "the way back of one host: {host}; only told"),
    ],
};

/// Holds the site's own commands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    /// Takes a host out of service that failed and was not led back, or that a person names; none is taken out for its switch.
    #[serde(deserialize_with = "leaf")]
    pub depool: Option<CommandTemplate>,
    /// Takes it back in, when its gates have passed or a person says so.
    #[serde(deserialize_with = "leaf")]
    pub repool: Option<CommandTemplate>,
    /// Gets each message on its standard input.
    #[serde(deserialize_with = "leaf")]
    pub announce: Option<CommandTemplate>,
    /// What runs before phases.
    pub before: PhaseHooks,
    /// What runs after phases.
    pub after: PhaseHooks,
    /// Gets each message as a line over TCP.
    #[serde(deserialize_with = "leaf")]
    pub irc: Option<Endpoint>,
    /// How long any of them may take.
    #[serde(deserialize_with = "leaf")]
    pub timeout: Duration,
}

/// Names what runs on this machine on one side of each phase; none is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseHooks {
    /// Taking the locks.
    #[serde(deserialize_with = "leaf")]
    pub lock: Option<CommandTemplate>,
    /// Putting the release on hosts.
    #[serde(deserialize_with = "leaf")]
    pub prime: Option<CommandTemplate>,
    /// Switching the hosts of a stage.
    #[serde(deserialize_with = "leaf")]
    pub switch: Option<CommandTemplate>,
    /// The soak and the gates of a stage.
    #[serde(deserialize_with = "leaf")]
    pub soak: Option<CommandTemplate>,
    /// The release becoming good.
    #[serde(deserialize_with = "leaf")]
    pub finalize: Option<CommandTemplate>,
    /// Switched hosts going back.
    #[serde(deserialize_with = "leaf")]
    pub rollback: Option<CommandTemplate>,
    /// The transfer to one host.
    #[serde(deserialize_with = "leaf")]
    pub host_prime: Option<CommandTemplate>,
    /// The switch of one host.
    #[serde(deserialize_with = "leaf")]
    pub host_switch: Option<CommandTemplate>,
    /// The way back of one host.
    #[serde(deserialize_with = "leaf")]
    pub host_rollback: Option<CommandTemplate>,
}

impl Hooks {
    /// Gives the command of a hook of a phase.
    #[must_use]
    pub const fn of_phase(&self, hook: PhaseHook) -> Option<&CommandTemplate> {
        match hook {
            PhaseHook::BeforeLock => self.before.lock.as_ref(),
            PhaseHook::AfterLock => self.after.lock.as_ref(),
            PhaseHook::BeforePrime => self.before.prime.as_ref(),
            PhaseHook::AfterPrime => self.after.prime.as_ref(),
            PhaseHook::BeforeSwitch => self.before.switch.as_ref(),
            PhaseHook::AfterSwitch => self.after.switch.as_ref(),
            PhaseHook::BeforeSoak => self.before.soak.as_ref(),
            PhaseHook::AfterSoak => self.after.soak.as_ref(),
            PhaseHook::BeforeFinalize => self.before.finalize.as_ref(),
            PhaseHook::AfterFinalize => self.after.finalize.as_ref(),
            PhaseHook::BeforeRollback => self.before.rollback.as_ref(),
            PhaseHook::AfterRollback => self.after.rollback.as_ref(),
        }
    }

    /// Gives the command of a hook of a host.
    #[must_use]
    pub const fn of_host(&self, hook: HostHook) -> Option<&CommandTemplate> {
        match hook {
            HostHook::BeforePrime => self.before.host_prime.as_ref(),
            HostHook::AfterPrime => self.after.host_prime.as_ref(),
            HostHook::BeforeSwitch => self.before.host_switch.as_ref(),
            HostHook::AfterSwitch => self.after.host_switch.as_ref(),
            HostHook::BeforeRollback => self.before.host_rollback.as_ref(),
            HostHook::AfterRollback => self.after.host_rollback.as_ref(),
        }
    }
}
