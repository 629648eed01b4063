//! What other users of a machine may write decides nothing. Root makes the other user; whoever is not root sees less, and is told so.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::fleet::{Fleet, coalmine, kill, until};

/// A user who is nobody here: no name, no group, nothing of hers.
const MALLORY: u32 = 64_123;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!(
            "not as two users: nobody but root can be another one; what modes alone say is looked at all the same"
        );
    }
    root
}

/// Does something as another user, where that can be; tells whether it succeeded.
fn as_mallory(script: &str) -> bool {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).current_dir("/");
    if rustix::process::geteuid().is_root() {
        shell.uid(MALLORY).gid(MALLORY);
    }
    shell.output().unwrap().status.success()
}

/// Lets everybody through the folders above one, as a home folder would.
fn open_up(fleet: &Fleet) {
    for folder in fleet.dir.ancestors().take(2) {
        chmod(folder, 0o755);
    }
}

fn root_of(fleet: &Fleet) -> PathBuf {
    let targets = fleet.coalmine(&["hosts", "@all"]).exits(0).stdout;
    let root = fleet.dir.join("hosts").join(targets.lines().next().unwrap()).join("minewatch");
    for folder in root.ancestors().skip(1).take_while(|folder| folder.starts_with(&fleet.dir)) {
        chmod(folder, 0o755);
    }
    root
}

#[test]
fn a_root_that_others_may_write_is_refused_and_what_they_planted_there_is_not_obeyed() {
    let fleet = Fleet::up(1);
    let _told = is_root();
    open_up(&fleet);
    fleet.coalmine(&["install-world", "1.1.0", "--yes", "--headless", "--no-soak"]).exits(0);
    let root = root_of(&fleet);
    let runs = fs::read_link(root.join("minewatch")).ok();
    let keys = fleet.dir.join("keys-of-the-deploy-user");
    fs::write(&keys, "ssh-ed25519 mine").unwrap();
    chmod(&root, 0o777);
    // An armed switch that ran out long ago, whose way back is a link to elsewhere.
    let planted = as_mallory(&format!(
        "cd '{root}' && mv .coalmine .mine && mkdir .coalmine && echo '1 ../../keys-of-the-deploy-user' >.coalmine/armed.evil &&
         ln -s /dev/null .coalmine/back.keys-of-the-deploy-user && ln -s /dev/null .coalmine/back.evil",
        root = root.display()
    ));
    assert!(planted, "whoever may write there cannot");
    for arguments in [
        &["status", "1.1.0"][..],
        &["plan", "1.2.0"],
        &["doctor"],
        &["install-world", "1.2.0", "--yes", "--headless", "--no-soak"],
    ] {
        let answer = fleet.coalmine(arguments);
        assert_ne!(answer.code, Some(0), "{arguments:?}");
        if arguments[0] != "plan" {
            answer.says("that nobody else may write");
        }
        assert_eq!(fs::read_to_string(&keys).unwrap(), "ssh-ed25519 mine", "{arguments:?}");
        assert_eq!(fs::read_link(root.join("minewatch")).ok(), runs, "{arguments:?}");
        assert!(root.join(".coalmine/armed.evil").exists(), "{arguments:?} obeyed it");
    }
    // Nor is a root that a group shares, which sshd's StrictModes would not have either; the remedy is said.
    fs::remove_dir_all(root.join(".coalmine")).unwrap();
    fs::rename(root.join(".mine"), root.join(".coalmine")).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(&root, None, Some(MALLORY)).unwrap();
        chmod(&root, 0o2775);
        fleet
            .coalmine(&["status", "1.1.0"])
            .says("that nobody else may write")
            .says("chmod go-w it")
            .says("not by a group");
    }
    chmod(&root, 0o755);
    fleet.coalmine(&["status", "1.1.0"]).exits(0);
}

