use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, glob_with};

/// What ssh takes a pattern for (glob(7)): a name that begins with a dot is only meant where it is written.
pub(super) const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Gives a file that says, included from a user's configuration, what a file of the system's says by itself.
///
/// What a system's file includes by a relative path is in its own folder; from a user's file ssh would look for it in `~/.ssh` and
/// say nothing where it is not (ssh_config(5)). So a copy that names the folder is put into `into`, of every file that needs one.
pub(super) fn faithful(file: &Path, into: &Path) -> PathBuf {
    let base = file.parent().unwrap_or(Path::new("/"));
    Copies { base, into, known: HashMap::new(), made: 0 }.of(file)
}

struct Copies<'a> {
    base: &'a Path,
    into: &'a Path,
    /// What each file is included as; one that includes itself is left to ssh, which refuses that.
    known: HashMap<PathBuf, PathBuf>,
    made: usize,
}

impl Copies<'_> {
    /// Gives the file itself where it may be included as it is.
    fn of(&mut self, file: &Path) -> PathBuf {
        if let Some(known) = self.known.get(file) {
            return known.clone();
        }
        self.known.insert(file.to_owned(), file.to_owned());
        // What cannot be read is ssh's to complain about.
        let Ok(text) = fs::read(file) else { return file.to_owned() };
        let text = String::from_utf8_lossy(&text);
        let mut changed = false;
        let mut lines = Vec::new();
        for line in text.lines() {
            let rewritten = included(line).and_then(|patterns| self.include(&patterns));
            changed |= rewritten.is_some();
            lines.push(rewritten.unwrap_or_else(|| line.to_owned()));
        }
        if !changed {
            return file.to_owned();
        }
        lines.push(String::new());
        match self.write(&lines.join("\n")) {
            Ok(copy) => {
                self.known.insert(file.to_owned(), copy.clone());
                copy
            }
            Err(error) => {
                tracing::warn!(%error, ?file, "ssh may not find what this file includes by a relative path");
                file.to_owned()
            }
        }
    }

    /// Rewrites an `Include`; none where it may stay.
    fn include(&mut self, patterns: &[String]) -> Option<String> {
        let mut changed = false;
        let mut line = "Include".to_owned();
        for pattern in patterns {
            // What begins with a variable says for itself where it is.
            let is_relative = !pattern.starts_with(['/', '~', '$', '%']);
            let absolute = if is_relative { format!("{}/{pattern}", escaped(self.base)) } else { pattern.clone() };
            let found: Vec<PathBuf> = match glob_with(&absolute, MATCHING) {
                Ok(found) => found.flatten().collect(),
                Err(_) => Vec::new(),
            };
            let ready: Vec<PathBuf> = found.iter().map(|file| self.of(file)).collect();
            let names = if ready == found { vec![absolute] } else { ready.iter().map(|file| escaped(file)).collect() };
            changed |= is_relative || ready != found;
            for name in names {
                line.push_str(&format!(" \"{name}\""));
            }
        }
        changed.then_some(line)
    }

    fn write(&mut self, text: &str) -> io::Result<PathBuf> {
        let copy = self.into.join(format!("system{}", self.made));
        self.made += 1;
        // ssh reads none that others may write.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy)?.write_all(text.as_bytes())?;
        Ok(copy)
    }
}

/// Writes a path so that ssh, which takes it for a pattern (glob(7)), means that file.
pub(super) fn escaped(path: &Path) -> String {
    let mut pattern = String::new();
    for c in path.to_string_lossy().chars() {
        if matches!(c, '*' | '?' | '[' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// Gives what a line includes, if that is what it does.
pub(super) fn included(line: &str) -> Option<Vec<String>> {
    let line = line.trim();
    let end = line.find(|c: char| c.is_whitespace() || c == '=' || c == '"')?;
    let (keyword, rest) = line.split_at(end);
    if !keyword.eq_ignore_ascii_case("include") {
        return None;
    }
    let rest = rest.trim_start();
    Some(words(rest.strip_prefix('=').unwrap_or(rest)))
}

/// Splits a line at blanks that are in no quotes, up to a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match c {
            _ if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            '#' if quote.is_none() && word.is_none() => break,
            _ if c.is_whitespace() && quote.is_none() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::{faithful, included};
    use crate::host::settings::SshSettings;
    use crate::host::ssh::config;

    #[test]
    fn what_the_systems_file_includes_by_a_relative_path_is_found_at_every_depth() {
        let etc = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            fs::create_dir_all(etc.path().join(name).parent().unwrap()).unwrap();
            fs::write(etc.path().join(name), text).unwrap();
        };
        let absolute = etc.path().join("ssh_config.d/*.conf");
        write(
            "ssh_config",
            &format!("Include {}\nHost box\n include=\"more of it\" # all\nHost *\n User last\n", absolute.display()),
        );
        write("ssh_config.d/a.conf", "Include keys/a keys/missing\n");
        write("ssh_config.d/b.conf", "Compression yes\n");
        write("keys/a", "Host box\n Port 2222\n");
        write("more of it", "User nested\n");
        let into = tempfile::tempdir().unwrap();
        let system = faithful(&etc.path().join("ssh_config"), into.path());
        let text = config::write(&SshSettings::default(), config::OfMachine::this().unwrap(), None, &system);
        let generated = into.path().join("config");
        fs::write(&generated, text).unwrap();
        let told = |host: &str| {
            let output = Command::new("ssh").arg("-G").arg("-F").arg(&generated).args(["--", host]).output().unwrap();
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
        };
        let (said, complaints) = told("box");
        for line in ["port 2222", "user nested", "compression yes"] {
            assert!(said.lines().any(|said| said == line), "no {line:?} in:\n{said}{complaints}");
        }
    }

    #[test]
    fn a_file_that_names_all_that_it_includes_is_left_alone() {
        let etc = tempfile::tempdir().unwrap();
        let file = etc.path().join("ssh_config");
        fs::write(&file, format!("Include {}/*.conf\nHost *\n", etc.path().display())).unwrap();
        fs::write(etc.path().join("a.conf"), "User x\n").unwrap();
        let into = tempfile::tempdir().unwrap();
        assert_eq!(faithful(&file, into.path()), file);
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 0);
        // ssh refuses it, and that is waited for by nobody.
        fs::write(etc.path().join("b.conf"), "Include b.conf round/*\n").unwrap();
        assert!(faithful(&file, into.path()).starts_with(into.path()));
        let missing = etc.path().join("none");
        assert_eq!(faithful(&missing, into.path()), missing);
    }

    #[test]
    fn an_include_is_read_as_ssh_reads_it() {
        for (line, expected) in [
            ("Include a b", Some(vec!["a", "b"])),
            ("\tINCLUDE = \"a b\" c # d", Some(vec!["a b", "c"])),
            ("include\"a\"", Some(vec!["a"])),
            ("#Include a", None),
            ("Includes a", None),
            ("Host include", None),
        ] {
            let words = included(line);
            assert_eq!(
                words.as_deref(),
                expected.map(|words| words.into_iter().map(String::from).collect::<Vec<_>>()).as_deref(),
                "{line}"
            );
        }
    }
}
