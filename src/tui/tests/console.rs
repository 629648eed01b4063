//! A console on a screen in memory: keys and messages in, text and requests out.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::fixture::{facts, names, rollout_id, settings, survey_hosts, survey_row};
use super::run::Run;
use crate::tui::app::App;
use crate::tui::messages::{Message, Request, Settings, Source};
use crate::tui::view;

/// A console on a screen in memory.
pub(super) struct Console {
    pub(super) state: App,
    pub(super) asked: Vec<Request>,
    terminal: Terminal<TestBackend>,
}

impl Console {
    pub(super) fn new(columns: u16, rows: u16) -> Self {
        Self::with(settings(), columns, rows)
    }

    pub(super) fn with(settings: Settings, columns: u16, rows: u16) -> Self {
        let (state, asked) = App::new(settings, (columns, rows), view::LAYOUT);
        let terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        Self { state, asked, terminal }
    }

    pub(super) fn send(&mut self, message: Message) -> &mut Self {
        if let Message::Resize(columns, rows) = message {
            self.terminal.backend_mut().resize(columns, rows);
        }
        self.asked.extend(self.state.update(message));
        self
    }

    /// Presses keys, drawing after each as a person who looks would see it; `<Esc>` and the like are named keys.
    pub(super) fn press(&mut self, keys: &str) -> &mut Self {
        let mut rest = keys;
        while !rest.is_empty() {
            let (key, after) = read_key(rest);
            rest = after;
            self.send(Message::Key(key));
            self.draw();
            self.send(Message::Drawn);
        }
        self
    }

    /// Shows a rollout as it stands.
    pub(super) fn watch(&mut self, run: &Run, source: Source) -> &mut Self {
        self.send(Message::Opened { rollout: rollout_id(), source });
        self.send(Message::Records { rollout: rollout_id(), records: run.records.clone() });
        self.send(Message::Tick(run.now));
        self.press("3")
    }

    pub(super) fn draw(&mut self) -> &Buffer {
        self.state.fit();
        let Self { state, terminal, .. } = self;
        terminal.draw(|frame| view::draw(frame, state)).unwrap();
        self.terminal.backend().buffer()
    }

    /// Gives the screen as text, without the blanks at the ends of lines.
    pub(super) fn screen(&mut self) -> String {
        text(self.draw())
    }

    /// Gives what was asked for since the last time.
    pub(super) fn requests(&mut self) -> Vec<Request> {
        self.asked.drain(..).collect()
    }

    /// Sends a fleet that was surveyed: so many hosts answered, in all states.
    pub(super) fn survey(&mut self, count: usize, answered: usize) -> &mut Self {
        self.send(Message::Environment(facts()));
        self.send(Message::SurveyStarted { hosts: survey_hosts(count) });
        for (place, host) in names(count).into_iter().enumerate().take(answered) {
            self.send(Message::SurveyRow(Box::new(survey_row(place, host))));
        }
        if answered == count {
            self.send(Message::SurveyDone(Ok(())));
        }
        self
    }
}

fn read_key(text: &str) -> (KeyEvent, &str) {
    if let Some((name, after)) = text.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
        let key = match name {
            "Esc" => plain(KeyCode::Esc),
            "Enter" => plain(KeyCode::Enter),
            "Tab" => plain(KeyCode::Tab),
            "BackTab" => plain(KeyCode::BackTab),
            "Up" => plain(KeyCode::Up),
            "Down" => plain(KeyCode::Down),
            "Home" => plain(KeyCode::Home),
            "End" => plain(KeyCode::End),
            "PgUp" => plain(KeyCode::PageUp),
            "PgDn" => plain(KeyCode::PageDown),
            "Backspace" => plain(KeyCode::Backspace),
            _ => {
                let c = name.strip_prefix("Ctrl-").and_then(|rest| rest.chars().next()).unwrap();
                KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)
            }
        };
        return (key, after);
    }
    let c = text.chars().next().unwrap();
    (KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE), text.strip_prefix(c).unwrap())
}

pub(super) fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        for x in 0..buffer.area.width {
            line.push_str(buffer.cell((x, y)).unwrap().symbol());
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
