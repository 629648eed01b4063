//! What installers write about an installation, made the same whoever installed.
//!
//! pip and uv put the same files of a wheel into an environment, and write different notes about it: who it was, from which file, in
//! which order, whether somebody asked for it by name. None of that is of use in a release, and it would give one tag two digests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::error::ReleaseError;

/// Notes of installers that are removed: PEP 610, PEP 376, and uv's own.
const NOTES: [&str; 4] = ["direct_url.json", "REQUESTED", "uv_cache.json", "uv_build.json"];
/// Who installed it, to whoever asks (PEP 376).
const INSTALLER: &str = "coalmine\n";

/// Lists the folders of metadata of what is installed, by name.
pub(super) fn dist_infos(root: &Path) -> Result<Vec<PathBuf>, ReleaseError> {
    let mut found = Vec::new();
    let lib = root.join("lib");
    for python in fs::read_dir(&lib).map_err(ReleaseError::disk("read", &lib))? {
        let packages = python.map_err(ReleaseError::disk("read", &lib))?.path().join("site-packages");
        let Ok(entries) = fs::read_dir(&packages) else { continue };
        for entry in entries {
            let path = entry.map_err(ReleaseError::disk("read", &packages))?.path();
            if path.extension().is_some_and(|extension| extension == "dist-info") {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Gives what is installed: the name as its folder has it, and the version.
pub(super) fn installed(root: &Path) -> Result<Vec<(String, String)>, ReleaseError> {
    let named = |path: PathBuf| {
        let stem = path.file_stem()?.to_str()?.to_owned();
        stem.split_once('-').map(|(name, version)| (name.to_owned(), version.to_owned()))
    };
    Ok(dist_infos(root)?.into_iter().filter_map(named).collect())
}

/// Gives the scripts that entry points ask for (the entry points specification), without the lines that find the interpreter.
pub(super) fn entry_points(root: &Path) -> Result<BTreeMap<String, String>, ReleaseError> {
    let mut scripts = BTreeMap::new();
    for info in dist_infos(root)? {
        let path = info.join("entry_points.txt");
        if path.is_file() {
            let text = fs::read_to_string(&path).map_err(ReleaseError::disk("read", &path))?;
            scripts.extend(scripts_of(&text));
        }
    }
    Ok(scripts)
}

fn scripts_of(text: &str) -> Vec<(String, String)> {
    let mut section = "";
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
        } else if matches!(section, "console_scripts" | "gui_scripts")
            && !line.starts_with(['#', ';'])
            && let Some((name, target)) = line.split_once('=')
            && let Some((module, attribute)) = target.split('[').next().unwrap_or_default().trim().split_once(':')
        {
            let (module, attribute) = (module.trim(), attribute.trim());
            let imported = attribute.split('.').next().unwrap_or_default();
            let body = format!(
                "import sys\nfrom {module} import {imported}\nif __name__ == '__main__':\n    sys.exit({attribute}())\n"
            );
            found.push((name.trim().to_owned(), body));
        }
    }
    found
}

/// Removes the notes that installers leave; they name the build's folder, and nobody is to be warned of that. Gives the files that it wrote.
pub(super) fn remove_notes(root: &Path) -> Result<BTreeSet<PathBuf>, ReleaseError> {
    let mut written = BTreeSet::new();
    for info in dist_infos(root)? {
        for note in NOTES {
            let path = info.join(note);
            if path.is_file() {
                fs::remove_file(&path).map_err(ReleaseError::disk("remove", &path))?;
            }
        }
        let path = info.join("WHEEL");
        // What is not there, or no text, is no note of uv's.
        let text = fs::read_to_string(&path).unwrap_or_default();
        if let Some(plain) = without_uv_version(&text) {
            fs::write(&path, plain).map_err(ReleaseError::disk("write", &path))?;
            written.insert(path.strip_prefix(root).unwrap_or(&path).to_path_buf());
        }
    }
    Ok(written)
}

/// Takes the version away from a wheel that uv made: where uv installs, it builds in place of the `uv_build` that a project asks for,
/// and notes its own.
fn without_uv_version(wheel: &str) -> Option<String> {
    let is_uv = |line: &str| line.strip_prefix("Generator: uv").is_some_and(|rest| rest.starts_with([' ', '-', '_']));
    let plain = |line: &str| if is_uv(line) { "Generator: uv\n".to_owned() } else { format!("{line}\n") };
    wheel.lines().any(is_uv).then(|| wheel.lines().map(plain).collect())
}

/// Writes every `RECORD` anew; `written` are the files whose content is no longer what the installer wrote.
pub(super) fn write_records(root: &Path, written: &BTreeSet<PathBuf>) -> Result<(), ReleaseError> {
    for info in dist_infos(root)? {
        let installer = info.join("INSTALLER");
        fs::write(&installer, INSTALLER).map_err(ReleaseError::disk("write", &installer))?;
        let record = info.join("RECORD");
        if record.is_file() {
            let text = fs::read_to_string(&record).map_err(ReleaseError::disk("read", &record))?;
            let text = record_of(&text, root, &info, written)?;
            fs::write(&record, text).map_err(ReleaseError::disk("write", &record))?;
        }
    }
    Ok(())
}

/// Gives a `RECORD` (PEP 376: path, hash, size, the last two optional) as it is true now, in order.
fn record_of(text: &str, root: &Path, info: &Path, written: &BTreeSet<PathBuf>) -> Result<String, ReleaseError> {
    let packages = info.parent().unwrap_or(root);
    let (record, installer) = (info.join("RECORD"), info.join("INSTALLER"));
    let mut lines = BTreeMap::new();
    let listed = text.lines().filter(|line| !line.trim().is_empty()).map(|line| (csv_path(line), line));
    for (path, line) in listed {
        let absolute = normalize(&packages.join(&path));
        if absolute == record || absolute == installer || fs::symlink_metadata(&absolute).is_err() {
            continue;
        }
        let below = absolute.strip_prefix(root).unwrap_or(&absolute).to_path_buf();
        let moved = below.strip_prefix("bin").ok().map(|name| Path::new("libexec").join(name));
        let line = if written.contains(&below) { record_line(&path, &absolute)? } else { line.to_owned() };
        lines.insert(path.clone(), line);
        if let Some(moved) = moved.filter(|moved| written.contains(moved)) {
            let path = path.replacen("/bin/", "/libexec/", 1);
            lines.insert(path.clone(), record_line(&path, &root.join(moved))?);
        }
    }
    let of_info = |name: &str| format!("{}/{name}", info.file_name().unwrap_or_default().to_string_lossy());
    lines.insert(of_info("INSTALLER"), record_line(&of_info("INSTALLER"), &installer)?);
    lines.insert(of_info("RECORD"), format!("{},,", csv_word(&of_info("RECORD"))));
    Ok(lines.into_values().fold(String::new(), |mut text, line| {
        text.push_str(&line);
        text.push('\n');
        text
    }))
}

fn record_line(path: &str, file: &Path) -> Result<String, ReleaseError> {
    let content = fs::read(file).map_err(ReleaseError::disk("read", file))?;
    Ok(format!("{},sha256={},{}", csv_word(path), base64_url(&Sha256::digest(&content)), content.len()))
}

/// Reads the first field of a line of CSV.
fn csv_path(line: &str) -> String {
    let Some(quoted) = line.strip_prefix('"') else {
        return line.split(',').next().unwrap_or_default().to_owned();
    };
    let mut path = String::new();
    let mut rest = quoted.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if rest.peek() == Some(&'"') => path.extend(rest.next()),
            '"' => break,
            c => path.push(c),
        }
    }
    path
}

