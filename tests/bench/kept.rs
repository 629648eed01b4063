//! What every turn took, kept in a file: the page is made of all that is there, so that it may be measured in parts.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::cost::Cost;
use super::counts::Step;
use super::work::Work;

/// What was measured together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Setting {
    pub(crate) hosts: usize,
    /// The product, in words.
    pub(crate) product: String,
}

/// What was found out about one work, or about one step.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// One turn: its times, and the bytes of all hosts that went over the wire.
    Turn(Work, Cost, u64),
    /// How many processes all hosts started.
    Processes(Work, usize),
    /// How many bytes of scripts a host was sent, and how many of packs.
    Sent(Work, u64, u64),
    Step(Step),
}

/// Is one line of the file.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) setting: Setting,
    pub(crate) found: Found,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\t{}\t", self.setting.hosts, self.setting.product)?;
        match &self.found {
            Found::Turn(work, cost, wire) => {
                let [wall, client, hosts] = [cost.wall, cost.client, cost.hosts].map(|time| time.as_micros());
                write!(f, "turn\t{}\t{wall}\t{client}\t{hosts}\t{}\t{wire}", work.name(), cost.connections)
            }
            Found::Processes(work, count) => write!(f, "processes\t{}\t{count}", work.name()),
            Found::Sent(work, scripts, carried) => write!(f, "sent\t{}\t{scripts}\t{carried}", work.name()),
            Found::Step(Step { name, processes, scripts, carried, wire }) => {
                let processes = processes.map_or_else(|| "-".to_owned(), |count| count.to_string());
                write!(f, "step\t{name}\t{processes}\t{scripts}\t{carried}\t{wire}")
            }
        }
    }
}

impl Line {
    fn read(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split('\t').collect();
        let [hosts, product, kind, name, figures @ ..] = words.as_slice() else { return None };
        let setting = Setting { hosts: hosts.parse().ok()?, product: (*product).to_owned() };
        let work = || Work::ALL.into_iter().find(|work| work.name() == *name);
        let time = |text: &str| Some(Duration::from_micros(text.parse().ok()?));
        let found = match (*kind, figures) {
            ("turn", [wall, client, hosts, connections, wire]) => {
                let (wall, client, hosts) = (time(wall)?, time(client)?, time(hosts)?);
                let cost = Cost { wall, client, hosts, connections: connections.parse().ok()? };
                Found::Turn(work()?, cost, wire.parse().ok()?)
            }
            ("processes", [count]) => Found::Processes(work()?, count.parse().ok()?),
            ("sent", [scripts, carried]) => Found::Sent(work()?, scripts.parse().ok()?, carried.parse().ok()?),
            ("step", [processes, scripts, carried, wire]) => Found::Step(Step {
                name: (*name).to_owned(),
                processes: processes.parse().ok(),
                scripts: scripts.parse().ok()?,
                carried: carried.parse().ok()?,
                wire: wire.parse().ok()?,
            }),
            _ => return None,
        };
        Some(Self { setting, found })
    }
}

/// Adds what was found.
pub(crate) fn keep(file: &Path, setting: &Setting, found: Found) -> Result<()> {
    let line = Line { setting: setting.clone(), found };
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    Ok(writeln!(file, "{line}")?)
}

/// Reads all that is there.
pub(crate) fn read(file: &Path) -> Result<Vec<Line>> {
    Ok(fs::read_to_string(file)?.lines().filter_map(Line::read).collect())
}
