//! What differs between releases, for people and as JSON.

use serde::Serialize;

use crate::deploy::{ChangedFile, FileDifference, FleetDifference, ReleaseDifference};
use crate::model::{Bytes, Commit, Digest, Environment, HostId, ReleaseId, Version};
use crate::release::{LogEntry, StoredRelease};
use crate::words::{Look, Tone, count, folded, one_line};

/// How many commits or files are listed, unless more is asked for.
const MOST: usize = 20;
/// How many authors are named.
const AUTHORS: usize = 3;
/// How wide a line of a commit or file may be.
const WIDE: usize = 160;

/// Names a release that is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComparedRelease {
    /// Its id.
    pub release: ReleaseId,
    /// Its version.
    pub version: Version,
    /// Its commit; none when that is not known here.
    pub commit: Option<Commit>,
    /// The digest of its manifest; none when it was never built here.
    pub digest: Option<Digest>,
}

/// Names a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitReport {
    /// The commit.
    pub commit: Commit,
    /// Who wrote it.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
}

/// Names a file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// Where it is, below the release's folder.
    pub path: String,
    /// How large it is; before, where it goes.
    pub bytes: Bytes,
    /// How large it was before, where it changes.
    pub bytes_before: Option<Bytes>,
}

/// Holds commits that come and go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitsReport {
    /// Those that come, newest first.
    pub added: Vec<CommitReport>,
    /// Those that go, newest first.
    pub removed: Vec<CommitReport>,
}

/// Holds files that come, change and go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilesReport {
    /// Those that come.
    pub added: Vec<FileReport>,
    /// Those that change.
    pub changed: Vec<FileReport>,
    /// Those that go.
    pub removed: Vec<FileReport>,
    /// How many stay as they are.
    pub unchanged: usize,
    /// How large all were together.
    pub bytes_before: Bytes,
    /// How large all are together.
    pub bytes: Bytes,
}

/// Holds what differs from one thing that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DifferenceReport {
    /// What is there; none where no release is.
    pub from: Option<ComparedRelease>,
    /// The hosts that run it; nobody where two releases are compared.
    pub hosts: Vec<HostId>,
    /// The commits; none where they are not known here.
    pub commits: Option<CommitsReport>,
    /// The files; none where what is there was never built here.
    pub files: Option<FilesReport>,
}

/// Holds what `diff --output json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiffReport {
    /// The version of the format.
    pub schema: u32,
    /// Whose fleet it is.
    pub environment: Environment,
    /// The release that is compared with.
    pub to: ComparedRelease,
    /// One for each thing that is compared.
    pub differences: Vec<DifferenceReport>,
    /// The hosts that did not say what they run.
    pub unreachable: Vec<HostId>,
}

impl DiffReport {
    /// Makes the report of a comparison with a release.
    #[must_use]
    pub fn new(environment: Environment, to: &StoredRelease, found: FleetDifference) -> Self {
        let to = ComparedRelease {
            release: to.id.clone(),
            version: to.version.clone(),
            commit: Some(to.commit.clone()),
            digest: Some(to.digest),
        };
        let differences = found.differences.into_iter().map(difference).collect();
        Self { schema: 1, environment, to, differences, unreachable: found.silent }
    }

    /// Writes the report for people; `all` lists every commit and every file.
    #[must_use]
    pub fn text(&self, look: Look, all: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for difference in &self.differences {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            self.write(difference, look, all, &mut lines);
        }
        if !self.unreachable.is_empty() {
            let hosts = folded(&self.unreachable, WIDE, look);
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(format!("{} did not say what they run: {hosts}", count(self.unreachable.len(), "host")));
        }
        lines
    }

    fn write(&self, difference: &DifferenceReport, look: Look, all: bool, lines: &mut Vec<String>) {
        let arrow = arrow(look);
        let from = difference.from.as_ref().map_or_else(|| "no release".to_owned(), |from| from.release.to_string());
        let hosts = match difference.hosts.as_slice() {
            [] => String::new(),
            hosts => format!("  on {}: {}", count(hosts.len(), "host"), folded(hosts, WIDE, look)),
        };
        lines.push(look.paint(Tone::Strong, &format!("{from} {arrow} {}{hosts}", self.to.release)));
        if difference.from.as_ref().is_some_and(|from| from.release == self.to.release) {
            lines.push("  nothing differs".to_owned());
            return;
        }
        match &difference.commits {
            None if difference.from.is_none() => {}
            None => lines.push("  commits: not known here".to_owned()),
            Some(commits) => {
                let (added, removed) = (commits.added.len(), commits.removed.len());
                lines.push(format!("  commits: {added} new, {removed} taken back"));
                let of = |sign: char, commits: &[CommitReport]| -> Vec<String> {
                    let line = |commit: &CommitReport| format!("{sign} {} {}", commit.commit.short(), commit.subject);
                    commits.iter().map(line).collect()
                };
                list([of('+', &commits.added), of('-', &commits.removed)].concat(), look, all, lines);
            }
        }
        let Some(files) = &difference.files else {
            lines.push("  files: not known, since it was never built here".to_owned());
            return;
        };
        lines.push(format!(
            "  files: {} new, {} changed, {} removed, {} the same; {} {arrow} {}",
            files.added.len(),
            files.changed.len(),
            files.removed.len(),
            files.unchanged,
            files.bytes_before,
            files.bytes
        ));
        let of = |sign: char, files: &[FileReport]| -> Vec<String> {
            let line = |file: &FileReport| match file.bytes_before {
                Some(before) => format!("{sign} {} {before} {arrow} {}", file.path, file.bytes),
                None => format!("{sign} {} {}", file.path, file.bytes),
            };
            files.iter().map(line).collect()
        };
        list([of('+', &files.added), of('~', &files.changed), of('-', &files.removed)].concat(), look, all, lines);
    }
}

