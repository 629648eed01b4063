//! Hosts whose ssh server is dropbear: one group of processes for all that is done over a connection, and no signals told.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::fleet::{Answer, Fleet, coalmine, until};
use crate::hosts::mw;

/// Is called as `sshd -i`, and does what that is told with dropbear: it knows no other place for keys than the home of its user, and gives
/// the session what it has in its environment.
const SSHD: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
    HostKey=*) key=${1#HostKey=} ;;
    AuthorizedKeysFile=*) authorized=${1#AuthorizedKeysFile=} ;;
    SetEnv=*) environment=${1#SetEnv=} ;;
    esac
    shift
done
eval "export $environment"
home=$(getent passwd "$(id -u)" | cut -d: -f6)
folder=$SANDBOX_DIR/run/dropbear.$$
mkdir -p -m 700 "$folder/.ssh"
dropbearconvert openssh dropbear "$key" "$folder/key" >/dev/null 2>&1
cp "$authorized" "$folder/.ssh/authorized_keys"
exec setsid unshare --mount sh -c 'mount --bind "$1" "$2" && exec dropbear -i -e -m -s -r "$1/key" -c "$3"' \
    sh "$folder" "$home" "$SANDBOX_DIR/bin/enter.sh"
"#;

/// Starts a fleet that is served by dropbear; none where there is none, or where it cannot be shown keys of a test's own.
fn fleet(hosts: usize) -> Option<Fleet> {
    let can_mount = Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|ran| ran.status.success());
    let is_here = Command::new("dropbear").arg("-V").output().is_ok();
    if !can_mount || !is_here || !rustix::process::geteuid().is_root() {
        eprintln!("NOT TRIED: dropbear is not installed, or nothing may be mounted here");
        return None;
    }
    let parent = tempfile::Builder::new().prefix("coalmine-").tempdir().unwrap();
    let (dir, bin) = (parent.path().join("sandbox"), parent.path().join("bin"));
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("sshd"), SSHD).unwrap();
    fs::set_permissions(bin.join("sshd"), fs::Permissions::from_mode(0o755)).unwrap();
    let path =
        std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH")?))).unwrap();
    let mut up = Command::new(coalmine());
    up.args(["sandbox", "up", "--hosts", &hosts.to_string(), "--dir"]).arg(&dir).env("PATH", path);
    Answer::of(up.output().unwrap()).exits(0);
    Some(Fleet { state: dir.join("state"), dir, _parent: parent }.with_scripts())
}

/// Tells what its script says to a gate.
fn gate(tree: &Path, version: &str, says: &str) {
    let script = format!("#!/bin/sh\ncase $1 in check) {says} ;; esac\necho {version}\n");
    fs::write(tree.join("bin/tool"), script).unwrap();
}

/// Lists the processes that were called so.
fn called(line: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.filter(|found| String::from_utf8_lossy(found).replace('\0', " ").trim() == line).count()
}

#[test]
fn hosts_behind_dropbear_are_installed_upgraded_and_led_back_and_nothing_of_a_gate_outlives_it() {
    let Some(fleet) = fleet(4) else { return };
    let config = fleet.dir.join("ssh_config");
    let mut ssh = Command::new("ssh");
    let greeting = ssh.arg("-F").arg(config).args(["-v", &mw(1, 4), "true"]).output().unwrap();
    let greeting = String::from_utf8_lossy(&greeting.stderr).into_owned();
    assert!(greeting.contains("remote software version dropbear"), "{greeting}");
    fleet.configure(|text| {
        let text = text.replace("keep    = 3", "keep    = 3\nconfirm = \"60s\"");
        text.replace("timeout = \"20s\"\nretries = 1", "timeout = \"4s\"\nretries = 0")
    });
    fleet.install(&["1.0.0"]).exits(0).says("1.0.0 runs on 4 hosts");
    fleet.install(&["1.2.0"]).exits(0).says("1.2.0 runs on 4 hosts");
    fleet.all_run(fleet.hosts(), Some("1.2.0"));

    let sleep = format!("sleep 7{}", std::process::id());
    fleet.tag("2.0.0", |tree| gate(tree, "2.0.0", "echo sick; exit 3"));
    for version in ["2.1.0", "2.2.0"] {
        fleet.tag(version, |tree| gate(tree, version, &sleep));
    }
    fleet.install(&["2.0.0"]).exits(6).says("exit 3: sick");
    fleet.all_run(fleet.hosts(), Some("1.2.0"));
    fleet.install(&["2.1.0"]).exits(6).says("took longer than 4 s");
    fleet.all_run(fleet.hosts(), Some("1.2.0"));
    assert_eq!(called(&sleep), 0);

    // Whoever began it is gone in the middle of a gate.
    fleet.configure(|text| text.replace("timeout = \"4s\"", "timeout = \"600s\""));
    let mut rollout = fleet.start(&["install-world", "2.2.0", "--yes", "--headless"]);
    until("the gates", || (called(&sleep) == 2).then_some(()));
    rollout.kill().unwrap();
    rollout.wait().unwrap();
    until("their end", || (called(&sleep) == 0).then_some(()));
    fleet.coalmine(&["rollback", "--yes", "--headless"]).exits(0);
    fleet.all_run(fleet.hosts(), Some("1.2.0"));
    assert_eq!(fleet.status(&["1.2.0"]).0, Some(0));
    for host in fleet.hosts() {
        let left = fs::read_dir(fleet.dir.join("hosts").join(&host).join(".tmp")).unwrap().count();
        assert_eq!(left, 0, "{host}");
    }
}
