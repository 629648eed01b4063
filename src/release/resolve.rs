use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::error::ReleaseError;
use super::git::{Commit, Repository, Tag};
use super::order;
use super::progress::{Progress, Report};
use crate::config::Channel;
use crate::model::Version;

/// How many names an error proposes.
const NEAREST: usize = 3;

/// Says where releases come from: the `[product]` table of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The checkout that holds the tags.
    pub repository: PathBuf,
    /// Fetched first; empty for never.
    pub remote: String,
    /// Which tags are releases, in git's own glob.
    pub tags: String,
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
}

/// Fetches where the source says so, and finds the commit that is wanted.
///
/// The latest of tags is the newest version that is no pre-release, or the newest pre-release where there is nothing else. With
/// `verify_tags`, a tag that does not verify is no release: the latest is looked for below it, with a warning.
///
/// # Errors
///
/// When the folder is no repository, the remote does not answer, or there is nothing of that name.
pub async fn resolve(source: &Source, wanted: &Wanted, report: Report<'_>) -> Result<Resolved, ReleaseError> {
    let repository = Repository::open(&source.repository).await?;
    if source.fetch && !source.remote.is_empty() {
        report(Progress::Fetching { remote: source.remote.clone() });
        for moved in repository.fetch(&source.remote, source.fetch_deadline).await? {
            let text = moved.to_string();
            report(Progress::Warning { text });
        }
    }
    if !source.fetch && repository.has_changes().await? {
        let text = "the checkout has changes that are not committed; they are not part of the release: \
                    commit them and install that with --no-fetch --rev HEAD"
            .into();
        report(Progress::Warning { text });
    }
    let resolver = Resolver { repository: &repository, source, report };
    let resolved = match wanted {
        Wanted::Latest(Channel::Tags) => resolver.tagged(resolver.latest_tag().await?).await,
        Wanted::Latest(Channel::Branch(name)) => resolver.branch(name).await,
        Wanted::Tag(name) => resolver.tagged(resolver.tag(name).await?).await,
        Wanted::Revision(revision) => resolver.described(revision).await,
    }?;
    report(Progress::Resolved { version: resolved.version.clone(), commit: resolved.commit.clone() });
    Ok(resolved)
}

struct Resolver<'a> {
    repository: &'a Repository,
    source: &'a Source,
    report: Report<'a>,
}

impl Resolver<'_> {
    async fn latest_tag(&self) -> Result<Tag, ReleaseError> {
        let mut tags = self.repository.tags(&self.source.tags).await?;
        let passed: Vec<Tag> = tags.extract_if(.., |tag| self.source.bad.contains_key(&tag.version)).collect();
        // What is older than the latest would not have been it anyway.
        let newest = tags.last().map(|tag| tag.version.clone());
        for tag in passed.iter().rev() {
            let is_newer =
                newest.as_ref().is_none_or(|newest| order::compare(tag.version.as_str(), newest.as_str()).is_gt());
            if let Some(why) = self.source.bad.get(&tag.version).filter(|_| is_newer) {
                (self.report)(Progress::Warning {
                    text: format!("{} is passed over: it is bad here: {why}", tag.name),
                });
            }
        }
        let (pre, released): (Vec<Tag>, Vec<Tag>) = tags.into_iter().partition(|tag| order::is_prerelease(&tag.name));
        for tag in released.into_iter().rev().chain(pre.into_iter().rev()) {
            match self.verify(&tag).await {
                Ok(()) => return Ok(tag),
                Err(error @ ReleaseError::Unverified { .. }) => {
                    (self.report)(Progress::Warning { text: format!("{error}; it is left out") });
                }
                Err(error) => return Err(error),
            }
        }
        let (repository, glob) = (self.repository.path().to_path_buf(), self.source.tags.clone());
        Err(ReleaseError::NoTags { repository, glob })
    }

    async fn tag(&self, name: &str) -> Result<Tag, ReleaseError> {
        let tags = self.repository.tags(&self.source.tags).await?;
        let by_name = tags.iter().find(|tag| tag.name == name);
        if let Some(tag) = by_name.or_else(|| tags.iter().find(|tag| tag.version.as_str() == name)) {
            self.verify(tag).await?;
            return Ok(tag.clone());
        }
        if self.repository.has_tag(name).await? {
            return Err(ReleaseError::NotARelease { tag: name.to_owned(), glob: self.source.tags.clone() });
        }
        Err(ReleaseError::NoSuchTag {
            wanted: name.to_owned(),
            repository: self.repository.path().to_path_buf(),
            nearest: nearest(name, &tags),
        })
    }

    async fn verify(&self, tag: &Tag) -> Result<(), ReleaseError> {
        if self.source.verify_tags { self.repository.verify_tag(tag).await } else { Ok(()) }
    }

    async fn tagged(&self, tag: Tag) -> Result<Resolved, ReleaseError> {
        let at = self.repository.time_of(&tag.commit).await?;
        Ok(Resolved { version: tag.version, commit: tag.commit, at, tag: Some(tag.name) })
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
        Err(self.no_commit(&format!("branch {name}")))
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
        Ok(Resolved { version, commit, at, tag: None })
    }

    fn no_commit(&self, wanted: &str) -> ReleaseError {
        ReleaseError::NoSuchCommit { wanted: wanted.to_owned(), repository: self.repository.path().to_path_buf() }
    }
}

/// Lists the tags whose names are most like one, most like first.
fn nearest(name: &str, tags: &[Tag]) -> Vec<String> {
    let mut scored: Vec<_> = tags.iter().rev().map(|tag| (strsim::damerau_levenshtein(name, &tag.name), tag)).collect();
    scored.sort_by_key(|(distance, _)| *distance);
    scored.into_iter().take(NEAREST).map(|(_, tag)| tag.name.clone()).collect()
}
