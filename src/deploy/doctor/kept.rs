//! What coalmine keeps on this machine: whether it can be read, and what follows where it cannot.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;

use super::finding::{Finding, Health};
use crate::conductor::{Launch, by_hand, replay};
use crate::deploy::damage::{self, Damage, put_back};
use crate::deploy::installed::ROLLOUTS;
use crate::deploy::workspace::{Fleet, Workspace};
use crate::files;

/// The folders of the state folder, each made when it is needed first.
const FOLDERS: [&str; 7] = ["cache", "locks", "logs", "packs", "releases", "rollouts", "service"];

/// Looks at every file of the state folder that decides anything, or that a command stops at.
pub(super) fn examine(workspace: &Workspace, fleet: &Fleet<'_>) -> Vec<Finding> {
    let mut found = folders(&workspace.state_dir);
    found.extend(journals(workspace, fleet));
    found.extend(marks(workspace));
    found.extend(releases(workspace));
    if let Err(error) = by_hand(&workspace.state_dir, fleet.name) {
        let path = workspace.state_dir.join("service").join(format!("{}.jsonl", fleet.name));
        found.push(warning("service", &error).hint(put_back(&path)));
    }
    found.extend(appended(&workspace.state_dir));
    if found.is_empty() {
        found.push(Finding::new("kept", Health::Ok, "journals, marks and releases can be read"));
    }
    found
}

fn warning(check: &str, message: &dyn std::fmt::Display) -> Finding {
    Finding::new(check, Health::Warning, message)
}

fn of(check: &str, Damage { message, hint }: Damage) -> Finding {
    Finding { hint, ..warning(check, &message) }
}

fn folders(state: &Path) -> Vec<Finding> {
    let broken = |name: &&str| {
        let folder = state.join(name);
        let is_wrong = folder.symlink_metadata().is_ok() && !folder.is_dir();
        // What is no folder has no file in it either, and that is told by what is.
        let why = is_wrong.then(|| files::list(&folder).err()).flatten()?;
        let finding = Finding::new("kept", Health::Failed, format!("{} is no folder: {why}", folder.display()));
        Some(finding.hint(put_back(&folder)))
    };
    FOLDERS.iter().filter_map(broken).collect()
}

/// Reads the journals that history, debt and `resume` rest on.
fn journals(workspace: &Workspace, fleet: &Fleet<'_>) -> Vec<Finding> {
    let rollouts = workspace.rollouts();
    let listed = rollouts.list();
    let damaged = damage::damaged_journals(&workspace.rollouts(), &listed).into_iter();
    let mut found: Vec<Finding> = damaged.map(|damage| of("journals", damage)).collect();
    let entries = listed.map(|listing| listing.entries).unwrap_or_default();
    for entry in entries.iter().rev().filter(|entry| entry.environment == *fleet.name).take(ROLLOUTS) {
        if let Err(error) = replay(&rollouts, &entry.rollout) {
            found.push(warning("journals", &error));
        }
        let folder = rollouts.folder(&entry.rollout);
        if entry.is_resumable()
            && let Err(error) = Launch::load(&folder)
        {
            let hint = format!("to go on by a configuration that you name: coalmine -c FILE resume {}", entry.rollout);
            found.push(warning("journals", &error).hint(hint));
        }
    }
    found
}

fn marks(workspace: &Workspace) -> Vec<Finding> {
    let Ok(store) = workspace.store() else { return Vec::new() };
    let path = store.marks_path();
    match store.read_marks() {
        Err(error) => vec![Finding::new("marks", Health::Failed, error).hint(put_back(&path))],
        Ok(read) => damage::marks(&path, &read.damaged).into_iter().map(|damage| of("marks", damage)).collect(),
    }
}

fn releases(workspace: &Workspace) -> Vec<Finding> {
    let store = match workspace.store() {
        Ok(store) => store,
        Err(error) => return vec![Finding::new("releases", Health::Failed, error)],
    };
    let ids = match store.ids() {
        Ok(ids) => ids,
        Err(error) => return vec![Finding::new("releases", Health::Failed, error)],
    };
    let damaged = ids.iter().filter_map(|id| Some((id, store.get(id).err()?)));
    let told = damaged.map(|(id, error)| {
        let path = workspace.state_dir.join("releases").join(id.to_string());
        warning("releases", &error).hint(format!("remove it, and it is built again: rm -r {}", path.display()))
    });
    told.collect()
}

/// Tries the files that are only appended to, without writing anything.
fn appended(state: &Path) -> Vec<Finding> {
    let cannot = |name: &&str| {
        let path = state.join(name);
        let error = files::open_with(OpenOptions::new().append(true), &path).err()?;
        // A disk that is read-only is told by itself.
        let is_of_it = !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ReadOnlyFilesystem);
        let is_told = is_of_it && path.symlink_metadata().is_ok();
        let finding = || {
            let message = format!("nothing can be written to {}: {error}", path.display());
            warning("kept", &message).hint(put_back(&path))
        };
        is_told.then(finding)
    };
    ["locks/freezes.jsonl", "logs/console.log", "releases/.lock", "packs/.lock"].iter().filter_map(cannot).collect()
}
