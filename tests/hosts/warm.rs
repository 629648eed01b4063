//! Connections that several processes of one user are on: two fleets stand for two processes, since all that those have in common is the
//! folders of their sockets.

use std::fs;
use std::path::Path;
use std::time::Duration;

use coalmine::host::{GateCheck, Host as _, RealFleet, RealHost, SshSettings, Survey};
use coalmine::model::{Bytes, Progress, Verdict};

use crate::over_ssh::{lock, quick, settled, v1};
use crate::sshd::Sshd;
use crate::stage::{eventually, fleet, host, processes_with, rollout, target, temporary};

fn sharing(sshd: &Sshd, state: &Path) -> RealFleet {
    keeping(sshd, state, Duration::ZERO)
}

fn keeping(sshd: &Sshd, state: &Path, keep: Duration) -> RealFleet {
    let ssh = SshSettings { share: Some(state.to_owned()), keep, ..sshd.ssh() };
    fleet(ssh, quick(), target(&sshd.folder.path().join("root")), state)
}

/// Does something while a gate runs on a host, which passes once that is done, and sees that it does.
async fn while_a_gate_runs<T>(host: &RealHost, done: impl Future<Output = T>) -> T {
    let folder = temporary();
    let over = folder.path().join("over");
    let gates = [GateCheck {
        name: "waits".into(),
        run: format!("until [ -e {} ]; do sleep 0.1; done", over.display()),
        environment: vec![],
        // Whoever waits for it in vain is told soon enough.
        timeout: Duration::from_secs(90),
        retries: 0,
        dry: false,
    }];
    let doing = async {
        while processes_with(&over.display().to_string()).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let came = done.await;
        fs::write(&over, "").unwrap();
        came
    };
    let (reports, came) = tokio::join!(host.check(&gates), doing);
    assert_eq!(reports.unwrap()[0].verdict, Verdict::Pass);
    came
}

/// Names the processes of ssh's that hold a connection to an sshd.
fn masters(sshd: &Sshd) -> Vec<u32> {
    let port = format!(":{:04X} ", sshd.port);
    let tcp = fs::read_to_string("/proc/net/tcp").unwrap();
    let inodes: Vec<String> = tcp
        .lines()
        .filter(|line| line.split_whitespace().nth(2).is_some_and(|to| format!("{to} ").ends_with(&port)))
        .filter_map(|line| Some(format!("socket:[{}]", line.split_whitespace().nth(9)?)))
        .collect();
    let holds = |pid: u32| {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        open.filter_map(|file| fs::read_link(file.path()).ok())
            .any(|file| inodes.iter().any(|inode| file.to_string_lossy() == inode.as_str()))
    };
    processes_with("ControlPersist=").into_iter().map(|(pid, _)| pid).filter(|pid| holds(*pid)).collect()
}

async fn ask(fleet: &RealFleet) {
    host(fleet, "box").probe(&Survey::Shallow, None).await.unwrap();
}

#[tokio::test]
async fn one_handshake_serves_every_process_and_the_last_of_them_ends_the_connection() {
    let (sshd, state) = (Sshd::start(""), temporary());
    let first = sharing(&sshd, state.path());
    ask(&first).await;
    let second = sharing(&sshd, state.path());
    ask(&second).await;
    assert_eq!(sshd.accepted(), 1, "{}", sshd.log());
    // The one that opened it goes, and a third comes by the second.
    drop(first);
    ask(&second).await;
    let third = sharing(&sshd, state.path());
    ask(&third).await;
    drop(second);
    host(&third, "box").lock(&lock("r1"), None).await.unwrap();
    assert_eq!((sshd.accepted(), masters(&sshd).len()), (1, 1), "{}", sshd.log());
    drop(third);
    eventually("it ends", || sshd.sessions().is_empty() && masters(&sshd).is_empty());
}

