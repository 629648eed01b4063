use super::args::{self, StatusArgs, TableFormat};
use super::context::{Context, Fleet};
use super::control::waiting_note;
use super::error::Failed;
use super::output::{look, print, tell};
use super::planned::ask;
use super::release::{find, store};
use super::{Cli, interrupt, mapping};
use crate::conductor::{ConductorError, EnvironmentLock};
use crate::host::Survey;
use crate::model::{HostId, ReleaseId, Version};
use crate::release::{Mark, compare};
use crate::report::{HostStatusReport, StatusReport, WantedRelease};

pub(super) fn run(cli: &Cli, context: &Context, args: &StatusArgs) -> Result<u8, Failed> {
    let fleet = context.fleet()?;
    let report = interrupt::run(survey(context, &fleet, args))?;
    match args.output {
        TableFormat::Text => print(&report.text(look(cli.color), cli.verbose > 0).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Failed::before)?)?,
    }
    if let Some(reason) = found_bad(context, &report)? {
        tell(&format!("{} is bad: {reason}", report.release.version));
    }
    if let Some(note) = waiting_note(&context.state_dir, fleet.name) {
        tell(&note);
    }
    if let Err(ConductorError::Lock(held)) = EnvironmentLock::look(&context.state_dir, fleet.name) {
        tell(&held.to_string());
    }
    Ok(report.exit_code())
}

/// Says why the release that hosts are compared with should be on none, where a rollout found that out.
fn found_bad(context: &Context, report: &StatusReport) -> Result<Option<String>, Failed> {
    let Some(digest) = &report.release.digest else {
        return Ok(None);
    };
    let release = ReleaseId::new(&report.release.version, digest);
    let marks = store(context)?.marks().map_err(super::release::failed)?;
    let last = marks.into_iter().rev().find(|mark| mark.release == release);
    Ok(last.and_then(|mark| match mark.verdict {
        Mark::Bad { reason } => Some(reason),
        Mark::Good => None,
    }))
}

async fn survey(context: &Context, fleet: &Fleet<'_>, args: &StatusArgs) -> Result<StatusReport, Failed> {
    let wanted = wanted(context, fleet, args.version.as_deref(), args.no_fetch).await?;
    let hosts = mapping::real_fleet(context.config(), &store(context)?, true)?;
    let answers = ask(context, fleet, &hosts, &args.selection, args.slot.as_ref(), &Survey::Deep).await?;
    let order = |a: &Version, b: &Version| compare(a.as_str(), b.as_str());
    let mut rows = Vec::new();
    for (host, answer) in answers.targets() {
        let site = fleet.policy.site.site_of(host);
        rows.push(HostStatusReport::new(host.clone(), site, groups_of(context, host), answer, &wanted, order));
    }
    Ok(StatusReport::new(fleet.name.clone(), wanted, rows))
}

/// Names the groups of a host; a group that cannot be read hides no status.
pub(super) fn groups_of(context: &Context, host: &HostId) -> Vec<String> {
    match context.inventory.groups_of(host) {
        Ok(groups) => groups.iter().map(|group| group.as_str().to_owned()).collect(),
        Err(error) => {
            tracing::warn!("groups are left out: {error}");
            Vec::new()
        }
    }
}

/// Finds the release that hosts should have; it is not built for that, since a status changes nothing.
pub(super) async fn wanted(
    context: &Context,
    fleet: &Fleet<'_>,
    version: Option<&str>,
    no_fetch: bool,
) -> Result<WantedRelease, Failed> {
    let words = args::Wanted { version: version.map(str::to_owned), rev: None, no_fetch };
    let resolved = match find(context, fleet, &words).await {
        // A remote that is away is no reason not to say what hosts run.
        Err(failed) if !no_fetch => {
            let resolved = find(context, fleet, &args::Wanted { no_fetch: true, ..words }).await;
            if resolved.is_ok() {
                tell(&format!("warning: the tags may be old: {failed}"));
            }
            resolved?
        }
        found => found?,
    };
    let built = store(context)?.find(&resolved.version).map_err(super::release::failed)?;
    // A tag that was moved since is another release.
    let built = built.filter(|built| built.commit == resolved.commit);
    if built.is_none() {
        tell(&format!("{} was never built here: what hosts of that version run cannot be proven", resolved.version));
    }
    Ok(WantedRelease {
        version: resolved.version,
        commit: Some(resolved.commit.as_str().to_owned()),
        digest: built.map(|built| built.digest),
    })
}
