use super::damage::{self, in_a_line};
use super::error::Error;
use super::notice::Notice;
use super::workspace::Workspace;
use crate::expr::fold;
use crate::model::{Environment, ReleaseId, Version};
use crate::release::{Mark, MarkRecord, Store, Verdicts};
use crate::rollout::State;

impl Workspace {
    /// Remembers what a rollout found out about releases: where a later rollback goes, and what is the latest, depends on it.
    pub(super) fn mark(&self, store: &Store, state: &State) {
        let (Some(plan), Some(at)) = (state.plan(), state.latest()) else {
            return;
        };
        for found in state.judgements() {
            let verdict = match found.bad {
                None => Mark::Good,
                Some(reason) => Mark::Bad { reason },
            };
            let (environment, rollout) = (plan.environment.clone(), Some(plan.rollout.clone()));
            let record = MarkRecord {
                by: Some(plan.operator.clone()),
                on: Some(found.on),
                of: Some(found.hosts.len()),
                hosts: Some(fold(&found.hosts)),
                ..MarkRecord::new(at, found.release.clone(), environment, rollout, verdict)
            };
            if let Err(error) = store.mark(&record) {
                self.notify(Notice::Forgotten { release: found.release, why: error.to_string() });
            }
        }
    }

    /// Reads what an environment found out about releases, as far as this deploy server knows.
    ///
    /// # Errors
    ///
    /// When the marks cannot be read. That single lines say nothing is told.
    pub fn verdicts(&self, environment: &Environment) -> Result<Verdicts, Error> {
        let store = self.store()?;
        let path = store.marks_path();
        let read = store
            .read_marks()
            .map_err(|error| Error::from(error).because("what was found bad is not known", damage::put_back(&path)))?;
        if let Some(damaged) = damage::marks(&path, &read.damaged) {
            self.warn_once(&damaged.to_string());
        }
        Ok(Verdicts::of(&read.marks, environment))
    }

    /// As [`Workspace::verdicts`], for whoever only looks: where the marks cannot be read there are none, and that is told.
    pub(super) fn known_verdicts(&self, environment: &Environment) -> Verdicts {
        self.verdicts(environment).unwrap_or_else(|error| {
            self.warn_once(&in_a_line(&error));
            Verdicts::default()
        })
    }

    /// Gives the verdicts to whoever acts on them, or only looks.
    pub(super) fn verdicts_for(&self, environment: &Environment, only_looks: bool) -> Result<Verdicts, Error> {
        if only_looks { Ok(self.known_verdicts(environment)) } else { self.verdicts(environment) }
    }

    /// Marks a version in the environment by somebody's word, and gives the releases that are meant: every build of it that
    /// is known here, or the one whose id it is. Of a tag that was not built yet it is whatever will be: one that does not even build,
    /// or that upstream warns of, can be marked too.
    ///
    /// # Errors
    ///
    /// When nothing is known of it, or when the disk refuses.
    pub async fn say(&self, version: &Version, verdict: &Mark) -> Result<Vec<ReleaseId>, Error> {
        let (environment, _) = self.policy()?;
        let store = self.store()?;
        let verdicts = self.verdicts(environment)?;
        let mut meant: Vec<ReleaseId> = store.ids()?.into_iter().filter(|id| id.version() == version).collect();
        meant.extend(verdicts.of_version(version).cloned());
        meant.sort_unstable();
        meant.dedup();
        if meant.is_empty() {
            match version.as_str().parse() {
                Ok(id) => meant.push(id),
                Err(_) if self.tags().await?.iter().any(|tag| tag.version == *version) => {
                    meant.push(ReleaseId::unbuilt(version));
                }
                Err(_) => {
                    let text = format!(
                        "nothing is known of {version} in {environment}: it is no tag, and was never built here"
                    );
                    return Err(
                        Error::before(text).hint("coalmine releases lists what there is; any other is named by its id")
                    );
                }
            }
        }
        for release in &meant {
            let record = MarkRecord {
                by: Some(self.operator.clone()),
                ..MarkRecord::new(jiff::Timestamp::now(), release.clone(), environment.clone(), None, verdict.clone())
            };
            store.mark(&record)?;
        }
        Ok(meant)
    }
}
