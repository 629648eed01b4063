//! Relays: hosts wait for theirs until it has what it passes on, and for one that is stalled no longer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::schedule::after;
use super::{Effect, Machine};
use crate::model::{CarrierNews, HostId, HostIdx, Phase, RelayFailed, RelayStarted};
use crate::plan::Plan;
use crate::rollout::event::Event;
use crate::rollout::state::{Mode, State};

/// How long it may take until the first byte comes to a relay: the site's own command may run there before, and a pack be made here.
const BEFORE_ANYTHING: Duration = Duration::from_secs(600);

/// Holds what a conductor knows of the relays of its rollout; the next one begins anew with them.
#[derive(Debug, Default)]
pub(super) struct Relays {
    /// The relay of each host, where that takes part.
    of: Vec<Option<HostIdx>>,
    /// The hosts of each relay.
    clients: BTreeMap<HostIdx, Vec<HostIdx>>,
    /// When something came to a relay last.
    moved: BTreeMap<HostIdx, Timestamp>,
    /// Those that have what they pass on, whatever they still do with it themselves.
    serving: BTreeSet<HostIdx>,
    /// Those that no host waits for any more.
    left: BTreeSet<HostIdx>,
    /// Those of which it was told that nobody asks them any more.
    failed: BTreeSet<HostIdx>,
}

impl Relays {
    pub(super) fn of(plan: &Plan, state: &State) -> Self {
        let of: Vec<_> = plan.hosts.iter().map(|host| state.index_of(host.relay.as_ref()?)).collect();
        let mut clients: BTreeMap<HostIdx, Vec<HostIdx>> = BTreeMap::new();
        for (index, relay) in of.iter().enumerate() {
            if let Some(relay) = relay {
                clients.entry(*relay).or_default().push(HostIdx(index));
            }
        }
        Self { of, clients, ..Self::default() }
    }

    /// Takes note of what became of a relay, and tells whether that is new.
    pub(super) fn heard(&mut self, news: &CarrierNews, state: &State) -> bool {
        match news {
            CarrierNews::RelayStarted(RelayStarted { host, .. }) => self.serving.extend(state.index_of(host)),
            CarrierNews::RelayFailed(RelayFailed { host, .. }) => {
                let Some(relay) = state.index_of(host) else { return true };
                self.left.insert(relay);
                return self.failed.insert(relay);
            }
            CarrierNews::Failed(_) => {}
        }
        true
    }
}

impl Machine {
    /// Tells whether hosts wait for a relay that is being primed: whatever comes to it is worth an [`super::Input::Moved`].
    #[must_use]
    pub fn awaits(&self, relay: &HostId) -> bool {
        self.state.index_of(relay).is_some_and(|relay| self.awaited().any(|awaited| awaited == relay))
    }

    /// Tells whether hosts wait for any relay that is being primed.
    #[must_use]
    pub fn awaits_relays(&self) -> bool {
        self.awaited().next().is_some()
    }

    /// Takes note that something came to a host.
    pub(super) fn moved(&mut self, host: &HostId) {
        if let Some(index) = self.state.index_of(host).filter(|index| self.relays.clients.contains_key(index)) {
            self.relays.moved.insert(index, self.now);
        }
    }

    /// Tells whether a host's relay is about to have the release: it would only wait for that, in a place of others.
    pub(super) fn awaits_relay(&self, index: HostIdx, end: HostIdx) -> bool {
        let relay = self.relays.of.get(index.0).copied().flatten().filter(|&relay| relay < end);
        relay.is_some_and(|relay| self.is_to_get_it(relay))
    }

    /// Tells whether a relay is still to get what it passes on; that it then unpacks and proves its own holds nobody up.
    fn is_to_get_it(&self, relay: HostIdx) -> bool {
        !self.relays.serving.contains(&relay)
            && !self.relays.left.contains(&relay)
            && (self.is(relay, Phase::Pending) || self.is(relay, Phase::Priming))
    }

