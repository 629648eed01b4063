//! The hosts, and the ways in which they are upgraded.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use coalmine::sandbox;

use super::cost::{self, Cost};
use super::product::{NEW, OLD};

/// Where coalmine puts its releases on a host, and parallel-rsync its folder.
pub(crate) const ROOT: &str = "coalmine";
const PLAIN: &str = "plain";

/// Names what takes the hosts from the old version to the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Coalmine,
    /// `-az --delete` over the old files, of a build whose files are all new by their times.
    Compressed,
    /// The same without `-z`.
    Plain,
    /// `-az` into a folder beside the old files.
    Fresh,
    /// `-az --delete` over the old files, of a build in which files that did not change kept their time.
    Kept,
}

impl Way {
    pub(crate) const ALL: [Self; 5] = [Self::Coalmine, Self::Compressed, Self::Plain, Self::Fresh, Self::Kept];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Coalmine => "coalmine install-world",
            Self::Compressed => "parallel-rsync -az --delete, in place, as built",
            Self::Plain => "parallel-rsync -a --delete, in place, as built",
            Self::Fresh => "parallel-rsync -az, into a fresh folder",
            Self::Kept => "parallel-rsync -az --delete, in place, times kept",
        })
    }
}

/// Holds a sandbox whose hosts have the old version, from coalmine and from rsync.
pub(crate) struct Fleet {
    pub(crate) dir: PathBuf,
    program: OsString,
    kex: Option<String>,
    /// The homes of the hosts that are upgraded.
    pub(crate) homes: Vec<PathBuf>,
    pub(crate) hosts: PathBuf,
    pub(crate) supervisor: u32,
    /// What coalmine remembers on each host of the old version.
    states: Vec<String>,
    old: String,
}

impl Fleet {
    pub(crate) fn up(
        dir: &Path,
        program: OsString,
        hosts: usize,
        kex: Option<String>,
        packs: Option<&str>,
    ) -> Result<Self> {
        cost::adopt()?;
        let sandbox = dir.join("sandbox");
        let supervisor = vec![program.clone(), "sandbox".into(), "serve".into()];
        sandbox::up(&sandbox::Options { dir: sandbox.clone(), hosts, supervisor })?;
        let status = sandbox::status(&sandbox)?;
        let targets: Vec<_> = status.hosts.into_iter().filter(|host| !host.is_master).collect();
        let list: String = targets.iter().map(|host| format!("{}\n", host.host)).collect();
        let mut fleet = Self {
            homes: targets.into_iter().map(|host| host.home).collect(),
            hosts: dir.join("hosts"),
            dir: dir.to_owned(),
            program,
            kex,
            supervisor: status.supervisor,
            states: Vec::new(),
            old: String::new(),
        };
        fs::write(&fleet.hosts, list)?;
        fs::write(fleet.dir.join("coalmine.toml"), fleet.config(packs))?;
        fleet.install()?;
        Ok(fleet)
    }

    fn config(&self, packs: Option<&str>) -> String {
        let dir = self.dir.display();
        let packs = packs.map(|when| format!("[transfer]\npacks = \"{when}\"\n")).unwrap_or_default();
        format!(
            r#"[product]
name = "bench"
repository = "{dir}/repository"
remote = ""
[build]
kind = "command"
commands = ["cp -R tree/. {{prefix}}"]
check = "test -f pyvenv.cfg"
{packs}[target]
root = "{ROOT}"
[ssh]
config = "{dir}/sandbox/ssh_config"
kex = "{kex}"
[groups]
all = {{ file = "{dir}/hosts" }}
[environments.bench]
hosts = "@all"
[[environments.bench.stages]]
name = "fleet"
soak = "0s"
[[gates]]
name = "answers"
on = "host"
run = "test -f pyvenv.cfg"
"#,
            kex = self.kex.as_deref().unwrap_or_default(),
        )
    }

