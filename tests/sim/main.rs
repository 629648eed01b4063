//! Whole rollouts in virtual time, against scripted fleets with seeded faults.
//!
//! A seed that breaks a law is printed with its plan; `COALMINE_SIM_SEED=n` plays that seed alone, and exactly again.
//! `COALMINE_SIM_SEED=1000..9000` plays as many as there is time for.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod engine;
mod fleets;
mod laws;
mod lives;
mod model;
#[path = "../common/plans.rs"]
mod plans;
mod play;
mod puppet;
mod relays;
mod scenario;
mod servers;
mod table;

use std::collections::BTreeMap;

use coalmine::host::sim::Change;
use coalmine::rollout::{HostEnd, Outcome};
use laws::judge;
use play::{Played, play};
use scenario::{Scenario, Weather};

/// Gives the seeds to play: the one that is asked for, those of a range, or so many.
fn seeds(count: u64) -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("COALMINE_SIM_SEED") else { return 0..count };
    let number = |text: &str| text.parse::<u64>().unwrap();
    match asked.split_once("..") {
        Some((from, until)) => number(from)..number(until),
        None => number(&asked)..number(&asked) + 1,
    }
}

/// Judges every scenario's outcome, and fails with all the seeds that broke a law.
fn hold(seeds: std::ops::Range<u64>, mut broken_by: impl FnMut(u64) -> Option<String>) {
    let mut wrong = Vec::new();
    for seed in seeds {
        if let Some(report) = broken_by(seed) {
            if wrong.len() < 3 {
                eprintln!("{report}");
            }
            wrong.push(seed);
        }
    }
    assert!(wrong.is_empty(), "{} seeds break a law; play one alone with COALMINE_SIM_SEED: {wrong:?}", wrong.len());
}

/// Tells everything about a scenario that broke a law.
fn report(scenario: &Scenario, played: &Played, broken: &[String]) -> String {
    let mut text = format!("==== COALMINE_SIM_SEED={} ({:?}) ====\n", scenario.seed, scenario.weather);
    text += &format!("{:?}\n", scenario.plan.policy);
    for stage in &scenario.plan.stages {
        text += &format!("{stage:?}\n");
    }
    for host in &scenario.hosts {
        let Some(good) = scenario::good(&host.disk) else { continue };
        text += &format!("{} {:?} {good:?}: {:?}\n", host.id, host.disk.current, host.faults);
    }
    text += &format!("commands: {:?}\n", scenario.commands);
    for record in played.records.iter().skip(1) {
        text += &record.to_line().unwrap();
        text.push('\n');
    }
    broken.iter().fold(text, |text, what| text + "BROKEN " + what + "\n")
}

fn verdict(scenario: &Scenario, played: &Played) -> Option<String> {
    let broken = judge(scenario, played);
    (!broken.is_empty()).then(|| report(scenario, played, &broken))
}

#[test]
fn a_thousand_rough_rollouts_keep_the_laws() {
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    hold(seeds(1000), |seed| {
        let scenario = Scenario::of(seed, Weather::Rough);
        let played = play(&scenario, None);
        *outcomes.entry(format!("{:?}", played.state.outcome())).or_default() += 1;
        verdict(&scenario, &played)
    });
    println!("{outcomes:?}");
    // Seeds that all end in one way try nothing.
    assert!(std::env::var_os("COALMINE_SIM_SEED").is_some() || outcomes.len() == 4, "{outcomes:?}");
}

#[test]
fn rollouts_without_faults_reach_every_host() {
    hold(seeds(60), |seed| {
        let scenario = Scenario::of(seed, Weather::Calm);
        let played = play(&scenario, None);
        assert_eq!(played.state.exit_code(), Some(0), "seed {seed}");
        verdict(&scenario, &played)
    });
}

fn ends(played: &Played) -> Vec<HostEnd> {
    played.state.range().map(|index| played.state.host_end(index)).collect()
}

/// Tells whether a host was switched although it was switched already.
fn switched_twice(played: &Played) -> bool {
    played.state.hosts().iter().any(|host| {
        let mut there = false;
        played.fleet.get(&host.id).unwrap().disk().changes.into_iter().any(|(_, change)| match change {
            Change::Switched(_) => std::mem::replace(&mut there, true),
            Change::WentBack(_) => false,
            Change::Reverted => {
                there = false;
                false
            }
            _ => false,
        })
    })
}

#[test]
fn a_conductor_that_dies_after_any_record_makes_no_difference() {
    hold(seeds(32), |seed| {
        let scenario = Scenario::of(seed, Weather::Steady);
        let whole = play(&scenario, None);
        if let Some(report) = verdict(&scenario, &whole) {
            return Some(report);
        }
        // Every record of some rollouts, and some records of every rollout: each is a rollout of its own.
        let stride = if seed.is_multiple_of(16) { 1 } else { whole.records.len().div_ceil(15) };
        for line in (usize::try_from(seed).unwrap() % stride..whole.records.len()).step_by(stride) {
            let resumed = play(&scenario, Some(line));
            let mut broken = judge(&scenario, &resumed);
            if resumed.resumes != 1 {
                broken.push(format!("it was resumed {} times", resumed.resumes));
            }
            if resumed.state.outcome() != whole.state.outcome() || resumed.state.exit_code() != whole.state.exit_code()
            {
                let ends = [&whole, &resumed].map(|played| (played.state.outcome(), played.state.exit_code()));
                broken.push(format!("law 5: the end is another one: {ends:?}"));
            }
            if whole.state.outcome() == Some(Outcome::Completed) && ends(&resumed) != ends(&whole) {
                broken.push(format!("law 5: hosts end as {:?} and not as {:?}", ends(&resumed), ends(&whole)));
            }
            if switched_twice(&resumed) {
                broken.push("law 5: a host was switched twice".to_owned());
            }
            if !broken.is_empty() {
                broken.push(format!("the power failed after record {line}"));
                return Some(report(&scenario, &resumed, &broken));
            }
        }
        None
    });
}

#[test]
fn conductors_that_die_in_rough_rollouts_keep_the_laws() {
    hold(seeds(300), |seed| {
        let scenario = Scenario::of(seed, Weather::Rough);
        let line = usize::try_from(seed.wrapping_mul(2_654_435_761) % 120).unwrap();
        verdict(&scenario, &play(&scenario, Some(line)))
    });
}
