//! Root's tests run once more as somebody else; a plain user's are all run as a plain user anyway.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::Command;

/// No account of a real machine.
const UID: u32 = 54_321;

#[test]
fn a_plain_user_has_the_same_sandbox_with_a_disk_that_is_really_full() {
    if !rustix::process::geteuid().is_root() {
        println!("this user is a plain one: every other test here says the same");
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
    // The programs may lie where only root can go: mounts in a namespace of this test's own bring them here.
    for program in ["coalmine", "tests"] {
        fs::write(here.join(program), "").unwrap();
    }
    let script = "set -e
        mount --bind \"$1/passwd\" /etc/passwd
        mount --bind \"$2\" \"$1/coalmine\"
        mount --bind \"$3\" \"$1/tests\"
        cd \"$1\"
        exec setpriv --reuid \"$4\" --regid \"$4\" --clear-groups env HOME=\"$1/home\" TMPDIR=\"$1/tmp\" \
            PATH=/usr/local/bin:/usr/bin:/bin COALMINE_TEST_BINARY=\"$1/coalmine\" \
            ./tests --exact --test-threads 1 --nocapture \
            faults::a_full_disk_reads_and_does_not_write_and_is_as_before_when_the_fault_is_gone \
            faults::rsync_that_is_killed_while_it_receives_leaves_half_a_tree \
            faults::the_wrong_python_breaks_what_links_to_the_right_one_on_that_host_alone \
            lifecycle::down_cleans_up_after_a_supervisor_that_was_killed \
            lifecycle::every_host_of_twelve_has_its_own_home_and_address_and_a_known_key";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(here)
        .arg(env!("CARGO_BIN_EXE_coalmine"))
        .arg(std::env::current_exe().unwrap())
        .arg(UID.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    if complained.contains("unshare failed") {
        println!("this root may not mount: {complained}");
        return;
    }
    assert!(output.status.success() && said.contains("5 passed"), "{said}{complained}");
    let left: Vec<_> = fs::read_dir(here.join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