#[tokio::test]
async fn whoever_opened_it_takes_nothing_along_that_another_does() {
    let (sshd, state) = (Sshd::start(""), temporary());
    let first = sharing(&sshd, state.path());
    ask(&first).await;
    let second = sharing(&sshd, state.path());
    let theirs = host(&second, "box");
    settled(&theirs, &v1(state.path())).await;
    let leaving = async {
        host(&first, "box").close().await;
        drop(first);
    };
    while_a_gate_runs(&theirs, leaving).await;
    assert_eq!(sshd.accepted(), 1, "{}", sshd.log());
}

#[tokio::test]
async fn a_transfer_that_is_given_up_leaves_the_connection_to_the_others() {
    let (sshd, state) = (Sshd::start(""), temporary());
    let first = sharing(&sshd, state.path());
    ask(&first).await;
    let ssh = SshSettings { share: Some(state.path().to_owned()), ..sshd.ssh() };
    let transfer = coalmine::host::TransferSettings { bandwidth: Some(Bytes(1_000_000)), ..quick() };
    let second = fleet(ssh, transfer, target(&sshd.folder.path().join("root")), state.path());
    let theirs = host(&second, "box");
    theirs.lock(&lock("r1"), None).await.unwrap();
    let one = v1(state.path());
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
    let (named, tell) = (rollout("r1"), move |progress: Progress| tx.send(progress.bytes).unwrap());
    tokio::select! {
        primed = theirs.prime(&one, &named, &tell) => panic!("{primed:?}"),
        () = async { while rx.recv().await.unwrap() < Bytes(500_000) {} } => {}
    }
    ask(&first).await;
    assert_eq!(sshd.accepted(), 1, "{}", sshd.log());
}

#[tokio::test]
async fn a_connection_that_is_gone_or_hangs_is_replaced_without_a_word() {
    let (sshd, state) = (Sshd::start(""), temporary());
    let ssh = SshSettings { share: Some(state.path().to_owned()), ..sshd.impatient() };
    let sharing =
        |sshd: &Sshd, state: &Path| fleet(ssh.clone(), quick(), target(&sshd.folder.path().join("root")), state);
    let first = sharing(&sshd, state.path());
    ask(&first).await;
    let found = masters(&sshd);
    assert_eq!(found.len(), 1);
    // Its sockets stay, and nobody listens.
    sshd.signal(&found, "-KILL");
    eventually("it dies", || masters(&sshd).is_empty());
    let second = sharing(&sshd, state.path());
    ask(&second).await;
    assert_eq!(sshd.accepted(), 2);
    // What answers here may lead nowhere any more, as when a firewall has forgotten it.
    sshd.signal(&sshd.sessions(), "-STOP");
    let third = sharing(&sshd, state.path());
    ask(&third).await;
    assert_eq!(sshd.accepted(), 3);
    sshd.signal(&sshd.sessions(), "-CONT");
}

#[tokio::test]
async fn a_step_that_had_begun_over_it_is_as_one_whose_link_was_lost() {
    let (sshd, state) = (Sshd::start(""), temporary());
    let first = sharing(&sshd, state.path());
    ask(&first).await;
    let second = sharing(&sshd, state.path());
    let theirs = host(&second, "box");
    settled(&theirs, &v1(state.path())).await;
    while_a_gate_runs(&theirs, async { sshd.signal(&sshd.sessions(), "-KILL") }).await;
    assert_eq!(sshd.accepted(), 2);
}

#[tokio::test]
async fn where_a_host_opens_few_sessions_each_process_has_its_own_connection() {
    let (sshd, state) = (Sshd::start("MaxSessions 1"), temporary());
    let (first, second) = (sharing(&sshd, state.path()), sharing(&sshd, state.path()));
    ask(&first).await;
    ask(&second).await;
    assert_eq!(sshd.accepted(), 2);
    // And each keeps to its own.
    ask(&first).await;
    ask(&second).await;
    let third = sharing(&sshd, state.path());
    ask(&third).await;
    assert_eq!(sshd.accepted(), 3);
}

