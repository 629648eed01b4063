//! Tells all that is known of one host.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::args::TableFormat;
use super::output::{look, print, print_for_people};
use super::{Globals, completion, interrupt};
use crate::deploy::{Deployment, Error, Selection, WantedRelease, Workspace};
use crate::host::{RealFleet, Survey};
use crate::model::{HostId, HostState, Version};
use crate::report::{HostPage, HostStatusReport};
use crate::rollout::Exit;

/// What `host` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct HostPageArgs {
    /// Which host, of the environment's or its masters.
    #[arg(value_name = "HOST", add = ArgValueCompleter::new(completion::hosts))]
    pub host: String,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

pub(super) fn run(globals: &Globals, args: &HostPageArgs) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    let page = interrupt::run(async {
        let fleet = workspace.fleet().await?;
        let selection = Selection { limit: Some(args.host.clone()), ..Selection::default() };
        let chosen = workspace.select(fleet.everybody(), &selection).await?;
        let [host] = chosen.as_slice() else {
            return Err(Error::usage(format!("{} means {} hosts, and this tells one", args.host, chosen.len())));
        };
        let wanted = workspace.wanted_release(&fleet.wanted(None, None), true).await?;
        let deployment = Deployment::over_ssh(&workspace, fleet)?;
        // A group that cannot be read hides no host.
        drop(workspace.grouped().await);
        let past = workspace.past_of(deployment.fleet.name, host)?;
        Ok(HostPage { past, ..page(&deployment, &workspace, host, wanted).await })
    })?;
    match args.output {
        TableFormat::Text => {
            print_for_people(&page.text(look(globals.color), &jiff::tz::TimeZone::system()).join("\n"))?;
        }
        TableFormat::Json => print(&serde_json::to_string(&page).map_err(Error::before)?)?,
    }
    let exit = match page.status.state {
        HostState::Current => Exit::Success,
        HostState::Unreachable => Exit::Unreachable,
        _ => Exit::NotCurrent,
    };
    Ok(exit.code())
}

/// Asks a host for all that it has; what rollouts did to it is not in its answer.
pub(super) async fn page(
    deployment: &Deployment<'_, RealFleet>,
    workspace: &Workspace,
    host: &HostId,
    wanted: WantedRelease,
) -> HostPage {
    let answer = deployment.ask(host, &Survey::Page).await;
    let order = workspace.version_order();
    let order = |a: &Version, b: &Version| order.compare(a.as_str(), b.as_str());
    let site = deployment.fleet.policy.site.site_of(host);
    let status = HostStatusReport::new(host.clone(), site, workspace.groups_of(host), &answer, &wanted, order);
    let environment = deployment.fleet.name.clone();
    // What the host says of itself is worth telling without it.
    let out = workspace.out_of_service(&environment).unwrap_or_else(|error| {
        tracing::warn!("whether it is out of service is not known: {error}");
        Vec::new()
    });
    let out_of_service = out.into_iter().find(|out| out.host == *host);
    let page = HostPage::new(environment, wanted, status, answer.as_ref().ok(), jiff::Timestamp::now());
    HostPage { out_of_service, ..page }
}
