//! Connections that a conductor has open, and what other commands of the same user do with them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Child;

use rustix::process::Signal;

use crate::fleet::{Answer, Fleet, kill, until};
use crate::hosts::{git, mw};

const HOSTS: usize = 4;

impl Fleet {
    /// Counts the handshakes that the hosts have had.
    fn accepted(&self) -> usize {
        let logs = fs::read_dir(self.dir.join("log")).unwrap();
        logs.map(|log| {
            fs::read_to_string(log.unwrap().path()).unwrap_or_default().matches("Accepted publickey").count()
        })
        .sum()
    }

    /// Starts an install, and waits until its first stage soaks, for long.
    fn soaks(&self) -> Child {
        let before = self.rollouts();
        let soaking = self.start(&["install-world", "1.2.0", "--yes", "--headless", "--soak", "10m"]);
        let rollout = self.newest(&before);
        self.wait_for(&rollout, "soak_started");
        soaking
    }

    /// Runs a command in an environment of the test's own; gives how many handshakes it took.
    fn handshakes(&self, arguments: &[&str], runtime: Option<&PathBuf>) -> usize {
        let before = self.accepted();
        let mut command = self.command(arguments);
        if let Some(runtime) = runtime {
            command.env("XDG_RUNTIME_DIR", runtime);
        }
        let answer = Answer::of(command.output().unwrap());
        assert!(matches!(answer.code, Some(0 | 9)), "{answer:?}");
        self.accepted() - before
    }
}

#[test]
fn a_status_during_a_soak_connects_to_nobody() {
    let fleet = Fleet::of_scripts(HOSTS);
    fleet.install(&["1.0.0"]).exits(0);
    let everybody = fleet.handshakes(&["status"], None);
    assert!(everybody >= HOSTS, "{everybody}");
    let mut soaking = fleet.soaks();
    for _ in 0..2 {
        assert_eq!(fleet.handshakes(&["status"], None), 0);
    }
    assert_eq!(fleet.handshakes(&["plan", "1.2.0"], None), 0);
    // What wants to know whether hosts can be reached reaches them.
    assert_eq!(fleet.handshakes(&["-v", "status"], None), everybody);
    assert_eq!(fleet.handshakes(&["doctor"], None), everybody);
    fleet.configure(|text| text.replace("[ssh]\n", "[ssh]\nshare = false\n"));
    assert_eq!(fleet.handshakes(&["status"], None), everybody);
    kill(fleet.conductor().unwrap(), Signal::KILL);
    soaking.wait().unwrap();
}

#[test]
fn what_a_conductor_that_was_killed_had_open_is_of_use() {
    let fleet = Fleet::of_scripts(HOSTS);
    fleet.install(&["1.0.0"]).exits(0);
    let mut soaking = fleet.soaks();
    kill(fleet.conductor().unwrap(), Signal::KILL);
    soaking.wait().unwrap();
    assert_eq!(fleet.handshakes(&["status"], None), 0);
}

#[test]
fn what_is_in_a_folder_that_others_may_change_is_used_by_nobody() {
    let fleet = Fleet::of_scripts(HOSTS);
    fleet.install(&["1.0.0"]).exits(0);
    // A path that sockets fit into.
    let runtime = tempfile::Builder::new().prefix("run").tempdir_in("/tmp").unwrap();
    let runtime = runtime.path().to_owned();
    let mut command = fleet.command(&["install-world", "1.2.0", "--yes", "--headless", "--soak", "10m"]);
    let before = fleet.rollouts();
    let mut conductor = command.env("XDG_RUNTIME_DIR", &runtime).spawn().unwrap();
    let rollout = fleet.newest(&before);
    fleet.wait_for(&rollout, "soak_started");
    assert_eq!(fleet.handshakes(&["status"], Some(&runtime)), 0);
    let folder = until("its folder", || fs::read_dir(&runtime).unwrap().next().map(|entry| entry.unwrap().path()));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o757)).unwrap();
    assert!(fleet.handshakes(&["status"], Some(&runtime)) >= HOSTS);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(fleet.handshakes(&["status"], Some(&runtime)), 0);
    kill(fleet.conductor().unwrap(), Signal::KILL);
    conductor.wait().unwrap();
}

