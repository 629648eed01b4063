//! Real hosts over a real sshd and a real rsync, and this machine itself.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coalmine::host::{GateCheck, Host as _, HostError, LockRequest, RealHost, Survey, Switch, TransferSettings};
use coalmine::model::{Bytes, FailureClass, Installed, Progress, RollBackTarget, Verdict};
use coalmine::release::StoredRelease;

use crate::sshd::Sshd;
use crate::stage::{
    Content, assert_whole, current, eventually, fleet, host, host_log, me, noise, processes_with, release, rollout,
    target, temporary,
};

pub(crate) fn v1(state: &Path) -> Arc<StoredRelease> {
    release(
        state,
        "1.0",
        &[
            (b"bin/tool", Content::Program("#!/bin/sh\necho 1.0\n")),
            (b"lib/big", Content::Bytes(noise(1, 3_000_000))),
            (b"lib/stays", Content::Text("stays")),
            (b"lib/goes", Content::Text("goes")),
            (b"lib/becomes a folder", Content::Text("file")),
            (b"odd/it's \"q\" $(x)\nnew\\line", Content::Text("odd")),
            (b"odd/#hash", Content::Text("hash")),
            (b"odd/;semi", Content::Text("semi")),
            (b"odd/-rf", Content::Text("dash")),
            (b"odd/latin-\xe9", Content::Text("latin")),
            (b"empty", Content::Folder),
            (b"link", Content::Link("bin/tool")),
        ],
    )
}

fn v2(state: &Path) -> Arc<StoredRelease> {
    let mut big = noise(1, 3_000_000);
    big.extend_from_slice(b"a little more");
    release(
        state,
        "2.0",
        &[
            (b"bin/tool", Content::Program("#!/bin/sh\necho 2.0\n")),
            (b"lib/big", Content::Bytes(big)),
            (b"lib/stays", Content::Text("stays")),
            (b"lib/becomes a folder/file", Content::Text("file")),
            (b"odd/it's \"q\" $(x)\nnew\\line", Content::Text("odd, too")),
            (b"odd/#hash", Content::Text("hash")),
            (b"odd/latin-\xe9", Content::Text("latin")),
            (b"link", Content::Link("lib/stays")),
        ],
    )
}

pub(crate) fn lock(name: &str) -> LockRequest {
    LockRequest {
        owner: me(),
        rollout: rollout(name),
        term: 1,
        over: None,
        reason: Some("a\n reason".into()),
        lease: Duration::from_secs(60),
    }
}

fn switch(name: &str) -> Switch {
    Switch { rollout: rollout(name), slot: None, confirm: Duration::ZERO, blames: true }
}

pub(crate) fn failed(error: HostError) -> coalmine::model::Failure {
    match error {
        HostError::Failed(failure) => *failure,
        other => panic!("{other}"),
    }
}

