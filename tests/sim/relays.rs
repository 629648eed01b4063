//! Releases that come by relays, each of which may be killed, filled, cut off, may lie or hang.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coalmine::host::sim::{Disk, Fault, Operation, RelayFault};
use coalmine::model::{Carrier, HostId, Phase, RelayFailed, RollBackTarget, Site, StageName};
use coalmine::plan::{Budget, HostPlan, PlanKind, Prefetch, StagePlan};
use coalmine::rollout::{Event, HostEnd, Outcome};

use crate::plans;
use crate::play::{Played, play};
use crate::scenario::{Before, Scenario, Weather, release};

/// Judges how releases came to hosts: nothing comes from what lies or was given up, and nobody fails for want of a way that is left.
pub(crate) fn judge(scenario: &Scenario, played: &Played, broken: &mut Vec<String>) {
    let plan = &scenario.plan;
    let carriage = plan.carriage();
    let lies = |relay: &HostId| {
        let of = |before: &&Before| before.id == *relay;
        let wrong = Fault::Relay { wrong: RelayFault::Lies, after: 0 };
        scenario.hosts.iter().find(of).is_some_and(|before| before.faults.contains(&wrong))
    };
    // Whom this conductor asks no more, and who began when somebody was not asked any more.
    let mut given_up: BTreeSet<&HostId> = BTreeSet::new();
    let mut without: BTreeMap<&HostId, BTreeSet<&HostId>> = BTreeMap::new();
    for record in &played.records {
        match &record.event {
            Event::Resumed { .. } => {
                given_up.clear();
                without.clear();
            }
            Event::RelayFailed(RelayFailed { host, .. }) => {
                let again = !given_up.insert(host);
                if again {
                    broken.push(format!("law 17: relay {host} is given up twice"));
                }
            }
            Event::HostPhase { host, phase: Phase::Priming, .. } => {
                without.insert(host, given_up.clone());
            }
            Event::HostPhase { host, phase: Phase::Primed, relay: Some(relay), .. } => {
                if relay != host && !carriage.relays_of(host).contains(relay) {
                    broken.push(format!("law 17: {host} got it from {relay}, which is none of its relays"));
                }
                if relay != host && lies(relay) {
                    broken.push(format!("law 17: {host} took what {relay} made of it"));
                }
                if without.get(host).is_some_and(|without| without.contains(relay)) {
                    broken.push(format!("law 17: {host} got it from {relay}, which had been given up"));
                }
            }
            Event::HostFailed { host, message, .. }
                if message.starts_with("no carrier brought") && plan.policy.carriers.contains(&Carrier::Direct) =>
            {
                broken.push(format!("law 17: {host} failed although it can be had directly: {message}"));
            }
            Event::HostFailed { host, message, .. } if message.starts_with("did not get the release within") => {
                let is_well = |before: &Before| before.id == *host && before.faults.is_empty();
                if scenario.hosts.iter().any(is_well) {
                    broken.push(format!("law 14: {host}, with which nothing is wrong, {message}"));
                }
            }
            _ => {}
        }
    }
}

/// Names the host of a number.
fn id(number: usize) -> HostId {
    HostId::new(&format!("h{number:02}")).unwrap()
}

/// Makes a rollout of two relays, the first two hosts, and three hosts behind each; what is wrong with whom is said.
fn relayed(faults: &[(usize, Fault)]) -> Scenario {
    let mut scenario = Scenario::of(1, Weather::Calm);
    let (old, new) = (release("1.0.0"), release("2.0.0"));
    let plan = &mut scenario.plan;
    plan.kind = PlanKind::Install;
    (plan.version, plan.release, plan.digest) = (new.version.clone(), new.id.clone(), new.digest);
    let budget = Budget { unreachable: 1, transfer: 1, activate: 0, unhealthy: 0 };
    plan.stages = vec![StagePlan { budget, ..plans::stage(StageName::new("fleet").unwrap(), vec![8]) }];
    plan.policy.prefetch = Prefetch::All;
    plan.policy.carriers = vec![Carrier::Relay, Carrier::Direct];
    plan.policy.prime_width = 8;
    plan.policy.hooks.clear();
    plan.policy.host_hooks.clear();
    plan.hosts.clear();
    scenario.hosts.clear();
    for number in 0..8 {
        let faults = faults.iter().filter(|(of, _)| *of == number).map(|(_, fault)| fault.clone()).collect();
        scenario.hosts.push(Before { id: id(number), disk: Disk::with_good(&old.id), faults, seed: number as u64 + 1 });
        plan.hosts.push(HostPlan {
            site: Some(Site("eqiad".into())),
            good: Some(RollBackTarget::Release { id: old.id.clone() }),
            relay: (number > 1).then(|| id(number % 2)),
            ..plans::host(id(number))
        });
    }
    scenario
}

/// Gives from which relay each host got it; a dash for what came directly.
fn ways(played: &Played) -> BTreeMap<String, String> {
    let primed = played.records.iter().filter_map(|record| match &record.event {
        Event::HostPhase { host, phase: Phase::Primed, relay, .. } => {
            Some((host.to_string(), relay.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)))
        }
        _ => None,
    });
    primed.collect()
}

fn given_up(played: &Played) -> Vec<String> {
    let failed = played.records.iter().filter_map(|record| match &record.event {
        Event::RelayFailed(RelayFailed { host, message }) => Some(format!("{host}: {message}")),
        _ => None,
    });
    failed.collect()
}

