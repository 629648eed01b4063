//! Cutting a release: changelog, version, commit, tag and push, all of it or nothing.
//!
//! The one place that changes the checkout. It begins from a working tree without any change, so that what is there afterwards and
//! was not before is its own, and can be taken back.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::error::ReleaseError;
use super::git::{LogEntry, Repository, Tag};
use super::order::VersionOrder;
use super::run::{Task, ask, git_environment, words};
use crate::model::Commit;

/// How long hooks of git and the remote may take.
const DEADLINE: Duration = Duration::from_secs(600);
/// How many changed files are named.
const NAMED: usize = 5;

/// Tells why no release was cut.
#[derive(Debug, Error)]
pub enum CutError {
    /// Git failed.
    #[error(transparent)]
    Git(#[from] ReleaseError),
    /// Something is not committed.
    #[error("the checkout {} has changes that are not committed: {files}", repository.display())]
    Dirty {
        /// The checkout.
        repository: PathBuf,
        /// Some of them.
        files: String,
    },
    /// Another git is at work there, or was killed.
    #[error("another git works in {}, or was killed and left its index.lock", .0.display())]
    Busy(PathBuf),
    /// There is no branch that a commit would be on.
    #[error("the checkout is on no branch")]
    Detached,
    /// Somebody else has pushed since.
    #[error("{branch} is stale: {upstream} has {count} commit{} that it has not", if *count == 1 { "" } else { "s" })]
    Stale {
        /// The branch.
        branch: String,
        /// What it follows.
        upstream: String,
        /// How far it is behind.
        count: usize,
    },
    /// There is such a tag.
    #[error("the tag {0} exists already")]
    Exists(String),
    /// It would not be the latest of its line.
    #[error("{version} is not newer than {last}, the last release of this branch")]
    NotNewer {
        /// What was asked for.
        version: String,
        /// The last one.
        last: String,
    },
    /// It would never be taken for a release.
    #[error("no release can be tagged {version:?}: product.tags is {glob:?}")]
    NoRelease {
        /// What was asked for.
        version: String,
        /// What releases are called.
        glob: String,
    },
    /// The site's own command failed.
    #[error("release.bump failed: {0}")]
    Bump(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It failed, and what it had done could not be taken back.
    #[error("{cause}; and what was done could not be taken back: {undoing}")]
    Half {
        /// Why it failed.
        cause: String,
        /// Why it stays.
        undoing: String,
    },
}

/// Says where a release is to be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The commit that it begins from.
    pub head: Commit,
    /// The branch.
    pub branch: String,
    /// The last release of that branch; none before the first.
    pub last: Option<Tag>,
    /// What came since, newest first.
    pub commits: Vec<LogEntry>,
}

/// Is the site's own command that writes a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bump {
    /// The command and its arguments.
    pub argv: Vec<String>,
    /// What is set in its environment.
    pub environment: Vec<(&'static str, String)>,
}

/// Says what is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The tag.
    pub version: String,
    /// Which tags are releases.
    pub glob: String,
    /// What the changelog says then, with its path below the checkout; none where there is none.
    pub changelog: Option<(PathBuf, String)>,
    /// What writes the version where the product has it.
    pub bump: Option<Bump>,
    /// The message of commit and tag.
    pub message: String,
    /// Whether the tag is signed.
    pub sign: bool,
    /// Where it is pushed to.
    pub push: Option<String>,
}

