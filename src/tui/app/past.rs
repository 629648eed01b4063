//! What can be done once a rollout is over, and the history in which it is looked for.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::layers::Layer;
use super::planning::Side;
use super::{App, Screen};
use crate::expr::fold;
use crate::model::{HostId, Installed, RolloutId, Slot, Version};
use crate::plan::{LeftOutReason, PlanKind, StageKind};
use crate::report::{Counted, Month, months};
use crate::rollout::{Mode, Outcome};
use crate::tui::keymap::Action;
use crate::tui::messages::{HistoryRow, Limit, PlanGoal, PlanWanted, Request, Ticket};
use crate::words::{beside, whereabouts};

/// The fields that the history is filtered by.
const FIELDS: [&str; 5] = ["by", "version", "outcome", "month", "for"];
/// What `outcome:` may ask for.
const OUTCOMES: [&str; 7] = ["completed", "debt", "stopped", "rolled back", "locked", "overtaken", "not over"];

/// Chooses among earlier rollouts, by what was typed.
#[derive(Debug, Default, Clone)]
pub struct PastFilter {
    text: String,
    terms: Vec<(bool, Option<&'static str>, String)>,
    error: Option<String>,
}

impl PastFilter {
    /// Reads what was typed: words that a row has to mention, and fields; `!` inverts.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut filter = Self { text: text.to_owned(), ..Self::default() };
        for word in text.split_whitespace() {
            let (wanted, word) = word.strip_prefix('!').map_or((true, word), |word| (false, word));
            let word = word.to_lowercase();
            let Some((name, value)) = word.split_once(':') else {
                filter.terms.push((wanted, None, word));
                continue;
            };
            let Some(field) = FIELDS.into_iter().find(|field| *field == name) else {
                filter.error = Some(format!("no field {name}: {}", FIELDS.join(", ")));
                continue;
            };
            let value = value.replace(['_', '-'], if field == "outcome" { " " } else { "-" });
            if field == "outcome" && !OUTCOMES.iter().any(|outcome| outcome.starts_with(&value)) {
                filter.error = Some(format!("no outcome {value}: {}", OUTCOMES.join(", ")));
                continue;
            }
            filter.terms.push((wanted, Some(field), value));
        }
        filter
    }

    /// Gives what was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Says what of it is not understood; that chooses nothing.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    fn shows(&self, row: &HistoryRow, zone: &TimeZone) -> bool {
        self.terms.iter().all(|(wanted, field, value)| *wanted == mentions(row, *field, value, zone))
    }
}

fn mentions(row: &HistoryRow, field: Option<&str>, value: &str, zone: &TimeZone) -> bool {
    let has = |text: &str| text.to_lowercase().contains(value);
    let month = || row.started.to_zoned(zone.clone()).strftime("%Y-%m").to_string();
    match field {
        Some("by") => has(&row.operator.0),
        Some("version") => row.version.as_str().to_lowercase().starts_with(value),
        Some("outcome") => match row.outcome {
            Some(Outcome::Completed) if "debt".starts_with(value) => row.debt > 0,
            Some(outcome) => outcome.to_string().starts_with(value),
            None if row.overtaken.is_some() => "overtaken".starts_with(value),
            None => "not over".starts_with(value),
        },
        Some("month") => month().starts_with(value),
        Some("for") => row.kind.word().starts_with(value),
        _ => {
            has(row.version.as_str())
                || has(&row.operator.0)
                || has(row.rollout.as_str())
                || row.reason.as_deref().is_some_and(has)
                || row.outcome.is_some_and(|outcome| has(&outcome.to_string()))
        }
    }
}

impl App {
    /// Gives the earlier rollouts that are shown, the latest first.
    #[must_use]
    pub fn past_rows(&self) -> Vec<&HistoryRow> {
        let rows = self.history.here().map(Vec::as_slice).unwrap_or_default();
        rows.iter().filter(|row| self.past_filter.shows(row, &self.settings.zone)).collect()
    }

    /// Gives the earlier rollout that is selected.
    #[must_use]
    pub fn selected_past(&self) -> Option<&HistoryRow> {
        self.past_rows().get(self.past.place()).copied()
    }

    /// Sums the rollouts that are shown up by months.
    #[must_use]
    pub fn past_months(&self) -> Vec<Month> {
        let counted = self.past_rows().into_iter().map(|row| Counted {
            started: row.started,
            kind: row.kind,
            outcome: row.outcome,
            debt: row.debt,
            lead_s: row.lead.map(|lead| lead.as_secs_f64()),
        });
        months(counted, &self.settings.zone)
    }

    /// Tells whether the rollout that is open is over, so that what follows it is a rollout of its own.
    pub(super) fn is_over_there(&self) -> bool {
        self.screen == Screen::Rollout
            && self.watched.as_ref().is_some_and(|watched| watched.state().mode() == Mode::Finished)
    }

