use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use regex::bytes::Regex;

use super::error::ReleaseError;
use super::export::files_of;

/// How much of a file is searched at once.
const CHUNK: usize = 1 << 20;

/// Finds the files and links that have one of several words in their content, name or target.
///
/// The words are names of the build's folders, found nowhere else: no file has one but by naming a path in it.
pub(super) fn find_words(root: &Path, words: &[String]) -> Result<Vec<PathBuf>, ReleaseError> {
    let pattern = words.iter().map(|word| regex::escape(word)).collect::<Vec<_>>().join("|");
    let pattern = Regex::new(&format!("(?-u:{pattern})"))
        .map_err(|error| ReleaseError::disk("search", root)(io::Error::other(error)))?;
    let longest = words.iter().map(String::len).max().unwrap_or_default();
    let mut found = Vec::new();
    let mut buffer = Vec::new();
    for path in files_of(root)? {
        let absolute = root.join(&path);
        let has = has_word(&absolute, &pattern, longest, &mut buffer);
        let named = |name: &OsStr| pattern.is_match(name.as_bytes());
        if named(path.as_os_str()) || has.map_err(ReleaseError::disk("search", &absolute))? {
            found.push(path);
        }
    }
    Ok(found)
}

fn has_word(path: &Path, pattern: &Regex, length: usize, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let kind = fs::symlink_metadata(path)?;
    if kind.is_symlink() {
        return Ok(pattern.is_match(fs::read_link(path)?.as_os_str().as_bytes()));
    }
    if !kind.is_file() {
        // The manifest refuses it by name.
        return Ok(false);
    }
    let mut file = File::open(path)?;
    buffer.clear();
    loop {
        let read = file.by_ref().take(CHUNK as u64).read_to_end(buffer)?;
        if read == 0 {
            return Ok(false);
        }
        if pattern.is_match(buffer) {
            return Ok(true);
        }
        // The word may lie across two chunks.
        let kept = buffer.len().saturating_sub(length);
        buffer.drain(..kept);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::{CHUNK, find_words};

    #[test]
    fn a_word_is_found_in_contents_names_and_targets_and_across_chunks() {
        let tree = tempfile::tempdir().unwrap();
        let at = |name: &str| tree.path().join(name);
        fs::write(at("clean"), vec![b'x'; CHUNK * 2 + 7]).unwrap();
        for offset in [0, CHUNK - 5, CHUNK, CHUNK * 2 - 1] {
            let mut content = vec![b'x'; CHUNK * 2 + 100];
            content[offset..offset + 10].copy_from_slice(b"build-word");
            fs::write(at(&format!("content-{offset}")), content).unwrap();
        }
        fs::write(at("name-build-word"), b"").unwrap();
        symlink("/tmp/build-word/x", at("target")).unwrap();
        let mut expected = vec![PathBuf::from("name-build-word"), PathBuf::from("target")];
        expected.extend([0, CHUNK - 5, CHUNK, CHUNK * 2 - 1].map(|offset| PathBuf::from(format!("content-{offset}"))));
        expected.sort();
        assert_eq!(find_words(tree.path(), &["build-word".to_owned()]).unwrap(), expected);
    }
}
