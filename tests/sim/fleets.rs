//! One large fleet, and one fleet with two deploy servers.

use std::time::{Duration, Instant};

use coalmine::host::sim::Change;
use coalmine::model::{HostIdx, RolloutId};
use coalmine::plan::PlanKind;
use coalmine::rollout::{HostEnd, Outcome, Record, State};
use tokio::time::sleep;

use crate::laws::judge;
use crate::play::{in_virtual_time, play, play_in};
use crate::scenario::{Scenario, Weather, large};

#[test]
fn ten_thousand_hosts_are_rolled_out_and_replayed() {
    let scenario = large(10_000);
    let start = Instant::now();
    let played = play(&scenario, None);
    println!("rollout: {:?} for {} records", start.elapsed(), played.records.len());
    assert_eq!(judge(&scenario, &played), Vec::<String>::new());
    assert_eq!(played.state.outcome(), Some(Outcome::Completed));
    let ended = |end| (0..10_000).map(HostIdx).filter(|&index| played.state.host_end(index) == end).count();
    assert_eq!(ended(HostEnd::Unreachable), 40);
    assert_eq!(ended(HostEnd::RolledBack), 80);
    assert_eq!(ended(HostEnd::Failed), 40);
    assert_eq!(ended(HostEnd::Healthy), 10_000 - 160);
    let lines: Vec<String> = played.records.iter().map(|record| record.to_line().unwrap()).collect();
    let start = Instant::now();
    let mut state = State::new();
    for line in &lines {
        state.apply(&Record::from_line(line).unwrap());
    }
    println!("replay: {:?} for {} lines", start.elapsed(), lines.len());
    assert!(state == played.state);
}

#[test]
fn of_two_deploy_servers_one_goes_ahead() {
    crate::hold(crate::seeds(60), |seed| {
        let mut first = Scenario::of(seed, Weather::Calm);
        first.lock_wait = Duration::ZERO;
        // A prime that finds everything there is over before the other begins.
        if first.plan.kind == PlanKind::Prime {
            return None;
        }
        // Nobody waits for anybody, and nobody is early: both begin within the time that one lock takes.
        let mut second = first.clone();
        second.plan.rollout = RolloutId::new("20260101T000000-second").unwrap();
        let (one, other) = in_virtual_time(async {
            let fleet = first.fleet();
            let other = async {
                sleep(Duration::from_millis(seed % 50)).await;
                play_in(&second, fleet.clone(), None).await
            };
            tokio::join!(play_in(&first, fleet.clone(), None), other)
        });
        let mut broken = Vec::new();
        let (winner, loser) =
            if one.state.outcome() == Some(Outcome::Locked) { (&other, &one) } else { (&one, &other) };
        if winner.state.exit_code() != Some(0) {
            broken.push(format!("law 8: nobody went ahead: {:?}", winner.state.outcome()));
        }
        if loser.state.exit_code() != Some(7) || loser.state.anything_switched() {
            broken.push(format!("law 8: both went ahead: {:?}", loser.state.outcome()));
        }
        for host in &first.hosts {
            let disk = winner.fleet.get(&host.id).unwrap().disk();
            broken.extend(disk.broken.iter().map(|what| format!("{}: {what}", host.id)));
            let mut holder = None;
            for (_, change) in &disk.changes {
                match change {
                    Change::Locked(rollout) if holder.is_some() => {
                        broken.push(format!("law 8: {rollout} locks {} beside {holder:?}", host.id));
                    }
                    Change::Locked(rollout) => holder = Some(rollout.clone()),
                    Change::Unlocked(_) | Change::Finalized(_) => holder = None,
                    _ => {}
                }
            }
        }
        (!broken.is_empty()).then(|| crate::report(&first, winner, &broken))
    });
}
