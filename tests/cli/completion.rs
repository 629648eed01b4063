#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read as _, Write as _};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use coalmine::sandbox::{self, Options};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::project::{Answer, Project, coalmine};

/// Asks as the script for bash does how a command line goes on; the last word is the one being written.
fn asks<'a>(command: &'a mut Command, words: &[&str]) -> &'a mut Command {
    let index = words.len() - 1;
    command.env("COMPLETE", "bash").env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_INDEX", index.to_string());
    command.arg("--").args(words)
}

/// Gives how a command line may go on; flags are left out where something else is written.
#[track_caller]
fn completed(mut command: Command, line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let answer = Answer::of(asks(&mut command, &words).output().unwrap()).exits(0);
    assert_eq!(answer.stderr, "");
    let wants_flags = words.last().is_some_and(|word| word.starts_with('-'));
    let lines = answer.stdout.lines().filter(|line| wants_flags || !line.starts_with('-'));
    lines.map(str::to_owned).collect()
}

#[test]
fn hosts_groups_tags_and_environments_are_completed_and_no_command_of_a_group_runs() {
    let project = Project::new();
    let go_on = |line: &str| completed(project.command(&[]), line);
    let everything = [
        "@all",
        "@masters",
        "@asked",
        "@both",
        "mw01.eqiad.invalid",
        "mw02.eqiad.invalid",
        "mw03.eqiad.invalid",
        "mw04.eqiad.invalid",
        "db01.codfw.invalid",
        "deploy1.eqiad.invalid",
    ];
    for line in ["coalmine plan -l ", "coalmine install-world -x ", "coalmine hosts "] {
        assert_eq!(go_on(line), everything, "{line}");
    }
    assert_eq!(
        go_on("coalmine status --limit=mw[01-02].eqiad.invalid,d"),
        ["--limit=mw[01-02].eqiad.invalid,db01.codfw.invalid", "--limit=mw[01-02].eqiad.invalid,deploy1.eqiad.invalid",]
    );
    assert_eq!(go_on("coalmine plan -l @all!@m"), ["@all!@masters"]);
    assert_eq!(go_on("coalmine plan -l @./repository/f"), ["@./repository/file"]);
    assert_eq!(go_on("coalmine bootstrap db"), ["db01.codfw.invalid"]);
    assert_eq!(go_on("coalmine skip --host db"), ["db01.codfw.invalid"]);
    assert_eq!(go_on("coalmine retry --host @"), [""; 0], "a group is no host");
    for command in ["install-world", "deploy", "plan", "build", "status"] {
        assert_eq!(go_on(&format!("coalmine {command} 1.1")), ["1.10.0", "1.10.0-rc1"], "{command}");
    }
    assert_eq!(go_on("coalmine plan "), ["1.10.0", "1.10.0-rc1", "1.9.0", "latest"], "the newest comes first");
    assert_eq!(go_on("coalmine rollback --to 1.9"), ["1.9.0"]);
    assert_eq!(go_on("coalmine rollback --to "), ["1.10.0", "1.10.0-rc1", "1.9.0", "adopted"], "what it takes");
    for marks in ["coalmine releases mark ", "coalmine releases unmark "] {
        assert_eq!(go_on(marks), ["1.10.0", "1.10.0-rc1", "1.9.0"], "a verdict is of a version that has a name");
    }
    assert_eq!(go_on("coalmine -e "), ["production"]);
    assert_eq!(go_on("coalmine plan --output "), ["text", "json"]);
    assert_eq!(go_on("coalmine rollo"), ["rollouts"]);
    assert!(!project.left("ran-group"), "a group's command was run");
    assert!(!project.left("state"));
}

#[test]
fn slots_of_the_cycle_are_completed_wherever_one_is_taken() {
    let project = Project::new();
    project.configure("root = \"scap\"", "root = \"scap\"\nslots = [\"slot0\", \"slot1\", \"other\"]");
    for line in ["install-world --slot ", "plan --slot ", "status --slot ", "rollback --slot ", "slot remove "] {
        assert_eq!(completed(project.command(&[]), &format!("coalmine {line}")), ["slot0", "slot1", "other"], "{line}");
        assert_eq!(completed(project.command(&[]), &format!("coalmine {line}o")), ["other"], "{line}");
    }
}

#[test]
fn the_configuration_that_is_named_on_the_line_is_the_one_that_is_asked() {
    let project = Project::new();
    project.configure("db01.codfw.invalid", "db02.codfw.invalid");
    std::fs::rename(project.path("coalmine.toml"), project.path("other.toml")).unwrap();
    let go_on = |line: &str| completed(project.command(&[]), line);
    assert_eq!(go_on("coalmine -c other.toml plan -l db"), ["db02.codfw.invalid"]);
    assert_eq!(go_on("coalmine plan -l db --config=other.toml -x db"), ["db02.codfw.invalid"]);
}

#[test]
fn what_is_wrong_is_no_matter_of_completion() {
    let project = Project::new();
    project.configure("[product]", "[produkt]");
    let go_on = |line: &str| completed(project.command(&[]), line);
    for line in ["coalmine plan -l m", "coalmine plan 1", "coalmine -e p", "coalmine show x", "coalmine skip --host m"]
    {
        assert_eq!(go_on(line), [""; 0], "{line}");
    }
    assert_eq!(go_on("coalmine instal"), ["install-world"]);
    // A variable of that name may be anybody's.
    let mut command = project.command(&["hosts"]);
    Answer::of(command.env("COMPLETE", "bash").output().unwrap()).exits(2).complains("produkt");
}

