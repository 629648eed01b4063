//! The site's commands before and after each phase and beside each host: in which order, and what each one's failure does.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fleet::{Answer, Fleet, kill, until};
use crate::hosts::mw;

const PHASES: [&str; 6] = ["lock", "prime", "switch", "soak", "finalize", "rollback"];

/// Gives the sandbox every hook, each of which writes what it is asked, and then does what is said of it.
fn with_hooks(fleet: &Fleet, and: &[(&str, &str)]) {
    let log = fleet.dir.join("asked");
    // One that hangs is waited for no longer than the others may take.
    let timeout = if and.iter().any(|(_, then)| then.contains("sleep 600")) { "10s" } else { "60s" };
    fleet.configure(|text| {
        let text = text.split("\n[hooks]").next().unwrap();
        let mut text = format!("{text}\n[hooks]\ntimeout = {timeout:?}\n");
        for side in ["before", "after"] {
            writeln!(text, "[hooks.{side}]").unwrap();
            let hosts = ["host_prime", "host_switch", "host_rollback"];
            for key in PHASES.iter().chain(&hosts) {
                let name = format!("{side}.{key}");
                let words = if key.starts_with("host_") { "{stage} {host}" } else { "{stage} {version}" };
                let then = and.iter().find(|(hook, _)| *hook == name).map_or("true", |(_, then)| then);
                writeln!(text, "{key} = '''echo {name} {words} >> {}; {then}'''", log.display()).unwrap();
            }
        }
        text
    });
    drop(fs::remove_file(log));
}

fn asked(fleet: &Fleet) -> Vec<String> {
    let text = fs::read_to_string(fleet.dir.join("asked")).unwrap_or_default();
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Gives the events of a kind that an install printed.
fn events(answer: &Answer, kind: &str) -> Vec<Value> {
    let events = answer.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["kind"] == kind).collect()
}

#[test]
fn every_phase_has_a_hook_before_and_after_it_and_so_has_each_host() {
    let fleet = Fleet::of_scripts(4);
    with_hooks(&fleet, &[]);
    let answer = fleet.install(&["1.0.0", "--soak", "1s", "--output", "jsonl"]).exits(0);
    let asked_then = asked(&fleet);
    let phases: Vec<&str> = asked_then.iter().map(String::as_str).filter(|line| !line.contains(".host_")).collect();
    let mut expected = vec![
        "before.lock 1.0.0".to_owned(),
        "after.lock 1.0.0".to_owned(),
        "before.prime 1.0.0".to_owned(),
        "after.prime 1.0.0".to_owned(),
    ];
    for stage in ["masters", "canary", "fleet"] {
        let soaks = stage != "masters" || phases.contains(&"before.soak masters 1.0.0");
        for hook in ["before.switch", "after.switch", "before.soak", "after.soak"] {
            if soaks || hook.ends_with("switch") {
                expected.push(format!("{hook} {stage} 1.0.0"));
            }
        }
    }
    expected.extend(["before.finalize 1.0.0".to_owned(), "after.finalize 1.0.0".to_owned()]);
    assert_eq!(phases, expected);
    assert_eq!(events(&answer, "hook_ran").len(), expected.len());
    let planned = fleet.coalmine(&["plan", "1.2.0"]).exits(9);
    let planned =
        planned.says("before.lock, after.lock, before.prime, after.prime, before.switch, after.switch, before.soak, ");
    // Each host has its four in order, masters too.
    let hosts: Vec<&String> = asked_then.iter().filter(|line| line.contains(".host_")).collect();
    assert_eq!(hosts.len(), 24, "{hosts:?}");
    assert!(hosts.contains(&&"before.host_switch masters deploy1.eqiad.sandbox".to_owned()), "{hosts:?}");
    planned.says("after.rollback, before.host_prime, after.host_prime, before.host_switch, after.host_switch, ");
    for host in fleet.hosts() {
        let own = hosts.iter().filter(|line| line.ends_with(&host)).map(|line| line.split(' ').next().unwrap());
        let order = ["before.host_prime", "after.host_prime", "before.host_switch", "after.host_switch"];
        assert_eq!(own.collect::<Vec<_>>(), order, "{host}");
    }
    // A way back by name has two, and each host two, and nothing else that could keep it.
    fleet.install(&["1.2.0"]).exits(0);
    let fails = ["before.rollback", "after.rollback", "before.host_rollback", "after.host_rollback", "before.lock"];
    with_hooks(&fleet, &fails.map(|hook| (hook, "exit 1")));
    let back = fleet.coalmine(&["rollback", "--yes", "--headless"]).exits(0).says("1.0.0 runs on 4 hosts");
    let back = back.says("hooks.before.rollback failed, which is only told: /bin/sh: exit 1");
    back.says(&format!("{}: hooks.after.host_rollback failed, which is only told: /bin/sh: exit 1", mw(4, 4)));
    let mut back = asked(&fleet);
    assert_eq!((back.remove(0), back.pop().unwrap()), ("before.rollback 1.0.0".into(), "after.rollback 1.0.0".into()));
    for host in fleet.hosts() {
        let own = back.iter().filter(|line| line.ends_with(&host)).map(|line| line.split(' ').next().unwrap());
        assert_eq!(own.collect::<Vec<_>>(), ["before.host_rollback", "after.host_rollback"], "{host}");
    }
    assert_eq!(back.len(), 12, "{back:?}");
    let shown = fleet.coalmine(&["show", "--output", "jsonl"]).exits(0);
    let failed = events(&shown, "host_hook_failed");
    assert_eq!(failed.len(), 12, "each is in the journal");
    assert_eq!((&failed[0]["hook"], &failed[0]["error"]), (&"before_host_rollback".into(), &"/bin/sh: exit 1".into()));
}