    /// Builds both versions and puts the old one everywhere, by both ways.
    fn install(&mut self) -> Result<()> {
        run(&self.coalmine(&["build", NEW]))?;
        run(&self.coalmine(&["install-world", OLD, "--yes"]))?;
        for version in [OLD, NEW] {
            let built = self.built(version)?;
            // A build gives its files the time at which it writes them.
            copy(&built, &self.source(version, "fresh"), &["-rlp"])?;
            std::thread::sleep(Duration::from_millis(1100));
        }
        // As if both had been made of the same unpacked packages: what is equal in the new one has the old one's times.
        copy(&self.source(OLD, "fresh"), &self.source(NEW, "kept"), &["-a"])?;
        copy(&self.source(NEW, "fresh"), &self.source(NEW, "kept"), &["-rlpc", "--delete"])?;
        for home in &self.homes {
            self.states.push(fs::read_to_string(home.join(ROOT).join(".coalmine/state"))?);
            let link = fs::read_link(home.join(ROOT).join("current"))?;
            self.old = link.to_str().context("a link that is no text")?.to_owned();
        }
        Ok(())
    }

    pub(crate) fn coalmine(&self, arguments: &[&str]) -> Vec<OsString> {
        let mut command = vec![self.program.clone(), "-c".into(), self.dir.join("coalmine.toml").into()];
        command.extend(["--state-dir".into(), self.dir.join("state").into()]);
        command.extend(arguments.iter().map(Into::into));
        command
    }

