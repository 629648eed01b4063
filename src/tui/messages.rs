//! What the console is told and what it asks: its whole border with the rest of the program, as data.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyEvent, MouseEvent};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::keymap::Keymap;
use super::theme::Theme;
use crate::deploy::{HostPast, Pooling};
use crate::model::{
    Command, Commit, Digest, Environment, HostId, HostState, LockHolder, Operator, RolloutId, Site, Slot, Version,
};
use crate::plan::{OnFailure, Plan, PlanKind};
use crate::report::HostPage;
use crate::rollout::{Debt, Outcome, Record};
use crate::words::{self, Tone};

/// Numbers what was asked, so that its answer finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Tells the console that something happened; time comes with it.
#[derive(Debug, Clone)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The mouse was used; comes only when it was asked for.
    Mouse(MouseEvent),
    /// The terminal has a new size, in columns and rows.
    Resize(u16, u16),
    /// It is later now; once a second while something runs, and before anything else after a rest.
    Tick(Timestamp),
    /// Everything that was taken so far is on the screen: keys that come now were pressed by somebody who saw it.
    Drawn,
    /// The facts of the environment, at the start and whenever one changes.
    Environment(EnvironmentFacts),
    /// The groups that hosts can be chosen by on every list; a survey brings them too.
    Groups(Groups),
    /// A survey started; none of its hosts has answered.
    SurveyStarted {
        /// The hosts that are asked, in the inventory's order.
        hosts: Vec<SurveyHost>,
    },
    /// A host answered, or was found not to.
    SurveyRow(Box<SurveyRow>),
    /// The survey is over, or could not be made.
    SurveyDone(Result<(), String>),
    /// The versions that can be installed, newest first.
    Versions(Result<Vec<VersionRow>, String>),
    /// What is being done for a plan that was asked for: a build takes minutes.
    PlanStep {
        /// For which question.
        ticket: Ticket,
        /// What it is.
        what: String,
    },
    /// What [`Request::LoadPlan`] asked for.
    Plan {
        /// Which question this answers.
        ticket: Ticket,
        /// The plan, or why there is none.
        plan: Result<Arc<Plan>, String>,
    },
    /// What a plan changes, a line for each thing that hosts run; comes after the plan.
    Changes {
        /// Of which question's plan.
        ticket: Ticket,
        /// The lines.
        lines: Vec<String>,
    },
    /// Earlier rollouts, newest first.
    History(Result<Vec<HistoryRow>, String>),
    /// A rollout's records follow, from its first.
    Opened {
        /// The rollout.
        rollout: RolloutId,
        /// Where they come from.
        source: Source,
    },
    /// Records of a rollout, in order.
    Records {
        /// The rollout.
        rollout: RolloutId,
        /// What happened.
        records: Vec<Record>,
    },
    /// What was asked was done, or refused with a reason.
    Reply {
        /// What was asked.
        ticket: Ticket,
        /// What came of it.
        result: Result<(), String>,
    },
    /// The conductor of a rollout does not answer any more; the rollout may well go on.
    Disconnected {
        /// The rollout.
        rollout: RolloutId,
        /// Why, as far as known.
        why: String,
        /// Whether its conductor is known to be gone, so that only `resume` goes on.
        gone: bool,
    },
    /// A part of the page of a host.
    Page {
        /// Which question this answers.
        ticket: Ticket,
        /// What is told.
        part: PagePart,
    },
    /// The command that opens a shell on a host for the person.
    Login(Vec<OsString>),
    /// Whoever had the terminal meanwhile gave it back, and what is to be said of that.
    Returned(Option<String>),
    /// A text that was asked for, to be read in a layer of its own.
    Told {
        /// Which question this answers.
        ticket: Ticket,
        /// What it is.
        title: String,
        /// Its lines, or why there are none.
        text: Result<Vec<String>, String>,
    },
    /// Another environment is shown from now on: all that was known belongs to the one before.
    Switched {
        /// Which.
        environment: Environment,
        /// The command line so far, which means this environment.
        invocation: words::Typed,
    },
    /// Something that the person should read once.
    Notice(String),
    /// The process was stopped and runs again; the terminal may have been used by somebody else meanwhile.
    Resumed,
    /// The terminal is gone, or the process was told to end: nothing is to be asked any more.
    HungUp,
}

