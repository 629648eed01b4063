//! The packages that the products are built with, fetched once and pinned.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use rustix::fs::{FlockOperation, flock};

/// Gives a folder of wheels that has all of `packages.txt`, and no other; uv is unpacked beside it.
pub(crate) fn wheels() -> Result<PathBuf> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/builds/packages.txt");
    let wanted = fs::read_to_string(&list)?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
    fs::create_dir_all(&folder)?;
    // Each test is a process of its own, and one of them fetches.
    let lock = File::create(folder.join("lock"))?;
    flock(&lock, FlockOperation::LockExclusive)?;
    let (wheels, told) = (folder.join("wheels"), folder.join("packages.txt"));
    if fs::read_to_string(&told).is_ok_and(|told| told == wanted) {
        return Ok(wheels);
    }
    if wheels.exists() {
        fs::remove_dir_all(&wheels)?;
    }
    let venv = folder.join("venv");
    // The one that a build takes where nothing says otherwise.
    let own = Path::new("/usr/bin/python3");
    let own = if own.exists() { own } else { Path::new("python3") };
    succeed(Command::new(own).args(["-m", "venv", "--clear"]).arg(&venv))?;
    let python = venv.join("bin/python");
    let mut fetch = Command::new(&python);
    fetch.args(["-m", "pip", "download", "--quiet", "--only-binary=:all:", "--no-deps", "-r"]);
    succeed(fetch.arg(&list).arg("--dest").arg(&wheels))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--upgrade", "uv", "--find-links"]);
    succeed(install.arg(&wheels).arg("--target").arg(folder.join("uv")))?;
    fs::write(told, wanted)?;
    Ok(wheels)
}

/// Puts uv into a folder that everybody can reach, and gives that.
pub(crate) fn uv(wheels: &Path, folder: &Path) -> Result<PathBuf> {
    fs::create_dir(folder)?;
    let (own, uv) = (wheels.with_file_name("uv").join("bin/uv"), folder.join("uv"));
    fs::hard_link(&own, &uv).or_else(|_| fs::copy(&own, &uv).map(drop))?;
    Ok(folder.to_owned())
}

pub(crate) fn succeed(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
