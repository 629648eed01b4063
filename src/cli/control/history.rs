use std::collections::{BTreeSet, HashSet};

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::attach::follow;
use crate::cli::args::{StreamFormat, TableFormat, rollout};
use crate::cli::interrupt::runtime;
use crate::cli::output::{notify, print, print_for_people, style};
use crate::cli::{Globals, completion};
use crate::deploy::{Debts, Error, Workspace, in_environment};
use crate::journal::Rollouts;
use crate::model::{Environment, HostId, RolloutId};
use crate::report::{
    JobReport, LeadTime, Look, Owing, RolloutReport, RolloutRow, RolloutsReport, Style, debt_now_text, markdown,
    show_text,
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

    /// Sums them up by months instead: how many, failures, rollbacks, and how long from a tag to the fleet.
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

    /// Goes on with what happens, for as long as it runs.
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
    for error in &listing.unreadable {
        notify(&format!("left out: {error}"));
    }
    let wanted = globals.environment.as_ref();
    let entries = listing.entries.iter().rev().filter(|entry| wanted.is_none_or(|wanted| entry.environment == *wanted));
    let mut rows: Vec<RolloutRow> = Vec::new();
    let last = args.last.or((!args.totals).then_some(LISTED));
    for entry in entries.take(last.map_or(usize::MAX, |last| usize::try_from(last).unwrap_or(usize::MAX))) {
        let records = rollouts.read(&entry.rollout).and_then(|records| records.collect::<Result<Vec<_>, _>>());
        match records {
            Ok(records) => {
                let (state, lead) = LeadTime::fold(&records);
                rows.extend(RolloutRow::new(&state, lead.tag_to_fleet_s, entry.live));
            }
            Err(error) => notify(&format!("left out: {error}")),
        }
    }
    // An environment without any rollout may be one that nobody has; where there is no configuration, nobody knows.
    if rows.is_empty()
        && wanted.is_some()
        && let Ok(workspace) = Workspace::open(&globals.invocation())
    {
        workspace.policy()?;
    }
    let environments: BTreeSet<Environment> = rows.iter().map(|row| row.environment.clone()).collect();
    let mut owing = Vec::new();
    for environment in environments {
        let debts = Debts::read(&rollouts, &environment, pass_over)?;
        owing.extend(debts.links().map(|(slot, debt)| Owing {
            environment: environment.clone(),
            slot: slot.cloned(),
            debt: debt.cloned().collect(),
        }));
    }
    let report = RolloutsReport::new(rows).owing(owing);
    match args.output {
        TableFormat::Text if args.totals => {
            print_for_people(&report.totals(&style(globals.color, globals.verbose > 0)).join("\n"))?
        }
        TableFormat::Text => print_for_people(&report.text(&style(globals.color, globals.verbose > 0)).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Error::before)?)?,
    }
    Ok(0)
}

/// A journal that cannot be read is told where it is listed.
fn pass_over(rollout: &RolloutId, why: String) {
    tracing::debug!("{rollout} says nothing of debt: {why}");
}

/// Names of the hosts that a rollout left in debt those that are so now; none while it is not over.
fn debt_now(rollouts: &Rollouts, state: &State) -> Result<Option<Vec<HostId>>, Error> {
    let Some(plan) = state.plan().filter(|_| state.outcome().is_some()) else { return Ok(None) };
    let debts = Debts::read(rollouts, &plan.environment, pass_over)?;
    let now: HashSet<&HostId> = debts.of(plan.slot.as_ref()).map(|debt| &debt.host).collect();
    let left = state.summary().debt.into_iter().map(|debt| debt.host);
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
        return runtime()?.block_on(follow(globals, &rollouts, &rollout, output));
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
    match args.output {
        ShowFormat::Text => {
            let style = style(globals.color, globals.verbose > 0);
            let mut lines = show_text(&records, &style);
            let (state, _) = LeadTime::fold(&records);
            let now = debt_now(&rollouts, &state)?;
            lines.extend(now.and_then(|now| debt_now_text(&state, &now, &style)));
            print_for_people(&lines.join("\n"))?;
        }
        ShowFormat::Json => {
            let live = rollouts.is_live(&rollout)?;
            let (state, lead) = LeadTime::fold(&records);
            let now = debt_now(&rollouts, &state)?;
            let report = RolloutReport::new(&state, lead, live, now);
            print(&serde_json::to_string(&report).map_err(Error::before)?)?;
        }
        ShowFormat::Markdown => {
            let style = Style { look: Look { color: false, unicode: true }, ..style(globals.color, false) };
            print(markdown(&records, &style).trim_end())?;
        }
        ShowFormat::Junit => {
            let report = JobReport::new(&records).ok_or_else(|| Error::before("its journal has no plan"))?;
            print(&serde_json::to_string(&report).map_err(Error::before)?)?;
        }
        ShowFormat::Jsonl => {
            let lines: Result<Vec<String>, _> = records.iter().map(crate::rollout::Record::to_line).collect();
            print(&lines.map_err(Error::before)?.join("\n"))?;
        }
    }
    match broken {
        Some(error) => Err(error.into()),
        None => Ok(0),
    }
}

fn latest(globals: &Globals, rollouts: &Rollouts) -> Result<RolloutId, Error> {
    let entries = rollouts.list()?.entries;
    let wanted = globals.environment.as_ref();
    let latest = entries.into_iter().rev().find(|entry| wanted.is_none_or(|wanted| entry.environment == *wanted));
    latest
        .map(|entry| entry.rollout)
        .ok_or_else(|| Error::before(format!("there is no rollout{} yet", in_environment(wanted))))
}
