use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::access::shared_folder;
use super::error::ConductorError;
use crate::files;
use crate::model::{Environment, HostId, Pooling, ServiceWish, TakenOut};

/// The version of the lines.
const VERSION: u32 = 1;
/// Where they stand in the state folder.
const FOLDER: &str = "service";

/// Says how far it came what a person asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceStep {
    /// The site's command is about to run.
    Asked,
    /// It did what it is for.
    Done,
    /// It failed.
    Failed {
        /// Why.
        error: String,
    },
}

/// One line of what persons did to the service of hosts while no rollout had them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceNote {
    v: u32,
    /// When.
    pub at: Timestamp,
    /// Which host.
    pub host: HostId,
    /// What was asked for, by whom and why.
    pub wish: ServiceWish,
    /// How far it came.
    pub step: ServiceStep,
}

impl ServiceNote {
    /// Makes the note of something that happens now.
    #[must_use]
    pub fn new(host: HostId, wish: ServiceWish, step: ServiceStep) -> Self {
        Self { v: VERSION, at: Timestamp::now(), host, wish, step }
    }
}

/// Holds what persons made of the service of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// When somebody last did anything about it.
    pub at: Timestamp,
    /// Who keeps it out of service; none when it was put back.
    pub taken_out: Option<TakenOut>,
}

/// Writes down what is done to the service of a host, for good; returns when it survives a power loss.
///
/// # Errors
///
/// When the disk refuses.
pub fn note_service(state: &Path, environment: &Environment, note: &ServiceNote) -> Result<(), ConductorError> {
    let folder = shared_folder(state, FOLDER)?;
    let path = path(state, environment);
    let mode = folder.metadata().map_err(ConductorError::io("look at", &folder))?.mode() & 0o666 | 0o600;
    let write = || files::append_line(&path, Some(mode), serde_json::to_vec(note)?);
    write().map_err(ConductorError::io("write", &path))
}

/// Reads what persons made of the service of hosts; of those that nobody touched nothing.
///
/// A host that was to be taken out counts as out also where nobody wrote how that ended, and one that was to be put back does not count as
/// put back: what is unknown is no reason to think that it serves.
///
/// # Errors
///
/// When the file is there and cannot be read. A line that cannot be understood is told, and passed over.
pub fn by_hand(state: &Path, environment: &Environment) -> Result<BTreeMap<HostId, ByHand>, ConductorError> {
    let path = path(state, environment);
    let text = match files::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        read => read.map_err(ConductorError::io("read", &path))?,
    };
    let mut known: BTreeMap<HostId, ByHand> = BTreeMap::new();
    let mut tried: BTreeMap<HostId, Option<ByHand>> = BTreeMap::new();
    for line in text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let ServiceNote { v: VERSION, at, host, wish, step } = (match serde_json::from_slice(line) {
            Ok(note) => note,
            Err(error) => {
                tracing::warn!("a line of {} says nothing: {error}", path.display());
                continue;
            }
        }) else {
            tracing::warn!("a line of {} is of another version of coalmine", path.display());
            continue;
        };
        let ServiceWish { what, by, reason } = wish;
        match (what, step) {
            (Pooling::Depool, ServiceStep::Asked) => {
                let taken_out = TakenOut { host: host.clone(), by, reason, since: at };
                let before = known.insert(host.clone(), ByHand { at, taken_out: Some(taken_out) });
                tried.insert(host, before);
            }
            (Pooling::Depool, ServiceStep::Failed { .. }) => match tried.remove(&host) {
                Some(Some(before)) => drop(known.insert(host, before)),
                Some(None) => drop(known.remove(&host)),
                None => {}
            },
            (Pooling::Depool, ServiceStep::Done) => drop(tried.remove(&host)),
            (Pooling::Repool, ServiceStep::Done) => drop(known.insert(host, ByHand { at, taken_out: None })),
            (Pooling::Repool, ServiceStep::Asked | ServiceStep::Failed { .. }) => {}
        }
    }
    Ok(known)
}

/// Tells one state of what persons did from another: by how much there is of it, and when it was written last.
#[must_use]
pub fn by_hand_changed(state: &Path, environment: &Environment) -> Option<(u64, SystemTime)> {
    let found = std::fs::metadata(path(state, environment)).ok()?;
    Some((found.len(), found.modified().ok()?))
}

fn path(state: &Path, environment: &Environment) -> PathBuf {
    state.join(FOLDER).join(format!("{environment}.jsonl"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::{ServiceNote, ServiceStep, by_hand, note_service};
    use crate::model::{Environment, HostId, Operator, Pooling, ServiceWish};

    #[test]
    fn a_host_is_out_until_somebody_has_put_it_back_whatever_became_of_the_attempts() {
        let state = tempfile::tempdir().unwrap();
        let production = Environment::new("production").unwrap();
        let (mw01, mw02) = (HostId::new("mw01").unwrap(), HostId::new("mw02").unwrap());
        let note = |host: &HostId, what, by: &str, step| {
            let wish = ServiceWish { what, by: Operator(by.into()), reason: Some("its disk fails".to_owned()) };
            note_service(state.path(), &production, &ServiceNote::new(host.clone(), wish, step)).unwrap();
        };
        let out = |host: &HostId| -> Option<String> {
            let known = by_hand(state.path(), &production).unwrap();
            Some(known.get(host)?.taken_out.as_ref()?.by.to_string())
        };
        let failed = || ServiceStep::Failed { error: "exit 1".to_owned() };
        assert_eq!(out(&mw01), None);
        note(&mw01, Pooling::Depool, "alice", ServiceStep::Asked);
        assert_eq!(out(&mw01).as_deref(), Some("alice"), "how that ended is not known");
        note(&mw01, Pooling::Depool, "alice", failed());
        assert_eq!(out(&mw01), None, "it was never taken out");
        note(&mw01, Pooling::Depool, "alice", ServiceStep::Asked);
        note(&mw01, Pooling::Depool, "alice", ServiceStep::Done);
        note(&mw01, Pooling::Depool, "bob", ServiceStep::Asked);
        note(&mw01, Pooling::Depool, "bob", failed());
        assert_eq!(out(&mw01).as_deref(), Some("alice"), "it is out as before");
        note(&mw01, Pooling::Repool, "bob", ServiceStep::Asked);
        note(&mw01, Pooling::Repool, "bob", failed());
        assert_eq!(out(&mw01).as_deref(), Some("alice"), "it was not put back");
        // A power loss in the middle of a line.
        let path = state.path().join("service/production.jsonl");
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"v\":1,\"at\":\"20").unwrap();
        note(&mw01, Pooling::Repool, "bob", ServiceStep::Done);
        assert_eq!((out(&mw01), out(&mw02)), (None, None));
        assert!(by_hand(state.path(), &production).unwrap().contains_key(&mw01), "who put it back is known");
        assert!(by_hand(state.path(), &Environment::new("beta").unwrap()).unwrap().is_empty());
    }
}
