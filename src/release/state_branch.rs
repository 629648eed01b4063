//! What environments run, on a branch of the product's repository that holds nothing else.
//!
//! One file for each environment and slot, a commit for each rollout that finalized something or went back: the branch's log reads as the
//! list of deployments, and another deploy server learns from it what runs. Neither the checkout's tree nor its index is touched. A push that
//! meets another's takes both: of each file the newer one. Nothing is ever forced.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::ReleaseError;
use super::git::Repository;
use crate::model::{Commit, Digest, Environment, HostId, Operator, ProductId, ReleaseId, RolloutId, Slot, Version};

/// How long the remote may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often a commit or a push is tried anew when somebody else came first.
const TRIES: usize = 5;
/// What the file of the usual link is called, whatever the link is.
const USUAL: &str = "current";
/// What the branch says of itself.
const README: &str = "README.md";
const ABOUT: &str = "What each environment runs, and who brought it there: a file for each slot, written by coalmine. The log is the list of deployments.\n";

/// Says what an environment runs in one of its slots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The version.
    pub version: Version,
    /// The release.
    pub release: ReleaseId,
    /// The commit that it was built of, where that is known.
    #[serde(with = "crate::model::commit::or_empty")]
    pub commit: Option<Commit>,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The rollout that brought it there, or led back to it.
    pub rollout: RolloutId,
    /// When that was over.
    pub at: Timestamp,
    /// Who did it.
    pub by: Operator,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// On how many hosts it runs since.
    pub hosts: usize,
    /// The hosts that should run it and do not.
    #[serde(default)]
    pub debt: Vec<HostId>,
    /// The name of the product; none where an earlier coalmine wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The link that names its release on hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl Recorded {
    /// Gives the name of the product where that is another than one: one that was renamed has its link still, and one that moved its name.
    fn of_another_than(&self, name: &str, link: &str) -> Option<&str> {
        let (theirs, at) = (self.product.as_deref()?, self.link.as_deref()?);
        Some(theirs).filter(|theirs| *theirs != name && at != link)
    }
}

/// Tells what became of a record besides being kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    /// The remote has another history of the branch than it had; what it says was taken along.
    Rewritten,
    /// It is here, and did not get to the remote.
    NotPushed(String),
    /// The remote could not be asked what others wrote.
    NotFetched(String),
    /// Files of the branch cannot be read.
    Unreadable(Vec<String>),
    /// A file is of another product, which calls an environment the same; it is neither believed nor written over.
    Another {
        /// The file.
        path: String,
        /// The product that it is of.
        product: String,
    },
}

/// Reads and writes such a branch.
#[derive(Debug, Clone)]
pub struct StateBranch {
    repository: Repository,
    branch: String,
    remote: Option<String>,
    product: ProductId,
}

/// Holds what an environment runs, by the slot; none is the usual link.
pub type Records = BTreeMap<Option<Slot>, Recorded>;

/// What to do where two products meet on a branch.
pub const APART: &str = "name the environment otherwise, or give each product a branch of its own";

type Files = BTreeMap<String, String>;

impl StateBranch {
    /// Names the branch; nothing is made yet.
    #[must_use]
    pub const fn new(repository: Repository, branch: String, remote: Option<String>, product: ProductId) -> Self {
        Self { repository, branch, remote, product }
    }

    /// Writes what an environment runs now, and pushes it where that is wanted.
    ///
    /// # Errors
    ///
    /// When the branch holds something else or another product's, or is checked out, or when git cannot write. That a push fails is no
    /// error.
    pub async fn record(
        &self,
        environment: &Environment,
        slot: Option<&Slot>,
        recorded: &Recorded,
    ) -> Result<Vec<Noted>, ReleaseError> {
        let path = path(environment, slot);
        let recorded = &Recorded {
            product: Some(self.product.name.clone()),
            link: Some(self.product.link.clone()),
            ..recorded.clone()
        };
        let text = toml::to_string(recorded).map_err(|error| self.refuse(error.to_string()))?;
        let message = message(environment, slot, recorded);
        let mut noted = Vec::new();
        let mut kept = false;
        for _ in 0..TRIES {
            let head = self.head(&self.local()).await?;
            let mut files = self.files(head.as_deref()).await?;
            self.check(&files)?;
            if let Some(product) = files.get(&path).and_then(|text| self.another(&toml::from_str(text).ok()?)) {
                return Err(self.refuse(format!("{path} there is of {product}, another product; {APART}")));
            }
            files.insert(README.to_owned(), ABOUT.to_owned());
            files.insert(path.clone(), text.clone());
            kept =
                self.commit(&files, head.as_deref().into_iter().collect(), head.as_deref(), &message, recorded).await?;
            if kept {
                break;
            }
        }
        if !kept {
            return Err(self.refuse("others write it all the time"));
        }
        if let Some(remote) = &self.remote {
            self.push(remote, recorded, &mut noted).await?;
        }
        Ok(noted)
    }

