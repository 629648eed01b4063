//! What can be done now, what cannot and why, and which command line does the same.

use std::borrow::Cow;
use std::time::Duration;

use super::planning::Answer;
use super::watch::{Link, Watched};
use super::{App, LogSize, Screen};
use crate::config::show_duration;
use crate::model::Command;
use crate::plan::{Plan, PlanKind};
use crate::rollout::{Outcome, refusal};
use crate::tui::keymap::Action;
use crate::tui::messages::{PlanGoal, Source};
use crate::tui::rows::Table;
use crate::words::{Typed, beside, named, quote};

/// What stands for a reason until somebody gives one.
const TO_BE_GIVEN: &str = "REASON";

/// Writes the command line of a command.
pub(super) fn command_line(invocation: &Typed, rollout: &str, command: &Command) -> String {
    let host = match command {
        Command::Depool { host, reason } => {
            let host = quote(host.as_str());
            return format!("{invocation} depool {host} --reason {}", reason_of(reason));
        }
        Command::Repool { host, .. } => return format!("{invocation} repool {}", quote(host.as_str())),
        Command::Retry { host: Some(host) } | Command::Skip { host } => format!(" --host {}", quote(host.as_str())),
        Command::Soak { left_s, reason } => {
            let left = show_duration(Duration::from_secs(*left_s));
            format!(" --left {} --reason {}", quote(&left), reason_of(reason))
        }
        Command::Promote { reason } | Command::Hold { reason } => format!(" --reason {}", reason_of(reason)),
        _ => String::new(),
    };
    format!("{invocation} {} {rollout}{host}", command.word())
}

/// Writes a reason as an argument, or what stands for one that is still to be given.
fn reason_of(reason: &str) -> Cow<'_, str> {
    if reason == TO_BE_GIVEN { Cow::Borrowed(reason) } else { quote(reason) }
}

/// Writes the command line that installs what a plan installs.
pub(super) fn install_line(state: &App, plan: &Plan) -> String {
    let goal = state.planning.wanted.as_ref().map(|wanted| &wanted.goal);
    let what = match goal {
        Some(PlanGoal::Back { to: None }) => "rollback".to_owned(),
        Some(PlanGoal::Back { to: Some(to) }) => format!("rollback --to {}", quote(to.as_str())),
        Some(PlanGoal::Debt) => "install-world --debt".to_owned(),
        Some(PlanGoal::CatchUp) => {
            let limit = state.planning.wanted.as_ref().and_then(|wanted| wanted.limit.as_ref());
            format!("bootstrap {}", limit.map(|limit| quote(&limit.expression)).unwrap_or_default())
        }
        Some(PlanGoal::Install) | None => format!("install-world {}", named(&plan.version)),
    };
    let slot = state.planning.wanted.as_ref().and_then(|wanted| wanted.slot.as_ref());
    let mut line = format!("{} {what}{}", state.settings.invocation, beside(slot));
    let mut add = |text: String| {
        line.push(' ');
        line.push_str(&text);
    };
    let planning = &state.planning;
    let limit = planning.wanted.as_ref().filter(|wanted| wanted.goal != PlanGoal::CatchUp);
    if let Some(limit) = limit.and_then(|wanted| wanted.limit.as_ref()) {
        add(format!("-l {}", quote(&limit.expression)));
    }
    if let Some(wanted) = &planning.wanted {
        if wanted.skip_unreachable {
            add("--skip-unreachable".to_owned());
        }
        if wanted.no_soak {
            add("--no-soak".to_owned());
        }
        if wanted.prime {
            add("--prime".to_owned());
        }
        // A rollback collects every failure, and never stops at the first.
        if plan.kind != PlanKind::Rollback {
            add(format!("--on-failure {}", wanted.on_failure.word()));
        }
    }
    if let Some(reason) = &plan.reason {
        add(format!("--reason {}", quote(reason)));
    }
    line
}

