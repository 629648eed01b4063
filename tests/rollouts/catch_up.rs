//! How hosts come by what they missed: by name, by their debt, from a timer, and by a switch to what was primed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::fleet::{Answer, Fleet};
use crate::hosts::{git, mw};

/// Asserts that a stream of events is an end and nothing else, which is a success.
#[track_caller]
fn is_an_end(stdout: &str) {
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 1, "{stdout}");
    let event: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!((&event["kind"], &event["exit_code"], &event["v"]), (&"rollout_finished".into(), &0.into(), &1.into()));
    assert!(event["debt"].as_array().unwrap().is_empty(), "{stdout}");
}

/// Gives what a unit of systemd that is handed out runs.
fn unit(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/systemd").join(name);
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=coalmine ")).unwrap();
    let split = Command::new("sh").args(["-f", "-c", &format!("printf '%s\\n' {line}")]).output().unwrap();
    String::from_utf8(split.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn hosts_that_missed_a_rollout_catch_up_with_what_was_finalized_last() {
    let fleet = Fleet::of_scripts(4);
    let before = fleet.picture();
    let answer = fleet.coalmine(&["bootstrap", &mw(4, 4), "--yes"]).exits(1);
    answer.says("nothing was finalized in sandbox yet").says("nothing was changed");
    fleet.coalmine(&["bootstrap", "db01.eqiad.sandbox", "--yes"]).exits(2).says("db01.eqiad.sandbox");
    fleet.coalmine(&["bootstrap", "mw[02-09].eqiad.sandbox", "--yes"]).exits(2).says("nothing was changed");
    fleet.coalmine(&["bootstrap", &mw(4, 4)]).exits(2).says("--yes was not given");
    // A timer's mail stays empty where nobody is in debt.
    let idle = unit("coalmine-catch-up@.service");
    let idle: Vec<&str> = idle.iter().map(String::as_str).collect();
    assert!(idle.starts_with(&["install-world", "--debt"]), "{idle:?}");
    let answer = fleet.coalmine(&idle).exits(0);
    assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), ("", ""));
    is_an_end(&fleet.coalmine(&[&idle[..], &["--output", "jsonl"]].concat()).exits(0).stdout);
    assert_eq!(fleet.picture(), before);

    fleet.fault(&mw(2, 4), "refuses");
    fleet.install(&["1.0.0", "--skip-unreachable", "-x", &mw(4, 4)]).exits(4);
    let answer = fleet.coalmine(&["status", "1.0.0"]).exits(4);
    answer.says("in debt: 1 host (unreachable): mw02.eqiad.sandbox").says("install-world --debt");
    let told = fleet.status(&["1.0.0"]).1;
    assert_eq!((&told["debt"][0]["host"], &told["debt"][0]["end"]), (&mw(2, 4).into(), &"unreachable".into()));
    let owing = || {
        let json = |command: &str| -> Value {
            serde_json::from_str(&fleet.coalmine(&[command, "--output", "json"]).exits(0).stdout).unwrap()
        };
        json("rollouts")["owing"].clone()
    };
    fleet.coalmine(&["rollouts"]).exits(0).says("in debt: 1 host (unreachable): mw02.eqiad.sandbox");
    assert_eq!(owing()[0]["debt"][0]["host"], *mw(2, 4));
    let first = fleet.rollouts()[0].clone();
    fleet.coalmine(&["show", &first]).exits(0).says("debt now  the same 1 host");
    fleet.coalmine(&idle).exits(4).says("1 host unreachable");

    // By identity: what the tag names today is another matter, and so is what is the latest.
    git(&fleet.dir.join("product"), &["tag", "--delete", "1.0.0"]);
    fleet.tag("1.0.0", |tree| fs::write(tree.join("share/same"), "moved").unwrap());
    let good = fs::read_link(fleet.root(&mw(1, 4)).join("current")).unwrap();
    // A rollout elsewhere clears nobody's debt.
    let answer = fleet.coalmine(&["bootstrap", &mw(4, 4), "--dry-run"]).exits(9);
    answer.says("finalized last, on 2 hosts").says("catch-up");
    fleet.coalmine(&["bootstrap", &mw(4, 4), &mw(1, 4), "--yes"]).exits(0).says("1.0.0 runs on 2 hosts");
    fleet.coalmine(&["bootstrap", &mw(4, 4), "--yes"]).exits(0).says("nothing is to be done");
    assert_eq!(fleet.status(&["1.0.0"]).1["debt"][0]["host"], *mw(2, 4));

    fleet.fault(&mw(2, 4), "none");
    fleet.coalmine(&idle).exits(0).says("1.0.0 runs on 1 host");
    for number in 1..=4 {
        assert_eq!(fs::read_link(fleet.root(&mw(number, 4)).join("current")).unwrap(), good);
    }
    assert_eq!(fleet.status(&["1.0.0"]).1["debt"], Value::Array(Vec::new()));
    assert_eq!(owing(), Value::Array(Vec::new()));
    assert!(!fleet.coalmine(&["rollouts"]).exits(0).stdout.contains("in debt:"));
    fleet.coalmine(&["show", &first]).exits(0).says("debt now  none");
    assert_eq!(fleet.coalmine(&idle).exits(0).stdout, "");

    // One that is made anew installs by itself what it missed: the timer finds that, says nothing, and nobody names it any more.
    fleet.fault(&mw(2, 4), "refuses");
    fleet.install(&["1.2.0", "--skip-unreachable"]).exits(4);
    fleet.fault(&mw(2, 4), "none");
    fs::remove_dir_all(fleet.root(&mw(2, 4))).unwrap();
    let script = fleet.coalmine(&["bootstrap", "--script"]).exits(0).stdout;
    Answer::of(start(&fleet, &mw(2, 4), "dash", &script).wait_with_output().unwrap()).exits(0);
    assert_eq!(owing()[0]["debt"][0]["host"], *mw(2, 4), "nobody has looked yet");
    fleet.coalmine(&[&idle[..], &["-n"]].concat()).exits(0).says("nothing is due");
    assert_eq!(owing()[0]["debt"][0]["host"], *mw(2, 4), "and who only looks writes nothing down");
    let answer = fleet.coalmine(&idle).exits(0);
    assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), ("", ""));
    assert_eq!(owing(), Value::Array(Vec::new()));
}

