//! Makes the scripts of a virtual environment run from any path.
//!
//! What names the folder of a virtual environment, and what is done about it:
//!
//! - **Entry points** are written by every installer in its own way; here they are written anew, in one.
//! - **Scripts in `bin`** begin with the interpreter's path. They get a trampoline instead that finds the interpreter beside the
//!   script, through whatever symbolic links: lines that are a command to sh and an expression to Python. No statement may
//!   stand before a `from __future__`, and a script's own documentation must stay the first: a script that does not plainly begin
//!   with another statement, or is not in UTF-8, goes to `libexec` as it is, with a short script of sh in `bin`.
//! - **Bytecode** is removed here and compiled by the build, hash-based and under the stable prefix `/app`; the interpreter puts
//!   the real path in when it loads a module.
//!
//! What tools wrote about the installation is the business of `metadata`, what else names the build's folder that of `paths`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::ReleaseError;
use super::export::files_of;
use super::metadata::entry_points;

/// Runs the interpreter beside the script; to Python these lines are an expression, and no documentation. `ARGS` is what else
/// the `#!` line said.
///
/// No `--`: busybox's realpath takes it for a name (1.35), and a script's own path does not begin with a dash.
const TRAMPOLINE: &str =
    "#!/bin/sh\n'''exec' \"$(dirname \"$(realpath \"$0\")\")/python\"ARGS \"$0\" \"$@\"\n' ''' and None\n";

/// Runs the script of the same name in `libexec`.
const LAUNCHER: &str = "#!/bin/sh\n\
    real=$(realpath \"$0\") && exec \"${real%/*}/python\"ARGS \"${real%/*}/../libexec/${real##*/}\" \"$@\"\n";

/// Makes the virtual environment at a path independent of that path; gives the files that it wrote, below the root.
pub(super) fn relocate(root: &Path) -> Result<BTreeSet<PathBuf>, ReleaseError> {
    let mut written = BTreeSet::new();
    let bin = root.join("bin");
    let points = entry_points(root)?;
    for name in files_of(&bin)? {
        let path = bin.join(&name);
        if path.is_symlink() {
            continue;
        }
        let failed = ReleaseError::disk("rewrite", &path);
        if let Some(body) = name.to_str().and_then(|name| points.get(name)) {
            let script = TRAMPOLINE.replace("ARGS", "") + body;
            fs::write(&path, script).and_then(|()| executable(&path)).map_err(failed)?;
            written.insert(Path::new("bin").join(&name));
        } else if let Some(moved) = relocate_script(root, &path, &name).map_err(failed)? {
            written.insert(Path::new("bin").join(&name));
            written.extend(moved);
        }
    }
    remove_bytecode(root)?;
    Ok(written)
}

/// Gives, where the script had to be rewritten, where its content went, if it went elsewhere.
fn relocate_script(root: &Path, path: &Path, name: &Path) -> io::Result<Option<Option<PathBuf>>> {
    let content = fs::read(path)?;
    let Some(script) = Script::read(&content, &root.join("bin")) else {
        return Ok(None);
    };
    let head = |text: &str| text.replace("ARGS", &script.arguments).into_bytes();
    let moved = script.keeps_its_lines().then(|| Path::new("libexec").join(name));
    if let Some(moved) = &moved {
        let moved = root.join(moved);
        let folder = moved.parent().unwrap_or(root);
        fs::create_dir_all(folder)?;
        executable(folder)?;
        let mut file = fs::File::create_new(&moved)?;
        // The first line stays a comment, so that the others keep their numbers.
        io::Write::write_all(&mut file, &[b"#!/usr/bin/env python3\n", script.body].concat())?;
        fs::set_permissions(moved, fs::Permissions::from_mode(0o644))?;
        fs::write(path, head(LAUNCHER))?;
    } else {
        fs::write(path, [&head(TRAMPOLINE), script.body].concat())?;
    }
    executable(path)?;
    Ok(Some(moved))
}

fn executable(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// A script that is run by the environment's own interpreter.
#[derive(Debug, PartialEq, Eq)]
struct Script<'a> {
    /// What stands behind the interpreter, with a blank before it.
    arguments: String,
    /// What follows the line or lines that name the interpreter.
    body: &'a [u8],
}

