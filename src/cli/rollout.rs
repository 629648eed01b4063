use std::sync::Arc;
use std::time::Duration;

use super::args::StreamFormat;
use super::context::{Context, operator};
use super::error::Failed;
use super::output::{style, tell};
use super::release::store;
use super::{Cli, mapping};
use crate::engine::{Engine, Parts, Settings, SystemClock};
use crate::host::RealFleet;
use crate::journal::Rollouts;
use crate::model::ReleaseId;
use crate::plan::{Plan, PlanKind};
use crate::release::{Mark, MarkRecord, Store, StoredRelease};
use crate::report::{Format, Reporter, Target, Written};
use crate::rollout::{Machine, Outcome, Record, State};

/// How long the end waits for whoever reads the output.
const PATIENCE: Duration = Duration::from_secs(10);

/// Says how a rollout is run and told.
pub(super) struct Run<'a> {
    pub(super) cli: &'a Cli,
    pub(super) context: &'a Context,
    pub(super) output: StreamFormat,
    pub(super) lock_wait: Option<Duration>,
}

/// Runs a planned rollout to its end in this process, and gives its exit code.
pub(super) async fn run(
    run: &Run<'_>,
    plan: Plan,
    release: Arc<StoredRelease>,
    fleet: Arc<RealFleet>,
) -> Result<u8, Failed> {
    let store = store(run.context)?;
    let (machine, first) = Machine::plan(plan, jiff::Timestamp::now());
    let rollouts = Rollouts::new(&run.context.state_dir);
    let rollout = first.rollout.clone();
    let journal = rollouts.create(&first).map_err(Failed::before)?;
    super::main::remember_journal(journal.path());
    let plan = Arc::clone(machine.plan_of());
    let config = run.context.config();
    let parts = Parts {
        fleet,
        site: Arc::new(mapping::site(config, &plan)),
        releases: Arc::new(releases(store.clone(), release)),
        checks: Arc::new(mapping::checks(config, &plan)),
        clock: Arc::new(SystemClock),
    };
    let settings = Settings {
        lock_wait: run.lock_wait.unwrap_or(config.lock.wait),
        lease: config.lock.lease,
        ..Settings::new(operator())
    };
    let (engine, handle) = Engine::new(machine, journal, parts, settings);
    let reporter = start_report(run, &rollouts, &first)?;
    let follow = tokio::spawn(async move {
        if let Some(mut records) = handle.subscribe().await {
            // The writer has the journal to catch up from, should it ever be needed.
            while let Ok(record) = records.next().await {
                reporter.record(record);
            }
        }
        reporter
    });
    let finished = engine.run().await.map_err(|error| {
        Failed::before(format!("the rollout {rollout} stopped: {error}"))
            .hint(format!("it goes on with: coalmine resume {rollout}"))
    });
    let reporter =
        follow.await.map_err(|error| Failed { code: Failed::BUG, message: error.to_string(), hint: None })?;
    if tokio::task::block_in_place(|| reporter.finish(PATIENCE)) == Written::Stalled {
        tell("standard output is not read; what is missing there is in the journal");
    }
    let state = finished?.state;
    mark(&store, &state);
    Ok(exit_code(&state))
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

fn start_report(run: &Run<'_>, rollouts: &Rollouts, first: &Record) -> Result<Reporter, Failed> {
    let (format, redraw) = match run.output {
        StreamFormat::Text => {
            let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
            (Format::Text(style(run.cli.color, run.cli.verbose > 0)), !dumb)
        }
        StreamFormat::Jsonl => (Format::Jsonl, false),
    };
    let (rollouts, rollout) = (rollouts.clone(), first.rollout.clone());
    let catch_up = move |after: u64| {
        let records = rollouts.read(&rollout).map_err(|error| error.to_string())?;
        let records: Result<Vec<Record>, _> = records
            .filter(|record| record.as_ref().is_ok_and(|record| record.seq > after) || record.is_err())
            .collect();
        records.map_err(|error| error.to_string())
    };
    Target::stdout(redraw)
        .and_then(|target| Reporter::start(format, target, std::slice::from_ref(first), Box::new(catch_up)))
        .map_err(|error| Failed::before(format!("standard output cannot be written beside the rollout: {error}")))
}

/// Gives the exit code of a rollout: of its final state, and of nothing else.
fn exit_code(state: &State) -> u8 {
    match (state.exit_code(), state.anything_switched()) {
        (Some(code), _) => code,
        // Suspended: it can be resumed.
        (None, false) => Failed::INTERRUPTED,
        (None, true) => 5,
    }
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
    let by_whom = &plan.operator;
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
                note(release, Mark::Bad { reason: format!("rolled back by {by_whom}") });
            }
        }
        (Outcome::RolledBack, _) => {
            note(&plan.release, Mark::Bad { reason: format!("rolled back in rollout {}", plan.rollout) });
        }
        _ => {}
    }
}
