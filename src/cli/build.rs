use serde::Serialize;

use super::args::{BuildArgs, TableFormat};
use super::context::Context;
use super::error::Failed;
use super::interrupt;
use super::output::print;
use super::release::make;
use crate::model::{Bytes, Digest, ReleaseId, Version};

#[derive(Serialize)]
struct Built<'a> {
    schema: u32,
    release: &'a ReleaseId,
    version: &'a Version,
    commit: &'a str,
    digest: &'a Digest,
    entries: usize,
    bytes: Bytes,
    tree: &'a std::path::Path,
}

pub(super) fn run(context: &Context, args: &BuildArgs) -> Result<u8, Failed> {
    let fleet = context.fleet()?;
    let release = interrupt::run(make(context, &fleet, &args.wanted, args.rebuild))?;
    let totals = release.manifest.totals();
    match args.output {
        TableFormat::Text => print(&format!(
            "{}  commit {}  {} entries  {}\n{}\n",
            release.id,
            release.commit.as_str(),
            totals.entries(),
            totals.bytes,
            release.tree.display()
        ))?,
        TableFormat::Json => {
            let built = Built {
                schema: 1,
                release: &release.id,
                version: &release.version,
                commit: release.commit.as_str(),
                digest: &release.digest,
                entries: totals.entries(),
                bytes: totals.bytes,
                tree: &release.tree,
            };
            print(&serde_json::to_string(&built).map_err(Failed::before)?)?;
        }
    }
    Ok(0)
}
