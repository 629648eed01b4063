//! Removes built releases that nobody needs any more from this machine.

use clap::Args;

use super::args::TableFormat;
use super::ask::{ask, confirmed};
use super::interrupt::runtime;
use super::output::{is_interactive, notify, print, style};
use super::{Globals, interrupt};
use crate::deploy::{Error, Pruned, Pruning, Workspace};
use crate::report::PruneReport;

/// What `releases prune` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct PruneArgs {
    /// So many of the newest built stay in any case; as many as a host keeps (`target.keep`) without it.
    #[arg(long, value_name = "N")]
    pub keep: Option<usize>,

    /// Asks nothing.
    #[arg(short, long)]
    pub yes: bool,

    /// Tells what would go, and removes nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

pub(super) fn run(globals: &Globals, args: &PruneArgs) -> Result<u8, Error> {
    if !args.yes && !args.dry_run && !is_interactive() {
        return Err(Error::usage("there is no terminal to ask on, and --yes was not given; nothing was done")
            .hint("--yes goes ahead without asking; --dry-run shows what would go"));
    }
    let workspace = globals.workspace()?;
    let planned = interrupt::run(workspace.pruning(args.keep))?;
    let going = planned.choice.goes.len();
    let style = style(globals.color, globals.verbose > 0);
    let mut report = report(&workspace, &planned);
    if args.dry_run || going == 0 {
        report.dry_run = args.dry_run;
        return show(args, &report, &report.text(&style).join("\n")).map(|()| 0);
    }
    if !args.yes {
        notify(&report.text(&style).join("\n"));
        let answer = ask(&format!("\nType the number of releases to remove them ({going}), anything else to leave: "))?;
        confirmed(&answer, &going.to_string())?;
    }
    // From here on releases go: a signal does not end it.
    let Pruned { gone, stays, packs, failed } = runtime()?.block_on(workspace.prune(&planned))?;
    let stay_after_all = stays.iter().filter(|kept| planned.choice.goes.contains(&kept.built));
    for kept in stay_after_all {
        notify(&format!("{} stays, needed since: {}", kept.built.id, kept.need));
    }
    let done = PruneReport::new(&report.product, planned.keep, &gone, &stays, packs);
    // Whoever was asked has seen the table.
    show(args, &done, &if args.yes { done.done_text(&style).join("\n") } else { done.gone() })?;
    failed.map_or(Ok(0), Err)
}

fn report(workspace: &Workspace, planned: &Pruning) -> PruneReport {
    let product = workspace.config().product.name.as_str();
    PruneReport::new(product, planned.keep, &planned.choice.goes, &planned.choice.stays, planned.packs)
}

fn show(args: &PruneArgs, report: &PruneReport, text: &str) -> Result<(), Error> {
    match args.output {
        TableFormat::Text => print(text),
        TableFormat::Json => print(&serde_json::to_string(report).map_err(Error::before)?),
    }
}
