//! Questions that lie open while the world goes on: one whose answer would mean something else by now, or nothing, turns into what is so.

use super::App;
use super::layers::{Button, Decision, Dialog, Layer};
use crate::model::Command;
use crate::rollout::{Decided, Mode, PauseReason, State};
use crate::words::ended;

/// Says where a rollout stands when somebody is asked about that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    mode: Mode,
    paused: Option<PauseReason>,
    held: Option<Decided>,
}

impl Moment {
    fn of(state: &State) -> Self {
        Self { mode: state.mode(), paused: state.paused().cloned(), held: state.held().cloned() }
    }
}

impl App {
    /// Decides about where the rollout that is shown stands.
    pub(super) fn deciding(&self, command: Command) -> Decision {
        match &self.watched {
            Some(watched) => Decision::Decide(command, Box::new(Moment::of(watched.state()))),
            None => Decision::Commands(vec![command]),
        }
    }

    /// Turns every question into what is so that is none any more, and lets those that still are say what is so.
    pub(super) fn turn_overtaken(&mut self) {
        self.turn(Self::overtaken);
        self.recount();
    }

    /// Turns every question about the rollout that was shown, where another is shown since.
    pub(super) fn turn_for_another(&mut self) {
        self.turn(|_, dialog| {
            let is_of_rollout = dialog.decisions().any(|decision| {
                matches!(decision, Decision::Commands(_) | Decision::Decide(..) | Decision::AbortAndLeave)
            });
            is_of_rollout.then(|| Dialog::telling(&*dialog.title, "Another rollout is shown by now."))
        });
    }

    fn turn(&mut self, told: impl Fn(&Self, &Dialog) -> Option<Dialog>) {
        let mut layers = std::mem::take(&mut self.layers);
        for layer in &mut layers {
            if let Layer::Dialog(dialog) = layer
                && let Some(instead) = told(self, dialog)
            {
                **dialog = instead;
            }
        }
        self.layers = layers;
    }

    /// Gives what a question turns into; none while it is one.
    fn overtaken(&self, dialog: &Dialog) -> Option<Dialog> {
        dialog.decisions().find_map(|decision| match decision {
            Decision::AbortAndLeave => self.leaving_what_is_over(),
            Decision::Commands(commands) => {
                let mut refusals = commands.iter().map(|command| self.refusal_of_the_rollout(command));
                let first = refusals.next()??;
                refusals.all(|refusal| refusal.is_some()).then(|| telling(dialog, &first))
            }
            Decision::Decide(command, moment) => {
                let goes_on = || self.watched.as_ref().is_some_and(|watched| Moment::of(watched.state()) != **moment);
                let why = self.refusal_of_the_rollout(command);
                let why = why.or_else(|| goes_on().then(|| "the rollout has gone on meanwhile".to_owned()))?;
                Some(telling(dialog, &why))
            }
            Decision::Unlock(before) => match self.freeze() {
                Some(freeze) if freeze == before => None,
                Some(freeze) => Some(telling(dialog, &format!("it is frozen {} by now", self.describe(freeze)))),
                None => Some(telling(dialog, "it is not frozen any more")),
            },
            Decision::Install(_) | Decision::Pool { .. } | Decision::Resume(_) | Decision::Leave => None,
        })
    }

    /// Asks whether to leave all the same, where what was running is over.
    fn leaving_what_is_over(&self) -> Option<Dialog> {
        let watched = self.watched.as_ref().filter(|watched| !watched.is_running())?;
        let (title, why) = match watched.state().outcome() {
            Some(outcome) => {
                let (_, how) = ended(outcome, watched.state().summary().debt.len());
                ("The rollout is over".to_owned(), format!("It ended: {how}."))
            }
            None => {
                let why = self.refusal_of_the_rollout(&Command::Abort).unwrap_or_default();
                ("The rollout stands still".to_owned(), sentence(&why))
            }
        };
        let buttons = vec![
            Button { label: "Leave", decision: Some(Decision::Leave), refused: None },
            Button { label: "Stay", decision: None, refused: None },
        ];
        Some(Dialog { buttons, ..Dialog::telling(title, why) })
    }
}

fn telling(dialog: &Dialog, why: &str) -> Dialog {
    Dialog::telling(&*dialog.title, sentence(why))
}

/// Makes a sentence of a reason.
fn sentence(why: &str) -> String {
    let mut rest = why.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", rest.as_str())
}
