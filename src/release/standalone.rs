//! An interpreter that goes with the release, so that hosts need none.
//!
//! It is one that stands alone in a folder (python-build-standalone, what `uv python install` fetches, or CPython installed below a prefix of
//! its own): its program finds its library from where it lies itself. What a release runs with is copied: program, library, and
//! what tkinter and curses need; headers, tests and pip are not. Packages are installed as into every other environment before that.
//! Where it lay is nowhere in the release: it is somewhere in the home of each deployer, as a rule.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::build::{Builder, blocking};
use super::error::ReleaseError;
use super::python::Interpreter;
use super::run::{Task, ask, words};

/// Parts of the library that nothing at run time needs; packages are the release's own.
const LEFT_OUT: [&str; 6] =
    ["site-packages", "dist-packages", "__pycache__", "test", "ensurepip", "EXTERNALLY-MANAGED"];
/// Folders beside the library that tkinter and curses read, by how their names begin.
const BESIDE: [&str; 7] = ["tcl", "tk", "itcl", "thread", "libpython", "libtcl", "libtk"];
/// What says how it was compiled, by how names begin; uv writes there where it unpacked it.
const SETTINGS: &str = "_sysconfig";
/// Where it says that it lies.
pub(super) const STABLE_INTERPRETER: &str = "/python";
/// Says where it is, and of which files it is made now.
const QUESTION: &str = "import sys; print(sys.prefix); print(open('/proc/self/maps').read())";

impl Builder<'_> {
    /// Puts the interpreter into the release in place of the link to it, and proves that it needs nothing of where it came from.
    pub(super) async fn hold_interpreter(&mut self, interpreter: &Interpreter) -> Result<(), ReleaseError> {
        let refuse = |problem: String| ReleaseError::Python { python: interpreter.path.clone(), problem };
        let Some(prefix) = prefix_of(interpreter) else {
            let problem = "build.own_python wants one that stands alone in a folder, such as `uv python install` fetches, and this is \
                           the system's";
            return Err(refuse(problem.to_owned()));
        };
        let root = self.folder("root");
        let (from, to, copied) = (prefix.clone(), root.clone(), interpreter.clone());
        blocking(move || copy(&from, &to, &copied).map_err(ReleaseError::disk("copy", &from))).await?;
        let mut arguments = vec![root.join("bin/python").into_os_string()];
        arguments.extend(words(["-I", "-B", "-c", QUESTION]));
        let task = Task { deadline: Duration::from_secs(60), ..self.task(arguments, &root) };
        let answer = ask(&task).await.map_err(|error| refuse(error.to_string()))?;
        let said = String::from_utf8_lossy(&answer.stdout).into_owned();
        let needs = |path: &Path| said.contains(&format!("{}/", path.display()));
        match answer.ended {
            Err(ended) => Err(refuse(format!("its copy {ended} {}", answer.stderr).trim().to_owned())),
            Ok(()) if said.lines().next().map(Path::new) != Some(&root) || needs(&prefix) => {
                Err(refuse("its copy still uses what is there, so it does not stand alone".to_owned()))
            }
            Ok(()) => Ok(()),
        }
    }
}

/// Gives the folder in which an interpreter stands alone.
pub(super) fn prefix_of(interpreter: &Interpreter) -> Option<PathBuf> {
    let prefix = interpreter.path.parent()?.parent()?;
    let is_shared = matches!(prefix.to_str(), Some("" | "/" | "/usr" | "/usr/local" | "/opt"));
    (!is_shared && library(prefix, interpreter).join("os.py").is_file()).then(|| prefix.to_owned())
}

fn library(prefix: &Path, interpreter: &Interpreter) -> PathBuf {
    prefix.join("lib").join(format!("python{}", interpreter.series()))
}

fn copy(prefix: &Path, root: &Path, interpreter: &Interpreter) -> io::Result<()> {
    let name = interpreter.path.file_name().unwrap_or("python".as_ref());
    let program = root.join("bin").join(name);
    fs::remove_file(&program)?;
    copy_file(&interpreter.path, &program)?;
    copy_folder(&library(prefix, interpreter), &library(root, interpreter))?;
    for entry in fs::read_dir(prefix.join("lib"))? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        // Whole copies of the library, for compilers.
        let is_to_link = text.ends_with(".a") || (text.starts_with("libpython") && entry.file_type()?.is_symlink());
        if BESIDE.iter().any(|begin| text.starts_with(begin)) && !is_to_link {
            copy_any(&entry.path(), &root.join("lib").join(&name))?;
        }
    }
    name_nobody(prefix, &library(root, interpreter))?;
    let terminals = prefix.join("share/terminfo");
    if terminals.is_dir() {
        make_folder(&root.join("share"))?;
        copy_folder(&terminals, &root.join("share/terminfo"))?;
    }
    // Without `home` it is no environment of another interpreter, and still one that has no packages of a user.
    let configuration = root.join("pyvenv.cfg");
    fs::write(configuration, format!("include-system-site-packages = false\nversion = {}\n", interpreter.version))
}

