//! Who builds: two deployers who have nothing in common but the tag.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::packages::succeed;

#[path = "../common/pip.rs"]
mod pip;

/// Where the other deployer is (POSIX TZ); a place with a name is in somebody's table of places.
const ZONE: &str = "QQQQQ-9:37";

/// How a deployer has the product's repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checkout {
    /// As it was made.
    Full,
    /// Without a working tree.
    Bare,
    /// The tag's commit alone, and a tag that nobody else has.
    Shallow,
    /// A working tree beside another one.
    Worktree,
}

/// Says how somebody builds.
#[derive(Debug, Clone)]
pub(crate) struct Deployer {
    /// How the repository is had.
    pub(crate) checkout: Checkout,
    /// Whether this is another user, whose account has every setting that could change a release.
    pub(crate) hostile: bool,
    /// How the folder's name begins, where a common one will not do.
    pub(crate) folder: Option<&'static str>,
    /// Where uv is, where it is to be found.
    pub(crate) uv: Option<PathBuf>,
    /// Where wheels are taken from, and nothing from elsewhere; none for this machine's own settings.
    pub(crate) wheels: Option<PathBuf>,
    /// Compilers of Rust that this user can reach, where those of the `PATH` are somebody's.
    pub(crate) toolchain: Option<PathBuf>,
    /// Packages of Rust that are taken from a copy in this user's home, and none from elsewhere.
    pub(crate) crates: Option<PathBuf>,
    /// Whether this one unpacks a pip, and takes none that another unpacked.
    pub(crate) own_pip: bool,
}

/// What the build says as JSON.
#[derive(Debug, Deserialize)]
struct Told {
    digest: String,
    tree: PathBuf,
}

/// The folder that a deployer builds in; it is removed with the last that knows it.
#[derive(Debug, Clone)]
pub(crate) struct Place(Arc<tempfile::TempDir>);

/// A release that was built.
#[derive(Debug)]
pub(crate) struct Built {
    place: Place,
    /// The digest of its manifest.
    pub(crate) digest: String,
    /// Its files.
    pub(crate) tree: PathBuf,
    /// What the build told people: steps, warnings, where the time went.
    pub(crate) told: String,
}

impl Deployer {
    /// The one whose repository it is, with pip.
    pub(crate) const fn first(wheels: Option<PathBuf>) -> Self {
        Self {
            checkout: Checkout::Full,
            hostile: false,
            folder: None,
            uv: None,
            wheels,
            toolchain: None,
            crates: None,
            own_pip: false,
        }
    }

    /// Builds the tag in a folder of its own; `build` are lines of the configuration's `[build]`.
    pub(crate) fn build(&self, repository: &Path, tag: &str, build: &str) -> Result<Built> {
        self.build_at(&self.place(repository, tag, build)?, tag)
    }

    /// Makes the folder that a deployer builds in.
    pub(crate) fn place(&self, repository: &Path, tag: &str, build: &str) -> Result<Place> {
        let name = self.folder.unwrap_or(if self.hostile { "someone else far away " } else { "amy-" });
        let folder = Arc::new(tempfile::Builder::new().prefix(name).tempdir()?);
        let place = Place(folder);
        let at = |name: &str| place.at(name);
        let clone = self.checkout_of(repository, tag, &at("clone"))?;
        fs::create_dir(at("home"))?;
        let (program, wheels) = (at("coalmine"), at("wheels"));
        link_or_copy(&coalmine(), &program)?;
        if let Some(own) = &self.wheels {
            fs::create_dir(&wheels)?;
            for wheel in fs::read_dir(own)? {
                let wheel = wheel?;
                link_or_copy(&wheel.path(), &wheels.join(wheel.file_name()))?;
            }
        }
        let configuration = format!(
            "[product]\nname = \"demo\"\nrepository = {clone:?}\nremote = \"\"\ntags = \"*\"\n[build]\n{build}\n\
             [target]\nroot = \"demo\"\n[groups]\nall = {{ hosts = [\"a.invalid\"] }}\n\
             [environments.production]\nhosts = \"@all\"\n[[environments.production.stages]]\nname = \"fleet\"\n"
        );
        fs::write(at("coalmine.toml"), configuration)?;
        if self.hostile {
            settle_in(place.0.path())?;
        }
        if let Some(crates) = &self.crates {
            let name = if self.hostile { "packages of mine" } else { "crates" };
            succeed(Command::new("cp").arg("-r").arg(crates).arg(at("home").join(name)))?;
            let from = format!("[source.crates-io]\nreplace-with = \"near\"\n[source.near]\ndirectory = {name:?}\n");
            let configuration = at("home").join(".cargo/config.toml");
            fs::create_dir_all(configuration.with_file_name(""))?;
            let own = fs::read_to_string(&configuration).unwrap_or_default();
            fs::write(configuration, own + &from)?;
        }
        if !self.own_pip {
            pip::lend(&at("state"), !self.hostile);
        }
        if self.hostile {
            own_all(place.0.path())?;
        }
        Ok(place)
    }

