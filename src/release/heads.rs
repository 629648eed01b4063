//! Branches of a product: which there are, and whether one was rewritten since something was installed from it.
//!
//! What was installed from a branch is remembered in `refs/coalmine/heads/`, which also keeps git from forgetting that commit.

use jiff::Timestamp;

use super::error::ReleaseError;
use super::git::Repository;
use crate::model::Commit;

/// The heads from which something was made for an environment last.
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

    /// Gives what was made from a branch last, where its head of today does not contain it.
    pub(super) async fn rewritten(&self, branch: &str, head: &Commit) -> Result<Option<Commit>, ReleaseError> {
        let Some(made) = self.commit(&made(branch)).await? else { return Ok(None) };
        if made == *head {
            return Ok(None);
        }
        let base = self.read(&["merge-base", "--all", made.as_str(), head.as_str()]).await.unwrap_or_default();
        Ok((!base.lines().any(|base| base == made.as_str())).then_some(made))
    }

    /// Remembers that something was made from the head of a branch.
    pub(super) async fn made_from(&self, branch: &str, head: &Commit) -> Result<(), ReleaseError> {
        self.read(&["update-ref", &made(branch), head.as_str()]).await.map(drop)
    }

    /// Remembers it of every branch whose head a commit is, since somebody named it.
    pub(super) async fn made_by_name(&self, remote: &str, commit: &Commit) -> Result<(), ReleaseError> {
        for head in self.heads(remote).await?.into_iter().filter(|head| head.commit == *commit) {
            if self.commit(&made(&head.branch)).await?.is_some() {
                self.made_from(&head.branch, commit).await?;
            }
        }
        Ok(())
    }
}

/// Names where the branches of a remote are.
fn under(remote: &str) -> String {
    if remote.is_empty() { "refs/heads/".to_owned() } else { format!("refs/remotes/{remote}/") }
}

fn made(branch: &str) -> String {
    format!("{MADE}{branch}{LEAF}")
}
