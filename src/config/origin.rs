//! Where a value came from.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Names a layer of files, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// `/etc/coalmine/coalmine.toml`.
    System,
    /// `$XDG_CONFIG_HOME/coalmine/coalmine.toml`.
    User,
    /// `coalmine.toml` in the current folder or one above it, or the file that `-c` names.
    Project,
}

impl Layer {
    /// Gives the layer's name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Project => "project",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Says where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// From nowhere: it is coalmine's own.
    Default,
    /// From a file.
    File {
        /// Which layer the file is.
        layer: Layer,
        /// The file.
        file: Arc<Path>,
        /// The line of the key, counted from 1.
        line: usize,
    },
    /// From a variable of the environment.
    Variable(String),
    /// From a flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { layer, file, line } => write!(f, "{layer} {}:{line}", file.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}
