//! What tests of rollouts look at on hosts, and the products that they install there.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use coalmine::manifest::{Kind, MANIFEST, Manifest};
use coalmine::model::Digest;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::fleet::{Answer, Fleet, until};

/// How the product of shell scripts is built: in no time.
const BUILD: &str = r#"[build]
kind = "command"
commands = ["cp -a tree/. {prefix}/"]
check = "bin/tool version"
version_command = "bin/tool version"
"#;

/// Names a host of the sandbox by its number, in fleets of less than a hundred.
pub(crate) fn mw(number: usize, hosts: usize) -> String {
    format!("mw{number:02}.{}.sandbox", if number > hosts.div_ceil(2) { "codfw" } else { "eqiad" })
}

pub(crate) fn git(folder: &Path, arguments: &[&str]) {
    let names = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").arg("-C").arg(folder).args(names).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Lists what was said beside an answer, but for who or what is slow: on a busy machine somebody is.
pub(crate) fn beside(answer: &Answer) -> Vec<&str> {
    let of_slow = |line: &&str| ["waiting for ", "logins "].iter().any(|word| line.starts_with(word));
    answer.stderr.lines().filter(|line| !of_slow(line)).collect()
}

impl Fleet {
    /// Starts a fleet whose product is a shell script with the tags 1.0.0 and 1.2.0, and whose stages do not soak.
    pub(crate) fn of_scripts(hosts: usize) -> Self {
        Self::up(hosts).with_scripts()
    }

    /// Has it install a shell script as its product.
    pub(crate) fn with_scripts(self) -> Self {
        self.configure(|text| {
            let (start, end) = (text.find("[build]").unwrap(), text.find("[target]").unwrap());
            let text = format!("{}{BUILD}\n{}", &text[..start], &text[end..]);
            let text = text.replace("remote     = \"origin\"", "remote     = \"\"");
            let text =
                text.replace("\"5s\"\npromote", "\"0s\"\npromote").replace("= \"3s\"\nbudget", "= \"0s\"\nbudget");
            text.replace("bin/minewatch check --self", "bin/tool check")
        });
        fs::remove_dir_all(self.dir.join("product")).unwrap();
        git(&self.dir, &["init", "--quiet", "product"]);
        self.tag("1.0.0", |_| {});
        self.tag("1.2.0", |_| {});
        self
    }

    /// Commits a version of the scripts, with changes to its tree, and tags it.
    pub(crate) fn tag(&self, version: &str, change: impl FnOnce(&Path)) {
        self.commit(version, change);
        git(&self.dir.join("product"), &["tag", version]);
    }

    /// Commits a version of the scripts, with changes to its tree.
    pub(crate) fn commit(&self, version: &str, change: impl FnOnce(&Path)) {
        let tree = self.dir.join("product/tree");
        fs::create_dir_all(tree.join("bin")).unwrap();
        fs::create_dir_all(tree.join("share")).unwrap();
        let script = format!("#!/bin/sh\necho {version}\n");
        fs::write(tree.join("bin/tool"), script).unwrap();
        fs::set_permissions(tree.join("bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
        for file in 0..12 {
            let text = format!("{version} {file}\n").repeat(500);
            fs::write(tree.join(format!("share/{file}")), text).unwrap();
        }
        fs::write(tree.join("share/same"), "the same in every version\n".repeat(500)).unwrap();
        change(&tree);
        git(&self.dir.join("product"), &["add", "--all"]);
        git(&self.dir.join("product"), &["commit", "--quiet", "--message", version]);
    }

    /// Changes the configuration.
    pub(crate) fn configure(&self, change: impl FnOnce(String) -> String) {
        let file = self.dir.join("coalmine.toml");
        let before = fs::read_to_string(&file).unwrap();
        let after = change(before.clone());
        assert_ne!(before, after, "nothing was changed");
        fs::write(file, after).unwrap();
    }

    /// Runs a headless install that asks nothing.
    pub(crate) fn install(&self, arguments: &[&str]) -> Answer {
        self.coalmine(&[&["install-world", "--yes", "--headless"], arguments].concat())
    }

    /// Lists the rollouts so far, oldest first.
    pub(crate) fn rollouts(&self) -> Vec<String> {
        let folders = fs::read_dir(self.state.join("rollouts")).into_iter().flatten();
        let mut ids: Vec<String> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        ids.sort();
        ids
    }

    /// Waits for a rollout beside those that were there; gives its id.
    pub(crate) fn newest(&self, before: &[String]) -> String {
        until("the rollout", || self.rollouts().into_iter().find(|id| !before.contains(id)))
    }

    /// Surveys the fleet; gives the exit code and what the JSON says.
    pub(crate) fn status(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let answer = self.coalmine(&[&["status", "--output", "json"], arguments].concat());
        (answer.code, serde_json::from_str(&answer.stdout).unwrap())
    }

    /// Names every host that has a home: masters too.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let homes = fs::read_dir(self.dir.join("hosts")).unwrap();
        let mut hosts: Vec<String> = homes.map(|home| home.unwrap().file_name().into_string().unwrap()).collect();
        hosts.sort();
        hosts
    }

    /// The folder that holds the releases of a host.
    pub(crate) fn root(&self, host: &str) -> PathBuf {
        self.dir.join("hosts").join(host).join("minewatch")
    }

    /// Lists what a host remembers of rollouts, and its log: for whoever has to find out why.
    pub(crate) fn remembers(&self, host: &str) -> String {
        let folder = self.root(host).join(".coalmine");
        let listed = Command::new("ls").args(["-laR", "--time-style=full-iso"]).arg(&folder).output().unwrap();
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        format!("{}\n{log}", String::from_utf8_lossy(&listed.stdout))
    }

    /// Proves that what a host runs is a whole release, file by file, or that it runs none; gives its version.
    #[track_caller]
    pub(crate) fn runs(&self, host: &str) -> Option<String> {
        self.runs_by(host, "current")
    }

    /// As `runs`, by another link than the usual one.
    #[track_caller]
    pub(crate) fn runs_by(&self, host: &str, link: &str) -> Option<String> {
        let root = self.root(host);
        let target = match fs::read_link(root.join(link)) {
            Ok(target) => target,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => panic!("{host}: {link}: {error}"),
        };
        let id = target.file_name().unwrap().to_str().unwrap().trim_start_matches('.').trim_end_matches(".repair");
        let (version, digest) = id.rsplit_once('-').unwrap();
        let folder = root.join(&target);
        let text = fs::read(folder.join(MANIFEST)).unwrap_or_else(|error| panic!("{host}: {id}: {error}"));
        assert_eq!(Digest(Sha256::digest(&text).into()).short(), digest, "{host}: {id} has another's manifest");
        let mut there = entries(&folder);
        assert!(there.remove(Path::new(MANIFEST)));
        for entry in Manifest::parse(&text).unwrap().entries() {
            let path = folder.join(entry.path());
            assert!(there.remove(entry.path()), "{host}: {} is not there", path.display());
            match entry.kind() {
                Kind::Directory => assert!(path.is_dir()),
                Kind::File { executable, digest, .. } => {
                    let content = Digest(Sha256::digest(fs::read(&path).unwrap()).into());
                    assert_eq!(content, *digest, "{host}: {} is another", path.display());
                    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o100 != 0, *executable);
                }
                Kind::Symlink { target } => assert_eq!(fs::read_link(&path).unwrap().as_os_str(), &**target),
            }
        }
        assert!(there.is_empty(), "{host}: {id} has too much: {there:?}");
        Some(version.to_owned())
    }

    /// Asserts that all of some hosts run a version, whole.
    #[track_caller]
    pub(crate) fn all_run(&self, hosts: impl IntoIterator<Item = String>, version: Option<&str>) {
        for host in hosts {
            assert_eq!(self.runs(&host).as_deref(), version, "{host}");
        }
    }

    /// Gives everything that was ever noted on a host.
    pub(crate) fn log(&self, host: &str) -> Vec<String> {
        let text = fs::read_to_string(self.root(host).join(".coalmine/log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Gives what hosts have that must not change when nothing is done: names below the root, links and the log.
    pub(crate) fn picture(&self) -> Vec<String> {
        let mut picture = Vec::new();
        for host in self.hosts() {
            let root = self.root(&host);
            let releases = fs::read_dir(root.join("releases")).into_iter().flatten();
            let mut names: Vec<_> = releases.map(|release| release.unwrap().file_name()).collect();
            names.sort();
            picture.push(format!("{host} {:?} {names:?} {:?}", fs::read_link(root.join("current")), self.log(&host)));
        }
        picture
    }
}

/// Lists everything below a folder.
fn entries(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
            found.insert(entry.path().strip_prefix(folder).unwrap().to_owned());
        }
    }
    found
}
