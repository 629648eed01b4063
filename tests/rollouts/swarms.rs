//! Releases that hosts give to each other.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::fleet::{Fleet, until};

/// Bytes that no packer makes smaller, in a file of a release.
pub(crate) fn heavy(tree: &Path) {
    let mut state = 7_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    fs::write(tree.join("share/heavy"), noise.flatten().take(4_000_000).collect::<Vec<u8>>()).unwrap();
}

fn swarming(fleet: &Fleet, more: &str) {
    fleet.configure(|text| {
        let ports = 25_000 + std::process::id() % 300 * 20;
        let keys = format!(
            "[transfer]\ncarriers = [\"torrent\", \"direct\"]\ntorrent_address = \"127.0.0.1\"\ntorrent_ports = \"{ports}-{}\"\n{more}\n",
            ports + 19
        );
        text.replacen("[transfer]\n", &keys, 1)
    });
}

/// Gives what the journal says of how each host got the release.
fn carriers(fleet: &Fleet) -> Vec<(String, Option<String>)> {
    let journal = fs::read_to_string(fleet.journal(fleet.rollouts().last().unwrap())).unwrap();
    let records = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let primed = records.filter(|record| record["kind"] == "host_phase" && record["phase"] == "primed");
    primed
        .map(|record| (record["host"].as_str().unwrap().to_owned(), record["carrier"].as_str().map(str::to_owned)))
        .collect()
}

#[test]
fn a_whole_fleet_gets_a_release_from_a_swarm_of_which_nothing_is_left() {
    let fleet = Fleet::of_scripts(5);
    swarming(&fleet, "");
    fleet.tag("2.0.0", heavy);
    fleet.install(&["2.0.0"]).exits(0);
    fleet.all_run(fleet.hosts(), Some("2.0.0"));
    let carried = carriers(&fleet);
    for host in fleet.hosts() {
        let by = carried.iter().find(|(name, _)| *name == host);
        assert_eq!(by.and_then(|(_, by)| by.as_deref()), Some("torrent"), "{host}: {carried:?}");
    }
    for host in fleet.hosts() {
        let folder = fleet.root(&host).join(".coalmine");
        until("the end of sharing", || {
            let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
            names.into_iter().all(|name| !name.to_string_lossy().starts_with("swarm.")).then_some(())
        });
    }
    fleet.configure(|text| text.replacen("[transfer]\n", "[transfer]\nconfidential = true\n", 1));
    let answer = fleet.install(&["1.2.0"]).exits(2);
    answer.says("`transfer.confidential` is true").says("take \"torrent\" out of transfer.carriers");
}

#[test]
fn a_swarm_that_this_machine_cannot_begin_keeps_no_host_from_the_next_carrier() {
    let fleet = Fleet::of_scripts(2);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    swarming(&fleet, "");
    fleet.configure(|text| {
        let start = text.find("torrent_ports").unwrap();
        let end = start + text[start..].find('\n').unwrap();
        format!("{}torrent_ports = \"{port}\"{}", &text[..start], &text[end..])
    });
    fleet.tag("2.0.0", heavy);
    let answer = fleet.install(&["2.0.0"]).exits(0);
    answer.says("the deploy server cannot listen on a port of");
    fleet.all_run(fleet.hosts(), Some("2.0.0"));
    assert!(carriers(&fleet).iter().all(|(_, by)| by.is_none()), "{:?}", carriers(&fleet));
}

#[test]
fn a_conductor_that_goes_on_seeds_anew_and_nothing_of_the_one_before_is_left() {
    let fleet = Fleet::of_scripts(2);
    let go = fleet.dir.join("go");
    swarming(&fleet, "");
    fleet.configure(|text| {
        let wait = format!("case {{host}} in mw*) while [ ! -e {} ]; do sleep 0.1; done ;; esac", go.display());
        format!("{text}\n[hooks.before]\nhost_prime = '''{wait}'''\n")
    });
    fleet.tag("2.0.0", heavy);
    let mut conductor = fleet.start(&["install-world", "2.0.0", "--yes", "--headless"]);
    let rollout = fleet.newest(&[]);
    until("both masters", || {
        let journal = fs::read_to_string(fleet.journal(&rollout)).unwrap_or_default();
        (journal.matches("\"phase\":\"primed\"").count() == 2).then_some(())
    });
    let pid = conductor.id();
    let seeders = || {
        let mine = format!("--stop-with-process={pid}\0");
        let lines =
            fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| String::from_utf8_lossy(line).contains(&mine)).count()
    };
    assert_eq!(seeders(), 1);
    conductor.kill().unwrap();
    conductor.wait().unwrap();
    until("the end of its seeder", || (seeders() == 0).then_some(()));
    fs::write(go, "").unwrap();
    fleet.coalmine(&["resume", &rollout, "--headless"]).exits(0);
    fleet.all_run(fleet.hosts(), Some("2.0.0"));
    let carried = carriers(&fleet);
    assert_eq!(carried.len(), 4, "{carried:?}");
    assert!(carried.iter().all(|(_, by)| by.as_deref() == Some("torrent")), "{carried:?}");
}
