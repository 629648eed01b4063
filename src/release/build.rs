use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Ended, FailedStep, ReleaseError};
use super::export::files_of;
use super::git::Repository;
use super::progress::Step;
use super::python::Interpreter;
use super::relocate::relocate;
use super::resolve::Resolved;
use super::run::{Output, Task, run, words};
use super::scan::find_word;
use super::spec::{BuildKind, BuildSpec};
use crate::config::{CommandTemplate, DryWords};
use crate::manifest::{LinkPolicy, MANIFEST, Manifest};

/// Where bytecode says that it comes from, whatever the build's folder.
const STABLE_PREFIX: &str = "/app";
/// What a check finds on a host that has nothing of its own.
const PLAIN_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes one release in a folder of its own.
pub(super) struct Builder<'a> {
    pub(super) repository: &'a Repository,
    pub(super) resolved: &'a Resolved,
    pub(super) spec: &'a BuildSpec,
    pub(super) interpreter: Option<&'a Interpreter>,
    /// The folder; its name is random and found nowhere else.
    pub(super) work: &'a Path,
    pub(super) output: Output<'a>,
}

impl Builder<'_> {
    /// Exports, builds, makes relocatable, checks and describes the release; it is in `tree` then, with its manifest, read-only.
    pub(super) async fn build(&mut self) -> Result<Manifest, ReleaseError> {
        for name in ["tmp", "home", "wheels"] {
            let path = self.folder(name);
            fs::create_dir(&path).map_err(ReleaseError::disk("make", &path))?;
        }
        self.export().await?;
        match (&self.spec.kind, self.interpreter) {
            (BuildKind::PythonVenv { pip, .. }, Some(interpreter)) => self.build_environment(pip, interpreter).await?,
            (BuildKind::PythonVenv { python, .. }, None) => {
                let python = python.clone().unwrap_or_default();
                return Err(ReleaseError::Python { python, problem: "it was not looked for".into() });
            }
            (BuildKind::Command { commands }, _) => self.build_by_commands(commands).await?,
        }
        self.finish().await
    }

    async fn build_by_commands(&mut self, commands: &[CommandTemplate]) -> Result<(), ReleaseError> {
        let root = self.folder("root");
        fs::create_dir(&root).map_err(ReleaseError::disk("make", &root))?;
        self.output.step(Step::Before);
        self.run_commands(&self.spec.before).await?;
        self.output.step(Step::Install);
        self.run_commands(commands).await
    }

    async fn build_environment(&mut self, pip: &[String], interpreter: &Interpreter) -> Result<(), ReleaseError> {
        let (root, source, tools) = (self.folder("root"), self.folder("source"), self.folder("tools"));
        let python = interpreter.path.as_os_str();
        self.output.step(Step::Environment);
        self.run(self.task(arguments(&[python], ["-I", "-m", "venv"], &[tools.as_os_str()]), &source)).await?;
        self.output.step(Step::Before);
        self.run_commands(&self.spec.before).await?;

        self.output.step(Step::Install);
        if source.join("requirements.txt").is_file() {
            self.wheels(words(["-r", "requirements.txt"])).await?;
        }
        let constraints = self.folder("constraints.txt");
        let pins: String = self.built_wheels()?.iter().filter_map(|wheel| pin(wheel)).collect();
        fs::write(&constraints, pins).map_err(ReleaseError::disk("write", &constraints))?;
        let mut wanted = words(["--constraint"]);
        wanted.push(constraints.into());
        wanted.extend(words(pip));
        self.wheels(wanted).await?;

        let venv = arguments(&[python], ["-I", "-m", "venv", "--without-pip", "--symlinks"], &[root.as_os_str()]);
        self.run(self.task(venv, &source)).await?;
        let own = root.join("bin/python");
        let options = ["-m", "pip", "install", "--ignore-installed", "--no-index", "--no-deps", "--no-compile"];
        let mut install = arguments(&[own.as_os_str()], options, &["--no-warn-script-location".as_ref()]);
        install.extend(self.built_wheels()?.into_iter().map(PathBuf::into_os_string));
        let mut task = self.task(install, &source);
        // The builder's pip under the release's interpreter, so that the release needs none of its own.
        let packages = tools.join("lib").join(format!("python{}", interpreter.series())).join("site-packages");
        task.environment.push(("PYTHONPATH".into(), packages.into()));
        self.run(task).await?;

        self.output.step(Step::Relocate);
        let (moving, python) = (root.clone(), interpreter.clone());
        blocking(move || relocate(&moving, &python)).await?;
        self.compile(&own, &root).await
    }

    /// Builds or fetches wheels of requirements and of all that they require.
    async fn wheels(&mut self, wanted: Vec<OsString>) -> Result<(), ReleaseError> {
        let (tools, wheels) = (self.folder("tools/bin/python"), self.folder("wheels"));
        let mut pip =
            arguments(&[tools.as_os_str()], ["-m", "pip", "wheel", "--progress-bar", "off", "--wheel-dir"], &[]);
        pip.extend([wheels.clone().into(), "--find-links".into(), wheels.into()]);
        pip.extend(wanted);
        self.run(self.task(pip, &self.folder("source"))).await
    }

    fn built_wheels(&self) -> Result<Vec<PathBuf>, ReleaseError> {
        let wheels = self.folder("wheels");
        Ok(files_of(&wheels)?.into_iter().map(|wheel| wheels.join(wheel)).collect())
    }

    async fn compile(&mut self, python: &Path, root: &Path) -> Result<(), ReleaseError> {
        let options = ["-I", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", "-s"];
        let lib = root.join("lib");
        let compile = [root.as_os_str(), "-p".as_ref(), STABLE_PREFIX.as_ref(), lib.as_os_str()];
        match self.run(self.task(arguments(&[python.as_os_str()], options, &compile), root)).await {
            // Packages ship files that are no Python of this version (templates, tests); pip lets them pass too.
            Err(ReleaseError::Failed(failed)) if matches!(&failed.how, Ended::Status(status) if status.code() == Some(1)) =>
            {
                let named: Vec<String> = failed.tail.iter().filter_map(|line| not_compiled(line, root)).collect();
                let series = self.interpreter.map_or("", Interpreter::series);
                self.output.warn(format!("no bytecode for what is no Python {series}: {}", named.join(", ")));
                Ok(())
            }
            result => result,
        }
    }

    /// Moves the release away from where it was built, proves it, and seals it.
    async fn finish(&mut self) -> Result<Manifest, ReleaseError> {
        let (root, tree) = (self.folder("root"), self.folder("tree"));
        let version = &self.resolved.version;
        fs::rename(&root, &tree).map_err(ReleaseError::disk("move", &root))?;
        let word = self.work.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
        let policy =
            self.interpreter.map_or_else(LinkPolicy::inside, |interpreter| LinkPolicy::and_to(&interpreter.path));
        let scanned = tree.clone();
        let (paths, manifest) = blocking(move || {
            let paths = find_word(&scanned, &word)?;
            Ok((paths, Manifest::read_tree(&scanned, &policy)))
        })
        .await?;
        let manifest = manifest.map_err(|source| ReleaseError::Tree { version: version.clone(), source })?;
        if manifest.totals().files == 0 {
            return Err(ReleaseError::EmptyTree { version: version.clone(), what: self.spec.kind.key() });
        }
        if !paths.is_empty() {
            return Err(ReleaseError::BuildPath { version: version.clone(), paths });
        }

        self.output.step(Step::Check);
        let check = self.shell(&self.spec.check, &tree, &tree);
        let check = Task { environment: self.check_environment(), ..check };
        self.run(check).await?;

        self.output.step(Step::Store);
        blocking(move || {
            manifest.verify_tree(&tree).map_err(|source| ReleaseError::CheckChanged { source })?;
            let path = tree.join(MANIFEST);
            fs::write(&path, manifest.to_bytes()).map_err(ReleaseError::disk("write", &path))?;
            seal(&tree)?;
            Ok(manifest)
        })
        .await
    }

    async fn run_commands(&mut self, commands: &[CommandTemplate]) -> Result<(), ReleaseError> {
        let (source, root) = (self.folder("source"), self.folder("root"));
        for command in commands {
            self.run(self.shell(command, &source, &root)).await?;
        }
        Ok(())
    }

    /// Runs a command of the build to its end; what it prints is logged and told.
    pub(super) async fn run(&mut self, task: Task) -> Result<(), ReleaseError> {
        let command = task.line();
        self.output.announce(&command);
        run(&task, &mut self.output).await.map_err(|how| {
            let failed = FailedStep {
                version: self.resolved.version.clone(),
                step: self.output.current_step(),
                command,
                how,
                tail: self.output.tail(),
                log: None,
            };
            ReleaseError::Failed(Box::new(failed))
        })
    }

    fn shell(&self, command: &CommandTemplate, folder: &Path, prefix: &Path) -> Task {
        let values = DryWords {
            prefix: Some(prefix.to_path_buf()),
            version: Some(self.resolved.version.clone()),
            ..DryWords::default()
        };
        let mut task = self.task(words(["sh", "-eu", "-c", &command.script(&values)]), folder);
        task.environment.push(("COALMINE_PREFIX".into(), prefix.into()));
        task
    }

    pub(super) fn task(&self, arguments: Vec<OsString>, folder: &Path) -> Task {
        let environment = self.environment();
        Task { arguments, folder: folder.to_path_buf(), environment, deadline: self.spec.deadline }
    }

    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut environment = clean_environment();
        let version = self.resolved.version.as_str();
        let mut set = |name: &str, value: OsString| {
            environment.retain(|(other, _)| other != name);
            environment.push((name.into(), value));
        };
        set("SOURCE_DATE_EPOCH", self.resolved.at.as_second().to_string().into());
        set("TMPDIR", self.folder("tmp").into());
        set("COALMINE_VERSION", version.into());
        if self.interpreter.is_some() {
            let path = std::env::var_os("PATH").unwrap_or_else(|| PLAIN_PATH.into());
            let mut tools = self.folder("tools/bin").into_os_string();
            tools.push(":");
            tools.push(path);
            set("PATH", tools);
            // Older pips build what has a setup.py alone with what the builder happens to have; newer ones as this says.
            set("PIP_USE_PEP517", "1".into());
            // Debug information names the folder in which an extension was compiled. Setuptools appends these to its own flags.
            for name in ["CFLAGS", "CXXFLAGS"] {
                let mut flags = std::env::var_os(name).unwrap_or_default();
                flags.push(" -g0");
                set(name, flags);
            }
            // An export has no history for these to read the version from.
            set("SETUPTOOLS_SCM_PRETEND_VERSION", scm_version(version).into());
            set("PBR_VERSION", scm_version(version).into());
        }
        environment
    }

    fn check_environment(&self) -> Vec<(OsString, OsString)> {
        let mut environment: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), PLAIN_PATH.into()),
            ("HOME".into(), self.folder("home").into()),
            ("TMPDIR".into(), self.folder("tmp").into()),
            ("COALMINE_PREFIX".into(), self.folder("tree").into()),
            ("COALMINE_VERSION".into(), self.resolved.version.as_str().into()),
        ];
        environment.extend(FIXED.map(|(name, value)| (name.into(), value.into())));
        environment
    }
}

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

