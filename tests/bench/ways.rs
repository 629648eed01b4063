//! The hosts, and the ways in which they are upgraded.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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

/// Says what a bench wants of a fleet.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    pub(crate) hosts: usize,
    /// How connections agree on a key; none is as ssh does where nobody says it, and not what the sandbox takes for being cheap.
    pub(crate) kex: Option<String>,
    pub(crate) packs: Option<String>,
    /// An older coalmine, which has the hosts for itself in a folder of its own.
    pub(crate) before: Option<PathBuf>,
}

/// Is one coalmine, with what it has here and on the hosts.
#[derive(Debug)]
pub(crate) struct Side {
    program: OsString,
    /// The folder of its configurations.
    folder: PathBuf,
    pub(crate) root: &'static str,
    /// What it remembers on each host of the old version.
    states: Vec<String>,
    /// Where its link leads to then.
    old: String,
}

impl Side {
    fn new(program: OsString, folder: PathBuf, root: &'static str) -> Self {
        Self { program, folder, root, states: Vec::new(), old: String::new() }
    }

    /// Gives a command with one of its configurations.
    pub(crate) fn with(&self, config: &str, arguments: &[&str]) -> Vec<OsString> {
        let mut command = vec![self.program.clone(), "-c".into(), self.folder.join(config).into()];
        command.extend(["--state-dir".into(), self.state().into()]);
        command.extend(arguments.iter().map(Into::into));
        command
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    pub(crate) fn is_old(&self, home: &Path) -> bool {
        fs::read_link(home.join(self.root).join("current")).is_ok_and(|link| link.as_os_str() == self.old.as_str())
    }

    /// Tells whether a host still has the old version, whatever it runs.
    pub(crate) fn has_old(&self, home: &Path) -> bool {
        home.join(self.root).join("releases").join(self.old.rsplit('/').next().unwrap_or_default()).is_dir()
    }

    /// Puts a host where it was before an upgrade.
    fn go_back(&self, home: &Path, state: &str) -> Result<()> {
        let root = home.join(self.root);
        let link = root.join("current");
        fs::remove_file(&link)?;
        symlink(&self.old, &link)?;
        fs::write(root.join(".coalmine/state"), state)?;
        for release in fs::read_dir(root.join("releases"))? {
            let release = release?.path();
            if !release.ends_with(&self.old) {
                fs::remove_dir_all(release)?;
            }
        }
        Ok(())
    }
}

/// The usual configuration; one whose rollouts soak for an hour; one whose connections stay for the next command; and one under which the
/// hosts keep all that they are sent.
pub(crate) const USUAL: &str = "coalmine.toml";
pub(crate) const SOAKING: &str = "soaking.toml";
pub(crate) const STAYING: &str = "staying.toml";
pub(crate) const LISTENING: &str = "listening.toml";

/// What this program is started with to keep what passes through it.
pub(crate) const LISTEN: &str = "listen";

/// Gives what keeps all that a shell is sent as scripts, and as a pack, in two files of the host's home; rsync is left alone.
pub(crate) fn listener() -> Result<[String; 4]> {
    let own = std::env::current_exe()?;
    let own = own.to_str().context("a path that is no text")?;
    let script = format!(
        "case $1$2 in sh-s) to=scripts ;; sh-c) to=carried ;; *) exec \"$@\" ;; esac; \"{own}\" {LISTEN} \"$HOME/.$to\" | \"$@\""
    );
    Ok(["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()])
}

/// Asks the product whether it works, as a gate does.
pub(crate) const GATE: &str = "/usr/bin/python3 -I -B bin/tool";

/// Holds a sandbox whose hosts have the old version, from coalmine and from rsync.
pub(crate) struct Fleet {
    pub(crate) dir: PathBuf,
    pub(crate) ours: Side,
    pub(crate) before: Option<Side>,
    /// By which everybody connects.
    pub(crate) ssh_config: PathBuf,
    /// The homes of the hosts that are upgraded.
    pub(crate) homes: Vec<PathBuf>,
    pub(crate) hosts: PathBuf,
    pub(crate) supervisor: u32,
    /// What holds connections.
    held: RefCell<Option<Held>>,
}

/// Is what holds connections that a command can use.
#[derive(Debug)]
enum Held {
    /// The conductor of a rollout that soaks.
    BySoak(Child),
    /// Nobody: they stay for a while.
    ByItself,
}

impl Fleet {
    pub(crate) fn up(dir: &Path, program: OsString, setup: &Setup) -> Result<Self> {
        cost::adopt()?;
        let sandbox = dir.join("sandbox");
        let supervisor = vec![program.clone(), "sandbox".into(), "serve".into()];
        sandbox::up(&sandbox::Options { dir: sandbox.clone(), hosts: setup.hosts, supervisor })?;
        let status = sandbox::status(&sandbox)?;
        let targets: Vec<_> = status.hosts.into_iter().filter(|host| !host.is_master).collect();
        let list: String = targets.iter().map(|host| format!("{}\n", host.host)).collect();
        let before = setup.before.as_ref().map(|program| Side::new(program.into(), dir.join("older"), "older"));
        let mut fleet = Self {
            homes: targets.into_iter().map(|host| host.home).collect(),
            hosts: dir.join("hosts"),
            dir: dir.to_owned(),
            ours: Side::new(program, dir.to_owned(), ROOT),
            before,
            ssh_config: dir.join("ssh_config"),
            supervisor: status.supervisor,
            held: RefCell::new(None),
        };
        fs::write(&fleet.hosts, list)?;
        let usual = fs::read_to_string(sandbox.join("ssh_config"))?;
        let agreed = setup.kex.as_ref().map(|kex| format!("Host *\n    KexAlgorithms {kex}\n")).unwrap_or_default();
        let others = usual.lines().filter(|line| !line.trim_start().starts_with("KexAlgorithms"));
        fs::write(&fleet.ssh_config, others.fold(agreed, |text, line| text + line + "\n"))?;
        let packs = setup.packs.as_ref().map(|when| format!("[transfer]\npacks = \"{when}\"\n"));
        let listen = format!("become = {}\n", serde_json::to_string(&listener()?)?);
        for (name, target, stay, soak) in [
            (USUAL, "", "", "0s"),
            (SOAKING, "", "", "1h"),
            (STAYING, "", "persist = \"5s\"\n", "0s"),
            (LISTENING, listen.as_str(), "", "0s"),
        ] {
            let packs = packs.as_deref().unwrap_or_default();
            fs::write(dir.join(name), fleet.config(ROOT, &format!("{target}{packs}"), stay, soak))?;
        }
        if let Some(before) = &fleet.before {
            fs::create_dir(&before.folder)?;
            fs::write(before.folder.join(USUAL), fleet.config(before.root, "", "", "0s"))?;
        }
        fleet.install()?;
        Ok(fleet)
    }

    fn config(&self, root: &str, more: &str, stay: &str, soak: &str) -> String {
        let dir = self.dir.display();
        format!(
            r#"[product]
name = "bench"
repository = "{dir}/repository"
remote = ""
[build]
kind = "command"
commands = ["cp -R tree/. {{prefix}}"]
check = "test -f pyvenv.cfg"
[target]
root = "{root}"
{more}[ssh]
config = "{dir}/ssh_config"
{stay}[groups]
all = {{ file = "{dir}/hosts" }}
[environments.bench]
hosts = "@all"
[[environments.bench.stages]]
name = "fleet"
soak = "{soak}"
[[gates]]
name = "works"
on = "host"
run = "{GATE}"
"#
        )
    }

    /// Builds both versions and puts the old one everywhere, by all ways.
    fn install(&mut self) -> Result<()> {
        for side in [Some(&mut self.ours), self.before.as_mut()].into_iter().flatten() {
            run(&side.with(USUAL, &["build", NEW]))?;
            run(&side.with(USUAL, &["install-world", OLD, "--yes"]))?;
            for home in &self.homes {
                side.states.push(fs::read_to_string(home.join(side.root).join(".coalmine/state"))?);
                let link = fs::read_link(home.join(side.root).join("current"))?;
                side.old = link.to_str().context("a link that is no text")?.to_owned();
            }
        }
        for version in [OLD, NEW] {
            let built = self.built(version)?;
            // A build gives its files the time at which it writes them.
            copy(&built, &self.source(version, "fresh"), &["-rlp"])?;
            std::thread::sleep(Duration::from_millis(1100));
        }
        // As if both had been made of the same unpacked packages: what is equal in the new one has the old one's times.
        copy(&self.source(OLD, "fresh"), &self.source(NEW, "kept"), &["-a"])?;
        copy(&self.source(NEW, "fresh"), &self.source(NEW, "kept"), &["-rlpc", "--delete"])
    }

    pub(crate) fn coalmine(&self, arguments: &[&str]) -> Vec<OsString> {
        self.ours.with(USUAL, arguments)
    }

    /// Gives the folder of a build in coalmine's store.
    fn built(&self, version: &str) -> Result<PathBuf> {
        let releases = self.ours.state().join("releases");
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
        for home in &self.homes {
            let target = Self::target(home, way);
            match way {
                Way::Coalmine => {}
                Way::Fresh if target.exists() => fs::remove_dir_all(target)?,
                Way::Fresh => {}
                Way::Compressed | Way::Plain | Way::Kept => {
                    copy(&self.source(OLD, "fresh"), &target, &["-a", "--delete"])?;
                }
            }
        }
        if way == Way::Coalmine { self.return_to_old(&self.ours) } else { Ok(()) }
    }

    /// Puts every host where one coalmine had it before an upgrade.
    pub(crate) fn return_to_old(&self, side: &Side) -> Result<()> {
        self.homes.iter().zip(&side.states).try_for_each(|(home, state)| side.go_back(home, state))
    }

    /// Lets a rollout soak, whose conductor has a connection to every host, until it is let go.
    pub(crate) fn hold_by_soak(&self) -> Result<()> {
        let told = self.dir.join("soaking.log");
        let command = self.ours.with(SOAKING, &["install-world", NEW, "--even-bad", "--yes", "--output", "jsonl"]);
        let (program, arguments) = command.split_first().context("no command")?;
        let mut conducting = Command::new(program);
        let log = File::create(&told)?;
        conducting.args(arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        *self.held.borrow_mut() = Some(Held::BySoak(conducting.spawn()?));
        let deadline = Instant::now() + Duration::from_secs(120);
        while !fs::read_to_string(&told)?.contains("\"soak_started\"") {
            ensure!(Instant::now() < deadline, "no rollout soaks: {}", fs::read_to_string(&told)?);
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Asks every host, and leaves the connections to whoever comes within seconds.
    pub(crate) fn hold_by_itself(&self) -> Result<()> {
        *self.held.borrow_mut() = Some(Held::ByItself);
        run(&self.ours.with(STAYING, &["status", OLD])).map(drop)
    }

    /// Ends what holds connections, and puts every host back.
    pub(crate) fn let_go(&self) -> Result<()> {
        match self.held.take() {
            None => Ok(()),
            Some(Held::ByItself) => self.wait_for_hosts(),
            Some(Held::BySoak(mut held)) => {
                run(&self.ours.with(SOAKING, &["abort"]))?;
                held.wait()?;
                self.wait_for_hosts()?;
                self.return_to_old(&self.ours)?;
                run(&self.coalmine(&["status", OLD])).map(drop)
            }
        }
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

    /// Runs a command, and tells what that cost; what holds connections does for it meanwhile is the deploy server's.
    pub(crate) fn measure(&self, command: &[OsString]) -> Result<Cost> {
        cost::bury()?;
        let is_held = self.held.borrow().is_some();
        let beside = || if is_held { cost::beside(self.supervisor) } else { Ok(Duration::ZERO) };
        let (hosts, orphans, connections) = (cost::spent(self.supervisor)?, cost::buried()?, self.accepted()?);
        let lent = beside()?;
        let (wall, own) = cost::measure(command, &self.dir.join("log"))?;
        if is_held {
            // What was asked has been answered; what the shells there do then is theirs.
            std::thread::sleep(Duration::from_millis(300));
        } else {
            self.wait_for_hosts()?;
        }
        let lent = beside()?.saturating_sub(lent);
        cost::bury()?;
        // The command that watches over the client was a child of this process as well.
        let orphans = cost::buried()?.saturating_sub(orphans).saturating_sub(own);
        Ok(Cost {
            wall,
            client: own + lent,
            hosts: cost::spent(self.supervisor)?.saturating_sub(hosts) + orphans,
            connections: self.accepted()? - connections,
        })
    }

    pub(crate) fn parallel_rsync(&self, options: &[&str], source: &Path, target: &str) -> Vec<OsString> {
        let config = &self.ssh_config;
        let mut command: Vec<OsString> = vec!["parallel-rsync".into(), "-h".into(), self.hosts.clone().into()];
        command.extend(["-p", "32", "-t", "0"].map(Into::into));
        command.extend(["-S".into(), format!("-F{}", config.display()).into()]);
        command.extend(options.iter().map(Into::into));
        command.extend([format!("{}/", source.display()).into(), target.into()]);
        command
    }

    /// Tells by which algorithm a connection to the first host agrees on its key.
    pub(crate) fn key_exchange(&self) -> Result<String> {
        let hosts = fs::read_to_string(&self.hosts)?;
        let host = hosts.lines().next().context("no host")?;
        let mut command = Command::new("ssh");
        command.args(["-v", "-n", "-F"]).arg(&self.ssh_config).args([host, "true"]).stdin(Stdio::null());
        let said = String::from_utf8_lossy(&command.output()?.stderr).into_owned();
        let agreed = said.lines().find_map(|line| line.trim().strip_prefix("debug1: kex: algorithm: "));
        agreed.map(str::to_owned).with_context(|| format!("ssh does not say how it agreed on a key:\n{said}"))
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
        if let Some(Held::BySoak(mut held)) = self.held.take()
            && let Err(error) = held.kill().and_then(|()| held.wait().map(drop))
        {
            eprintln!("the rollout that soaks was not ended: {error}");
        }
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
pub(crate) fn copy(from: &Path, to: &Path, options: &[&str]) -> Result<()> {
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
