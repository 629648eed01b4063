//! How a sandbox comes up and goes down.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::error::at;
use super::fleet::{self, Network, SandboxHost};
use super::privsep::PrivilegeSeparation;
use super::state::{Layout, Record};
use super::supervisor::READY;
use super::{SandboxError, files, process, product, tools};

/// How many subnets of loopback are tried before the sandbox gives up.
const TRIES: usize = 16;

/// How long the supervisor may take to listen for a thousand hosts on a busy machine.
const START_TIME: Duration = Duration::from_secs(30);

/// Says what sandbox is wanted.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder that it will live in; made, and removed again by [`down`].
    pub dir: PathBuf,
    /// How many hosts beside the two masters, 1 to [`super::MAX_HOSTS`].
    pub hosts: usize,
    /// The program and arguments that run [`super::serve`] when the folder is added: `coalmine sandbox serve`.
    pub supervisor: Vec<OsString>,
}

/// Tells what came up; its text says how to go on.
#[derive(Debug, Clone)]
pub struct Report {
    /// The sandbox's folder.
    pub dir: PathBuf,
    /// How many hosts it has beside the masters.
    pub hosts: usize,
    /// Whether it was up before, and nothing was done.
    pub was_up: bool,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// Names the configuration of the fleet.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.join("coalmine.toml")
    }

    /// Names the configuration with which ssh reaches every host.
    #[must_use]
    pub fn ssh_config(&self) -> PathBuf {
        self.dir.join("ssh_config")
    }

    /// Names a folder for coalmine's own state that goes away with the sandbox.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hosts, was_up, took, dir } = self;
        if *was_up {
            writeln!(f, "the sandbox was up already: {hosts} hosts and 2 masters in {}", dir.display())?;
        } else {
            let seconds = took.as_secs_f32();
            writeln!(f, "{hosts} hosts and 2 masters are up in {} ({seconds:.1} s)", dir.display())?;
        }
        let coalmine = format!("coalmine -c {} --state-dir {}", self.config().display(), self.state_dir().display());
        writeln!(f, "  {coalmine} install-world 1.2.0    a good release")?;
        writeln!(f, "  {coalmine} install-world          the newest, which only a gate finds broken")?;
        writeln!(f, "  ssh -F {} mw01.eqiad.sandbox", self.ssh_config().display())
    }
}

/// Tells what [`down`] ended and removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The folder that is gone.
    pub dir: PathBuf,
    /// Whether a sandbox was there at all.
    pub was_there: bool,
    /// How many processes were still running beside the supervisor and what ended with it.
    pub killed: usize,
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dir = self.dir.display();
        if self.was_there { writeln!(f, "{dir}: removed") } else { writeln!(f, "{dir}: there was no sandbox") }
    }
}

/// Brings a sandbox up: every host answers over ssh when this returns.
///
/// Asked again for the same number of hosts it does nothing and says so. What fails is undone.
///
/// # Errors
///
/// When a tool is missing, the folder holds something else, or no part of loopback is free.
pub fn up(options: &Options) -> Result<Report, SandboxError> {
    let start = Instant::now();
    let layout = Layout::new(&options.dir)?;
    let tools = tools::find()?;
    let hosts = options.hosts;
    let report = |was_up| Report { dir: layout.dir.clone(), hosts, was_up, took: start.elapsed() };
    if let Some(state) = layout.state()? {
        return match layout.supervisor()? {
            Some(_) if state.hosts == hosts => Ok(report(true)),
            Some(_) => Err(SandboxError::Up { dir: layout.dir, running: state.hosts }),
            None => Err(SandboxError::Remains { dir: layout.dir }),
        };
    }
    let mut state = Record::new(hosts, Network::random(), own_name()?, tools.sshd);
    state.pythons = tools.pythons;
    state.extra_path = tools::extra_path(&tools.rsync);
    let fleet = state.fleet()?;
    match fs::read_dir(&layout.dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) => return Err(SandboxError::Foreign { dir: layout.dir }),
        Err(error) if error.kind() == ErrorKind::NotFound => files::make_folder(&layout.dir)?,
        Err(error) => return Err(at(&layout.dir)(error)),
    }
    match build(&layout, &mut state, &fleet, options) {
        Ok(()) => Ok(report(false)),
        Err(error) => {
            if let Err(worse) = down(&layout.dir) {
                tracing::warn!(error = %worse, "the remains could not be removed");
            }
            Err(error)
        }
    }
}

fn build(layout: &Layout, state: &mut Record, fleet: &[SandboxHost], options: &Options) -> Result<(), SandboxError> {
    layout.write_state(state)?;
    files::write_all(layout, fleet)?;
    std::thread::scope(|scope| {
        let product = scope.spawn(|| {
            product::make_repository(&layout.dir)?;
            product::make_stale_copy(&layout.dir)
        });
        files::make_keys(layout, fleet)?;
        product.join().unwrap_or(Ok(()))
    })?;
    let fleet = start(layout, state, options)?;
    files::write_addresses(layout, state, &fleet)?;
    prove(layout, &fleet)
}

