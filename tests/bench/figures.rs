//! The page of what a rollout costs.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::cost::Cost;
use super::counts::Step;
use super::kept::{Found, Line, Setting};
use super::work::Work;

/// Holds what is known of one kind of work.
struct Row {
    work: Work,
    costs: Vec<Cost>,
    wire: Vec<u64>,
    processes: Option<usize>,
    sent: Option<(u64, u64)>,
}

type Time = fn(&Cost) -> Duration;
const WALL: Time = |cost| cost.wall;
const SERVER: Time = |cost| cost.client;
const MACHINE: Time = |cost| cost.client + cost.hosts;

impl Row {
    fn of(work: Work, lines: &[&Found]) -> Option<Self> {
        let mut row = Self { work, costs: Vec::new(), wire: Vec::new(), processes: None, sent: None };
        for line in lines {
            match line {
                Found::Turn(of, cost, wire) if *of == work => {
                    row.costs.push(*cost);
                    row.wire.push(*wire);
                }
                // What was counted last counts.
                Found::Processes(of, count) if *of == work => row.processes = Some(*count),
                Found::Sent(of, scripts, carried) if *of == work => row.sent = Some((*scripts, *carried)),
                _ => {}
            }
        }
        (!row.costs.is_empty()).then_some(row)
    }

    fn time(&self, read: Time) -> f64 {
        median(self.costs.iter().map(read)).unwrap_or_default().as_secs_f64()
    }
}

fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// Says what the columns mean.
const ABOUT: &str = "\
Medians of the turns that each had, one after the other; hosts and deploy server share this machine, whose processors the wall time is of, and
nothing is far away. *Deploy server* is the processor time of what is compared and of all that it starts; *machine* is that and the hosts'.

- A ratio is of what the column `beside` names: bare ssh, a cold connection for each host, with 32 of them at once; the same that runs the
  gate's command; or `parallel-rsync` of the same files.
- Everybody's connections agree on a key in the same way, which each table names. What ssh takes where nobody says it (9.2 has `sntrup761x25519-sha512`) costs the
  deploy server a multiple of `curve25519-sha256` (`ssh.kex`), and beside so dear a connection all else looks cheap: `--kex` measures by another, in tables of its own.
  The cipher is everybody's own choice: coalmine prefers AES-GCM where the processor has instructions for it, ssh by itself ChaCha20.
- *Beyond ssh* is the deploy server's processor time beyond what bare ssh takes, as a part of what that beside takes beyond it.
- *Processes* are those of a host beside sshd's own, counted by strace in a turn of its own.
- *Scripts* is what a shell on the host read from the deploy server, and *carried* the pack that came, in a turn in which the hosts listened;
  *wire* is all that loopback carried in both directions: the two, what rsync carries, what hosts answer, and ssh's own, which is some 7 kB a connection.
- A *warm* work has connections that another holds: a rollout in its soak, or a command before by `ssh.persist`; what these do for it is the
  deploy server's.
- The *least possible* is one command of plain `sh` over cold ssh that does what nobody can leave out, with packs that were made before: to tell
  whether a host is as it should be it looks at every file's metadata; for a switch it does that, moves the link and runs the gate; for an upgrade it links the old release, unpacks what differs and
  hashes it before; for a first install it unpacks and hashes everything. It locks, journals, proves for later, repairs, and syncs nothing.
";

/// Writes the page of all that was measured.
pub(crate) fn page(lines: &[Line]) -> Result<String> {
    let mut text = String::from("# What it costs\n\n");
    writeln!(text, "Written by `cargo bench --bench fleet` on {}.\n", jiff::Zoned::now().date())?;
    let build = if cfg!(debug_assertions) { ", not optimized" } else { "" };
    writeln!(
        text,
        "- coalmine {}{build}; {}; {}; {} processors",
        env!("CARGO_PKG_VERSION"),
        version("ssh", "-V"),
        version("rsync", "--version"),
        std::thread::available_parallelism()?
    )?;
    writeln!(
        text,
        "- pssh {}; Ansible: {}\n\n{ABOUT}",
        version("parallel-rsync", "--version"),
        version("ansible", "--version")
    )?;
    let mut settings: Vec<&Setting> = lines.iter().map(|line| &line.setting).collect();
    settings.sort();
    settings.dedup();
    for setting in settings {
        let found: Vec<&Found> = lines.iter().filter(|line| line.setting == *setting).map(|line| &line.found).collect();
        part(&mut text, setting, &found)?;
    }
    Ok(text)
}

