//! What the configuration chooses between, as the rooms that do it know it.

use serde::Serialize;

/// Says which host keys ssh takes; never "any".
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostKeys {
    /// Known ones only.
    #[default]
    Strict,
    /// Those of hosts that were never seen before too; a changed one never.
    AcceptNew,
}

/// Says when files are compressed on their way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compress {
    /// Where much travels and both ends have zstd, which costs less than the wire.
    #[default]
    Auto,
    /// Always, by whatever rsync has.
    Always,
    /// Never.
    Never,
}

/// Says when what travels is packed into one file, once for all hosts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PackWhen {
    /// Where it pays, and the host can unpack it.
    #[default]
    Auto,
    /// Wherever the host can unpack it.
    Always,
    /// Never: rsync sends file by file.
    Never,
}

/// Says what is hashed on a host before a release counts as primed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// Every file.
    #[default]
    Full,
    /// The files that travelled; of the others kind and size.
    Changed,
}

/// Says what becomes of modes that a release does not have: it has 644, and 755 for what can be executed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Modes {
    /// What would be widened is told; what would lose a set-id bit is refused.
    #[default]
    Tell,
    /// Both are refused.
    Refuse,
    /// Both are made plain without a word.
    Plain,
}

/// Says what installs into a virtual environment.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Installer {
    /// uv where it is on the `PATH`, else pip.
    #[default]
    Auto,
    /// pip.
    Pip,
    /// uv.
    Uv,
}
