//! Resolves an expression.

use std::collections::HashSet;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::args::TableFormat;
use super::output::{notify, print};
use super::{Globals, completion, interrupt};
use crate::deploy::{Error, Workspace};
use crate::expr::{Expression, fold};
use crate::model::HostId;

/// What `hosts` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct HostsArgs {
    /// Which hosts; all of the environment's without it.
    #[arg(value_name = "EXPR", add = ArgValueCompleter::new(completion::hosts))]
    pub expression: Option<String>,

    /// Prints one folded line: `mw[01-40]`.
    #[arg(long)]
    pub fold: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

/// Resolves an expression: among the environment's hosts and masters, and every host of every group.
pub(super) fn run(globals: &Globals, args: &HostsArgs) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    let hosts = interrupt::run(async {
        match &args.expression {
            None => Ok(workspace.fleet().await?.hosts),
            Some(expression) => {
                let expression = Expression::new(expression)?;
                let universe = universe(&workspace).await?;
                let notes = universe.as_deref().map(|within| workspace.inventory.notes(&expression, within));
                for note in notes.unwrap_or_default() {
                    notify(&format!("note: {note}"));
                }
                workspace.resolve(&expression, universe).await
            }
        }
    })?;
    if args.output == TableFormat::Json {
        print(&serde_json::json!({"schema": 1, "hosts": hosts, "folded": fold(&hosts)}).to_string())?;
    } else if args.fold {
        print(&fold(&hosts))?;
    } else {
        let lines: String = hosts.iter().flat_map(|host| [host.as_str(), "\n"]).collect();
        print(&lines)?;
    }
    Ok(0)
}

/// Gives the hosts to choose from; none is every group's, where no environment adds any.
async fn universe(workspace: &Workspace) -> Result<Option<Vec<HostId>>, Error> {
    if !workspace.has_one_fleet() {
        return Ok(None);
    }
    let fleet = workspace.fleet().await?;
    let groups = workspace.grouped().await?;
    let mut known = HashSet::new();
    let hosts = fleet.hosts.iter().chain(&fleet.masters).chain(&groups).filter(|&host| known.insert(host)).cloned();
    Ok(Some(hosts.collect()))
}
