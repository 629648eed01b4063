use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::Globals;
use super::args::StreamFormat;
use super::output::{notify, print, style};
use crate::conductor::{Ending, EnvironmentLock, Notify, Signals};
use crate::deploy::{Conducting, Error, Kind, Reached, Workspace};
use crate::engine::Handle;
use crate::host::RealFleet;
use crate::journal::Rollouts;
use crate::model::RolloutId;
use crate::report::{Format, Reporter, Target, Written};
use crate::rollout::{Event, Record};

/// Where the rollout of this process is written, for who has to look after a bug.
static JOURNAL: OnceLock<std::path::PathBuf> = OnceLock::new();

/// How long the end waits for whoever reads the output.
const PATIENCE: Duration = Duration::from_secs(10);

/// Notes where the rollout of this process is written.
pub(super) fn remember_journal(path: &std::path::Path) {
    // Only one rollout runs in a process.
    JOURNAL.get_or_init(|| path.to_owned());
}

/// Says where the rollout of this process is written, when there is one.
pub(super) fn journal() -> Option<&'static std::path::Path> {
    JOURNAL.get().map(std::path::PathBuf::as_path)
}

/// Says which rollout goes on in a process of its own: to a program by the first of its events, since a reader of events gets events only.
pub(super) fn tell_detached(rollouts: &Rollouts, rollout: &RolloutId, output: StreamFormat) -> Result<(), Error> {
    match output {
        StreamFormat::Text => print(rollout.as_str()),
        StreamFormat::Jsonl => match rollouts.read(rollout)?.next() {
            Some(first) => print(&first?.to_line().map_err(Error::before)?),
            None => Ok(()),
        },
    }
}

/// Conducts a rollout in this process until it is over or stopped, tells it on standard output, and gives its exit code.
pub(super) async fn conduct(
    globals: &Globals,
    workspace: &Workspace,
    rollout: &RolloutId,
    lock: EnvironmentLock,
    reached: Option<Reached<RealFleet>>,
    output: StreamFormat,
) -> Result<u8, Error> {
    let rollouts = workspace.rollouts();
    let signals = take_signals()?;
    let Conducting { conductor, records } = open(workspace, rollout, lock, reached)?;
    let reporter = start_report(globals, output, &rollouts, rollout, &records)?;
    let follow = tokio::spawn(follow(conductor.handle().clone(), reporter));
    let ended = workspace.run(conductor, signals, Arc::new(|text: &str| notify(text))).await;
    let reporter = follow.await.map_err(|error| Error::new(Kind::Bug, error))?;
    finish(reporter);
    Ok(answer(&ended?))
}

/// Conducts a rollout without telling anybody but its watchers.
pub(super) async fn conduct_quietly(
    workspace: &Workspace,
    rollout: &RolloutId,
    lock: EnvironmentLock,
    ready: impl FnOnce(),
) -> Result<u8, Error> {
    let signals = take_signals()?;
    let Conducting { conductor, .. } = open(workspace, rollout, lock, None)?;
    ready();
    let note: Notify = Arc::new(|text: &str| tracing::warn!("{text}"));
    Ok(answer(&workspace.run(conductor, signals, note).await?))
}

fn take_signals() -> Result<Signals, Error> {
    Signals::take().map_err(|error| Error::before(format!("signals cannot be taken: {error}")))
}

fn open(
    workspace: &Workspace,
    rollout: &RolloutId,
    lock: EnvironmentLock,
    reached: Option<Reached<RealFleet>>,
) -> Result<Conducting<RealFleet>, Error> {
    remember_journal(&workspace.rollouts().journal(rollout));
    match reached {
        Some(reached) => workspace.conducting(rollout, lock, reached),
        None => workspace.reopen(rollout, lock),
    }
}

/// Says how a rollout goes on that is not over, and gives what the process answers.
fn answer(ending: &Ending) -> u8 {
    if let Some(hint) = &ending.hint {
        notify(hint);
    }
    ending.exit_code
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

/// Ends what is told on standard output, unless nobody reads it.
pub(super) fn finish(reporter: Reporter) {
    if tokio::task::block_in_place(|| reporter.finish(PATIENCE)) == Written::Stalled {
        notify("standard output is not read; what is missing there is in the journal");
    }
}

fn start_report(
    globals: &Globals,
    output: StreamFormat,
    rollouts: &Rollouts,
    rollout: &RolloutId,
    told: &[Record],
) -> Result<Reporter, Error> {
    // A rollout that has just been planned is told from its first record on, one that is resumed from where it is.
    let is_new = !told.iter().any(|record| matches!(record.event, Event::HostProbed { .. }));
    let (told, rest): (&[Record], &[Record]) = if is_new { (&[], told) } else { (told, &[]) };
    let reporter = reporter(globals, output, rollouts, rollout, told)?;
    for record in rest {
        reporter.record(Arc::new(record.clone()));
    }
    Ok(reporter)
}

/// Makes what tells a rollout on standard output; what was told already is not told again.
pub(super) fn reporter(
    globals: &Globals,
    output: StreamFormat,
    rollouts: &Rollouts,
    rollout: &RolloutId,
    told: &[Record],
) -> Result<Reporter, Error> {
    let (format, redraw) = match output {
        StreamFormat::Text => {
            let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
            (Format::Text(style(globals.color, globals.verbose > 0)), !dumb)
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
        .map_err(|error| Error::before(format!("standard output cannot be written beside the rollout: {error}")))
}
