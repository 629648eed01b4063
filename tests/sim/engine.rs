//! What the engine promises beside the laws: watchers, deadlines, leases, and its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coalmine::engine::{Clock as _, Ended, Engine, EngineError, Finished, Handle, Settings, VirtualClock};
use coalmine::host::sim::{Change, Fault, Operation, SimFleet};
use coalmine::journal::{Journal, Memory};
use coalmine::model::{Command, Failure, FailureClass, HostId, HostIdx, Phase};
use coalmine::rollout::{Event, HostEnd, Machine, Mode, refusal};
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout};

use crate::play::{in_virtual_time, parts, play, records_of};
use crate::scenario::{Scenario, SimSite, Weather, epoch, large, operator};

type Run = Engine<SimFleet, SimSite, Memory>;

/// Makes an engine for a scenario, with the fleet and the journal that it works on.
fn engine(scenario: &Scenario, memory: &Memory) -> (Run, Handle, SimFleet) {
    let (machine, first) = Machine::plan(scenario.plan.clone(), epoch());
    let mut journal = Journal::new(memory.clone(), "memory");
    journal.append([&first]).unwrap();
    let fleet = scenario.fleet();
    let site = Arc::new(SimSite::new(scenario.seed, scenario.weather));
    let settings = Settings { lease: scenario.lease, ..Settings::new(operator("amy")) };
    let (engine, handle) =
        Engine::new(machine, journal, parts(scenario, &fleet, &site, VirtualClock::new(epoch())), settings);
    (engine, handle, fleet)
}

fn host(index: usize) -> HostId {
    HostId::new(&format!("mw{index:05}.example.org")).unwrap()
}

/// Makes a rollout over a few hosts, of which one may have a fault.
fn small(fault: Option<Fault>) -> Scenario {
    let mut scenario = large(30);
    for (index, host) in scenario.hosts.iter_mut().enumerate() {
        host.faults = fault.iter().filter(|_| index == 3).cloned().collect();
    }
    scenario
}

#[test]
fn a_slow_watcher_is_dropped_and_holds_nothing_up() {
    in_virtual_time(async {
        let memory = Memory::new();
        let scenario = large(700);
        let (engine, handle, _) = engine(&scenario, &memory);
        let run = tokio::spawn(engine.run());
        let mut slow = handle.subscribe().await.unwrap();
        let mut quick = handle.subscribe().await.unwrap();
        let quick = tokio::spawn(async move {
            let mut seen = vec![quick.after];
            while let Ok(record) = quick.next().await {
                if record.event.is_journaled() {
                    seen.push(record.seq);
                }
            }
            seen
        });
        let finished = run.await.unwrap().unwrap();
        assert_eq!(finished.state.mode(), Mode::Finished);
        let seen = quick.await.unwrap();
        assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1), "records are missing");
        assert_eq!(seen.last(), Some(&finished.state.seq()));
        let mut last = slow.after;
        let ended = loop {
            match slow.next().await {
                Ok(record) => last = record.seq,
                Err(ended) => break ended,
            }
        };
        assert_eq!(ended, Ended::TooSlow { after: last });
        assert!(last < finished.state.seq());
        // The journal has what it missed.
        assert_eq!(records_of(&memory).unwrap().len() as u64, finished.state.seq());
    });
}

#[test]
fn progress_is_told_four_times_a_second_at_most_and_never_journaled() {
    in_virtual_time(async {
        let memory = Memory::new();
        let scenario = small(Some(Fault::Slow(3)));
        let (engine, handle, _) = engine(&scenario, &memory);
        let run = tokio::spawn(engine.run());
        let mut watcher = handle.subscribe().await.unwrap();
        let mut told: BTreeMap<HostId, Vec<Timestamp>> = BTreeMap::new();
        while let Ok(record) = watcher.next().await {
            if let Event::HostProgress { host, bytes, total, .. } = &record.event {
                assert!(bytes <= total);
                told.entry(host.clone()).or_default().push(record.at);
            }
        }
        run.await.unwrap().unwrap();
        assert_eq!(told.len(), 30, "every host's transfer is told");
        for times in told.values() {
            let quick = times.windows(2).any(|pair| pair[1].duration_since(pair[0]).as_millis() < 250);
            assert!(!quick, "{times:?}");
        }
        let journaled = |record: &coalmine::rollout::Record| matches!(record.event, Event::HostProgress { .. });
        assert!(!records_of(&memory).unwrap().iter().any(journaled));
    });
}

