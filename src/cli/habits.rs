//! git-deploy's habits: take an environment, install, give it back, or lead back first.

use clap::Args;

use super::args::{Selection, one_line, reason};
use super::begin::{Running, go_ahead};
use super::install::InstallArgs;
use super::output::{notify, print_for_people};
use super::{Globals, install, interrupt};
use crate::deploy::{Deployment, Error, Goal, before_start, describe_started};
use crate::plan::BackTo;

/// What `start` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct StartArgs {
    /// Why; shown to everybody who is refused meanwhile.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
}

/// What `sync` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct SyncArgs {
    /// As of `install-world`.
    #[command(flatten)]
    pub install: InstallArgs,

    /// Tags the checkout's commit first, and installs that.
    #[arg(long, value_name = "TAG", conflicts_with_all = ["version", "rev", "dry_run"])]
    pub tag: Option<String>,
}

/// What `finish` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct FinishArgs {
    /// Also where hosts run different versions.
    #[arg(long)]
    pub force: bool,
}

/// What `revert` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct RevertArgs {
    /// Where.
    #[command(flatten)]
    pub selection: Selection,

    /// How.
    #[command(flatten)]
    pub running: Running,
}

pub(super) fn start(globals: &Globals, args: &StartArgs) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    let reason = args.reason.as_deref().map(one_line).filter(|reason| !reason.is_empty());
    let (environment, _) = workspace.policy()?;
    let started = interrupt::run(async {
        let fleet = workspace.fleet().await?;
        Deployment::over_ssh(&workspace, fleet)?.start(reason).await
    })?;
    print_for_people(&format!(
        "{environment} is yours until `coalmine finish`; it runs {}",
        describe_started(&started)
    ))?;
    Ok(0)
}

pub(super) fn sync(globals: &Globals, args: &SyncArgs) -> Result<u8, Error> {
    args.install.running.refuse_to_ask_nobody()?;
    let workspace = globals.workspace()?;
    workspace.own_start()?;
    let Some(tag) = &args.tag else {
        return install::run(globals, &args.install);
    };
    interrupt::run(workspace.tag_head(tag, args.install.running.reason.as_deref()))?;
    notify(&format!("{tag} is the checkout's commit; `git push` is what publishes it"));
    let mut install = args.install.clone();
    install.wanted.version = Some(tag.clone());
    install::run(globals, &install)
}

pub(super) fn finish(globals: &Globals, args: &FinishArgs) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    let (environment, _) = workspace.policy()?;
    let now = interrupt::run(async {
        let fleet = workspace.fleet().await?;
        Deployment::over_ssh(&workspace, fleet)?.finish(args.force).await
    })?;
    print_for_people(&format!("{environment} is free again; it runs {}", describe_started(&now)))?;
    Ok(0)
}

pub(super) fn revert(globals: &Globals, args: &RevertArgs) -> Result<u8, Error> {
    let workspace = args.running.workspace(globals)?;
    let (_, started) = workspace.own_start()?;
    let goal = Goal::Rollback { to: BackTo::Release(before_start(&started)?), each: false };
    let prepare = async {
        let fleet = workspace.fleet().await?;
        Deployment::over_ssh(&workspace, fleet)?.prepare(goal, args.running.options(&args.selection)).await
    };
    go_ahead(globals, &workspace, &args.running, prepare)
}
