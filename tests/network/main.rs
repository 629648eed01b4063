//! Rollouts over a network with an uplink that is limited, by the real program: what crosses it, and what becomes of hosts that cannot reach
//! their relay, whose swarm loses its seeder or has a liar in it, that come late to it or take no part. Root's own, since it makes
//! namespaces; said and skipped elsewhere.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod network;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use network::Network;

const MIB: u64 = 1 << 20;

fn program() -> OsString {
    std::env::var_os("COALMINE_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_coalmine").into())
}

/// Installs a version, and gives from which relay each host got it; a dash for what came directly.
fn install(network: &Network, version: &str) -> BTreeMap<String, String> {
    primed(&installed(network, version), "relay")
}

/// Gives what a record says of how each host was primed; a dash where it says nothing.
fn primed(events: &[Value], key: &str) -> BTreeMap<String, String> {
    let primed = events.iter().filter(|event| event["kind"] == "host_phase" && event["phase"] == "primed");
    primed.map(|event| (text(event, "host"), text(event, key))).collect()
}

fn text(event: &Value, key: &str) -> String {
    event[key].as_str().unwrap_or("-").to_owned()
}

/// Installs a version on every host, and gives what was told of it.
fn installed(network: &Network, version: &str) -> Vec<Value> {
    let arguments = ["install-world", version, "--yes", "--headless", "--output", "jsonl"];
    let output = network.coalmine(&program(), &arguments).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}{stderr}", stdout.lines().skip(1).collect::<Vec<_>>().join("\n"));
    for name in network.names() {
        let link = std::fs::read_link(network.home(&name).join("root/current")).unwrap();
        assert!(link.to_string_lossy().starts_with(&format!("releases/{version}-")), "{name}: {link:?}");
    }
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_release_crosses_the_uplink_once_a_site_and_a_host_that_cannot_reach_its_relay_gets_it_directly() {
    let Some(network) = Network::up(2, 4, "200mbit") else { return };
    network.configure("carriers = [\"relay\", \"direct\"]\nstall = \"20s\"");
    network.tag("1.0", usize::try_from(8 * MIB).unwrap());
    let before = network.uplink();
    let ways = install(&network, "1.0");
    let crossed = network.uplink() - before;
    let site = |name: &str| name.split_once('.').unwrap().1.to_owned();
    assert_eq!(ways.len(), 8, "{ways:?}");
    assert!(ways.iter().all(|(host, relay)| *relay == format!("h1.{}", site(host))), "{ways:?}");
    // Twice, and what ssh says to eight hosts.
    assert!(crossed > 16 * MIB && crossed < 20 * MIB, "{crossed} bytes crossed the uplink");

    network.tag("2.0", usize::try_from(2 * MIB).unwrap());
    let cut = network.within("s1-h3", "ip").args(["route", "add", "prohibit", "10.77.1.1/32"]).status().unwrap();
    assert!(cut.success());
    let ways = install(&network, "2.0");
    let direct: Vec<&String> = ways.iter().filter(|(_, relay)| *relay == "-").map(|(host, _)| host).collect();
    assert_eq!(direct, ["h3.site1.net"], "{ways:?}");
}

/// Takes a tool from a host.
fn take(network: &Network, name: &str, tool: &str) {
    let path = network.home(name).join("path");
    fs::create_dir(&path).unwrap();
    for entry in ["/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(fs::read_dir).into_iter().flatten() {
        for entry in entry.flatten().filter(|entry| entry.file_name() != tool) {
            let link = path.join(entry.file_name());
            if !link.exists() {
                std::os::unix::fs::symlink(entry.path(), link).unwrap();
            }
        }
    }
}

/// Is a process of a test's own, in one of its namespaces.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Names the process of the deploy server's seeder.
fn seeder(network: &Network) -> Option<u32> {
    let pids = Command::new("ip").args(["netns", "pids", &network.space("deploy")]).output().unwrap();
    let pids = String::from_utf8(pids.stdout).unwrap();
    pids.lines().filter_map(|pid| pid.trim().parse().ok()).find(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("coalmine-swarm-")
    })
}

/// Tells whether a host has some of what it fetches from the swarm.
fn has_some(network: &Network, name: &str) -> bool {
    let swarms = fs::read_dir(network.home(name).join("root/.coalmine")).into_iter().flatten().flatten();
    let mut files = swarms.flat_map(|entry| fs::read_dir(entry.path())).flatten().flatten();
    files.any(|file| file.metadata().is_ok_and(|found| found.is_file() && found.blocks() > 64))
}

#[test]
fn a_swarm_over_sites_spares_the_uplink_and_loses_nobody_who_is_late_takes_no_part_or_is_lied_to() {
    let Some(network) = Network::up(2, 4, "50mbit") else { return };
    let (late, without) = ("h4.site2.net", "h3.site1.net");
    take(&network, without, "aria2c");
    let wait = format!("case {{host}} in {late}) sleep 5 ;; esac");
    let hook = format!("[hooks.before]\nhost_prime = \'\'\'{wait}\'\'\'");
    let ports = "torrent_ports = \"6881-6884\"";
    network.configure(&format!("carriers = [\"torrent\", \"direct\"]\n{ports}\nstall = \"20s\"\n{hook}"));
    network.tag("1.0", usize::try_from(8 * MIB).unwrap());
    let liar = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/network/liar.py");
    let mut command = network.within(&network.space_of(without), "python3");
    command.arg(liar).arg(network.path().join("hosts")).args(["10.77.1.1", "10.77.1.2", "10.77.2.1", "10.77.2.2"]);
    let mut liar = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let before = network.uplink();
    let events = installed(&network, "1.0");
    let crossed = network.uplink() - before;
    let ways = primed(&events, "carrier");
    for name in network.names() {
        assert_eq!(ways[&name], if name == without { "-" } else { "torrent" }, "{name}: {ways:?}");
    }
    assert!(events.iter().all(|event| event["kind"] != "carrier_failed"), "{events:?}");
    // Once more for whoever takes no part; directly it would be eight times.
    assert!(crossed < 4 * 8 * MIB, "{crossed} bytes crossed the uplink");
    drop(liar.0.kill());
    let mut said = String::new();
    liar.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("lied"), "nobody asked the liar for anything");
}

#[test]
fn a_seeder_that_is_killed_in_the_middle_costs_no_host_of_any_site_the_release() {
    let Some(network) = Network::up(2, 3, "20mbit") else { return };
    network.configure("carriers = [\"torrent\", \"direct\"]\nstall = \"20s\"");
    network.tag("1.0", usize::try_from(8 * MIB).unwrap());
    let events = std::thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            while !network.names().iter().all(|name| has_some(&network, name)) {
                assert!(begun.elapsed() < Duration::from_secs(60), "not everybody fetched");
                std::thread::sleep(Duration::from_millis(20));
            }
            let pid = rustix::process::Pid::from_raw(i32::try_from(seeder(&network).unwrap()).unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        });
        installed(&network, "1.0")
    });
    let lost: Vec<String> =
        events.iter().filter(|event| event["kind"] == "carrier_failed").map(|event| text(event, "message")).collect();
    let why = "aria2 ended on the deploy server";
    assert!(lost.len() == network.names().len() && lost.iter().all(|lost| lost.starts_with(why)), "{lost:?}");
    assert!(primed(&events, "carrier").values().all(|carrier| carrier == "-"), "{events:?}");
}
