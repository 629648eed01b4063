use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::bootstrap::BootstrapArgs;
use super::completion;
use super::control::{AttachArgs, HostArgs, LockArgs, ResumeArgs, RetryArgs, RolloutArgs, RolloutsArgs, ShowArgs};
use super::diff::DiffArgs;
use super::habits::{FinishArgs, RevertArgs, StartArgs, SyncArgs};
use super::init::InitArgs;
use super::output::hear;
use super::release::ReleaseCommand;
use super::slot::SlotCommand;
use crate::deploy::{self, Invocation};
use crate::model::{Environment, HostId, RolloutId, Slot, Version};

/// Installs a release of a tool on a whole fleet over ssh and rsync, canaries first.
///
/// coalmine watches every host while it does so, stops when something is wrong, and puts the old release back.
#[derive(Debug, Clone, Parser)]
#[command(name = "coalmine", version, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = super::manual::exit_codes())]
pub struct Cli {
    /// Which configuration; without it, coalmine.toml here or in a folder above, then the user's, then the system's.
    #[arg(short = 'c', long = "config", value_name = "FILE", global = true, env = "COALMINE_CONFIG")]
    pub config: Option<PathBuf>,

    /// Which environment; needed where the configuration has several.
    #[arg(
        short,
        long,
        visible_alias = "env",
        value_name = "ENV",
        global = true,
        env = "COALMINE_ENV",
        value_parser = environment,
        add = ArgValueCompleter::new(completion::environments)
    )]
    pub environment: Option<Environment>,

    /// Where releases, journals and marks are kept.
    #[arg(long, value_name = "DIR", global = true, env = "COALMINE_STATE_DIR")]
    pub state_dir: Option<PathBuf>,

    /// When to use colours; auto is on a terminal, unless `NO_COLOR` is set.
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t = ColorChoice::Auto,
        global = true,
        env = "COALMINE_COLOR"
    )]
    pub color: ColorChoice,

    /// Uses ASCII signs only, as where the locale is not UTF-8.
    #[arg(long, global = true)]
    pub ascii: bool,

    /// Tells more: once what is done, twice how.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,

    /// What is to be done.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// Says where the environment is that is meant; people are told on standard error what happens meanwhile.
    pub(super) fn invocation(&self) -> Invocation {
        Invocation {
            config: self.config.clone(),
            environment: self.environment.clone(),
            state_dir: self.state_dir.clone(),
            verbose: self.verbose,
            listener: Arc::new(|notice| hear(&notice)),
        }
    }
}

/// Says when to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Also where nobody may see them.
    Always,
    /// Nowhere.
    Never,
}

/// Names what coalmine does.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
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
    /// Tries failed hosts of the rollout that runs again.
    Retry(RetryArgs),
    /// Leaves a host of the rollout that runs out, or forgives its failure.
    Skip(HostArgs),
    /// Goes on with a rollout whose conductor died or was stopped.
    Resume(ResumeArgs),
    /// Lists rollouts, the latest first.
    Rollouts(RolloutsArgs),
    /// Tells one rollout from its journal.
    Show(ShowArgs),
    /// Freezes an environment: nobody starts a rollout, nor goes on with one, until it is unlocked.
    Lock(LockArgs),
    /// Frees an environment that was frozen, whoever did it.
    Unlock,
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
    Conduct {
        /// The rollout.
        #[arg(value_name = "ROLLOUT", value_parser = rollout)]
        rollout: RolloutId,
    },
    /// Prints a script that completes commands, hosts, groups, tags and rollouts.
    ///
    /// For bash: `eval "$(coalmine completions bash)"` in ~/.bashrc, and alike for other shells. Nothing is fetched for it, and
    /// no command of a group runs: its hosts are completed where another group has them too.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// Prints the manual page.
    Man,
}

/// Says which hosts are meant.
#[derive(Debug, Default, Clone, Args)]
pub struct Selection {
    /// Only these hosts: an expression such as `mw[01-40]`, `@canaries`, `~mw.*codfw`.
    #[arg(short, long, value_name = "EXPR", add = ArgValueCompleter::new(completion::hosts))]
    pub limit: Option<String>,

    /// Without these hosts.
    #[arg(short = 'x', long, value_name = "EXPR", add = ArgValueCompleter::new(completion::hosts))]
    pub exclude: Option<String>,
}

impl From<Selection> for deploy::Selection {
    fn from(Selection { limit, exclude }: Selection) -> Self {
        Self { limit, exclude }
    }
}

