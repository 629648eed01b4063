use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::ReleaseError;
use super::run::quote;
use crate::model::Version;

/// Says how a release is built: the `[build]` table of the configuration.
///
/// Commands are run by `sh -eu -c`. In them `{prefix}` is the folder that becomes the release, and `{version}` its version, quoted
/// where they need it, so they stand outside of quotes; `COALMINE_PREFIX` and `COALMINE_VERSION` hold the same.
/// `${prefix}` stays the shell's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSpec {
    /// What makes the release.
    pub kind: BuildKind,
    /// Commands run in the export before that.
    pub before: Vec<String>,
    /// The command that proves the finished release, run in it; must exit 0.
    pub check: String,
    /// How long each command may take.
    pub deadline: Duration,
}

/// Says what makes the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
        commands: Vec<String>,
    },
}

impl BuildSpec {
    /// How long a command may take where nothing says otherwise.
    pub const DEADLINE: Duration = Duration::from_secs(30 * 60);

    /// Refuses what cannot make a release.
    ///
    /// # Errors
    ///
    /// When there is nothing to build or nothing to prove it with.
    pub fn validate(&self) -> Result<(), ReleaseError> {
        if self.check.trim().is_empty() {
            return Err(ReleaseError::NoCheck);
        }
        let what = self.kind.key();
        let empty = match &self.kind {
            BuildKind::PythonVenv { pip, .. } => pip.is_empty(),
            BuildKind::Command { commands } => commands.iter().all(|command| command.trim().is_empty()),
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

/// Puts the dry words of a build into a command.
pub(super) fn render(command: &str, prefix: &Path, version: &Version) -> String {
    let words = [("{prefix}", quote(&prefix.to_string_lossy())), ("{version}", quote(version.as_str()))];
    let mut rendered = String::with_capacity(command.len());
    let mut rest = command;
    while let Some(first) = rest.chars().next() {
        let word = words.iter().find(|(word, _)| rest.starts_with(word) && !rendered.ends_with('$'));
        let (taken, text) = word.map_or((first.len_utf8(), None), |(word, text)| (word.len(), Some(text)));
        match text {
            Some(text) => rendered.push_str(text),
            None => rendered.push(first),
        }
        rest = rest.split_at_checked(taken).map_or("", |(_, rest)| rest);
    }
    rendered
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::render;
    use crate::model::Version;

    #[test]
    fn dry_words_are_quoted_where_they_need_it_and_the_shell_keeps_its_own() {
        let version = Version::new("1.0~rc1").unwrap();
        let rendered = |command, prefix: &str| render(command, Path::new(prefix), &version);
        assert_eq!(rendered("make DESTDIR={prefix} V={version}", "/b/t"), "make DESTDIR=/b/t V='1.0~rc1'");
        assert_eq!(rendered("cp a {prefix}/b", "/it's $(x)/t"), r"cp a '/it'\''s $(x)/t'/b");
        assert_eq!(rendered("echo ${prefix} {other} {", "/t"), "echo ${prefix} {other} {");
    }
}
