//! The least configuration of a product that has none yet: made of its checkout and a list of hosts, and proven before it is there.

use std::collections::HashSet;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::deployment::check_environment;
use super::error::Error;
use super::workspace::{Invocation, Workspace};
use crate::expr::{Expression, fold};
use crate::model::{Environment, HostId};
use crate::release::{Repository, VersionOrder};

/// A name that ends so was meant as a file's: no host is called like that.
const FILES: [&str; 8] = ["txt", "ini", "yml", "yaml", "json", "cfg", "conf", "list"];

/// Holds what a checkout says of its product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its top.
    pub path: PathBuf,
    /// Where its tags come from; none where it has no remote.
    pub remote: Option<String>,
    /// Which tags are releases, in git's glob; none where it has no tag with a number.
    pub tags: Option<String>,
    /// Whether pip installs it.
    pub is_python: bool,
    /// Whether make builds it.
    pub has_makefile: bool,
}

impl Checkout {
    /// Reads a checkout, and changes nothing of it.
    ///
    /// # Errors
    ///
    /// When the folder is none, or git fails.
    pub async fn read(path: &Path) -> Result<Self, Error> {
        let repository = Repository::open(path).await.map_err(|error| {
            Error::usage(error).hint("name the checkout that holds the release tags with --repository DIR")
        })?;
        let remotes = repository.remotes().await?;
        let origin = remotes.iter().find(|remote| *remote == "origin").or_else(|| remotes.first());
        let tags = repository.tags("*", &VersionOrder::new(None)).await?;
        let names: Vec<&str> = tags.iter().map(|tag| tag.name.as_str()).collect();
        let has = |name: &str| repository.path().join(name).is_file();
        Ok(Self {
            remote: origin.cloned(),
            tags: glob_of(&names),
            is_python: ["pyproject.toml", "setup.py", "setup.cfg"].into_iter().any(has),
            has_makefile: ["Makefile", "GNUmakefile", "makefile"].into_iter().any(has),
            path: repository.path().to_owned(),
        })
    }
}

/// Says which tags are releases: those that begin with a digit, else those that begin as the newest one with a number does.
fn glob_of(oldest_first: &[&str]) -> Option<String> {
    let prefix = |name: &&str| Some(name.split_at_checked(name.find(|c: char| c.is_ascii_digit())?)?.0.to_owned());
    let prefixes: Vec<String> = oldest_first.iter().rev().filter_map(prefix).collect();
    let plain = prefixes.iter().find(|prefix| prefix.is_empty()).or_else(|| prefixes.first())?;
    let escaped: String =
        plain.chars().flat_map(|c| ("*?[\\".contains(c)).then_some('\\').into_iter().chain([c])).collect();
    Some(format!("{escaped}[0-9]*"))
}

/// Says where the hosts of a new configuration are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostSource {
    /// In an expression.
    Listed(String),
    /// In a dsh file.
    Dsh(PathBuf),
    /// In an inventory of Ansible's.
    Ansible(PathBuf),
    /// By the `Host` lines of an `ssh_config`.
    SshConfig {
        /// The file.
        file: PathBuf,
        /// Their names.
        hosts: Vec<HostId>,
        /// Words behind `Host`, and whole lines, that name no host of their own.
        passed_over: Vec<String>,
    },
}

impl HostSource {
    /// Tells what was meant: a file, by what is in it, or an expression that lists hosts.
    ///
    /// # Errors
    ///
    /// When it is neither.
    pub fn read(text: &str, folder: &Path) -> Result<Self, Error> {
        let path = folder.join(text);
        if !text.is_empty() && path.is_file() {
            let bytes = std::fs::read(&path).map_err(|error| Error::usage(format!("{}: {error}", path.display())))?;
            return Self::of_file(path, &String::from_utf8_lossy(&bytes));
        }
        let looks_like_a_file = text.contains('/') || {
            let extension = Path::new(text).extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| FILES.contains(&extension.to_ascii_lowercase().as_str()))
        };
        if looks_like_a_file {
            return Err(Error::usage(format!("--hosts: there is no file {}", path.display())));
        }
        let listed = Expression::new(text).map_err(|error| error.to_string());
        match listed.and_then(|listed| listed.list().map_err(|error| error.to_string())) {
            Ok(_) => Ok(Self::Listed(text.to_owned())),
            Err(error) => Err(Error::usage(format!("--hosts: {error}")).hint(
                "it takes a dsh file, an Ansible inventory, an ssh_config, or names such as mw[01-40].example.org",
            )),
        }
    }

    fn of_file(path: PathBuf, text: &str) -> Result<Self, Error> {
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])).collect();
        let word = |line: &str| line.split([' ', '\t', '=']).next().unwrap_or_default().to_ascii_lowercase();
        if lines.iter().any(|line| matches!(word(line).as_str(), "host" | "match" | "hostname")) {
            return ssh_config(path, &lines);
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_ansible = matches!(extension, Some("yml" | "yaml" | "json" | "ini"))
            || lines.first().is_some_and(|line| *line == "---" || line.starts_with('{') || line.ends_with(':'))
            || lines.iter().any(|line| {
                let has_variables = line.split_once(char::is_whitespace).is_some_and(|(_, rest)| rest.contains('='));
                (line.starts_with('[') && line.ends_with(']')) || has_variables
            });
        Ok(if is_ansible { Self::Ansible(path) } else { Self::Dsh(path) })
    }

    /// Says in a word what it is.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Listed(_) => "a list",
            Self::Dsh(_) => "a dsh file",
            Self::Ansible(_) => "an Ansible inventory",
            Self::SshConfig { .. } => "an ssh_config",
        }
    }
}

