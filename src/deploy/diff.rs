use std::collections::HashMap;
use std::path::PathBuf;

use super::deployment::Deployment;
use super::error::Error;
use super::notice::Notice;
use super::workspace::{Selection, Workspace};
use crate::host::{self, Survey};
use crate::manifest::{Entry, Manifest};
use crate::model::{Bytes, Commit, Digest, HostId, ReleaseId};
use crate::plan::{Plan, StageKind};
use crate::release::{LogEntry, Repository, StoredRelease};

/// What is somewhere, none where no release is, and the hosts that run it.
type Running = (Option<ReleaseId>, Vec<HostId>);

/// Puts a host to those that run the same.
fn join(running: &mut Vec<Running>, release: Option<ReleaseId>, host: &HostId) {
    match running.iter_mut().find(|(known, _)| *known == release) {
        Some((_, hosts)) => hosts.push(host.clone()),
        None => running.push((release, vec![host.clone()])),
    }
}

/// Holds what differs between what is somewhere and a release.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseDifference {
    /// What is there; none where no release is.
    pub from: Option<ReleaseId>,
    /// The commit of that, as far as it is known here.
    pub commit: Option<Commit>,
    /// The hosts that run it; nobody where two releases are compared.
    pub hosts: Vec<HostId>,
    /// The commits; none where one of the two is not known here.
    pub commits: Option<CommitDifference>,
    /// The files; none where what is there was never built here.
    pub files: Option<FileDifference>,
}

/// Holds the commits that two releases do not have in common, newest first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CommitDifference {
    /// Those that come.
    pub added: Vec<LogEntry>,
    /// Those that go.
    pub removed: Vec<LogEntry>,
}

/// Holds a file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// Where it is, below the release's folder.
    pub path: PathBuf,
    /// How large it is; before, where it goes.
    pub size: Bytes,
    /// How large it was before, where it changes.
    pub before: Option<Bytes>,
}

/// Holds the files that two releases do not have in common, by their paths.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FileDifference {
    /// The digest of what was there.
    pub from: Option<Digest>,
    /// Those that come.
    pub added: Vec<ChangedFile>,
    /// Those that are in both, and not the same.
    pub changed: Vec<ChangedFile>,
    /// Those that go.
    pub removed: Vec<ChangedFile>,
    /// How many are the same.
    pub unchanged: usize,
    /// How large all were together.
    pub before: Bytes,
    /// How large all are together.
    pub after: Bytes,
}

impl FileDifference {
    /// Compares two trees; what is nowhere is compared as a tree without files.
    #[must_use]
    pub fn between(old: Option<&Manifest>, new: &Manifest) -> Self {
        let difference = match old {
            Some(old) => crate::manifest::Difference::between(old, new),
            None => crate::manifest::Difference::whole(new),
        };
        let sizes: HashMap<_, Bytes> =
            old.into_iter().flat_map(Manifest::entries).map(|entry| (entry.path(), entry.kind().size())).collect();
        let is_content = |entry: &&Entry| !matches!(entry.kind(), crate::manifest::Kind::Directory);
        let list = |entries: &[Entry], is_changed: bool| {
            let files = entries.iter().filter(is_content).map(|entry| ChangedFile {
                path: entry.path().to_owned(),
                size: entry.kind().size(),
                before: sizes.get(entry.path()).copied().filter(|_| is_changed),
            });
            files.collect()
        };
        Self {
            from: difference.from,
            added: list(&difference.added, false),
            changed: list(&difference.changed, true),
            removed: list(&difference.removed, false),
            unchanged: difference.unchanged.iter().filter(is_content).count(),
            before: old.map_or(Bytes(0), |old| old.totals().bytes),
            after: new.totals().bytes,
        }
    }
}

impl Workspace {
    /// Says what differs between two releases.
    ///
    /// # Errors
    ///
    /// When git cannot be run.
    pub async fn difference(&self, from: &StoredRelease, to: &StoredRelease) -> Result<ReleaseDifference, Error> {
        let repository = self.repository().await?;
        Ok(ReleaseDifference {
            from: Some(from.id.clone()),
            commit: Some(from.commit.clone()),
            hosts: Vec::new(),
            commits: self.commits(&repository, &from.commit, &to.commit).await,
            files: Some(FileDifference::between(Some(&from.manifest), &to.manifest)),
        })
    }

    /// Says what a plan changes: one difference for each thing that its targets run, that of most hosts first. Of hosts that did not say
    /// what they run nothing is said.
    ///
    /// # Errors
    ///
    /// When git cannot be run, or the store cannot be read.
    pub async fn changes(&self, plan: &Plan, to: &StoredRelease) -> Result<Vec<ReleaseDifference>, Error> {
        let targets = plan.waves().filter(|(stage, _)| stage.kind == StageKind::Targets);
        let mut running = Vec::new();
        for host in targets.flat_map(|(_, waves)| waves.into_iter().flatten()) {
            if let Some(installed) = &host.from {
                join(&mut running, installed.release().cloned(), &host.host);
            }
        }
        running.sort_by_key(|(_, hosts)| std::cmp::Reverse(hosts.len()));
        self.differences(running, to).await
    }

