//! The small products, by four deployers.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::deployer::{self, Checkout, Deployer};
use crate::packages;
use crate::page;
use crate::project::{PARTS, Project, TAG};

/// Builds all of them, and writes the table.
pub(crate) fn run(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    let wheels = packages::wheels()?;
    let uv = packages::uv(&wheels, &folder.join("uv"))?;
    let toolchain = deployer::toolchain(folder)?;
    let first = Deployer { toolchain: Some(toolchain), ..Deployer::first(Some(wheels)) };
    let other = Deployer { hostile: true, ..first.clone() };
    let deployers = [
        first.clone(),
        Deployer { checkout: Checkout::Bare, ..other.clone() },
        Deployer { checkout: Checkout::Worktree, uv: Some(uv.clone()), ..first },
        Deployer { checkout: Checkout::Shallow, uv: Some(uv), ..other },
    ];
    let mut failed = Vec::new();
    for project in Project::all()?.into_iter().filter(|project| wanted(&project.name)) {
        eprintln!("{}", project.name);
        match build(folder, &project, &deployers) {
            Ok(digest) => {
                write(&project, &digest)?;
            }
            Err(error) => {
                eprintln!("{}: {error:#}", project.name);
                failed.push(format!("{}: {error:#}", project.name));
            }
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

/// Writes what came of one project into the table; what others came to is left there.
fn write(project: &Project, digest: &str) -> Result<()> {
    let mut rows = page::rows("small")?;
    let old = rows.get(&project.backend).cloned().unwrap_or_default();
    let mut cells: Vec<String> = old.split('|').skip(2).map(|cell| cell.trim().to_owned()).collect();
    cells.resize(PARTS.len(), String::new());
    for (part, cell) in PARTS.iter().zip(&mut cells) {
        if project.has.iter().any(|has| has == part) {
            digest.clone_into(cell);
        }
    }
    rows.insert(project.backend.clone(), format!("| {} | {} |", project.backend, cells.join(" | ")));
    let columns = (PARTS.join(" | "), "---|".repeat(PARTS.len()));
    let mut text = format!("{}\n\n| built with | {} |\n|---|{}\n", page::machine(), columns.0, columns.1);
    for row in rows.values() {
        writeln!(text, "{row}")?;
    }
    let packages = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/builds/packages.txt"))?;
    let pins: Vec<String> =
        packages.lines().filter(|line| !line.starts_with('#')).map(|line| line.replace("==", " ")).collect();
    writeln!(text, "\nWith {}.", pins.join(", "))?;
    page::write("small", &text)
}

fn build(folder: &Path, project: &Project, deployers: &[Deployer]) -> Result<String> {
    let repository = folder.join(&project.name);
    project.make(&repository)?;
    let mut digests = Vec::new();
    for deployer in deployers {
        let built = deployer.build(&repository, TAG, "check = \"bin/demo\"")?;
        built.names_nobody()?;
        let (says, answer) = (built.says(&["bin/demo"])?, project.answer());
        ensure!(says == answer, "it says {says:?} and not {answer:?}");
        ensure!(built.warnings().is_empty(), "{:?}", built.warnings());
        digests.push(built.digest.chars().take(8).collect::<String>());
    }
    let mut others = digests.clone();
    others.dedup();
    ensure!(others.len() == 1, "the digests are {}", digests.join(", "));
    Ok(others.concat())
}
