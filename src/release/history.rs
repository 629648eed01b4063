//! A repository of one commit and its tag, made for one build.
//!
//! Exports and versions come from it, not from the deployer's clone, since clones differ: in their branches and other tags
//! (`export-subst`), in how deep they are, in `info/attributes`, in how many digits tell a commit from others. It has no object of
//! its own but the tag; the commit's are the clone's, behind `objects/info/alternates`.
//!
//! For a Python product it then lies in the export, where every build backend that reads versions from git finds the tag, and
//! only there: a dependency that is built from its source beside the product has no repository, or one of its own.

use std::fs;
use std::path::Path;

use super::build::Builder;
use super::environment::{Environment, isolated_git};
use super::error::ReleaseError;
use super::git::READ_DEADLINE;
use super::run::{Task, words};

/// What git does with it, whoever runs it: the same bytes, the same number of digits, and what the build itself makes is no change.
const CONFIGURATION: &str = "[core]\n\
    \tabbrev = 10\n\tattributesFile = /dev/null\n\texcludesFile = /dev/null\n\thooksPath = /dev/null\n\
    \tautocrlf = false\n\teol = lf\n\tfsmonitor = false\n\
    [status]\n\tshowUntrackedFiles = no\n[tar]\n\tumask = 0022\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[log]\n\tshowSignature = false\n\
    [advice]\n\tdetachedHead = false\n\tgraftFileDeprecated = false\n\
    [user]\n\tname = coalmine\n\temail = coalmine@localhost\n";

/// Further from its tag than this, a commit is described as if it were so far.
const MOST_COMMITS: u64 = 100_000;

/// Says where a commit stands: on a tag, or some commits behind one.
struct Place {
    tag: String,
    behind: u64,
}

