//! What keys and pastes do to what lies over the screen.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;

use super::keys::step;
use super::layers::{Layer, Line, LineKind, edit};
use super::{App, PastFilter, Screen};
use crate::expr::fold;
use crate::model::HostId;
use crate::tui::keymap::{Action, Context};
use crate::tui::messages::Request;

impl App {
    pub(super) fn paste(&mut self, text: &str) {
        match self.layers.last_mut() {
            Some(Layer::Dialog(dialog)) => dialog.paste(text),
            Some(Layer::Line(_)) => {
                for c in text.chars().filter(|c| !c.is_control()) {
                    // Only characters: a pasted line break must not end the line, and a key never does anything else here.
                    self.key_in_line(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
                }
            }
            _ => {}
        }
    }

    pub(super) fn key_in_line(&mut self, key: KeyEvent) -> Vec<Request> {
        let Some(Layer::Line(line)) = self.layers.last_mut() else {
            return Vec::new();
        };
        let kind = line.kind;
        if kind == LineKind::Command {
            return self.key_in_command(key);
        }
        match key.code {
            KeyCode::Enter if kind == LineKind::Why => {
                let reason = line.input.value().trim().to_owned();
                return self.answer_why(reason);
            }
            KeyCode::Enter => {
                self.layers.pop();
            }
            KeyCode::Esc => {
                let before = line.before.clone();
                self.layers.pop();
                self.set_line(kind, &before);
            }
            KeyCode::Up | KeyCode::PageUp | KeyCode::Down | KeyCode::PageDown
                if matches!(kind, LineKind::Search | LineKind::Why) => {}
            KeyCode::Up | KeyCode::PageUp => self.go(Action::Up),
            KeyCode::Down | KeyCode::PageDown => self.go(Action::Down),
            _ => {
                if edit(&mut line.input, key) {
                    let text = line.input.value().to_owned();
                    self.set_line(kind, &text);
                }
            }
        }
        Vec::new()
    }

    pub(super) fn set_line(&mut self, kind: LineKind, text: &str) {
        match kind {
            LineKind::Filter if self.screen == Screen::History => self.past_filter = PastFilter::new(text),
            LineKind::Filter => {
                if let Some(rows) = self.rows_mut() {
                    rows.set_filter(text);
                }
            }
            LineKind::Search => self.search_log(text),
            LineKind::Reason => text.clone_into(&mut self.planning.reason),
            LineKind::Command | LineKind::Why => {}
        }
    }

    pub(super) fn open_line(&mut self, kind: LineKind) -> Vec<Request> {
        let before = match kind {
            LineKind::Filter if self.screen == Screen::History => self.past_filter.text().to_owned(),
            LineKind::Filter => match self.rows() {
                Some(rows) => rows.filter().text().to_owned(),
                None => return Vec::new(),
            },
            LineKind::Search => self.log_lines.search().to_owned(),
            LineKind::Reason => self.planning.reason.clone(),
            LineKind::Command | LineKind::Why => String::new(),
        };
        let input = Input::new(before.clone());
        self.layers.push(Layer::Line(Line { kind, input, before }));
        Vec::new()
    }

    pub(super) fn act_in_layer(&mut self, action: Action) -> Vec<Request> {
        if matches!(action, Action::Back | Action::Quit) {
            // `q` closes what is open; only where nothing is does it ask about leaving.
            self.layers.pop();
            return Vec::new();
        }
        let page = (self.layout.heights)(self).layer;
        if matches!(self.layers.last(), Some(Layer::Detail { .. }))
            && let Some(requests) = self.key_on_page(action)
        {
            return requests;
        }
        match self.layers.last_mut() {
            Some(Layer::Help { top } | Layer::Detail { top } | Layer::Text { top, .. }) => {
                match action {
                    Action::Down => *top = top.saturating_add(1),
                    Action::Up => *top = top.saturating_sub(1),
                    Action::PageDown | Action::HalfDown => *top = top.saturating_add(page),
                    Action::PageUp | Action::HalfUp => *top = top.saturating_sub(page),
                    Action::First => *top = 0,
                    Action::Last => *top = usize::MAX,
                    Action::Help | Action::Enter => {
                        self.layers.pop();
                    }
                    _ => {}
                }
                Vec::new()
            }
            Some(Layer::Failures(cursor)) => {
                let place = cursor.place();
                match action {
                    Action::Enter => {
                        // Hosts that were left out have a failure and no row.
                        let shown = self.watched.as_ref().and_then(|watched| {
                            let group = watched.groups().get(place)?;
                            let rows = group.rows.iter().filter_map(|&row| watched.table.host(row));
                            let hosts: Vec<HostId> = rows.map(|host| host.id.clone()).collect();
                            (!hosts.is_empty()).then(|| fold(&hosts))
                        });
                        if let Some(filter) = shown {
                            self.layers.pop();
                            self.set_line(LineKind::Filter, &filter);
                        }
                    }
                    Action::Failures => {
                        self.layers.pop();
                    }
                    _ => step(cursor, action),
                }
                Vec::new()
            }
            Some(Layer::Columns(cursor, names)) => match action {
                Action::Enter => match names.get(cursor.place()).copied() {
                    Some(name) => self.toggle_column(name),
                    None => Vec::new(),
                },
                _ => {
                    step(cursor, action);
                    Vec::new()
                }
            },
            Some(Layer::Menu(cursor, actions)) => match action {
                Action::Enter => {
                    let chosen = actions.get(cursor.place()).copied();
                    self.layers.pop();
                    chosen.map_or_else(Vec::new, |action| self.act(action))
                }
                Action::Menu => {
                    self.layers.pop();
                    Vec::new()
                }
                Action::Copy => {
                    let chosen = actions.get(cursor.place()).copied();
                    self.copy_line(chosen.and_then(|action| self.same_as(action)))
                }
                _ => {
                    step(cursor, action);
                    Vec::new()
                }
            },
            Some(Layer::Dialog(_) | Layer::Line(_)) | None => Vec::new(),
        }
    }

    /// Does what a key means on the page of a host; what only moves it is left to what moves every text.
    fn key_on_page(&mut self, action: Action) -> Option<Vec<Request>> {
        let most = (self.layout.scroll_limit)(self);
        let page = (self.layout.heights)(self).layer;
        if let (Some(open), Some(Layer::Detail { top })) = (&mut self.page, self.layers.last()) {
            open.at_end = match action {
                Action::Last => true,
                Action::Down => top + 1 >= most && most > 0,
                Action::PageDown | Action::HalfDown => top + page >= most && most > 0,
                Action::Up | Action::First | Action::PageUp | Action::HalfUp => false,
                _ => open.at_end,
            };
        }
        match action {
            Action::Help => {
                self.layers.push(Layer::Help { top: 0 });
                Some(Vec::new())
            }
            Action::Menu => {
                self.open_menu();
                Some(Vec::new())
            }
            action if self.settings.keys.binding(action, &[Context::Host]).is_some() => Some(self.act_on_page(action)),
            _ => None,
        }
    }
}
