//! Two products, or two names of one, in one root on the same hosts.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::fleet::{Answer, Fleet};
use crate::hosts::mw;

#[test]
fn another_link_in_the_same_root_is_refused_by_every_command_until_the_hosts_have_it_by_that_name() {
    let fleet = Fleet::of_scripts(2);
    fleet.install(&["1.0.0"]).exits(0);
    fleet.configure(|text| {
        let line = text.lines().find(|line| line.starts_with("current ")).unwrap().to_owned();
        text.replace(&line, "current = \"other\"")
    });
    let before = fleet.picture();
    let root = fleet.root(&mw(1, 2));
    let why = format!("{} is the root of the link current, and not of other", root.display());
    let hint = "each product needs a target.root of its own; where target.current was renamed, rename the link";
    for arguments in [
        &["install-world", "1.2.0", "--yes", "--headless"][..],
        &["plan", "1.2.0"],
        &["rollback", "--yes", "--headless"],
        &["bootstrap", &mw(1, 2), "--yes"],
    ] {
        let answer = fleet.coalmine(arguments).exits(2).says("the root of the link current, and not of other");
        let answer = answer.says(hint).says("nothing was changed");
        assert!(answer.stdout.is_empty() && !answer.stderr.contains("leaves them out"), "{arguments:?}: {answer:?}");
    }
    let status = fleet.coalmine(&["status", "1.2.0", "-l", &mw(1, 2)]).exits(9).says(&why);
    status.says("missing").says(hint);
    let told = fleet.status(&["1.2.0"]).1;
    let host = &told["hosts"][0];
    assert_eq!(
        (&host["error"], &host["state"], &host["good"]),
        (&why.as_str().into(), &"missing".into(), &Value::Null)
    );
    fleet.coalmine(&["host", &mw(1, 2)]).exits(9).says(&why).says(hint);
    fleet.coalmine(&["doctor"]).exits(1).says("is the root of the link current, and not of other").says(hint);
    // Nor does a host do it by itself.
    let script = fleet.coalmine(&["bootstrap", "--script"]).exits(0).stdout;
    let mut child = Command::new("ssh")
        .arg("-F")
        .arg(fleet.dir.join("ssh_config"))
        .args([&mw(1, 2), "sh"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    Answer::of(child.wait_with_output().unwrap()).exits(1).says("is the root of the link current, and not of other");
    assert_eq!(fleet.picture(), before);

    // Renamed as it says, with the old name kept or without: what was good is so by the new name.
    for host in fleet.hosts() {
        let root = fleet.root(&host);
        fs::rename(root.join("current"), root.join("other")).unwrap();
        if host == mw(2, 2) {
            symlink("other", root.join("current")).unwrap();
        }
    }
    fleet.install(&["1.2.0"]).exits(0).says("1.2.0 runs on 2 hosts");
    for number in 1..=2 {
        assert_eq!(fleet.runs_by(&mw(number, 2), "other").as_deref(), Some("1.2.0"));
    }
    assert_eq!(fs::read_link(fleet.root(&mw(2, 2)).join("current")).unwrap().as_os_str(), "other");
    fleet.coalmine(&["rollback", "--yes", "--headless"]).exits(0);
    for number in 1..=2 {
        assert_eq!(fleet.runs_by(&mw(number, 2), "other").as_deref(), Some("1.0.0"));
    }
}
