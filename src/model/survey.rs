use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Digest, HostLock, ReleaseId, RolloutId, Slot};

/// Tells what a host runs compared with the release that it should run; the words are those of `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// It runs the release, file for file.
    Current,
    /// It runs an older release.
    Outdated,
    /// It runs a newer release.
    Ahead,
    /// Its files are not those of the release that it says it runs.
    Drifted,
    /// It runs nothing.
    Missing,
    /// It runs something that coalmine did not install.
    Unmanaged,
    /// It could not be asked.
    Unreachable,
    /// It was asked and its answer could not be understood.
    Unknown,
}

impl HostState {
    /// Every state, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::Current,
        Self::Outdated,
        Self::Ahead,
        Self::Drifted,
        Self::Missing,
        Self::Unmanaged,
        Self::Unreachable,
        Self::Unknown,
    ];

    /// Gives the word of `status --output json`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Outdated => "outdated",
            Self::Ahead => "ahead",
            Self::Drifted => "drifted",
            Self::Missing => "missing",
            Self::Unmanaged => "unmanaged",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for HostState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Tells what stands where the current link belongs.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Installed {
    /// Nothing.
    #[default]
    Missing,
    /// A link to a release of coalmine's.
    Release {
        /// Its id, as the link has it.
        id: ReleaseId,
        /// The digest of its manifest, as the host computed it; none when the manifest is gone.
        digest: Option<Digest>,
        /// How its files differ from its manifest, in one line; none when they were not compared or do not differ.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drift: Option<String>,
    },
    /// A real folder, or a link that coalmine did not make.
    Unmanaged {
        /// What `build.version_command` answered there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
}

impl Installed {
    /// Gives the release that the link names.
    #[must_use]
    pub const fn release(&self) -> Option<&ReleaseId> {
        match self {
            Self::Release { id, .. } => Some(id),
            Self::Missing | Self::Unmanaged { .. } => None,
        }
    }
}

/// Tells what stood in the link's place before coalmine's first release came: kept until a person removes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// Where it is, as the host has it: what the link named, or the release as which a folder was kept.
    pub place: String,
    /// Whether it was removed since.
    #[serde(default)]
    pub gone: bool,
}

impl Adopted {
    /// Gives the release as which a folder was kept; none where a link was.
    #[must_use]
    pub fn release(&self) -> Option<ReleaseId> {
        self.place.strip_prefix("releases/")?.parse().ok()
    }
}

/// Tells what a host's word for the files of a release rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestsOn {
    /// Every file was hashed for this answer.
    Hashes,
    /// Every file was hashed before, and the metadata of none has changed since.
    Metadata,
}

/// Tells how it is known that the files of what a host runs are those of its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proof {
    /// What was looked at for this answer.
    pub rests_on: RestsOn,
    /// When every file was hashed, by the host's clock.
    pub hashed_at: Timestamp,
}

/// Tells what a host remembers of a slot, and who uses it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedSlot {
    /// The slot.
    pub slot: Slot,
    /// The link of its version's name, which leads to the slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The rollout that finalized what it has; none where that was not finalized, or gone back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<RolloutId>,
    /// Links of the site's own that lead to the slot, or to its version's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<String>,
}

