//! What becomes of a tree before it is a release: it is searched, described, tried, and sealed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::build::{Builder, blocking};
use super::error::{ReleaseError, list};
use super::modes::{self, OddModes};
use super::paths::{BuildPaths, as_in_addresses};
use super::progress::Step;
use super::run::Task;
use crate::manifest::{LinkPolicy, MANIFEST, Manifest};
use crate::model::Modes;

impl Builder<'_> {
    /// Maps the build's folder in what was built, refuses what would need it, and tells what is left; gives the files that were written.
    pub(super) async fn map_build_paths(&mut self) -> Result<BTreeSet<PathBuf>, ReleaseError> {
        let word = self.work.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
        let mut found_nowhere_else = vec![word];
        if self.interpreter.is_some() {
            let cache = self.cache.to_string_lossy().into_owned();
            found_nowhere_else.extend([as_in_addresses(&cache), cache]);
        }
        let root = self.folder("root");
        let paths = BuildPaths {
            work: self.work.to_path_buf(),
            root: root.clone(),
            cache: self.cache.clone(),
            words: found_nowhere_else,
            allowed: self.spec.allow_paths.clone(),
        };
        let found = blocking(move || paths.map(&root)).await?;
        let version = self.resolved.version.clone();
        if !found.broken.is_empty() {
            return Err(ReleaseError::BuildPath { version, paths: found.broken });
        }
        if !found.left.is_empty() {
            self.output.warn(format!(
                "the path of the build's folder is left in {}: it is never used there, but another build of {version} will have \
                 another digest; build.allow_paths accepts it without a word",
                list(&found.left)
            ));
        }
        Ok(found.mapped)
    }

    /// Moves the release away from where it was built, proves it, and seals it.
    pub(super) async fn finish(&mut self) -> Result<Manifest, ReleaseError> {
        let (root, tree) = (self.folder("root"), self.folder("tree"));
        let version = &self.resolved.version;
        fs::rename(&root, &tree).map_err(ReleaseError::disk("move", &root))?;
        let linked = self.interpreter.filter(|_| !self.spec.kind.owns_interpreter());
        let policy = linked.map_or_else(LinkPolicy::inside, |interpreter| LinkPolicy::and_to(&interpreter.path));
        let read = tree.clone();
        let manifest = blocking(move || Ok(Manifest::read_tree(&read, &policy))).await?;
        let manifest = manifest.map_err(|source| ReleaseError::Tree { version: version.clone(), source })?;
        if manifest.totals().files == 0 {
            return Err(ReleaseError::EmptyTree { version: version.clone(), what: self.spec.kind.key() });
        }
        self.check_modes(&tree).await?;

        self.output.step(Step::Check);
        let check = self.shell(&self.spec.check, &tree, &tree);
        let check = Task { environment: self.check_environment().into(), ..check };
        self.run(check).await?;

        self.output.step(Step::Store);
        blocking(move || {
            manifest.verify_tree(&tree).map_err(|source| ReleaseError::CheckChanged { source })?;
            let path = tree.join(MANIFEST);
            fs::write(&path, manifest.to_bytes()).map_err(ReleaseError::disk("write", &path))?;
            seal(&tree)?;
            Ok(manifest)
        })
        .await
    }

    /// Tells or refuses what the two modes of a release cannot say.
    async fn check_modes(&mut self, tree: &Path) -> Result<(), ReleaseError> {
        if self.spec.modes == Modes::Plain {
            return Ok(());
        }
        let (read, version) = (tree.to_path_buf(), self.resolved.version.clone());
        let odd = blocking(move || OddModes::read(&read)).await?;
        if !odd.set_id.is_empty() {
            return Err(ReleaseError::Modes { version, what: "set-id or sticky bits", paths: odd.set_id });
        }
        match (odd.widened.is_empty(), self.spec.modes) {
            (true, _) => {}
            (false, Modes::Refuse) => {
                return Err(ReleaseError::Modes { version, what: "modes that keep others out", paths: odd.widened });
            }
            (false, _) => self.output.warn(format!(
                "everybody on a host may read a release, also {}; build.modes = \"refuse\" refuses it, \"plain\" takes it \
                 without a word",
                modes::list(&odd.widened)
            )),
        }
        Ok(())
    }
}

/// Makes a tree read-only: what is hard-linked and hashed must not change.
fn seal(tree: &Path) -> Result<(), ReleaseError> {
    let mut folders = vec![tree.to_path_buf()];
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(ReleaseError::disk("make read-only", path))
    };
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(ReleaseError::disk("read", &folder))? {
            let entry = entry.map_err(ReleaseError::disk("read", &folder))?;
            let found = entry.metadata().map_err(ReleaseError::disk("read", entry.path()))?;
            if found.is_dir() {
                folders.push(entry.path());
            } else if found.is_file() {
                set(&entry.path(), if found.permissions().mode() & 0o100 == 0 { 0o444 } else { 0o555 })?;
            }
        }
        set(&folder, 0o555)?;
    }
    Ok(())
}
