//! The programs of a host, dash with coreutils or busybox with nothing else, and scripts that run under them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use coalmine::host::script::{Phase, Script};
use coalmine::host::{
    Host as _, HostError, LockRequest, RealFleet, RealHost, SshSettings, Survey, Switch, TargetSettings,
    TransferSettings,
};
use coalmine::model::{Failure, Installed};
use coalmine::release::StoredRelease;

use crate::stage::{Content, fleet, me, noise, release, rollout, target, temporary};

/// The programs of a host.
pub(crate) struct Box {
    pub(crate) name: &'static str,
    pub(crate) path: String,
    pub(crate) folder: tempfile::TempDir,
}

impl Box {
    /// dash, and what a usual host has.
    pub(crate) fn dash() -> Self {
        let folder = temporary();
        symlink("/usr/bin/dash", folder.path().join("sh")).unwrap();
        Self { name: "dash", path: format!("{}:/usr/bin:/bin", folder.path().display()), folder }
    }

    /// busybox, rsync, and nothing else.
    pub(crate) fn busybox() -> Self {
        let folder = temporary();
        let status = Command::new("busybox").args(["--install", "-s"]).arg(folder.path()).status().unwrap();
        assert!(status.success());
        for applet in fs::read_dir(folder.path()).unwrap().flatten() {
            // It would name itself by the path that it was started by.
            fs::remove_file(applet.path()).unwrap();
            symlink("/usr/bin/busybox", applet.path()).unwrap();
        }
        symlink("/usr/bin/rsync", folder.path().join("rsync")).unwrap();
        Self { name: "busybox", path: folder.path().display().to_string(), folder }
    }

    pub(crate) fn both() -> [Self; 2] {
        [Self::dash(), Self::busybox()]
    }

    /// A fleet of this machine with these programs.
    pub(crate) fn fleet(&self, root: &Path, state: &Path) -> RealFleet {
        self.fleet_with(target(root), TransferSettings::default(), state)
    }

    pub(crate) fn fleet_with(&self, target: TargetSettings, transfer: TransferSettings, state: &Path) -> RealFleet {
        let r#become = vec!["/usr/bin/env".to_owned(), format!("PATH={}", self.path)];
        fleet(SshSettings::default(), transfer, TargetSettings { r#become, ..target }, state)
    }

    /// Starts a script by hand.
    pub(crate) fn start(&self, script: &Script) -> Child {
        self.start_in(script, &std::env::temp_dir())
    }

    /// Starts a script by hand, with a folder of its own for what is temporary.
    pub(crate) fn start_in(&self, script: &Script, temporary: &Path) -> Child {
        let mut child = Command::new(self.folder.path().join("sh"))
            .arg("-s")
            .env("PATH", &self.path)
            .env("TMPDIR", temporary)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&script.text()).unwrap();
        child
    }

    /// Runs a script by hand and gives what it said.
    pub(crate) fn run(&self, script: &Script) -> Vec<String> {
        said(script, self.start(script))
    }
}

pub(crate) fn said(script: &Script, child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(complaints.is_empty(), "{:?}: {complaints}", script.phase);
    text.lines().filter_map(|line| line.strip_prefix(&script.token)).map(|line| line.trim().to_owned()).collect()
}

pub(crate) fn script(phase: Phase, root: &Path, rollout: &str) -> Script {
    let mut script = Script::new(phase, Duration::from_secs(60));
    script
        .set_path("root", root)
        .set("link", "tool")
        .set("rollout", rollout)
        .set("owner", "me@here")
        .set("lease", "60")
        .set("verify", "full")
        .set("deep", if phase == Phase::Lock { "lock" } else { "no" });
    script
}

pub(crate) fn lock(name: &str) -> LockRequest {
    LockRequest {
        owner: me(),
        rollout: rollout(name),
        term: 1,
        over: None,
        reason: None,
        lease: Duration::from_secs(60),
    }
}

pub(crate) fn switch(name: &str) -> Switch {
    Switch { rollout: rollout(name), slot: None, confirm: Duration::ZERO, blames: true }
}

pub(crate) fn failed(error: HostError) -> Failure {
    match error {
        HostError::Failed(failure) => *failure,
        other => panic!("{other}"),
    }
}

pub(crate) fn simple(state: &Path, version: &str) -> Arc<StoredRelease> {
    release(
        state,
        version,
        &[
            (b"bin/tool", Content::Program(&format!("#!/bin/sh\necho {version}\n"))),
            (b"lib/same", Content::Bytes(noise(3, 200_000))),
            (b"link", Content::Link("bin/tool")),
        ],
    )
}

pub(crate) fn folder(root: &Path, release: &StoredRelease) -> PathBuf {
    root.join("releases").join(release.id.to_string())
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

pub(crate) async fn settled(host: &RealHost, release: &Arc<StoredRelease>, name: &str) {
    host.lock(&lock(name), None).await.unwrap();
    host.prime(release, &rollout(name), &|_| {}).await.unwrap();
    host.activate(&release.id, &switch(name)).await.unwrap();
    host.finalize(&release.id, &rollout(name), None).await.unwrap();
}

pub(crate) async fn drift(host: &RealHost) -> Option<String> {
    match host.probe(&Survey::Deep, None).await.unwrap().installed {
        Installed::Release { drift, .. } => drift,
        other => panic!("{other:?}"),
    }
}
