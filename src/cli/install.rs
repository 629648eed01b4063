use std::io::{self, BufRead as _, Write as _};
use std::time::Duration;

use super::args::{InstallArgs, OnFailureChoice, Running, StreamFormat, TableFormat};
use super::context::{Context, Fleet};
use super::control::{follow, show_rollout, waiting_note};
use super::error::Failed;
use super::interrupt::{aside, unless_interrupted};
use super::main::runtime;
use super::output::{count, is_interactive, print, tell};
use super::plan::show;
use super::planned::{Wishes, ask, check_reachable, check_wishes, draft};
use super::release::{make, store};
use super::rollout::{Prepared, Run, conductor_failed};
use super::{Cli, conduct, mapping};
use crate::conductor::{ConductorError, EnvironmentLock, LockError};
use crate::host::Survey;
use crate::journal::Rollouts;
use crate::model::RolloutId;
use crate::plan::{LeftOutReason, OnFailure, Plan, PlanKind};

pub(super) fn run(cli: &Cli, context: &Context, args: &InstallArgs) -> Result<u8, Failed> {
    if !args.dry_run {
        refuse_to_ask_nobody(&args.running)?;
    }
    go_ahead(cli, context, &args.running, prepare(cli, context, args))
}

/// Starts what comes of a preparation, unless that is interrupted or leads to nothing, and answers.
pub(super) fn go_ahead(
    cli: &Cli,
    context: &Context,
    running: &Running,
    preparation: impl Future<Output = Result<Ready, Failed>>,
) -> Result<u8, Failed> {
    let next = runtime()?.block_on(async {
        match unless_interrupted(preparation).await? {
            Ready::Exit(code) => Ok(Next::Exit(code)),
            Ready::Start(plan, prepared) => {
                let run = Run { cli, context, output: running.output, lock_wait: running.wait_lock };
                start(&run, running, *plan, prepared).await
            }
        }
    })?;
    finish(cli, context, next)
}

/// Says what follows once a rollout is planned and confirmed.
pub(super) enum Ready {
    /// Nothing is to be started: the process answers this.
    Exit(u8),
    /// The rollout starts.
    Start(Box<Plan>, Prepared),
}

/// Says what follows once a rollout was started.
enum Next {
    /// The process answers this.
    Exit(u8),
    /// The console shows the rollout, which a conductor runs.
    Console(RolloutId),
}

/// Answers, or opens the console first and answers as the rollout stands when it is left.
fn finish(cli: &Cli, context: &Context, next: Next) -> Result<u8, Failed> {
    let rollout = match next {
        Next::Exit(code) => return Ok(code),
        Next::Console(rollout) => rollout,
    };
    show_rollout(cli, &Rollouts::new(&context.state_dir), &rollout, false)
}

/// Builds, asks the hosts and whoever sits there; nothing is changed anywhere.
async fn prepare(cli: &Cli, context: &Context, args: &InstallArgs) -> Result<Ready, Failed> {
    let fleet = context.fleet()?;
    if !args.dry_run {
        heed_others(context, &fleet, &args.running)?;
    }
    check_wishes(context, &fleet, &args.selection, args.slot.as_ref())?;
    let release = make(context, &fleet, &args.wanted, false).await?;
    let hosts = mapping::real_fleet(context.config(), &store(context)?, args.full_verify)?;
    let answers =
        ask(context, &fleet, &hosts, &args.selection, args.slot.as_ref(), &Survey::For(release.id.clone())).await?;
    let kind = if args.prime { PlanKind::Prime } else { PlanKind::Install };
    let failures = answers.failures();
    let plan = draft(context, &fleet, answers, kind, &release, wishes(args))?;
    if args.dry_run {
        show(cli, &plan, TableFormat::Text)?;
        return Ok(Ready::Exit(crate::report::plan_exit_code(&plan)));
    }
    if let Some(code) = nothing_to_do(&plan, args.running.output)? {
        return Ok(Ready::Exit(code));
    }
    check_reachable(&plan, &failures)?;
    confirm(cli, &plan, &args.running).await?;
    Ok(Ready::Start(Box::new(plan), Prepared { release, fleet: hosts }))
}

