//! How a tag becomes a release, on this machine.

use std::time::Duration;

use serde::Deserialize;

use super::duration::Positive;
use super::leaf::leaf;
use super::schema::Presence::{Default, Essential};
use super::schema::{Section, value};
use super::template::CommandTemplate;
use super::text::{Argv, ExportPath, PathPattern, PythonName};
use super::variables::Variables;
use super::word::BuildKind;
use crate::model::{Installer, Modes};

pub(super) static BUILD: Section = Section {
    keys: &[
        value::<BuildKind>("kind", Default(r#""python-venv""#), r#""python-venv" or "command""#),
        value::<Vec<CommandTemplate>>("before", Default("[]"), "run in a clean export of the tag, before the build"),
        value::<Argv>("pip", Default(r#"["."]"#), "python-venv: what pip installs, after requirements files if any"),
        value::<Vec<ExportPath>>(
            "requirements",
            Default(r#"["requirements.txt"]"#),
            "python-venv: files whose requirements are installed too; that one where there is one, [] for none",
        ),
        value::<Option<PythonName>>(
            "python",
            Default(r#""""#),
            "python-venv: the interpreter that every host has, a path or a name; \"\": /usr/bin/python3",
        ),
        value::<bool>(
            "own_python",
            Default("false"),
            "python-venv: true: the release holds python, which stands alone in its folder (`uv python`); hosts need none",
        ),
        value::<Vec<CommandTemplate>>(
            "commands",
            Default("[]"),
            "command: what builds, such as \"make install DESTDIR={prefix}\"",
        ),
        value::<Variables>(
            "env",
            Default("{}"),
            "what before, pip and commands find in their environment besides, such as { CFLAGS = \"-O2\" }",
        ),
        value::<Installer>(
            "installer",
            Default(r#""auto""#),
            "python-venv: \"pip\", \"uv\", or \"auto\": uv where it is installed; the release is the same",
        ),
        value::<bool>(
            "submodules",
            Default("false"),
            "true: fetched; false: refused, unless before fills their folders",
        ),
        value::<Modes>(
            "modes",
            Default(r#""tell""#),
            "private files become readable, set-id bits go: \"tell\" (set-id is refused), \"refuse\" or \"plain\"",
        ),
        value::<Vec<PathPattern>>(
            "allow_paths",
            Default("[]"),
            "files of the release that may name the folder they were built in, such as [\"lib/*.so\"]",
        ),
        value::<CommandTemplate>(
            "check",
            Essential(r#""bin/scap version""#),
            "run in the finished release; must exit 0",
        ),
        value::<Option<CommandTemplate>>(
            "version_command",
            Default(r#""""#),
            "what an unmanaged host answers when surveyed; \"scap version\", by its name, is answered by a package's copy",
        ),
        value::<Positive>("timeout", Default(r#""1h""#), "a build that takes longer failed"),
    ],
};

/// Says how a tag becomes a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// How it is built.
    pub kind: BuildKind,
    /// What runs first, in a clean export of the tag.
    #[serde(deserialize_with = "leaf")]
    pub before: Vec<CommandTemplate>,
    /// What pip installs; for [`BuildKind::PythonVenv`].
    pub pip: Argv,
    /// Files of the export whose requirements are installed too.
    #[serde(deserialize_with = "leaf")]
    pub requirements: Vec<ExportPath>,
    /// The interpreter; none for this machine's own.
    #[serde(deserialize_with = "leaf")]
    pub python: Option<PythonName>,
    /// Whether the release holds that interpreter itself.
    pub own_python: bool,
    /// What builds; for [`BuildKind::Command`], where there is at least one.
    #[serde(deserialize_with = "leaf")]
    pub commands: Vec<CommandTemplate>,
    /// What the build's commands find in their environment besides.
    pub env: Variables,
    /// What installs, for [`BuildKind::PythonVenv`].
    #[serde(deserialize_with = "leaf")]
    pub installer: Installer,
    /// Whether submodules are fetched.
    pub submodules: bool,
    /// What becomes of modes that a release does not have.
    #[serde(deserialize_with = "leaf")]
    pub modes: Modes,
    /// Files that may name the folder in which they were built.
    #[serde(deserialize_with = "leaf")]
    pub allow_paths: Vec<PathPattern>,
    /// What must exit 0 in the finished release.
    pub check: CommandTemplate,
    /// What tells the version of a host that coalmine did not install.
    #[serde(deserialize_with = "leaf")]
    pub version_command: Option<CommandTemplate>,
    /// How long a build may take.
    #[serde(deserialize_with = "leaf")]
    pub timeout: Duration,
}
