use super::args::{RolloutsArgs, ShowArgs};
use super::attach::follow;
use super::choose::history;
use crate::cli::Cli;
use crate::cli::args::{ShowFormat, StreamFormat, TableFormat};
use crate::cli::main::runtime;
use crate::cli::output::{print, style, tell};
use crate::conductor::replay;
use crate::deploy::{Error, in_environment};
use crate::journal::Rollouts;
use crate::model::RolloutId;
use crate::report::{RolloutReport, RolloutRow, RolloutsReport, show_text};
use crate::rollout::State;

/// Lists the latest rollouts.
pub(in crate::cli) fn rollouts(cli: &Cli, args: &RolloutsArgs) -> Result<u8, Error> {
    let rollouts = history(cli)?;
    let listing = rollouts.list()?;
    for error in &listing.unreadable {
        tell(&format!("left out: {error}"));
    }
    let wanted = cli.environment.as_ref();
    let entries = listing.entries.iter().rev().filter(|entry| wanted.is_none_or(|wanted| entry.environment == *wanted));
    let mut rows = Vec::new();
    for entry in entries.take(usize::try_from(args.last).unwrap_or(usize::MAX)) {
        match replay(&rollouts, &entry.rollout) {
            Ok(state) => rows.extend(RolloutRow::new(&state, entry.live)),
            Err(error) => tell(&format!("left out: {error}")),
        }
    }
    let report = RolloutsReport::new(rows);
    match args.output {
        TableFormat::Text => print(&report.text(&style(cli.color, cli.verbose > 0)).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Error::before)?)?,
    }
    Ok(0)
}

/// Tells one rollout from its journal.
pub(in crate::cli) fn show(cli: &Cli, args: &ShowArgs) -> Result<u8, Error> {
    let rollouts = history(cli)?;
    let rollout = match &args.rollout {
        Some(rollout) => rollout.clone(),
        None => latest(cli, &rollouts)?,
    };
    if args.follow && rollouts.is_live(&rollout)? {
        let output = match args.output {
            ShowFormat::Text => StreamFormat::Text,
            ShowFormat::Jsonl => StreamFormat::Jsonl,
            ShowFormat::Json => {
                let why = "--follow tells what happens as it does, and one object of JSON is told at the end";
                return Err(Error::usage(why).hint("--output jsonl follows, one object a line"));
            }
        };
        return runtime()?.block_on(follow(cli, &rollouts, &rollout, output));
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
        ShowFormat::Text => print(&show_text(&records, &style(cli.color, cli.verbose > 0)).join("\n"))?,
        ShowFormat::Json => {
            let state = State::replay(&records);
            let live = rollouts.is_live(&rollout)?;
            let report = RolloutReport::new(&state, live);
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

fn latest(cli: &Cli, rollouts: &Rollouts) -> Result<RolloutId, Error> {
    let entries = rollouts.list()?.entries;
    let wanted = cli.environment.as_ref();
    let latest = entries.into_iter().rev().find(|entry| wanted.is_none_or(|wanted| entry.environment == *wanted));
    latest
        .map(|entry| entry.rollout)
        .ok_or_else(|| Error::before(format!("there is no rollout{} yet", in_environment(wanted))))
}