/// Gives this process's environment without what would make builds differ or go astray.
pub(super) fn clean_environment() -> Vec<(OsString, OsString)> {
    let stays = |name: &str| {
        let steers_python = name.starts_with("PYTHON") || name.starts_with("CONDA") || name.starts_with("VIRTUAL_ENV");
        // Indexes, certificates and proxies of pip are the site's business; where it installs is ours.
        let steers_pip = matches!(
            name,
            "PIP_TARGET"
                | "PIP_PREFIX"
                | "PIP_ROOT"
                | "PIP_USER"
                | "PIP_PYTHON"
                | "PIP_REQUIREMENT"
                | "PIP_CONSTRAINT"
                | "PIP_REQUIRE_VIRTUALENV"
                | "PIP_WHEEL_DIR"
                | "PIP_NO_COMPILE"
                | "PIP_COMPILE"
                | "PIP_DRY_RUN"
                | "PIP_LOG"
        );
        let steers_others =
            name.starts_with("GIT_DIR") || name.starts_with("GIT_WORK") || name.starts_with("GIT_INDEX");
        let steers_shell =
            matches!(name, "ENV" | "BASH_ENV" | "CDPATH" | "SHELLOPTS" | "MAKEFLAGS" | "DESTDIR" | "LANGUAGE" | "LANG");
        !(steers_python
            || steers_pip
            || steers_others
            || steers_shell
            || name.starts_with("LC_")
            || name.starts_with("COALMINE_"))
    };
    let mut environment: Vec<_> =
        std::env::vars_os().filter(|(name, _)| stays(&name.to_string_lossy()) && name != "TZ").collect();
    environment.retain(|(name, _)| FIXED.iter().all(|(fixed, _)| name != fixed));
    environment.extend(FIXED.map(|(name, value)| (name.into(), value.into())));
    environment
}

