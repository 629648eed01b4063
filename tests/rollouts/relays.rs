//! Whole rollouts by relays: hosts get the release from their site's master, and what a master spoils or ends is found out and named.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::fleet::{Answer, Fleet, until};
use crate::hosts::mw;

const HOSTS: usize = 6;

/// Lets hosts get the release from their masters, and does something before a target is primed, when its master has been.
fn by_relays(fleet: &Fleet, plain: &str, before: &str) {
    let transfer = "[transfer]\ncarriers = [\"relay\", \"direct\"]\npacks = \"always\"\n";
    let text = plain.replace("[transfer]\n", transfer);
    fleet.configure(|_| format!("{text}\n[hooks.before]\nhost_prime = '''{before}'''\n"));
}

pub(crate) fn events(answer: &Answer, kind: &str) -> Vec<Value> {
    let events = answer.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["kind"] == kind).collect()
}

/// Gives from which relay each host got it, in the order of their names; a dash for what came directly.
fn ways(answer: &Answer) -> Vec<(String, String)> {
    let mut ways: Vec<(String, String)> = events(answer, "host_phase")
        .into_iter()
        .filter(|event| event["phase"] == "primed")
        .map(|event| {
            let text = |key: &str| event[key].as_str().unwrap_or("-").to_owned();
            (text("host"), text("relay"))
        })
        .collect();
    ways.sort();
    ways
}

fn expected(eqiad: &str) -> Vec<(String, String)> {
    let masters = ["codfw", "eqiad"].map(|site| format!("deploy1.{site}.sandbox"));
    let own = masters.clone().map(|master| (master.clone(), master));
    let hosts = (1..=HOSTS).map(|number| {
        let host = mw(number, HOSTS);
        let relay = if host.contains("eqiad") { eqiad.to_owned() } else { masters[0].clone() };
        (host, relay)
    });
    own.into_iter().chain(hosts).collect()
}

fn daemons(fleet: &Fleet) -> usize {
    let place = fleet.dir.to_string_lossy().into_owned();
    let lines =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| line.contains("--daemon") && line.contains(&place))
        .count()
}

#[test]
fn a_site_gets_a_release_from_its_master_and_what_a_master_spoils_or_ends_is_found_and_named() {
    let fleet = Fleet::of_scripts(HOSTS);
    let plain = fs::read_to_string(fleet.dir.join("coalmine.toml")).unwrap();
    by_relays(&fleet, &plain, "true");
    let plan = fleet.coalmine(&["plan", "1.0.0"]).exits(9);
    let plan =
        plan.says("comes by a relay, then directly").says("relay deploy1.eqiad.sandbox passes it on to mw[01-03]");
    drop(plan.says("relay deploy1.codfw.sandbox passes it on to mw[04-06]"));
    let plan = fleet.coalmine(&["plan", "1.0.0", "--output", "json"]).exits(9);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["carriers"], serde_json::json!(["relay", "direct"]));
    let of_first = plan["hosts"].as_array().unwrap().iter().find(|host| host["host"] == mw(1, HOSTS).as_str()).unwrap();
    assert_eq!(of_first["relay"], "deploy1.eqiad.sandbox");

    let answer = fleet.install(&["1.0.0", "--output", "jsonl"]).exits(0);
    assert_eq!(ways(&answer), expected("deploy1.eqiad.sandbox"));
    assert_eq!(events(&answer, "relay_started").len(), 2);
    assert_eq!(events(&answer, "relay_failed").len() + events(&answer, "carrier_failed").len(), 0);
    until("the end of daemons", || (daemons(&fleet) == 0).then_some(()));

    // One byte of what the relay has is another when its own hosts come, and not before: whoever else is primed meanwhile leaves it alone.
    let relay = fleet.dir.join("hosts/deploy1.eqiad.sandbox");
    let when_its_hosts_come = |what: &str| format!("case {{host}} in mw*.eqiad.*) {what} ;; esac");
    let packs = format!("$(find {} -path \"*relay.*/packs/*\" -type f)", relay.display());
    let change =
        format!("for pack in {packs}; do printf \"\\\\000\" | dd of=$pack bs=1 seek=40 conv=notrunc status=none; done");
    by_relays(&fleet, &plain, &when_its_hosts_come(&change));
    let answer = fleet.install(&["1.2.0", "--output", "jsonl"]).exits(0);
    assert_eq!(ways(&answer), expected("-"));
    let failed = events(&answer, "relay_failed");
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["host"], "deploy1.eqiad.sandbox");
    assert!(failed[0]["message"].as_str().unwrap().contains("is not what was built"), "{failed:?}");
    assert_eq!(events(&answer, "carrier_failed").len(), 3);

    // Its daemon is killed when its hosts come.
    fleet.tag("1.3.0", |_| {});
    let kill = format!(
        "for pid in /proc/[0-9]*; do tr \"\\\\000\" \" \" <$pid/cmdline 2>/dev/null | grep -q -e \"[-]-daemon.*{}\" && kill -9 ${{{{pid#/proc/}}}}; done; true",
        relay.display()
    );
    by_relays(&fleet, &plain, &when_its_hosts_come(&kill));
    let answer = fleet.install(&["1.3.0", "--output", "jsonl"]).exits(0);
    assert_eq!(ways(&answer), expected("-"));
    let failed = events(&answer, "relay_failed");
    assert!(failed.len() == 1 && failed[0]["message"] == "its daemon ended", "{failed:?}");
    until("the end of daemons", || (daemons(&fleet) == 0).then_some(()));
    let shown = fleet.coalmine(&["show", answer_rollout(&answer).as_str()]).exits(0);
    drop(shown.says("deploy1.eqiad.sandbox"));
}

