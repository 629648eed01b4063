//! What a build costs, against `python3 -m venv` and `pip install` of the same.
//!
//! Every way has what it keeps from build to build: pip its cache, coalmine its own. Processor time is that of all processes that a way
//! starts; where others use the machine, it says more than the clock.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::deployer::{Deployer, Place};
use crate::packages::{self, succeed};
use crate::page;
use crate::project::{Project, commit};

/// Products: a name, and what it requires.
const PRODUCTS: [(&str, &str); 3] = [
    ("small", ""),
    ("middle", "numpy==2.4.6\nansible-core==2.19.14\n"),
    ("large", "poetry==2.5.1\npdm==2.29.4\nnumpy==2.4.6\nansible-core==2.19.14\nsphinx==8.2.3\nsetuptools==84.2.1\n"),
];

#[derive(Debug, Clone, Copy)]
struct Cost {
    wall: f64,
    processor: f64,
}

/// Times them in turns, and writes medians.
pub(crate) fn run(folder: &Path, wanted: &dyn Fn(&str) -> bool, rounds: usize) -> Result<()> {
    let wheels = packages::wheels()?;
    let uv = packages::uv(&wheels, &folder.join("uv"))?;
    let mut text = format!(
        "{}; medians of {rounds} rounds in turns, after one that warms the caches\n\n| product | files | `venv` and `pip install`, s | CPU s | \
         coalmine with pip | CPU | coalmine with uv | CPU |\n|---|---|---|---|---|---|---|---|\n",
        page::machine()
    );
    for (name, requirements) in PRODUCTS.into_iter().filter(|(name, _)| wanted(name)) {
        let repository = folder.join(name);
        Project::named("hatch-vcs")?.make(&repository)?;
        fs::write(repository.join("requirements.txt"), requirements)?;
        commit(&repository, &[TIMED])?;
        let by_pip = Deployer { own_pip: true, ..Deployer::first(None) };
        let by_uv = Deployer { uv: Some(uv.clone()), ..by_pip.clone() };
        let (mut plain, mut pip, mut with_uv) = (Vec::new(), Vec::new(), Vec::new());
        let places = [by_pip.place(&repository, TIMED, BUILD)?, by_uv.place(&repository, TIMED, BUILD)?];
        let mut files = 0;
        for round in 0..=rounds {
            let cost = timed(|| plain_way(&repository, &folder.join("plain")))?;
            if round > 0 {
                plain.push(cost);
            }
            for ((deployer, place), costs) in [&by_pip, &by_uv].into_iter().zip(&places).zip([&mut pip, &mut with_uv]) {
                forget(place)?;
                let begun = clock()?;
                let built = deployer.build_at(place, TIMED)?;
                let cost = since(begun)?;
                files = succeed(Command::new("find").arg(&built.tree).args(["-type", "f"]))?.lines().count();
                if round > 0 {
                    costs.push(cost);
                } else {
                    eprintln!("{}", built.told);
                }
            }
            let last = [&plain, &pip, &with_uv].map(|costs| costs.last().copied());
            eprintln!("round {round} of {rounds} of {name}: {last:?}");
        }
        let plain = median(&plain)?;
        write!(text, "| {name} | {files} | {:.1} | {:.1} |", plain.wall, plain.processor)?;
        for costs in [pip, with_uv] {
            let own = median(&costs)?;
            let (wall, processor) = (own.wall / plain.wall, own.processor / plain.processor);
            write!(text, " {:.1} ({wall:.2}×) | {:.1} ({processor:.2}×) |", own.wall, own.processor)?;
        }
        writeln!(text)?;
    }
    page::write("times", &text)
}

/// Another tag than the small products have.
const TIMED: &str = "2.0.0";
const BUILD: &str = "check = \"bin/demo\"";

/// Forgets what was built, and keeps the caches.
fn forget(place: &Place) -> Result<()> {
    let releases = place.at("state/releases");
    if releases.exists() {
        succeed(Command::new("chmod").args(["-R", "u+w"]).arg(&releases))?;
        fs::remove_dir_all(releases)?;
    }
    Ok(())
}

fn plain_way(repository: &Path, venv: &Path) -> Result<()> {
    if venv.exists() {
        fs::remove_dir_all(venv)?;
    }
    let python = if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" };
    succeed(Command::new(python).args(["-m", "venv"]).arg(venv))?;
    let mut install = Command::new(venv.join("bin/pip"));
    install.args(["install", "--quiet", "-r", "requirements.txt", "."]).current_dir(repository);
    succeed(&mut install)?;
    ensure!(succeed(&mut Command::new(venv.join("bin/demo")))?.contains(TIMED), "the plain way made another version");
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Cost> {
    let begun = clock()?;
    work()?;
    since(begun)
}

/// Gives the time, and the processor time in seconds of all children that have ended (proc(5): cutime and cstime, in hundredths).
fn clock() -> Result<(Instant, f64)> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").context("no name in /proc/self/stat")?;
    let ticks: u32 = fields.split(' ').skip(13).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    Ok((Instant::now(), f64::from(ticks) / 100.0))
}

fn since((wall, processor): (Instant, f64)) -> Result<Cost> {
    let wall = wall.elapsed().as_secs_f64();
    Ok(Cost { wall, processor: clock()?.1 - processor })
}

fn median(costs: &[Cost]) -> Result<Cost> {
    let middle = |read: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = costs.iter().map(read).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().context("no round was run")
    };
    Ok(Cost { wall: middle(|cost| cost.wall)?, processor: middle(|cost| cost.processor)? })
}
