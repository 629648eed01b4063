//! From a workstation, through a jump host that has nothing but sshd.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::fleet::{Fleet, until};
use crate::hosts::mw;

/// A real sshd that opens connections for others, and runs no command for anybody.
struct Jump {
    folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Jump {
    fn start(fleet: &Fleet) -> Self {
        let folder = tempfile::Builder::new().prefix("coalmine-jump-").tempdir().unwrap();
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.path().join("host"));
        assert!(keygen.status().unwrap().success());
        // It keeps its rights apart in a folder that packages make at boot.
        if fs::metadata("/run/sshd").is_err() {
            fs::create_dir_all("/run/sshd").unwrap_or_default();
        }
        // A port that was free is somebody else's now and then.
        let (port, child) = until("the jump host", || {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            Some((port, Self::listen(fleet, folder.path(), port)?))
        });
        Self { folder, port, child }
    }

    /// Starts an sshd, and waits until it says that it listens; gives none where it does not.
    fn listen(fleet: &Fleet, folder: &Path, port: u16) -> Option<Child> {
        let path = folder.display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {path}/host\nPidFile none\nStrictModes no\nUsePAM no\n\
             AuthorizedKeysFile {}/keys/authorized\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             ForceCommand false\nPermitTTY no\nMaxStartups 100\nLogLevel VERBOSE\n",
            fleet.dir.display()
        );
        fs::write(folder.join("sshd_config"), config).unwrap();
        let mut sshd = Command::new("/usr/sbin/sshd");
        sshd.args(["-D", "-e", "-f"]).arg(folder.join("sshd_config"));
        let log = fs::File::create(folder.join("log")).unwrap();
        let mut child = sshd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let is_there = until("a word of the jump host", || {
            let log = fs::read_to_string(folder.join("log")).unwrap();
            if log.contains("Server listening on") { Some(true) } else { child.try_wait().unwrap().map(|_| false) }
        });
        is_there.then_some(child)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Jump {
    fn drop(&mut self) {
        // It may have ended by the test's own doing.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_workstation_deploys_through_a_jump_host_that_has_nothing_but_sshd() {
    let fleet = Fleet::of_scripts(3);
    let mut jump = Jump::start(&fleet);
    let key = fs::read_to_string(jump.folder.path().join("host.pub")).unwrap();
    fs::write(jump.folder.path().join("known_hosts"), format!("bastion {key}")).unwrap();
    let config = fleet.dir.join("ssh_config");
    let behind = format!(
        "Host bastion\n HostName 127.0.0.1\n Port {}\n HostKeyAlias bastion\n UserKnownHostsFile {}/known_hosts\n\
         GlobalKnownHostsFile /dev/null\n IdentityFile {}/keys/user\n IdentitiesOnly yes\n IdentityAgent none\n\
         Host *.sandbox\n ProxyJump bastion\n",
        jump.port,
        jump.folder.path().display(),
        fleet.dir.display()
    );
    let own = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{behind}{own}")).unwrap();
    fleet.configure(|text| {
        let text = text.replace("masters  = \"@masters\"\n", "");
        text.replace("[groups]\n", "[groups]\nhere = { hosts = [\"localhost\"] }\n")
    });

    fleet.install(&["1.0.0"]).exits(0).says("1.0.0 runs on 3 hosts");
    fleet.install(&["1.2.0"]).exits(0).says("1.2.0 runs on 3 hosts");
    fleet.coalmine(&["rollback", "--yes", "--headless"]).exits(0);
    fleet.all_run((1..=3).map(|number| mw(number, 3)), Some("1.0.0"));
    assert_eq!(fleet.status(&["1.0.0"]).0, Some(0));
    let log = jump.log();
    assert!(log.contains("Accepted publickey"), "nobody came through it: {log}");
    assert!(!log.contains("Starting session"), "something ran there: {log}");

    // Only from where it may be deployed to.
    let before = fleet.picture();
    fleet.configure(|text| text.replace("channel  = \"tags\"", "channel  = \"tags\"\nrun_from = \"@masters\""));
    for command in [&["install-world", "1.2.0", "--even-bad", "--yes"][..], &["rollback", "--yes"]] {
        let refused = fleet.coalmine(command).exits(2);
        refused.says("sandbox is deployed to from deploy1.").says("and this is");
    }
    assert_eq!(fleet.picture(), before);
    fleet.configure(|text| text.replace("run_from = \"@masters\"", "run_from = \"@here\""));
    fleet.install(&["1.2.0", "--even-bad"]).exits(0).says("1.2.0 runs on 3 hosts");

    // Without it, nobody is blamed but itself.
    jump.child.kill().unwrap();
    jump.child.wait().unwrap();
    fleet.coalmine(&["status", "1.2.0"]).exits(4).says("jump host bastion: connection refused");
}
