use crate::deploy::{Error, Workspace};
use std::collections::HashSet;

use super::args::HostsArgs;
use super::output::print;
use super::{Cli, workspace};
use crate::expr::fold;
use crate::model::HostId;

/// Resolves an expression: among the environment's hosts and masters, and every host of every group.
pub(super) fn run(cli: &Cli, args: &HostsArgs) -> Result<u8, Error> {
    let workspace = workspace(cli)?;
    let hosts = match &args.expression {
        None => workspace.fleet()?.hosts,
        Some(expression) => {
            let expression = crate::expr::Expression::new(expression)?;
            let universe = universe(&workspace)?;
            workspace.inventory.resolve(&expression, universe.as_deref())?
        }
    };
    if args.fold {
        print(&fold(&hosts))?;
    } else {
        let lines: String = hosts.iter().flat_map(|host| [host.as_str(), "\n"]).collect();
        print(&lines)?;
    }
    Ok(0)
}

/// Gives the hosts to choose from; none is every group's, where no environment adds any.
fn universe(workspace: &Workspace) -> Result<Option<Vec<HostId>>, Error> {
    if !workspace.has_one_fleet() {
        return Ok(None);
    }
    let fleet = workspace.fleet()?;
    let groups = workspace.inventory.hosts()?;
    let mut known = HashSet::new();
    let hosts = fleet.hosts.iter().chain(&fleet.masters).chain(groups).filter(|&host| known.insert(host)).cloned();
    Ok(Some(hosts.collect()))
}
