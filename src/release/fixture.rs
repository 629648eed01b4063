//! Repositories, products and requests for this room's tests: real git, real pip, no network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;

use super::{BuildKind, BuildSpec, Progress, ReleaseError, Request, Source, Store, StoredRelease, Wanted, prepare};
use crate::config::CommandTemplate;
use crate::model::Operator;

/// A repository in a folder of its own, with a blank in its path.
pub(crate) struct Product {
    folder: TempDir,
}

impl Product {
    pub(crate) fn new() -> Self {
        let product = Self { folder: tempfile::Builder::new().prefix("a product ").tempdir().unwrap() };
        product.git(&["init", "--quiet", "--initial-branch=main"]);
        product
    }

    pub(super) fn clone_of(other: &Self) -> Self {
        let product = Self { folder: tempfile::tempdir().unwrap() };
        product.git(&["clone", "--quiet", other.path().to_str().unwrap(), "."]);
        product
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.path())
            .args(["-c", "user.name=Tess Ter", "-c", "user.email=tess@example.org", "-c", "protocol.file.allow=always"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_AUTHOR_DATE", "2024-05-06T07:08:09Z")
            .env("GIT_COMMITTER_DATE", "2024-05-06T07:08:09Z")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs git as if it were another time.
    pub(crate) fn git_at(&self, at: &str, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.path())
            .args(["-c", "user.name=Tess Ter", "-c", "user.email=tess@example.org"])
            .args(arguments)
            .env("GIT_AUTHOR_DATE", at)
            .env("GIT_COMMITTER_DATE", at)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> &Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn commit(&self, message: &str) -> &Self {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self
    }

    pub(crate) fn tag(&self, name: &str) -> &Self {
        self.commit(name).git(&["tag", "--annotate", "--message", name, "--", name]);
        self
    }

    pub(super) fn source(&self) -> Source {
        Source {
            bad: [].into(),
            repository: self.path().to_path_buf(),
            remote: String::new(),
            tags: "[v0-9]*".into(),
            order: super::VersionOrder::default(),
            verify_tags: false,
            fetch: true,
            fetch_deadline: Duration::from_secs(20),
        }
    }
}

pub(super) fn shell(command: &str) -> CommandTemplate {
    CommandTemplate::shell(command).unwrap()
}

/// Builds by copying what is in `files`, and checks that it is there.
pub(super) fn by_commands(commands: &[&str], check: &str) -> BuildSpec {
    BuildSpec {
        kind: BuildKind::Command { commands: commands.iter().map(|command| shell(command)).collect() },
        before: Vec::new(),
        check: shell(check),
        environment: Vec::new(),
        installer: crate::model::Installer::Pip,
        submodules: false,
        modes: crate::model::Modes::Tell,
        allow_paths: Vec::new(),
        deadline: Duration::from_secs(60),
    }
}

pub(super) fn request(product: &Product, version: &str, spec: BuildSpec) -> Request {
    Request {
        source: product.source(),
        wanted: Wanted::Tag(version.into()),
        spec,
        operator: Operator("tess@example".into()),
        rebuild: false,
    }
}

/// A store in a folder of its own.
pub(super) struct StateFolder {
    folder: TempDir,
    pub(super) store: Store,
    told: Mutex<Vec<Progress>>,
}

impl StateFolder {
    pub(super) fn new() -> Self {
        Self::named("state-")
    }

    pub(super) fn named(prefix: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        Self { folder, store, told: Mutex::default() }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) async fn prepare(&self, request: &Request) -> Result<StoredRelease, ReleaseError> {
        prepare(&self.store, request, &|progress| self.told.lock().unwrap().push(progress)).await
    }

    pub(super) fn told(&self) -> Vec<Progress> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    /// Lists what is in the store but its lock.
    pub(super) fn stored(&self) -> Vec<String> {
        let names = fs::read_dir(self.path().join("releases")).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".lock");
        names.sort();
        names
    }
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        // Releases are read-only, which stops whoever is not root from removing them.
        Command::new("chmod").arg("-R").arg("u+w").arg(self.path()).status().unwrap();
    }
}

