//! Real projects: the newest sdist of each that this was run with, under a tag of its version.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::deployer::{self, Built, Checkout, Deployer};
use crate::packages::{self, succeed};
use crate::page;
use crate::project::commit;

/// Name, version, what proves it, and its build backend.
const PROJECTS: [(&str, &str, &str, &str); 10] = [
    ("ansible-core", "2.19.14", "bin/ansible --version", "setuptools"),
    ("bcrypt", "5.0.0", "bin/python -c 'import bcrypt; print(bcrypt.__version__)'", "setuptools-rust"),
    ("black", "26.10.1", "bin/black --version", "hatch-vcs"),
    ("cliff", "4.17.0", "bin/python -c 'import cliff.app'", "pbr"),
    ("contourpy", "1.3.3", "bin/python -c 'import contourpy; print(contourpy.__version__)'", "meson-python"),
    ("numpy", "2.4.6", "bin/python -c 'import numpy; print(numpy.__version__)'", "meson-python"),
    ("pdm", "2.29.4", "bin/pdm --version", "pdm-backend scm"),
    ("poetry", "2.5.1", "bin/poetry --version", "poetry-core"),
    ("thonny", "5.0.1", "bin/python -c 'import thonny; print(thonny.get_version())'", "setuptools"),
    ("watchfiles", "1.3.0", "bin/watchfiles --version", "maturin"),
];

/// Builds them, and writes what came out.
pub(crate) fn run(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    let wheels = packages::wheels()?;
    let uv = packages::uv(&wheels, &folder.join("uv"))?;
    let toolchain = Some(deployer::toolchain(folder)?);
    let first = Deployer { toolchain, ..Deployer::first(None) };
    // Without blanks: contourpy has meson's command line in it, where such a path is in quotes.
    let folder_of_other = Some("someone-else-");
    let (checkout, uv) = (Checkout::Shallow, Some(uv));
    let other = Deployer { checkout, hostile: true, folder: folder_of_other, uv, ..first.clone() };
    let mut failed = Vec::new();
    for (name, version, check, backend) in PROJECTS.into_iter().filter(|(name, ..)| wanted(name)) {
        eprintln!("{name} {version}");
        let build = || {
            let repository = sdist(folder, &wheels, name, version)?;
            let begun = Instant::now();
            let lines = format!("check = {check:?}");
            let here = first.build(&repository, version, &lines)?;
            let took = begun.elapsed().as_secs();
            let there = other.build(&repository, version, &lines)?;
            here.names_nobody()?;
            there.names_nobody()?;
            row(&here, &there, took)
        };
        let built = build();
        // numpy takes long, so that others may be built meanwhile, by another run.
        let mut rows = page::rows("real")?;
        match built {
            Ok(row) => {
                rows.insert(format!("{name} {version}"), format!("| {name} {version} | {backend} | {row} |"));
            }
            Err(error) => {
                eprintln!("{name}: {error:#}");
                failed.push(format!("{name}: {error:#}"));
            }
        }
        let head =
            "| project | built with | files | MB | digest | s, with pip | told |\n|---|---|---|---|---|---|---|\n";
        let mut text = format!("{}\n\n{head}", page::machine());
        for row in rows.values() {
            writeln!(text, "{row}")?;
        }
        page::write("real", &text)?;
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "megabytes with a digit behind the point")]
fn row(here: &Built, there: &Built, took: u64) -> Result<String> {
    let files = succeed(Command::new("find").arg(&here.tree).args(["-type", "f"]))?.lines().count();
    let bytes: f64 = succeed(Command::new("du").args(["-sb"]).arg(&here.tree))?
        .split_whitespace()
        .next()
        .and_then(|bytes| bytes.parse::<u64>().ok())
        .map_or(0.0, |bytes| bytes as f64 / 1e6);
    if here.digest != there.digest {
        let differ = Command::new("diff").arg("-r").args([&here.tree, &there.tree]).output()?;
        bail!("the digests are {} and {}: {}", here.digest, there.digest, String::from_utf8_lossy(&differ.stdout));
    }
    let digest: String = here.digest.chars().take(8).collect();
    let told = here.warnings().join("; ").replace('|', "\\|").replace("warning: ", "");
    Ok(format!("{files} | {bytes:.1} | {digest} | {took} | {told}"))
}

/// Takes an sdist from the index (PEP 691), which has its digest. pip would ask the build backend first what it describes, and some compile
/// all of it for that.
const FETCH: &str = r#"
import hashlib, json, os, re, ssl, sys
from urllib.parse import urldefrag, urljoin
from urllib.request import Request, urlopen

name, version, folder = sys.argv[1:]
context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
page = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + f"/{name}/"
with urlopen(Request(page, headers={"Accept": "application/vnd.pypi.simple.v1+json"}), context=context) as answer:
    files = json.load(answer)["files"]
named = lambda file: re.sub("[-_.]+", "-", file["filename"].lower())
file, = [file for file in files if named(file) == re.sub("[-_.]+", "-", f"{name}-{version}.tar.gz")]
with urlopen(urldefrag(urljoin(page, file["url"])).url, context=context) as answer:
    content = answer.read()
assert hashlib.sha256(content).hexdigest() == file["hashes"]["sha256"], "it has another digest"
with open(os.path.join(folder, file["filename"]), "wb") as copy:
    copy.write(content)
"#;

/// Fetches an sdist, and makes a repository of it.
fn sdist(folder: &Path, wheels: &Path, name: &str, version: &str) -> Result<PathBuf> {
    let (packed, repository) = (folder.join(format!("{name}-sdist")), folder.join(format!("{name}-repository")));
    fs::create_dir(&packed)?;
    let python = wheels.with_file_name("venv").join("bin/python");
    succeed(Command::new(python).args(["-c", FETCH, name, version]).arg(&packed))?;
    let archive = fs::read_dir(&packed)?.next().context("nothing was fetched")??.path();
    fs::create_dir(&repository)?;
    succeed(Command::new("tar").arg("-xf").arg(archive).arg("--strip-components=1").arg("-C").arg(&repository))?;
    commit(&repository, &[version])?;
    Ok(repository)
}
