use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Tells why a tree has no manifest, or why bytes are not one.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// A line of the text is wrong.
    #[error("line {line} of the manifest {problem}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it, behind "line 3 of the manifest".
        problem: String,
    },
    /// A path that is absolute, goes up, or is not in its shortest spelling.
    #[error("{path:?} is not a plain path below the tree's top")]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// The tree has an entry where the manifest itself belongs.
    #[error(
        "the tree has an entry named MANIFEST at its top, where coalmine puts its own: let the build name it differently"
    )]
    Reserved,
    /// A path is listed twice.
    #[error("{path:?} is listed twice")]
    Twice {
        /// The path.
        path: PathBuf,
    },
    /// A path comes after one that sorts behind it.
    #[error("{path:?} is out of order")]
    Unsorted {
        /// The path.
        path: PathBuf,
    },
    /// The folder of an entry is not listed.
    #[error("{path:?} is listed, and its folder is not")]
    Orphan {
        /// The path.
        path: PathBuf,
    },
    /// A link leads out of the tree.
    #[error(
        "the link {path:?} points outside the release, at {target:?}: on a host that is somebody else's file, or none; \
         let the build make it relative and inside, or copy the file"
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// Its target.
        target: OsString,
    },
    /// An entry that cannot travel.
    #[error("{path:?} is a {kind}: a release holds files, folders and links only")]
    Special {
        /// The entry.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// The tree is not what its manifest says.
    #[error("the tree {} is not what its manifest says: {}", root.display(), Summary(mismatches))]
    Mismatch {
        /// The tree.
        root: PathBuf,
        /// Every difference, in order.
        mismatches: Vec<Mismatch>,
    },
    /// The tree cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What was read.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// Names one entry that is not what the manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The entry.
    pub path: PathBuf,
    /// How it differs.
    pub how: How,
}

/// Tells how an entry differs from the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is listed and is not there.
    Missing,
    /// It is there and is not listed.
    Extra,
    /// It is of another kind.
    Kind,
    /// It has another content.
    Content,
    /// It can be executed and should not be, or the other way round.
    Mode,
    /// It points elsewhere.
    Target,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            How::Missing => "is missing",
            How::Extra => "does not belong there",
            How::Kind => "is of another kind",
            How::Content => "has another content",
            How::Mode => "has another mode",
            How::Target => "points elsewhere",
        };
        write!(f, "{:?} {how}", self.path)
    }
}

/// Shows the first few differences and counts the rest.
struct Summary<'a>(&'a [Mismatch]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        for (at, mismatch) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}{mismatch}", if at == 0 { "" } else { ", " })?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}
