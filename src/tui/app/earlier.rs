//! Deciding otherwise than the plan has it: another end of a soak, an early promotion, a stage that is held.

use std::time::Duration;

use super::App;
use super::layers::Dialog;
use crate::config::show_duration;
use crate::model::seconds::rounded_up;
use crate::model::{Command, StageIdx};
use crate::rollout::{Mode, StageStatus, State};
use crate::tui::messages::Request;
use crate::words::{after_soak, between, clock, count, span};

impl App {
    /// Asks before a soak gets another end.
    pub(super) fn soak_dialog(&mut self, left: Duration, reason: &str) -> Result<Vec<Request>, String> {
        let left_s = rounded_up(left);
        let command = Command::Soak { left_s, reason: reason.to_owned() };
        let (state, stage, _) = self.decided(&command)?;
        let name = state.stage(stage).map(|(plan, _)| plan.name.to_string()).unwrap_or_default();
        let then = after_soak(state, stage).unwrap_or_default();
        let title = match left_s {
            0 => format!("End the soak of stage {name}?"),
            _ => format!("Let stage {name} soak for {} more?", show_duration(Duration::from_secs(left_s))),
        };
        let label = if left_s == 0 { "End the soak" } else { "Change the soak" };
        let dialog = Dialog::new(title, label, self.deciding(command.clone()))
            .says(format!("{}; {then}.", self.soaks_until(stage).unwrap_or_default()))
            .says(self.gates_say(stage));
        Ok(self.ask_with_reason(dialog, &command, reason))
    }

    /// Asks before a stage is promoted early, or one that waits for it with a reason.
    pub(super) fn promote_dialog(&mut self, reason: &str) -> Result<Vec<Request>, String> {
        let command = Command::Promote { reason: reason.to_owned() };
        let (state, stage, _) = self.decided(&command)?;
        let name = state.stage(stage).map(|(plan, _)| plan.name.to_string()).unwrap_or_default();
        let next = state.plan().and_then(|plan| plan.stages.get(stage.0 + 1..)?.iter().find(|next| next.hosts() > 0));
        let next = next.map_or_else(
            || "No stage follows: the release becomes good on the healthy hosts.".to_owned(),
            |next| format!("{} of stage {} are switched next.", count(next.hosts(), "host"), next.name),
        );
        let waits = matches!(state.mode(), Mode::Promoting { .. });
        let mut dialog = Dialog::new(
            if waits { format!("Promote stage {name}?") } else { format!("Promote stage {name} early?") },
            "Promote",
            self.deciding(command.clone()),
        );
        if let Some(left) = self.soaks_until(stage) {
            dialog = dialog.says(format!("{left}.")).says(self.gates_say(stage));
        }
        Ok(self.ask_with_reason(dialog.says(next), &command, reason))
    }

    /// Holds the stage at once: that changes no host, and is as easily taken back.
    pub(super) fn hold(&mut self, reason: &str) -> Vec<Request> {
        self.command(vec![Command::Hold { reason: reason.to_owned() }])
    }

    fn ask_with_reason(&mut self, dialog: Dialog, command: &Command, reason: &str) -> Vec<Request> {
        let dialog = dialog.says(format!("Why, for everybody: {reason}")).same_as(self.same_as_on_rollout(command));
        self.open(dialog)
    }

    /// Gives the stage that a command decides about, or why it cannot.
    fn decided(&self, command: &Command) -> Result<(&State, StageIdx, &StageStatus), String> {
        if let Some(why) = self.refusal_of_the_rollout(command) {
            return Err(format!("cannot {}: {why}", command.word()));
        }
        let state = self.watched.as_ref().map(super::Watched::state).ok_or("no rollout is open")?;
        let stage = state.stage_at().ok_or("no stage has begun")?;
        let (_, status) = state.stage(stage).ok_or("no stage has begun")?;
        Ok((state, stage, status))
    }

    fn soaks_until(&self, stage: StageIdx) -> Option<String> {
        let watched = self.watched.as_ref()?;
        if !matches!(watched.state().mode(), Mode::Soaking { .. }) {
            return None;
        }
        let until = watched.state().stage(stage)?.1.soak?.until;
        let left = between(watched.stands_at()?, until);
        Some(if left.is_zero() {
            "It has soaked".to_owned()
        } else {
            format!("It soaks for {} more, until {}", span(left), clock(until, &self.settings.zone))
        })
    }

    fn gates_say(&self, stage: StageIdx) -> String {
        let plan = self.watched.as_ref().and_then(|watched| watched.state().stage(stage)).map(|(plan, _)| plan);
        match plan.map_or(0, |plan| plan.gates.iter().filter(|gate| !gate.dry).count()) {
            0 => "No gate of the stage vouches for it.".to_owned(),
            1 => "Its gate has the last word.".to_owned(),
            gates => format!("Its {gates} gates have the last word."),
        }
    }
}