impl Repository {
    /// Finds out whether a release can be cut here; changes nothing but what a fetch brings.
    ///
    /// # Errors
    ///
    /// When the checkout is dirty, detached or stale, or when the version is there or is not newer.
    pub async fn ground(
        &self,
        version: &str,
        glob: &str,
        order: &VersionOrder,
        remote: Option<&str>,
    ) -> Result<Ground, CutError> {
        self.refuse_dirty().await?;
        let branch =
            self.read(&["symbolic-ref", "--quiet", "--short", "HEAD"]).await.map_err(|_| CutError::Detached)?;
        let branch = branch.trim().to_owned();
        if let Some(remote) = remote {
            self.fetch(remote, DEADLINE).await?;
            self.refuse_stale(&branch, remote).await?;
        }
        if self.has_ref(&format!("refs/tags/{version}")).await? {
            return Err(CutError::Exists(version.to_owned()));
        }
        let head = self.head().await?;
        let merged = self.read(&["tag", "--list", "--merged", head.as_str()]).await?;
        let mut tags = self.tags(glob, order).await?;
        tags.retain(|tag| merged.lines().any(|name| name == tag.name));
        let last = tags.pop();
        if let Some(last) = last.as_ref().filter(|last| order.compare(version, &last.name).is_le()) {
            return Err(CutError::NotNewer { version: version.to_owned(), last: last.name.clone() });
        }
        let commits = match &last {
            Some(last) => self.commits_between(&last.commit, &head).await?,
            None => Vec::new(),
        };
        Ok(Ground { head, branch, last, commits })
    }

    async fn head(&self) -> Result<Commit, CutError> {
        let text = self.read(&["rev-parse", "--verify", "HEAD"]).await?;
        let unborn = || ReleaseError::NoSuchCommit { wanted: "HEAD".to_owned(), repository: self.path().to_owned() };
        Ok(text.trim().parse().map_err(|_| unborn())?)
    }

    async fn refuse_dirty(&self) -> Result<(), CutError> {
        let text = self.read(&["status", "--porcelain", "--untracked-files=all"]).await?;
        if text.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = text.lines().filter_map(|line| line.get(3..)).collect();
        let shown: Vec<&str> = names.iter().take(NAMED).copied().collect();
        let more = names.len().saturating_sub(NAMED);
        let files = if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") };
        Err(CutError::Dirty { repository: self.path().to_owned(), files })
    }

    async fn refuse_stale(&self, branch: &str, remote: &str) -> Result<(), CutError> {
        let followed = self.read(&["rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}"]).await;
        let upstream = match followed {
            Ok(name) => name.trim().to_owned(),
            // One that follows nothing is compared with its namesake, if there is one.
            Err(_) if self.has_ref(&format!("refs/remotes/{remote}/{branch}")).await? => format!("{remote}/{branch}"),
            Err(_) => return Ok(()),
        };
        let behind = self.read(&["rev-list", "--count", &format!("HEAD..{upstream}"), "--"]).await?;
        match behind.trim().parse() {
            Ok(0) => Ok(()),
            count => Err(CutError::Stale { branch: branch.to_owned(), upstream, count: count.unwrap_or(1) }),
        }
    }

    /// Cuts the release, from the commit that was looked at. When this fails, [`Repository::uncut`] takes back what it did.
    ///
    /// # Errors
    ///
    /// When anything of it fails.
    pub async fn cut(&self, ground: &Ground, cut: &Cut) -> Result<(), CutError> {
        if let Some(Bump { argv, environment: variables }) = &cut.bump {
            let (folder, deadline) = (self.path().to_owned(), DEADLINE);
            let mut environment = git_environment();
            environment.extend(variables.iter().map(|(name, value)| ((*name).into(), value.into())));
            let task = Task { arguments: words(argv.iter()), folder, environment, deadline };
            let answer = ask(&task).await.map_err(|error| CutError::Bump(error.to_string()))?;
            if let Err(ended) = answer.ended {
                let said = answer.stderr.lines().last().map(str::trim).unwrap_or_default().to_owned();
                return Err(CutError::Bump(if said.is_empty() { ended.to_string() } else { said }));
            }
        }
        if let Some((name, text)) = &cut.changelog {
            let path = self.path().join(name);
            tokio::fs::write(&path, text).await.map_err(|source| CutError::File { path, source })?;
        }
        self.long(&["add", "--all"]).await?;
        if !self.read(&["status", "--porcelain"]).await?.is_empty() {
            self.long(&["commit", "--quiet", "--message", &cut.message]).await?;
        }
        self.tag_head(&cut.version, &cut.message, cut.sign).await?;
        if !self.read(&["tag", "--list", "--end-of-options", &cut.glob]).await?.lines().any(|tag| tag == cut.version) {
            return Err(CutError::NoRelease { version: cut.version.clone(), glob: cut.glob.clone() });
        }
        if let Some(remote) = &cut.push {
            let (branch, tag) = (format!("HEAD:refs/heads/{}", ground.branch), format!("refs/tags/{}", cut.version));
            // Both or neither.
            self.long(&["push", "--quiet", "--atomic", "--end-of-options", remote, &branch, &tag]).await?;
        }
        Ok(())
    }

