//! What follows a preparation, whoever asked for it: shows it, asks, starts the rollout, and answers.

use std::time::Duration;

use clap::Args;

use super::args::{Selection, StreamFormat, TableFormat, duration, reason};
use super::ask::{ask_in_thread, confirmed};
use super::control::{follow, show_rollout};
use super::interrupt::{runtime, unless_interrupted};
use super::output::{count, has_screen, is_interactive, notify, print, print_for_people};
use super::plan::{changed, show};
use super::{Globals, rollout};
use crate::deploy::{Detached, Error, Options, Prepared, Reached, Workspace, not_begun, nothing_due};
use crate::host::RealFleet;
use crate::model::RolloutId;
use crate::plan::LeftOutReason;
use crate::report::{DifferenceReport, Look, changes_text};
use crate::rollout::Exit;
use crate::words::without_masters;

/// Says how the rollout runs.
#[derive(Debug, Default, Clone, Args)]
pub(super) struct Running {
    /// Asks nothing, and promotes stages when their soak and gates have passed.
    #[arg(short, long)]
    pub yes: bool,

    /// Why; shown to others, announced and kept.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,

    /// How long to wait for a lock that another rollout holds.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait_lock: Option<Duration>,

    /// Prints instead of opening the console.
    #[arg(long)]
    pub headless: bool,

    /// Leaves the rollout to a process of its own, prints its id (with `--output jsonl` the event of its plan) and exits with 8.
    #[arg(long, conflicts_with = "headless")]
    pub detach: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = StreamFormat::Text)]
    pub output: StreamFormat,

    /// How many hosts may be in flight at once, whatever their stage says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: Option<u32>,

    /// Prints the plan and changes nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Leaves hosts out that cannot be reached: without it an install counts them, and a rollback tries them.
    #[arg(long)]
    pub skip_unreachable: bool,
}

impl Running {
    /// Ends what a program reads with the end of a rollout, also where none could begin; why is told on standard error.
    pub(super) fn told(&self, run: impl FnOnce() -> Result<u8, Error>) -> Result<u8, Error> {
        let ended = run();
        if let Err(error) = &ended
            && self.output == StreamFormat::Jsonl
            && super::rollout::journal().is_none()
        {
            print(&not_begun(error.exit())?.to_line().map_err(Error::before)?)?;
        }
        ended
    }

    /// Opens the workspace, unless somebody would have to be asked who is not there.
    pub(super) fn workspace(&self, globals: &Globals) -> Result<Workspace, Error> {
        self.refuse_to_ask_nobody()?;
        let mut workspace = globals.workspace()?;
        workspace.lock_wait = self.wait_lock;
        Ok(workspace)
    }

    /// Ends a command that would have to ask, where there is nobody to ask.
    pub(super) fn refuse_to_ask_nobody(&self) -> Result<(), Error> {
        if self.dry_run || self.yes || is_interactive() {
            return Ok(());
        }
        Err(Error::usage("there is no terminal to ask on, and --yes was not given; nothing was done")
            .hint("--yes goes ahead without asking; --dry-run shows what would be done"))
    }

    /// Says how a rollout is prepared that runs so, and whose stages wait for nobody.
    pub(super) fn options(&self, selection: &Selection) -> Options {
        Options {
            selection: selection.clone().into(),
            skip_unreachable: self.skip_unreachable,
            promote_all: true,
            concurrency: self.concurrency,
            reason: self.reason.clone(),
            dry_run: self.dry_run,
            is_asked: !self.yes,
            ..Options::default()
        }
    }

    /// Tells whether the rollout is shown in the console: on a terminal, unless something else was asked for.
    fn opens_console(&self) -> bool {
        has_screen() && !self.headless && !self.detach && self.output == StreamFormat::Text
    }

    /// Tells whether somebody looks on, or may: then it is theirs to say what follows a failure.
    pub(super) fn is_watched(&self) -> bool {
        self.opens_console() || (self.detach && is_interactive())
    }
}

/// Starts what comes of a preparation, unless that is interrupted or leads to nothing, and answers; none is nothing that is due.
pub(super) fn go_ahead<P: Into<Option<Prepared<RealFleet>>>>(
    globals: &Globals,
    workspace: &Workspace,
    running: &Running,
    preparation: impl Future<Output = Result<P, Error>>,
) -> Result<u8, Error> {
    let next = runtime()?.block_on(async {
        match unless_interrupted(ready(globals, workspace, running, preparation)).await? {
            Ready::Exit(code) => Ok(Next::Exit(code)),
            Ready::Start(prepared) => start(globals, workspace, running, *prepared).await,
        }
    })?;
    match next {
        Next::Exit(code) => Ok(code),
        Next::Console(rollout) => show_rollout(globals, &workspace.rollouts(), &rollout, false),
    }
}

/// Says what follows once a rollout is planned and confirmed.
enum Ready {
    /// Nothing is to be started: the process answers this.
    Exit(u8),
    /// The rollout starts.
    Start(Box<Prepared<RealFleet>>),
}

/// Says what follows once a rollout was started.
enum Next {
    /// The process answers this.
    Exit(u8),
    /// The console shows the rollout, which a conductor runs.
    Console(RolloutId),
}

