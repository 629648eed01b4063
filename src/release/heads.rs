//! Branches of a product: which there are, and whether one was rewritten since something was installed from it.
//!
//! What hosts were given of a branch is remembered in `refs/coalmine/heads/`, which also keeps git from forgetting that commit.

use jiff::Timestamp;

use super::error::ReleaseError;
use super::git::Repository;
use crate::model::Commit;

/// The heads of which hosts were given something last.
const MADE: &str = "refs/coalmine/heads/";
/// What ends the name of such a one, since `fix` may become `fix/one`.
const LEAF: &str = "/made";

/// Holds a branch and its newest commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The branch's name, as a channel has it.
    pub branch: String,
    /// Its newest commit.
    pub commit: Commit,
    /// When that was committed.
    pub at: Timestamp,
}

impl Repository {
    /// Lists the branches of a remote, or with an empty name those of the checkout; the one that was committed to last first.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub async fn heads(&self, remote: &str) -> Result<Vec<Head>, ReleaseError> {
        let under = under(remote);
        let format = "--format=%(objectname) %(committerdate:unix) %(refname)";
        let text = self.read(&["for-each-ref", "--sort=-committerdate", format, &under]).await?;
        let heads = text.lines().filter_map(|line| {
            let mut words = line.splitn(3, ' ');
            let commit = words.next()?.parse().ok()?;
            let at = Timestamp::from_second(words.next()?.parse().ok()?).ok()?;
            let branch = words.next()?.strip_prefix(&under)?.to_owned();
            Some(Head { branch, commit, at })
        });
        // That of a remote says which of the others is its usual one.
        Ok(heads.filter(|head| head.branch != "HEAD").collect())
    }

    /// Gives what hosts were given of a branch last, where its head of today does not contain it.
    pub(super) async fn rewritten(&self, branch: &str, head: &Commit) -> Result<Option<Commit>, ReleaseError> {
        let Some(made) = self.commit(&made(branch)).await? else { return Ok(None) };
        Ok((!self.contains(head, &made).await).then_some(made))
    }

    /// Remembers what hosts are given of an environment's own branch, as far as its head contains that; and of every other branch that
    /// is followed and has it as its head, since somebody named it.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub async fn remember_given(&self, remote: &str, own: Option<&str>, commit: &Commit) -> Result<(), ReleaseError> {
        for head in self.heads(remote).await? {
            let reference = made(&head.branch);
            let is_given = if own == Some(head.branch.as_str()) {
                self.contains(&head.commit, commit).await
            } else {
                head.commit == *commit && self.commit(&reference).await?.is_some()
            };
            if is_given {
                self.read(&["update-ref", &reference, commit.as_str()]).await?;
            }
        }
        Ok(())
    }

    async fn contains(&self, head: &Commit, commit: &Commit) -> bool {
        let base = self.read(&["merge-base", "--all", commit.as_str(), head.as_str()]).await.unwrap_or_default();
        base.lines().any(|base| base == commit.as_str())
    }
}

/// Names where the branches of a remote are.
fn under(remote: &str) -> String {
    if remote.is_empty() { "refs/heads/".to_owned() } else { format!("refs/remotes/{remote}/") }
}

fn made(branch: &str) -> String {
    format!("{MADE}{branch}{LEAF}")
}
