//! What coalmine costs a fleet, beside what a deployer would use instead, in one run: `assets/costs.md` is written by it.
//!
//! ```text
//! apt-get install pssh strace zstd
//! cargo bench --bench fleet
//! cargo bench --bench fleet -- --hosts 200 --small --only status --only nothing --only activate --only rollback
//! cargo bench --bench fleet -- --kex curve25519-sha256
//! cargo bench --bench fleet -- --hosts 8 --rounds 3 --turns /tmp/turns --write /tmp/costs.md
//! cargo bench --bench fleet -- --before /usr/local/bin/coalmine --only upgrade --rounds 1 --uncounted
//! ```
//!
//! What every turn took is kept in a file beside the build, and the page is written from all that is there: it may be measured in parts, a few
//! rounds or works at a time, and each number of hosts and each way to agree on a key has tables of its own. Who measures anew removes the file.
//!
//! It brings a sandbox up (real sshd and real rsync on loopback, accounts that log in to plain `sh`) and does in turns what a deployer
//! does with coalmine, with bare ssh, with `parallel-rsync`, and with Ansible's `synchronize` where that is installed. It asserts
//! nothing about time. Processes and bytes are counted in rounds of their own: under strace everything is slow.
//!
//! Hosts and deploy server share this machine, so the wall time contains the work of all of them, and there is no distance between.

mod cost;
mod counts;
mod figures;
mod kept;
mod least;
mod product;
#[expect(dead_code, reason = "the bench of upgrades asks for the rest of it")]
mod ways;
mod work;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Parser;

use kept::{Found, Setting};
use ways::{Fleet, LISTEN, LISTENING, Setup, USUAL};
use work::Work;

/// Compares coalmine with what would be used instead.
#[derive(Debug, Parser)]
struct Options {
    /// How many hosts there are.
    #[arg(long, default_value_t = 20)]
    hosts: usize,
    /// A product of a few megabytes, for more hosts than have room for the large one.
    #[arg(long)]
    small: bool,
    /// How often each has its turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only what has one of these words in its name, and what it is measured by: upgrade, install, status.
    #[arg(long)]
    only: Vec<String>,
    /// Counts neither processes nor scripts, nor goes through the steps.
    #[arg(long)]
    uncounted: bool,
    /// When what travels is packed; `transfer.packs` has the words.
    #[arg(long)]
    packs: Option<String>,
    /// How connections agree on a key, for everybody; none is ssh's own choice.
    #[arg(long)]
    kex: Option<String>,
    /// An older coalmine, which does the same.
    #[arg(long)]
    before: Option<PathBuf>,
    /// Where what every turn took is kept.
    #[arg(long, default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/costs.turns"))]
    turns: PathBuf,
    /// Where the page is written.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/costs.md"))]
    write: PathBuf,
    /// Where the sandbox is made; in memory where that can be had, since the hosts would share one disk.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Chooses what is done: what was asked for, and what that is measured by.
fn works(options: &Options, fleet: &Fleet) -> Vec<Work> {
    let is_asked = |work: &Work| options.only.is_empty() || options.only.iter().any(|word| work.name().contains(word));
    let asked: Vec<Work> = Work::ALL.into_iter().filter(is_asked).collect();
    let is_measure = |work: &Work| {
        let measures =
            |other: &Work| other.beside().0 == *work || other.least() == Some(*work) || other.before() == Some(*work);
        *work == Work::BareSsh || asked.iter().any(measures)
    };
    Work::ALL.into_iter().filter(|work| (asked.contains(work) || is_measure(work)) && work.is_here(fleet)).collect()
}

/// Says what a round is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Warms the caches, and hears what coalmine sends.
    First,
    Timed,
    Counted,
}

fn measure(options: &Options, folder: &Path) -> Result<()> {
    let program = OsString::from(env!("CARGO_BIN_EXE_coalmine"));
    eprintln!("making a product of two versions");
    let shape = if options.small { &product::SMALL } else { &product::FULL };
    let product = product::make(&folder.join("repository"), shape)?;
    eprintln!("bringing {} hosts up, and installing the first version", options.hosts);
    let setup = Setup {
        hosts: options.hosts,
        kex: options.kex.clone(),
        packs: options.packs.clone(),
        before: options.before.clone(),
    };
    let fleet = Fleet::up(folder, program, &setup)?;
    least::make(&fleet)?;
    let mut works = works(options, &fleet);
    let product = format!("{product}; key exchange by {}", fleet.key_exchange()?);
    let setting = Setting { hosts: options.hosts, product };
    let keep = |found| kept::keep(&options.turns, &setting, found);
    let counted = usize::from(!options.uncounted);
    let rounds = std::iter::once(Round::First)
        .chain(std::iter::repeat_n(Round::Timed, options.rounds))
        .chain(std::iter::repeat_n(Round::Counted, counted));
    for (number, round) in rounds.enumerate() {
        let mut failed = Vec::new();
        for &work in &works {
            match turn(&fleet, work, round, options.uncounted) {
                Ok(found) => found.into_iter().try_for_each(keep)?,
                // An older one may know less, of connections that stay too.
                Err(error) if matches!(work, Work::Before(_) | Work::WarmNothing) => {
                    eprintln!("{}: {error:#}", work.name());
                    failed.push(work);
                }
                Err(error) => return Err(error),
            }
        }
        works.retain(|work| !failed.contains(work));
        fleet.let_go()?;
        eprintln!("round {number} of {} is over", options.rounds + counted);
    }
    if !options.uncounted && options.only.is_empty() {
        Work::Coalmine(work::Task::Upgrade).prepare(&fleet)?;
        counts::steps(&fleet)?.into_iter().map(Found::Step).try_for_each(keep)?;
    }
    fleet.down()
}

/// Does one work once, and gives what was found out by that.
fn turn(fleet: &Fleet, work: Work, round: Round, uncounted: bool) -> Result<Vec<Found>> {
    work.prepare(fleet).with_context(|| format!("before {}", work.name()))?;
    let listens = round == Round::First && work.is_heard() && !uncounted;
    let counting = round == Round::Counted && work.is_counted();
    if round == Round::Counted && !counting {
        return Ok(Vec::new());
    }
    let counting = counting.then(|| counts::Counting::of(fleet.supervisor, &fleet.dir)).transpose()?;
    counts::forget(fleet)?;
    let wire = counts::loopback()?;
    let command = work.command(fleet, if listens { LISTENING } else { USUAL });
    let cost = fleet.measure(&command).with_context(|| work.name())?;
    let wire = counts::loopback()?.saturating_sub(wire);
    let (scripts, carried) = counts::sent(fleet);
    let found = match (counting, round) {
        (Some(counting), _) => counting.finish()?.map(|count| Found::Processes(work, count)),
        (None, Round::Timed) => Some(Found::Turn(work, cost, wire)),
        (None, _) => listens.then_some(Found::Sent(work, scripts, carried)),
    };
    Ok(found.into_iter().collect())
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    if let (Some(word), Some(path), None) = (arguments.next(), arguments.next(), arguments.next())
        && word == LISTEN
    {
        return counts::listen(Path::new(&path));
    }
    if !cost::is_bench()? {
        return Ok(());
    }
    let options = Options::parse();
    let folder = cost::folder(options.dir.as_deref())?;
    measure(&options, folder.path())?;
    let text = figures::page(&kept::read(&options.turns).context("nothing was measured")?)?;
    print!("{text}");
    fs::write(&options.write, text).with_context(|| format!("cannot write {}", options.write.display()))
}
