//! The path of the build's folder in what was built.
//!
//! Compilers are told to leave it out; generators, bills of materials and configured files are not. What only says where something once
//! was is mapped in texts, to a path that is the same in every build. What would have to be there to work is refused. What is left,
//! in compiled files, is told: there it breaks nothing, but another build of the same tag has other bytes.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use regex::bytes::Regex;

use super::error::ReleaseError;
use super::scan::find_words;
use super::tools::STABLE_BUILD;

/// Says which paths are looked for, and where they may be.
pub(super) struct BuildPaths {
    /// The folder of the build.
    pub(super) work: PathBuf,
    /// The folder that becomes the release, in it.
    pub(super) root: PathBuf,
    /// What is kept for all builds: tools and caches.
    pub(super) cache: PathBuf,
    /// Names in these paths that are found nowhere else.
    pub(super) words: Vec<String>,
    /// Files that may have such a path in them.
    pub(super) allowed: Vec<String>,
}

/// What was found, below the root.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Texts in which the path was replaced.
    pub(super) mapped: BTreeSet<PathBuf>,
    /// Files that would not work anywhere else.
    pub(super) broken: Vec<PathBuf>,
    /// Files that work, and differ from those of another build.
    pub(super) left: Vec<PathBuf>,
}

impl BuildPaths {
    /// Looks through a tree, and maps what can be mapped.
    pub(super) fn map(&self, tree: &Path) -> Result<Found, ReleaseError> {
        let mut found = Found::default();
        let patterns: Vec<Regex> = self.allowed.iter().filter_map(|pattern| glob(pattern)).collect();
        let map = Map::new(self);
        for path in find_words(tree, &self.words)? {
            if patterns.iter().any(|pattern| pattern.is_match(path.as_os_str().as_bytes())) {
                continue;
            }
            let absolute = tree.join(&path);
            let is_named = self.words.iter().any(|word| path.to_string_lossy().contains(word.as_str()));
            if is_named || absolute.is_symlink() {
                found.broken.push(path);
                continue;
            }
            let content = fs::read(&absolute).map_err(ReleaseError::disk("read", &absolute))?;
            match self.judge(&path, &absolute, &content, &map) {
                Verdict::Broken => found.broken.push(path),
                Verdict::Left => found.left.push(path),
                Verdict::Mapped(text) => {
                    fs::write(&absolute, text).map_err(ReleaseError::disk("write", &absolute))?;
                    found.mapped.insert(path);
                }
            }
        }
        Ok(found)
    }

    fn judge(&self, path: &Path, absolute: &Path, content: &[u8], map: &Map) -> Verdict {
        // The release is no longer where it was built, so whoever follows this path finds nothing.
        if contains(content, self.root.as_os_str().as_bytes()) {
            return Verdict::Broken;
        }
        if std::str::from_utf8(content).is_err() || content.contains(&0) {
            return Verdict::Left;
        }
        let is_run = fs::metadata(absolute).is_ok_and(|file| file.permissions().mode() & 0o111 != 0);
        // Both lead the interpreter to modules in the build's folder.
        let leads = path.extension().is_some_and(|extension| extension == "pth")
            || path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("__editable__"));
        if is_run || leads {
            return Verdict::Broken;
        }
        let text = map.apply(content);
        if self.words.iter().any(|word| contains(&text, word.as_bytes())) {
            Verdict::Left
        } else {
            Verdict::Mapped(text)
        }
    }
}

enum Verdict {
    Broken,
    Left,
    Mapped(Vec<u8>),
}