impl App {
    /// Says why an action cannot be done now; none when it can.
    #[must_use]
    pub fn refusal(&self, action: Action) -> Option<String> {
        if self.page().is_some() {
            return self.refusal_on_page(action);
        }
        if let Some(why) = self.refusal_of_the_console(action) {
            return Some(why);
        }
        if let Some(told) = self.refusal_of_the_log(action).or_else(|| self.refusal_after(action)) {
            return told;
        }
        match (self.screen, action) {
            (Screen::Rollout, Action::Continue) if self.watched.as_ref().is_some_and(Watched::can_resume) => None,
            (_, Action::Environment) => self.refusal_of_another_environment(),
            (
                Screen::Rollout,
                Action::Pause
                | Action::Continue
                | Action::Abort
                | Action::Rollback
                | Action::Soak
                | Action::Promote
                | Action::Hold,
            ) => self.refusal_of_the_rollout(&command_of(action)?),
            (Screen::Rollout, Action::Retry | Action::Skip) => self.commands_for_hosts(action).err(),
            (Screen::Rollout, Action::Failures) => {
                let any = self.watched.as_ref().is_some_and(|watched| !watched.groups().is_empty());
                (!any).then(|| "no host has failed".to_owned())
            }
            (Screen::Fleet, Action::Continue) => {
                let dead = self.facts.as_ref().is_some_and(|facts| facts.rollouts.iter().any(|live| !live.running));
                (!dead).then(|| "no rollout waits to be resumed".to_owned())
            }
            (Screen::Fleet, Action::Lock | Action::Unlock) => self.refusal_of_freezing(action),
            (Screen::Plan, Action::Install) => match &self.planning.plan {
                Answer::None => Some("choose a version first".to_owned()),
                Answer::Asked => Some("the plan is still being made".to_owned()),
                Answer::Failed(why) => Some(why.clone()),
                Answer::Here(table) if table.plan.hosts.is_empty() => {
                    Some("nothing is to be done: every host has it".to_owned())
                }
                Answer::Here(_) => None,
            },
            (Screen::History, Action::Filter) => None,
            (Screen::Plan | Screen::History, Action::Copy) if self.rows().is_none() => {
                self.line_of_row().is_none().then(|| "nothing is selected here".to_owned())
            }
            (
                _,
                Action::Filter
                | Action::Sort
                | Action::Reverse
                | Action::Mark
                | Action::MarkRange
                | Action::MarkAll
                | Action::Unmark
                | Action::Group
                | Action::Columns
                | Action::Copy,
            ) => self.rows().is_none().then(|| "no list of hosts is shown here".to_owned()),
            (_, Action::CopyFailure) => {
                self.failure_text().is_none().then(|| "nothing is wrong with this host".to_owned())
            }
            _ => None,
        }
    }

    /// Tells whether an action is worth a place among the keys that matter now: it can be done, and there is something to do.
    #[must_use]
    pub fn offers(&self, action: Action) -> bool {
        let is_worth_it = || {
            let state = self.watched.as_ref().map(Watched::state);
            match action {
                // A report of what is not over says little, and debt is what a completed rollout leaves.
                Action::Report => state.is_some_and(|state| state.outcome().is_some()),
                Action::Debt => state
                    .is_some_and(|state| state.outcome() == Some(Outcome::Completed) && state.exit_code() != Some(0)),
                _ => true,
            }
        };
        is_worth_it() && self.refusal(action).is_none()
    }

    /// Says what the log makes of an action where it has the whole screen; none when it makes nothing of it.
    fn refusal_of_the_log(&self, action: Action) -> Option<Option<String>> {
        match action {
            _ if self.log != LogSize::Full => None,
            Action::Filter => Some(None),
            Action::Enter
            | Action::Sort
            | Action::Reverse
            | Action::Mark
            | Action::MarkRange
            | Action::MarkAll
            | Action::Group
            | Action::Columns
            | Action::Unmark => Some(Some("the log hides the list: Esc brings it back".to_owned())),
            _ => None,
        }
    }

    fn refusal_of_the_console(&self, action: Action) -> Option<String> {
        let changes = match self.screen {
            Screen::Rollout => matches!(
                action,
                Action::Pause
                    | Action::Continue
                    | Action::Abort
                    | Action::Rollback
                    | Action::Retry
                    | Action::Skip
                    | Action::Soak
                    | Action::Promote
                    | Action::Hold
            ),
            Screen::Plan => action == Action::Install,
            Screen::Fleet => matches!(action, Action::Continue | Action::Lock | Action::Unlock),
            Screen::History => action == Action::Continue,
        };
        let watching = self.screen == Screen::Rollout
            && self.watched.as_ref().is_some_and(|watched| watched.source == Source::ReadOnly);
        (changes && (self.settings.read_only || watching))
            .then(|| "this console is read-only: attach without --read-only to act".to_owned())
    }

    fn refusal_of_another_environment(&self) -> Option<String> {
        if self.settings.environments.len() < 2 {
            return Some("the configuration has no other".to_owned());
        }
        let asked = self.asked.first().map(|asked| asked.what.as_str());
        asked.map(|what| format!("{what} has no answer yet"))
    }

    /// Writes the command line of the row that is selected, where rows are no hosts.
    pub(super) fn line_of_row(&self) -> Option<String> {
        let invocation = &self.settings.invocation;
        match self.screen {
            Screen::History => {
                let row = self.selected_past()?;
                Some(format!("{invocation} show {}", row.rollout))
            }
            Screen::Plan => {
                let row = self.planning.selected()?;
                Some(format!("{invocation} plan {}", quote(row.version.as_str())))
            }
            Screen::Fleet | Screen::Rollout => None,
        }
    }