#[test]
fn who_keeps_everybody_waiting_is_named_to_watchers_with_for_how_long_at_most_and_never_journaled() {
    // Who is being switched is left out by nobody: no command says so that would be refused.
    let awaited = [(Operation::Prime, "coalmine skip --host HOST"), (Operation::Activate, ""), (Operation::Check, "")];
    for (operation, leaves_out) in awaited {
        in_virtual_time(async {
            let memory = Memory::new();
            let scenario = small(Some(Fault::Hung(operation)));
            let (engine, handle, _) = engine(&scenario, &memory);
            let run = tokio::spawn(engine.run());
            let mut watcher = handle.subscribe().await.unwrap();
            let mut told = Vec::new();
            while let Ok(record) = watcher.next().await {
                if let Event::HostsAwaited { hosts, at_most_s, without } = &record.event {
                    told.push((hosts.clone(), *at_most_s));
                    assert_eq!(without, leaves_out, "{operation:?}");
                    let skip = Command::Skip { host: host(3) };
                    assert_eq!(refusal(&handle.state().await.unwrap(), &skip).is_none(), !without.is_empty());
                }
            }
            run.await.unwrap().unwrap();
            assert_eq!(told.last().unwrap().0, [host(3)], "{operation:?}");
            let first: Vec<u64> = told.iter().take(5).map(|(_, at_most)| *at_most).collect();
            assert!(first.windows(2).all(|two| two[1] < two[0]), "less and less: {first:?}");
            let journaled = |record: &coalmine::rollout::Record| matches!(record.event, Event::HostsAwaited { .. });
            assert!(!records_of(&memory).unwrap().iter().any(journaled));
        });
    }
}

#[test]
fn nothing_is_done_that_could_not_be_written() {
    let scenario = small(None);
    let whole = play(&scenario, None);
    let activating =
        |record: &coalmine::rollout::Record| matches!(record.event, Event::HostPhase { phase: Phase::Activating, .. });
    let line = whole.records.iter().position(activating).unwrap();
    in_virtual_time(async {
        let memory = Memory::new();
        memory.cut_after(Some(line));
        let (engine, handle, fleet) = engine(&scenario, &memory);
        let error = engine.run().await.unwrap_err();
        assert!(matches!(error, EngineError::Journal(_)), "{error}");
        for host in &scenario.hosts {
            let changes = fleet.get(&host.id).unwrap().disk().changes;
            assert!(
                !changes.iter().any(|(_, change)| matches!(change, Change::Switched(_))),
                "{} was switched",
                host.id
            );
        }
        let refused = handle.command(Command::Abort, operator("eve")).await;
        assert_eq!(refused.unwrap_err().0, "the rollout is over");
    });
}

#[test]
fn a_task_that_panics_is_a_failure_of_its_host() {
    let played = play(&small(Some(Fault::Panics(Operation::Activate))), None);
    assert_eq!(played.state.host_end(HostIdx(3)), HostEnd::RolledBack);
    let failure = played.state.host(HostIdx(3)).unwrap().failure.clone().unwrap();
    assert_eq!(failure.class, FailureClass::Activate);
    assert!(failure.message.contains("a bug in coalmine"), "{failure}");
    assert_eq!(played.state.count(Phase::Healthy), 29);
}

#[test]
fn a_host_that_never_answers_is_given_up() {
    for (operation, class) in [
        (Operation::Lock, FailureClass::Unreachable),
        (Operation::Prime, FailureClass::Transfer),
        (Operation::Activate, FailureClass::Activate),
        (Operation::Check, FailureClass::Unhealthy),
    ] {
        let played = play(&small(Some(Fault::Hung(operation))), None);
        let failure = played.state.host(HostIdx(3)).unwrap().failure.clone().unwrap();
        assert_eq!(failure.class, class, "{operation:?}: {failure}");
        assert!(failure.message.contains("within"), "{operation:?}: {failure}");
        assert_eq!(played.state.count(Phase::Healthy), 29, "{operation:?}");
    }
}

