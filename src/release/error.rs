use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use thiserror::Error;

use super::modes;
use super::progress::Step;
use crate::manifest::ManifestError;
use crate::model::{Bytes, Commit, NameError, Version};
use crate::process::quote;

/// Tells why there is no release, and how to mend it.
#[derive(Debug, Error)]
pub enum ReleaseError {
    /// The configured folder is no repository.
    #[error("{} is not a git repository: {problem}; set product.repository to the checkout that holds the tags", path.display())]
    NotARepository {
        /// The folder.
        path: PathBuf,
        /// What git, or the file system, says.
        problem: String,
    },
    /// The folder belongs to somebody whom git does not trust.
    #[error(
        "{} belongs to {owner}, and git does not trust it; if you do: git config --global --add safe.directory {}",
        path.display(),
        quote(&path.to_string_lossy())
    )]
    Untrusted {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: String,
    },
    /// A git command failed.
    #[error("`git {command}` failed in {}: {problem}", repository.display())]
    Git {
        /// Where it ran.
        repository: PathBuf,
        /// The arguments, as one line.
        command: String,
        /// What git printed, or how it ended.
        problem: String,
    },
    /// What leads from one commit to another is not there.
    #[error(
        "{} is shallow and does not have what is between the two: `git fetch --unshallow --tags` brings the history",
        repository.display()
    )]
    Shallow {
        /// The checkout.
        repository: PathBuf,
    },
    /// The remote did not answer, or refused.
    #[error(
        "cannot fetch from {remote:?}: {problem}; check the network and the credentials, or use --no-fetch to go on with what the checkout has"
    )]
    Fetch {
        /// The remote.
        remote: String,
        /// What git printed.
        problem: String,
    },
    /// The checkout has no remote of that name, and it is no address.
    #[error(
        "{} has no remote {remote:?}{}; product.remote names the one that is fetched first, or \"\" for none, and --no-fetch goes on with what the checkout has",
        repository.display(),
        others(known)
    )]
    NoSuchRemote {
        /// The checkout.
        repository: PathBuf,
        /// The name.
        remote: String,
        /// The remotes that it has.
        known: Vec<String>,
    },
    /// What environments run cannot be kept on a branch.
    #[error("the branch {branch:?} cannot keep what environments run: {problem}; product.state_branch names it")]
    StateBranch {
        /// The branch.
        branch: String,
        /// Why.
        problem: String,
    },
    /// No tag of that name.
    #[error("there is no tag {wanted:?} in {}{}", repository.display(), nearest_hint(nearest))]
    NoSuchTag {
        /// What was asked for.
        wanted: String,
        /// Where.
        repository: PathBuf,
        /// The tags whose names are most like it.
        nearest: Vec<String>,
    },
    /// A tag that the glob leaves out.
    #[error(
        "the tag {tag:?} is not a release: product.tags = {glob:?} leaves it out; use --rev {tag} to install it all the same"
    )]
    NotARelease {
        /// The tag.
        tag: String,
        /// The configured glob.
        glob: String,
    },
    /// A tag that upstream took back.
    #[error(
        "the tag {tag:?} was withdrawn upstream, so it is no release; use --rev {reference} to install it all the same"
    )]
    Withdrawn {
        /// The tag.
        tag: String,
        /// Where it is kept.
        reference: String,
    },
    /// A tag of something that has no history.
    #[error("the tag {tag:?} is of a {kind}, not of a commit, so it is no release: tag the commit that has it")]
    NoCommit {
        /// The tag.
        tag: String,
        /// What it is of.
        kind: String,
    },
    /// A tag that can be no version.
    #[error("the tag {tag:?} can name no release: {source}")]
    NoVersion {
        /// The tag.
        tag: String,
        /// Why.
        source: NameError,
    },
    /// No tag is signed.
    #[error(
        "git accepts the signature of none of the {} that match product.tags, and product.verify_tags is set; the newest: {newest}: {problem}",
        tags(*count)
    )]
    NoneVerified {
        /// How many tags there are.
        count: usize,
        /// The newest of them.
        newest: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The newest version is not what anybody would call the latest.
    #[error(
        "{chosen} is the newest by its number, and is of {chosen_at}, while {} written like it {} newer by date, up to {newest} of \
         {newest_at}: say with product.version_pattern how these tags are read, or name the version that you mean",
        tags(*newer),
        if *newer == 1 { "is" } else { "are" }
    )]
    Doubtful {
        /// The newest by number.
        chosen: String,
        /// Its day.
        chosen_at: String,
        /// How many are newer by date.
        newer: usize,
        /// The newest by date.
        newest: String,
        /// Its day.
        newest_at: String,
    },
    /// The channel's branch is not there.
    #[error(
        "there is no branch {branch:?} {where_}, so there is no latest; is it gone, or the channel misspelt?{}",
        nearest_branches(nearest)
    )]
    NoSuchBranch {
        /// The branch.
        branch: String,
        /// Where it was looked for.
        where_: String,
        /// Branches whose names are most like it.
        nearest: Vec<String>,
    },
    /// The channel's branch does not contain any more what hosts were given of it.
    #[error(
        "the branch {branch:?} was rewritten: its head {0} does not contain {1}, which hosts were given last; \
         `git log {0}..{1}` shows what hosts would lose, and --rev {0} goes ahead once",
        head.short(),
        made.short()
    )]
    Rewritten {
        /// The branch.
        branch: String,
        /// What it is now.
        head: Commit,
        /// What it was.
        made: Commit,
    },
    /// No tag at all.
    #[error("no tag in {} matches product.tags = {glob:?}, so there is no latest release; tag one, or name a commit with --rev", repository.display())]
    NoTags {
        /// Where.
        repository: PathBuf,
        /// The configured glob.
        glob: String,
    },
    /// A tag whose signature git does not accept.
    #[error("git does not accept the signature of the tag {tag:?}, and product.verify_tags is set: {problem}")]
    Unverified {
        /// The tag.
        tag: String,
        /// What `git verify-tag` printed.
        problem: String,
    },
    /// A revision that git does not know.
    #[error("{} has no commit {wanted:?}; fetch it, or check its spelling", repository.display())]
    NoSuchCommit {
        /// What was asked for.
        wanted: String,
        /// Where.
        repository: PathBuf,
    },
    /// A tag or description that can be no folder's name.
    #[error("cannot name a release after it: {0}")]
    Name(#[from] NameError),
    /// The commit has submodules.
    #[error("{version} has submodules ({}): their folders are empty in an export, and after build.before too; set build.submodules = true to fetch them", paths.join(", "))]
    Submodules {
        /// The version.
        version: Version,
        /// Where they belong.
        paths: Vec<String>,
    },
    /// A submodule cannot be had.
    #[error("{version} has the submodule {path}, which cannot be had: {problem}")]
    Submodule {
        /// The version.
        version: Version,
        /// Where it belongs.
        path: String,
        /// Why not.
        problem: String,
    },
    /// Contents of Git LFS cannot be had.
    #[error(
        "{version} has contents in Git LFS that cannot be had ({}): {problem}; install git-lfs here, or run `git lfs fetch` in the checkout",
        list(paths)
    )]
    Lfs {
        /// The version.
        version: Version,
        /// The files.
        paths: Vec<PathBuf>,
        /// Why not.
        problem: String,
    },
    /// uv is configured and not there.
    #[error("build.installer is \"uv\", and there is no uv on the PATH; install it, or write \"auto\"")]
    NoUv,
    /// The commit has no files.
    #[error("the export of {version} is empty: the commit has no files, or .gitattributes leaves all of them out")]
    EmptyExport {
        /// The version.
        version: Version,
    },
    /// The build has nothing to do.
    #[error("{what} is empty: the build would make nothing")]
    NothingToBuild {
        /// The key of the configuration.
        what: &'static str,
    },
    /// The interpreter for the virtual environment cannot be used.
    #[error("cannot use {} for the virtual environment: {problem}; set build.python to an interpreter that every host has", python.display())]
    Python {
        /// The interpreter.
        python: PathBuf,
        /// Why.
        problem: String,
    },
    /// A command of the build failed.
    #[error("{0}")]
    Failed(Box<FailedStep>),
    /// The build made nothing.
    #[error("the build of {version} left no file in the release: is {what} right?")]
    EmptyTree {
        /// The version.
        version: Version,
        /// The key of the configuration.
        what: &'static str,
    },
    /// Files name the folder in which they were built.
    #[error(
        "the build of {version} left the path of its build folder in {}: they would not work anywhere else; let the build use relative paths, or name them in build.allow_paths",
        list(paths)
    )]
    BuildPath {
        /// The version.
        version: Version,
        /// The files, below the release.
        paths: Vec<PathBuf>,
    },
    /// Files and folders have modes that a release has not.
    #[error(
        "the build of {version} made what has {what}, which a release cannot keep: {}; let the build leave them away, or set build.modes",
        modes::list(paths)
    )]
    Modes {
        /// The version.
        version: Version,
        /// What is odd about them.
        what: &'static str,
        /// They, with their modes, below the release.
        paths: Vec<(PathBuf, u32)>,
    },
    /// The check changed the release.
    #[error("build.check changed the release while it ran: {source}; let it write elsewhere")]
    CheckChanged {
        /// What changed.
        source: ManifestError,
    },
    /// The tree has no manifest.
    #[error("the build of {version} cannot be released: {source}")]
    Tree {
        /// The version.
        version: Version,
        /// Why.
        source: ManifestError,
    },
    /// A release in the store is not what it was.
    #[error("the stored release in {} is damaged: {problem}; build it again with --rebuild", path.display())]
    Damaged {
        /// Its folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The disk.
    #[error("cannot {what} {}: {source}", path.display())]
    Disk {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl ReleaseError {
    /// Wraps an error of the disk, for `map_err`.
    pub(super) fn disk(what: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Disk { what, path, source }
    }
}

/// Tells which command of a build failed, how, and what it said last.
#[derive(Debug, Error)]
#[error(
    "the build of {version} failed at the step {step}: `{command}` {how}{}{}{}",
    output(tail),
    scarce(room),
    kept(log.as_deref())
)]
pub struct FailedStep {
    /// What was being built.
    pub version: Version,
    /// Which step of it.
    pub step: Step,
    /// The command, as one line.
    pub command: String,
    /// How it ended.
    pub how: Ended,
    /// The last lines that it printed.
    pub tail: Vec<String>,
    /// Where there was next to no room when it failed, and how much: many a tool keeps that to itself.
    pub room: Vec<(PathBuf, Bytes)>,
    /// Where everything that it printed is kept.
    pub log: Option<PathBuf>,
}

