//! Links to real hosts that are refused, fall silent, end, or are cut under what uses them.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use coalmine::host::{GateCheck, Host as _, LockRequest, Survey, TransferSettings};
use coalmine::model::{Bytes, FailureClass, Progress};

use crate::over_ssh::{failed, lock, quick, settled, v1};
use crate::sshd::{Sshd, keygen};
use crate::stage::{assert_whole, eventually, fleet, host, processes_with, rollout, target, temporary};

#[tokio::test]
async fn a_link_that_is_lost_in_a_transfer_is_opened_anew_and_the_transfer_ends_well() {
    let sshd = Sshd::start("");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let transfer = TransferSettings { bandwidth: Some(Bytes(2_000_000)), ..quick() };
    let fleet = fleet(sshd.ssh(), transfer, target(&root), state.path());
    let host = host(&fleet, "box");
    let one = v1(state.path());
    let killed = std::sync::atomic::AtomicBool::new(false);
    host.lock(&lock("r1"), None).await.unwrap();
    let primed = host
        .prime(&one, &rollout("r1"), &|progress| {
            if progress.bytes > Bytes(500_000) && !killed.swap(true, std::sync::atomic::Ordering::Relaxed) {
                sshd.signal(&sshd.sessions(), "-KILL");
            }
        })
        .await
        .unwrap();
    assert_eq!(primed.retries, 1);
    assert_whole(&one, &root.join("releases").join(one.id.to_string()));
    assert_eq!(sshd.accepted(), 2);
    // Nothing half-done is left.
    let names: Vec<_> = fs::read_dir(root.join("releases")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, [one.id.to_string().as_str()]);
}

#[tokio::test]
async fn a_transfer_that_is_dropped_leaves_no_process_and_a_later_rollout_removes_what_it_left() {
    let sshd = Sshd::start("");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let transfer = TransferSettings { bandwidth: Some(Bytes(1_000_000)), ..quick() };
    let slow = fleet(sshd.ssh(), transfer, target(&root), state.path());
    let one = v1(state.path());
    {
        let host = host(&slow, "box");
        host.lock(&lock("dead"), None).await.unwrap();
        let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
        let (rollout, tell) = (rollout("dead"), move |progress: Progress| tx.send(progress.bytes).unwrap());
        tokio::select! {
            primed = host.prime(&one, &rollout, &tell) => panic!("{primed:?}"),
            () = async { while rx.recv().await.unwrap() < Bytes(500_000) {} } => {}
        }
    }
    let source = state.path().display().to_string();
    eventually("rsync ends", || processes_with(&source).is_empty());
    drop(slow);
    eventually("ssh ends", || sshd.sessions().is_empty());
    let staging = root.join("releases").join(format!(".{}.dead", one.id));
    assert!(staging.is_dir());
    assert!(!root.join("releases").join(one.id.to_string()).exists());

    let fleet = fleet(sshd.ssh(), TransferSettings::default(), target(&root), state.path());
    let host = host(&fleet, "box");
    let over = LockRequest { over: Some(rollout("dead")), ..lock("alive") };
    host.lock(&over, None).await.unwrap();
    host.prime(&one, &rollout("alive"), &|_| {}).await.unwrap();
    assert!(!staging.exists());
    assert_whole(&one, &root.join("releases").join(one.id.to_string()));
}

#[tokio::test]
async fn connections_of_a_process_that_was_killed_are_ended_by_the_next() {
    let sshd = Sshd::start("");
    let state = temporary();
    // As a killed process leaves them: its folder, which nobody holds any more, and a connection that lives on.
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(|| "/tmp".into(), std::path::PathBuf::from);
    let folder = tempfile::Builder::new().prefix("coalmine-").tempdir_in(runtime).unwrap().keep();
    let owner = fs::File::create(folder.join("owner")).unwrap();
    let status = std::process::Command::new("ssh")
        .arg("-F")
        .arg(sshd.folder.path().join("ssh_config"))
        .args(["-M", "-N", "-o", "ControlPersist=300", "-S"])
        .arg(folder.join("0"))
        .arg("box")
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert!(!sshd.sessions().is_empty());
    // Only now is it old: from here on whoever starts next clears it away, the process of another test included.
    owner.set_modified(std::time::SystemTime::now() - Duration::from_secs(3600)).unwrap();
    let fleet = fleet(sshd.ssh(), quick(), target(Path::new("/nonexistent")), state.path());
    eventually("the connection ends", || sshd.sessions().is_empty());
    assert!(!folder.exists());
    drop(fleet);
}

