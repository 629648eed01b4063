//! A release that is a virtual environment.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::build::{Builder, arguments, blocking};
use super::error::ReleaseError;
use super::export::files_of;
use super::metadata::{self, normal_name};
use super::progress::Step;
use super::python::Interpreter;
use super::relocate::relocate;
use super::run::{Task, words};
use super::spec::BuildSpec;
use super::tools::{make_environment, packages_of, tools_name};
use super::versions::{agree, project_name};

impl Builder<'_> {
    pub(super) async fn build_environment(
        &mut self,
        pip: &[String],
        requirements: &[String],
        interpreter: &Interpreter,
    ) -> Result<(), ReleaseError> {
        let (root, source) = (self.folder("root"), self.folder("source"));
        self.output.step(Step::Environment);
        self.place_history().await?;
        // uv needs no pip; what build.before calls may.
        let with_pip = !self.spec.before.is_empty() || self.uv(pip)?.is_none();
        self.make_tools(interpreter, with_pip).await?;
        make_environment(&root, interpreter)?;
        if !self.spec.before.is_empty() {
            self.output.step(Step::Before);
            self.run_commands(&self.spec.before).await?;
            self.forget_changes().await?;
        }

        self.refuse_empty_submodules().await?;

        self.output.step(Step::Install);
        self.install(pip, requirements, interpreter).await?;

        if self.spec.kind.owns_interpreter() {
            self.hold_interpreter(interpreter).await?;
        }
        self.output.step(Step::Relocate);
        let moving = root.clone();
        let mut written = blocking(move || {
            let noted = metadata::remove_notes(&moving)?;
            Ok(relocate(&moving)?.into_iter().chain(noted).collect::<BTreeSet<_>>())
        })
        .await?;
        written.extend(self.map_build_paths().await?);
        let (settling, described) = (root.clone(), source.clone());
        let (installed, project) = blocking(move || {
            metadata::write_records(&settling, &written)?;
            Ok((metadata::installed(&settling)?, project_name(&described)))
        })
        .await?;
        self.compare_versions(&installed, project.as_deref());
        self.output.step(Step::Compile);
        self.compile(&root).await
    }

    /// Lets pip build wheels of all that is wanted, and puts them into the release's environment.
    async fn install(
        &mut self,
        pip: &[String],
        requirements: &[String],
        interpreter: &Interpreter,
    ) -> Result<(), ReleaseError> {
        let source = self.folder("source");
        let files: Vec<&String> = requirements
            .iter()
            .filter(|file| *file != BuildSpec::REQUIREMENTS || source.join(file).is_file())
            .collect();
        let of_files: Vec<OsString> = files.iter().flat_map(|file| words(["-r", file])).collect();
        if let Some(uv) = self.uv(pip)? {
            let lists = if pip.iter().any(|word| word.starts_with('-')) && !of_files.is_empty() {
                vec![of_files, words(pip)]
            } else {
                vec![[of_files, words(pip)].concat()]
            };
            return self.install_by_uv(uv, lists).await;
        }
        let has_hashes =
            |file: &&String| fs::read_to_string(source.join(file)).is_ok_and(|text| text.contains("--hash"));
        // One question is answered sooner than two, unless an option of one would change the other's answer.
        if pip.iter().any(|word| word.starts_with('-')) || files.iter().any(has_hashes) {
            if !of_files.is_empty() {
                self.wheels(of_files).await?;
            }
            let constraints = self.folder("constraints.txt");
            let pins: String = self.built_wheels()?.iter().filter_map(|wheel| pin(wheel)).collect();
            fs::write(&constraints, pins).map_err(ReleaseError::disk("write", &constraints))?;
            let constraint = [OsString::from("--constraint"), constraints.into()];
            self.wheels([&constraint[..], &words(pip)].concat()).await?;
        } else {
            self.wheels([of_files, words(pip)].concat()).await?;
        }
        let own = self.folder("root/bin/python");
        let options = ["-m", "pip", "install", "--ignore-installed", "--no-index", "--no-deps", "--no-compile"];
        let mut install = arguments(&[own.as_os_str()], options, &["--no-warn-script-location".as_ref()]);
        install.extend(self.built_wheels()?.into_iter().map(PathBuf::into_os_string));
        let mut environment = self.pip_environment();
        // The builder's pip under the release's interpreter, so that the release needs none of its own.
        environment.set("PYTHONPATH", self.cache.join(tools_name(interpreter)).join(packages_of(interpreter)));
        let task = Task { environment: environment.into(), ..self.task(install, &source) };
        self.run(task).await
    }

    /// Builds or fetches wheels of requirements and of all that they require.
    async fn wheels(&mut self, wanted: Vec<OsString>) -> Result<(), ReleaseError> {
        let (tools, wheels) = (self.folder("tools/bin/python"), self.folder("wheels"));
        let mut pip =
            arguments(&[tools.as_os_str()], ["-m", "pip", "wheel", "--progress-bar", "off", "--wheel-dir"], &[]);
        pip.extend([wheels.clone().into(), "--find-links".into(), wheels.into()]);
        pip.extend(wanted);
        let environment = self.pip_environment().into();
        self.run(Task { environment, ..self.task(pip, &self.folder("source")) }).await
    }

    fn built_wheels(&self) -> Result<Vec<PathBuf>, ReleaseError> {
        let wheels = self.folder("wheels");
        Ok(files_of(&wheels)?.into_iter().map(|wheel| wheels.join(wheel)).collect())
    }

    /// Tells where the product's own version is not the tag's: its build backend found none, or another.
    fn compare_versions(&mut self, installed: &[(String, String)], project: Option<&str>) {
        let (Some(tag), Some(project)) = (&self.resolved.tag, project) else { return };
        let own = installed.iter().find(|(name, _)| normal_name(name) == project);
        if let Some((name, version)) = own.filter(|(_, version)| !agree(version, tag)) {
            self.output.warn(format!(
                "the tag is {tag}, and {name} calls itself {version}: its version is written down and was not raised, or its \
                 build did not find it"
            ));
        }
    }
}

/// Makes a constraint of a wheel's file name: name, version, tags (the binary distribution format).
fn pin(wheel: &Path) -> Option<String> {
    let name = wheel.file_name()?.to_str()?.strip_suffix(".whl")?;
    let mut fields = name.split('-');
    Some(format!("{}=={}\n", fields.next()?, fields.next()?))
}
