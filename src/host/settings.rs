use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::model::{Address, Bytes, Compress, HostId, HostKeys, PackWhen, ReleaseId, Slot, Verify};
use crate::swarm;

/// Says how hosts are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshSettings {
    /// The ssh configuration, as `-F` names it; none is the user's and the system's.
    pub config: Option<PathBuf>,
    /// Who logs in; none is what the host's address says, or ssh's own choice.
    pub user: Option<String>,
    /// How hosts are reached whose name does not say it all.
    pub addresses: HashMap<HostId, Address>,
    /// How long a host may take to answer a connection with its banner.
    pub connect_timeout: Duration,
    /// After this long without a word the host is asked for one; after three of them it is lost.
    pub alive: Duration,
    /// Connections being opened at once.
    pub connects: usize,
    /// Connections held open at once; idle ones are closed for others.
    pub sessions: usize,
    /// Scripts that run at once.
    pub execs: usize,
    /// Which host keys are taken.
    pub host_keys: HostKeys,
    /// Key exchange algorithms, as ssh's `KexAlgorithms` takes them; none is ssh's own choice.
    pub kex: Option<String>,
    /// How long a connection lives on without use when this process died; ssh's `ControlPersist`.
    pub persist: Duration,
    /// What processes of this user have in common that share their connections, as a folder; none shares none.
    pub share: Option<PathBuf>,
    /// How long what is shared lives on without use after this process, for the next one; zero ends it with this process.
    pub keep: Duration,
}

impl Default for SshSettings {
    fn default() -> Self {
        Self {
            config: None,
            user: None,
            addresses: HashMap::new(),
            connect_timeout: Duration::from_secs(10),
            alive: Duration::from_secs(15),
            connects: 30,
            sessions: 256,
            execs: 256,
            host_keys: HostKeys::Strict,
            kex: None,
            persist: Duration::from_secs(300),
            share: None,
            keep: Duration::ZERO,
        }
    }
}

impl SshSettings {
    /// Gives the time after which a silent host is lost: three times [`SshSettings::alive`].
    #[must_use]
    pub const fn silence(&self) -> Duration {
        self.alive.saturating_mul(3)
    }
}

/// Says where carriers find what they bring; what is tried for which host is the plan's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierSettings {
    /// The ports of which a relay takes the first that is free.
    pub ports: RangeInclusive<u16>,
    /// The most bytes a second that one relay sends in all; none is no limit.
    pub relay_bandwidth: Option<Bytes>,
    /// Where a pack is fetched, with `{pack}` in it.
    pub http: Option<String>,
    /// What fetches one on a host, as its shell reads it.
    pub command: Option<String>,
    /// What puts one where hosts find it, on this machine.
    pub publish: Option<Vec<String>>,
    /// Where a swarm listens, here and on hosts, and how much each of them sends.
    pub swarm: swarm::Settings,
}

impl Default for CarrierSettings {
    fn default() -> Self {
        Self {
            ports: 20_000..=20_099,
            relay_bandwidth: None,
            http: None,
            command: None,
            publish: None,
            swarm: swarm::Settings { ports: 6881..=6999, address: None, upload: None },
        }
    }
}

/// Says how releases travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferSettings {
    /// The most bytes a second to one host; none is no limit.
    pub bandwidth: Option<Bytes>,
    /// No byte for this long: the transfer failed.
    pub stall: Duration,
    /// The longest that one transfer may take, however well it goes.
    pub deadline: Duration,
    /// How many more attempts there are after a lost link.
    pub retries: u32,
    /// When files are compressed.
    pub compress: Compress,
    /// When it is packed.
    pub packs: PackWhen,
    /// What carriers need to know beside the deploy server's own.
    pub carriers: CarrierSettings,
    /// What is hashed on the host.
    pub verify: Verify,
    /// After how long what was proven on a host is hashed again though nothing of it was touched; zero is always, none never.
    pub rehash: Option<Duration>,
    /// Transfers at once.
    pub at_once: usize,
}

impl Default for TransferSettings {
    fn default() -> Self {
        Self {
            bandwidth: None,
            stall: Duration::from_secs(60),
            deadline: Duration::from_secs(3600),
            retries: 2,
            compress: Compress::Auto,
            packs: PackWhen::default(),
            carriers: CarrierSettings::default(),
            verify: Verify::Full,
            rehash: None,
            at_once: 64,
        }
    }
}

/// Says where releases are on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSettings {
    /// The folder that holds everything; relative is to the login folder.
    pub root: PathBuf,
    /// The link under the root that activation switches.
    pub current: String,
    /// The slots whose versions have links of their names.
    pub slots: Vec<Slot>,
    /// What such a link is named, with `{version}` where the version stands; none has none.
    pub version_link: Option<String>,
    /// How many releases are kept.
    pub keep: usize,
    /// What every command on the host is put behind: `sudo -n -u scap`.
    pub r#become: Vec<String>,
    /// What an unmanaged host runs to tell its version.
    pub version_command: Option<String>,
    /// The name by which people run the product, looked for in PATH: a file of a release's `bin`.
    pub tool: Option<String>,
}

/// Tells why settings make no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The link's name is none.
    #[error(
        "target.current is {0:?}: it is the name of one link under target.root, without a slash, and not `releases`"
    )]
    Current(String),
    /// The root's name is none.
    #[error("target.root is {0:?}: it is the path of a folder")]
    Root(PathBuf),
}

impl TargetSettings {
    /// Names the link of a version that is to lead to a slot; none where the slot has none.
    #[must_use]
    pub fn name_of(&self, slot: Option<&Slot>, release: &ReleaseId) -> Option<String> {
        let pattern = self.version_link.as_ref().filter(|_| slot.is_some_and(|slot| self.slots.contains(slot)))?;
        Some(pattern.replace("{version}", release.version().as_str()))
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    ///
    /// When the root is empty, or the link's name is not the name of one file under it.
    pub fn check(&self) -> Result<(), SettingsError> {
        let current = self.current.as_str();
        let is_name = !matches!(current, "" | "." | ".." | "releases" | ".coalmine")
            && current.trim() == current
            && !current.contains('/')
            && !current.chars().any(char::is_control);
        if !is_name {
            return Err(SettingsError::Current(current.to_owned()));
        }
        if self.root.as_os_str().is_empty() || self.root.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(SettingsError::Root(self.root.clone()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::TargetSettings;

    fn target(current: &str) -> TargetSettings {
        TargetSettings {
            root: "/srv/x".into(),
            current: current.into(),
            slots: Vec::new(),
            version_link: None,
            keep: 5,
            r#become: Vec::new(),
            version_command: None,
            tool: None,
        }
    }

    #[test]
    fn a_link_that_is_not_one_name_under_the_root_is_refused() {
        for wrong in ["", ".", "..", "a/b", "/a", "releases", ".coalmine", "a\nb", " a"] {
            assert!(target(wrong).check().is_err(), "{wrong:?} was taken");
        }
        for right in ["scap", "current version", "-x"] {
            target(right).check().unwrap();
        }
    }
}