#[tokio::test]
async fn a_connection_that_died_while_nobody_looked_comes_back_quietly() {
    let sshd = Sshd::start("");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let fleet = fleet(sshd.ssh(), quick(), target(&root), state.path());
    let host = host(&fleet, "box");
    host.probe(&Survey::Shallow, None).await.unwrap();
    sshd.signal(&sshd.sessions(), "-KILL");
    host.probe(&Survey::Shallow, None).await.unwrap();
    host.close().await;
    host.probe(&Survey::Shallow, None).await.unwrap();
    assert_eq!(sshd.accepted(), 3);
}

#[tokio::test]
async fn a_host_that_falls_silent_is_unreachable_and_says_for_how_long() {
    let sshd = Sshd::start("");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let fleet = fleet(sshd.impatient(), quick(), target(&root), state.path());
    let host = host(&fleet, "box");
    host.probe(&Survey::Shallow, None).await.unwrap();
    sshd.signal(&sshd.sessions(), "-STOP");
    let begun = Instant::now();
    let failure = failed(host.lock(&lock("r1"), None).await.unwrap_err());
    assert_eq!(failure.class, FailureClass::Unreachable);
    assert_eq!(failure.message, "no answer for 3 s while taking the lock");
    // Far less than the lease that it asked for.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_host_that_takes_connections_and_says_nothing_is_unreachable() {
    let sshd = Sshd::start("");
    let state = temporary();
    let fleet = fleet(sshd.impatient(), quick(), target(Path::new("/nonexistent")), state.path());
    sshd.signal(&[sshd.pid()], "-STOP");
    let failure = failed(host(&fleet, "box").probe(&Survey::Shallow, None).await.unwrap_err());
    assert_eq!(failure.message, "no answer for 5 s while connecting");
    assert!(processes_with(&sshd.folder.path().display().to_string()).iter().all(|(pid, _)| *pid == sshd.pid()));
}

#[tokio::test]
async fn connections_that_fail_say_why_and_what_to_do_and_are_not_tried_again() {
    let mut sshd = Sshd::start("");
    let state = temporary();
    let fleet = fleet(sshd.ssh(), quick(), target(Path::new("/nonexistent")), state.path());
    let host = host(&fleet, "box");
    let expect = async |message: &str, hint: &str| {
        let failure = failed(host.probe(&Survey::Shallow, None).await.unwrap_err());
        assert_eq!((failure.class, failure.message.as_str()), (FailureClass::Unreachable, message));
        assert!(failure.hint.as_deref().unwrap_or_default().contains(hint), "{failure:?}");
    };
    // A key that nobody there knows.
    let path = sshd.folder.path().to_owned();
    fs::rename(path.join("user"), path.join("kept")).unwrap();
    fs::rename(path.join("user.pub"), path.join("kept.pub")).unwrap();
    keygen(&path.join("user"));
    let connections = || sshd.log().lines().filter(|line| line.contains("Connection from")).count();
    let before = connections();
    expect("permission denied", "ssh").await;
    assert_eq!(connections(), before + 1, "it was tried again");
    fs::rename(path.join("kept"), path.join("user")).unwrap();
    fs::rename(path.join("kept.pub"), path.join("user.pub")).unwrap();
    // A host's key that is not the one that was known.
    keygen(&path.join("other"));
    sshd.trust("other.pub");
    let before = connections();
    expect("its host key has changed", "ssh-keygen -R").await;
    assert_eq!(connections(), before + 1, "it was tried again");
    fs::write(path.join("known_hosts"), "").unwrap();
    expect("its host key is not known", "known_hosts").await;
    sshd.trust("host.pub");
    host.probe(&Survey::Shallow, None).await.unwrap();
    host.close().await;
    sshd.down();
    expect("connection refused", "sshd").await;
    let nowhere = crate::stage::host(&fleet, "no-such-host.invalid");
    let failure = failed(nowhere.probe(&Survey::Shallow, None).await.unwrap_err());
    assert_eq!(failure.message, "its name does not resolve");
}

