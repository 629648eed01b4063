//! What a rollout over 10,000 simulated hosts costs the deploy server, and how long its journal takes to replay.
//!
//! ```text
//! cargo bench --bench scale
//! ```
//!
//! The whole engine runs in virtual time, so what is counted is processor time: the machine, the tasks, the journal's lines (kept in
//! memory), and the simulated hosts as well; what the tests look for on the way is not. One host in fifty has something wrong. A tenth of the hosts is played beside it, since
//! what matters at this size is that the cost of a host does not grow with the fleet. Prints and asserts nothing about time.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "shared with tests, where what cannot go on fails")]
#![expect(dead_code, reason = "tests use more of it")]

#[path = "cost.rs"]
mod cost;
#[path = "../common/plans.rs"]
mod plans;
#[path = "../sim/play.rs"]
mod play;
#[path = "../sim/scenario.rs"]
mod scenario;

use std::io::Cursor;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use coalmine::engine::{Engine, Settings, VirtualClock};
use coalmine::journal::{Journal, Memory, Records};
use coalmine::rollout::{Machine, Outcome, State};

/// Reads a figure of this process from /proc/self/status (proc(5)), in MiB.
fn memory(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such figure")?;
    Ok(line.split_whitespace().next().context("no number")?.parse::<u64>()? / 1024)
}

/// Conducts a rollout to its end with nobody at the keyboard; gives how it ended.
fn conduct(scenario: &scenario::Scenario, memory: &Memory) -> Result<State> {
    play::in_virtual_time(async {
        let clock = VirtualClock::new(scenario::epoch());
        let site = Arc::new(scenario::SimSite::new(scenario.seed, scenario.weather));
        let (machine, first) = Machine::plan(scenario.plan.clone(), scenario::epoch());
        let mut journal = Journal::new(memory.clone(), "memory");
        journal.append([&first])?;
        let parts = play::parts(scenario, &scenario.fleet(), &site, clock);
        let (lock_wait, lease) = (scenario.lock_wait, scenario.lease);
        let settings = Settings { lock_wait, lease, ..Settings::new(scenario::operator("amy")) };
        let (engine, _handle) = Engine::new(machine, journal, parts, settings);
        Ok(engine.run().await?.state)
    })
}

fn main() -> Result<()> {
    // A test runner that asks what is in here gets no answer, which is right: nothing is.
    if !std::env::args_os().any(|argument| argument == "--bench") {
        return Ok(());
    }
    println!("{:>8} {:>9} {:>10} {:>14} {:>12} {:>9}", "hosts", "records", "CPU", "CPU per host", "memory", "replay");
    for count in [1_000, 10_000] {
        let scenario = scenario::large(count);
        let before = memory("VmRSS:")?;
        let spent = cost::spent(std::process::id())?;
        let journal = Memory::new();
        let state = conduct(&scenario, &journal)?;
        let spent = cost::spent(std::process::id())?.saturating_sub(spent);
        let most = memory("VmHWM:")?;
        ensure!(state.outcome() == Some(Outcome::Completed), "it did not end as it should: {:?}", state.outcome());
        let bytes = journal.bytes();
        let begun = Instant::now();
        let mut replayed = State::new();
        for record in Records::new(Cursor::new(&bytes), "memory") {
            replayed.apply(&record?);
        }
        let took = begun.elapsed();
        ensure!(replayed == state, "the journal gives another state");
        println!(
            "{count:>8} {:>9} {:>8.2} s {:>11.0} µs {:>8} MiB {:>7.2} s",
            state.seq(),
            spent.as_secs_f64(),
            spent.as_secs_f64() * 1e6 / f64::from(u32::try_from(count)?),
            most.saturating_sub(before),
            took.as_secs_f64()
        );
    }
    Ok(())
}
