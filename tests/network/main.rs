//! Rollouts over a network with an uplink that is limited, by the real program: what crosses it, and what a host does that cannot reach its
//! relay. Root's own, since it makes namespaces; said and skipped elsewhere.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod network;

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde_json::Value;

use network::Network;

const MIB: u64 = 1 << 20;

fn program() -> OsString {
    std::env::var_os("COALMINE_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_coalmine").into())
}

/// Installs a version, and gives from which relay each host got it; a dash for what came directly.
fn install(network: &Network, version: &str) -> BTreeMap<String, String> {
    let arguments = ["install-world", version, "--yes", "--headless", "--output", "jsonl"];
    let output = network.coalmine(&program(), &arguments).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}{stderr}", stdout.lines().skip(1).collect::<Vec<_>>().join("\n"));
    let events = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let primed = events.filter(|event| event["kind"] == "host_phase" && event["phase"] == "primed");
    primed
        .map(|event| {
            let text = |key: &str| event[key].as_str().unwrap_or("-").to_owned();
            (text("host"), text("relay"))
        })
        .collect()
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
    for name in network.names() {
        let link = std::fs::read_link(network.home(&name).join("root/current")).unwrap();
        assert!(link.to_string_lossy().starts_with("releases/2.0-"), "{name}: {link:?}");
    }
}
