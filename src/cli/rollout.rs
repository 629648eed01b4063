use std::sync::Arc;
use std::time::Duration;

use super::args::StreamFormat;
use super::context::{Context, operator};
use super::error::Failed;
use super::interrupt::aside;
use super::output::{style, tell};
use super::release::store;
use super::{Cli, mapping};
use crate::conductor::{Access, Conductor, ConductorError, Ending, EnvironmentLock, Holder, Opened, Signals, Tell};
use crate::engine::{Handle, Parts, Settings, SystemClock};
use crate::hooks::SiteHooks;
use crate::host::RealFleet;
use crate::journal::Rollouts;
use crate::model::{Environment, ReleaseId, RolloutId};
use crate::plan::{Plan, PlanKind};
use crate::release::{Mark, MarkRecord, Store, StoredRelease};
use crate::report::{Format, Reporter, Target, Written};
use crate::rollout::{Event, Machine, Outcome, Record, State};

/// How long the end waits for whoever reads the output.
const PATIENCE: Duration = Duration::from_secs(10);

/// Says how a rollout is told, and how long it may wait for a lock.
pub(super) struct Run<'a> {
    pub(super) cli: &'a Cli,
    pub(super) context: &'a Context,
    pub(super) output: StreamFormat,
    pub(super) lock_wait: Option<Duration>,
}

/// Holds what a rollout is done with, when the process has it already: its release is proven, its connections are open.
pub(super) struct Prepared {
    pub(super) release: Arc<StoredRelease>,
    pub(super) fleet: Arc<RealFleet>,
}

