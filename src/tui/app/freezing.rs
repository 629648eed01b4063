//! Freezing the environment that is shown, so that nobody starts a rollout, and freeing it again.

use super::App;
use super::layers::{Decision, Dialog};
use crate::tui::keymap::Action;
use crate::tui::messages::{LockFacts, Request};

impl App {
    /// Says why the environment cannot be frozen, or freed, now; none when it can.
    pub(super) fn refusal_of_freezing(&self, action: Action) -> Option<String> {
        match (action, self.freeze()) {
            (Action::Lock, Some(freeze)) => Some(format!("it is frozen {}", self.describe(freeze))),
            (Action::Unlock, None) => Some("nobody froze it".to_owned()),
            _ => None,
        }
    }

    /// Freezes at once: that changes no host, and is as easily taken back.
    pub(super) fn freeze_for(&mut self, reason: &str) -> Vec<Request> {
        let ticket = self.ask("lock".to_owned());
        vec![Request::Lock { ticket, reason: reason.to_owned() }]
    }

    /// Asks before it is freed: whoever froze it may be somebody else, who is named.
    pub(super) fn unlock_dialog(&mut self) -> Vec<Request> {
        let Some(freeze) = self.freeze() else { return Vec::new() };
        let (title, decision) = (format!("Unlock {}?", self.settings.environment), Decision::Unlock(freeze.clone()));
        let dialog = Dialog::new(title, "Unlock", decision)
            .says(format!("It is frozen {}.", self.describe(freeze)))
            .same_as(format!("{} unlock", self.settings.invocation));
        self.open(dialog)
    }

    /// Gives what a person froze the environment by; the lock of a rollout is none.
    pub(super) fn freeze(&self) -> Option<&LockFacts> {
        self.facts.as_ref()?.lock.as_ref().filter(|lock| lock.is_freeze)
    }

    pub(super) fn describe(&self, freeze: &LockFacts) -> String {
        freeze.describe(&self.settings.zone)
    }
}