fn answer_rollout(answer: &Answer) -> String {
    events(answer, "rollout_planned")[0]["rollout"].as_str().unwrap().to_owned()
}

#[test]
fn hosts_get_a_release_from_a_relay_that_is_not_done_with_its_own() {
    let fleet = Fleet::of_scripts(HOSTS);
    let plain = fs::read_to_string(fleet.dir.join("coalmine.toml")).unwrap();
    let (relay, go) = ("deploy1.eqiad.sandbox", fleet.dir.join("go"));
    crate::http::without(&fleet, &[(relay, &["tar"])]);
    // It has what it passes on, and unpacks its own for as long as it pleases.
    let tar = fleet.dir.join(format!("path-of-{relay}/tar"));
    fs::write(&tar, format!("#!/bin/sh\nwhile [ ! -e {} ]; do sleep 0.1; done\nexec /bin/tar \"$@\"\n", go.display()))
        .unwrap();
    fs::set_permissions(&tar, fs::Permissions::from_mode(0o755)).unwrap();
    by_relays(&fleet, &plain, "true");
    let mut conductor = fleet.start(&["install-world", "1.0.0", "--yes", "--headless"]);
    let rollout = fleet.newest(&[]);
    let primed = || -> Vec<Value> {
        let journal = fs::read_to_string(fleet.journal(&rollout)).unwrap_or_default();
        let events = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["kind"] == "host_phase" && event["phase"] == "primed").collect()
    };
    let of_its_hosts = |events: &[Value]| events.iter().filter(|event| event["relay"] == relay).count();
    until("its hosts", || (of_its_hosts(&primed()) == HOSTS / 2).then_some(()));
    assert!(primed().iter().all(|event| event["host"] != relay), "{:?}", primed());
    fs::write(go, "").unwrap();
    assert!(conductor.wait().unwrap().success());
    fleet.all_run(fleet.hosts(), Some("1.0.0"));
    // And from its own, by itself.
    assert_eq!(of_its_hosts(&primed()), HOSTS / 2 + 1, "{:?}", primed());
}

#[test]
fn a_relay_whose_disk_is_full_is_named_and_keeps_the_release_from_itself_alone() {
    let fleet = Fleet::of_scripts(HOSTS);
    let plain = fs::read_to_string(fleet.dir.join("coalmine.toml")).unwrap();
    let (full, other) = (mw(3, HOSTS), mw(6, HOSTS));
    let transfer =
        format!("[transfer]\ncarriers = [\"relay\", \"direct\"]\npacks = \"always\"\nrelays = \"{full},{other}\"\n");
    let text = plain.replace("[transfer]\n", &transfer).replace("transfer = \"5%\"", "transfer = 1");
    fleet.configure(|_| text);
    fleet.tag("2.0.0", crate::swarms::heavy);
    // Room for a daemon, and for nothing that it could pass on.
    fleet.fault(&full, "full:512k");
    let answer = fleet.install(&["2.0.0", "--output", "jsonl"]).exits(3);
    let ways = ways(&answer);
    assert_eq!(ways.len(), HOSTS + 1, "{ways:?}");
    for (host, relay) in &ways {
        assert_eq!(relay, if host.contains("eqiad") { "-" } else { &other }, "{host}: {ways:?}");
    }
    let failed = events(&answer, "relay_failed");
    assert!(failed.len() == 1 && failed[0]["host"] == full.as_str(), "{failed:?}");
    assert_eq!(failed[0]["message"], "did not get it itself: no space left on the host");
    let lost = events(&answer, "host_failed");
    assert!(lost.len() == 1 && lost[0]["host"] == full.as_str(), "{lost:?}");
    for host in fleet.hosts() {
        assert_eq!(fleet.runs(&host).as_deref(), (host != full).then_some("2.0.0"), "{host}");
    }
    // What was in the way is gone.
    fleet.fault(&full, "none");
    fleet.install(&["2.0.0"]).exits(0);
    assert_eq!(fleet.runs(&full).as_deref(), Some("2.0.0"));
    until("the end of daemons", || (daemons(&fleet) == 0).then_some(()));
}

