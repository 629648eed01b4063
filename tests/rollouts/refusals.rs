//! What cannot be installed is refused with its cause and what to do, and nothing is changed anywhere.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use crate::fleet::{Answer, Fleet};
use crate::hosts::mw;
use crate::pty::Pty;

#[test]
fn a_release_that_cannot_be_made_changes_nothing() {
    let fleet = Fleet::of_scripts(2);
    fleet.install(&["1.0.0"]).exits(0);
    let before = fleet.picture();
    fleet.tag("2.0.0", |tree| {
        fs::write(tree.with_file_name("README"), "nothing to build\n").unwrap();
        fs::remove_dir_all(tree).unwrap();
    });
    fleet.install(&["2.0.0"]).exits(1).says("cp: cannot stat 'tree/.'").says("cp -a tree/. ");
    fleet.tag("2.1.0", |tree| fs::write(tree.join("bin/tool"), "#!/bin/sh\necho is broken >&2\nexit 4\n").unwrap());
    fleet.install(&["2.1.0"]).exits(1).says("is broken").says("bin/tool version");
    fleet.tag("2.2.0", |tree| symlink("../../../../etc/passwd", tree.join("share/outside")).unwrap());
    fleet.install(&["2.2.0"]).exits(1).says("share/outside");
    fleet.tag("2.3.0", |tree| {
        fs::remove_file(tree.join("share/outside")).unwrap();
        symlink("/etc/passwd", tree.join("share/outside")).unwrap();
    });
    fleet.install(&["2.3.0"]).exits(1).says("share/outside");
    fleet.configure(|text| {
        let text = text.replace("cp -a tree/. {prefix}/", "true");
        text.replace("check = \"bin/tool version\"", "check = \"true\"")
    });
    fleet.install(&["1.2.0"]).exits(1).says("left no file in the release");
    fleet.configure(|text| {
        let text = text.replace("commands = [\"true\"]", "commands = [\"cp -a tree/. {prefix}/\"]");
        text.replace("check = \"true\"", "check = \"bin/tool version\"")
    });
    let product = fleet.dir.join("product");
    fs::rename(&product, fleet.dir.join("away")).unwrap();
    fleet.install(&["1.2.0"]).exits(1).says("product");
    fs::create_dir(&product).unwrap();
    fleet.install(&["1.2.0"]).exits(1).says("product");
    fs::remove_dir(&product).unwrap();
    fs::rename(fleet.dir.join("away"), &product).unwrap();
    assert_eq!(fleet.picture(), before);

    // What was built before and has been emptied since is not what is sent.
    fleet.coalmine(&["build", "1.2.0"]).exits(0);
    let releases = fleet.state.join("releases");
    let built = fs::read_dir(&releases).unwrap().map(|entry| entry.unwrap().path());
    let built =
        built.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with("1.2.0-")).unwrap();
    let share = built.join("tree/share");
    fs::remove_dir_all(&share).unwrap();
    fleet.install(&["1.2.0"]).exits(0).says("it is built again now");
    fleet.all_run(fleet.hosts(), Some("1.2.0"));
}

#[test]
fn hosts_that_cannot_take_a_release_are_told_with_the_cause_and_are_as_before() {
    let fleet = Fleet::of_scripts(4);
    fleet.install(&["1.0.0"]).exits(0);
    let (without, changed, closed, refuses) = (mw(1, 4), mw(2, 4), mw(3, 4), mw(4, 4));
    fleet.fault(&without, "no-rsync");
    fleet.fault(&changed, "key-changed");
    fleet.fault(&closed, "wrong-key");
    fleet.fault(&refuses, "refuses");
    let before = fleet.picture();
    let answer = fleet.install(&["1.2.0", "-l", &changed]).exits(1);
    answer.says("its host key has changed").says("ssh-keygen -R");
    let mut command = fleet.command(&["install-world", "1.2.0", "--yes", "-l", &closed]);
    let answer = Answer::of(command.env_remove("SSH_AUTH_SOCK").output().unwrap()).exits(1);
    answer.says("permission denied").says("no ssh agent");
    fleet.install(&["1.2.0", "-l", &refuses]).exits(1).says("connection refused");
    assert_eq!(fleet.picture(), before);
    let answer = fleet.install(&["1.2.0", "-l", &without]).exits(5);
    answer.says("rsync").says("try: ").says(&format!("debt      1 host (failed): {without}"));
    fleet.all_run(fleet.hosts(), Some("1.0.0"));
    let answer = fleet.coalmine(&["status", "1.0.0"]).exits(4);
    let answer = answer.says("its host key has changed").says("permission denied").says("connection refused");
    answer.says("1 current");
}

