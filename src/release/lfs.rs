//! Contents that Git LFS keeps beside the repository.
//!
//! The commit has pointers to them, with their SHA-256. They are taken from the checkout's own store, filled by `git lfs` where something
//! is missing and may be fetched, and proven; a release never has a pointer in place of what it points at.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::build::{Builder, blocking};
use super::error::ReleaseError;
use super::run::{Task, ask, git_environment, words};
use crate::model::Digest;

/// What a pointer begins with (the specification of Git LFS, version 1), and the longest that one is.
const BEGINS: &str = "version https://git-lfs.github.com/spec/v1\n";
const LONGEST: u64 = 1024;

/// What a pointer points at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pointer {
    digest: String,
    size: u64,
}

impl Builder<'_> {
    /// Puts contents in place of pointers; a pointer that `.gitattributes` does not give to LFS is a file like others, and told.
    pub(super) async fn fetch_contents(&mut self, files: &[PathBuf]) -> Result<(), ReleaseError> {
        let source = self.folder("source");
        let read = |file: &PathBuf| Some((file.clone(), read_pointer(&source.join(file))?));
        let pointers: Vec<(PathBuf, Pointer)> = files.iter().filter_map(read).collect();
        if pointers.is_empty() {
            return Ok(());
        }
        let of_lfs = self.paths_of_lfs(&pointers).await?;
        let (pointers, others): (Vec<_>, Vec<_>) = pointers.into_iter().partition(|(path, _)| of_lfs.contains(path));
        if let Some((first, _)) = others.first() {
            let count = others.len();
            self.output.warn(format!(
                "{count} files are Git LFS pointers, not contents ({first:?}), and .gitattributes does not say that they should be"
            ));
        }
        if pointers.is_empty() {
            return Ok(());
        }
        let common = self.repository.read(&["rev-parse", "--git-common-dir"]).await?;
        let store = self.repository.path().join(common.trim_end_matches('\n')).join("lfs/objects");
        let mut problem = "the checkout does not have them, and nothing is fetched".to_owned();
        if let (Some(remote), true) = (self.remote, pointers.iter().any(|(_, pointer)| !pointer.file(&store).is_file()))
        {
            problem = self.fetch_lfs(remote).await;
        }
        let version = self.resolved.version.clone();
        blocking(move || {
            let mut missing = Vec::new();
            for (path, pointer) in pointers {
                match fs::read(pointer.file(&store)) {
                    Ok(content) if pointer.is(&content) => {
                        let path = source.join(path);
                        fs::write(&path, content).map_err(ReleaseError::disk("write", &path))?;
                    }
                    _ => missing.push(path),
                }
            }
            if missing.is_empty() { Ok(()) } else { Err(ReleaseError::Lfs { version, paths: missing, problem }) }
        })
        .await
    }

    /// Asks git which paths `.gitattributes` gives to LFS.
    async fn paths_of_lfs(&mut self, pointers: &[(PathBuf, Pointer)]) -> Result<BTreeSet<PathBuf>, ReleaseError> {
        let git = self.folder("history");
        let list = self.folder("paths");
        let text: Vec<u8> =
            pointers.iter().flat_map(|(path, _)| [path.as_os_str().as_encoded_bytes(), b"\0"].concat()).collect();
        fs::write(&list, text).map_err(ReleaseError::disk("write", &list))?;
        let script = "git read-tree \"$1\" && git check-attr --cached -z --stdin filter <\"$2\"";
        let mut task = self.git(words(["sh", "-c", script, "sh", self.resolved.commit.as_str()]));
        task.arguments.push(list.into());
        task.environment.push(("GIT_DIR".into(), git.clone().into()));
        let answer =
            ask(&Task { folder: git.clone(), ..task }).await.map_err(ReleaseError::disk("run git in", &git))?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        let words: Vec<&str> = text.split('\0').collect();
        // Path, attribute, value.
        let of_lfs = words.chunks(3).filter(|chunk| chunk.get(2) == Some(&"lfs"));
        Ok(of_lfs.filter_map(|chunk| chunk.first().map(PathBuf::from)).collect())
    }

    /// Lets git lfs fill the checkout's store; gives what it says where it cannot.
    async fn fetch_lfs(&mut self, remote: &str) -> String {
        let arguments = words(["git", "lfs", "fetch", remote, self.resolved.commit.as_str()]);
        let folder = self.repository.path().to_path_buf();
        let task = Task { arguments, folder, environment: git_environment(), deadline: self.spec.deadline };
        match ask(&task).await {
            Ok(answer) if answer.ended.is_ok() => {
                format!("git lfs fetched from {remote}, and they are not what they should be")
            }
            Ok(answer) => answer.stderr.replace('\n', "; "),
            Err(error) => error.to_string(),
        }
    }
}

impl Pointer {
    /// Gives the place of the content in a store of LFS.
    fn file(&self, store: &Path) -> PathBuf {
        let part = |from: usize, to: usize| self.digest.get(from..to).unwrap_or_default();
        store.join(part(0, 2)).join(part(2, 4)).join(&self.digest)
    }

    fn is(&self, content: &[u8]) -> bool {
        content.len() as u64 == self.size && Digest(Sha256::digest(content).into()).to_string() == self.digest
    }
}

/// What cannot be read is no pointer; whoever builds with it will say so.
fn read_pointer(path: &Path) -> Option<Pointer> {
    fs::symlink_metadata(path).ok().filter(|found| found.is_file() && found.len() <= LONGEST)?;
    parse(&fs::read_to_string(path).ok()?)
}

fn parse(text: &str) -> Option<Pointer> {
    let rest = text.strip_prefix(BEGINS)?;
    let value = |key: &str| rest.lines().find_map(|line| line.strip_prefix(key));
    let is_digest = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digest = value("oid sha256:").filter(is_digest)?;
    Some(Pointer { digest: digest.to_owned(), size: value("size ")?.parse().ok()? })
}