/// Holds a part of what is known of a host; each comes when it is known.
#[derive(Debug, Clone)]
pub enum PagePart {
    /// What it answered, or why it did not; a host that cannot be reached is an answer.
    Answer(Result<Box<HostPage>, String>),
    /// What rollouts did to it, the latest first.
    Past(Result<Vec<HostPast>, String>),
    /// The last lines of its own log; comes again and again.
    Log(Result<Vec<String>, String>),
    /// The site's commands about it, where the configuration has any.
    Pooling {
        /// Takes it out of service.
        depool: Option<String>,
        /// Takes it back in.
        repool: Option<String>,
    },
}

/// Says where the records of a rollout come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Its conductor, which takes commands.
    Live,
    /// Its conductor, and this console may only watch.
    ReadOnly,
    /// Its journal: no conductor runs it.
    Journal,
}

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
    /// Asks what differs; answered by [`Message::Told`].
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
    },
    /// Asks the host whose page was open nothing more.
    CloseHost,
    /// Asks for the command that opens a shell on a host; answered by [`Message::Login`].
    Shell {
        /// Which.
        host: HostId,
    },
    /// Lends the terminal to a command until it ends; answered by [`Message::Returned`].
    Lend(Vec<OsString>),
    /// Takes a host out of service, or back in, by the site's command; answered by `Reply`.
    Pool {
        /// Numbers it.
        ticket: Ticket,
        /// Which.
        host: HostId,
        /// What is to be done.
        which: Pooling,
    },
    /// Asks for the history.
    LoadHistory,
    /// Shows another environment; answered by [`Message::Switched`], or by a refusal in a `Reply`.
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

/// Holds a line of the log pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How bad it is.
    pub level: LogLevel,
    /// Which host it is about.
    pub host: Option<HostId>,
    /// What happened, with its time.
    pub text: String,
}

impl LogLine {
    /// Makes the line of what is said of a record.
    #[must_use]
    pub fn new(line: words::Line, clock: impl std::fmt::Display, typed: &words::Typed) -> Self {
        let level = match line.glyph.tone() {
            Tone::Bad | Tone::Lost => LogLevel::Error,
            Tone::Warn | Tone::Back => LogLevel::Warn,
            _ => LogLevel::Info,
        };
        let command = line.command.as_ref().map(|command| format!(": {command}")).unwrap_or_default();
        let text = format!("{clock} {}{command}", line.sentence());
        Self { level, host: line.host, text: typed.within(&text).into_owned() }
    }
}

/// Says how much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// As it should be.
    Info,
    /// Somebody should look.
    Warn,
    /// It failed.
    Error,
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

/// Holds what the console shows of an environment on top of the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentFacts {
    /// Its name.
    pub name: Environment,
    /// Where its latest release comes from: `tags`, `branch:master`.
    pub channel: String,
    /// The release that every host should run.
    pub release: Option<(Version, Option<Digest>)>,
    /// Who holds its lock, and why.
    pub lock: Option<LockFacts>,
    /// Rollouts that run, wait, or wait to be resumed.
    pub rollouts: Vec<LiveRollout>,
    /// The hosts that rollouts should have brought their release and did not, and none did since.
    pub debt: Vec<Debt>,
}

/// Tells who holds the lock of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFacts {
    /// Who.
    pub owner: Operator,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: Option<String>,
}

impl From<LockHolder> for LockFacts {
    fn from(holder: LockHolder) -> Self {
        Self { owner: holder.owner, since: holder.since, reason: holder.reason }
    }
}

