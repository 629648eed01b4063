//! Products of every build backend that matters, built by two deployers: one digest, the tag's version, nothing of either inside.
//!
//! These are the few that show most, so that the whole is soon over; `cargo bench --bench builds` builds all of them, and real ones.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod deployer;
mod packages;
mod project;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use deployer::{Built, Checkout, Deployer};
use project::{OTHER_TAG, Project, TAG, commit};

const BUILD: &str = "check = \"bin/demo\"";

/// What installs for the second deployer; for the first it is pip.
#[derive(PartialEq)]
enum By {
    Pip,
    /// A pip that each of the two unpacks.
    OwnPip,
    Uv,
}

/// Builds a project as two deployers, and looks at what came out.
#[track_caller]
fn holds(name: &str, checkout: Checkout, by: By) {
    let folder = Folder::new();
    for built in built_twice(&folder, name, checkout, by, [BUILD; 2]) {
        assert_eq!(built.says(&["bin/demo"]).unwrap(), Project::named(name).unwrap().answer());
    }
}

/// A folder that everybody can look into.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Builds a project as two deployers, who have to come to one digest.
#[track_caller]
fn built_twice(folder: &Folder, name: &str, checkout: Checkout, by: By, builds: [&str; 2]) -> [Built; 2] {
    let project = Project::named(name).unwrap();
    let wheels = packages::wheels().unwrap();
    let repository = folder.at("repository");
    project.make(&repository).unwrap();
    let uv = (by == By::Uv).then(|| packages::uv(&wheels, &folder.at("uv")).unwrap());
    let needs_rust = project.has.iter().any(|has| has == "rust");
    let toolchain = needs_rust.then(|| deployer::toolchain(folder.0.path()).unwrap());
    // What an interpreter of one's own unpacks is nobody else's.
    let own_pip = by == By::OwnPip || builds != [BUILD; 2];
    let first = Deployer { toolchain, own_pip, ..Deployer::first(Some(wheels)) };
    let other = Deployer { checkout, hostile: true, uv, ..first.clone() };
    let [here, there] = [(first, builds[0]), (other, builds[1])]
        .map(|(deployer, build)| deployer.build(&repository, TAG, build).unwrap());
    for built in [&here, &there] {
        assert_eq!(built.warnings(), Vec::<&str>::new(), "{} by {}", project.name, project.backend);
        built.names_nobody().unwrap();
    }
    assert_eq!(here.digest, there.digest, "{}", difference(&here, &there));
    [here, there]
}

