//! Takes hosts out of service, and back into it.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::args::reason;
use super::interrupt::runtime;
use super::output::{notify, print};
use super::{Globals, completion};
use crate::deploy::{Error, Pooled, Selection};
use crate::model::{HostId, Pooling};
use crate::rollout::Exit;

/// What `depool` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct DepoolArgs {
    /// Which hosts, of the environment's or its masters.
    #[arg(value_name = "HOST", required = true, add = ArgValueCompleter::new(completion::hosts))]
    pub hosts: Vec<String>,

    /// Why; it is written down, and announced.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
}

/// What `repool` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct RepoolArgs {
    /// Which hosts, of the environment's or its masters.
    #[arg(value_name = "HOST", required = true, add = ArgValueCompleter::new(completion::hosts))]
    pub hosts: Vec<String>,

    /// Why; it is written down, and announced.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
}

/// Does one of the two to each of some hosts; one that fails keeps no other from it.
pub(super) fn run(globals: &Globals, hosts: &[String], which: Pooling, reason: Option<&str>) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    runtime()?.block_on(async {
        let fleet = workspace.fleet().await?;
        let selection = Selection { limit: Some(hosts.join(",")), ..Selection::default() };
        let chosen: Vec<HostId> = workspace.select(fleet.everybody(), &selection).await?;
        let mut exit = Exit::Success;
        for host in &chosen {
            match workspace.pool(fleet.name, host, which, reason.map(str::to_owned)).await {
                Ok(Pooled::Done) => print(&format!("{host} was {}", which.done()))?,
                Ok(Pooled::Accepted(rollout)) => {
                    print(&format!("{} of {host}: accepted by rollout {rollout}", which.word()))?;
                }
                Err(failed) if chosen.len() == 1 => return Err(failed),
                Err(failed) => {
                    notify(&format!("{host}: {failed}"));
                    exit = Exit::Failed;
                }
            }
        }
        Ok(exit.code())
    })
}
