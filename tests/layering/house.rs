//! The files of the crate, and which leads to which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::tokens::{Named, paths};

/// Holds a file of the crate: its place below `src`, the folder that it lies in, and its source.
pub(crate) struct Source {
    pub(crate) module: Vec<String>,
    pub(crate) folder: String,
    pub(crate) text: String,
}

/// Reads every file but those that only tests have.
pub(crate) fn sources(folder: &Path, module: &[String], found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "tests" || name == "fixture" || name.ends_with("_tests") {
            continue;
        }
        let inner: Vec<String> =
            if name == "mod" { module.to_vec() } else { module.iter().cloned().chain([name]).collect() };
        if path.is_dir() {
            sources(&path, &inner, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !module.is_empty() {
            found.push(Source {
                module: inner,
                folder: module.join("/"),
                text: std::fs::read_to_string(&path).unwrap(),
            });
        }
    }
}

/// Knows which file a name is defined in, however often it is handed on.
pub(crate) struct Crate {
    pub(crate) sources: Vec<Source>,
    /// For each module its file.
    files: BTreeMap<Vec<String>, usize>,
    /// For each module the names that it hands on, and the path below it where each is.
    handed_on: BTreeMap<(Vec<String>, String), Vec<String>>,
}

impl Crate {
    pub(crate) fn of(sources: Vec<Source>) -> Self {
        let files: BTreeMap<_, _> =
            sources.iter().enumerate().map(|(index, source)| (source.module.clone(), index)).collect();
        let mut handed_on = BTreeMap::new();
        for source in &sources {
            for Named { path, .. } in paths(&source.text) {
                let inner: Vec<String> = source.module.iter().chain(path.first()).cloned().collect();
                if let (true, [_, .., name]) = (files.contains_key(&inner), path.as_slice()) {
                    handed_on.insert((source.module.clone(), name.clone()), path.clone());
                }
            }
        }
        Self { sources, files, handed_on }
    }

    /// Follows a path from a module down to the file that has what it names.
    fn follow(&self, module: &[String], path: &[String]) -> Option<usize> {
        let Some((first, rest)) = path.split_first() else { return self.files.get(module).copied() };
        let inner: Vec<String> = module.iter().cloned().chain([first.clone()]).collect();
        if self.files.contains_key(&inner) {
            return self.follow(&inner, rest);
        }
        match self.handed_on.get(&(module.to_vec(), first.clone())) {
            Some(below) => self.follow(module, below),
            None => self.files.get(module).copied(),
        }
    }

    /// Lists for each file those that it takes names from; what its own tests take does not count.
    pub(crate) fn uses(&self) -> Vec<BTreeSet<usize>> {
        let mut uses = Vec::new();
        for source in &self.sources {
            let mut of_this = BTreeSet::new();
            for Named { inside, path, .. } in paths(&source.text) {
                let supers = path.iter().take_while(|word| *word == "super").count();
                let found = match path.first().map(String::as_str) {
                    _ if inside > 0 => None,
                    Some("crate") => self.follow(&[], &path[1..]),
                    Some("super") if supers <= source.module.len() => {
                        self.follow(&source.module[..source.module.len() - supers], &path[supers..])
                    }
                    _ => None,
                };
                of_this.extend(found);
            }
            uses.push(of_this);
        }
        uses
    }

    /// Finds the files that lead to each other, and lie in more than one folder.
    pub(crate) fn circles(&self) -> Vec<Vec<String>> {
        let uses = self.uses();
        let reach: Vec<BTreeSet<usize>> = (0..uses.len())
            .map(|start| {
                let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
                while let Some(file) = next.pop() {
                    next.extend(uses[file].iter().copied().filter(|other| seen.insert(*other)));
                }
                seen
            })
            .collect();
        let mut circles = BTreeSet::new();
        for file in 0..uses.len() {
            let circle: BTreeSet<usize> =
                reach[file].iter().copied().filter(|other| reach[*other].contains(&file)).collect();
            let folders: BTreeSet<&str> = circle.iter().map(|file| self.sources[*file].folder.as_str()).collect();
            if folders.len() > 1 {
                circles.insert(circle.iter().map(|file| self.sources[*file].module.join("/")).collect::<Vec<_>>());
            }
        }
        circles.into_iter().collect()
    }
}