#[tokio::test]
async fn a_transfer_that_stalls_fails_in_time() {
    let sshd = Sshd::start("");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let stall = Duration::from_secs(2);
    let transfer = TransferSettings { bandwidth: Some(Bytes(1_000_000)), retries: 0, stall, ..quick() };
    let fleet = fleet(sshd.ssh(), transfer, target(&root), state.path());
    let one = v1(state.path());
    let host = host(&fleet, "box");
    host.lock(&lock("r1"), None).await.unwrap();
    let stopped = Mutex::new(Vec::new());
    let failure = host
        .prime(&one, &rollout("r1"), &|progress| {
            if progress.bytes > Bytes(300_000) {
                let ours = sshd.descendants();
                let receivers: Vec<_> = processes_with("rsync --server")
                    .into_iter()
                    .map(|(pid, _)| pid)
                    .filter(|pid| ours.contains(pid))
                    .collect();
                sshd.signal(&receivers, "-STOP");
                stopped.lock().unwrap().extend(receivers);
            }
        })
        .await
        .unwrap_err();
    // Nothing else ends what is stopped.
    sshd.signal(&stopped.into_inner().unwrap(), "-KILL");
    let failure = failed(failure);
    assert_eq!((failure.class, failure.message.as_str()), (FailureClass::Transfer, "no byte for 2 s"));
}

#[tokio::test]
async fn few_connections_serve_many_hosts_and_idle_ones_make_room() {
    let sshd = Sshd::start("MaxStartups 100");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let ssh = coalmine::host::SshSettings { sessions: 2, ..sshd.ssh() };
    let fleet = fleet(ssh, quick(), target(&root), state.path());
    let hosts: Vec<_> = (0..8).map(|n| host(&fleet, &format!("box{n}"))).collect();
    for _ in 0..2 {
        let mut tasks = tokio::task::JoinSet::new();
        for host in hosts.clone() {
            tasks.spawn(async move { host.probe(&Survey::Shallow, None).await });
        }
        while let Some(probe) = tasks.join_next().await {
            probe.unwrap().unwrap();
        }
        eventually("only two stay open", || sshd.sessions().len() <= 4);
    }
}

#[tokio::test]
async fn an_account_without_a_shell_is_told_as_such() {
    let sshd = Sshd::start("ForceCommand echo 'This account is currently not available.' >&2; exit 1");
    let state = temporary();
    let fleet = fleet(sshd.ssh(), quick(), target(Path::new("/nonexistent")), state.path());
    let failure = failed(host(&fleet, "box").probe(&Survey::Shallow, None).await.unwrap_err());
    let message = "no shell answered while asking what is installed: This account is currently not available.";
    assert_eq!(failure.message, message);
}

/// Gives a gate that has so many seconds.
fn gate(name: &str, run: &str, seconds: u64) -> GateCheck {
    GateCheck {
        name: name.into(),
        run: run.to_owned(),
        environment: vec![],
        timeout: Duration::from_secs(seconds),
        retries: 0,
        dry: false,
    }
}

/// Lists what runs on the host beside sshd.
fn on_the_host(sshd: &Sshd) -> Vec<u32> {
    let of_sshd = sshd.sessions();
    sshd.descendants().into_iter().filter(|pid| !of_sshd.contains(pid)).collect()
}

