//! What coalmine costs a fleet, beside what a deployer would use instead, in one run: `assets/costs.md` is written by it.
//!
//! ```text
//! apt-get install pssh strace
//! cargo bench --bench fleet
//! cargo bench --bench fleet -- --hosts 8 --rounds 3 --write /tmp/costs.md
//! cargo bench --bench fleet -- --only upgrade --only 'first install' --write /tmp/costs.md
//! ```
//!
//! It brings a sandbox up (real sshd and real rsync on loopback, accounts that log in to plain `sh`) and does in turns what a deployer
//! does with coalmine, with bare ssh, with `parallel-rsync`, and with Ansible's `synchronize` where that is installed. It asserts
//! nothing about time. Processes and bytes are counted in a round of their own: under strace everything is slow.
//!
//! Hosts and deploy server share this machine, so the wall time contains the work of all of them, and there is no distance between.

#[expect(dead_code, reason = "the bench of upgrades asks for the rest of it")]
mod cost;
mod counts;
mod product;
#[expect(dead_code, reason = "the bench of upgrades asks for the rest of it")]
mod ways;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;

use cost::Cost;
use product::{NEW, OLD};
use ways::{Fleet, ROOT, Way, run};

/// Compares coalmine with what would be used instead.
#[derive(Debug, Parser)]
struct Options {
    /// How many hosts there are.
    #[arg(long, default_value_t = 20)]
    hosts: usize,
    /// How often each has its turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only what has one of these words in its name, and what it is measured by: upgrade, install, status.
    #[arg(long)]
    only: Vec<String>,
    /// When what travels is packed; `transfer.packs` has the words.
    #[arg(long)]
    packs: Option<String>,
    /// Where the table is written.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/costs.md"))]
    write: PathBuf,
    /// Where the sandbox is made; in memory where that can be had, since the hosts would share one disk.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Names what is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    BareSsh,
    Status,
    Nothing,
    Switch,
    RollBack,
    Upgrade,
    UpgradeByRsync,
    UpgradeByAnsible,
    Install,
    InstallByRsync,
}

