use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::error::ReleaseError;
use super::git::{Repository, Tag, version_of};
use super::latest::{Choice, Doubt, twins};
use super::order::VersionOrder;
use super::progress::{Progress, Report};
use crate::config::Channel;
use crate::model::{Commit, Version};

/// How many names an error proposes.
const NEAREST: usize = 3;
/// How many tags are asked for their signature before somebody should look.
const MOST_VERIFIED: usize = 50;
/// How many pairs of tags are told that spell one version.
const MOST_TWINS: usize = 5;

/// Says where releases come from: the `[product]` table of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The checkout that holds the tags.
    pub repository: PathBuf,
    /// Fetched first; empty for never.
    pub remote: String,
    /// Which tags are releases, in git's own glob.
    pub tags: String,
    /// How versions are ordered.
    pub order: VersionOrder,
    /// Only tags that `git verify-tag` accepts are releases.
    pub verify_tags: bool,
    /// False for `--no-fetch`: the checkout as it is, local branches before the remote's.
    pub fetch: bool,
    /// How long the remote may take.
    pub fetch_deadline: Duration,
    /// What the latest passes over, since it was found bad, and why.
    pub bad: BTreeMap<Version, String>,
}

/// Says what a deployer asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Whatever the channel has.
    Latest(Channel),
    /// A release tag, by its name or its version.
    Tag(String),
    /// `--rev`: any commit.
    Revision(String),
}

impl Wanted {
    /// Asks again for what was called so: what describes a commit names it, and any other version is a tag's.
    #[must_use]
    pub fn of(version: &Version) -> Self {
        let name = version.to_string();
        if version.is_of_commit() { Self::Revision(name) } else { Self::Tag(name) }
    }
}

/// Holds the commit that a deployer's wish came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What it is called.
    pub version: Version,
    /// The commit.
    pub commit: Commit,
    /// When it was committed.
    pub at: Timestamp,
    /// The tag, where it is one.
    pub tag: Option<String>,
    /// When that was made.
    pub tagged: Option<Timestamp>,
    /// Why it is this one, and what else a plan should say of it.
    pub notes: Vec<String>,
}

/// Fetches where the source says so, and finds the commit that is wanted.
///
/// The latest of tags is the newest version that is no pre-release, or the newest pre-release where there is nothing else, or what has no
/// number where nothing has one. With `verify_tags`, a tag that does not verify is no release: the latest is looked for below it. What was
/// passed over is in the notes.
///
/// # Errors
///
/// When the folder is no repository, the remote does not answer, or there is nothing of that name; and when the newest version is much older by
/// date than others that are written like it, so that their order cannot be what somebody meant.
pub async fn resolve(source: &Source, wanted: &Wanted, report: Report<'_>) -> Result<Resolved, ReleaseError> {
    let repository = Repository::open(&source.repository).await?;
    if source.fetch && !source.remote.is_empty() {
        report(Progress::Fetching { remote: source.remote.clone() });
        let fetched = repository.fetch(&source.remote, source.fetch_deadline).await?;
        for moved in fetched.moved {
            let text = moved.to_string();
            report(Progress::Warning { text });
        }
        for name in fetched.withdrawn {
            report(Progress::Warning { text: format!("the tag {name} was withdrawn upstream") });
        }
    }
    if !source.fetch && repository.has_changes().await? {
        let text = "the checkout has changes that are not committed; they are not part of the release: \
                    commit them and install that with --no-fetch --rev HEAD"
            .into();
        report(Progress::Warning { text });
    }
    let resolver = Resolver { repository: &repository, source };
    let resolved = match wanted {
        Wanted::Latest(Channel::Tags) => resolver.latest().await,
        Wanted::Latest(Channel::Branch(name)) => resolver.branch(name).await,
        Wanted::Tag(name) => resolver.tagged(resolver.tag(name).await?, Vec::new()).await,
        Wanted::Revision(revision) => resolver.described(revision).await,
    }?;
    for (at, text) in resolved.notes.iter().cloned().enumerate() {
        // Why it is the latest is what a plan says; the rest is worth a word wherever it is found out.
        let is_reason = at == 0 && matches!(wanted, Wanted::Latest(Channel::Tags));
        report(if is_reason { Progress::Note { text } } else { Progress::Warning { text } });
    }
    report(Progress::Resolved { version: resolved.version.clone(), commit: resolved.commit.clone() });
    Ok(resolved)
}