#[tokio::test]
async fn a_shell_that_was_ended_between_two_steps_is_opened_anew() {
    let sshd = Sshd::start("");
    let state = temporary();
    let fleet = fleet(sshd.ssh(), quick(), target(&sshd.folder.path().join("root")), state.path());
    let host = host(&fleet, "box");
    for _ in 0..3 {
        host.probe(&Survey::Shallow, None).await.unwrap();
        let there = on_the_host(&sshd);
        assert!(!there.is_empty());
        sshd.signal(&there, "-KILL");
        eventually("they are gone", || on_the_host(&sshd).is_empty());
    }
    assert_eq!(sshd.accepted(), 1);
}

#[tokio::test]
async fn a_step_that_is_given_up_is_ended_on_the_host_before_the_next_one() {
    let sshd = Sshd::start("");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let fleet = fleet(sshd.ssh(), quick(), target(&root), state.path());
    let host = host(&fleet, "box");
    settled(&host, &v1(state.path())).await;
    let sleep = format!("sleep 3{}", std::process::id());
    let gate = gate("hangs", &sleep, 600);
    for is_first in [false, true] {
        if is_first {
            let there = on_the_host(&sshd);
            sshd.signal(&there, "-KILL");
            eventually("they are gone", || on_the_host(&sshd).is_empty());
        }
        let checking = host.check(std::slice::from_ref(&gate));
        let seen = async {
            while processes_with(&sleep).is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            answer = checking => panic!("{answer:?}"),
            () = seen => {}
        }
        host.probe(&Survey::Shallow, None).await.unwrap();
        assert_eq!(processes_with(&sleep), [], "where it is the shell's first: {is_first}");
    }
}

#[tokio::test]
async fn a_lease_is_renewed_beside_a_step_that_takes_longer_than_it_lasts() {
    let sshd = Sshd::start("");
    let state = temporary();
    let one = v1(state.path());
    for name in ["box", "here"] {
        let root = sshd.folder.path().join(name);
        let fleet = fleet(sshd.ssh(), quick(), target(&root), state.path());
        let host = host(&fleet, name);
        settled(&host, &one).await;
        let request = lock("r1");
        host.lock(&request, None).await.unwrap();
        let over = sshd.folder.path().join(format!("over-{name}"));
        let gate = gate("takes long", &format!("until [ -e {} ]; do sleep 0.1; done", over.display()), 90);
        let runs = || !processes_with(&over.display().to_string()).is_empty();
        let checking = host.check(std::slice::from_ref(&gate));
        let renewing = async {
            while !runs() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            host.renew(&request).await.unwrap();
            assert!(runs(), "{name}: it was renewed only after the step");
            fs::write(&over, "").unwrap();
        };
        let (reports, ()) = tokio::join!(checking, renewing);
        assert_eq!(reports.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_gate_whose_link_is_cut_ends_long_before_its_time() {
    let sshd = Sshd::start("");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let fleet = fleet(sshd.ssh(), quick(), target(&root), state.path());
    let host = host(&fleet, "box");
    settled(&host, &v1(state.path())).await;
    let sleep = format!("sleep 7{}", std::process::id());
    let gate = gate("hangs", &sleep, 600);
    let cut = async {
        while processes_with(&sleep).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sshd.signal(&sshd.sessions(), "-KILL");
    };
    // Nobody comes again who would end it.
    tokio::select! {
        biased;
        () = cut => {}
        ended = host.check(std::slice::from_ref(&gate)) => panic!("it ended: {ended:?}"),
    }
    eventually("the gate ends", || processes_with(&sleep).is_empty());
    eventually("its session ends", || on_the_host(&sshd).is_empty());
}

#[tokio::test]
async fn a_link_that_is_cut_leaves_no_shell_behind() {
    let sshd = Sshd::start("");
    let state = temporary();
    let root = sshd.folder.path().join("root");
    let fleet = fleet(sshd.ssh(), quick(), target(&root), state.path());
    let host = host(&fleet, "box");
    settled(&host, &v1(state.path())).await;
    host.probe(&Survey::Shallow, None).await.unwrap();
    let there = on_the_host(&sshd);
    assert!(!there.is_empty());
    sshd.signal(&sshd.sessions(), "-KILL");
    eventually("they end", || !there.iter().any(|pid| std::path::Path::new(&format!("/proc/{pid}")).exists()));
}
