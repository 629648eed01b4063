//! Builds of small products by every backend, of real projects, and what a build costs; run by hand, since it takes long.
//!
//! ```text
//! cargo bench --profile dev --bench builds                       # all small products, each by four deployers
//! cargo bench --profile dev --bench builds -- real               # real projects from sdists, each by two deployers, one of them with uv
//! cargo bench --profile dev --bench builds -- real --only numpy
//! cargo bench --bench builds -- times                            # against `python3 -m venv` and `pip install`
//! ```
//!
//! What is built is the same however coalmine was compiled, so that only times need all optimizations.
//! As root the second deployer is another user (65534), else another home of the same one. What comes out is written into
//! `assets/builds.md`. It needs this machine's package indexes, a C and a C++ compiler, Python's headers, and Rust.

#[path = "../builds/deployer.rs"]
mod deployer;
#[path = "../builds/packages.rs"]
mod packages;
mod page;
#[path = "../builds/project.rs"]
mod project;
mod real;
mod small;
mod times;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;
use clap::{Parser, ValueEnum};

/// Builds what others build.
#[derive(Debug, Parser)]
struct Options {
    /// What is built.
    #[arg(value_enum, default_value_t = What::Small)]
    what: What,
    /// These alone, by name.
    #[arg(long)]
    only: Vec<String>,
    /// How often each way is timed.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Small,
    Real,
    Times,
}

fn main() -> Result<()> {
    // A test runner that asks what is in here gets no answer, which is right: nothing is.
    if !std::env::args_os().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let options = Options::parse();
    let folder = tempfile::Builder::new().prefix("coalmine-builds-").tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    // A whole run leaves nothing of those before it.
    match options.what {
        What::Small if options.only.is_empty() => page::write("small", "")?,
        What::Real if options.only.is_empty() => page::write("real", "")?,
        What::Small | What::Real | What::Times => {}
    }
    match options.what {
        What::Small => small::run(folder.path(), &wanted),
        What::Real => real::run(folder.path(), &wanted),
        What::Times => times::run(folder.path(), &wanted, options.rounds),
    }
}
