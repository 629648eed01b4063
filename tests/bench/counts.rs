//! Counts processes and bytes.

use std::fmt::Write as _;
use std::fs;
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

use super::product::{NEW, OLD};
use super::ways::{Fleet, ROOT};

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

/// Gives how many bytes went over loopback since the machine started, each counted once.
pub(crate) fn loopback() -> Result<u64> {
    let text = fs::read_to_string("/proc/net/dev")?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("lo:")).context("no loopback")?;
    Ok(line.split_whitespace().next().context("no bytes")?.parse()?)
}

/// Takes one host through an upgrade, a way back and a status, and tells what each step started and sent.
pub(crate) fn steps(fleet: &Fleet) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(walk(fleet))
}

async fn walk(fleet: &Fleet) -> Result<String> {
    let state = fleet.dir.join("state");
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
    let ssh = SshSettings { config: Some(fleet.dir.join("sandbox/ssh_config")), ..SshSettings::default() };
    let target = TargetSettings {
        root: ROOT.into(),
        current: "current".into(),
        keep: 5,
        r#become: Vec::new(),
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
    let switch = Switch { rollout: rollout.clone(), slot: None, confirm: Duration::ZERO };
    let gate = GateCheck {
        name: "answers".into(),
        run: "test -f pyvenv.cfg".into(),
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
    let counting = Counting::of(fleet.supervisor, &fleet.dir)?;
    let mut text = String::from("| step | processes, sshd's with them | bytes both ways |\n|---|---|---|\n");
    let mut before = (counting.so_far()?, loopback()?);
    let mut tell = |what: &str| -> Result<()> {
        let now = (counting.so_far()?, loopback()?);
        let processes = if counting.strace.is_some() { (now.0 - before.0).to_string() } else { "not counted".into() };
        writeln!(text, "| {what} | {processes} | {} |", now.1 - before.1)?;
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
    tell("lock")?;
    let back = RollBackTarget::Release { id: old.id.clone() };
    host.roll_back(&back, None, &switch).await.map_err(failed)?;
    tell("switch back")?;
    host.finalize_back(&back, &rollout, None).await.map_err(failed)?;
    tell("finalize and unlock")?;
    host.close().await;
    fleet.wait_for_hosts()?;
    counting.finish()?;
    Ok(text)
}
