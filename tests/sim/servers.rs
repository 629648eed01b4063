//! Two deploy servers with a rollout each over the same hosts: servers that sleep and come back, servers whose power fails, clocks
//! of servers and of hosts that differ and are set.
//!
//! Law 12: who lost a lease writes nothing, neither on a host nor, once it wakes, into its journal before it has said so.

use std::collections::BTreeMap;
use std::time::Duration;

use coalmine::host::sim::{Change, Disk, Fault, Place};
use coalmine::model::{HostId, RolloutId};
use coalmine::plan::PlanKind;
use coalmine::rollout::{Event, Outcome};
use jiff::SignedDuration;
use tokio::time::sleep;

use crate::play::{Habits, Played, in_virtual_time, play_as};
use crate::scenario::{Scenario, Weather, release};

/// Holds two rollouts that meet on the same hosts.
struct Meeting {
    one: Scenario,
    other: Scenario,
    habits: [Habits; 2],
    /// How long after the one the other begins.
    after: Duration,
    power_fails_after: [Option<usize>; 2],
}

fn minutes(random: &mut fastrand::Rng, most: u64) -> Duration {
    Duration::from_secs(random.u64(0..most * 60))
}

impl Meeting {
    fn of(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ 0x2_5e7);
        // Rollouts back and primes are met elsewhere.
        let install = |nth: u64| Scenario::of(seed.wrapping_mul(64) + nth, Weather::Calm);
        let mut one = (0..64).map(install).find(|scenario| scenario.plan.kind == PlanKind::Install).unwrap();
        one.seed = seed;
        one.lease = Duration::from_secs([60, 60, 120, 600][random.usize(0..4)]);
        one.lock_wait = Duration::from_secs([0, 300, 3600][random.usize(0..3)]);
        for stage in &mut one.plan.stages {
            stage.soak = stage.soak.min(Duration::from_secs(600));
        }
        for host in &mut one.hosts {
            while random.u8(0..5) == 0 {
                let by =
                    SignedDuration::from_secs([-100_000_000, -4000, -90, 90, 4000, 300_000_000][random.usize(0..6)]);
                host.faults.push(Fault::ClockSet { after: minutes(&mut random, 60), by });
            }
        }
        let mut other = one.clone();
        let new = release("3.0.0");
        other.seed = seed ^ 0xff;
        other.plan.rollout = RolloutId::new("20260101T000000-other").unwrap();
        (other.plan.version, other.plan.release, other.plan.digest) = (new.version.clone(), new.id.clone(), new.digest);
        let habits = [(); 2].map(|()| {
            let mut habits = Habits::default();
            let mut begin = Duration::ZERO;
            while random.bool() && habits.naps.len() < 3 {
                let from = begin + minutes(&mut random, 10);
                let until = from + one.lease * random.u32(5..40) / 10;
                habits.naps.push((from, until));
                begin = until;
            }
            for _ in 0..random.usize(0..3) {
                let off = [-300_000_000, -3600, -40, 0, 40, 3600, 300_000_000][random.usize(0..7)];
                habits.off.push(SignedDuration::from_secs(off));
            }
            habits
        });
        let power_fails_after = [(); 2].map(|()| (random.u8(0..3) == 0).then(|| random.usize(2..80)));
        Self { after: minutes(&mut random, 12), one, other, habits, power_fails_after }
    }

    fn play(&self) -> (Played, Played) {
        in_virtual_time(async {
            let fleet = self.one.fleet();
            let one = play_as(&self.one, fleet.clone(), self.power_fails_after[0], &self.habits[0]);
            let other = async {
                sleep(self.after).await;
                play_as(&self.other, fleet.clone(), self.power_fails_after[1], &self.habits[1]).await
            };
            tokio::join!(one, other)
        })
    }

    fn judge(&self, played: [&Played; 2]) -> Vec<String> {
        let mut broken: Vec<String> = played.iter().flat_map(|played| played.broken.clone()).collect();
        for (index, played) in played.iter().enumerate() {
            if played.state.outcome().is_none() {
                broken.push(format!("law 10: rollout {index} does not end"));
            }
        }
        for host in &self.one.hosts {
            let disk = played[0].fleet.get(&host.id).unwrap().disk();
            broken.extend(disk.broken.iter().map(|what| format!("law 3: {}: {what}", host.id)));
            judge_writes(&host.id, &disk, &mut broken);
        }
        self.judge_ends(played, &mut broken);
        self.judge_returns(played, &mut broken);
        broken
    }

    /// Who goes on after another was done leaves that one's hosts as they are.
    fn judge_returns(&self, played: [&Played; 2], broken: &mut Vec<String>) {
        for (mine, theirs) in [(0, 1), (1, 0)] {
            let scenario = [&self.one, &self.other][mine];
            let Some((resumed, done)) = played[mine].resumed_at.zip(played[theirs].done_at) else { continue };
            let is_good = played[theirs].state.exit_code() == Some(0);
            if !is_good || resumed < done || played[mine].has_claims {
                continue;
            }
            for host in &scenario.hosts {
                let disk = played[0].fleet.get(&host.id).unwrap().disk();
                let release = &[&self.one, &self.other][theirs].plan.release;
                if disk.current != Place::Release(release.clone()) {
                    broken.push(format!(
                        "{}: {} went on after the other was done, and it is at {:?}",
                        host.id, scenario.plan.rollout, disk.current
                    ));
                }
            }
        }
    }

    /// What is told of a host at the end of a rollout was so then; the last who finalized it finds it so.
    fn judge_ends(&self, played: [&Played; 2], broken: &mut Vec<String>) {
        for host in &self.one.hosts {
            let disk = played[0].fleet.get(&host.id).unwrap().disk();
            let last =
                disk.changes.iter().rfind(|(_, change)| matches!(change, Change::Finalized(_) | Change::Switched(_)));
            if let Some((_, Change::Finalized(release))) = last
                && disk.current != Place::Release(release.clone())
                && !disk.changes.iter().any(|(_, change)| matches!(change, Change::WentBack(_)))
            {
                broken.push(format!("{}: {release} was finalized last, and it is at {:?}", host.id, disk.current));
            }
        }
    }
}

