//! Makes a virtual environment run from any path.
//!
//! What names the folder of a virtual environment, and what is done about it:
//!
//! - **Scripts in `bin`** begin with the interpreter's path. They get a trampoline instead that finds the interpreter beside the
//!   script, through whatever symbolic links, in the form that pip itself uses for paths too long for a `#!` line: lines
//!   that are a command to sh and a string to Python. That string would become the script's documentation, and make a
//!   `from __future__` behind its own documentation an error; a script that begins with a string, or is not in UTF-8,
//!   goes to `libexec` as it is, with a short script of sh in `bin`.
//! - **`activate`** and its like are removed: a release is run, not worked in.
//! - **`pyvenv.cfg`** is written anew with what the interpreter reads: where the base interpreter is.
//! - **`direct_url.json`** names the wheel in the build folder; it is removed, and `RECORD` says no more what is not true.
//! - **Bytecode** is removed here and compiled by the build, hash-based and under the stable prefix `/app`; the interpreter puts
//!   the real path in when it loads a module.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::ReleaseError;
use super::export::files_of;
use super::python::Interpreter;

/// Runs the interpreter beside the script; to Python these lines are a string. `ARGS` is what else the `#!` line said.
///
/// No `--`: busybox's realpath takes it for a name (1.35), and a script's own path does not begin with a dash.
const TRAMPOLINE: &str = "#!/bin/sh\n'''exec' \"$(dirname \"$(realpath \"$0\")\")/python\"ARGS \"$0\" \"$@\"\n' '''\n";

/// Runs the script of the same name in `libexec`.
const LAUNCHER: &str = "#!/bin/sh\n\
    real=$(realpath \"$0\") && exec \"${real%/*}/python\"ARGS \"${real%/*}/../libexec/${real##*/}\" \"$@\"\n";

/// Makes the virtual environment at a path independent of that path.
pub(super) fn relocate(root: &Path, interpreter: &Interpreter) -> Result<(), ReleaseError> {
    write_configuration(root, interpreter)?;
    let scripts = relocate_scripts(root)?;
    clean_metadata(root, &scripts)?;
    remove_bytecode(root)
}

fn write_configuration(root: &Path, interpreter: &Interpreter) -> Result<(), ReleaseError> {
    let path = root.join("pyvenv.cfg");
    let home = interpreter.path.parent().unwrap_or(Path::new("/"));
    let text =
        format!("home = {}\ninclude-system-site-packages = false\nversion = {}\n", home.display(), interpreter.version);
    fs::write(&path, text).map_err(ReleaseError::disk("write", &path))
}

/// Gives the names of the scripts that were rewritten.
fn relocate_scripts(root: &Path) -> Result<Vec<String>, ReleaseError> {
    let bin = root.join("bin");
    let mut rewritten = Vec::new();
    for name in files_of(&bin)? {
        let path = bin.join(&name);
        let text = name.to_string_lossy();
        if matches!(
            &*text,
            "activate" | "activate.csh" | "activate.fish" | "activate.nu" | "Activate.ps1" | "activate_this.py"
        ) {
            fs::remove_file(&path).map_err(ReleaseError::disk("remove", &path))?;
        } else if !path.is_symlink()
            && relocate_script(root, &path, &name).map_err(ReleaseError::disk("rewrite", &path))?
        {
            rewritten.push(text.into_owned());
        }
    }
    Ok(rewritten)
}

