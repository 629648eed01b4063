//! Submodules, fetched where the configuration wants them.
//!
//! A commit names each by its object name, so whatever server answers, the bytes are the same. They are taken from the clones inside
//! the product's checkout where those have them, else fetched from where `.gitmodules` says.

use std::fs;
use std::path::{Path, PathBuf};

use super::build::Builder;
use super::error::ReleaseError;
use super::git::READ_DEADLINE;
use super::run::{Answer, Task, ask, git_environment, plain, words};

/// How deep submodules may lie in each other: one that has itself in it never ends.
const DEEPEST: usize = 20;

/// One submodule of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Submodule {
    name: String,
    /// Below the folder of the commit that has it.
    path: PathBuf,
    url: String,
    commit: String,
}

/// A commit whose submodules are wanted: its git folder, its name, where its files are, and where it came from.
struct Place {
    git: PathBuf,
    commit: String,
    folder: PathBuf,
    url: String,
    /// The clones that a checkout keeps of its submodules.
    modules: Option<PathBuf>,
    depth: usize,
}

impl Builder<'_> {
    /// Puts the files of all submodules into the export.
    pub(super) async fn fetch_submodules(&mut self) -> Result<(), ReleaseError> {
        let common = self.repository.read(&["rev-parse", "--git-common-dir"]).await?;
        let common = self.repository.path().join(common.trim_end_matches('\n'));
        let remote = self.remote.unwrap_or("origin");
        let url = self.repository.ask(&["remote", "get-url", "--", remote], READ_DEADLINE).await?;
        let url = match url.ended {
            Ok(()) => plain(&url.stdout),
            // As git does: without a remote, the repository itself is where relative addresses begin.
            Err(_) => self.repository.path().to_string_lossy().into_owned(),
        };
        let mut places = vec![Place {
            git: self.folder("history"),
            commit: self.resolved.commit.as_str().to_owned(),
            folder: self.folder("source"),
            url,
            modules: Some(common.join("modules")),
            depth: 0,
        }];
        let mut fetched = 0;
        while let Some(place) = places.pop() {
            for submodule in self.submodules_of(&place).await? {
                fetched += 1;
                let git = self.folder("modules").join(fetched.to_string());
                let folder = place.folder.join(&submodule.path);
                let url = resolve_url(&place.url, &submodule.url);
                let modules = place.modules.as_ref().map(|modules| modules.join(&submodule.name));
                self.fetch_submodule(&submodule, &git, &url, modules.as_deref()).await?;
                self.check_out(&git, &submodule.commit, &folder).await?;
                if place.depth >= DEEPEST {
                    return Err(self.no_submodule(&submodule, format!("it lies more than {DEEPEST} submodules deep")));
                }
                let modules = modules.map(|modules| modules.join("modules"));
                places.push(Place { git, commit: submodule.commit, folder, url, modules, depth: place.depth + 1 });
            }
        }
        Ok(())
    }

    async fn submodules_of(&self, place: &Place) -> Result<Vec<Submodule>, ReleaseError> {
        let tree = self.ask_git(&place.git, &["ls-tree", "-r", "-z", "--full-tree", &place.commit]).await?;
        let links = read_links(&String::from_utf8_lossy(&tree.stdout));
        if links.is_empty() {
            return Ok(Vec::new());
        }
        let blob = format!("--blob={}:.gitmodules", place.commit);
        let pattern = r"^submodule\..*\.(path|url)$";
        let configuration = self.ask_git(&place.git, &["config", "-z", &blob, "--get-regexp", pattern]).await?;
        let known = read_modules(&String::from_utf8_lossy(&configuration.stdout));
        let find = |(path, commit): (String, String)| match known.iter().find(|(_, known, _)| *known == path) {
            Some((name, _, url)) => Ok(Submodule { name: name.clone(), path: path.into(), url: url.clone(), commit }),
            None => {
                let version = self.resolved.version.clone();
                Err(ReleaseError::Submodule { version, path, problem: ".gitmodules does not say where it is".into() })
            }
        };
        links.into_iter().map(find).collect()
    }

    /// Makes a repository that has a submodule's commit.
    async fn fetch_submodule(
        &mut self,
        submodule: &Submodule,
        git: &Path,
        url: &str,
        modules: Option<&Path>,
    ) -> Result<(), ReleaseError> {
        let format = if submodule.commit.len() == 64 { "sha256" } else { "sha1" };
        let mut init = words(["git", "init", "--quiet", "--bare", "--template="]);
        init.extend([format!("--object-format={format}").into(), git.into()]);
        self.run(self.git(init)).await?;
        if let Some(objects) = modules.map(|modules| modules.join("objects")).filter(|objects| objects.is_dir()) {
            let path = git.join("objects/info/alternates");
            let text = format!("{}\n", objects.display());
            fs::write(&path, text).map_err(ReleaseError::disk("write", &path))?;
        }
        let wanted = format!("{}^{{commit}}", submodule.commit);
        if self.ask_git(git, &["rev-parse", "--quiet", "--verify", &wanted]).await?.ended.is_ok() {
            return Ok(());
        }
        if self.remote.is_none() {
            let problem = "the checkout does not have it, and nothing is fetched: `git submodule update --init --recursive` there";
            return Err(self.no_submodule(submodule, problem.to_owned()));
        }
        // Not every server gives a commit by its name alone; all give their branches and tags.
        let one: &[&str] = &["--depth=1", "--end-of-options", url, &submodule.commit];
        let all: &[&str] = &["--end-of-options", url, "+refs/*:refs/*"];
        let mut problem = String::new();
        for refs in [one, all] {
            let arguments = [words(["git", "fetch", "--quiet"]), words(refs)].concat();
            // With the deployer's own configuration: that is what opens the server's door.
            let mut environment = git_environment();
            environment.push(("GIT_DIR".into(), git.into()));
            let task = Task { arguments, folder: self.work.to_path_buf(), environment, deadline: self.spec.deadline };
            let answer = ask(&task).await.map_err(ReleaseError::disk("run git in", git))?;
            problem = answer.stderr.replace('\n', "; ");
            if answer.ended.is_ok()
                && self.ask_git(git, &["rev-parse", "--quiet", "--verify", &wanted]).await?.ended.is_ok()
            {
                return Ok(());
            }
        }
        Err(self.no_submodule(submodule, format!("{url} does not give {}: {problem}", submodule.commit)))
    }

    async fn check_out(&mut self, git: &Path, commit: &str, folder: &Path) -> Result<(), ReleaseError> {
        fs::create_dir_all(folder).map_err(ReleaseError::disk("make", folder))?;
        let configured = ["-c", "core.bare=false", "-c", "core.autocrlf=false", "-c", "core.eol=lf"];
        let mut arguments = words(["git"]);
        arguments.extend(words(configured));
        arguments.extend(words([
            "-c",
            "core.attributesFile=/dev/null",
            "checkout",
            "--quiet",
            "--force",
            "--detach",
            commit,
        ]));
        let mut task = Task { folder: folder.to_path_buf(), ..self.git(arguments) };
        task.environment.extend([("GIT_DIR".into(), git.into()), ("GIT_WORK_TREE".into(), folder.into())]);
        self.run(task).await
    }

    async fn ask_git(&self, git: &Path, arguments: &[&str]) -> Result<Answer, ReleaseError> {
        let mut task = self.git([words(["git"]), words(arguments)].concat());
        task.environment.push(("GIT_DIR".into(), git.into()));
        ask(&task).await.map_err(ReleaseError::disk("run git in", git))
    }

    fn no_submodule(&self, submodule: &Submodule, problem: String) -> ReleaseError {
        let version = self.resolved.version.clone();
        ReleaseError::Submodule { version, path: submodule.path.to_string_lossy().into_owned(), problem }
    }
}

