//! What the console knows and how it changes: messages in, requests out. Nothing here does IO or has a clock.

mod actions;
mod arrivals;
mod columns;
mod decisions;
mod earlier;
mod estimate;
mod fleet;
mod freezing;
mod keys;
mod layer_keys;
mod layers;
mod layout;
mod log;
mod navigation;
mod overtaken;
mod page;
mod past;
mod planning;
mod prompt;
mod screen;
mod update;
mod watch;

pub use arrivals::Arrivals;
pub use estimate::{Estimate, Pace, estimate};
pub use fleet::{Fleet, FleetTable, Survey};
pub use layers::{Button, Decision, Dialog, Focus, Layer, Line, LineKind};
pub use layout::{Heights, Layout};
pub use log::{Log, Numbered};
pub use overtaken::Moment;
pub use page::Page;
pub use past::PastFilter;
pub use planning::{Answer, Flags, LeftOutGroup, PlanTable, Planning, Side};
pub use screen::{LogSize, Screen};
pub use watch::{Link, Watched, WatchedTable};

use std::sync::Arc;

use jiff::Timestamp;

use super::keymap::{Context, place};
use super::messages::{EnvironmentFacts, Groups, Hidden, HistoryRow, Request, Settings, Ticket};
use super::rows::{Cursor, Table};
use crate::deploy::OutOfService;
use crate::model::HostId;
use crate::rollout::Debt;

/// Holds something that was asked for and has no answer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its number.
    pub ticket: Ticket,
    /// What it is.
    pub what: String,
    /// Since when.
    pub since: Timestamp,
}

/// Holds a sentence for the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The sentence.
    pub text: String,
    /// Since when it is shown.
    pub since: Timestamp,
}

/// Holds all that the console knows; only [`App::update`] changes it.
#[derive(Debug)]
pub struct App {
    /// What it was started with.
    pub settings: Settings,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// What it was when it was last told.
    pub now: Timestamp,
    /// How often it was told, for the spinner.
    pub ticks: u64,
    /// What is shown.
    pub screen: Screen,
    /// What lies over it, the topmost last.
    pub layers: Vec<Layer>,
    /// What is known of the environment.
    pub facts: Option<EnvironmentFacts>,
    /// The fleet.
    pub fleet: Fleet,
    /// The plan.
    pub planning: Planning,
    /// The rollout that is open.
    pub watched: Option<Watched>,
    /// Earlier rollouts.
    pub history: Answer<Vec<HistoryRow>>,
    /// Which of them is selected.
    pub past: Cursor,
    /// Which of them are shown.
    pub past_filter: PastFilter,
    /// How much of the screen the log has.
    pub log: LogSize,
    groups: Arc<Groups>,
    /// What it says.
    pub log_lines: Log,
    /// Whether the log shows the selected host only.
    pub follow: bool,
    /// What has no answer yet.
    pub asked: Vec<Asked>,
    /// What the person should read.
    pub notice: Option<Notice>,
    page: Option<Page>,
    hidden: Hidden,
    tickets: u64,
    leave_after: Option<Ticket>,
    starting: Option<Ticket>,
    left: bool,
    layout: Layout,
}

impl App {
    /// Makes the console as it opens, and what it asks for first.
    #[must_use]
    pub fn new(settings: Settings, size: (u16, u16), layout: Layout) -> (Self, Vec<Request>) {
        let now = settings.now;
        let mut state = Self {
            size,
            now,
            ticks: 0,
            screen: Screen::Fleet,
            layers: Vec::new(),
            facts: None,
            fleet: Fleet::default(),
            planning: Planning::default(),
            watched: None,
            history: Answer::None,
            past: Cursor::default(),
            past_filter: PastFilter::default(),
            log: LogSize::Hidden,
            groups: Arc::default(),
            log_lines: Log::default(),
            follow: false,
            asked: Vec::new(),
            notice: None,
            page: None,
            hidden: settings.hidden.clone(),
            tickets: 0,
            leave_after: None,
            starting: None,
            left: false,
            layout,
            settings,
        };
        let first = match state.settings.open.clone() {
            Some(rollout) => {
                state.screen = Screen::Rollout;
                vec![Request::OpenRollout(rollout)]
            }
            None => vec![Request::Survey],
        };
        (state, first)
    }

    /// Brings lists and windows up to date with what was taken; called before anything is drawn.
    pub fn fit(&mut self) {
        if let Some(watched) = self.watched.as_mut().filter(|_| self.screen == Screen::Rollout) {
            watched.derive();
        }
        let heights = (self.layout.heights)(self);
        match self.screen {
            Screen::Fleet => self.fleet.rows.fit(&self.fleet.table, heights.list),
            Screen::Plan => self.planning.fit(heights.versions, heights.list),
            Screen::Rollout => {
                if let Some(watched) = &mut self.watched {
                    watched.rows.fit(&watched.table, heights.list);
                }
            }
            Screen::History => {
                let past = self.past_rows().len();
                self.past.fit(past, heights.list);
            }
        }
        let followed = if self.follow { self.selected_host().cloned() } else { None };
        self.log_lines.follow(followed.as_ref());
        let groups = self.watched.as_ref().map_or(0, |watched| watched.groups().len());
        match self.layers.last_mut() {
            Some(Layer::Failures(cursor)) => cursor.fit(groups, heights.layer),
            Some(Layer::Menu(cursor, actions)) => cursor.fit(actions.len(), heights.layer),
            Some(Layer::Columns(cursor, names)) => cursor.fit(names.len(), heights.layer),
            _ => {}
        }
        // A layer's text may have become shorter than what was scrolled away.
        let most = (self.layout.scroll_limit)(self);
        let at_end = self.page.as_ref().is_some_and(|page| page.at_end);
        match self.layers.last_mut() {
            // What a host writes into its log while somebody reads the end of it is read too.
            Some(Layer::Detail { top }) if at_end => *top = most,
            Some(Layer::Help { top } | Layer::Detail { top } | Layer::Text { top, .. }) => *top = (*top).min(most),
            _ => {}
        }
    }

