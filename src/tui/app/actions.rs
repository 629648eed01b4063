//! What can be done now, what cannot and why, and which command line does the same.

use super::planning::Answer;
use super::watch::{Link, Watched};
use super::{Screen, State};
use crate::model::{Command, Phase};
use crate::plan::{Plan, PlanKind};
use crate::rollout::{HostStatus, Mode};
use crate::tui::edge::Source;
use crate::tui::keymap::Action;
use crate::tui::rows::Table;
use crate::tui::text::quote;

/// Says why a rollout would refuse a command, as far as its records tell; the same rules as the machine's own.
#[must_use]
pub fn refusal(watched: &Watched, command: &Command) -> Option<String> {
    let state = watched.state();
    let Some(plan) = state.plan() else {
        return Some("its plan is not known yet".to_owned());
    };
    if state.mode() == Mode::Finished {
        return Some("the rollout is over".to_owned());
    }
    let ends = matches!(command, Command::Abort | Command::Stop);
    if let (Some(who), false) = (state.suspended(), ends) {
        return Some(format!("its conductor was stopped by {who}: resume it first"));
    }
    if let (Some(who), false) = (state.aborted(), ends) {
        return Some(format!("{who} is aborting it"));
    }
    let goes_on_or_ends = ends || *command == Command::Continue;
    if state.mode() == Mode::Finalizing && !goes_on_or_ends {
        return Some("it is ending".to_owned());
    }
    let rolling_back = state.mode() == Mode::RollingBack;
    let why = match command {
        Command::Abort | Command::Stop => return None,
        Command::Pause if rolling_back => "it is rolling back, which does not pause",
        Command::Pause if state.stopping().is_some() => "it is stopping already",
        Command::Pause if state.paused().is_some() => "it is paused already",
        Command::Continue if state.paused().is_none() && !matches!(state.mode(), Mode::Promoting { .. }) => {
            "it is neither paused nor waiting for promotion"
        }
        Command::Rollback if rolling_back => "it is rolling back already",
        Command::Rollback if plan.kind == PlanKind::Rollback => "it is a rollback itself",
        Command::Retry { host: None } => {
            let mut hosts = state.hosts().iter();
            return (!hosts.any(|host| can_retry(host, rolling_back) && host.phase != Phase::Skipped))
                .then(|| "no host has failed".to_owned());
        }
        Command::Retry { host: Some(id) } => {
            let status = state.index_of(id).and_then(|row| state.host(row));
            return match status {
                None => Some(format!("{id} takes no part in it")),
                Some(status) if !can_retry(status, rolling_back) => {
                    Some(format!("{id} is {}, it did not fail", status.phase))
                }
                Some(_) => None,
            };
        }
        Command::Skip { host } => {
            let status = state.index_of(host).and_then(|row| state.host(row));
            return match status.map(|status| status.phase) {
                None => Some(format!("{host} takes no part in it")),
                Some(Phase::Skipped) => Some(format!("{host} is skipped already")),
                Some(Phase::Healthy) => Some(format!("{host} has the release already")),
                Some(Phase::Activating | Phase::Active | Phase::Checking | Phase::RollingBack) => {
                    Some(format!("{host} is being switched"))
                }
                Some(Phase::Pending | Phase::Priming | Phase::Primed | Phase::RolledBack | Phase::Failed) => None,
            };
        }
        Command::Pause | Command::Continue | Command::Rollback => return None,
    };
    Some(why.to_owned())
}

fn can_retry(host: &HostStatus, rolling_back: bool) -> bool {
    match host.phase {
        _ if rolling_back => host.stranded,
        Phase::Failed | Phase::Skipped => true,
        Phase::RolledBack => host.failure.is_some(),
        _ => false,
    }
}

/// Writes the command line of a command.
pub(super) fn command_line(invocation: &str, rollout: &str, command: &Command) -> String {
    let host = match command {
        Command::Retry { host: Some(host) } | Command::Skip { host } => format!(" --host {}", quote(host.as_str())),
        _ => String::new(),
    };
    format!("{invocation} {} {rollout}{host}", command.word())
}

