use std::fs;
use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use coalmine::sandbox;

use crate::fleet::{FIRST, Fleet, SECOND};

#[test]
fn a_host_that_is_down_times_out_and_one_that_refuses_does_not() {
    let fleet = Fleet::up(2);
    let address = fleet.address(FIRST);
    fleet.fault(FIRST, "down");
    let error = TcpStream::connect_timeout(&address, Duration::from_millis(1500)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(fleet.ssh_fails(FIRST, "true").contains("timed out"));

    fleet.fault(FIRST, "refuses");
    let error = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(fleet.ssh(SECOND, "echo here"), "here", "other hosts do not notice");

    fleet.fault(FIRST, "none");
    assert_eq!(fleet.ssh(FIRST, "echo back"), "back");
    let status = sandbox::status(&fleet.dir).unwrap();
    assert!(status.hosts.iter().all(|host| host.fault.is_none()));
}

#[test]
fn a_line_that_hangs_is_silent_until_it_is_healed_and_loses_nothing() {
    let fleet = Fleet::up(1);
    let mut session = fleet.session(FIRST, "cat");
    fleet.fault(FIRST, "hangs");
    let complaint = fleet.ssh_fails(FIRST, "true");
    assert!(complaint.contains("timed out during banner exchange"), "{complaint}");
    let mut input = session.stdin.take().unwrap();
    input.write_all(b"after all").unwrap();
    drop(input);
    std::thread::sleep(Duration::from_millis(500));
    assert!(session.try_wait().unwrap().is_none(), "the open connection hangs as well");
    fleet.fault(FIRST, "none");
    let output = session.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"after all".as_slice()));
}

#[test]
fn a_host_that_refuses_resets_what_was_connected_and_one_that_was_down_does_so_when_it_is_back() {
    let fleet = Fleet::up(2);
    let mut first = fleet.session(FIRST, "exec sleep 1000");
    let mut second = fleet.session(SECOND, "exec sleep 1000");
    fleet.fault(FIRST, "refuses");
    assert_eq!(first.wait().unwrap().code(), Some(255));
    fleet.fault(SECOND, "down");
    std::thread::sleep(Duration::from_millis(500));
    assert!(second.try_wait().unwrap().is_none(), "nobody tells the client that the host has no power");
    fleet.fault(SECOND, "none");
    assert_eq!(second.wait().unwrap().code(), Some(255));
}

#[test]
fn commands_on_a_host_that_hangs_after_the_login_run_when_it_wakes_up() {
    let fleet = Fleet::up(1);
    fleet.fault(FIRST, "hang-exec");
    let mut session = fleet.spawn(FIRST, "echo awake");
    let open = || -> usize { sandbox::status(&fleet.dir).unwrap().hosts.iter().map(|host| host.connections).sum() };
    let begun = Instant::now();
    while open() == 0 && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_secs(2));
    assert!(session.try_wait().unwrap().is_none());
    assert_eq!(open(), 1, "it is logged in");
    fleet.fault(FIRST, "none");
    assert_eq!(session.wait_with_output().unwrap().stdout, b"awake\n");
}

#[test]
fn a_slow_line_has_the_bandwidth_that_was_asked_for() {
    let fleet = Fleet::up(1);
    let fetch = || {
        let start = Instant::now();
        let said = fleet.ssh(FIRST, "head -c 131072 /dev/zero | tr '\\0' x");
        assert_eq!(said.len(), 131_072);
        start.elapsed()
    };
    let usual = fetch();
    fleet.fault(FIRST, "slow:64k");
    let took = fetch();
    // What ssh says beside it passes there as well, and a busy machine takes its time for all of it.
    let most = Duration::from_secs(6) + usual * 3;
    assert!((Duration::from_secs(2)..most).contains(&took), "{took:?}, and {usual:?} before");
}

#[test]
fn a_full_disk_reads_and_does_not_write_and_is_as_before_when_the_fault_is_gone() {
    let fleet = Fleet::up(2);
    fleet.ssh(FIRST, "echo old > file");
    let notes = fleet.fault(FIRST, "full:64k");
    assert_eq!(fleet.ssh(FIRST, "cat file"), "old");
    let complaint = fleet.ssh_fails(FIRST, "head -c 1000000 /dev/zero > big");
    if notes.is_empty() {
        assert!(complaint.contains("No space left on device"), "{complaint}");
        let size = fleet.ssh(FIRST, "df -Pk . | awk 'NR == 2 { print $2 }'");
        assert_eq!(size, "64", "whoever asks for the room beforehand is told the truth");
        let failed = fleet.rsync(&fleet.dir.join("product/minewatch"), FIRST);
        assert_eq!(failed.status.code(), Some(11), "{}", String::from_utf8_lossy(&failed.stderr));
        let uid = fleet.ssh(SECOND, "id -u");
        assert_eq!(
            fleet.ssh(FIRST, "id -u; stat -c %u file"),
            format!("{uid}\n{uid}"),
            "files are still the user's own"
        );
    } else {
        assert!(complaint.contains("File too large"), "{complaint}");
    }
    assert_eq!(fleet.ssh(SECOND, "head -c 1000000 /dev/zero > big && wc -c < big"), "1000000");
    fleet.fault(FIRST, "none");
    assert_eq!(fleet.ssh(FIRST, "head -c 1000000 /dev/zero > big && cat file && wc -c < big"), "old\n1000000");
}