    /// Builds the tag there.
    pub(crate) fn build_at(&self, place: &Place, tag: &str) -> Result<Built> {
        let at = |name: &str| place.at(name);
        let mut command = self.command(place.0.path())?;
        command.arg(at("coalmine")).args(["build", tag, "--output", "json"]);
        command.current_dir(place.0.path()).stdin(Stdio::null());
        command.env_clear().env("PATH", self.path()?).env("HOME", at("home")).env("COALMINE_STATE_DIR", at("state"));
        if self.wheels.is_some() {
            command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", address(&at("wheels")));
        } else {
            let own = std::env::vars_os().filter(|(name, _)| {
                let name = name.to_string_lossy();
                name.starts_with("PIP_")
                    || name.starts_with("CARGO_HTTP")
                    || name.to_ascii_lowercase().ends_with("_proxy")
            });
            command.envs(own);
        }
        if self.hostile {
            steer(place.0.path(), &mut command);
        }
        let output = command.output().with_context(|| format!("{command:?}"))?;
        let told = said(&output);
        ensure!(output.status.success(), "the build as {self:?} failed: {told}");
        let line = String::from_utf8_lossy(&output.stdout).into_owned();
        if !self.own_pip && !self.hostile {
            pip::keep(&at("state"));
        }
        let Told { digest, tree } = serde_json::from_str(&line).with_context(|| line)?;
        Ok(Built { place: place.clone(), digest, tree, told })
    }

    fn checkout_of(&self, repository: &Path, tag: &str, target: &Path) -> Result<PathBuf> {
        let mut address = OsString::from("file://");
        address.push(repository);
        let git = |arguments: &[&str], target: &Path| {
            let mut git = Command::new("git");
            git.env("GIT_CONFIG_GLOBAL", "/dev/null").arg("clone").arg("--quiet").args(arguments);
            succeed(git.arg(&address).arg(target))
        };
        let in_it = |arguments: &[&str]| {
            let mut git = Command::new("git");
            git.env("GIT_CONFIG_GLOBAL", "/dev/null").arg("-C").arg(target).args(arguments);
            succeed(&mut git)
        };
        match self.checkout {
            Checkout::Full => {
                git(&[], target)?;
            }
            Checkout::Bare => {
                git(&["--bare"], target)?;
            }
            Checkout::Shallow => {
                git(&["--depth=1", "--no-single-branch", "--branch", tag], target)?;
                // The newest name of the commit is nobody else's.
                in_it(&["update-ref", "refs/tags/99.0", &format!("{tag}^{{commit}}")])?;
                in_it(&["branch", "--quiet", "of-mine"])?;
            }
            Checkout::Worktree => {
                git(&["--no-checkout"], target)?;
                in_it(&["worktree", "add", "--quiet", "--detach", "beside", tag])?;
                return Ok(target.join("beside"));
            }
        }
        Ok(target.to_owned())
    }

