use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::environment::clean_environment;
use super::error::ReleaseError;
use super::run::{Task, ask, words};

/// Tried first where nothing is configured: what a host most likely has too, unlike a version manager's shim.
const SYSTEM: &str = "/usr/bin/python3";

/// Asks an interpreter for what it really is: in a virtual environment, or behind a shim, another one runs.
const QUESTION: &str = "
import json, os, platform, sys
try:
    import ensurepip, venv
    venv = True
except ImportError:
    venv = False
print(json.dumps({
    'path': os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable),
    'version': '%d.%d.%d' % sys.version_info[:3],
    'machine': platform.machine(),
    'venv': venv,
}))
";

/// Names the interpreter that a release links to; every host must have it at the same path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Interpreter {
    /// The real path of its executable.
    pub path: PathBuf,
    /// Its version, `3.11.2`.
    pub version: String,
    /// The machine that it runs on, as `uname -m` has it: compiled extensions run on no other.
    pub machine: String,
}

impl Interpreter {
    /// Finds the interpreter that releases are made with on this machine; none is configured where it is this machine's own.
    ///
    /// # Errors
    ///
    /// When there is none, or when it cannot make virtual environments.
    pub async fn find(configured: Option<&Path>) -> Result<Self, ReleaseError> {
        find(configured, clean_environment().into()).await
    }

    /// Gives the version without its last number, `3.11`: bytecode and extensions are of all of its bug-fix releases.
    #[must_use]
    pub fn series(&self) -> &str {
        series(&self.version)
    }

    /// Tells whether a release of this interpreter runs where that path answers with this version.
    #[must_use]
    pub fn runs_on(&self, version: &str) -> bool {
        self.series() == series(version.trim())
    }
}

fn series(version: &str) -> &str {
    version.match_indices('.').nth(1).and_then(|(end, _)| version.get(..end)).unwrap_or(version)
}

#[derive(Deserialize)]
struct Reply {
    path: PathBuf,
    version: String,
    machine: String,
    venv: bool,
}

/// Finds the interpreter that a virtual environment is made with.
pub(super) async fn find(
    configured: Option<&Path>,
    environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
) -> Result<Interpreter, ReleaseError> {
    let system = || Some(Path::new(SYSTEM)).filter(|path| path.exists());
    let python = configured.or_else(system).unwrap_or(Path::new("python3"));
    let refuse = |problem: String| ReleaseError::Python { python: python.to_path_buf(), problem };
    let mut arguments = vec![python.as_os_str().to_owned()];
    arguments.extend(words(["-I", "-c", QUESTION]));
    let task = Task { arguments, folder: PathBuf::from("/"), environment, deadline: Duration::from_secs(30) };
    let answer = ask(&task).await.map_err(|error| refuse(error.to_string()))?;
    if let Err(ended) = answer.ended {
        return Err(refuse(format!("it {ended} {}", answer.stderr).trim().to_owned()));
    }
    let reply: Reply = serde_json::from_slice(&answer.stdout)
        .map_err(|_| refuse(format!("it answered {:?}", String::from_utf8_lossy(&answer.stdout))))?;
    if !reply.venv {
        return Err(refuse("it has no venv or ensurepip module (Debian: apt install python3-venv)".into()));
    }
    Ok(Interpreter { path: reply.path, version: reply.version, machine: reply.machine })
}

#[cfg(test)]
mod tests {
    use super::Interpreter;

    #[test]
    fn a_release_runs_on_every_bug_fix_release_of_its_interpreter() {
        let python =
            Interpreter { path: "/usr/bin/python3.11".into(), version: "3.11.2".into(), machine: "x86_64".into() };
        assert_eq!(python.series(), "3.11");
        for version in ["3.11.2", "3.11.9", "3.11", "3.11.10+"] {
            assert!(python.runs_on(version), "{version}");
        }
        for version in ["3.1.1", "3.12.0", "3", "", "2.7.18"] {
            assert!(!python.runs_on(version), "{version}");
        }
    }
}