/// Builds wheels without setuptools or any index: the product brings its own backend.
pub(super) const BACKEND: &str = r#"
import os, subprocess, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    here = os.path.isdir("dep")
    name, entry = ("dep", "") if here else ("tiny", "[console_scripts]\ntiny = tiny:main\n")
    # As backends do that read versions from git; and what must not be there to be read.
    told = subprocess.run(["git", "describe", "--tags", "--dirty", "--long"], capture_output=True, text=True)
    told = told.stdout + "".join(name for name in ("PBR_VERSION", "SETUPTOOLS_SCM_PRETEND_VERSION") if name in os.environ)
    with open(os.path.join(name, "version.txt"), "w") as file:
        file.write(told)
    # As generators do that note where they ran.
    with open(os.path.join(name, "sbom.json"), "w") as file:
        file.write(os.path.abspath("source") + " " + __file__)
    requires = "" if here else "Requires-Dist: dep\n"
    wheel = f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as archive:
        for root, folders, files in os.walk(name):
            for file in sorted(files):
                archive.write(os.path.join(root, file))
        if os.path.isdir("scripts"):
            for file in sorted(os.listdir("scripts")):
                os.chmod(os.path.join("scripts", file), 0o755)
                archive.write(os.path.join("scripts", file), f"{name}-1.0.data/scripts/{file}")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: own\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", entry)
        archive.writestr(f"{info}/RECORD", "")
    return wheel
"#;

const PYPROJECT: &str = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";

/// Packs the source of the dependency as an sdist, so that it is built elsewhere than in the product's export.
fn dependency(product: &Product) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("dep-1.0");
    fs::create_dir_all(source.join("dep")).unwrap();
    fs::write(source.join("pyproject.toml"), PYPROJECT).unwrap();
    fs::write(source.join("backend.py"), BACKEND).unwrap();
    fs::write(source.join("dep/__init__.py"), "WORD = 'from the dependency'\n").unwrap();
    fs::create_dir(product.path().join("vendor")).unwrap();
    let packed = product.path().join("vendor/dep-1.0.tar.gz");
    let packing = Command::new("tar").arg("-C").arg(folder.path()).arg("-czf").arg(packed).arg("dep-1.0").status();
    assert!(packing.unwrap().success());
}

/// A Python product with a dependency in `requirements.txt`, and scripts of every kind that relocation has to know.
pub(super) fn python_product() -> Product {
    let product = Product::new();
    dependency(&product);
    product
        .write("pyproject.toml", PYPROJECT)
        .write("backend.py", BACKEND)
        .write("requirements.txt", "./vendor/dep-1.0.tar.gz\n")
        .write(".gitattributes", "tiny/commit.txt export-subst\n")
        .write("tiny/commit.txt", "$Format:%D %h$\n")
        .write("tiny/__init__.py", "import sys, dep\n\ndef main():\n    print('tiny', sys.argv[1:], dep.WORD, sys.prefix)\n")
        .write("tiny/not_for_this_python.py", "print 'python 2'\n")
        .write("scripts/documented", "#!python\n\"\"\"Usage: documented\"\"\"\nfrom __future__ import annotations\nprint(__doc__, dep_word := __import__('dep').WORD)\n")
        .write("scripts/star", "#!python\nimport dep\nprint(__doc__, dep.WORD)\n")
        .write("scripts/future", "#!python\n# c\nfrom __future__ import annotations\nprint(__doc__)\n")
        .write("scripts/parens", "#!python\n(\"doc\")\nfrom __future__ import annotations\nprint(__doc__)\n")
        .write("scripts/activate", "#!python\nprint('activated')\n")
        .write("scripts/shell", "#!/bin/sh\necho shell\n")
        .tag("1.0");
    product
}

pub(super) fn venv() -> BuildSpec {
    BuildSpec {
        kind: BuildKind::PythonVenv {
            pip: vec!["--no-index".into(), ".".into()],
            requirements: vec![BuildSpec::REQUIREMENTS.into()],
            python: None,
            own: false,
        },
        before: Vec::new(),
        check: shell("bin/tiny works"),
        environment: Vec::new(),
        installer: crate::model::Installer::Pip,
        submodules: false,
        modes: crate::model::Modes::Tell,
        allow_paths: Vec::new(),
        deadline: Duration::from_secs(300),
    }
}

/// Lists the files below a folder whose content has a word.
pub(super) fn files_with(folder: &Path, word: &str) -> Vec<PathBuf> {
    let output = Command::new("grep").args(["-rlaF", "-e", word]).arg(folder).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect()
}

pub(super) const COPY: &str = "cp -a files/. {prefix}";

pub(super) fn product_with(files: &[(&str, &str)]) -> Product {
    let product = Product::new();
    for (name, content) in files {
        product.write(&format!("files/{name}"), content);
    }
    product.tag("1.0");
    product
}

pub(super) fn with_before(before: &str, spec: BuildSpec) -> BuildSpec {
    BuildSpec { before: vec![shell(before)], ..spec }
}

/// Builds what must not become a release, and gives the error after making sure that nothing is left.
pub(super) async fn refused(product: &Product, spec: BuildSpec) -> ReleaseError {
    let state = StateFolder::new();
    let error = state.prepare(&request(product, "1.0", spec)).await.unwrap_err();
    assert_eq!(state.stored(), Vec::<String>::new(), "{error}");
    assert!(state.store.list().unwrap().is_empty());
    error
}
