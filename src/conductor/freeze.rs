use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::access::shared_folder;
use super::error::ConductorError;
use crate::files;
use crate::journal::clear_temporary;
use crate::model::{Environment, HostId, LockHolder, Operator, ReleaseId};

/// The version of the file.
const VERSION: u32 = 1;

/// Says that nobody may start a rollout of an environment, nor go on with one.
///
/// It holds for everybody, who froze it included: `unlock` is one word. Only one that was made by `start` lets its owner deploy.
/// What runs already goes on and can be controlled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Who froze it.
    pub owner: Operator,
    /// Why, in the owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// What hosts ran, where the owner froze it to deploy meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Started>,
}

/// Holds what hosts ran when a deployer took an environment to deploy alone.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Each release with the hosts that ran it.
    #[serde(default)]
    pub ran: Vec<Ran>,
    /// Those that ran none of coalmine's.
    #[serde(default)]
    pub bare: Vec<HostId>,
    /// Those that did not say.
    #[serde(default)]
    pub silent: Vec<HostId>,
}

/// Holds a release with the hosts that ran it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The release.
    pub release: ReleaseId,
    /// Its hosts.
    pub hosts: Vec<HostId>,
}

impl Freeze {
    /// Tells whether somebody may deploy all the same: who froze it to do just that.
    #[must_use]
    pub fn lets(&self, who: &Operator) -> bool {
        self.started.is_some() && self.owner == *who
    }

    /// Gives the reason, or says that there is none.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or("no reason was given")
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    v: u32,
    freeze: Freeze,
}

/// Tells whether an environment is frozen.
///
/// # Errors
///
/// When the file is there and cannot be read or understood: then nobody should start anything either.
pub fn frozen(state: &Path, environment: &Environment) -> Result<Option<Freeze>, ConductorError> {
    let path = path(&state.join("locks"), environment);
    let unreadable = |why: String| ConductorError::Unreadable {
        path: path.clone(),
        why: format!("says that {environment} is frozen, but not by whom ({why}); `coalmine unlock` frees it"),
    };
    let bytes = match files::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Whether there is one is not known where the folder is out of reach.
        Err(error) if path.symlink_metadata().is_err() => return Err(ConductorError::io("read", &path)(error)),
        read => read.map_err(|error| unreadable(error.to_string()))?,
    };
    match serde_json::from_slice(&bytes) {
        Ok(Written { v: VERSION, freeze }) => Ok(Some(freeze)),
        Ok(Written { v, .. }) => Err(unreadable(format!("it has version {v}"))),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// Tells whether an environment is frozen, to whoever only looks: where nobody can tell by whom, it is by somebody, and that is the reason.
#[must_use]
pub fn seen_frozen(state: &Path, environment: &Environment) -> Option<Freeze> {
    frozen(state, environment).unwrap_or_else(|error| {
        Some(Freeze {
            owner: Operator("somebody".into()),
            reason: Some(error.to_string()),
            since: Timestamp::now(),
            started: None,
        })
    })
}

/// Says what became of a wish to freeze an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freezing {
    /// It is frozen now, and was not before.
    Frozen,
    /// It is frozen now, and was by this one before.
    TakenOver(Freeze),
    /// It is frozen by this one, as before.
    Held(Freeze),
}