/// Takes a host through a whole rollout of two releases, a bad one and back.
async fn whole_rollout(host: &RealHost, root: &Path, state: &Path) {
    let (one, two) = (v1(state), v2(state));
    let probe = host.probe(&Survey::Deep, None).await.unwrap();
    assert_eq!(probe.installed, Installed::Missing);
    assert!(probe.facts.iter().any(|(key, _)| key == "os"), "{probe:?}");
    assert!(probe.facts.iter().all(|(key, _)| key != "missing"), "{probe:?}");
    let (_, before) = host.lock(&lock("r1"), None).await.unwrap();
    assert_eq!(before, None);

    let told = Mutex::new(Vec::new());
    let primed = host.prime(&one, &rollout("r1"), &|p: Progress| told.lock().unwrap().push(p)).await.unwrap();
    assert!(!primed.already && primed.bytes > Bytes(3_000_000), "{primed:?}");
    // Over a link it is packed.
    assert_eq!(primed.files, if primed.packed { 1 } else { 11 });
    let told = told.into_inner().unwrap();
    let last = told.last().unwrap();
    assert_eq!(last.bytes, last.total);
    assert!(told.is_sorted_by(|a, b| a.bytes <= b.bytes));
    let folder = root.join("releases").join(one.id.to_string());
    assert_whole(&one, &folder);
    assert!(!root.join("tool").exists(), "priming switched");
    assert!(host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap().already);

    assert!(!host.activate(&one.id, &switch("r1")).await.unwrap().already);
    assert!(host.activate(&one.id, &switch("r1")).await.unwrap().already);
    assert_eq!(current(root), Path::new("releases").join(one.id.to_string()));
    host.finalize(&one.id, &rollout("r1"), None).await.unwrap();
    let probe = host.probe(&Survey::Deep, None).await.unwrap();
    assert_eq!(probe.installed, Installed::Release { id: one.id.clone(), digest: Some(one.digest), drift: None });
    assert_eq!((probe.good.as_ref(), probe.rollout), (Some(&one.id), Some(rollout("r1"))));

    // Only what changed travels, and of a big file only what is new in it.
    host.lock(&lock("r2"), None).await.unwrap();
    let primed = host.prime(&two, &rollout("r2"), &|_| {}).await.unwrap();
    assert_eq!(primed.files, 5, "{primed:?}");
    let folder = root.join("releases").join(two.id.to_string());
    assert_whole(&two, &folder);
    assert_whole(&one, &root.join("releases").join(one.id.to_string()));
    let inode = |release: &StoredRelease, file: &str| {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(root.join("releases").join(release.id.to_string()).join(file)).unwrap().ino()
    };
    assert_eq!(inode(&one, "lib/stays"), inode(&two, "lib/stays"), "what stays is not linked");
    host.activate(&two.id, &switch("r2")).await.unwrap();

    let gates = [
        gate("says 2.0", "[ \"$(bin/tool)\" = \"$WANT\" ]", 5, 0),
        gate("cannot tell", "echo no data; exit 75", 5, 0),
        gate("never runs", "touch never", 5, 0),
    ];
    let reports = host.check(&gates).await.unwrap();
    assert_eq!(reports.iter().map(|r| r.verdict).collect::<Vec<_>>(), [Verdict::Pass, Verdict::Inconclusive]);
    assert_eq!(reports[1].message, "exit 75: no data");
    let slow = [gate("hangs", "echo begun; sleep 100 & sleep 100", 1, 0)];
    let reports = host.check(&slow).await.unwrap();
    assert_eq!((reports[0].verdict, reports[0].message.as_str()), (Verdict::Fail, "took longer than 1 s: begun"));
    let binary =
        [gate("binary", "printf 'caf\\303'; sleep 0.1; printf '\\251 \\377\\000\\033[31mred\\n'; exit 3", 5, 1)];
    let reports = host.check(&binary).await.unwrap();
    assert_eq!(reports[0].message, "exit 3 (after a retry): caf\u{e9} \u{fffd}red");

    let back = RollBackTarget::Release { id: one.id.clone() };
    host.roll_back(&back, None, &switch("r2")).await.unwrap();
    assert_eq!(current(root), Path::new("releases").join(one.id.to_string()));
    host.roll_back(&back, None, &switch("r2")).await.unwrap();
    host.unlock(&rollout("r2")).await.unwrap();
    assert!(!root.join(".coalmine/lock").exists());
    assert!(host_log(root).iter().any(|line| line.contains("went back to")));
    host.close().await;
}

fn gate(name: &str, run: &str, seconds: u64, retries: u32) -> GateCheck {
    GateCheck {
        name: name.into(),
        run: run.into(),
        environment: vec![("WANT".into(), "2.0".into()), ("not a name".into(), "x".into())],
        timeout: Duration::from_secs(seconds),
        retries,
        dry: false,
    }
}

#[tokio::test]
async fn a_host_goes_through_a_rollout_over_one_connection() {
    let sshd = Sshd::start("");
    let state = temporary();
    let root = sshd.folder.path().join("the root's \"folder\"");
    let fleet = fleet(sshd.ssh(), TransferSettings::default(), target(&root), state.path());
    whole_rollout(&host(&fleet, "box"), &root, state.path()).await;
    assert_eq!(sshd.accepted(), 1, "more than one handshake:\n{}", sshd.log());
}

#[tokio::test]
async fn this_machine_goes_through_the_same_without_ssh() {
    let (state, root) = (temporary(), temporary());
    let settings = coalmine::host::SshSettings::default();
    let fleet = fleet(settings, TransferSettings::default(), target(root.path()), state.path());
    whole_rollout(&host(&fleet, "here"), root.path(), state.path()).await;
}

/// A host with `one` as its good, current release.
pub(crate) async fn settled(host: &RealHost, one: &Arc<StoredRelease>) {
    host.lock(&lock("r0"), None).await.unwrap();
    host.prime(one, &rollout("r0"), &|_| {}).await.unwrap();
    host.activate(&one.id, &switch("r0")).await.unwrap();
    host.finalize(&one.id, &rollout("r0"), None).await.unwrap();
}