#[test]
fn a_host_that_could_not_be_asked_is_counted_and_holds_nobody_up_until_it_is_retried() {
    let took = |played: &crate::play::Played| {
        let at = |record: Option<&coalmine::rollout::Record>| record.unwrap().at;
        at(played.records.last()).duration_since(at(played.records.first()))
    };
    let mut without = large(200);
    for host in &mut without.hosts {
        host.faults.clear();
    }
    // The site's own command would take its time as well.
    without.plan.policy.depool = false;
    let mut with = without.clone();
    with.hosts[120].faults = vec![Fault::Hung(Operation::Lock)];
    with.plan.hosts[120].lost = Some(Failure::new(FailureClass::Unreachable, "logs in, and no shell answers"));
    with.hosts[150].faults = vec![Fault::Unreachable(None)];
    let (without, with) = (play(&without, None), play(&with, None));
    let longer = took(&with).as_secs() - took(&without).as_secs();
    // Law 14: the connect timeout of the one that was lost since, and no second of the other's.
    assert!(longer <= 12, "{longer} s longer");
    for (index, message) in [(HostIdx(120), "no shell answers"), (HostIdx(150), "no route")] {
        assert_eq!(with.state.host_end(index), HostEnd::Unreachable);
        assert!(with.state.host(index).unwrap().failure.as_ref().unwrap().message.contains(message));
    }
    assert_eq!(with.state.count(Phase::Healthy), 198);
}

#[test]
fn a_host_that_cannot_be_confirmed_takes_its_switch_back() {
    let mut scenario = small(Some(Fault::Unreachable(Some(Operation::Confirm))));
    // Nor can it be told to go back: it is alone.
    scenario.hosts[3].faults.push(Fault::Unreachable(Some(Operation::RollBack)));
    scenario.plan.policy.confirm = Duration::from_secs(60);
    let played = play(&scenario, None);
    let disk = played.fleet.get(&host(3)).unwrap().disk();
    assert!(disk.changes.iter().any(|(_, change)| *change == Change::Reverted), "{:?}", disk.changes);
    assert_eq!(disk.current, scenario.hosts[3].disk.current);
    assert_eq!(played.state.host(HostIdx(3)).unwrap().phase, Phase::Failed);
    let status = played.state.host(HostIdx(3)).unwrap();
    assert!(status.depooled && status.unheard, "{status:?}");
    // Nobody says that it could not: it did, all by itself.
    let message = &status.failure.as_ref().unwrap().message;
    assert!(message.contains("; whether it went back is not known: "), "{message}");
}

#[test]
fn a_host_that_never_left_is_not_said_to_be_left_behind() {
    // As on a disk that takes nothing any more: neither the switch nor the way back can be written.
    let mut scenario = small(Some(Fault::SwitchFails { times: 9 }));
    scenario.hosts[3].faults.push(Fault::BackFails { times: 9 });
    let played = play(&scenario, None);
    assert_eq!(played.state.host_end(HostIdx(3)), HostEnd::RolledBack);
    let status = played.state.host(HostIdx(3)).unwrap();
    assert!(!status.stranded && !status.unheard, "{status:?}");
    assert_eq!(status.failure.as_ref().unwrap().message, "permission denied");
}

#[test]
fn locks_are_held_through_a_long_soak_and_freed_at_its_end() {
    in_virtual_time(async {
        let memory = Memory::new();
        let mut scenario = small(None);
        scenario.lease = Duration::from_secs(60);
        scenario.plan.stages[0].soak = Duration::from_secs(24 * 3600);
        let (engine, _handle, fleet) = engine(&scenario, &memory);
        let clock = VirtualClock::new(epoch());
        let run = tokio::spawn(engine.run());
        for _ in 0..20 {
            sleep(Duration::from_secs(3600)).await;
            for host in &scenario.hosts {
                let lock = fleet.get(&host.id).unwrap().disk().lock.unwrap();
                assert!(lock.rollout == scenario.plan.rollout && lock.until > clock.now(), "{}: {lock:?}", host.id);
            }
        }
        run.await.unwrap().unwrap();
        for host in &scenario.hosts {
            assert_eq!(fleet.get(&host.id).unwrap().disk().lock, None, "{}", host.id);
        }
    });
}

