//! What the console knows and how it changes: messages in, requests out. Nothing here does IO or has a clock.

mod actions;
mod arrivals;
mod columns;
mod decisions;
mod earlier;
mod estimate;
mod fleet;
mod keys;
mod layer_keys;
mod layers;
mod layout;
mod log;
mod page;
mod past;
mod planning;
mod prompt;
mod watch;

pub use arrivals::Arrivals;
pub use estimate::{Estimate, Pace, estimate};
pub use fleet::{Fleet, FleetTable, Survey};
pub use layers::{Button, Decision, Dialog, Focus, Layer, Line, LineKind};
pub use layout::{Heights, Layout};
pub use log::{Log, Numbered};
pub use page::Page;
pub use past::PastFilter;
pub use planning::{Answer, Flags, LeftOutGroup, PlanTable, Planning, Side};
pub use watch::{Link, Watched, WatchedTable};

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::keymap::{Context, place};
use super::messages::{
    EnvironmentFacts, Groups, Hidden, HistoryRow, LogLine, Message, Request, Settings, Source, Ticket,
};
use super::rows::{Cursor, Table};
use crate::model::{HostId, RolloutId};
use crate::plan::OnFailure;
use crate::rollout::{Debt, Event};
use crate::words::{between, clock, event_line};

/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(8);

/// Names a screen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// What every host runs.
    #[default]
    Fleet,
    /// What would be done.
    Plan,
    /// What is being done.
    Rollout,
    /// What was done.
    History,
}

impl Screen {
    /// Every screen, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Fleet, Self::Plan, Self::Rollout, Self::History];

    /// Gives its title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Plan => "plan",
            Self::Rollout => "rollout",
            Self::History => "history",
        }
    }

    /// Gives the contexts in which keys are looked up on it.
    #[must_use]
    pub fn contexts(self) -> &'static [Context] {
        place(match self {
            Self::Fleet => Context::Fleet,
            Self::Plan => Context::Plan,
            Self::Rollout => Context::Rollout,
            Self::History => Context::History,
        })
    }
}

