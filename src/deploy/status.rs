use std::cmp::Ordering;

use serde::Serialize;

use super::damage::{in_a_line, unknown_rollouts};
use super::debts::ended_among;
use super::error::Error;
use super::notice::Notice;
use super::service::{OutOfService, unknown as unknown_service};
use super::workspace::Workspace;
use crate::conductor::{self, ConductorError, EnvironmentLock, Freeze, Holder, LockError, seen_frozen, waiting_among};
use crate::journal::Entry;
use crate::model::{
    Commit, Digest, Environment, Failure, FailureClass, FoundBad, HostState, Installed, Operator, Probe, ReleaseId,
    RolloutId, Version,
};
use crate::release::{Recorded, Verdicts, Wanted};
use crate::rollout::Debt;

/// Names the release that hosts are compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WantedRelease {
    /// Its version.
    pub version: Version,
    /// Its commit; none when that is not known.
    pub commit: Option<Commit>,
    /// The digest of its manifest; none when it was never built on this machine.
    pub digest: Option<Digest>,
}

impl WantedRelease {
    /// Names it; where it was never built on this machine, that is whatever would be.
    #[must_use]
    pub fn id(&self) -> ReleaseId {
        let built = self.digest.as_ref().map(|digest| ReleaseId::new(&self.version, digest));
        built.unwrap_or_else(|| ReleaseId::unbuilt(&self.version))
    }
}

/// Holds how an environment stands, beside its hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Who holds its lock on this machine.
    pub lock: Option<Holder>,
    /// Who froze it.
    pub freeze: Option<Freeze>,
    /// The rollout that runs, or waits to be resumed.
    pub rollout: Option<LiveRollout>,
    /// What was found out about the release.
    pub mark: Option<FoundMark>,
    /// The hosts that rollouts should have brought their release and did not, and none did since.
    pub debt: Vec<Debt>,
    /// The hosts that are out of service, as far as coalmine took them out.
    pub out_of_service: Vec<OutOfService>,
    /// What was written down last on the branch that deploy servers share; none where there is no such branch.
    pub recorded: Option<Recorded>,
    /// What of all that is not known, and why: a sentence for each file that cannot be read.
    pub unknown: Vec<String>,
}

/// Names a rollout that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiveRollout {
    /// Its name.
    pub rollout: RolloutId,
    /// What it installs.
    pub version: Version,
    /// Whether it is an emergency.
    pub emergency: bool,
    /// Who started it.
    pub operator: Operator,
    /// Whether a conductor runs it; otherwise it waits to be resumed.
    pub running: bool,
}

impl LiveRollout {
    /// Names the rollout of an entry.
    #[must_use]
    pub fn of(entry: Entry, running: bool) -> Self {
        let Entry { rollout, version, emergency, operator, .. } = entry;
        Self { rollout, version, emergency, operator, running }
    }
}

/// Says what was found out about a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundMark {
    /// `good` or `bad`.
    pub verdict: &'static str,
    /// Why it is bad.
    pub reason: Option<String>,
}

/// Says how a host compares with the release, from what it answered; the second is why, where there is more to say.
///
/// Version text proves nothing, so a host is current only by its files: with the release's digest, and nothing of it changed. Where
/// this machine never built the release, a host that names its version is unknown. A host whose version is neither
/// the release's nor the one that was last finalized there has drifted, whatever its files.
pub fn compare(
    answer: &Result<Probe, Failure>,
    wanted: &WantedRelease,
    order: impl Fn(&Version, &Version) -> Ordering,
) -> (HostState, Option<String>) {
    let (state, why) = compare_files(answer, wanted, order);
    // Whatever its files are, nothing can be done to it before that is mended.
    let astray = answer.as_ref().ok().and_then(|probe| probe.astray.clone());
    (state, astray.or(why))
}

