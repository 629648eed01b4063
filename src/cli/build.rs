//! Builds a release on this machine.

use clap::Args;
use serde::Serialize;

use super::args::{TableFormat, Wanted};
use super::output::print;
use super::{Globals, interrupt};
use crate::deploy::{Error, Making};
use crate::model::{Bytes, Commit, Digest, ReleaseId, Version};

/// What `build` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct BuildArgs {
    /// What is built.
    #[command(flatten)]
    pub wanted: Wanted,

    /// Builds anew what is built already.
    #[arg(long)]
    pub rebuild: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

#[derive(Serialize)]
struct Built<'a> {
    schema: u32,
    release: &'a ReleaseId,
    version: &'a Version,
    commit: &'a Commit,
    digest: &'a Digest,
    entries: usize,
    bytes: Bytes,
    tree: &'a std::path::Path,
}

pub(super) fn run(globals: &Globals, args: &BuildArgs) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    let making = Making { no_fetch: args.wanted.no_fetch, rebuild: args.rebuild, only_looks: false };
    let release = interrupt::run(async {
        let fleet = workspace.fleet().await?;
        let wanted = fleet.wanted(args.wanted.version.as_deref(), args.wanted.rev.as_deref());
        workspace.make(wanted, making).await
    })?;
    let totals = release.manifest.totals();
    match args.output {
        TableFormat::Text => print(&format!(
            "{}  commit {}  {} entries  {}\n{}\n",
            release.id,
            release.commit,
            totals.entries(),
            totals.bytes,
            release.tree.display()
        ))?,
        TableFormat::Json => {
            let built = Built {
                schema: 1,
                release: &release.id,
                version: &release.version,
                commit: &release.commit,
                digest: &release.digest,
                entries: totals.entries(),
                bytes: totals.bytes,
                tree: &release.tree,
            };
            print(&serde_json::to_string(&built).map_err(Error::before)?)?;
        }
    }
    Ok(0)
}