    /// Says of an action that follows a rollout why it cannot be done now; none for other actions.
    pub(super) fn refusal_after(&self, action: Action) -> Option<Option<String>> {
        let on_history = self.screen == Screen::History;
        let nothing = || Some("nothing is selected here".to_owned());
        let runs = || {
            // What was seen to end is over, whatever was last heard of the environment.
            let is_over = |rollout: &RolloutId| {
                let watched = self.watched.as_ref().filter(|watched| watched.rollout == *rollout);
                watched.is_some_and(|watched| watched.state().mode() == Mode::Finished)
            };
            let mut runs = self.facts.as_ref()?.rollouts.iter().filter(|live| live.running);
            let live = runs.find(|live| !is_over(&live.rollout))?;
            Some(format!("rollout {} runs", live.rollout))
        };
        match action {
            Action::Rollback if self.is_over_there() => Some(runs()),
            Action::Rollback if on_history => Some(match self.selected_past() {
                None => nothing(),
                Some(row) if row.outcome != Some(Outcome::Completed) || row.kind == PlanKind::Prime => {
                    Some(format!("{} did not become good in it", row.version))
                }
                Some(_) => runs(),
            }),
            Action::Continue if on_history => Some(match self.selected_past() {
                None => nothing(),
                Some(row) if row.outcome.is_some() => Some("it is over".to_owned()),
                Some(HistoryRow { overtaken: Some(by), .. }) => Some(format!("it was overtaken by {by}")),
                Some(row) => self.facts.as_ref().and_then(|facts| {
                    let live = facts.rollouts.iter().find(|live| live.rollout == row.rollout && live.running)?;
                    Some(format!("its conductor runs: {}", live.operator))
                }),
            }),
            Action::Debt if on_history => Some(runs()),
            Action::Debt if !self.is_over_there() => Some(Some("the rollout is not over".to_owned())),
            Action::Debt => Some(runs()),
            Action::Compare => Some(self.compared().err()),
            Action::Report => Some(self.reported().is_none().then(|| "no rollout is open".to_owned())),
            _ => None,
        }
    }

    /// Gives the rollout that a report would be of.
    pub(super) fn reported(&self) -> Option<&RolloutId> {
        match self.screen {
            Screen::History => self.selected_past().map(|row| &row.rollout),
            _ => self.watched.as_ref().map(|watched| &watched.rollout),
        }
    }

    /// Gives what would be compared: from which release, or from what hosts run, to which.
    pub(super) fn compared(&self) -> Result<(Option<Version>, Version), String> {
        match self.screen {
            Screen::Plan => {
                let version = self.planning.version().ok_or("choose a version first")?;
                Ok((None, version.clone()))
            }
            Screen::History => {
                let row = self.selected_past().ok_or("nothing is selected here")?;
                let rows = self.history.here().map(Vec::as_slice).unwrap_or_default();
                let older = rows.iter().skip_while(|other| other.rollout != row.rollout).skip(1);
                let before = older
                    .filter(|other| other.outcome == Some(Outcome::Completed) && other.kind == PlanKind::Install)
                    .map(|other| other.version.clone())
                    .find(|version| *version != row.version);
                Ok((before, row.version.clone()))
            }
            Screen::Fleet | Screen::Rollout => {
                let plan = self.watched.as_ref().and_then(|watched| watched.state().plan());
                let plan = plan.ok_or("no rollout is open")?;
                let mut ran: BTreeMap<Version, usize> = BTreeMap::new();
                for id in plan.hosts.iter().filter_map(|host| host.from.as_ref().and_then(Installed::release)) {
                    *ran.entry(id.version().clone()).or_default() += 1;
                }
                ran.remove(&plan.version);
                let most = ran.into_iter().max_by_key(|(_, hosts)| *hosts).map(|(version, _)| version);
                let from = most.ok_or_else(|| format!("no host ran another release than {} before", plan.version))?;
                Ok((Some(from), plan.version.clone()))
            }
        }
    }

    pub(super) fn compare(&mut self) -> Vec<Request> {
        let (from, to) = match self.compared() {
            Ok(compared) => compared,
            Err(why) => return self.notify(why),
        };
        let limit = if self.screen == Screen::Plan { self.planning.limit.clone() } else { None };
        let ticket = self.ask(format!("what differs in {to}"));
        vec![Request::Compare { ticket, from, to, limit: limit.map(|limit| limit.expression) }]
    }

    pub(super) fn report(&mut self) -> Vec<Request> {
        let Some(rollout) = self.reported().cloned() else {
            return Vec::new();
        };
        let ticket = self.ask("report".to_owned());
        vec![Request::Report { ticket, rollout }]
    }

