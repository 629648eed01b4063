//! What a checkout knows of its remote: fetched whole, so that what upstream took back is gone here too.
//!
//! Tags are fetched beside the checkout's own, into `refs/coalmine/tags/`, and carried over from there. So it is known which of the checkout's
//! tags came from upstream: one that upstream took back leaves `refs/tags/` for `refs/coalmine/withdrawn/`, and one that was made here stays.

use std::collections::HashMap;
use std::time::Duration;

use super::error::ReleaseError;
use super::git::{MovedTag, Repository, unless_refused};
use crate::model::{Commit, Environment, RolloutId};

/// What upstream's tags were at the last fetch.
const UPSTREAM: &str = "refs/coalmine/tags/";
/// Tags that upstream took back.
const WITHDRAWN: &str = "refs/coalmine/withdrawn/";
/// What ends the name of such a one, since `1.0` and `1.0/final` may both be withdrawn.
const LEAF: &str = "/was";
/// The checkout's own.
const OWN: &str = "refs/tags/";

/// What emergencies installed, by environment and rollout; nothing of coalmine's removes any.
const INSTALLED: &str = "refs/coalmine/installed/";

type Objects = HashMap<String, String>;

/// Tells what a fetch did to the checkout's tags.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Tags that upstream moved.
    pub moved: Vec<MovedTag>,
    /// Tags that upstream took back.
    pub withdrawn: Vec<String>,
}

impl Repository {
    /// Gives a commit a name of its own, by which git keeps it, and gives that.
    ///
    /// # Errors
    ///
    /// When the repository cannot be written.
    pub async fn keep(
        &self,
        environment: &Environment,
        rollout: &RolloutId,
        commit: &Commit,
    ) -> Result<String, ReleaseError> {
        let name = format!("{INSTALLED}{environment}/{rollout}");
        self.read(&["update-ref", &name, commit.as_str()]).await?;
        Ok(name)
    }

    /// Fetches branches and tags, and lets go of those that the remote no longer has. Tags that were made here stay.
    ///
    /// # Errors
    ///
    /// When the remote refuses, asks a question, or does not answer in time.
    pub async fn fetch(&self, remote: &str, deadline: Duration) -> Result<Fetched, ReleaseError> {
        let before = self.objects(UPSTREAM).await?;
        let tags = format!("+{OWN}*:{UPSTREAM}*");
        // A remote with a name fetches what its configuration says, and these; one that is an address has no configuration.
        let setting = format!("remote.{remote}.fetch={tags}");
        let mut arguments = vec!["-c", &*setting, "fetch", "--quiet", "--prune", "--no-prune-tags", "--no-tags"];
        arguments.extend(["--end-of-options", remote]);
        let known = self.remotes().await?;
        let is_named = known.iter().any(|name| name == remote);
        if !is_named {
            arguments.push(&tags);
        }
        let mut answer = self.ask(&arguments, deadline).await?;
        if answer.ended.is_err() && answer.stderr.contains("cannot lock ref") {
            // Two deployers fetch at once.
            tokio::time::sleep(Duration::from_millis(fastrand::u64(200..600))).await;
            answer = self.ask(&arguments, deadline).await?;
        }
        if answer.ended.is_err() && !is_named && !remote.contains(['/', ':']) {
            let (repository, remote) = (self.path().to_owned(), remote.to_owned());
            return Err(ReleaseError::NoSuchRemote { repository, remote, known });
        }
        unless_refused(remote, answer)?;
        self.carry_over(&before).await
    }

    /// Makes an annotated tag of the checkout's commit, signed where that is wanted.
    ///
    /// # Errors
    ///
    /// When there is one of that name, or when git cannot make it.
    pub async fn tag_head(&self, name: &str, message: &str, sign: bool) -> Result<(), ReleaseError> {
        let kind = if sign { "--sign" } else { "--annotate" };
        self.read(&["tag", kind, "--message", message, "--end-of-options", name, "HEAD"]).await.map(drop)
    }

