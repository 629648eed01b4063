use std::fs;
use std::path::{Path, PathBuf};

use super::build::Builder;
use super::error::ReleaseError;
use super::progress::Step;
use super::run::words;

impl Builder<'_> {
    /// Writes the files of the commit, and nothing else, into the source folder.
    pub(super) async fn export(&mut self) -> Result<(), ReleaseError> {
        self.output.step(Step::Export);
        self.make_history().await?;
        let tar = self.folder("source.tar");
        let source = self.folder("source");
        fs::create_dir(&source).map_err(ReleaseError::disk("make", &source))?;
        self.run(self.archive(&tar)).await?;
        let mut unpack = words(["tar", "-xf"]);
        unpack.extend([tar.clone().into(), "-C".into(), source.clone().into()]);
        self.run(self.task(unpack, &source)).await?;
        fs::remove_file(&tar).map_err(ReleaseError::disk("remove", &tar))?;
        let files = files_of(&source)?;
        if files.is_empty() {
            return Err(ReleaseError::EmptyExport { version: self.resolved.version.clone() });
        }
        self.fetch_contents(&files).await?;
        if self.spec.submodules {
            self.fetch_submodules().await?;
        }
        Ok(())
    }

    /// Refuses what has submodules whose folders are still empty after `build.before`.
    pub(super) async fn refuse_empty_submodules(&self) -> Result<(), ReleaseError> {
        let source = self.folder("source");
        let mut paths = self.repository.submodules(&self.resolved.commit).await?;
        paths.retain(|path| fs::read_dir(source.join(path)).map_or(true, |mut entries| entries.next().is_none()));
        if paths.is_empty() {
            return Ok(());
        }
        Err(ReleaseError::Submodules { version: self.resolved.version.clone(), paths })
    }
}

/// Lists the files and links below a folder.
pub(super) fn files_of(root: &Path) -> Result<Vec<PathBuf>, ReleaseError> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let absolute = root.join(&folder);
        for entry in fs::read_dir(&absolute).map_err(ReleaseError::disk("read", &absolute))? {
            let entry = entry.map_err(ReleaseError::disk("read", &absolute))?;
            let path = folder.join(entry.file_name());
            if entry.file_type().map_err(ReleaseError::disk("read", entry.path()))?.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}
