//! Every command by its name, and which file does it.

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::engine::ArgValueCompleter;

use super::bootstrap::BootstrapArgs;
use super::build::BuildArgs;
use super::completion::CompletionsArgs;
use super::conduct::ConductArgs;
use super::config::ConfigCommand;
use super::console::Opening;
use super::control::{
    AttachArgs, DecideArgs, HostArgs, LockArgs, ResumeArgs, RetryArgs, RolloutArgs, RolloutsArgs, ShowArgs, SoakArgs,
    UnlockArgs,
};
use super::diff::DiffArgs;
use super::doctor::DoctorArgs;
use super::globals::Globals;
use super::habits::{FinishArgs, RevertArgs, StartArgs, SyncArgs};
use super::host::HostPageArgs;
use super::hosts::HostsArgs;
use super::init::InitArgs;
use super::install::InstallArgs;
use super::output::{has_screen, is_interactive, notify, print};
use super::plan::PlanArgs;
use super::pool::{DepoolArgs, RepoolArgs};
use super::release::ReleaseCommand;
use super::releases::ReleasesArgs;
use super::rollback::RollbackArgs;
use super::sandbox::SandboxCommand;
use super::slot::SlotCommand;
use super::status::StatusArgs;
use super::{
    bootstrap, build, completion, conduct, config, console, control, diff, doctor, habits, host, hosts, init, install,
    manual, plan, pool, release, releases, rollback, sandbox, slot, status,
};
use crate::deploy::Error;
use crate::model::seconds::rounded_up;
use crate::model::{Command as Order, Pooling};
use crate::rollout::Exit;

/// Installs a release of a tool on a whole fleet over ssh and rsync, canaries first.
///
/// coalmine watches every host while it does so, stops when something is wrong, and puts the old release back.
#[derive(Debug, Clone, Parser)]
#[command(name = "coalmine", version, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = super::manual::exit_codes())]
pub(super) struct Cli {
    /// Where, and how it is told.
    #[command(flatten)]
    pub globals: Globals,

