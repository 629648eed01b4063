use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::error::ReleaseError;
use crate::config::CommandTemplate;
use crate::model::{Installer, Modes};

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
    /// What the commands of the build find in their environment besides; stronger than what is there.
    pub environment: Vec<(String, String)>,
    /// What becomes of modes that a release does not have.
    pub modes: Modes,
    /// What installs into a virtual environment; it changes no release.
    pub installer: Installer,
    /// Whether submodules are fetched; else they are refused, unless `before` fills their folders.
    pub submodules: bool,
    /// Which files of the release may name the folder in which they were built, with `*` for whatever is there.
    pub allow_paths: Vec<String>,
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
        /// `--no-build-isolation`.
        pip: Vec<String>,
        /// Files of the export whose requirements are installed first, and constrain those; [`BuildSpec::REQUIREMENTS`]
        /// alone need not be there.
        requirements: Vec<String>,
        /// The interpreter: a path, or a name on the `PATH`. None: `/usr/bin/python3` where there is one, since every host must have
        /// the same interpreter at the same path, else `python3`. Its real path is what the release links to.
        python: Option<PathBuf>,
        /// Whether the release holds the interpreter itself, which has to stand alone in a folder; hosts need none then.
        own: bool,
    },
    /// Commands that put everything below `{prefix}`.
    Command {
        /// The commands, run in the export.
        commands: Vec<CommandTemplate>,
    },
}

impl BuildSpec {
    /// The file of requirements that is looked for where nothing is configured.
    pub const REQUIREMENTS: &str = "requirements.txt";
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
    /// Tells whether the release holds its own interpreter.
    pub(super) const fn owns_interpreter(&self) -> bool {
        matches!(self, Self::PythonVenv { own: true, .. })
    }

    /// Names the key of the configuration that makes the release.
    pub(super) const fn key(&self) -> &'static str {
        match self {
            Self::PythonVenv { .. } => "build.pip",
            Self::Command { .. } => "build.commands",
        }
    }
}
