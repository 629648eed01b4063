//! Hosts that pass a release on: rsync's own daemon beside a real sshd, and whatever goes wrong with it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use coalmine::host::{CarrierSettings, Host as _, RealFleet, Switch, TransferSettings};
use coalmine::model::{Bytes, Carried, Carrier, CarrierFailed, CarrierNews, HostId, RelayFailed, RelayStarted};
use coalmine::release::StoredRelease;
use tokio::sync::mpsc::Receiver;

use crate::carriers::{carry, folder, large, prime, told, with};
use crate::sshd::Sshd;
use crate::stage::{assert_whole, eventually, fleet, host, processes_with, rollout, target, temporary};

/// The relays and their hosts, each with a root of its own behind one sshd: `SetEnv` says whose it is.
struct Site {
    sshd: Sshd,
    state: tempfile::TempDir,
    roots: tempfile::TempDir,
    release: Arc<StoredRelease>,
}

fn id(name: &str) -> HostId {
    HostId::new(name).unwrap()
}

/// A range of ports of which nobody listens on the first.
fn ports() -> std::ops::RangeInclusive<u16> {
    let first = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().min(65_000);
    first..=first + 30
}

impl Site {
    fn new() -> Self {
        // Each host begins in a home of its own, which its root is relative to.
        let roots = temporary();
        let enter = roots.path().join("enter");
        let text = format!(
            "#!/bin/sh\ncd {}/\"$BOX\" || exit 255\n[ ! -r profile ] || . ./profile\nexec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"\n",
            roots.path().display()
        );
        fs::write(&enter, text).unwrap();
        Command::new("chmod").arg("755").arg(&enter).status().unwrap();
        let sshd = Sshd::start(&format!("AcceptEnv BOX\nForceCommand {}\n", enter.display()));
        let mut hosts = String::new();
        for name in ["box1", "box2", "box3", "box4", "box5"] {
            fs::create_dir(roots.path().join(name)).unwrap();
            hosts.push_str(&format!("Host {name}\n SetEnv BOX={name}\n"));
        }
        sshd.write_client(&hosts);
        let state = temporary();
        let release = large(state.path());
        Self { sshd, state, roots, release }
    }

    fn fleet(&self, transfer: TransferSettings) -> RealFleet {
        fleet(self.sshd.ssh(), transfer, target(Path::new("root")), self.state.path())
    }

    fn home(&self, name: &str) -> PathBuf {
        self.roots.path().join(name)
    }

    /// Primes hosts one after the other, and gives how each got it.
    async fn primed(&self, fleet: &RealFleet, names: &[&str]) -> Vec<String> {
        let mut ways = Vec::new();
        for name in names {
            let (primed, progress) = prime(fleet, name, &self.release).await;
            let primed = primed.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(
                primed.packed && progress.last().is_some_and(|last| last.bytes == last.total),
                "{name}: {progress:?}"
            );
            let tree = self.home(name).join("root");
            assert_whole(&self.release, &folder(&target(&tree), &self.release));
            let Carried { by, relay } = primed.carried.unwrap();
            ways.push(format!("{name} {by}{}", relay.map(|relay| format!(" {relay}")).unwrap_or_default()));
        }
        ways
    }

    fn relay_folders(&self, name: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.home(name).join("root/.coalmine")).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        found.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("relay."));
        found
    }

    /// Changes one byte of what a relay passes on.
    fn change(&self, relay: &str) {
        let packs = self.relay_folders(relay).pop().unwrap().join("packs");
        let pack = fs::read_dir(packs).unwrap().next().unwrap().unwrap().path();
        let mut bytes = fs::read(&pack).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&pack, bytes).unwrap();
    }

    fn daemons(&self) -> Vec<u32> {
        let place = self.roots.path().to_string_lossy().into_owned();
        let all = processes_with("--daemon");
        all.into_iter().filter(|(_, line)| line.contains(&place)).map(|(pid, _)| pid).collect()
    }
}