/// Says how much of the screen the log has.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum LogSize {
    /// None.
    #[default]
    Hidden,
    /// Its lower part.
    Pane,
    /// All of it.
    Full,
}

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

    /// Changes by what happened, and says what is to be asked of the world.
    pub fn update(&mut self, message: Message) -> Vec<Request> {
        match message {
            Message::Key(key) => {
                // Keys mean what is there now, and not what was there when the list was last drawn.
                self.fit();
                let mut requests = self.key(key);
                requests.extend(self.close_page());
                self.fit();
                return requests;
            }
            Message::Paste(text) => self.paste(&text),
            Message::Mouse(event) => self.mouse(event),
            Message::Resize(columns, rows) => self.size = (columns, rows),
            Message::Tick(now) => self.tick(now),
            Message::Drawn => {
                if let Some(Layer::Dialog(dialog)) = self.layers.last_mut() {
                    dialog.seen = true;
                }
            }
            Message::Environment(facts) => return self.environment(facts),
            Message::SurveyStarted { hosts } => {
                self.fleet.start(hosts);
                self.group_by(self.fleet.groups().clone());
            }
            Message::Groups(groups) => self.group_by(groups),
            Message::SurveyRow(row) => {
                self.fleet.answer(row);
            }
            Message::SurveyDone(Ok(())) => {
                self.fleet.survey = Survey::Done { at: self.now };
                if self.screen == Screen::Fleet {
                    return self.survey_if_outdated();
                }
            }
            Message::SurveyDone(Err(why)) => self.fleet.survey = Survey::Failed(why),
            Message::Versions(versions) => self.planning.take_versions(versions),
            Message::PlanStep { ticket, what } => {
                if self.planning.ticket == Some(ticket) {
                    self.planning.step = Some(what);
                }
            }
            Message::Plan { ticket, plan } => self.planning.answered(ticket, plan),
            Message::Changes { ticket, lines } => self.planning.take_changes(ticket, lines),
            Message::History(history) => self.history = history.into(),
            Message::Opened { rollout, source } => {
                let keeps = self.watched.as_ref().is_some_and(|watched| watched.rollout == rollout);
                let before = self.watched.take().filter(|_| keeps);
                let mut watched = Watched::new(rollout, source, self.now);
                // Whoever comes back to the same rollout finds filter and order as they were.
                if let Some(before) = before {
                    watched.goes_on_from(before);
                }
                self.watched = Some(watched);
                let groups = Arc::clone(&self.groups);
                if let Some(watched) = &mut self.watched {
                    watched.group_by(&groups);
                }
                // Its records follow from the first, and are told again.
                self.log_lines.clear();
            }
            Message::Records { rollout, records } => return self.records(&rollout, &records),
            Message::Reply { ticket, result } => return self.reply(ticket, result),
            Message::Disconnected { rollout, why, gone } => {
                if let Some(watched) = self.watched.as_mut().filter(|watched| watched.rollout == rollout) {
                    watched.link = Link::Lost { why, gone };
                }
            }
            Message::Switched { environment, invocation } => return self.begin_anew(environment, invocation),
            Message::Page { ticket, part } => self.page_part(ticket, part),
            Message::Login(argv) => return vec![Request::Lend(argv)],
            Message::Returned(why) => {
                if let Some(why) = why {
                    self.notify(why);
                }
                return vec![Request::Redraw];
            }
            Message::Told { ticket, title, text } => return self.told(ticket, title, text),
            Message::Notice(text) => return self.notify(text),
            Message::Resumed => return vec![Request::Redraw],
            Message::HungUp => return self.leave(),
        }
        Vec::new()
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
        matches!(self.layers.last(), Some(Layer::Dialog(dialog)) if !dialog.seen)
    }

    /// Tells whether the console is to end.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.left
    }

    fn group_by(&mut self, groups: Groups) {
        self.groups = Arc::new(groups);
        self.planning.group_by(&self.groups);
        if let Some(watched) = &mut self.watched {
            watched.group_by(&self.groups);
        }
    }

    fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.ticks = self.ticks.wrapping_add(1);
        if let Some(watched) = &mut self.watched {
            watched.tick(self.now);
        }
        if self.notice.as_ref().is_some_and(|notice| between(notice.since, self.now) >= NOTICE) {
            self.notice = None;
        }
    }

    fn records(&mut self, rollout: &RolloutId, records: &[crate::rollout::Record]) -> Vec<Request> {
        let Some(watched) = self.watched.as_mut().filter(|watched| watched.rollout == *rollout) else {
            return Vec::new();
        };
        watched.link = Link::Up;
        let mut is_over = false;
        for record in records {
            watched.take(record);
            is_over |= matches!(record.event, Event::RolloutFinished { .. });
            let Settings { zone, theme, invocation, .. } = &self.settings;
            let line = event_line(record, watched.state(), zone, theme.look());
            if let Some(line) = line {
                self.log_lines.add(LogLine::new(line, clock(record.at, zone), invocation));
            }
        }
        if is_over && watched.source != Source::Journal { self.outdate() } else { Vec::new() }
    }

    /// Names the hosts in debt; who was found to have the release meanwhile owes nothing any more.
    pub fn owing(&self) -> impl Iterator<Item = &Debt> {
        let owed = self.facts.as_ref().map(|facts| facts.debt.as_slice()).unwrap_or_default();
        owed.iter().filter(|debt| {
            let row = self.fleet.row_of(&debt.host);
            !row.and_then(|row| self.fleet.table.answer(row)).is_some_and(|answer| answer.settled)
        })
    }

    fn environment(&mut self, facts: EnvironmentFacts) -> Vec<Request> {
        let watched = self.watched.as_ref().map(|watched| &watched.rollout);
        let goes_on = |rollout: &RolloutId| facts.rollouts.iter().any(|live| live.running && live.rollout == *rollout);
        // What is watched says itself when it is over.
        let is_over = self.facts.as_ref().is_some_and(|before| {
            let mut ran = before.rollouts.iter().filter(|live| live.running && Some(&live.rollout) != watched);
            ran.any(|live| !goes_on(&live.rollout))
        });
        self.facts = Some(facts);
        if is_over { self.outdate() } else { Vec::new() }
    }

    /// Forgets what a rollout that is over has made untrue, and asks anew for what of it is shown.
    fn outdate(&mut self) -> Vec<Request> {
        self.fleet.outdated = true;
        self.history = Answer::None;
        self.planning.forget();
        match self.screen {
            Screen::Fleet => self.survey_if_outdated(),
            Screen::Plan => self.load_versions_once(),
            Screen::History => self.load_history(),
            Screen::Rollout => Vec::new(),
        }
    }

    fn reply(&mut self, ticket: Ticket, result: Result<(), String>) -> Vec<Request> {
        let Some(place) = self.asked.iter().position(|asked| asked.ticket == ticket) else {
            return Vec::new();
        };
        let asked = self.asked.remove(place);
        if self.starting.take_if(|starting| *starting == ticket).is_some() && result.is_ok() {
            self.planning.begun();
        }
        match result {
            Ok(()) if self.leave_after == Some(ticket) => self.leave(),
            Ok(()) => Vec::new(),
            Err(why) => {
                self.leave_after = self.leave_after.filter(|&waiting| waiting != ticket);
                self.notify(format!("{} was refused: {why}", asked.what))
            }
        }
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

/// Gives the word of a policy as the command line has it.
#[must_use]
pub const fn on_failure_word(on_failure: OnFailure) -> &'static str {
    match on_failure {
        OnFailure::Pause => "pause",
        OnFailure::Rollback => "rollback",
        OnFailure::Abort => "abort",
    }
}
