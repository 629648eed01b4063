//! What the commands of a build see.
//!
//! Commands of the configuration see this process's environment without what would steer Python, pip, git or the locale, and without what
//! says a version to build backends: that would be every dependency's version too. pip and the backends that it runs see far
//! less: how servers are reached, and nothing else of the deployer's account. `build.env` is stronger than all of it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::build::Builder;
use super::error::ReleaseError;
use super::pip::PipSettings;
use super::run::{Task, ask, git_environment, words};

/// What a check finds on a host that has nothing of its own.
pub(super) const PLAIN_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is the same in every build and check.
const FIXED: [(&str, &str); 7] = [
    ("LC_ALL", "C.UTF-8"),
    ("TZ", "UTC"),
    ("PYTHONHASHSEED", "0"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("PYTHONNOUSERSITE", "1"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("PIP_NO_INPUT", "1"),
];

/// Steers shells, make, and what packs and unpacks: a release would lack files, or differ from another deployer's.
const STEERS: [&str; 25] = [
    "ENV",
    "BASH_ENV",
    "BASHOPTS",
    "SHELLOPTS",
    "CDPATH",
    "GLOBIGNORE",
    "POSIXLY_CORRECT",
    "LANG",
    "LANGUAGE",
    "TZ",
    "DESTDIR",
    "MAKEFLAGS",
    "GNUMAKEFLAGS",
    "MFLAGS",
    "MAKEFILES",
    "MAKELEVEL",
    "TAR_OPTIONS",
    "TAR_READER_OPTIONS",
    "TAR_WRITER_OPTIONS",
    "GZIP",
    "BZIP",
    "BZIP2",
    "UNZIP",
    "ZIPOPT",
    "GREP_OPTIONS",
];

/// Says a version to build backends, or that they need none; to those of all dependencies alike.
const VERSIONS: [&str; 7] =
    ["SETUPTOOLS_SCM_", "PBR_", "PDM_BUILD_", "POETRY_DYNAMIC_", "UV_DYNAMIC_", "VERSIONEER_", "HATCH_"];

/// How servers are reached, by name.
const REACHES: [&str; 22] = [
    "PATH",
    "USER",
    "LOGNAME",
    "SSH_AUTH_SOCK",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_ASKPASS",
    "GIT_SSL_CAINFO",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "RUSTUP_HOME",
];

/// How servers are reached, by how names begin.
const REACHES_ALL: [&str; 4] = ["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_"];

/// What changes compiled code; a deployer who has it set should know that builds do not.
const COMPILERS: [&str; 9] =
    ["CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "RUSTFLAGS", "CMAKE_ARGS", "ARCHFLAGS"];

/// What of git's configuration says how repositories are reached.
const GIT_REACHES: [&str; 7] = ["url.", "credential.", "http.", "https.", "ssh.", "core.sshcommand", "protocol."];

/// An environment that is complete: nothing is inherited.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// Sets a variable, whatever it was.
    pub(super) fn set(&mut self, name: impl AsRef<OsStr>, value: impl Into<OsString>) {
        let name = name.as_ref();
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_owned(), value.into()));
    }

    fn fixed() -> Self {
        Self(FIXED.map(|(name, value)| (name.into(), value.into())).into())
    }
}

impl From<Environment> for Vec<(OsString, OsString)> {
    fn from(environment: Environment) -> Self {
        environment.0
    }
}

/// Gives this process's environment without what would make builds differ or go astray.
pub(super) fn clean_environment() -> Environment {
    let stays = std::env::vars_os().filter(|(name, _)| !steers(&name.to_string_lossy()));
    let mut environment = Environment(stays.collect());
    for (name, value) in FIXED {
        environment.set(name, value);
    }
    environment
}

/// Tells whether a variable changes what commands do that say nothing of it.
fn steers(name: &str) -> bool {
    let begins = |parts: &[&str]| parts.iter().any(|part| name.starts_with(part));
    STEERS.contains(&name)
        || begins(&["PYTHON", "CONDA", "VIRTUAL_ENV", "PIP_", "GIT_DIR", "GIT_WORK", "GIT_INDEX", "GIT_CONFIG"])
        // What bash calls instead of a program, and what compresses how well.
        || begins(&["LC_", "COALMINE_", "BASH_FUNC_", "XZ_", "ZSTD_"])
        || begins(&VERSIONS)
}

/// Gives what git needs for a repository of coalmine's own, with nobody's configuration.
pub(super) fn isolated_git(home: &Path, work: &Path) -> Environment {
    let mut environment = Environment::fixed();
    environment.set("PATH", std::env::var_os("PATH").unwrap_or_else(|| PLAIN_PATH.into()));
    environment.set("HOME", home);
    environment.set("LC_ALL", "C");
    without_git_configuration(&mut environment, work);
    environment
}

