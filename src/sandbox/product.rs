//! The product that the sandbox deploys: minewatch, a small Python tool with a history.
//!
//! Its files are in `assets/sandbox/product/TAG/`; each tag's folder holds what that tag changed.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::error::at;
use super::{SandboxError, tools};

/// The product's tags, oldest first.
pub const TAGS: [&str; 5] = ["1.0.0", "1.1.0", "1.2.0-rc1", "1.2.0", "1.10.0"];

/// The newest tag: it builds, says its version, and fails its health check on every host, because the wheel is without
/// the limits that the checkout has.
pub const BROKEN: &str = "1.10.0";

/// Is what a tag changed: every file with its new content.
struct Change {
    tag: &'static str,
    files: &'static [(&'static str, &'static [u8])],
}

macro_rules! history {
    ($($tag:literal: $($file:literal),+;)+) => {
        &[$(Change {
            tag: $tag,
            files: &[$((
                $file,
                include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sandbox/product/", $tag, "/", $file)),
            )),+],
        }),+]
    };
}

#[rustfmt::skip]
const HISTORY: &[Change] = history! {
    "1.0.0": ".gitignore", "CHANGELOG.md", "README.md", "minewatch/__init__.py", "minewatch/__main__.py", "minewatch/air.py", "minewatch/calibration.py", "minewatch/cli.py", "minewatch/data/gases.json", "minewatch/data/shift.csv", "minewatch/gases.py", "minewatch/readings.py", "minewatch/resources.py", "minewatch/rules.py", "minewatch/selfcheck.py", "pyproject.toml", "tests/__init__.py", "tests/data/fire.csv", "tests/data/quiet.csv", "tests/test_readings.py", "tests/test_rules.py", "tests/test_selfcheck.py", "tools/backend.py", "tools/make_tables.py";
    "1.1.0": "CHANGELOG.md", "README.md", "minewatch/__init__.py", "minewatch/cli.py", "minewatch/data/gases.json", "minewatch/report.py";
    "1.2.0-rc1": "CHANGELOG.md", "minewatch/__init__.py", "minewatch/calibration.py", "minewatch/cli.py", "minewatch/data/gases.json";
    "1.2.0": "CHANGELOG.md", "minewatch/__init__.py", "minewatch/calibration.py", "tests/test_calibration.py", "tools/make_tables.py";
    "1.10.0": "CHANGELOG.md", "README.md", "minewatch/__init__.py", "minewatch/data/gases.json", "minewatch/data/limits/de.ini", "minewatch/data/limits/pl.ini", "minewatch/data/limits/us.ini", "minewatch/gases.py", "tests/test_countries.py";
};

/// What each tag's commit says; the first line of its changelog entry would be too little.
const MESSAGES: [&str; 5] = [
    "Watch methane, carbon monoxide and oxygen",
    "Report how every gas went in every heading",
    "Apply the site's calibration; know hydrogen sulphide",
    "Take a gas that was never calibrated as it is",
    "Choose the limits by country",
];

/// Makes the checkout `dir/product` and the remote that it was cloned from, `dir/origin.git`.
pub(super) fn make_repository(dir: &Path) -> Result<(), SandboxError> {
    let checkout = dir.join("product");
    fs::create_dir_all(&checkout).map_err(at(&checkout))?;
    git(&checkout, &["init", "--quiet", "--initial-branch=main"], 0)?;
    git(&checkout, &["config", "user.name", "A deployer"], 0)?;
    git(&checkout, &["config", "user.email", "deployer@eqiad.sandbox"], 0)?;
    for (day, (change, message)) in HISTORY.iter().zip(MESSAGES).enumerate() {
        write_files(&checkout, change)?;
        git(&checkout, &["add", "--all"], day)?;
        git(&checkout, &["commit", "--quiet", "--message", message], day)?;
        git(&checkout, &["tag", "--annotate", "--message", &format!("minewatch {}", change.tag), change.tag], day)?;
    }
    let origin = dir.join("origin.git").display().to_string();
    git(dir, &["clone", "--quiet", "--bare", "product", "origin.git"], 0)?;
    git(&checkout, &["remote", "add", "origin", &origin], 0)?;
    git(&checkout, &["fetch", "--quiet", "origin"], 0)?;
    git(&checkout, &["branch", "--quiet", "--set-upstream-to=origin/main"], 0)
}

