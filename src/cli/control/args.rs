use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::args::{ShowFormat, StreamFormat, TableFormat, duration, host, reason, rollout};
use crate::cli::completion;
use crate::model::{HostId, RolloutId};

/// Says which rollout is meant.
#[derive(Debug, Default, Clone, Args)]
pub struct RolloutArgs {
    /// Which rollout; the one that runs without it.
    #[arg(value_name = "ID", value_parser = rollout, add = ArgValueCompleter::new(completion::running))]
    pub rollout: Option<RolloutId>,
}

/// What `retry` takes.
#[derive(Debug, Clone, Args)]
pub struct RetryArgs {
    /// Which rollout.
    #[command(flatten)]
    pub which: RolloutArgs,

    /// Only this host; all that failed without it.
    #[arg(long, value_name = "HOST", value_parser = host, add = ArgValueCompleter::new(completion::one_host))]
    pub host: Option<HostId>,
}

/// What `skip` takes.
#[derive(Debug, Clone, Args)]
pub struct HostArgs {
    /// Which rollout.
    #[command(flatten)]
    pub which: RolloutArgs,

    /// Which host.
    #[arg(long, value_name = "HOST", value_parser = host, add = ArgValueCompleter::new(completion::one_host))]
    pub host: HostId,
}

/// What `attach` takes.
#[derive(Debug, Clone, Args)]
pub struct AttachArgs {
    /// Which rollout.
    #[command(flatten)]
    pub which: RolloutArgs,

    /// Watches only.
    #[arg(long)]
    pub read_only: bool,

    /// Prints instead of opening the console.
    #[arg(long)]
    pub headless: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = StreamFormat::Text)]
    pub output: StreamFormat,
}

/// What `rollouts` takes.
#[derive(Debug, Clone, Args)]
pub struct RolloutsArgs {
    /// How many, the latest ones.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub last: u32,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

/// What `show` takes.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// Which rollout; the last one without it.
    #[arg(value_name = "ID", value_parser = rollout, add = ArgValueCompleter::new(completion::rollouts))]
    pub rollout: Option<RolloutId>,

    /// Goes on with what happens, for as long as it runs.
    #[arg(short, long)]
    pub follow: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ShowFormat::Text)]
    pub output: ShowFormat,
}

/// What `resume` takes.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// Which rollout; the one that waits for it without it.
    #[arg(
        value_name = "ID",
        value_parser = rollout,
        conflicts_with = "due",
        add = ArgValueCompleter::new(completion::waiting)
    )]
    pub rollout: Option<RolloutId>,

    /// Every rollout whose conductor died or went down with the machine; for a timer at boot.
    #[arg(long, conflicts_with_all = ["headless", "detach", "wait_lock", "output", "reason"])]
    pub due: bool,

    /// Asks nothing: of several that wait, one has to be named.
    #[arg(short, long)]
    pub yes: bool,

    /// Why it goes on; shown to whoever finds the environment locked.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,

    /// Prints, and ends with its process.
    #[arg(long)]
    pub headless: bool,

    /// Leaves the rollout to a process of its own, prints its id and exits with 8.
    #[arg(long, conflicts_with = "headless")]
    pub detach: bool,

    /// How long to wait for a lock that another rollout holds.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait_lock: Option<Duration>,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = StreamFormat::Text)]
    pub output: StreamFormat,
}

/// What `lock` takes.
#[derive(Debug, Clone, Args)]
pub struct LockArgs {
    /// Why; shown to everybody who is refused.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,

    /// Takes over what somebody froze before; it is written down who did.
    #[arg(long)]
    pub force: bool,
}
