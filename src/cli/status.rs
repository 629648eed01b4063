//! Surveys the fleet.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::args::{Selection, TableFormat, slot};
use super::output::{look, notify, print, print_for_people};
use super::{Globals, completion, interrupt};
use crate::deploy::{Deployment, Error, Workspace, waiting_note};
use crate::host::Survey;
use crate::model::{Slot, Version};
use crate::report::{HostStatusReport, StatusReport};

/// What `status` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct StatusArgs {
    /// Compares with this tag instead of the latest one.
    #[arg(value_name = "VERSION", add = ArgValueCompleter::new(completion::versions))]
    pub version: Option<String>,

    /// Which hosts.
    #[command(flatten)]
    pub selection: Selection,

    /// Of this link beside the usual one.
    #[arg(long, value_name = "NAME", value_parser = slot, add = ArgValueCompleter::new(completion::slots))]
    pub slot: Option<Slot>,

    /// Uses the checkout's tags as they are, without asking its remote.
    #[arg(long)]
    pub no_fetch: bool,

    /// Hashes every file, also of what was proven before and not touched since.
    #[arg(long)]
    pub full_verify: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

pub(super) fn run(globals: &Globals, args: &StatusArgs) -> Result<u8, Error> {
    let mut workspace = globals.workspace()?;
    if args.full_verify {
        workspace.verify_everything();
    }
    let report = interrupt::run(survey(&workspace, args))?;
    match args.output {
        TableFormat::Text => print_for_people(&report.text(look(globals.color), globals.verbose > 0).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Error::before)?)?,
    }
    if let Some(found) = workspace.found_bad(&report.environment, &report.release) {
        let where_it_is = if found.everywhere { "" } else { " on some hosts" };
        notify(&format!("{} is bad{where_it_is}: {}", report.release.version, found.describe()));
    }
    if let Some(note) = waiting_note(&workspace.state_dir, &report.environment) {
        notify(&note);
    }
    if let Some(held) = workspace.held(&report.environment) {
        notify(&held.to_string());
    }
    Ok(report.exit_code())
}

async fn survey(workspace: &Workspace, args: &StatusArgs) -> Result<StatusReport, Error> {
    let fleet = workspace.fleet().await?;
    let deployment = Deployment::over_ssh(workspace, fleet)?;
    let selection = args.selection.clone().into();
    let survey = deployment.survey(&selection, args.slot.as_ref(), &Survey::Files);
    // The product's remote may be far away, too.
    let wanted = deployment.fleet.wanted(args.version.as_deref(), None);
    let find = async {
        let wanted = workspace.wanted_release(&wanted, args.no_fetch).await?;
        // A group that cannot be read hides no host.
        drop(workspace.grouped().await);
        Ok(wanted)
    };
    let (answers, wanted) = tokio::try_join!(survey, find)?;
    deployment.warn_of_same_machines(&answers);
    let versions = workspace.version_order();
    let order = |a: &Version, b: &Version| versions.compare(a.as_str(), b.as_str());
    let mut rows = Vec::new();
    for (host, answer) in answers.targets() {
        let site = deployment.fleet.policy.site.site_of(host);
        rows.push(HostStatusReport::new(host.clone(), site, workspace.groups_of(host), answer, &wanted, order));
    }
    let name = &deployment.fleet.name;
    let standing = workspace.standing(name, &wanted).await;
    Ok(StatusReport::new((*name).clone(), wanted, rows).standing(standing))
}
