//! What doing something asks for: at once, or after a question.

use super::actions::{command_line, install_line};
use super::layers::{Button, Decision, Dialog, Focus, Layer};
use super::watch::Watched;
use super::{App, Screen};
use crate::expr::fold;
use crate::model::{Command, HostId, RolloutId};
use crate::plan::PlanKind;
use crate::rollout::{Mode, PauseReason};
use crate::tui::keymap::Action;
use crate::tui::messages::{Request, Source};
use crate::words::{count, held_by, reason, stages, with_masters, without_masters};

/// How many lines of what changes stand in a question; the plan has all of them.
const CHANGES: usize = 3;

/// How many lines say what it means to roll back.
const ROLLBACK_LINES: usize = 2;

fn goes_back(switched: usize) -> String {
    format!("Roll {} back?", count(switched, "host"))
}

fn stays(switched: usize) -> String {
    format!("{} stay on the new release; every host is left as it stands.", count(switched, "switched host"))
}

impl App {
    /// Does one of the actions of the rollout, or asks first.
    pub(super) fn act_on_rollout(&mut self, action: Action) -> Vec<Request> {
        match action {
            Action::Continue => self.go_on(),
            Action::Pause => self.command(vec![Command::Pause]),
            Action::Abort => {
                let dialog = self.abort_dialog(Decision::Commands(vec![Command::Abort]));
                self.open(dialog)
            }
            Action::Rollback => {
                let dialog = self.rollback_dialog();
                self.open(dialog)
            }
            Action::Retry => match self.commands_for_hosts(Action::Retry) {
                Ok(commands) => self.command(commands),
                Err(why) => self.notify(why),
            },
            Action::Skip => match self.commands_for_hosts(Action::Skip) {
                Ok(commands) => {
                    let hosts: Vec<HostId> = commands
                        .iter()
                        .filter_map(
                            |command| if let Command::Skip { host } = command { Some(host.clone()) } else { None },
                        )
                        .collect();
                    let dialog = Dialog::new(
                        format!("Leave {} out?", count(hosts.len(), "host")),
                        "Skip",
                        Decision::Commands(commands.clone()),
                    )
                    .says(fold(&hosts))
                    .says("They keep what they run and count as debt.")
                    .same_as(self.lines_of(&commands));
                    self.open(dialog)
                }
                Err(why) => self.notify(why),
            },
            _ => Vec::new(),
        }
    }

    /// Names the key of an action on a screen.
    #[must_use]
    pub fn key_on(&self, screen: Screen, action: Action) -> String {
        self.settings.keys.name(action, screen.contexts())
    }

    pub(super) fn open(&mut self, dialog: Dialog) -> Vec<Request> {
        self.layers.push(Layer::Dialog(Box::new(dialog)));
        Vec::new()
    }

    fn go_on(&mut self) -> Vec<Request> {
        let Some(watched) = &self.watched else {
            return Vec::new();
        };
        let line = self.same_as(Action::Continue).unwrap_or_default();
        if watched.can_resume() {
            let rollout = watched.rollout.clone();
            return self.ask_to_resume(rollout, line);
        }
        let state = watched.state();
        let yes = self.deciding(Command::Continue);
        let dialog = match (state.paused(), state.mode()) {
            (Some(PauseReason::Operator { .. }), _) => return self.command(vec![Command::Continue]),
            (Some(why), _) => Dialog::new("Go on in spite of it?", "Go on", yes)
                .says(reason(why, self.settings.theme.look()))
                .says(waived(why))
                .same_as(line),
            (None, Mode::Promoting { stage }) => {
                let name = state.stage(stage).map(|(plan, _)| plan.name.to_string()).unwrap_or_default();
                let next = state
                    .plan()
                    .and_then(|plan| plan.stages.get(stage.0 + 1..)?.iter().find(|stage| stage.hosts() > 0));
                let mut dialog = Dialog::new(format!("Promote stage {name}?"), "Promote", yes).same_as(line);
                if let Some(held) = state.held() {
                    dialog = dialog.says(held_by(held, self.settings.theme.look()));
                }
                match next {
                    Some(next) => dialog.says(format!(
                        "{} of stage {} are switched next.",
                        count(next.hosts(), "host"),
                        next.name
                    )),
                    None => dialog,
                }
            }
            (None, _) => match state.held() {
                Some(held) => Dialog::new("Hold it no longer?", "Go on", yes)
                    .says(held_by(held, self.settings.theme.look()))
                    .says("It goes on as planned.")
                    .same_as(line),
                None => return self.command(vec![Command::Continue]),
            },
        };
        self.open(dialog)
    }

