//! The site's commands before and after each phase: a phase waits for its own, and what follows a failure is said by each.

use super::{Effect, Machine};
use crate::model::{HostHook, HostId, PhaseHook, StageIdx};
use crate::rollout::event::Event;
use crate::rollout::pause::PauseReason;
use crate::rollout::state::Mode;

impl Machine {
    /// Tells whether nothing more is to be waited for of a hook, and starts it where it has yet to run.
    ///
    /// One that failed and stopped the rollout runs again when that goes on, and so does one that ran when its conductor died.
    pub(super) fn hooked(&mut self, hook: PhaseHook, stage: Option<StageIdx>) -> bool {
        if !self.plan.has_hook(hook) || self.state.hook_ran(hook, stage) {
            return true;
        }
        if self.hooking.insert((hook, stage)) {
            self.step.effects.push(Effect::Hook { hook, stage });
        }
        false
    }

    /// As [`Self::hooked`], of one hook after the other.
    pub(super) fn all_hooked(&mut self, hooks: [PhaseHook; 2], stage: Option<StageIdx>) -> bool {
        let [first, second] = hooks;
        self.hooked(first, None) && self.hooked(second, stage)
    }

    pub(super) fn hook_ended(&mut self, hook: PhaseHook, idx: Option<StageIdx>, error: Option<String>) {
        self.hooking.remove(&(hook, idx));
        if self.state.mode() == Mode::Finished {
            return;
        }
        let stage = idx.and_then(|idx| self.state.stage(idx)).map(|(plan, _)| plan.name.clone());
        self.emit(Event::HookRan { hook, stage: stage.clone(), error: error.clone() });
        let goes_back = self.state.mode() == Mode::RollingBack;
        if let Some(message) = error.filter(|_| hook.stops() && !goes_back && self.state.suspended().is_none()) {
            self.stop(PauseReason::HookFailed { hook, stage, message });
        }
    }

    pub(super) fn host_hook_failed(&mut self, host: HostId, hook: HostHook, error: String) {
        if self.state.mode() != Mode::Finished && self.state.index_of(&host).is_some() {
            self.emit(Event::HostHookFailed { host, hook, error });
        }
    }
}