#[test]
fn a_host_that_left_the_inventory_owes_nothing_once_all_others_were_asked() {
    let fleet = Fleet::of_scripts(4);
    fleet.fault(&mw(2, 4), "refuses");
    fleet.install(&["1.0.0", "--skip-unreachable"]).exits(4);
    let targets = fleet.dir.join("targets");
    let listed = fs::read_to_string(&targets).unwrap();
    fs::write(&targets, listed.replace(&format!("{}\n", mw(2, 4)), "")).unwrap();
    let answer = fleet.install(&["--debt"]).exits(0);
    let told = format!("{} in debt is no host of sandbox any more", mw(2, 4));
    assert!(answer.stderr.contains(&told), "{}", answer.stderr);
    // A rollout of some hosts does not know who else there is.
    fleet.install(&["1.2.0", "-l", &mw(1, 4)]).exits(0);
    fleet.coalmine(&["status"]).says("in debt: 1 host (unreachable): mw02.eqiad.sandbox");
    fleet.install(&["1.2.0"]).exits(0);
    assert!(!fleet.coalmine(&["status"]).exits(0).stdout.contains("in debt"));
    assert!(!fleet.coalmine(&["rollouts"]).exits(0).stdout.contains("in debt"));
    let answer = fleet.install(&["--debt"]).exits(0);
    assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), ("", ""));
}