#[test]
fn a_group_that_cannot_be_read_at_once_keeps_nobody_waiting() {
    let project = Project::new();
    project.configure("all = { hosts = [", "pipe = { file = \"pipe\" }\nall = { hosts = [");
    assert!(Command::new("mkfifo").arg(project.path("pipe")).status().unwrap().success());
    let start = Instant::now();
    completed(project.command(&[]), "coalmine plan -l mw");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn bash_completes_groups_behind_flags_and_operators() {
    let project = Project::new();
    project.write("c.bash", &project.coalmine(&["completions", "bash"]).exits(0).stdout);
    let bin = project.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(coalmine(), bin.join("coalmine")).unwrap();
    let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 200, pixel_width: 0, pixel_height: 0 }).unwrap();
    let mut command = CommandBuilder::new("bash");
    command.args(["--norc", "--noprofile", "-i"]);
    command.cwd(project.path(""));
    for (name, value) in [("TERM", "dumb"), ("INPUTRC", "/dev/null"), ("PS1", "> "), ("HISTFILE", "")] {
        command.env(name, value);
    }
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", bin.display()));
    command.env("COALMINE_STATE_DIR", project.path("state"));
    let mut bash = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let (tx, rx) = mpsc::channel();
    let mut reader = pair.master.try_clone_reader().unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = reader.read(&mut bytes) {
            if tx.send(bytes[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut writer = pair.master.take_writer().unwrap();
    let mut seen = String::new();
    let mut shows = |wanted: &str| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !seen.contains(wanted) {
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = rx.recv_timeout(left).unwrap_or_else(|_| panic!("{wanted:?} did not come: {seen:?}"));
            seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    };
    // The words are parted, so that the echo of what is typed is not taken for the answer.
    writer.write_all(b"source ./c.bash; echo rea''dy\n").unwrap();
    shows("ready");
    for (typed, whole) in [
        ("coalmine plan -l @ma", "coalmine plan -l @masters "),
        ("coalmine plan --limit=@ma", "coalmine plan --limit=@masters "),
        ("coalmine plan -l mw01.eqiad.invalid,@ma", "coalmine plan -l mw01.eqiad.invalid,@masters "),
        ("coalmine plan -x '@all&db", "coalmine plan -x '@all&db01.codfw.invalid' "),
        ("coalmine status 1.9", "coalmine status 1.9.0 "),
    ] {
        writer.write_all(format!("{typed}\t").as_bytes()).unwrap();
        shows(whole);
        writer.write_all(b"\x15").unwrap();
    }
    bash.kill().unwrap();
    bash.wait().unwrap();
}

#[test]
fn every_shell_gets_a_script_that_asks_this_binary() {
    let project = Project::new();
    let program = coalmine().into_string().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = project.coalmine(&["completions", shell]).exits(0).stdout;
        assert!(script.contains(&program) && script.contains("COMPLETE"), "{script}");
    }
    project.coalmine(&["completions", "tcsh"]).exits(2).complains("tcsh");
}

#[test]
fn a_real_fleet_has_its_rollouts_completed_and_its_releases_told_and_is_well() {
    struct Down(std::path::PathBuf);
    impl Drop for Down {
        fn drop(&mut self) {
            sandbox::down(&self.0).unwrap();
        }
    }
    let parent = tempfile::Builder::new().prefix("coalmine-").tempdir().unwrap();
    let dir = parent.path().join("sandbox");
    let supervisor = [coalmine(), "sandbox".into(), "serve".into()].into();
    sandbox::up(&Options { dir: dir.clone(), hosts: 1, supervisor }).unwrap();
    let fleet = Down(dir.clone());
    let config = dir.join("coalmine.toml").into_os_string().into_string().unwrap();
    let state = dir.join("state").into_os_string().into_string().unwrap();
    let project = Project::new();
    let flags = ["-c", &config, "--state-dir", &state];
    let run = |arguments: &[&str]| project.coalmine(&[&flags, arguments].concat());
    let installed = run(&["install-world", "1.2.0", "--yes", "--no-soak", "--output", "jsonl"]).exits(0);
    let first: serde_json::Value = serde_json::from_str(installed.stdout.lines().next().unwrap()).unwrap();
    let rollout = first["rollout"].as_str().unwrap();
    let go_on = |line: &str| {
        let mut command = project.command(&[]);
        command.env_remove("COALMINE_STATE_DIR");
        completed(command, &format!("coalmine {} {line}", flags.join(" ")))
    };
    assert_eq!(go_on("show "), [rollout]);
    assert_eq!(go_on("attach "), [""; 0], "it is over");
    assert_eq!(go_on("resume "), [""; 0], "it is over");
    assert_eq!(go_on("-e other show "), [""; 0]);

    let told = run(&["releases", "--survey", "--output", "json"]).exits(0);
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["schema"], 1);
    let releases = told["releases"].as_array().unwrap();
    let versions: Vec<&str> = releases.iter().map(|release| release["version"].as_str().unwrap()).collect();
    assert_eq!(versions, ["1.10.0", "1.2.0", "1.2.0-rc1", "1.1.0", "1.0.0"]);
    let built: Vec<bool> = releases.iter().map(|release| release["built"].as_bool().unwrap()).collect();
    assert_eq!(built, [false, true, false, false, false]);
    assert_eq!((&releases[1]["installed"]["sandbox"], &releases[1]["mark"]), (&1.into(), &"good".into()), "{told}");

    let examined = run(&["doctor", "--output", "json"]).exits(0);
    let examined: serde_json::Value = serde_json::from_str(&examined.stdout).unwrap();
    assert_eq!(examined["schema"], 1);
    let findings = examined["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["health"] != "fail"), "{examined}");
    drop(fleet);
}
