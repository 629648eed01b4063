use std::path::PathBuf;

use super::error::{Error, Kind};
use super::workspace::Workspace;
use crate::config::DryWords;
use crate::model::Version;
use crate::release::{Bump, Cut, CutError, Ground, Repository, propose, read_changelog, with_entry};

impl From<CutError> for Error {
    fn from(error: CutError) -> Self {
        let hint = match &error {
            CutError::Dirty { .. } => Some("commit them, or put them away: git stash --include-untracked"),
            CutError::Detached => Some("go to the branch that is released: git switch BRANCH"),
            CutError::Stale { .. } => Some("git pull --rebase, and look at what came"),
            CutError::Half { .. } => Some("`git status` and `git tag` tell what is there"),
            _ => None,
        };
        let told = Self::of(Kind::Before, error);
        match hint {
            Some(hint) => told.hint(hint),
            None => told,
        }
    }
}

/// Holds a release that could be cut.
#[derive(Debug, Clone)]
pub struct Cutting {
    /// What it is called.
    pub version: Version,
    /// From where.
    pub ground: Ground,
    /// What the changelog is proposed to say of it.
    pub proposal: String,
    /// Where it can be pushed to; none without a remote.
    pub remote: Option<String>,
    changelog: Option<(PathBuf, String)>,
}

impl Workspace {
    /// Finds out whether a release can be cut from the checkout, and what there is to say of it.
    ///
    /// # Errors
    ///
    /// When the checkout is dirty or stale, or when the version exists or is not newer.
    pub async fn cutting(&self, version: &Version, no_fetch: bool) -> Result<Cutting, Error> {
        let product = &self.config().product;
        let repository = Repository::open(product.repository.as_path()).await?;
        let remote = product.remote.as_ref().map(ToString::to_string);
        let asked = remote.as_deref().filter(|_| !no_fetch);
        let ground = repository.ground(version.as_str(), product.tags.as_str(), &self.version_order(), asked).await?;
        let changelog = match &self.config().release.changelog {
            None => None,
            Some(name) => {
                let name = PathBuf::from(name.as_str());
                let text = read_changelog(&repository, &name)?;
                Some((name, text))
            }
        };
        let text = changelog.as_ref().map(|(_, text)| text.as_str()).unwrap_or_default();
        let proposal = propose(text, &ground.commits, ground.last.as_ref().map(|last| last.name.as_str()));
        Ok(Cutting { version: version.clone(), ground, proposal, remote, changelog })
    }

    /// Cuts the release: bump, changelog, commit, tag, push. Where it fails, or is dropped, [`Workspace::uncut`] takes all of it back.
    ///
    /// # Errors
    ///
    /// When any of it fails.
    pub async fn cut(&self, cutting: &Cutting, entry: &str, sign: bool, push: bool) -> Result<(), Error> {
        let config = self.config();
        let Cutting { version, ground, remote, changelog, .. } = cutting;
        let words = DryWords { version: Some(version.clone()), ..DryWords::default() };
        let day = jiff::Zoned::now().strftime("%Y-%m-%d").to_string();
        let cut = Cut {
            version: version.to_string(),
            glob: config.product.tags.to_string(),
            changelog: changelog
                .as_ref()
                .map(|(name, text)| (name.clone(), with_entry(text, version.as_str(), &day, entry))),
            bump: config
                .release
                .bump
                .as_ref()
                .map(|bump| Bump { argv: bump.argv(&words), environment: words.environment() }),
            message: format!("Release {version}\n\n{}", entry.trim()),
            sign,
            push: remote.clone().filter(|_| push),
        };
        let repository = Repository::open(config.product.repository.as_path()).await?;
        Ok(repository.cut(ground, &cut).await?)
    }

    /// Refuses where something came between the look and the cut, which taking the cut back would take away.
    ///
    /// # Errors
    ///
    /// As it says.
    pub async fn is_still(&self, cutting: &Cutting) -> Result<(), Error> {
        let repository = Repository::open(self.config().product.repository.as_path()).await?;
        Ok(repository.is_still(&cutting.ground, cutting.version.as_str()).await?)
    }

    /// Takes back what a cut that failed has done, and says why it failed.
    pub async fn uncut(&self, cutting: &Cutting, cause: Error) -> Error {
        let back = async {
            let repository = Repository::open(self.config().product.repository.as_path()).await?;
            repository.uncut(&cutting.ground, cutting.version.as_str()).await
        };
        match back.await {
            Ok(()) => cause.hint("the checkout is as it was before"),
            Err(undoing) => CutError::Half { cause: cause.to_string(), undoing: undoing.to_string() }.into(),
        }
    }
}
