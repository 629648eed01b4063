use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::build::{Builder, LOOK_AGAIN, blocking};
use super::environment::{Account, clean_environment};
use super::error::ReleaseError;
use super::git::Repository;
use super::marks::Mark;
use super::progress::{Progress, Report, Step};
use super::python::{self, Interpreter};
use super::resolve::{Resolved, Source, Wanted, resolve};
use super::run::Output;
use super::spec::{BuildKind, BuildSpec};
use super::store::{BuildLock, Meta, Store, StoredRelease, Work};
use crate::config::Channel;
use crate::manifest::Manifest;
use crate::model::{Digest, Operator};
use crate::process::user_name;

/// Counts changes of how releases are made, so that none of an older way is taken for one of this.
const RECIPE: u32 = 5;

/// Says what release is wanted and how it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where it comes from.
    pub source: Source,
    /// Which one.
    pub wanted: Wanted,
    /// How it is built.
    pub spec: BuildSpec,
    /// Who asks.
    pub operator: Operator,
    /// Build it even where the store has it.
    pub rebuild: bool,
}

/// Finds the wanted commit, and gives its release: from the store where it was built before, else built now.
///
/// When the future is dropped, the commands that run are killed with all that they started, and what was built is removed.
///
/// # Errors
///
/// When there is no such commit, or when it does not become a release that passes its check. Nothing is stored then.
pub async fn prepare(store: &Store, request: &Request, report: Report<'_>) -> Result<StoredRelease, ReleaseError> {
    let began = Instant::now();
    request.spec.validate()?;
    let resolved = resolve(&request.source, &request.wanted, report).await?;
    refuse_rewritten(request, &resolved).await?;
    let mut stored = prepare_resolved(store, request, &resolved, report).await?;
    stored.tagged = resolved.tagged;
    stored.had_in = Some(began.elapsed());
    stored.notes.splice(0..0, resolved.notes);
    match finalized_otherwise(store, &stored) {
        Ok(None) => {}
        Ok(Some(text)) => {
            report(Progress::Warning { text: text.clone() });
            stored.notes.push(text);
        }
        // Whoever must know what was marked has asked for that before.
        Err(error) => tracing::debug!("what {} was before is not known: {error}", stored.id),
    }
    Ok(stored)
}

/// Names the branch whose head is wanted, where its remote was asked: what somebody rewrites in a checkout is theirs to know.
fn followed(request: &Request) -> Option<&str> {
    let Source { remote, fetch, .. } = &request.source;
    match &request.wanted {
        Wanted::Latest(Channel::Branch(name)) if *fetch && !remote.is_empty() => Some(name),
        _ => None,
    }
}

/// Refuses the head of a branch that does not contain what hosts were given of it last: they would lose commits that nobody took back.
async fn refuse_rewritten(request: &Request, resolved: &Resolved) -> Result<(), ReleaseError> {
    let Some(branch) = followed(request) else { return Ok(()) };
    let repository = Repository::open(&request.source.repository).await?;
    match repository.rewritten(branch, &resolved.commit).await? {
        None => Ok(()),
        Some(made) => Err(ReleaseError::Rewritten { branch: branch.to_owned(), head: resolved.commit.clone(), made }),
    }
}

/// Tells that the version was finalized from other files before, by what this store knows.
fn finalized_otherwise(store: &Store, release: &StoredRelease) -> Result<Option<String>, ReleaseError> {
    let marks = store.marks()?;
    let other = marks.iter().rev().find(|mark| {
        let id = &mark.release;
        mark.verdict == Mark::Good && !id.is_unbuilt() && *id.version() == release.version && *id != release.id
    });
    Ok(other.map(|mark| {
        format!(
            "{} was finalized in {} with other files before, as {}, and is {} now: its tag was moved, or it is built otherwise",
            release.version, mark.environment, mark.release, release.id
        )
    }))
}

