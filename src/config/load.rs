//! Layers in, one valid configuration out.

use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use toml::Value;

use super::error::{ConfigErrors, Place, Problem};
use super::origin::{Layer, Origin};
use super::schema::Shape;
use super::settings::{Config, ROOT};
use super::source::{LoadedFile, NAME, Sources, files, searched};
use super::tree::Table;
use super::{layer, rules, variable};

/// Holds a configuration, and where all of it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The files that were read, weakest first.
    pub files: Vec<LoadedFile>,
    /// Variables that begin with `COALMINE_` and mean nothing to coalmine; most likely misspelt.
    pub ignored_variables: Vec<String>,
    base: PathBuf,
    pub(super) tree: Table,
}

impl Loaded {
    /// Gives the folder of the project's file: where relative paths of expressions (`@path/to/file`) start.
    #[must_use]
    pub fn base_dir(&self) -> &Path {
        &self.base
    }

    /// Gives the origin of a key's value by its full name, as `config show` has it (`ssh.connects`).
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        let mut found = None;
        self.tree.visit(&ROOT, "", &mut |path, _, _, origin| {
            if path == key {
                found = Some(origin);
            }
        });
        found
    }
}

impl Config {
    /// Reads all sources, and merges them.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or trusted, or anything in any of the sources is wrong or missing; all of it at once.
    pub fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
        let mut problems = Vec::new();
        let read = files(sources, &mut problems);
        if read.is_empty() && problems.is_empty() {
            let problem = Problem::new(Place::Nowhere, "there is no coalmine.toml")
                .hint(format!(
                "looked for in {}; name one with -c FILE\n\
                 `coalmine init` writes one from a checkout and a list of hosts, `coalmine config sample` prints every key,\n\
                 `coalmine sandbox up` brings up a fleet to try things on",
                searched(sources)
            ));
            return Err(ConfigErrors::new(vec![problem]));
        }
        assemble(read, sources, problems)
    }

    /// Reads one text as a project's file of a folder, without other layers, variables or flags.
    ///
    /// # Errors
    ///
    /// When anything in it is wrong or missing; all of it at once.
    pub fn of_text(text: &str, folder: &Path) -> Result<Loaded, ConfigErrors> {
        let sources = Sources {
            folder: folder.to_owned(),
            named: None,
            user: None,
            system: None,
            home: None,
            variables: Vec::new(),
            flags: Vec::new(),
            user_id: 0,
        };
        let file = LoadedFile { layer: Layer::Project, path: folder.join(NAME).into() };
        assemble(vec![(file, text.to_owned())], &sources, Vec::new())
    }
}

/// Merges the layers, weakest first, and makes a configuration of them.
fn assemble(
    read: Vec<(LoadedFile, String)>,
    sources: &Sources,
    mut problems: Vec<Problem>,
) -> Result<Loaded, ConfigErrors> {
    let mut tree = Table::new(Origin::Default);
    let mut is_whole = problems.is_empty();
    for (file, text) in &read {
        match layer::read(text, file.layer, &file.path, &mut problems) {
            Some(layer) => tree.merge(layer, &ROOT),
            None => is_whole = false,
        }
    }
    // Where a file could not be read, nothing is missing, and a variable's environment may be in it.
    if !is_whole {
        return Err(ConfigErrors::new(problems));
    }
    let environments: Vec<String> = tree.tables("environments").map(|(name, _)| name.to_owned()).collect();
    let (variables, ignored_variables) = variable::read(&sources.variables, &environments, &mut problems);
    tree.merge(variables, &ROOT);
    tree.merge(variable::read_flags(&sources.flags, &mut problems), &ROOT);
    tree.fill(&ROOT, "", &mut problems);
    rules::check(&tree, &mut problems);
    if !problems.is_empty() {
        return Err(ConfigErrors::new(problems));
    }
    resolve(&mut tree, sources).map_err(ConfigErrors::new)?;
    let config = Config::deserialize(tree.to_value()).map_err(|error| {
        let message = format!("what was checked does not fit: {}", error.message());
        ConfigErrors::new(vec![Problem::new(Place::Nowhere, message).hint("this is a bug in coalmine")])
    })?;
    let files: Vec<LoadedFile> = read.into_iter().map(|(file, _)| file).collect();
    let project = files.iter().find(|file| file.layer == Layer::Project);
    let base = project.and_then(|file| file.path.parent()).unwrap_or(&sources.folder).to_owned();
    Ok(Loaded { config, files, ignored_variables, base, tree })
}

/// Makes every path of this machine absolute.
fn resolve(tree: &mut Table, sources: &Sources) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    tree.visit_mut(&ROOT, &mut |key, value, origin| {
        let Shape::Value { kind, .. } = &key.shape else { return };
        let Value::String(path) = value else { return };
        if !kind.path || path.is_empty() {
            return;
        }
        let folder = match origin {
            Origin::File { file, .. } => file.parent().unwrap_or(&sources.folder),
            Origin::Default | Origin::Variable(_) | Origin::Flag(_) => &sources.folder,
        };
        let absolute = match (path.strip_prefix("~/"), &sources.home) {
            (Some(rest), Some(home)) => home.join(rest),
            (Some(_), None) => {
                let problem =
                    Problem::new(origin, format!("`{}` begins with `~/`, and you have no home folder", key.name));
                problems.push(problem.hint("write the path in full"));
                return;
            }
            (None, _) => folder.join(&*path),
        };
        match absolute.to_str() {
            Some(absolute) => absolute.clone_into(path),
            None => {
                problems.push(Problem::new(origin, format!("`{}` lies in a folder whose name is not UTF-8", key.name)));
            }
        }
    });
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Checks the configuration, as `config check` does; gives what to print.
///
/// # Errors
///
/// When anything is wrong with it; all of it at once.
pub fn check(sources: &Sources) -> Result<String, ConfigErrors> {
    let loaded = Config::load(sources)?;
    let mut lines: Vec<String> =
        loaded.files.iter().map(|file| format!("{:<8} {}", file.layer, file.path.display())).collect();
    for name in &loaded.ignored_variables {
        lines.push(format!("variable {name} means nothing to coalmine, and was ignored"));
    }
    let config = &loaded.config;
    let environments: Vec<String> = config
        .environments
        .iter()
        .map(|(name, environment)| {
            let stages: Vec<&str> = environment.stages.iter().map(|stage| stage.name.as_str()).collect();
            format!("{name} ({})", stages.join(" → "))
        })
        .collect();
    lines.push(format!("environments: {}", environments.join(", ")));
    lines.push(format!("groups: {}, gates: {}", config.groups.len(), config.gates.len()));
    lines.push("nothing is wrong with it".to_owned());
    Ok(lines.join("\n") + "\n")
}
