//! Asks among the newest versions, where somebody sits at a terminal.

use std::collections::HashMap;

use super::ask::ask_in_thread;
use super::output::{count, is_interactive};
use crate::deploy::{Deployment, Error, Fleet, Kind, Known, Workspace};
use crate::model::Version;
use crate::release::{Mark, Wanted};

/// How many versions are offered.
const OFFERED: usize = 5;

/// Ends a command that would have to ask, where there is nobody to ask: `--yes` does not choose.
pub(super) fn refuse_to_pick_for_nobody() -> Result<(), Error> {
    if is_interactive() {
        return Ok(());
    }
    Err(Error::usage("there is no terminal to ask on which version is meant; nothing was done")
        .hint("name it: coalmine install-world VERSION"))
}

/// Shows the newest versions with their marks and the hosts that run them, and asks for one of them.
pub(super) async fn pick(workspace: &Workspace, fleet: &Fleet<'_>, no_fetch: bool) -> Result<Wanted, Error> {
    if !no_fetch {
        workspace.refresh().await?;
    }
    let mut known = workspace.known(&workspace.store()?).await?;
    known.truncate(OFFERED);
    if known.is_empty() {
        return Err(Error::before("there is no tag that is a release; nothing was done"));
    }
    let installed = Deployment::over_ssh(workspace, fleet.clone(), false)?.installed().await?;
    let mut counts: HashMap<Version, usize> = HashMap::new();
    for version in installed.versions.into_values() {
        *counts.entry(version).or_default() += 1;
    }
    let mut text = offer(&known, counts, installed.silent.len()).join("\n");
    text.push_str("\nType the number of one to install it, anything else to leave: ");
    let answer = ask_in_thread(text).await?;
    let picked = answer.trim().parse::<usize>().ok().and_then(|number| known.get(number.checked_sub(1)?));
    match picked {
        Some(known) => Ok(Wanted::Tag(known.tag.version.to_string())),
        None => Err(Error::new(Kind::Interrupted, "no version was picked; nothing was changed")),
    }
}

/// Writes a line for each version that is offered, and one for whatever else hosts run.
fn offer(known: &[Known], mut counts: HashMap<Version, usize>, silent: usize) -> Vec<String> {
    let width = known.iter().map(|known| known.tag.version.as_str().len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (place, Known { tag, mark, .. }) in known.iter().enumerate() {
        let on = match counts.remove(&tag.version) {
            Some(hosts) => format!("on {}", count(hosts, "host")),
            None => "on no host".to_owned(),
        };
        let mark = match mark {
            Some(Mark::Bad { reason }) => format!(", bad: {reason}"),
            Some(Mark::Good) => ", good".to_owned(),
            Some(Mark::Unmarked) | None => String::new(),
        };
        let version = tag.version.as_str();
        let day = tag.at.strftime("%Y-%m-%d");
        lines.push(format!("{}  {version:width$}  {day}  {on}{mark}", place + 1));
    }
    let mut others: Vec<String> =
        counts.into_iter().map(|(version, hosts)| format!("{version} on {}", count(hosts, "host"))).collect();
    others.sort();
    if !others.is_empty() {
        lines.push(format!("   besides them {}", others.join(", ")));
    }
    if silent > 0 {
        lines.push(format!("   {} did not answer", count(silent, "host")));
    }
    lines
}