    /// What is to be done.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Names what coalmine does.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Command {
    /// Writes the least configuration, from a checkout and a list of hosts.
    ///
    /// It is `coalmine.toml` in the current folder, never over one that is there, and proven before. What no flag says is asked
    /// on a terminal; without one, what is missing is an error that names its flag.
    Init(InitArgs),
    /// Plans and runs a rollout.
    #[command(visible_alias = "deploy")]
    InstallWorld(InstallArgs),
    /// Catches hosts up that have no release, or missed a rollout: with what their environment finalized last.
    ///
    /// That is a rollout of its own, in one wave and without a soak; hosts that have the release already take no part.
    Bootstrap(BootstrapArgs),
    /// Prints what install-world would do, host by host; changes nothing.
    Plan(PlanArgs),
    /// Surveys the fleet: installed version against the release, per host; changes nothing.
    Status(StatusArgs),
    /// Tells all that is known of one host: what it runs and holds, how it drifted file by file, room, clock, log, and what rollouts did to it.
    ///
    /// Changes nothing. Exits with 0 when it is current, with 4 when it cannot be reached, with 9 otherwise.
    Host(HostPageArgs),
    /// Builds the release on this machine.
    Build(BuildArgs),
    /// Lists tags with their state: built, good, bad, where installed.
    Releases(ReleasesArgs),
    /// Cuts a release of the product.
    #[command(subcommand)]
    Release(ReleaseCommand),
    /// Says what differs between two releases, or between what hosts run and one: commits, files, sizes.
    ///
    /// `diff A B` compares two releases, and asks no host. `diff A` compares what each host runs with A, and exits with 4 when
    /// some did not say. What was not built yet is built here; nothing else is changed.
    Diff(DiffArgs),
    /// Rolls back the rollout that runs; with none running, puts the last finalized release back, without soak.
    Rollback(RollbackArgs),
    /// Follows a rollout that runs, from any terminal.
    Attach(AttachArgs),
    /// Starts no new host in the rollout that runs; those under way finish.
    Pause(RolloutArgs),
    /// Goes on after a pause, or lets the next stage start.
    Continue(RolloutArgs),
    /// Ends the rollout that runs, and leaves every host as it stands.
    Abort(RolloutArgs),
    /// Gives the stage that soaks more or less time, or ends its soak.
    ///
    /// What comes then is what the plan says: the next stage, or a person who promotes. Its gates have the last word all the same.
    Soak(SoakArgs),
    /// Ends the soak of a stage and promotes it, without waiting for what is left of it.
    ///
    /// Its gates have the last word all the same: it is promoted once each of them has passed.
    Promote(DecideArgs),
    /// Lets nothing follow the stage that the rollout is at, until a person promotes it or continues.
    ///
    /// Its hosts are finished, and it soaks as planned. Of the last stage, the release does not become good before that.
    Hold(DecideArgs),
    /// Tries failed hosts of the rollout that runs again.
    Retry(RetryArgs),
    /// Leaves a host of the rollout that runs out, or forgives its failure.
    Skip(HostArgs),
    /// Takes hosts out of service by the site's command; each stays out until a person takes it back in.
    ///
    /// A rollout that runs and has the host does it, and its journal has who asked and why. Where none does, it is written down in the
    /// state folder, and announced. `status` names the hosts that are out; rollouts switch them as others, and do not put them back.
    Depool(DepoolArgs),
    /// Takes hosts back into service by the site's command, whoever took them out.
    Repool(RepoolArgs),
    /// Goes on with a rollout whose conductor died or was stopped.
    Resume(ResumeArgs),
    /// Lists rollouts, the latest first.
    Rollouts(RolloutsArgs),
    /// Tells one rollout from its journal.
    Show(ShowArgs),
    /// Freezes an environment: nobody starts a rollout, nor goes on with one, until it is unlocked.
    Lock(LockArgs),
    /// Frees an environment that was frozen, whoever did it.
    Unlock(UnlockArgs),
    /// Takes an environment for you alone: it is frozen for all others, and remembers what its hosts run now.
    ///
    /// As git-deploy has it: `start`, `sync`, then `finish`, or `revert` and `finish`. Exits with 7 where somebody has the
    /// environment already.
    Start(StartArgs),
    /// Installs as `install-world` does, in an environment that you have started.
    Sync(SyncArgs),
    /// Frees an environment that you have started; refuses while its hosts run different versions.
    Finish(FinishArgs),
    /// Leads an environment that you have started back to the release that it ran then; it stays yours.
    Revert(RevertArgs),
    /// The slots of hosts: links beside the usual one.
    #[command(subcommand)]
    Slot(SlotCommand),
    /// Resolves an expression, one host a line.
    Hosts(HostsArgs),
    /// Checks configuration, tools, agent, locks and every host, and says how to mend what is wrong.
    ///
    /// Changes nothing. Exits with 0 when a rollout would work, with 1 when something would make it fail, and with 4 when
    /// nothing is wrong but hosts that cannot be reached.
    Doctor(DoctorArgs),
    /// Shows or checks the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// A throw-away fleet of real sshd hosts on loopback, with a product to deploy.
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Conducts a rollout; started by whoever planned it.
    #[command(hide = true)]
    Conduct(ConductArgs),
    /// Prints a script that completes commands, hosts, groups, tags and rollouts.
    ///
    /// For bash: `eval "$(coalmine completions bash)"` in ~/.bashrc, and alike for other shells. Nothing is fetched for it, and
    /// no command of a group runs: its hosts are completed where another group has them too.
    Completions(CompletionsArgs),
    /// Prints the manual page.
    Man,
}

impl Cli {
    /// Says what this command line may be, each value with what completes it.
    pub(super) fn command() -> clap::Command {
        let environments = ArgValueCompleter::new(completion::environments);
        <Self as CommandFactory>::command().mut_arg("environment", |environment| environment.add(environments))
    }

