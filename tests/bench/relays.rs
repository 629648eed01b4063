//! What a first install costs over one uplink, directly, by relays, by torrent and with `parallel-rsync`, in one run: `assets/relays.md` is
//! written by it.
//!
//! ```text
//! apt-get install aria2 pssh
//! cargo bench --bench relays
//! cargo bench --bench relays -- --sites 4 --rounds 1 --only torrent
//! cargo bench --bench relays -- --hosts 4 --mib 20 --rounds 1 --write /tmp/relays.md --turns /tmp/turns
//! ```
//!
//! What every turn took is kept in a file beside the build, and the page is written from all that is there: it may be measured in parts, a few
//! rounds or one way at a time, and each number of hosts has a table of its own. Who measures anew removes the file.
//!
//! Root's own: it makes a network of namespaces, a bridge a site, with a real sshd on each host. Hosts and deploy server share this machine
//! and there is no delay; what is limited is the uplink.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on ends")]

#[path = "../network/network.rs"]
mod network;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Parser, ValueEnum};

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
    /// Which ways have their turn; all where none is named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Way>,
    /// Where what every turn took is kept.
    #[arg(long, default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/relays.turns"))]
    turns: PathBuf,
    /// Where the page is written.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/relays.md"))]
    write: PathBuf,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Is one way to bring a release to hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    Direct,
    Relays,
    Torrent,
    ParallelRsync,
}

impl Way {
    const ALL: [Self; 4] = [Self::Direct, Self::Relays, Self::Torrent, Self::ParallelRsync];

    const fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relays => "relays",
            Self::Torrent => "torrent",
            Self::ParallelRsync => "parallel-rsync",
        }
    }

    const fn told(self) -> &'static str {
        match self {
            Self::Direct => "coalmine, directly",
            Self::Relays => "coalmine, one relay a site",
            Self::Torrent => "coalmine, torrent",
            Self::ParallelRsync => "parallel-rsync -a",
        }
    }
}

/// What was measured together: sites, hosts of each, MiB, and the uplink.
type Setting = (usize, usize, usize, String);

/// What one turn took.
#[derive(Debug, Clone)]
struct Turn {
    setting: Setting,
    way: Way,
    seconds: f64,
    bytes: u64,
}

impl Turn {
    fn line(&self) -> String {
        let Self { setting: (sites, hosts, mib, rate), way, seconds, bytes } = self;
        format!("{sites} {hosts} {mib} {rate} {} {seconds:.3} {bytes}\n", way.word())
    }

    fn read(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [sites, hosts, mib, rate, way, seconds, bytes] = words.as_slice() else { return None };
        let setting = (sites.parse().ok()?, hosts.parse().ok()?, mib.parse().ok()?, (*rate).to_owned());
        let way = Way::ALL.into_iter().find(|known| known.word() == *way)?;
        Some(Self { setting, way, seconds: seconds.parse().ok()?, bytes: bytes.parse().ok()? })
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    let network = Network::up(options.sites, options.hosts, &options.rate).context("there is no network")?;
    network.tag("1.0", options.mib << 20);
    network.configure("");
    let program: OsString = env!("CARGO_BIN_EXE_coalmine").into();
    ensure!(network.coalmine(&program, &["build", "1.0"]).status()?.success(), "it was not built");
    let list: String = network.names().iter().flat_map(|name| [name.as_str(), "\n"]).collect();
    fs::write(network.path().join("list"), list)?;
    let setting = (options.sites, options.hosts, options.mib, options.rate.clone());
    let takes_part = |way: &Way| options.only.is_empty() || options.only.contains(way);
    for _ in 0..options.rounds {
        for way in Way::ALL.into_iter().filter(takes_part) {
            clear(&network)?;
            let (begun, before) = (Instant::now(), network.uplink());
            if !take(&network, &program, way)? {
                eprintln!("{}: not installed here", way.told());
                continue;
            }
            let (seconds, bytes) = (begun.elapsed().as_secs_f64(), network.uplink() - before);
            let turn = Turn { setting: setting.clone(), way, seconds, bytes };
            eprint!("{}", turn.line());
            fs::OpenOptions::new().create(true).append(true).open(&options.turns)?.write_all(turn.line().as_bytes())?;
        }
    }
    let kept = fs::read_to_string(&options.turns).context("nothing was measured")?;
    let turns: Vec<Turn> = kept.lines().filter_map(Turn::read).collect();
    fs::write(&options.write, page(&turns)).context("the page was not written")
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
fn take(network: &Network, program: &OsString, way: Way) -> Result<bool> {
    let carriers = match way {
        Way::Direct => Some("packs = \"auto\""),
        Way::Relays => Some("carriers = [\"relay\", \"direct\"]"),
        Way::Torrent => Some("carriers = [\"torrent\", \"direct\"]"),
        Way::ParallelRsync => None,
    };
    let mut command = match carriers {
        Some(transfer) => {
            network.configure(transfer);
            network.coalmine(program, &["install-world", "1.0", "--yes", "--headless"])
        }
        None => {
            let mut command = network.within("deploy", "parallel-rsync");
            command.arg("-h").arg(network.path().join("list")).args(["-p", "64", "-t", "0", "-a", "-S"]);
            command.arg(format!("-F{}", network.path().join("ssh_config").display()));
            let tree = format!("{}/", network.path().join("product/tree").display());
            command.args([tree.as_str(), "plain/"]);
            command
        }
    };
    let output = command.output()?;
    let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.success() {
        // What came some other way says nothing of this one.
        true if told.contains("and the next way is tried") => bail!("{}: {told}", way.told()),
        true => Ok(true),
        false if said.contains("exec of") && said.contains("failed") => Ok(false),
        false => bail!("{}: {told}{said}", way.told()),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Writes a table for each setting that was measured, the fewest hosts first.
fn page(turns: &[Turn]) -> String {
    let mut text = "# One uplink\n\nFirst installs of what does not compress, over an uplink that is limited: medians of the turns that each way had. \
                    `cargo bench --bench relays` writes this page; hosts and deploy server share one machine, and nothing is far away.\n"
        .to_owned();
    let mut settings: Vec<&Setting> = turns.iter().map(|turn| &turn.setting).collect();
    settings.sort_by_key(|(sites, hosts, mib, rate)| (sites * hosts, *sites, *mib, rate.clone()));
    settings.dedup();
    for setting in settings {
        table(&mut text, setting, turns);
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "bytes are shown with two digits")]
fn table(text: &mut String, setting: &Setting, turns: &[Turn]) {
    let (sites, hosts, mib, rate) = setting;
    let of = |way: Way| turns.iter().filter(move |turn| turn.setting == *setting && turn.way == way);
    let wall = |way: Way| median(of(way).map(|turn| turn.seconds).collect());
    write!(
        text,
        "\n## {} hosts in {sites} sites, {mib} MiB, {rate}\n\n| way | turns | wall, s | of directly | uplink, in packs |\n|---|---|---|---|---|\n",
        sites * hosts
    )
    .unwrap();
    for way in Way::ALL.into_iter().filter(|&way| of(way).next().is_some()) {
        let (seconds, direct) = (wall(way), wall(Way::Direct));
        let part = if direct > 0.0 { format!("{:.2}", seconds / direct) } else { "–".to_owned() };
        let packs = median(of(way).map(|turn| turn.bytes as f64 / (*mib as f64 * 1_048_576.0)).collect());
        writeln!(text, "| {} | {} | {seconds:.1} | {part} | {packs:.2} |", way.told(), of(way).count()).unwrap();
    }
}
