//! The folder of tools of one build: an interpreter with pip, and compilers that keep the build's folder out of what they make.
//!
//! pip itself depends on the interpreter alone, so it is unpacked once and kept in the cache; what a build installs beside it goes with
//! the build.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::build::{Builder, arguments};
use super::error::ReleaseError;
use super::python::Interpreter;
use super::standalone::{STABLE_INTERPRETER, prefix_of};
use crate::model::Digest;
use crate::process::quote;

/// Where what is compiled says that it comes from.
pub(super) const STABLE_BUILD: &str = "/build";
const STABLE_CARGO: &str = "/cargo";

/// Compilers as build backends call them.
const COMPILERS: [&str; 6] = ["cc", "c++", "gcc", "g++", "clang", "clang++"];

impl Builder<'_> {
    /// Makes the tools of this build.
    pub(super) async fn make_tools(&mut self, interpreter: &Interpreter, with_pip: bool) -> Result<(), ReleaseError> {
        let tools = self.folder("tools");
        let own = make_environment(&tools, interpreter)?;
        if with_pip {
            let packages = self.cached_pip(interpreter).await?;
            let path = own.join("pip.pth");
            fs::write(&path, format!("{}\n", packages.display())).map_err(ReleaseError::disk("write", &path))?;
        }
        let bin = tools.join("bin");
        let script = |name: &str, text: &str| {
            let path = bin.join(name);
            let written =
                fs::write(&path, text).and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
            written.map_err(ReleaseError::disk("write", &path))
        };
        for name in ["pip", "pip3"] {
            let python = quote(&bin.join("python").to_string_lossy());
            script(name, &format!("#!/bin/sh\nexec {python} -m pip \"$@\"\n"))?;
        }
        let folders = self.folders_by_chance();
        let work = quote(&self.work.to_string_lossy());
        // Headers of an interpreter that every deployer has elsewhere.
        let elsewhere = prefix_of(interpreter).filter(|_| self.spec.kind.owns_interpreter());
        let headers = elsewhere.map_or_else(String::new, |prefix| {
            format!(" -ffile-prefix-map={}={STABLE_INTERPRETER}", quote(&prefix.to_string_lossy()))
        });
        let of_machine = ["gcc", "g++"].map(|name| format!("{}-linux-gnu-{name}", interpreter.machine));
        for name in COMPILERS.into_iter().chain(of_machine.iter().map(String::as_str)) {
            if let Some(real) = on_path(name) {
                let real = quote(&real.to_string_lossy());
                let option = "-ffile-prefix-map";
                script(
                    name,
                    &format!(
                        "#!/bin/sh\nset -- \"$@\" {option}={work}={STABLE_BUILD}{headers}\nfor folder in {folders}; do\n    \
                     [ ! -d \"$folder\" ] || set -- \"$@\" \"{option}=$folder={STABLE_BUILD}/tmp\"\ndone\nexec {real} \"$@\"\n"
                    ),
                )?;
            }
        }
        let cargo = quote(&self.cache.join("cargo").to_string_lossy());
        let source = quote(&self.folder("source").to_string_lossy());
        let option = "--remap-path-prefix";
        // Where a package lies depends on the registry that it came from, and on who installs: a mirror, a folder, pip's or uv's own.
        script(
            "rustc-wrapper",
            &format!(
                "#!/bin/sh\nset -- \"$@\" {option}={cargo}={STABLE_CARGO} {option}={work}={STABLE_BUILD}\nfor folder in {folders}; do\n    \
             [ ! -d \"$folder\" ] || set -- \"$@\" \"{option}=$folder={STABLE_BUILD}/tmp\"\ndone\n\
             case \"${{CARGO_MANIFEST_DIR:-}}\" in\n    '' | {source} | {source}/*) ;;\n    *) set -- \"$@\" \
             \"{option}=$CARGO_MANIFEST_DIR={STABLE_CARGO}/$CARGO_PKG_NAME-$CARGO_PKG_VERSION\" ;;\nesac\nexec \"$@\"\n"
            ),
        )
    }

    /// Gives, for a shell, the folders whose names are different in every build; the last that fits is the one that counts.
    fn folders_by_chance(&self) -> String {
        let tmp = quote(&self.folder("tmp").to_string_lossy());
        let source = quote(&self.folder("source").to_string_lossy());
        // Where uv unpacks: url/DIGEST/REVISION, pypi/NAME/VERSION/REVISION, index/DIGEST/NAME/VERSION/REVISION; and what builds.
        let uv = quote(&self.cache.join("uv").to_string_lossy());
        let sdists = ["*/*/*", "*/*/*/*", "*/*/*/*/*"].map(|folders| format!("{uv}/sdists-v*/{folders}/src"));
        let unpacked = format!("{} {uv}/git-v*/checkouts/*/* {uv}/builds-v*/.tmp*", sdists.join(" "));
        format!("{tmp}/* {tmp}/pip-*/* {unpacked} {source}/.mesonpy-*")
    }

    /// Gives the folder of packages that has pip in it, made once for each interpreter.
    async fn cached_pip(&mut self, interpreter: &Interpreter) -> Result<PathBuf, ReleaseError> {
        let kept = self.cache.join(tools_name(interpreter));
        let packages = kept.join(packages_of(interpreter));
        if packages.join("pip/__init__.py").is_file() && !self.rebuild {
            return Ok(packages);
        }
        let making = self.folder("pip");
        let venv = arguments(&[interpreter.path.as_os_str()], ["-I", "-m", "venv"], &[making.as_os_str()]);
        let environment = self.pip_environment().into();
        self.run(super::run::Task { environment, ..self.task(venv, self.work) }).await?;
        super::store::remove_tree(&kept).map_err(ReleaseError::disk("remove", &kept))?;
        fs::rename(&making, &kept).map_err(ReleaseError::disk("move", &making))?;
        Ok(packages)
    }
}

