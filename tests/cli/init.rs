//! The first configuration: asked for, made of what is there, and never written over another.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::fs;
use std::io::{Read as _, Write as _};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::project::{Answer, Project, coalmine};

const ALL: [&str; 11] = [
    "init",
    "--name=scap",
    "--check=true",
    "--root=/var/lib/scap",
    "--user=scap",
    "--build",
    "cp -a . {prefix}/",
    "--repository",
    "repository",
    "--hosts",
    "mw[01-04].eqiad.invalid",
];

/// Gives a project that has a checkout and no configuration.
fn new() -> Project {
    let project = Project::new();
    fs::remove_file(project.path("coalmine.toml")).unwrap();
    project
}

/// Initializes with another list of hosts.
#[track_caller]
fn with_hosts(project: &Project, hosts: &str) -> Answer {
    drop(fs::remove_file(project.path("coalmine.toml")));
    project.coalmine(&[&ALL[..10], &[hosts]].concat())
}

#[test]
fn what_init_wrote_installs_and_is_never_written_over() {
    let project = new();
    let missing = project.coalmine(&["hosts"]).exits(2).complains("there is no coalmine.toml");
    missing.complains("`coalmine init`").complains("config sample").complains("sandbox up");
    let shown = project.coalmine(&[&ALL[..], &["-n"]].concat()).exits(0);
    assert!(!project.left("coalmine.toml"), "a dry run wrote it");
    let written = project.coalmine(&ALL).exits(0);
    assert!(written.stdout.contains("on 4 hosts") && written.stdout.contains("coalmine doctor"), "{written:?}");
    let text = fs::read_to_string(project.path("coalmine.toml")).unwrap();
    assert_eq!(text, shown.stdout);
    assert!(text.contains("repository = \"repository\"") && text.contains("remote = \"\""), "{text}");
    project.coalmine(&["config", "check"]).exits(0);
    let hosts = project.coalmine(&["hosts", "--fold"]).exits(0);
    assert_eq!(hosts.stdout, "mw[01-04].eqiad.invalid\n");
    project.coalmine(&["build"]).exits(0);
    project.coalmine(&ALL).exits(2).complains("is there already; nothing was written");
    assert_eq!(fs::read_to_string(project.path("coalmine.toml")).unwrap(), text);
}

#[test]
fn init_reads_hosts_as_they_are_listed_already() {
    let project = new();
    project.write("targets", "mw01.eqiad.invalid\nmw[02-03].eqiad.invalid # two\n");
    project.write("hosts.ini", "[web]\nmw01 ansible_host=127.0.0.9\n[db]\ndb01\n");
    project.write("hosts.yml", "all:\n  hosts:\n    mw01:\n");
    project.write("ssh_config", "Host mw01 mw02\n  User scap\nHost *.bastion\n  ProxyJump b\n");
    for (file, hosts, has) in [
        ("targets", "mw[01-03].eqiad.invalid\n", "file = \"targets\""),
        ("hosts.ini", "mw01,db01\n", "ansible = \"hosts.ini\""),
        ("hosts.yml", "mw01\n", "ansible = \"hosts.yml\""),
        ("ssh_config", "mw[01-02]\n", "[ssh]\nconfig = \"ssh_config\""),
    ] {
        with_hosts(&project, file).exits(0);
        let text = fs::read_to_string(project.path("coalmine.toml")).unwrap();
        assert!(text.contains(has), "{file}: {text}");
        assert_eq!(text.contains("canary"), file != "hosts.yml", "one host is no canary: {text}");
        assert_eq!(project.coalmine(&["hosts", "--fold"]).exits(0).stdout, hosts, "{file}");
    }
    project.write("twice", "mw01\nmw01\n");
    for (hosts, complaint) in [
        ("twice", "twice:2: mw01 is already on line 1"),
        ("nothing.txt", "there is no file"),
        ("@all", "--hosts: "),
        ("", "--hosts: "),
    ] {
        with_hosts(&project, hosts).exits(2).complains(complaint);
        let left: Vec<_> = fs::read_dir(project.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("coalmine")), "{hosts}: {left:?}");
    }
}

#[test]
fn what_init_cannot_know_is_named_by_its_flag_where_nobody_can_be_asked() {
    let project = new();
    let missing = project.coalmine(&["init", "--repository", "repository"]).exits(2);
    missing.complains("--name NAME, --build COMMAND, --check COMMAND, --hosts FILE|EXPR, --root DIR");
    project.write("repository/setup.py", "");
    let one = ["init", "--repository=repository", "--name=scap", "--root=scap", "--hosts=mw01"];
    project.coalmine(&one).exits(2).complains("init needs --check COMMAND besides");
    project.coalmine(&["init"]).exits(2).complains("is in no git checkout").complains("--repository");
    project.coalmine(&["init", "--repository", "home"]).exits(2).complains("--repository DIR");
    let relative = [&ALL[..3], &["--root=../x"], &ALL[4..]].concat();
    project.coalmine(&relative).exits(2).complains("coalmine.toml:").complains("target.root");
    assert!(!project.left("coalmine.toml"));
}

/// Runs coalmine on a terminal in the checkout until it ends, typing what is given; gives what it showed and how it ended.
fn on_a_terminal(project: &Project, arguments: &[&str], typed: &str) -> (String, u32) {
    let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 200, pixel_width: 0, pixel_height: 0 }).unwrap();
    let mut command = CommandBuilder::new(coalmine());
    command.args(arguments);
    command.cwd(project.path("repository"));
    command.env("HOME", project.path("home"));
    command.env("XDG_CONFIG_HOME", project.path("home/.config"));
    command.env("TERM", "xterm-256color");
    command.env("COALMINE_STATE_DIR", project.path("state"));
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut keys = pair.master.take_writer().unwrap();
    keys.write_all(typed.as_bytes()).unwrap();
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    // The end of a terminal is an error on Linux.
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        said.extend_from_slice(buffer.get(..length).unwrap());
    }
    (String::from_utf8_lossy(&said).into_owned(), child.wait().unwrap().exit_code())
}

#[test]
fn a_first_start_on_a_terminal_leads_from_no_configuration_to_the_console() {
    let project = new();
    let (said, code) = on_a_terminal(&project, &[], "");
    assert_eq!(code, 2, "{said}");
    for way in ["there is no coalmine.toml", "`coalmine init`", "`coalmine config sample`", "`coalmine sandbox up`"] {
        assert!(said.contains(way), "{way}: {said}");
    }
    assert!(!said.contains("\x1b[?1049h"), "no screen is opened for a refusal: {said:?}");
    // Name and build as proposed, a check, hosts, the root as proposed, and ssh's own user.
    let (said, code) = on_a_terminal(&project, &["init"], "\n\ntrue\nmw[01-03].eqiad.invalid\n\n\n");
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("What is the product called? [repository]") && said.contains("next: `coalmine doctor`"),
        "{said}"
    );
    let text = fs::read_to_string(project.path("repository/coalmine.toml")).unwrap();
    assert!(
        text.contains("name = \"repository\"\nrepository = \".\"") && text.contains("root = \"/var/lib/repository\""),
        "{text}"
    );
    assert!(!text.contains("user ="), "{text}");
    // What it wrote opens the console, on the three hosts.
    let (said, code) = on_a_terminal(&project, &[], "q");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("\x1b[?1049h") && said.contains("\x1b[?1049l") && said.contains("history"), "{said}");
}
