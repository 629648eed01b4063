use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::system::escaped;
use crate::host::settings::SshSettings;
use crate::model::HostKeys;

/// What would break a command that is run without a control socket, where the user's configuration says otherwise: each came after
/// OpenSSH 8.4, to which an option that it does not know is an error.
const RECENT: [(&str, &str); 3] = [("StdinNull", "no"), ("SessionType", "default"), ("ForkAfterAuthentication", "no")];

/// Gives the lines that this machine's ssh understands of those that not every one does; asked once in a process.
///
/// # Errors
///
/// When there is no ssh that could be started.
pub(super) fn recent() -> io::Result<&'static str> {
    static KNOWN: OnceLock<String> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Ok(known);
    }
    let mut ssh = Command::new("ssh");
    ssh.args(["-G", "-F", "none", "-o", "IgnoreUnknown=*"]);
    for (option, value) in RECENT {
        ssh.arg("-o").arg(format!("{option}={value}"));
    }
    let output = ssh.args(["--", "x"]).stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let knows = |option: &str| told.lines().any(|line| line.split(' ').next() == Some(&*option.to_ascii_lowercase()));
    let known = RECENT.into_iter().filter(|(option, _)| knows(option));
    let lines: String = known.map(|(option, value)| format!("{option} {value}\n")).collect();
    Ok(KNOWN.get_or_init(|| lines))
}

/// Writes the configuration that ssh is started with; `recent` are lines that not every ssh understands.
///
/// Of every option ssh takes the first value that it finds (ssh_config(5)), so what matters here stands first, and what the user
/// says of hosts, keys, proxies and certificates follows. A jump host's ssh is given the same file: what it says holds there too,
/// so nothing of the connection's control socket is in it. `system` is the file of the whole machine.
pub(super) fn write(settings: &SshSettings, recent: &str, home: Option<&Path>, system: &Path) -> String {
    let keys = match settings.host_keys {
        HostKeys::Strict => "yes",
        HostKeys::AcceptNew => "accept-new",
    };
    let seconds = |duration: std::time::Duration| duration.as_secs().max(1);
    let mut text = format!(
        "# Written by coalmine for one run.\n\
         BatchMode yes\n\
         StrictHostKeyChecking {keys}\n\
         ConnectTimeout {connect}\n\
         ConnectionAttempts 1\n\
         ServerAliveInterval {alive}\n\
         ServerAliveCountMax 3\n\
         TCPKeepAlive yes\n\
         LogLevel INFO\n\
         RequestTTY no\n\
         EscapeChar none\n\
         PermitLocalCommand no\n\
         RemoteCommand none\n\
         ForwardAgent no\n\
         ForwardX11 no\n\
         ClearAllForwardings yes\n\
         Tunnel no\n\
         UpdateHostKeys no\n\
         AddKeysToAgent no\n\
         VisualHostKey no\n",
        connect = seconds(settings.connect_timeout),
        alive = seconds(settings.alive),
    );
    text.push_str(recent);
    if let Some(kex) = &settings.kex {
        write(&mut text, &format!("KexAlgorithms {kex}"));
    }
    match (&settings.config, home) {
        (Some(config), _) => include(&mut text, config),
        (None, home) => {
            if let Some(home) = home {
                include(&mut text, &home.join(".ssh/config"));
            }
            include(&mut text, system);
        }
    }
    return text;

    fn write(text: &mut String, line: &str) {
        // Writing into a String never fails.
        writeln!(text, "{line}").unwrap_or_default();
    }

    fn include(text: &mut String, path: &Path) {
        // What the file before ended with, a `Host` or a `Match`, ends here.
        write(text, "Match all");
        write(text, &format!("Include \"{}\"", escaped(path)));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::{recent, write};
    use crate::host::settings::SshSettings;
    use crate::model::HostKeys;

    /// Asks ssh what it would do.
    fn effective(settings: &SshSettings, home: Option<&Path>, host: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, write(settings, recent().unwrap(), home, Path::new("/etc/ssh/ssh_config"))).unwrap();
        let output = Command::new("ssh").arg("-G").arg("-F").arg(&file).args(["--", host]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn what_matters_wins_over_the_users_configuration_and_the_rest_of_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let user = folder.path().join("my config");
        std::fs::write(
            &user,
            "StrictHostKeyChecking no\nBatchMode no\nLogLevel QUIET\nForwardAgent yes\nServerAliveInterval 0\nRemoteCommand id\n\
             IgnoreUnknown Use*,StdinNull,SessionType,ForkAfterAuthentication\nUseKeychain yes\n\
             StdinNull yes\nSessionType subsystem\nForkAfterAuthentication yes\n\
             Host web\n HostName 192.0.2.7\n ProxyJump bastion\n User deploy\n IdentityFile /k\n",
        )
        .unwrap();
        let settings =
            SshSettings { config: Some(user), kex: Some("curve25519-sha256".into()), ..SshSettings::default() };
        let told = effective(&settings, None, "web");
        for line in [
            "stricthostkeychecking true",
            "batchmode yes",
            "loglevel INFO",
            "forwardagent no",
            "serveraliveinterval 15",
            "connecttimeout 10",
            "kexalgorithms curve25519-sha256",
            "hostname 192.0.2.7",
            "proxyjump bastion",
            "user deploy",
            "identityfile /k",
        ] {
            assert!(told.lines().any(|said| said == line), "no {line:?} in:\n{told}");
        }
        for line in ["remotecommand id", "stdinnull yes", "sessiontype subsystem", "forkafterauthentication yes"] {
            assert!(!told.contains(line), "{line:?} in:\n{told}");
        }
    }

    #[test]
    fn keys_of_new_hosts_are_taken_only_where_that_was_asked_for() {
        let settings = SshSettings { host_keys: HostKeys::AcceptNew, ..SshSettings::default() };
        assert!(effective(&settings, None, "x").contains("stricthostkeychecking accept-new"));
    }

    #[test]
    fn without_a_configuration_of_its_own_the_users_is_read() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".ssh")).unwrap();
        std::fs::write(home.path().join(".ssh/config"), "Host alias\n HostName 192.0.2.9\n").unwrap();
        let told = effective(&SshSettings::default(), Some(home.path()), "alias");
        assert!(told.contains("hostname 192.0.2.9"));
    }
}
