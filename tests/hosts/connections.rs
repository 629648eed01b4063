//! Connections that are turned away, that fail on the way, or that end before a shell answers.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use coalmine::host::{Fleet as _, Host as _, HostError, LockRequest, SshSettings, Survey, TransferSettings};
use coalmine::model::{Failure, FailureClass, HostId, Probe, PushBack};

use crate::sshd::{Sshd, keygen};
use crate::stage::{fleet, host, me, rollout, target, temporary};

fn failed(answer: Result<Probe, HostError>) -> Failure {
    match answer.unwrap_err() {
        HostError::Failed(failure) => *failure,
        other => panic!("{other}"),
    }
}

/// Puts a jump host before every host of an sshd.
fn behind(sshd: &Sshd, jump: &Sshd, port: u16, key: &str) {
    let path = jump.folder.path().display();
    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    sshd.write_client(&format!(
        "Host bastion\n HostName 127.0.0.1\n Port {port}\n User {user}\n IdentityFile {path}/{key}\n IdentitiesOnly yes\n \
         IdentityAgent none\n UserKnownHostsFile {path}/known_hosts\n GlobalKnownHostsFile /dev/null\n HostKeyAlias box\n\
         Host boxnear*\n ProxyJump none\nHost box*\n ProxyJump bastion\n"
    ));
}

#[tokio::test]
async fn a_jump_host_is_named_with_what_is_wrong_with_it() {
    let (sshd, jump) = (Sshd::start(""), Sshd::start(""));
    let closed = Sshd::start("AllowTcpForwarding no");
    let state = temporary();
    keygen(&jump.folder.path().join("stranger"));
    let ask = async |wrong: &dyn Fn()| {
        wrong();
        let ssh = SshSettings { connect_timeout: Duration::from_secs(10), ..sshd.ssh() };
        let fleet = fleet(ssh, TransferSettings::default(), target(Path::new("/nonexistent")), state.path());
        host(&fleet, "box").probe(&Survey::Shallow, None).await
    };
    ask(&|| behind(&sshd, &jump, jump.port, "user")).await.unwrap();
    let told = |message: &str| format!("jump host bastion: {message}");
    let failure = failed(ask(&|| behind(&sshd, &jump, jump.port, "stranger")).await);
    assert_eq!(failure.message, told("permission denied"), "{failure:?}");
    let failure = failed(ask(&|| behind(&sshd, &jump, 1, "user")).await);
    assert_eq!(failure.message, told("connection refused"), "{failure:?}");
    let failure = failed(ask(&|| behind(&sshd, &closed, closed.port, "user")).await);
    assert_eq!(failure.message, told("it opens no connection for others"), "{failure:?}");
    fs::write(jump.folder.path().join("known_hosts"), "").unwrap();
    let failure = failed(ask(&|| behind(&sshd, &jump, jump.port, "user")).await);
    assert_eq!(failure.message, told("its host key is not known"), "{failure:?}");
    assert!(!failure.output.contains("debug1"), "{failure:?}");
}

#[tokio::test]
async fn a_jump_host_that_takes_few_at_once_loses_no_host() {
    let (sshd, jump) = (Sshd::start("MaxStartups 100"), Sshd::start("MaxStartups 2:30:5"));
    behind(&sshd, &jump, jump.port, "user");
    let state = temporary();
    // As the defaults are: thirty at once, ten seconds each.
    let ssh = SshSettings { config: sshd.ssh().config, ..SshSettings::default() };
    let fleet = fleet(ssh, TransferSettings::default(), target(Path::new("/nonexistent")), state.path());
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16 {
        let host = fleet.host(&HostId::new(&format!("box{n}")).unwrap());
        tasks.spawn(async move { host.probe(&Survey::Shallow, None).await });
    }
    let mut lost = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        lost.extend(answer.unwrap().err());
    }
    assert!(lost.is_empty(), "{lost:?}");
    assert!(jump.log().contains("drop connection"), "nobody was turned away");
}

#[tokio::test]
async fn a_jump_host_that_turns_connections_away_slows_down_only_what_is_behind_it() {
    let (sshd, jump) = (Sshd::start("MaxStartups 100"), Sshd::start("MaxStartups 1:100:1"));
    behind(&sshd, &jump, jump.port, "user");
    let state = temporary();
    let ssh = SshSettings { config: sshd.ssh().config, connects: 6, ..SshSettings::default() };
    let fleet = fleet(ssh, TransferSettings::default(), target(Path::new("/nonexistent")), state.path());
    let mut tasks = tokio::task::JoinSet::new();
    for (way, hosts) in [("box", 6), ("boxnear", 12)] {
        for n in 0..hosts {
            let host = fleet.host(&HostId::new(&format!("{way}{n}")).unwrap());
            tasks.spawn(async move {
                host.probe(&Survey::Shallow, None).await.unwrap_or_else(|error| panic!("{way}{n}: {error}"));
                way
            });
        }
    }
    let mut order = Vec::new();
    while let Some(way) = tasks.join_next().await {
        order.push(way.unwrap());
    }
    assert_eq!(order.last(), Some(&"box"), "who is not behind it waited: {order:?}");
    let told = fleet.squeezes();
    let first = told.first().expect("nobody was told");
    assert!(first.at_once < 6 && first.why == PushBack::TurnedAway, "{first:?}");
    assert!(told.iter().all(|squeeze| squeeze.way.as_deref() == Some("jump host bastion")), "{told:?}");
}