/// Says which files differ, for whoever has to find out why.
fn difference(here: &Built, there: &Built) -> String {
    let output = Command::new("diff").arg("-rq").args([&here.tree, &there.tree]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_product_is_whole() {
    let all = Project::all().unwrap();
    assert!(all.len() > 20);
    for project in all {
        assert_ne!(
            project.has.contains(&"static".to_owned()),
            project.has.contains(&"git".to_owned()),
            "{}",
            project.name
        );
        project.make(tempfile::tempdir().unwrap().path()).unwrap();
    }
}

#[test]
fn setuptools_scm_with_c_cpp_and_cython() {
    holds("setuptools-scm", Checkout::Bare, By::OwnPip);
}

#[test]
fn meson_with_configured_files_and_rust() {
    holds("meson", Checkout::Shallow, By::Uv);
}

#[test]
fn scikit_build_core_with_the_name_of_a_source_in_what_is_compiled() {
    holds("scikit-build-core-scm", Checkout::Worktree, By::Pip);
}

#[test]
fn maturin_with_its_bill_of_materials() {
    holds("maturin", Checkout::Bare, By::Uv);
}

#[test]
fn hatch_vcs_with_scripts_and_a_namespace() {
    holds("hatch-vcs", Checkout::Full, By::Uv);
}

#[test]
fn pdm_scm_with_c_and_cython() {
    holds("pdm-scm", Checkout::Shallow, By::Pip);
}

#[test]
fn versions_that_setuptools_git_versioning_finds() {
    holds("setuptools-git-versioning", Checkout::Worktree, By::Uv);
}

#[test]
fn versions_that_versioningit_finds() {
    holds("versioningit", Checkout::Bare, By::Uv);
}

#[test]
fn versions_that_versioneer_finds() {
    holds("versioneer", Checkout::Shallow, By::Uv);
}

#[test]
fn versions_that_pbr_finds() {
    holds("pbr", Checkout::Bare, By::Pip);
}

#[test]
fn versions_that_poetry_dynamic_versioning_finds() {
    holds("poetry-dynamic-versioning", Checkout::Worktree, By::Uv);
}

#[test]
fn versions_that_uv_dynamic_versioning_finds() {
    holds("uv-dynamic-versioning", Checkout::Full, By::Uv);
}

/// Makes a folder in which an interpreter stands alone, out of this machine's own.
fn standalone(prefix: &Path) -> PathBuf {
    let ask =
        "import os, sys, sysconfig; print(os.path.realpath(sys.executable), sysconfig.get_path('stdlib'), sep='\\n')";
    let said = packages::succeed(Command::new("/usr/bin/python3").args(["-I", "-c", ask])).unwrap();
    let (program, library) = said.split_once('\n').unwrap();
    let (program, library) = (Path::new(program), Path::new(library));
    let lib = prefix.join("lib").join(library.file_name().unwrap());
    fs::create_dir_all(prefix.join("bin")).unwrap();
    fs::create_dir_all(prefix.join("lib")).unwrap();
    let python = prefix.join("bin").join(program.file_name().unwrap());
    fs::copy(program, &python).unwrap();
    packages::succeed(Command::new("cp").arg("-rL").arg(library).arg(&lib)).unwrap();
    // Much of it nobody needs here.
    packages::succeed(
        Command::new("rm").arg("-rf").args(["idlelib", "lib2to3", "pydoc_data"].map(|name| lib.join(name))),
    )
    .unwrap();
    let include = "import sysconfig; print(sysconfig.get_path('include'))";
    let include = packages::succeed(Command::new("/usr/bin/python3").args(["-I", "-c", include])).unwrap();
    fs::create_dir(prefix.join("include")).unwrap();
    packages::succeed(Command::new("cp").arg("-rL").arg(include).arg(prefix.join("include"))).unwrap();
    // Debian's own looks for packages elsewhere than others do.
    let packages = "import os, site\nsite.addsitedir(os.path.join(os.path.dirname(__file__), \"site-packages\"))\n";
    fs::write(lib.join("sitecustomize.py"), packages).unwrap();
    // As uv does where it unpacks one.
    write(&lib.join("_sysconfig_unpacked.py"), &format!("PREFIX = \"{}\"\n", prefix.display()));
    python
}

#[test]
fn an_interpreter_that_goes_with_the_release_wherever_a_deployer_has_it() {
    let folder = Folder::new();
    let homes = ["amy/python", "someone else/python"];
    let builds = homes.map(|home| {
        let python = standalone(&folder.at(home));
        format!("{BUILD}\npython = {python:?}\nown_python = true")
    });
    let [here, there] = built_twice(&folder, "hatchling", Checkout::Bare, By::Uv, [&builds[0], &builds[1]]);
    // The host has none.
    for home in homes {
        fs::remove_dir_all(folder.at(home)).unwrap();
    }
    let project = Project::named("hatchling").unwrap();
    assert_eq!(here.says(&["bin/demo"]).unwrap(), project.answer());
    let asked = "import site, ssl, sys; print(site.ENABLE_USER_SITE, sys.prefix == sys.base_prefix)";
    assert_eq!(there.says(&["bin/python", "-c", asked]).unwrap(), "False True");
    let named = Command::new("grep").args(["-rlaF", "-e"]).arg(folder.0.path()).arg(&here.tree).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&named.stdout), "");
    let meta = fs::read_to_string(here.tree.with_file_name("meta.json")).unwrap();
    assert!(meta.contains("\"interpreter\":null") || meta.contains("\"interpreter\": null"), "{meta}");
}

#[test]
fn a_wheel_that_is_called_otherwise_than_its_tag_is_told() {
    let folder = Folder::new();
    let repository = folder.at("repository");
    Project::named("flit").unwrap().make(&repository).unwrap();
    let deployer = Deployer::first(Some(packages::wheels().unwrap()));
    let built = deployer.build(&repository, OTHER_TAG, BUILD).unwrap();
    let warnings = built.warnings();
    assert!(
        matches!(&warnings[..], [text] if text.contains("the tag is 1.10.0, and demo calls itself 1.2.3")),
        "{warnings:?}"
    );
}

const DEPENDENCY: &str = "[build-system]\nrequires = [\"setuptools\", \"setuptools-scm\"]\n\
    build-backend = \"setuptools.build_meta\"\n[project]\nname = \"NAME\"\ndynamic = [\"version\"]\n\
    [tool.setuptools]\npy-modules = [\"NAME\"]\n[tool.setuptools_scm]\n";

