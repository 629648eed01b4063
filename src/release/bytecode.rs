//! The bytecode of a release: the same bytes for one tag, whichever machine compiles it.

use std::fs;
use std::path::Path;

use super::build::{Builder, arguments};
use super::error::{Ended, ReleaseError};
use super::python::Interpreter;
use super::run::Task;

/// What compiles it, run by the release's own interpreter.
const COMPILER: &str = include_str!("bytecode.py");
/// Where bytecode says that it comes from, whatever the build's folder.
const STABLE_PREFIX: &str = "/app";
/// What the compiler prints before the path of a module that is none.
const FAILED: &str = "no bytecode for ";

impl Builder<'_> {
    /// Compiles all modules of the release.
    pub(super) async fn compile(&mut self, root: &Path) -> Result<(), ReleaseError> {
        let (compiler, python, lib) = (self.folder("bytecode.py"), root.join("bin/python"), root.join("lib"));
        fs::write(&compiler, COMPILER).map_err(ReleaseError::disk("write", &compiler))?;
        // Without packages, which can do anything when an interpreter starts; and not isolated (`-I`), since PYTHONHASHSEED is obeyed then
        // no more.
        let options = ["-S", "-B", "-W", "ignore"];
        let names = [compiler.as_os_str(), lib.as_os_str(), root.as_os_str(), STABLE_PREFIX.as_ref()];
        let task = self.task(arguments(&[python.as_os_str()], options, &names), root);
        match self.run(Task { environment: self.check_environment().into(), ..task }).await {
            // Packages ship files that are no Python of this version (templates, tests); pip lets them pass too.
            Err(ReleaseError::Failed(failed)) if matches!(&failed.how, Ended::Status(status) if status.code() == Some(1)) =>
            {
                let mut failed: Vec<&str> = failed.tail.iter().filter_map(|line| not_compiled(line, root)).collect();
                failed.sort_unstable();
                let series = self.interpreter.map_or("", Interpreter::series);
                self.output.warn(format!("no bytecode for what is no Python {series}: {}", failed.join(", ")));
                Ok(())
            }
            result => result,
        }
    }
}

/// Reads the module's path out of what the compiler prints.
fn not_compiled<'a>(line: &'a str, root: &Path) -> Option<&'a str> {
    let path = line.strip_prefix(FAILED)?;
    Some(path.strip_prefix(&*root.to_string_lossy()).unwrap_or(path).trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::{Command, Output};

    use super::COMPILER;

    /// Runs the compiler after other code in the same interpreter.
    fn run(folder: &Path, before: &str, seed: &str) -> Output {
        let script = folder.join("bytecode.py");
        fs::write(&script, COMPILER).unwrap();
        let code = format!(
            "import runpy, sys\n{before}\nsys.argv = sys.argv[1:]\nrunpy.run_path(sys.argv[0], run_name='__main__')"
        );
        let mut python = Command::new("python3");
        python.args(["-S", "-B", "-c", &code]).arg(script).arg(folder.join("lib")).arg(folder).arg("/app");
        python.env("PYTHONHASHSEED", seed).output().unwrap()
    }

    #[test]
    fn bytecode_is_the_same_whatever_else_its_interpreter_has_seen() {
        let compiled =
            ["", "keep = list(map(sys.intern, ['said_in_one_place', '\\xa7', '{ }', 'a name']))"].map(|before| {
                let folder = tempfile::tempdir().unwrap();
                let lib = folder.path().join("lib");
                fs::create_dir(&lib).unwrap();
                let module =
                    "import os\nos.said_in_one_place\nwords = ['\u{a7}', '{ }', 'a name']\nx = 1 in {2, None}\n";
                fs::write(lib.join("one.py"), module).unwrap();
                fs::write(lib.join("template.py"), "import {{ name }}\n").unwrap();
                let ran = run(folder.path(), before, "0");
                assert_eq!(ran.status.code(), Some(1), "{ran:?}");
                let failed = String::from_utf8(ran.stdout).unwrap();
                assert_eq!(super::not_compiled(failed.trim(), folder.path()), Some("lib/template.py"));
                let cache = fs::read_dir(lib.join("__pycache__")).unwrap().next().unwrap().unwrap();
                let bytecode = fs::read(cache.path()).unwrap();
                assert!(bytecode.windows(15).any(|part| part == b"/app/lib/one.py"), "it has another name");
                bytecode
            });
        assert_eq!(compiled[0], compiled[1]);
    }

    #[test]
    fn bytecode_is_not_written_in_the_order_of_hashes_by_chance() {
        let folder = tempfile::tempdir().unwrap();
        let ran = run(folder.path(), "", "random");
        assert!(!ran.status.success() && String::from_utf8_lossy(&ran.stderr).contains("PYTHONHASHSEED"), "{ran:?}");
        let asked = "import bytecode as b; print([b.is_ordered_by_chance(frozenset(s)) for s in ([1, (2, None)], [...], 'ab')])";
        let mut python = Command::new("python3");
        let told = python.args(["-c", asked]).env("PYTHONPATH", folder.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), "[True, True, False]", "{told:?}");
    }
}