    /// Makes sure that nothing came between the look and the cut.
    ///
    /// # Errors
    ///
    /// When something was changed or committed meanwhile.
    pub async fn is_still(&self, ground: &Ground, version: &str) -> Result<(), CutError> {
        self.refuse_dirty().await?;
        if self.index_lock().await?.exists() {
            return Err(CutError::Busy(self.path().to_owned()));
        }
        if self.has_ref(&format!("refs/tags/{version}")).await? {
            return Err(CutError::Exists(version.to_owned()));
        }
        if self.head().await? != ground.head {
            let upstream = "somebody else's work".to_owned();
            return Err(CutError::Stale { branch: ground.branch.clone(), upstream, count: 1 });
        }
        Ok(())
    }

    /// Takes back whatever [`Repository::cut`] did: tag, commit and files. What git ignores is left alone.
    ///
    /// # Errors
    ///
    /// When git cannot.
    pub async fn uncut(&self, ground: &Ground, version: &str) -> Result<(), CutError> {
        // Git that was killed in the middle of a commit leaves it; it was not there when the cut began.
        match tokio::fs::remove_file(self.index_lock().await?).await {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(CutError::File { path: self.index_lock().await?, source });
            }
            _ => {}
        }
        if self.has_ref(&format!("refs/tags/{version}")).await? {
            self.remove_tag(version).await?;
        }
        self.long(&["reset", "--quiet", "--hard", ground.head.as_str()]).await?;
        self.long(&["clean", "--quiet", "--force", "-d"]).await
    }

    async fn index_lock(&self) -> Result<PathBuf, CutError> {
        let name = self.read(&["rev-parse", "--git-path", "index.lock"]).await?;
        Ok(self.path().join(name.trim_end_matches('\n')))
    }

    async fn long(&self, arguments: &[&str]) -> Result<(), CutError> {
        let answer = self.ask(arguments, DEADLINE).await?;
        let Err(ended) = answer.ended else { return Ok(()) };
        let problem = if answer.stderr.is_empty() { ended.to_string() } else { answer.stderr };
        let command = arguments.first().copied().unwrap_or_default().to_owned();
        Err(ReleaseError::Git { repository: self.path().to_owned(), command, problem }.into())
    }
}

/// Proposes what a changelog says of a release: what was written under `Unreleased`, or the commits since the last one.
#[must_use]
pub fn propose(changelog: &str, commits: &[LogEntry], last: Option<&str>) -> String {
    let written = unreleased(changelog).map(|(start, end)| changelog.get(start..end).unwrap_or_default().trim());
    if let Some(written) = written.filter(|written| !written.is_empty()) {
        return format!("{written}\n");
    }
    let mut text = String::new();
    for commit in commits.iter().filter(|commit| !commit.subject.starts_with("Merge ")) {
        text.push_str(&format!("- {}\n", commit.subject));
    }
    match (text.is_empty(), last) {
        (false, _) => text,
        (true, Some(last)) => format!("- No changes since {last}.\n"),
        (true, None) => "- The first release.\n".to_owned(),
    }
}