impl Work {
    /// In the order in which each leaves the hosts as the next one takes them.
    const ALL: [Self; 10] = [
        Self::BareSsh,
        Self::Status,
        Self::Nothing,
        Self::Switch,
        Self::RollBack,
        Self::Upgrade,
        Self::UpgradeByRsync,
        Self::UpgradeByAnsible,
        Self::InstallByRsync,
        Self::Install,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::BareSsh => "`ssh HOST true`, a connection each",
            Self::Status => "`coalmine status`, nothing touched since it was proven",
            Self::Nothing => "`coalmine install-world`, nothing to do",
            Self::Switch => "`coalmine install-world --activate-only`, one gate",
            Self::RollBack => "`coalmine rollback`, one gate",
            Self::Upgrade => "`coalmine install-world`, upgrade, one gate",
            Self::UpgradeByRsync => "`parallel-rsync -a --delete`, upgrade in place",
            Self::UpgradeByAnsible => "Ansible's `synchronize`, upgrade in place",
            Self::Install => "`coalmine install-world`, first install, one gate",
            Self::InstallByRsync => "`parallel-rsync -a --delete`, first install",
        }
    }

    /// Says what it is measured by.
    const fn beside(self) -> Self {
        match self {
            Self::Upgrade | Self::UpgradeByAnsible => Self::UpgradeByRsync,
            Self::Install => Self::InstallByRsync,
            _ => Self::BareSsh,
        }
    }

    fn is_here(self) -> bool {
        let program = match self {
            Self::UpgradeByRsync | Self::InstallByRsync => "parallel-rsync",
            Self::UpgradeByAnsible => "ansible",
            _ => return true,
        };
        Command::new(program).arg("--version").output().is_ok()
    }

    /// Tells whether its processes are counted; of what copies file by file strace makes minutes.
    fn is_counted(self) -> bool {
        !matches!(self, Self::UpgradeByRsync | Self::UpgradeByAnsible | Self::InstallByRsync)
    }

    /// Puts the hosts where it begins.
    fn prepare(self, fleet: &Fleet) -> Result<()> {
        match self {
            Self::Switch => run(&fleet.coalmine(&["install-world", NEW, "--even-bad", "--prime", "--yes"])).map(drop),
            Self::Upgrade => {
                fleet.go_back(Way::Coalmine)?;
                // What was removed by hand shared its files: they are proven again, as a fleet is that has been upgraded by coalmine alone.
                run(&fleet.coalmine(&["status", OLD])).map(drop)
            }
            Self::UpgradeByRsync | Self::UpgradeByAnsible => fleet.go_back(Way::Plain),
            Self::InstallByRsync | Self::Install => {
                for home in &fleet.homes {
                    for folder in [ROOT, "first"] {
                        run(&["rm", "-rf"]
                            .map(OsString::from)
                            .into_iter()
                            .chain([home.join(folder).into()])
                            .collect::<Vec<_>>())?;
                    }
                }
                Ok(())
            }
            Self::BareSsh | Self::Status | Self::Nothing | Self::RollBack => Ok(()),
        }
    }

    fn command(self, fleet: &Fleet) -> Vec<OsString> {
        let config = fleet.dir.join("sandbox/ssh_config");
        let hosts = fleet.hosts.display();
        match self {
            Self::BareSsh => {
                let text = format!("xargs -P 32 -I @ ssh -n -F {} @ true <{hosts}", config.display());
                ["sh", "-c", &text].map(OsString::from).into()
            }
            Self::Status => fleet.coalmine(&["status", OLD]),
            Self::Nothing => fleet.coalmine(&["install-world", OLD, "--yes"]),
            // What the round before went back from counts as bad.
            Self::Switch => fleet.coalmine(&["install-world", NEW, "--even-bad", "--activate-only", "--yes"]),
            Self::RollBack => fleet.coalmine(&["rollback", "--yes"]),
            Self::Upgrade | Self::Install => fleet.coalmine(&["install-world", NEW, "--even-bad", "--yes"]),
            Self::UpgradeByRsync => {
                fleet.parallel_rsync(&["-a", "-X", "--delete"], &fleet.source(NEW, "fresh"), "plain")
            }
            Self::InstallByRsync => {
                fleet.parallel_rsync(&["-a", "-X", "--delete"], &fleet.source(NEW, "fresh"), "first")
            }
            Self::UpgradeByAnsible => {
                let arguments =
                    format!("src={}/ dest=plain delete=true use_ssh_args=true", fleet.source(NEW, "fresh").display());
                let ssh = format!("--ssh-common-args=-F {}", config.display());
                let list = hosts.to_string();
                ["ansible", "all", "-f", "32", "-i", &list, &ssh, "-m", "ansible.posix.synchronize", "-a", &arguments]
                    .map(OsString::from)
                    .into()
            }
        }
    }
}

fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// Holds what one kind of work took.
struct Row {
    work: Work,
    costs: Vec<Cost>,
    processes: Option<usize>,
    bytes: u64,
}

impl Row {
    fn time(&self, read: fn(&Cost) -> Duration) -> f64 {
        median(self.costs.iter().map(read)).unwrap_or_default().as_secs_f64()
    }
}

const WALL: fn(&Cost) -> Duration = |cost| cost.wall;
const CLIENT: fn(&Cost) -> Duration = |cost| cost.client;
const MACHINE: fn(&Cost) -> Duration = |cost| cost.client + cost.hosts;

