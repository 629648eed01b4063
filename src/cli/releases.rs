use std::collections::{BTreeMap, HashMap};

use super::args::{MarkArgs, MarkChoice, MarkCommand, ReleasesArgs, TableFormat, one_line};
use super::output::{count, print, style, tell};
use super::{Cli, interrupt, workspace};
use crate::deploy::{Deployment, Error, Known, Workspace};
use crate::model::Version;
use crate::release::Mark;
use crate::report::{ReleaseMark, ReleaseRow, ReleasesReport, Seen};

pub(super) fn run(cli: &Cli, args: &ReleasesArgs) -> Result<u8, Error> {
    let workspace = workspace(cli)?;
    if let Some(mark) = &args.mark {
        return say(&workspace, mark);
    }
    let report = interrupt::run(list(&workspace, args))?;
    match args.output {
        TableFormat::Text => print(&report.text(&style(cli.color, cli.verbose > 0)).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Error::before)?)?,
    }
    Ok(0)
}

/// Marks a version by the operator's word, or takes a mark back.
fn say(workspace: &Workspace, command: &MarkCommand) -> Result<u8, Error> {
    let (version, verdict, told) = match command {
        MarkCommand::Mark(MarkArgs { version, verdict: MarkChoice::Bad, reason }) => {
            let reason = reason.as_deref().map(one_line).unwrap_or_else(|| "marked".to_owned());
            (version, Mark::Bad { reason: reason.clone() }, format!("is bad: {reason}"))
        }
        MarkCommand::Mark(MarkArgs { version, verdict: MarkChoice::Good, .. }) => {
            (version, Mark::Good, "is good".to_owned())
        }
        MarkCommand::Unmark { version } => (version, Mark::Unmarked, "has no mark any more".to_owned()),
    };
    let (environment, _) = workspace.policy()?;
    for release in workspace.say(version, &verdict)? {
        print(&format!("{release} {told}, in {environment}"))?;
    }
    Ok(0)
}

async fn list(workspace: &Workspace, args: &ReleasesArgs) -> Result<ReleasesReport, Error> {
    let fleet = workspace.fleet().await?;
    if !args.no_fetch {
        workspace.refresh().await?;
    }
    let known = workspace.known(&workspace.store()?).await?;
    let (seen, installed) = if args.survey {
        let installed = Deployment::over_ssh(workspace, fleet.clone(), false)?.installed().await?;
        let silent = &installed.silent;
        if !silent.is_empty() {
            tell(&format!("{} did not answer: {}", count(silent.len(), "host"), crate::expr::fold(silent)));
        }
        (Seen::Surveyed, installed.versions)
    } else {
        (Seen::Journals, workspace.left_by_rollouts(&fleet)?)
    };
    let mut counts: HashMap<Version, usize> = HashMap::new();
    for version in installed.into_values() {
        *counts.entry(version).or_default() += 1;
    }
    let rows = known.into_iter().map(|Known { tag, built, mark }| {
        let hosts = counts.remove(&tag.version);
        ReleaseRow {
            commit: tag.commit.as_str().to_owned(),
            date: Some(tag.at),
            built: built.is_some(),
            digest: built.map(|built| built.digest8().to_owned()),
            mark: mark.and_then(|mark| match mark {
                Mark::Good => Some(ReleaseMark::Good),
                Mark::Bad { .. } => Some(ReleaseMark::Bad),
                Mark::Unmarked => None,
            }),
            installed: hosts.map(|hosts| (fleet.name.clone(), hosts)).into_iter().collect(),
            version: tag.version,
        }
    });
    let report = ReleasesReport::new(rows.collect(), seen);
    // What is not a release of this repository is told all the same: no host is left out.
    let others: BTreeMap<String, usize> =
        counts.into_iter().map(|(version, hosts)| (version.to_string(), hosts)).collect();
    for (version, hosts) in others {
        tell(&format!("{version}, which is no tag here, is on {}", count(hosts, "host")));
    }
    Ok(report)
}
