//! What happened, and what of it the console knows then.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Answer, App, Layer, Link, Screen, Survey, Watched};
use crate::model::RolloutId;
use crate::rollout::Event;
use crate::tui::messages::{EnvironmentFacts, Groups, LogLine, Message, NotDone, Request, Settings, Source, Ticket};
use crate::words::{between, clock, event_line};

/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(8);

impl App {
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
            Message::Paste(_) | Message::Mouse(_) if self.is_hidden() => {}
            Message::Paste(text) => self.paste(&text),
            Message::Mouse(event) => self.mouse(event),
            Message::Resize(columns, rows) => self.resize((columns, rows)),
            Message::Drawn if self.is_hidden() => {}
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
                if !keeps {
                    self.turn_for_another();
                }
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
                    if gone {
                        self.turn_overtaken();
                    }
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
        let outdates = is_over && watched.source != Source::Journal;
        self.turn_overtaken();
        if outdates { self.outdate() } else { Vec::new() }
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
        self.turn_overtaken();
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

    fn reply(&mut self, ticket: Ticket, result: Result<(), NotDone>) -> Vec<Request> {
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
            Err(not_done) => {
                self.leave_after = self.leave_after.filter(|&waiting| waiting != ticket);
                let what = asked.what;
                self.notify(match not_done {
                    NotDone::Refused(why) => format!("{what} was refused: {why}"),
                    NotDone::Unanswered(why) => format!("{what} was not answered: {why}"),
                })
            }
        }
    }
}
