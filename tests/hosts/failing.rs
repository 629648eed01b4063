//! Hosts whose tools fail: at any call of any of them, in every phase, nothing is written outside the root, nothing that is not
//! whole is taken for it, and what is told is true.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::stage::{Content, current, fleet, host, me, release, rollout, target, temporary};
use coalmine::host::{
    GateCheck, Host as _, HostError, LockRequest, RealHost, SshSettings, Survey, Switch, TargetSettings,
    TransferSettings,
};
use coalmine::model::{FailureClass, Installed, PackWhen, RollBackTarget, Slot, Verdict};
use coalmine::release::StoredRelease;

/// What a call does when its turn has come: prints nothing, and ends badly or well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Badly,
    Well,
}

/// Counts every call of every tool, and spoils one.
const SHIM: &str = r#"#!/usr/bin/dash
echo >>"$CALLS"
n=0
while read -r _; do n=$((n + 1)); done <"$CALLS"
tool=${0##*/}
[ "$n" != "$SPOILED" ] || { echo "$tool $*" >"$CALLS.spoiled"; exit "$ENDS"; }
case "$tool $*" in
rsync*--server*)
    # Where it is to write comes on its standard input.
    exec 3<&0
    /usr/bin/rm -f "$CALLS.pipe"
    /usr/bin/mkfifo "$CALLS.pipe"
    /usr/bin/tee "$CALLS.rsync" <&3 >"$CALLS.pipe" &
    /usr/bin/rsync "$@" <"$CALLS.pipe" 3<&-
    code=$?
    kill $!
    exit $code
    ;;
esac
exec "/usr/bin/$tool" "$@"
"#;

/// Gives the tools that a host must have, as the scripts name them.
pub(crate) fn tools() -> Vec<&'static str> {
    let (_, tools) = include_str!("../../assets/remote/prelude.sh").split_once("\ntools='").unwrap();
    let (tools, _) = tools.split_once('\'').unwrap();
    tools.split_whitespace().collect()
}

/// A host of this machine that has these tools and no more.
struct Stand {
    state: tempfile::TempDir,
    /// Only `root` is in it.
    outer: tempfile::TempDir,
    saved: tempfile::TempDir,
    bin: tempfile::TempDir,
    calls: PathBuf,
    transfer: TransferSettings,
}

impl Stand {
    /// Everything travels in packs, which takes more tools.
    fn packing() -> Self {
        let stand = Self::new();
        for tool in ["tar", "zstd"] {
            symlink("shim", stand.bin.path().join(tool)).unwrap();
        }
        Self { transfer: TransferSettings { packs: PackWhen::Always, ..TransferSettings::default() }, ..stand }
    }

    fn new() -> Self {
        let [state, outer, saved, bin] = [(); 4].map(|()| temporary());
        fs::create_dir(outer.path().join("root")).unwrap();
        let shim = bin.path().join("shim");
        fs::write(&shim, SHIM).unwrap();
        fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).unwrap();
        for tool in tools() {
            symlink("shim", bin.path().join(tool)).unwrap();
        }
        symlink("/usr/bin/dash", bin.path().join("sh")).unwrap();
        symlink("/usr/bin/setsid", bin.path().join("setsid")).unwrap();
        let calls = saved.path().join("calls");
        Self { state, outer, saved, bin, calls, transfer: TransferSettings::default() }
    }

    fn root(&self) -> PathBuf {
        self.outer.path().join("root")
    }

    /// A host that nobody has asked yet, whose n-th call is spoiled.
    fn host(&self, spoiled: usize, ends: Ends) -> Arc<RealHost> {
        for name in ["calls", "calls.rsync", "calls.spoiled"] {
            fs::write(self.saved.path().join(name), "").unwrap();
        }
        let ends = if ends == Ends::Well { 0 } else { 1 };
        let r#become = vec![
            "/usr/bin/env".to_owned(),
            format!("PATH={}", self.bin.path().display()),
            format!("TMPDIR={}", self.saved.path().display()),
            format!("CALLS={}", self.calls.display()),
            format!("SPOILED={spoiled}"),
            format!("ENDS={ends}"),
        ];
        let settings = TargetSettings { r#become, ..target(&self.root()) };
        let fleet = fleet(SshSettings::default(), self.transfer.clone(), settings, self.state.path());
        host(&fleet, "here")
    }

    fn save(&self) {
        copy(&self.root(), &self.saved.path().join("root"));
    }

    fn restore(&self) {
        copy(&self.saved.path().join("root"), &self.root());
    }

    fn calls(&self) -> usize {
        fs::read(&self.calls).unwrap().len()
    }

    fn spoiled(&self) -> String {
        fs::read_to_string(self.saved.path().join("calls.spoiled")).unwrap().trim().to_owned()
    }

    fn folder(&self, release: &StoredRelease) -> PathBuf {
        self.root().join("releases").join(release.id.to_string())
    }
}

fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

fn is_whole(release: &StoredRelease, folder: &Path) -> bool {
    release.manifest.verify_tree(folder).is_ok()
}

fn tiny(state: &Path, version: &str) -> Arc<StoredRelease> {
    let files: [(&[u8], Content<'_>); 4] = [
        (b"tool", Content::Program("#!/bin/sh\n")),
        (b"new\nline", Content::Text(version)),
        (b"dir/same", Content::Text("same")),
        (b"link", Content::Link("tool")),
    ];
    let mut files = files.into_iter().collect::<Vec<_>>();
    let own = format!("only-{version}").into_bytes();
    files.push((&own, Content::Text("x")));
    release(state, version, &files)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Lock,
    Prime,
    /// By a host that was asked what it unpacks with.
    PrimeLocked,
    Activate,
    Check,
    Finalize,
    RollBack,
    Unlock,
    Probe,
    Renew,
    Confirm,
    RemoveSlot,
}

impl Step {
    /// Does it; gives what it says that it did and is not so afterwards.
    async fn take(
        self,
        host: &RealHost,
        stand: &Stand,
        now: &Arc<StoredRelease>,
        back: &RollBackTarget,
    ) -> Result<Vec<String>, HostError> {
        let mut lies = Vec::new();
        let mut is = |what: &str, holds: bool| lies.extend((!holds).then(|| format!("a false \"{what}\"")));
        let name = rollout("r");
        let switch = Switch { rollout: name.clone(), slot: None, confirm: Duration::ZERO, blames: true };
        let link = current(&stand.root());
        match self {
            Self::Lock => {
                let lease = Duration::from_secs(60);
                let request = LockRequest { owner: me(), rollout: name, term: 1, over: None, reason: None, lease };
                let (probe, _) = host.lock(&request, None).await?;
                let found = probe.installed.release().map(|id| Path::new("releases").join(id.to_string()));
                is("installed", found.unwrap_or_default() == link);
                let lock = fs::read_dir(stand.root().join(".coalmine/lock")).unwrap().next().unwrap().unwrap();
                let until = lock.file_name().into_string().unwrap().split_once('.').unwrap().0.parse::<u64>().unwrap();
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
                is("locked", (now + 50..now + 200).contains(&until));
            }
            Self::PrimeLocked => {
                Box::pin(Self::Lock.take(host, stand, now, back)).await?;
                lies.extend(Box::pin(Self::Prime.take(host, stand, now, back)).await?);
            }
            Self::Prime => {
                host.prime(now, &name, &|_| {}).await?;
                is("primed", is_whole(now, &stand.folder(now)));
            }
            Self::Activate => {
                host.activate(&now.id, &switch).await?;
                is("activated", current(&stand.root()) == Path::new("releases").join(now.id.to_string()));
            }
            Self::Check => {
                let gate = GateCheck {
                    name: "answers".into(),
                    run: "test -e tool && echo fine".into(),
                    environment: Vec::new(),
                    timeout: Duration::from_secs(30),
                    retries: 0,
                    dry: false,
                };
                let reports = host.check(&[gate]).await?;
                is("gate", reports.len() == 1 && reports[0].verdict == Verdict::Pass);
            }
            Self::Finalize => {
                host.finalize(&now.id, &name, None).await?;
                let state = fs::read_to_string(stand.root().join(".coalmine/state")).unwrap();
                is("finalized", state.lines().any(|line| line == format!("good {}", now.id)));
            }
            Self::RollBack => {
                host.roll_back(back, None, &switch).await?;
                let to = match back {
                    RollBackTarget::Release { id } => Path::new("releases").join(id.to_string()),
                    _ => PathBuf::new(),
                };
                is("rolled back", current(&stand.root()) == to);
            }
            Self::Unlock => {
                host.unlock(&name).await?;
            }
            Self::Probe => {
                let probe = host.probe(&Survey::Deep, None).await?;
                // Of a tool that says nothing and ends well no more can be known than that something differs; nothing is done of it.
                let seen = matches!(&probe.installed, Installed::Release { id, .. } if *id == now.id);
                is("installed", seen);
            }
            Self::Renew => {
                let lease = Duration::from_secs(600);
                let request = LockRequest { owner: me(), rollout: name, term: 1, over: None, reason: None, lease };
                host.renew(&request).await?;
                let lock = fs::read_dir(stand.root().join(".coalmine/lock")).unwrap().next().unwrap().unwrap();
                let until = lock.file_name().into_string().unwrap().split_once('.').unwrap().0.parse::<u64>().unwrap();
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
                is("renewed", until > now + 500);
            }
            Self::Confirm => {
                // As armed long before, by what has gone since: one that counts would call tools meanwhile.
                let armed = stand.root().join(".coalmine/armed.r");
                fs::write(&armed, "9999999999 link tool\n").unwrap();
                host.confirm(&name).await?;
                is("confirmed", !armed.exists() && stand.root().join(".coalmine/confirmed.r").exists());
            }
            Self::RemoveSlot => {
                host.remove_slot(&Slot::new("beta").unwrap(), &name).await?;
                is("removed", fs::symlink_metadata(stand.root().join("beta")).is_err());
            }
        }
        Ok(lies)
    }
}

/// Takes a step with every n-th call spoiled, from the same beginning each, and then whole.
async fn spoil(
    stand: &Stand,
    step: Step,
    now: &Arc<StoredRelease>,
    known: &[&Arc<StoredRelease>],
    back: &RollBackTarget,
) -> Vec<String> {
    let mut wrong = Vec::new();
    stand.save();
    let before = current(&stand.root());
    step.take(&stand.host(0, Ends::Badly), stand, now, back).await.unwrap();
    let (calls, after) = (stand.calls(), current(&stand.root()));
    // A gate may be over before its timer naps.
    let least = match step {
        Step::Renew => 1,
        Step::Check => 2,
        _ => 3,
    };
    assert!(calls >= least, "{step:?} called {calls} tools: nothing is counted");
    for (n, ends) in (1..=calls).flat_map(|n| [(n, Ends::Badly), (n, Ends::Well)]) {
        // Every call fails; those that lie about it are looked at less densely, and none that a gate's output goes through: it
        // dies of a reader that ended, and nobody can tell.
        if ends == Ends::Well && (step == Step::Check) {
            continue;
        }
        stand.restore();
        let done = step.take(&stand.host(n, ends), stand, now, back).await;
        let told = format!("{step:?} of {}, call {n} of {calls} ({}) ends {ends:?}: {done:?}", now.id, stand.spoiled());
        let mut holds = |what: &str, holds: bool| wrong.extend((!holds).then(|| format!("{what}: {told}")));
        // Not a byte outside the root.
        let outside: Vec<_> =
            fs::read_dir(stand.outer.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        holds("wrote outside", outside == ["root"]);
        let staging = stand.root().canonicalize().unwrap().join(format!("releases/.{}.r", now.id));
        let given = fs::read(stand.saved.path().join("calls.rsync")).unwrap();
        if !given.is_empty() {
            // Its arguments, each ended by a zero byte, and after the last of them nothing.
            let end = given.windows(2).position(|two| two == [0, 0]).unwrap();
            let target = given[..end].rsplit(|&byte| byte == 0).next().unwrap();
            let right = target == format!("{}/", staging.display()).as_bytes();
            holds(&format!("rsync was given {}", String::from_utf8_lossy(target)), right);
        }
        // The link is where it was, or where it was to go, and whole.
        let link = current(&stand.root());
        holds("the link is somewhere else", link == before || link == after);
        for release in known {
            let folder = stand.folder(release);
            holds(
                "not whole",
                !(link.ends_with(release.id.to_string()) || folder.exists()) || is_whole(release, &folder),
            );
        }
        match &done {
            Ok(lies) => lies.iter().for_each(|lie| holds(lie, false)),
            Err(HostError::Locked(_) | HostError::Lost(_)) => holds("not locked", false),
            Err(HostError::Failed(failure)) => {
                holds("it was reached", failure.class != FailureClass::Unreachable);
                // A tool that lies about its end is believed about files.
                let untrue = ["no space", "is gone", "is not here", "no sense", "cut off", "differ", "not whole"];
                for untrue in &untrue[..if ends == Ends::Badly { 7 } else { 5 }] {
                    holds("not true", !failure.message.contains(*untrue));
                }
            }
        }
        // Nothing of it stands in the way of another attempt.
        if n % 5 == 0 {
            let again = step.take(&stand.host(0, Ends::Badly), stand, now, back).await;
            holds(&format!("again: {again:?}"), again.is_ok_and(|lies| lies.is_empty()));
        }
    }
    stand.restore();
    step.take(&stand.host(0, Ends::Badly), stand, now, back).await.unwrap();
    wrong
}

#[tokio::test]
async fn whichever_call_of_a_tool_fails_nothing_half_is_believed() {
    let stand = Stand::new();
    let (one, two) = (tiny(stand.state.path(), "1.0"), tiny(stand.state.path(), "2.0"));
    let nothing = RollBackTarget::Nothing;
    let mut wrong = Vec::new();
    for step in [Step::Lock, Step::Prime, Step::Activate, Step::RollBack, Step::Activate, Step::Check, Step::Finalize] {
        wrong.extend(spoil(&stand, step, &one, &[&one], &nothing).await);
    }
    let to_one = RollBackTarget::Release { id: one.id.clone() };
    for step in [
        Step::Lock,
        Step::Prime,
        Step::Activate,
        Step::RollBack,
        Step::Activate,
        Step::Finalize,
        Step::Lock,
        Step::Unlock,
    ] {
        wrong.extend(spoil(&stand, step, &two, &[&one, &two], &to_one).await);
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn whichever_call_fails_while_a_pack_is_unpacked_nothing_half_is_believed() {
    let stand = Stand::packing();
    let (one, two) = (tiny(stand.state.path(), "1.0"), tiny(stand.state.path(), "2.0"));
    let nothing = RollBackTarget::Nothing;
    let mut wrong = Vec::new();
    for release in [&one, &two] {
        Step::Lock.take(&stand.host(0, Ends::Badly), &stand, release, &nothing).await.unwrap();
        wrong.extend(spoil(&stand, Step::PrimeLocked, release, &[&one], &nothing).await);
        for step in [Step::Lock, Step::Prime, Step::Activate, Step::Finalize] {
            step.take(&stand.host(0, Ends::Badly), &stand, release, &nothing).await.unwrap();
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn surveys_leases_confirmations_and_slots_believe_nothing_half_either() {
    let stand = Stand::new();
    let one = tiny(stand.state.path(), "1.0");
    let nothing = RollBackTarget::Nothing;
    for step in [Step::Lock, Step::Prime, Step::Activate] {
        step.take(&stand.host(0, Ends::Badly), &stand, &one, &nothing).await.unwrap();
    }
    let beta =
        Switch { rollout: rollout("r"), slot: Some(Slot::new("beta").unwrap()), confirm: Duration::ZERO, blames: true };
    stand.host(0, Ends::Badly).activate(&one.id, &beta).await.unwrap();
    let mut wrong = Vec::new();
    for step in [Step::Probe, Step::Renew, Step::Confirm, Step::RemoveSlot] {
        wrong.extend(spoil(&stand, step, &one, &[&one], &nothing).await);
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_host_that_lacks_a_tool_is_refused_by_its_name_before_anything_is_sent() {
    let stand = Stand::new();
    let one = tiny(stand.state.path(), "1.0");
    for tool in tools() {
        let (there, away) = (stand.bin.path().join(tool), stand.saved.path().join("away"));
        fs::rename(&there, &away).unwrap();
        let steps = [Step::Prime, Step::Lock];
        // Nothing travels before the lock is taken.
        for step in steps.into_iter().take(if tool == "rsync" { 1 } else { 2 }) {
            let done = step.take(&stand.host(0, Ends::Badly), &stand, &one, &RollBackTarget::Nothing).await;
            let Err(HostError::Failed(failure)) = done else { panic!("{step:?} without {tool}: {done:?}") };
            assert_eq!(failure.message, format!("{tool} is not installed on the host"));
            assert_eq!(fs::read_to_string(stand.saved.path().join("calls.rsync")).unwrap(), "");
            assert_eq!(fs::read_dir(stand.root()).unwrap().count(), 0, "{step:?} without {tool}");
        }
        fs::rename(&away, &there).unwrap();
    }
}
