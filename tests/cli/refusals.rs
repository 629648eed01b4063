use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::project::{Answer, Project};

/// Names of every kind that somebody could hope to break out with.
const HOSTILE: [&str; 8] = [
    "-oProxyCommand=touch${IFS}pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "mw01; touch pwned",
    "mw 01",
    "mw'01",
    "mw\"01",
    "mw01\ntouch pwned",
];

#[test]
fn a_tag_that_there_is_not_is_named_with_its_nearest_before_anything_is_built() {
    let project = Project::new();
    for command in [&["build"][..], &["plan"], &["install-world", "--yes"], &["status"]] {
        let answer = project.coalmine(&[command, &["1.11.0"]].concat()).exits(1);
        answer.complains("there is no tag \"1.11.0\"").complains("1.10.0");
    }
    project.coalmine(&["plan", "--rev", "nosuch"]).exits(1).complains("no commit \"nosuch\"");
    assert!(!project.left("state/rollouts"));
}

#[test]
fn an_environment_that_there_is_not_is_named_with_those_that_are_also_where_none_of_it_is_needed() {
    let project = Project::new();
    let commands = ["status", "rollouts", "show", "attach", "resume", "pause", "continue", "abort", "retry"];
    for command in commands {
        let answer = project.coalmine(&["-e", "prodution", command]).exits(2);
        answer.complains("there is no environment \"prodution\"; there is production");
    }
    for command in &commands[2..] {
        project.coalmine(&["-e", "production", command]).exits(1).complains("no rollout");
        // Nor is a configuration needed.
        project.coalmine(&["-c", "gone.toml", "-e", "prodution", command]).exits(1).complains("no rollout");
    }
}

#[test]
fn a_repository_that_is_none_is_named_with_its_key() {
    let project = Project::new();
    fs::remove_dir_all(project.path("repository/.git")).unwrap();
    for command in ["plan", "releases", "build"] {
        let answer = project.coalmine(&[command]).exits(1).complains("product.repository");
        answer.complains(project.path("repository").to_str().unwrap());
    }
    fs::remove_dir_all(project.path("repository")).unwrap();
    project.coalmine(&["releases"]).exits(1).complains("is not a git repository");
}

#[test]
fn an_expression_that_matches_nothing_is_named_before_a_build() {
    let project = Project::new();
    for (expression, complaint) in [
        ("mw09.eqiad.invalid", "`mw09.eqiad.invalid` matches none"),
        ("~nothing", "`~nothing` matches none"),
        ("@nope", "there is no group `@nope`; there are @all"),
        ("mw01.eqiad.invalid!mw01.eqiad.invalid", "mw01.eqiad.invalid"),
        ("", "expected a host"),
    ] {
        for command in [&["plan"][..], &["install-world", "--yes"], &["status"], &["install-world", "-n"]] {
            let limited = [command, &["--limit", expression]].concat();
            project.coalmine(&limited).exits(2).complains(complaint);
        }
        project.coalmine(&["hosts", expression]).exits(2).complains(complaint);
    }
    project.coalmine(&["plan", "-x", "db02"]).exits(2).complains("`db02` matches none");
    project.coalmine(&["plan", "-x", "@all,@masters"]).exits(2);
    assert!(!project.left("ran-build"), "it was built before");
    project.coalmine(&["build"]).exits(0);
    assert!(project.left("ran-build"), "a build leaves no trace to look for");
}

#[test]
fn hostile_names_are_refused_wherever_they_are_taken_and_run_nothing() {
    let project = Project::new();
    for name in HOSTILE {
        for arguments in [
            &["hosts", "--", name][..],
            &["plan", &format!("--limit={name}")],
            &["status", &format!("--exclude={name}")],
            &["skip", &format!("--host={name}")],
            &["retry", &format!("--host={name}")],
            &["show", "--", name],
            &["resume", "--", name],
            &["rollback", &format!("--to={name}")],
            &["plan", &format!("--slot={name}")],
            &[&format!("--environment={name}"), "status"],
        ] {
            project.coalmine(arguments).exits(2);
        }
        for arguments in [&["plan", "--", name][..], &["build", "--", name], &["build", &format!("--rev={name}")]] {
            project.coalmine(arguments).exits(1);
        }
        let quoted = serde_json::to_string(name).unwrap();
        project.configure("\"db01.codfw.invalid\"", &quoted);
        project.coalmine(&["hosts"]).exits(2).complains("coalmine.toml:14: `groups.all.hosts`");
        project.configure(&quoted, "\"db01.codfw.invalid\"");
    }
    assert!(!project.left("pwned") && !project.left("ran-build"));
}

