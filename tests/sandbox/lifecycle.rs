use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use coalmine::model::{Bytes, HostId};
use coalmine::sandbox::{self, Fault, MAX_HOSTS, Options, SandboxError};

use crate::fleet::{FIRST, Fleet, SECOND};

#[test]
fn every_host_of_twelve_has_its_own_home_and_address_and_a_known_key() {
    let fleet = Fleet::up(12);
    let status = sandbox::status(&fleet.dir).unwrap();
    assert_eq!(status.hosts.len(), 14);
    assert_eq!(status.hosts.iter().filter(|host| host.is_master).count(), 2);
    let mut homes = Vec::new();
    for host in &status.hosts {
        let said = fleet.ssh(host.host.as_str(), "pwd; echo \"$HOME\"; echo \"$SSH_CONNECTION\" | cut -d' ' -f3");
        let mut lines = said.lines();
        let home = lines.next().unwrap().to_owned();
        assert_eq!(home, host.home.to_str().unwrap());
        assert_eq!(lines.next().unwrap(), home);
        assert_eq!(lines.next().unwrap().parse::<IpAddr>().unwrap(), host.address);
        homes.push(home);
    }
    homes.sort();
    homes.dedup();
    assert_eq!(homes.len(), 14);
    assert_eq!(fleet.ssh(FIRST, "ls -A"), ".tmp", "nothing is there but what the host was given");
    assert_eq!(fleet.ssh("mw07", "echo $SANDBOX_HOST"), "mw07.codfw.sandbox", "the short name is known too");
    fleet.down();
    fleet.assert_gone();
}

#[test]
fn rsync_and_standard_input_and_exit_codes_go_through_unharmed() {
    let fleet = Fleet::up(2);
    let source = fleet.dir.join("product/minewatch");
    assert!(fleet.rsync(&source, FIRST).status.success());
    let got = fleet.dir.join("hosts").join(FIRST).join("got/minewatch/cli.py");
    assert_eq!(fs::read(got).unwrap(), fs::read(source.join("cli.py")).unwrap());

    let mut child = fleet.spawn(FIRST, "sh -s");
    child.stdin.take().unwrap().write_all(b"head -c 3000000 /dev/zero; exit 7\n").unwrap();
    let mut bytes = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!((bytes.len(), child.wait().unwrap().code()), (3_000_000, Some(7)));
}

#[test]
fn two_sandboxes_stand_side_by_side_and_one_goes_down_alone() {
    let (one, other) = (Fleet::up(2), Fleet::up(2));
    assert_ne!(one.address(FIRST), other.address(FIRST));
    one.down();
    one.assert_gone();
    assert_eq!(other.ssh(FIRST, "echo \"$HOME\""), other.dir.join("hosts").join(FIRST).to_str().unwrap());
}

#[test]
fn up_again_does_nothing_and_says_so_and_foreign_folders_are_left_alone() {
    let fleet = Fleet::up(1);
    let before = sandbox::status(&fleet.dir).unwrap().supervisor;
    assert!(sandbox::up(&fleet.options(1)).unwrap().was_up);
    assert_eq!(sandbox::status(&fleet.dir).unwrap().supervisor, before);
    assert!(matches!(sandbox::up(&fleet.options(2)), Err(SandboxError::Up { running: 1, .. })));

    let foreign = tempfile::tempdir().unwrap();
    fs::write(foreign.path().join("thesis.txt"), "years").unwrap();
    let options = Options { dir: foreign.path().to_owned(), ..fleet.options(1) };
    assert!(matches!(sandbox::up(&options), Err(SandboxError::Foreign { .. })));
    assert!(matches!(sandbox::down(foreign.path()), Err(SandboxError::Foreign { .. })));
    assert!(foreign.path().join("thesis.txt").exists());

    fleet.down();
    assert!(!fleet.down().was_there);
    assert!(matches!(sandbox::status(&fleet.dir), Err(SandboxError::Down { .. })));
}

#[test]
fn a_supervisor_that_cannot_start_leaves_nothing_and_says_why() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("sandbox");
    let options = |supervisor: &[&str]| Options {
        dir: dir.clone(),
        hosts: 1,
        supervisor: supervisor.iter().map(OsString::from).collect(),
    };
    let error = sandbox::up(&options(&["sh", "-c", "echo no luck today >&2; exit 1"])).unwrap_err();
    assert!(error.to_string().contains("no luck today"), "{error}");
    assert!(!dir.exists());
    let error = sandbox::up(&options(&["/nowhere/coalmine"])).unwrap_err();
    assert!(error.to_string().contains("/nowhere/coalmine"), "{error}");
    assert!(!dir.exists());
}