#[test]
fn what_a_hook_that_fails_does_is_what_the_table_says() {
    let fleet = Fleet::of_scripts(4);
    fleet.install(&["1.0.0"]).exits(0);
    // Before the locks, nothing was touched; before a switch, nothing was switched.
    for (hook, locks) in [
        ("before.lock", false),
        ("after.lock", true),
        ("before.prime", true),
        ("after.prime", true),
        ("before.switch", true),
    ] {
        with_hooks(&fleet, &[(hook, "echo the site is closed >&2; exit 3")]);
        let log = fleet.log(&mw(1, 4));
        let answer = fleet.install(&["1.2.0"]).exits(5);
        answer.says(&format!("hooks.{hook}")).says("failed: /bin/sh: exit 3: the site is closed");
        fleet.all_run(fleet.hosts(), Some("1.0.0"));
        if !locks {
            assert_eq!(fleet.log(&mw(1, 4)), log);
            assert_eq!(asked(&fleet), ["before.lock 1.2.0"]);
        }
        let after = asked(&fleet);
        assert!(after.last().unwrap().starts_with(hook), "nothing follows {hook}: {after:?}");
    }
    // What is switched by then goes back, and what is to be done before and after that is done, and only told.
    for hook in ["after.switch", "before.soak", "after.soak", "before.finalize"] {
        let when = if hook == "before.finalize" { "exit 4" } else { "[ {stage} != fleet ]" };
        with_hooks(&fleet, &[(hook, when), ("before.rollback", "exit 5"), ("before.host_rollback", "exit 5")]);
        let answer = fleet.install(&["1.2.0", "--even-bad", "--soak", "1s"]).exits(6).says(&format!("hooks.{hook}"));
        let answer = answer.says("hooks.before.rollback failed, which is only told");
        answer.says("hooks.before.host_rollback failed, which is only told");
        fleet.all_run(fleet.hosts(), Some("1.0.0"));
        assert_eq!(asked(&fleet).last().unwrap(), "after.rollback 1.2.0");
    }
    // Where the site does not let it go on, hosts go back and nothing is said of the release.
    fleet.coalmine(&["releases", "unmark", "1.2.0"]).exits(0);
    with_hooks(&fleet, &[("before.switch", "[ {stage} != fleet ]")]);
    for _ in 0..2 {
        let answer = fleet.install(&["1.2.0", "--soak", "1s"]).exits(6);
        answer.says("install-world 1.2.0    tries again when that is mended: nothing was found against 1.2.0");
        fleet.all_run(fleet.hosts(), Some("1.0.0"));
    }
    // Of a host it is that host's failure.
    let one = format!("[ {{host}} != {} ]", mw(4, 4));
    fleet.configure(|text| text.replace("transfer = \"5%\", activate = 1", "transfer = 1, activate = 1"));
    for (hook, class) in [
        ("before.host_prime", "transfer"),
        ("after.host_prime", "transfer"),
        ("before.host_switch", "activate"),
        ("after.host_switch", "activate"),
    ] {
        with_hooks(&fleet, &[(hook, &one)]);
        let answer = fleet.install(&["1.2.0", "--even-bad", "--output", "jsonl"]).exits(3);
        let failed = events(&answer, "host_failed");
        assert_eq!(failed.len(), 1, "{hook}: {failed:?}");
        assert_eq!((&failed[0]["host"], &failed[0]["class"]), (&mw(4, 4).into(), &class.into()), "{hook}");
        let message = failed[0]["message"].as_str().unwrap();
        assert!(message.contains(&format!("hooks.{hook}: /bin/sh: exit 1")), "{message}");
        assert_eq!(fleet.runs(&mw(4, 4)).as_deref(), Some("1.0.0"), "{hook}");
        fleet.all_run([mw(1, 4), mw(3, 4)], Some("1.2.0"));
        fleet.coalmine(&["rollback", "--to", "1.0.0", "--yes", "--headless"]).exits(0);
    }
    // What is done is done.
    with_hooks(&fleet, &[("after.finalize", "exit 6")]);
    let answer = fleet.install(&["1.2.0", "--even-bad"]).exits(0).says("1.2.0 runs on 4 hosts");
    answer.says("hooks.after.finalize failed, which is only told: /bin/sh: exit 6");
}