    /// Begins a command as this user.
    fn command(&self, folder: &Path) -> Result<Command> {
        if !self.hostile {
            let mut command = Command::new("sh");
            command.args(["-c", "umask 022 && exec \"$@\"", "sh"]);
            return Ok(command);
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        let mut words = vec!["sh", "-c", "umask 077 && exec \"$@\"", "sh"];
        if is_root() {
            words.splice(0..0, ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        let mut command = Command::new("env");
        command.args(words);
        Ok(command)
    }

    fn path(&self) -> Result<OsString> {
        let mut folders: Vec<PathBuf> = self.toolchain.iter().chain(&self.uv).cloned().collect();
        let own = std::env::var_os("PATH").unwrap_or_default();
        // A uv of this machine's own is left out where none is to be found.
        folders.extend(std::env::split_paths(&own).filter(|folder| !folder.join("uv").exists()));
        Ok(std::env::join_paths(folders)?)
    }
}

impl Built {
    /// Proves that nothing of where and by whom it was built is in the release.
    pub(crate) fn names_nobody(&self) -> Result<()> {
        let folder = self.place.0.path().to_string_lossy().into_owned();
        for word in [folder.as_str(), ".building-", "9.9.9", ZONE] {
            let output = Command::new("grep").args(["-rlaF", "-e", word]).arg(&self.tree).output()?;
            let found = String::from_utf8_lossy(&output.stdout).into_owned();
            ensure!(found.is_empty(), "{word:?} is in {found}");
        }
        let elsewhere = self.place.0.path().join("elsewhere");
        ensure!(!elsewhere.exists(), "something was installed outside of the release");
        for cache in [".cache", ".local", ".cargo/registry"] {
            ensure!(!self.place.at("home").join(cache).exists(), "{cache} was left in the deployer's home");
        }
        Ok(())
    }

    /// Runs a command of the release from a copy, through links, in an empty environment, and gives what it says.
    pub(crate) fn says(&self, command: &[&str]) -> Result<String> {
        let host = tempfile::Builder::new().prefix("a host's \"folder\" ").tempdir()?;
        let copy = host.path().join("releases");
        succeed(Command::new("cp").arg("-a").arg(&self.tree).arg(&copy))?;
        symlink("releases", host.path().join("current"))?;
        symlink("current", host.path().join("linked"))?;
        let Some((program, arguments)) = command.split_first() else { bail!("no command") };
        let mut run = Command::new(host.path().join("linked").join(program));
        run.args(arguments).env_clear().current_dir("/");
        let said = succeed(&mut run);
        succeed(Command::new("chmod").args(["-R", "u+w"]).arg(&copy))?;
        said
    }

    /// Lists what the build warned of, but for what it sets aside of an account.
    pub(crate) fn warnings(&self) -> Vec<&str> {
        let warnings = self.told.lines().filter(|line| line.contains("warning: "));
        warnings.filter(|line| !line.contains("a release does not depend on who builds it")).collect()
    }
}

impl Place {
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes what was built here writable: releases are read-only, which stops whoever is not root from removing them.
    fn open_up(&self) {
        Command::new("chmod").arg("-R").arg("u+w").arg(self.0.path()).status().ok();
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        self.place.open_up();
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn coalmine() -> PathBuf {
    std::env::var_os("COALMINE_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_coalmine").into()).into()
}

pub(crate) fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

fn link_or_copy(from: &Path, to: &Path) -> Result<()> {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))?;
    Ok(())
}

/// Gives a folder without blanks and commas, which part a list of links.
fn address(folder: &Path) -> String {
    format!("file://{}", folder.to_string_lossy().replace(' ', "%20").replace('\'', "%27").replace(',', "%2C"))
}

/// Gives everything in the folder to the other user.
fn own_all(folder: &Path) -> Result<()> {
    if is_root() {
        // Links of wheels and of the program are nobody's to give away: their modes let everybody read them.
        let find = ["!", "-name", "*.whl", "!", "-name", "coalmine", "-exec", "chown", "-h", "65534:65534", "{}", "+"];
        succeed(Command::new("find").arg(folder).args(find))?;
    }
    Ok(())
}

/// Gives a folder with rustc and cargo that every user can reach, made beside the products where those of the `PATH` are not.
pub(crate) fn toolchain(folder: &Path) -> Result<PathBuf> {
    let sysroot = PathBuf::from(succeed(Command::new("rustc").args(["--print", "sysroot"]))?);
    let copy = folder.join("rust");
    fs::create_dir(&copy)?;
    // As links where that can be, since it is large; what documents it is left out.
    for part in ["bin", "lib"] {
        let (from, to) = (sysroot.join(part), copy.join(part));
        let linked = succeed(Command::new("cp").arg("-al").args([&from, &to]));
        linked.or_else(|_| succeed(Command::new("cp").arg("-aL").args([&from, &to])))?;
    }
    Ok(copy.join("bin"))
}

/// Writes whatever of an account could change a release, and whatever could lead it astray.
fn settle_in(folder: &Path) -> Result<()> {
    let home = folder.join("home");
    let elsewhere = folder.join("elsewhere").display().to_string();
    let write = |name: &str, text: &str| {
        let path = home.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&home))?;
        fs::write(path, text)
    };
    write(
        ".config/pip/pip.conf",
        &format!(
            "[global]\nno-deps = true\npre = true\n[install]\nprefix = {elsewhere}\nroot = {elsewhere}\nuser = true\ntarget = \
             {elsewhere}\n[wheel]\nno-build-isolation = true\n"
        ),
    )?;
    write(".pydistutils.cfg", &format!("[install]\nprefix = {elsewhere}\n[build_ext]\ndebug = 1\n"))?;
    write(".config/uv/uv.toml", "no-build = true\n[pip]\nno-deps = true\n")?;
    write("attributes", "*.txt export-ignore\n*.py text eol=crlf\n")?;
    write("ignored", "*.py\n")?;
    write(
        ".gitconfig",
        &format!(
            "[core]\n\tabbrev = 20\n\tautocrlf = true\n\tattributesFile = {0}/attributes\n\texcludesFile = {0}/ignored\n\
             [tar]\n\tumask = 0077\n[status]\n\tshort = true\n[log]\n\tshowSignature = true\n",
            home.display()
        ),
    )?;
    write(".cargo/config.toml", "[build]\nrustflags = [\"-C\", \"debuginfo=2\", \"-C\", \"opt-level=1\"]\n")?;
    let clone = folder.join("clone");
    for info in [clone.join("info"), clone.join(".git/info")] {
        if info.parent().is_some_and(|git| git.join("objects").exists()) {
            fs::create_dir_all(&info)?;
            fs::write(info.join("attributes"), "demo/*.py export-ignore\n")?;
        }
    }
    Ok(())
}