/// Refuses what another holds before minutes are spent on it, and tells what waits.
pub(super) fn heed_others(context: &Context, fleet: &Fleet<'_>, running: &Running) -> Result<(), Failed> {
    let may_wait = !running.wait_lock.unwrap_or(context.config().lock.wait).is_zero();
    match EnvironmentLock::look(&context.state_dir, fleet.name) {
        Err(ConductorError::Lock(LockError::Held { .. })) if may_wait => {}
        looked => looked.map_err(conductor_failed)?,
    }
    if let Some(note) = waiting_note(&context.state_dir, fleet.name) {
        tell(&format!("{note}; a new one overtakes it"));
    }
    Ok(())
}

/// Starts a planned rollout: here, or as a process of its own where it is to outlive this one.
async fn start(run: &Run<'_>, running: &Running, plan: Plan, prepared: Prepared) -> Result<Next, Failed> {
    let lock = run.lock(&plan.environment, Some(&plan.rollout), plan.reason.as_deref());
    let lock = unless_interrupted(lock).await?;
    let rollout = run.begin(plan, &prepared.release)?;
    if opens_console(running) {
        drop(prepared);
        conduct::start(run, &rollout, lock).await?;
        return Ok(Next::Console(rollout));
    }
    // What was started on a terminal must not end with it.
    let on_terminal = !running.headless && is_interactive();
    if running.detach || on_terminal {
        drop(prepared);
        conduct::start(run, &rollout, lock).await?;
        if !running.detach {
            return follow(run.cli, &run.rollouts(), &rollout, run.output).await.map(Next::Exit);
        }
        print(rollout.as_str())?;
        tell(&format!("`coalmine attach {rollout}` follows it, `coalmine abort {rollout}` ends it"));
        return Ok(Next::Exit(Failed::WAITING));
    }
    run.conduct(&rollout, lock, Some(prepared)).await.map(Next::Exit)
}

/// Tells whether the rollout is shown in the console: on a terminal, unless something else was asked for.
pub(super) fn opens_console(running: &Running) -> bool {
    is_interactive() && !running.headless && !running.detach && running.output == StreamFormat::Text
}

fn wishes(args: &InstallArgs) -> Wishes {
    Wishes {
        slot: args.slot.clone(),
        soak: if args.no_soak { Some(Duration::ZERO) } else { args.soak },
        on_failure: args.on_failure.map(|choice| match choice {
            OnFailureChoice::Pause => OnFailure::Pause,
            OnFailureChoice::Rollback => OnFailure::Rollback,
            OnFailureChoice::Abort => OnFailure::Abort,
        }),
        // Where somebody looks, it is theirs to say what follows.
        is_watched: opens_console(&args.running) || (args.running.detach && is_interactive()),
        skip_unreachable: args.skip_unreachable,
        promote_all: args.running.yes,
        concurrency: args.running.concurrency,
        reason: args.running.reason.clone(),
    }
}

/// Ends a command that would have to ask, where there is nobody to ask.
pub(super) fn refuse_to_ask_nobody(running: &Running) -> Result<(), Failed> {
    if running.yes || is_interactive() {
        return Ok(());
    }
    Err(Failed::usage("there is no terminal to ask on, and --yes was not given; nothing was done")
        .hint("--yes goes ahead without asking; --dry-run shows what would be done"))
}

/// Says that there is nothing to do, when there is: every host that was not left out has the release.
pub(super) fn nothing_to_do(plan: &Plan, output: StreamFormat) -> Result<Option<u8>, Failed> {
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
        // A reader of events gets events only, and here there are none.
        StreamFormat::Jsonl => tell(&text),
    }
    let anybody_lost = plan.left_out.iter().any(|out| out.reason == LeftOutReason::Unreachable);
    Ok(Some(if anybody_lost { 4 } else { 0 }))
}

/// Shows the plan and asks for the number of its hosts, unless `--yes` was given.
pub(super) async fn confirm(cli: &Cli, plan: &Plan, running: &Running) -> Result<(), Failed> {
    if running.yes {
        return Ok(());
    }
    show(cli, plan, TableFormat::Text)?;
    let targets = plan.targets();
    let asked = {
        let mut stderr = io::stderr().lock();
        write!(stderr, "\nType the number of hosts to go ahead, anything else to leave: ").and_then(|()| stderr.flush())
    };
    asked.map_err(|error| Failed::before(format!("the terminal cannot be written: {error}")))?;
    let read = aside(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    let answer = read.await?.map_err(|error| Failed::before(format!("the terminal cannot be read: {error}")))?;
    if answer.trim() == targets.to_string() {
        return Ok(());
    }
    Err(Failed { code: Failed::INTERRUPTED, message: "not confirmed; nothing was changed".to_owned(), hint: None })
}
