//! What a rollout over 10,000 simulated hosts costs the deploy server, and how long its journal takes to replay.
//!
//! ```text
//! cargo bench --bench scale
//! ```
//!
//! The whole engine runs in virtual time, so what is counted is processor time: the machine, the tasks, the journal's lines (kept in
//! memory), and the simulated hosts as well. One host in fifty has something wrong. A tenth of the hosts is played beside it, since
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

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use coalmine::rollout::{Record, State};

/// Reads a figure of this process from /proc/self/status (proc(5)), in MiB.
fn memory(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such figure")?;
    Ok(line.split_whitespace().next().context("no number")?.parse::<u64>()? / 1024)
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
        let played = play::play(&scenario, None);
        let spent = cost::spent(std::process::id())?.saturating_sub(spent);
        ensure!(played.broken.is_empty(), "it did not end as it should: {:?}", played.broken);
        let most = memory("VmHWM:")?;
        let lines: Vec<String> = played.records.iter().map(Record::to_line).collect::<Result<_, _>>()?;
        let begun = Instant::now();
        let mut state = State::new();
        for line in &lines {
            state.apply(&Record::from_line(line)?);
        }
        let replayed = begun.elapsed();
        ensure!(state == played.state, "the journal gives another state");
        println!(
            "{count:>8} {:>9} {:>8.2} s {:>11.0} µs {:>8} MiB {:>7.2} s",
            lines.len(),
            spent.as_secs_f64(),
            spent.as_secs_f64() * 1e6 / f64::from(u32::try_from(count)?),
            most.saturating_sub(before),
            replayed.as_secs_f64()
        );
    }
    Ok(())
}
