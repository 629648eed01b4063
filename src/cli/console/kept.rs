//! What a person chose on the console and finds again: in the person's own state folder, since others share `--state-dir`.

use std::fs;
use std::path::PathBuf;

use etcetera::BaseStrategy as _;
use etcetera::base_strategy::Xdg;
use serde::{Deserialize, Serialize};

use crate::files;
use crate::tui::messages::Hidden;

/// The file, as its version has it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    v: u32,
    hidden_columns: Hidden,
}

/// The version of the file; one that is newer says nothing here.
const VERSION: u32 = 1;

fn path() -> Option<PathBuf> {
    let strategy = Xdg::new().ok()?;
    let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Some(folder.join("coalmine/console.json"))
}

/// Reads what was chosen; a file that is not there, or cannot be read, is no choice.
pub(super) fn read() -> Hidden {
    let Some(path) = path() else { return Hidden::default() };
    let Ok(text) = files::read(&path) else { return Hidden::default() };
    match serde_json::from_slice::<Kept>(&text) {
        Ok(kept) if kept.v == VERSION => kept.hidden_columns,
        Ok(kept) => {
            tracing::warn!("{} has version {}, and this reads {VERSION}", path.display(), kept.v);
            Hidden::default()
        }
        Err(error) => {
            tracing::warn!("{} cannot be read: {error}", path.display());
            Hidden::default()
        }
    }
}

/// Writes what was chosen, whole or not at all.
///
/// # Errors
///
/// When it cannot be written, in a sentence for the person.
pub(super) fn write(hidden_columns: Hidden) -> Result<(), String> {
    let path = path().ok_or("there is no home folder to keep the columns in")?;
    let failed = |error: &dyn std::fmt::Display| format!("the columns are not kept: {}: {error}", path.display());
    let text = serde_json::to_vec(&Kept { v: VERSION, hidden_columns }).map_err(|error| failed(&error))?;
    let folder = path.parent().unwrap_or(&path);
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let new = path.with_extension(format!("json.{}", std::process::id()));
    fs::write(&new, text).and_then(|()| fs::rename(&new, &path)).map_err(|error| failed(&error))
}