/// Holds what a host answered when it was asked what it has.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// What stands where the current link belongs.
    pub installed: Installed,
    /// How it is known that its files are those of the release; none where they were not looked at, or are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// The release that was last finalized there: where a rollback goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<ReleaseId>,
    /// The release that was good before that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ReleaseId>,
    /// What was good before those, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<ReleaseId>,
    /// What was good there once and was left by a way back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad: Vec<ReleaseId>,
    /// The release that it was switched to and that was not finalized there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<ReleaseId>,
    /// What was there before the first release came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adopted>,
    /// The rollout that switched it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutId>,
    /// Its lock, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<HostLock>,
    /// Why nothing may be switched there: the root is another link's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub astray: Option<String>,
    /// The whole releases that it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<ReleaseId>,
    /// The digests of those of them whose manifests were hashed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub digests: Vec<Digest>,
    /// The links beside the one that was asked for, with the release that each names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<(Slot, ReleaseId)>,
    /// What is known of those of them that coalmine made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<NamedSlot>,
    /// Facts that decide whether a release can run there: `python3` → `3.11.2`, `rsync` → `3.2.7`, `os` → `debian-12`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<(String, String)>,
    /// What of the product is there beside what coalmine installs: a package's copy. Asked of hosts without a release, and for ways back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packaged: Option<Packaged>,
    /// What a login shell there runs by the product's name; none where that was not asked, or a release has nothing of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<ToolPath>,
    /// The names of those entries of what it runs that differ from their manifest, the first hundred; asked of one host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<String>,
    /// The names of entries that should not be there, the first hundred; asked of one host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surplus: Vec<String>,
    /// The last lines of its own log, the latest last; asked of one host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// How long the answer took.
    #[serde(default)]
    pub latency: Duration,
}

/// Names a copy of the product that somebody else installed, as a package's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packaged {
    /// Where it is.
    pub path: String,
    /// What `build.version_command` answered there; none where that runs by a path of a release's own, or was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Says what a login shell runs by the product's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolPath {
    /// What the current link leads to, by this path.
    Ours(String),
    /// Something else, which shadows it.
    Other(String),
    /// Nothing: the release is run by its path.
    Nothing,
}

/// What to try where a root is another link's.
pub const ASTRAY: &str = "each product needs a target.root of its own; where target.current was renamed, rename the link in that folder too: \
     mv -T OLD NEW, and ln -s NEW OLD for whoever still uses the old name";

impl Probe {
    /// Gives what was finalized there and not left by a way back since, the latest first.
    pub fn goods(&self) -> impl Iterator<Item = &ReleaseId> {
        let all: Vec<&ReleaseId> = self.good.iter().chain(&self.previous).chain(&self.was).collect();
        let first =
            move |at: usize, id: &ReleaseId, all: &[&ReleaseId]| all.iter().position(|other| *other == id) == Some(at);
        let kept: Vec<&ReleaseId> =
            all.iter().enumerate().filter(|(at, id)| first(*at, id, &all)).map(|(_, id)| *id).collect();
        kept.into_iter()
    }

    /// Gives every release that was ever finalized there, as far as the host remembers: also what was left since.
    pub fn ever_good(&self) -> impl Iterator<Item = &ReleaseId> {
        self.goods().chain(&self.bad)
    }

    /// Tells whether it runs what was there before the first release came.
    #[must_use]
    pub fn runs_adopted(&self) -> bool {
        match &self.installed {
            Installed::Unmanaged { .. } => true,
            Installed::Missing => false,
            Installed::Release { id, .. } => {
                self.adopted.as_ref().and_then(Adopted::release).is_some_and(|adopted| adopted == *id)
            }
        }
    }

    /// Gives the digest of a release, as the host computed it.
    #[must_use]
    pub fn digest_of(&self, release: &ReleaseId) -> Option<Digest> {
        let running = match &self.installed {
            Installed::Release { id, digest, .. } if id == release => *digest,
            Installed::Release { .. } | Installed::Missing | Installed::Unmanaged { .. } => None,
        };
        let known = || self.digests.iter().find(|digest| release.has_digest(digest)).copied();
        running.filter(|digest| release.has_digest(digest)).or_else(known)
    }

    /// Tells whether the host runs a release, file for file, and has it finalized.
    #[must_use]
    pub fn is_current(&self, release: &ReleaseId, digest: &Digest) -> bool {
        let runs = match &self.installed {
            Installed::Release { id, digest: found, drift } => {
                id == release && found.as_ref() == Some(digest) && drift.is_none()
            }
            Installed::Missing | Installed::Unmanaged { .. } => false,
        };
        runs && self.good.as_ref() == Some(release)
    }
}