/// Puts an entry into a changelog: below `Unreleased`, which is empty then, or above the newest one.
#[must_use]
pub fn with_entry(changelog: &str, version: &str, day: &str, entry: &str) -> String {
    let heads: Vec<&str> = changelog.lines().filter(|line| line.starts_with("## ")).collect();
    let before = heads.iter().find(|head| !is_unreleased(head));
    // As those before it: with brackets or without, with a day or without.
    let (bare, undated) = before.map_or((false, false), |head| (!head.contains('['), !head.contains(" - ")));
    let mut head = if bare { format!("## {version}") } else { format!("## [{version}]") };
    if !undated {
        // Writing to a text cannot fail.
        head.write_fmt(format_args!(" - {day}")).unwrap_or_default();
    }
    let section = format!("{head}\n\n{}\n", entry.trim());
    if let Some((start, end)) = unreleased(changelog) {
        let (above, below) = (changelog.get(..start).unwrap_or_default(), changelog.get(end..).unwrap_or_default());
        let gap = if below.is_empty() { "" } else { "\n" };
        return format!("{}\n\n{section}{gap}{below}", above.trim_end());
    }
    let at = if changelog.starts_with("## ") { Some(0) } else { changelog.find("\n## ").map(|at| at + 1) };
    match at {
        Some(at) => {
            let (above, below) = (changelog.get(..at).unwrap_or_default(), changelog.get(at..).unwrap_or_default());
            format!("{above}{section}\n{below}")
        }
        None if changelog.trim().is_empty() => format!("# Changelog\n\n{section}"),
        None => format!("{}\n\n{section}", changelog.trim_end()),
    }
}

fn is_unreleased(head: &str) -> bool {
    head.trim_start_matches("## ").trim_start_matches('[').to_ascii_lowercase().starts_with("unreleased")
}

/// Gives where the text under `Unreleased` starts and ends.
fn unreleased(changelog: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    let mut start = None;
    for line in changelog.split_inclusive('\n') {
        if line.starts_with("## ") {
            match start {
                Some(start) => return Some((start, at)),
                None if is_unreleased(line) => start = Some(at + line.len()),
                None => {}
            }
        }
        at += line.len();
    }
    start.map(|start| (start, at))
}

/// Reads a file of the checkout; one that is not there is empty.
///
/// # Errors
///
/// When it cannot be read.
pub fn read_changelog(repository: &Repository, name: &Path) -> Result<String, CutError> {
    let path = repository.path().join(name);
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|source| CutError::File { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::{propose, with_entry};

    #[test]
    fn an_entry_goes_where_entries_go_and_looks_like_those_before() {
        assert_eq!(with_entry("", "1.0", "2026-01-02", "- one\n"), "# Changelog\n\n## [1.0] - 2026-01-02\n\n- one\n");
        let kept = "# Log\n\n## [Unreleased]\n\n- one\n\n## [0.9] - 2025-01-01\n\n- old\n";
        assert_eq!(
            with_entry(kept, "1.0", "2026-01-02", "- one"),
            "# Log\n\n## [Unreleased]\n\n## [1.0] - 2026-01-02\n\n- one\n\n## [0.9] - 2025-01-01\n\n- old\n"
        );
        assert_eq!(
            with_entry("# Log\n\n## 0.9\n\n- old\n", "1.0", "2026-01-02", "- one"),
            "# Log\n\n## 1.0\n\n- one\n\n## 0.9\n\n- old\n"
        );
        let first = with_entry("# Log\n\n## [Unreleased]\n", "1.0", "2026-01-02", "- one");
        assert_eq!(first, "# Log\n\n## [Unreleased]\n\n## [1.0] - 2026-01-02\n\n- one\n");
    }

    #[test]
    fn what_was_written_already_is_the_entry() {
        assert_eq!(
            propose("## [Unreleased]\n\n### Fixed\n\n- it\n\n## [1.0]\n", &[], Some("1.0")),
            "### Fixed\n\n- it\n"
        );
        assert_eq!(propose("## [Unreleased]\n\n## [1.0]\n", &[], Some("1.0")), "- No changes since 1.0.\n");
        assert_eq!(propose("", &[], None), "- The first release.\n");
    }
}