/// Gives the release of a commit that was found before.
///
/// # Errors
///
/// As [`prepare`].
pub async fn prepare_resolved(
    store: &Store,
    request: &Request,
    resolved: &Resolved,
    report: Report<'_>,
) -> Result<StoredRelease, ReleaseError> {
    request.spec.validate()?;
    let interpreter = match &request.spec.kind {
        BuildKind::PythonVenv { python, .. } => {
            Some(python::find(python.as_deref(), clean_environment().into()).await?)
        }
        BuildKind::Command { .. } => None,
    };
    let key = build_key(resolved, &request.spec, interpreter.as_ref());
    if let Some(stored) = reuse(store, request, resolved, &key, report).await? {
        return Ok(stored);
    }
    let lock = wait_for_lock(store, report).await?;
    // Whoever had the lock may have built just this.
    if let Some(stored) = reuse(store, request, resolved, &key, report).await? {
        return Ok(stored);
    }
    let begun = {
        let store = store.clone();
        blocking(move || {
            store.sweep(&lock)?;
            store.begin(lock)
        })
    };
    let work = begun.await?;
    let built = build(store, &work, request, resolved, interpreter.as_ref(), report).await;
    let (manifest, took) = built.map_err(|error| match error {
        ReleaseError::Failed(mut failed) => {
            failed.log = store.keep_log(&work, &resolved.version);
            ReleaseError::Failed(failed)
        }
        error => error,
    })?;
    let totals = manifest.totals();
    let meta = Meta {
        schema: Meta::SCHEMA,
        version: resolved.version.clone(),
        commit: resolved.commit.clone(),
        digest: manifest.digest(),
        build_key: key,
        built_at: Timestamp::now(),
        built_by: request.operator.clone(),
        // What a release holds itself, no host has to have.
        interpreter: interpreter.filter(|_| !request.spec.kind.owns_interpreter()),
        entries: totals.entries(),
        bytes: totals.bytes,
    };
    // The folder goes along: were this future dropped, it must not be removed under what gives it its name.
    let stored = {
        let store = store.clone();
        blocking(move || store.finish(work, &meta)).await?
    };
    report(Progress::Built { id: stored.id.clone(), totals, took });
    Ok(stored)
}

async fn reuse(
    store: &Store,
    request: &Request,
    resolved: &Resolved,
    key: &Digest,
    report: Report<'_>,
) -> Result<Option<StoredRelease>, ReleaseError> {
    if request.rebuild {
        return Ok(None);
    }
    let Some(stored) = store.find_built(&resolved.version, key)? else {
        return Ok(None);
    };
    let id = stored.id.clone();
    let proven = {
        let store = store.clone();
        blocking(move || Ok(store.prove(&stored).map(|()| stored))).await?
    };
    match proven {
        Ok(mut stored) => {
            stored.notes.extend(built_by_another(&stored, &request.operator));
            report(Progress::Reused { id });
            Ok(Some(stored))
        }
        Err(error) => {
            report(Progress::Warning { text: format!("{error}; it is built again now") });
            Ok(None)
        }
    }
}

/// Says who built a release that somebody else did: its digest proves that it is whole, and not who made it.
fn built_by_another(release: &StoredRelease, operator: &Operator) -> Option<String> {
    let owner = release.tree.metadata().ok()?.uid();
    let is_mine = owner == rustix::process::geteuid().as_raw();
    if is_mine && release.built_by == *operator {
        return None;
    }
    let who = user_name(owner).unwrap_or_else(|| format!("the user with id {owner}"));
    let day = release.built_at.strftime("%Y-%m-%d");
    Some(format!("{} was built here on {day} by {}; its files are {who}'s", release.id, release.built_by))
}

async fn wait_for_lock(store: &Store, report: Report<'_>) -> Result<BuildLock, ReleaseError> {
    let mut told = false;
    loop {
        if let Some(lock) = store.try_lock()? {
            return Ok(lock);
        }
        if !told {
            report(Progress::Waiting { owner: store.lock_owner() });
            told = true;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn build(
    store: &Store,
    work: &Work,
    request: &Request,
    resolved: &Resolved,
    interpreter: Option<&Interpreter>,
    report: Report<'_>,
) -> Result<(Manifest, Vec<(Step, Duration)>), ReleaseError> {
    let repository = Repository::open(&request.source.repository).await?;
    let log = work.path.join("log");
    let mut builder = Builder {
        repository: &repository,
        resolved,
        tags: &request.source.tags,
        remote: Some(request.source.remote.as_str()).filter(|remote| request.source.fetch && !remote.is_empty()),
        spec: &request.spec,
        interpreter,
        work: &work.path,
        cache: store.cache(),
        rebuild: request.rebuild,
        account: Account::default(),
        output: Output::new(&log, report).map_err(ReleaseError::disk("write", &log))?,
    };
    let manifest = builder.build().await?;
    Ok((manifest, builder.output.took()))
}

/// Digests what a release depends on: commit, name, spec without its deadline, and the interpreter.
fn build_key(resolved: &Resolved, spec: &BuildSpec, interpreter: Option<&Interpreter>) -> Digest {
    let mut hasher = Sha256::new();
    let how =
        (&spec.kind, &spec.before, &spec.check, &spec.environment, &spec.modes, &spec.allow_paths, spec.submodules);
    let made = serde_json::to_string(&how).unwrap_or_default();
    let python = interpreter.map(|python| format!("{}\0{}\0{}", python.path.display(), python.version, python.machine));
    let recipe = RECIPE.to_string();
    let parts = [&recipe, resolved.commit.as_str(), resolved.version.as_str(), &made, &python.unwrap_or_default()];
    for part in parts {
        // With its length, so that no two lists of parts read the same.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Digest(hasher.finalize().into())
}