pub(crate) fn quick() -> TransferSettings {
    TransferSettings { stall: Duration::from_secs(20), retries: 2, ..TransferSettings::default() }
}

#[tokio::test]
async fn an_upgrade_sends_what_changed_and_a_host_that_has_it_costs_one_step() {
    let sshd = Sshd::start("");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let fleet = fleet(sshd.ssh(), TransferSettings::default(), target(&root), state.path());
    let host = host(&fleet, "box");
    let (one, two) = (v1(state.path()), v2(state.path()));
    settled(&host, &one).await;
    host.lock(&lock("r1"), None).await.unwrap();
    let primed = host.prime(&two, &rollout("r1"), &|_| {}).await.unwrap();
    // Of three megabytes that changed in their last bytes, hardly any travel.
    assert!(primed.bytes < Bytes(100_000), "{primed:?}");
    let commands = || sshd.log().lines().filter(|line| line.contains("Starting session: command")).count();
    let before = commands();
    assert!(host.prime(&two, &rollout("r1"), &|_| {}).await.unwrap().already);
    // One shell does every step, and rsync has a channel of its own.
    assert_eq!((commands(), sshd.accepted()), (before, 1), "{}", sshd.log());
}

#[tokio::test]
async fn a_rollout_goes_on_with_what_had_arrived() {
    let sshd = Sshd::start("");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let fleet = fleet(sshd.ssh(), TransferSettings::default(), target(&root), state.path());
    let host = host(&fleet, "box");
    let one = v1(state.path());
    // As a killed conductor leaves it: the big file is there, the rest is not.
    let staging = root.join("releases").join(format!(".{}.r1", one.id));
    fs::create_dir_all(staging.join("lib")).unwrap();
    fs::copy(one.tree.join("lib/big"), staging.join("lib/big")).unwrap();
    fs::write(staging.join("lib/.big.Ab12Cd"), "what a killed rsync leaves").unwrap();
    host.lock(&lock("r1"), None).await.unwrap();
    let primed = host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap();
    assert!(primed.bytes < Bytes(100_000), "{primed:?}");
    assert_whole(&one, &root.join("releases").join(one.id.to_string()));
}

/// A folder of every program but some.
fn path_without(folder: &Path, without: &[&str]) -> String {
    fs::create_dir_all(folder).unwrap();
    for bin in ["/usr/bin", "/bin"] {
        for entry in fs::read_dir(bin).unwrap().flatten() {
            let name = entry.file_name();
            if !without.iter().any(|left_out| name == *left_out) && !folder.join(&name).exists() {
                std::os::unix::fs::symlink(entry.path(), folder.join(&name)).unwrap();
            }
        }
    }
    folder.display().to_string()
}

#[tokio::test]
async fn a_host_without_rsync_is_told_before_anything_travels() {
    let folder = temporary();
    let path = path_without(&folder.path().join("bin"), &["rsync"]);
    let sshd = Sshd::start(&format!("SetEnv PATH={path}"));
    let root = sshd.folder.path().join("root");
    let fleet = fleet(sshd.ssh(), quick(), target(&root), folder.path());
    let host = host(&fleet, "box");
    let probe = host.probe(&Survey::Shallow, None).await.unwrap();
    assert!(probe.facts.contains(&("missing".into(), "rsync".into())), "{probe:?}");
    host.lock(&lock("r1"), None).await.unwrap();
    let failure = failed(host.prime(&v1(folder.path()), &rollout("r1"), &|_| {}).await.unwrap_err());
    assert_eq!(
        (failure.class, failure.message.as_str()),
        (FailureClass::Transfer, "rsync is not installed on the host")
    );
    assert_eq!(fs::read_dir(root.join("releases")).unwrap().count(), 0, "something was begun");
}

