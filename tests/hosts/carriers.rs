//! What brings a pack to a host beside the deploy server: over a real sshd, and whatever it brings.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coalmine::host::{
    CarrierSettings, Fleet as _, Host as _, HostError, LockRequest, Primed, RealFleet, TargetSettings, TransferSettings,
};
use coalmine::model::{Carried, Carrier, CarrierFailed, CarrierNews, Digest, Environment, HostId, Progress, Version};
use coalmine::plan::{HostPlan, Plan};
use coalmine::release::StoredRelease;
use tokio::sync::mpsc::Receiver;

use crate::plans;
use crate::sshd::Sshd;
use crate::stage::{Content, assert_whole, fleet, host, me, noise, release, rollout, target, temporary};

pub(crate) fn large(state: &Path) -> Arc<StoredRelease> {
    release(
        state,
        "1.0",
        &[(b"large", Content::Bytes(noise(7, 3_000_000))), (b"bin/tool", Content::Program("#!/bin/sh\n"))],
    )
}

/// Tells a fleet how releases travel to its hosts: their names, each with its relay.
pub(crate) fn carry(fleet: &RealFleet, carriers: &[Carrier], hosts: &[(&str, Option<&str>)]) -> Receiver<CarrierNews> {
    let id = |name: &str| HostId::new(name).unwrap();
    let environment = Environment::new("production").unwrap();
    let mut plan = Plan {
        hosts: hosts.iter().map(|(host, relay)| HostPlan { relay: relay.map(id), ..plans::host(id(host)) }).collect(),
        ..plans::plan(rollout("r1"), environment, Version::new("1.0").unwrap(), Digest([1; 32]))
    };
    plan.policy.carriers = carriers.to_vec();
    fleet.carry(plan.carriage()).unwrap()
}

pub(crate) fn with(carriers: CarrierSettings) -> TransferSettings {
    TransferSettings { carriers, stall: Duration::from_secs(60), ..TransferSettings::default() }
}

/// Takes the lock and primes; gives what its progress was, too.
pub(crate) async fn prime(
    fleet: &RealFleet,
    name: &str,
    release: &Arc<StoredRelease>,
) -> (Result<Primed, HostError>, Vec<Progress>) {
    let host = host(fleet, name);
    let (owner, lease) = (me(), Duration::from_secs(60));
    let request = LockRequest { owner, rollout: rollout("r1"), term: 1, over: None, reason: None, lease };
    host.lock(&request, None).await.unwrap();
    let told = Mutex::new(Vec::new());
    let primed = host.prime(release, &rollout("r1"), &|now: Progress| told.lock().unwrap().push(now)).await;
    (primed, told.into_inner().unwrap())
}

pub(crate) fn told(news: &mut Receiver<CarrierNews>) -> Vec<CarrierNews> {
    std::iter::from_fn(|| news.try_recv().ok()).collect()
}

pub(crate) fn folder(target: &TargetSettings, release: &StoredRelease) -> std::path::PathBuf {
    target.root.join("releases").join(release.id.to_string())
}

#[tokio::test]
async fn a_sites_own_command_brings_what_it_published_and_what_is_not_that_comes_directly() {
    let sshd = Sshd::start("");
    let shared = temporary();
    let place = shared.path().display();
    let publish = |script: String| Some(["/bin/sh", "-c", &script].map(str::to_owned).to_vec());
    let ways = [
        ("right", format!("cp {place}/$COALMINE_PACK \"$COALMINE_FILE\""), None),
        (
            "wrong",
            format!("sed 's/e/f/' <{place}/$COALMINE_PACK >\"$COALMINE_FILE\""),
            Some("what came is not what was built"),
        ),
        ("broken", "echo the mirror is away >&2; exit 3".to_owned(), Some("the mirror is away")),
        ("nothing", "true".to_owned(), Some("nothing was put into")),
    ];
    for (name, command, why) in ways {
        let (state, root) = (temporary(), temporary());
        let release = large(state.path());
        let target = target(root.path());
        let settings = CarrierSettings {
            command: Some(command),
            publish: publish(format!("cp \"$COALMINE_FILE\" {place}/$COALMINE_PACK; echo . >>{place}/{name}")),
            ..CarrierSettings::default()
        };
        let fleet = fleet(sshd.ssh(), with(settings), target.clone(), state.path());
        let mut news = carry(&fleet, &[Carrier::Command, Carrier::Direct], &[("box", None)]);
        let (primed, progress) = prime(&fleet, "box", &release).await;
        assert_eq!(std::fs::read_to_string(shared.path().join(name)).unwrap(), ".\n", "{name}");
        let told = told(&mut news);
        let primed = primed.unwrap();
        let by = if why.is_none() { Carrier::Command } else { Carrier::Direct };
        assert_eq!(primed.carried, Some(Carried { by, relay: None }), "{name}");
        assert!(primed.packed && progress.last().is_some_and(|last| last.bytes == last.total), "{progress:?}");
        assert_whole(&release, &folder(&target, &release));
        match (why, told.as_slice()) {
            (None, []) => {}
            (Some(why), [CarrierNews::Failed(CarrierFailed { carrier: Carrier::Command, message, .. })])
                if message.contains(why) => {}
            other => panic!("{name}: {other:?}"),
        }
    }
}

