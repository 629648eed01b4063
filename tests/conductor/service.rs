//! What a site keeps of a rollout when that is over: hosts in or out of service, and locks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::fleet::{Answer, Fleet, coalmine, kill, until};

/// Gives the sandbox hooks that write what they are asked for into a file, and a fleet that tolerates a sick host.
fn with_hooks(fleet: &Fleet) {
    let path = fleet.dir.join("coalmine.toml");
    let text = fs::read_to_string(&path).unwrap().replace("unhealthy = \"5%\"", "unhealthy = 1");
    let hook = |what: &str| format!("{what} = \"echo {what} {{host}} >> '{}'\"\n", fleet.dir.join("asked").display());
    let announce = format!("announce = \"cat >> '{}'\"\n", fleet.dir.join("heard").display());
    fs::write(&path, format!("{text}\n[hooks]\n{}{}{announce}", hook("depool"), hook("repool"))).unwrap();
}

/// Deploys from another deploy server, which knows nothing of the rollouts of this one.
fn elsewhere(fleet: &Fleet, arguments: &[&str]) -> Answer {
    let mut command = Command::new(coalmine());
    command.arg("-c").arg(fleet.dir.join("coalmine.toml")).arg("--state-dir").arg(fleet.dir.join("elsewhere"));
    Answer::of(command.args(arguments).stdin(Stdio::null()).output().unwrap())
}

#[test]
fn a_host_is_put_back_into_service_by_the_rollout_that_finds_it_healthy() {
    let fleet = Fleet::up(4);
    with_hooks(&fleet);
    let install = |version| fleet.coalmine(&["install-world", version, "--yes", "--no-soak"]);
    for slot in ["current", "releases"] {
        let refused = fleet.coalmine(&["install-world", "1.1.0", "--yes", "--slot", slot]).exits(2);
        refused.says(&format!("no slot can be named {slot:?}"));
    }
    install("1.1.0").exits(0);
    install("1.1.0").exits(0).says("nothing is to be done: 4 hosts have 1.1.0");
    fleet.fault("mw04.codfw.sandbox", "sick");
    install("1.2.0").exits(3);
    let asked = || fs::read_to_string(fleet.dir.join("asked")).unwrap();
    assert_eq!(asked(), "depool mw04.codfw.sandbox\n");
    // A rollout of others carries it on.
    fleet.coalmine(&["install-world", "1.1.0", "--yes", "--no-soak", "-l", "mw02*"]).exits(0);
    fleet.fault("mw04.codfw.sandbox", "none");
    install("1.2.0").exits(0);
    assert_eq!(asked(), "depool mw04.codfw.sandbox\nrepool mw04.codfw.sandbox\n");
    install("1.2.0").exits(0).says("nothing is to be done: 4 hosts have 1.2.0");
    let heard = fs::read_to_string(fleet.dir.join("heard")).unwrap();
    assert!(heard.starts_with("minewatch 1.1.0 on sandbox: rollout to 4 hosts started by "), "{heard}");
}

