use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
use super::notice::Notice;
use super::workspace::Workspace;
use super::{settings, site};
use crate::conductor::{
    Access, Conductor, Ending, EnvironmentLock, Holder, Launch, LockError, Notify, Opened, Signals, replay,
};
use crate::engine::{Deadlines, Known, Parts, Settings, SystemClock};
use crate::hooks::SiteHooks;
use crate::host::{self, RealFleet};
use crate::journal::Entry;
use crate::model::{Environment, Operator, ReleaseId, RolloutId};
use crate::plan::{Plan, PlanKind};
use crate::process::in_thread;
use crate::release::{Store, StoredRelease};
use crate::rollout::{Event, Machine, Record};

/// Holds what a rollout is conducted with: its release is proven, its hosts are connected or not yet.
#[derive(Debug)]
pub struct Reached<F> {
    /// The release; none where hosts hold what they go back to.
    pub release: Option<Arc<StoredRelease>>,
    /// The hosts.
    pub hosts: Arc<F>,
}

/// Holds a rollout that this process conducts as soon as it is let.
#[derive(Debug)]
pub struct Conducting<F: host::Fleet> {
    /// The conductor, whose socket can be connected to.
    pub conductor: Conductor<F, SiteHooks>,
    /// The records that it goes on from.
    pub records: Vec<Record>,
}

/// Writes for others who holds an environment.
#[must_use]
pub fn holder(owner: Operator, rollout: Option<&RolloutId>, reason: Option<&str>) -> Holder {
    Holder {
        owner,
        reason: reason.map(str::to_owned),
        rollout: rollout.cloned(),
        pid: std::process::id(),
        since: jiff::Timestamp::now(),
    }
}

impl Workspace {
    fn holder(&self, rollout: &RolloutId, reason: Option<&str>) -> Holder {
        holder(self.operator.clone(), Some(rollout), reason)
    }

    /// Takes the environment's lock on this deploy server, or waits for it.
    ///
    /// # Errors
    ///
    /// When another holds it for longer, when it is frozen, or when it is another product's.
    pub async fn lock(
        &self,
        environment: &Environment,
        rollout: &RolloutId,
        reason: Option<&str>,
    ) -> Result<EnvironmentLock, Error> {
        let (state_dir, name) = (self.state_dir.clone(), environment.clone());
        let (holder, wait) = (self.holder(rollout, reason), self.lock_wait());
        let listener = Arc::clone(&self.invocation.listener);
        let taken = in_thread(move || {
            let waiting = |held: &LockError, left: Duration| {
                listener(Notice::Waiting { held: held.to_string(), left_s: left.as_secs() });
            };
            EnvironmentLock::take(&state_dir, &name, &holder, wait, waiting)
        });
        let lock = taken.await??;
        // Of two products that begin at once, one had the lock before.
        self.refuse_that_of_another_product(environment)?;
        Ok(lock)
    }

    /// Takes over the lock that the process before handed on, or takes it: for a conductor that was started for a rollout.
    ///
    /// # Errors
    ///
    /// When the rollout has no plan, or when its environment is not to be had.
    pub async fn take_over(&self, rollout: &RolloutId) -> Result<EnvironmentLock, Error> {
        let state = replay(&self.rollouts(), rollout)?;
        let plan = state.plan().ok_or_else(|| Error::before(format!("the journal of {rollout} has no plan")))?;
        let holder = self.holder(rollout, plan.reason.as_deref());
        match EnvironmentLock::inherited(&self.state_dir, &plan.environment, &holder)? {
            Some(lock) => Ok(lock),
            None => self.lock(&plan.environment, rollout, plan.reason.as_deref()).await,
        }
    }

    /// Writes the first records of a planned rollout, so that a conductor can go on with it.
    ///
    /// What persons did to the service of hosts since it was planned is taken in, and told.
    ///
    /// # Errors
    ///
    /// When the disk refuses, or its release is not in the store any more.
    pub fn begin(&self, mut plan: Plan, release: Option<&StoredRelease>) -> Result<RolloutId, Error> {
        let now = jiff::Timestamp::now();
        let launch =
            Launch::of_process(self.invocation.config.as_deref(), plan.environment.clone(), self.invocation.verbose)?;
        // It may have been pruned while somebody thought about the plan; a way back needs it only where hosts hold it no more.
        let is_gone = |release: &StoredRelease| !release.tree.as_os_str().is_empty() && !release.tree.is_dir();
        if plan.kind != PlanKind::Rollback
            && let Some(release) = release.filter(|release| is_gone(release))
        {
            return Err(not_stored(&release.id));
        }
        self.take_in_service(&mut plan);
        let (_, first) = Machine::plan(plan, now);
        let built = release.map(|release| {
            let totals = release.manifest.totals();
            let event = Event::ReleaseBuilt {
                release: release.id.clone(),
                entries: totals.entries(),
                bytes: totals.bytes,
                reused: release.built_at < now - jiff::SignedDuration::from_mins(1),
                tagged: release.tagged,
                took: release.had_in.map(|took| took.as_secs_f64()),
            };
            Record { seq: first.seq + 1, at: now, rollout: first.rollout.clone(), event }
        });
        let rollouts = self.rollouts();
        let mut journal = rollouts.create(&first)?;
        journal.append(&built)?;
        launch.save(&rollouts.folder(&first.rollout))?;
        Ok(first.rollout)
    }

