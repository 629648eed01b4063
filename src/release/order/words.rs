//! What the words in versions mean.

/// Says what a word tells of the version that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// It is finished; a number behind it counts what came after.
    Final,
    /// It comes after the version without it.
    Fix,
    /// It comes before everything else of this version.
    Development,
    /// It comes before the version without it, under this name.
    Before(&'a str),
}

/// Gives the meaning of a word in small letters; `counted` tells whether a number follows.
pub(super) fn meaning(word: &str, counted: bool) -> Meaning<'_> {
    match word {
        // Unity's `2021.3.1f1`.
        "f" if counted => Meaning::Final,
        "release" | "final" | "ga" | "lts" | "stable" | "rtm" | "esr" | "gold" | "general" | "prod" | "production" => {
            Meaning::Final
        }
        "p" | "patch" | "pl" | "patchlevel" | "hotfix" | "hf" | "fix" | "bugfix" | "sp" | "sr" | "cu" | "u"
        | "update" | "upd" | "post" | "r" | "rev" | "revision" | "build" | "bld" | "cert" | "security" | "sec"
        | "errata" | "respin" | "rebuild" => Meaning::Fix,
        // What distributions put behind a revision: `1.0-1ubuntu2`, `1.0-3.el8`.
        "ubuntu" | "deb" | "nmu" | "el" | "fc" => Meaning::Fix,
        "dev" => Meaning::Development,
        "a" => Meaning::Before("alpha"),
        "b" => Meaning::Before("beta"),
        "m" => Meaning::Before("milestone"),
        "c" | "cr" | "pre" | "preview" | "candidate" => Meaning::Before("rc"),
        word => Meaning::Before(word),
    }
}

/// Tells whether a word before the number says that the version is unfinished; any other is a name.
pub(super) fn is_unfinished(word: &str) -> bool {
    matches!(
        word,
        "alpha"
            | "beta"
            | "milestone"
            | "rc"
            | "pre"
            | "preview"
            | "prerelease"
            | "candidate"
            | "dev"
            | "snapshot"
            | "nightly"
            | "canary"
            | "testing"
            | "unstable"
            | "experimental"
    )
}

/// Tells whether a word glued to a number only says that this is one.
pub(super) fn is_version_word(word: &str) -> bool {
    matches!(word, "v" | "ver" | "version" | "r" | "rel" | "release" | "tag" | "stable") || word.len() == 1
}
