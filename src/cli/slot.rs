//! Lists the slots of hosts, and removes one.

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;

use super::args::{Selection, TableFormat, slot};
use super::ask::{ask, confirmed};
use super::interrupt::runtime;
use super::output::{count, is_interactive, notify, print};
use super::{Globals, completion, interrupt};
use crate::deploy::{Deployment, Error, Slots, Workspace, no_slot};
use crate::expr::fold;
use crate::host::RealFleet;
use crate::model::Slot;
use crate::rollout::Exit;

/// What `slot` does.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum SlotCommand {
    /// Lists slots: name, version, on how many hosts.
    List {
        /// Which hosts.
        #[command(flatten)]
        selection: Selection,

        /// What is printed.
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
        output: TableFormat,
    },
    /// Removes a slot from hosts: its link, never the usual one. Its release goes when no link and no state names it any more.
    Remove(RemoveArgs),
}

/// What `slot remove` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct RemoveArgs {
    /// Which slot.
    #[arg(value_name = "NAME", value_parser = slot, add = ArgValueCompleter::new(completion::slots))]
    pub slot: Slot,

    /// Where.
    #[command(flatten)]
    pub selection: Selection,

    /// Asks nothing.
    #[arg(short, long)]
    pub yes: bool,
}

pub(super) fn run(globals: &Globals, command: &SlotCommand) -> Result<u8, Error> {
    match command {
        SlotCommand::List { selection, output } => list(globals, selection, *output),
        SlotCommand::Remove(args) => remove(globals, args),
    }
}

fn list(globals: &Globals, selection: &Selection, output: TableFormat) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    let slots = interrupt::run(async {
        let fleet = workspace.fleet().await?;
        Deployment::over_ssh(&workspace, fleet)?.slots(&selection.clone().into()).await
    })?;
    match output {
        TableFormat::Text => print(&text(&slots))?,
        TableFormat::Json => {
            let (environment, _) = workspace.policy()?;
            let rows: Vec<_> = slots
                .uses
                .iter()
                .map(|found| {
                    let (version, release) = (found.release.version(), found.release.to_string());
                    serde_json::json!({
                        "slot": found.slot, "version": version, "release": release, "hosts": found.hosts,
                        "name": found.name, "since": found.since, "used_by": found.used_by,
                    })
                })
                .collect();
            let whole = serde_json::json!({
                "schema": 1, "environment": environment, "slots": rows, "unreachable": slots.silent,
            });
            print(&whole.to_string())?;
        }
    }
    tell_silent(&slots);
    Ok(if slots.silent.is_empty() { Exit::Success } else { Exit::Unreachable }.code())
}

fn text(slots: &Slots) -> String {
    if slots.uses.is_empty() {
        return "no host has a slot".to_owned();
    }
    let width = |of: &dyn Fn(&crate::deploy::SlotUse) -> usize| slots.uses.iter().map(of).max().unwrap_or_default();
    let name = width(&|found| found.slot.as_str().len());
    let width = width(&|found| found.release.to_string().len());
    let line = |found: &crate::deploy::SlotUse| {
        let (hosts, by) = (count(found.hosts.len(), "host"), Vec::from_iter(found.used_by.iter().map(String::as_str)));
        let named = found.name.as_ref().map(|name| format!("; named {name}")).unwrap_or_default();
        let used = if by.is_empty() { String::new() } else { format!("; used by {}", by.join(", ")) };
        let (release, folded) = (found.release.to_string(), fold(&found.hosts));
        format!("{:<name$}  {release:<width$}  {hosts}: {folded}{named}{used}", found.slot)
    };
    slots.uses.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn tell_silent(slots: &Slots) {
    if !slots.silent.is_empty() {
        notify(&format!("{} did not answer: {}", count(slots.silent.len(), "host"), fold(&slots.silent)));
    }
}

fn remove(globals: &Globals, args: &RemoveArgs) -> Result<u8, Error> {
    if !args.yes && !is_interactive() {
        return Err(Error::usage("there is no terminal to ask on, and --yes was not given; nothing was done"));
    }
    let workspace = globals.workspace()?;
    let (deployment, slots) = interrupt::run(find(&workspace, args))?;
    tell_silent(&slots);
    let (slot, hosts) = (&args.slot, slots.hosts_of(&args.slot));
    if hosts.is_empty() {
        let mut names: Vec<&str> = slots.uses.iter().map(|found| found.slot.as_str()).collect();
        names.dedup();
        return Err(Error::usage(no_slot(slot, &names)));
    }
    refuse_used(slot, &slots)?;
    if !args.yes {
        let of = Slots {
            uses: slots.uses.iter().filter(|found| found.slot == *slot).cloned().collect(),
            ..Slots::default()
        };
        notify(&text(&of));
        let number = hosts.len();
        let answer =
            ask(&format!("\nType the number of hosts to remove it there ({number}), anything else to leave: "))?;
        confirmed(&answer, &number.to_string())?;
    }
    // From here on hosts change: a signal does not end it, and each host's deadline does.
    let removal = runtime()?.block_on(deployment.remove_slot(slot, &hosts))?;
    if !removal.removed.is_empty() {
        print(&format!(
            "slot {slot} is gone from {}: {}",
            count(removal.removed.len(), "host"),
            fold(&removal.removed)
        ))?;
    }
    for (host, why) in &removal.failed {
        notify(&format!("{host}: {why}"));
    }
    let exit = match (removal.failed.is_empty(), slots.silent.is_empty()) {
        (false, _) => Exit::Debt,
        (true, false) => Exit::Unreachable,
        (true, true) => Exit::Success,
    };
    Ok(exit.code())
}

/// Refuses to leave links of the site's own that lead nowhere.
fn refuse_used(slot: &Slot, slots: &Slots) -> Result<(), Error> {
    let used = slots.uses.iter().filter(|found| found.slot == *slot && !found.used_by.is_empty());
    let used = Vec::from_iter(used.map(|found| {
        let links = Vec::from_iter(found.used_by.iter().map(String::as_str)).join(", ");
        format!("{links} leads to it on {}", fold(&found.hosts))
    }));
    if used.is_empty() {
        return Ok(());
    }
    Err(Error::before(format!("slot {slot} is in use: {}; nothing was changed", used.join("; ")))
        .hint("let those links lead elsewhere first"))
}

async fn find<'a>(workspace: &'a Workspace, args: &RemoveArgs) -> Result<(Deployment<'a, RealFleet>, Slots), Error> {
    let fleet = workspace.fleet().await?;
    let deployment = Deployment::over_ssh(workspace, fleet)?;
    deployment.may_remove(&args.slot)?;
    let slots = deployment.slots(&args.selection.clone().into()).await?;
    Ok((deployment, slots))
}