/// Freezes an environment, unless somebody has: whoever made a freeze holds it, until it is taken over on purpose.
///
/// Returns when it survives a power loss. Who froze, took over and freed what is written to `freezes.jsonl`, for good.
///
/// # Errors
///
/// When the disk refuses.
pub fn freeze(
    state: &Path,
    environment: &Environment,
    freeze: &Freeze,
    force: bool,
) -> Result<Freezing, ConductorError> {
    let locks = shared_folder(state, "locks")?;
    clear_temporary(&locks);
    let before = frozen(state, environment)?;
    if let Some(before) = before.clone().filter(|_| !force) {
        return Ok(Freezing::Held(before));
    }
    let path = path(&locks, environment);
    let text = serde_json::to_vec(&Written { v: VERSION, freeze: freeze.clone() })
        .map_err(|error| ConductorError::io("write", &path)(error.into()))?;
    let mode = locks.metadata().map_err(ConductorError::io("look at", &locks))?.mode() & 0o666 | 0o600;
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(&locks)?;
        file.write_all(&text)?;
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        // Two who freeze at once: the first one's stays, unless that is what is taken over.
        match &before {
            None => file.persist_noclobber(&path).map_err(|error| error.error)?,
            Some(_) => file.persist(&path).map_err(|error| error.error)?,
        };
        File::open(&locks)?.sync_all()
    };
    match write() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Ok(frozen(state, environment)?.map_or(Freezing::Frozen, Freezing::Held));
        }
        written => written.map_err(ConductorError::io("write", &path))?,
    }
    note(&locks, environment, if before.is_some() { "taken_over" } else { "frozen" }, Some(freeze), before.as_ref());
    Ok(before.map_or(Freezing::Frozen, Freezing::TakenOver))
}

/// One line of what was ever done to freezes, and to the locks of hosts by hand.
#[derive(Serialize)]
struct Noted<'a> {
    v: u32,
    at: Timestamp,
    environment: &'a Environment,
    what: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    freeze: Option<&'a Freeze>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Freeze>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<Broken<'a>>,
}

/// What is written of a host's lock that was broken.
#[derive(Serialize)]
struct Broken<'a> {
    host: &'a HostId,
    holder: &'a LockHolder,
    by: &'a Operator,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// Writes down that somebody broke the lock of a host, for whoever asks later how its holder lost it.
///
/// # Errors
///
/// When the disk refuses.
pub fn note_broken(
    state: &Path,
    environment: &Environment,
    host: &HostId,
    holder: &LockHolder,
    by: &Operator,
    reason: Option<&str>,
) -> Result<(), ConductorError> {
    let broken = Some(Broken { host, holder, by, reason });
    let at = Timestamp::now();
    let noted = Noted { v: VERSION, at, environment, what: "host_unlocked", freeze: None, before: None, broken };
    append(&shared_folder(state, "locks")?, &noted)
}

/// Writes down what was done, for whoever asks later where a freeze has gone; it is done, also where that cannot be written down.
fn note(locks: &Path, environment: &Environment, what: &str, freeze: Option<&Freeze>, before: Option<&Freeze>) {
    let at = Timestamp::now();
    let noted = append(locks, &Noted { v: VERSION, at, environment, what, freeze, before, broken: None });
    if let Err(error) = noted {
        tracing::warn!("it is not written down who did that, and when: {error}");
    }
}

fn append(locks: &Path, noted: &Noted<'_>) -> Result<(), ConductorError> {
    let path = locks.join("freezes.jsonl");
    let mode = locks.metadata().map_err(ConductorError::io("look at", locks))?.mode() & 0o666 | 0o600;
    let write = || files::append_line(&path, Some(mode), serde_json::to_vec(noted)?);
    write().map_err(ConductorError::io("write", &path))
}

/// Frees an environment, and gives who had frozen it; none when nobody had.
///
/// # Errors
///
/// When the disk refuses.
pub fn unfreeze(state: &Path, environment: &Environment) -> Result<Option<Freeze>, ConductorError> {
    let path = path(&state.join("locks"), environment);
    let before = match frozen(state, environment) {
        // What cannot be understood is removed, too.
        Err(ConductorError::Unreadable { .. }) => {
            Some(Freeze { owner: Operator("somebody".into()), reason: None, since: Timestamp::now(), started: None })
        }
        Ok(None) => return Ok(None),
        before => before?,
    };
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Whatever is in a folder that stands there was not made here, and is kept.
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            let aside = path.with_extension("damaged");
            std::fs::rename(&path, &aside).map_err(ConductorError::io("move away", &path))?;
        }
        removed => removed.map_err(ConductorError::io("remove", &path))?,
    }
    note(&state.join("locks"), environment, "freed", None, before.as_ref());
    Ok(before)
}