#[test]
fn rsync_that_is_killed_while_it_receives_leaves_half_a_tree() {
    let fleet = Fleet::up(1);
    let source = tempfile::tempdir().unwrap();
    for name in 0..20 {
        fs::write(source.path().join(name.to_string()), vec![b'x'; 20_000]).unwrap();
    }
    fleet.fault(FIRST, "dies:100k");
    let output = fleet.rsync(source.path(), FIRST);
    // The last is the shell's word for kill -9, when it is heard before the silence.
    assert!(matches!(output.status.code(), Some(10 | 12 | 137)), "{output:?}");
    let there: u32 = fleet.ssh(FIRST, "find got -type f | wc -l").parse().unwrap();
    assert!((1..20).contains(&there), "{there} files");
    fleet.fault(FIRST, "none");
    assert!(fleet.rsync(source.path(), FIRST).status.success());
}

#[test]
fn a_line_that_is_cut_loses_the_connection_after_so_many_bytes() {
    let fleet = Fleet::up(1);
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("big"), vec![b'x'; 2_000_000]).unwrap();
    fleet.fault(FIRST, "cuts:200k");
    let output = fleet.rsync(source.path(), FIRST);
    assert!(matches!(output.status.code(), Some(10 | 12 | 255)), "{output:?}");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("reset by peer") || complaint.contains("Broken pipe"), "{complaint}");
    fleet.fault(FIRST, "none");
    assert!(fleet.rsync(source.path(), FIRST).status.success());
}

#[test]
fn a_host_without_rsync_has_everything_else() {
    let fleet = Fleet::up(1);
    fleet.fault(FIRST, "no-rsync");
    assert_eq!(fleet.ssh(FIRST, "command -v rsync || echo none; command -v tar >/dev/null && echo tar"), "none\ntar");
    // Which of the two depends on whether rsync has spoken before it learns that nobody is there.
    let output = fleet.rsync(&fleet.dir.join("product"), FIRST);
    assert!(matches!(output.status.code(), Some(12 | 127)), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("rsync: not found"), "{output:?}");
    fleet.fault(FIRST, "none");
    assert!(fleet.ssh(FIRST, "command -v rsync").ends_with("rsync"));
}

#[test]
fn the_wrong_python_breaks_what_links_to_the_right_one_on_that_host_alone() {
    let fleet = Fleet::up(2);
    let venv = fleet.dir.join("hosts/venv");
    let made = Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&venv).status().unwrap();
    assert!(made.success());
    let ask = format!("{}/bin/python -c 'print(6 * 7)'", venv.display());
    assert_eq!(fleet.ssh(FIRST, &ask), "42");
    let notes = fleet.fault(FIRST, "wrong-python");
    assert_eq!(fleet.ssh(FIRST, "command -v python3 || echo none"), "none");
    if notes.is_empty() {
        assert!(fleet.ssh_fails(FIRST, &ask).contains("another Python"));
    }
    assert_eq!(fleet.ssh(SECOND, &ask), "42");
    fleet.fault(FIRST, "none");
    assert_eq!(fleet.ssh(FIRST, &ask), "42");
}

#[test]
fn a_host_can_lie_about_its_version_and_another_be_sick() {
    let fleet = Fleet::up(2);
    let product = fleet.dir.join("product");
    let run = |program: &str, arguments: &[&str]| {
        assert!(Command::new(program).args(arguments).current_dir(&product).status().unwrap().success());
    };
    run("git", &["checkout", "--quiet", "1.2.0"]);
    run("python3", &["tools/make_tables.py"]);
    // An installed package is found behind PYTHONPATH; the folder of `-m` would be found before it.
    let ask = |what: &str| {
        let main = "from minewatch.cli import main; sys.exit(main(sys.argv[1:]))";
        format!("python3 -c 'import sys; sys.path.append(\"{}\"); {main}' {what}", product.display())
    };
    assert_eq!(fleet.ssh(FIRST, &ask("version")), "1.2.0");
    assert!(fleet.ssh(FIRST, &ask("check --self")).starts_with("healthy"));
    fleet.fault(FIRST, "lies");
    assert_eq!(fleet.ssh(FIRST, &ask("version")), "0.9.0");
    fleet.fault(FIRST, "sick");
    let output = fleet.try_ssh(FIRST, &ask("check --self"));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("would see nothing"), "{output:?}");
    assert!(fleet.ssh(SECOND, &ask("check --self")).starts_with("healthy"));
}

#[test]
fn a_changed_host_key_and_a_refused_key_are_told_by_ssh_as_such() {
    let fleet = Fleet::up(1);
    fleet.fault(FIRST, "key-changed");
    assert!(fleet.ssh_fails(FIRST, "true").contains("REMOTE HOST IDENTIFICATION HAS CHANGED"));
    fleet.fault(FIRST, "wrong-key");
    assert!(fleet.ssh_fails(FIRST, "true").contains("Permission denied (publickey)"));
    fleet.fault(FIRST, "none");
    assert_eq!(fleet.ssh(FIRST, "echo in"), "in");
}
