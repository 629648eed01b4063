//! Counts processes and bytes.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use coalmine::host::{
    Fleet as _, GateCheck, Host as _, LockRequest, RealFleet, SshSettings, Survey, Switch, TargetSettings,
    TransferSettings,
};
use coalmine::model::{HostId, Operator, PackWhen, RollBackTarget, RolloutId};
use coalmine::release::{Store, StoredRelease};
use rustix::event::{PollFd, PollFlags, poll};

use super::product::{NEW, OLD};
use super::ways::{Fleet, GATE, ROOT, listener, run};

/// Where hosts keep what they are sent as scripts, and as packs, where they listen.
const SCRIPTS: &str = ".scripts";
const CARRIED: &str = ".carried";

/// Counts what is started below a process, while strace looks on.
pub(crate) struct Counting {
    strace: Option<Child>,
    trace: PathBuf,
}

impl Counting {
    /// Begins; counts nothing where strace is not installed.
    pub(crate) fn of(pid: u32, folder: &Path) -> Result<Self> {
        let trace = folder.join("trace");
        fs::write(&trace, "")?;
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o"]).arg(&trace).args([
            "-e",
            "trace=clone,clone3,fork,vfork",
            "-e",
            "signal=none",
        ]);
        command.args(["-p", &pid.to_string()]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let strace = command.spawn().ok();
        // Until it looks on.
        std::thread::sleep(Duration::from_millis(500));
        Ok(Self { strace, trace })
    }

    const fn is_there(&self) -> bool {
        self.strace.is_some()
    }

    /// Gives how many were started so far.
    fn so_far(&self) -> Result<usize> {
        let trace = fs::read_to_string(&self.trace)?;
        let is_start = |line: &&str| {
            ["clone(", "clone3(", "fork("].iter().any(|call| line.contains(call)) && !line.contains("CLONE_THREAD")
        };
        Ok(trace.lines().filter(is_start).count())
    }

    pub(crate) fn finish(mut self) -> Result<Option<usize>> {
        let Some(mut strace) = self.strace.take() else { return Ok(None) };
        std::thread::sleep(Duration::from_millis(200));
        let count = self.so_far()?;
        let pid = rustix::process::Pid::from_child(&strace);
        rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
        strace.wait()?;
        Ok(Some(count))
    }
}

/// Gives how many bytes went over loopback since the machine started, each counted once, whichever way it went.
pub(crate) fn loopback() -> Result<u64> {
    let text = fs::read_to_string("/proc/net/dev")?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("lo:")).context("no loopback")?;
    Ok(line.split_whitespace().next().context("no bytes")?.parse()?)
}

/// Passes standard input on, and adds it to a file.
///
/// What sshd gives a command as its two ends may be one socket, and who gets the other end may let nobody wait on it.
pub(crate) fn listen(path: &Path) -> Result<()> {
    let mut kept = fs::OpenOptions::new().create(true).append(true).open(path)?;
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(&input, PollFlags::IN)], None)?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let heard = buffer.get(..length).unwrap_or_default();
        kept.write_all(heard)?;
        output.write_all(heard)?;
        output.flush()?;
    }
}

/// Forgets what hosts were sent.
pub(crate) fn forget(fleet: &Fleet) -> Result<()> {
    for path in fleet.homes.iter().flat_map(|home| [home.join(SCRIPTS), home.join(CARRIED)]) {
        if path.exists() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Gives how many bytes of scripts one host was sent on average since then, and how many of packs.
pub(crate) fn sent(fleet: &Fleet) -> (u64, u64) {
    let mean = |file: &str| {
        let all: u64 = fleet.homes.iter().map(|home| length(&home.join(file))).sum();
        all / fleet.homes.len().max(1) as u64
    };
    (mean(SCRIPTS), mean(CARRIED))
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map(|found| found.len()).unwrap_or_default()
}

/// What one step of a rollout costs a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: String,
    /// How many processes it started, sshd's with them.
    pub(crate) processes: Option<usize>,
    /// How many bytes of scripts came, and how many of packs.
    pub(crate) scripts: u64,
    pub(crate) carried: u64,
    /// How many bytes went over the wire in both directions.
    pub(crate) wire: u64,
}

/// Takes one host through an upgrade, a way back and a status twice, and tells what each step started and sent: where it is listened to what
/// is sent, more processes run.
pub(crate) fn steps(fleet: &Fleet) -> Result<Vec<Step>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let counted = runtime.block_on(walk(fleet, false))?;
    fleet.return_to_old(&fleet.ours)?;
    run(&fleet.coalmine(&["status", OLD]))?;
    forget(fleet)?;
    let heard = runtime.block_on(walk(fleet, true))?;
    let both = counted.into_iter().zip(heard);
    Ok(both.map(|(step, heard)| Step { scripts: heard.scripts, carried: heard.carried, ..step }).collect())
}

