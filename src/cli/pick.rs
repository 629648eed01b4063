//! Asks among the newest versions, where somebody sits at a terminal.

use super::ask::ask_in_thread;
use super::output::{count, is_interactive};
use crate::deploy::{Deployment, Error, Fleet, Kind, Offer, Workspace};
use crate::model::Slot;
use crate::release::{Mark, Wanted};

/// Ends a command that would have to ask, where there is nobody to ask: `--yes` does not choose.
pub(super) fn refuse_to_pick_for_nobody() -> Result<(), Error> {
    if is_interactive() {
        return Ok(());
    }
    Err(Error::usage("there is no terminal to ask on which version is meant; nothing was done")
        .hint("name it: coalmine install-world VERSION"))
}

/// Shows the newest versions with their marks and the hosts that run them, and what ran before; asks for one of them.
pub(super) async fn pick(
    workspace: &Workspace,
    fleet: &Fleet<'_>,
    slot: Option<&Slot>,
    no_fetch: bool,
) -> Result<Wanted, Error> {
    if !no_fetch {
        workspace.refresh().await?;
    }
    let installed = Deployment::over_ssh(workspace, fleet.clone())?.installed(slot).await?;
    let offers = workspace.offers(fleet, &installed.counts(), slot).await?;
    if offers.is_empty() {
        return Err(Error::before(format!(
            "there is nothing to pick from in {}; nothing was done",
            fleet.policy.channel
        ))
        .hint("a commit can be named with --rev"));
    }
    let mut text = lines(&offers, installed.silent.len()).join("\n");
    text.push_str("\nType the number of one to install it, anything else to leave: ");
    let answer = ask_in_thread(text).await?;
    let number = answer.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    match number.and_then(|place| offers.into_iter().nth(place)) {
        Some(offer) => Ok(offer.wanted),
        None => Err(Error::new(Kind::Interrupted, "no version was picked; nothing was changed")),
    }
}

/// Writes a line for each version that is offered, and one for the hosts that did not say what they run.
fn lines(offers: &[Offer], silent: usize) -> Vec<String> {
    let width = offers.iter().map(|offer| offer.version.as_str().len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (place, offer) in offers.iter().enumerate() {
        let mut facts = vec![match offer.hosts {
            0 => "on no host".to_owned(),
            hosts => format!("on {}", count(hosts, "host")),
        }];
        facts.extend(offer.head_of.as_ref().map(|branch| format!("head of {branch}")));
        match &offer.mark {
            Some(Mark::Bad { reason }) => facts.push(format!("bad: {reason}")),
            Some(Mark::Good) => facts.push("good".to_owned()),
            Some(Mark::Unmarked) | None => {}
        }
        if offer.ran_before && offer.hosts == 0 {
            facts.push("ran before".to_owned());
        }
        let version = offer.version.as_str();
        let day = offer.at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
        lines.push(format!("{}  {version:width$}  {day:10}  {}", place + 1, facts.join(", ")));
    }
    if silent > 0 {
        lines.push(format!("   {} did not answer", count(silent, "host")));
    }
    lines
}