/// Plays it, and gives how it went; every host but those that may fail ends with the release.
fn played(scenario: &Scenario, may_fail: &[usize]) -> Played {
    let played = play(scenario, None);
    assert_eq!(crate::laws::judge(scenario, &played), Vec::<String>::new());
    assert_eq!(played.state.outcome(), Some(Outcome::Completed));
    for (number, index) in played.state.range().enumerate() {
        let end = played.state.host_end(index);
        assert_eq!(end == HostEnd::Healthy, !may_fail.contains(&number), "{} ended {end}", id(number));
    }
    played
}

#[test]
fn hosts_of_a_relay_that_fails_get_it_from_another_and_each_relay_is_named() {
    let wrong = |wrong, after| Fault::Relay { wrong, after };
    for (fault, why, behind) in [
        (wrong(RelayFault::Killed, 0), "its daemon ended", "h01"),
        (wrong(RelayFault::Lies, 0), "what it passed on is not what was built", "h01"),
        (wrong(RelayFault::CutOff, 0), "3 hosts in a row got nothing from it: no route to it", "h01"),
        (wrong(RelayFault::Hangs, 0), "did not get it itself: nothing came for 60 s", "h01"),
        (Fault::Relay { wrong: RelayFault::Lies, after: 1 }, "what it passed on is not what was built", "h00 or h01"),
    ] {
        let played = played(&relayed(&[(0, fault.clone())]), &[]);
        assert_eq!(given_up(&played), [format!("h00: {why}")], "{fault:?}");
        let ways = ways(&played);
        let own = if fault == wrong(RelayFault::Hangs, 0) { "-" } else { "h00" };
        assert_eq!((ways["h00"].as_str(), ways["h01"].as_str()), (own, "h01"), "{fault:?}");
        for host in ["h02", "h04", "h06"] {
            assert!(behind.contains(&ways[host]), "{fault:?}: {ways:?}");
        }
        assert!(["h03", "h05", "h07"].iter().all(|host| ways[*host] == "h01"), "{fault:?}: {ways:?}");
    }
}

#[test]
fn hosts_begin_when_their_relay_has_it_and_not_when_it_has_proven_its_own() {
    let played = played(&relayed(&[]), &[]);
    let at = |wanted: &dyn Fn(&Event) -> bool| {
        played.records.iter().find(|record| wanted(&record.event)).map(|record| record.at).unwrap()
    };
    for relay in 0..2 {
        let started = at(&|event| matches!(event, Event::RelayStarted(started) if started.host == id(relay)));
        let in_phase = |number: usize, wanted: Phase| {
            at(
                &|event| matches!(event, Event::HostPhase { host, phase, .. } if *host == id(number) && *phase == wanted),
            )
        };
        assert!(in_phase(relay, Phase::Primed) > started);
        for number in (2..8).filter(|number| number % 2 == relay) {
            assert_eq!(in_phase(number, Phase::Priming), started, "{}", id(number));
        }
    }
}

#[test]
fn hosts_of_a_relay_that_is_full_or_away_get_it_from_another() {
    for (fault, why) in [
        (Fault::DiskFull, "h00: did not get it itself: No space left on device"),
        (Fault::Unreachable(Some(Operation::Prime)), "h00: unreachable: no route to host"),
    ] {
        let played = played(&relayed(&[(0, fault.clone())]), &[0]);
        let ways = ways(&played);
        assert_eq!(given_up(&played), [why], "{fault:?}");
        assert!((2..8).all(|number| ways[id(number).as_str()] == "h01"), "{fault:?}: {ways:?}");
    }
}

#[test]
fn where_every_relay_fails_the_release_comes_directly() {
    for wrong in RelayFault::ALL {
        let fault = Fault::Relay { wrong, after: 0 };
        let played = played(&relayed(&[(0, fault.clone()), (1, fault)]), &[]);
        assert_eq!(given_up(&played).len(), 2, "{wrong:?}");
        assert!((2..8).all(|number| ways(&played)[id(number).as_str()] == "-"), "{wrong:?}: {:?}", ways(&played));
    }
}

#[test]
fn a_relay_that_hangs_while_it_is_primed_holds_its_hosts_for_minutes_and_not_until_its_own_deadline() {
    // It takes the question and never answers; and it gets it so slowly that it stands still for minutes.
    let hung = (Fault::Hung(Operation::Prime), "h00: nothing has come to it for 600 s", 700, &[0_usize][..]);
    let slow = (Fault::Slow(46), "h00: nothing has come to it for 120 s", 700, &[][..]);
    for (fault, why, within, may_fail) in [hung, slow] {
        let played = played(&relayed(&[(0, fault)]), may_fail);
        assert_eq!(given_up(&played), [why]);
        let since = played.records.iter().find_map(|record| match &record.event {
            Event::HostPhase { host, phase: Phase::Priming, .. } if *host == id(0) => Some(record.at),
            _ => None,
        });
        let last = played.records.iter().rev().find_map(|record| match &record.event {
            Event::HostPhase { host, phase: Phase::Primed, .. } if *host != id(0) => Some(record.at),
            _ => None,
        });
        let waited: Duration = last.unwrap().duration_since(since.unwrap()).try_into().unwrap();
        assert!(waited <= Duration::from_secs(within), "{waited:?}");
        assert!((2..8).all(|number| ways(&played)[id(number).as_str()] == "h01"), "{:?}", ways(&played));
    }
}
