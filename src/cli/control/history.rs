use std::collections::{BTreeMap, BTreeSet, HashSet};

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::attach::follow;
use crate::cli::args::{StreamFormat, TableFormat, rollout};
use crate::cli::interrupt::runtime;
use crate::cli::output::{notify, print, print_for_people, style};
use crate::cli::{Globals, completion};
use crate::conductor::{Ending, overtaker};
use crate::deploy::{DebtSum, Debts, Error, Workspace, ended, in_environment, indebting};
use crate::journal::{Entry, Rollouts};
use crate::model::{Environment, HostId, RolloutId};
use crate::release::Records;
use crate::report::{
    JobReport, LeadTime, Look, Owing, RolloutReport, RolloutRow, RolloutsReport, Style, Timings, debt_now_text,
    markdown, show_text,
};
use crate::rollout::State;

/// How many rollouts are listed where nobody says it.
const LISTED: u32 = 20;

/// What `rollouts` takes.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct RolloutsArgs {
    /// How many, the latest ones; 20 without it, and all of them for totals.
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub last: Option<u32>,

    /// Sums them up by months instead: how many, how they ended, and how long from a tag to the fleet.
    #[arg(long)]
    pub totals: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

/// What `show` takes.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ShowArgs {
    /// Which rollout; the last one without it.
    #[arg(value_name = "ID", value_parser = rollout, add = ArgValueCompleter::new(completion::rollouts))]
    pub rollout: Option<RolloutId>,

    /// Goes on with what happens, for as long as it runs, and exits as the rollout does.
    #[arg(short, long)]
    pub follow: bool,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ShowFormat::Text)]
    pub output: ShowFormat,
}

/// Says what `show` prints.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ShowFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line, as the journal has them.
    Jsonl,
    /// One JSON object.
    Json,
    /// Markdown, as a job's summary shows it.
    Markdown,
    /// One JSON object in the shape of JUnit's: a suite for each stage, a case for each host.
    Junit,
}

/// Lists the latest rollouts.
pub(in crate::cli) fn rollouts(globals: &Globals, args: &RolloutsArgs) -> Result<u8, Error> {
    let rollouts = globals.rollouts()?;
    let listing = rollouts.list()?;
    for (_, error) in &listing.unreadable {
        notify(&format!("left out: {error}"));
    }
    let wanted = globals.environment.as_ref();
    let last = args.last.or((!args.totals).then_some(LISTED));
    let last = last.map_or(usize::MAX, |last| usize::try_from(last).unwrap_or(usize::MAX));
    let entries = listing.entries.iter().rev().filter(|entry| wanted.is_none_or(|wanted| entry.environment == *wanted));
    let listed: HashSet<&RolloutId> = entries.take(last).map(|entry| &entry.rollout).collect();
    let is_listed = |entry: &&Entry| listed.contains(&entry.rollout);
    let known: BTreeSet<Environment> =
        listing.entries.iter().filter(is_listed).map(|entry| entry.environment.clone()).collect();
    let records = records(globals, known)?;
    let mut owed: BTreeMap<&Environment, DebtSum<'_>> =
        records.iter().map(|(environment, records)| (environment, DebtSum::new(records))).collect();
    let indebting = indebting(&listing.entries);
    let mut rows: Vec<RolloutRow> = Vec::new();
    for entry in &listing.entries {
        let debt = owed.get_mut(&entry.environment).filter(|_| indebting.contains(&entry.rollout));
        if debt.is_none() && !is_listed(&entry) {
            continue;
        }
        let read = rollouts.read(&entry.rollout).and_then(|records| records.collect::<Result<Vec<_>, _>>());
        match read {
            Ok(records) => {
                let (state, lead) = LeadTime::fold(&records);
                if let Some(debt) = debt {
                    debt.take(&state, entry.latest);
                }
                if is_listed(&entry) {
                    let overtaken = overtaken(&rollouts, &listing.entries, entry);
                    rows.extend(RolloutRow::new(&state, lead.tag_to_fleet_s, entry.live, overtaken));
                }
            }
            Err(error) if is_listed(&entry) => notify(&format!("left out: {error}")),
            Err(error) => pass_over(&entry.rollout, error.to_string()),
        }
    }
    rows.reverse();
    let mut owing = Vec::new();
    for (environment, sum) in owed {
        owing.extend(sum.debts().links().map(|(slot, debt)| Owing {
            environment: environment.clone(),
            slot: slot.cloned(),
            debt: debt.cloned().collect(),
        }));
    }
    let report = RolloutsReport::new(rows).owing(owing);
    match args.output {
        TableFormat::Text if args.totals => {
            print_for_people(&report.totals(&style(globals.color, globals.verbose > 0)).join("\n"))?;
        }
        TableFormat::Text => print_for_people(&report.text(&style(globals.color, globals.verbose > 0)).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Error::before)?)?,
    }
    Ok(0)
}

/// Finds which later rollout overtook one that is not over. Where a later journal cannot be read, that is told of by whoever lists it.
fn overtaken(rollouts: &Rollouts, entries: &[Entry], entry: &Entry) -> Option<RolloutId> {
    let by = entry.is_resumable().then(|| overtaker(rollouts, entries, entry).ok().flatten()).flatten()?;
    Some(by.rollout.clone())
}