/// Takes the interpreter's folder out of what says how it was compiled.
fn name_nobody(prefix: &Path, library: &Path) -> io::Result<()> {
    let prefix = prefix.to_string_lossy();
    for entry in fs::read_dir(library)? {
        let path = entry?.path();
        let says = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SETTINGS)) && path.is_file();
        if says {
            let text = fs::read_to_string(&path)?;
            fs::write(&path, text.replace(&*prefix, STABLE_INTERPRETER))?;
        }
    }
    Ok(())
}

/// Copies what is there, links of files as what they lead to.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    make_folder(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_left_out =
            LEFT_OUT.iter().any(|left_out| name == *left_out) || name.to_string_lossy().starts_with("config-");
        if !is_left_out {
            copy_any(&entry.path(), &to.join(name))?;
        }
    }
    Ok(())
}

fn copy_any(from: &Path, to: &Path) -> io::Result<()> {
    let (kind, itself) = (fs::metadata(from), fs::symlink_metadata(from)?);
    match kind {
        // A link of a folder could lead around in a circle, and one that leads nowhere is of no use.
        Ok(kind) if kind.is_dir() && !itself.is_symlink() => copy_folder(from, to),
        Ok(kind) if kind.is_file() => copy_file(from, to),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    let mode = if fs::metadata(from)?.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 };
    fs::set_permissions(to, fs::Permissions::from_mode(mode))
}

fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::{copy, prefix_of};
    use crate::release::Interpreter;

    #[test]
    fn what_it_runs_with_is_copied_once_and_names_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let (prefix, root) = (folder.path().join("home/python"), folder.path().join("root"));
        let write = |path: &Path, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let settings = format!("PREFIX = '{}/bin'\n", prefix.display());
        for (name, text) in [
            ("bin/python3.12", "program"),
            ("lib/python3.12/os.py", ""),
            ("lib/python3.12/test/all.py", ""),
            ("lib/python3.12/_sysconfigdata__linux_.py", &*settings),
            ("lib/python3.12/site-packages/pip.py", ""),
            ("lib/libpython3.12.so.1.0", "library"),
            ("lib/libpython3.12.a", "library"),
            ("lib/libtcl9.0.so", "tcl"),
            ("lib/pkgconfig/python.pc", &settings),
            ("include/python3.12/Python.h", ""),
        ] {
            write(&prefix.join(name), text);
        }
        symlink("libpython3.12.so.1.0", prefix.join("lib/libpython3.12.so")).unwrap();
        write(&root.join("bin/python3.12"), "a link");
        let path = prefix.join("bin/python3.12");
        copy(&prefix, &root, &Interpreter { path, version: "3.12.1".into(), machine: "x86_64".into() }).unwrap();
        let files = crate::release::export::files_of(&root).unwrap();
        let names: Vec<_> = files.iter().filter_map(|path| path.to_str()).collect();
        let library = ["lib/libpython3.12.so.1.0", "lib/libtcl9.0.so", "lib/python3.12/_sysconfigdata__linux_.py"];
        assert_eq!(names, [&["bin/python3.12"], &library[..], &["lib/python3.12/os.py", "pyvenv.cfg"]].concat());
        assert_eq!(fs::read_to_string(root.join("bin/python3.12")).unwrap(), "program");
        assert_eq!(fs::read_to_string(root.join(library[2])).unwrap(), "PREFIX = '/python/bin'\n");
    }

    #[test]
    fn the_systems_interpreter_does_not_stand_alone() {
        let at = |path: &Path| {
            prefix_of(&Interpreter { path: path.into(), version: "3.11.2".into(), machine: "x86_64".into() })
        };
        assert_eq!(at(Path::new("/usr/bin/python3.11")), None);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(at(&folder.path().join("bin/python3.11")), None, "without a library");
        std::fs::create_dir_all(folder.path().join("lib/python3.11")).unwrap();
        std::fs::write(folder.path().join("lib/python3.11/os.py"), "").unwrap();
        assert_eq!(at(&folder.path().join("bin/python3.11")).as_deref(), Some(folder.path()));
    }
}