fn without_git_configuration(environment: &mut Environment, work: &Path) {
    environment.set("GIT_CONFIG_GLOBAL", "/dev/null");
    environment.set("GIT_CONFIG_NOSYSTEM", "1");
    environment.set("GIT_ATTR_NOSYSTEM", "1");
    environment.set("GIT_TERMINAL_PROMPT", "0");
    // What is built outside of the export must not find a repository around the store.
    environment.set("GIT_CEILING_DIRECTORIES", work);
}

/// Holds what a build takes from the account that runs it: how servers are reached.
#[derive(Debug, Default)]
pub(super) struct Account {
    pip: PipSettings,
    git: Vec<(String, String)>,
}

impl Account {
    /// Reads it, and names what is set aside.
    pub(super) async fn of_this_process(work: &Path) -> (Self, Vec<String>) {
        let mut pip = PipSettings::of_this_machine();
        let mut set_aside = std::mem::take(&mut pip.set_aside);
        let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        set_aside.extend(COMPILERS.into_iter().filter(is_set).map(|name| format!("the variable {name}")));
        let task = Task {
            arguments: words(["git", "config", "--list", "-z"]),
            folder: work.to_path_buf(),
            environment: [git_environment(), vec![("GIT_CEILING_DIRECTORIES".into(), work.into())]].concat(),
            deadline: super::git::READ_DEADLINE,
        };
        // Without any configuration git fails; without git, the build would not have come so far.
        let text = ask(&task).await.map(|answer| answer.stdout).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let pair = |entry: &str| entry.split_once('\n').map(|(key, value)| (key.to_owned(), value.to_owned()));
        let reaches = |(key, _): &(String, String)| GIT_REACHES.iter().any(|part| key.starts_with(part));
        (Self { pip, git: text.split('\0').filter_map(pair).filter(reaches).collect() }, set_aside)
    }
}

impl Builder<'_> {
    /// Gives what `build.before` and `build.commands` find.
    pub(super) fn environment(&self) -> Environment {
        let mut environment = clean_environment();
        self.add_own(&mut environment);
        self.add_configured(&mut environment);
        environment
    }

    /// Gives what pip, and the build backends that it runs, find.
    pub(super) fn pip_environment(&self) -> Environment {
        let mut environment = Environment::fixed();
        let reaches = |name: &str| REACHES.contains(&name) || REACHES_ALL.iter().any(|part| name.starts_with(part));
        for (name, value) in std::env::vars_os().filter(|(name, _)| reaches(&name.to_string_lossy())) {
            environment.set(name, value);
        }
        if let Some(rustup) = self.home_of("RUSTUP_HOME", ".rustup") {
            environment.set("RUSTUP_HOME", rustup);
        }
        environment.set("HOME", self.folder("home"));
        environment.set("CARGO_HOME", self.cache.join("cargo"));
        environment.set("RUSTC_WRAPPER", self.folder("tools/bin/rustc-wrapper"));
        without_git_configuration(&mut environment, self.work);
        environment.set("GIT_CONFIG_COUNT", self.account.git.len().to_string());
        for (at, (key, value)) in self.account.git.iter().enumerate() {
            environment.set(format!("GIT_CONFIG_KEY_{at}"), key);
            environment.set(format!("GIT_CONFIG_VALUE_{at}"), value);
        }
        self.add_own(&mut environment);
        // Debug information names the folder in which an extension was compiled. Setuptools appends these to its own flags.
        environment.set("CFLAGS", "-g0");
        environment.set("CXXFLAGS", "-g0");
        // pbr would write who committed, and that is one commit here.
        environment.set("SKIP_GENERATE_AUTHORS", "1");
        environment.set("SKIP_WRITE_GIT_CHANGELOG", "1");
        self.add_configured(&mut environment);
        environment
    }

    /// Gives what `build.check` finds.
    pub(super) fn check_environment(&self) -> Environment {
        let mut environment = Environment::fixed();
        environment.set("PATH", PLAIN_PATH);
        environment.set("HOME", self.folder("home"));
        environment.set("TMPDIR", self.folder("tmp"));
        environment.set("COALMINE_PREFIX", self.folder("tree"));
        environment.set("COALMINE_VERSION", self.resolved.version.as_str());
        environment
    }

    /// Gives what pip is told on this machine, by the name of its variable.
    pub(super) fn account_setting(&self, name: &str) -> Option<&OsString> {
        self.account.pip.variables.get(name)
    }

    fn add_own(&self, environment: &mut Environment) {
        environment.set("SOURCE_DATE_EPOCH", self.resolved.at.as_second().to_string());
        environment.set("TMPDIR", self.folder("tmp"));
        environment.set("COALMINE_VERSION", self.resolved.version.as_str());
        environment.set("PIP_CONFIG_FILE", "/dev/null");
        environment.set("PIP_CACHE_DIR", self.cache.join("pip"));
        for (name, value) in &self.account.pip.variables {
            environment.set(name, value);
        }
        if self.interpreter.is_some() {
            let mut path = self.folder("tools/bin").into_os_string();
            path.push(":");
            path.push(std::env::var_os("PATH").unwrap_or_else(|| PLAIN_PATH.into()));
            environment.set("PATH", path);
            // Older pips build what has a setup.py alone with what the builder happens to have; newer ones as this says.
            environment.set("PIP_USE_PEP517", "1");
        }
    }

    fn add_configured(&self, environment: &mut Environment) {
        for (name, value) in &self.spec.environment {
            environment.set(name, value);
        }
    }

    /// Finds a folder of the deployer's: where a variable says, else below the home folder.
    pub(super) fn home_of(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set(variable).or_else(|| Some(set("HOME")?.join(below_home))).filter(|path| path.is_dir())
    }

    /// Makes the home that pip and build backends see: passwords for servers, and cargo's own way to its registries.
    pub(super) fn make_home(&self) -> Result<(), ReleaseError> {
        let home = self.folder("home");
        for name in [".netrc", ".npmrc"] {
            let own = std::env::var_os("HOME").map(|own| Path::new(&own).join(name)).filter(|path| path.is_file());
            if let Some(own) = own {
                symlink(&own, home.join(name)).map_err(ReleaseError::disk("link", &own))?;
            }
        }
        let cargo = self.cache.join("cargo");
        fs::create_dir_all(&cargo).map_err(ReleaseError::disk("make", &cargo))?;
        let own = self.home_of("CARGO_HOME", ".cargo");
        let text = ["config.toml", "config"].iter().find_map(|name| fs::read_to_string(own.as_ref()?.join(name)).ok());
        let path = cargo.join("config.toml");
        // Where cargo takes relative paths of this file from.
        let base = own.as_deref().and_then(Path::parent).unwrap_or(Path::new("/"));
        fs::write(&path, registries(&text.unwrap_or_default(), base)).map_err(ReleaseError::disk("write", &path))?;
        let (credentials, link) = (own.map(|own| own.join("credentials.toml")), cargo.join("credentials.toml"));
        if fs::symlink_metadata(&link).is_ok() {
            fs::remove_file(&link).map_err(ReleaseError::disk("remove", &link))?;
        }
        match credentials.filter(|path| path.is_file()) {
            Some(own) => symlink(&own, &link).map_err(ReleaseError::disk("link", &own)),
            None => Ok(()),
        }
    }
}

