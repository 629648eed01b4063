use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::error::{Ended, ReleaseError};
use super::order::VersionOrder;
use super::run::{Answer, Task, ask, git_environment, plain, words};
use crate::model::{Commit, Version};

/// How long a git command may take that only reads the repository.
pub(super) const READ_DEADLINE: Duration = Duration::from_secs(120);

/// Describes a tag that names a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its name, without `refs/tags/`.
    pub name: String,
    /// The version that it names: its name, with what cannot stand in a folder's name turned into dashes.
    pub version: Version,
    /// What it points at.
    pub commit: Commit,
    /// When it was made; for a lightweight tag, its commit.
    pub at: Timestamp,
    /// Who wrote that commit; empty where git does not say.
    pub author: String,
}

/// Describes a commit of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The commit.
    pub commit: Commit,
    /// Who wrote it.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
}

/// Tells of a tag that a fetch moved: a release tag should never be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedTag {
    /// Its name.
    pub name: String,
    /// What it was.
    pub from: String,
    /// What it is.
    pub to: String,
}

impl std::fmt::Display for MovedTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, from, to } = self;
        write!(f, "the tag {name} was moved from {from} to {to}")
    }
}

/// Reads and fetches the checkout that holds the tags; never touches its working tree.
///
/// [`Repository::fetch`] and what it keeps of a remote's tags are in `refs`.
///
/// Every name reaches git behind `refs/…` or `--end-of-options`, so that no tag, branch or revision is an option.
#[derive(Debug, Clone)]
pub struct Repository {
    path: PathBuf,
}