/// Makes the report of what a plan changes.
#[must_use]
pub fn changes(found: Vec<ReleaseDifference>) -> Vec<DifferenceReport> {
    found.into_iter().map(difference).collect()
}

/// Says in a line for each thing that hosts run what changes there: commits and who wrote them, files, and what travels to each host.
#[must_use]
pub fn changes_text(changes: &[DifferenceReport], to: &ReleaseId, look: Look) -> Vec<String> {
    let lines = changes.iter().filter(|change| change.from.as_ref().is_none_or(|from| from.release != *to));
    lines.map(|change| change.line(look)).collect()
}

impl DifferenceReport {
    fn line(&self, look: Look) -> String {
        let from = self.from.as_ref().map_or_else(|| "no release".to_owned(), |from| from.version.to_string());
        let mut parts = Vec::new();
        match &self.commits {
            Some(commits) => {
                let taken = match commits.removed.len() {
                    0 => String::new(),
                    removed => format!(", {removed} taken back"),
                };
                parts.push(format!("{}{}{taken}", count(commits.added.len(), "commit"), authors(&commits.added, look)));
            }
            None if self.from.is_none() => {}
            None => parts.push("commits not known here".to_owned()),
        }
        match &self.files {
            Some(files) => {
                let of =
                    [(files.added.len(), "new"), (files.changed.len(), "changed"), (files.removed.len(), "removed")];
                let of: Vec<String> = of
                    .iter()
                    .filter(|(number, _)| *number > 0)
                    .map(|(number, what)| format!("{number} {what}"))
                    .collect();
                parts.push(if of.is_empty() { "no file".to_owned() } else { format!("files: {}", of.join(", ")) });
                let travels: Bytes = files.added.iter().chain(&files.changed).map(|file| file.bytes).sum();
                parts.push(format!("{travels} travel to each"));
            }
            None => parts.push("files not known, since it was never built here".to_owned()),
        }
        format!("from {from} on {}: {}", count(self.hosts.len(), "host"), parts.join("; "))
    }
}

/// Names who wrote commits, those of most of them first.
fn authors(commits: &[CommitReport], look: Look) -> String {
    let mut authors: Vec<(&str, usize)> = Vec::new();
    for commit in commits {
        match authors.iter_mut().find(|(author, _)| *author == commit.author) {
            Some((_, number)) => *number += 1,
            None => authors.push((&commit.author, 1)),
        }
    }
    authors.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    let more = authors.len().saturating_sub(AUTHORS);
    let mut named: Vec<String> = authors.iter().take(AUTHORS).map(|(author, _)| one_line(author, 30, look)).collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    if named.is_empty() { String::new() } else { format!(" by {}", named.join(", ")) }
}

const fn arrow(look: Look) -> &'static str {
    if look.unicode { "→" } else { "->" }
}

/// Lists the first of many; names of files and commits are others', so they stand on one line without control characters.
fn list(items: Vec<String>, look: Look, all: bool, lines: &mut Vec<String>) {
    let most = if all { usize::MAX } else { MOST };
    let more = items.len().saturating_sub(most);
    lines.extend(items.iter().take(most).map(|item| format!("    {}", one_line(item, WIDE, look))));
    if more > 0 {
        lines.push(format!("    and {more} more; -v lists all"));
    }
}

fn difference(found: ReleaseDifference) -> DifferenceReport {
    let ReleaseDifference { from, commit, hosts, commits, files } = found;
    let digest = files.as_ref().and_then(|files| files.from);
    DifferenceReport {
        from: from.map(|release| ComparedRelease { version: release.version().clone(), commit, digest, release }),
        hosts,
        commits: commits.map(|commits| CommitsReport {
            added: commits.added.into_iter().map(entry).collect(),
            removed: commits.removed.into_iter().map(entry).collect(),
        }),
        files: files.map(|files| {
            let FileDifference { added, changed, removed, unchanged, before, after, .. } = files;
            let list = |files: Vec<ChangedFile>| files.into_iter().map(file).collect();
            FilesReport {
                added: list(added),
                changed: list(changed),
                removed: list(removed),
                unchanged,
                bytes_before: before,
                bytes: after,
            }
        }),
    }
}