/// Names a rollout that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRollout {
    /// Its name.
    pub rollout: RolloutId,
    /// What it installs.
    pub version: Version,
    /// Whether it is an emergency.
    pub emergency: bool,
    /// Who started it.
    pub operator: Operator,
    /// Whether a conductor runs it; otherwise it waits to be resumed.
    pub running: bool,
}

/// Holds the columns that are not wanted, by the title of their screen and their own names.
pub type Hidden = BTreeMap<String, BTreeSet<String>>;

/// Holds the hosts of groups by their names.
pub type Groups = BTreeMap<Arc<str>, Vec<HostId>>;

/// Names a host of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyHost {
    /// Its name.
    pub host: HostId,
    /// Where it stands.
    pub site: Option<Site>,
    /// The groups that it is in.
    pub groups: Vec<Arc<str>>,
}

/// Holds what a host answered.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyRow {
    /// The host.
    pub host: HostId,
    /// How it stands to the release.
    pub state: HostState,
    /// The version that it runs.
    pub version: Option<String>,
    /// The digest of that release.
    pub digest: Option<Digest>,
    /// How many releases it is behind.
    pub behind: Option<usize>,
    /// How long the answer took.
    pub latency: Duration,
    /// When the answer came.
    pub at: Timestamp,
    /// How it drifted, or why it could not be asked.
    pub cause: Option<String>,
    /// Whether it runs the release, and that was finalized there.
    pub settled: bool,
    /// What else it told: `python3` → `3.11.2`.
    pub facts: Vec<(String, String)>,
}

/// Holds what is known of a version that could be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// Its name.
    pub version: Version,
    /// Its commit, where that is known.
    pub commit: Option<Commit>,
    /// Who wrote that.
    pub author: String,
    /// When it was tagged.
    pub at: Option<Timestamp>,
    /// Whether it is built here.
    pub built: bool,
    /// What became of it when it was installed.
    pub standing: Standing,
    /// How many hosts run it.
    pub hosts: usize,
    /// The branch whose head it is; none for a tag, and for what ran before.
    pub head_of: Option<String>,
}

/// Says what became of a version.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It was never finalized and never found bad.
    #[default]
    Untried,
    /// It was finalized.
    Good,
    /// It was rolled back, or said to be bad.
    Bad(String),
}

/// Holds an earlier rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// Its name.
    pub rollout: RolloutId,
    /// What it was for.
    pub kind: PlanKind,
    /// What it installed.
    pub version: Version,
    /// The slot that it was for; none is the usual link.
    pub slot: Option<Slot>,
    /// Whether it was an emergency.
    pub emergency: bool,
    /// Who started it.
    pub operator: Operator,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub started: Timestamp,
    /// How long it took, if it is over.
    pub took: Option<Duration>,
    /// From the tag to the last host, if it got there.
    pub lead: Option<Duration>,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
    /// How many hosts took part.
    pub hosts: usize,
    /// How many should have the release and do not.
    pub debt: usize,
}

/// Holds what the console is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The command line so far, as the person would type it: `coalmine -e production`.
    pub invocation: words::Typed,
    /// The environment.
    pub environment: Environment,
    /// Every environment of the configuration; empty where none was read.
    pub environments: Vec<Environment>,
    /// In which zone times are shown.
    pub zone: TimeZone,
    /// How it looks.
    pub theme: Theme,
    /// What its keys do.
    pub keys: Arc<Keymap>,
    /// Which columns are not wanted.
    pub hidden: Hidden,
    /// Whether nothing may be changed from here.
    pub read_only: bool,
    /// Whether the mouse scrolls and selects rows; otherwise it selects text, as ever.
    pub mouse: bool,
    /// What it is now.
    pub now: Timestamp,
    /// What is opened first; the fleet otherwise.
    pub open: Option<RolloutId>,
}
