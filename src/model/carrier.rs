use std::fmt;

use serde::{Deserialize, Serialize};

use super::host::HostId;

/// Says what brings a pack to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// All hosts that have some of it, by BitTorrent.
    Torrent,
    /// Another host of its site, which got it first.
    Relay,
    /// A web server, a cache or an object store of the site's.
    Http,
    /// The site's own command, on the host.
    Command,
    /// The deploy server itself, over ssh.
    Direct,
}

impl Carrier {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Torrent, Self::Relay, Self::Http, Self::Command, Self::Direct];

    /// Gives its word, as the configuration, plans and events have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Torrent => "torrent",
            Self::Relay => "relay",
            Self::Http => "http",
            Self::Command => "command",
            Self::Direct => "direct",
        }
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Tells how a pack came to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// What brought it.
    pub by: Carrier,
    /// From which relay it came.
    pub relay: Option<HostId>,
}

/// Tells that a relay serves its hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayStarted {
    /// The relay.
    pub host: HostId,
    /// Where its hosts reach it.
    pub address: String,
    /// How many hosts may come to it.
    pub hosts: usize,
}

/// Tells that a relay is not asked any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayFailed {
    /// The relay.
    pub host: HostId,
    /// Why.
    pub message: String,
}

/// Tells that a host did not get what travels one way, and tries the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierFailed {
    /// The host.
    pub host: HostId,
    /// Which way.
    pub carrier: Carrier,
    /// From which relay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<HostId>,
    /// Why.
    pub message: String,
}

/// Tells what became of carriers while a release travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierNews {
    /// A relay serves its hosts.
    RelayStarted(RelayStarted),
    /// A relay is not asked any more.
    RelayFailed(RelayFailed),
    /// A host did not get its pack one way, and tries the next.
    Failed(CarrierFailed),
}