fn table(rows: &[Row], hosts: usize) -> Result<String> {
    let mut text = String::from(
        "| work | wall | deploy server's CPU | whole machine's CPU | beside | wall | deploy server | machine | \
         processes per host | kB per host |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let bare = rows.iter().find(|row| row.work == Work::BareSsh).and_then(|row| row.processes);
    for row in rows {
        let beside = rows.iter().find(|other| other.work == row.work.beside() && other.work != row.work);
        let ratio =
            |read| beside.map_or_else(|| "–".to_owned(), |other| format!("{:.2}", row.time(read) / other.time(read)));
        let processes = match (row.processes, bare) {
            (Some(all), Some(bare)) if row.work != Work::BareSsh => (all.saturating_sub(bare) / hosts).to_string(),
            (Some(all), _) => format!("{} of sshd's", all / hosts),
            _ => "not counted".to_owned(),
        };
        writeln!(
            text,
            "| {} | {:.2} s | {:.2} s | {:.2} s | {} | {} | {} | {} | {processes} | {} |",
            row.work.name(),
            row.time(WALL),
            row.time(CLIENT),
            row.time(MACHINE),
            match beside {
                None => "–",
                Some(other) if other.work == Work::BareSsh => "bare ssh",
                Some(_) => "parallel-rsync",
            },
            ratio(WALL),
            ratio(CLIENT),
            ratio(MACHINE),
            row.bytes / 1000 / hosts as u64,
        )?;
    }
    Ok(text)
}

fn version(program: &str, flag: &str) -> String {
    let said = Command::new(program).arg(flag).output().ok();
    let said =
        said.map(|said| String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned()).unwrap_or_default();
    said.lines().next().unwrap_or("not installed").trim().to_owned()
}

fn measure(options: &Options, folder: &Path) -> Result<String> {
    let program = OsString::from(env!("CARGO_BIN_EXE_coalmine"));
    eprintln!("making a product of two versions");
    let product = product::make(&folder.join("repository"))?;
    eprintln!("bringing {} hosts up, and installing the first version", options.hosts);
    let fleet = Fleet::up(folder, program, options.hosts, None, options.packs.as_deref())?;
    let is_asked = |work: &Work| options.only.is_empty() || options.only.iter().any(|word| work.name().contains(word));
    let asked: Vec<Work> = Work::ALL.into_iter().filter(is_asked).collect();
    let is_measure = |work: &Work| *work == Work::BareSsh || asked.iter().any(|other| other.beside() == *work);
    let is_wanted = |work: &Work| work.is_here() && (asked.contains(work) || is_measure(work));
    let here: Vec<Work> = Work::ALL.into_iter().filter(is_wanted).collect();
    let mut rows: Vec<Row> =
        here.iter().map(|&work| Row { work, costs: Vec::new(), processes: None, bytes: 0 }).collect();
    // The first turn of each only warms the caches, and the last is counted.
    for round in 0..=options.rounds + 1 {
        for row in &mut rows {
            row.work.prepare(&fleet).with_context(|| format!("before {}", row.work.name()))?;
            let counting = round > options.rounds && row.work.is_counted();
            let counting = counting.then(|| counts::Counting::of(fleet.supervisor, folder)).transpose()?;
            let bytes = counts::loopback()?;
            let cost = fleet.measure(&row.work.command(&fleet)).with_context(|| row.work.name())?;
            row.bytes = counts::loopback()?.saturating_sub(bytes);
            if let Some(counting) = counting {
                row.processes = counting.finish()?;
            } else if round > 0 && round <= options.rounds {
                row.costs.push(cost);
            }
        }
        Work::Install.prepare(&fleet)?;
        run(&fleet.coalmine(&["install-world", OLD, "--yes"]))?;
        eprintln!("round {round} of {} is over", options.rounds + 1);
    }
    let steps = counts::steps(&fleet)?;
    let mut text = String::new();
    writeln!(text, "# What it costs\n")?;
    writeln!(
        text,
        "Written by `cargo bench --bench fleet` on {}; medians of {} rounds, {} hosts.\n",
        jiff::Zoned::now().date(),
        options.rounds,
        options.hosts
    )?;
    writeln!(
        text,
        "- {product}; {} processors, hosts on loopback, accounts that log in to plain `sh`",
        std::thread::available_parallelism()?
    )?;
    writeln!(
        text,
        "- coalmine {}{}; {}; {}",
        env!("CARGO_PKG_VERSION"),
        if cfg!(debug_assertions) { ", not optimized" } else { "" },
        version("ssh", "-V"),
        version("rsync", "--version")
    )?;
    writeln!(
        text,
        "- pssh {}; Ansible: {}\n",
        version("parallel-rsync", "--version"),
        version("ansible", "--version")
    )?;
    writeln!(
        text,
        "A ratio is of what the column `beside` names, in the same run. Processes are those beside sshd's own.\n"
    )?;
    write!(text, "{}", table(&rows, options.hosts)?)?;
    writeln!(text, "\n## By step, of one host\n\n{steps}")?;
    fleet.down()?;
    Ok(text)
}

fn main() -> Result<()> {
    if !cost::is_bench()? {
        return Ok(());
    }
    let options = Options::parse();
    let folder = cost::folder(options.dir.as_deref())?;
    let text = measure(&options, folder.path())?;
    print!("{text}");
    fs::write(&options.write, text).with_context(|| format!("cannot write {}", options.write.display()))
}
