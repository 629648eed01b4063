//! The small products: one Python package in many ways of building it.
//!
//! A product is a text file of `projects/`: what it is, and the files that are its own. What all have is here. `bin/demo` says what of it
//! is there, so that one line proves the version and every part.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The tag that is built.
pub(crate) const TAG: &str = "1.2.3";
/// A newer one of the same commit, which is not to be found.
pub(crate) const OTHER_TAG: &str = "1.10.0";

/// Whatever a product can hold, in the order in which `bin/demo` says it.
pub(crate) const PARTS: [&str; 10] =
    ["static", "git", "c", "cpp", "cython", "rust", "scripts", "data", "namespace", "pth"];

/// Files that products have by name, and the parts that they are for; none is for all.
const COMMON: [(&str, &str, &str); 9] = [
    ("demo/__init__.py", "", MAIN),
    ("demo/data.txt", "data", "data\n"),
    ("demo/_c.c", "c", C),
    ("demo/_cpp.cpp", "cpp", CPP),
    ("demo/_cython.pyx", "cython", "def answer():\n    return \"cython\"\n"),
    ("main.rs", "rust", RUST),
    ("demo-plain", "scripts", PLAIN),
    ("spread/part/__init__.py", "namespace", "WORD = \"namespace\"\n"),
    ("demo.pth", "pth", "import sys; sys.demo_pth = \"pth\"\n"),
];

const MAIN: &str = r#"
from importlib import import_module, metadata
import os
import subprocess
import sys


def parts():
    """Yields a word for each part that works."""
    for name in ("_c", "_cpp", "_cython"):
        try:
            yield import_module("demo." + name).answer()
        except ModuleNotFoundError:
            pass
    folder = os.path.dirname(os.path.realpath(sys.argv[0]))
    for name in ("demo-rust", "demo-plain"):
        program = os.path.join(folder, name)
        if os.path.exists(program):
            yield subprocess.check_output([program], text=True).strip()
    data = os.path.join(os.path.dirname(__file__), "data.txt")
    if os.path.exists(data):
        with open(data) as file:
            yield file.read().strip()
    try:
        yield import_module("spread.part").WORD
    except ModuleNotFoundError:
        pass
    if hasattr(sys, "demo_pth"):
        yield sys.demo_pth


def main():
    print("demo", metadata.version("demo"), *parts())
"#;

/// Says where it was compiled, as assertions and logs do.
const C: &str = r#"
#include <Python.h>
#include <assert.h>
#include <stdio.h>

static PyObject *answer(PyObject *self, PyObject *nothing)
{
    if (self == NULL)
        fprintf(stderr, "nobody in %s\n", __FILE__);
    assert(self != NULL);
    return PyUnicode_FromString("c");
}

static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_c", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__c(void)
{
    return PyModule_Create(&module);
}
"#;

const CPP: &str = r#"
#include <Python.h>
#include <cstdio>
#include <stdexcept>
#include <string>

static PyObject *answer(PyObject *self, PyObject *)
{
    try {
        if (self == nullptr)
            throw std::runtime_error(std::string("nobody in ") + __FILE__);
    } catch (const std::exception &error) {
        std::fputs(error.what(), stderr);
    }
    return PyUnicode_FromString("cpp");
}

static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_cpp", nullptr, 0, methods, nullptr, nullptr, nullptr, nullptr};

PyMODINIT_FUNC PyInit__cpp(void)
{
    return PyModule_Create(&module);
}
"#;

/// Panics with its place, as every program of Rust does somewhere.
const RUST: &str = r#"
fn main() {
    let nobody = std::env::args().next().is_none();
    assert!(!nobody, "nobody in {}", file!());
    println!("rust");
}
"#;

/// Has documentation and a statement that must stay the first, and needs the package.
const PLAIN: &str = "#!python\n\"\"\"scripts\"\"\"\nfrom __future__ import annotations\nimport demo\nprint(__doc__ if demo.main else None)\n";