fn path(locks: &Path, environment: &Environment) -> PathBuf {
    locks.join(format!("{environment}.frozen"))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Freeze, Freezing, freeze, frozen, unfreeze};
    use crate::model::{Environment, Operator};

    fn by(owner: &str, reason: &str) -> Freeze {
        Freeze {
            owner: Operator(owner.into()),
            reason: Some(reason.to_owned()),
            since: Timestamp::UNIX_EPOCH,
            started: None,
        }
    }

    #[test]
    fn one_freezes_and_anybody_frees() {
        let state = tempfile::tempdir().unwrap();
        let production = Environment::new("production").unwrap();
        assert_eq!(frozen(state.path(), &production).unwrap(), None);
        let (alice, bob) = (by("alice@d1", "audit"), by("bob@d1", "party"));
        let freeze = |who: &Freeze, force| freeze(state.path(), &production, who, force).unwrap();
        assert_eq!(freeze(&alice, false), Freezing::Frozen);
        assert_eq!(freeze(&bob, false), Freezing::Held(alice.clone()), "the first one's stays");
        assert_eq!(frozen(state.path(), &production).unwrap().as_ref(), Some(&alice));
        assert_eq!(frozen(state.path(), &Environment::new("beta").unwrap()).unwrap(), None);
        let longer = by("alice@d1", "audit, second day");
        assert_eq!(freeze(&longer, false), Freezing::Held(alice.clone()), "not even her own is replaced in silence");
        assert_eq!(freeze(&bob, true), Freezing::TakenOver(alice));
        assert_eq!(unfreeze(state.path(), &production).unwrap(), Some(bob));
        let noted = std::fs::read_to_string(state.path().join("locks/freezes.jsonl")).unwrap();
        let noted: Vec<serde_json::Value> = noted.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let what: Vec<&str> = noted.iter().map(|line| line["what"].as_str().unwrap()).collect();
        assert_eq!(what, ["frozen", "taken_over", "freed"]);
        assert_eq!(
            (&noted[1]["freeze"]["owner"], &noted[1]["before"]["owner"]),
            (&"bob@d1".into(), &"alice@d1".into())
        );
        assert_eq!(unfreeze(state.path(), &production).unwrap(), None);
    }

    #[test]
    fn what_a_power_loss_left_of_a_note_spoils_no_other() {
        let state = tempfile::tempdir().unwrap();
        let production = Environment::new("production").unwrap();
        let freeze = |owner: &str| {
            let freeze = Freeze { owner: Operator(owner.into()), reason: None, since: Timestamp::now(), started: None };
            super::freeze(state.path(), &production, &freeze, true).unwrap();
        };
        freeze("alice@d1");
        let path = state.path().join("locks/freezes.jsonl");
        let noted = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{noted}{{\"v\":1,\"at")).unwrap();
        freeze("bob@d1");
        let noted = std::fs::read_to_string(&path).unwrap();
        let last: serde_json::Value = serde_json::from_str(noted.lines().last().unwrap()).unwrap();
        assert_eq!((noted.lines().count(), &last["what"]), (3, &"taken_over".into()));
    }

    #[test]
    fn a_freeze_that_cannot_be_understood_still_freezes() {
        let state = tempfile::tempdir().unwrap();
        let production = Environment::new("production").unwrap();
        std::fs::create_dir(state.path().join("locks")).unwrap();
        std::fs::write(state.path().join("locks/production.frozen"), "{\"v\":2,\"freeze\":").unwrap();
        let why = frozen(state.path(), &production).unwrap_err().to_string();
        assert!(why.contains("coalmine unlock"), "{why}");
        assert!(unfreeze(state.path(), &production).unwrap().is_some());
        assert_eq!(frozen(state.path(), &production).unwrap(), None);
    }
}