#[test]
fn a_large_fleet_is_renewed_no_faster_than_its_rate() {
    let settings = Settings { renewals_per_second: 10, ..Settings::new(operator("amy")) };
    assert_eq!(settings.lease_for(12), Duration::from_secs(60));
    assert_eq!(settings.lease_for(200), Duration::from_secs(60));
    assert_eq!(settings.lease_for(10_000), Duration::from_secs(3000));
}

#[test]
fn what_this_machine_lacks_is_no_hosts_failure_and_the_rollout_goes_on_when_it_is_there_again() {
    for (operation, exit_code) in
        [(Operation::Lock, 1), (Operation::Prime, 1), (Operation::Activate, 5), (Operation::Check, 5)]
    {
        // The arbiter of locks, whom everybody meets first, and one among others.
        for index in [0, 3] {
            in_virtual_time(async {
                let memory = Memory::new();
                let mut scenario = small(None);
                scenario.hosts[index].faults = vec![Fault::ServerShort(operation)];
                let (first, _handle, fleet) = engine(&scenario, &memory);
                let state = first.run().await.unwrap().state;
                let told = |state: &coalmine::rollout::State| state.suspended().map(ToString::to_string);
                let why = told(&state).unwrap_or_default();
                assert!(why.starts_with("a failure of this machine (") && why.contains("Too many open files"), "{why}");
                assert!(state.hosts().iter().all(|host| host.failure.is_none()), "{operation:?}: nobody failed");
                let ending = coalmine::conductor::Ending::of(state.clone());
                assert_eq!(ending.exit_code, exit_code, "{operation:?} of {index}");

                // It has what it lacked again.
                scenario.hosts[index].faults.clear();
                fleet.get(&host(index)).unwrap().mend();
                let clock = VirtualClock::new(state.latest().unwrap());
                let machine = Machine::resume(state, clock.now()).unwrap();
                let site = Arc::new(SimSite::new(1, Weather::Calm));
                let journal = Journal::new(memory.clone(), "memory");
                let settings = Settings::new(operator("bob"));
                let (engine, _handle) = Engine::new(machine, journal, parts(&scenario, &fleet, &site, clock), settings);
                let state = engine.run().await.unwrap().state;
                assert_eq!((state.exit_code(), told(&state)), (Some(0), None), "{operation:?} of {index}");
            });
        }
    }
}

#[test]
fn a_stopped_rollout_ends_its_engine_and_is_gone_on_with() {
    in_virtual_time(async {
        let memory = Memory::new();
        let scenario = small(None);
        let (engine, handle, fleet) = engine(&scenario, &memory);
        let run = tokio::spawn(engine.run());
        sleep(Duration::from_secs(40)).await;
        handle.command(Command::Stop, operator("SIGTERM")).await.unwrap();
        let start = Instant::now();
        let Finished { state } = timeout(Duration::from_secs(3600), run).await.unwrap().unwrap().unwrap();
        assert!(state.suspended().is_some() && state.mode() != Mode::Finished);
        assert!(start.elapsed() < Duration::from_secs(600), "{:?}", start.elapsed());

        let clock = VirtualClock::new(state.latest().unwrap());
        let machine = Machine::resume(state, clock.now()).unwrap();
        let site = Arc::new(SimSite::new(1, Weather::Calm));
        let journal = Journal::new(memory.clone(), "memory");
        let settings = Settings::new(operator("bob"));
        let (engine, _handle) = Engine::new(machine, journal, parts(&scenario, &fleet, &site, clock), settings);
        assert_eq!(engine.run().await.unwrap().state.exit_code(), Some(0));
    });
}