#[test]
fn dependencies_that_are_built_beside_the_product_have_versions_of_their_own() {
    let folder = Folder::new();
    let write = |name: &str, text: &str| write(&folder.at(name), text);
    // One from git, and an unpacked sdist in the product, which lies below the product's own repository then.
    write("tagged/pyproject.toml", &DEPENDENCY.replace("NAME", "tagged"));
    write("tagged/tagged.py", "");
    commit(&folder.at("tagged"), &["7.8.9"]).unwrap();
    write("repository/vendor/unpacked/pyproject.toml", &DEPENDENCY.replace("NAME", "unpacked"));
    write("repository/vendor/unpacked/unpacked.py", "");
    write("repository/vendor/unpacked/PKG-INFO", "Metadata-Version: 2.1\nName: unpacked\nVersion: 3.21.0\n");
    let address = format!("tagged @ git+file://localhost{}@7.8.9", folder.at("tagged").display());
    write("repository/requirements.txt", &format!("{address}\n./vendor/unpacked\n"));
    let repository = folder.at("repository");
    Project::named("flit").unwrap().make(&repository).unwrap();
    let wheels = packages::wheels().unwrap();
    let uv = packages::uv(&wheels, &folder.at("uv")).unwrap();
    let by_pip = Deployer::first(Some(wheels));
    let by_uv = Deployer { uv: Some(uv), ..by_pip.clone() };
    let [here, there] = [by_pip, by_uv].map(|deployer| deployer.build(&repository, TAG, BUILD).unwrap());
    let asked = "from importlib.metadata import version as v; print(v('demo'), v('tagged'), v('unpacked'))";
    assert_eq!(here.says(&["bin/python", "-c", asked]).unwrap(), "1.2.3 7.8.9 3.21.0");
    assert_eq!(here.digest, there.digest, "{}", difference(&here, &there));
}

/// Writes a file, with the folders above it.
fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A package that knows where it was compiled, in its code and in what was configured, as meson and `__FILE__` have it.
const NEEDLE: [(&str, &str); 5] = [
    ("PKG-INFO", "Metadata-Version: 2.1\nName: needle\nVersion: 1.0\n"),
    (
        "pyproject.toml",
        "[build-system]\nrequires = [\"meson-python\", \"ninja\"]\nbuild-backend = \"mesonpy\"\n[project]\nname = \"needle\"\n\
         version = \"1.0\"\n",
    ),
    (
        "meson.build",
        "project('needle', 'c')\npython = import('python').find_installation(pure: false)\n\
         python.install_sources('needle/__init__.py', subdir: 'needle')\n\
         python.extension_module('_c', 'needle/_c.c', c_args: ['-DWHERE=\"' + meson.project_source_root() + '/c.c\"'],\n  \
         install: true, subdir: 'needle')\n\
         configure_file(input: 'where.in', output: 'where.txt', configuration: {'source': meson.project_source_root()},\n  \
         install_dir: python.get_install_dir() / 'needle')\n",
    ),
    ("where.in", "@source@/x.c\n"),
    (
        "needle/_c.c",
        "#include <Python.h>\n#line 1 WHERE\nstatic struct PyModuleDef module = {PyModuleDef_HEAD_INIT, \"_c\", __FILE__, 0};\n\
         PyMODINIT_FUNC PyInit__c(void)\n{\n    return PyModule_Create(&module);\n}\n",
    ),
];

/// Packs that package as an index would have it.
fn pack_needle(folder: &Folder, wheels: &Path, word: &str) {
    let source = folder.at("packed/needle-1.0");
    for (name, text) in NEEDLE {
        write(&source.join(name), text);
    }
    write(&source.join("needle/__init__.py"), &format!("WORD = {word:?}\n"));
    let mut tar = Command::new("tar");
    tar.arg("-czf").arg(wheels.join("needle-1.0.tar.gz")).arg("-C").arg(folder.at("packed")).arg("needle-1.0");
    packages::succeed(&mut tar).unwrap();
}

#[test]
fn a_dependency_from_an_sdist_is_compiled_alike_by_pip_and_uv_and_never_taken_from_another_build() {
    let folder = Folder::new();
    let wheels = folder.at("wheels");
    let own = packages::wheels().unwrap();
    packages::succeed(Command::new("cp").arg("-r").arg(&own).arg(&wheels)).unwrap();
    pack_needle(&folder, &wheels, "old");
    let repository = folder.at("repository");
    Project::named("hatch-vcs").unwrap().make(&repository).unwrap();
    write(&repository.join("requirements.txt"), "needle\n");
    commit(&repository, &["2.0.0", "3.0.0"]).unwrap();
    let by_pip = Deployer::first(Some(wheels));
    let uv = Some(packages::uv(&own, &folder.at("uv")).unwrap());
    let by_uv = Deployer { checkout: Checkout::Bare, hostile: true, uv, ..by_pip.clone() };
    let asked = "import needle, needle._c as c; print(needle.WORD, c.__doc__)";
    let places = [&by_pip, &by_uv].map(|deployer| deployer.place(&repository, "2.0.0", BUILD).unwrap());
    let build = |tag: &str, word: &str| {
        let [here, there] =
            [(&by_pip, &places[0]), (&by_uv, &places[1])].map(|(by, place)| by.build_at(place, tag).unwrap());
        assert_eq!(here.digest, there.digest, "{}", difference(&here, &there));
        for built in [&here, &there] {
            assert_eq!(built.warnings(), Vec::<&str>::new());
            let said = built.says(&["bin/python", "-c", asked]).unwrap();
            assert_eq!(said, format!("{word} /build/tmp/c.c"));
        }
        [here, there]
    };
    let old = build("2.0.0", "old");
    // The same name and version, and another content: nobody does that, but for whoever tries out a dependency.
    for place in &places {
        let link = place.at("wheels/needle-1.0.tar.gz");
        fs::remove_file(&link).unwrap();
        pack_needle(&folder, &place.at("wheels"), "new");
        packages::succeed(Command::new("chmod").arg("a+r").arg(&link)).unwrap();
    }
    build("3.0.0", "new");
    drop(old);
}