    /// Does what was asked for, and gives the exit code.
    pub(super) fn run(&self) -> Result<u8, Error> {
        let globals = &self.globals;
        let Some(command) = &self.command else {
            if has_screen() {
                return console::open(globals, globals.workspace()?, Opening::default());
            }
            notify(&Self::command().render_help().to_string());
            let why = if is_interactive() {
                "the console cannot draw on a terminal whose TERM is \"dumb\" or empty"
            } else {
                "the console needs a terminal, on standard input, output and error"
            };
            notify(&format!("coalmine: {why}; without one, name a command"));
            return Ok(Exit::Usage.code());
        };
        match command {
            Command::Init(args) => init::run(globals, args),
            Command::Config(command) => config::run(globals, command),
            Command::Hosts(args) => hosts::run(globals, args),
            Command::Build(args) => build::run(globals, args),
            Command::Diff(args) => diff::run(globals, args),
            Command::Doctor(args) => doctor::run(globals, args),
            Command::Release(command) => release::run(globals, command),
            Command::Releases(args) => releases::run(globals, args),
            Command::Status(args) => status::run(globals, args),
            Command::Host(args) => host::run(globals, args),
            Command::Plan(args) => plan::run(globals, args),
            Command::InstallWorld(args) => args.running.told(|| install::run(globals, args)),
            Command::Bootstrap(args) => args.running.told(|| bootstrap::run(globals, args)),
            Command::Rollback(args) => args.running.told(|| rollback::run(globals, args)),
            Command::Attach(args) => control::attach(globals, args),
            Command::Pause(args) => control::give(globals, args.rollout.as_ref(), Order::Pause),
            Command::Continue(args) => control::give(globals, args.rollout.as_ref(), Order::Continue),
            Command::Abort(args) => control::give(globals, args.rollout.as_ref(), Order::Abort),
            Command::Soak(args) => {
                let order = Order::Soak { left_s: rounded_up(args.left), reason: args.decide.reason.clone() };
                control::give(globals, args.decide.which.rollout.as_ref(), order)
            }
            Command::Promote(args) => {
                let order = Order::Promote { reason: args.reason.clone() };
                control::give(globals, args.which.rollout.as_ref(), order)
            }
            Command::Hold(args) => {
                let order = Order::Hold { reason: args.reason.clone() };
                control::give(globals, args.which.rollout.as_ref(), order)
            }
            Command::Retry(args) => {
                control::give(globals, args.which.rollout.as_ref(), Order::Retry { host: args.host.clone() })
            }
            Command::Skip(args) => {
                control::give(globals, args.which.rollout.as_ref(), Order::Skip { host: args.host.clone() })
            }
            Command::Depool(args) => pool::run(globals, &args.hosts, Pooling::Depool, Some(&args.reason)),
            Command::Repool(args) => pool::run(globals, &args.hosts, Pooling::Repool, args.reason.as_deref()),
            Command::Resume(args) => control::resume(globals, args),
            Command::Rollouts(args) => control::rollouts(globals, args),
            Command::Show(args) => control::show(globals, args),
            Command::Lock(args) => control::lock(globals, args),
            Command::Unlock(args) => control::unlock(globals, args),
            Command::Start(args) => habits::start(globals, args),
            Command::Sync(args) => args.install.running.told(|| habits::sync(globals, args)),
            Command::Finish(args) => habits::finish(globals, args),
            Command::Revert(args) => args.running.told(|| habits::revert(globals, args)),
            Command::Slot(command) => slot::run(globals, command),
            Command::Sandbox(command) => sandbox::run(command),
            Command::Conduct(args) => conduct::run(globals, args),
            Command::Completions(args) => {
                print(&completion::script(args)?)?;
                Ok(0)
            }
            Command::Man => {
                print(&manual::page(Self::command())?)?;
                Ok(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::Cli;
    use crate::words::VERBS;

    /// They read no configuration, or write one, or are started by nobody.
    const APART: [&str; 5] = ["completions", "conduct", "init", "man", "sandbox"];

    #[test]
    fn every_command_is_proposed_with_the_flags_that_it_needs() {
        let command = Cli::command();
        let all =
            command.get_subcommands().flat_map(|one| std::iter::once(one.get_name()).chain(one.get_visible_aliases()));
        let own: BTreeSet<&str> = all.filter(|name| !APART.contains(name)).collect();
        assert_eq!(own, VERBS.into_iter().collect());
    }

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.extension() {
                Some(extension) if extension == "rs" => found.push(entry),
                _ if entry.is_dir() => sources(&entry, found),
                _ => {}
            }
        }
    }

    #[test]
    fn every_command_that_any_text_proposes_is_there() {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
        let mut proposed = 0;
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for rest in line.split("`coalmine ").skip(1) {
                    let quoted = rest.split('`').next().unwrap_or_default();
                    let mut words =
                        quoted.split_whitespace().skip_while(|word| word.starts_with('-') || word.contains('{'));
                    let word = words.next().unwrap_or_default().trim_matches(|c: char| !c.is_ascii_lowercase());
                    proposed += 1;
                    let known = VERBS.contains(&word) || APART.contains(&word);
                    assert!(known, "{}: there is no command {word:?}: {line}", file.display());
                }
            }
        }
        assert!(proposed > 30, "{proposed} proposals were found");
    }
}
