//! Products of every build backend that matters, built by two deployers: one digest, the tag's version, nothing of either inside.
//!
//! These are the few that show most, so that the whole is soon over; `cargo bench --bench builds` builds all of them, and real ones.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod deployer;
mod packages;
mod project;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use deployer::{Built, Checkout, Deployer};
use project::{Project, TAG};

const BUILD: &str = "check = \"bin/demo\"";

/// What installs for the second deployer; for the first it is pip.
#[derive(PartialEq)]
enum By {
    Pip,
    Uv,
}

/// Builds a project as two deployers, and looks at what came out.
#[track_caller]
fn holds(name: &str, checkout: Checkout, by: By) {
    let project = Project::named(name).unwrap();
    let wheels = packages::wheels().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let repository = folder.path().join("repository");
    project.make(&repository).unwrap();
    let uv = (by == By::Uv).then(|| packages::uv(&wheels, &folder.path().join("uv")).unwrap());
    let toolchain = project.has.iter().any(|has| has == "rust").then(|| deployer::toolchain(folder.path()).unwrap());
    let first = Deployer { toolchain, ..Deployer::first(Some(wheels)) };
    let other = Deployer { checkout, hostile: true, uv, ..first.clone() };
    let here = first.build(&repository, TAG, BUILD).unwrap();
    let there = other.build(&repository, TAG, BUILD).unwrap();
    for built in [&here, &there] {
        assert_eq!(built.warnings(), Vec::<&str>::new());
        built.names_nobody().unwrap();
        assert_eq!(built.says(&["bin/demo"]).unwrap(), project.answer(), "{} by {}", project.name, project.backend);
    }
    assert_eq!(here.digest, there.digest, "{}", difference(&here, &there));
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
    holds("setuptools-scm", Checkout::Bare, By::Pip);
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