/// Replaces paths, the more exact before the others.
struct Map(Vec<(Regex, &'static str)>);

impl Map {
    fn new(paths: &BuildPaths) -> Self {
        let text = |path: &Path| in_addresses_too(&path.to_string_lossy());
        let name = r#"[^/\s"'`<>:;,()\[\]{}]+"#;
        let patterns = [
            // What builds: pip and uv each put the interpreter and its packages somewhere else.
            (format!(r"{}/(?:tools\b|tmp/pip-build-env-{name}/(?:overlay|normal)\b)", text(&paths.work)), "/build/tmp"),
            // The name of pip's own folder and, in it, that of a source with 32 digits behind it: both are different each time.
            (format!("{}/tmp/{name}(?:/{name}[0-9a-f]{{32}})?", text(&paths.work)), "/build/tmp"),
            (format!(r"{}/uv/[^/]+/\.tmp[A-Za-z0-9]+", text(&paths.cache)), "/build/tmp"),
            (
                format!(
                    r"{}/uv/(?:sdists-v\d+(?:/{name}){{3,5}}/src|git-v\d+/checkouts/{name}/{name})",
                    text(&paths.cache)
                ),
                "/build/tmp",
            ),
            (text(&paths.work), STABLE_BUILD),
            (text(&paths.cache), "/build/cache"),
            // meson-python's folder, in a source: another name each time as well.
            (format!(r"(/build/(?:source|tmp)(?:/{name})*)/\.mesonpy-{name}"), "${1}/.mesonpy"),
        ];
        Self(patterns.into_iter().filter_map(|(pattern, by)| Some((Regex::new(&pattern).ok()?, by))).collect())
    }

    fn apply(&self, content: &[u8]) -> Vec<u8> {
        let replace = |text: Vec<u8>, (pattern, by): &(Regex, &'static str)| {
            pattern.replace_all(&text, by.as_bytes()).into_owned()
        };
        self.0.iter().fold(content.to_vec(), replace)
    }
}

/// Makes a pattern of a path that finds it in addresses as well, in which a blank is `%20` (RFC 3986).
fn in_addresses_too(path: &str) -> String {
    let one = |c: char| {
        let plain = regex::escape(&c.to_string());
        if c.is_ascii_alphanumeric() || "_.-~/".contains(c) {
            return plain;
        }
        let mut bytes = [0; 4];
        let quoted: String = c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%(?i:{byte:02x})")).collect();
        format!("(?:{plain}|{quoted})")
    };
    path.chars().map(one).collect()
}

/// Quotes a path as Python does in addresses.
pub(super) fn as_in_addresses(path: &str) -> String {
    let one = |byte: u8| match char::from(byte) {
        c if c.is_ascii_alphanumeric() || "_.-~/".contains(c) => c.to_string(),
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(one).collect()
}

/// Reads a pattern of paths, in which `*` is whatever is there.
fn glob(pattern: &str) -> Option<Regex> {
    let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
    Regex::new(&format!("^(?s-u:{})$", parts.join(".*"))).ok()
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    Regex::new(&format!("(?-u:{})", regex::escape(&String::from_utf8_lossy(word))))
        .is_ok_and(|word| word.is_match(text))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::{BuildPaths, Found, as_in_addresses};

    #[test]
    fn a_path_with_odd_characters_is_found_in_addresses() {
        let folder = tempfile::tempdir().unwrap();
        let (work, cache) = ("/the state, ü/.building-abc", "/the state, ü/cache");
        let paths = BuildPaths {
            work: work.into(),
            root: format!("{work}/root").into(),
            cache: cache.into(),
            words: vec![".building-abc".into(), cache.into(), as_in_addresses(cache)],
            allowed: Vec::new(),
        };
        let text =
            format!("{work}/source file:///the%20state,%20%C3%BC/.building-abc/source {}/x", as_in_addresses(cache));
        fs::write(folder.path().join("text"), text).unwrap();
        assert_eq!(paths.map(folder.path()).unwrap().mapped.len(), 1);
        let text = fs::read_to_string(folder.path().join("text")).unwrap();
        assert_eq!(text, "/build/source file:///build/source /build/cache/x");
    }

    #[test]
    fn what_only_tells_where_it_was_is_mapped_and_what_needs_to_be_there_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path();
        let paths = BuildPaths {
            work: "/state/releases/.building-abc".into(),
            root: "/state/releases/.building-abc/root".into(),
            cache: "/state/cache".into(),
            words: vec![".building-abc".into(), "/state/cache/uv".into()],
            allowed: vec!["data/*.log".into(), "exact".into()],
        };
        let w = "/state/releases/.building-abc";
        let write = |name: &str, content: &[u8]| {
            fs::create_dir_all(tree.join(name).parent().unwrap()).unwrap();
            fs::write(tree.join(name), content).unwrap();
        };
        let digits = "0123456789abcdef0123456789abcdef";
        write(
            "sbom.json",
            format!(r#"{{"a":"file://{w}/tmp/pip-wheel-x1/y_{digits}/src","b":"{w}/source/z"}}"#).as_bytes(),
        );
        write(
            "meson.py",
            format!("BUILD = \"{w}/source/.mesonpy-q1_x\"\nOF = '{w}/tmp/pip-install-z/n/.mesonpy-u/m'\n").as_bytes(),
        );
        write(
            "uv.txt",
            b"/state/cache/uv/builds-v0/.tmpAb1/x.h /state/cache/uv/sdists-v11/index/a1/y/1.0/Zq-_/src/y.h\n\
              /state/cache/uv/git-v0/checkouts/b2/c3/z.h\n",
        );
        let lib = "lib/python3.11/site-packages/x/x.h";
        write("by-pip.txt", format!("{w}/tools/bin/python {w}/tmp/pip-build-env-a_1/overlay/{lib}").as_bytes());
        write("by-uv.txt", format!("{0}/bin/python {0}/{lib}", "/state/cache/uv/builds-v0/.tmpAb1").as_bytes());
        write("where", format!("{w}/root/lib").as_bytes());
        write("run", format!("#!/bin/sh\nexec {w}/source/x\n").as_bytes());
        fs::set_permissions(tree.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
        write("dev.pth", format!("{w}/source\n").as_bytes());
        write("lib.so", format!("\0{w}/source/x.c\0").as_bytes());
        write("escaped.json", b"\"\\/state\\/releases\\/.building-abc\\/x\"");
        write("data/deep/x.log", format!("{w}/root").as_bytes());
        write("exact", format!("{w}/root").as_bytes());
        write("clean", b"nothing");
        let list = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            paths.map(tree).unwrap(),
            Found {
                mapped: list(&["by-pip.txt", "by-uv.txt", "meson.py", "sbom.json", "uv.txt"]).into_iter().collect(),
                broken: list(&["dev.pth", "run", "where"]),
                left: list(&["escaped.json", "lib.so"]),
            }
        );
        let read = |name: &str| fs::read_to_string(tree.join(name)).unwrap();
        assert_eq!(read("sbom.json"), r#"{"a":"file:///build/tmp/src","b":"/build/source/z"}"#);
        assert_eq!(read("by-pip.txt"), format!("/build/tmp/bin/python /build/tmp/{lib}"));
        assert_eq!(read("by-uv.txt"), read("by-pip.txt"));
        assert_eq!(read("uv.txt"), "/build/tmp/x.h /build/tmp/y.h\n/build/tmp/z.h\n");
        assert_eq!(read("meson.py"), "BUILD = \"/build/source/.mesonpy\"\nOF = '/build/tmp/n/.mesonpy/m'\n");
    }
}