/// Keeps what says where cargo's packages come from, whatever folder it is read in: flags of compilers would be in the release.
fn registries(text: &str, base: &Path) -> String {
    let mut table: toml::Table = text.parse().unwrap_or_default();
    table.retain(|key, _| matches!(key, "source" | "registry" | "registries" | "http" | "net"));
    for (_, value) in &mut table {
        let below = value.as_table_mut().into_iter().flat_map(|table| table.iter_mut());
        for (key, value) in below {
            make_absolute(key, value, base);
            let deeper = value.as_table_mut().into_iter().flat_map(|table| table.iter_mut());
            deeper.for_each(|(key, value)| make_absolute(key, value, base));
        }
    }
    table.to_string()
}

/// Makes what cargo reads as a path, and takes from the folder above that of its configuration, the same from everywhere.
fn make_absolute(key: &str, value: &mut toml::Value, base: &Path) {
    if matches!(key, "directory" | "local-registry" | "cainfo" | "proxy-cainfo")
        && let toml::Value::String(path) = value
    {
        *path = base.join(&*path).to_string_lossy().into_owned();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{registries, steers};

    #[test]
    fn what_would_change_what_tools_do_is_not_inherited() {
        for name in
            ["TAR_OPTIONS", "MAKEFILES", "GNUMAKEFLAGS", "GZIP", "XZ_OPT", "ZSTD_CLEVEL", "BASH_FUNC_tar%%", "BASH_ENV"]
        {
            assert!(steers(name), "{name}");
        }
        for name in ["PATH", "HOME", "SSH_AUTH_SOCK", "CC", "BASH", "EDITOR", "npm_config_registry"] {
            assert!(!steers(name), "{name}");
        }
    }

    #[test]
    fn of_cargos_configuration_only_the_registries_are_taken() {
        let base = Path::new("/home/amy");
        let text =
            "[build]\nrustflags = [\"-C\", \"target-cpu=native\"]\n[source.crates-io]\nreplace-with = \"near\"\n";
        assert_eq!(registries(text, base).trim(), "[source.crates-io]\nreplace-with = \"near\"");
        assert_eq!(registries("not toml [", base), "");
        let text = "[http]\ncainfo = \"ca.pem\"\n[source.near]\ndirectory = \"crates\"\n[source.far]\ndirectory = \"/crates\"\n";
        let told = registries(text, base);
        for path in ["cainfo = \"/home/amy/ca.pem\"", "directory = \"/home/amy/crates\"", "directory = \"/crates\""] {
            assert!(told.contains(path), "{path} is not in {told}");
        }
    }
}