impl Repository {
    /// Opens the top of a checkout, or a bare repository.
    ///
    /// # Errors
    ///
    /// When the folder is not the top of a repository: one around it would be another product's.
    pub async fn open(path: &Path) -> Result<Self, ReleaseError> {
        let refuse = |problem: String| ReleaseError::NotARepository {
            path: path.to_path_buf(),
            problem: problem.trim().to_owned(),
        };
        let here = tokio::fs::canonicalize(path).await.map_err(|error| refuse(error.to_string()))?;
        let repository = Self { path: here.clone() };
        let answer = repository.ask(&["rev-parse", "--absolute-git-dir"], READ_DEADLINE).await?;
        if answer.ended.is_err() {
            return Err(match answer.stderr.contains("dubious ownership") {
                true => ReleaseError::Untrusted { owner: owner_of(&here), path: here },
                false => refuse(answer.stderr),
            });
        }
        let same = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            std::fs::canonicalize(text.trim_end_matches('\n')).is_ok_and(|path| path == here)
        };
        if same(&answer.stdout) {
            return Ok(repository);
        }
        let top = repository.ask(&["rev-parse", "--show-toplevel"], READ_DEADLINE).await?;
        if top.ended.is_ok() && same(&top.stdout) {
            return Ok(repository);
        }
        Err(refuse(format!("it lies inside the repository {}", plain(&top.stdout))))
    }

    /// Gives its folder, without symbolic links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Asks a remote for its branches, and fetches nothing.
    ///
    /// # Errors
    ///
    /// As [`Self::fetch`].
    pub async fn reach(&self, remote: &str, deadline: Duration) -> Result<(), ReleaseError> {
        let answer = self.ask(&["ls-remote", "--quiet", "--heads", "--end-of-options", remote], deadline).await?;
        unless_refused(remote, answer)
    }

    /// Lists the tags that match git's own glob, oldest version first; those of trees and files are no releases.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub async fn tags(&self, glob: &str, order: &VersionOrder) -> Result<Vec<Tag>, ReleaseError> {
        let format = "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(creatordate:unix) %(refname:lstrip=2) %(*authorname)%(authorname)";
        let text = self.read(&["tag", "--list", format, "--end-of-options", glob]).await?;
        let mut tags: Vec<Tag> = text.lines().filter_map(read_tag).collect();
        tags.sort_by(|a, b| order.compare(&a.name, &b.name));
        Ok(tags)
    }

    /// Tells whether there is a reference of this whole name.
    pub(super) async fn has_ref(&self, reference: &str) -> Result<bool, ReleaseError> {
        let answer = self.ask(&["show-ref", "--verify", "--quiet", "--", reference], READ_DEADLINE).await?;
        Ok(answer.ended.is_ok())
    }

    /// Tells what kind of object a tag comes to in the end: a commit, a tree or a blob; none when there is no such tag.
    pub(super) async fn kind_of_tag(&self, name: &str) -> Result<Option<String>, ReleaseError> {
        let reference = format!("refs/tags/{name}");
        if !self.has_ref(&reference).await? {
            return Ok(None);
        }
        let peeled = format!("{reference}^{{}}");
        Ok(Some(self.read(&["cat-file", "-t", &peeled]).await?.trim().to_owned()))
    }

    /// Tells whether the checkout holds a part of the history only.
    pub(super) async fn is_shallow(&self) -> Result<bool, ReleaseError> {
        Ok(self.read(&["rev-parse", "--is-shallow-repository"]).await?.trim() == "true")
    }

    /// Asks git whether a tag's signature is good and trusted.
    ///
    /// # Errors
    ///
    /// When git does not accept it, as `git verify-tag` says.
    pub async fn verify_tag(&self, tag: &Tag) -> Result<(), ReleaseError> {
        let reference = format!("refs/tags/{}", tag.name);
        let refuse = |problem: String| ReleaseError::Unverified { tag: tag.name.clone(), problem };
        let answer = self.ask(&["verify-tag", "--format=%(tag)", "--", &reference], READ_DEADLINE).await?;
        if answer.ended.is_err() {
            let problem = answer.stderr.replace('\n', "; ");
            return Err(refuse(if problem.is_empty() { "it has none".to_owned() } else { problem }));
        }
        // Whoever may write references can give an old release's signed tag the name of a new one.
        match plain(&answer.stdout) {
            signed if signed == tag.name => Ok(()),
            signed => Err(refuse(format!("what was signed is the tag {signed:?}, and somebody gave it this name"))),
        }
    }

    /// Gives the commit that a revision names; none when there is no such commit.
    ///
    /// # Errors
    ///
    /// When git cannot be run.
    pub async fn commit(&self, revision: &str) -> Result<Option<Commit>, ReleaseError> {
        let peeled = format!("{revision}^{{commit}}");
        let answer =
            self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &peeled], READ_DEADLINE).await?;
        Ok(answer.ended.ok().and_then(|()| String::from_utf8_lossy(&answer.stdout).trim().parse().ok()))
    }

    /// Names a commit as `git describe` does, by the nearest tag that matches the glob, or by its own name.
    ///
    /// # Errors
    ///
    /// When git fails, or when the description can be no version.
    pub async fn describe(&self, commit: &Commit, glob: &str) -> Result<Version, ReleaseError> {
        let matching = format!("--match={glob}");
        // As many digits everywhere: git's own choice depends on how many objects a clone has.
        let text = self.read(&["describe", "--tags", "--always", "--abbrev=10", &matching, commit.as_str()]).await?;
        Ok(version_of(text.trim())?)
    }

    /// Gives the time of a commit.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub async fn time_of(&self, commit: &Commit) -> Result<Timestamp, ReleaseError> {
        let text = self.read(&["log", "-1", "--no-show-signature", "--format=%ct", commit.as_str()]).await?;
        let seconds = text.trim().parse().unwrap_or_default();
        Ok(Timestamp::from_second(seconds).unwrap_or_default())
    }

    /// Lists the commits that one has and another has not, newest first; at most a thousand.
    ///
    /// # Errors
    ///
    /// When git fails, or does not have one of the two, or not what is between them, since the checkout is shallow.
    pub async fn commits_between(&self, without: &Commit, with: &Commit) -> Result<Vec<LogEntry>, ReleaseError> {
        let related = ["merge-base", without.as_str(), with.as_str()];
        if self.is_shallow().await? && self.ask(&related, READ_DEADLINE).await?.ended.is_err() {
            return Err(ReleaseError::Shallow { repository: self.path.clone() });
        }
        let range = format!("{}..{}", without.as_str(), with.as_str());
        let format = "--format=%H%x1f%an%x1f%s";
        let text = self.read(&["log", "--max-count=1000", "--no-show-signature", format, &range]).await?;
        let entry = |line: &str| {
            let mut fields = line.splitn(3, '\u{1f}');
            let (commit, author, subject) = (fields.next()?, fields.next()?, fields.next()?);
            Some(LogEntry { commit: commit.parse().ok()?, author: author.to_owned(), subject: subject.to_owned() })
        };
        Ok(text.lines().filter_map(entry).collect())
    }

    /// Lists where submodules belong in a commit.
    pub(super) async fn submodules(&self, commit: &Commit) -> Result<Vec<String>, ReleaseError> {
        let text = self.read(&["ls-tree", "-r", "-z", "--full-tree", commit.as_str()]).await?;
        let submodule =
            |line: &str| line.strip_prefix("160000 ").and_then(|line| Some(line.split_once('\t')?.1.to_owned()));
        Ok(text.split('\0').filter_map(submodule).collect())
    }

    /// Tells whether tracked files were changed and not committed.
    pub(super) async fn has_changes(&self) -> Result<bool, ReleaseError> {
        let answer = self.ask(&["status", "--porcelain", "--untracked-files=no"], READ_DEADLINE).await?;
        // A bare repository has no working tree, and says so as an error.
        Ok(answer.ended.is_ok() && !answer.stdout.is_empty())
    }

    pub(super) async fn read(&self, arguments: &[&str]) -> Result<String, ReleaseError> {
        let answer = self.ask(arguments, READ_DEADLINE).await?;
        self.text(arguments, answer)
    }

    fn text(&self, arguments: &[&str], answer: Answer) -> Result<String, ReleaseError> {
        match answer.ended {
            Ok(()) => Ok(String::from_utf8_lossy(&answer.stdout).into_owned()),
            Err(ended) => {
                let problem = if answer.stderr.is_empty() { ended.to_string() } else { answer.stderr };
                Err(self.failed(arguments, problem))
            }
        }
    }

    /// As [`Self::read`], with further variables.
    pub(super) async fn read_with(
        &self,
        arguments: &[&str],
        environment: &[(OsString, OsString)],
    ) -> Result<String, ReleaseError> {
        let mut task = self.git(arguments, READ_DEADLINE);
        task.environment.extend_from_slice(environment);
        let answer = ask(&task).await.map_err(|error| self.failed(arguments, error.to_string()))?;
        self.text(arguments, answer)
    }

    pub(super) async fn ask(&self, arguments: &[&str], deadline: Duration) -> Result<Answer, ReleaseError> {
        ask(&self.git(arguments, deadline)).await.map_err(|error| self.failed(arguments, error.to_string()))
    }

    fn git(&self, arguments: &[&str], deadline: Duration) -> Task {
        let mut all = words(["git", "-C"]);
        all.push(self.path.clone().into());
        all.extend(words(arguments));
        let arguments = all;
        Task { arguments, folder: self.path.clone(), environment: git_environment(), deadline }
    }

    fn failed(&self, arguments: &[&str], problem: String) -> ReleaseError {
        ReleaseError::Git { repository: self.path.clone(), command: arguments.join(" "), problem }
    }
}

