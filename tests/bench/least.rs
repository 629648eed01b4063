//! The least that each work can cost: one command of plain `sh` and standard tools over cold ssh that does what nobody can leave out.
//!
//! - Whoever asks what a host has looks at the metadata of every file: who changed one has to be found.
//! - A switch looks as well, moves the link, and runs the gate.
//! - An upgrade links the old release, unpacks what differs, hashes that, looks, switches and runs the gate.
//! - A first install unpacks everything and hashes it, looks, switches and runs the gate.
//!
//! What is unpacked was packed before, and comes over standard input. Nothing is locked, journalled, told, repaired, or written to the disk for
//! sure; what is in the way was removed before; and where one of it fails nothing is done about it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::product::{NEW, OLD};
use super::ways::{Fleet, GATE, copy};

/// Names what is done at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Least {
    Look,
    Switch,
    Upgrade,
    Install,
}

/// Where all of it is on a host, and what holds the digests of a pack's files.
const FOLDER: &str = "least";
const SUMS: &str = ".sums";
/// How hard packs are compressed.
const LEVEL: &str = "-10";

/// Puts the old version on every host, and packs what is unpacked there.
pub(crate) fn make(fleet: &Fleet) -> Result<()> {
    let (old, new) = (fleet.source(OLD, "fresh"), fleet.source(NEW, "fresh"));
    for home in &fleet.homes {
        copy(&old, &home.join(FOLDER).join("old"), &["-a", "--mkpath"])?;
    }
    let mut all = BTreeSet::new();
    list(&new, Path::new(""), &mut all)?;
    let mut changed = BTreeSet::new();
    for path in &all {
        if fs::read(new.join(path))? != fs::read(old.join(path)).unwrap_or_default() {
            changed.insert(path.clone());
        }
    }
    fs::create_dir(fleet.dir.join(FOLDER))?;
    pack(fleet, &new, &changed, Least::Upgrade)?;
    pack(fleet, &new, &all, Least::Install)
}

fn list(tree: &Path, below: &Path, found: &mut BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(tree.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            list(tree, &path, found)?;
        } else {
            found.insert(path);
        }
    }
    Ok(())
}

fn pack(fleet: &Fleet, tree: &Path, paths: &BTreeSet<PathBuf>, least: Least) -> Result<()> {
    let folder = fleet.dir.join(FOLDER);
    let names: String = paths.iter().map(|path| format!("{}\n", path.display())).collect();
    fs::write(folder.join("names"), names)?;
    let script = "cd \"$1\" && tr '\\n' '\\0' <\"$2/names\" | xargs -0 sha256sum >\"$2/$4\" && \
                  tar -cf - -T \"$2/names\" -C \"$2\" \"$4\" | zstd -q -f -T0 \"$5\" -o \"$3\"";
    let mut command = Command::new("sh");
    command.args(["-ec", script, "sh"]).arg(tree).arg(&folder).arg(file(fleet, least)).args([SUMS, LEVEL]);
    let status = command.stdin(Stdio::null()).status().context("cannot start sh")?;
    ensure!(status.success(), "it was not packed: {status}");
    Ok(())
}

fn file(fleet: &Fleet, least: Least) -> PathBuf {
    fleet.dir.join(FOLDER).join(if least == Least::Upgrade { "difference.tar.zst" } else { "whole.tar.zst" })
}

impl Least {
    /// Removes what it would find in its way.
    pub(crate) fn prepare(self, fleet: &Fleet) -> Result<()> {
        for home in &fleet.homes {
            let folder = home.join(FOLDER).join("new");
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        Ok(())
    }

    pub(crate) fn command(self, fleet: &Fleet) -> Vec<OsString> {
        let look = "find . -printf '%P %y %m %s %i %C@ %l\\n' >/dev/null";
        let switch = |to: &str| format!("ln -s {to} .current; mv -T .current current; cd current; {GATE}");
        let unpack = format!("zstd -dcq | tar -xUf -; sha256sum -c --quiet {SUMS}; {look}; cd ..");
        let text = match self {
            Self::Look => format!("cd {FOLDER}/old && {look}"),
            Self::Switch => format!("set -e; cd {FOLDER}/old; {look}; cd ..; {}", switch("old")),
            Self::Upgrade => {
                format!("set -e; cd {FOLDER}; cp -al old new; cd new; {unpack}; {}", switch("new"))
            }
            Self::Install => format!("set -e; mkdir -p {FOLDER}/new; cd {FOLDER}/new; {unpack}; {}", switch("new")),
        };
        match self {
            Self::Look | Self::Switch => by_ssh(fleet, &text, None),
            Self::Upgrade | Self::Install => by_ssh(fleet, &text, Some(&file(fleet, self))),
        }
    }
}

/// Gives what runs a command on every host, by a connection each, and many at once.
pub(crate) fn by_ssh(fleet: &Fleet, text: &str, input: Option<&Path>) -> Vec<OsString> {
    let config = &fleet.ssh_config;
    let mut command: Vec<OsString> = ["xargs", "-a"].map(OsString::from).into();
    command.push(fleet.hosts.clone().into());
    command.extend(["-P", "32", "-I", "HOST"].map(OsString::from));
    match input {
        None => command.extend(["ssh", "-n", "-F"].map(OsString::from)),
        Some(input) => {
            let shell = ["sh", "-c", "input=$1; shift; exec ssh \"$@\" <\"$input\"", "sh"];
            command.extend(shell.map(OsString::from));
            command.extend([input.into(), "-F".into()]);
        }
    }
    command.extend([config.into(), "HOST".into(), text.into()]);
    command
}
