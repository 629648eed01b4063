//! How many processes a host starts for what is done on it, exactly: they are what a rollout costs there, and are not to creep back.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coalmine::host::{
    GateCheck, Host as _, LockRequest, RealHost, SshSettings, Survey, Switch, TargetSettings, TransferSettings,
};
use coalmine::model::{PackWhen, RestsOn, RollBackTarget};
use coalmine::release::StoredRelease;

use crate::stage::{Content, fleet, host, me, noise, release, rollout, target, temporary};

/// A host of this machine, whose `sh` is dash, under strace.
struct Counted {
    state: tempfile::TempDir,
    root: tempfile::TempDir,
    bin: tempfile::TempDir,
    trace: PathBuf,
    host: Arc<RealHost>,
    seen: usize,
    told: Vec<String>,
    /// When the shell there was asked for first, and for how long it had been there when it was counted last.
    since: Instant,
    until: Duration,
}

impl Counted {
    fn new(transfer: TransferSettings) -> Self {
        let [state, root, bin] = [(); 3].map(|()| temporary());
        symlink("/usr/bin/dash", bin.path().join("sh")).unwrap();
        let trace = bin.path().join("trace");
        let words = [
            "strace",
            "-f",
            "-qq",
            "-A",
            "-o",
            trace.to_str().unwrap(),
            "-e",
            "trace=clone,clone3,fork,vfork",
            "-e",
            "signal=none",
            "env",
            // Behind it the usual tools.
            &format!("PATH={}:/usr/bin:/bin", bin.path().display()),
        ];
        let r#become = words.map(str::to_owned).to_vec();
        let settings = TargetSettings { r#become, ..target(root.path()) };
        let fleet = fleet(SshSettings::default(), transfer, settings, state.path());
        let host = host(&fleet, "here");
        Self { state, root, bin, trace, host, seen: 0, told: Vec::new(), since: Instant::now(), until: Duration::ZERO }
    }

    /// Counts what was started since the last time.
    fn started(&mut self) -> usize {
        let trace = fs::read_to_string(&self.trace).unwrap_or_default();
        let is_start = |line: &&str| {
            ["clone(", "clone3(", "fork("].iter().any(|call| line.contains(call)) && !line.contains("CLONE_THREAD")
        };
        let now = trace.lines().filter(is_start).count();
        now - std::mem::replace(&mut self.seen, now)
    }

    /// Ends the connection, so that the next step has a shell of its own.
    async fn close(&mut self) {
        self.host.close().await;
        self.started();
        (self.since, self.until) = (Instant::now(), Duration::ZERO);
    }

    /// What a slow machine adds: what is older than ten seconds asks for the time anew.
    fn by_the_clock(&mut self) -> usize {
        let asked = |time: Duration| usize::try_from(time.as_secs() / 10).unwrap();
        let now = self.since.elapsed();
        let before = std::mem::replace(&mut self.until, now);
        // The host's kernel counts whole seconds.
        asked(now) - asked(before) + usize::from(now >= Duration::from_secs(9))
    }

    fn tell(&mut self, what: &str, most: usize) {
        let most = most + self.by_the_clock();
        let started = self.started();
        let mark = if started > most { "  <- too many" } else { "" };
        self.told.push(format!("{what}: {started}, at most {most}{mark}"));
    }

    fn release(&self, version: &str) -> Arc<StoredRelease> {
        let same = noise(3, 100_000);
        let own = format!("#!/bin/sh\necho {version}\n");
        let files = [
            (&b"bin/tool"[..], Content::Program(&own)),
            (b"lib/same", Content::Bytes(same)),
            (b"link", Content::Link("bin/tool")),
        ];
        release(self.state.path(), version, &files)
    }

    async fn status(&mut self, most: usize) -> Option<RestsOn> {
        self.close().await;
        let probe = self.host.probe(&Survey::Files, None).await.unwrap();
        let rests_on = probe.proof.map(|proof| proof.rests_on);
        self.tell("status", most);
        rests_on
    }

    /// Takes the host to a release; the numbers are those of the lock, priming, the switch, one gate and the end.
    async fn install(&mut self, release: &Arc<StoredRelease>, name: &str, most: [usize; 5]) {
        self.close().await;
        let name = rollout(name);
        let lease = Duration::from_secs(60);
        let request = LockRequest { owner: me(), rollout: name.clone(), term: 1, over: None, reason: None, lease };
        self.host.lock(&request, None).await.unwrap();
        self.tell("connect and lock", most[0]);
        self.host.prime(release, &name, &|_| {}).await.unwrap();
        self.tell("prime", most[1]);
        let switch = Switch { rollout: name.clone(), slot: None, confirm: Duration::ZERO, blames: true };
        self.host.activate(&release.id, &switch).await.unwrap();
        self.tell("switch", most[2]);
        self.check().await;
        self.tell("gate", most[3]);
        self.host.finalize(&release.id, &name, None).await.unwrap();
        self.tell("finalize", most[4]);
    }

    async fn check(&self) {
        let gate = GateCheck {
            name: "answers".into(),
            run: "test -e link".into(),
            environment: vec![("COALMINE_HOST".into(), "here".into())],
            timeout: Duration::from_secs(30),
            retries: 0,
            dry: false,
        };
        self.host.check(&[gate]).await.unwrap();
    }
}

/// Tells whether processes can be counted here.
fn can_trace() -> bool {
    Path::new("/usr/bin/strace").exists()
        && Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output().is_ok_and(|ran| ran.status.success())
}

#[tokio::test]
async fn a_host_starts_no_more_processes_than_it_did() {
    if !can_trace() {
        eprintln!("NOT TRIED: strace is not installed, or may trace nothing here; processes are not counted");
        return;
    }
    let mut counted = Counted::new(TransferSettings::default());
    let (one, two) = (counted.release("1.0"), counted.release("2.0"));
    counted.install(&one, "r1", [9, 14, 4, 6, 5]).await;
    // What it proved when it came is not hashed again.
    assert_eq!(counted.status(5).await, Some(RestsOn::Metadata));
    counted.install(&two, "r2", [7, 16, 4, 6, 5]).await;
    assert_eq!(counted.status(5).await, Some(RestsOn::Metadata));
    // It is there already, and what it shares with the other is as it was.
    counted.install(&one, "r3", [7, 2, 4, 6, 5]).await;
    let lease = Duration::from_secs(60);
    let name = rollout("r4");
    let request = LockRequest { owner: me(), rollout: name.clone(), term: 1, over: None, reason: None, lease };
    counted.host.lock(&request, None).await.unwrap();
    counted.started();
    let switch = Switch { rollout: name.clone(), slot: None, confirm: Duration::ZERO, blames: true };
    let back = RollBackTarget::Release { id: two.id.clone() };
    counted.host.roll_back(&back, None, &switch).await.unwrap();
    counted.tell("roll back", 6);
    counted.host.finalize_back(&back, &name, None).await.unwrap();
    counted.tell("finalize", 5);
    assert!(counted.root.path().join("tool/link").exists() && counted.bin.path().exists());
    let told = counted.told.join("\n");
    eprintln!("{told}");
    assert!(!told.contains("too many"), "{told}");
    assert!(counted.seen > 60, "nothing is counted:\n{told}");
}

#[tokio::test]
async fn a_pack_starts_one_more_for_its_tools() {
    if !can_trace() {
        eprintln!("NOT TRIED: strace is not installed, or may trace nothing here; processes are not counted");
        return;
    }
    let mut counted = Counted::new(TransferSettings { packs: PackWhen::Always, ..TransferSettings::default() });
    let (one, two) = (counted.release("1.0"), counted.release("2.0"));
    counted.install(&one, "r1", [9, 15, 4, 6, 5]).await;
    counted.install(&two, "r2", [7, 17, 4, 6, 5]).await;
    assert!(fs::read_dir(counted.state.path().join("packs")).unwrap().count() > 4, "nothing was packed");
    let told = counted.told.join("\n");
    eprintln!("{told}");
    assert!(!told.contains("too many"), "{told}");
}
