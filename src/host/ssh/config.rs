use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::system::escaped;
use crate::host::settings::SshSettings;
use crate::model::HostKeys;

/// What would break a command that is run without a control socket, where the user's configuration says otherwise: each came after
/// OpenSSH 8.4, to which an option that it does not know is an error.
const RECENT: [(&str, &str); 3] = [("StdinNull", "no"), ("SessionType", "default"), ("ForkAfterAuthentication", "no")];
/// What a packet costs least with where the processor has instructions for AES: some 0.6 of what ssh prefers by itself. What that prefers
/// comes behind it, for whoever is on the other side.
const CIPHERS: (&str, &str) = ("Ciphers", "^aes128-gcm@openssh.com");
/// How much of `/proc/cpuinfo` is read: the first processor, as a rule.
const ENOUGH: u64 = 8 * 1024;

/// Holds the lines of a configuration that are not for every machine.
#[derive(Debug, Default)]
pub(super) struct OfMachine {
    /// What matters, and not every ssh understands.
    first: String,
    /// What is so where nobody says otherwise.
    last: String,
}

impl OfMachine {
    /// Finds out what is for this one; asked once in a process.
    ///
    /// # Errors
    ///
    /// When there is no ssh that could be started.
    pub(super) fn this() -> io::Result<&'static Self> {
        static KNOWN: OnceLock<OfMachine> = OnceLock::new();
        if let Some(known) = KNOWN.get() {
            return Ok(known);
        }
        let mut ciphers = has_aes().then_some(CIPHERS);
        let told = match understood(RECENT.into_iter().chain(ciphers))? {
            Some(told) => told,
            None => {
                // To an ssh that was built without OpenSSL the whole line is a mistake.
                ciphers = None;
                understood(RECENT.into_iter())?.unwrap_or_default()
            }
        };
        let is_known = |(option, _): &(&str, &str)| {
            told.lines().any(|line| line.split(' ').next() == Some(&*option.to_ascii_lowercase()))
        };
        let line = |(option, value)| format!("{option} {value}\n");
        let first = RECENT.into_iter().filter(is_known).map(line).collect();
        Ok(KNOWN.get_or_init(|| Self { first, last: ciphers.map(line).unwrap_or_default() }))
    }
}

/// Gives what ssh makes of options, a line each; nothing where it refuses one.
fn understood<'a>(options: impl Iterator<Item = (&'a str, &'a str)>) -> io::Result<Option<String>> {
    let mut ssh = Command::new("ssh");
    ssh.args(["-G", "-F", "none", "-o", "IgnoreUnknown=*"]);
    for (option, value) in options {
        ssh.arg("-o").arg(format!("{option}={value}"));
    }
    let output = ssh.args(["--", "x"]).stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Tells whether the processor has instructions for AES, as Linux names its features on x86 and ARM.
fn has_aes() -> bool {
    let mut text = Vec::new();
    let read = File::open("/proc/cpuinfo").and_then(|file| file.take(ENOUGH).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    let mut features = text.lines().filter(|line| line.starts_with("flags") || line.starts_with("Features"));
    read.is_ok() && features.any(|line| line.split_whitespace().any(|feature| feature == "aes"))
}

/// Writes the configuration that ssh is started with.
///
/// Of every option ssh takes the first value that it finds (ssh_config(5)), so what matters here stands first, what the user
/// says of hosts, keys, proxies and certificates follows, and last what is so where nobody says otherwise. A jump host's ssh is
/// given the same file: what it says holds there too, so nothing of the connection's control socket is in it. `system` is the
/// file of the whole machine.
pub(super) fn write(settings: &SshSettings, machine: &OfMachine, home: Option<&Path>, system: &Path) -> String {
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
    text.push_str(&machine.first);
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
    // What the last file ended with, a `Host` or a `Match`, ends here.
    write(&mut text, "Match all");
    text.push_str(&machine.last);
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

    use super::{OfMachine, has_aes, write};
    use crate::host::settings::SshSettings;
    use crate::model::HostKeys;

    /// Asks ssh what it would do.
    fn effective(settings: &SshSettings, home: Option<&Path>, host: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, write(settings, OfMachine::this().unwrap(), home, Path::new("/etc/ssh/ssh_config")))
            .unwrap();
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

    #[test]
    fn the_cipher_that_costs_least_here_is_preferred_where_nobody_says_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let user = folder.path().join("config");
        std::fs::write(&user, "Host web\n Ciphers aes256-ctr\n").unwrap();
        let settings = SshSettings { config: Some(user), ..SshSettings::default() };
        let ciphers = |host: &str| {
            let told = effective(&settings, None, host);
            let line = told.lines().find_map(|line| line.strip_prefix("ciphers ")).unwrap();
            line.split(',').map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(ciphers("web"), ["aes256-ctr"]);
        let others = ciphers("db");
        assert_eq!(others[0] == "aes128-gcm@openssh.com", has_aes(), "{others:?}");
        assert!(others.len() > 2 && others.iter().any(|cipher| cipher.starts_with("chacha20")), "{others:?}");
    }
}