fn relays(ports: std::ops::RangeInclusive<u16>) -> TransferSettings {
    with(CarrierSettings { ports, ..CarrierSettings::default() })
}

const BOTH: [Carrier; 2] = [Carrier::Relay, Carrier::Direct];

fn failures(news: &mut Receiver<CarrierNews>) -> (Vec<String>, Vec<String>) {
    let (mut relays, mut hosts) = (Vec::new(), Vec::new());
    for news in told(news) {
        match news {
            CarrierNews::RelayStarted(_) => {}
            CarrierNews::RelayFailed(RelayFailed { host, message }) => relays.push(format!("{host}: {message}")),
            CarrierNews::Failed(CarrierFailed { host, message, .. }) => hosts.push(format!("{host}: {message}")),
        }
    }
    (relays, hosts)
}

#[tokio::test]
async fn hosts_of_a_site_get_it_from_its_relay_which_is_gone_with_the_rollout() {
    let site = Site::new();
    let fleet = site.fleet(relays(ports()));
    let mut news = carry(&fleet, &BOTH, &[("box1", None), ("box2", Some("box1")), ("box3", Some("box1"))]);
    let ways = site.primed(&fleet, &["box1", "box2", "box3"]).await;
    assert_eq!(ways, ["box1 relay box1", "box2 relay box1", "box3 relay box1"]);
    let told = told(&mut news);
    let [CarrierNews::RelayStarted(RelayStarted { host, address, hosts: 2 })] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(*host == id("box1") && address.starts_with("127.0.0.1:"), "{told:?}");
    // Whoever does not know its secret gets nothing, nor does anybody write there.
    let place = site.relay_folders("box1").pop().unwrap();
    let module = format!("rsync://coalmine@{address}/packs/");
    let stranger = |secret: &str, arguments: &[&str]| {
        let mut rsync = Command::new("rsync");
        rsync.env("RSYNC_PASSWORD", secret).args(arguments).output().unwrap().status.success()
    };
    let secret = fs::read_to_string(place.join("secret")).unwrap();
    let secret = secret.trim().trim_start_matches("coalmine:");
    assert!(!stranger("guessed", &[&module]) && stranger(secret, &[&module]));
    assert!(!stranger(secret, &["/etc/hostname", &module]), "somebody wrote there");
    host_closes(&fleet, &site).await;
}

/// What a relay had there is gone when its connection is.
async fn host_closes(fleet: &RealFleet, site: &Site) {
    assert!(!site.daemons().is_empty());
    host(fleet, "box1").close().await;
    eventually("the daemon ends", || site.daemons().is_empty());
    eventually("its folder goes", || site.relay_folders("box1").is_empty());
}

#[tokio::test]
async fn a_relay_behind_a_relay_gets_it_there_and_one_that_dies_with_its_conductor_leaves_nothing() {
    let site = Site::new();
    let fleet = site.fleet(relays(ports()));
    let mut news = carry(&fleet, &BOTH, &[("box1", None), ("box2", Some("box1")), ("box3", Some("box2"))]);
    // The lowest first: what is above is opened for it.
    let ways = site.primed(&fleet, &["box3"]).await;
    let started: Vec<_> = told(&mut news);
    assert_eq!(ways, ["box3 relay box2"], "{started:?}");
    assert_eq!(started.len(), 2, "{started:?}");
    assert_eq!(site.primed(&fleet, &["box2", "box1"]).await, ["box2 relay box2", "box1 relay box1"]);
    let sessions = site.sshd.sessions();
    site.sshd.signal(&sessions, "-KILL");
    eventually("the daemons end", || site.daemons().is_empty());
}

