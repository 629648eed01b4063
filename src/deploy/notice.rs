use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::expr::fold;
use crate::model::{HostId, ReleaseId, Squeeze, Version};
use crate::release::Progress;

/// How many hosts are worth naming.
const MOST_NAMES: usize = 40;

/// Tells what happens meanwhile, and what is worth knowing and stops nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A release is looked for or made.
    Release(Progress),
    /// The release is taken as it was built before, or built now.
    Making {
        /// Its version.
        version: Version,
        /// Whether it was built before.
        built: bool,
    },
    /// Hosts are asked what they have.
    Surveying {
        /// How many.
        hosts: usize,
    },
    /// Hosts let everybody wait.
    Silent {
        /// Those that did not answer yet.
        hosts: Vec<HostId>,
        /// How many were asked.
        asked: usize,
        /// For how long they are waited for at most, once that is known.
        at_most: Option<Duration>,
    },
    /// Something pushes back when connections are opened, or does no more.
    Squeezed(Squeeze),
    /// Another holds the environment, and is waited for.
    Waiting {
        /// Who, and since when.
        held: String,
        /// For how many seconds it is still waited for.
        left_s: u64,
    },
    /// A rollout waits to be resumed, which a new one overtakes.
    Overtaking {
        /// Which, and how to go on with it.
        waits: String,
    },
    /// Something that a deployer should know.
    Warning {
        /// One sentence.
        text: String,
    },
    /// This machine has nothing to compare hosts with.
    NeverBuilt {
        /// Of this version.
        version: Version,
    },
    /// A verdict could not be kept.
    Forgotten {
        /// About this release.
        release: ReleaseId,
        /// Why.
        why: String,
    },
}

impl Notice {
    /// Warns of something.
    pub(super) fn warning(text: impl fmt::Display) -> Self {
        Self::Warning { text: text.to_string() }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(progress) => write!(f, "{progress:?}"),
            Self::Making { version, built: true } => write!(f, "checking what was built of {version}"),
            Self::Making { version, built: false } => write!(f, "building {version}"),
            Self::Surveying { .. } => f.write_str("asking hosts what they run"),
            Self::Silent { hosts, asked, at_most } => {
                let at_most = at_most.map(|left| format!(", at most {} s more", left.as_secs().max(1)));
                let at_most = at_most.unwrap_or_default();
                if hosts.len() > MOST_NAMES {
                    return write!(f, "waiting for {} of {asked} hosts{at_most}", hosts.len());
                }
                let names = fold(hosts);
                write!(f, "waiting for {names}{at_most} (-x {names} goes ahead without)")
            }
            Self::Squeezed(squeeze) => squeeze.fmt(f),
            Self::Waiting { held, left_s } => write!(f, "waiting: {held}; {left_s} s are left"),
            Self::Overtaking { waits } => write!(f, "{waits}; a new one overtakes it"),
            Self::Warning { text } => write!(f, "warning: {text}"),
            Self::NeverBuilt { version } => {
                write!(f, "{version} was never built here: what hosts of that version run cannot be proven")
            }
            Self::Forgotten { release, why } => {
                write!(f, "warning: what the rollout found out about {release} is not remembered: {why}")
            }
        }
    }
}

/// Takes notices; it is called from any thread, and should return soon.
pub type Listener = Arc<dyn Fn(Notice) + Send + Sync>;