#[tokio::test]
async fn who_takes_part_takes_no_session_from_a_rollout() {
    let (sshd, state) = (Sshd::start("MaxSessions 2"), temporary());
    let first = sharing(&sshd, state.path());
    let ours = host(&first, "box");
    settled(&ours, &v1(state.path())).await;
    ours.lock(&lock("r2"), None).await.unwrap();
    let second = sharing(&sshd, state.path());
    ask(&second).await;
    assert_eq!(sshd.accepted(), 1);
    // A step and a lease that is renewed meanwhile are two, and the other process has one.
    while_a_gate_runs(&ours, ours.renew(&lock("r2"))).await.unwrap();
    assert_eq!(sshd.accepted(), 2, "{}", sshd.log());
}

#[tokio::test]
async fn a_switch_is_confirmed_over_a_connection_of_its_own_whatever_is_open() {
    let (sshd, state) = (Sshd::start(""), temporary());
    let first = sharing(&sshd, state.path());
    ask(&first).await;
    let second = sharing(&sshd, state.path());
    let theirs = host(&second, "box");
    theirs.lock(&lock("r1"), None).await.unwrap();
    assert_eq!(sshd.accepted(), 1);
    theirs.confirm(&rollout("r1")).await.unwrap();
    assert_eq!(sshd.accepted(), 2);
}

#[tokio::test]
async fn only_who_would_connect_in_the_same_way_takes_part() {
    let (sshd, state, other) = (Sshd::start(""), temporary(), temporary());
    let first = sharing(&sshd, state.path());
    ask(&first).await;
    let mut handshakes = 1;
    let mut alone = async |fleet: RealFleet, name: &str| {
        host(&fleet, name).probe(&Survey::Shallow, None).await.unwrap();
        handshakes += 1;
        assert_eq!(sshd.accepted(), handshakes, "{fleet:?}");
    };
    alone(sharing(&sshd, state.path()), "box2").await;
    alone(sharing(&sshd, other.path()), "box").await;
    let root = target(&sshd.folder.path().join("root"));
    let with = |ssh: SshSettings| fleet(ssh, quick(), root.clone(), state.path());
    let shared = || SshSettings { share: Some(state.path().to_owned()), ..sshd.ssh() };
    alone(with(SshSettings { share: None, ..shared() }), "box").await;
    alone(with(SshSettings { kex: Some("curve25519-sha256".into()), ..shared() }), "box").await;
    alone(with(SshSettings { alive: Duration::from_secs(2), ..shared() }), "box").await;
    sshd.write_client("# Something else.");
    alone(sharing(&sshd, state.path()), "box").await;
    // The one that has been there all the time goes by it, too, from its next connection on.
    host(&first, "box").close().await;
    ask(&first).await;
    assert_eq!(sshd.accepted(), handshakes + 1);
    ask(&sharing(&sshd, state.path())).await;
    assert_eq!(sshd.accepted(), handshakes + 1);
}

#[tokio::test]
async fn what_is_kept_serves_the_next_process_and_ends_by_itself() {
    let (sshd, state) = (Sshd::start(""), temporary());
    // What is kept for a moment ends by itself, and is opened anew.
    for handshakes in 1..=2 {
        ask(&keeping(&sshd, state.path(), Duration::from_secs(1))).await;
        assert_eq!(sshd.accepted(), handshakes);
        eventually("it ends", || sshd.sessions().is_empty() && masters(&sshd).is_empty());
    }
    let keep = Duration::from_secs(300);
    for _ in 0..2 {
        let fleet = keeping(&sshd, state.path(), keep);
        ask(&fleet).await;
        host(&fleet, "box").close().await;
        drop(fleet);
        assert_eq!((sshd.accepted(), masters(&sshd).len()), (3, 1), "{}", sshd.log());
    }
    // What nobody could find is not kept.
    let ssh = SshSettings { keep, ..sshd.ssh() };
    let alone = fleet(ssh, quick(), target(Path::new("/nonexistent")), state.path());
    ask(&alone).await;
    assert_eq!(sshd.accepted(), 4);
    drop(alone);
    eventually("it ends", || masters(&sshd).len() <= 1);
}