#[test]
fn a_hook_that_hangs_is_ended_one_that_prints_megabytes_is_bounded_and_a_broken_one_is_refused() {
    let fleet = Fleet::of_scripts(2);
    fleet.install(&["1.0.0"]).exits(0);
    let alive = fleet.dir.join("alive");
    with_hooks(&fleet, &[("before.switch", &format!("echo $$ > {}; sleep 600 & wait", alive.display()))]);
    let begun = Instant::now();
    let answer = fleet.install(&["1.2.0"]).exits(5);
    answer.says("hooks.before.switch of stage masters failed: /bin/sh: not done within 10s");
    // Far less than it would take.
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
    let pid = fs::read_to_string(&alive).unwrap();
    assert!(!fs::exists(format!("/proc/{}", pid.trim())).unwrap(), "it lives on");

    let prints = "head -c 40000000 /dev/zero | tr '\\000' x; echo; echo the end";
    with_hooks(&fleet, &[("before.prime", prints), ("after.finalize", &format!("{prints} >&2; exit 1"))]);
    let answer = fleet.install(&["1.2.0"]).exits(0);
    let answer = answer.says("hooks.after.finalize failed, which is only told: /bin/sh: exit 1: the end");
    let said = answer.stdout.len() + answer.stderr.len();
    assert!(said < 20_000, "{said} bytes");
    let rollouts = fleet.rollouts();
    assert!(fs::metadata(fleet.journal(rollouts.last().unwrap())).unwrap().len() < 100_000);

    // Nor does one that hangs keep a host from going back.
    with_hooks(&fleet, &[("after.switch", "[ {stage} != canary ]"), ("before.host_rollback", "sleep 600")]);
    let answer = fleet.install(&["1.0.0", "--even-bad"]).exits(6);
    answer.says("hooks.before.host_rollback failed, which is only told: /bin/sh: not done within 10s");
    fleet.all_run(fleet.hosts(), Some("1.2.0"));

    // What cannot even be started is found before anything is done, by the key that has it.
    let script = fleet.dir.join("hook");
    fs::write(&script, "#!/bin/sh\nexit 0\n").unwrap();
    let plan = |argv: &str| {
        fleet.configure(|text| {
            format!("{}\n[hooks]\nafter.host_switch = {argv}\n", text.split("\n[hooks]").next().unwrap())
        });
        fleet.coalmine(&["plan", "1.0.0"])
    };
    let is_not = format!("hooks.after.host_switch cannot be run: {script:?} is not executable; nothing was changed");
    plan(&format!("[{script:?}, \"{{host}}\"]")).exits(2).says(&is_not);
    fleet.coalmine(&["doctor"]).says("hooks.after.host_switch: ");
    plan("[\"no-such-program\"]")
        .exits(2)
        .says("hooks.after.host_switch cannot be run: there is no program \"no-such-program\"");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    plan(&format!("[{script:?}, \"{{host}}\"]")).exits(9);
    fleet.configure(|text| text.replace("after.host_switch", "after.host_swich"));
    fleet.coalmine(&["plan"]).exits(2).says("host_swich").says("host_switch");
    fleet.configure(|text| text.replace("after.host_swich", "before.switch"));
    fleet.coalmine(&["plan"]).exits(2).says("`hooks.before.switch` has `{host}` in it, which has no value there");
}

