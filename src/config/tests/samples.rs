use std::collections::BTreeMap;
use std::path::Path;

use toml::Value;

use super::{LEAST, Place};
use crate::config::sample;
use crate::config::schema::{Named, Presence, Section, Shape};
use crate::config::settings::ROOT;
use crate::config::tree::{join, parse};

fn values(text: &str) -> BTreeMap<String, Value> {
    let loaded = Place::project(text).loaded();
    let mut values = BTreeMap::new();
    loaded.tree.visit(&ROOT, "", &mut |path, _, value, _| {
        values.insert(path, value.clone());
    });
    values
}

/// Takes the comment away from every setting that has none but an example.
fn with_examples(sample: &str) -> String {
    let is_setting = |text: &str| text.starts_with(|c: char| c == '[' || c.is_ascii_lowercase());
    let lines: Vec<&str> =
        sample.lines().map(|line| line.strip_prefix('#').filter(|text| is_setting(text)).unwrap_or(line)).collect();
    lines.join("\n")
}

#[test]
fn the_sample_file_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/coalmine.toml");
    if std::env::var_os("COALMINE_REGENERATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, sample()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, sample(), "run this test with COALMINE_REGENERATE=1");
}

#[test]
fn the_sample_means_the_defaults() {
    let defaults = values(LEAST);
    let sample = values(&sample());
    // What the sample says instead of a default, since its fleet has canaries.
    let own = ["product.repository", "environments.production.hosts", "environments.production.masters"];
    for (key, value) in &defaults {
        if !key.contains(".stages[") && !own.contains(&key.as_str()) {
            assert_eq!(sample.get(key), Some(value), "{key}");
        }
    }
    let stage = |values: &BTreeMap<String, Value>, key: &str| {
        values[&format!("environments.production.stages[0].{key}")].clone()
    };
    for key in ["waves", "concurrency", "budget.unreachable", "budget.transfer", "budget.activate", "budget.unhealthy"]
    {
        assert_eq!(stage(&sample, key), stage(&defaults, key), "{key}");
    }
}

#[test]
fn the_sample_has_every_key_on_a_line() {
    fn keys(section: &'static Section, found: &mut Vec<&'static str>) {
        for key in section.keys {
            match &key.shape {
                Shape::Value { .. } => found.push(key.name),
                Shape::Table(section) | Shape::List { section, .. } | Shape::Named(Named { section, .. }) => {
                    keys(section, found);
                }
            }
        }
    }
    let mut names = Vec::new();
    keys(&ROOT, &mut names);
    assert!(names.len() > 60, "{names:?}");
    let sample = sample();
    for name in names {
        let is_there = sample.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ']);
            line.starts_with(&format!("{name} = ")) || line.starts_with(&format!("{name}: "))
        });
        assert!(is_there, "{name} is not in the sample");
    }
}

#[test]
fn the_examples_of_the_sample_load_too() {
    let text = with_examples(&sample());
    // One stage has one selection: the others are examples of it.
    let text: Vec<&str> = text
        .lines()
        .filter(|line| !["count = ", "percent = ", "per_site = "].iter().any(|key| line.starts_with(key)))
        .collect();
    let config = Place::project(&text.join("\n")).loaded().config;
    assert_eq!(config.gates.len(), 1);
}

#[test]
fn every_default_and_example_is_a_value_of_its_key() {
    fn check(section: &'static Section, path: &str) {
        for key in section.keys {
            let path = join(path, key.name);
            match &key.shape {
                Shape::Value { kind, presence } => {
                    let (Presence::Default(text) | Presence::Essential(text) | Presence::Optional(text)) = presence;
                    let document: toml::Table = format!("x = {text}").parse().unwrap();
                    assert_eq!(parse(text), document["x"], "{path}");
                    assert_eq!((kind.check)(&parse(text)), Ok(()), "{path}");
                }
                Shape::Table(section) | Shape::List { section, .. } | Shape::Named(Named { section, .. }) => {
                    check(section, &path);
                }
            }
        }
    }
    check(&ROOT, "");
}

#[test]
fn the_example_of_the_readme_loads() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let config = Place::project(example).loaded().config;
    assert_eq!((config.groups.len(), config.gates.len()), (2, 1));
}