impl Run<'_> {
    pub(super) fn rollouts(&self) -> Rollouts {
        Rollouts::new(&self.context.state_dir)
    }

    fn lock_wait(&self) -> Duration {
        self.lock_wait.unwrap_or(self.context.config().lock.wait)
    }

    /// Takes the environment's lock on this deploy server, or waits for it.
    pub(super) async fn lock(
        &self,
        environment: &Environment,
        rollout: Option<&RolloutId>,
        reason: Option<&str>,
    ) -> Result<EnvironmentLock, Failed> {
        let (state_dir, environment) = (self.context.state_dir.clone(), environment.clone());
        let (holder, wait) = (holder(rollout, reason), self.lock_wait());
        let taken = aside(move || {
            let waiting = |held: &crate::conductor::LockError| tell(&format!("waiting: {held}"));
            EnvironmentLock::take(&state_dir, &environment, &holder, wait, waiting)
        });
        taken.await?.map_err(conductor_failed)
    }

    /// Writes the first records of a planned rollout, so that a conductor can go on with it.
    pub(super) fn begin(&self, plan: Plan, release: &StoredRelease) -> Result<RolloutId, Failed> {
        let now = jiff::Timestamp::now();
        let launch = self.launch(&plan.environment)?;
        let (_, first) = Machine::plan(plan, now);
        let totals = release.manifest.totals();
        let built = Record {
            seq: first.seq + 1,
            at: now,
            rollout: first.rollout.clone(),
            event: Event::ReleaseBuilt {
                release: release.id.clone(),
                entries: totals.entries(),
                bytes: totals.bytes,
                reused: release.built_at < now - jiff::SignedDuration::from_mins(1),
            },
        };
        let rollouts = self.rollouts();
        let mut journal = rollouts.create(&first).map_err(Failed::before)?;
        journal.append([&built]).map_err(Failed::before)?;
        launch.save(&rollouts.folder(&first.rollout)).map_err(conductor_failed)?;
        Ok(first.rollout)
    }

    /// Notes how this process was started, for a conductor that is to be started like it.
    pub(super) fn launch(&self, environment: &Environment) -> Result<crate::conductor::Launch, Failed> {
        crate::conductor::Launch::of_process(self.cli.config.as_deref(), environment.clone(), self.cli.verbose)
            .map_err(conductor_failed)
    }

    /// Conducts a rollout in this process until it is over or stopped, tells it on standard output, and gives its exit code.
    pub(super) async fn conduct(
        &self,
        rollout: &RolloutId,
        lock: EnvironmentLock,
        prepared: Option<Prepared>,
    ) -> Result<u8, Failed> {
        let rollouts = self.rollouts();
        let signals = Signals::take().map_err(|error| Failed::before(format!("signals cannot be taken: {error}")))?;
        let (conductor, told) = self.conductor(rollout, lock, prepared)?;
        let reporter = start_report(self, &rollouts, rollout, &told)?;
        let follow = tokio::spawn(follow(conductor.handle().clone(), reporter));
        let ended = conductor.run(signals, Arc::new(|text: &str| tell(text))).await;
        let reporter =
            follow.await.map_err(|error| Failed { code: Failed::BUG, message: error.to_string(), hint: None })?;
        if tokio::task::block_in_place(|| reporter.finish(PATIENCE)) == Written::Stalled {
            tell("standard output is not read; what is missing there is in the journal");
        }
        let ending = ended.map_err(conductor_failed)?;
        self.settle(&ending)?;
        Ok(ending.exit_code)
    }

    /// Conducts a rollout without telling anybody but its watchers.
    pub(super) async fn conduct_quietly(
        &self,
        rollout: &RolloutId,
        lock: EnvironmentLock,
        ready: impl FnOnce(),
    ) -> Result<u8, Failed> {
        let signals = Signals::take().map_err(|error| Failed::before(format!("signals cannot be taken: {error}")))?;
        let (conductor, _) = self.conductor(rollout, lock, None)?;
        ready();
        let note: Tell = Arc::new(|text: &str| tracing::warn!("{text}"));
        let ending = conductor.run(signals, note).await.map_err(conductor_failed)?;
        self.settle(&ending)?;
        Ok(ending.exit_code)
    }

    /// Makes the conductor of a rollout, and gives the records that it goes on from.
    fn conductor(
        &self,
        rollout: &RolloutId,
        lock: EnvironmentLock,
        prepared: Option<Prepared>,
    ) -> Result<(Conductor<RealFleet, SiteHooks>, Vec<Record>), Failed> {
        let rollouts = self.rollouts();
        super::main::remember_journal(&rollouts.journal(rollout));
        let opened = Opened::new(&rollouts, rollout).map_err(conductor_failed)?;
        let told: Result<Vec<Record>, _> = rollouts.read(rollout).map_err(Failed::before)?.collect();
        let told = told.map_err(Failed::before)?;
        let plan = Arc::clone(opened.plan());
        lock.describe(&holder(Some(rollout), plan.reason.as_deref())).map_err(conductor_failed)?;
        let config = self.context.config();
        let store = store(self.context)?;
        let Prepared { release, fleet } = match prepared {
            Some(prepared) => prepared,
            None => Prepared {
                release: from_store(&store, &plan.release)?,
                fleet: mapping::real_fleet(config, &store, false)?,
            },
        };
        let parts = Parts {
            fleet,
            site: Arc::new(mapping::site(config, &plan)),
            releases: Arc::new(releases(store, release)),
            checks: Arc::new(mapping::checks(config, &plan)),
            clock: Arc::new(SystemClock),
        };
        let settings = Settings {
            lock_wait: self.lock_wait(),
            lease: config.lock.lease,
            product: config.product.name.to_string(),
            ..Settings::new(operator())
        };
        let access = match &config.control.group {
            Some(group) => Access::group(group.as_str()).map_err(conductor_failed)?,
            None => Access::owner(),
        };
        let conductor = opened.conductor(parts, settings, lock, &access).map_err(conductor_failed)?;
        Ok((conductor, told))
    }

    /// Remembers what a rollout found out, and says how it goes on where it is not over.
    fn settle(&self, ending: &Ending) -> Result<(), Failed> {
        mark(&store(self.context)?, &ending.state);
        if let Some(hint) = &ending.hint {
            tell(hint);
        }
        Ok(())
    }
}

async fn follow(handle: Handle, reporter: Reporter) -> Reporter {
    if let Some(mut records) = handle.subscribe().await {
        // The writer has the journal to catch up from, should it ever be needed.
        while let Ok(record) = records.next().await {
            reporter.record(record);
        }
    }
    reporter
}

pub(super) fn holder(rollout: Option<&RolloutId>, reason: Option<&str>) -> Holder {
    Holder {
        owner: operator(),
        reason: reason.map(str::to_owned),
        rollout: rollout.cloned(),
        pid: std::process::id(),
        since: jiff::Timestamp::now(),
    }
}

/// Says what a process answers that could not conduct.
pub(super) fn conductor_failed(error: ConductorError) -> Failed {
    match error {
        ConductorError::Lock(error) => {
            let hint = error.hint();
            Failed { code: Failed::LOCKED, message: error.to_string(), hint }
        }
        error @ (ConductorError::Bug(_) | ConductorError::WrongLock { .. }) => {
            Failed { code: Failed::BUG, message: error.to_string(), hint: None }
        }
        error => Failed::before(error),
    }
}