fn compare_files(
    answer: &Result<Probe, Failure>,
    wanted: &WantedRelease,
    order: impl Fn(&Version, &Version) -> Ordering,
) -> (HostState, Option<String>) {
    let probe = match answer {
        Ok(probe) => probe,
        Err(failure) if failure.class == FailureClass::Unreachable && !failure.here => {
            return (HostState::Unreachable, Some(failure.message.clone()));
        }
        Err(failure) => return (HostState::Unknown, Some(failure.message.clone())),
    };
    let (id, digest, drift) = match &probe.installed {
        Installed::Missing => {
            return match &probe.packaged {
                Some(packaged) => {
                    (HostState::Unmanaged, Some(format!("{} was installed by something else", packaged.path)))
                }
                None => (HostState::Missing, None),
            };
        }
        Installed::Unmanaged { .. } => return (HostState::Unmanaged, None),
        Installed::Release { id, digest, drift } => (id, digest, drift),
    };
    if let Some(drift) = drift {
        return (HostState::Drifted, Some(drift.clone()));
    }
    let Some(digest) = digest else {
        return (HostState::Drifted, Some("the manifest of its release is gone".to_owned()));
    };
    if !id.has_digest(digest) {
        return (HostState::Drifted, Some(format!("its manifest has digest {}, not that of its name", digest.short())));
    }
    if *id.version() == wanted.version {
        return match wanted.digest {
            Some(wanted) if wanted == *digest => (HostState::Current, not_good(probe, id)),
            Some(wanted) => {
                let why =
                    format!("another build of it: digest {}, and the release's is {}", digest.short(), wanted.short());
                (HostState::Drifted, Some(why))
            }
            None => (
                HostState::Unknown,
                Some(format!("{} was not built here, so there is nothing to compare with", wanted.version)),
            ),
        };
    }
    if let Some(why) = not_good(probe, id) {
        return (HostState::Drifted, Some(why));
    }
    match order(id.version(), &wanted.version) {
        Ordering::Less => (HostState::Outdated, None),
        Ordering::Greater => (HostState::Ahead, None),
        // Two names of one version, such as 1.0 and 1.0.0.
        Ordering::Equal => (HostState::Drifted, Some("the same version by another name".to_owned())),
    }
}

/// Says what was finalized on a host that runs something else.
fn not_good(probe: &Probe, id: &ReleaseId) -> Option<String> {
    let good = probe.good.as_ref().filter(|good| *good != id)?;
    Some(format!("not finalized there; {good} was"))
}

impl Workspace {
    /// Finds the release that hosts should have; it is not built for that, since a status changes nothing.
    ///
    /// # Errors
    ///
    /// When there is no such commit.
    pub async fn wanted_release(&self, wanted: &Wanted, no_fetch: bool) -> Result<WantedRelease, Error> {
        let resolved = match self.find(wanted, no_fetch).await {
            // A remote that is away is no reason not to say what hosts run.
            Err(error) if !no_fetch => {
                let resolved = self.find(wanted, true).await;
                if resolved.is_ok() {
                    self.notify(Notice::warning(format!("the tags may be old: {error}")));
                }
                resolved?
            }
            found => found?,
        };
        let found = self.store().and_then(|store| Ok(store.find_of(&resolved.version, &resolved.commit)?));
        if let Ok(None) = &found {
            self.notify(Notice::NeverBuilt { version: resolved.version.clone() });
        }
        // Hosts say what they run all the same, only not whether that is right.
        let built = found.unwrap_or_else(|error| {
            self.warn_once(&format!("what was built here is not known: {}", in_a_line(&error)));
            None
        });
        Ok(WantedRelease {
            version: resolved.version,
            commit: Some(resolved.commit),
            digest: built.map(|built| built.digest),
        })
    }

    /// Says what was found against a release: on some hosts, or everywhere; nothing where that cannot be read, which is told.
    #[must_use]
    pub fn found_bad(&self, environment: &Environment, release: &WantedRelease) -> Option<FoundBad> {
        self.known_verdicts(environment).against(&release.id())
    }