/// Starts the supervisor on a part of loopback that is free.
fn start(layout: &Layout, state: &mut Record, options: &Options) -> Result<Vec<SandboxHost>, SandboxError> {
    let mut last = String::new();
    for _ in 0..TRIES {
        layout.write_state(state)?;
        let said = start_once(layout, options)?;
        if said == READY {
            return fleet::hosts(state.hosts, state.network);
        }
        said.clone_into(&mut last);
        state.network = Network::random();
    }
    Err(SandboxError::NoAddress { tries: TRIES, last })
}

/// Gives the one line that the supervisor says.
fn start_once(layout: &Layout, options: &Options) -> Result<String, SandboxError> {
    let log = layout.supervisor_log();
    let failed = |what: &str| SandboxError::Supervisor { what: format!("{what}: {}", tail(&log)) };
    let (program, arguments) = options.supervisor.split_first().ok_or_else(|| failed("was not named"))?;
    let errors = File::options().create(true).append(true).open(&log).map_err(at(&log))?;
    let mut child = Command::new(program)
        .args(arguments)
        .arg(&layout.dir)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .map_err(at(program))?;
    match first_line(&mut child) {
        Some(line) => Ok(line),
        None => {
            // It may have ended by itself; then its log says why.
            child.kill().map_err(at(program))?;
            child.wait().map_err(at(program))?;
            Err(failed("did not start"))
        }
    }
}

/// Reads a line of what the process prints, as long as that may take; none when it ends or takes longer.
fn first_line(child: &mut Child) -> Option<String> {
    let output = child.stdout.take()?;
    let (tx, rx) = mpsc::channel();
    // Not joined: the supervisor lives on with its end of the pipe closed by this thread as soon as it has spoken.
    std::thread::spawn(move || {
        let mut line = String::new();
        if BufReader::new(output).read_line(&mut line).is_ok() {
            tx.send(line.trim().to_owned()).unwrap_or_default();
        }
    });
    rx.recv_timeout(START_TIME).ok().filter(|line| !line.is_empty())
}

/// Logs in once: what sshd thinks of this account and of these files shows only then.
fn prove(layout: &Layout, fleet: &[SandboxHost]) -> Result<(), SandboxError> {
    let Some(host) = fleet.first() else {
        return Ok(());
    };
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(layout.path("ssh_config")).args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]);
    ssh.arg(host.id.as_str()).arg("true");
    tools::run("ssh", &mut ssh).map(drop).map_err(|error| SandboxError::NoConnection {
        what: format!("{error}; sshd: {}", tail(&layout.sshd_log(&host.id))),
    })
}

/// Ends every process of the sandbox in a folder, whatever state it is in, and removes the folder.
///
/// A folder that is not there is not an error; one that holds something else is, and is left alone.
///
/// # Errors
///
/// When the folder is not a sandbox, or a process or a file of it could not be removed.
pub fn down(dir: &Path) -> Result<Removed, SandboxError> {
    let layout = Layout::new(dir)?;
    let removed = |was_there, killed| Removed { dir: layout.dir.clone(), was_there, killed };
    let Some(state) = layout.state()? else {
        return match fs::read_dir(&layout.dir).map(|mut entries| entries.next().is_none()) {
            Ok(false) => Err(SandboxError::Foreign { dir: layout.dir }),
            _ => Ok(removed(false, 0)),
        };
    };
    if let Some(supervisor) = layout.supervisor()?
        && supervisor.signal(Signal::TERM)
        && !supervisor.wait_gone(Duration::from_secs(10))
        && supervisor.signal(Signal::KILL)
        && !supervisor.wait_gone(Duration::from_secs(5))
    {
        return Err(SandboxError::Survivors { pids: vec![supervisor.pid] });
    }
    let killed = process::sweep(&state.token, Duration::from_secs(10))?;
    PrivilegeSeparation::release()?;
    remove_tree(&layout.dir)?;
    Ok(removed(true, killed))
}

/// Removes a folder with releases in it, which their owner cannot write to.
fn remove_tree(dir: &Path) -> Result<(), SandboxError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            make_writable(dir)?;
            fs::remove_dir_all(dir).map_err(at(dir))
        }
        removed => removed.map_err(at(dir)),
    }
}

fn make_writable(folder: &Path) -> Result<(), SandboxError> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(at(folder))?;
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let entry = entry.map_err(at(folder))?;
        // Not through links: a release may link to anywhere.
        if entry.file_type().map_err(at(entry.path()))?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

fn own_name() -> Result<String, SandboxError> {
    tools::run("id", Command::new("id").arg("-un")).map(|name| name.trim().to_owned())
}

/// Gives the last lines of a log.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let last = lines.iter().rev().take(5).rev().copied().collect::<Vec<_>>().join("; ");
    if last.is_empty() { format!("{} is empty", log.display()) } else { last }
}