fn from_store(store: &Store, id: &ReleaseId) -> Result<Arc<StoredRelease>, Failed> {
    let found = store.get(id).map_err(super::release::failed)?;
    let found = found.ok_or_else(|| {
        Failed::before(format!("the release {id} is not in the store any more"))
            .hint(format!("build it again: coalmine build {}", id.version()))
    })?;
    found.verify().map_err(super::release::failed)?;
    Ok(Arc::new(found))
}

/// Finds releases for the engine: the one that is installed is in memory already.
fn releases(
    store: Store,
    release: Arc<StoredRelease>,
) -> impl Fn(&ReleaseId) -> Option<Arc<StoredRelease>> + Send + Sync {
    move |id| {
        if *id == release.id {
            return Some(Arc::clone(&release));
        }
        match store.get(id) {
            Ok(found) => found.map(Arc::new),
            Err(error) => {
                tracing::warn!("{id} cannot be taken from the store: {error}");
                None
            }
        }
    }
}

fn start_report(run: &Run<'_>, rollouts: &Rollouts, rollout: &RolloutId, told: &[Record]) -> Result<Reporter, Failed> {
    // A rollout that has just been planned is told from its first record on, one that is resumed from where it is.
    let is_new = !told.iter().any(|record| matches!(record.event, Event::HostProbed { .. }));
    let (told, rest): (&[Record], &[Record]) = if is_new { (&[], told) } else { (told, &[]) };
    let reporter = reporter(run.cli, run.output, rollouts, rollout, told)?;
    for record in rest {
        reporter.record(Arc::new(record.clone()));
    }
    Ok(reporter)
}

/// Makes what tells a rollout on standard output; what was told already is not told again.
pub(super) fn reporter(
    cli: &Cli,
    output: StreamFormat,
    rollouts: &Rollouts,
    rollout: &RolloutId,
    told: &[Record],
) -> Result<Reporter, Failed> {
    let (format, redraw) = match output {
        StreamFormat::Text => {
            let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
            (Format::Text(style(cli.color, cli.verbose > 0)), !dumb)
        }
        StreamFormat::Jsonl => (Format::Jsonl, false),
    };
    let (rollouts, rollout) = (rollouts.clone(), rollout.clone());
    let catch_up = move |after: u64| {
        let records = rollouts.read(&rollout).map_err(|error| error.to_string())?;
        let records: Result<Vec<Record>, _> = records
            .filter(|record| record.as_ref().is_ok_and(|record| record.seq > after) || record.is_err())
            .collect();
        records.map_err(|error| error.to_string())
    };
    Target::stdout(redraw)
        .and_then(|target| Reporter::start(format, target, told, Box::new(catch_up)))
        .map_err(|error| Failed::before(format!("standard output cannot be written beside the rollout: {error}")))
}

/// Remembers what the rollout found out about the release: where a later rollback goes depends on it.
fn mark(store: &Store, state: &State) {
    let (Some(plan), Some(outcome), Some(at)) = (state.plan(), state.outcome(), state.latest()) else {
        return;
    };
    let note = |release: &ReleaseId, verdict: Mark| {
        let record = MarkRecord::new(at, release.clone(), plan.environment.clone(), plan.rollout.clone(), verdict);
        if let Err(error) = store.mark(&record) {
            tell(&format!("warning: what the rollout found out about {release} is not remembered: {error}"));
        }
    };
    if state.is_finalized() && plan.slot.is_none() && plan.kind != PlanKind::Prime {
        note(&plan.release, Mark::Good);
    }
    match (outcome, plan.kind) {
        (Outcome::Completed, PlanKind::Rollback) => {
            let mut left: Vec<&ReleaseId> = plan
                .hosts
                .iter()
                .filter_map(|host| host.from.as_ref().and_then(|installed| installed.release()))
                .filter(|from| **from != plan.release)
                .collect();
            left.sort_unstable();
            left.dedup();
            for release in left {
                note(release, Mark::Bad { reason: format!("rolled back by {}", plan.operator) });
            }
        }
        (Outcome::RolledBack, _) => {
            note(&plan.release, Mark::Bad { reason: format!("rolled back in rollout {}", plan.rollout) });
        }
        _ => {}
    }
}
