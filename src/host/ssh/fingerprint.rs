use std::collections::{BTreeSet, HashSet};
use std::env;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use glob::glob_with;
use sha2::{Digest as _, Sha256};

use super::system::{MATCHING, included};
use crate::model::HostId;

/// Changes whenever what two processes must have in common to be on one connection does.
const VERSION: &[u8] = b"coalmine connection 1";
/// How deep files may include each other: ssh itself goes no further (ssh_config(5)).
const DEPTH: usize = 16;
/// What decides, beside its configuration, as whom ssh logs in and where it looks for names.
const ENVIRONMENT: [&str; 7] =
    ["SSH_AUTH_SOCK", "SSH_SK_PROVIDER", "KRB5CCNAME", "KRB5_CONFIG", "HOSTALIASES", "LOCALDOMAIN", "RES_OPTIONS"];

/// Sums up all that decides how a host is reached and as whom: equal ones are of connections that are as good as each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint(String);

impl Fingerprint {
    /// Gives a file's name.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Sums up what decides that for every host.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Base([u8; 32]);

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Base")
    }
}

impl Base {
    /// Reads the configuration that ssh is started with, `config` in the folder `own`, and all that it includes; none where only ssh knows
    /// what that is, or where it depends on what a command says. Processes that share connections have `among` in common, and those whose
    /// ssh starts programs, `finds_programs` or the configuration, have their PATH.
    pub(super) fn read(config: &Path, own: &Path, among: &Path, finds_programs: bool) -> Option<Self> {
        let home = env::home_dir().unwrap_or_default();
        let mut reader = Reader {
            own,
            home: &home,
            sum: Sha256::new(),
            seen: HashSet::new(),
            variables: ENVIRONMENT.into_iter().map(str::to_owned).collect(),
            from_folder: false,
        };
        reader.add(VERSION);
        reader.add(among.as_os_str().as_bytes());
        reader.add(program("ssh").unwrap_or_default().as_os_str().as_bytes());
        reader.file(config, DEPTH)?;
        if finds_programs {
            reader.variables.insert("PATH".to_owned());
        }
        for name in std::mem::take(&mut reader.variables) {
            reader.add(name.as_bytes());
            let value = env::var_os(&name);
            reader.add(&[u8::from(value.is_some())]);
            reader.add(value.unwrap_or_default().as_bytes());
        }
        if reader.from_folder {
            reader.add(env::current_dir().ok()?.as_os_str().as_bytes());
        }
        Some(Self(reader.sum.finalize().into()))
    }

    /// Sums up how one host is reached; `arguments` are ssh's own, beside the configuration's name.
    pub(super) fn of(&self, host: &HostId, arguments: &[OsString]) -> Fingerprint {
        let mut sum = Sha256::new();
        sum.update(self.0);
        let parts = arguments.iter().map(|argument| argument.as_bytes()).chain([host.as_str().as_bytes()]);
        parts.for_each(|part| add(&mut sum, part));
        let sum = sum.finalize();
        let mut name = "w".to_owned();
        for byte in sum.iter().take(16) {
            // Writing into a String never fails.
            write!(name, "{byte:02x}").unwrap_or_default();
        }
        Fingerprint(name)
    }
}

struct Reader<'a> {
    own: &'a Path,
    home: &'a Path,
    sum: Sha256,
    seen: HashSet<PathBuf>,
    variables: BTreeSet<String>,
    /// Whether a file is named from the folder in which this process runs.
    from_folder: bool,
}

impl Reader<'_> {
    fn add(&mut self, part: &[u8]) {
        add(&mut self.sum, part);
    }

    fn file(&mut self, file: &Path, depth: usize) -> Option<()> {
        if !self.seen.insert(file.to_owned()) {
            return Some(());
        }
        let (name, is_own) = match file.strip_prefix(self.own) {
            Ok(name) => (name, true),
            Err(_) => (file, false),
        };
        self.add(name.as_os_str().as_bytes());
        // What cannot be read is as good as none to ssh.
        let text = fs::read(file).unwrap_or_default();
        let shown = String::from_utf8_lossy(&text);
        if is_own {
            // It is the same in another process's folder.
            let own = self.own.to_string_lossy();
            self.add(shown.replace(&*own, "").as_bytes());
        } else {
            self.add(&text);
        }
        for line in shown.lines() {
            self.line(line, depth)?;
        }
        Some(())
    }

    fn line(&mut self, line: &str, depth: usize) -> Option<()> {
        let line = line.trim();
        let (keyword, rest) =
            line.split_once(|c: char| c.is_whitespace() || c == '=' || c == '"').unwrap_or((line, ""));
        let keyword = keyword.to_ascii_lowercase();
        if keyword.starts_with('#') {
            return Some(());
        }
        let mut named = rest;
        while let Some((_, after)) = named.split_once("${") {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            self.variables.insert(name.to_owned());
            named = after;
        }
        match keyword.as_str() {
            "match" if rest.split(|c: char| c.is_whitespace() || c == '=').any(depends) => return None,
            "proxycommand" | "proxyjump" | "knownhostscommand" => {
                self.variables.insert("PATH".to_owned());
            }
            _ if keyword.ends_with("file") => {
                let value = rest.trim_start_matches([' ', '\t', '=', '"']);
                self.from_folder |= !value.starts_with(['/', '~', '%', '$']) && !value.starts_with("none");
            }
            _ => {}
        }
        for pattern in included(line).unwrap_or_default() {
            self.include(&pattern, depth.checked_sub(1)?)?;
        }
        Some(())
    }

    fn include(&mut self, pattern: &str, depth: usize) -> Option<()> {
        // What stands behind a variable, or in another user's home, only ssh knows.
        if pattern.contains(['$', '%']) {
            return None;
        }
        let path = match pattern.strip_prefix("~/") {
            Some(rest) => self.home.join(rest),
            None if pattern.starts_with('~') => return None,
            None => self.home.join(".ssh").join(pattern),
        };
        for file in glob_with(&path.to_string_lossy(), MATCHING).ok()?.flatten() {
            self.file(&file, depth)?;
        }
        Some(())
    }
}