    /// Asks the remote what others wrote, and waits so long for it; tells what came of that.
    pub async fn refresh(&self, patience: Duration) -> Vec<Noted> {
        let mut noted = Vec::new();
        if let Some(remote) = &self.remote
            && let Err(error) = self.fetch(remote, patience, &mut noted).await
        {
            noted.push(Noted::NotFetched(said(error)));
        }
        noted
    }

    /// Reads what an environment runs in each of its slots, by the newest word of here and of the remote as it was asked last; what cannot
    /// be read is told.
    ///
    /// # Errors
    ///
    /// When git cannot read at all.
    pub async fn read(&self, environment: &Environment) -> Result<(Records, Vec<Noted>), ReleaseError> {
        let mut noted = Vec::new();
        let mut found = Records::new();
        for reference in [self.local(), self.seen()] {
            let head = self.head(&reference).await?;
            for (path, text) in self.files(head.as_deref()).await? {
                let Some(slot) = slot_of(&path, environment) else { continue };
                let Ok(recorded) = toml::from_str::<Recorded>(&text) else {
                    noted.push(Noted::Unreadable(vec![path]));
                    continue;
                };
                if let Some(product) = self.another(&recorded) {
                    let another = Noted::Another { path, product };
                    if !noted.contains(&another) {
                        noted.push(another);
                    }
                } else if found.get(&slot).is_none_or(|found| found.at < recorded.at) {
                    found.insert(slot, recorded);
                }
            }
        }
        Ok((found, noted))
    }

    async fn push(&self, remote: &str, recorded: &Recorded, noted: &mut Vec<Noted>) -> Result<(), ReleaseError> {
        let local = self.local();
        let refspec = format!("{local}:{local}");
        let mut problem = String::new();
        for _ in 0..TRIES {
            let answer = self
                .repository
                .ask(&["push", "--quiet", "--no-verify", "--end-of-options", remote, &refspec], DEADLINE)
                .await?;
            if answer.ended.is_ok() {
                if let Some(head) = self.head(&local).await? {
                    self.repository.read(&["update-ref", &self.seen(), &head]).await?;
                }
                return Ok(());
            }
            problem = super::git::in_one_line(&answer.stderr);
            // Refused because somebody came first, or for good: what the remote has says which.
            match self.fetch(remote, DEADLINE, noted).await {
                Ok(()) => {}
                Err(error) => {
                    problem = said(error);
                    break;
                }
            }
            if !self.take_along(recorded, noted).await? {
                break;
            }
        }
        noted.push(Noted::NotPushed(problem));
        Ok(())
    }

    /// Brings the remote's branch here; one that is not there is none.
    async fn fetch(&self, remote: &str, patience: Duration, noted: &mut Vec<Noted>) -> Result<(), ReleaseError> {
        let seen = self.seen();
        let before = self.head(&seen).await?;
        let refspec = format!("+{}:{seen}", self.local());
        let arguments =
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--end-of-options", remote, &refspec];
        let answer = self.repository.ask(&arguments, patience).await?;
        if answer.ended.is_err() {
            return if answer.stderr.contains("couldn't find remote ref") {
                Ok(())
            } else {
                super::git::unless_refused(remote, answer)
            };
        }
        if let (Some(before), Some(after)) = (before, self.head(&seen).await?) {
            let ancestor = self.repository.ask(&["merge-base", "--is-ancestor", &before, &after], DEADLINE).await?;
            if ancestor.ended.is_err() {
                noted.push(Noted::Rewritten);
            }
        }
        Ok(())
    }

