use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::Error;
use super::notice::Notice;
use super::settings;
use super::workspace::Workspace;
use crate::model::ReleaseId;
use crate::release::{
    Mark, Progress, Repository, Request, Resolved, Source, Store, StoredRelease, Tag, Verdicts, VersionOrder, Wanted,
    prepare, resolve,
};

/// Says how a release is come by.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Making {
    /// Whether the checkout is taken as it is, its remote not asked.
    pub no_fetch: bool,
    /// Whether what was built before is built anew.
    pub rebuild: bool,
    /// Whether it is only looked at: nobody has to know for that what was found bad.
    pub only_looks: bool,
}

/// Holds a tag that is a release, and what this machine knows of it.
#[derive(Debug, Clone)]
pub struct Known {
    /// The tag.
    pub tag: Tag,
    /// A build of it, when the store has one.
    pub built: Option<ReleaseId>,
    /// What the last rollout that judged it found out.
    pub mark: Option<Mark>,
}

impl Workspace {
    /// Finds what is wanted and builds it unless that was done before.
    ///
    /// # Errors
    ///
    /// When there is no such commit, or when it does not become a release.
    pub async fn make(&self, wanted: Wanted, making: Making) -> Result<Arc<StoredRelease>, Error> {
        let store = self.store()?;
        let request = Request {
            source: self.source(making)?,
            wanted,
            spec: settings::build_spec(self.config()),
            operator: self.operator.clone(),
            rebuild: making.rebuild,
        };
        let release = prepare(&store, &request, &|progress| self.notify_progress(progress)).await?;
        // An empty or damaged source once emptied a fleet: what is sent was proven just before.
        if release.manifest.totals().entries() == 0 {
            return Err(Error::before(format!("the release {} is empty", release.id)));
        }
        Ok(Arc::new(release))
    }

    /// Says where releases come from, and what the latest of them passes over here.
    fn source(&self, making: Making) -> Result<Source, Error> {
        let bad = match self.policy() {
            Ok((environment, _)) => self.verdicts_for(environment, making.only_looks)?.bad_versions(),
            // Where no environment is named, nothing is known of it.
            Err(_) => BTreeMap::new(),
        };
        Ok(Source { bad, ..settings::source(self.config(), making.no_fetch) })
    }

    /// Finds what is wanted without building it. Where nobody can tell what is bad, nothing is passed over for that.
    ///
    /// # Errors
    ///
    /// When there is no such commit.
    pub async fn find(&self, wanted: &Wanted, no_fetch: bool) -> Result<Resolved, Error> {
        let bad = self.policy().map(|(environment, _)| self.known_verdicts(environment).bad_versions());
        let source = Source { bad: bad.unwrap_or_default(), ..settings::source(self.config(), no_fetch) };
        Ok(resolve(&source, wanted, &|progress| self.notify_progress(progress)).await?)
    }

    /// Lists what is known of every tag that is a release, newest version first.
    ///
    /// # Errors
    ///
    /// When the repository cannot be read. That the store or the marks cannot be is told.
    pub async fn known(&self, store: &Store) -> Result<Vec<Known>, Error> {
        let tags = self.tags().await?;
        let built = store.ids().unwrap_or_else(|error| {
            self.warn_once(&format!("what was built here is not known: {error}"));
            Vec::new()
        });
        let verdicts = match self.policy() {
            Ok((environment, _)) => self.known_verdicts(environment),
            Err(_) => Verdicts::default(),
        };
        let known = tags.into_iter().rev().map(|tag| {
            let mark = verdicts.mark_of(&tag.version);
            // A tag that was moved since is another release, and so is another product's of the same name.
            let of_version = built.iter().filter(|built| *built.version() == tag.version);
            let of_it = of_version.filter_map(|built| {
                let (commit, at) = store.origin(built)?;
                (commit == tag.commit).then_some((at, built))
            });
            let built = of_it.max_by_key(|(at, _)| *at).map(|(_, built)| built.clone());
            Known { mark, built, tag }
        });
        Ok(known.collect())
    }

    /// Fetches the product's tags; that its remote is away is told, since those that are here can be listed all the same.
    ///
    /// # Errors
    ///
    /// When there is no repository.
    pub async fn refresh(&self) -> Result<(), Error> {
        let source = settings::source(self.config(), false);
        if source.remote.is_empty() {
            return Ok(());
        }
        let repository = Repository::open(&source.repository).await?;
        match repository.fetch(&source.remote, source.fetch_deadline).await {
            Ok(fetched) => {
                for tag in fetched.moved {
                    self.notify(Notice::warning(tag));
                }
                for name in fetched.withdrawn {
                    self.notify(Notice::warning(format!("the tag {name} was withdrawn upstream")));
                }
            }
            Err(error) => self.notify(Notice::warning(format!("the tags may be old: {error}"))),
        }
        Ok(())
    }

    /// Lists the tags that are releases, oldest version first.
    ///
    /// # Errors
    ///
    /// When the repository cannot be read.
    pub async fn tags(&self) -> Result<Vec<Tag>, Error> {
        let product = &self.config().product;
        let repository = Repository::open(product.repository.as_path()).await?;
        Ok(repository.tags(product.tags.as_str(), &self.version_order()).await?)
    }

    /// Gives the order of the product's versions.
    #[must_use]
    pub fn version_order(&self) -> VersionOrder {
        VersionOrder::new(self.config().product.version_pattern.clone())
    }

    fn notify_progress(&self, progress: Progress) {
        self.notify(Notice::Release(progress));
    }
}
