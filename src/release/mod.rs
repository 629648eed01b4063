//! Releases: tags, version order, export, build, relocation, store, good and bad marks.

use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{Digest, ReleaseId, Version};

/// Holds a release of the store.
#[derive(Debug)]
pub struct StoredRelease {
    /// Its id.
    pub id: ReleaseId,
    /// Its version.
    pub version: Version,
    /// The commit that it was built of.
    pub commit: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// Every entry of it.
    pub manifest: Arc<crate::manifest::Manifest>,
    /// Where its files are.
    pub tree: PathBuf,
}