#[test]
fn a_reason_cannot_steer_the_terminals_of_others() {
    let project = Project::new();
    let locked = project.coalmine(&["lock", "--reason", "disks\u{1b}[2J\n are\tfull"]).exits(0);
    assert!(locked.stdout.ends_with(": disks [2J are full\n"), "{locked:?}");
    let refused = project.coalmine(&["install-world", "--yes"]).exits(7);
    refused.complains("disks [2J are full").complains("unlock");
    project.coalmine(&["unlock"]).exits(0);
}

#[test]
fn mistakes_of_the_configuration_are_told_with_file_line_and_the_nearest_key() {
    let project = Project::new();
    project.configure("remote = \"\"", "remot = \"\"");
    let answer = project.coalmine(&["hosts"]).exits(2).complains("coalmine.toml:5: unknown key `product.remot`");
    answer.complains("the nearest known key is `product.remote`");
}

#[test]
fn a_configuration_that_anybody_may_write_is_not_run() {
    let project = Project::new();
    let file = project.path("coalmine.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    project.coalmine(&["hosts", "@asked"]).exits(2).complains("anybody may write this file").complains("chmod o-w");
    project.coalmine(&["-c", file.to_str().unwrap(), "hosts", "@asked"]).exits(2);
    assert!(!project.left("ran-group"));
}

#[test]
fn a_host_that_is_listed_twice_or_is_master_and_target_is_named() {
    let project = Project::new();
    project.configure("\"db01.codfw.invalid\"", "\"mw02.eqiad.invalid\"");
    for command in [&["hosts"][..], &["config", "check"], &["plan"]] {
        let answer = project.coalmine(command).exits(2);
        answer.complains("mw02.eqiad.invalid is listed twice").complains("coalmine.toml:");
    }
    project.configure("\"mw02.eqiad.invalid\"", "\"deploy1.eqiad.invalid\"");
    for command in [&["config", "check"][..], &["plan"], &["install-world", "--yes"], &["status"]] {
        let answer = project.coalmine(command).exits(2);
        assert!(!answer.stdout.contains("nothing is wrong"), "{answer:?}");
        answer.complains("deploy1.eqiad.invalid is both a master and a target");
    }
    assert!(!project.left("ran-build"), "it was built before");
}

#[test]
fn the_demo_says_which_numbers_of_hosts_it_takes_before_it_builds_anything() {
    for number in ["abc", "0", "-3", "1001", "100000", "1e3", "12 13", "000"] {
        let mut demo = Command::new("bash");
        demo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/demo")).arg(number);
        // Where no cargo is found, whatever gets further than that ends otherwise.
        demo.env("PATH", "/usr/bin:/bin").env("HOME", "/nowhere").stdin(Stdio::null());
        let answer = Answer::of(demo.output().unwrap()).exits(2);
        answer.complains(&format!("'{number}' is no number of hosts: it takes one from 1 to 1000"));
    }
}

#[test]
fn nobody_is_asked_where_there_is_no_terminal() {
    let project = Project::new();
    for command in ["install-world", "deploy", "rollback"] {
        project.coalmine(&[command]).exits(2).complains("--yes was not given");
    }
    project.coalmine(&["bootstrap", "mw01.eqiad.invalid"]).exits(2).complains("--yes was not given");
    // That is no choice.
    project.coalmine(&["install-world", "--pick", "--yes"]).exits(2).complains("no terminal to ask on which version");
    for both in [&["--pick", "1.9.0"][..], &["--prime", "--activate-only"], &["--debt", "--if-newer"]] {
        project.coalmine(&[&["install-world", "--yes"], both].concat()).exits(2).complains("cannot be used with");
    }
    project.coalmine(&["bootstrap", "--yes"]).exits(2).complains("HOST");
    let answer = project.coalmine(&[]).exits(2).complains("Usage: coalmine").complains("install-world");
    let answer = answer.complains(
        "coalmine: the console needs a terminal, on standard input, output and error; without one, name a command",
    );
    assert_eq!(answer.stdout, "");
    project.coalmine(&["instal-world"]).exits(2).complains("install-world");
    assert!(!project.left("state") && !project.left("ran-build"));
}

#[test]
fn a_slot_that_is_something_else_of_the_layout_is_refused_by_every_command_that_switches() {
    let project = Project::new();
    for slot in ["releases", "current"] {
        for command in [&["install-world", "--yes"][..], &["install-world", "-n"], &["plan"], &["rollback", "--yes"]] {
            let answer = project.coalmine(&[command, &["--slot", slot]].concat()).exits(2);
            answer.complains(&format!("no slot can be named {slot:?}"));
        }
    }
    assert!(!project.left("ran-build"), "it was built before");
}