#[tokio::test]
async fn a_jump_host_that_is_gone_is_not_said_to_be_asked_too_much() {
    let (sshd, jump) = (Sshd::start("MaxStartups 100"), Sshd::start(""));
    behind(&sshd, &jump, 1, "user");
    let state = temporary();
    let fleet = fleet(sshd.ssh(), TransferSettings::default(), target(Path::new("/nonexistent")), state.path());
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let host = fleet.host(&HostId::new(&format!("box{n}")).unwrap());
        tasks.spawn(async move { failed(host.probe(&Survey::Shallow, None).await).message });
    }
    while let Some(message) = tasks.join_next().await {
        assert_eq!(message.unwrap(), "jump host bastion: connection refused");
    }
    let told = fleet.squeezes();
    assert!(told.is_empty(), "{told:?}");
}

#[tokio::test]
async fn a_host_that_lets_in_and_runs_no_shell_is_given_up_after_the_time_to_connect() {
    for forced in ["exec sleep 1000", "while printf x; do sleep 0.5; done"] {
        let sshd = Sshd::start(&format!("ForceCommand {forced}"));
        let state = temporary();
        // As long as a host may be silent, so that no slow login of others makes more of it.
        let ssh = SshSettings { connect_timeout: Duration::from_secs(6), alive: Duration::from_secs(2), ..sshd.ssh() };
        let fleet = fleet(ssh, TransferSettings::default(), target(Path::new("/nonexistent")), state.path());
        let begun = Instant::now();
        let failure = failed(host(&fleet, "box").probe(&Survey::Shallow, None).await);
        assert_eq!(failure.class, FailureClass::Unreachable);
        assert_eq!(failure.message, "logs in, but no shell answered for 6 s while asking what is installed");
        // It would go on for ever.
        assert!(begun.elapsed() < Duration::from_secs(60), "{forced}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn what_the_users_configuration_says_of_sessions_breaks_no_command() {
    let sshd = Sshd::start("");
    let state = temporary();
    sshd.write_client("Host *\n StdinNull yes\n SessionType subsystem\n ForkAfterAuthentication yes\n RequestTTY force\n RemoteCommand id\n");
    let root = sshd.folder.path().join("root");
    let fleet = fleet(sshd.ssh(), TransferSettings::default(), target(&root), state.path());
    let host = host(&fleet, "box");
    let request = LockRequest {
        owner: me(),
        rollout: rollout("r1"),
        term: 1,
        over: None,
        reason: None,
        lease: Duration::from_secs(60),
    };
    host.lock(&request, None).await.unwrap();
    // A connection of its own is one without a control socket.
    host.confirm(&rollout("r1")).await.unwrap();
}

#[tokio::test]
async fn a_key_that_was_revoked_and_a_certificate_that_does_not_fit_are_never_called_unknown() {
    let sshd = Sshd::start("");
    let path = sshd.folder.path();
    let state = temporary();
    keygen(&path.join("authority"));
    let certify = |principal: &str, validity: &str| {
        let status = Command::new("ssh-keygen")
            .args(["-q", "-s"])
            .arg(path.join("authority"))
            .args(["-I", "x", "-h", "-n", principal, "-V", validity])
            .arg(path.join("host.pub"))
            .status()
            .unwrap();
        assert!(status.success());
        let config = fs::read_to_string(path.join("sshd_config")).unwrap();
        if !config.contains("HostCertificate") {
            let line = format!("HostCertificate {}\n", path.join("host-cert.pub").display());
            fs::write(path.join("sshd_config"), config + &line).unwrap();
        }
        sshd.signal(&[sshd.pid()], "-HUP");
    };
    let key = fs::read_to_string(path.join("host.pub")).unwrap();
    let authority = fs::read_to_string(path.join("authority.pub")).unwrap();
    let fleet = fleet(sshd.ssh(), TransferSettings::default(), target(Path::new("/nonexistent")), state.path());
    let host = host(&fleet, "box");
    let expect = async |known: String, message: &str| {
        fs::write(path.join("known_hosts"), known).unwrap();
        let begun = Instant::now();
        loop {
            let failure = failed(host.probe(&Survey::Shallow, None).await);
            // It listens anew a moment after it was told to.
            if failure.message == message || begun.elapsed() > Duration::from_secs(60) {
                assert_eq!(failure.message, message, "{failure:?}");
                assert!(!failure.hint.unwrap_or_default().contains("accept-new"));
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    expect(format!("@revoked * {key}"), "its host key is revoked").await;
    certify("another", "always:forever");
    expect(format!("@cert-authority * {authority}"), "its host certificate is not for this host").await;
    certify("box", "20200101:20200102");
    expect(format!("@cert-authority * {authority}"), "its host certificate is out of date").await;
}

#[tokio::test]
async fn a_host_that_greets_or_opens_few_sessions_is_known_before_a_transfer_fails() {
    let tools = async |extra: &str| {
        let sshd = Sshd::start(extra);
        let state = temporary();
        let fleet = fleet(sshd.ssh(), TransferSettings::default(), target(Path::new("/nonexistent")), state.path());
        let host = host(&fleet, "box");
        // The second time it is asked in the session that is open.
        host.probe(&Survey::Shallow, None).await.unwrap();
        let facts = host.probe(&Survey::Tools, None).await.unwrap().facts;
        let told = |name: &str| facts.iter().find(|(fact, _)| fact == name).map(|(_, value)| value.clone());
        (told("greets"), told("narrow"))
    };
    assert_eq!(tools("").await, (None, None));
    assert_eq!(tools("MaxSessions 3").await, (None, None));
    assert_eq!(tools("MaxSessions 2").await, (None, Some("yes".to_owned())));
    let greets = "ForceCommand echo Welcome; exec sh -c \"$SSH_ORIGINAL_COMMAND\"";
    assert_eq!(tools(greets).await, (Some("Welcome".to_owned()), None));
}
