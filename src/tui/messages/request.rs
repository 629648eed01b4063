use std::ffi::OsString;
use std::sync::Arc;

use super::message::Ticket;
use super::settings::Hidden;
use crate::deploy::WantedRelease;
use crate::model::{Command, Environment, HostId, Pooling, RolloutId, Slot, Version};
use crate::plan::{OnFailure, Plan};

/// Asks for something that only the world outside can do.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Asks every host what it runs; answered by `SurveyStarted`, rows and `SurveyDone`.
    Survey,
    /// Asks for the versions.
    LoadVersions,
    /// Asks for a plan.
    LoadPlan {
        /// Numbers the question; only the answer to the latest one counts.
        ticket: Ticket,
        /// What for.
        wanted: PlanWanted,
    },
    /// Starts a conductor with a plan as it was confirmed; answered by `Reply`, then by `Opened` and records.
    StartRollout {
        /// Numbers it.
        ticket: Ticket,
        /// The plan, with the reason that was typed.
        plan: Arc<Plan>,
    },
    /// Starts a conductor that goes on with a rollout; answered like `StartRollout`.
    Resume {
        /// Numbers it.
        ticket: Ticket,
        /// The rollout.
        rollout: RolloutId,
    },
    /// Gives a command to the conductor of a rollout.
    Command {
        /// Numbers it.
        ticket: Ticket,
        /// The rollout.
        rollout: RolloutId,
        /// What is asked of it.
        command: Command,
    },
    /// Opens a rollout: its conductor's stream if it runs, its journal otherwise.
    OpenRollout(RolloutId),
    /// Opens the last rollout of the environment, if there is one.
    OpenLast,
    /// Asks what differs; answered by [`Message::Told`](super::Message::Told).
    Compare {
        /// Numbers it.
        ticket: Ticket,
        /// From which release; from what hosts run without it.
        from: Option<Version>,
        /// To which.
        to: Version,
        /// Of which hosts, as an expression; of all without it.
        limit: Option<String>,
    },
    /// Writes a report of a rollout to a file that does not exist yet in the current folder; answered by `Reply` and a notice.
    Report {
        /// Numbers it.
        ticket: Ticket,
        /// Of which.
        rollout: RolloutId,
    },
    /// Asks one host for all that it has, and for its log as it grows, until another is asked or [`Request::CloseHost`] comes.
    OpenHost {
        /// Numbers it.
        ticket: Ticket,
        /// Which.
        host: HostId,
        /// What it is compared with; what its environment should run without it. Where no digest is known, it is that of the store.
        wanted: Option<WantedRelease>,
    },
    /// Asks the host whose page was open nothing more.
    CloseHost,
    /// Asks for the command that opens a shell on a host; answered by [`Message::Login`](super::Message::Login).
    Shell {
        /// Which.
        host: HostId,
    },
    /// Lends the terminal to a command until it ends; answered by [`Message::Returned`](super::Message::Returned).
    Lend(Vec<OsString>),
    /// Takes a host out of service, or back in, by the site's command; answered by `Reply`.
    Pool {
        /// Numbers it.
        ticket: Ticket,
        /// Which.
        host: HostId,
        /// What is to be done.
        which: Pooling,
        /// Why, where somebody said so.
        reason: Option<String>,
    },
    /// Freezes the environment for everybody; answered by `Reply`.
    Lock {
        /// Numbers it.
        ticket: Ticket,
        /// Why.
        reason: String,
    },
    /// Frees the environment that somebody froze; answered by `Reply`.
    Unlock {
        /// Numbers it.
        ticket: Ticket,
    },
    /// Asks for the history.
    LoadHistory,
    /// Shows another environment; answered by [`Message::Switched`](super::Message::Switched), or by a refusal in a `Reply`.
    SwitchEnvironment {
        /// Numbers it.
        ticket: Ticket,
        /// Which.
        environment: Environment,
    },
    /// Keeps which columns are not wanted.
    KeepColumns(Hidden),
    /// Puts a text into the clipboard of whoever sits at the terminal.
    CopyToClipboard(String),
    /// Writes a file that does not exist yet into the current folder.
    WriteFile {
        /// Its name.
        name: String,
        /// What is written.
        text: String,
    },
    /// Stops the process as a shell's job.
    Suspend,
    /// Draws everything anew.
    Redraw,
    /// Ends the console; whatever runs goes on.
    Quit,
}

/// Says what a plan is to bring about.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum PlanGoal {
    /// The version runs there.
    #[default]
    Install,
    /// What was good before runs there, or this version as each host finalized it.
    Back {
        /// `--to`.
        to: Option<Version>,
    },
    /// What was finalized last runs on the hosts in debt.
    Debt,
    /// What was finalized last runs on the hosts that it is limited to.
    CatchUp,
}

/// Says what a plan is wanted for: install-world's flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanWanted {
    /// What it is to bring about.
    pub goal: PlanGoal,
    /// What is installed; of a way back or of the debt, what it comes after.
    pub version: Version,
    /// `--slot`: the link beside the usual one that a way back or a debt is of.
    pub slot: Option<Slot>,
    /// `--limit`: an expression, and the hosts that it means.
    pub limit: Option<Limit>,
    /// `--skip-unreachable`.
    pub skip_unreachable: bool,
    /// `--on-failure`.
    pub on_failure: OnFailure,
    /// `--no-soak`.
    pub no_soak: bool,
    /// `--prime`.
    pub prime: bool,
}

/// Holds the hosts that a plan is limited to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The hosts.
    pub hosts: Vec<HostId>,
    /// The same as an expression.
    pub expression: String,
}