/// Says which commit is meant.
#[derive(Debug, Default, Clone, Args)]
pub struct Wanted {
    /// A tag, or `latest`, which is what the environment's channel has; the latest without it.
    #[arg(value_name = "VERSION", conflicts_with = "rev", add = ArgValueCompleter::new(completion::versions))]
    pub version: Option<String>,

    /// Any commit instead of a tag.
    #[arg(long, value_name = "COMMIT")]
    pub rev: Option<String>,

    /// Uses the checkout's tags and commits as they are, without asking its remote.
    #[arg(long)]
    pub no_fetch: bool,
}

/// Says how the rollout runs.
#[derive(Debug, Default, Clone, Args)]
pub struct Running {
    /// Asks nothing, and promotes stages when their soak and gates have passed.
    #[arg(short, long)]
    pub yes: bool,

    /// Why; shown to others, announced and kept.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,

    /// How long to wait for a lock that another rollout holds.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait_lock: Option<Duration>,

    /// Prints instead of opening the console.
    #[arg(long)]
    pub headless: bool,

    /// Leaves the rollout to a process of its own, prints its id and exits with 8.
    #[arg(long, conflicts_with = "headless")]
    pub detach: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = StreamFormat::Text)]
    pub output: StreamFormat,

    /// How many hosts may be in flight at once, whatever their stage says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: Option<u32>,
}

/// What `install-world` takes.
#[derive(Debug, Clone, Args)]
pub struct InstallArgs {
    /// What is installed.
    #[command(flatten)]
    pub wanted: Wanted,

    /// Where.
    #[command(flatten)]
    pub selection: Selection,

    /// How.
    #[command(flatten)]
    pub running: Running,

    /// Prints the plan and changes nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Switches this link beside the usual one, so that two versions are live at once.
    #[arg(long, value_name = "NAME", value_parser = slot)]
    pub slot: Option<Slot>,

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
    pub on_failure: Option<OnFailureChoice>,

    /// Who lets stages go on that wait for a person: with `auto` their soak and gates do, which `--yes` means without it.
    #[arg(long, value_enum, value_name = "WHO")]
    pub promote: Option<PromoteChoice>,

    /// Leaves hosts out that cannot be reached, instead of counting them.
    #[arg(long)]
    pub skip_unreachable: bool,

    /// Hashes every file on the hosts, also those that did not change.
    #[arg(long)]
    pub full_verify: bool,

    /// Installs the version that is named even where it was found bad.
    #[arg(long, requires = "version")]
    pub even_bad: bool,

    /// Asks among the five newest versions; only on a terminal.
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

/// Says what follows when a rollout must not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnFailureChoice {
    /// It waits for a command.
    Pause,
    /// Every switched host goes back.
    Rollback,
    /// It ends and leaves every host as it stands.
    Abort,
}

/// Says who lets a stage go on that waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PromoteChoice {
    /// Its soak and its gates.
    Auto,
    /// A person, with `continue`.
    Manual,
}

impl InstallArgs {
    /// Tells whether stages that wait for a person go on by themselves.
    #[must_use]
    pub fn promotes_all(&self) -> bool {
        self.promote.map_or(self.running.yes, |promote| promote == PromoteChoice::Auto)
    }
}

/// Says what `show` prints.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line, as the journal has them.
    Jsonl,
    /// One JSON object.
    Json,
}

/// Says what a stream of events looks like.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StreamFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line, as the journal has them.
    Jsonl,
}

/// Says what a table looks like.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// What `plan` takes.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// What would be installed.
    #[command(flatten)]
    pub wanted: Wanted,

    /// Where.
    #[command(flatten)]
    pub selection: Selection,

    /// For this link beside the usual one.
    #[arg(long, value_name = "NAME", value_parser = slot)]
    pub slot: Option<Slot>,

    /// Leaves hosts out that cannot be reached, instead of counting them.
    #[arg(long)]
    pub skip_unreachable: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

/// What `status` takes.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// Compares with this tag instead of the latest one.
    #[arg(value_name = "VERSION", add = ArgValueCompleter::new(completion::versions))]
    pub version: Option<String>,

    /// Which hosts.
    #[command(flatten)]
    pub selection: Selection,

    /// Of this link beside the usual one.
    #[arg(long, value_name = "NAME", value_parser = slot)]
    pub slot: Option<Slot>,

    /// Uses the checkout's tags as they are, without asking its remote.
    #[arg(long)]
    pub no_fetch: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

/// What `build` takes.
#[derive(Debug, Clone, Args)]
pub struct BuildArgs {
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

/// What `releases` takes.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ReleasesArgs {
    /// What is said of a release; none lists them.
    #[command(subcommand)]
    pub mark: Option<MarkCommand>,

