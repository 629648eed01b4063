use crate::deploy::Error;
use crate::rollout::Exit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use clap::{CommandFactory as _, Parser as _};
use tracing_subscriber::EnvFilter;

use super::args::{Cli, Command};
use super::console::Opening;
use super::output::{Aside, has_screen, logs_in_colour, print, tell, use_ascii_only};
use super::{
    bootstrap, build, completion, conduct, config, console, control, diff, doctor, habits, hosts, init, install,
    manual, plan, release, releases, rollback, sandbox, slot, status, workspace,
};
use crate::model::Command as Order;

/// Where the rollout of this process is written, for who has to look after a bug.
static JOURNAL: OnceLock<std::path::PathBuf> = OnceLock::new();

/// Runs coalmine with the arguments of the process, and gives its exit code.
#[must_use]
pub fn main() -> u8 {
    if let Some(code) = completion::answer() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print();
            // Where nobody reads errors, there is nobody to tell; help was asked for.
            return match printed {
                _ if error.use_stderr() => Exit::Usage.code(),
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    tell(&format!("coalmine: standard output cannot be written: {error}"));
                    Exit::Failed.code()
                }
                _ => 0,
            };
        }
    };
    if cli.ascii {
        use_ascii_only();
    }
    // What a conductor writes is read later, and by somebody else.
    log_to_stderr(&cli, matches!(cli.command, Some(Command::Conduct { .. })));
    match catch_unwind(AssertUnwindSafe(|| run(&cli))) {
        Ok(Ok(code)) => code,
        Ok(Err(failed)) => {
            tell(&format!("coalmine: {failed}"));
            failed.exit().code()
        }
        Err(_) => {
            let journal = JOURNAL.get().map_or_else(String::new, |path| format!("; the journal is {}", path.display()));
            tell(&format!("coalmine: this is a bug{journal}"));
            Exit::Bug.code()
        }
    }
}

fn run(cli: &Cli) -> Result<u8, Error> {
    let Some(command) = &cli.command else {
        if has_screen() {
            return console::open(cli, workspace(cli)?, Opening::default());
        }
        tell(&Cli::command().render_help().to_string());
        return Ok(Exit::Usage.code());
    };
    match command {
        Command::Init(args) => init::run(cli, args),
        Command::Config(command) => config::run(cli, command),
        Command::Hosts(args) => hosts::run(cli, args),
        Command::Build(args) => build::run(cli, args),
        Command::Diff(args) => diff::run(cli, args),
        Command::Doctor(args) => doctor::run(cli, args),
        Command::Release(command) => release::run(cli, command),
        Command::Releases(args) => releases::run(cli, args),
        Command::Status(args) => status::run(cli, args),
        Command::Plan(args) => plan::run(cli, args),
        Command::InstallWorld(args) => install::run(cli, args),
        Command::Bootstrap(args) => bootstrap::run(cli, args),
        Command::Rollback(args) => match control::roll_back_what_runs(cli, args)? {
            Some(code) => Ok(code),
            None => rollback::run(cli, args),
        },
        Command::Attach(args) => control::attach(cli, args),
        Command::Pause(args) => control::give(cli, args.rollout.as_ref(), Order::Pause),
        Command::Continue(args) => control::give(cli, args.rollout.as_ref(), Order::Continue),
        Command::Abort(args) => control::give(cli, args.rollout.as_ref(), Order::Abort),
        Command::Retry(args) => {
            control::give(cli, args.which.rollout.as_ref(), Order::Retry { host: args.host.clone() })
        }
        Command::Skip(args) => control::give(cli, args.which.rollout.as_ref(), Order::Skip { host: args.host.clone() }),
        Command::Resume(args) => control::resume(cli, args),
        Command::Rollouts(args) => control::rollouts(cli, args),
        Command::Show(args) => control::show(cli, args),
        Command::Lock(args) => control::lock(cli, args),
        Command::Unlock => control::unlock(cli),
        Command::Start(args) => habits::start(cli, args),
        Command::Sync(args) => habits::sync(cli, args),
        Command::Finish(args) => habits::finish(cli, args),
        Command::Revert(args) => habits::revert(cli, args),
        Command::Slot(command) => slot::run(cli, command),
        Command::Sandbox(command) => sandbox::run(command),
        Command::Conduct { rollout } => conduct::run(cli, rollout),
        Command::Completions { shell } => {
            print(&completion::script(*shell)?)?;
            Ok(0)
        }
        Command::Man => {
            print(&manual::page()?)?;
            Ok(0)
        }
    }
}

fn log_to_stderr(cli: &Cli, with_time: bool) {
    let level = match cli.verbose {
        0 => "warn",
        1 => "coalmine=info",
        _ => "coalmine=debug",
    };
    let filter = EnvFilter::try_from_env("COALMINE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Aside)
        .with_ansi(!with_time && logs_in_colour(cli.color));
    // A second subscriber in one process can only be a test's.
    if with_time {
        drop(subscriber.try_init());
    } else {
        drop(subscriber.without_time().try_init());
    }
}

/// Notes where the rollout of this process is written.
pub(super) fn remember_journal(path: &std::path::Path) {
    // Only one rollout runs in a process.
    JOURNAL.get_or_init(|| path.to_owned());
}

/// Makes what asynchronous commands run on.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::before(format!("no threads can be started: {error}")))
}
