//! Some of the tests once more, on machines that are not like this one: made of this one, in namespaces.
//!
//! Only root can make them. A plain user's tests are run by a plain user anyway.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::Command;

/// No account of a real machine.
const UID: u32 = 54_321;

const BASICS: [&str; 2] = [
    "lifecycle::every_host_of_twelve_has_its_own_home_and_address_and_a_known_key",
    "lifecycle::down_cleans_up_after_a_supervisor_that_was_killed",
];

const NEED_NAMESPACES: [&str; 3] = [
    "faults::a_full_disk_reads_and_does_not_write_and_is_as_before_when_the_fault_is_gone",
    "faults::the_wrong_python_breaks_what_links_to_the_right_one_on_that_host_alone",
    "faults::rsync_that_is_killed_while_it_receives_leaves_half_a_tree",
];

/// Runs tests in a mount namespace that a script has changed; `$1` is a folder with `passwd`, which knows the account
/// `canary`, and its `home` and `tmp`; `run PREFIX…` runs the tests.
fn run_elsewhere(script: &str, tests: &[&str]) {
    if !rustix::process::geteuid().is_root() {
        println!("only root can make another machine of this one");
        return;
    }
    let dir = tempfile::Builder::new().prefix("coalmine-user-").tempdir().unwrap();
    let here = dir.path();
    fs::set_permissions(here, fs::Permissions::from_mode(0o755)).unwrap();
    let account = format!("canary:x:{UID}:{UID}::{}/home:/bin/sh\n", here.display());
    fs::write(here.join("passwd"), fs::read_to_string("/etc/passwd").unwrap() + &account).unwrap();
    for folder in ["home", "tmp"] {
        fs::create_dir(here.join(folder)).unwrap();
        chown(here.join(folder), Some(UID), Some(UID)).unwrap();
    }
    // The programs may lie where only root can go.
    for program in ["coalmine", "tests"] {
        fs::write(here.join(program), "").unwrap();
    }
    let prelude = "set -e
        here=$1 uid=$4
        mount --bind \"$here/passwd\" /etc/passwd
        mount --bind \"$2\" \"$here/coalmine\"
        mount --bind \"$3\" \"$here/tests\"
        shift 4
        tests=$*
        cd \"$here\"
        run() {
            \"$@\" env HOME=\"$here/home\" TMPDIR=\"$here/tmp\" PATH=/usr/local/bin:/usr/bin:/bin \
                COALMINE_TEST_BINARY=\"$here/coalmine\" ./tests --exact --test-threads 1 --nocapture $tests
        }";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &format!("{prelude}\n{script}"), "sh"])
        .arg(here)
        .arg(env!("CARGO_BIN_EXE_coalmine"))
        .arg(std::env::current_exe().unwrap())
        .arg(UID.to_string())
        .args(tests)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    if complained.contains("unshare failed: Operation not permitted") {
        println!("this root may not mount: {complained}");
        return;
    }
    assert!(output.status.success(), "{said}{complained}");
    assert!(said.contains(&format!("{} passed", tests.len())), "{said}{complained}");
    let left: Vec<_> = fs::read_dir(here.join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_plain_user_has_the_same_sandbox_and_a_disk_that_is_really_full() {
    let tests = [BASICS.as_slice(), &NEED_NAMESPACES].concat();
    run_elsewhere("run setpriv --reuid $uid --regid $uid --clear-groups", &tests);
}

#[test]
fn where_namespaces_are_not_allowed_the_faults_do_what_they_can_and_say_so() {
    let script =
        "exec setpriv --reuid $uid --regid $uid --clear-groups unshare --user --map-current-user --keep-caps sh -c '
            echo 0 >/proc/sys/user/max_user_namespaces
            exec setpriv --ambient-caps=-all --inh-caps=-all \"$@\"' sh \
        env HOME=\"$here/home\" TMPDIR=\"$here/tmp\" PATH=/usr/local/bin:/usr/bin:/bin \
        COALMINE_TEST_BINARY=\"$here/coalmine\" ./tests --exact --test-threads 1 --nocapture $tests";
    run_elsewhere(script, &NEED_NAMESPACES);
}

#[test]
fn where_no_sshd_ever_ran_root_has_a_sandbox_and_its_folder_is_gone_afterwards() {
    // An sshd of another test's sandbox would need the folder that this one has to remove: it is not to be seen.
    let script = "mount -t tmpfs none /run
        run unshare --pid --fork --mount-proc
        left=$(ls -d /run/sshd* 2>/dev/null) || true
        [ -z \"$left\" ] || { echo \"left $left\"; exit 1; }";
    run_elsewhere(script, &BASICS);
}

#[test]
fn a_root_whose_password_is_locked_can_log_in() {
    let script = "sed 's/^root:[^:]*/root:!/' /etc/shadow >shadow
        chmod 600 shadow
        mount --bind shadow /etc/shadow
        run env";
    run_elsewhere(script, &["lifecycle::rsync_and_standard_input_and_exit_codes_go_through_unharmed"]);
}
