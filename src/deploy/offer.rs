//! What somebody may pick from: the newest of an environment's channel, and what its hosts run or ran, so that going back is one choice.

use std::collections::HashMap;

use jiff::Timestamp;

use super::debts::ended;
use super::error::Error;
use super::settings;
use super::workspace::{Fleet, Workspace};
use crate::config::Channel;
use crate::model::{Commit, Slot, Version};
use crate::plan::PlanKind;
use crate::release::{Mark, Repository, Tag, Wanted};
use crate::rollout::Outcome;

/// How many of the newest are offered.
const NEWEST: usize = 5;
/// How many are offered that ran before.
const BEFORE: usize = 3;

/// Holds a version that may be picked.
#[derive(Debug, Clone)]
pub struct Offer {
    /// What it is called.
    pub version: Version,
    /// How it is asked for.
    pub wanted: Wanted,
    /// When it was tagged, committed, or finalized here.
    pub at: Option<Timestamp>,
    /// The branch whose head it is.
    pub head_of: Option<String>,
    /// How many hosts run it.
    pub hosts: usize,
    /// Whether it is there to go back to, and none of the newest.
    pub ran_before: bool,
    /// What was found out about it.
    pub mark: Option<Mark>,
}

impl Workspace {
    /// Lists what may be picked, with how many hosts run it: the five newest first, then whatever else hosts run, and what was
    /// finalized before that.
    ///
    /// For an environment that follows a branch these are the heads of branches and the tags, by their dates, the head of its own in front.
    ///
    /// # Errors
    ///
    /// When the repository or the state folder cannot be read.
    pub async fn offers(
        &self,
        fleet: &Fleet<'_>,
        counts: &HashMap<Version, usize>,
        slot: Option<&Slot>,
    ) -> Result<Vec<Offer>, Error> {
        let tags = self.tags().await?;
        let mut offers = match &fleet.policy.channel {
            Channel::Tags => tags.iter().rev().map(of_tag).collect(),
            Channel::Branch(own) => self.heads_and_tags(own, &tags).await?,
        };
        offers.truncate(NEWEST);
        let order = self.version_order();
        let mut others: Vec<&Version> =
            counts.keys().filter(|version| !offers.iter().any(|offer| offer.version == **version)).collect();
        others.sort_by(|a, b| order.compare(b.as_str(), a.as_str()));
        let mut went: Vec<(Version, Option<Timestamp>)> =
            others.into_iter().map(|version| (version.clone(), None)).collect();
        let ended = ended(&self.rollouts(), fleet.name)?.into_iter().rev();
        let done = ended.filter(|entry| {
            let is_of_it = entry.kind == PlanKind::Install && entry.slot.as_ref() == slot;
            is_of_it && matches!(entry.ended, Some((Outcome::Completed, _)))
        });
        let mut room = BEFORE;
        for entry in done {
            let is_there = offers.iter().any(|offer| offer.version == entry.version)
                || went.iter().any(|(version, _)| *version == entry.version);
            if !is_there && room > 0 {
                room -= 1;
                went.push((entry.version, Some(entry.latest)));
            }
        }
        for (version, at) in went {
            let wanted = match tags.iter().find(|tag| tag.version == version) {
                Some(_) => Wanted::Tag(version.to_string()),
                // What describes a commit names it.
                None => Wanted::Revision(version.to_string()),
            };
            offers.push(Offer { version, wanted, at, head_of: None, hosts: 0, ran_before: true, mark: None });
        }
        let verdicts = self.known_verdicts(fleet.name);
        for offer in &mut offers {
            offer.hosts = counts.get(&offer.version).copied().unwrap_or(0);
            offer.mark = verdicts.mark_of(&offer.version);
        }
        Ok(offers)
    }

    /// Lists the heads of branches and the tags, the newest first, but the head of one branch before all.
    async fn heads_and_tags(&self, own: &str, tags: &[Tag]) -> Result<Vec<Offer>, Error> {
        let source = settings::source(self.config(), false);
        let repository = Repository::open(&source.repository).await?;
        let state_branch = self.config().product.state_branch.as_ref().map(ToString::to_string);
        let mut heads = repository.heads(&source.remote).await?;
        heads.retain(|head| Some(&head.branch) != state_branch.as_ref());
        // Stable: behind the environment's own, the one that was committed to last stays first.
        heads.sort_by_key(|head| head.branch != own);
        let mut offers: Vec<Offer> = Vec::new();
        let mut seen: Vec<Commit> = Vec::new();
        for head in heads {
            if seen.len() == NEWEST {
                break;
            }
            if seen.contains(&head.commit) {
                continue;
            }
            let version = repository.describe(&head.commit, &source.tags).await?;
            let wanted = match head.branch == own {
                true => Wanted::Latest(Channel::Branch(own.to_owned())),
                false => Wanted::Revision(head.commit.as_str().to_owned()),
            };
            let (at, head_of) = (Some(head.at), Some(head.branch));
            offers.push(Offer { version, wanted, at, head_of, hosts: 0, ran_before: false, mark: None });
            seen.push(head.commit);
        }
        offers.extend(tags.iter().filter(|tag| !seen.contains(&tag.commit)).map(of_tag));
        let is_own = |offer: &Offer| offer.head_of.as_deref() == Some(own);
        offers.sort_by(|a, b| is_own(b).cmp(&is_own(a)).then_with(|| b.at.cmp(&a.at)));
        Ok(offers)
    }
}

fn of_tag(tag: &Tag) -> Offer {
    Offer {
        version: tag.version.clone(),
        wanted: Wanted::Tag(tag.version.to_string()),
        at: Some(tag.at),
        head_of: None,
        hosts: 0,
        ran_before: false,
        mark: None,
    }
}