    /// Reaches what a rollout of an earlier process is conducted with.
    ///
    /// # Errors
    ///
    /// When its release is not in the store any more, or is damaged.
    pub fn reach(&self, plan: &Plan) -> Result<Reached<RealFleet>, Error> {
        let store = self.store()?;
        // A way back needs the store only for hosts that hold no more what they go back to.
        let release = match plan.kind {
            PlanKind::Rollback => store.get(&plan.release).ok().flatten().map(Arc::new),
            PlanKind::Install | PlanKind::Prime => Some(from_store(&store, &plan.release)?),
        };
        Ok(Reached { release, hosts: settings::reach(self)? })
    }

    /// Opens a rollout to conduct it with what its own plan says.
    ///
    /// # Errors
    ///
    /// As [`Workspace::conducting`] and [`Workspace::reach`].
    pub fn reopen(&self, rollout: &RolloutId, lock: EnvironmentLock) -> Result<Conducting<RealFleet>, Error> {
        self.open_rollout(rollout, lock, |plan| self.reach(plan))
    }

    /// Opens a rollout to conduct it in this process.
    ///
    /// # Errors
    ///
    /// When a conductor lives, when the rollout is over, or when its journal is damaged.
    pub fn conducting<F: host::Fleet>(
        &self,
        rollout: &RolloutId,
        lock: EnvironmentLock,
        reached: Reached<F>,
    ) -> Result<Conducting<F>, Error> {
        self.open_rollout(rollout, lock, |_| Ok(reached))
    }

    fn open_rollout<F: host::Fleet>(
        &self,
        rollout: &RolloutId,
        lock: EnvironmentLock,
        reach: impl FnOnce(&Plan) -> Result<Reached<F>, Error>,
    ) -> Result<Conducting<F>, Error> {
        let rollouts = self.rollouts();
        let opened = Opened::new(&rollouts, rollout)?;
        let records: Vec<Record> = rollouts.read(rollout)?.collect::<Result<_, _>>()?;
        let plan = Arc::clone(opened.plan());
        self.refuse_another_link(&plan)?;
        lock.describe(&self.holder(rollout, plan.reason.as_deref()))?;
        let config = self.config();
        let Reached { release, hosts } = reach(&plan)?;
        let known = rollouts.clone();
        // A rollback leads away from what waits in its environment, which this one holds: nobody goes on with that meanwhile, and what it left
        // locked keeps nobody from going back. A conductor that is gone loses its leases there, and all that it may have left running with them.
        let leads_away = (plan.kind == PlanKind::Rollback).then(|| plan.environment.clone());
        let parts = Parts {
            fleet: hosts,
            site: Arc::new(site::site(config, &plan)),
            releases: Arc::new(releases(self.store()?, release)),
            checks: Arc::new(site::checks(config, &plan)),
            clock: Arc::new(SystemClock::start()),
            knows: Arc::new(move |rollout| match known.entry(rollout) {
                Ok(Entry { live: false, ended: Some(_), .. }) => Known::Over,
                Ok(Entry { live: false, environment, .. }) if Some(&environment) == leads_away.as_ref() => Known::Over,
                Ok(Entry { live: false, ended: None, .. }) => Known::Waits,
                // Of one that cannot be read, or is another state folder's, nobody knows.
                Ok(_) | Err(_) => Known::Nothing,
            }),
        };
        // The command is ended before this is.
        let hook = config.hooks.timeout.saturating_add(Duration::from_secs(15));
        let settings = Settings {
            deadlines: Deadlines { hook, ..Deadlines::default() },
            lock_wait: self.lock_wait(),
            lease: config.lock.lease,
            product: config.product.name.to_string(),
            ..Settings::new(self.operator.clone())
        };
        let access = match &config.control.group {
            Some(group) => Access::group(group.as_str())?,
            None => Access::owner(),
        };
        let conductor = opened.conductor(parts, settings, lock, &access)?;
        Ok(Conducting { conductor, records })
    }

    /// Conducts a rollout until it is over or stopped, and remembers what it found out.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written any more.
    pub async fn run<F: host::Fleet>(
        &self,
        conductor: Conductor<F, SiteHooks>,
        signals: Signals,
        tell: Notify,
    ) -> Result<Ending, Error> {
        self.keep(conductor.plan()).await;
        self.remember_given(conductor.plan()).await;
        let ending = conductor.run(signals, tell).await?;
        self.mark(&self.store()?, &ending.state);
        self.record(&ending.state).await;
        Ok(ending)
    }
}

pub(super) fn from_store(store: &Store, id: &ReleaseId) -> Result<Arc<StoredRelease>, Error> {
    let found = store.get(id)?.ok_or_else(|| not_stored(id))?;
    store.prove(&found)?;
    Ok(Arc::new(found))
}

fn not_stored(id: &ReleaseId) -> Error {
    Error::before(format!("the release {id} is not in the store any more"))
        .hint(format!("build it again: coalmine build {}", id.version()))
}

/// Finds releases for the engine, and proves each before it is used: the one that is installed was proven already.
fn releases(
    store: Store,
    release: Option<Arc<StoredRelease>>,
) -> impl Fn(&ReleaseId) -> Option<Arc<StoredRelease>> + Send + Sync {
    move |id| {
        if let Some(release) = release.as_ref().filter(|release| release.id == *id) {
            return Some(Arc::clone(release));
        }
        let proven = |found: StoredRelease| store.prove(&found).map(|()| Arc::new(found));
        match store.get(id).and_then(|found| found.map(proven).transpose()) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!("{id} cannot be taken from the store: {error}");
                None
            }
        }
    }
}