impl<'a> Script<'a> {
    fn read(content: &'a [u8], bin: &Path) -> Option<Self> {
        let (first, body) = split_line(content)?;
        if first == b"#!/bin/sh" {
            // The form of pip and uv for a path that is too long for the kernel, or has a blank in it; each quotes it in its own way.
            let (second, body) = split_line(body)?;
            let (third, body) = split_line(body)?;
            let ours = second.starts_with(b"'''exec' ")
                && third.starts_with(b"' '''")
                && contains(&unquoted(second), &unquoted(bin.as_os_str().as_bytes()));
            return ours.then(|| Self { arguments: String::new(), body });
        }
        let interpreter = first.strip_prefix(b"#!")?.trim_ascii_start().strip_prefix(bin.as_os_str().as_bytes())?;
        let end = interpreter.iter().position(u8::is_ascii_whitespace).unwrap_or(interpreter.len());
        let (name, arguments) = interpreter.split_at_checked(end)?;
        let arguments = String::from_utf8_lossy(arguments.trim_ascii()).into_owned();
        let arguments = if arguments.is_empty() { arguments } else { format!(" {arguments}") };
        (name.starts_with(b"/python") || name.starts_with(b"/pypy")).then_some(Self { arguments, body })
    }

    /// Tells whether an expression before the first statement could change what the script means.
    fn keeps_its_lines(&self) -> bool {
        let first = self.body.split(|&byte| byte == b'\n').next().unwrap_or_default();
        // The encoding may be named in the first two lines only (PEP 263).
        if first.trim_ascii_start().starts_with(b"#") && contains(first, b"coding") {
            let lower = first.to_ascii_lowercase();
            if !contains(&lower, b"utf-8") && !contains(&lower, b"utf8") {
                return true;
            }
        }
        let mut lines = self.body.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        let Some(statement) = lines.find(|line| !line.is_empty() && !line.starts_with(b"#")) else { return false };
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let letters = statement.iter().take_while(|byte| is_word(byte)).count();
        let begins_plainly = letters > 0 && !matches!(statement.get(letters), Some(b'"' | b'\'' | b'\\'));
        !begins_plainly || (statement.starts_with(b"from") && contains(self.body, b"__future__"))
    }
}

/// Leaves out whatever a shell's words are quoted with.
fn unquoted(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !matches!(byte, b'\'' | b'"' | b'\\')).collect()
}

fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|&byte| byte == b'\n')?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len().max(1)).any(|window| window == word)
}

fn remove_bytecode(root: &Path) -> Result<(), ReleaseError> {
    let caches = files_of(root)?.into_iter().filter_map(|file| {
        let parent = file.parent()?;
        parent.ends_with("__pycache__").then(|| root.join(parent))
    });
    let mut caches: Vec<PathBuf> = caches.collect();
    caches.dedup();
    for cache in caches {
        if cache.exists() {
            fs::remove_dir_all(&cache).map_err(ReleaseError::disk("remove", &cache))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Script;

    fn read(content: &str) -> Option<(String, bool)> {
        let script = Script::read(content.as_bytes(), Path::new("/b it/bin"))?;
        Some((script.arguments.clone(), script.keeps_its_lines()))
    }

    #[test]
    fn scripts_of_the_environment_are_told_from_others() {
        let plain = Some((String::new(), false));
        assert_eq!(read("#!/b it/bin/python3.11\nimport sys\n"), plain);
        assert_eq!(read("#! /b it/bin/python -E -s\nimport sys\n"), Some((" -E -s".into(), false)));
        assert_eq!(read("#!/bin/sh\n'''exec' \"/b it/bin/python\" \"$0\" \"$@\"\n' '''\nimport sys\n"), plain);
        let odd = "#!/bin/sh\n'''exec' '/b it'\"'\"'s/bin/python' \"$0\" \"$@\"\n' '''\nimport sys\n";
        assert!(Script::read(odd.as_bytes(), Path::new("/b it's/bin")).is_some(), "as uv has it");
        for other in [
            "#!/usr/bin/python3\nimport sys\n",
            "#!/b it/bin/perl\n",
            "#!/bin/sh\nexec true\n",
            "#!/bin/sh\n'''exec' \"/other/python\" \"$0\" \"$@\"\n' '''\n",
            "\u{7f}ELF",
            "",
        ] {
            assert_eq!(read(other), None, "{other:?}");
        }
    }

    #[test]
    fn scripts_that_a_leading_string_would_change_keep_their_lines() {
        let keeps = |body: &str| read(&format!("#!/b it/bin/python\n{body}")).unwrap().1;
        for body in [
            "\"\"\"Usage: x\"\"\"\nfrom __future__ import annotations\n",
            "# c\n\n'doc'\n",
            "r'''doc'''\n",
            "# coding: latin-1\nx\n",
            "(\"doc\")\nfrom __future__ import annotations\n",
            "# c\nfrom __future__ import annotations\n",
            "f\"doc\"\n",
            "\\\n'doc'\n",
            "\u{feff}import re\n",
        ] {
            assert!(keeps(body), "{body:?}");
        }
        for body in
            ["# -*- coding: utf-8 -*-\nimport re\n", "from x import y\n", "print('x')\n", "_x = 1\n", "# c\n", ""]
        {
            assert!(!keeps(body), "{body:?}");
        }
    }
}
