//! When each host came how far: what the state forgets and people ask for.

use std::time::Duration;

use jiff::Timestamp;

use super::lead::LeadTime;
use crate::model::{HostIdx, Phase};
use crate::rollout::{Event, Record, State};
use crate::words::measured;

#[derive(Debug, Default, Clone, Copy)]
struct HostTimes {
    priming: Option<Timestamp>,
    primed: Option<Timestamp>,
    activating: Option<Timestamp>,
    settled: Option<Timestamp>,
}

/// Holds when each host of a rollout was primed and switched; a fold over records, beside the state's.
#[derive(Debug, Default, Clone)]
pub struct Timings {
    hosts: Vec<HostTimes>,
    lead: LeadTime,
}

impl Timings {
    /// Folds records to it, and to the state.
    #[must_use]
    pub fn fold(records: &[Record]) -> (State, Self) {
        let (mut state, mut timings) = (State::new(), Self::default());
        for record in records {
            state.apply(record);
            timings.apply(record, &state);
        }
        (state, timings)
    }

    /// Takes a record that the state has taken already.
    pub fn apply(&mut self, record: &Record, state: &State) {
        self.lead.apply(record, state);
        let (host, phase) = match &record.event {
            Event::RolloutPlanned { .. } => {
                self.hosts = vec![HostTimes::default(); state.hosts().len()];
                return;
            }
            Event::HostPhase { host, phase, .. } => (host, *phase),
            Event::HostFailed { host, .. } => (host, Phase::Failed),
            _ => return,
        };
        let Some(times) = state.index_of(host).and_then(|index| self.hosts.get_mut(index.0)) else {
            return;
        };
        let at = Some(record.at);
        match phase {
            Phase::Priming => *times = HostTimes { priming: at, ..HostTimes::default() },
            Phase::Primed => times.primed = at,
            Phase::Activating => (times.activating, times.settled) = (at, None),
            Phase::Healthy | Phase::Failed | Phase::RolledBack => times.settled = at,
            Phase::Pending | Phase::Active | Phase::Checking | Phase::RollingBack | Phase::Skipped => {}
        }
    }

    /// Tells how long it took since the tag, and where the time went.
    #[must_use]
    pub const fn lead(&self) -> &LeadTime {
        &self.lead
    }

    /// Tells how long the release travelled to a host, where that is known.
    #[must_use]
    pub fn priming(&self, index: HostIdx) -> Option<Duration> {
        let times = self.hosts.get(index.0)?;
        measured(times.priming?, times.primed?)
    }

    /// Tells how long a host was primed, switched and checked, without the time between, in which others were.
    #[must_use]
    pub fn work(&self, index: HostIdx) -> Option<Duration> {
        let times = self.hosts.get(index.0)?;
        let steps = [times.priming.zip(times.primed), times.activating.zip(times.settled)];
        let mut steps = steps.into_iter().flatten().peekable();
        steps.peek()?;
        steps.map(|(from, to)| measured(from, to)).sum()
    }

    /// Tells the same of a host to which nothing was done, too: no time; none where it is not known.
    #[must_use]
    pub fn spent(&self, index: HostIdx) -> Option<Duration> {
        let times = self.hosts.get(index.0)?;
        let untouched = times.priming.is_none() && times.activating.is_none();
        if untouched { Some(Duration::ZERO) } else { self.work(index) }
    }

    /// Gives the hosts that took longest, longest first.
    #[must_use]
    pub fn slowest(&self, most: usize) -> Vec<(HostIdx, Duration)> {
        let mut all: Vec<(HostIdx, Duration)> =
            (0..self.hosts.len()).map(HostIdx).filter_map(|index| Some((index, self.work(index)?))).collect();
        all.sort_by_key(|&(index, work)| (std::cmp::Reverse(work), index));
        all.truncate(most);
        all
    }
}
