use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::error::ReleaseError;
use crate::config::CommandTemplate;

/// Says how a release is built: the `[build]` table of the configuration.
///
/// Commands are run by `sh -eu -c`. In them `{prefix}` is the folder that becomes the release, and `{version}` its version;
/// `COALMINE_PREFIX` and `COALMINE_VERSION` hold the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildSpec {
    /// What makes the release.
    pub kind: BuildKind,
    /// Commands run in the export before that.
    pub before: Vec<CommandTemplate>,
    /// The command that proves the finished release, run in it; must exit 0.
    pub check: CommandTemplate,
    /// How long each command may take.
    pub deadline: Duration,
}

/// Says what makes the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildKind {
    /// A virtual environment into which pip installs.
    PythonVenv {
        /// What pip is given: requirements and options of `pip wheel`, such as `.`, `.[extra]`, `-r` `other.txt`,
        /// `--no-build-isolation`. `requirements.txt`, where the export has one, is installed first, and constrains these.
        pip: Vec<String>,
        /// The interpreter: a path, or a name on the `PATH`. None: `/usr/bin/python3` where there is one, since every host must have
        /// the same interpreter at the same path, else `python3`. Its real path is what the release links to.
        python: Option<PathBuf>,
    },
    /// Commands that put everything below `{prefix}`.
    Command {
        /// The commands, run in the export.
        commands: Vec<CommandTemplate>,
    },
}

impl BuildSpec {
    /// How long a command may take where nothing says otherwise.
    pub const DEADLINE: Duration = Duration::from_secs(30 * 60);

    /// Refuses what cannot make a release.
    ///
    /// # Errors
    ///
    /// When there is nothing to build.
    pub fn validate(&self) -> Result<(), ReleaseError> {
        let what = self.kind.key();
        let empty = match &self.kind {
            BuildKind::PythonVenv { pip, .. } => pip.is_empty(),
            BuildKind::Command { commands } => commands.is_empty(),
        };
        if empty { Err(ReleaseError::NothingToBuild { what }) } else { Ok(()) }
    }
}

impl BuildKind {
    /// Names the key of the configuration that makes the release.
    pub(super) const fn key(&self) -> &'static str {
        match self {
            Self::PythonVenv { .. } => "build.pip",
            Self::Command { .. } => "build.commands",
        }
    }
}