/// Spells a version as PEP 440 wants it: `4.10.0-3-gdeadbee` is `4.10.0.post3+gdeadbee`, a bare commit `0+COMMIT`.
fn scm_version(version: &str) -> String {
    let text = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let described = || {
        let (rest, hash) = text.rsplit_once("-g")?;
        let (rest, count) = rest.rsplit_once('-')?;
        count.parse::<u64>().ok().map(|count| format!("{rest}.post{count}+g{hash}"))
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !text.split('.').next().is_some_and(is_number) {
        return format!("0+{}", version.replace(|c: char| !c.is_ascii_alphanumeric(), "."));
    }
    described().unwrap_or_else(|| text.replace('~', ""))
}

/// Reads the file's name out of what compileall prints: `*** Error compiling '/…/x.py'...`.
fn not_compiled(line: &str, root: &Path) -> Option<String> {
    let (_, path) = line.split_once("Error compiling ")?;
    let path = path.trim_matches(|c| matches!(c, '.' | '\'' | '"'));
    Some(path.strip_prefix(&*root.to_string_lossy()).unwrap_or(path).trim_start_matches('/').to_owned())
}

/// Makes a constraint of a wheel's file name: name, version, tags (the binary distribution format).
fn pin(wheel: &Path) -> Option<String> {
    let name = wheel.file_name()?.to_str()?.strip_suffix(".whl")?;
    let mut fields = name.split('-');
    Some(format!("{}=={}\n", fields.next()?, fields.next()?))
}

fn arguments<const N: usize>(first: &[&OsStr], middle: [&str; N], last: &[&OsStr]) -> Vec<OsString> {
    let middle = middle.iter().map(OsStr::new);
    first.iter().copied().chain(middle).chain(last.iter().copied()).map(OsStr::to_owned).collect()
}

/// Makes a tree read-only: what is hard-linked and hashed must not change.
fn seal(tree: &Path) -> Result<(), ReleaseError> {
    let mut folders = vec![tree.to_path_buf()];
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(ReleaseError::disk("make read-only", path))
    };
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(ReleaseError::disk("read", &folder))? {
            let entry = entry.map_err(ReleaseError::disk("read", &folder))?;
            let found = entry.metadata().map_err(ReleaseError::disk("read", entry.path()))?;
            if found.is_dir() {
                folders.push(entry.path());
            } else if found.is_file() {
                set(&entry.path(), if found.permissions().mode() & 0o100 == 0 { 0o444 } else { 0o555 })?;
            }
        }
        set(&folder, 0o555)?;
    }
    Ok(())
}

/// Does what reads a lot of disk beside the runtime's threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReleaseError> + Send + 'static,
) -> Result<T, ReleaseError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(ReleaseError::disk("finish work on", "the store")(std::io::Error::other(error))),
    }
}

/// How long a build waits before it looks again whether another one has ended.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(200);
