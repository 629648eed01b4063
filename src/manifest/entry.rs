use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::error::ManifestError;
use super::{MANIFEST, links, text};
use crate::model::{Bytes, Digest};

/// Tells what an entry is, and all that is proven of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A folder.
    Directory,
    /// A regular file.
    File {
        /// The owner may execute it.
        executable: bool,
        /// How long it is.
        size: Bytes,
        /// What is in it.
        digest: Digest,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, as it is written in the link.
        target: Arc<OsStr>,
    },
}

impl Kind {
    /// Gives the permissions that the entry has on a host, before a read-only copy drops the write bits.
    #[must_use]
    pub const fn mode(&self) -> u32 {
        match self {
            Self::Directory | Self::File { executable: true, .. } => 0o755,
            Self::File { executable: false, .. } => 0o644,
            Self::Symlink { .. } => 0o777,
        }
    }

    /// Gives the size of a file; nothing else has one.
    #[must_use]
    pub const fn size(&self) -> Bytes {
        match self {
            Self::File { size, .. } => *size,
            Self::Directory | Self::Symlink { .. } => Bytes(0),
        }
    }
}

/// Describes one entry of a tree; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    path: Arc<Path>,
    kind: Kind,
}

impl Entry {
    /// Describes an entry at a path below the tree's top.
    ///
    /// # Errors
    ///
    /// When the path is not relative and plain (`..`, `.`, a doubled or trailing slash), is [`MANIFEST`] itself, or when a
    /// link's target is empty.
    pub fn new(path: impl Into<Arc<Path>>, kind: Kind) -> Result<Self, ManifestError> {
        let path = path.into();
        let plain = !path.as_os_str().is_empty()
            && path.components().all(|part| matches!(part, Component::Normal(_)))
            // `components` forgives what would give one file two names.
            && path.components().collect::<std::path::PathBuf>().as_os_str() == path.as_os_str();
        if !plain {
            return Err(ManifestError::Path { path: path.to_path_buf() });
        }
        if path.as_os_str() == MANIFEST {
            return Err(ManifestError::Reserved);
        }
        if let Kind::Symlink { target } = &kind
            && target.is_empty()
        {
            return Err(ManifestError::Link { path: path.to_path_buf(), target: OsString::new() });
        }
        Ok(Self { path, kind })
    }

    /// Gives the path below the tree's top.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells what it is.
    #[must_use]
    pub const fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Gives the bytes by which entries are ordered.
    pub(super) fn order(&self) -> &[u8] {
        self.path.as_os_str().as_bytes()
    }
}

/// Counts what is in a tree.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Regular files.
    pub files: usize,
    /// Folders.
    pub directories: usize,
    /// Symbolic links.
    pub symlinks: usize,
    /// The files' sizes together.
    pub bytes: Bytes,
}

impl Totals {
    /// Counts entries of every kind together.
    #[must_use]
    pub const fn entries(&self) -> usize {
        self.files + self.directories + self.symlinks
    }
}

impl<'a> FromIterator<&'a Entry> for Totals {
    fn from_iter<I: IntoIterator<Item = &'a Entry>>(entries: I) -> Self {
        entries.into_iter().fold(Self::default(), |mut totals, entry| {
            match entry.kind {
                Kind::Directory => totals.directories += 1,
                Kind::File { size, .. } => {
                    totals.files += 1;
                    totals.bytes = totals.bytes.saturating_add(size);
                }
                Kind::Symlink { .. } => totals.symlinks += 1,
            }
            totals
        })
    }
}

/// Lists every entry of a tree, in order; its digest names the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<Entry>,
    digest: Digest,
    length: Bytes,
    is_plain: bool,
}

impl Manifest {
    /// Makes a manifest of entries in any order.
    ///
    /// # Errors
    ///
    /// When a path is there twice, when an entry's folder is not listed as a folder, or when a relative link
    /// points outside the tree. Where an absolute link may point is judged by [`Manifest::read_tree`], which is told.
    pub fn new(mut entries: Vec<Entry>) -> Result<Self, ManifestError> {
        entries.sort_unstable_by(|a, b| a.order().cmp(b.order()));
        Self::from_sorted(entries)
    }

    /// Makes a manifest of entries in order.
    pub(super) fn from_sorted(entries: Vec<Entry>) -> Result<Self, ManifestError> {
        for (entry, next) in entries.iter().zip(entries.iter().skip(1)) {
            match entry.order().cmp(next.order()) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Err(ManifestError::Twice { path: entry.path().to_path_buf() }),
                std::cmp::Ordering::Greater => return Err(ManifestError::Unsorted { path: next.path().to_path_buf() }),
            }
        }
        for entry in &entries {
            let parent = entry.path().parent().filter(|parent| !parent.as_os_str().is_empty());
            if let Some(parent) = parent
                && !matches!(find(&entries, parent).map(Entry::kind), Some(Kind::Directory))
            {
                return Err(ManifestError::Orphan { path: entry.path().to_path_buf() });
            }
        }
        links::stay_inside(&entries)?;
        let bytes = text::write(&entries);
        let digest = Digest(Sha256::digest(&bytes).into());
        let is_plain = !bytes.contains(&b'\\');
        Ok(Self { entries, digest, length: Bytes(bytes.len() as u64), is_plain })
    }

    /// Lists the entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Finds the entry at a path.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<&Entry> {
        find(&self.entries, path)
    }

    /// Gives the SHA-256 of the manifest's bytes: the release's digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Gives the length of the manifest's own bytes.
    #[must_use]
    pub const fn length(&self) -> Bytes {
        self.length
    }

    /// Tells whether every name in it is spelled as it is, without an escape.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Counts what is in the tree.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.entries.iter().collect()
    }

    /// Writes the manifest as the file [`MANIFEST`] holds it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        text::write(&self.entries)
    }

    /// Reads a manifest; of every tree it takes exactly one spelling.
    ///
    /// # Errors
    ///
    /// When the bytes are anything but what [`Manifest::to_bytes`] wrote; the error names the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        Self::from_sorted(text::read(bytes)?)
    }
}

/// Finds the entry at a path, by bisection.
pub(super) fn find<'a>(entries: &'a [Entry], path: &Path) -> Option<&'a Entry> {
    let at = entries.binary_search_by(|entry| entry.order().cmp(path.as_os_str().as_bytes())).ok()?;
    entries.get(at)
}