#[test]
fn who_takes_a_host_out_of_service_is_announced_and_remembered_and_no_rollout_puts_it_back() {
    const HOST: &str = "mw04.codfw.sandbox";
    let fleet = Fleet::up(4);
    with_hooks(&fleet);
    let asked = || fs::read_to_string(fleet.dir.join("asked")).unwrap_or_default();
    let heard = || fs::read_to_string(fleet.dir.join("heard")).unwrap_or_default();
    let out = || {
        let status = fleet.command(&["status", "1.2.0", "--output", "json"]).output().unwrap();
        let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
        status["out_of_service"].as_array().unwrap().clone()
    };
    fleet.coalmine(&["install-world", "1.1.0", "--yes", "--no-soak"]).exits(0);
    fleet.coalmine(&["depool", HOST]).exits(2).says("--reason");
    fleet.coalmine(&["depool", "mw99.eqiad.sandbox", "--reason", "its disk fails"]).exits(2);
    fleet
        .coalmine(&["depool", HOST, "--reason", "its disk fails"])
        .exits(0)
        .says("mw04.codfw.sandbox was taken out of service");
    assert_eq!(asked(), format!("depool {HOST}\n"));
    let told = format!("minewatch on sandbox: {HOST} was taken out of service by ");
    assert!(heard().lines().any(|line| line.starts_with(&told) && line.ends_with(": its disk fails")), "{}", heard());
    let [known] = &out()[..] else { panic!("{:?}", out()) };
    assert_eq!((&known["host"], &known["reason"]), (&HOST.into(), &"its disk fails".into()), "{known}");
    assert!(known["by"].as_str().is_some_and(|by| by.contains('@')), "{known}");
    fleet.coalmine(&["status", "1.1.0"]).exits(0).says("out of service by ").says("repool mw04.codfw.sandbox");
    fleet.coalmine(&["host", HOST]).exits(9).says("out of service by ");

    // It is switched as others are, and stays out.
    fleet.coalmine(&["plan", "1.2.0"]).exits(9).says(&format!("switched all the same and not put back: {HOST}"));
    fleet.coalmine(&["install-world", "1.2.0", "--yes", "--no-soak"]).exits(0);
    fleet.coalmine(&["install-world", "1.2.0", "--yes", "--no-soak"]).exits(0).says("nothing is to be done");
    assert_eq!((asked(), out().len()), (format!("depool {HOST}\n"), 1));
    assert!(heard().contains("; from 1.1.0 on 4 hosts: 2 commits by "), "what it changes: {}", heard());
    fleet.coalmine(&["repool", HOST]).exits(0).says("mw04.codfw.sandbox was put back into service");
    assert_eq!(asked(), format!("depool {HOST}\nrepool {HOST}\n"));
    assert!(out().is_empty(), "{:?}", out());

    // A rollout that has the host does it, and has it in its journal.
    let rollout = fleet.detach(&["1.1.0", "--soak", "5m"]);
    fleet.wait_for(&rollout, "soak_started");
    fleet.coalmine(&["depool", HOST, "--reason", "noisy"]).exits(0).says(&format!("accepted by rollout {rollout}"));
    fleet.wait_for(&rollout, "host_depooled");
    let journal = fs::read_to_string(fleet.journal(&rollout)).unwrap();
    let of = |kind: &str| -> serde_json::Value {
        let line = journal.lines().find(|line| line.contains(&format!("\"kind\":\"{kind}\""))).unwrap();
        serde_json::from_str(line).unwrap()
    };
    let (wish, done) = (of("service_asked"), of("host_depooled"));
    assert_eq!((&wish["what"], &wish["by"]), (&"depool".into(), &done["by"]), "{wish} {done}");
    assert_eq!((&wish["reason"], &done["reason"]), (&"noisy".into(), &"noisy".into()), "{wish} {done}");
    assert!(wish["seq"].as_u64() < done["seq"].as_u64(), "who and why is written before the command runs");
    let taken_out = format!("{HOST} was taken out of service by ");
    until("the announcement", || (heard().matches(&taken_out).count() == 2).then_some(()));
    assert_eq!(out()[0]["reason"], "noisy");
    fleet.coalmine(&["abort", &rollout]).exits(0);
    fleet.wait_for_the_end(&rollout);
    assert_eq!(out()[0]["reason"], "noisy", "a rollout that is over is no reason to forget it");
    // What fails is told, and changes nothing that is known.
    let path = fleet.dir.join("coalmine.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("repool = \"echo repool", "repool = \"false")).unwrap();
    fleet.coalmine(&["repool", HOST]).exits(1).says("exit 1");
    assert_eq!(out()[0]["reason"], "noisy");
}

#[test]
fn who_holds_a_host_is_named_to_the_other_deploy_server_and_a_stop_frees_the_hosts() {
    let fleet = Fleet::up(2);
    let first = ["install-world", "1.1.0", "--yes", "--headless", "--soak", "10m", "--reason", "the fix"];
    let mut held = fleet.start(&first);
    let rollouts = fleet.state.join("rollouts");
    let rollout = until("the rollout", || {
        let folder = fs::read_dir(&rollouts).ok()?.find_map(Result::ok)?;
        folder.file_name().into_string().ok()
    });
    fleet.wait_for(&rollout, "soak_started");
    let refused = elsewhere(&fleet, &["install-world", "1.2.0", "--yes"]).exits(7);
    let refused = refused.says(" is locked by ").says(&format!(" for rollout {rollout} since 2")).says(" UTC: the fix");
    refused.says(&format!(" attach {rollout}"));
    kill(i32::try_from(held.id()).unwrap(), Signal::INT);
    assert_eq!(held.wait().unwrap().code(), Some(5));
    // Nobody waits for the lease of a conductor that has said good-bye.
    elsewhere(&fleet, &["install-world", "1.2.0", "--yes", "--no-soak"]).exits(0);
    for (host, log) in fleet.host_logs(&rollout) {
        assert!(log.last().unwrap().ends_with(" unlocked"), "{host}: {log:#?}");
    }
}