#[test]
fn relays_end_with_a_conductor_that_is_killed_and_the_next_one_starts_them_anew() {
    let fleet = Fleet::of_scripts(2);
    let plain = fs::read_to_string(fleet.dir.join("coalmine.toml")).unwrap();
    let wait = "case {host} in mw*) while [ ! -e GO ]; do sleep 0.1; done ;; esac";
    let wait = wait.replace("GO", &fleet.dir.join("go").to_string_lossy());
    by_relays(&fleet, &plain, &wait);
    let mut conductor = fleet.start(&["install-world", "1.0.0", "--yes", "--headless"]);
    let rollout = fleet.newest(&[]);
    until("both masters", || {
        let journal = fs::read_to_string(fleet.journal(&rollout)).unwrap_or_default();
        (journal.matches("\"phase\":\"primed\"").count() == 2).then_some(())
    });
    // One that still serves somebody is two for that while.
    until("both daemons", || (daemons(&fleet) == 2).then_some(()));
    conductor.kill().unwrap();
    conductor.wait().unwrap();
    until("the end of daemons", || (daemons(&fleet) == 0).then_some(()));
    fs::write(fleet.dir.join("go"), "").unwrap();
    let answer = fleet.coalmine(&["resume", &rollout, "--headless", "--output", "jsonl"]).exits(0);
    let relays: Vec<(String, String)> = ways(&answer).into_iter().filter(|(host, _)| host.starts_with("mw")).collect();
    let from = |number| {
        let host = mw(number, 2);
        (host.clone(), format!("deploy1.{}", host.split_once('.').unwrap().1))
    };
    assert_eq!(relays, [from(1), from(2)], "{}", answer.stdout);
    until("the end of daemons", || (daemons(&fleet) == 0).then_some(()));
}

#[test]
fn carriers_that_cannot_work_are_refused_before_anything_is_asked() {
    let fleet = Fleet::of_scripts(2);
    let plain = fs::read_to_string(fleet.dir.join("coalmine.toml")).unwrap();
    let refuse = |plain: &str, keys: &str, why: &str| {
        fleet.configure(|_| plain.replace("[transfer]\n", &format!("[transfer]\n{keys}\n")));
        drop(fleet.install(&["1.0.0"]).exits(2).says(why));
    };
    refuse(&plain, "carriers = [\"relais\", \"direct\"]", "there is no carrier \"relais\", did you mean \"relay\"");
    refuse(&plain, "carriers = []", "nothing would bring a release to any host");
    refuse(&plain, "carriers = [\"relay\"]\nrelay_ports = \"20010-20000\"", "it ends before it begins");
    refuse(&plain, "carriers = [\"relay\"]\nrelays = \"mw9*\"", "`transfer.relays`");
    refuse(&plain, "carriers = [\"http\", \"direct\"]", "`transfer.http` says nothing");
    refuse(&plain, "carriers = [\"relay\"]\npacks = \"never\"", "whatever does not come directly travels packed");
    let without = plain.replace("masters  = \"@masters\"\n", "");
    assert_ne!(without, plain);
    refuse(&without, "carriers = [\"relay\", \"direct\"]", "which has none");
}

#[test]
fn a_doctor_names_the_hosts_that_lack_what_a_carrier_needs() {
    let fleet = Fleet::of_scripts(2);
    let (one, other) = (mw(1, 2), mw(2, 2));
    crate::http::without(&fleet, &[(one.as_str(), &["aria2c"]), (other.as_str(), &["curl", "wget"])]);
    let plain = fs::read_to_string(fleet.dir.join("coalmine.toml")).unwrap();
    let lacks = [
        (&one, "has no aria2c, so nothing comes to it by torrent"),
        (&other, "has neither curl nor wget, so nothing comes to it by HTTP"),
    ];
    let told = |answer: &Answer, (host, what): (&String, &str)| {
        let mut lines = answer.stdout.lines().filter(|line| line.contains(what));
        lines.any(|line| line.contains(host.as_str()) && !line.contains("(2)"))
    };
    let answer = fleet.coalmine(&["doctor"]);
    assert!(!lacks.iter().any(|lacks| told(&answer, *lacks)), "{}", answer.stdout);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let transfer = format!(
        "[transfer]\ncarriers = [\"torrent\", \"relay\", \"http\", \"direct\"]\nrelay_ports = \"{port}\"\n\
         http = \"http://127.0.0.1:1/{{pack}}\"\n"
    );
    fleet.configure(|_| plain.replace("[transfer]\n", &transfer));
    let answer = fleet.coalmine(&["doctor"]);
    assert!(lacks.iter().all(|lacks| told(&answer, *lacks)), "{}", answer.stdout);
    let masters = format!("somebody listens on every port of {port}-{port}, so it passes nothing on");
    let passing: Vec<&str> = answer.stdout.lines().filter(|line| line.contains(&masters)).collect();
    assert!(!passing.is_empty() && passing.iter().all(|line| line.contains("deploy1")), "{}", answer.stdout);
}