    /// Compares each thing that some hosts run with a release.
    async fn differences(&self, running: Vec<Running>, to: &StoredRelease) -> Result<Vec<ReleaseDifference>, Error> {
        let (store, repository) = (self.store()?, self.repository().await?);
        let mut found = Vec::with_capacity(running.len());
        for (from, hosts) in running {
            let Some(from) = from else {
                let files = Some(FileDifference::between(None, &to.manifest));
                found.push(ReleaseDifference { from: None, commit: None, hosts, commits: None, files });
                continue;
            };
            let stored = store.get(&from)?;
            let commit = match &stored {
                Some(stored) => Some(stored.commit.clone()),
                None => repository.commit(&format!("refs/tags/{}", from.version())).await?,
            };
            let commits = match &commit {
                Some(commit) => self.commits(&repository, commit, &to.commit).await,
                None => None,
            };
            let files = stored.map(|stored| FileDifference::between(Some(&stored.manifest), &to.manifest));
            found.push(ReleaseDifference { from: Some(from), commit, hosts, commits, files });
        }
        Ok(found)
    }

    async fn repository(&self) -> Result<Repository, Error> {
        Ok(Repository::open(self.config().product.repository.as_path()).await?)
    }

    /// Lists the commits; that git does not have one of the two any more hides nothing else.
    async fn commits(&self, repository: &Repository, from: &Commit, to: &Commit) -> Option<CommitDifference> {
        let listed = async {
            let added = repository.commits_between(from, to).await?;
            Ok::<_, Error>(CommitDifference { added, removed: repository.commits_between(to, from).await? })
        };
        match listed.await {
            Ok(commits) => Some(commits),
            Err(error) => {
                self.notify(Notice::warning(format!("commits are left out: {error}")));
                None
            }
        }
    }
}

/// Holds what differs between what hosts run and a release.
#[derive(Debug, Default)]
pub struct FleetDifference {
    /// One for each thing that hosts run, in the order of the hosts.
    pub differences: Vec<ReleaseDifference>,
    /// The hosts that did not say what they run.
    pub silent: Vec<HostId>,
}

impl<F: host::Fleet> Deployment<'_, F> {
    /// Says what differs between what the targets run and a release.
    ///
    /// # Errors
    ///
    /// When the selection matches nothing, or when git cannot be run; hosts that do not answer are given.
    pub async fn difference(&self, selection: &Selection, to: &StoredRelease) -> Result<FleetDifference, Error> {
        let answers = self.survey(selection, None, &Survey::Shallow).await?;
        let mut found = FleetDifference::default();
        let mut running = Vec::new();
        for (host, answer) in answers.targets() {
            let Ok(probe) = answer else {
                found.silent.push(host.clone());
                continue;
            };
            let release = probe.installed.release().cloned();
            join(&mut running, release, host);
        }
        found.differences = self.workspace.differences(running, to).await?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::{ChangedFile, FileDifference};
    use crate::manifest::{Entry, Kind, Manifest};
    use crate::model::{Bytes, Digest};

    fn file(path: &str, size: u64, content: u8) -> Entry {
        let kind = Kind::File { executable: false, size: Bytes(size), digest: Digest([content; 32]) };
        Entry::new(Arc::<Path>::from(Path::new(path)), kind).unwrap()
    }

    fn folder(path: &str) -> Entry {
        Entry::new(Arc::<Path>::from(Path::new(path)), Kind::Directory).unwrap()
    }

    #[test]
    fn files_come_change_and_go_with_their_sizes() {
        let old =
            Manifest::new(vec![folder("a"), file("a/same", 5, 1), file("a/gone", 7, 2), file("big", 10, 3)]).unwrap();
        let new =
            Manifest::new(vec![folder("a"), file("a/same", 5, 1), file("big", 12, 4), file("new", 3, 5)]).unwrap();
        let found = FileDifference::between(Some(&old), &new);
        let changed = |path: &str, size, before: Option<u64>| ChangedFile {
            path: path.into(),
            size: Bytes(size),
            before: before.map(Bytes),
        };
        assert_eq!(found.added, [changed("new", 3, None)]);
        assert_eq!(found.changed, [changed("big", 12, Some(10))]);
        assert_eq!(found.removed, [changed("a/gone", 7, None)]);
        assert_eq!((found.unchanged, found.before, found.after), (1, Bytes(22), Bytes(20)));
    }

    #[test]
    fn against_nothing_everything_comes() {
        let new = Manifest::new(vec![folder("a"), file("a/one", 5, 1)]).unwrap();
        let found = FileDifference::between(None, &new);
        assert_eq!((found.added.len(), found.unchanged, found.before), (1, 0, Bytes(0)));
    }
}
