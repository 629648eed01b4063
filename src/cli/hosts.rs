use std::collections::HashSet;

use super::args::HostsArgs;
use super::context::Context;
use super::error::Failed;
use super::output::print;
use crate::expr::fold;
use crate::model::HostId;

/// Resolves an expression: among the environment's hosts and masters, and every host of every group.
pub(super) fn run(context: &Context, args: &HostsArgs) -> Result<u8, Failed> {
    let hosts = match &args.expression {
        None => context.fleet()?.hosts,
        Some(expression) => {
            let expression = crate::expr::Expression::new(expression).map_err(Failed::usage)?;
            let universe = universe(context)?;
            context.inventory.resolve(&expression, universe.as_deref()).map_err(Failed::usage)?
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
fn universe(context: &Context) -> Result<Option<Vec<HostId>>, Failed> {
    if !context.has_one_fleet() {
        return Ok(None);
    }
    let fleet = context.fleet()?;
    let groups = context.inventory.hosts().map_err(Failed::usage)?;
    let mut known = HashSet::new();
    let hosts = fleet.hosts.iter().chain(&fleet.masters).chain(groups).filter(|&host| known.insert(host)).cloned();
    Ok(Some(hosts.collect()))
}