#[tokio::test]
async fn another_user_is_become_for_scripts_and_for_rsync() {
    let sshd = Sshd::start("");
    let state = temporary();
    // Proves by the environment that it was used, and by its odd argument that it was quoted.
    let helper = sshd.folder.path().join("be come");
    fs::write(
        &helper,
        format!("#!/bin/sh\necho \"$1\" >>{}/became\nshift\nexec \"$@\"\n", sshd.folder.path().display()),
    )
    .unwrap();
    std::process::Command::new("chmod").arg("755").arg(&helper).status().unwrap();
    let r#become = vec![helper.display().to_string(), "it's a user".to_owned()];
    for name in ["box", "here"] {
        let root = sshd.folder.path().join(name);
        let target = coalmine::host::TargetSettings { r#become: r#become.clone(), ..target(&root) };
        let fleet = fleet(sshd.ssh(), quick(), target, state.path());
        let one = release(state.path(), name, &[(b"a file", Content::Text(name))]);
        let host = host(&fleet, name);
        host.lock(&lock("r1"), None).await.unwrap();
        host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap();
        assert_whole(&one, &root.join("releases").join(one.id.to_string()));
    }
    let became = fs::read_to_string(sshd.folder.path().join("became")).unwrap();
    // One shell and rsync, of either.
    assert!(became.lines().count() == 4 && became.lines().all(|line| line == "it's a user"), "{became}");
}

#[tokio::test]
async fn a_shell_that_chatters_is_read_through_and_named_when_it_breaks_rsync() {
    let sshd = Sshd::start("ForceCommand echo '@0 end'; printf 'no line feed'; eval \"$SSH_ORIGINAL_COMMAND\"");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let fleet = fleet(sshd.ssh(), quick(), target(&root), state.path());
    let host = host(&fleet, "box");
    host.probe(&Survey::Deep, None).await.unwrap();
    host.lock(&lock("r1"), None).await.unwrap();
    // Nobody listens to what it says while a pack is sent.
    let one = v1(state.path());
    assert!(host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap().packed);
    assert_whole(&one, &root.join("releases").join(one.id.to_string()));
    host.lock(&lock("r1"), None).await.unwrap();
    let failure = failed(host.prime(&v2(state.path()), &rollout("r1"), &|_| {}).await.unwrap_err());
    assert_eq!(failure.message, "the host's shell talks into the transfer");
}

#[tokio::test]
async fn a_switch_that_is_not_confirmed_over_a_new_connection_undoes_itself() {
    let sshd = Sshd::start("");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let fleet = fleet(sshd.ssh(), quick(), target(&root), state.path());
    let host = host(&fleet, "box");
    let (one, two) = (v1(state.path()), v2(state.path()));
    settled(&host, &one).await;
    // No other test's: their watchers are looked for among all processes.
    let [confirmed, unconfirmed] = ["c", "u"].map(|name| format!("{name}{}", std::process::id()));
    // What is to be confirmed has time for it, whatever else this machine does meanwhile.
    for (name, seconds) in [(confirmed.as_str(), 300), (unconfirmed.as_str(), 2)] {
        let back = RollBackTarget::Release { id: one.id.clone() };
        host.lock(&lock(name), None).await.unwrap();
        host.roll_back(&back, None, &switch(name)).await.unwrap();
        host.prime(&two, &rollout(name), &|_| {}).await.unwrap();
        let switch = Switch { confirm: Duration::from_secs(seconds), ..switch(name) };
        let accepted = sshd.accepted();
        let activated = host.activate(&two.id, &switch).await;
        let to = |release: &StoredRelease| Path::new("releases").join(release.id.to_string());
        if name == confirmed {
            activated.unwrap();
            assert_eq!(current(&root), to(&two));
            host.confirm(&rollout(name)).await.unwrap();
            assert_eq!(sshd.accepted(), accepted + 1, "it was confirmed over the old connection");
            // Its watcher sees that at its next look, and does nothing more.
            eventually("its watcher ends", || processes_with(&format!("sh {name} {seconds}")).is_empty());
            assert_eq!(current(&root), to(&two));
            host.confirm(&rollout(name)).await.unwrap();
        } else {
            // Where its time was over before it had come so far, that is its answer.
            assert!(activated.is_ok() || format!("{activated:?}").contains("went back by itself"), "{activated:?}");
            let switched = format!("{name} tool switched to {}", two.id);
            assert!(host_log(&root).iter().any(|line| line.contains(&switched)), "{:?}", host_log(&root));
            // Nothing of ours is needed for it.
            sshd.signal(&sshd.sessions(), "-KILL");
            eventually("it goes back", || current(&root) == to(&one));
            let failure = failed(host.confirm(&rollout(name)).await.unwrap_err());
            assert_eq!(failure.class, FailureClass::Activate);
            assert!(failure.message.contains("went back by itself"), "{failure:?}");
        }
        host.unlock(&rollout(name)).await.unwrap();
    }
}