    /// Uses the checkout's tags as they are, without asking its remote.
    #[arg(long)]
    pub no_fetch: bool,

    /// Also asks the fleet which hosts run what.
    #[arg(long)]
    pub survey: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

/// What `releases` does beside listing.
#[derive(Debug, Clone, Subcommand)]
pub enum MarkCommand {
    /// Marks a version bad in the environment, or good, until that is taken back.
    Mark(MarkArgs),
    /// Takes back what was found out about a version, by whomever.
    Unmark {
        /// The version, or a release's id.
        #[arg(value_name = "VERSION", value_parser = version, add = ArgValueCompleter::new(completion::versions))]
        version: Version,
    },
}

/// What `releases mark` takes.
#[derive(Debug, Clone, Args)]
pub struct MarkArgs {
    /// The version, or a release's id.
    #[arg(value_name = "VERSION", value_parser = version, add = ArgValueCompleter::new(completion::versions))]
    pub version: Version,

    /// What it is.
    #[arg(value_enum, value_name = "VERDICT", default_value_t = MarkChoice::Bad)]
    pub verdict: MarkChoice,

    /// Why; shown wherever the mark is.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
}

/// Says what a release is marked as.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MarkChoice {
    /// No host should get it, nor go back to it.
    #[default]
    Bad,
    /// It may be installed and gone back to.
    Good,
}

/// What `rollback` takes.
#[derive(Debug, Clone, Args)]
pub struct RollbackArgs {
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
        add = ArgValueCompleter::new(completion::versions)
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

    /// Prints the plan and changes nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Of this link beside the usual one.
    #[arg(long, value_name = "NAME", value_parser = slot)]
    pub slot: Option<Slot>,

    /// Leaves hosts out that cannot be reached, instead of trying them.
    #[arg(long)]
    pub skip_unreachable: bool,
}

/// What `hosts` takes.
#[derive(Debug, Clone, Args)]
pub struct HostsArgs {
    /// Which hosts; all of the environment's without it.
    #[arg(value_name = "EXPR", add = ArgValueCompleter::new(completion::hosts))]
    pub expression: Option<String>,

    /// Prints one folded line: `mw[01-40]`.
    #[arg(long)]
    pub fold: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

/// What `doctor` takes.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Which hosts.
    #[command(flatten)]
    pub selection: Selection,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

/// What `config` does.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Prints the merged configuration, with where each value came from.
    Show {
        /// What is printed.
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
        output: TableFormat,
    },
    /// Tells everything that is wrong with the configuration.
    Check {
        /// What is printed.
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
        output: TableFormat,
    },
    /// Prints a configuration with every key, its default and its meaning.
    Sample,
}

/// What `sandbox` does.
#[derive(Debug, Clone, Subcommand)]
pub enum SandboxCommand {
    /// Starts a fleet on loopback.
    Up {
        /// How many hosts, besides two masters.
        #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=1000))]
        hosts: u16,
        /// Where it lives.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Ends the fleet and removes every trace of it.
    Down {
        /// Where it lives.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Tells what runs, and which faults are on.
    Status {
        /// Where it lives.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// What is printed.
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
        output: TableFormat,
    },
    /// Switches a fault of hosts on, or off with `none`; without any, lists the faults there are.
    Fault {
        /// Which hosts: `mw03.eqiad.sandbox`, `mw[03-05].eqiad.sandbox`.
        #[arg(value_name = "HOSTS", requires = "fault")]
        hosts: Option<String>,
        /// Which fault, some with an amount of bytes: `down`, `slow:64k`.
        #[arg(value_name = "FAULT")]
        fault: Option<String>,
        /// Where the fleet lives.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Serves the fleet; started by `up`.
    #[command(hide = true)]
    Serve {
        /// Where the fleet lives.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

fn environment(text: &str) -> Result<Environment, String> {
    Environment::new(text).map_err(|error| error.to_string())
}

pub(super) fn slot(text: &str) -> Result<Slot, String> {
    Slot::new(text).map_err(|error| error.to_string())
}

pub(super) fn rollout(text: &str) -> Result<RolloutId, String> {
    RolloutId::new(text).map_err(|error| error.to_string())
}

pub(super) fn host(text: &str) -> Result<HostId, String> {
    HostId::new(text).map_err(|error| error.to_string())
}

pub(super) fn version(text: &str) -> Result<Version, String> {
    Version::new(text).map_err(|error| error.to_string())
}

/// Puts a reason on one line: it is shown on the terminals of others, and announced.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

pub(super) fn reason(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(one_line(text))
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text).map_err(|error| error.to_string())
}