/// Prepares a rollout and asks whoever sits there; nothing is changed anywhere.
async fn ready<P: Into<Option<Prepared<RealFleet>>>>(
    globals: &Globals,
    workspace: &Workspace,
    running: &Running,
    preparation: impl Future<Output = Result<P, Error>>,
) -> Result<Ready, Error> {
    let Some(prepared) = preparation.await?.into() else {
        // Whoever only wants to know is told; a timer's mail stays empty.
        match running.output {
            StreamFormat::Text if running.dry_run => print("nothing is due")?,
            StreamFormat::Text => {}
            StreamFormat::Jsonl => print(&nothing_due()?.to_line().map_err(Error::before)?)?,
        }
        return Ok(Ready::Exit(Exit::Success.code()));
    };
    if running.dry_run {
        let changes = changed(workspace, &prepared).await;
        show(globals, &prepared.plan, &changes, TableFormat::Text)?;
        return Ok(Ready::Exit(crate::report::plan_exit_code(&prepared.plan)));
    }
    if let Some(code) = nothing_to_do(&prepared, running.output)? {
        workspace.settle(&prepared).await;
        return Ok(Ready::Exit(code));
    }
    prepared.check_reachable()?;
    let changes = changed(workspace, &prepared).await;
    ask_whether(globals, &prepared, &changes, running).await?;
    let mut prepared = prepared;
    // Everybody is told what is coming, whatever the terminal of whoever starts it can show.
    prepared.plan.changes = changes_text(&changes, &prepared.plan.release, Look { color: false, unicode: true });
    Ok(Ready::Start(Box::new(prepared)))
}

/// Starts a planned rollout: here, or as a process of its own where it is to outlive this one.
async fn start(
    globals: &Globals,
    workspace: &Workspace,
    running: &Running,
    prepared: Prepared<RealFleet>,
) -> Result<Next, Error> {
    let Prepared { plan, release, hosts, .. } = prepared;
    let lock = workspace.lock(&plan.environment, &plan.rollout, plan.reason.as_deref());
    let lock = unless_interrupted(lock).await?;
    let rollout = workspace.begin(plan, release.as_deref())?;
    let (in_console, rollouts) = (running.opens_console(), workspace.rollouts());
    // What was started on a terminal must not end with it.
    let on_terminal = !running.headless && is_interactive();
    if !in_console && !running.detach && !on_terminal {
        let reached = Reached { release, hosts };
        return rollout::conduct(globals, workspace, &rollout, lock, Some(reached), running.output)
            .await
            .map(Next::Exit);
    }
    drop((release, hosts));
    Detached { rollouts: &rollouts, verbose: globals.verbose, config: None, unattended: false }
        .start(&rollout, lock)
        .await?;
    if in_console {
        return Ok(Next::Console(rollout));
    }
    if !running.detach {
        return follow(globals, &rollouts, &rollout, running.output).await.map(Next::Exit);
    }
    rollout::tell_detached(&rollouts, &rollout, running.output)?;
    notify(&format!("`coalmine attach {rollout}` follows it, `coalmine abort {rollout}` ends it"));
    Ok(Next::Exit(Exit::Waiting.code()))
}

/// Says that there is nothing to do, when there is: every host that was not left out has the release.
fn nothing_to_do(prepared: &Prepared<RealFleet>, output: StreamFormat) -> Result<Option<u8>, Error> {
    let plan = &prepared.plan;
    if !plan.hosts.is_empty() {
        return Ok(None);
    }
    let lost = plan.left_out_for(LeftOutReason::Unreachable);
    let current = plan.left_out_for(LeftOutReason::Current);
    let have = if current == 1 { "has" } else { "have" };
    let mut text = format!("nothing is to be done: {} {have} {}", count(current, "host"), plan.release);
    if lost > 0 {
        text = format!("{text}, {} unreachable", count(lost, "host"));
    }
    let anybody_lost = plan.left_out.iter().filter(|out| out.reason == LeftOutReason::Unreachable);
    let masters = anybody_lost.filter(|out| out.is_master).count();
    if masters > 0 {
        text = format!("{text}, {} unreachable", count(masters, "master"));
    }
    match output {
        StreamFormat::Text => print_for_people(&text)?,
        // A reader of events gets events only, and a rollout that was never begun ends as others do.
        StreamFormat::Jsonl => {
            notify(&text);
            for record in prepared.nothing_done() {
                print(&record.to_line().map_err(Error::before)?)?;
            }
        }
    }
    Ok(Some(if lost > 0 || masters > 0 { Exit::Unreachable } else { Exit::Success }.code()))
}

/// Shows the plan and asks for the number of its hosts, unless `--yes` was given.
async fn ask_whether(
    globals: &Globals,
    prepared: &Prepared<RealFleet>,
    changes: &[DifferenceReport],
    running: &Running,
) -> Result<(), Error> {
    if running.yes {
        return Ok(());
    }
    let plan = &prepared.plan;
    show(globals, plan, changes, TableFormat::Text)?;
    let targets = plan.targets();
    let number = without_masters(targets, plan.masters());
    let answer =
        ask_in_thread(format!("\nType the number of hosts to go ahead ({number}), anything else to leave: ")).await?;
    confirmed(&answer, &targets.to_string())
}
