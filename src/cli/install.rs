use std::sync::Arc;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::args::{self, Selection, duration, slot};
use super::begin::{Running, go_ahead};
use super::pick::{pick, refuse_to_pick_for_nobody};
use super::{Globals, completion};
use crate::deploy::{Deployment, Error, Goal, Invocation, Options, Workspace};
use crate::host::RealFleet;
use crate::model::Slot;
use crate::plan::{LeftOutReason, OnFailure};
use crate::release::Wanted;

/// What `install-world` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct InstallArgs {
    /// What is installed.
    #[command(flatten)]
    pub wanted: args::Wanted,

    /// Where.
    #[command(flatten)]
    pub selection: Selection,

    /// How.
    #[command(flatten)]
    pub running: Running,

    /// Switches this link beside the usual one, so that two versions are live at once.
    #[arg(long, value_name = "NAME", value_parser = slot, add = ArgValueCompleter::new(completion::slots))]
    pub slot: Option<Slot>,

    /// Takes the slot of `target.slots` whose turn it is: the one that has the version, else one that no host has, else the one
    /// whose version came longest ago and that nothing leads to.
    #[arg(long, conflicts_with_all = ["slot", "if_newer", "debt"])]
    pub next_slot: bool,

    /// Puts the release everywhere and switches nowhere.
    #[arg(long)]
    pub prime: bool,

    /// How long every stage soaks.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "no_soak")]
    pub soak: Option<Duration>,

    /// No stage soaks.
    #[arg(long)]
    pub no_soak: bool,

    /// What follows a failure over the budget; pause on a terminal, rollback headless.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub on_failure: Option<OnFailure>,

    /// Who lets stages go on that wait for a person: with `auto` their soak and gates do, which `--yes` means without it.
    #[arg(long, value_enum, value_name = "WHO")]
    pub promote: Option<PromoteChoice>,

    /// Hashes every file on the hosts, also those that did not change.
    #[arg(long)]
    pub full_verify: bool,

    /// Installs the version that is named even where it was found bad.
    #[arg(long, requires = "version")]
    pub even_bad: bool,

    /// Goes ahead inside the freeze window of this name; may be given several times.
    #[arg(long = "override-freeze", value_name = "NAME")]
    pub override_freezes: Vec<String>,

    /// Asks among the five newest versions, of an environment that follows a branch the heads of branches too, and what its hosts run or
    /// ran before; only on a terminal.
    #[arg(long, conflicts_with_all = ["version", "rev", "if_newer", "debt", "activate_only"])]
    pub pick: bool,

    /// Does nothing, and says nothing, unless the version is newer than what any of the hosts runs: for timers.
    #[arg(long, conflicts_with_all = ["debt", "activate_only"])]
    pub if_newer: bool,

    /// Only hosts that rollouts passed by or failed on, until one brings them their release; without VERSION with what the
    /// environment finalized last, in one wave. Those that still cannot be reached are left out.
    #[arg(long, conflicts_with_all = ["prime", "activate_only"])]
    pub debt: bool,

    /// Switches to what was primed before and transfers nothing; without VERSION to what was primed last.
    #[arg(long, conflicts_with = "prime")]
    pub activate_only: bool,
}

impl ValueEnum for OnFailure {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Pause => "It waits for a command",
            Self::Rollback => "Every switched host goes back",
            Self::Abort => "It ends and leaves every host as it stands",
        };
        Some(PossibleValue::new(self.word()).help(help))
    }
}

/// Says who lets a stage go on that waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PromoteChoice {
    /// Its soak and its gates.
    Auto,
    /// A person, with `continue`.
    Manual,
}

impl InstallArgs {
    /// Tells whether stages that wait for a person go on by themselves.
    #[must_use]
    fn promotes_all(&self) -> bool {
        self.promote.map_or(self.running.yes, |promote| promote == PromoteChoice::Auto)
    }
}

pub(super) fn run(globals: &Globals, args: &InstallArgs) -> Result<u8, Error> {
    args.running.refuse_to_ask_nobody()?;
    if args.pick {
        refuse_to_pick_for_nobody()?;
    }
    let mut workspace = args.running.workspace(globals)?;
    if args.full_verify {
        workspace.verify_everything();
    }
    let prepare = async {
        let fleet = workspace.fleet().await?;
        let (version, revision) = (args.wanted.version.as_deref(), args.wanted.rev.as_deref());
        let wanted = match args.pick {
            true => pick(&workspace, &fleet, args.slot.as_ref(), args.wanted.no_fetch).await?,
            false => fleet.wanted(version, revision),
        };
        let is_named = version.is_some() || revision.is_some();
        let deployment = Deployment::over_ssh(&workspace, fleet)?;
        let mut options = options(args);
        if args.if_newer && !is_newer(globals, &deployment, &wanted, &options).await? {
            return Ok(None);
        }
        let goal = match args {
            InstallArgs { prime: true, .. } => Goal::Prime(wanted),
            InstallArgs { activate_only: true, .. } => Goal::Activate(is_named.then_some(wanted)),
            InstallArgs { debt: true, .. } if !is_named => Goal::CatchUp,
            _ => Goal::Install(wanted),
        };
        if args.debt {
            let Some(selection) = deployment.in_debt(&options.selection, options.slot.as_ref(), is_named).await? else {
                return Ok(None);
            };
            options = Options { selection, skip_unreachable: true, ..options };
        }
        let prepared = deployment.prepare(goal, options).await?;
        // They came by it in another way: nobody has to be told that again every quarter of an hour.
        let is_lost = prepared.plan.left_out.iter().any(|out| out.reason == LeftOutReason::Unreachable);
        let is_settled = args.debt && prepared.plan.hosts.is_empty() && !is_lost;
        if is_settled && !args.running.dry_run {
            workspace.settle(&prepared).await;
        }
        Ok((!is_settled).then_some(prepared))
    };
    go_ahead(globals, &workspace, &args.running, prepare)
}

/// Asks without a word whether the version is newer than what hosts run: where it is not, there is nothing to be told.
async fn is_newer(
    globals: &Globals,
    deployment: &Deployment<'_, RealFleet>,
    wanted: &Wanted,
    options: &Options,
) -> Result<bool, Error> {
    let quiet = Workspace::open(&Invocation { listener: Arc::new(|_| {}), ..globals.invocation() })?;
    let asking = Deployment::new(&quiet, quiet.fleet().await?, Arc::clone(&deployment.hosts));
    asking.is_newer(wanted, &options.selection, options.slot.as_ref(), options.no_fetch).await
}

fn options(args: &InstallArgs) -> Options {
    Options {
        slot: args.slot.clone(),
        next_slot: args.next_slot,
        no_fetch: args.wanted.no_fetch,
        soak: if args.no_soak { Some(Duration::ZERO) } else { args.soak },
        on_failure: args.on_failure,
        is_watched: args.running.is_watched(),
        promote_all: args.promotes_all(),
        even_bad: args.even_bad,
        override_freezes: args.override_freezes.clone(),
        ..args.running.options(&args.selection)
    }
}