/// Names the owner of a folder; by number where it has no name here.
fn owner_of(path: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;

    let Ok(found) = std::fs::metadata(path) else { return "another user".to_owned() };
    let id = found.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let user = fields.find(|fields| fields.get(2) == Some(&id.as_str()));
    user.and_then(|fields| fields.first().map(|name| (*name).to_owned())).unwrap_or_else(|| format!("user {id}"))
}

/// Tells why a remote gave nothing, where it did not.
pub(super) fn unless_refused(remote: &str, answer: Answer) -> Result<(), ReleaseError> {
    let problem = match answer.ended {
        Ok(()) => return Ok(()),
        Err(Ended::Deadline(deadline)) => format!("no answer within {} seconds", deadline.as_secs()),
        Err(_) if !answer.stderr.is_empty() => in_one_line(&answer.stderr),
        Err(ended) => ended.to_string(),
    };
    Err(ReleaseError::Fetch { remote: remote.to_owned(), problem })
}

/// Writes what git said over several lines in one.
pub(super) fn in_one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Reads a line of `git tag --format`: the tag's object, what it points at if it is an object of its own, time, name and author.
fn read_tag(line: &str) -> Option<Tag> {
    let mut fields = line.splitn(7, ' ');
    let (kind, object) = (fields.next()?, fields.next()?);
    let (target_kind, target) = (fields.next()?, fields.next()?);
    let (seconds, name) = (fields.next()?, fields.next()?);
    let commit = match (kind, target_kind) {
        ("commit", _) => object,
        ("tag", "commit") => target,
        _ => return None,
    };
    Some(Tag {
        name: name.to_owned(),
        version: version_of(name).ok()?,
        commit: commit.parse().ok()?,
        at: Timestamp::from_second(seconds.parse().unwrap_or_default()).unwrap_or_default(),
        author: fields.next().unwrap_or_default().to_owned(),
    })
}

/// Makes a version of a tag or description: what cannot stand in a folder's name becomes a dash.
pub(super) fn version_of(text: &str) -> Result<Version, crate::model::NameError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '~');
    let name: String = text.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    Version::new(name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()))
}
