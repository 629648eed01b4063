//! Freeze windows that begin while a rollout runs: what is in flight finishes, then it pauses and says so.

use jiff::Timestamp;

use super::Machine;
use crate::model::FreezeWindow;
use crate::rollout::event::Event;
use crate::rollout::pause::PauseReason;
use crate::rollout::state::Mode;

impl Machine {
    /// Says when the next window begins that it has to pause for.
    pub(super) fn freeze_deadline(&self) -> Option<Timestamp> {
        if self.is_ending() || self.state.paused().is_some() || !self.has_more_to_switch() {
            return None;
        }
        let due = self.next_freeze.unwrap_or_else(|| self.freeze_after_now());
        Some(due).filter(|due| *due < Timestamp::MAX)
    }

    fn freeze_after_now(&self) -> Timestamp {
        let next = |window: &FreezeWindow| window.next(self.now).map(|occurrence| occurrence.start);
        self.plan.policy.freezes.iter().filter_map(next).min().unwrap_or(Timestamp::MAX)
    }

    /// Pauses in a window that it did not pause for yet; tells whether it does.
    pub(super) fn heed_freeze(&mut self) -> bool {
        // Every answer of every host comes by here, and a calendar takes its time.
        if !self.has_more_to_switch() || self.next_freeze.is_some_and(|next| self.now < next) {
            return false;
        }
        self.next_freeze = None;
        let mut windows = self.plan.policy.freezes.iter().filter_map(|window| Some((window, window.at(self.now)?)));
        let begun = windows.find(|(window, found)| !self.state.has_heeded(&window.name, found.end));
        let Some((window, found)) = begun else {
            self.next_freeze = Some(self.freeze_after_now());
            return false;
        };
        let why =
            PauseReason::FreezeWindow { window: window.name.clone(), until: found.end, why: window.reason.clone() };
        self.emit(Event::Paused { why });
        true
    }

    /// Tells whether a host may still be switched to something new.
    fn has_more_to_switch(&self) -> bool {
        match self.state.mode() {
            Mode::Planned | Mode::Locking | Mode::Priming { .. } | Mode::Switching { .. } => true,
            Mode::Soaking { stage } | Mode::Promoting { stage } => {
                self.plan.stages.iter().skip(stage.0 + 1).any(|next| next.hosts() > 0)
            }
            Mode::RollingBack | Mode::Finalizing | Mode::Finished => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::super::table::{eve, plan, state_of, way};
    use super::super::{Input, Machine};
    use crate::model::{Command, FreezeWindow};
    use crate::plan::Plan;
    use crate::rollout::event::Event;
    use crate::rollout::pause::PauseReason;
    use crate::rollout::state::Mode;

    fn after(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    /// Plans a rollout that heeds a window from one o'clock until two, every day.
    fn planned() -> Plan {
        let mut plan = plan();
        plan.policy.freezes.push(FreezeWindow {
            name: "lunch".to_owned(),
            from: "01:00".parse().unwrap(),
            until: "02:00".parse().unwrap(),
            zone: "UTC".to_owned(),
            reason: Some("nobody is here".to_owned()),
        });
        plan
    }

    /// Gives a conductor that goes on with a rollout whose canaries soak for a day, some minutes after midnight.
    fn soaking(stage: usize, minutes: i64) -> Machine {
        let plan = planned();
        let until = after(24 * 60);
        let soak = Event::SoakStarted { stage: plan.stages[stage].name.clone(), until };
        let events = way()[..5].concat().into_iter().chain([soak]);
        let mut machine = Machine::resume(state_of(plan, events), after(minutes)).unwrap();
        machine.step(Input::Begin { by: eve() }, after(minutes));
        machine.relock.clear();
        machine.busy.clear();
        machine.step(Input::Tick, after(minutes));
        machine
    }

    #[test]
    fn a_window_that_begins_pauses_once_and_whoever_goes_on_is_left_alone() {
        let mut machine = soaking(0, 30);
        assert_eq!(machine.next_deadline(), Some(after(60)), "it wakes up for the window");
        assert!(machine.step(Input::Tick, after(59)).records.is_empty());
        let records = machine.step(Input::Tick, after(60)).records;
        let why = PauseReason::FreezeWindow {
            window: "lunch".to_owned(),
            until: after(120),
            why: Some("nobody is here".to_owned()),
        };
        assert_eq!(records.into_iter().map(|record| record.event).collect::<Vec<_>>(), [Event::Paused { why }]);
        assert!(machine.step(Input::Tick, after(61)).records.is_empty(), "it says so once");
        machine.step(Input::Command { command: Command::Continue, by: eve() }, after(70));
        assert_eq!(machine.state().paused(), None);
        machine.step(Input::Tick, after(80));
        assert_eq!(machine.state().paused(), None, "a person decided");
        assert_eq!(
            machine.next_deadline(),
            Some(after(24 * 60 + 30)),
            "the end of the soak comes before the next day's"
        );
        machine.step(Input::Tick, after(25 * 60));
        assert!(machine.state().paused().is_some(), "the next day's window is another one");
    }

    #[test]
    fn what_has_nothing_left_to_switch_heeds_no_window() {
        let mut machine = soaking(1, 90);
        assert_eq!(machine.state().paused(), None);
        machine.step(Input::Tick, after(100));
        assert!(matches!(machine.state().mode(), Mode::Soaking { .. }));
        assert_eq!(machine.state().paused(), None);
    }

    #[test]
    fn a_rollout_that_is_resumed_inside_a_window_waits() {
        let machine = soaking(0, 90);
        assert!(matches!(machine.state().paused(), Some(PauseReason::FreezeWindow { .. })));
    }
}
