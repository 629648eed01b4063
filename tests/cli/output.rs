use std::fs::File;
use std::process::Stdio;

use crate::project::{Answer, Project};

#[test]
fn the_manual_tells_every_command_and_reads_as_a_page() {
    let project = Project::new();
    let page = project.coalmine(&["man"]).exits(0).stdout;
    let written = include_str!("../../assets/coalmine.1");
    assert!(page == written, "assets/coalmine.1 is stale: `coalmine man` prints the current one");
    for text in [".TH coalmine 1", ".SH \"EXIT STATUS\"", ".SH ENVIRONMENT", ".SH FILES", "COALMINE_STATE_DIR"] {
        assert_eq!(page.matches(text).count(), 1, "{text}");
    }
}

#[test]
fn releases_are_told_newest_first_without_asking_anybody() {
    let project = Project::new();
    let told = project.coalmine(&["releases"]).exits(0).stdout;
    let versions: Vec<_> = told.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(versions, ["1.10.0", "1.10.0-rc1", "1.9.0"], "{told}");
    assert!(!project.left("ran-build") && !project.left("ran-group"));
}

#[test]
fn a_doctor_tells_hosts_that_are_away_from_what_is_broken_here() {
    let project = Project::new();
    let answer = project.coalmine(&["doctor"]).exits(4);
    assert!(answer.stdout.contains("mw[01-04].eqiad.invalid"), "{answer:?}");
    project.coalmine(&["doctor", "-l", "mw09.eqiad.invalid"]).exits(2).complains("`mw09.eqiad.invalid` matches none");
    std::fs::remove_dir_all(project.path("repository/.git")).unwrap();
    let answer = project.coalmine(&["doctor"]).exits(1);
    assert!(answer.stdout.contains("product.repository"), "{answer:?}");
    assert!(!project.left("ran-build") && !project.left("rollouts"), "it changed something");
}

#[test]
fn signs_are_ascii_where_that_is_asked_for_or_the_locale_has_no_others() {
    let project = Project::new();
    let status = |flags: &[&str], locale: &str| {
        let mut command = project.command(&[&["status", "--no-fetch"], flags].concat());
        Answer::of(command.env("LC_ALL", locale).output().unwrap()).exits(4).stdout
    };
    assert!(!status(&[], "C.UTF-8").is_ascii());
    assert!(status(&["--ascii"], "C.UTF-8").is_ascii());
    assert!(status(&[], "C").is_ascii());
}

#[test]
fn a_reader_that_has_gone_away_is_no_failure_and_a_full_disk_is_one() {
    let project = Project::new();
    for arguments in
        [&["man"][..], &["hosts"], &["config", "show"], &["releases"], &["--help"], &["completions", "zsh"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Answer::of(project.command(arguments).stdout(Stdio::from(writer)).output().unwrap()).exits(0);
        let full = File::options().write(true).open("/dev/full").unwrap();
        let answer = Answer::of(project.command(arguments).stdout(full).output().unwrap()).exits(1);
        answer.complains("standard output cannot be written");
    }
}

#[test]
fn a_user_without_a_home_is_told_what_is_missing_or_needs_none() {
    let project = Project::new();
    let mut command = project.command(&["hosts"]);
    Answer::of(command.env_remove("HOME").output().unwrap()).exits(0);
}