fn csv_word(path: &str) -> String {
    if path.contains([',', '"']) { format!("\"{}\"", path.replace('"', "\"\"")) } else { path.to_owned() }
}

/// Takes `..` out of a path whose folders are no links.
fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// Encodes bytes as wheels do: base64 for URLs, without padding.
fn base64_url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0_u32, |bits, (at, &byte)| bits | u32::from(byte) << (16 - 8 * at));
        for at in 0..=chunk.len() {
            let letter = LETTERS.get((bits >> (18 - 6 * at)) as usize & 63).copied().unwrap_or_default();
            text.push(char::from(letter));
        }
    }
    text
}

/// Names a distribution as indexes do (PEP 503).
pub(super) fn normal_name(name: &str) -> String {
    let mut normal = String::new();
    for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
        let dash = if normal.is_empty() { "" } else { "-" };
        // Writing to a text cannot fail.
        write!(normal, "{dash}{}", part.to_ascii_lowercase()).unwrap_or_default();
    }
    normal
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::{base64_url, csv_path, csv_word, normal_name, record_of, scripts_of, without_uv_version};

    #[test]
    fn hashes_are_written_as_wheels_write_them() {
        assert_eq!(base64_url(b""), "");
        assert_eq!(base64_url(b"f"), "Zg");
        assert_eq!(base64_url(b"fo"), "Zm8");
        assert_eq!(base64_url(b"foo"), "Zm9v");
        assert_eq!(base64_url(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn entry_points_become_scripts_and_groups_of_others_do_not() {
        let text =
            "[console_scripts]\n# c\ntool = a.b:Main.run [extra]\nx=m:f\n\n[other]\ny = z:w\n[gui_scripts]\ng = q:r\n";
        let names: Vec<_> = scripts_of(text).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["tool", "x", "g"]);
        let body = "import sys\nfrom a.b import Main\nif __name__ == '__main__':\n    sys.exit(Main.run())\n";
        assert_eq!(scripts_of(text)[0].1, body);
    }

    #[test]
    fn a_wheel_of_uv_is_the_same_whichever_uv_made_it() {
        let wheel = |by: &str| format!("Wheel-Version: 1.0\nGenerator: {by}\nTag: py3-none-any\n");
        assert_eq!(without_uv_version(&wheel("uv 0.13.9")), Some(wheel("uv")));
        assert_eq!(without_uv_version(&wheel("hatchling 1.33.0")), None);
        assert_eq!(without_uv_version(""), None);
    }

    #[test]
    fn a_record_says_what_is_there_in_one_order_whoever_wrote_it() {
        let root = tempfile::tempdir().unwrap();
        let packages = root.path().join("lib/python3.11/site-packages");
        let info = packages.join("x-1.dist-info");
        for folder in [&info, &root.path().join("bin"), &root.path().join("libexec")] {
            fs::create_dir_all(folder).unwrap();
        }
        for file in [info.join("RECORD"), info.join("INSTALLER"), packages.join("a,b.py"), root.path().join("bin/x")] {
            fs::write(file, "").unwrap();
        }
        fs::write(root.path().join("libexec/x"), "moved").unwrap();
        let written = BTreeSet::from(["bin/x".into(), "libexec/x".into()]);
        let text = "x-1.dist-info/RECORD,,\nx-1.dist-info/direct_url.json,sha256=q,1\n../../../bin/x,sha256=old,9\n\
                    \"a,b.py\",sha256=kept,3\n";
        let empty = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0";
        assert_eq!(
            record_of(text, root.path(), &info, &written).unwrap(),
            format!(
                "../../../bin/x,sha256={empty}\n\
                 ../../../libexec/x,sha256=Xt0YMt8l4vGnJYXA7lXB5YXn9JAusdFfer8cccGylq4,5\n\
                 \"a,b.py\",sha256=kept,3\nx-1.dist-info/INSTALLER,sha256={empty}\nx-1.dist-info/RECORD,,\n"
            )
        );
        assert_eq!(csv_path("\"a\"\"b,c\",x,1"), "a\"b,c");
        assert_eq!(csv_word("a\"b,c"), "\"a\"\"b,c\"");
        assert_eq!(normal_name("A.b__C"), "a-b-c");
    }
}
