//! Hosts that are down, hang or are full, and what the budgets make of them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fleet::Fleet;
use crate::hosts::mw;

const HOSTS: usize = 40;

/// The kinds of the contract that a rollout with failures comes by, and some of the fields of each.
const FIELDS: [(&str, &[&str]); 11] = [
    ("rollout_planned", &["plan"]),
    ("release_built", &["release"]),
    ("host_probed", &["host", "installed"]),
    ("locked", &["hosts"]),
    ("stage_started", &["stage"]),
    ("wave_started", &["stage", "wave"]),
    ("host_phase", &["host", "phase"]),
    ("host_failed", &["host", "class", "message"]),
    ("promoted", &["stage"]),
    ("release_finalized", &["release", "hosts"]),
    ("rollout_finished", &["outcome", "exit_code", "counts", "debt"]),
];

#[test]
fn three_faults_at_once_cost_three_hosts_and_no_more() {
    let fleet = Fleet::of_scripts(HOSTS);
    let (down, hangs, full) = (mw(7, HOSTS), mw(19, HOSTS), mw(33, HOSTS));
    // Nothing of it fits on the third.
    fleet.tag("2.0.0", |tree| std::fs::write(tree.join("share/big"), vec![b'x'; 200_000]).unwrap());
    fleet.fault(&down, "down");
    fleet.fault(&hangs, "hangs");
    fleet.fault(&full, "full:64k");

    let before = fleet.picture();
    // Each survey waits so long for the two; forty logins at once are not done sooner than in some of it.
    fleet.configure(|text| text.replace("connect_timeout = \"5s\"", "connect_timeout = \"3s\""));
    fleet.configure(|text| {
        text.replace(
            "unreachable = \"10%\", transfer = \"5%\", activate = 1, unhealthy = \"5%\"",
            "unreachable = 0, transfer = 0, activate = 0, unhealthy = 0",
        )
    });
    let answer = fleet.install(&["2.0.0"]).exits(1);
    let answer = answer.says("more hosts are unreachable than the budget allows; nothing was changed");
    let answer = answer.says("2 hosts of stage fleet: mw[07,19].eqiad.sandbox");
    answer.says("mw[07,19].eqiad.sandbox: no answer for 3 s while connecting").says("try: the host is down");
    assert_eq!(fleet.picture(), before, "a rollout that would stop at its first step is not begun");
    let answer = fleet.install(&["2.0.0", "--skip-unreachable", "--on-failure", "abort"]).exits(5);
    let answer = answer.says("1 host of stage fleet failed (transfer), 0 may");
    answer.says("needs 1.3 MiB, 56.0 KiB free on ").says("Stopped, and left as it stands: 0 hosts on 2.0.0");
    fleet.all_run(fleet.hosts(), None);

    fleet.configure(|text| text.replace("unreachable = 0, transfer = 0", "unreachable = 2, transfer = 1"));
    let answer = fleet.coalmine(&["install-world", "2.0.0", "--yes", "--output", "jsonl"]).exits(3);
    check_events(&answer.stdout);
    assert!(answer.stderr.lines().all(|line| !line.starts_with('{')), "{}", answer.stderr);
    let last: Value = serde_json::from_str(answer.stdout.lines().last().unwrap()).unwrap();
    let debts: BTreeMap<&str, (&Value, &str)> = last["debt"]
        .as_array()
        .unwrap()
        .iter()
        .map(|debt| (debt["host"].as_str().unwrap(), (&debt["class"], debt["message"].as_str().unwrap())))
        .collect();
    assert_eq!(debts.len(), 3, "{debts:?}");
    let (class, message) = debts[down.as_str()];
    assert!(class == "unreachable" && message.starts_with("no answer for 3 s"), "{debts:?}");
    let (class, message) = debts[hangs.as_str()];
    assert!(class == "unreachable" && message.starts_with("no answer for 3 s"), "{debts:?}");
    let (class, message) = debts[full.as_str()];
    assert!(class == "transfer" && message.starts_with("needs "), "{debts:?}");
    assert_eq!((&last["outcome"], &last["exit_code"]), (&"completed".into(), &3.into()));
    assert_eq!((&last["counts"]["healthy"], &last["counts"]["unreachable"]), (&37.into(), &2.into()));
    let failed = [&down, &hangs, &full];
    for host in fleet.hosts() {
        assert_eq!(fleet.runs(&host).as_deref(), (!failed.contains(&&host)).then_some("2.0.0"), "{host}");
    }

    // People read the same, grouped; the full host is mended meanwhile.
    fleet.fault(&full, "none");
    let answer = fleet.install(&["2.0.0", "--skip-unreachable"]).exits(4);
    let answer = answer.says("debt      2 hosts (unreachable): mw[07,19].eqiad.sandbox").says("exit      4: ");
    answer.says(&format!("install-world 2.0.0 -l '{}'", "mw[07,19].eqiad.sandbox"));
    assert_eq!(fleet.runs(&full).as_deref(), Some("2.0.0"));
    fleet.fault(&down, "none");
    fleet.fault(&hangs, "none");
    fleet.install(&["2.0.0", "-l", "mw[07,19].eqiad.sandbox"]).exits(0).says("2.0.0 runs on 2 hosts");
    fleet.all_run(fleet.hosts(), Some("2.0.0"));
}