/// Sets whatever could do so in an environment.
fn steer(folder: &Path, command: &mut Command) {
    let (home, elsewhere) = (folder.join("home"), folder.join("elsewhere"));
    let elsewhere = elsewhere.to_string_lossy();
    command.envs([("LC_ALL", "C"), ("TZ", ZONE), ("PYTHONHASHSEED", "7"), ("PYTHONPATH", &*elsewhere)]);
    command.envs([("CFLAGS", "-O1 -g3"), ("CXXFLAGS", "-O1"), ("RUSTFLAGS", "-g"), ("MAKEFLAGS", "-k")]);
    command.envs([("TAR_OPTIONS", "--exclude=*"), ("MAKEFILES", "/nowhere.mk"), ("GZIP", "-1"), ("XZ_OPT", "-0")]);
    for name in ["SETUPTOOLS_SCM_PRETEND_VERSION", "PBR_VERSION", "PDM_BUILD_SCM_VERSION"] {
        command.env(name, "9.9.9");
    }
    for name in ["POETRY_DYNAMIC_VERSIONING_BYPASS", "UV_DYNAMIC_VERSIONING_BYPASS"] {
        command.env(name, "9.9.9");
    }
    command.envs([("PIP_PREFIX", &*elsewhere), ("PIP_NO_DEPS", "1"), ("UV_NO_BUILD", "1"), ("UV_NO_DEPS", "1")]);
    command.envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "core.abbrev"), ("GIT_CONFIG_VALUE_0", "7")]);
    command.env("CARGO_HOME", home.join(".cargo")).env("TMPDIR", folder.join("home"));
}
