//! What an upgrade of a fleet costs, against `parallel-rsync` of the same two builds to the same hosts.
//!
//! ```text
//! apt-get install pssh
//! cargo bench --bench upgrade
//! cargo bench --bench upgrade -- --hosts 12 --rounds 7 --kex curve25519-sha256
//! ```
//!
//! It brings a sandbox up (real sshd and real rsync on loopback), makes a product of more than 5,000 files in the shape of a Python
//! environment, builds two versions of it that differ in about a hundred files, and takes every host from the first to the second,
//! in turns: once by `coalmine install-world`, once by each way of `parallel-rsync`. It prints medians, and asserts nothing about
//! time; that every host has the new files, byte for byte, is checked after each turn.
//!
//! What is compared is not the same work. `coalmine` locks each host, hashes every file of the new release there, writes it to
//! the disk, switches by one rename, runs a gate, and keeps the old release to go back to. `parallel-rsync` changes files under the
//! feet of whoever runs them and proves nothing, except where it fills a fresh folder, which is the one way that could be switched
//! atomically. How it fares depends on the times of the files:
//!
//! - *as built*: every build gives its files the time of the build, as pip does; so equal size and time never let rsync skip one.
//! - *times kept*: files that did not change have the same time in both builds. That is the best that can happen to rsync, and
//!   it takes care: where times are pinned to make it so, it skips files that changed and kept their size.
//!
//! Client is the processor time of the deploy server: coalmine or parallel-rsync and all that they start, ssh included. Hosts is that
//! of all hosts together; they share this machine, so the wall time contains it, and there is no distance between them and it.

mod cost;
#[expect(dead_code, reason = "the bench of fleets asks for the rest of it")]
mod product;
mod table;
#[expect(dead_code, reason = "the bench of fleets asks for the rest of it")]
mod ways;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use cost::Cost;
use ways::{Fleet, Setup, Way};

/// Compares coalmine with parallel-rsync.
#[derive(Debug, Parser)]
struct Options {
    /// How many hosts are upgraded.
    #[arg(long, default_value_t = 10)]
    hosts: usize,
    /// How often each way has its turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Key exchange algorithms for both; ssh's own choice when left out.
    #[arg(long)]
    kex: Option<String>,
    /// Where the sandbox is made; in memory where that can be had, since the hosts would share one disk.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    if !cost::is_bench()? {
        return Ok(());
    }
    let options = Options::parse();
    let folder = cost::folder(options.dir.as_deref())?;
    let program = OsString::from(env!("CARGO_BIN_EXE_coalmine"));

    eprintln!("making a product of two versions");
    let product = product::make(&folder.path().join("repository"), &product::FULL)?;
    eprintln!("bringing {} hosts up, and installing the first version", options.hosts);
    let fleet = Fleet::up(
        folder.path(),
        program,
        &Setup { hosts: options.hosts, kex: options.kex.clone(), ..Setup::default() },
    )?;

    let mut costs: Vec<(Way, Vec<Cost>)> = Way::ALL.map(|way| (way, Vec::new())).into();
    // The first turn of each only warms the caches.
    for round in 0..=options.rounds {
        for (way, taken) in &mut costs {
            fleet.go_back(*way).with_context(|| format!("cannot undo {way}"))?;
            let cost = fleet.upgrade(*way).with_context(|| way.to_string())?;
            fleet.prove(*way).with_context(|| format!("after {way}"))?;
            if round > 0 {
                taken.push(cost);
            }
        }
        eprintln!("round {round} of {} is over", options.rounds);
    }
    let kex = options.kex.as_deref().unwrap_or("ssh's own choice");
    println!("{} hosts; {product}; key exchange: {kex}; medians of {} rounds\n", options.hosts, options.rounds);
    let Some(table) = table::table(&costs) else { bail!("no round was run") };
    print!("{table}");
    fleet.down()
}
