//! Whether what was built has the version of the tag that it was built from.
//!
//! A build backend that finds no version ends well and says 0.0.0. So the wheel's version is compared with the tag; as versions
//! are spelled in many ways, only numbers and what makes a pre-release count.

use std::fs;
use std::path::Path;

use super::metadata::normal_name;

/// Finds what the product calls itself: in what describes it, or in what setuptools left beside it.
pub(super) fn project_name(source: &Path) -> Option<String> {
    let read = |name: &str| fs::read_to_string(source.join(name)).ok();
    let from_toml = || {
        let table: toml::Table = read("pyproject.toml")?.parse().ok()?;
        let tool = |name: &str| table.get("tool")?.get(name)?.get("name");
        let flit = || table.get("tool")?.get("flit")?.get("metadata")?.get("module");
        let project = table.get("project").and_then(|project| project.get("name"));
        project.or_else(|| tool("poetry")).or_else(flit)?.as_str().map(str::to_owned)
    };
    let from_setup = || {
        let text = read("setup.cfg")?;
        let metadata = text.split("[metadata]").nth(1)?.split("\n[").next()?;
        metadata
            .lines()
            .find_map(|line| Some(line.strip_prefix("name")?.trim_start().strip_prefix('=')?.trim().to_owned()))
    };
    let from_info = || {
        let folders = ["", "src", "lib"].map(|folder| source.join(folder));
        let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().filter_map(Result::ok);
        let info =
            entries.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "egg-info"))?;
        let text = fs::read_to_string(info.join("PKG-INFO")).ok()?;
        text.lines().find_map(|line| Some(line.strip_prefix("Name:")?.trim().to_owned()))
    };
    from_toml().or_else(from_setup).or_else(from_info).map(|name| normal_name(&name))
}

/// Tells whether a version of Python's and a tag's name are one; a tag without any number says nothing.
pub(super) fn agree(wheel: &str, tag: &str) -> bool {
    let local = |version: &str| version.split_once('+').map(|(_, local)| local.replace(['-', '_'], "."));
    // A backend that takes the tag's tree for a changed one says so behind a plus.
    if tag.contains(|c: char| c.is_ascii_digit()) && local(wheel).is_some() && local(wheel) != local(tag) {
        return false;
    }
    let tag = parts(tag.get(tag.find(|c: char| c.is_ascii_digit()).unwrap_or(tag.len())..).unwrap_or_default());
    tag.is_empty() || parts(wheel) == tag
}

/// Splits a version into its numbers and words, spelled as PEP 440 spells them, without zeros at the end of the numbers.
fn parts(version: &str) -> Vec<String> {
    // An epoch is in no tag, and what follows a plus was compared before.
    let version = version.rsplit('!').next().unwrap_or_default().split('+').next().unwrap_or_default();
    let version = version.to_ascii_lowercase();
    let mut parts: Vec<String> = Vec::new();
    for c in version.chars() {
        let joins =
            |last: &String| last.chars().all(|other| other.is_ascii_digit()) == c.is_ascii_digit() && !last.is_empty();
        match parts.last_mut() {
            _ if !c.is_ascii_alphanumeric() => parts.push(String::new()),
            Some(last) if joins(last) => last.push(c),
            _ => parts.push(c.to_string()),
        }
    }
    let spelled = |part: &String| match part.as_str() {
        "" | "final" | "release" | "ga" => None,
        "post" | "rev" | "r" => Some(String::new()),
        "alpha" => Some("a".to_owned()),
        "beta" => Some("b".to_owned()),
        "c" | "cr" | "pre" | "preview" => Some("rc".to_owned()),
        number if number.starts_with('0') => {
            let digits = number.trim_start_matches('0');
            Some(if digits.is_empty() { "0" } else { digits }.to_owned())
        }
        other => Some(other.to_owned()),
    };
    let mut parts: Vec<String> = parts.iter().filter_map(spelled).collect();
    let is_number = |part: &String| part.starts_with(|c: char| c.is_ascii_digit());
    let numbers = parts.iter().take_while(|part| is_number(part)).count();
    let zeros = parts.iter().take(numbers).rev().take_while(|part| *part == "0").count();
    let kept = numbers.saturating_sub(zeros).max(1).min(parts.len());
    // In front of the number of a post-release, which is one more number in most tags, a zero is one of them.
    if kept < numbers && parts.get(numbers).is_none_or(|next| !next.is_empty()) {
        parts.drain(kept..numbers);
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{agree, project_name};

    #[test]
    fn one_version_has_many_spellings() {
        for (wheel, tag) in [
            ("1.0", "1.0"),
            ("1.0", "v1.0.0"),
            ("1.0.0rc1", "1.0-rc.1"),
            ("1.0b2", "release-1.0.0-beta2"),
            ("2026.11.2", "release-2026-11-02"),
            ("1.4.0", "rel_1_4_0"),
            ("1!2.0", "2.0"),
            ("2.0+local.1", "v2.0+local-1"),
            ("1.0.post1", "1.0-1"),
            ("5.6.1", "5.6.1.Final"),
            ("0.0.0", "0"),
            ("1.2.3", "nightly"),
        ] {
            assert!(agree(wheel, tag), "{wheel} {tag}");
        }
        for (wheel, tag) in [
            ("0.0.0", "1.2.3"),
            ("0.0.1", "1.2.3"),
            ("1.10.0", "1.1.0"),
            ("1.0", "1.0rc1"),
            ("0.1.dev0", "0.1"),
            ("7.8.9", "7.8.9.1"),
            ("1.2.3+dirty", "1.2.3"),
            ("1.2.3.post0", "1.2.3"),
            ("1.2.0.post0+git.319e17ab.dirty", "1.2.0"),
        ] {
            assert!(!agree(wheel, tag), "{wheel} {tag}");
        }
    }

    #[test]
    fn the_project_is_found_where_it_says_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(project_name(folder.path()), None);
        fs::create_dir_all(at("src/x.egg-info")).unwrap();
        fs::write(at("src/x.egg-info/PKG-INFO"), "Metadata-Version: 2.1\nName: From_Info\n").unwrap();
        assert_eq!(project_name(folder.path()).unwrap(), "from-info");
        fs::write(at("setup.cfg"), "[metadata]\nname = From.Setup\n[options]\nname = no\n").unwrap();
        assert_eq!(project_name(folder.path()).unwrap(), "from-setup");
        fs::write(at("pyproject.toml"), "[tool.poetry]\nname = \"poet\"\n").unwrap();
        assert_eq!(project_name(folder.path()).unwrap(), "poet");
        fs::write(at("pyproject.toml"), "[project]\nname = \"Plain\"\n").unwrap();
        assert_eq!(project_name(folder.path()).unwrap(), "plain");
    }
}
