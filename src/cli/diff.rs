//! What differs between two releases, or between what hosts run and one.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::args::{Selection, TableFormat};
use super::output::{look, print};
use super::{Globals, completion, interrupt};
use crate::deploy::{Deployment, Error, FleetDifference, Making, Workspace};
use crate::report::DiffReport;
use crate::rollout::Exit;

/// What `diff` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct DiffArgs {
    /// The release that is compared with, or with a second one the release that is compared; `latest` without it.
    #[arg(value_name = "A", add = ArgValueCompleter::new(completion::versions))]
    pub first: Option<String>,

    /// Compares the first release with this one, and asks no host.
    #[arg(value_name = "B", conflicts_with_all = ["limit", "exclude"], add = ArgValueCompleter::new(completion::versions))]
    pub second: Option<String>,

    /// Which hosts.
    #[command(flatten)]
    pub selection: Selection,

    /// Uses the checkout's tags and commits as they are, without asking its remote.
    #[arg(long)]
    pub no_fetch: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

pub(super) fn run(globals: &Globals, args: &DiffArgs) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    let report = interrupt::run(compare(&workspace, args))?;
    match args.output {
        TableFormat::Text => print(&report.text(look(globals.color), globals.verbose > 0).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Error::before)?)?,
    }
    Ok(if report.unreachable.is_empty() { Exit::Success } else { Exit::Unreachable }.code())
}

async fn compare(workspace: &Workspace, args: &DiffArgs) -> Result<DiffReport, Error> {
    let fleet = workspace.fleet().await?;
    let environment = fleet.name.clone();
    let making = Making { no_fetch: args.no_fetch, rebuild: false, only_looks: true };
    let first = workspace.make(fleet.wanted(args.first.as_deref(), None), making).await?;
    let Some(second) = &args.second else {
        let deployment = Deployment::over_ssh(workspace, fleet)?;
        let found = deployment.difference(&args.selection.clone().into(), &first).await?;
        return Ok(DiffReport::new(environment, &first, found));
    };
    let second = workspace.make(fleet.wanted(Some(second), None), making).await?;
    let differences = vec![workspace.difference(&first, &second).await?];
    Ok(DiffReport::new(environment, &second, FleetDifference { differences, silent: Vec::new() }))
}