/// Reads the links to other repositories' commits out of `git ls-tree -z`: path and commit.
fn read_links(text: &str) -> Vec<(String, String)> {
    let link = |line: &str| {
        let (commit, path) = line.strip_prefix("160000 commit ")?.split_once('\t')?;
        Some((path.to_owned(), commit.to_owned()))
    };
    text.split('\0').filter_map(link).collect()
}

/// Reads `git config -z --get-regexp` of `.gitmodules`: name, path and address.
fn read_modules(text: &str) -> Vec<(String, String, String)> {
    let mut found: Vec<(String, String, String)> = Vec::new();
    for entry in text.split('\0') {
        let Some((key, value)) = entry.split_once('\n') else { continue };
        let Some((name, key)) = key.strip_prefix("submodule.").and_then(|rest| rest.rsplit_once('.')) else { continue };
        if !found.iter().any(|(known, ..)| known == name) {
            found.push((name.to_owned(), String::new(), String::new()));
        }
        if let Some((_, path, url)) = found.iter_mut().find(|(known, ..)| known == name) {
            value.clone_into(if key == "path" { path } else { url });
        }
    }
    found
}

/// Follows an address that begins with `./` or `../` from the address of the repository around it, as gitmodules(5) says.
fn resolve_url(base: &str, url: &str) -> String {
    if !(url.starts_with("./") || url.starts_with("../")) {
        return url.to_owned();
    }
    let (mut base, mut url) = (base.trim_end_matches('/').to_owned(), url);
    loop {
        if let Some(rest) = url.strip_prefix("./") {
            url = rest;
        } else if let Some(rest) = url.strip_prefix("../") {
            url = rest;
            // `host:path` of ssh has no slash before its first folder.
            let end = base.rfind('/').or_else(|| base.rfind(':').map(|colon| colon + 1)).unwrap_or_default();
            base.truncate(end);
        } else {
            break;
        }
    }
    if base.ends_with(':') || base.is_empty() { base + url } else { format!("{base}/{url}") }
}

#[cfg(test)]
mod tests {
    use super::{read_links, read_modules, resolve_url};

    #[test]
    fn addresses_of_submodules_are_followed_from_the_products() {
        for (base, url, resolved) in [
            ("https://h/a/b.git", "../c.git", "https://h/a/c.git"),
            ("https://h/a/b.git/", "../../x/c", "https://h/x/c"),
            ("git@h:a/b", "../c", "git@h:a/c"),
            ("git@h:b", "../c", "git@h:c"),
            ("/srv/a", "./c", "/srv/a/c"),
            ("/srv/a", "https://h/x", "https://h/x"),
        ] {
            assert_eq!(resolve_url(base, url), resolved);
        }
    }

    #[test]
    fn submodules_are_read_from_what_git_says() {
        assert_eq!(
            read_links("100644 blob aa\tx\x00160000 commit bb\tv/a b\0"),
            [("v/a b".to_owned(), "bb".to_owned())]
        );
        assert_eq!(
            read_modules("submodule.a.b.path\nv/x\0submodule.a.b.url\n../x\0"),
            [("a.b".to_owned(), "v/x".to_owned(), "../x".to_owned())]
        );
    }
}
