//! What the sandbox needs on this machine, and where it is.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::SandboxError;

/// Where sshd is when PATH does not have it: a plain user's seldom has.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// The folders that every host of the sandbox searches; `enter.sh` has the same.
pub(super) const HOST_FOLDERS: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Holds where the tools are.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    pub(super) sshd: PathBuf,
    pub(super) rsync: PathBuf,
    /// Every interpreter that a build on this machine may link its release to.
    pub(super) pythons: Vec<PathBuf>,
}

/// Finds every tool.
///
/// # Errors
///
/// When any is missing: all of them are named, with the Debian packages that hold them.
pub(super) fn find() -> Result<Tools, SandboxError> {
    if !cfg!(target_os = "linux") {
        return Err(SandboxError::NotLinux);
    }
    let sshd = which("sshd");
    let rsync = which("rsync");
    let mut missing = Vec::new();
    let mut packages = Vec::new();
    for (is_there, tool, package) in [
        (sshd.is_some(), "sshd", "openssh-server"),
        (which("ssh").is_some() && which("ssh-keygen").is_some(), "ssh", "openssh-client"),
        (rsync.is_some(), "rsync", "rsync"),
        (which("git").is_some(), "git", "git"),
        (has_venv(), "python3 with venv", "python3-venv"),
    ] {
        if !is_there {
            missing.push(tool);
            packages.push(package);
        }
    }
    match (sshd, rsync) {
        (Some(sshd), Some(rsync)) if missing.is_empty() => Ok(Tools { sshd, rsync, pythons: pythons() }),
        _ => Err(SandboxError::Missing { missing, packages }),
    }
}

/// Gives the folder of a tool for the hosts' PATH, where they would not look by themselves.
pub(super) fn extra_path(tool: &Path) -> String {
    let folder = tool.parent().filter(|folder| !HOST_FOLDERS.iter().any(|known| Path::new(known) == *folder));
    folder.map(|folder| format!(":{}", folder.display())).unwrap_or_default()
}

/// Gives the folders of PATH, and those in which administrators' tools are.
fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .chain(SYSTEM_FOLDERS.map(PathBuf::from))
        .collect()
}

fn which(tool: &str) -> Option<PathBuf> {
    search_path().into_iter().map(|folder| folder.join(tool)).find(|path| is_executable(path))
}

pub(super) fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Debian's python3 has the venv module without what it needs to make one: ensurepip is in python3-venv.
fn has_venv() -> bool {
    let asked = Command::new("python3").args(["-c", "import venv, ensurepip"]).stdin(Stdio::null()).output();
    asked.is_ok_and(|answer| answer.status.success())
}

fn pythons() -> Vec<PathBuf> {
    let asked = Command::new("python3")
        .args(["-c", "import sys; print(getattr(sys, '_base_executable', sys.executable))"])
        .stdin(Stdio::null())
        .output();
    let running =
        asked.ok().and_then(|answer| String::from_utf8(answer.stdout).ok()).map(|path| PathBuf::from(path.trim()));
    let is_python = |name: &OsStr| {
        name.to_str()
            .and_then(|name| name.strip_prefix("python"))
            .is_some_and(|rest| rest.starts_with('3') && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
    };
    let installed = HOST_FOLDERS.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let installed = installed.filter(|entry| is_python(&entry.file_name())).map(|entry| entry.path());
    let mut found: Vec<PathBuf> =
        running.into_iter().chain(installed).filter_map(|path| fs::canonicalize(path).ok()).collect();
    found.sort();
    found.dedup();
    found
}

/// Runs a tool to its end and gives what it printed.
pub(super) fn run(tool: &'static str, command: &mut Command) -> Result<String, SandboxError> {
    let failed = |what: String| SandboxError::Tool { tool, what };
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{extra_path, find};

    #[test]
    fn the_tools_of_this_machine_are_found() {
        let tools = find().unwrap();
        assert!(tools.sshd.is_absolute(), "sshd starts itself again by its full path");
        assert!(!tools.pythons.is_empty());
    }

    #[test]
    fn a_tool_from_elsewhere_adds_its_folder_to_the_hosts_path() {
        assert_eq!(extra_path(Path::new("/usr/bin/rsync")), "");
        assert_eq!(extra_path(Path::new("/opt/rsync/bin/rsync")), ":/opt/rsync/bin");
    }
}