#[test]
fn another_user_of_the_deploy_server_can_neither_hold_nor_plant_nor_be_obeyed() {
    let fleet = Fleet::up(1);
    let two_users = is_root();
    open_up(&fleet);
    // Whatever the umask, others may write nothing of it.
    let mut install = Command::new("sh");
    install.args(["-c", "umask 000 && exec \"$@\"", "sh"]).arg(coalmine());
    install.arg("-c").arg(fleet.dir.join("coalmine.toml")).arg("--state-dir").arg(&fleet.state);
    install.args(["install-world", "1.1.0", "--yes", "--headless", "--no-soak"]);
    assert!(install.output().unwrap().status.success());
    let found = Command::new("find").arg(&fleet.state).args(["!", "-type", "l", "-perm", "-002"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "others may write these");

    let rollout = fleet.detach(&["1.2.0", "--soak", "10m"]);
    fleet.wait_for(&rollout, "soak_started");
    kill(fleet.conductor().unwrap(), Signal::KILL);
    until("its death", || (fleet.coalmine(&["pause"]).code != Some(0)).then_some(()));
    if two_users {
        let state = fleet.state.display();
        assert!(!as_mallory(&format!("flock -n -s '{state}/locks/sandbox.lock' true")), "she may hold the environment");
        assert!(
            !as_mallory(&format!("cp -r '{state}'/releases/1.1.0-* '{state}/releases/1.1.0-00000000'")),
            "she may plant"
        );
        // Her rollout, in a folder that she shares: what it names would run as whoever resumes.
        let folder = fleet.state.join("rollouts").join(&rollout);
        let hers = fleet.dir.join("hers");
        let launch = folder.join("launch.json");
        let text = fs::read_to_string(&launch).unwrap();
        let hook = format!("COALMINE_HOOKS_ANNOUNCE\",\"[\\\"touch\\\", \\\"{}\\\"]", hers.display());
        fs::write(&launch, text.replace("\"variables\": [", &format!("\"variables\": [[\"{hook}\"],"))).unwrap();
        serde_json::from_str::<serde_json::Value>(&fs::read_to_string(&launch).unwrap()).unwrap();
        chown(&launch, Some(MALLORY), None).unwrap();
        let resume = |arguments: &[&str]| {
            let mut command = Command::new(coalmine());
            command.current_dir(&fleet.dir).arg("--state-dir").arg(&fleet.state).args(arguments).arg("resume");
            command
        };
        let refused = resume(&[]).arg(&rollout).arg("--yes").output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("was started by another") && said.contains("-c FILE resume"), "{said}");
        // With one's own configuration it goes on, also in a process of its own, and nothing of hers is obeyed.
        let mine = resume(&["-c", "coalmine.toml"]).arg(&rollout).arg("--detach").output().unwrap();
        assert_eq!(mine.status.code(), Some(8), "{}", String::from_utf8_lossy(&mine.stderr));
        fleet.coalmine(&["abort"]).exits(0);
        fleet.coalmine(&["show", "--follow", &rollout]).exits(5);
        assert!(!hers.exists(), "her variables were obeyed");
    }
    // A folder that everybody may write is not trusted at all.
    for folder in ["", "releases", "rollouts", "locks"] {
        let folder = fleet.state.join(folder);
        let mode = folder.metadata().unwrap().mode() & 0o7777;
        chmod(&folder, mode | 0o002);
        fleet
            .coalmine(&["install-world", "1.2.0", "--yes", "--headless"])
            .exits(2)
            .says("anybody may write this folder");
        chmod(&folder, mode);
    }
    // A lock that cannot be looked at is nobody's: that is this machine's fault, and no other deployer's.
    let locks = fleet.state.join("locks");
    fs::rename(&locks, fleet.state.join("mine")).unwrap();
    fs::write(&locks, "no folder").unwrap();
    fleet.coalmine(&["install-world", "1.2.0", "--yes", "--headless"]).exits(1);
    fs::remove_file(&locks).unwrap();
    fs::rename(fleet.state.join("mine"), &locks).unwrap();
}
