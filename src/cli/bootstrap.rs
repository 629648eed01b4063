//! Catches hosts up with what their environment finalized last.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::args::Running;
use super::begin::{go_ahead, opens_console, refuse_to_ask_nobody};
use super::output::{is_interactive, print};
use super::{Cli, completion, interrupt, workspace};
use crate::deploy::{Deployment, Error, Goal, Options};
use crate::rollout::Exit;

/// What `bootstrap` takes.
#[derive(Debug, Clone, Args)]
pub struct BootstrapArgs {
    /// Which hosts of the environment: names or expressions.
    #[arg(value_name = "HOST", required_unless_present = "script", add = ArgValueCompleter::new(completion::hosts))]
    pub hosts: Vec<String>,

    /// Prints a POSIX sh script with which a fresh host installs that release by itself from a master, for Puppet or cloud-init.
    #[arg(long, conflicts_with_all = ["hosts", "exclude", "dry_run", "skip_unreachable", "detach"])]
    pub script: bool,

    /// Without these hosts.
    #[arg(short = 'x', long, value_name = "EXPR", add = ArgValueCompleter::new(completion::hosts))]
    pub exclude: Option<String>,

    /// How.
    #[command(flatten)]
    pub running: Running,

    /// Prints the plan and changes nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Leaves hosts out that cannot be reached, instead of counting them.
    #[arg(long)]
    pub skip_unreachable: bool,
}

pub(super) fn run(cli: &Cli, args: &BootstrapArgs) -> Result<u8, Error> {
    if args.script {
        let workspace = workspace(cli)?;
        let script = interrupt::run(async { workspace.bootstrap_script(&workspace.fleet().await?).await })?;
        print(&String::from_utf8(script).map_err(Error::before)?)?;
        return Ok(Exit::Success.code());
    }
    if !args.dry_run {
        refuse_to_ask_nobody(&args.running)?;
    }
    let mut workspace = workspace(cli)?;
    workspace.lock_wait = args.running.wait_lock;
    let prepare = async {
        let fleet = workspace.fleet().await?;
        let deployment = Deployment::over_ssh(&workspace, fleet, false)?;
        let selection = deployment.named(&args.hosts, args.exclude.clone()).await?;
        let options = Options {
            selection,
            is_watched: opens_console(&args.running) || (args.running.detach && is_interactive()),
            skip_unreachable: args.skip_unreachable,
            promote_all: true,
            concurrency: args.running.concurrency,
            reason: args.running.reason.clone(),
            dry_run: args.dry_run,
            is_asked: !args.running.yes,
            ..Options::default()
        };
        deployment.prepare(Goal::CatchUp, options).await
    };
    go_ahead(cli, &workspace, &args.running, args.dry_run, prepare)
}
