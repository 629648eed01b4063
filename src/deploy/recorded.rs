//! What environments run, kept on a branch of the product's repository: for people who read its log, and for other deploy servers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::Error;
use super::notice::Notice;
use super::workspace::Workspace;
use crate::config::Channel;
use crate::model::{Environment, HostId, ReleaseId};
use crate::plan::{Plan, PlanKind};
use crate::release::{APART, Noted, Recorded, Records, Repository, StateBranch};
use crate::rollout::{HostEnd, Outcome, State};

/// How long the remote may take where its word decides what is done.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take where somebody only looks.
const GLANCE: Duration = Duration::from_secs(10);

impl Workspace {
    /// Keeps the commit of an emergency by a name in the repository, before any host has it: it may be on no branch, and git would
    /// forget it some weeks after the checkout went on. What goes wrong is told, and keeps nobody waiting.
    pub(super) async fn keep(&self, plan: &Plan) {
        let Some(commit) = plan.commit.as_ref().filter(|_| plan.emergency) else {
            return;
        };
        let kept = async {
            let repository = Repository::open(self.config().product.repository.as_path()).await?;
            repository.keep(&plan.environment, &plan.rollout, commit).await
        };
        match kept.await {
            Ok(name) => tracing::info!("commit {commit} is kept as {name}"),
            Err(error) => {
                self.notify(Notice::warning(format!("commit {commit} has no name that keeps it: {error}; tag it")));
            }
        }
    }

    /// Remembers what the next head of the environment's branch has to contain, before any host has it: what was only planned or built
    /// binds nobody. What goes wrong is told, and keeps nobody waiting.
    pub(super) async fn remember_given(&self, plan: &Plan) {
        let product = &self.config().product;
        let (Some(remote), Some(commit)) = (&product.remote, &plan.commit) else { return };
        if plan.kind != PlanKind::Install {
            return;
        }
        let own = self.config().environments.get(&plan.environment).and_then(|policy| match &policy.channel {
            Channel::Branch(branch) => Some(branch.as_str()),
            Channel::Tags => None,
        });
        let remembered = async {
            let repository = Repository::open(product.repository.as_path()).await?;
            repository.remember_given(remote.as_str(), own, commit).await
        };
        if let Err(error) = remembered.await {
            self.notify(Notice::warning(format!("whether its branch is rewritten next will not be noticed: {error}")));
        }
    }

    /// Keeps what a rollout left on the branch; whatever goes wrong is told, and changes nothing of the rollout.
    pub(super) async fn record(&self, state: &State) {
        let kept = async {
            let Some(branch) = self.state_branch().await? else { return Ok::<_, Error>(Vec::new()) };
            let Some(plan) = state.plan() else { return Ok(Vec::new()) };
            let Some(recorded) = self.recorded(state).await? else { return Ok(Vec::new()) };
            Ok(branch.record(&plan.environment, plan.slot.as_ref(), &recorded).await?)
        };
        match kept.await {
            Ok(noted) => self.tell_noted(noted),
            Err(error) => {
                self.notify(Notice::warning(format!("what it runs is not kept on the branch: {}", error.message())));
            }
        }
    }

    /// Reads what an environment runs by the word of every deploy server that keeps it there; nothing where nobody does.
    ///
    /// # Errors
    ///
    /// When the repository cannot be read.
    pub(super) async fn last_recorded(&self, environment: &Environment) -> Result<Records, Error> {
        let Some(branch) = self.state_branch().await? else { return Ok(Records::new()) };
        self.tell_noted(branch.refresh(PATIENCE).await);
        let (found, noted) = branch.read(environment).await?;
        self.tell_noted(noted);
        Ok(found)
    }

    /// As [`Workspace::last_recorded`]; that it cannot be read is told.
    pub(super) async fn recorded_if_known(&self, environment: &Environment) -> Records {
        self.last_recorded(environment).await.unwrap_or_else(|error| {
            self.notify(Notice::warning(not_known(&error)));
            Records::new()
        })
    }

