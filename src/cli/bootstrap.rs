//! Catches hosts up with what their environment finalized last.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::args::Selection;
use super::begin::{Running, go_ahead};
use super::output::print;
use super::{Globals, completion, interrupt};
use crate::deploy::{Deployment, Error, Goal, Options};
use crate::rollout::Exit;

/// What `bootstrap` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct BootstrapArgs {
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
}

pub(super) fn run(globals: &Globals, args: &BootstrapArgs) -> Result<u8, Error> {
    if args.script {
        let workspace = globals.workspace()?;
        let script = interrupt::run(async { workspace.bootstrap_script(&workspace.fleet().await?).await })?;
        print(&String::from_utf8(script).map_err(Error::before)?)?;
        return Ok(Exit::Success.code());
    }
    let workspace = args.running.workspace(globals)?;
    let prepare = async {
        let fleet = workspace.fleet().await?;
        let deployment = Deployment::over_ssh(&workspace, fleet)?;
        let selection = deployment.named(&args.hosts, args.exclude.clone()).await?;
        let options =
            Options { selection, is_watched: args.running.is_watched(), ..args.running.options(&Selection::default()) };
        deployment.prepare(Goal::CatchUp, options).await
    };
    go_ahead(globals, &workspace, &args.running, prepare)
}