    /// Takes the remote's branch into the one here, of each file the newer one; tells whether that changed it.
    async fn take_along(&self, recorded: &Recorded, noted: &mut Vec<Noted>) -> Result<bool, ReleaseError> {
        let (ours, theirs) = (self.head(&self.local()).await?, self.head(&self.seen()).await?);
        let (Some(ours), Some(theirs)) = (ours, theirs) else { return Ok(false) };
        if self.repository.ask(&["merge-base", "--is-ancestor", &theirs, &ours], DEADLINE).await?.ended.is_ok() {
            return Ok(false);
        }
        let mut files = self.files(Some(&theirs)).await?;
        self.check(&files)?;
        let mut unreadable = Vec::new();
        let both = |ours: &str, theirs: &str| {
            let (ours, theirs) = (toml::from_str::<Recorded>(ours).ok()?, toml::from_str::<Recorded>(theirs).ok()?);
            theirs.of_another_than(&ours.product?, &ours.link?).map(str::to_owned)
        };
        let at = |text: &str| toml::from_str::<Recorded>(text).map(|recorded| recorded.at);
        for (path, text) in self.files(Some(&ours)).await? {
            // Who came first there keeps the name.
            if let Some(product) = files.get(&path).and_then(|theirs| both(&text, theirs)) {
                noted.push(Noted::Another { path, product });
                continue;
            }
            let newer = match files.get(&path).map(|theirs| at(theirs)) {
                None => true,
                Some(Ok(theirs)) => at(&text).is_ok_and(|ours| ours > theirs),
                Some(Err(_)) if path == README => false,
                Some(Err(_)) => {
                    unreadable.push(path.clone());
                    true
                }
            };
            if newer {
                files.insert(path, text);
            }
        }
        if !unreadable.is_empty() {
            noted.push(Noted::Unreadable(unreadable));
        }
        let message = format!("Take along what {} recorded meanwhile", self.remote.as_deref().unwrap_or("another"));
        self.commit(&files, vec![&theirs, &ours], Some(&ours), &message, recorded).await
    }

    /// Commits files, unless the branch is another meanwhile; tells whether it did.
    async fn commit(
        &self,
        files: &Files,
        parents: Vec<&str>,
        before: Option<&str>,
        message: &str,
        recorded: &Recorded,
    ) -> Result<bool, ReleaseError> {
        self.refuse_checked_out().await?;
        let folder = tempfile::tempdir().map_err(|error| self.refuse(error.to_string()))?;
        let by = recorded.by.to_string();
        let name = by.split('@').next().unwrap_or(&by).to_owned();
        let seconds = format!("{} +0000", recorded.at.as_second());
        let environment: Vec<(OsString, OsString)> = vec![
            ("GIT_INDEX_FILE".into(), folder.path().join("index").into()),
            ("GIT_AUTHOR_NAME".into(), name.clone().into()),
            ("GIT_AUTHOR_EMAIL".into(), by.clone().into()),
            ("GIT_COMMITTER_NAME".into(), name.into()),
            ("GIT_COMMITTER_EMAIL".into(), by.into()),
            ("GIT_AUTHOR_DATE".into(), seconds.clone().into()),
            ("GIT_COMMITTER_DATE".into(), seconds.into()),
        ];
        let git = async |arguments: &[&str]| self.repository.read_with(arguments, &environment).await;
        git(&["read-tree", "--empty"]).await?;
        for (path, text) in files {
            let file = folder.path().join("file");
            std::fs::write(&file, text).map_err(|error| self.refuse(error.to_string()))?;
            let blob = git(&["hash-object", "-w", "--no-filters", "--", &file.to_string_lossy()]).await?;
            let entry = format!("100644,{},{path}", blob.trim());
            git(&["update-index", "--add", "--cacheinfo", &entry]).await?;
        }
        let tree = git(&["write-tree"]).await?;
        let mut arguments = vec!["-c", "commit.gpgSign=false", "commit-tree", "-m", message];
        for parent in parents {
            arguments.extend(["-p", parent]);
        }
        arguments.push(tree.trim());
        let commit = git(&arguments).await?;
        // Who came first stays: an empty old value means that there is none yet.
        let (local, zero) = (self.local(), "0".repeat(commit.trim().len()));
        let update = ["update-ref", "-m", "coalmine", &local, commit.trim(), before.unwrap_or(&zero)];
        Ok(self.repository.ask(&update, DEADLINE).await?.ended.is_ok())
    }