#[test]
fn what_a_command_leaves_open_serves_the_next_ones() {
    let fleet = Fleet::of_scripts(HOSTS);
    fleet.install(&["1.0.0"]).exits(0);
    fleet.configure(|text| text.replace("[ssh]\n", "[ssh]\npersist = \"60s\"\n"));
    let first = fleet.handshakes(&["status"], None);
    assert!(first >= HOSTS);
    assert_eq!(fleet.handshakes(&["status"], None), 0);
    assert_eq!(fleet.handshakes(&["plan", "1.2.0"], None), 0);
    assert_eq!(fleet.handshakes(&["install-world", "1.2.0", "--yes", "--headless"], None), 0);
    assert_eq!(fleet.handshakes(&["status"], None), 0);
    fleet.all_run(fleet.hosts().into_iter().filter(|host| host.starts_with("mw")), Some("1.2.0"));
}

/// Lets the product's remote answer only once somebody has logged in on a host since it was told to.
fn answers_behind_a_login(fleet: &Fleet) {
    let (product, upstream) = (fleet.dir.join("product"), fleet.dir.join("upstream"));
    git(&fleet.dir, &["clone", "--quiet", "--bare", "product", "upstream"]);
    git(&product, &["remote", "add", "origin", upstream.to_str().unwrap()]);
    let pack = fleet.dir.join("pack");
    let logs = fleet.dir.join("log");
    let script = format!(
        "#!/bin/sh\nread -r before <'{before}'\nfor try in $(seq 300); do\n\
         now=$(cat '{logs}'/* | grep -c 'Accepted publickey')\n\
         [ \"$now\" -le \"$before\" ] || exec git-upload-pack \"$@\"\nsleep 0.1\ndone\nexit 1\n",
        before = fleet.dir.join("before").display(),
        logs = logs.display(),
    );
    fs::write(&pack, script).unwrap();
    fs::set_permissions(&pack, fs::Permissions::from_mode(0o755)).unwrap();
    git(&product, &["config", "remote.origin.uploadpack", pack.to_str().unwrap()]);
    fleet.configure(|text| text.replace("remote     = \"\"", "remote     = \"origin\""));
}

#[test]
fn hosts_are_reached_while_the_products_remote_is_asked() {
    let fleet = Fleet::of_scripts(2);
    fleet.install(&["1.0.0"]).exits(0);
    answers_behind_a_login(&fleet);
    for arguments in [&["status"][..], &["plan", "1.2.0"], &["install-world", "1.2.0", "--if-newer", "--dry-run"]] {
        fs::write(fleet.dir.join("before"), format!("{}\n", fleet.accepted())).unwrap();
        let answer = fleet.coalmine(arguments);
        assert!(matches!(answer.code, Some(0 | 9)), "{answer:?}");
        assert!(!answer.stderr.contains("may be old"), "{answer:?}");
    }
}

#[test]
fn who_could_not_be_reached_before_anything_was_asked_is_not_tried_again_for_the_first_question() {
    let fleet = Fleet::of_scripts(2);
    fleet.install(&["1.0.0"]).exits(0);
    let tries = fleet.dir.join("tries");
    let config = fleet.dir.join("ssh_config");
    let text = fs::read_to_string(&config).unwrap();
    let proxy = format!("ProxyCommand sh -c 'echo x >>{}; exit 1'", tries.display());
    fs::write(&config, format!("Host {}\n {proxy}\n{text}", mw(2, 2))).unwrap();
    let tried = |arguments: &[&str]| {
        fs::write(&tries, "").unwrap();
        fleet.coalmine(arguments).says(&mw(2, 2));
        fs::read_to_string(&tries).unwrap().lines().count()
    };
    let once = tried(&["status"]);
    assert!(once > 0);
    assert_eq!(tried(&["plan", "1.2.0"]), once);
}