async fn walk(fleet: &Fleet, listens: bool) -> Result<Vec<Step>> {
    let state = fleet.ours.state();
    let store = Store::open(&state)?;
    let find = |version: &str| -> Result<Arc<StoredRelease>> {
        for entry in fs::read_dir(state.join("releases"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with(&format!("{version}-")) {
                return Ok(Arc::new(store.get(&name.parse()?)?.context("it is gone")?));
            }
        }
        bail!("no {version} in the store")
    };
    let (old, new) = (find(OLD)?, find(NEW)?);
    let names = fs::read_to_string(&fleet.hosts)?;
    let id = HostId::new(names.lines().next().context("no host")?)?;
    let home = fleet.homes.first().context("no host")?;
    let ssh = SshSettings { config: Some(fleet.ssh_config.clone()), ..SshSettings::default() };
    let target = TargetSettings {
        root: ROOT.into(),
        current: "current".into(),
        keep: 5,
        r#become: if listens { listener()?.into() } else { Vec::new() },
        version_command: None,
        tool: None,
        slots: Vec::new(),
        version_link: None,
    };
    let bases = Store::open(&state)?;
    let transfer = TransferSettings { packs: PackWhen::Auto, ..TransferSettings::default() };
    let real = RealFleet::new(ssh, transfer, target, |_| false, bases)?;
    let host = real.host(&id);
    let rollout = RolloutId::new("steps")?;
    let switch = Switch { rollout: rollout.clone(), slot: None, confirm: Duration::ZERO, blames: true };
    let gate = GateCheck {
        name: "works".into(),
        run: GATE.into(),
        environment: Vec::new(),
        timeout: Duration::from_secs(30),
        retries: 0,
        dry: false,
    };
    let request = LockRequest {
        owner: Operator("bench@here".into()),
        rollout: rollout.clone(),
        term: 1,
        over: None,
        reason: None,
        lease: Duration::from_secs(60),
    };
    let failed = |error: coalmine::host::HostError| anyhow::anyhow!("{error}");
    let counting = if listens { None } else { Some(Counting::of(fleet.supervisor, &fleet.dir)?) };
    let count = || -> Result<(usize, u64, u64, u64)> {
        let processes = counting.as_ref().map_or(Ok(0), Counting::so_far)?;
        Ok((processes, length(&home.join(SCRIPTS)), length(&home.join(CARRIED)), loopback()?))
    };
    let is_counted = counting.as_ref().is_some_and(Counting::is_there);
    let mut steps = Vec::new();
    let mut before = count()?;
    let mut tell = |what: &str| -> Result<()> {
        let now = count()?;
        steps.push(Step {
            name: what.to_owned(),
            processes: is_counted.then_some(now.0 - before.0),
            scripts: now.1 - before.1,
            carried: now.2 - before.2,
            wire: now.3 - before.3,
        });
        before = now;
        Ok(())
    };
    host.probe(&Survey::Shallow, None).await.map_err(failed)?;
    tell("connect, and ask what is there")?;
    host.probe(&Survey::Files, None).await.map_err(failed)?;
    tell("ask whether its files are untouched")?;
    host.lock(&request, None).await.map_err(failed)?;
    tell("lock")?;
    host.prime(&new, &rollout, &|_| {}).await.map_err(failed)?;
    tell("prime an upgrade")?;
    host.prime(&new, &rollout, &|_| {}).await.map_err(failed)?;
    tell("prime what is primed")?;
    host.activate(&new.id, &switch).await.map_err(failed)?;
    tell("switch")?;
    host.check(&[gate]).await.map_err(failed)?;
    tell("one gate")?;
    host.finalize(&new.id, &rollout, None).await.map_err(failed)?;
    tell("finalize and unlock")?;
    host.lock(&request, None).await.map_err(failed)?;
    tell("lock, to go back")?;
    let back = RollBackTarget::Release { id: old.id.clone() };
    host.roll_back(&back, None, &switch).await.map_err(failed)?;
    tell("switch back")?;
    host.finalize_back(&back, &rollout, None).await.map_err(failed)?;
    tell("finalize and unlock, back")?;
    host.close().await;
    fleet.wait_for_hosts()?;
    if let Some(counting) = counting {
        counting.finish()?;
    }
    Ok(steps)
}
