//! Prints what install-world would do.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::args::{Selection, TableFormat, Wanted, slot};
use super::output::{look, print, print_for_people};
use super::{Globals, completion, interrupt};
use crate::deploy::{Deployment, Error, Goal, Options, Prepared, Workspace};
use crate::model::Slot;
use crate::plan::{Plan, PlanKind};
use crate::report::{DifferenceReport, PlanReport, changes, changes_text, plan_exit_code, plan_text};

/// What `plan` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct PlanArgs {
    /// What would be installed.
    #[command(flatten)]
    pub wanted: Wanted,

    /// Where.
    #[command(flatten)]
    pub selection: Selection,

    /// For this link beside the usual one.
    #[arg(long, value_name = "NAME", value_parser = slot, add = ArgValueCompleter::new(completion::slots))]
    pub slot: Option<Slot>,

    /// Takes the slot of `target.slots` whose turn it is: the one that has the version, else one that no host has, else the one
    /// whose version came longest ago and that nothing leads to.
    #[arg(long, conflicts_with = "slot")]
    pub next_slot: bool,

    /// Leaves hosts out that cannot be reached, instead of counting them.
    #[arg(long)]
    pub skip_unreachable: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

pub(super) fn run(globals: &Globals, args: &PlanArgs) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    let (plan, changes) = interrupt::run(async {
        let fleet = workspace.fleet().await?;
        let wanted = fleet.wanted(args.wanted.version.as_deref(), args.wanted.rev.as_deref());
        let deployment = Deployment::over_ssh(&workspace, fleet)?;
        // The release is built for it, since what hosts have is compared by digest.
        let prepared = deployment.prepare(Goal::Install(wanted), options(args)).await?;
        let changes = changed(&workspace, &prepared).await;
        Ok((prepared.plan, changes))
    })?;
    show(globals, &plan, &changes, args.output)?;
    Ok(plan_exit_code(&plan))
}

fn options(args: &PlanArgs) -> Options {
    Options {
        selection: args.selection.clone().into(),
        slot: args.slot.clone(),
        next_slot: args.next_slot,
        no_fetch: args.wanted.no_fetch,
        skip_unreachable: args.skip_unreachable,
        dry_run: true,
        ..Options::default()
    }
}

/// Finds what a plan changes; what cannot be found is told, and keeps nobody from the plan.
pub(super) async fn changed<F>(workspace: &Workspace, prepared: &Prepared<F>) -> Vec<DifferenceReport> {
    let Some(release) = prepared.release.as_ref().filter(|_| prepared.plan.kind != PlanKind::Rollback) else {
        return Vec::new();
    };
    match workspace.changes(&prepared.plan, release).await {
        Ok(found) => changes(found),
        Err(failed) => {
            tracing::warn!("what changes is not known: {failed}");
            Vec::new()
        }
    }
}

/// Prints a plan, and what it changes.
pub(super) fn show(
    globals: &Globals,
    plan: &Plan,
    changes: &[DifferenceReport],
    output: TableFormat,
) -> Result<(), Error> {
    match output {
        TableFormat::Text => {
            let mut lines = plan_text(plan, look(globals.color));
            let changes = changes_text(changes, &plan.release, look(globals.color));
            if !changes.is_empty() {
                lines.push(String::new());
                lines.push("Changes:".to_owned());
                lines.extend(changes.iter().map(|line| format!("  {line}")));
            }
            print_for_people(&lines.join("\n"))
        }
        TableFormat::Json => {
            let report = PlanReport::new(plan).with_changes(changes);
            print(&serde_json::to_string(&report).map_err(Error::before)?)
        }
    }
}