    /// Shows a text that was asked for; what is being typed or answered stays on top.
    pub(super) fn told(&mut self, ticket: Ticket, title: String, text: Result<Vec<String>, String>) -> Vec<Request> {
        let Some(place) = self.asked.iter().position(|asked| asked.ticket == ticket) else {
            return Vec::new();
        };
        self.asked.remove(place);
        match text {
            Ok(lines) => {
                let layer = Layer::Text { title, lines, top: 0 };
                match self.layers.last() {
                    Some(Layer::Dialog(_) | Layer::Line(_)) => self.layers.insert(self.layers.len() - 1, layer),
                    _ => self.layers.push(layer),
                }
                Vec::new()
            }
            Err(why) => self.notify(format!("{title}: {why}")),
        }
    }

    /// Makes the plan of a way back: from the rollout that is open to what was good before it, from the history to what the selected
    /// one installed.
    pub(super) fn plan_back(&mut self) -> Vec<Request> {
        if self.screen == Screen::History {
            let Some((version, slot)) = self.selected_past().map(|row| (row.version.clone(), row.slot.clone())) else {
                return Vec::new();
            };
            return self.plan_after(PlanGoal::Back { to: Some(version.clone()) }, version, slot, None);
        }
        let Some(plan) = self.watched.as_ref().and_then(|watched| watched.state().plan()).cloned() else {
            return Vec::new();
        };
        // One that was limited to some hosts leads those back, and leaves the others alone.
        let is_limited = plan.left_out.iter().any(|out| out.reason == LeftOutReason::Excluded);
        let targets = plan.waves().filter(|(stage, _)| stage.kind == StageKind::Targets);
        let hosts: Vec<HostId> =
            targets.flat_map(|(_, waves)| waves.into_iter().flatten()).map(|host| host.host.clone()).collect();
        let limit = is_limited.then(|| Limit { expression: fold(&hosts), hosts });
        self.plan_after(PlanGoal::Back { to: None }, plan.version.clone(), plan.slot.clone(), limit)
    }

    /// Makes the plan that installs what was finalized last on the hosts that are in debt.
    pub(super) fn plan_debt(&mut self) -> Vec<Request> {
        let Some((version, slot)) = self.followed() else {
            return Vec::new();
        };
        self.plan_after(PlanGoal::Debt, version, slot, None)
    }

    /// Gives what the rollout brought that an action follows, and the slot that it was for.
    fn followed(&self) -> Option<(Version, Option<Slot>)> {
        match self.screen {
            Screen::History => self.selected_past().map(|row| (row.version.clone(), row.slot.clone())),
            _ => {
                let plan = self.watched.as_ref().and_then(|watched| watched.state().plan())?;
                Some((plan.version.clone(), plan.slot.clone()))
            }
        }
    }

    pub(super) fn plan_after(
        &mut self,
        goal: PlanGoal,
        version: Version,
        slot: Option<Slot>,
        limit: Option<Limit>,
    ) -> Vec<Request> {
        self.planning.limit = limit;
        self.planning.side = Side::Plan;
        let wanted: PlanWanted = self.planning.wanted_of(version, goal, slot);
        let mut requests = self.load_plan(wanted);
        requests.extend(self.show(Screen::Plan));
        requests
    }

    /// Asks before a conductor goes on with the rollout that is selected in the history.
    pub(super) fn resume_past(&mut self) -> Vec<Request> {
        let Some(rollout) = self.selected_past().map(|row| row.rollout.clone()) else {
            return Vec::new();
        };
        let line = format!("{} resume {rollout}", self.settings.invocation);
        self.ask_to_resume(rollout, line)
    }

    /// Writes the command line of an action that follows a rollout.
    pub(super) fn line_after(&self, action: Action) -> Option<String> {
        let invocation = &self.settings.invocation;
        let quoted = |version: &Version| crate::words::quote(version.as_str()).into_owned();
        match (self.screen, action) {
            (Screen::Rollout, Action::Rollback) if self.is_over_there() => {
                let plan = self.watched.as_ref().and_then(|watched| watched.state().plan())?;
                Some(format!("{invocation} rollback{}", whereabouts(plan, &[])))
            }
            (Screen::History, Action::Rollback) => {
                let row = self.selected_past()?;
                Some(format!("{invocation} rollback --to {}{}", quoted(&row.version), beside(row.slot.as_ref())))
            }
            (Screen::History, Action::Continue) => {
                Some(format!("{invocation} resume {}", self.selected_past()?.rollout))
            }
            (_, Action::Debt) => {
                let slot = self.followed().and_then(|(_, slot)| slot);
                Some(format!("{invocation} install-world --debt{}", beside(slot.as_ref())))
            }
            (_, Action::Compare) => {
                let (from, to) = self.compared().ok()?;
                let from = from.map(|from| format!(" {}", quoted(&from))).unwrap_or_default();
                Some(format!("{invocation} diff{from} {}", quoted(&to)))
            }
            (_, Action::Report) => Some(format!("{invocation} show {} --output markdown", self.reported()?)),
            _ => None,
        }
    }
}