/// Makes the copy of the product that shadows the installed one on a host that lies: the package alone, one version back
/// before the first.
pub(super) fn make_stale_copy(dir: &Path) -> Result<(), SandboxError> {
    let stale = dir.join("stale");
    if let Some(first) = HISTORY.first() {
        write_files(&stale, first)?;
    }
    let path = stale.join("minewatch/__init__.py");
    fs::write(&path, "__version__ = \"0.9.0\"\n").map_err(at(path))
}

fn write_files(folder: &Path, change: &Change) -> Result<(), SandboxError> {
    for (name, content) in change.files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(at(parent))?;
        }
        fs::write(&path, content).map_err(at(path))?;
    }
    Ok(())
}

/// Runs git as if nobody had configured it: the same commits on every machine, and nothing signed.
fn git(folder: &Path, arguments: &[&str], day: usize) -> Result<(), SandboxError> {
    let date = format!("2024-03-{:02}T09:00:00+00:00", day + 4);
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("GIT_")) {
            command.env_remove(name);
        }
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_DATE", &date)
        .env("GIT_COMMITTER_DATE", &date)
        .arg("-C")
        .arg(folder)
        .args(arguments);
    tools::run("git", &mut command).map(drop)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use super::{BROKEN, HISTORY, TAGS, make_repository, make_stale_copy};

    fn files_under(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { found.extend(files_under(&path)) } else { found.push(path) }
        }
        found
    }

    /// Builds a tag as a deploy server would and unpacks its wheel; the tests of the tag must pass in its checkout.
    fn build(checkout: &Path, tag: &str, to: &Path) {
        let script = format!(
            "set -e; git -c advice.detachedHead=false checkout -q {tag}; rm -rf minewatch/data/tables
             python3 tools/make_tables.py; python3 -m unittest -q
             mkdir '{to}'; python3 -c 'import sys; sys.path.insert(0, \"tools\"); import backend; print(backend.build_wheel(sys.argv[1]))' '{to}'
             cd '{to}'; python3 -m zipfile -e minewatch-*.whl .",
            to = to.display()
        );
        let output = Command::new("sh").arg("-c").arg(script).current_dir(checkout).output().unwrap();
        assert!(output.status.success(), "{tag}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn minewatch(installed: &Path, arguments: &[&str]) -> (bool, String) {
        let output = Command::new("python3")
            .args(["-m", "minewatch"])
            .args(arguments)
            .current_dir(installed)
            .env("HOME", installed)
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    #[test]
    fn every_file_of_the_product_is_in_the_binary() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sandbox/product");
        let on_disk: BTreeSet<_> =
            files_under(&folder).iter().map(|path| path.strip_prefix(&folder).unwrap().to_owned()).collect();
        let embedded: BTreeSet<_> = HISTORY
            .iter()
            .flat_map(|change| change.files.iter().map(|(name, _)| Path::new(change.tag).join(name)))
            .collect();
        assert_eq!(on_disk, embedded);
    }

    #[test]
    fn every_tag_builds_and_says_its_version_and_only_the_health_check_notices_the_broken_one() {
        let dir = tempfile::tempdir().unwrap();
        make_repository(dir.path()).unwrap();
        for tag in TAGS {
            let installed = dir.path().join(tag);
            build(&dir.path().join("product"), tag, &installed);
            assert_eq!(minewatch(&installed, &["version"]), (true, tag.to_owned()));
            let (is_healthy, said) = minewatch(&installed, &["check", "--self"]);
            assert_eq!(is_healthy, tag != BROKEN, "{tag}: {said}");
            assert!(said.starts_with(if is_healthy { "healthy: " } else { "unhealthy: FileNotFoundError" }), "{said}");
        }
    }

    #[test]
    fn the_history_has_the_same_commits_on_every_machine() {
        let heads: BTreeSet<_> = (0..2)
            .map(|_| {
                let dir = tempfile::tempdir().unwrap();
                make_repository(dir.path()).unwrap();
                let tags = Command::new("git")
                    .args(["ls-remote", "--tags", "origin.git"])
                    .current_dir(dir.path())
                    .output()
                    .unwrap();
                String::from_utf8(tags.stdout).unwrap()
            })
            .collect();
        assert_eq!(heads.len(), 1);
        assert_eq!(heads.first().unwrap().lines().filter(|line| !line.ends_with("^{}")).count(), TAGS.len());
    }

    #[test]
    fn the_stale_copy_says_an_older_version() {
        let dir = tempfile::tempdir().unwrap();
        make_stale_copy(dir.path()).unwrap();
        assert_eq!(minewatch(&dir.path().join("stale"), &["version"]), (true, "0.9.0".to_owned()));
    }
}