fn relocate_script(root: &Path, path: &Path, name: &Path) -> io::Result<bool> {
    let content = fs::read(path)?;
    let Some(script) = Script::read(&content, &root.join("bin")) else {
        return Ok(false);
    };
    let head = |text: &str| text.replace("ARGS", &script.arguments).into_bytes();
    if script.keeps_its_lines() {
        let libexec = root.join("libexec");
        let moved = libexec.join(name);
        fs::create_dir_all(moved.parent().unwrap_or(&libexec))?;
        let mut file = fs::File::create_new(moved)?;
        // The first line stays a comment, so that the others keep their numbers.
        io::Write::write_all(&mut file, &[b"#!/usr/bin/env python3\n", script.body].concat())?;
        fs::write(path, head(LAUNCHER))?;
    } else {
        fs::write(path, [&head(TRAMPOLINE), script.body].concat())?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(true)
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
            // Pip's own form for a path that is too long for the kernel, or has a blank in it.
            let (second, body) = split_line(body)?;
            let (third, body) = split_line(body)?;
            let ours =
                second.starts_with(b"'''exec' ") && third == b"' '''" && contains(second, bin.as_os_str().as_bytes());
            return ours.then(|| Self { arguments: String::new(), body });
        }
        let interpreter = first.strip_prefix(b"#!")?.trim_ascii_start().strip_prefix(bin.as_os_str().as_bytes())?;
        let end = interpreter.iter().position(u8::is_ascii_whitespace).unwrap_or(interpreter.len());
        let (name, arguments) = interpreter.split_at_checked(end)?;
        let arguments = String::from_utf8_lossy(arguments.trim_ascii()).into_owned();
        let arguments = if arguments.is_empty() { arguments } else { format!(" {arguments}") };
        (name.starts_with(b"/python") || name.starts_with(b"/pypy")).then_some(Self { arguments, body })
    }

    /// Tells whether a string before the first statement would change what the script means.
    fn keeps_its_lines(&self) -> bool {
        let first = self.body.split(|&byte| byte == b'\n').next().unwrap_or_default();
        // The encoding may be named in the first two lines only (PEP 263).
        if first.trim_ascii_start().starts_with(b"#") && contains(first, b"coding") {
            let lower = first.to_ascii_lowercase();
            if !contains(&lower, b"utf-8") && !contains(&lower, b"utf8") {
                return true;
            }
        }
        let code = self.body.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        let statement = code.into_iter().find(|line| !line.is_empty() && !line.starts_with(b"#")).unwrap_or_default();
        let letters = statement.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        letters <= 2 && matches!(statement.get(letters), Some(b'"' | b'\''))
    }
}

fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|&byte| byte == b'\n')?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len().max(1)).any(|window| window == word)
}

/// Removes what pip noted about the build folder, and the hashes of scripts that are no longer as pip wrote them.
fn clean_metadata(root: &Path, scripts: &[String]) -> Result<(), ReleaseError> {
    for path in files_of(root)? {
        let is_metadata = path.parent().and_then(Path::extension).is_some_and(|extension| extension == "dist-info");
        let absolute = root.join(&path);
        match path.file_name().and_then(std::ffi::OsStr::to_str) {
            Some("direct_url.json") if is_metadata => {
                fs::remove_file(&absolute).map_err(ReleaseError::disk("remove", &absolute))?;
            }
            Some("RECORD") if is_metadata => {
                let text = fs::read_to_string(&absolute).map_err(ReleaseError::disk("read", &absolute))?;
                let lines = text.lines().filter_map(|line| record_line(line, scripts));
                let text: String = lines.flat_map(|line| [line, "\n".into()]).collect();
                fs::write(&absolute, text).map_err(ReleaseError::disk("write", &absolute))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Gives a line of `RECORD` (PEP 376: path, hash, size, the last two optional) as it is true now.
fn record_line(line: &str, scripts: &[String]) -> Option<String> {
    let path = line.rsplitn(3, ',').nth(2).unwrap_or(line);
    if path.ends_with(".dist-info/direct_url.json") {
        return None;
    }
    let script = path.split_once("/bin/").filter(|(up, _)| up.ends_with("..")).map(|(_, name)| name);
    let rewritten = script.is_some_and(|name| scripts.iter().any(|script| script == name));
    Some(if rewritten { format!("{path},,") } else { line.to_owned() })
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

    use super::{Script, record_line};

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
        ] {
            assert!(keeps(body), "{body:?}");
        }
        for body in ["# -*- coding: utf-8 -*-\nimport re\n", "from __future__ import annotations\n", "print('x')\n", ""]
        {
            assert!(!keeps(body), "{body:?}");
        }
    }

    #[test]
    fn the_record_loses_what_is_no_longer_true() {
        let scripts = ["tool".to_owned()];
        assert_eq!(record_line("../../../bin/tool,sha256=abc,12", &scripts).unwrap(), "../../../bin/tool,,");
        assert_eq!(record_line("\"a,b/bin/tool\",sha256=abc,12", &scripts).unwrap(), "\"a,b/bin/tool\",sha256=abc,12");
        assert_eq!(record_line("x-1.dist-info/direct_url.json,sha256=abc,12", &scripts), None);
    }
}
