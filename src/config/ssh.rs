//! How hosts are reached.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;
use toml::Value;

use super::duration::Positive;
use super::leaf::{Form, Leaf, Refused, leaf};
use super::schema::Presence::Default;
use super::schema::{Section, value};
use super::text::{KexAlgorithms, LocalPath};
use crate::model::HostKeys;

pub(super) static SSH: Section = Section {
    keys: &[
        value::<Option<LocalPath>>("config", Default(r#""""#), "-F; \"\": ssh's own"),
        value::<Positive>(
            "connect_timeout",
            Default(r#""10s""#),
            "a host that has not answered by then is unreachable",
        ),
        value::<Positive>("alive", Default(r#""15s""#), "a host that answers nothing for three of these is lost"),
        value::<NonZeroUsize>("connects", Default("30"), "connections being opened at once"),
        value::<NonZeroUsize>("sessions", Default("256"), "connections held open at once"),
        value::<HostKeys>("host_keys", Default(r#""strict""#), "or \"accept-new\"; never \"no\""),
        value::<Option<KexAlgorithms>>("kex", Default(r#""""#), "KexAlgorithms; \"\": ssh's own choice"),
        value::<bool>(
            "share",
            Default("true"),
            "use connections that a conductor, console or command of yours has open",
        ),
        value::<Persist>(
            "persist",
            Default(r#""0s""#),
            "ControlPersist: how long they stay, unused, for your next command; \"0s\": they end with the one that opened them",
        ),
    ],
};

/// Says how hosts are reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ssh {
    /// The file that ssh takes in place of its own, as its `-F`.
    #[serde(deserialize_with = "leaf")]
    pub config: Option<LocalPath>,
    /// How long a host may take to answer.
    #[serde(deserialize_with = "leaf")]
    pub connect_timeout: Duration,
    /// How often a sign of life is asked for; a host that misses three is lost.
    #[serde(deserialize_with = "leaf")]
    pub alive: Duration,
    /// How many connections are being opened at once.
    pub connects: NonZeroUsize,
    /// How many connections are held open at once.
    pub sessions: NonZeroUsize,
    /// Which hosts' keys are taken.
    #[serde(deserialize_with = "leaf")]
    pub host_keys: HostKeys,
    /// The key exchange; none is ssh's own choice.
    #[serde(deserialize_with = "leaf")]
    pub kex: Option<KexAlgorithms>,
    /// Whether processes of one user use each other's connections.
    pub share: bool,
    /// How long they stay open, unused, after the process that opened them; zero: not at all.
    #[serde(deserialize_with = "leaf")]
    pub persist: Duration,
}

/// The longest that a connection stays for nobody: it lets whoever is this user in, and asks for no key.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads how long connections stay.
struct Persist;

impl Leaf for Persist {
    const EXPECTED: &'static str = r#"a duration of a day at most, such as "60s" or "10m", or "0s" for none"#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let duration = Duration::read(value).map_err(|_| Refused::Unexpected)?;
        if duration <= LONGEST { Ok(Self) } else { Err(Refused::Unexpected) }
    }
}
