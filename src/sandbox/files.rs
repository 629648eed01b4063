//! What `up` writes: keys, homes, and the configurations of ssh, sshd and coalmine.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::at;
use super::fleet::{self, SandboxHost};
use super::state::{Layout, Record, write};
use super::{SandboxError, tools};

const SSHD_CONFIG: &str = include_str!("../../assets/sandbox/config/sshd_config");
const COALMINE_TOML: &str = include_str!("../../assets/sandbox/config/coalmine.toml");

/// The scripts, under `bin/`; what kills rsync must be found by its name.
const SCRIPTS: [(&str, &str); 4] = [
    ("bin/enter.sh", include_str!("../../assets/sandbox/bin/enter.sh")),
    ("bin/hold.sh", include_str!("../../assets/sandbox/bin/hold.sh")),
    ("bin/no-python.sh", include_str!("../../assets/sandbox/bin/no-python.sh")),
    ("bin/dies/rsync", include_str!("../../assets/sandbox/bin/dies-rsync.sh")),
];

/// Makes the folders and everything that does not depend on the addresses.
pub(super) fn write_all(layout: &Layout, hosts: &[SandboxHost]) -> Result<(), SandboxError> {
    for folder in ["bin/dies", "faults", "hosts", "keys", "log", "path", "run", "sick"] {
        make_folder(&layout.path(folder))?;
    }
    for host in hosts {
        make_folder(&layout.home(&host.id).join(".tmp"))?;
    }
    for (name, script) in SCRIPTS {
        write(&layout.path(name), script.as_bytes(), 0o700)?;
    }
    write(&layout.path("sick/calibration.json"), b"{ \"methane\": 0 }\n", 0o600)?;
    let pam = if needs_pam() { "yes" } else { "no" };
    write(&layout.path("sshd_config"), fill(SSHD_CONFIG, layout, &[("pam", pam)]).as_bytes(), 0o600)?;
    write(&layout.path("coalmine.toml"), coalmine_toml(layout, hosts).as_bytes(), 0o600)?;
    let targets: String = hosts.iter().filter(|host| !host.is_master).map(|host| format!("{}\n", host.id)).collect();
    write(&layout.path("targets"), targets.as_bytes(), 0o600)
}

/// Makes the user's key, a key of its own for every host, and the one that a host shows whose key has changed.
pub(super) fn make_keys(layout: &Layout, hosts: &[SandboxHost]) -> Result<(), SandboxError> {
    let paths: Vec<_> = ["user", "changed"]
        .map(|name| layout.path("keys").join(name))
        .into_iter()
        .chain(hosts.iter().map(|host| layout.host_key(&host.id)))
        .collect();
    let next = AtomicUsize::new(0);
    let make_some = || {
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut command = Command::new("ssh-keygen");
            command.args(["-q", "-t", "ed25519", "-N", "", "-C", "sandbox", "-f"]).arg(path);
            tools::run("ssh-keygen", &mut command)?;
        }
        Ok(())
    };
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().min(16));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(make_some)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
    })?;
    let own = fs::read(layout.path("keys/user.pub")).map_err(at(layout.path("keys/user.pub")))?;
    write(&layout.path("keys/authorized"), &own, 0o600)
}

/// Writes what depends on the addresses: `ssh_config` and `known_hosts`.
pub(super) fn write_addresses(layout: &Layout, state: &Record, hosts: &[SandboxHost]) -> Result<(), SandboxError> {
    let mut known = String::new();
    let mut config = format!(
        "# The sandbox's hosts: ssh -F {dir}/ssh_config HOST\n\
         Host *.sandbox mw*\n\
         \x20   User {user}\n\
         \x20   Port {port}\n\
         \x20   IdentityFile {dir}/keys/user\n\
         \x20   IdentitiesOnly yes\n\
         \x20   IdentityAgent none\n\
         \x20   UserKnownHostsFile {dir}/known_hosts\n\
         \x20   GlobalKnownHostsFile /dev/null\n\
         \x20   StrictHostKeyChecking yes\n\
         \x20   UpdateHostKeys no\n\
         \x20   PasswordAuthentication no\n\
         # The default of OpenSSH 9.2 costs the deploy server five times the CPU, and loopback has no eavesdroppers.\n\
         \x20   KexAlgorithms curve25519-sha256\n\n",
        dir = layout.dir.display(),
        user = state.user,
        port = state.network.port,
    );
    for host in hosts {
        let path = layout.path("keys").join(format!("{}.pub", host.id));
        let key = fs::read_to_string(&path).map_err(at(path))?;
        let key: Vec<_> = key.split_whitespace().take(2).collect();
        let short = host.short.as_ref().map(|short| format!(" {short}")).unwrap_or_default();
        let (ip, port) = (host.address.ip(), host.address.port());
        // Writing to a String cannot fail.
        writeln!(config, "Host {}{short}\n    HostName {ip}", host.id).ok();
        writeln!(known, "[{ip}]:{port} {}", key.join(" ")).ok();
    }
    write(&layout.path("ssh_config"), config.as_bytes(), 0o600)?;
    write(&layout.path("known_hosts"), known.as_bytes(), 0o600)
}

/// Makes `path/NAME`: links to all that a host finds in its PATH but what the fault takes away.
pub(super) fn make_path_without(layout: &Layout, name: &str, is_gone: fn(&str) -> bool) -> Result<(), SandboxError> {
    let folder = layout.path("path").join(name);
    if folder.is_dir() {
        return Ok(());
    }
    let unfinished = layout.path("path").join(format!(".{name}"));
    make_folder(&unfinished)?;
    for entry in tools::HOST_FOLDERS.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(is_gone) {
            continue;
        }
        match symlink(entry.path(), unfinished.join(&name)) {
            // The first folder of PATH wins.
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(at(unfinished.join(&name))(error));
            }
            _ => {}
        }
    }
    fs::rename(&unfinished, &folder).map_err(at(folder))
}

pub(super) fn make_folder(path: &Path) -> Result<(), SandboxError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))
}

fn coalmine_toml(layout: &Layout, hosts: &[SandboxHost]) -> String {
    let quoted =
        |hosts: Vec<&SandboxHost>| hosts.iter().map(|host| format!("\"{}\"", host.id)).collect::<Vec<_>>().join(", ");
    let masters = quoted(hosts.iter().filter(|host| host.is_master).collect());
    let canaries = quoted(fleet::canaries(hosts));
    fill(COALMINE_TOML, layout, &[("masters", &masters), ("canaries", &canaries)])
}

fn fill(template: &str, layout: &Layout, words: &[(&str, &str)]) -> String {
    let filled = template.replace("{dir}", &layout.dir.display().to_string());
    words.iter().fold(filled, |text, (word, value)| text.replace(&format!("{{{word}}}"), value))
}

/// Without PAM, sshd refuses an account whose password is locked, as root's is on many machines (sshd(8), "locked").
fn needs_pam() -> bool {
    let Ok(shadow) = fs::read_to_string("/etc/shadow") else {
        return false;
    };
    rustix::process::geteuid().is_root() && shadow.lines().any(|line| line.starts_with("root:!"))
}