#[test]
fn what_runs_is_kept_on_a_branch_from_which_another_deploy_server_starts() {
    let fleet = Fleet::of_scripts(2);
    fleet.configure(|text| text.replace("[build]", "state_branch = \"coalmine/state\"\n[build]"));
    fleet.install(&["1.0.0", "--reason", "the fix", "-l", &mw(1, 2)]).exits(0);
    let product = fleet.dir.join("product");
    let read = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(&product).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(read(&["log", "-1", "--format=%B", "coalmine/state"]).starts_with("sandbox: 1.0.0 on 1 host\n\nthe fix\n"));
    assert!(read(&["show", "coalmine/state:sandbox/current.toml"]).contains("version = \"1.0.0\""));
    assert_eq!(read(&["status", "--porcelain"]), "", "the checkout is as it was");

    // How long it took since its tag is in the journal.
    let shown = fleet.coalmine(&["show", "--output", "json"]).exits(0).stdout;
    let lead = serde_json::from_str::<Value>(&shown).unwrap()["lead_time"].clone();
    assert!(lead["tag_to_fleet_s"].as_f64() >= lead["tag_to_start_s"].as_f64(), "{lead}");
    assert!(lead["tag_to_start_s"].is_f64() && lead["spent"]["building_s"].as_f64() > Some(0.0), "{lead}");
    fleet.coalmine(&["rollouts"]).exits(0).says("tag to fleet");

    // Another deploy server has neither journals nor marks.
    let elsewhere = |arguments: &[&str]| {
        let mut command = Command::new(crate::fleet::coalmine());
        command.arg("-c").arg(fleet.dir.join("coalmine.toml")).arg("--state-dir").arg(fleet.dir.join("elsewhere"));
        Answer::of(command.args(arguments).env("LANG", "C.UTF-8").stdin(Stdio::null()).output().unwrap())
    };
    elsewhere(&["status", "1.0.0"]).says("on record: 1.0.0-").says(": the fix");
    elsewhere(&["bootstrap", &mw(2, 2), "--yes", "--headless"]).exits(0).says("1.0.0 runs on 1 host");
    assert_eq!(fleet.runs(&mw(2, 2)).as_deref(), Some("1.0.0"));
    assert_eq!(read(&["rev-list", "--count", "coalmine/state"]).trim(), "2");

    // Who is in debt by the word of one deploy server is so for the other, until that brings the release there.
    fleet.fault(&mw(2, 2), "refuses");
    fleet.install(&["1.2.0", "--skip-unreachable"]).exits(4);
    assert!(read(&["show", "coalmine/state:sandbox/current.toml"]).contains(&format!("debt = [\"{}\"]", mw(2, 2))));
    elsewhere(&["status"]).exits(4).says("in debt: 1 host").says(&mw(2, 2));
    elsewhere(&["rollouts"])
        .exits(0)
        .says("in debt: 1 host (unknown): ")
        .says(&format!("{}, left in debt by ", mw(2, 2)));
    let owing: Value = serde_json::from_str(&elsewhere(&["rollouts", "--output", "json"]).exits(0).stdout).unwrap();
    assert_eq!(owing["owing"][0]["debt"][0]["host"], *mw(2, 2));
    fleet.fault(&mw(2, 2), "none");
    elsewhere(&["install-world", "--debt", "--yes", "--headless"]).exits(0).says("1.2.0 runs on 1 host");
    assert!(read(&["show", "coalmine/state:sandbox/current.toml"]).contains("debt = []"));
    assert!(!fleet.coalmine(&["status"]).exits(0).stdout.contains("in debt"));

    // A branch that is unreadable is told, and fails nobody's rollout.
    git(&product, &["update-ref", "refs/heads/coalmine/state", "HEAD"]);
    fleet.tag("1.3.0", |_| {});
    let answer = fleet.install(&["1.3.0"]).exits(0);
    answer.says("what it runs is not kept on the branch").says("1.3.0 runs on 2 hosts");
}