/// One way of building a package.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// The name of its file.
    pub(crate) name: String,
    /// What builds it.
    pub(crate) backend: String,
    /// What it holds, of [`PARTS`].
    pub(crate) has: Vec<String>,
    files: Vec<(String, String)>,
}

impl Project {
    /// Reads all of them, by name.
    pub(crate) fn all() -> Result<Vec<Self>> {
        let folder = folder();
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
        names.sort();
        names.iter().map(|name| Self::named(name)).collect()
    }

    /// Reads one.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let path = folder().join(format!("{name}.txt"));
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mut parts = text.split("\n== ");
        let head = parts.next().unwrap_or_default();
        let field = |name: &str| {
            head.lines()
                .find_map(|line| line.strip_prefix(name))
                .with_context(|| format!("{name} of {}", path.display()))
        };
        let has: Vec<String> = field("has: ")?.split(' ').map(str::to_owned).collect();
        ensure!(has.iter().all(|part| PARTS.contains(&part.as_str())), "{has:?} of {name}");
        let common = |name: &str| COMMON.iter().find(|(common, ..)| *common == name).map(|(.., text)| *text);
        let mut files: Vec<(String, String)> = COMMON
            .iter()
            .filter(|(_, part, _)| part.is_empty() || has.iter().any(|has| has == part))
            .map(|(name, _, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        for part in parts {
            let (first, content) = part.split_once('\n').unwrap_or((part, ""));
            match first.split_once(" < ") {
                Some((file, of)) => {
                    let content = common(of).with_context(|| format!("{of} is no common file"))?;
                    files.push((file.to_owned(), content.to_owned()));
                }
                None => files.push((first.to_owned(), format!("{}\n", content.trim_end()))),
            }
        }
        Ok(Self { name: name.to_owned(), backend: field("backend: ")?.to_owned(), has, files })
    }

    /// Gives what `bin/demo` says.
    pub(crate) fn answer(&self) -> String {
        let parts = PARTS.iter().filter(|part| !matches!(**part, "static" | "git"));
        let has = parts.filter(|part| self.has.iter().any(|has| has == *part));
        has.fold(format!("demo {TAG}"), |answer, part| format!("{answer} {part}"))
    }

    /// Makes a repository of it, with two tags on its commit and one before.
    pub(crate) fn make(&self, repository: &Path) -> Result<()> {
        for (name, content) in &self.files {
            let path = repository.join(name);
            fs::create_dir_all(path.parent().unwrap_or(repository))?;
            fs::write(&path, content)?;
            if name.ends_with("-plain") {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
            }
        }
        // What a clone, its references and whoever exports it would change.
        fs::write(repository.join(".gitattributes"), "*.id export-subst\n")?;
        fs::write(repository.join("demo/commit.id"), "$Format:%H %h %D$\n")?;
        commit(repository, &["1.0.0"])?;
        fs::write(repository.join("news"), "")?;
        commit(repository, &[TAG, OTHER_TAG])
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/builds/projects")
}

/// Commits all that is there under tags, the same wherever it is done.
pub(crate) fn commit(repository: &Path, tags: &[&str]) -> Result<()> {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(repository).args(["-c", "user.name=amy", "-c", "user.email=amy@localhost"]).args(arguments);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        let at = "2026-05-06T07:08:09Z";
        let done = git.env("GIT_AUTHOR_DATE", at).env("GIT_COMMITTER_DATE", at).output()?;
        ensure!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        anyhow::Ok(())
    };
    if !repository.join(".git").exists() {
        git(&["init", "--quiet", "--initial-branch=main"])?;
    }
    git(&["add", "--all", "--force"])?;
    git(&["commit", "--quiet", "--message=as it is"])?;
    for tag in tags {
        git(&["tag", "--annotate", "--message", tag, tag])?;
    }
    Ok(())
}