    /// Tells whether something changes by itself with time.
    #[must_use]
    pub fn is_ticking(&self) -> bool {
        matches!(self.fleet.survey, Survey::Running { .. })
            || self.watched.as_ref().is_some_and(Watched::is_running)
            || matches!(self.planning.plan, Answer::Asked)
            || !self.asked.is_empty()
            || self.page().is_some_and(|page| matches!(page.answer, Answer::Asked))
            || self.notice.is_some()
    }

    /// Tells whether a question lies open that nobody can have read yet.
    #[must_use]
    pub fn has_unseen_dialog(&self) -> bool {
        !self.is_hidden() && matches!(self.layers.last(), Some(Layer::Dialog(dialog)) if !dialog.seen)
    }

    /// Tells whether the terminal is too small to show anything: then keys do nothing but let out whoever wants out.
    fn is_hidden(&self) -> bool {
        self.layout.is_too_small(self.size)
    }

    /// Takes the size of the terminal; a question that it hid has to be read anew.
    fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        if self.is_hidden()
            && let Some(Layer::Dialog(dialog)) = self.layers.last_mut()
        {
            dialog.seen = false;
        }
    }

    /// Tells whether the console is to end.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.left
    }

    /// Names the hosts in debt; who was found to have the release meanwhile owes nothing any more.
    pub fn owing(&self) -> impl Iterator<Item = &Debt> {
        let owed = self.facts.as_ref().map(|facts| facts.debt.as_slice()).unwrap_or_default();
        owed.iter().filter(|debt| {
            let row = self.fleet.row_of(&debt.host);
            !row.and_then(|row| self.fleet.table.answer(row)).is_some_and(|answer| answer.settled)
        })
    }

    /// Says who took a host out of service; nobody where it serves, as far as coalmine knows.
    #[must_use]
    pub fn out_of_service(&self, host: &HostId) -> Option<&OutOfService> {
        let out = &self.facts.as_ref()?.out_of_service;
        out.get(out.binary_search_by(|out| out.host.cmp(host)).ok()?)
    }

    fn next_ticket(&self) -> Ticket {
        Ticket(self.tickets + 1)
    }

    fn ask(&mut self, what: String) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.asked.push(Asked { ticket, what, since: self.now });
        ticket
    }

    fn notify(&mut self, text: impl Into<String>) -> Vec<Request> {
        self.notice = Some(Notice { text: text.into(), since: self.now });
        Vec::new()
    }

    fn leave(&mut self) -> Vec<Request> {
        if std::mem::replace(&mut self.left, true) { Vec::new() } else { vec![Request::Quit] }
    }

    /// Gives the host that is selected on the screen that is shown.
    #[must_use]
    pub fn selected_host(&self) -> Option<&HostId> {
        match self.screen {
            Screen::Fleet => self.fleet.table.hosts().get(self.fleet.rows.selected()?),
            Screen::Plan => self.planning.plan.here()?.hosts().get(self.planning.rows.selected()?),
            Screen::Rollout => {
                let watched = self.watched.as_ref()?;
                watched.table.hosts().get(watched.rows.selected()?)
            }
            Screen::History => None,
        }
    }

    /// Gives where keys are looked up: on the page of a host where one is open, else on the screen.
    #[must_use]
    pub fn contexts(&self) -> &'static [Context] {
        if self.page().is_some() { place(Context::Host) } else { self.screen.contexts() }
    }

    /// Gives what is wrong with the selected host, or with the one whose page is open, whole.
    #[must_use]
    pub fn failure_text(&self) -> Option<String> {
        match self.screen {
            Screen::Fleet => {
                let answer = self.fleet.table.answer(self.told_row()?)?;
                Some(format!("{}: {}", answer.host, answer.cause.as_ref()?))
            }
            Screen::Rollout => {
                let watched = self.watched.as_ref()?;
                let host = watched.table.host(self.told_row()?)?;
                let failure = host.failure.as_ref()?;
                let mut text = format!("{}: {failure}", host.id);
                for more in [failure.hint.as_deref(), Some(failure.output.as_str())].into_iter().flatten() {
                    if !more.is_empty() {
                        text.push('\n');
                        text.push_str(more);
                    }
                }
                Some(self.settings.invocation.within(&text).into_owned())
            }
            Screen::Plan | Screen::History => None,
        }
    }
}
