use super::args::{PlanArgs, TableFormat};
use super::output::{look, print};
use super::{Cli, interrupt, workspace};
use crate::deploy::{Deployment, Error, Goal, Options};
use crate::plan::Plan;
use crate::report::{PlanReport, plan_exit_code, plan_text};

pub(super) fn run(cli: &Cli, args: &PlanArgs) -> Result<u8, Error> {
    let workspace = workspace(cli)?;
    let plan = interrupt::run(async {
        let fleet = workspace.fleet().await?;
        let wanted = fleet.wanted(args.wanted.version.as_deref(), args.wanted.rev.as_deref());
        let deployment = Deployment::over_ssh(&workspace, fleet, false)?;
        // The release is built for it, since what hosts have is compared by digest.
        Ok(deployment.prepare(Goal::Install(wanted), options(args)).await?.plan)
    })?;
    show(cli, &plan, args.output)?;
    Ok(plan_exit_code(&plan))
}

fn options(args: &PlanArgs) -> Options {
    Options {
        selection: args.selection.clone().into(),
        slot: args.slot.clone(),
        no_fetch: args.wanted.no_fetch,
        skip_unreachable: args.skip_unreachable,
        dry_run: true,
        ..Options::default()
    }
}

/// Prints a plan.
pub(super) fn show(cli: &Cli, plan: &Plan, output: TableFormat) -> Result<(), Error> {
    match output {
        TableFormat::Text => print(&plan_text(plan, look(cli.color)).join("\n")),
        TableFormat::Json => print(&serde_json::to_string(&PlanReport::new(plan)).map_err(Error::before)?),
    }
}