/// Reads what deploy servers that share a branch wrote down of environments: those that are listed, and the one that is asked for, which
/// another of them may have deployed to alone. An environment that nobody has is refused, where there is a configuration to say so.
fn records(globals: &Globals, listed: BTreeSet<Environment>) -> Result<BTreeMap<Environment, Records>, Error> {
    let wanted = globals.environment.as_ref();
    let mut records: BTreeMap<Environment, Records> =
        listed.into_iter().map(|environment| (environment, Records::new())).collect();
    let Ok(workspace) = Workspace::open(&globals.invocation()) else { return Ok(records) };
    if records.is_empty() && wanted.is_some() {
        workspace.policy()?;
    }
    let configured = workspace.config().environments.keys();
    let asked: Vec<&Environment> = configured.filter(|name| wanted.is_none_or(|wanted| wanted == *name)).collect();
    let (found, told) = runtime()?.block_on(workspace.glance(&asked));
    told.iter().for_each(|text| notify(text));
    records.extend(found);
    Ok(records)
}

/// A journal that cannot be read is told where it is listed.
fn pass_over(rollout: &RolloutId, why: String) {
    tracing::debug!("{rollout} says nothing of debt: {why}");
}

/// Names of the hosts that a rollout left in debt those that are so now; none while it is not over.
fn debt_now(globals: &Globals, rollouts: &Rollouts, state: &State) -> Result<Option<Vec<HostId>>, Error> {
    let Some(plan) = state.plan().filter(|_| state.outcome().is_some()) else { return Ok(None) };
    let left = state.summary().debt;
    if left.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let records = records(globals, [plan.environment.clone()].into())?.remove(&plan.environment).unwrap_or_default();
    let debts = Debts::read(rollouts, &ended(rollouts, &plan.environment)?, &records, pass_over);
    let now: HashSet<&HostId> = debts.of(plan.slot.as_ref()).map(|debt| &debt.host).collect();
    let left = left.into_iter().map(|debt| debt.host);
    Ok(Some(left.filter(|host| now.contains(host)).collect()))
}

/// Tells one rollout from its journal.
pub(in crate::cli) fn show(globals: &Globals, args: &ShowArgs) -> Result<u8, Error> {
    let rollouts = globals.rollouts()?;
    let rollout = match &args.rollout {
        Some(rollout) => rollout.clone(),
        None => latest(globals, &rollouts)?,
    };
    if args.follow && rollouts.is_live(&rollout)? {
        let output = match args.output {
            ShowFormat::Text => StreamFormat::Text,
            ShowFormat::Jsonl => StreamFormat::Jsonl,
            ShowFormat::Json | ShowFormat::Markdown | ShowFormat::Junit => {
                let why = "--follow tells what happens as it does, and a report is told at the end";
                return Err(Error::usage(why).hint("--output jsonl follows, one object a line"));
            }
        };
        let followed = runtime()?.block_on(follow(globals, &rollouts, &rollout, output));
        // It may have ended just before anybody listened.
        if followed.is_ok() || rollouts.is_live(&rollout)? {
            return followed;
        }
    }
    let mut records = Vec::new();
    let mut broken = None;
    for record in rollouts.read(&rollout)? {
        match record {
            Ok(record) => records.push(record),
            // Whatever came before is worth showing.
            Err(error) => broken = Some(error),
        }
    }
    if records.is_empty() {
        let why = format!("rollout {rollout} never began: {} has no record", rollouts.journal(&rollout).display());
        return Err(broken.map_or_else(|| Error::before(why), Error::from));
    }
    let listing = rollouts.list()?;
    let entry = listing.entries.iter().find(|entry| entry.rollout == rollout);
    let overtaken = entry.and_then(|entry| overtaken(&rollouts, &listing.entries, entry));
    let state = match args.output {
        ShowFormat::Text => {
            let style = style(globals.color, globals.verbose > 0);
            let (state, mut lines) = show_text(&records, overtaken.as_ref(), &style);
            let now = debt_now(globals, &rollouts, &state)?;
            lines.extend(now.and_then(|now| debt_now_text(&state, &now, &style)));
            print_for_people(&lines.join("\n"))?;
            Some(state)
        }
        ShowFormat::Json => {
            let live = rollouts.is_live(&rollout)?;
            let (state, lead) = LeadTime::fold(&records);
            let now = debt_now(globals, &rollouts, &state)?;
            let report = RolloutReport::new(&state, lead, live, overtaken, now);
            print(&serde_json::to_string(&report).map_err(Error::before)?)?;
            Some(state)
        }
        ShowFormat::Markdown => {
            let style = Style { look: Look { color: false, unicode: true }, ..style(globals.color, false) };
            let (state, text) = markdown(&records, &style);
            print(text.trim_end())?;
            Some(state)
        }
        ShowFormat::Junit => {
            let (state, timings) = Timings::fold(&records);
            let report = JobReport::new(&state, &timings).ok_or_else(|| Error::before("its journal has no plan"))?;
            print(&serde_json::to_string(&report).map_err(Error::before)?)?;
            Some(state)
        }
        ShowFormat::Jsonl => {
            let lines: Result<Vec<String>, _> = records.iter().map(crate::rollout::Record::to_line).collect();
            print(&lines.map_err(Error::before)?.join("\n"))?;
            None
        }
    };
    match broken {
        Some(error) => Err(error.into()),
        // Whoever follows asks how it ends, also where it has.
        None if args.follow => Ok(Ending::of(state.unwrap_or_else(|| State::replay(&records))).exit_code),
        None => Ok(0),
    }
}

fn latest(globals: &Globals, rollouts: &Rollouts) -> Result<RolloutId, Error> {
    let entries = rollouts.list()?.entries;
    let wanted = globals.environment.as_ref();
    let latest = entries.into_iter().rev().find(|entry| wanted.is_none_or(|wanted| entry.environment == *wanted));
    latest
        .map(|entry| entry.rollout)
        .ok_or_else(|| globals.or_unknown(Error::before(format!("there is no rollout{} yet", in_environment(wanted)))))
}
