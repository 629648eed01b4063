use std::io::IsTerminal as _;
use std::sync::Arc;

use super::context::{Context, Fleet, operator};
use super::error::Failed;
use super::output::tell;
use super::{args, mapping};
use crate::model::ReleaseId;
use crate::release::{
    Mark, Progress, ReleaseError, Repository, Request, Resolved, Store, StoredRelease, Tag, Wanted, prepare, resolve,
};

/// Opens the store of built releases.
pub(super) fn store(context: &Context) -> Result<Store, Failed> {
    Store::open(&context.state_dir).map_err(failed)
}

/// Finds what is wanted and builds it unless that was done before; what is done is told on standard error.
pub(super) async fn make(
    context: &Context,
    fleet: &Fleet<'_>,
    args: &args::Wanted,
    rebuild: bool,
) -> Result<Arc<StoredRelease>, Failed> {
    let wanted = mapping::wanted(fleet, args);
    make_wanted(context, wanted, args.no_fetch, rebuild).await
}

/// As [`make`], of a commit that no command line names.
pub(super) async fn make_wanted(
    context: &Context,
    wanted: Wanted,
    no_fetch: bool,
    rebuild: bool,
) -> Result<Arc<StoredRelease>, Failed> {
    let store = store(context)?;
    let request = Request {
        source: mapping::source(context.config(), no_fetch),
        wanted,
        spec: mapping::build_spec(context.config()),
        operator: operator(),
        rebuild,
    };
    let release = prepare(&store, &request, &told).await.map_err(failed)?;
    // An empty or damaged source once emptied a fleet: what is sent was proven just before.
    if release.manifest.totals().entries() == 0 {
        return Err(Failed::before(format!("the release {} is empty", release.id)));
    }
    Ok(Arc::new(release))
}

/// Finds what is wanted without building it.
pub(super) async fn find(context: &Context, fleet: &Fleet<'_>, args: &args::Wanted) -> Result<Resolved, Failed> {
    let source = mapping::source(context.config(), args.no_fetch);
    resolve(&source, &mapping::wanted(fleet, args), &told).await.map_err(failed)
}

/// Holds a tag that is a release, and what this machine knows of it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) tag: Tag,
    /// A build of it, when the store has one.
    pub(super) built: Option<ReleaseId>,
    /// What the last rollout that judged it found out.
    pub(super) mark: Option<Mark>,
}

/// Lists what is known of every tag that is a release, newest version first.
pub(super) async fn known(context: &Context, store: &Store) -> Result<Vec<Known>, Failed> {
    let tags = tags(context).await?;
    let built = store.ids().map_err(failed)?;
    let marks = store.marks().map_err(failed)?;
    let known = tags.into_iter().rev().map(|tag| {
        let mark = marks.iter().rev().find(|mark| *mark.release.version() == tag.version);
        let built = built.iter().find(|built| *built.version() == tag.version);
        Known { mark: mark.map(|mark| mark.verdict.clone()), built: built.cloned(), tag }
    });
    Ok(known.collect())
}

/// Fetches the product's tags; that its remote is away is told, since those that are here can be listed all the same.
pub(super) async fn refresh(context: &Context) -> Result<(), Failed> {
    let source = mapping::source(context.config(), false);
    if source.remote.is_empty() {
        return Ok(());
    }
    let repository = Repository::open(&source.repository).await.map_err(failed)?;
    match repository.fetch(&source.remote, source.fetch_deadline).await {
        Ok(moved) => {
            for tag in moved {
                tell(&format!("warning: {tag}"));
            }
        }
        Err(error) => tell(&format!("warning: the tags may be old: {error}")),
    }
    Ok(())
}

/// Lists the tags that are releases, oldest version first.
pub(super) async fn tags(context: &Context) -> Result<Vec<Tag>, Failed> {
    let product = &context.config().product;
    let repository = Repository::open(product.repository.as_path()).await.map_err(failed)?;
    repository.tags(product.tags.as_str()).await.map_err(failed)
}

pub(super) fn failed(error: ReleaseError) -> Failed {
    Failed::before(error)
}

fn told(progress: Progress) {
    match progress {
        Progress::Fetching { remote } => tracing::info!("fetching {remote}"),
        Progress::Warning { text } => tell(&format!("warning: {text}")),
        Progress::Resolved { version, commit } => tracing::info!("{version} is commit {}", commit.as_str()),
        Progress::Waiting { owner } => tell(&format!("waiting for process {owner}, which builds")),
        Progress::Reused { id } => tracing::info!("{id} was built before"),
        // Whoever sits there should see what takes its time; a log only has to say so when it is asked.
        Progress::Step { step } if std::io::stderr().is_terminal() => tell(&format!("building: {step}")),
        Progress::Step { step } => tracing::info!("build: {step}"),
        Progress::Output { step, line } => tracing::debug!("build: {step}: {line}"),
        Progress::Built { id, totals } => {
            tell(&format!("built {id}: {} entries, {}", totals.entries(), totals.bytes));
        }
    }
}
