//! What keys, pastes and the mouse do.

use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::layers::{Answered, Layer, LineKind};
use super::planning::{Answer, Side};
use super::watch::Watched;
use super::{App, Fleet, LogSize, PastFilter, Planning, Screen, Survey};
use crate::expr::fold;
use crate::model::HostId;
use crate::plan::OnFailure;
use crate::tui::keymap::{Action, Context};
use crate::tui::messages::Request;
use crate::tui::rows::{Cursor, GroupBy, Rows, Table};

impl App {
    pub(super) fn key(&mut self, key: KeyEvent) -> Vec<Request> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        self.notice = None;
        let contexts = self.contexts();
        let keys = Arc::clone(&self.settings.keys);
        if self.is_hidden() {
            return self.key_in_the_dark(key);
        }
        // These two are needed most where nothing else works.
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match keys.lookup(key, &[Context::Everywhere]) {
                Some(Action::Quit) => return self.quit(),
                Some(Action::Suspend) => return vec![Request::Suspend],
                _ => {}
            }
        }
        match self.layers.last_mut() {
            Some(Layer::Dialog(dialog)) => match dialog.key(key) {
                Answered::Not => Vec::new(),
                Answered::Closed => {
                    self.layers.pop();
                    Vec::new()
                }
                Answered::Do(decision) => {
                    self.layers.pop();
                    self.carry_out(decision)
                }
            },
            Some(Layer::Line(_)) => self.key_in_line(key),
            Some(
                Layer::Help { .. }
                | Layer::Detail { .. }
                | Layer::Text { .. }
                | Layer::Failures(_)
                | Layer::Menu(..)
                | Layer::Columns(..),
            ) => keys.lookup(key, contexts).map_or_else(Vec::new, |action| self.act_in_layer(action)),
            None => keys.lookup(key, contexts).map_or_else(Vec::new, |action| self.act(action)),
        }
    }

    /// Takes a key where nothing can be read: a rollout is neither started nor changed, and who leaves is not asked what becomes of it.
    fn key_in_the_dark(&mut self, key: KeyEvent) -> Vec<Request> {
        let is_text = matches!(self.layers.last(), Some(Layer::Dialog(_) | Layer::Line(_)));
        if is_text && !key.modifiers.contains(KeyModifiers::CONTROL) {
            return Vec::new();
        }
        match self.settings.keys.lookup(key, &[Context::Everywhere]) {
            Some(Action::Quit) => self.leave(),
            Some(Action::Suspend) => vec![Request::Suspend],
            _ => Vec::new(),
        }
    }

    pub(super) fn mouse(&mut self, event: MouseEvent) {
        let lines = match event.kind {
            MouseEventKind::ScrollDown => Action::Down,
            MouseEventKind::ScrollUp => Action::Up,
            MouseEventKind::Down(MouseButton::Left) => return self.click(event.row),
            _ => return,
        };
        for _ in 0..3 {
            if self.layers.is_empty() && self.log == LogSize::Full {
                self.scroll_log(lines);
            } else if self.layers.is_empty() {
                self.go(lines);
            } else if !matches!(self.layers.last(), Some(Layer::Dialog(_) | Layer::Line(_))) {
                self.act_in_layer(lines);
            }
        }
    }

    /// Selects the line of the list that was clicked on.
    fn click(&mut self, row: u16) {
        let heights = (self.layout.heights)(self);
        let line = usize::from(row.saturating_sub(heights.top));
        if !self.layers.is_empty() || self.log == LogSize::Full || row < heights.top {
            return;
        }
        if let Some(cursor) = self.cursor()
            && line < cursor.page()
        {
            cursor.go(cursor.top() + line);
        }
        self.fit();
    }

    /// Puts the rows of the list together by the next thing that they can have in common.
    fn group(&mut self) {
        match self.screen {
            Screen::Fleet => self.fleet.rows.group_by_next(self.fleet.table.kinds()),
            Screen::Plan => {
                if let Answer::Here(table) = &self.planning.plan {
                    self.planning.rows.group_by_next(table.kinds());
                }
            }
            Screen::Rollout => {
                if let Some(watched) = &mut self.watched {
                    watched.rows.group_by_next(watched.table.kinds());
                }
            }
            Screen::History => {}
        }
    }

    /// Gives the list of hosts that takes the keys.
    #[must_use]
    pub fn rows(&self) -> Option<&Rows> {
        match self.screen {
            Screen::Fleet => Some(&self.fleet.rows),
            Screen::Plan if self.planning.side == Side::Plan => Some(&self.planning.rows),
            Screen::Rollout => self.watched.as_ref().map(|watched| &watched.rows),
            Screen::Plan | Screen::History => None,
        }
    }

    pub(super) fn rows_mut(&mut self) -> Option<&mut Rows> {
        match self.screen {
            Screen::Fleet => Some(&mut self.fleet.rows),
            Screen::Plan if self.planning.side == Side::Plan => Some(&mut self.planning.rows),
            Screen::Rollout => self.watched.as_mut().map(|watched| &mut watched.rows),
            Screen::Plan | Screen::History => None,
        }
    }

    fn cursor(&mut self) -> Option<&mut Cursor> {
        match self.screen {
            Screen::Plan if self.planning.side == Side::Versions => Some(&mut self.planning.picker),
            Screen::History => Some(&mut self.past),
            _ => self.rows_mut().map(Rows::cursor),
        }
    }

    fn scroll_log(&mut self, action: Action) {
        let ((columns, height), rows) = ((self.layout.log_room)(self), self.layout.log_rows);
        self.log_lines.scroll(action, height, |line| rows(line, columns));
    }

    /// Shows the lines of the log that have a text; whoever takes it away finds the line where they read among the others.
    pub(super) fn search_log(&mut self, text: &str) {
        if text.is_empty() {
            let ((columns, height), rows) = ((self.layout.log_room)(self), self.layout.log_rows);
            let window = self.log_lines.window(height, |line| rows(line, columns));
            let top = window.first().map(|(number, _)| *number);
            self.log_lines.go(top);
        }
        self.log_lines.set_search(text);
    }

    /// Makes a pane of the log again, of its last lines.
    pub(super) fn leave_log(&mut self) {
        self.log = LogSize::Pane;
        self.log_lines.set_search("");
        self.log_lines.go(None);
    }

    pub(super) fn go(&mut self, action: Action) {
        if let Some(cursor) = self.cursor() {
            step(cursor, action);
        }
    }

    /// Does what an action says, or tells why it cannot be done.
    pub(super) fn act(&mut self, action: Action) -> Vec<Request> {
        if let Some(why) = self.refusal(action) {
            let word = self.settings.keys.binding(action, self.contexts()).map_or("", |binding| binding.word);
            return self.notify(format!("cannot {word}: {why}"));
        }
        if self.page().is_some() {
            return self.act_on_page(action);
        }
        match action {
            Action::Fleet => self.show(Screen::Fleet),
            Action::Plan => self.show(Screen::Plan),
            Action::Rollout => self.show(Screen::Rollout),
            Action::History => self.show(Screen::History),
            Action::NextScreen => self.show_next(1),
            Action::PreviousScreen => self.show_next(Screen::ALL.len() - 1),
            Action::Enter => self.enter(),
            Action::Back => self.back(),
            Action::Down
            | Action::Up
            | Action::First
            | Action::Last
            | Action::PageDown
            | Action::PageUp
            | Action::HalfDown
            | Action::HalfUp => {
                if self.log == LogSize::Full {
                    self.scroll_log(action);
                } else {
                    self.go(action);
                }
                Vec::new()
            }
            Action::Mark | Action::MarkRange | Action::MarkAll | Action::Unmark | Action::Sort | Action::Reverse => {
                self.act_on_rows(action);
                Vec::new()
            }
            Action::Filter if self.log == LogSize::Full => self.open_line(LineKind::Search),
            Action::Filter => self.open_line(LineKind::Filter),
            Action::Reason => self.open_line(LineKind::Reason),
            Action::Command => self.open_command(""),
            Action::Environment | Action::Soak | Action::Promote | Action::Hold | Action::Lock => {
                self.ask_words(action)
            }
            Action::Unlock => self.unlock_dialog(),
            Action::Survey => match self.fleet.survey {
                Survey::Running { .. } => self.notify("the survey is still running"),
                _ => vec![Request::Survey],
            },
            Action::Install if self.screen == Screen::Fleet => self.plan_for_chosen(),
            Action::Install => self.install_dialog(),
            Action::SkipUnreachable | Action::OnFailure | Action::NoSoak | Action::PrimeOnly => self.set_flag(action),
            Action::Reload if self.screen == Screen::History => self.load_history(),
            Action::Reload => {
                // What is there stays until it is answered, so that the selection finds its version again.
                if self.planning.versions.here().is_none() {
                    self.planning.versions = Answer::Asked;
                }
                let mut requests = vec![Request::LoadVersions];
                requests.extend(self.plan_anew());
                requests
            }
            Action::Continue if self.screen == Screen::Fleet => self.open_dead(),
            Action::Continue if self.screen == Screen::History => self.resume_past(),
            Action::Rollback if self.screen == Screen::History || self.is_over_there() => self.plan_back(),
            Action::Debt => self.plan_debt(),
            Action::Compare => self.compare(),
            Action::Report => self.report(),
            Action::Continue | Action::Pause | Action::Abort | Action::Rollback | Action::Retry | Action::Skip => {
                self.act_on_rollout(action)
            }
            Action::Failures => {
                self.layers.push(Layer::Failures(Cursor::default()));
                Vec::new()
            }
            Action::Copy if self.rows().is_none() => self.copy_line(self.line_of_row()),
            Action::Copy => self.copy_hosts(),
            Action::CopyFailure => self.failure_text().map(Request::CopyToClipboard).into_iter().collect(),
            Action::Write => {
                let what = if self.log == LogSize::Full { "log" } else { self.screen.title() };
                let name = format!("coalmine-{what}-{}.txt", self.now.strftime("%Y%m%dT%H%M%SZ"));
                vec![Request::WriteFile { name, text: (self.layout.text)(self) }]
            }
            Action::Log => {
                let shows = if self.log == LogSize::Hidden { LogSize::Pane } else { LogSize::Hidden };
                self.leave_log();
                self.log = shows;
                Vec::new()
            }
            Action::LogFull => {
                if self.log == LogSize::Full {
                    self.leave_log();
                } else {
                    self.log = LogSize::Full;
                }
                Vec::new()
            }
            Action::Follow => {
                self.follow = !self.follow;
                if self.log == LogSize::Hidden {
                    self.log = LogSize::Pane;
                }
                Vec::new()
            }
            Action::Menu => {
                self.open_menu();
                Vec::new()
            }
            Action::Help => {
                self.layers.push(Layer::Help { top: 0 });
                Vec::new()
            }
            Action::Group => {
                self.group();
                Vec::new()
            }
            Action::Columns => self.choose_columns(),
            // These are of a host's page, which is not open.
            Action::Shell | Action::Depool | Action::Repool | Action::Bootstrap => Vec::new(),
            Action::Suspend => vec![Request::Suspend],
            Action::Redraw => vec![Request::Redraw],
            Action::Quit => self.quit(),
        }
    }

    fn act_on_rows(&mut self, action: Action) {
        let orders = match self.screen {
            Screen::Fleet => Fleet::SORTS.as_slice(),
            Screen::Plan => Planning::SORTS.as_slice(),
            Screen::Rollout | Screen::History => Watched::SORTS.as_slice(),
        };
        let Some(rows) = self.rows_mut() else {
            return;
        };
        match action {
            Action::Mark => rows.mark(),
            Action::MarkRange => rows.mark_range(),
            Action::MarkAll => rows.mark_all(),
            Action::Unmark => rows.unmark(),
            Action::Sort => rows.next_sort(orders),
            _ => rows.reverse(),
        }
    }

    fn set_flag(&mut self, action: Action) -> Vec<Request> {
        let flags = &mut self.planning.flags;
        match action {
            Action::SkipUnreachable => flags.skip_unreachable = !flags.skip_unreachable,
            Action::NoSoak => flags.no_soak = !flags.no_soak,
            Action::PrimeOnly => flags.prime = !flags.prime,
            _ => {
                flags.on_failure = match flags.on_failure {
                    OnFailure::Pause => OnFailure::Rollback,
                    OnFailure::Rollback => OnFailure::Abort,
                    OnFailure::Abort => OnFailure::Pause,
                }
            }
        }
        // A plan that was made under other flags is not what would be started.
        self.plan_anew()
    }

    fn enter(&mut self) -> Vec<Request> {
        if self.rows_mut().is_some_and(Rows::toggle_group) {
            return Vec::new();
        }
        match self.screen {
            Screen::Plan if self.planning.side == Side::Versions => {
                let Some(wanted) = self.planning.want() else {
                    return Vec::new();
                };
                self.planning.side = Side::Plan;
                self.load_plan(wanted)
            }
            Screen::History => {
                let Some(row) = self.selected_past() else {
                    return Vec::new();
                };
                let rollout = row.rollout.clone();
                self.screen = Screen::Rollout;
                vec![Request::OpenRollout(rollout)]
            }
            _ => self.open_page(),
        }
    }

    /// Opens the menu of what can be done on the screen, or on the page that is open.
    pub(super) fn open_menu(&mut self) {
        let own = self.contexts().first().copied();
        let bindings = self.settings.keys.bindings().iter();
        let actions = bindings.filter(|binding| own == Some(binding.context)).map(|binding| binding.action).collect();
        self.layers.push(Layer::Menu(Cursor::default(), actions));
    }

    fn back(&mut self) -> Vec<Request> {
        if self.log == LogSize::Full {
            if self.log_lines.search().is_empty() {
                self.leave_log();
            } else {
                self.search_log("");
            }
            return Vec::new();
        }
        if self.rows_mut().is_some_and(Rows::drop_range) {
            return Vec::new();
        }
        if let Some(rows) = self.rows_mut()
            && !rows.filter().text().is_empty()
        {
            rows.set_filter("");
            return Vec::new();
        }
        if let Some(rows) = self.rows_mut()
            && rows.grouped_by() != GroupBy::Nothing
        {
            rows.group_by(GroupBy::Nothing);
            return Vec::new();
        }
        match self.screen {
            Screen::Plan => self.planning.side = Side::Versions,
            Screen::History => self.past_filter = PastFilter::default(),
            Screen::Fleet | Screen::Rollout => {}
        }
        Vec::new()
    }

    /// Copies a command line, where there is one.
    pub(super) fn copy_line(&mut self, line: Option<String>) -> Vec<Request> {
        let Some(line) = line else {
            return self.notify("no command line does this");
        };
        self.notify(format!("copied {line}"));
        vec![Request::CopyToClipboard(line)]
    }

    fn copy_hosts(&mut self) -> Vec<Request> {
        let (table, rows): (&dyn Table, &Rows) = match (self.screen, &self.watched, &self.planning.plan) {
            (Screen::Fleet, ..) => (&self.fleet.table, &self.fleet.rows),
            (Screen::Rollout, Some(watched), _) => (&watched.table, &watched.rows),
            (Screen::Plan, _, Answer::Here(table)) => (table, &self.planning.rows),
            _ => return Vec::new(),
        };
        let hosts: Vec<HostId> = rows.meant().into_iter().filter_map(|row| table.hosts().get(row).cloned()).collect();
        if hosts.is_empty() {
            return Vec::new();
        }
        let text = fold(&hosts);
        self.notify(format!("copied {text}"));
        vec![Request::CopyToClipboard(text)]
    }
}

pub(super) fn step(cursor: &mut Cursor, action: Action) {
    let page = cursor.page();
    match action {
        Action::Down => cursor.down(1),
        Action::Up => cursor.up(1),
        Action::First => cursor.first(),
        Action::Last => cursor.last(),
        Action::PageDown => cursor.down(page),
        Action::PageUp => cursor.up(page),
        Action::HalfDown => cursor.down(page.div_ceil(2)),
        Action::HalfUp => cursor.up(page.div_ceil(2)),
        _ => {}
    }
}