fn version(program: &str, flag: &str) -> String {
    let said = Command::new(program).arg(flag).output().ok();
    let said =
        said.map(|said| String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned()).unwrap_or_default();
    said.lines().next().unwrap_or("not installed").trim().to_owned()
}

fn part(text: &mut String, setting: &Setting, found: &[&Found]) -> Result<()> {
    let rows: Vec<Row> = Work::ALL.into_iter().filter_map(|work| Row::of(work, found)).collect();
    let turns = rows.iter().map(|row| row.costs.len()).min().unwrap_or_default();
    let Setting { hosts, product } = setting;
    writeln!(text, "## {hosts} hosts\n\n{product}; {turns} turns or more.\n")?;
    table(text, &rows, *hosts)?;
    parts_of(text, &rows, "Of the least possible", Work::least)?;
    parts_of(text, &rows, "Of the build before", Work::before)?;
    let mut steps: Vec<&Step> = Vec::new();
    for step in found.iter().filter_map(|found| if let Found::Step(step) = found { Some(step) } else { None }) {
        match steps.iter_mut().find(|known| known.name == step.name) {
            Some(known) => *known = step,
            None => steps.push(step),
        }
    }
    if !steps.is_empty() {
        writeln!(
            text,
            "### By step, of one host\n\nOne connection, and sshd's processes are counted with the others.\n"
        )?;
        writeln!(text, "| step | processes | scripts, bytes | carried, bytes | wire, bytes |\n|---|---|---|---|---|")?;
        for Step { name, processes, scripts, carried, wire } in steps {
            let processes = processes.map_or_else(|| "not counted".to_owned(), |count| count.to_string());
            writeln!(text, "| {name} | {processes} | {scripts} | {carried} | {wire} |")?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn table(text: &mut String, rows: &[Row], hosts: usize) -> Result<()> {
    writeln!(
        text,
        "| work | wall | deploy server | machine | beside | wall | deploy server | beyond ssh | machine | processes | scripts, kB | carried, kB | wire, kB |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|"
    )?;
    let bare = rows.iter().find(|row| row.work == Work::BareSsh);
    for row in rows {
        let (work, named) = row.work.beside();
        let beside = rows.iter().find(|other| other.work == work && work != row.work);
        let ratio = |read: Time| of(row.time(read), beside.map(|other| other.time(read)));
        let beyond = bare.filter(|_| named == "parallel-rsync").map_or_else(none, |bare| {
            let beyond = |row: &Row| row.time(SERVER) - bare.time(SERVER);
            of(beyond(row), beside.map(beyond))
        });
        let processes = match (row.processes, bare.and_then(|bare| bare.processes)) {
            (Some(all), Some(bare)) if row.work != Work::BareSsh => (all.saturating_sub(bare) / hosts).to_string(),
            (Some(all), _) => format!("{} of sshd's", all / hosts),
            _ => none(),
        };
        let kilo = |bytes: u64| format!("{}.{}", bytes / 1000, bytes / 100 % 10);
        let (scripts, carried) = row.sent.map_or_else(|| (none(), none()), |(a, b)| (kilo(a), kilo(b)));
        writeln!(
            text,
            "| {} | {:.2} s | {:.2} s | {:.2} s | {} | {} | {} | {beyond} | {} | {processes} | {scripts} | {carried} | {} |",
            row.work.name(),
            row.time(WALL),
            row.time(SERVER),
            row.time(MACHINE),
            beside.map_or("–", |_| named),
            ratio(WALL),
            ratio(SERVER),
            ratio(MACHINE),
            kilo(median(row.wire.iter().copied()).unwrap_or_default() / hosts as u64),
        )?;
    }
    Ok(writeln!(text)?)
}

fn parts_of(text: &mut String, rows: &[Row], title: &str, other: fn(Work) -> Option<Work>) -> Result<()> {
    let mut is_begun = false;
    for row in rows {
        let other = other(row.work).and_then(|work| rows.iter().find(|row| row.work == work));
        let Some(other) = other else { continue };
        if !is_begun {
            writeln!(text, "### {title}\n\n| work | wall | deploy server | machine |\n|---|---|---|---|")?;
            is_begun = true;
        }
        let ratio = |read: Time| of(row.time(read), Some(other.time(read)));
        writeln!(text, "| {} | {} | {} | {} |", row.work.name(), ratio(WALL), ratio(SERVER), ratio(MACHINE))?;
    }
    if is_begun {
        writeln!(text)?;
    }
    Ok(())
}

fn none() -> String {
    "–".to_owned()
}

fn of(own: f64, other: Option<f64>) -> String {
    other.filter(|other| *other > 0.0).map_or_else(none, |other| format!("{:.2}", own / other))
}
