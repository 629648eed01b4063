//! The page of one host: what it answers, what rollouts did to it, its own log as it grows, and what can be done to it from there.

use super::actions::command_line;
use super::layers::{Decision, Dialog, Layer, LineKind};
use super::planning::{Answer, Side};
use super::watch::Watched;
use super::{App, Screen};
use crate::deploy::{HostPast, WantedRelease};
use crate::model::{Command, HostId, Pooling, RollBackTarget};
use crate::plan::PlanKind;
use crate::report::HostPage;
use crate::rollout::Mode;
use crate::tui::keymap::{Action, Context};
use crate::tui::messages::{Limit, PagePart, PlanGoal, Request, Source, Ticket};
use crate::words::quote;

/// Holds the page of a host.
#[derive(Debug)]
pub struct Page {
    /// Whose.
    pub host: HostId,
    /// What it answered.
    pub answer: Answer<Box<HostPage>>,
    /// What rollouts did to it.
    pub past: Answer<Vec<HostPast>>,
    /// The last lines of its own log.
    pub log: Answer<Vec<String>>,
    /// Whether the end of the page is kept in view.
    pub at_end: bool,
    /// The site's commands that take it out of service and back in.
    pooling: [Option<String>; 2],
    ticket: Ticket,
}

impl App {
    /// Gives the page that is open, whatever lies over it.
    #[must_use]
    pub fn page(&self) -> Option<&Page> {
        self.page.as_ref().filter(|_| self.layers.iter().any(|layer| matches!(layer, Layer::Detail { .. })))
    }

    /// Opens the page of the selected host, and asks it.
    pub(super) fn open_page(&mut self) -> Vec<Request> {
        let Some(host) = self.selected_host().cloned() else {
            return Vec::new();
        };
        self.layers.push(Layer::Detail { top: 0 });
        self.ask_for_page(host)
    }