    /// Says how an environment stands, beside its hosts. What hosts say of themselves is worth telling without it: what cannot be read
    /// is told, and is among what is unknown.
    pub async fn standing(&self, environment: &Environment, release: &WantedRelease) -> Standing {
        let mut unknown = Vec::new();
        let mut told = |what: String| {
            self.warn_once(&what);
            unknown.push(what);
        };
        let listed = self.rollouts().list();
        unknown_rollouts(&self.rollouts(), &listed).into_iter().for_each(&mut told);
        if listed.is_err() {
            told("nobody knows which rollout runs or waits, who is in debt and who is out of service".to_owned());
        }
        let lock = match self.held_by(environment) {
            Ok(holder) => holder,
            Err(why) => {
                told(why);
                None
            }
        };
        let entries = listed.as_ref().map(|listing| listing.entries.as_slice()).unwrap_or_default();
        let rollout = self.live_rollout(entries, environment).unwrap_or_else(|error| {
            told(format!("which rollout runs or waits is not known: {}", in_a_line(&error)));
            None
        });
        let mut records = self.recorded_if_known(environment).await;
        let debt = match &listed {
            Err(_) => Vec::new(),
            Ok(_) => self.debts_since(&ended_among(entries, environment), None, &records),
        };
        let recorded = records.remove(&None);
        let verdicts = self.verdicts(environment).unwrap_or_else(|error| {
            told(in_a_line(&error));
            Verdicts::default()
        });
        let id = release.id();
        let bad = verdicts.against(&id).map(|bad| FoundMark { verdict: "bad", reason: Some(bad.reason) });
        let mark = bad.or_else(|| verdicts.is_good(&id).then_some(FoundMark { verdict: "good", reason: None }));
        let freeze = seen_frozen(&self.state_dir, environment);
        let out_of_service = match listed {
            Err(_) => Vec::new(),
            Ok(listing) => self.out_of_service_by(listing, environment).unwrap_or_else(|error| {
                told(unknown_service(&error));
                Vec::new()
            }),
        };
        Standing { lock, freeze, rollout, mark, debt, out_of_service, recorded, unknown }
    }

    /// Says who holds an environment on this machine.
    ///
    /// # Errors
    ///
    /// A sentence, when that cannot be read.
    pub fn held_by(&self, environment: &Environment) -> Result<Option<Holder>, String> {
        match conductor::standing(&self.state_dir, environment) {
            Ok(conductor::Standing::Held(holder)) => Ok(holder.map(|holder| *holder)),
            Ok(conductor::Standing::Free) => Ok(None),
            Err(error) => Err(format!("who holds {environment} is not known: {}", in_a_line(&error.into()))),
        }
    }

    /// Says who holds an environment, for whoever goes on without knowing: why nobody knows is told.
    #[must_use]
    pub fn seen_holder(&self, environment: &Environment) -> Option<Holder> {
        self.held_by(environment).unwrap_or_else(|why| {
            self.warn_once(&why);
            None
        })
    }

    fn live_rollout(&self, listed: &[Entry], environment: &Environment) -> Result<Option<LiveRollout>, Error> {
        if let Some(entry) = listed.iter().rfind(|entry| entry.live && entry.environment == *environment) {
            return Ok(Some(LiveRollout::of(entry.clone(), true)));
        }
        let waits = waiting_among(&self.rollouts(), listed, Some(environment))?.resumable.pop();
        Ok(waits.map(|entry| LiveRollout::of(entry, false)))
    }

    /// Says who holds an environment, or that nobody can tell who.
    #[must_use]
    pub fn held(&self, environment: &Environment) -> Option<ConductorError> {
        let seen = EnvironmentLock::look(&self.state_dir, environment, None).err();
        // That nobody can tell was told with how the environment stands.
        seen.filter(|error| match error {
            ConductorError::Lock(error) => !matches!(error, LockError::Io { .. }),
            error => matches!(error, ConductorError::Unreadable { .. }),
        })
    }
}