#[test]
fn a_host_that_hangs_at_login_and_one_whose_files_cannot_be_hashed_hold_nobody_up() {
    let fleet = Fleet::of_scripts(12);
    let (login, files) = (mw(5, 12), mw(9, 12));
    fleet.configure(|text| text.replace("unreachable = \"10%\", transfer = \"5%\"", "unreachable = 2, transfer = 1"));
    let begun = std::time::Instant::now();
    fleet.install(&["1.0.0"]).exits(0);
    let without = begun.elapsed();
    // What hashes never ends there, as on a file system that hangs.
    let hung = fleet.dir.join("hung");
    std::fs::create_dir(&hung).unwrap();
    for tool in ["sha256sum", "openssl"] {
        std::fs::write(hung.join(tool), "#!/bin/sh\nexec sleep 1000\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(hung.join(tool), mode).unwrap();
    }
    let enter = fleet.dir.join("bin/enter.sh");
    let text = std::fs::read_to_string(&enter).unwrap();
    let line = format!("case $host in {files}) PATH=$sandbox/hung:$PATH ;; esac\nunset MAIL\n");
    assert!(text.contains("unset MAIL\n"));
    std::fs::write(&enter, text.replace("unset MAIL\n", &line)).unwrap();
    // Of what was proven nothing is hashed: there nobody has recorded it.
    for entry in std::fs::read_dir(fleet.root(&files).join(".coalmine")).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("proven.") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    fleet.fault(&login, "hang-exec");
    let begun = std::time::Instant::now();
    let answer = fleet.install(&["1.2.0"]).exits(4);
    let with = begun.elapsed();
    let answer =
        answer.says("logs in, but no shell answered").says(&login).says("while all others answered").says(&files);
    answer.says(&format!("waiting for {login},{files}, at most ")).says(" goes ahead without");
    eprintln!("{without:?} without, {with:?} with");
    // Twice what all of it takes without them, for what a busy machine makes of the time in between.
    assert!(with <= without * 2 + std::time::Duration::from_secs(25), "{without:?} without, {with:?} with");
}

/// Holds what was printed against the contract: kinds, fields, and numbers without a gap.
fn check_events(printed: &str) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut seq = 0;
    let mut rollouts = std::collections::BTreeSet::new();
    for line in printed.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let kind = event["kind"].as_str().unwrap().to_owned();
        assert_eq!(event["v"], 1, "{line}");
        event["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        rollouts.insert(event["rollout"].as_str().unwrap().to_owned());
        // What is live only has the number of the record before it.
        seq += u64::from(kind != "host_progress");
        assert_eq!(event["seq"], seq, "{line}");
        let fields = FIELDS.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, fields)| fields);
        for field in fields {
            assert!(!event[field].is_null(), "{field} of {line}");
        }
        if kind == "host_phase" {
            *seen.entry(event["phase"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        *seen.entry(kind).or_default() += 1;
    }
    assert_eq!(rollouts.len(), 1);
    for (kind, _) in FIELDS {
        assert!(seen.contains_key(kind), "there is no {kind}: {seen:?}");
    }
    for phase in ["priming", "primed", "activating", "active", "checking", "healthy"] {
        assert!(seen.contains_key(phase), "nobody is {phase}: {seen:?}");
    }
    assert_eq!((seen["host_failed"], seen["rollout_finished"]), (3, 1), "{seen:?}");
}