#[test]
fn a_rollout_that_a_hook_stopped_goes_on_when_that_is_mended_and_one_that_was_cut_off_runs_it_again() {
    let fleet = Fleet::of_scripts(2);
    fleet.install(&["1.0.0"]).exits(0);
    let mended = fleet.dir.join("mended");
    with_hooks(&fleet, &[("after.prime", &format!("test -e {}", mended.display()))]);
    let before = fleet.rollouts();
    let rollout = fleet.start(&["install-world", "1.2.0", "--yes", "--headless", "--on-failure", "pause"]);
    let id = fleet.newest(&before);
    fleet.wait_for(&id, "paused");
    fleet.coalmine(&["continue", &id]).exits(0);
    until("the hook again", || {
        (asked(&fleet).iter().filter(|line| line.starts_with("after.prime")).count() == 2).then_some(())
    });
    until("the pause again", || {
        let text = fs::read_to_string(fleet.journal(&id)).unwrap();
        (text.matches("\"kind\":\"paused\"").count() == 2).then_some(())
    });
    fs::write(&mended, "").unwrap();
    fleet.coalmine(&["continue", &id]).exits(0);
    Answer::of(rollout.wait_with_output().unwrap()).exits(0).says("1.2.0 runs on 2 hosts");

    // Its conductor dies while a hook runs: what ran is not run again, and what did not end is.
    let slow = format!("while [ ! -e {} ]; do sleep 0.1; done", fleet.dir.join("go").display());
    with_hooks(&fleet, &[("after.switch", &format!("[ {{stage}} != canary ] || {slow}"))]);
    let before = fleet.rollouts();
    let mut rollout = fleet.start(&["install-world", "1.0.0", "--yes", "--headless", "--on-failure", "pause"]);
    let id = fleet.newest(&before);
    until("the hook", || asked(&fleet).contains(&"after.switch canary 1.0.0".to_owned()).then_some(()));
    kill(fleet.conductor().unwrap(), rustix::process::Signal::KILL);
    rollout.wait().unwrap();
    fs::write(fleet.dir.join("go"), "").unwrap();
    fleet.coalmine(&["resume", &id, "--headless"]).exits(0).says("1.0.0 runs on 2 hosts");
    let asked = asked(&fleet);
    let times = |hook: &str| asked.iter().filter(|line| *line == hook).count();
    assert_eq!((times("before.lock 1.0.0"), times("before.switch canary 1.0.0")), (1, 1), "{asked:?}");
    assert_eq!((times("after.switch canary 1.0.0"), times("before.finalize 1.0.0")), (2, 1), "{asked:?}");
}