/// Law 12 on a host: whoever wrote did so under a lease that was the last one then, and each lease was one rollout's.
fn judge_writes(host: &HostId, disk: &Disk, broken: &mut Vec<String>) {
    let mut owners: BTreeMap<u64, &RolloutId> = BTreeMap::new();
    let mut last = 0;
    for (token, rollout) in &disk.writes {
        if *token < last {
            broken.push(format!("law 12: {rollout} writes to {host} under lease {token}, after lease {last}"));
        }
        last = last.max(*token);
        if *owners.entry(*token).or_insert(rollout) != rollout {
            broken.push(format!("law 12: lease {token} of {host} was {rollout}'s and {}'s", owners[token]));
        }
    }
}

fn told(played: &Played) -> String {
    played.records.iter().skip(1).fold(String::new(), |text, record| text + &record.to_line().unwrap() + "\n")
}

#[test]
fn of_two_servers_that_sleep_and_come_back_nobody_writes_without_a_lease() {
    let (mut lost, mut met) = (0, 0);
    crate::hold(crate::seeds(200), |seed| {
        let meeting = Meeting::of(seed);
        let (one, other) = meeting.play();
        let is_loss =
            |played: &Played| played.records.iter().any(|record| matches!(record.event, Event::LockLost { .. }));
        lost += usize::from(is_loss(&one)) + usize::from(is_loss(&other));
        met += usize::from([&one, &other].iter().any(|played| played.state.outcome() == Some(Outcome::Locked)));
        let broken = meeting.judge([&one, &other]);
        (!broken.is_empty()).then(|| {
            let habits = format!("{:?}, {:?} after, {:?}\n", meeting.habits, meeting.after, meeting.power_fails_after);
            let of_other = told(&other);
            crate::report(&meeting.one, &one, &broken) + &habits + "==== the other ====\n" + &of_other
        })
    });
    println!("{lost} lost leases, {met} were locked out");
    // Seeds in which nobody takes anything from anybody try nothing.
    assert!(std::env::var_os("COALMINE_SIM_SEED").is_some() || (lost > 20 && met > 20), "{lost} {met}");
}