    pub(super) fn refusal_of_the_rollout(&self, command: &Command) -> Option<String> {
        let Some(watched) = &self.watched else {
            return Some("no rollout is open".to_owned());
        };
        let refused = || refusal(watched.state(), command).map(|refused| refused.0);
        if watched.source == Source::Journal {
            return refused().or_else(|| Some(format!("no conductor runs it: `{}` resumes it", self.resumes())));
        }
        if let Link::Lost { why, gone } = &watched.link {
            return Some(if *gone {
                format!("its conductor is gone: `{}` resumes it", self.resumes())
            } else {
                format!("its conductor cannot be heard: {why}")
            });
        }
        refused()
    }

    fn resumes(&self) -> String {
        self.settings.keys.name(Action::Continue, Screen::Rollout.contexts())
    }

    /// Gives the commands that retry or skip what is marked or selected, or why there are none.
    pub(super) fn commands_for_hosts(&self, action: Action) -> Result<Vec<Command>, String> {
        let watched = self.watched.as_ref().ok_or("no rollout is open")?;
        if action == Action::Retry && watched.rows.marks().is_empty() {
            let command = Command::Retry { host: None };
            return self.refusal_of_the_rollout(&command).map_or(Ok(vec![command]), Err);
        }
        let mut commands = Vec::new();
        let mut first = None;
        for host in watched.rows.meant().into_iter().filter_map(|row| watched.table.hosts().get(row)) {
            let command = if action == Action::Retry {
                Command::Retry { host: Some(host.clone()) }
            } else {
                Command::Skip { host: host.clone() }
            };
            match self.refusal_of_the_rollout(&command) {
                None => commands.push(command),
                Some(why) => {
                    first.get_or_insert(why);
                }
            }
        }
        if commands.is_empty() { Err(first.unwrap_or_else(|| "no host is selected".to_owned())) } else { Ok(commands) }
    }

    /// Writes the command line that does the same as an action; none where there is no such command.
    #[must_use]
    pub fn same_as(&self, action: Action) -> Option<String> {
        let invocation = &self.settings.invocation;
        if self.page().is_some() {
            return self.line_on_page(action);
        }
        if let Some(line) = self.line_after(action) {
            return Some(line);
        }
        match (self.screen, action) {
            (Screen::Fleet, Action::Survey) => Some(format!("{invocation} status")),
            (Screen::Fleet, Action::Install) => {
                let limit = self.chosen().map(|limit| format!(" -l {}", quote(&limit.expression)));
                Some(format!("{invocation} plan{}", limit.unwrap_or_default()))
            }
            (Screen::Fleet, Action::Continue) => {
                let facts = self.facts.as_ref()?;
                let dead = facts.rollouts.iter().find(|live| !live.running)?;
                Some(format!("{invocation} resume {}", dead.rollout))
            }
            (Screen::Fleet, Action::Lock) => Some(format!("{invocation} lock --reason {TO_BE_GIVEN}")),
            (Screen::Fleet, Action::Unlock) => Some(format!("{invocation} unlock")),
            (Screen::Plan, Action::Install) => Some(install_line(self, self.planning.confirmed()?.as_ref())),
            (Screen::History, Action::Reload) => Some(format!("{invocation} rollouts")),
            (Screen::Rollout, Action::Continue) if self.watched.as_ref()?.can_resume() => {
                Some(format!("{invocation} resume {}", self.watched.as_ref()?.rollout))
            }
            (Screen::Rollout, Action::Retry | Action::Skip) => {
                let commands = self.commands_for_hosts(action).ok()?;
                Some(self.lines_of(&commands))
            }
            (Screen::Rollout, _) => {
                let watched = self.watched.as_ref()?;
                Some(command_line(invocation, watched.rollout.as_str(), &command_of(action)?))
            }
            _ => None,
        }
    }

    pub(super) fn lines_of(&self, commands: &[Command]) -> String {
        let rollout = self.watched.as_ref().map_or("", |watched| watched.rollout.as_str());
        let first = commands.first().map(|command| command_line(&self.settings.invocation, rollout, command));
        let more = if commands.len() > 1 { format!("  (and {} more)", commands.len() - 1) } else { String::new() };
        format!("{}{more}", first.unwrap_or_default())
    }
}

fn command_of(action: Action) -> Option<Command> {
    let reason = || TO_BE_GIVEN.to_owned();
    match action {
        Action::Soak => Some(Command::Soak { left_s: 600, reason: reason() }),
        Action::Promote => Some(Command::Promote { reason: reason() }),
        Action::Hold => Some(Command::Hold { reason: reason() }),
        Action::Pause => Some(Command::Pause),
        Action::Continue => Some(Command::Continue),
        Action::Abort => Some(Command::Abort),
        Action::Rollback => Some(Command::Rollback),
        _ => None,
    }
}