impl Builder<'_> {
    /// Makes the repository, bare, beside where the export will be.
    pub(super) async fn make_history(&mut self) -> Result<(), ReleaseError> {
        let history = self.folder("history");
        let commit = self.resolved.commit.as_str();
        let format = if commit.len() == 64 { "sha256" } else { "sha1" };
        let mut init = words(["git", "init", "--quiet", "--bare", "--template=", "--initial-branch=release"]);
        init.extend([format!("--object-format={format}").into(), history.clone().into()]);
        self.run(self.git(init)).await?;
        let write = |name: &str, text: &[u8]| {
            let path = history.join(name);
            fs::write(&path, text).map_err(ReleaseError::disk("write", &path))
        };
        let path = history.join("config");
        let config = fs::read_to_string(&path).map_err(ReleaseError::disk("read", &path))?;
        write("config", (config + CONFIGURATION).as_bytes())?;
        let objects = self.repository.read(&["rev-parse", "--git-path", "objects"]).await?;
        let objects = self.repository.path().join(objects.trim_end_matches('\n'));
        let objects = fs::canonicalize(&objects).map_err(ReleaseError::disk("open", &objects))?;
        write("objects/info/alternates", format!("{}\n", objects.display()).as_bytes())?;
        let Some(place) = self.place().await? else { return Ok(()) };
        write("stream", stream(&place, commit, self.resolved.at.as_second()).as_bytes())?;
        let import = ["sh", "-c", "git fast-import --quiet <stream && rm stream"];
        self.run(Task { folder: history.clone(), ..self.git(words(import)) }).await?;
        if place.behind > 0 {
            let graft =
                ["sh", "-c", "git replace --graft \"$1\" refs/behind && git update-ref -d refs/behind", "sh", commit];
            self.run(Task { folder: history, ..self.git(words(graft)) }).await?;
        }
        Ok(())
    }

    /// Gives the command that writes the commit into a tar file.
    pub(super) fn archive(&self, file: &Path) -> Task {
        let mut archive = words(["git", "archive", "--format=tar"]);
        archive.extend([format!("--output={}", file.display()).into(), self.resolved.commit.as_str().into()]);
        Task { folder: self.folder("history"), ..self.git(archive) }
    }

    /// Puts the repository into the export, as if it had been cloned there.
    pub(super) async fn place_history(&mut self) -> Result<(), ReleaseError> {
        let source = self.folder("source");
        let (from, to) = (self.folder("history"), source.join(".git"));
        fs::rename(&from, &to).map_err(ReleaseError::disk("move", &from))?;
        let commit = self.resolved.commit.as_str();
        // Where a clone's history ends differs; here it ends at once, unless it leads to a tag. An export must not tell of it.
        let ends = if to.join("refs/replace").exists() { &["HEAD"][..] } else { &["HEAD", "shallow"] };
        for name in ends {
            let path = to.join(name);
            fs::write(&path, format!("{commit}\n")).map_err(ReleaseError::disk("write", &path))?;
        }
        // Another question than the tree's may have left one.
        let index = to.join("index");
        super::store::remove_tree(&index).map_err(ReleaseError::disk("remove", &index))?;
        for command in [vec!["config", "core.bare", "false"], vec!["reset", "--quiet", "--mixed", commit]] {
            let task = self.git([words(["git"]), words(command)].concat());
            self.run(Task { folder: source.clone(), ..task }).await?;
        }
        self.forget_changes().await
    }

    /// Makes git take what is there for what was committed: an export, and what `build.before` does to it, is no change
    /// of a developer's, and must not be in the version as one.
    pub(super) async fn forget_changes(&mut self) -> Result<(), ReleaseError> {
        let forget = ["sh", "-c", "git ls-files -z --modified | git update-index -z --assume-unchanged --stdin"];
        let task = Task { folder: self.folder("source"), ..self.git(words(forget)) };
        self.run(task).await
    }

    async fn place(&self) -> Result<Option<Place>, ReleaseError> {
        if let Some(tag) = &self.resolved.tag {
            return Ok(Some(Place { tag: tag.clone(), behind: 0 }));
        }
        let matching = format!("--match={}", self.tags);
        let describe = ["describe", "--tags", "--long", "--abbrev=10", &matching, self.resolved.commit.as_str()];
        let answer = self.repository.ask(&describe, READ_DEADLINE).await?;
        Ok(answer.ended.ok().and_then(|()| read_place(String::from_utf8_lossy(&answer.stdout).trim())))
    }

    pub(super) fn git(&self, arguments: Vec<std::ffi::OsString>) -> Task {
        let mut environment: Environment = isolated_git(&self.folder("home"), self.work);
        let at = self.resolved.at.as_second();
        for name in ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"] {
            environment.set(name, format!("@{at} +0000"));
        }
        Task {
            arguments,
            folder: self.work.to_path_buf(),
            environment: environment.into(),
            deadline: self.spec.deadline,
        }
    }
}

/// Reads what `git describe --long` says: `TAG-COUNT-gCOMMIT`.
fn read_place(text: &str) -> Option<Place> {
    let (rest, _) = text.rsplit_once("-g")?;
    let (tag, behind) = rest.rsplit_once('-')?;
    Some(Place { tag: tag.to_owned(), behind: behind.parse().ok()? })
}

/// Writes what git-fast-import(1) reads: the tag, and as many empty commits as are between it and the commit.
fn stream(place: &Place, commit: &str, at: i64) -> String {
    let who = format!("coalmine <coalmine@localhost> {at} +0000");
    let mut text = String::new();
    for mark in 1..=place.behind.min(MOST_COMMITS) {
        text.push_str(&format!("commit refs/behind\nmark :{mark}\ncommitter {who}\ndata 0\n\n"));
    }
    let tagged = if place.behind == 0 { commit } else { ":1" };
    let message = &place.tag;
    text.push_str(&format!("tag {message}\nfrom {tagged}\ntagger {who}\ndata {}\n{message}\n", message.len()));
    text
}
