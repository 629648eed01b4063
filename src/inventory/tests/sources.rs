//! dsh files, lists and commands.

use std::time::{Duration, Instant};

use super::{Folder, GroupSource, file, listed, shell, shell_within};

#[test]
fn a_dsh_file_is_read_whole() {
    let content = "\u{feff}# scap's targets\r\n\
                   mw01.eqiad.wmnet\r\n\
                   \r\n   mw02.eqiad.wmnet   \n\
                   \tmw03 # new\n\
                   host[01-03]\n\
                   h5,h6\n\
                   h7 , h8\n\
                   2001:db8::1\n\
                   #mw99\n\
                   last";
    let folder = Folder::new().with("targets", content);
    assert_eq!(
        folder.read(file("targets")).unwrap(),
        "mw01.eqiad.wmnet mw02.eqiad.wmnet mw03 host01 host02 host03 h5 h6 h7 h8 2001:db8::1 last"
    );
    assert_eq!(Folder::new().with("empty", "# nobody\n\n").read(file("empty")).unwrap(), "");
}

#[test]
fn a_line_that_cannot_be_read_is_refused_by_file_and_line() {
    for (line, reason) in [
        ("user@host4", "target.user"),
        ("h5 h6", "operators"),
        ("h[01-", "never closed"),
        ("@include", "any"),
        ("+@netgroup", "any"),
        ("mw*", "not a host's name"),
        ("~mw", "not a host's name"),
        ("!mw01", "not a host's name"),
        ("mw[1-3]!mw2", "more than a list"),
        ("mw01:22", "port"),
        ("-oProxyCommand=id", "begins with"),
        ("mw01;id", "';'"),
        ("mw\0", "'\\0'"),
        ("h[1-2000000]", "1000000"),
        ("[2001:db8::1]", "without brackets"),
    ] {
        let refusal = Folder::new().with("targets", format!("ok1\n\n{line}\nok2\n")).refusal(file("targets"));
        assert!(refusal.starts_with("group it: targets:3: "), "{line:?}: {refusal}");
        assert!(refusal.contains(reason), "{line:?}: {refusal}");
    }
    let refusal = Folder::new().with("targets", b"mw01\n# fine\nmw\xff02\n").refusal(file("targets"));
    assert_eq!(refusal, "group it: targets:3: byte 3 of it is not UTF-8");
}

