//! git-deploy's habits: take an environment, install, give it back, or lead back first.

use clap::Args;

use super::args::{InstallArgs, Running, Selection, one_line, reason};
use super::begin::{go_ahead, refuse_to_ask_nobody};
use super::output::{print, tell};
use super::{Cli, install, interrupt, workspace};
use crate::deploy::{Deployment, Error, Goal, Options, before_start, told};
use crate::plan::BackTo;

/// What `start` takes.
#[derive(Debug, Clone, Args)]
pub struct StartArgs {
    /// Why; shown to everybody who is refused meanwhile.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
}

/// What `sync` takes.
#[derive(Debug, Clone, Args)]
pub struct SyncArgs {
    /// As of `install-world`.
    #[command(flatten)]
    pub install: InstallArgs,

    /// Tags the checkout's commit first, and installs that.
    #[arg(long, value_name = "TAG", conflicts_with_all = ["version", "rev", "dry_run"])]
    pub tag: Option<String>,
}

/// What `finish` takes.
#[derive(Debug, Clone, Args)]
pub struct FinishArgs {
    /// Also where hosts run different versions.
    #[arg(long)]
    pub force: bool,
}

/// What `revert` takes.
#[derive(Debug, Clone, Args)]
pub struct RevertArgs {
    /// Where.
    #[command(flatten)]
    pub selection: Selection,

    /// How.
    #[command(flatten)]
    pub running: Running,

    /// Prints the plan and changes nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Leaves hosts out that cannot be reached, instead of trying them.
    #[arg(long)]
    pub skip_unreachable: bool,
}

pub(super) fn start(cli: &Cli, args: &StartArgs) -> Result<u8, Error> {
    let workspace = workspace(cli)?;
    let reason = args.reason.as_deref().map(one_line).filter(|reason| !reason.is_empty());
    let (environment, _) = workspace.policy()?;
    let started = interrupt::run(async {
        let fleet = workspace.fleet().await?;
        Deployment::over_ssh(&workspace, fleet, false)?.start(reason).await
    })?;
    print(&format!("{environment} is yours until `coalmine finish`; it runs {}", told(&started)))?;
    Ok(0)
}

pub(super) fn sync(cli: &Cli, args: &SyncArgs) -> Result<u8, Error> {
    if !args.install.dry_run {
        refuse_to_ask_nobody(&args.install.running)?;
    }
    let workspace = workspace(cli)?;
    workspace.own_start()?;
    let Some(tag) = &args.tag else {
        return install::run(cli, &args.install);
    };
    interrupt::run(workspace.tag_head(tag, args.install.running.reason.as_deref()))?;
    tell(&format!("{tag} is the checkout's commit; `git push` is what publishes it"));
    let mut install = args.install.clone();
    install.wanted.version = Some(tag.clone());
    install::run(cli, &install)
}

pub(super) fn finish(cli: &Cli, args: &FinishArgs) -> Result<u8, Error> {
    let workspace = workspace(cli)?;
    let (environment, _) = workspace.policy()?;
    let now = interrupt::run(async {
        let fleet = workspace.fleet().await?;
        Deployment::over_ssh(&workspace, fleet, false)?.finish(args.force).await
    })?;
    print(&format!("{environment} is free again; it runs {}", told(&now)))?;
    Ok(0)
}

pub(super) fn revert(cli: &Cli, args: &RevertArgs) -> Result<u8, Error> {
    if !args.dry_run {
        refuse_to_ask_nobody(&args.running)?;
    }
    let mut workspace = workspace(cli)?;
    workspace.lock_wait = args.running.wait_lock;
    let (_, started) = workspace.own_start()?;
    let goal = Goal::Rollback { to: BackTo::Release(before_start(&started)?), each: false };
    let options = Options {
        selection: args.selection.clone().into(),
        skip_unreachable: args.skip_unreachable,
        promote_all: true,
        concurrency: args.running.concurrency,
        reason: args.running.reason.clone(),
        dry_run: args.dry_run,
        is_asked: !args.running.yes,
        ..Options::default()
    };
    let prepare = async {
        let fleet = workspace.fleet().await?;
        Deployment::over_ssh(&workspace, fleet, false)?.prepare(goal, options).await
    };
    go_ahead(cli, &workspace, &args.running, args.dry_run, prepare)
}