    fn abort_dialog(&self, decision: Decision) -> Dialog {
        let state = self.watched.as_ref().map(Watched::state);
        let switched = state.map_or(0, |state| state.switched().count());
        Dialog::new("Abort the rollout?", "Abort", decision)
            .says(stays(switched))
            .says(format!("`{}` would put them back instead.", self.key_on(Screen::Rollout, Action::Rollback)))
            .same_as(self.same_as_on_rollout(&Command::Abort))
    }

    /// Asks whether a rollout is to be gone on with, which a command line does too.
    pub(super) fn ask_to_resume(&mut self, rollout: RolloutId, line: String) -> Vec<Request> {
        let dialog = Dialog::new(format!("Resume rollout {rollout}?"), "Resume", Decision::Resume(rollout))
            .says("Every host is asked what it really has before anything is done again.")
            .same_as(line);
        self.open(dialog)
    }

    pub(super) fn same_as_on_rollout(&self, command: &Command) -> String {
        let rollout = self.watched.as_ref().map_or("", |watched| watched.rollout.as_str());
        command_line(&self.settings.invocation, rollout, command)
    }

    fn rollback_dialog(&self) -> Dialog {
        let state = self.watched.as_ref().map(Watched::state);
        let switched = state.map_or(0, |state| state.switched().count());
        let masters = state.map_or(0, |state| state.switched().filter(|&index| state.is_master(index)).count());
        Dialog::new(goes_back(switched), "Roll back", Decision::Commands(vec![Command::Rollback]))
            .says("Each goes to the release that was last good there, the last one switched first.")
            .says(format!("Type the number of hosts to confirm: {}", with_masters(switched, masters)))
            .same_as(self.same_as_on_rollout(&Command::Rollback))
            .by_typing(switched.to_string())
    }

    /// Says anew how many hosts a question is about that lies open while hosts are switched.
    ///
    /// The number that was asked for still confirms it: in a wave it changes faster than anybody types.
    pub(super) fn recount(&mut self) {
        let Some(watched) = &self.watched else { return };
        let switched = watched.state().switched().count();
        for layer in &mut self.layers {
            let Layer::Dialog(dialog) = layer else { continue };
            let asked = dialog.decisions().find_map(|decision| match decision {
                Decision::Commands(commands) => commands.first().cloned(),
                _ => None,
            });
            if asked == Some(Command::Abort)
                && let Some(line) = dialog.body.first_mut()
            {
                *line = stays(switched);
            } else if asked == Some(Command::Rollback)
                && let Some((asked, _)) = &dialog.typed
            {
                let is_known = asked.parse() == Ok(switched);
                let told = format!("It was {asked} when this was asked, and that number still confirms it.");
                dialog.title = goes_back(switched);
                dialog.body.truncate(ROLLBACK_LINES);
                dialog.body.extend((!is_known).then_some(told));
            }
        }
    }

    /// Asks for the number of hosts before a plan is started.
    pub(super) fn install_dialog(&mut self) -> Vec<Request> {
        let Some(plan) = self.planning.confirmed() else {
            return Vec::new();
        };
        let targets = plan.targets();
        let masters = plan.masters();
        let hosts = count(targets, "host");
        let (title, verb) = match plan.kind {
            PlanKind::Prime => (format!("Prime {} on {hosts}?", plan.version), "Prime"),
            PlanKind::Install => (format!("Install {} on {hosts}?", plan.version), "Install"),
            PlanKind::Rollback if plan.common_target().is_some() => {
                (format!("Roll {hosts} back to {}?", plan.version), "Roll back")
            }
            PlanKind::Rollback => (format!("Roll {hosts} back, each to its own?"), "Roll back"),
        };
        let mut dialog = Dialog::new(title, verb, Decision::Install(plan.clone()));
        if let Some(bad) = &plan.mark {
            dialog = dialog.says(format!("It is marked bad: {}", bad.describe()));
        }
        dialog = dialog.says(format!("Stages: {}", stages(&plan)));
        if masters > 0 {
            dialog = dialog.says(format!("{} first.", count(masters, "master")));
        }
        for line in self.planning.changes.iter().take(CHANGES) {
            dialog = dialog.says(line.clone());
        }
        if plan.reason.is_none() {
            let key = self.key_on(Screen::Plan, Action::Reason);
            dialog = dialog.says(format!("No reason is given: Esc, then `{key}`, gives one."));
        }
        dialog = dialog
            .says(format!("Type the number of hosts to confirm: {}", without_masters(targets, masters)))
            .same_as(install_line(self, &plan))
            .by_typing(targets.to_string());
        self.open(dialog)
    }

