//! Finds the files, and reads those that may be trusted.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use etcetera::base_strategy::{BaseStrategy as _, Xdg};

use super::error::{ConfigErrors, Place, Problem};
use super::origin::Layer;
use super::trust::{Distrust, Facts, judge_file, judge_folder, judge_owner};

/// What a configuration is called, in every folder.
pub(super) const NAME: &str = "coalmine.toml";

/// No configuration is larger; what is was not meant to be one.
const MOST_BYTES: u64 = 1 << 20;

/// Sets a key from the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The flag, as it is typed: `--soak`.
    pub name: String,
    /// The key's path, name by name.
    pub key: Vec<String>,
    /// The value, as a variable would have it.
    pub value: String,
}

/// Says where a configuration comes from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The current folder, from which the project's file is looked for upwards; absolute.
    pub folder: PathBuf,
    /// The project's file, when it is named.
    pub named: Option<PathBuf>,
    /// The user's file; it need not be there.
    pub user: Option<PathBuf>,
    /// The system's file; it need not be there.
    pub system: Option<PathBuf>,
    /// What `~/` means.
    pub home: Option<PathBuf>,
    /// The environment.
    pub variables: Vec<(OsString, OsString)>,
    /// The flags, the strongest last.
    pub flags: Vec<Flag>,
    /// The user who runs coalmine; found files must be hers or root's.
    pub user_id: u32,
}

impl Sources {
    /// Gives the sources of this process; `named` is what `-c` names.
    ///
    /// # Errors
    ///
    /// When the current folder is gone.
    pub fn of_process(named: Option<PathBuf>) -> Result<Self, ConfigErrors> {
        let folder = std::env::current_dir().map_err(|error| {
            let problem = Problem::new(Place::Nowhere, format!("the current folder cannot be read: {error}"));
            ConfigErrors::new(vec![problem.hint("go to one that is there")])
        })?;
        let xdg = Xdg::new().ok();
        Ok(Self {
            folder,
            named,
            user: xdg.as_ref().map(|xdg| xdg.config_dir().join("coalmine").join(NAME)),
            system: Some(Path::new("/etc/coalmine").join(NAME)),
            home: xdg.map(|xdg| xdg.home_dir().to_owned()),
            variables: std::env::vars_os().collect(),
            flags: Vec::new(),
            user_id: rustix::process::geteuid().as_raw(),
        })
    }

    /// Sets a key from the command line, stronger than everything before.
    pub fn flag(&mut self, name: &str, key: &[&str], value: &str) {
        let key = key.iter().map(|&part| part.to_owned()).collect();
        self.flags.push(Flag { name: name.to_owned(), key, value: value.to_owned() });
    }
}

/// Names a file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedFile {
    /// Which layer it is.
    pub layer: Layer,
    /// The file.
    pub path: Arc<Path>,
}

/// Reads the files that there are, weakest first; what cannot be read or trusted is added to the problems.
pub(super) fn files(sources: &Sources, problems: &mut Vec<Problem>) -> Vec<(LoadedFile, String)> {
    let weaker = [(Layer::System, sources.system.clone()), (Layer::User, sources.user.clone())];
    let project = match &sources.named {
        Some(named) => Some(sources.folder.join(named)),
        None => sources.folder.ancestors().map(|folder| folder.join(NAME)).find(|path| !is_absent(path)),
    };
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    // From the strongest: a file that is found twice, as in /etc/coalmine itself, counts once.
    for (layer, path) in weaker.into_iter().chain([(Layer::Project, project)]).rev() {
        let Some(path) = path else { continue };
        let is_named = layer == Layer::Project && sources.named.is_some();
        let is_needed = layer == Layer::Project;
        if !is_needed && is_absent(&path) {
            continue;
        }
        if !seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
            continue;
        }
        match read(&path, is_named, sources.user_id) {
            Ok(text) => found.push((LoadedFile { layer, path: path.into() }, text)),
            Err(Distrust { reason, hint }) => {
                let place = Place::File(path.into(), None);
                problems.push(Problem { place, message: reason, hint: Some(hint).filter(|hint| !hint.is_empty()) });
            }
        }
    }
    found.reverse();
    found
}

/// Says where a configuration was looked for, for the error when there is none.
pub(super) fn searched(sources: &Sources) -> String {
    let mut places = vec![format!("{} and every folder above it", sources.folder.display())];
    places.extend([&sources.user, &sources.system].into_iter().flatten().map(|path| path.display().to_string()));
    places.join(", ")
}

fn is_absent(path: &Path) -> bool {
    let absent = |error: io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    path.symlink_metadata().is_err_and(absent)
}

fn read(path: &Path, is_named: bool, user_id: u32) -> Result<String, Distrust> {
    let unreadable = |error: io::Error| Distrust {
        reason: format!("it cannot be read: {error}"),
        hint: match error.kind() {
            ErrorKind::NotFound if is_named => "the file was named: check its name".to_owned(),
            ErrorKind::PermissionDenied => format!("see who may: ls -l {}", path.display()),
            _ => String::new(),
        },
    };
    if !is_named {
        judge_owner(Facts::from(&path.symlink_metadata().map_err(unreadable)?), user_id)?;
    }
    // Before it is opened: opening a pipe waits for a writer.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(Distrust { reason: "it is not a file".to_owned(), hint: String::new() });
    }
    let mut file = File::open(path).map_err(unreadable)?;
    // Of what was opened, not of what the name means by now.
    let metadata = file.metadata().map_err(unreadable)?;
    judge_file(Facts::from(&metadata), path)?;
    if !is_named {
        judge_owner(Facts::from(&metadata), user_id)?;
    }
    let real = path.canonicalize().map_err(unreadable)?;
    for folder in path.ancestors().chain(real.ancestors()).skip(1).filter(|folder| *folder != path && *folder != real) {
        if let Ok(metadata) = fs::metadata(folder) {
            judge_folder(Facts::from(&metadata), folder)?;
        }
    }
    if metadata.len() > MOST_BYTES {
        return Err(Distrust {
            reason: "it is larger than 1 MiB".to_owned(),
            hint: "is it the right file?".to_owned(),
        });
    }
    let mut bytes = Vec::new();
    (&mut file).take(MOST_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let (valid, _) = error.as_bytes().split_at_checked(error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
        Distrust {
            reason: format!("line {line} is not UTF-8"),
            hint: "TOML is UTF-8 always: save it as that".to_owned(),
        }
    })
}
