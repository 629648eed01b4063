//! Leads the rollout that runs back, or with none running the fleet to what was good before.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::args::{Selection, StreamFormat, rollout, slot, version};
use super::begin::{Running, go_ahead};
use super::control::{one_that_runs, send};
use super::output::{notify, print};
use super::{Globals, completion};
use crate::conductor::running;
use crate::deploy::{Deployment, Error, Goal, Options, back_to};
use crate::model::{Command, RolloutId, Slot, Version};
use crate::plan::BackTo;

/// What `rollback` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct RollbackArgs {
    /// Of a rollout that runs: puts every host back that it switched. Without it, of the one that runs; when none does,
    /// plans a rollout back to the last release that was finalized.
    #[arg(
        value_name = "ID",
        value_parser = rollout,
        conflicts_with = "to",
        add = ArgValueCompleter::new(completion::running)
    )]
    pub rollout: Option<RolloutId>,

    /// To this version, as each host finalized it, instead of what was good before; `adopted` is what was there before coalmine.
    #[arg(
        long,
        value_name = "VERSION",
        value_parser = version,
        add = ArgValueCompleter::new(completion::ways_back)
    )]
    pub to: Option<Version>,

    /// Every host to its own last good release, where they differ.
    #[arg(long, conflicts_with = "to")]
    pub each: bool,

    /// Where.
    #[command(flatten)]
    pub selection: Selection,

    /// How.
    #[command(flatten)]
    pub running: Running,

    /// Of this link beside the usual one.
    #[arg(long, value_name = "NAME", value_parser = slot, add = ArgValueCompleter::new(completion::slots))]
    pub slot: Option<Slot>,
}

pub(super) fn run(globals: &Globals, args: &RollbackArgs) -> Result<u8, Error> {
    if let Some(code) = roll_back_what_runs(globals, args)? {
        return Ok(code);
    }
    let workspace = args.running.workspace(globals)?;
    let prepare = async {
        let fleet = workspace.fleet().await?;
        Deployment::over_ssh(&workspace, fleet)?.prepare(goal(args), options(args)).await
    };
    go_ahead(globals, &workspace, &args.running, prepare)
}

/// Rolls the rollout back that runs; none when none does, and a rollout back is to be planned instead.
fn roll_back_what_runs(globals: &Globals, args: &RollbackArgs) -> Result<Option<u8>, Error> {
    let rollouts = globals.rollouts()?;
    if args.rollout.is_none() && (args.running.dry_run || running(&rollouts, globals.environment.as_ref())?.is_empty())
    {
        return Ok(None);
    }
    let rollout = one_that_runs(globals, &rollouts, args.rollout.as_ref())?;
    if args.to.is_some() || args.selection.limit.is_some() || args.selection.exclude.is_some() || args.slot.is_some() {
        return Err(Error::usage(format!("rollout {rollout} runs, and goes back as a whole to what was there before"))
            .hint(format!(
                "`coalmine rollback {rollout}` does that; --to, --limit, --exclude and --slot are for when nothing runs"
            )));
    }
    let accepted = send(&rollouts, &rollout, Command::Rollback)?;
    match args.running.output {
        StreamFormat::Text => print(&accepted)?,
        // A reader of events gets events only, and those of that rollout are told where it was started.
        StreamFormat::Jsonl => notify(&accepted),
    }
    Ok(Some(0))
}

fn goal(args: &RollbackArgs) -> Goal {
    Goal::Rollback { to: args.to.clone().map_or(BackTo::Last, back_to), each: args.each }
}

fn options(args: &RollbackArgs) -> Options {
    Options { slot: args.slot.clone(), ..args.running.options(&args.selection) }
}
