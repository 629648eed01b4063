use std::ffi::OsString;
use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};
use jiff::Timestamp;

use super::facts::{EnvironmentFacts, Groups, HistoryRow, SurveyHost, SurveyRow, VersionRow};
use crate::deploy::HostPast;
use crate::model::{Environment, RolloutId};
use crate::plan::Plan;
use crate::report::HostPage;
use crate::rollout::Record;
use crate::words;

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
    /// What [`Request::LoadPlan`](super::Request::LoadPlan) asked for.
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
    /// What was asked was done, or was not as far as is known.
    Reply {
        /// What was asked.
        ticket: Ticket,
        /// What came of it.
        result: Result<(), NotDone>,
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

/// Says why what was asked is not done, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotDone {
    /// It was refused, or failed.
    Refused(String),
    /// Who was asked gave no answer, and may do it yet.
    Unanswered(String),
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