#[test]
fn a_host_that_a_file_lists_twice_is_refused_with_both_lines() {
    let twice = |content: &str| Folder::new().with("targets", content).refusal(file("targets"));
    assert_eq!(
        twice("mw01\nmw02\n\nmw[03-04],mw01\n"),
        "group it: targets:4: mw01 is already on line 1; take one of them out"
    );
    assert!(twice("a\nb,b\n").contains("targets:2: b is already on line 2"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let refusal = Folder::new().refusal(file("nowhere"));
    assert!(refusal.starts_with("group it: cannot read nowhere: No such file"), "{refusal}");
    let folder = Folder::new();
    let refusal = folder.refusal(GroupSource::File(folder.path().to_owned()));
    assert!(refusal.contains("Is a directory"), "{refusal}");
}

#[test]
fn a_list_takes_ranges_and_refuses_by_entry() {
    let folder = Folder::new();
    assert_eq!(
        folder.read(listed(&["mw[01-02].eqiad.wmnet", " db1,db2 "])).unwrap(),
        "mw01.eqiad.wmnet mw02.eqiad.wmnet db1 db2"
    );
    assert_eq!(
        folder.refusal(listed(&["mw[01-03]", "db1", "mw02"])),
        "group it: mw02 is listed twice, by \"mw[01-03]\" and by \"mw02\"; take one of them out"
    );
    assert!(folder.refusal(listed(&["a", "mw*"])).starts_with("group it: entry \"mw*\" of its hosts: "));
    assert!(folder.refusal(listed(&[""])).contains("expected a host"));
}

#[test]
fn a_command_prints_hosts_and_may_repeat_itself() {
    let folder = Folder::new().with("hosts", "from-file\n");
    assert_eq!(
        folder.read(shell("cat hosts; echo mw[01-02]; echo; echo mw01; echo warning >&2")).unwrap(),
        "from-file mw01 mw02"
    );
    let script = "#!/bin/sh\necho \"got-$1\"\n";
    let folder = Folder::new().with("query", script);
    let path = folder.path().join("query");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let argv = ["./query", "role"].map(ToOwned::to_owned).to_vec();
    assert_eq!(folder.read(GroupSource::Command { argv, timeout: Duration::from_secs(20) }).unwrap(), "got-role");
}

#[test]
fn a_command_that_fails_tells_how_and_what_it_said() {
    let folder = Folder::new();
    assert_eq!(
        folder.refusal(shell("echo mw01; echo 'no such role' >&2; exit 3")),
        "group it: `sh -c 'echo mw01; echo '\\''no such role'\\'' >&2; exit 3'` failed with exit code 3: no such role"
    );
    assert!(folder.refusal(shell("kill -9 $$")).contains("was killed by signal 9"));
    assert!(folder.refusal(shell("echo; echo mw01 mw02")).contains("output of `sh -c 'echo; echo mw01 mw02'`:2: "));
    let missing = GroupSource::Command { argv: vec!["no-such-query".into()], timeout: Duration::from_secs(1) };
    assert!(folder.refusal(missing).contains("`no-such-query` cannot be started: No such file"));
    let nothing = GroupSource::Command { argv: vec![], timeout: Duration::from_secs(1) };
    assert!(folder.refusal(nothing).contains("name a program"));
    let escape = folder.refusal(shell("printf '\\033[2Jgone\\377' >&2; exit 1"));
    assert!(!escape.contains('\u{1b}') && escape.contains("gone"), "{escape:?}");
}

#[test]
fn a_command_that_hangs_is_killed_with_all_that_it_started() {
    let folder = Folder::new();
    let start = Instant::now();
    let hang = "echo thinking >&2; (sleep 60; touch late) & echo $! > child; sleep 60";
    let refusal = folder.refusal(shell_within(hang, Duration::from_secs(3)));
    assert!(refusal.contains("did not end within 3s and was killed: thinking"), "{refusal}");
    assert!(start.elapsed() < Duration::from_secs(30), "it was waited for");
    let child: u32 = std::fs::read_to_string(folder.path().join("child")).unwrap().trim().parse().unwrap();
    wait_until_gone(child);
}

#[test]
fn a_command_that_leaves_a_child_with_its_output_is_not_waited_for() {
    let folder = Folder::new();
    let start = Instant::now();
    assert_eq!(folder.read(shell("sleep 60 & echo $! > child; echo mw01")).unwrap(), "mw01");
    assert!(start.elapsed() < Duration::from_secs(30), "it was waited for");
    let child: u32 = std::fs::read_to_string(folder.path().join("child")).unwrap().trim().parse().unwrap();
    wait_until_gone(child);
}

#[test]
fn a_command_may_print_more_than_a_pipe_holds_but_not_for_ever() {
    let folder = Folder::new();
    let many = folder.read(shell("i=0; while [ $i -lt 30000 ]; do echo host$i; i=$((i+1)); done")).unwrap();
    assert_eq!(many.split(' ').count(), 30_000);
    let refusal = folder.refusal(shell("yes '# and so on'"));
    assert!(refusal.contains("more than 64 MiB"), "{refusal}");
    let refusal = folder.refusal(shell("yes complaint | head -c 1000000 >&2; exit 1"));
    assert!(refusal.len() < 1000 && refusal.contains("complaint"), "{}", refusal.len());
}

/// Waits until a process has died; one that is dead and not yet reaped by init counts.
fn wait_until_gone(pid: u32) {
    let deadline = Instant::now() + Duration::from_secs(50);
    while let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        let state = status.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).map(ToOwned::to_owned);
        if state.as_deref() == Some("Z") {
            return;
        }
        assert!(Instant::now() < deadline, "{pid} is still there: {status}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