fn swarming(ports: std::ops::RangeInclusive<u16>, upload: Option<u64>) -> TransferSettings {
    let swarm = coalmine::swarm::Settings { ports, address: Some(std::net::Ipv4Addr::LOCALHOST), upload };
    with(CarrierSettings { swarm, ..CarrierSettings::default() })
}

/// Names the processes of aria2 that have a path in their folder.
fn arias(root: &Path) -> Vec<u32> {
    let is_there = |pid: &u32| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(root));
    crate::stage::processes_with("aria2c").into_iter().map(|(pid, _)| pid).filter(is_there).collect()
}

/// Waits until nothing of a swarm is left on a host.
async fn gone(root: &Path) {
    let begun = std::time::Instant::now();
    let is_left = || {
        let names = std::fs::read_dir(root.join(".coalmine")).unwrap().flatten();
        names.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("swarm."))
    };
    while !arias(root).is_empty() || is_left() {
        assert!(begun.elapsed() < Duration::from_secs(60), "something of the swarm is left");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_host_with_aria2_gets_it_from_the_swarm_and_one_without_gets_it_directly() {
    let without = temporary();
    for tool in std::fs::read_dir("/usr/bin").unwrap().chain(std::fs::read_dir("/bin").unwrap()).flatten() {
        let link = without.path().join(tool.file_name());
        if tool.file_name() != "aria2c" && !link.exists() {
            std::os::unix::fs::symlink(tool.path(), link).unwrap();
        }
    }
    let (sshd, bare) = (Sshd::start(""), Sshd::start(&format!("SetEnv PATH={}", without.path().display())));
    let state = temporary();
    let release = large(state.path());
    let mut carried = Vec::new();
    for sshd in [&sshd, &bare] {
        let root = temporary();
        let target = target(root.path());
        let fleet = fleet(sshd.ssh(), swarming(24_000..=24_499, None), target.clone(), state.path());
        let mut news = carry(&fleet, &[Carrier::Torrent, Carrier::Direct], &[("box", None)]);
        let (primed, progress) = prime(&fleet, "box", &release).await;
        carried.push(primed.unwrap().carried.map(|carried| carried.by));
        assert!(progress.last().is_some_and(|last| last.bytes == last.total), "{progress:?}");
        assert_whole(&release, &folder(&target, &release));
        assert_eq!(told(&mut news), []);
        drop(fleet);
        gone(root.path()).await;
    }
    assert_eq!(carried, [Some(Carrier::Torrent), Some(Carrier::Direct)]);
}

#[tokio::test]
async fn a_seeder_that_is_killed_in_the_middle_lets_hosts_take_the_next_carrier_at_once() {
    let sshd = Sshd::start("");
    let (state, root) = (temporary(), temporary());
    let release = large(state.path());
    let target = target(root.path());
    let fleet = fleet(sshd.ssh(), swarming(24_500..=24_999, Some(100_000)), target.clone(), state.path());
    let mut news = carry(&fleet, &[Carrier::Torrent, Carrier::Direct], &[("box", None)]);
    let kill = async {
        let me = std::process::id().to_string();
        let begun = std::time::Instant::now();
        loop {
            assert!(begun.elapsed() < Duration::from_secs(90), "nobody fetched");
            tokio::time::sleep(Duration::from_millis(20)).await;
            let seeders = crate::stage::processes_with(&format!("--stop-with-process={me} "));
            let seeder = seeders.iter().find(|(_, line)| line.contains("coalmine-swarm-"));
            if let (Some((pid, _)), false) = (seeder, arias(root.path()).is_empty()) {
                sshd.signal(&[*pid], "-KILL");
                return std::time::Instant::now();
            }
        }
    };
    let ((primed, _), killed) = tokio::join!(prime(&fleet, "box", &release), kill);
    // And not when it had been silent for as long as a host may be.
    assert!(killed.elapsed() < Duration::from_secs(60), "{:?}", killed.elapsed());
    assert_eq!(primed.unwrap().carried, Some(Carried { by: Carrier::Direct, relay: None }));
    assert_whole(&release, &folder(&target, &release));
    let told = told(&mut news);
    let [CarrierNews::Failed(CarrierFailed { carrier: Carrier::Torrent, message, .. })] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(message.starts_with("aria2 ended on the deploy server"), "{message}");
    gone(root.path()).await;
}