    /// Reads what is on record of environments, for somebody who only looks and does not wait long for a remote; gives what went wrong
    /// with it.
    pub async fn glance(&self, environments: &[&Environment]) -> (BTreeMap<Environment, Records>, Vec<String>) {
        let (mut found, mut told) = (BTreeMap::new(), Vec::new());
        let read = async {
            let Some(branch) = self.state_branch().await? else { return Ok::<_, Error>(()) };
            told.extend(branch.refresh(GLANCE).await);
            for environment in environments {
                let (records, noted) = branch.read(environment).await?;
                found.insert((*environment).clone(), records);
                told.extend(noted);
            }
            Ok(())
        };
        let error = read.await.err();
        let told = told.into_iter().map(|noted| self.noted_text(noted));
        (found, told.chain(error.as_ref().map(not_known)).collect())
    }

    async fn state_branch(&self) -> Result<Option<StateBranch>, Error> {
        let product = &self.config().product;
        let Some(branch) = &product.state_branch else { return Ok(None) };
        let repository = Repository::open(product.repository.as_path()).await?;
        let remote = product.state_remote.as_ref().map(ToString::to_string);
        Ok(Some(StateBranch::new(repository, branch.to_string(), remote, self.product())))
    }

    fn tell_noted(&self, noted: Vec<Noted>) {
        for noted in noted {
            self.notify(Notice::warning(self.noted_text(noted)));
        }
    }

    fn noted_text(&self, noted: Noted) -> String {
        let branch = self.config().product.state_branch.as_ref().map(ToString::to_string).unwrap_or_default();
        match noted {
            Noted::Rewritten => {
                format!("the branch {branch} was rewritten upstream; of each file the newer one counts")
            }
            Noted::NotPushed(why) => format!("the branch {branch} is here only: {why}"),
            Noted::NotFetched(why) => format!("what others wrote on the branch {branch} since is not known: {why}"),
            Noted::Unreadable(paths) => {
                format!("the branch {branch} has files that cannot be read: {}", paths.join(", "))
            }
            Noted::Another { path, product } => {
                format!(
                    "{path} on the branch {branch} is of {product}, another product, and says nothing here: {APART}"
                )
            }
        }
    }

    /// Says what an environment runs after a rollout; none where that changed nothing or is not known.
    async fn recorded(&self, state: &State) -> Result<Option<Recorded>, Error> {
        let (Some(plan), Some(at)) = (state.plan(), state.latest()) else { return Ok(None) };
        let found: Option<(ReleaseId, usize)> = match (state.outcome(), plan.kind) {
            (_, PlanKind::Prime) => None,
            (Some(Outcome::Completed), _) if plan.slot.is_some() => {
                let ends = state.range().map(|index| state.host_end(index));
                Some((plan.release.clone(), ends.filter(|end| *end == HostEnd::Healthy).count()))
            }
            (Some(Outcome::Completed), _) => {
                let good = state.judgements().into_iter().filter(|found| found.bad.is_none());
                good.max_by_key(|found| found.on).map(|found| (found.release, found.on))
            }
            (Some(Outcome::RolledBack), _) if plan.slot.is_none() => {
                self.finalized(&plan.environment)?.map(|found| (found.release, found.hosts))
            }
            _ => None,
        };
        let owing = async || -> Result<Vec<HostId>, Error> {
            let debts = self.debts(&plan.environment, plan.slot.as_ref()).await?;
            Ok(debts.into_iter().map(|debt| debt.host).collect())
        };
        if plan.hosts.is_empty() {
            // Nothing was done, but for finding that hosts in debt have what they should.
            let last = self.recorded_if_known(&plan.environment).await.remove(&plan.slot);
            return match last {
                Some(last) => Ok(Some(Recorded { at, debt: owing().await?, ..last })),
                None => Ok(None),
            };
        }
        let Some((release, hosts)) = found else { return Ok(None) };
        let (commit, digest) = if release == plan.release {
            (plan.commit.clone(), plan.digest)
        } else {
            let Some(stored) = self.store()?.get(&release)? else { return Ok(None) };
            (Some(stored.commit), stored.digest)
        };
        Ok(Some(Recorded {
            version: release.version().clone(),
            release,
            commit,
            digest,
            rollout: plan.rollout.clone(),
            at,
            by: plan.operator.clone(),
            reason: plan.reason.clone(),
            hosts,
            debt: owing().await?,
            // The branch knows whose it is.
            product: None,
            link: None,
        }))
    }
}

fn not_known(error: &Error) -> String {
    format!("what other deploy servers wrote down is not known: {}", error.message())
}