    /// Refuses a branch that holds something else: somebody meant another.
    fn check(&self, files: &Files) -> Result<(), ReleaseError> {
        let is_ours = |path: &String| {
            let parts: Vec<&str> = path.split('/').collect();
            path == README || matches!(parts.as_slice(), [_, file] if file.ends_with(".toml"))
        };
        match files.keys().find(|path| !is_ours(path)) {
            None => Ok(()),
            Some(path) => Err(self.refuse(format!("it holds {path}, which is none of coalmine's"))),
        }
    }

    async fn refuse_checked_out(&self) -> Result<(), ReleaseError> {
        let listed = self.repository.read(&["worktree", "list", "--porcelain"]).await?;
        let checked_out = format!("branch {}", self.local());
        match listed.lines().any(|line| line == checked_out) {
            true => Err(self.refuse("somebody has checked it out")),
            false => Ok(()),
        }
    }

    /// Gives the name of the product that a record is of, where that is another.
    fn another(&self, recorded: &Recorded) -> Option<String> {
        recorded.of_another_than(&self.product.name, &self.product.link).map(str::to_owned)
    }

    fn refuse(&self, problem: impl Into<String>) -> ReleaseError {
        ReleaseError::StateBranch { branch: self.branch.clone(), problem: problem.into() }
    }

    async fn files(&self, commit: Option<&str>) -> Result<Files, ReleaseError> {
        let Some(commit) = commit else { return Ok(Files::new()) };
        let listed = self.repository.read(&["ls-tree", "-r", "-z", "--full-tree", "--name-only", commit]).await?;
        let mut files = Files::new();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            let object = format!("{commit}:{path}");
            let text = match path.ends_with(".toml") || path == README {
                true => self.repository.read(&["cat-file", "blob", &object]).await?,
                false => String::new(),
            };
            files.insert(path.to_owned(), text);
        }
        Ok(files)
    }

    async fn head(&self, reference: &str) -> Result<Option<String>, ReleaseError> {
        Ok(self.repository.commit(reference).await?.map(|commit| commit.as_str().to_owned()))
    }

    fn local(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    /// Names what the remote had when it was asked last.
    fn seen(&self) -> String {
        format!("refs/coalmine/state/{}", self.branch)
    }
}

fn path(environment: &Environment, slot: Option<&Slot>) -> String {
    format!("{environment}/{}.toml", slot.map_or(USUAL, Slot::as_str))
}

/// Gives whose file of an environment a path is; none where it is none of its.
fn slot_of(path: &str, environment: &Environment) -> Option<Option<Slot>> {
    let name = path.strip_prefix(environment.as_str())?.strip_prefix('/')?.strip_suffix(".toml")?;
    if name == USUAL { Some(None) } else { Slot::new(name).ok().map(Some) }
}

/// Says what is wrong with a remote; that of a fetch of tags would say what to do instead.
fn said(error: ReleaseError) -> String {
    match error {
        ReleaseError::Fetch { remote, problem } => format!("{remote}: {problem}"),
        error => error.to_string(),
    }
}

fn message(environment: &Environment, slot: Option<&Slot>, recorded: &Recorded) -> String {
    let slot = slot.map(|slot| format!(", slot {slot}")).unwrap_or_default();
    let Recorded { version, hosts, rollout, debt, .. } = recorded;
    let mut message = format!("{environment}{slot}: {version} on {hosts} host{}\n", if *hosts == 1 { "" } else { "s" });
    if let Some(reason) = &recorded.reason {
        message.push_str(&format!("\n{}\n", crate::words::one_line(reason, 500, crate::words::Look::default())));
    }
    if !debt.is_empty() {
        message.push_str(&format!("\nIn debt: {}\n", crate::expr::fold(debt)));
    }
    message.push_str(&format!("\nRollout: {rollout}\n"));
    message
}
