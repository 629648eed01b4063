//! What of pip's configuration reaches a build: how its indexes are reached, and nothing else.
//!
//! A `prefix` in somebody's `pip.conf` would put the release's files elsewhere, a `constraint` or `pre` would choose other
//! versions than the next deploy server does. So pip is told to read no file; what says where packages come from is handed to it as
//! variables, and what else was there is told by name.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Where packages come from, and how the way there is trusted.
const REACHES: [&str; 13] = [
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "trusted-host",
    "cert",
    "client-cert",
    "proxy",
    "timeout",
    "default-timeout",
    "retries",
    "resume-retries",
    "keyring-provider",
];

/// What changes no release, and is set aside without a word.
const HARMLESS: [&str; 16] = [
    "disable-pip-version-check",
    "no-color",
    "quiet",
    "verbose",
    "progress-bar",
    "no-input",
    "cache-dir",
    "no-cache-dir",
    "require-virtualenv",
    "log",
    "break-system-packages",
    "root-user-action",
    "no-warn-script-location",
    "no-python-version-warning",
    "debug",
    "format",
];

/// Holds what is handed to pip, and the names of what is not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PipSettings {
    pub(super) variables: BTreeMap<String, OsString>,
    pub(super) set_aside: Vec<String>,
}

impl PipSettings {
    /// Reads the files and variables that pip would read on this machine.
    pub(super) fn of_this_machine() -> Self {
        let mut settings = Self::default();
        for file in files() {
            // What cannot be read says nothing; pip passes it over too.
            if let Ok(text) = fs::read_to_string(&file) {
                settings.add(&text, &file);
            }
        }
        for (name, value) in std::env::vars_os() {
            let Some(key) = name.to_str().and_then(|name| name.strip_prefix("PIP_")) else { continue };
            let key = key.to_ascii_lowercase().replace('_', "-");
            if key != "config-file" {
                settings.take(&key, value, || format!("the variable {}", name.to_string_lossy()));
            }
        }
        settings
    }

    fn add(&mut self, text: &str, file: &Path) {
        let mut read = read(text);
        // As pip does: what one command is told is stronger than what all are told.
        read.sort_by_key(|(section, ..)| ["global", "install", "wheel"].iter().position(|known| known == section));
        for (_, key, value) in read {
            self.take(&key, value.into(), || format!("{key} of {}", file.display()));
        }
    }

    fn take(&mut self, key: &str, value: OsString, what: impl FnOnce() -> String) {
        if REACHES.contains(&key) {
            self.variables.insert(format!("PIP_{}", key.to_ascii_uppercase().replace('-', "_")), value);
        } else if !HARMLESS.contains(&key) {
            self.set_aside.push(what());
        }
    }
}

/// Lists pip's files in the order in which pip reads them; the last word counts.
fn files() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let own = variable("PIP_CONFIG_FILE").map(PathBuf::from);
    if own.as_deref() == Some(Path::new("/dev/null")) {
        return Vec::new();
    }
    let site = variable("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".into());
    let mut files: Vec<PathBuf> = std::env::split_paths(&site).map(|folder| folder.join("pip/pip.conf")).collect();
    files.push("/etc/pip.conf".into());
    if let Some(home) = variable("HOME").map(PathBuf::from) {
        files.push(home.join(".pip/pip.conf"));
        files
            .push(variable("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from).join("pip/pip.conf"));
    }
    files.extend(own);
    files
}

/// Reads the sections that count as Python's configparser does: keys have no case, indented lines go on.
fn read(text: &str) -> Vec<(String, String, String)> {
    let mut found: Vec<(String, String, String)> = Vec::new();
    let mut section = String::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t'])
            && let Some((of, _, value)) = found.last_mut()
            && *of == section
        {
            value.push(' ');
            value.push_str(trimmed);
        } else if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = trimmed.split_once(['=', ':']) {
            let key = key.trim().to_ascii_lowercase().replace('_', "-");
            found.push((section.clone(), key, value.trim().to_owned()));
        }
    }
    found.retain(|(section, ..)| matches!(&**section, "global" | "install" | "wheel"));
    for (.., value) in &mut found {
        *value = value.trim().to_owned();
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::PipSettings;

    #[test]
    fn only_what_reaches_indexes_is_handed_to_pip() {
        let mut settings = PipSettings::default();
        settings.add(
            "[wheel]\ntimeout: 9\n[global]\n# c\nIndex_URL = https://a.example/simple\nextra-index-url =\n  https://b.example\n  \
             https://c.example\nquiet = 1\ntimeout = 5\n[install]\nprefix = /elsewhere\nuser = true\n[freeze]\nall = 1\n",
            Path::new("/etc/pip.conf"),
        );
        let variables: Vec<_> =
            settings.variables.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(
            variables,
            [
                ("PIP_EXTRA_INDEX_URL", "https://b.example https://c.example"),
                ("PIP_INDEX_URL", "https://a.example/simple"),
                ("PIP_TIMEOUT", "9"),
            ]
        );
        assert_eq!(settings.set_aside, ["prefix of /etc/pip.conf", "user of /etc/pip.conf"]);
    }
}
