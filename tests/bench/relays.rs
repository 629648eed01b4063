//! What a first install costs over one uplink, directly, by relays and with `parallel-rsync`, in one run: `assets/relays.md` is written by it.
//!
//! ```text
//! apt-get install pssh
//! cargo bench --bench relays
//! cargo bench --bench relays -- --hosts 4 --mib 20 --rounds 1 --write /tmp/relays.md
//! ```
//!
//! Root's own: it makes a network of namespaces, a bridge a site, with a real sshd on each host. Hosts and deploy server share this machine
//! and there is no delay; what is limited is the uplink.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on ends")]

#[path = "../network/network.rs"]
mod network;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;

use network::Network;

/// Compares ways to many hosts behind one uplink.
#[derive(Debug, Parser)]
struct Options {
    /// How many sites there are.
    #[arg(long, default_value_t = 2)]
    sites: usize,
    /// How many hosts each has.
    #[arg(long, default_value_t = 8)]
    hosts: usize,
    /// How large the release is.
    #[arg(long, default_value_t = 150)]
    mib: usize,
    /// What the uplink carries, as tc(8) has it.
    #[arg(long, default_value = "100mbit")]
    rate: String,
    /// How often each has its turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where the table is written.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/relays.md"))]
    write: PathBuf,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What one turn took.
#[derive(Debug, Clone, Copy)]
struct Took {
    wall: Duration,
    bytes: u64,
}

const WAYS: [&str; 3] = ["coalmine, directly", "coalmine, one relay a site", "parallel-rsync -a"];

fn main() -> Result<()> {
    let options = Options::parse();
    let network = Network::up(options.sites, options.hosts, &options.rate).context("there is no network")?;
    let bytes = options.mib << 20;
    network.tag("1.0", bytes);
    network.configure("");
    let program: OsString = env!("CARGO_BIN_EXE_coalmine").into();
    ensure!(network.coalmine(&program, &["build", "1.0"]).status()?.success(), "it was not built");
    let list: String = network.names().iter().flat_map(|name| [name.as_str(), "\n"]).collect();
    fs::write(network.path().join("list"), list)?;
    let mut rounds: Vec<Vec<Option<Took>>> = vec![Vec::new(); WAYS.len()];
    for _ in 0..options.rounds {
        for (way, took) in rounds.iter_mut().enumerate() {
            clear(&network)?;
            let (begun, before) = (Instant::now(), network.uplink());
            let done = turn(&network, &program, way)?;
            let now = Took { wall: begun.elapsed(), bytes: network.uplink() - before };
            eprintln!("{}: {now:?}", WAYS[way]);
            took.push(done.then_some(now));
        }
    }
    fs::write(&options.write, table(&options, &rounds)).context("the table was not written")
}

/// Takes from every host what it got.
fn clear(network: &Network) -> Result<()> {
    for name in network.names() {
        for folder in ["root", "plain"] {
            let folder = network.home(&name).join(folder);
            if folder.exists() {
                // Releases are read-only, and root's.
                fs::remove_dir_all(&folder)?;
            }
        }
    }
    Ok(())
}

/// Does it once; false where there is no such program.
fn turn(network: &Network, program: &OsString, way: usize) -> Result<bool> {
    let mut command = match way {
        2 => {
            let mut command = network.within("deploy", "parallel-rsync");
            command.arg("-h").arg(network.path().join("list")).args(["-p", "64", "-t", "0", "-a", "-S"]);
            command.arg(format!("-F{}", network.path().join("ssh_config").display()));
            let tree = format!("{}/", network.path().join("product/tree").display());
            command.args([tree.as_str(), "plain/"]);
            command
        }
        _ => {
            network.configure(if way == 1 { "carriers = [\"relay\", \"direct\"]" } else { "packs = \"auto\"" });
            network.coalmine(program, &["install-world", "1.0", "--yes", "--headless"])
        }
    };
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(true),
        false if said.contains("exec of") && said.contains("failed") => Ok(false),
        false => bail!("{}: {}{said}", WAYS[way], String::from_utf8_lossy(&output.stdout)),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "bytes are shown with two digits")]
fn table(options: &Options, rounds: &[Vec<Option<Took>>]) -> String {
    let Options { sites, hosts, mib, rate, rounds: times, .. } = options;
    let mut text = format!(
        "# One uplink\n\nA first install of {mib} MiB that do not compress on {} hosts in {sites} sites, the uplink limited to {rate}, medians of {times}. \
         `cargo bench --bench relays` writes this page; hosts and deploy server share one machine, and nothing is far away.\n\n\
         | way | wall, s | of directly | uplink, in packs |\n|---|---|---|---|\n",
        sites * hosts
    );
    let wall = |took: &[Option<Took>]| median(took.iter().flatten().map(|took| took.wall.as_secs_f64()).collect());
    let direct = rounds.first().map(|took| wall(took)).unwrap_or_default();
    for (way, took) in WAYS.iter().zip(rounds) {
        if took.iter().all(Option::is_none) {
            writeln!(text, "| {way} | not installed here | | |").unwrap();
            continue;
        }
        let seconds = wall(took);
        let packs = median(took.iter().flatten().map(|took| took.bytes as f64 / (*mib as f64 * 1_048_576.0)).collect());
        writeln!(text, "| {way} | {seconds:.1} | {:.2} | {packs:.2} |", seconds / direct).unwrap();
    }
    text
}
