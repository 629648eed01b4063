//! Lists releases, marks them, and removes what is built.

use std::collections::{BTreeMap, HashMap};

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::args::{TableFormat, one_line, reason, version};
use super::output::{count, notify, print, style};
use super::prune::PruneArgs;
use super::{Globals, completion, interrupt, prune};
use crate::deploy::{Deployment, Error, Known, Workspace};
use crate::model::Version;
use crate::release::Mark;
use crate::report::{ReleaseMark, ReleaseRow, ReleasesReport, Seen};

/// What `releases` takes.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct ReleasesArgs {
    /// What is done; none lists them.
    #[command(subcommand)]
    pub command: Option<ReleasesCommand>,

    /// Uses the checkout's tags as they are, without asking its remote.
    #[arg(long)]
    pub no_fetch: bool,

    /// Also asks the fleet which hosts run what.
    #[arg(long)]
    pub survey: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

/// What `releases` does beside listing.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum ReleasesCommand {
    /// Marks a version bad in the environment, or good, until that is taken back.
    Mark(MarkArgs),
    /// Takes back what was found out about a version, by whomever.
    Unmark {
        /// The version, or a release's id.
        #[arg(value_name = "VERSION", value_parser = version, add = ArgValueCompleter::new(completion::tags))]
        version: Version,
    },
    /// Removes built releases that nobody needs any more from this machine, the oldest first; changes no host.
    ///
    /// What stays: the newest built, what any environment finalized last or would go back to, what a rollout installs that runs or
    /// waits, what was primed last, and whatever is another product's. A release that is gone is built again when it is wanted.
    Prune(PruneArgs),
}

/// What `releases mark` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct MarkArgs {
    /// The version, or a release's id.
    #[arg(value_name = "VERSION", value_parser = version, add = ArgValueCompleter::new(completion::tags))]
    pub version: Version,

    /// What it is.
    #[arg(value_enum, value_name = "VERDICT", default_value_t = MarkChoice::Bad)]
    pub verdict: MarkChoice,

    /// Why; shown wherever the mark is.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
}

/// Says what a release is marked as.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum MarkChoice {
    /// No host should get it, nor go back to it.
    #[default]
    Bad,
    /// It may be installed and gone back to.
    Good,
}

pub(super) fn run(globals: &Globals, args: &ReleasesArgs) -> Result<u8, Error> {
    let (version, mark, told) = match &args.command {
        Some(ReleasesCommand::Prune(args)) => return prune::run(globals, args),
        Some(ReleasesCommand::Mark(MarkArgs { version, verdict: MarkChoice::Bad, reason })) => {
            let reason = reason.as_deref().map_or_else(|| "marked".to_owned(), one_line);
            (version, Mark::Bad { reason: reason.clone() }, format!("is bad: {reason}"))
        }
        Some(ReleasesCommand::Mark(MarkArgs { version, verdict: MarkChoice::Good, .. })) => {
            (version, Mark::Good, "is good".to_owned())
        }
        Some(ReleasesCommand::Unmark { version }) => (version, Mark::Unmarked, "has no mark any more".to_owned()),
        None => return list_all(globals, args),
    };
    say(&globals.workspace()?, version, &mark, &told)
}

fn list_all(globals: &Globals, args: &ReleasesArgs) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    let report = interrupt::run(list(&workspace, args))?;
    match args.output {
        TableFormat::Text => print(&report.text(&style(globals.color, globals.verbose > 0)).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Error::before)?)?,
    }
    Ok(0)
}

/// Marks a version by the operator's word, or takes a mark back.
fn say(workspace: &Workspace, version: &Version, verdict: &Mark, told: &str) -> Result<u8, Error> {
    let (environment, _) = workspace.policy()?;
    for release in interrupt::run(workspace.say(version, verdict))? {
        let name = if release.is_unbuilt() { release.version().to_string() } else { release.to_string() };
        print(&format!("{name} {told}, in {environment}"))?;
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
        let installed = Deployment::over_ssh(workspace, fleet.clone())?.installed(None).await?;
        let silent = &installed.silent;
        if !silent.is_empty() {
            notify(&format!("{} did not answer: {}", count(silent.len(), "host"), crate::expr::fold(silent)));
        }
        (Seen::Surveyed, installed.versions)
    } else {
        (Seen::Journals, workspace.left_by_rollouts(&fleet))
    };
    let mut counts: HashMap<Version, usize> = HashMap::new();
    for version in installed.into_values() {
        *counts.entry(version).or_default() += 1;
    }
    let rows = known.into_iter().map(|Known { tag, built, mark }| {
        let hosts = counts.remove(&tag.version);
        ReleaseRow {
            commit: tag.commit,
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
        notify(&format!("{version}, which is no tag here, is on {}", count(hosts, "host")));
    }
    Ok(report)
}