    /// Gives the folder of a build in coalmine's store.
    fn built(&self, version: &str) -> Result<PathBuf> {
        let releases = self.dir.join("state/releases");
        for entry in fs::read_dir(&releases)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&format!("{version}-")) {
                return Ok(entry.path().join("tree"));
            }
        }
        bail!("{} has no {version}", releases.display())
    }

    pub(crate) fn source(&self, version: &str, times: &str) -> PathBuf {
        self.dir.join(format!("{version}-{times}"))
    }

    /// Gives the host's folder that a way fills.
    fn target(home: &Path, way: Way) -> PathBuf {
        match way {
            Way::Coalmine => home.join(ROOT).join("current"),
            Way::Fresh => home.join("fresh"),
            Way::Compressed | Way::Plain | Way::Kept => home.join(PLAIN),
        }
    }

    /// Puts every host where it was before an upgrade.
    pub(crate) fn go_back(&self, way: Way) -> Result<()> {
        for (home, state) in self.homes.iter().zip(&self.states) {
            let target = Self::target(home, way);
            match way {
                Way::Coalmine => {
                    let root = home.join(ROOT);
                    fs::remove_file(&target)?;
                    symlink(&self.old, &target)?;
                    fs::write(root.join(".coalmine/state"), state)?;
                    for release in fs::read_dir(root.join("releases"))? {
                        let release = release?.path();
                        if !release.ends_with(&self.old) {
                            fs::remove_dir_all(release)?;
                        }
                    }
                }
                Way::Fresh if target.exists() => fs::remove_dir_all(target)?,
                Way::Fresh => {}
                Way::Compressed | Way::Plain | Way::Kept => {
                    copy(&self.source(OLD, "fresh"), &target, &["-a", "--delete"])?;
                }
            }
        }
        Ok(())
    }

    /// Takes every host to the new version, and tells what that cost.
    pub(crate) fn upgrade(&self, way: Way) -> Result<Cost> {
        let command = match way {
            Way::Coalmine => self.coalmine(&["install-world", NEW, "--yes"]),
            Way::Compressed => self.parallel_rsync(&["-a", "-z", "-X", "--delete"], &self.source(NEW, "fresh"), PLAIN),
            Way::Plain => self.parallel_rsync(&["-a", "-X", "--delete"], &self.source(NEW, "fresh"), PLAIN),
            Way::Fresh => self.parallel_rsync(&["-a", "-z"], &self.source(NEW, "fresh"), "fresh"),
            Way::Kept => self.parallel_rsync(&["-a", "-z", "-X", "--delete"], &self.source(NEW, "kept"), PLAIN),
        };
        self.measure(&command)
    }

    /// Runs a command, and tells what that cost.
    pub(crate) fn measure(&self, command: &[OsString]) -> Result<Cost> {
        cost::bury()?;
        let (hosts, orphans, connections) = (cost::spent(self.supervisor)?, cost::buried()?, self.accepted()?);
        let (wall, client) = cost::measure(command, &self.dir.join("log"))?;
        self.wait_for_hosts()?;
        cost::bury()?;
        // The command that watches over the client was a child of this process as well.
        let orphans = cost::buried()?.saturating_sub(orphans).saturating_sub(client);
        Ok(Cost {
            wall,
            client,
            hosts: cost::spent(self.supervisor)?.saturating_sub(hosts) + orphans,
            connections: self.accepted()? - connections,
        })
    }

    pub(crate) fn parallel_rsync(&self, options: &[&str], source: &Path, target: &str) -> Vec<OsString> {
        let config = self.dir.join("sandbox/ssh_config");
        let mut command: Vec<OsString> = vec!["parallel-rsync".into(), "-h".into(), self.hosts.clone().into()];
        command.extend(["-p", "32", "-t", "0"].map(Into::into));
        command.extend(["-S".into(), format!("-F{}", config.display()).into()]);
        if let Some(kex) = &self.kex {
            command.extend(["-O".into(), format!("KexAlgorithms={kex}").into()]);
        }
        command.extend(options.iter().map(Into::into));
        command.extend([format!("{}/", source.display()).into(), target.into()]);
        command
    }

    /// Counts the connections that hosts have taken so far, by their logs.
    fn accepted(&self) -> Result<usize> {
        let mut count = 0;
        for entry in fs::read_dir(self.dir.join("sandbox/log"))? {
            let log = fs::read_to_string(entry?.path())?;
            count += log.lines().filter(|line| line.contains("Accepted publickey")).count();
        }
        Ok(count)
    }

    /// Waits until no connection is open: what a process took is told when it has ended.
    pub(crate) fn wait_for_hosts(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            let status = sandbox::status(&self.dir.join("sandbox"))?;
            if status.hosts.iter().all(|host| host.connections == 0) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("connections stay open")
    }

    /// Checks that every host has the new version, byte for byte.
    pub(crate) fn prove(&self, way: Way) -> Result<()> {
        let source = self.source(NEW, "fresh");
        for home in &self.homes {
            let mut target = Self::target(home, way).into_os_string();
            target.push("/");
            let mut from = source.clone().into_os_string();
            from.push("/");
            let command = ["rsync", "-rlcn", "--delete", "--itemize-changes"].map(OsString::from);
            let differing = run(&command.into_iter().chain([from, target]).collect::<Vec<_>>())?;
            ensure!(differing.trim().is_empty(), "{} differs:\n{differing}", home.display());
        }
        Ok(())
    }

    pub(crate) fn down(self) -> Result<()> {
        sandbox::down(&self.dir.join("sandbox"))?;
        Ok(())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Err(error) = sandbox::down(&self.dir.join("sandbox")) {
            eprintln!("the sandbox was not taken down: {error}");
        }
        // Releases are read-only, and their folder is to be removed.
        let mut mend = Command::new("chmod");
        if let Err(error) = mend.args(["-R", "u+w"]).arg(&self.dir).stderr(Stdio::null()).status() {
            eprintln!("{}: {error}", self.dir.display());
        }
    }
}

/// Copies a folder on this machine.
fn copy(from: &Path, to: &Path, options: &[&str]) -> Result<()> {
    let mut command = vec![OsString::from("rsync")];
    command.extend(options.iter().map(Into::into));
    let from = format!("{}/", from.display());
    command.extend([from.into(), to.into()]);
    run(&command).map(drop)
}

/// Runs a command to its end and gives what it printed.
pub(crate) fn run(command: &[OsString]) -> Result<String> {
    let (program, arguments) = command.split_first().context("no command")?;
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}\n{said}{complained}", output.status);
    Ok(said)
}
