use std::time::Duration;

use jiff::Timestamp;

use super::watch::Watched;
use crate::model::{HostId, Phase, StageIdx};
use crate::plan::{Plan, PlanKind, Promote};
use crate::rollout::{Event, Mode, Record, State};
use crate::words::between;

/// Holds how long things took so far.
#[derive(Debug, Default, Clone, Copy)]
pub struct Pace {
    primes: Average,
    switches: Average,
}

#[derive(Debug, Default, Clone, Copy)]
struct Average {
    count: u32,
    total: Duration,
}

impl Average {
    fn add(&mut self, took: Duration) {
        self.count = self.count.saturating_add(1);
        self.total = self.total.saturating_add(took);
    }

    fn mean(self) -> Option<Duration> {
        self.total.checked_div(self.count)
    }
}

impl Pace {
    /// Takes what happened, before the state has.
    pub fn take(&mut self, before: &State, record: &Record) {
        let Event::HostPhase { host, phase, already: false, .. } = &record.event else {
            return;
        };
        let came = |wanted: &[Phase]| since(before, host, wanted).map(|at| between(at, record.at));
        match phase {
            Phase::Primed => {
                if let Some(took) = came(&[Phase::Priming]) {
                    self.primes.add(took);
                }
            }
            // The gates are most of it; the switch itself is a rename.
            Phase::Healthy => {
                if let Some(took) = came(&[Phase::Checking, Phase::Active, Phase::Activating]) {
                    self.switches.add(took);
                }
            }
            _ => {}
        }
    }
}

fn since(state: &State, host: &HostId, phases: &[Phase]) -> Option<Timestamp> {
    let status = state.index_of(host).and_then(|index| state.host(index))?;
    status.since.filter(|_| phases.contains(&status.phase))
}

/// Says how long a rollout is going to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// What is left, as far as it can be told.
    pub left: Duration,
    /// Whether something has to be done of which nobody knows how long it takes.
    pub at_least: bool,
    /// How many stages wait for a person on the way.
    pub by_hand: usize,
}

/// Estimates what is left of a rollout that goes on; none when nothing can be said.
#[must_use]
pub fn estimate(watched: &Watched, now: Timestamp) -> Option<Estimate> {
    let state = watched.state();
    let plan = state.plan()?;
    if !watched.is_running() || state.paused().is_some() || state.stopping().is_some() || state.suspended().is_some() {
        return None;
    }
    let mut sum = Sum { left: Duration::ZERO, at_least: false };
    match state.mode() {
        Mode::RollingBack => {
            let width = plan.stages.iter().map(|stage| stage.concurrency).max().unwrap_or(1);
            sum.add(watched.pace.switches.mean(), state.switched().count(), width);
            return Some(Estimate { left: sum.left, at_least: sum.at_least, by_hand: 0 });
        }
        Mode::Finished | Mode::Finalizing => return None,
        _ => {}
    }
    sum.add_primes(watched, plan);
    let mut by_hand = 0;
    if plan.kind != PlanKind::Prime {
        for (idx, stage) in plan.stages.iter().enumerate().map(|(idx, stage)| (StageIdx(idx), stage)) {
            let Some((_, status)) = state.stage(idx) else { continue };
            if status.promoted.is_some() {
                continue;
            }
            sum.add(watched.pace.switches.mean(), to_switch(watched, idx), stage.concurrency);
            let begun = status.soak.filter(|_| state.mode() == Mode::Soaking { stage: idx });
            let over = state.mode() == Mode::Promoting { stage: idx };
            let soak = begun.map_or(stage.soak, |soak| between(now, soak.until));
            sum.left = sum.left.saturating_add(if over { Duration::ZERO } else { soak });
            let last = state.range_of(idx).end() == state.end();
            by_hand += usize::from(stage.promote == Promote::Manual && !plan.policy.promote_all && !last);
        }
    }
    (sum.left > Duration::ZERO || by_hand > 0).then_some(Estimate { left: sum.left, at_least: sum.at_least, by_hand })
}

fn to_switch(watched: &Watched, stage: StageIdx) -> usize {
    [Phase::Pending, Phase::Priming, Phase::Primed, Phase::Activating, Phase::Active, Phase::Checking]
        .into_iter()
        .map(|phase| watched.count_in(stage, phase))
        .sum()
}

struct Sum {
    left: Duration,
    at_least: bool,
}

impl Sum {
    /// Adds what so many hosts take, so many at once.
    fn add(&mut self, each: Option<Duration>, hosts: usize, width: usize) {
        if hosts == 0 {
            return;
        }
        let Some(each) = each else {
            self.at_least = true;
            return;
        };
        let rounds = hosts.div_ceil(width.max(1));
        self.left = self.left.saturating_add(each.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX)));
    }

    /// Adds the transfers: those under way by their own rate, the others by how long transfers took so far.
    fn add_primes(&mut self, watched: &Watched, plan: &Plan) {
        let state = watched.state();
        // What stands still has no end in sight, whatever its last rate was.
        self.at_least |= !watched.stalled().is_empty();
        let slowest = watched.table.moving().filter_map(|transfer| transfer.left).max();
        let waiting = state.count(Phase::Pending);
        let known = watched.pace.primes.mean().or(slowest);
        if state.count(Phase::Priming) > 0 {
            match slowest.or(known) {
                Some(slowest) => self.left = self.left.saturating_add(slowest),
                None => self.at_least = true,
            }
        }
        self.add(known, waiting, plan.policy.prime_width);
    }
}