#[tokio::test]
async fn a_relay_that_changes_one_byte_is_named_and_its_hosts_get_it_from_another_and_then_directly() {
    let site = Site::new();
    let fleet = site.fleet(relays(ports()));
    // box5 has box2 beside its own.
    let hosts =
        [("box1", None), ("box2", None), ("box3", Some("box1")), ("box4", Some("box1")), ("box5", Some("box2"))];
    let mut news = carry(&fleet, &BOTH, &hosts);
    assert_eq!(site.primed(&fleet, &["box1", "box2"]).await, ["box1 relay box1", "box2 relay box2"]);
    site.change("box1");
    assert_eq!(site.primed(&fleet, &["box3", "box4"]).await, ["box3 relay box2", "box4 relay box2"]);
    let (relays, hosts) = failures(&mut news);
    assert_eq!(relays, ["box1: what it passed on is not what was built (box3)"]);
    assert!(hosts.len() == 2 && hosts[1].contains("it was given up"), "{hosts:?}");
    site.change("box2");
    assert_eq!(site.primed(&fleet, &["box5"]).await, ["box5 direct"]);
    assert_eq!(failures(&mut news).0, ["box2: what it passed on is not what was built (box5)"]);
}

#[tokio::test]
async fn a_relay_that_finds_wrong_what_it_passes_on_is_given_up_before_its_hosts_come() {
    let site = Site::new();
    let fleet = site.fleet(relays(ports()));
    let mut news = carry(&fleet, &BOTH, &[("box1", None), ("box2", Some("box1")), ("box3", Some("box1"))]);
    // It has it since somebody asked, and not yet for itself.
    assert_eq!(site.primed(&fleet, &["box2"]).await, ["box2 relay box1"]);
    site.change("box1");
    assert_eq!(site.primed(&fleet, &["box1", "box3"]).await, ["box1 direct", "box3 direct"]);
    let (relays, hosts) = failures(&mut news);
    assert_eq!(relays, ["box1: what it passed on is not what was built (box1)"]);
    assert!(hosts.len() == 2 && hosts[1].starts_with("box3: it was given up"), "{hosts:?}");
}

#[tokio::test]
async fn a_relay_that_is_killed_in_the_middle_holds_nobody_up() {
    let site = Site::new();
    let slow = TransferSettings { bandwidth: Some(Bytes(500_000)), ..relays(ports()) };
    let fleet = Arc::new(site.fleet(slow));
    let mut news = carry(&fleet, &BOTH, &[("box1", None), ("box2", Some("box1")), ("box3", Some("box1"))]);
    site.primed(&fleet, &["box1"]).await;
    let (killer, release) = (Arc::clone(&fleet), Arc::clone(&site.release));
    let getting = tokio::spawn(async move { prime(&killer, "box2", &release).await.0 });
    let staging = site.home("box2").join("root/releases");
    let has_begun = || {
        let packs = fs::read_dir(&staging).into_iter().flatten().flatten().map(|entry| entry.path());
        packs.flat_map(fs::read_dir).flatten().flatten().any(|file| file.metadata().is_ok_and(|found| found.len() > 0))
    };
    while !has_begun() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    site.sshd.signal(&site.daemons(), "-KILL");
    let primed = getting.await.unwrap().unwrap();
    assert_eq!(primed.carried, Some(Carried { by: Carrier::Direct, relay: None }));
    assert_eq!(site.primed(&fleet, &["box3"]).await, ["box3 direct"]);
    let (relays, hosts) = failures(&mut news);
    assert_eq!(relays, ["box1: its daemon ended"]);
    assert_eq!(hosts.len(), 2, "{hosts:?}");
}

