//! What follows a preparation, whoever asked for it: shows it, asks, starts the rollout, and answers.

use std::io::{self, BufRead as _, Write as _};

use super::args::{Running, StreamFormat, TableFormat};
use super::control::{follow, show_rollout};
use super::interrupt::unless_interrupted;
use super::main::runtime;
use super::output::{count, has_screen, is_interactive, print, tell};
use super::plan::show;
use super::{Cli, rollout};
use crate::deploy::{Detached, Error, Kind, Prepared, Reached, Workspace, nothing_due};
use crate::host::RealFleet;
use crate::model::RolloutId;
use crate::plan::{LeftOutReason, Plan};
use crate::process::in_thread;
use crate::rollout::Exit;

/// Starts what comes of a preparation, unless that is interrupted or leads to nothing, and answers; none is nothing that is due.
pub(super) fn go_ahead<P: Into<Option<Prepared<RealFleet>>>>(
    cli: &Cli,
    workspace: &Workspace,
    running: &Running,
    dry_run: bool,
    preparation: impl Future<Output = Result<P, Error>>,
) -> Result<u8, Error> {
    let next = runtime()?.block_on(async {
        match unless_interrupted(confirmed(cli, running, dry_run, preparation)).await? {
            Ready::Exit(code) => Ok(Next::Exit(code)),
            Ready::Start(prepared) => start(cli, workspace, running, *prepared).await,
        }
    })?;
    match next {
        Next::Exit(code) => Ok(code),
        Next::Console(rollout) => show_rollout(cli, &workspace.rollouts(), &rollout, false),
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
async fn confirmed<P: Into<Option<Prepared<RealFleet>>>>(
    cli: &Cli,
    running: &Running,
    dry_run: bool,
    preparation: impl Future<Output = Result<P, Error>>,
) -> Result<Ready, Error> {
    let Some(prepared) = preparation.await?.into() else {
        // Whoever only wants to know is told; a timer's mail stays empty.
        match running.output {
            StreamFormat::Text if dry_run => print("nothing is due")?,
            StreamFormat::Text => {}
            StreamFormat::Jsonl => print(&nothing_due()?.to_line().map_err(Error::before)?)?,
        }
        return Ok(Ready::Exit(Exit::Success.code()));
    };
    if dry_run {
        show(cli, &prepared.plan, TableFormat::Text)?;
        return Ok(Ready::Exit(crate::report::plan_exit_code(&prepared.plan)));
    }
    if let Some(code) = nothing_to_do(&prepared.plan, running.output)? {
        return Ok(Ready::Exit(code));
    }
    prepared.check_reachable()?;
    confirm(cli, &prepared.plan, running).await?;
    Ok(Ready::Start(Box::new(prepared)))
}

/// Starts a planned rollout: here, or as a process of its own where it is to outlive this one.
async fn start(
    cli: &Cli,
    workspace: &Workspace,
    running: &Running,
    prepared: Prepared<RealFleet>,
) -> Result<Next, Error> {
    let Prepared { plan, release, hosts, .. } = prepared;
    let lock = workspace.lock(&plan.environment, &plan.rollout, plan.reason.as_deref());
    let lock = unless_interrupted(lock).await?;
    let rollout = workspace.begin(plan, release.as_deref())?;
    let (in_console, rollouts) = (opens_console(running), workspace.rollouts());
    // What was started on a terminal must not end with it.
    let on_terminal = !running.headless && is_interactive();
    if !in_console && !running.detach && !on_terminal {
        let reached = Reached { release, hosts };
        return rollout::conduct(cli, workspace, &rollout, lock, Some(reached), running.output).await.map(Next::Exit);
    }
    drop((release, hosts));
    Detached { rollouts: &rollouts, verbose: cli.verbose, unattended: false }.start(&rollout, lock).await?;
    if in_console {
        return Ok(Next::Console(rollout));
    }
    if !running.detach {
        return follow(cli, &rollouts, &rollout, running.output).await.map(Next::Exit);
    }
    print(rollout.as_str())?;
    tell(&format!("`coalmine attach {rollout}` follows it, `coalmine abort {rollout}` ends it"));
    Ok(Next::Exit(Exit::Waiting.code()))
}

/// Tells whether the rollout is shown in the console: on a terminal, unless something else was asked for.
pub(super) fn opens_console(running: &Running) -> bool {
    has_screen() && !running.headless && !running.detach && running.output == StreamFormat::Text
}

/// Ends a command that would have to ask, where there is nobody to ask.
pub(super) fn refuse_to_ask_nobody(running: &Running) -> Result<(), Error> {
    if running.yes || is_interactive() {
        return Ok(());
    }
    Err(Error::usage("there is no terminal to ask on, and --yes was not given; nothing was done")
        .hint("--yes goes ahead without asking; --dry-run shows what would be done"))
}

/// Says that there is nothing to do, when there is: every host that was not left out has the release.
fn nothing_to_do(plan: &Plan, output: StreamFormat) -> Result<Option<u8>, Error> {
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
    match output {
        StreamFormat::Text => print(&text)?,
        // A reader of events gets events only, and a rollout that was never begun ends as others do.
        StreamFormat::Jsonl => {
            tell(&text);
            for record in crate::rollout::nothing_done(plan, jiff::Timestamp::now()) {
                print(&record.to_line().map_err(Error::before)?)?;
            }
        }
    }
    let anybody_lost = plan.left_out.iter().any(|out| out.reason == LeftOutReason::Unreachable);
    Ok(Some(if anybody_lost { Exit::Unreachable } else { Exit::Success }.code()))
}

/// Shows the plan and asks for the number of its hosts, unless `--yes` was given.
async fn confirm(cli: &Cli, plan: &Plan, running: &Running) -> Result<(), Error> {
    if running.yes {
        return Ok(());
    }
    show(cli, plan, TableFormat::Text)?;
    let targets = plan.targets();
    let asked = {
        let mut stderr = io::stderr().lock();
        write!(stderr, "\nType the number of hosts to go ahead, anything else to leave: ").and_then(|()| stderr.flush())
    };
    asked.map_err(|error| Error::before(format!("the terminal cannot be written: {error}")))?;
    let read = in_thread(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    let answer = read.await?.map_err(|error| Error::before(format!("the terminal cannot be read: {error}")))?;
    if answer.trim() == targets.to_string() {
        return Ok(());
    }
    Err(Error::new(Kind::Interrupted, "not confirmed; nothing was changed"))
}