#[test]
fn names_that_shells_trip_over_and_bytes_that_are_no_text_are_taken_as_they_are() {
    let fleet = Fleet::of_scripts(2);
    let names: [&[u8]; 10] = [
        b"with spaces  two",
        b"it's \"quoted\"",
        b"new\nline",
        b"$(touch pwned) `touch pwned`; rm -rf *",
        b"-oProxyCommand=touch pwned",
        b"back\\slash \\n",
        b"tab\tand\rreturn",
        b"\xff\xfe no UTF-8",
        b"#hash;semi|pipe&amp>out<in",
        b"*?[a-z]{x,y}~!",
    ];
    for version in ["3.0.0", "3.1.0"] {
        fleet.tag(version, |tree| {
            for (place, name) in names.iter().enumerate() {
                let path = tree.join("share").join(OsStr::from_bytes(name));
                // Every other one changes from one version to the next, and one is a folder.
                let text = if place % 2 == 0 { version } else { "the same" };
                fs::write(path, format!("{text} {place}\n")).unwrap();
            }
            let folder = tree.join("share").join(OsStr::from_bytes(b"a folder\n\xfe"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(" "), version).unwrap();
            fs::remove_file(folder.join("to nowhere outside")).ok();
            symlink(OsStr::from_bytes(b"../new\nline"), folder.join("to nowhere outside")).unwrap();
        });
        fleet.install(&[version]).exits(0).says(&format!("{version} runs on 2 hosts"));
        fleet.all_run(fleet.hosts(), Some(version));
        assert_eq!(fleet.status(&[version]).0, Some(0));
    }
    let host = mw(2, 2);
    let share = fleet.root(&host).join("current/share");
    fs::write(share.join(OsStr::from_bytes(names[7])), "edited").unwrap();
    fs::write(share.join(OsStr::from_bytes(b"one too many\n\xff")), "").unwrap();
    fleet.coalmine(&["status", "3.1.0"]).exits(9).says("1 entry differs, 1 too many: ");
    fleet.install(&["3.1.0"]).exits(0);
    fleet.all_run(fleet.hosts(), Some("3.1.0"));

    // A gate that prints what is no text, and what a terminal would obey.
    fleet.tag("4.0.0", |tree| {
        let script = "#!/bin/sh\n[ \"$1\" != check ] || { printf 'bad \\377\\376 \\033[2Jbytes\\n'; exit 1; }\n";
        fs::write(tree.join("bin/tool"), script).unwrap();
    });
    let answer = fleet.install(&["4.0.0"]).exits(6).says("bad ").says("bytes");
    assert!(!answer.stdout.contains('\u{1b}'), "{}", answer.stdout);
    let answer = fleet.coalmine(&["install-world", "4.0.0", "--even-bad", "--yes", "--output", "jsonl"]).exits(6);
    let failed = answer.stdout.lines().find(|line| line.contains("\"kind\":\"host_failed\"")).unwrap();
    let failed: serde_json::Value = serde_json::from_str(failed).unwrap();
    assert_eq!(failed["class"], "unhealthy", "{failed}");
    fleet.all_run(fleet.hosts(), Some("3.1.0"));
}

#[test]
fn a_machine_without_room_for_a_rollout_says_how_much_is_needed_and_how_much_is_there_and_one_with_little_room_goes_on()
{
    let fleet = Fleet::of_scripts(4);
    let limited = |files: u32, arguments: &[&str]| {
        let command = fleet.command(arguments);
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {files}; exec \"$@\"")).arg("sh").arg(command.get_program());
        Answer::of(shell.args(command.get_args()).stdin(Stdio::null()).env("LANG", "C.UTF-8").output().unwrap())
    };
    let before = fleet.picture();
    let answer = limited(130, &["install-world", "1.0.0", "--yes"]).exits(1);
    answer.says(" hosts at once need ").says(" open files, ").says(" of 130; nothing was changed").says("ulimit -Hn");
    let answer = limited(130, &["doctor"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    answer.says("descriptors").says(" of 130: none is begun");
    assert_eq!(fleet.picture(), before);
    // Of more hosts than there is room for at once each has its turn.
    limited(400, &["install-world", "1.0.0", "--yes"]).exits(0);
    fleet.all_run(fleet.hosts(), Some("1.0.0"));
}

#[test]
fn whoever_types_another_number_is_told_the_right_one() {
    let fleet = Fleet::of_scripts(2);
    fleet.install(&["1.0.0", "--slot", "amy"]).exits(0);
    let before = fleet.picture();
    let asking: [(&[&str], &str, &str, &str); 3] = [
        (
            &["install-world", "1.0.0", "--headless"],
            "Type the number of hosts to go ahead (2, without the 2 masters)",
            "4",
            ": 2 was expected, and 4 was typed",
        ),
        (
            &["slot", "remove", "amy"],
            "Type the number of hosts to remove it there (4)",
            "yes",
            ": 4 was expected, and yes was typed",
        ),
        (&["install-world", "1.0.0", "--headless"], "Type the number of hosts", "", ""),
    ];
    for (arguments, question, typed, told) in asking {
        let mut asking = Pty::open(&fleet, arguments, &[]);
        asking.shows(question);
        asking.types(typed);
        let (code, shown) = asking.ends();
        assert!(code == 130 && shown.contains(&format!("not confirmed{told}; nothing was changed")), "{code}: {shown}");
    }
    assert_eq!(fleet.picture(), before);
}

#[test]
fn whoever_is_asked_can_leave_by_ctrl_c_at_once() {
    let fleet = Fleet::of_scripts(1);
    fleet.install(&["1.0.0", "--slot", "amy"]).exits(0);
    let before = fleet.picture();
    let (notes, product) = (fleet.dir.join("notes.md"), fleet.dir.join("product"));
    fs::write(&notes, "It is better.\n").unwrap();
    let (notes, product) = (notes.to_str().unwrap(), product.to_str().unwrap());
    let asking: [(&[&str], &str); 6] = [
        (&["install-world", "1.0.0", "--headless"], "Type the number of hosts to go ahead"),
        (&["install-world", "--pick", "--headless"], "Type the number of one"),
        (&["slot", "remove", "amy"], "Type the number of hosts to remove it there"),
        (&["release", "cut", "9.0.0", "--notes", notes], "Type the version to go ahead"),
        (&["init", "--repository", product, "-n"], "What is the product called?"),
        (&["lock"], "Why is sandbox frozen?"),
    ];
    for (arguments, question) in asking {
        let mut asked = Pty::open(&fleet, arguments, &[]);
        asked.shows(question);
        asked.interrupts();
        let (code, shown) = asked.ends();
        assert_eq!(code, 130, "{arguments:?}: {shown}");
        assert!(shown.ends_with("\ncoalmine: SIGINT: nothing was changed\n"), "{arguments:?}: {shown}");
    }
    assert_eq!(fleet.picture(), before);
    fleet.coalmine(&["unlock"]).exits(0).says("sandbox was not frozen");
}