#[test]
fn an_interrupt_before_anything_was_changed_answers_130_and_leaves_nothing_behind() {
    let fleet = Fleet::up(2);
    fleet.fault("mw02.codfw.sandbox", "hangs");
    for arguments in [&["install-world", "1.1.0", "--yes"][..], &["status", "1.1.0"]] {
        let mut surveying = fleet.start(&[&["-v"], arguments].concat());
        let mut told = BufReader::new(surveying.stderr.take().unwrap()).lines().map(Result::unwrap);
        told.find(|line| line.contains("mw01.eqiad.sandbox answered")).unwrap();
        kill(i32::try_from(surveying.id()).unwrap(), Signal::INT);
        let told: Vec<String> = told.collect();
        assert!(told.iter().any(|line| line == "coalmine: SIGINT: nothing was changed"), "{told:#?}");
        // Where nobody looks, nothing is coloured.
        assert!(!told.concat().contains('\u{1b}'), "{told:#?}");
        assert_eq!(surveying.wait().unwrap().code(), Some(130));
    }
    assert!(!fleet.state.join("rollouts").exists(), "a rollout was begun");
}

#[test]
fn a_host_that_lets_nobody_in_after_its_switch_goes_back_and_is_debt() {
    let fleet = Fleet::up(4);
    let path = fleet.dir.join("coalmine.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("keep    = 3", "keep    = 3\nconfirm = \"20s\"").replace("\"10%\"", "1");
    fs::write(&path, text).unwrap();
    fleet.coalmine(&["install-world", "1.1.0", "--yes", "--no-soak"]).exits(0);
    let rollout = fleet.detach(&["1.2.0", "--soak", "10m"]);
    fleet.wait_for(&rollout, "soak_started");
    // What is connected stays so, and is switched; but the switch cannot be confirmed over a new connection.
    fleet.fault("mw02.eqiad.sandbox", "wrong-key");
    for soaks in 1..=2 {
        until("the soak", || {
            let journal = fs::read_to_string(fleet.journal(&rollout)).unwrap_or_default();
            (journal.matches("\"kind\":\"soak_started\"").count() == soaks).then_some(())
        });
        fleet.coalmine(&["promote", "--reason", "it is tried"]).exits(0);
    }
    let answer = fleet.coalmine(&["show", "--follow", "--output", "jsonl"]).exits(3);
    let last: serde_json::Value = serde_json::from_str(answer.stdout.lines().last().unwrap()).unwrap();
    let debt = last.pointer("/debt").unwrap().as_array().unwrap();
    let host = |key: &str| debt.first().and_then(|debt| debt.get(key)).and_then(|value| value.as_str());
    assert_eq!(
        (debt.len(), host("host"), host("class")),
        (1, Some("mw02.eqiad.sandbox"), Some("unreachable")),
        "{last}"
    );
    let (_, log) = fleet.host_logs(&rollout).into_iter().find(|(host, _)| host.starts_with("mw02")).unwrap();
    let happened = |what: &str| log.iter().any(|line| line.contains(what));
    assert!(happened("current switched to 1.2.0-") && happened("current went back to releases/1.1.0-"), "{log:#?}");
    let link = fs::read_link(fleet.dir.join("hosts/mw02.eqiad.sandbox/minewatch/current")).unwrap();
    assert!(link.starts_with("releases") && link.to_string_lossy().contains("/1.1.0-"), "{}", link.display());
}

#[test]
fn what_a_configuration_names_wrong_is_told_by_its_check_alone() {
    let folder = tempfile::tempdir().unwrap();
    let check = |hosts: &str, canaries: &str| {
        let text = format!(
            "[product]\nname = \"tool\"\nrepository = \"/nowhere\"\n[build]\nkind = \"command\"\n\
             commands = [\"make DESTDIR={{prefix}}\"]\ncheck = \"bin/tool\"\n[target]\nroot = \"/srv/tool\"\n\
             [environments.production]\nhosts = \"{hosts}\"\nmasters = \"deploy1\"\n\
             [[environments.production.stages]]\nname = \"canary\"\nhosts = \"{canaries}\"\n\
             [[environments.production.stages]]\nname = \"fleet\"\n"
        );
        let path = folder.path().join("coalmine.toml");
        fs::write(&path, text).unwrap();
        Answer::of(Command::new(coalmine()).arg("-c").arg(&path).args(["config", "check"]).output().unwrap())
    };
    check("mw[01-04]", "mw01").exits(0).says("nothing is wrong with it");
    let both = check("mw[01-04],deploy1", "mw01").exits(2);
    assert_eq!(both.stdout, "", "nothing is right with it");
    both.says("deploy1 is both a master and a target");
    check("mw[01-04]", "mw09").exits(2).says("environments.production.stages[0].hosts");
}
