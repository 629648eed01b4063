use super::args::{StatusArgs, TableFormat};
use super::output::{look, print, tell};
use super::{Cli, interrupt, workspace};
use crate::deploy::{Deployment, Error, Workspace, waiting_note};
use crate::host::Survey;
use crate::model::Version;
use crate::plan::check_machines;
use crate::report::{HostStatusReport, StatusReport};

pub(super) fn run(cli: &Cli, args: &StatusArgs) -> Result<u8, Error> {
    let workspace = workspace(cli)?;
    let report = interrupt::run(survey(&workspace, args))?;
    match args.output {
        TableFormat::Text => print(&report.text(look(cli.color), cli.verbose > 0).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Error::before)?)?,
    }
    if let Some(found) = workspace.found_bad(&report.environment, &report.release)? {
        let where_it_is = if found.everywhere { "" } else { " on some hosts" };
        tell(&format!("{} is bad{where_it_is}: {}", report.release.version, found.told()));
    }
    if let Some(note) = waiting_note(&workspace.state_dir, &report.environment) {
        tell(&note);
    }
    if let Some(held) = workspace.held(&report.environment) {
        tell(&held.to_string());
    }
    Ok(report.exit_code())
}

async fn survey(workspace: &Workspace, args: &StatusArgs) -> Result<StatusReport, Error> {
    let fleet = workspace.fleet().await?;
    let wanted = workspace.wanted_release(&fleet.wanted(args.version.as_deref(), None), args.no_fetch).await?;
    let deployment = Deployment::over_ssh(workspace, fleet, true)?;
    let answers = deployment.survey(&args.selection.clone().into(), args.slot.as_ref(), &Survey::Deep).await?;
    let asked = answers.all().filter_map(|(host, answer)| Some((host, answer.as_ref().ok()?)));
    if let Err(twins) = check_machines(asked) {
        tell(&format!("warning: {twins}"));
    }
    let versions = workspace.version_order();
    let order = |a: &Version, b: &Version| versions.compare(a.as_str(), b.as_str());
    // A group that cannot be read hides no host.
    drop(workspace.grouped().await);
    let mut rows = Vec::new();
    for (host, answer) in answers.targets() {
        let site = deployment.fleet.policy.site.site_of(host);
        rows.push(HostStatusReport::new(host.clone(), site, workspace.groups_of(host), answer, &wanted, order));
    }
    let name = &deployment.fleet.name;
    let standing = workspace.standing(name, &wanted)?;
    Ok(StatusReport::new((*name).clone(), wanted, rows).standing(standing))
}