    fn ask_for_page(&mut self, host: HostId) -> Vec<Request> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let at_end = self.page.as_ref().is_some_and(|page| page.at_end && page.host == host);
        self.page = Some(Page {
            host: host.clone(),
            answer: Answer::Asked,
            past: Answer::Asked,
            log: Answer::None,
            at_end,
            pooling: [None, None],
            ticket,
        });
        let wanted = self.wanted_by_rollout(&host);
        vec![Request::OpenHost { ticket, host, wanted }]
    }

    /// Says what a host is to run by the rollout that is shown, while that is not over; nothing where it does not lead the host anywhere.
    fn wanted_by_rollout(&self, host: &HostId) -> Option<WantedRelease> {
        let state = self.watched.as_ref().filter(|_| self.screen == Screen::Rollout)?.state();
        // The page tells of the usual link.
        let plan = state.plan().filter(|plan| plan.slot.is_none() && plan.kind != PlanKind::Prime)?;
        let status = state.host(state.index_of(host)?).filter(|_| state.outcome().is_none())?;
        let goes_back = plan.kind == PlanKind::Install && state.mode() == Mode::RollingBack;
        let target = if goes_back { status.good.as_ref() } else { status.to.as_ref() };
        match target {
            None if goes_back => None,
            Some(RollBackTarget::Release { id }) if *id != plan.release => {
                Some(WantedRelease { version: id.version().clone(), commit: None, digest: None })
            }
            None | Some(RollBackTarget::Release { .. }) => {
                let (version, commit) = (plan.version.clone(), plan.commit.clone());
                Some(WantedRelease { version, commit, digest: Some(plan.digest) })
            }
            Some(RollBackTarget::Nothing | RollBackTarget::Adopted) => None,
        }
    }

    /// Forgets a page whose layer is gone; its host is asked nothing more.
    pub(super) fn close_page(&mut self) -> Option<Request> {
        if self.page().is_some() {
            return None;
        }
        self.page.take().map(|_| Request::CloseHost)
    }

    pub(super) fn page_part(&mut self, ticket: Ticket, part: PagePart) {
        let Some(page) = self.page.as_mut().filter(|page| page.ticket == ticket) else {
            return;
        };
        match part {
            PagePart::Answer(Ok(answer)) => {
                page.log = Answer::Here(answer.log.clone());
                page.answer = Answer::Here(answer);
            }
            PagePart::Answer(Err(why)) => page.answer = Answer::Failed(why),
            PagePart::Past(past) => page.past = past.into(),
            // What was heard last is better than why nothing more was heard.
            PagePart::Log(Err(_)) if page.log.here().is_some() => {}
            PagePart::Log(log) => page.log = log.into(),
            PagePart::Pooling { depool, repool } => page.pooling = [depool, repool],
        }
    }

    fn pooling_line(&self, which: Pooling) -> Option<&str> {
        let [depool, repool] = &self.page.as_ref()?.pooling;
        match which {
            Pooling::Depool => depool.as_deref(),
            Pooling::Repool => repool.as_deref(),
        }
    }

    fn command_for_page(&self, action: Action) -> Option<Command> {
        let host = self.page.as_ref()?.host.clone();
        Some(if action == Action::Retry { Command::Retry { host: Some(host) } } else { Command::Skip { host } })
    }

    /// Says of an action on a host's page why it cannot be done now.
    pub(super) fn refusal_on_page(&self, action: Action) -> Option<String> {
        let changes =
            matches!(action, Action::Retry | Action::Skip | Action::Depool | Action::Repool | Action::Bootstrap);
        let watching = self.watched.as_ref().is_some_and(|watched| watched.source == Source::ReadOnly);
        if changes && (self.settings.read_only || watching) {
            return Some("this console is read-only: attach without --read-only to act".to_owned());
        }
        match action {
            Action::Retry | Action::Skip => {
                let host = &self.page.as_ref()?.host;
                let has = |watched: &Watched| watched.state().index_of(host).is_some();
                if !self.watched.as_ref().is_some_and(has) {
                    return Some("no rollout is open that has it".to_owned());
                }
                self.refusal_of_the_rollout(&self.command_for_page(action)?)
            }
            Action::Depool => self.refusal_of_pooling(Pooling::Depool),
            Action::Repool => self.refusal_of_pooling(Pooling::Repool),
            Action::CopyFailure => self.failure_text().is_none().then(|| "nothing is wrong with this host".to_owned()),
            _ => None,
        }
    }

    fn refusal_of_pooling(&self, which: Pooling) -> Option<String> {
        self.pooling_line(which).is_none().then(|| format!("the configuration has no hooks.{}", which.word()))
    }

    /// Writes the command line that does the same as an action on a host's page.
    pub(super) fn line_on_page(&self, action: Action) -> Option<String> {
        let page = self.page.as_ref()?;
        let invocation = &self.settings.invocation;
        let host = quote(page.host.as_str());
        match action {
            Action::Survey => Some(format!("{invocation} host {host}")),
            Action::Bootstrap => Some(format!("{invocation} bootstrap {host}")),
            Action::Depool => Some(self.line_of_depool(&page.host, "REASON")),
            Action::Repool => Some(format!("{invocation} repool {host}")),
            Action::Retry | Action::Skip => {
                let rollout = self.watched.as_ref()?.rollout.as_str();
                Some(command_line(invocation, rollout, &self.command_for_page(action)?))
            }
            _ => None,
        }
    }

    /// Does one of the actions of a host's page; what it is not for does nothing there.
    pub(super) fn act_on_page(&mut self, action: Action) -> Vec<Request> {
        let Some(host) = self.page.as_ref().map(|page| page.host.clone()) else {
            return Vec::new();
        };
        if let Some(why) = self.refusal_on_page(action) {
            let word = self.settings.keys.binding(action, &[Context::Host]).map_or("", |binding| binding.word);
            return self.notify(format!("cannot {word}: {why}"));
        }
        match action {
            Action::Shell => vec![Request::Shell { host }],
            Action::Survey => self.ask_for_page(host),
            Action::Copy => {
                self.notify(format!("copied {host}"));
                vec![Request::CopyToClipboard(host.to_string())]
            }
            Action::CopyFailure => self.failure_text().map(Request::CopyToClipboard).into_iter().collect(),
            Action::Retry => self.command(self.command_for_page(action).into_iter().collect()),
            Action::Skip => {
                let commands: Vec<Command> = self.command_for_page(action).into_iter().collect();
                let dialog = Dialog::new(format!("Leave {host} out?"), "Skip", Decision::Commands(commands))
                    .says("It keeps what it runs and counts as debt.");
                self.open_with_line(dialog, action)
            }
            Action::Depool => self.open_line(LineKind::Why),
            Action::Repool => {
                let decision = Decision::Pool { host: host.clone(), which: Pooling::Repool, reason: None };
                let mut dialog = Dialog::new(format!("Take {host} back into service?"), "Repool", decision);
                if let Some(out) = self.out_of_service(&host) {
                    dialog = dialog.says(format!("It was taken out {}", out.describe()));
                }
                let dialog = dialog.says("Whatever it runs now serves again, and that is announced.");
                self.open_with_line(self.with_command(dialog, Pooling::Repool), action)
            }
            Action::Bootstrap => {
                let version = self.facts.as_ref().and_then(|facts| facts.release.as_ref()).map(|(version, _)| version);
                let Some(version) = version.cloned() else {
                    return self.notify("what the environment should run is not known yet");
                };
                self.layers.clear();
                self.planning.side = Side::Plan;
                let limit = Limit { expression: host.to_string(), hosts: vec![host] };
                self.plan_after(PlanGoal::CatchUp, version, None, Some(limit))
            }
            _ => Vec::new(),
        }
    }

    /// Asks whether the host is taken out of service for a reason; one that says nothing is asked for again.
    pub(super) fn answer_why(&mut self, reason: String) -> Vec<Request> {
        if reason.is_empty() {
            return self.notify("say why: that is journaled, and announced");
        }
        self.layers.pop();
        let Some(host) = self.page.as_ref().map(|page| page.host.clone()) else {
            return Vec::new();
        };
        let line = self.line_of_depool(&host, &quote(&reason));
        let title = format!("Take {host} out of service?");
        let why = format!("Why, for everybody: {reason}");
        let decision = Decision::Pool { host, which: Pooling::Depool, reason: Some(reason) };
        let dialog = Dialog::new(title, "Depool", decision)
            .says(why)
            .says("It stays out, whatever rollouts find on it, until somebody takes it back in.");
        self.open(self.with_command(dialog, Pooling::Depool).same_as(line))
    }

    fn line_of_depool(&self, host: &HostId, reason: &str) -> String {
        format!("{} depool {} --reason {reason}", self.settings.invocation, quote(host.as_str()))
    }

    /// Says what the site runs for it.
    fn with_command(&self, dialog: Dialog, which: Pooling) -> Dialog {
        match self.pooling_line(which) {
            Some(line) => dialog.says(format!("The site's command: {line}")),
            None => dialog,
        }
    }

    fn open_with_line(&mut self, dialog: Dialog, action: Action) -> Vec<Request> {
        let line = self.line_on_page(action);
        self.open(match line {
            Some(line) => dialog.same_as(line),
            None => dialog,
        })
    }

    /// Gives the row of a host on the screen that is shown.
    #[must_use]
    pub fn row_of(&self, host: &HostId) -> Option<usize> {
        match self.screen {
            Screen::Fleet => self.fleet.row_of(host),
            Screen::Plan => self.planning.plan.here()?.plan.hosts.iter().position(|planned| planned.host == *host),
            Screen::Rollout => Some(self.watched.as_ref()?.state().index_of(host)?.0),
            Screen::History => None,
        }
    }

    /// Gives the row of the host whose page is open, or else the selected one.
    #[must_use]
    pub fn told_row(&self) -> Option<usize> {
        match self.page() {
            Some(page) => self.row_of(&page.host),
            None => self.rows()?.selected(),
        }
    }
}