#[test]
fn down_cleans_up_after_a_supervisor_that_was_killed() {
    let fleet = Fleet::up(2);
    fleet.fault(SECOND, "full");
    fleet.ssh(FIRST, "setsid sleep 1000 </dev/null >/dev/null 2>&1 &");
    let mut session = fleet.session(SECOND, "exec sleep 1000");
    let supervisor = sandbox::status(&fleet.dir).unwrap().supervisor;
    assert!(fleet.processes().len() >= 4, "{:?}", fleet.processes());

    assert!(Command::new("kill").args(["-9", &supervisor.to_string()]).status().unwrap().success());
    while sandbox::status(&fleet.dir).is_ok() {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(matches!(sandbox::up(&fleet.options(2)), Err(SandboxError::Remains { .. })));
    let removed = fleet.down();
    assert!(removed.was_there && removed.killed >= 2, "{removed:?}");
    assert!(!session.wait().unwrap().success());
    fleet.assert_gone();
}

#[test]
fn a_sandbox_whose_folder_is_removed_by_hand_ends_by_itself() {
    let fleet = Fleet::up(1);
    let mut session = fleet.session(FIRST, "exec sleep 1000");
    assert!(!fleet.processes().is_empty());
    fs::remove_dir_all(&fleet.dir).unwrap();
    assert!(!session.wait().unwrap().success());
    fleet.assert_gone();
}

#[test]
fn a_folder_of_read_only_releases_goes_too() {
    let fleet = Fleet::up(1);
    fleet.ssh(
        FIRST,
        "mkdir -p releases/a/b && echo x >releases/a/b/c && ln -s / releases/a/root && chmod -R a-w releases",
    );
    fleet.down();
    fleet.assert_gone();
}

#[test]
fn a_fault_on_a_host_that_there_is_not_changes_nothing() {
    let fleet = Fleet::up(1);
    let hosts = [HostId::new(FIRST).unwrap(), HostId::new("mw99.eqiad.sandbox").unwrap()];
    let error = sandbox::fault(&fleet.dir, &hosts, Some(Fault::Slow(Bytes(1)))).unwrap_err();
    assert!(error.to_string().contains("mw99.eqiad.sandbox is not a host of the sandbox"), "{error}");
    assert!(sandbox::status(&fleet.dir).unwrap().hosts.iter().all(|host| host.fault.is_none()));
}

#[test]
fn many_connections_at_once_are_all_served() {
    let fleet = Fleet::up(40);
    let status = sandbox::status(&fleet.dir).unwrap();
    std::thread::scope(|scope| {
        for host in &status.hosts {
            scope.spawn(|| assert_eq!(fleet.ssh(host.host.as_str(), "echo $SANDBOX_HOST"), host.host.as_str()));
        }
    });
    let text = status.to_string();
    assert_eq!(text.lines().count(), 43, "{text}");
    assert!(text.contains("deploy1.eqiad.sandbox") && text.contains("master"), "{text}");
}

#[test]
fn a_thousand_hosts_come_up_and_answer_from_one_small_supervisor() {
    let start = Instant::now();
    let fleet = Fleet::up(MAX_HOSTS);
    let took = start.elapsed();
    // Seconds on an idle machine; this one may be running other tests.
    assert!(took < Duration::from_secs(60), "{took:?}");
    let status = sandbox::status(&fleet.dir).unwrap();
    assert_eq!(status.hosts.len(), MAX_HOSTS + 2);
    for host in status.hosts.iter().step_by(100) {
        assert_eq!(fleet.ssh(host.host.as_str(), "echo $SANDBOX_HOST"), host.host.as_str());
    }
    let memory = fs::read_to_string(format!("/proc/{}/status", status.supervisor)).unwrap();
    let most = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let most: u64 = most.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    println!("up in {took:?}, the supervisor has had {most} kB");
    assert!(most < 64 * 1024, "{most} kB");
    fleet.down();
    fleet.assert_gone();
}

#[test]
fn the_configuration_is_right_and_names_hosts_that_there_are() {
    let fleet = Fleet::up(3);
    let (code, said) = fleet.coalmine(&["config", "check"]);
    assert_eq!(code, Some(0), "{said}");
    let hosts = |arguments: &[&str]| {
        let (code, said) = fleet.coalmine(&[&["hosts"], arguments].concat());
        assert_eq!(code, Some(0), "{said}");
        said.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(hosts(&[]), ["mw01.eqiad.sandbox", "mw02.eqiad.sandbox", "mw03.codfw.sandbox"]);
    assert_eq!(hosts(&["@canaries"]), ["mw01.eqiad.sandbox", "mw03.codfw.sandbox"]);
    for host in hosts(&["@masters,@all"]) {
        fleet.ssh(&host, "true");
    }
}

#[test]
fn the_command_line_says_what_is_up_and_switches_faults() {
    let fleet = Fleet::up(1);
    let dir = fleet.dir.to_str().unwrap();
    let (code, said) = fleet.coalmine(&["sandbox", "up", "--hosts", "1", "--dir", dir]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("was up already"), "{said}");
    assert_eq!(fleet.coalmine(&["sandbox", "fault", FIRST, "slow:8k", "--dir", dir]), (Some(0), String::new()));
    let (_, said) = fleet.coalmine(&["sandbox", "status", "--dir", dir]);
    assert!(said.lines().any(|line| line.starts_with(FIRST) && line.ends_with("slow:8192")), "{said}");
    let (code, said) = fleet.coalmine(&["sandbox", "fault", FIRST, "sleepy", "--dir", dir]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("hang-exec") && said.contains("none"), "{said}");
    let (code, said) = fleet.coalmine(&["sandbox", "fault", "mw9", "none", "--dir", dir]);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(fleet.coalmine(&["sandbox", "down", "--dir", dir]), (Some(0), format!("{dir}: removed\n")));
    fleet.assert_gone();
    assert_eq!(fleet.coalmine(&["sandbox", "status", "--dir", dir]).0, Some(1));
}