/// Writes the command line that installs what a plan installs.
pub(super) fn install_line(state: &State, plan: &Plan) -> String {
    let mut line = format!("{} install-world {}", state.settings.invocation, quote(plan.version.as_str()));
    let mut add = |text: String| {
        line.push(' ');
        line.push_str(&text);
    };
    let planning = &state.planning;
    if let Some(limit) = planning.wanted.as_ref().and_then(|wanted| wanted.limit.as_ref()) {
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
        add(format!("--on-failure {}", super::on_failure_word(wanted.on_failure)));
    }
    if let Some(reason) = &plan.reason {
        add(format!("--reason {}", quote(reason)));
    }
    line
}

impl State {
    /// Says why an action cannot be done now; none when it can.
    #[must_use]
    pub fn refusal(&self, action: Action) -> Option<String> {
        if let Some(why) = self.refusal_of_the_console(action) {
            return Some(why);
        }
        match (self.screen, action) {
            (Screen::Rollout, Action::Continue) if self.watched.as_ref().is_some_and(Watched::can_resume) => None,
            (Screen::Rollout, Action::Pause | Action::Continue | Action::Abort | Action::Rollback) => {
                self.refusal_of_the_rollout(&command_of(action)?)
            }
            (Screen::Rollout, Action::Retry | Action::Skip) => self.commands_for_hosts(action).err(),
            (Screen::Rollout, Action::Failures) => {
                let any = self.watched.as_ref().is_some_and(|watched| !watched.groups().is_empty());
                (!any).then(|| "no host has failed".to_owned())
            }
            (Screen::Fleet, Action::Continue) => {
                let dead = self.facts.as_ref().is_some_and(|facts| facts.rollouts.iter().any(|live| !live.running));
                (!dead).then(|| "no rollout waits to be resumed".to_owned())
            }
            (Screen::Plan, Action::Install) => match &self.planning.plan {
                Answer::None => Some("choose a version first".to_owned()),
                Answer::Asked => Some("the plan is still being made".to_owned()),
                Answer::Failed(why) => Some(why.clone()),
                Answer::Here(table) if table.plan.hosts.is_empty() => {
                    Some("nothing is to be done: every host has it".to_owned())
                }
                Answer::Here(_) => None,
            },
            (
                _,
                Action::Filter
                | Action::Sort
                | Action::Reverse
                | Action::Mark
                | Action::MarkRange
                | Action::MarkAll
                | Action::Unmark
                | Action::Copy,
            ) => self.rows().is_none().then(|| "no list of hosts is shown here".to_owned()),
            (_, Action::CopyFailure) => {
                self.failure_text().is_none().then(|| "nothing is wrong with this host".to_owned())
            }
            _ => None,
        }
    }

    fn refusal_of_the_console(&self, action: Action) -> Option<String> {
        let changes = match self.screen {
            Screen::Rollout => matches!(
                action,
                Action::Pause | Action::Continue | Action::Abort | Action::Rollback | Action::Retry | Action::Skip
            ),
            Screen::Plan => action == Action::Install,
            Screen::Fleet => action == Action::Continue,
            Screen::History => false,
        };
        let watching = self.screen == Screen::Rollout
            && self.watched.as_ref().is_some_and(|watched| watched.source == Source::ReadOnly);
        (changes && (self.settings.read_only || watching))
            .then(|| "this console is read-only: attach without --read-only to act".to_owned())
    }

    pub(super) fn refusal_of_the_rollout(&self, command: &Command) -> Option<String> {
        let Some(watched) = &self.watched else {
            return Some("no rollout is open".to_owned());
        };
        if watched.source == Source::Journal {
            return refusal(watched, command).or_else(|| Some("no conductor runs it: `c` resumes it".to_owned()));
        }
        if let Link::Lost { why, gone } = &watched.link {
            return Some(if *gone {
                "its conductor is gone: `c` resumes it".to_owned()
            } else {
                format!("its conductor cannot be heard: {why}")
            });
        }
        refusal(watched, command)
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

const fn command_of(action: Action) -> Option<Command> {
    match action {
        Action::Pause => Some(Command::Pause),
        Action::Continue => Some(Command::Continue),
        Action::Abort => Some(Command::Abort),
        Action::Rollback => Some(Command::Rollback),
        _ => None,
    }
}
