use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::Account;
use super::error::{FailedStep, ReleaseError};
use super::git::Repository;
use super::progress::Step;
use super::python::Interpreter;
use super::resolve::Resolved;
use super::run::{Output, Task, run, words};
use super::spec::{BuildKind, BuildSpec};
use super::store::remove_tree;
use crate::config::{CommandTemplate, DryWords};
use crate::manifest::Manifest;
use crate::model::Bytes;

/// Below this, a build that failed is likely to have failed for want of room.
const SCARCE: Bytes = Bytes(64 * 1024 * 1024);

/// Makes one release in a folder of its own.
pub(super) struct Builder<'a> {
    pub(super) repository: &'a Repository,
    pub(super) resolved: &'a Resolved,
    /// Which tags are releases, in git's own glob.
    pub(super) tags: &'a str,
    /// Where more is fetched from; none where nothing is to be fetched.
    pub(super) remote: Option<&'a str>,
    pub(super) spec: &'a BuildSpec,
    pub(super) interpreter: Option<&'a Interpreter>,
    /// The folder; its name is random and found nowhere else.
    pub(super) work: &'a Path,
    /// What is kept from build to build, and is in no release.
    pub(super) cache: PathBuf,
    /// Nothing that was kept is trusted.
    pub(super) rebuild: bool,
    pub(super) account: Account,
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
        self.read_account().await?;
        match (&self.spec.kind, self.interpreter) {
            (BuildKind::PythonVenv { pip, requirements, .. }, Some(interpreter)) => {
                self.build_environment(pip, requirements, interpreter).await?;
            }
            (BuildKind::PythonVenv { python, .. }, None) => {
                let python = python.clone().unwrap_or_default();
                return Err(ReleaseError::Python { python, problem: "it was not looked for".into() });
            }
            (BuildKind::Command { commands }, _) => self.build_by_commands(commands).await?,
        }
        self.finish().await
    }

    /// Finds out how servers are reached from here, and sets aside what else the account has to say.
    async fn read_account(&mut self) -> Result<(), ReleaseError> {
        let (account, set_aside) = Account::of_this_process(self.work).await;
        self.account = account;
        if self.interpreter.is_some() && !set_aside.is_empty() {
            self.output.warn(format!(
                "a release does not depend on who builds it, so this is not used: {}; what the product needs belongs into \
                 build.env or build.pip",
                set_aside.join(", ")
            ));
        }
        // What another build compiled may be of another version, or of another way of building.
        let wheels = self.cache.join("pip/wheels");
        remove_tree(&wheels).map_err(ReleaseError::disk("remove", &wheels))?;
        fs::create_dir_all(&self.cache).map_err(ReleaseError::disk("make", &self.cache))?;
        self.make_home()
    }

    async fn build_by_commands(&mut self, commands: &[CommandTemplate]) -> Result<(), ReleaseError> {
        let root = self.folder("root");
        fs::create_dir(&root).map_err(ReleaseError::disk("make", &root))?;
        self.output.step(Step::Before);
        self.run_commands(&self.spec.before).await?;
        self.refuse_empty_submodules().await?;
        self.output.step(Step::Install);
        self.run_commands(commands).await?;
        self.map_build_paths().await.map(drop)
    }

    pub(super) async fn run_commands(&mut self, commands: &[CommandTemplate]) -> Result<(), ReleaseError> {
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
        run(&with_plain_umask(task), &mut self.output).await.map_err(|how| {
            let failed = FailedStep {
                version: self.resolved.version.clone(),
                step: self.output.current_step(),
                command,
                how,
                tail: self.output.tail(),
                room: scarce(&[self.work, &std::env::temp_dir()]),
                log: None,
            };
            ReleaseError::Failed(Box::new(failed))
        })
    }

    pub(super) fn shell(&self, command: &CommandTemplate, folder: &Path, prefix: &Path) -> Task {
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
        let environment = self.environment().into();
        Task { arguments, folder: folder.to_path_buf(), environment, deadline: self.spec.deadline }
    }

    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }
}

/// Finds the folders on whose disks there is less left than a build is likely to need.
pub(super) fn scarce(folders: &[&Path]) -> Vec<(PathBuf, Bytes)> {
    let mut disks = HashSet::new();
    let mut free = |folder: &Path| {
        let disk = rustix::fs::statvfs(folder).ok()?;
        // Where there is no room for another file, what is left of the rest is of no use.
        let spent = disk.f_files > 0 && disk.f_favail == 0;
        let free = if spent { Bytes(0) } else { Bytes(disk.f_bavail.saturating_mul(disk.f_frsize)) };
        (disks.insert(disk.f_fsid) && free < SCARCE).then(|| (folder.to_path_buf(), free))
    };
    folders.iter().filter_map(|folder| free(folder)).collect()
}

/// What is made has the modes that everybody's would have, whatever the deployer's umask.
fn with_plain_umask(task: Task) -> Task {
    let shell = words(["sh", "-c", "umask 022 && exec \"$@\"", "sh"]);
    Task { arguments: [shell, task.arguments].concat(), ..task }
}

pub(super) fn arguments<const N: usize>(first: &[&OsStr], middle: [&str; N], last: &[&OsStr]) -> Vec<OsString> {
    let middle = middle.iter().map(OsStr::new);
    first.iter().copied().chain(middle).chain(last.iter().copied()).map(OsStr::to_owned).collect()
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