/// Reads the names behind `Host`; patterns are about hosts, and none.
fn ssh_config(file: PathBuf, lines: &[&str]) -> Result<HostSource, Error> {
    let (mut hosts, mut passed_over, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for line in lines {
        let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
        match words.next().map(str::to_ascii_lowercase).as_deref() {
            Some("host") => {}
            Some("match" | "include") => {
                passed_over.push((*line).to_owned());
                continue;
            }
            _ => continue,
        }
        for name in words.map(|word| word.trim_matches('"')) {
            match HostId::new(name) {
                Ok(host) if !name.contains(['*', '?', '!']) => {
                    if seen.insert(host.clone()) {
                        hosts.push(host);
                    }
                }
                _ if name == "*" => {}
                _ => passed_over.push(name.to_owned()),
            }
        }
    }
    if hosts.is_empty() {
        return Err(Error::usage(format!("{} names no host: its `Host` lines are patterns only", file.display()))
            .hint("name the hosts themselves: --hosts 'mw[01-40].example.org'"));
    }
    Ok(HostSource::SshConfig { file, hosts, passed_over })
}

/// Says what a new configuration is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// What is installed.
    pub name: String,
    /// Where its tags are.
    pub checkout: Checkout,
    /// What builds it, with `{prefix}`; none where pip does.
    pub build: Vec<String>,
    /// What is run in the finished release.
    pub check: String,
    /// The folder on hosts.
    pub root: String,
    /// Whom ssh logs in as; none is ssh's own choice.
    pub user: Option<String>,
    /// The environment.
    pub environment: Environment,
    /// Its hosts.
    pub hosts: HostSource,
}

impl Beginning {
    /// Writes the configuration for a file in this folder; one host needs no canary.
    fn text(&self, folder: &Path, has_canary: bool) -> Result<String, Error> {
        let near = |path: &Path| -> Result<String, Error> {
            let path = match path.strip_prefix(folder) {
                Ok(below) if below.as_os_str().is_empty() => Path::new("."),
                Ok(below) => below,
                Err(_) => path,
            };
            let text = path.to_str().ok_or_else(|| Error::usage(format!("{} is not UTF-8", path.display())))?;
            Ok(quoted(text))
        };
        let Self { checkout, environment, .. } = self;
        let mut text = String::from(
            "# The least that coalmine needs. `coalmine config sample` prints every key, its default and its meaning.\n\n[product]\n",
        );
        let mut line = |line: String| text.push_str(&(line + "\n"));
        line(format!("name = {}", quoted(&self.name)));
        line(format!("repository = {}", near(&checkout.path)?));
        match checkout.remote.as_deref() {
            Some("origin") => {}
            remote => line(format!("remote = {}", quoted(remote.unwrap_or_default()))),
        }
        if let Some(tags) = checkout.tags.as_deref().filter(|tags| *tags != "[0-9]*") {
            line(format!("tags = {}", quoted(tags)));
        }
        line("\n[build]".to_owned());
        if !self.build.is_empty() {
            let commands: Vec<String> = self.build.iter().map(|command| quoted(command)).collect();
            line(format!("kind = \"command\"\ncommands = [{}]", commands.join(", ")));
        }
        line(format!("check = {}", quoted(&self.check)));
        line("\n[target]".to_owned());
        if let Some(user) = &self.user {
            line(format!("user = {}", quoted(user)));
        }
        line(format!("root = {}", quoted(&self.root)));
        if let HostSource::SshConfig { file, .. } = &self.hosts {
            line(format!("\n[ssh]\nconfig = {}", near(file)?));
        }
        let source = match &self.hosts {
            HostSource::Listed(listed) => format!("hosts = [{}]", quoted(listed)),
            HostSource::Dsh(file) => format!("file = {}", near(file)?),
            HostSource::Ansible(file) => format!("ansible = {}", near(file)?),
            HostSource::SshConfig { hosts, .. } => format!("hosts = [{}]", quoted(&fold(hosts))),
        };
        // An inventory has a group `all` of its own, and it is the whole.
        line(format!("\n[groups]\nall = {{ {source} }}"));
        line(format!("\n[environments.{environment}]\nhosts = \"@all\""));
        if has_canary {
            line("\n# One host first; the others wait until a person lets them go on.".to_owned());
            line(format!("[[environments.{environment}.stages]]\nname = \"canary\"\ncount = 1\npromote = \"manual\""));
        }
        line(format!("\n[[environments.{environment}.stages]]\nname = \"fleet\""));
        Ok(text)
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Holds a configuration that is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its text.
    pub text: String,
    /// Its hosts.
    pub hosts: Vec<HostId>,
    /// What an inventory says and is not obeyed.
    pub notes: Vec<String>,
}

/// Makes a configuration, proves that it can be read and that its hosts can, and puts it in its place unless one is there.
///
/// It is written beside its place first, so that what is there is always whole; dropping the future leaves nothing.
///
/// # Errors
///
/// When something in it is wrong, when its folder cannot be written, or when there is one by now.
pub async fn begin(beginning: &Beginning, target: &Path, invocation: &Invocation, keep: bool) -> Result<Begun, Error> {
    let folder = target.parent().unwrap_or(Path::new("/"));
    let unwritable = |error: std::io::Error| Error::before(format!("{}: {error}", target.display()));
    let mut text = beginning.text(folder, true)?;
    loop {
        let mut file =
            tempfile::Builder::new().prefix(".coalmine-").suffix(".toml").tempfile_in(folder).map_err(unwritable)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| {
            file.as_file().set_permissions(Permissions::from_mode(0o644))?;
            file.as_file().sync_all()
        });
        written.map_err(unwritable)?;
        let (hosts, notes) = prove(beginning, file.path(), invocation).await.map_err(|error| {
            let named = |text: &str| text.replace(&file.path().display().to_string(), &target.display().to_string());
            error
                .hints()
                .iter()
                .fold(Error::new(error.kind(), named(error.message())), |told, hint| told.hint(named(hint)))
        })?;
        if hosts.len() == 1 && text.contains("\"canary\"") {
            text = beginning.text(folder, false)?;
            continue;
        }
        if keep {
            file.persist_noclobber(target).map_err(|failed| unwritable(failed.error))?;
        }
        return Ok(Begun { text, hosts, notes });
    }
}

