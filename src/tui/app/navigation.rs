//! Where a person goes, and what has to be asked for first.

use super::planning::{Answer, Side};
use super::{App, LogSize, Screen, Survey};
use crate::expr::fold;
use crate::model::HostId;
use crate::tui::messages::{Limit, PlanWanted, Request};
use crate::tui::rows::Table;

impl App {
    pub(super) fn show_next(&mut self, steps: usize) -> Vec<Request> {
        let here = Screen::ALL.iter().position(|&screen| screen == self.screen).unwrap_or(0);
        let next = Screen::ALL.get((here + steps) % Screen::ALL.len()).copied().unwrap_or_default();
        self.show(next)
    }

    pub(super) fn show(&mut self, screen: Screen) -> Vec<Request> {
        self.screen = screen;
        if self.log == LogSize::Full {
            self.leave_log();
        }
        match screen {
            Screen::Plan => self.load_versions_once(),
            Screen::History if matches!(self.history, Answer::None) => self.load_history(),
            Screen::Rollout => {
                let rollouts = self.facts.as_ref().map(|facts| facts.rollouts.as_slice()).unwrap_or_default();
                let live = match &self.watched {
                    None if rollouts.is_empty() => return vec![Request::OpenLast],
                    None => rollouts.first(),
                    // What was replayed gives way to what runs.
                    Some(watched) if !watched.is_running() => rollouts.iter().find(|live| live.running),
                    Some(_) => None,
                };
                live.map(|live| Request::OpenRollout(live.rollout.clone())).into_iter().collect()
            }
            Screen::Fleet if self.fleet.survey == Survey::Never => vec![Request::Survey],
            Screen::Fleet => self.survey_if_outdated(),
            _ => Vec::new(),
        }
    }

    /// Surveys the fleet again when a rollout has ended since; a survey that runs is waited for.
    pub(super) fn survey_if_outdated(&mut self) -> Vec<Request> {
        if matches!(self.fleet.survey, Survey::Running { .. }) || !std::mem::take(&mut self.fleet.outdated) {
            return Vec::new();
        }
        vec![Request::Survey]
    }

    pub(super) fn load_versions_once(&mut self) -> Vec<Request> {
        if matches!(self.planning.versions, Answer::None | Answer::Failed(_)) {
            self.planning.versions = Answer::Asked;
            return vec![Request::LoadVersions];
        }
        Vec::new()
    }

    pub(super) fn load_history(&mut self) -> Vec<Request> {
        self.history = Answer::Asked;
        vec![Request::LoadHistory]
    }

    /// Asks again for the plan that was asked for before, if there is one.
    pub(super) fn plan_anew(&mut self) -> Vec<Request> {
        self.planning.want_again().map_or_else(Vec::new, |wanted| self.load_plan(wanted))
    }

    pub(super) fn load_plan(&mut self, wanted: PlanWanted) -> Vec<Request> {
        self.tickets += 1;
        let ticket = crate::tui::messages::Ticket(self.tickets);
        self.planning.ticket = Some(ticket);
        self.planning.plan = Answer::Asked;
        self.planning.step = None;
        self.planning.wanted = Some(wanted.clone());
        vec![Request::LoadPlan { ticket, wanted }]
    }

    /// Goes to the plan with what was chosen on the fleet: marked hosts, or those that the filter shows, or all.
    pub(super) fn plan_for_chosen(&mut self) -> Vec<Request> {
        let rows = &self.fleet.rows;
        let limit = self.chosen();
        if limit.is_none() && !(rows.filter().is_empty() && rows.marks().is_empty()) {
            return self.notify("the filter shows no host to install on");
        }
        self.planning.limit = limit;
        self.planning.plan = Answer::None;
        self.planning.wanted = None;
        self.planning.side = Side::Versions;
        self.show(Screen::Plan)
    }

    /// Gives the hosts that were chosen on the fleet; none where that is all of them.
    pub(super) fn chosen(&self) -> Option<Limit> {
        let rows = &self.fleet.rows;
        let chosen: Vec<usize> = if rows.marks().is_empty() {
            if rows.filter().is_empty() { Vec::new() } else { rows.shown().to_vec() }
        } else {
            rows.marks().iter().copied().collect()
        };
        let hosts: Vec<HostId> =
            chosen.into_iter().filter_map(|row| self.fleet.table.hosts().get(row).cloned()).collect();
        (!hosts.is_empty()).then(|| Limit { expression: fold(&hosts), hosts })
    }

    pub(super) fn open_dead(&mut self) -> Vec<Request> {
        let dead = self.facts.as_ref().and_then(|facts| facts.rollouts.iter().find(|live| !live.running));
        let Some(rollout) = dead.map(|dead| dead.rollout.clone()) else {
            return Vec::new();
        };
        self.screen = Screen::Rollout;
        vec![Request::OpenRollout(rollout)]
    }
}