#[test]
fn a_timer_installs_what_is_newer_and_another_day_switches_to_what_was_primed() {
    let fleet = Fleet::of_scripts(2);
    let newer = unit("coalmine-newer@.service");
    let newer: Vec<&str> = newer.iter().map(String::as_str).collect();
    assert!(newer.starts_with(&["install-world", "--if-newer"]), "{newer:?}");
    fleet.coalmine(&newer).exits(0).says("1.2.0 runs on 2 hosts");
    let before = (fleet.picture(), fleet.rollouts());
    let answer = fleet.coalmine(&newer).exits(0);
    assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), ("", ""));
    is_an_end(&fleet.coalmine(&[&newer[..], &["--output", "jsonl"]].concat()).exits(0).stdout);
    fleet.coalmine(&["install-world", "1.0.0", "--if-newer", "--yes"]).exits(0);
    assert_eq!((fleet.picture(), fleet.rollouts()), before, "older is not newer");

    // Beside what runs, and switched to another day; a host that does not hold it is named before anything.
    fleet.tag("1.3.0", |_| {});
    fleet.install(&["1.3.0", "--prime", "-l", &mw(1, 2)]).exits(0);
    let before = fleet.picture();
    let answer = fleet.install(&["1.3.0", "--activate-only", "-l", "*.sandbox"]).exits(1);
    let answer = answer.says("was not primed on ").says("nothing was changed");
    assert!(!answer.stderr.contains(&mw(1, 2)) && answer.stderr.contains(&mw(2, 2)), "{answer:?}");
    assert_eq!(fleet.picture(), before);
    fleet.install(&["1.3.0", "--prime"]).exits(0);
    fleet.tag("1.4.0", |_| {});
    fleet
        .install(&["--activate-only", "-l", &mw(1, 2)])
        .exits(0)
        .says("1.3.0 runs on 1 host")
        .says("travelled nothing");
    fleet.install(&["--activate-only"]).exits(0).says("1.3.0 runs on 2 hosts").says("travelled nothing");
    fleet.all_run(fleet.hosts(), Some("1.3.0"));
    fleet.install(&["--if-newer"]).exits(0).says("1.4.0 runs on 2 hosts");

    // What a stopped rollout left is somebody's to decide, and no timer's; one into a slot left nothing of the usual link.
    let broken = "#!/bin/sh\n[ \"$1\" != check ]\n";
    fleet.tag("1.5.0", |tree| fs::write(tree.join("bin/tool"), broken).unwrap());
    fleet.tag("1.4.1", |tree| fs::write(tree.join("bin/tool"), "#!/bin/sh\n").unwrap());
    fleet.fault(&mw(2, 2), "refuses");
    fleet.install(&["1.4.1", "--skip-unreachable"]).exits(4);
    fleet.fault(&mw(2, 2), "none");
    let stopped = fleet.install(&["1.5.0", "--slot", "amy", "--on-failure", "abort"]).exits(5);
    stopped.says("install-world 1.5.0 --slot amy").says("rollback --slot amy");
    fleet.install(&["--debt"]).exits(0).says("1.4.1 runs on 1 host");
    fleet.install(&["1.5.0", "--on-failure", "abort"]).exits(5);
    let before = fleet.picture();
    let answer = fleet.install(&["--debt"]).exits(1);
    answer.says("was stopped, and its hosts are left as they stand").says("install-world 1.5.0 --debt");
    assert_eq!(fleet.picture(), before);
}