async fn prove(
    beginning: &Beginning,
    file: &Path,
    invocation: &Invocation,
) -> Result<(Vec<HostId>, Vec<String>), Error> {
    let environment = Some(beginning.environment.clone());
    let invocation = Invocation { config: Some(file.to_owned()), environment, ..invocation.clone() };
    let workspace = Workspace::open(&invocation)?;
    check_environment(&workspace, beginning.environment.as_str()).await?;
    let hosts = workspace.fleet().await?.hosts;
    if hosts.is_empty() {
        return Err(Error::usage(format!("--hosts: {} names no host", beginning.hosts.word())));
    }
    Ok((hosts, workspace.unheeded()?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{HostSource, glob_of};

    fn source(text: &str) -> HostSource {
        HostSource::of_file(Path::new("/x/hosts").to_owned(), text).unwrap()
    }

    #[test]
    fn a_list_of_hosts_is_told_by_what_is_in_it() {
        assert_eq!(source("# all\nmw[01-04].eqiad\n\ndb01 # master\n").word(), "a dsh file");
        assert_eq!(source("[web]\nmw01\n").word(), "an Ansible inventory");
        assert_eq!(source("mw01 ansible_host=10.0.0.1\n").word(), "an Ansible inventory");
        assert_eq!(source("---\nall:\n  hosts:\n    mw01:\n").word(), "an Ansible inventory");
        assert_eq!(source("all:\n  hosts:\n    mw01:\n").word(), "an Ansible inventory");
        let HostSource::SshConfig { hosts, passed_over, .. } = source(
            "Include other\nHost mw01 mw02 *.example.org\n  HostName 10.0.0.1\nhost=mw02 !mw03\nHost *\n  User x\n",
        ) else {
            unreachable!("it is an ssh_config")
        };
        assert_eq!(hosts.iter().map(ToString::to_string).collect::<Vec<_>>(), ["mw01", "mw02"]);
        assert_eq!(passed_over, ["Include other", "*.example.org", "!mw03"]);
        let patterns = HostSource::of_file(Path::new("/x/config").to_owned(), "Host *\n  User x\n").unwrap_err();
        assert!(patterns.message().contains("names no host"), "{patterns}");
    }

    #[test]
    fn a_file_that_is_not_there_is_no_host() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["hosts.txt", "./hosts", "inventory.yml"] {
            let refused = HostSource::read(name, folder.path()).unwrap_err();
            assert!(refused.message().contains("there is no file"), "{refused}");
        }
        let listed = HostSource::read("mw[01-04].eqiad,db01", folder.path()).unwrap();
        assert_eq!(listed, HostSource::Listed("mw[01-04].eqiad,db01".to_owned()));
        assert_eq!(HostSource::read("@all", folder.path()).unwrap_err().exit().code(), 2);
    }

    #[test]
    fn releases_are_the_tags_that_begin_with_a_number_or_as_the_newest_does() {
        assert_eq!(glob_of(&["1.0", "nightly-7", "1.1"]).as_deref(), Some("[0-9]*"));
        assert_eq!(glob_of(&["v1.0", "v1.1", "latest"]).as_deref(), Some("v[0-9]*"));
        assert_eq!(glob_of(&["release/1"]).as_deref(), Some("release/[0-9]*"));
        assert_eq!(glob_of(&["stable"]), None);
        assert_eq!(glob_of(&[]), None);
    }
}
