//! Hosts that lose their power and programs that are killed, at any moment: every link leads to a whole release, and the next install
//! heals the rest.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::fleet::{Answer, Fleet, kill};
use crate::hosts::mw;

const HOSTS: usize = 4;

/// Ends everything that runs on a host, as a loss of power does.
fn cut_power(fleet: &Fleet, host: &str) {
    let has = |file: &Path, needles: &[&str]| {
        let content = fs::read(file).unwrap_or_default();
        let text = String::from_utf8_lossy(&content);
        needles.iter().all(|needle| text.contains(needle))
    };
    let dir = fleet.dir.to_str().unwrap();
    for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        let is_there = has(&process.path().join("environ"), &[dir, &format!("SANDBOX_HOST={host}")]);
        let serves_it =
            has(&process.path().join("comm"), &["sshd"]) && has(&process.path().join("cmdline"), &[dir, host]);
        if is_there || serves_it {
            // It may have ended meanwhile.
            kill_process(pid, Signal::KILL).ok();
        }
    }
}

/// Lets the leases of a rollout that died run out: a phase that was cut short holds its host for longer than it may take, which
/// is more than a minute.
fn let_leases_run_out(fleet: &Fleet) {
    for host in fleet.hosts() {
        // Whatever still ran there would free or renew its lock.
        cut_power(fleet, &host);
        let Ok(leases) = fs::read_dir(fleet.root(&host).join(".coalmine/lock")) else { continue };
        for lease in leases {
            let lease = lease.unwrap().path();
            let name = lease.file_name().unwrap().to_str().unwrap();
            let (_, rollout) = name.split_once('.').unwrap();
            fs::rename(&lease, lease.with_file_name(format!("1.{rollout}"))).unwrap();
        }
    }
}

/// Heals the fleet by the next install, and looks at every host.
fn heal(fleet: &Fleet, version: &str) {
    let_leases_run_out(fleet);
    fleet.install(&[version]).exits(0);
    assert_eq!(fleet.status(&[version]).0, Some(0));
    for host in fleet.hosts() {
        assert_eq!(fleet.runs(&host).as_deref(), Some(version), "{host}");
        for release in fs::read_dir(fleet.root(&host).join("releases")).unwrap() {
            let name = release.unwrap().file_name().into_string().unwrap();
            assert!(!name.starts_with('.'), "{host}: {name} was left over");
        }
        let lock = fs::read_dir(fleet.root(&host).join(".coalmine/lock"));
        let is_free = lock.map(Iterator::count).unwrap_or_default() == 0;
        assert!(is_free, "{host} is locked: {}", fleet.remembers(&host));
    }
}

#[test]
fn a_host_that_dies_at_any_moment_runs_a_whole_release_and_is_healed_by_the_next_install() {
    let fleet = Fleet::of_scripts(HOSTS);
    let victim = mw(2, HOSTS);
    fleet.install(&["1.0.0"]).exits(0);
    let mut random = fastrand::Rng::with_seed(2);
    let mut ends = Vec::new();
    for round in 0..8 {
        let version = &format!("1.3.{round}");
        fleet.tag(version, |_| {});
        let fault = match round % 4 {
            0 => Some(format!("dies:{}", random.u32(1_000..40_000))),
            1 => Some(format!("cuts:{}", random.u32(10_000..90_000))),
            _ => None,
        };
        fleet.fault(&victim, fault.as_deref().unwrap_or("none"));
        let before = fleet.rollouts();
        let rollout = fleet.start(&["install-world", version, "--yes", "--headless"]);
        if fault.is_none() {
            let id = fleet.newest(&before);
            fleet.wait_for(&id, "locked");
            std::thread::sleep(Duration::from_millis(random.u64(0..1_500)));
            cut_power(&fleet, &victim);
        }
        let answer = Answer::of(rollout.wait_with_output().unwrap());
        assert!(matches!(answer.code, Some(0 | 1 | 3 | 4 | 5 | 6)), "round {round}, {fault:?}: {answer:?}");
        ends.push(answer.code);
        let switched = if matches!(answer.code, Some(0 | 3 | 4)) { version.as_str() } else { "" };
        for host in fleet.hosts() {
            let runs = fleet.runs(&host);
            assert!(runs.is_some(), "round {round}: {host}");
            let is_as_told = switched.is_empty() || host == victim || runs.as_deref() == Some(switched);
            assert!(is_as_told, "round {round}: {host} runs {runs:?}: {answer:?}");
        }
    }
    fleet.fault(&victim, "none");
    assert!(ends.iter().any(|end| *end != Some(0)), "nothing was ever cut in two: {ends:?}");
    fleet.tag("2.0.0", |_| {});
    heal(&fleet, "2.0.0");
}

#[test]
fn coalmine_that_is_killed_at_any_moment_leaves_whole_releases_and_the_next_install_heals_them() {
    let fleet = Fleet::of_scripts(HOSTS);
    let begun = Instant::now();
    fleet.install(&["1.0.0"]).exits(0);
    // Of a rollout half is over, as a rule, when it can be found, and a quick machine is done with the rest while a slow one begins.
    let most = u64::try_from(begun.elapsed().as_millis()).unwrap() / 2;
    let mut random = fastrand::Rng::with_seed(5);
    let mut unfinished = 0;
    for round in 0..6 {
        let version = &format!("1.3.{round}");
        fleet.tag(version, |_| {});
        let before = fleet.rollouts();
        let rollout = fleet.start(&["install-world", version, "--yes", "--headless"]);
        let id = fleet.newest(&before);
        std::thread::sleep(Duration::from_millis(random.u64(0..most)));
        kill(i32::try_from(rollout.id()).unwrap(), Signal::KILL);
        let answer = Answer::of(rollout.wait_with_output().unwrap());
        unfinished += usize::from(answer.code.is_none());
        for host in fleet.hosts() {
            assert!(fleet.runs(&host).is_some(), "round {round}, {id}: {host}");
        }
        let_leases_run_out(&fleet);
    }
    assert!(unfinished > 2, "it was over before it was killed in all but {unfinished} rounds");
    fleet.tag("2.0.0", |_| {});
    heal(&fleet, "2.0.0");
}