/// Tells whether a criterion of a `Match` is one that changes with what goes on around.
fn depends(criterion: &str) -> bool {
    let criterion = criterion.trim_start_matches('!');
    criterion.eq_ignore_ascii_case("exec") || criterion.eq_ignore_ascii_case("localnetwork")
}

fn add(sum: &mut Sha256, part: &[u8]) {
    sum.update((part.len() as u64).to_be_bytes());
    sum.update(part);
}

/// Finds a program as PATH has it.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut places = env::split_paths(&path).map(|folder| folder.join(name));
    places
        .find(|place| fs::metadata(place).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Base, Fingerprint};
    use crate::model::HostId;

    fn of(config: &Path, own: &Path, among: &str) -> Option<Fingerprint> {
        let base = Base::read(config, own, Path::new(among), false)?;
        Some(base.of(&HostId::new("box").unwrap(), &["-l".into(), "me".into()]))
    }

    #[test]
    fn it_is_the_same_in_every_folder_and_changes_with_all_that_the_configuration_includes() {
        let (one, two, user) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let deep = user.path().join("deep.conf");
        let config = user.path().join("config");
        fs::write(&config, format!("Include {}\nHost *\n User me\n", user.path().join("*.conf").display())).unwrap();
        for folder in [&one, &two] {
            let own = folder.path().join("system0");
            fs::write(&own, "Port 22\n").unwrap();
            let text = format!("Include \"{}\"\nInclude \"{}\"\n", config.display(), own.display());
            fs::write(folder.path().join("config"), text).unwrap();
        }
        let told = |folder: &tempfile::TempDir, among| of(&folder.path().join("config"), folder.path(), among).unwrap();
        let before = told(&one, "/s");
        assert_eq!(before, told(&two, "/s"));
        assert!(before.as_str().starts_with('w') && before.as_str().len() == 33);
        assert_ne!(before, told(&one, "/other"));
        fs::write(&deep, "IdentityFile /a\n").unwrap();
        let with = told(&one, "/s");
        assert_ne!(before, with);
        fs::write(&deep, "IdentityFile /b\n").unwrap();
        assert_ne!(with, told(&one, "/s"));
        fs::write(two.path().join("system0"), "Port 23\n").unwrap();
        assert_ne!(told(&one, "/s"), told(&two, "/s"));
    }

    #[test]
    fn every_host_and_every_argument_counts() {
        let own = tempfile::tempdir().unwrap();
        let config = own.path().join("config");
        fs::write(&config, "Host *\n").unwrap();
        let base = Base::read(&config, own.path(), Path::new("/s"), false).unwrap();
        let host = |name| HostId::new(name).unwrap();
        let all = [
            base.of(&host("a"), &[]),
            base.of(&host("b"), &[]),
            base.of(&host("a"), &["-l".into(), "b".into()]),
            base.of(&host("a"), &["-lb".into()]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all.iter().skip(at + 1).all(|other| other != one), "{all:?}");
        }
        let with_programs = Base::read(&config, own.path(), Path::new("/s"), true).unwrap();
        assert_ne!(base, with_programs);
    }

    #[test]
    fn what_only_ssh_knows_is_shared_with_nobody() {
        let own = tempfile::tempdir().unwrap();
        let config = own.path().join("config");
        for unknown in [
            "Match host a exec \"test -e /vpn\"",
            "match !exec=true",
            "Match localnetwork 10.0.0.0/8",
            "Include ${HERE}/config",
            "Include %d/config",
            "Include ~other/config",
        ] {
            fs::write(&config, format!("{unknown}\n")).unwrap();
            assert_eq!(of(&config, own.path(), "/s"), None, "{unknown}");
        }
        for known in ["Match host exec", "Match all", "# Match exec x", "Host exec", "Include no/such/*", "Port 1"] {
            fs::write(&config, format!("{known}\n")).unwrap();
            let is_known = of(&config, own.path(), "/s").is_some();
            // `host exec` names a host; nobody tells them apart here, and then nothing is shared.
            assert_eq!(is_known, known != "Match host exec", "{known}");
        }
        fs::write(&config, format!("Include \"{}\"\n", config.display())).unwrap();
        assert!(of(&config, own.path(), "/s").is_some(), "one that includes itself is left to ssh");
    }
}
