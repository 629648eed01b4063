//! The process: reads its arguments, says where logs go, and gives its exit code.

use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::Parser as _;
use rustix::fs::Mode;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tui_logger::TuiTracingSubscriberLayer;

use super::command::{Cli, Command};
use super::globals::Globals;
use super::output::{ErrorOutput, logs_in_colour, notify, propose_as, use_ascii_only};
use super::{completion, rollout};
use crate::rollout::Exit;

/// Runs coalmine with the arguments of the process, and gives its exit code.
#[must_use]
pub fn main() -> u8 {
    // Nothing that this program makes may others write, whatever the umask: what is in the state folder decides what runs.
    let mask = rustix::process::umask(Mode::WOTH);
    rustix::process::umask(mask | Mode::WOTH);
    if let Some(code) = completion::answer(Cli::command) {
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
                    notify(&format!("coalmine: standard output cannot be written: {error}"));
                    Exit::Failed.code()
                }
                _ => 0,
            };
        }
    };
    if cli.globals.ascii {
        use_ascii_only();
    }
    propose_as(cli.globals.typed());
    // What a conductor writes is read later, and by somebody else.
    log_to_stderr(&cli.globals, matches!(cli.command, Some(Command::Conduct(_))));
    match catch_unwind(AssertUnwindSafe(|| cli.run())) {
        Ok(Ok(code)) => code,
        Ok(Err(failed)) => {
            notify(&format!("coalmine: {failed}"));
            failed.exit().code()
        }
        Err(_) => {
            let journal =
                rollout::journal().map_or_else(String::new, |path| format!("; the journal is {}", path.display()));
            notify(&format!("coalmine: this is a bug{journal}"));
            Exit::Bug.code()
        }
    }
}

fn log_to_stderr(globals: &Globals, with_time: bool) {
    let level = match globals.verbose {
        0 => "warn",
        1 => "coalmine=info",
        _ => "coalmine=debug",
    };
    let filter = EnvFilter::try_from_env("COALMINE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| ErrorOutput)
        .with_ansi(!with_time && logs_in_colour(globals.color));
    // A second subscriber in one process can only be a test's.
    if with_time {
        drop(subscriber.finish().with(TuiTracingSubscriberLayer).try_init());
    } else {
        drop(subscriber.without_time().finish().with(TuiTracingSubscriberLayer).try_init());
    }
}
