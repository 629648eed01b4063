use super::args::{PlanArgs, TableFormat};
use super::context::{Context, Fleet};
use super::error::Failed;
use super::output::{look, print};
use super::planned::{Wishes, ask, check_wishes, draft};
use super::release::{make, store};
use super::{Cli, interrupt, mapping};
use crate::host::Survey;
use crate::plan::{Plan, PlanKind};
use crate::report::{PlanReport, plan_exit_code, plan_text};

pub(super) fn run(cli: &Cli, context: &Context, args: &PlanArgs) -> Result<u8, Failed> {
    let fleet = context.fleet()?;
    let plan = interrupt::run(make_plan(context, &fleet, args))?;
    show(cli, &plan, args.output)?;
    Ok(plan_exit_code(&plan))
}

/// Prints a plan.
pub(super) fn show(cli: &Cli, plan: &Plan, output: TableFormat) -> Result<(), Failed> {
    match output {
        TableFormat::Text => print(&plan_text(plan, look(cli.color)).join("\n")),
        TableFormat::Json => print(&serde_json::to_string(&PlanReport::new(plan)).map_err(Failed::before)?),
    }
}

/// Makes the plan of `install-world`: the release is built for it, since what hosts have is compared by digest.
async fn make_plan(context: &Context, fleet: &Fleet<'_>, args: &PlanArgs) -> Result<Plan, Failed> {
    check_wishes(context, fleet, &args.selection, args.slot.as_ref())?;
    let release = make(context, fleet, &args.wanted, false).await?;
    let hosts = mapping::real_fleet(context.config(), &store(context)?, false)?;
    let answers =
        ask(context, fleet, &hosts, &args.selection, args.slot.as_ref(), &Survey::For(release.id.clone())).await?;
    let wishes = Wishes { slot: args.slot.clone(), skip_unreachable: args.skip_unreachable, ..Wishes::default() };
    draft(context, fleet, answers, PlanKind::Install, &release, wishes)
}
