use std::collections::BTreeMap;
use std::sync::Arc;

use super::deployment::{Answers, Deployment};
use super::error::Error;
use super::release::Making;
use crate::host;
use crate::model::{Environment, ReleaseId, Version};
use crate::release::{Mark, Store, StoredRelease, Wanted};

impl<F: host::Fleet> Deployment<'_, F> {
    /// Finds the version that was named, and builds it where the store has none of it.
    pub(super) async fn version_to_go_back_to(&self, version: Version) -> Result<Arc<StoredRelease>, Error> {
        match self.workspace.store()?.find(&version)? {
            Some(release) => Ok(Arc::new(release)),
            None => self.workspace.make(Wanted::Tag(version.to_string()), Making::default()).await,
        }
    }

    /// Finds the release to go back to, and has it in the store.
    pub(super) async fn last_good(&self, answers: &Answers) -> Result<Arc<StoredRelease>, Error> {
        let store = self.workspace.store()?;
        let nowhere = || {
            Error::before("no release is known to be good besides what the hosts run; nothing was changed")
                .hint("name the one to go back to: coalmine rollback --to VERSION")
        };
        let target = match by_marks(self.fleet.name, &store, answers)? {
            Some(target) => target,
            None => by_hosts(&store, answers)?.ok_or_else(nowhere)?,
        };
        if let Some(release) = store.get(&target)? {
            return Ok(Arc::new(release));
        }
        let making = Making { no_fetch: true, rebuild: false };
        let built = self.workspace.make(Wanted::Tag(target.version().to_string()), making).await;
        // What a host ran before its first release is kept there, and no commit makes it again.
        let built = built.map_err(|error| {
            error.because(
                format!("{target} was good before on most hosts, and cannot be built again"),
                "name the one to go back to: coalmine rollback --to VERSION",
            )
        })?;
        if built.id != target {
            return Err(Error::before(format!("{target} was good, and building it again gives {}", built.id))
                .hint(format!("to take that all the same: coalmine rollback --to {}", target.version())));
        }
        Ok(built)
    }
}

/// Finds it in what earlier rollouts of this deploy server found out.
fn by_marks(environment: &Environment, store: &Store, answers: &Answers) -> Result<Option<ReleaseId>, Error> {
    let Some(last) = store.last_good(environment, None)? else {
        return Ok(None);
    };
    let finalized: Vec<ReleaseId> = store
        .marks()?
        .into_iter()
        .filter(|mark| mark.environment == *environment && matches!(mark.verdict, Mark::Good))
        .map(|mark| mark.release)
        .collect();
    let running = answers.probes().filter_map(|probe| probe.installed.release());
    // What a rollout left half-way was never good: that is what is to be left. Where all of it was, the last one is.
    let is_half_way = running.into_iter().any(|release| *release != last && !finalized.contains(release));
    if is_half_way {
        return Ok(Some(last));
    }
    Ok(store.last_good(environment, Some(&last))?)
}

/// Finds it in what most hosts say was good, where this deploy server was never told.
///
/// What was rolled back from since is not good any more, whatever a host remembers: two rollbacks lead back, not in a circle.
fn by_hosts(store: &Store, answers: &Answers) -> Result<Option<ReleaseId>, Error> {
    let marks = store.marks()?;
    let is_bad = |release: &ReleaseId| {
        let last = marks.iter().rev().find(|mark| mark.release == *release);
        last.is_some_and(|mark| matches!(mark.verdict, Mark::Bad { .. }))
    };
    let mut votes: BTreeMap<&ReleaseId, usize> = BTreeMap::new();
    for probe in answers.probes() {
        let running = probe.installed.release();
        let known = probe.good.iter().chain(&probe.previous);
        if let Some(good) = known.into_iter().find(|good| Some(*good) != running && !is_bad(good)) {
            *votes.entry(good).or_default() += 1;
        }
    }
    Ok(votes.into_iter().max_by_key(|(_, votes)| *votes).map(|(release, _)| release.clone()))
}