    /// Asks whether what runs is left running, or leaves at once when nothing does.
    pub(super) fn quit(&mut self) -> Vec<Request> {
        let running = self.watched.as_ref().is_some_and(Watched::is_running);
        if !running {
            return self.leave();
        }
        // Who asks twice wants out; the rollout goes on.
        if matches!(self.layers.last(), Some(Layer::Dialog(dialog)) if dialog.is_quit()) {
            return self.leave();
        }
        let refused = if self.settings.read_only || self.watched.as_ref().is_some_and(|it| it.source != Source::Live) {
            Some("this console is read-only: attach without --read-only to act".to_owned())
        } else {
            self.refusal_of_the_rollout(&Command::Abort)
        };
        let dialog = Dialog {
            title: "A rollout is running".to_owned(),
            body: vec!["It goes on without this console; `attach` opens it again.".to_owned()],
            command_line: self
                .watched
                .as_ref()
                .map(|watched| format!("{} attach {}", self.settings.invocation, watched.rollout)),
            typed: None,
            buttons: vec![
                Button { label: "Leave it running", decision: Some(Decision::Leave), refused: None },
                Button { label: "Abort it", decision: Some(Decision::AbortAndLeave), refused },
                Button { label: "Stay", decision: None, refused: None },
            ],
            focus: Focus::Button(0),
            seen: false,
            complaint: None,
        };
        self.open(dialog)
    }

    /// Does what a dialog was answered with.
    pub(super) fn carry_out(&mut self, decision: Decision) -> Vec<Request> {
        match decision {
            Decision::Leave => self.leave(),
            Decision::AbortAndLeave => {
                self.leave_after = Some(self.next_ticket());
                self.command(vec![Command::Abort])
            }
            Decision::Commands(commands) => self.command(commands),
            Decision::Decide(command, _) => self.command(vec![command]),
            Decision::Pool { host, which, reason } => {
                let ticket = self.ask(format!("{} {host}", which.word()));
                vec![Request::Pool { ticket, host, which, reason }]
            }
            Decision::Unlock(_) => vec![Request::Unlock { ticket: self.ask("unlock".to_owned()) }],
            Decision::Install(plan) => {
                self.screen = Screen::Rollout;
                let what = format!("start of {}", plan.version);
                let ticket = self.ask(what);
                self.starting = Some(ticket);
                vec![Request::StartRollout { ticket, plan }]
            }
            Decision::Resume(rollout) => {
                self.screen = Screen::Rollout;
                let ticket = self.ask("resume".to_owned());
                vec![Request::Resume { ticket, rollout }]
            }
        }
    }

    pub(super) fn command(&mut self, commands: Vec<Command>) -> Vec<Request> {
        let Some(rollout) = self.watched.as_ref().map(|watched| watched.rollout.clone()) else {
            return Vec::new();
        };
        let mut requests = Vec::with_capacity(commands.len());
        for command in commands {
            let what = match &command {
                Command::Retry { host: Some(host) } | Command::Skip { host } => format!("{} {host}", command.word()),
                _ => command.word().to_owned(),
            };
            let ticket = self.ask(what);
            requests.push(Request::Command { ticket, rollout: rollout.clone(), command });
        }
        requests
    }
}

const fn waived(why: &PauseReason) -> &'static str {
    match why {
        PauseReason::OverBudget { .. } => "Those failures are forgiven; further ones count against the budget.",
        PauseReason::NoneHealthy { .. } => "Nothing vouches for this release: the next stage starts all the same.",
        PauseReason::GateFailed { .. } => "The gate is not asked again for this stage.",
        PauseReason::GateInconclusive { .. } => "The gate is asked again.",
        PauseReason::HookFailed { .. } => "The hook runs again.",
        PauseReason::Locked { .. } => "The lock is asked for again.",
        PauseReason::FreezeWindow { .. } => "It goes on inside the freeze window, and is not stopped by it again.",
        PauseReason::Operator { .. } => "",
    }
}