#[tokio::test]
async fn whoever_waits_for_a_relay_that_is_given_up_gets_it_otherwise_and_so_does_the_relay() {
    let site = Site::new();
    let slow = TransferSettings { bandwidth: Some(Bytes(1_000_000)), ..relays(ports()) };
    let fleet = Arc::new(site.fleet(slow));
    let mut news = carry(&fleet, &BOTH, &[("box1", None), ("box2", Some("box1"))]);
    let getting = ["box1", "box2"].map(|name| {
        let (fleet, release) = (Arc::clone(&fleet), Arc::clone(&site.release));
        tokio::spawn(async move { prime(&fleet, name, &release).await.0 })
    });
    let packs = || site.relay_folders("box1").into_iter().map(|folder| folder.join("packs"));
    while !packs().flat_map(fs::read_dir).flatten().flatten().any(|file| file.metadata().is_ok_and(|of| of.len() > 0)) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    coalmine::host::Fleet::give_up(&*fleet, &id("box1"), "nothing has come to it for 120 s");
    for getting in getting {
        let primed = getting.await.unwrap().unwrap();
        assert_eq!(primed.carried, Some(Carried { by: Carrier::Direct, relay: None }));
    }
    let (relays, hosts) = failures(&mut news);
    assert!(relays.is_empty(), "who gave it up has said so: {relays:?}");
    let why = "it was given up: nothing has come to it for 120 s";
    assert!(hosts.len() == 2 && hosts.iter().all(|told| told.ends_with(why)), "{hosts:?}");
    eventually("the daemon ends", || site.daemons().is_empty());
}

#[tokio::test]
async fn a_relay_without_a_free_port_and_a_host_that_does_not_reach_its_relay_cost_nobody_the_release() {
    let site = Site::new();
    let taken: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let port = taken[0].local_addr().unwrap().port();
    let fleet = site.fleet(relays(port..=port));
    let mut news = carry(&fleet, &BOTH, &[("box1", None), ("box2", Some("box1"))]);
    assert_eq!(site.primed(&fleet, &["box1", "box2"]).await, ["box1 direct", "box2 direct"]);
    let (relays_failed, hosts) = failures(&mut news);
    assert!(relays_failed.len() == 1 && relays_failed[0].contains("no port of"), "{relays_failed:?}");
    assert_eq!(hosts.len(), 2, "{hosts:?}");
    host(&fleet, "box1").close().await;

    // One that says it is elsewhere: the daemon does not know it from there, as with a network between them.
    let site = Site::new();
    fs::write(site.home("box2").join("profile"), "SSH_CONNECTION='127.0.0.1 1 192.0.2.7 22'; export SSH_CONNECTION\n")
        .unwrap();
    let fleet = site.fleet(relays(ports()));
    let mut news = carry(&fleet, &BOTH, &[("box1", None), ("box2", Some("box1")), ("box3", Some("box1"))]);
    let ways = site.primed(&fleet, &["box1", "box2", "box3"]).await;
    assert_eq!(ways, ["box1 relay box1", "box2 direct", "box3 relay box1"]);
    let (relays_failed, hosts) = failures(&mut news);
    assert!(
        relays_failed.is_empty() && hosts.len() == 1 && hosts[0].starts_with("box2: "),
        "{relays_failed:?} {hosts:?}"
    );
}

#[tokio::test]
async fn a_host_gets_only_what_differs_from_what_it_runs_by_its_relay_too() {
    let site = Site::new();
    let fleet = site.fleet(relays(ports()));
    let hosts = [("box1", None), ("box2", Some("box1"))];
    drop(carry(&fleet, &BOTH, &hosts));
    site.primed(&fleet, &["box1", "box2"]).await;
    for name in ["box1", "box2"] {
        let (host, rollout) = (host(&fleet, name), rollout("r1"));
        let switch = Switch { rollout: rollout.clone(), slot: None, confirm: Duration::ZERO, blames: true };
        host.activate(&site.release.id, &switch).await.unwrap();
        host.finalize(&site.release.id, &rollout, None).await.unwrap();
    }
    let mut next = crate::stage::noise(7, 3_000_000);
    next.truncate(2_900_000);
    let files = [(&b"large"[..], crate::stage::Content::Bytes(next)), (b"other", crate::stage::Content::Text("other"))];
    let next = crate::stage::release(site.state.path(), "2.0", &files);
    for name in ["box1", "box2"] {
        let primed = prime(&fleet, name, &next).await.0.unwrap();
        assert_eq!(primed.carried, Some(Carried { by: Carrier::Relay, relay: Some(id("box1")) }), "{name}");
        assert_whole(&next, &folder(&target(&site.home(name).join("root")), &next));
    }
}