fn entry(LogEntry { commit, author, subject }: LogEntry) -> CommitReport {
    CommitReport { commit, author, subject }
}

fn file(ChangedFile { path, size, before }: ChangedFile) -> FileReport {
    FileReport { path: path.to_string_lossy().into_owned(), bytes: size, bytes_before: before }
}

#[cfg(test)]
mod tests {
    use super::{DiffReport, FileDifference};
    use crate::deploy::{ChangedFile, CommitDifference, FleetDifference, ReleaseDifference};
    use crate::model::{Bytes, Environment, HostId, Version};
    use crate::release::{LogEntry, StoredRelease};
    use crate::words::Look;

    fn report() -> DiffReport {
        let release = |version: &str| StoredRelease::imagined(&Version::new(version).unwrap()).unwrap();
        let (old, new) = (release("1.1.0"), release("1.2.0"));
        let commit = new.commit.clone();
        let change = |path: &str, size, before: Option<u64>| ChangedFile {
            path: path.into(),
            size: Bytes(size),
            before: before.map(Bytes),
        };
        let files = FileDifference {
            from: Some(old.digest),
            added: (0..25).map(|number| change(&format!("share/{number}"), 10, None)).collect(),
            changed: vec![change("bin/tool\u{1b}[2J", 2048, Some(1024))],
            removed: vec![],
            unchanged: 7,
            before: Bytes(1024),
            after: Bytes(2298),
        };
        let entry = LogEntry { commit, author: "Amy".to_owned(), subject: "Mend it".to_owned() };
        let hosts = ["mw01", "mw02"].map(|host| HostId::new(host).unwrap()).to_vec();
        let found = FleetDifference {
            differences: vec![
                ReleaseDifference {
                    from: Some(old.id),
                    commit: None,
                    hosts: hosts.clone(),
                    commits: Some(CommitDifference { added: vec![entry], removed: vec![] }),
                    files: Some(files),
                },
                ReleaseDifference {
                    from: Some(new.id.clone()),
                    commit: None,
                    hosts: vec![HostId::new("mw03").unwrap()],
                    commits: Some(CommitDifference::default()),
                    files: Some(FileDifference::default()),
                },
                ReleaseDifference { from: None, commit: None, hosts, commits: None, files: None },
            ],
            silent: vec![HostId::new("mw09").unwrap()],
        };
        DiffReport::new(Environment::new("production").unwrap(), &new, found)
    }

    #[test]
    fn a_difference_is_told_with_its_hosts_and_sizes() {
        let text = report().text(Look { color: false, unicode: false }, false);
        assert!(text[0].starts_with("1.1.0-") && text[0].ends_with("on 2 hosts: mw[01-02]"), "{text:?}");
        assert_eq!(text[1..3], ["  commits: 1 new, 0 taken back", "    + 000000000000 Mend it"].map(str::to_owned));
        assert_eq!(text[3], "  files: 25 new, 1 changed, 0 removed, 7 the same; 1.0 KiB -> 2.2 KiB");
        assert_eq!(text[24], "    and 6 more; -v lists all");
        assert!(text.iter().any(|line| line == "  nothing differs"));
        assert!(text.last().unwrap().starts_with("1 host did not say what they run: mw09"));
        let all = report().text(Look { color: false, unicode: false }, true).join("\n");
        assert!(!all.contains('\u{1b}') && all.contains("bin/tool"), "{all}");
    }

    #[test]
    fn what_a_plan_changes_is_a_line_for_each_thing_that_hosts_run() {
        let report = report();
        let text = super::changes_text(&report.differences, &report.to.release, Look::default());
        assert_eq!(
            text,
            [
                "from 1.1.0 on 2 hosts: 1 commit by Amy; files: 25 new, 1 changed; 2.2 KiB travel to each",
                "from no release on 2 hosts: files not known, since it was never built here",
            ]
        );
    }

    #[test]
    fn as_json_it_has_a_schema_and_numbers() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!((&json["schema"], &json["to"]["version"]), (&1.into(), &"1.2.0".into()));
        let first = &json["differences"][0];
        assert_eq!(first["files"]["changed"][0]["bytes_before"], 1024);
        assert_eq!(first["commits"]["added"][0]["subject"], "Mend it");
        assert_eq!(json["differences"][2]["from"], serde_json::Value::Null);
        assert_eq!(json["unreachable"][0], "mw09");
    }
}