struct Resolver<'a> {
    repository: &'a Repository,
    source: &'a Source,
}

impl Resolver<'_> {
    async fn tags(&self) -> Result<Vec<Tag>, ReleaseError> {
        self.repository.tags(&self.source.tags, &self.source.order).await
    }

    async fn latest(&self) -> Result<Resolved, ReleaseError> {
        let (mut tags, order) = (self.tags().await?, &self.source.order);
        let bad: Vec<Tag> = tags.extract_if(.., |tag| self.source.bad.contains_key(&tag.version)).collect();
        let twins = twins(&tags, order);
        let choice = Choice::of(tags, order);
        let Some(newest) = choice.candidates.first() else {
            let (repository, glob) = (self.repository.path().to_path_buf(), self.source.tags.clone());
            return Err(ReleaseError::NoTags { repository, glob });
        };
        let (tag, unverified) = self.verified(&choice).await?;
        if let Some(Doubt { chosen, chosen_at, newer, newest, newest_at }) = choice.doubt(&tag, order) {
            let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
            let (chosen_at, newest_at) = (day(chosen_at), day(newest_at));
            return Err(ReleaseError::Doubtful { chosen, chosen_at, newer, newest, newest_at });
        }
        let mut notes = choice.why(&tag, order, &self.repository.withdrawn().await?);
        // What is older than the latest would not have been it anyway.
        for passed in bad.iter().rev().filter(|bad| order.compare(&bad.name, &tag.name).is_gt()) {
            if let Some(why) = self.source.bad.get(&passed.version) {
                notes.push(format!("{} is passed over: it is bad here: {why}", passed.name));
            }
        }
        notes.extend(unverified);
        if !order.has_number(&newest.name) {
            notes.push("no tag has a number: the order of these is that of their letters".to_owned());
        }
        for (a, b) in twins.iter().filter(|(a, b)| *a != tag.name && *b != tag.name).take(MOST_TWINS) {
            notes.push(format!("{a} and {b} spell the same version"));
        }
        if self.source.fetch
            && !self.source.remote.is_empty()
            && self.repository.is_upstream(&tag.name).await? == Some(false)
        {
            notes.push(format!("{} is in this checkout alone: {} does not have it", tag.name, self.source.remote));
        }
        self.tagged(tag, notes).await
    }

    /// Gives the first candidate that verifies where that is wanted, and what is to be told of the others.
    async fn verified(&self, choice: &Choice) -> Result<(Tag, Vec<String>), ReleaseError> {
        let mut unverified: Vec<(&Tag, String)> = Vec::new();
        for tag in choice.candidates.iter().take(MOST_VERIFIED) {
            match self.verify(tag).await {
                Ok(()) => {
                    let names: Vec<&str> = unverified.iter().map(|(tag, _)| tag.name.as_str()).collect();
                    let notes = match unverified.as_slice() {
                        [] => Vec::new(),
                        [(tag, problem)] => {
                            vec![format!("{} is passed over: git does not accept its signature: {problem}", tag.name)]
                        }
                        [(_, problem), ..] => vec![format!(
                            "{} are passed over: git does not accept their signatures: {problem}",
                            names.join(", ")
                        )],
                    };
                    return Ok((tag.clone(), notes));
                }
                Err(ReleaseError::Unverified { problem, .. }) => unverified.push((tag, problem)),
                Err(error) => return Err(error),
            }
        }
        let (newest, problem) =
            unverified.into_iter().next().map_or_else(Default::default, |(tag, problem)| (tag.name.clone(), problem));
        Err(ReleaseError::NoneVerified { count: choice.candidates.len().min(MOST_VERIFIED), newest, problem })
    }

    async fn tag(&self, name: &str) -> Result<Tag, ReleaseError> {
        let tags = self.tags().await?;
        let by_name = tags.iter().find(|tag| tag.name == name);
        if let Some(tag) = by_name.or_else(|| tags.iter().find(|tag| tag.version.as_str() == name)) {
            self.verify(tag).await?;
            return Ok(tag.clone());
        }
        match self.repository.kind_of_tag(name).await?.as_deref() {
            Some("commit") => {
                if let Err(source) = version_of(name) {
                    return Err(ReleaseError::NoVersion { tag: name.to_owned(), source });
                }
                return Err(ReleaseError::NotARelease { tag: name.to_owned(), glob: self.source.tags.clone() });
            }
            Some(kind) => return Err(ReleaseError::NoCommit { tag: name.to_owned(), kind: kind.to_owned() }),
            None => {}
        }
        if let Some(reference) = self.repository.kept(name).await? {
            return Err(ReleaseError::Withdrawn { tag: name.to_owned(), reference });
        }
        Err(ReleaseError::NoSuchTag {
            wanted: name.to_owned(),
            repository: self.repository.path().to_path_buf(),
            nearest: nearest(name, tags.iter().rev().map(|tag| tag.name.as_str())),
        })
    }

    async fn verify(&self, tag: &Tag) -> Result<(), ReleaseError> {
        if self.source.verify_tags { self.repository.verify_tag(tag).await } else { Ok(()) }
    }

    async fn tagged(&self, tag: Tag, notes: Vec<String>) -> Result<Resolved, ReleaseError> {
        let at = self.repository.time_of(&tag.commit).await?;
        Ok(Resolved { version: tag.version, commit: tag.commit, at, tag: Some(tag.name), tagged: Some(tag.at), notes })
    }

    async fn branch(&self, name: &str) -> Result<Resolved, ReleaseError> {
        let local = format!("refs/heads/{name}");
        let remote = format!("refs/remotes/{}/{name}", self.source.remote);
        // After a fetch the remote's branch is the news; without one, what somebody just committed here is.
        let order = match (self.source.remote.is_empty(), self.source.fetch) {
            (true, _) => vec![local],
            (false, true) => vec![remote],
            (false, false) => vec![local, remote],
        };
        for reference in order {
            if let Some(commit) = self.repository.commit(&reference).await? {
                return self.at(commit).await;
            }
        }
        let (remote, where_) = match (self.source.remote.as_str(), self.source.fetch) {
            ("", _) => ("", "in the checkout".to_owned()),
            (remote, true) => (remote, format!("at {remote}")),
            (remote, false) => ("", format!("in the checkout, nor what {remote} had")),
        };
        let there = self.repository.heads(remote).await?;
        let nearest = nearest(name, there.iter().map(|head| head.branch.as_str()));
        Err(ReleaseError::NoSuchBranch { branch: name.to_owned(), where_, nearest })
    }

    async fn described(&self, revision: &str) -> Result<Resolved, ReleaseError> {
        match self.repository.commit(revision).await? {
            Some(commit) => self.at(commit).await,
            None => Err(self.no_commit(revision)),
        }
    }

    async fn at(&self, commit: Commit) -> Result<Resolved, ReleaseError> {
        let version = self.repository.describe(&commit, &self.source.tags).await?;
        let at = self.repository.time_of(&commit).await?;
        let mut notes = Vec::new();
        // Without the history there may be a tag that cannot be seen, and a version that cannot be ordered.
        if self.repository.is_shallow().await? {
            notes.push(format!(
                "the checkout is shallow, so {version} may not be named by the nearest tag: `git fetch --unshallow --tags` brings the history"
            ));
        }
        Ok(Resolved { version, commit, at, tag: None, tagged: None, notes })
    }

    fn no_commit(&self, wanted: &str) -> ReleaseError {
        ReleaseError::NoSuchCommit { wanted: wanted.to_owned(), repository: self.repository.path().to_path_buf() }
    }
}

/// Lists the names that are most like one, most like first.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<_> = names.map(|other| (strsim::damerau_levenshtein(name, other), other)).collect();
    scored.sort_by_key(|(distance, _)| *distance);
    scored.into_iter().take(NEAREST).map(|(_, other)| other.to_owned()).collect()
}