#[test]
fn packages_of_rust_are_compiled_alike_wherever_a_deployer_has_them_from() {
    let folder = Folder::new();
    let repository = folder.at("repository");
    Project::named("setuptools-rust").unwrap().make(&repository).unwrap();
    let manifest = fs::read_to_string(repository.join("Cargo.toml")).unwrap();
    write(&repository.join("Cargo.toml"), &format!("{manifest}[dependencies]\nsaid = \"1\"\n"));
    write(&repository.join("main.rs"), "fn main() {\n    println!(\"{}\", said::word());\n}\n");
    commit(&repository, &["2.0.0"]).unwrap();
    let said = folder.at("crates/said");
    write(&said.join("Cargo.toml"), "[package]\nname = \"said\"\nversion = \"1.0.0\"\nedition = \"2021\"\n");
    write(&said.join(".cargo-checksum.json"), "{\"files\":{}}");
    let code = "pub fn word() -> String {\n    assert!(std::env::args().next().is_some(), \"nobody in {}\", file!());\n    \
                file!().to_owned()\n}\n";
    write(&said.join("src/lib.rs"), code);
    let toolchain = Some(deployer::toolchain(folder.0.path()).unwrap());
    let wheels = packages::wheels().unwrap();
    let uv = Some(packages::uv(&wheels, &folder.at("uv")).unwrap());
    let crates = Some(folder.at("crates"));
    let first = Deployer { toolchain, crates, ..Deployer::first(Some(wheels)) };
    let other = Deployer { checkout: Checkout::Shallow, hostile: true, uv, ..first.clone() };
    let [here, there] = [first, other].map(|deployer| deployer.build(&repository, "2.0.0", BUILD).unwrap());
    assert_eq!(here.digest, there.digest, "{}", difference(&here, &there));
    for built in [&here, &there] {
        built.names_nobody().unwrap();
        assert_eq!(built.says(&["bin/demo-rust"]).unwrap(), "/cargo/said-1.0.0/src/lib.rs");
    }
}

#[test]
fn requirements_and_installer_are_what_the_configuration_says() {
    let folder = Folder::new();
    let repository = folder.at("repository");
    Project::named("flit").unwrap().make(&repository).unwrap();
    write(&repository.join("requirements.txt"), "a-package-for-tests-that-there-is-not\n");
    write(&repository.join("deploy/hosts.txt"), "packaging\n");
    commit(&repository, &["2.0.0"]).unwrap();
    let wheels = packages::wheels().unwrap();
    let uv = packages::uv(&wheels, &folder.at("uv")).unwrap();
    let without = Deployer::first(Some(wheels));
    let with = Deployer { uv: Some(uv), ..without.clone() };
    let failed = without.build(&repository, "2.0.0", BUILD).unwrap_err().to_string();
    assert!(failed.contains("a-package-for-tests-that-there-is-not"), "{failed}");
    let wants = |installer: &str| format!("{BUILD}\nrequirements = [\"deploy/hosts.txt\"]\ninstaller = {installer:?}");
    let refused = without.build(&repository, "2.0.0", &wants("uv")).unwrap_err().to_string();
    assert!(refused.contains("there is no uv on the PATH"), "{refused}");
    let built = [(&without, "auto"), (&with, "pip"), (&with, "auto"), (&with, "uv")]
        .map(|(deployer, installer)| deployer.build(&repository, "2.0.0", &wants(installer)).unwrap());
    let asked = "from importlib.metadata import distributions; print(*sorted(d.name for d in distributions()))";
    assert_eq!(built[0].says(&["bin/python", "-c", asked]).unwrap(), "demo packaging");
    for (built, has_pip) in built.iter().zip([true, true, false, false]) {
        let log = fs::read_to_string(built.tree.with_file_name("log")).unwrap_or_default();
        assert_eq!(log.contains("-m pip wheel"), has_pip, "{log}");
    }
    assert!(built.windows(2).all(|pair| pair[0].digest == pair[1].digest));
}