    /// Removes a tag of the checkout.
    ///
    /// # Errors
    ///
    /// When there is none of that name.
    pub async fn remove_tag(&self, name: &str) -> Result<(), ReleaseError> {
        self.read(&["tag", "--delete", "--end-of-options", name]).await.map(drop)
    }

    /// Names the remotes of the checkout.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub async fn remotes(&self) -> Result<Vec<String>, ReleaseError> {
        Ok(self.read(&["remote"]).await?.lines().map(str::to_owned).collect())
    }

    /// Makes the checkout's tags what upstream's are, but for those that were made here.
    async fn carry_over(&self, before: &Objects) -> Result<Fetched, ReleaseError> {
        let (upstream, own) = (self.objects(UPSTREAM).await?, self.objects(OWN).await?);
        let mut fetched = Fetched::default();
        for (name, object) in before.iter().filter(|(name, _)| !upstream.contains_key(*name)) {
            // One that was moved by hand since then is somebody's here.
            if own.get(name) == Some(object) {
                self.read(&["update-ref", &withdrawn_ref(name), object]).await?;
                self.read(&["update-ref", "-d", &format!("{OWN}{name}"), object]).await?;
                fetched.withdrawn.push(name.clone());
            }
        }
        for name in self.withdrawn().await?.iter().filter(|name| upstream.contains_key(*name)) {
            self.read(&["update-ref", "-d", &withdrawn_ref(name)]).await?;
        }
        let differs = |(name, object): &(&String, &String)| own.get(*name) != Some(*object);
        let news: Vec<_> = upstream.iter().filter(differs).collect();
        for (name, object) in &news {
            if let Some(from) = own.get(*name) {
                fetched.moved.push(MovedTag { name: (*name).clone(), from: from.clone(), to: (*object).clone() });
            }
        }
        if !news.is_empty() {
            let tags = format!("+{UPSTREAM}*:{OWN}*");
            self.read(&["fetch", "--quiet", "--no-prune", "--no-prune-tags", "--no-tags", ".", &tags]).await?;
        }
        fetched.moved.sort_by(|a, b| a.name.cmp(&b.name));
        fetched.withdrawn.sort();
        Ok(fetched)
    }

    async fn objects(&self, under: &str) -> Result<Objects, ReleaseError> {
        let text = self.read(&["for-each-ref", "--format=%(objectname) %(refname)", under]).await?;
        let pair = |line: &str| {
            let (object, name) = line.split_once(' ')?;
            Some((name.strip_prefix(under)?.to_owned(), object.to_owned()))
        };
        Ok(text.lines().filter_map(pair).collect())
    }

    /// Names the tags that upstream took back.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub async fn withdrawn(&self) -> Result<Vec<String>, ReleaseError> {
        let objects = self.objects(WITHDRAWN).await?;
        let mut names: Vec<String> =
            objects.keys().filter_map(|name| Some(name.strip_suffix(LEAF)?.to_owned())).collect();
        names.sort();
        Ok(names)
    }

    /// Gives the reference under which a tag is kept that upstream took back; none when there is no such one.
    pub(super) async fn kept(&self, tag: &str) -> Result<Option<String>, ReleaseError> {
        let reference = withdrawn_ref(tag);
        Ok(self.has_ref(&reference).await?.then_some(reference))
    }

    /// Tells whether upstream has a tag, as of the last fetch; none when nothing was fetched since that is written down.
    pub(super) async fn is_upstream(&self, tag: &str) -> Result<Option<bool>, ReleaseError> {
        let upstream = self.objects(UPSTREAM).await?;
        Ok((!upstream.is_empty()).then(|| upstream.contains_key(tag)))
    }
}

fn withdrawn_ref(tag: &str) -> String {
    format!("{WITHDRAWN}{tag}{LEAF}")
}
