//! Cuts a release of the product, after its changelog was written and somebody said yes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};

use super::args::version;
use super::ask::{ask, confirmed};
use super::interrupt::{runtime, unless_interrupted};
use super::output::{count, is_interactive, notify, print};
use super::{Globals, interrupt};
use crate::deploy::{Cutting, Error, Kind};
use crate::model::Version;

/// What `release` does.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum ReleaseCommand {
    /// Writes the changelog, bumps the version, commits, tags and pushes; all of it or nothing.
    ///
    /// The checkout must be clean and not behind its upstream, and VERSION newer than the last release of its branch. What the
    /// changelog says is proposed from its `Unreleased` section, or from the commits since: an editor opens with it on a
    /// terminal; `--notes` takes it from a file, `--yes` as it is proposed.
    Cut(CutArgs),
}

/// What `release cut` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct CutArgs {
    /// The version, which is the tag.
    #[arg(value_name = "VERSION", value_parser = version)]
    pub version: Version,

    /// Takes what the changelog says from this file.
    #[arg(long, value_name = "FILE")]
    pub notes: Option<PathBuf>,

    /// Signs the tag.
    #[arg(long)]
    pub sign: bool,

    /// Pushes branch and tag to product.remote: both or neither.
    #[arg(long)]
    pub push: bool,

    /// Does not ask the remote whether the checkout is stale.
    #[arg(long)]
    pub no_fetch: bool,

    /// Asks nothing.
    #[arg(short, long)]
    pub yes: bool,

    /// Prints what the changelog would say and changes nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

pub(super) fn run(globals: &Globals, ReleaseCommand::Cut(args): &ReleaseCommand) -> Result<u8, Error> {
    if !args.yes && !args.dry_run && !is_interactive() {
        return Err(Error::usage("there is no terminal to ask on, and --yes was not given; nothing was done")
            .hint("--yes goes ahead without asking, --notes FILE says what the changelog has; --dry-run shows it"));
    }
    let workspace = globals.workspace()?;
    let product = &workspace.config().product;
    if product.verify_tags && !args.sign {
        return Err(Error::usage(
            "product.verify_tags is true: a tag without a signature would be no release; use --sign",
        ));
    }
    if args.push && product.remote.is_none() {
        return Err(Error::usage("there is no product.remote to push to; nothing was done"));
    }
    let notes = args.notes.as_deref().map(read_notes).transpose()?;
    let cutting = interrupt::run(workspace.cutting(&args.version, args.no_fetch))?;
    let entry = match notes {
        Some(notes) => notes,
        None if args.yes || args.dry_run => cutting.proposal.clone(),
        None => edited(&cutting.proposal)?,
    };
    if args.dry_run {
        print(&entry)?;
        return Ok(0);
    }
    if !args.yes {
        confirm(args, &cutting, &entry)?;
    }
    runtime()?.block_on(async {
        unless_interrupted(workspace.is_still(&cutting)).await?;
        match unless_interrupted(workspace.cut(&cutting, &entry, args.sign, args.push)).await {
            Ok(()) => Ok(()),
            Err(cause) => Err(workspace.uncut(&cutting, cause).await),
        }
    })?;
    let (branch, version) = (&cutting.ground.branch, &args.version);
    match (&cutting.remote, args.push) {
        (Some(remote), true) => print(&format!("{version} is cut from {branch}, and pushed to {remote}"))?,
        (Some(remote), false) => print(&format!(
            "{version} is cut from {branch}; `git push --atomic {remote} {branch} {version}` publishes it"
        ))?,
        (None, _) => print(&format!("{version} is cut from {branch}"))?,
    }
    Ok(0)
}

fn read_notes(path: &Path) -> Result<String, Error> {
    let text =
        std::fs::read_to_string(path).map_err(|error| Error::usage(format!("--notes {}: {error}", path.display())))?;
    if text.trim().is_empty() {
        return Err(Error::usage(format!("--notes {}: it is empty; nothing was done", path.display())));
    }
    Ok(text)
}

/// Lets whoever sits there write what the changelog says, in the editor of git's order: VISUAL, EDITOR, vi.
fn edited(proposal: &str) -> Result<String, Error> {
    let unusable = |error: std::io::Error| Error::before(format!("the changelog's entry cannot be edited: {error}"));
    let mut file = tempfile::Builder::new().prefix("coalmine-").suffix(".md").tempfile().map_err(unusable)?;
    file.write_all(proposal.as_bytes()).map_err(unusable)?;
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let editor = ["GIT_EDITOR", "VISUAL", "EDITOR"].into_iter().find_map(set).unwrap_or_else(|| "vi".to_owned());
    // The value is a command with arguments, as everywhere.
    let ended = Command::new("/bin/sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(file.path()).status();
    if !ended.map_err(unusable)?.success() {
        return Err(Error::new(Kind::Interrupted, format!("{editor} did not end well; nothing was changed")));
    }
    // Some editors write another file under the name.
    let text = std::fs::read_to_string(file.path()).map_err(unusable)?;
    if text.trim().is_empty() {
        return Err(Error::new(Kind::Interrupted, "the entry is empty; nothing was changed"));
    }
    Ok(text)
}

fn confirm(args: &CutArgs, cutting: &Cutting, entry: &str) -> Result<(), Error> {
    let since = match &cutting.ground.last {
        Some(last) => format!("{} since {}", count(cutting.ground.commits.len(), "commit"), last.name),
        None => "the first release".to_owned(),
    };
    let pushed = match &cutting.remote {
        Some(remote) if args.push => format!(", and pushed to {remote}"),
        _ => String::new(),
    };
    notify(&format!("{entry}\n{} is cut from {} ({since}){pushed}.", args.version, cutting.ground.branch));
    confirmed(&ask("Type the version to go ahead, anything else to leave: ")?, args.version.as_str())
}