/// Names the folder of an interpreter's pip; the name is found nowhere else.
pub(super) fn tools_name(interpreter: &Interpreter) -> String {
    // Another build of the same version brings another pip.
    let file = fs::metadata(&interpreter.path).map(|file| (file.len(), file.mtime())).unwrap_or_default();
    let text = format!("{}\0{}\0{}\0{file:?}", interpreter.path.display(), interpreter.version, interpreter.machine);
    let digest = Digest(Sha256::digest(text).into()).to_string();
    format!("pip-{}", digest.get(..16).unwrap_or_default())
}

/// Names the folder of packages below a virtual environment.
pub(super) fn packages_of(interpreter: &Interpreter) -> PathBuf {
    Path::new("lib").join(format!("python{}", interpreter.series())).join("site-packages")
}

/// Makes a virtual environment without anything in it, as `python -m venv --without-pip --symlinks` does, and gives its folder of packages.
pub(super) fn make_environment(root: &Path, interpreter: &Interpreter) -> Result<PathBuf, ReleaseError> {
    let packages = root.join(packages_of(interpreter));
    let bin = root.join("bin");
    for folder in [&packages, &bin] {
        fs::create_dir_all(folder).map_err(ReleaseError::disk("make", folder))?;
    }
    // Not what this process's umask makes of them.
    for folder in packages.ancestors().take_while(|folder| *folder != root).chain([bin.as_path()]) {
        let plain = fs::set_permissions(folder, fs::Permissions::from_mode(0o755));
        plain.map_err(ReleaseError::disk("open up", folder))?;
    }
    let name = interpreter.path.file_name().unwrap_or("python".as_ref());
    let link = |target: &Path, name: &std::ffi::OsStr| {
        let path = bin.join(name);
        if fs::symlink_metadata(&path).is_ok() {
            Ok(())
        } else {
            symlink(target, &path).map_err(ReleaseError::disk("link", &path))
        }
    };
    link(&interpreter.path, name)?;
    for other in ["python", "python3", &format!("python{}", interpreter.series())] {
        link(Path::new(name), other.as_ref())?;
    }
    let lib64 = root.join("lib64");
    symlink("lib", &lib64).map_err(ReleaseError::disk("link", &lib64))?;
    let home = interpreter.path.parent().unwrap_or(Path::new("/"));
    let text =
        format!("home = {}\ninclude-system-site-packages = false\nversion = {}\n", home.display(), interpreter.version);
    let path = root.join("pyvenv.cfg");
    let written = fs::write(&path, text).and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o644)));
    written.map_err(ReleaseError::disk("write", &path))?;
    Ok(packages)
}

pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}