    /// Gives the relays that are being primed and that hosts wait for.
    fn awaited(&self) -> impl Iterator<Item = HostIdx> + '_ {
        let any = !self.relays.clients.is_empty();
        let priming = any.then(|| self.state.in_phase(Phase::Priming, ..self.state.end())).into_iter().flatten();
        priming.filter(move |relay| {
            let waits = |clients: &Vec<HostIdx>| clients.iter().any(|&client| self.is(client, Phase::Pending));
            self.is_to_get_it(*relay) && self.relays.clients.get(relay).is_some_and(waits)
        })
    }

    /// Gives how long nothing may come to a relay, and when that is over.
    fn patience(&self, relay: HostIdx) -> (Duration, Timestamp) {
        let begun = self.state.host(relay).and_then(|host| host.since).unwrap_or(self.now);
        match self.relays.moved.get(&relay) {
            // Twice, so that whoever sends it finds that out first, and tries again.
            Some(&moved) if moved >= begun => {
                let patience = self.plan.policy.stall.saturating_mul(2);
                (patience, after(moved, patience))
            }
            _ => (BEFORE_ANYTHING, after(begun, BEFORE_ANYTHING)),
        }
    }

    /// Says when hosts go on without the first relay, unless something comes to it before.
    pub(super) fn relay_deadline(&self) -> Option<Timestamp> {
        let primes = matches!(
            self.state.mode(),
            Mode::Priming { .. } | Mode::Switching { .. } | Mode::Soaking { .. } | Mode::Promoting { .. }
        );
        let waits = self.is_ending()
            || self.state.paused().is_some()
            || !self.relock.is_empty()
            || !self.taken.is_empty()
            || !primes;
        if waits { None } else { self.awaited().map(|relay| self.patience(relay).1).min() }
    }

    /// Lets hosts go on without relays that are stalled before they have what they pass on.
    pub(super) fn leave_stalled_relays(&mut self) {
        let stalled: Vec<(HostIdx, Duration)> = self
            .awaited()
            .map(|relay| (relay, self.patience(relay)))
            .filter(|(_, (_, until))| *until <= self.now)
            .map(|(relay, (patience, _))| (relay, patience))
            .collect();
        for (index, patience) in stalled {
            self.relays.left.insert(index);
            if let Some(relay) = self.id_of(index) {
                self.relays.failed.insert(index);
                let message = format!("nothing has come to it for {} s", patience.as_secs());
                self.emit(Event::RelayFailed(RelayFailed { host: relay.clone(), message: message.clone() }));
                self.step.effects.push(Effect::GiveUp { relay, why: message });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::table::{after, eve, host, plan, state_of, way};
    use super::super::{Effect, Input, Machine, Step, Task, TaskError, TaskOutput};
    use crate::model::{Bytes, CarrierNews, Command, Failure, FailureClass, HostId, RelayFailed, RelayStarted};
    use crate::rollout::event::Event;

    /// Gives a conductor that primes the first host, whose release the second and third are to get from it.
    fn priming() -> Machine {
        let mut plan = plan();
        plan.policy.stall = Duration::from_secs(60);
        for index in [1, 2] {
            plan.hosts[index].relay = Some(host(0));
        }
        let (mut machine, step) = super::super::table::taken_over(state_of(plan, way()[..3].concat()), 0);
        assert_eq!(primed(&step), [host(0)]);
        assert!(machine.step(Input::Tick, after(1)).records.is_empty());
        machine
    }

    fn primed(step: &Step) -> Vec<HostId> {
        let hosts = step.effects.iter().filter_map(|effect| match effect {
            Effect::Start { host, task: Task::Prime } => Some(host.clone()),
            _ => None,
        });
        hosts.collect()
    }

    fn failed(step: &Step) -> Vec<&str> {
        let told = step.records.iter().filter_map(|record| match &record.event {
            Event::RelayFailed(failed) if failed.host == host(0) => Some(failed.message.as_str()),
            _ => None,
        });
        told.collect()
    }

    fn given_up(step: &Step) -> bool {
        step.effects.iter().any(|effect| matches!(effect, Effect::GiveUp { relay, .. } if *relay == host(0)))
    }

    #[test]
    fn hosts_go_on_without_a_relay_to_which_nothing_comes() {
        let mut machine = priming();
        assert!(machine.awaits(&host(0)) && !machine.awaits(&host(1)));
        assert_eq!(machine.next_deadline(), Some(after(600)));
        assert!(machine.step(Input::Tick, after(599)).effects.is_empty());
        let step = machine.step(Input::Tick, after(600));
        assert_eq!(failed(&step), ["nothing has come to it for 600 s"]);
        assert!(given_up(&step), "{:?}", step.effects);
        assert_eq!(primed(&step), [host(1), host(2)]);
        assert_eq!(machine.next_deadline(), None);
        assert!(!machine.awaits_relays());
        // Who asked it finds that out a moment later.
        let late = CarrierNews::RelayFailed(RelayFailed { host: host(0), message: "no port".to_owned() });
        assert!(machine.step(Input::Carrier(late), after(601)).records.is_empty());
    }

    #[test]
    fn a_slow_relay_is_waited_for_and_one_that_stands_still_is_not() {
        let mut machine = priming();
        for minute in 1..100 {
            let step = machine.step(Input::Moved { host: host(0) }, after(minute * 60));
            assert_eq!(step, Step::default());
            assert_eq!(machine.next_deadline(), Some(after(minute * 60 + 120)));
        }
        assert!(machine.step(Input::Tick, after(99 * 60 + 119)).effects.is_empty());
        let step = machine.step(Input::Tick, after(99 * 60 + 120));
        assert_eq!(failed(&step), ["nothing has come to it for 120 s"]);
        assert_eq!(primed(&step), [host(1), host(2)]);
        // What it still does itself is its own.
        let primed = TaskOutput::Primed { already: false, bytes: Bytes(1), carried: None };
        let done = Input::Done { host: host(0), task: Task::Prime, result: Ok(primed) };
        assert_eq!(failed(&machine.step(done, after(7000))), Vec::<&str>::new());
    }

    fn started() -> Input {
        let (address, hosts) = ("a:1".to_owned(), 2);
        Input::Carrier(CarrierNews::RelayStarted(RelayStarted { host: host(0), address, hosts }))
    }

    #[test]
    fn hosts_begin_when_their_relay_can_pass_it_on_and_not_when_it_is_done_with_itself() {
        let mut machine = priming();
        let step = machine.step(started(), after(2));
        assert_eq!(primed(&step), [host(1), host(2)]);
        // Whatever it still does with the release holds nobody up, and is no fault of the relay.
        assert!(!machine.awaits_relays());
        assert_eq!(machine.next_deadline(), None);
        let step = machine.step(Input::Tick, after(7000));
        assert!(failed(&step).is_empty() && !given_up(&step), "{step:?}");
    }

    #[test]
    fn a_relay_that_cannot_have_the_release_itself_passes_it_on_all_the_same() {
        let mut machine = priming();
        machine.step(started(), after(2));
        let failure = Failure::new(FailureClass::Transfer, "no space");
        let done = Input::Done { host: host(0), task: Task::Prime, result: Err(TaskError::Failed(Box::new(failure))) };
        let step = machine.step(done, after(3));
        assert!(failed(&step).is_empty() && !given_up(&step), "{step:?}");
        let lost = step.records.iter().any(|record| {
            matches!(&record.event, Event::HostFailed { host: of, class: FailureClass::Transfer, .. } if *of == host(0))
        });
        assert!(lost, "{step:?}");
    }

    #[test]
    fn a_relay_that_is_given_up_by_who_asked_it_is_not_waited_for() {
        let mut machine = priming();
        let failed = CarrierNews::RelayFailed(RelayFailed { host: host(0), message: "no port".to_owned() });
        let step = machine.step(Input::Carrier(failed), after(2));
        assert!(!given_up(&step), "it is known there");
        assert_eq!(step.records.len(), 3, "{:?}", step.records);
        assert_eq!(primed(&step), [host(1), host(2)]);
    }

    #[test]
    fn nobody_goes_on_in_a_pause() {
        let mut machine = priming();
        machine.step(Input::Command { command: Command::Pause, by: eve() }, after(2));
        assert_eq!(machine.next_deadline(), None);
        assert!(machine.step(Input::Tick, after(1000)).records.is_empty());
        let step = machine.step(Input::Command { command: Command::Continue, by: eve() }, after(1001));
        assert_eq!(primed(&step), [host(1), host(2)]);
    }
}