/// Tells how a command ended that did not succeed.
#[derive(Debug, Error)]
pub enum Ended {
    /// By itself, or by a signal.
    #[error("ended with {0}")]
    Status(ExitStatus),
    /// It took too long, and was killed with all that it started.
    #[error("did not end within {} seconds and was killed", .0.as_secs())]
    Deadline(Duration),
    /// It could not be started.
    #[error("could not be started: {0}")]
    NotStarted(io::Error),
}

fn nearest_hint(nearest: &[String]) -> String {
    if nearest.is_empty() {
        "; is it pushed and fetched?".into()
    } else {
        format!("; the nearest are {}", nearest.join(", "))
    }
}

fn others(known: &[String]) -> String {
    if known.is_empty() { ", nor any other".into() } else { format!(", but {}", known.join(", ")) }
}

fn nearest_branches(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!(" The nearest are {}", nearest.join(", ")) }
}

fn tags(count: usize) -> String {
    if count == 1 { "1 tag".to_owned() } else { format!("{count} tags") }
}

pub(super) fn list(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 5;
    let mut text: Vec<String> = paths.iter().take(SHOWN).map(|path| format!("{path:?}")).collect();
    match paths.len().saturating_sub(SHOWN) {
        0 => {}
        more => text.push(format!("{more} more")),
    }
    text.join(", ")
}

fn output(tail: &[String]) -> String {
    tail.iter().map(|line| format!("\n    {line}")).collect()
}

fn scarce(room: &[(PathBuf, Bytes)]) -> String {
    let disk = |(folder, free): &(PathBuf, Bytes)| {
        format!(
            "\n  the disk of {} had {free} left: make room there (`coalmine releases prune`), and build it again",
            folder.display()
        )
    };
    room.iter().map(disk).collect()
}

fn kept(log: Option<&Path>) -> String {
    log.map_or_else(String::new, |log| format!("\n  all of its output is in {}", log.display()))
}