#[test]
fn a_deploy_server_that_was_passed_by_catches_up_as_hosts_do() {
    let fleet = Fleet::of_scripts(2);
    fleet.install(&["1.0.0"]).exits(0);
    let master = "deploy1.codfw.sandbox";
    fleet.fault(master, "refuses");
    fleet.tag("1.3.0", |_| {});
    let passed = fleet.install(&["1.3.0", "--skip-unreachable"]).exits(4);
    let next = passed.stdout.lines().find_map(|line| line.trim_start().strip_prefix("next      coalmine "));
    assert!(next.unwrap().contains(" install-world --debt "), "nobody can choose it by -l: {passed:?}");
    fleet
        .install(&["1.3.0", "--skip-unreachable"])
        .exits(4)
        .says("nothing is to be done")
        .says(", 1 master unreachable");
    fleet.install(&["--debt"]).exits(4).says(", 1 master unreachable");
    fleet.fault(master, "none");
    fleet.coalmine(&["status", "1.3.0"]).exits(0).says("in debt: 1 host (unreachable): deploy1.codfw.sandbox");
    let caught = fleet.install(&["--debt", "--output", "jsonl"]).exits(0);
    assert!(caught.stdout.contains(r#""host":"deploy1.codfw.sandbox","phase":"healthy""#), "{caught:?}");
    assert!(!caught.stdout.contains(r#""kind":"host_phase","host":"mw"#), "{caught:?}");
    assert!(!fleet.coalmine(&["status", "1.3.0"]).exits(0).stdout.contains("in debt"));
    is_an_end(&fleet.install(&["--debt", "--output", "jsonl"]).exits(0).stdout);
    // Nobody can choose it alone.
    fleet.install(&["1.3.0", "-l", master]).exits(2).says("masters alone are no rollout");
}

/// Starts a script on a host, by a shell there.
fn start(fleet: &Fleet, host: &str, shell: &str, script: &str) -> Child {
    let config = fleet.dir.join("ssh_config");
    let mut child = Command::new("ssh")
        .arg("-F")
        .arg(&config)
        .args([host, &format!("RSYNC_RSH='ssh -F {}' COALMINE_WAIT=30 {shell}", config.display())])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    child
}

#[test]
fn a_fresh_host_installs_by_itself_what_was_finalized_last() {
    let fleet = Fleet::of_scripts(3);
    let host = mw(3, 3);
    fleet.coalmine(&["bootstrap", "--script"]).exits(1).says("nothing was finalized in sandbox yet");
    fleet.coalmine(&["bootstrap", "--script", &host]).exits(2);
    fleet.install(&["1.0.0", "-x", &host]).exits(0);
    let script = fleet.coalmine(&["bootstrap", "--script"]).exits(0).stdout;
    assert_eq!(fleet.coalmine(&["bootstrap", "--script"]).exits(0).stdout, script, "who manages it sees a change");
    let file = fleet.dir.join("bootstrap.sh");
    fs::write(&file, &script).unwrap();
    Answer::of(Command::new("shellcheck").arg(&file).output().unwrap()).exits(0);

    let run = |shell: &str, script: &str| Answer::of(start(&fleet, &host, shell, script).wait_with_output().unwrap());
    // What does not come as the script says is never switched to, and leaves nothing behind.
    let digest = script.split("p_digest=").nth(1).unwrap().lines().next().unwrap();
    let answer = run("dash", &script.replace(digest, &"0".repeat(64))).exits(1);
    answer.says("no master gave 1.0.0-").says("nothing was switched");
    let left = |folder: &str| fs::read_dir(fleet.root(&host).join(folder)).map_or(0, Iterator::count);
    assert_eq!((fleet.runs(&host), left("releases"), left(".coalmine/lock")), (None, 0, 0));

    // Two at once, and once more.
    let both = [start(&fleet, &host, "dash", &script), start(&fleet, &host, "bash", &script)];
    let told: String = both.map(|child| Answer::of(child.wait_with_output().unwrap()).exits(0).stderr).concat();
    assert_eq!((told.matches(" is installed\n").count(), told.matches("nothing to do").count()), (1, 1), "{told}");
    assert_eq!(fleet.runs(&host).as_deref(), Some("1.0.0"));
    assert_eq!(fleet.status(&["1.0.0"]).0, Some(0));
    let before = fleet.picture();
    run("dash", &script).exits(0).says("nothing to do");
    assert_eq!(fleet.picture(), before);
    fleet.install(&["1.0.0"]).exits(0).says("nothing is to be done");

    // However old it is, it takes nothing back; and it waits for who holds the host, but not for ever.
    fleet.install(&["1.2.0"]).exits(0);
    run("dash", &script).exits(0).says("for fresh hosts only");
    assert_eq!(fleet.runs(&host).as_deref(), Some("1.2.0"));
    fs::remove_dir_all(fleet.root(&host)).unwrap();
    let lock = fleet.root(&host).join(".coalmine/lock");
    fs::create_dir_all(&lock).unwrap();
    let until = jiff::Timestamp::now().as_second() + 300;
    fs::write(lock.join(format!("{until}.7.0.r1")), "rollout r1\n").unwrap();
    run("COALMINE_WAIT=0 dash", &script).exits(75).says("locked for rollout r1");
    fs::remove_dir_all(&lock).unwrap();
    fs::create_dir(fleet.root(&host).join("current")).unwrap();
    run("dash", &script).exits(1).says("was not installed by coalmine");
    fs::remove_dir(fleet.root(&host).join("current")).unwrap();
    run("busybox sh", &script).exits(0).says("1.0.0-");
    assert_eq!(fleet.runs(&host).as_deref(), Some("1.0.0"));

    // What is there whole is proven and not fetched again, and a check may take its time.
    fs::remove_file(fleet.root(&host).join("current")).unwrap();
    for entry in fs::read_dir(fleet.root(&host).join(".coalmine")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name == "state" || name.starts_with("proven.") || name.starts_with("primed.") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let check = script.lines().find(|line| line.starts_with("p_check=")).unwrap();
    let answer = run("dash", &script.replace(check, "p_check='sleep 11'")).exits(0).says("1.0.0-");
    assert!(!answer.stderr.contains("fetching"), "{}", answer.stderr);
    assert_eq!(fleet.runs(&host).as_deref(), Some("1.0.0"));
}
