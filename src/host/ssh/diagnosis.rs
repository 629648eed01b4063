use std::time::Duration;

use crate::host::answer::{clean_lines, last_line};
use crate::model::{Failure, FailureClass};

/// Sorts what ssh says when it fails by what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Resolve,
    Refused,
    NoRoute,
    /// Nothing came in time.
    Timeout,
    /// It spoke and then fell silent.
    Silent,
    /// It hung up.
    Reset,
    /// It hung up before it said who it is: too many at once, or not us.
    Turned,
    HostKeyChanged,
    HostKeyUnknown,
    Permission,
    Algorithms,
    Configuration,
    Other,
}

impl Cause {
    /// Tells how many attempts make sense; never more than one against a key that is wrong.
    pub(super) const fn attempts(self) -> u32 {
        match self {
            Self::Reset | Self::Turned => 3,
            Self::Timeout => 2,
            _ => 1,
        }
    }
}

/// What ssh writes, and what that means. The first that matches counts, so what is certain stands first.
const SIGNS: &[(&str, Cause)] = &[
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", Cause::HostKeyChanged),
    ("revoked host key", Cause::HostKeyChanged),
    ("host key is known for", Cause::HostKeyUnknown),
    ("Host key verification failed", Cause::HostKeyUnknown),
    ("Permission denied (", Cause::Permission),
    ("Too many authentication failures", Cause::Permission),
    ("no matching ", Cause::Algorithms),
    ("Bad configuration option", Cause::Configuration),
    ("bad configuration options", Cause::Configuration),
    ("Bad owner or permissions on", Cause::Configuration),
    ("Can't open user config file", Cause::Configuration),
    ("Bad SSH2 KexAlgorithms", Cause::Configuration),
    ("too long for Unix domain socket", Cause::Configuration),
    ("Could not resolve hostname", Cause::Resolve),
    ("Connection refused", Cause::Refused),
    ("No route to host", Cause::NoRoute),
    ("Network is unreachable", Cause::NoRoute),
    ("not responding", Cause::Silent),
    ("timed out", Cause::Timeout),
    ("kex_exchange_identification", Cause::Turned),
    ("Exceeded MaxStartups", Cause::Turned),
    ("Not allowed at this time", Cause::Turned),
    ("Connection reset", Cause::Reset),
    ("Connection closed", Cause::Reset),
    ("closed by remote host", Cause::Reset),
    ("Broken pipe", Cause::Reset),
];

/// Says what a log of ssh's means.
pub(super) fn cause(log: &str) -> Cause {
    SIGNS.iter().find(|(sign, _)| log.contains(sign)).map_or(Cause::Other, |&(_, cause)| cause)
}

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) connect: Duration,
    pub(super) silence: Duration,
}

/// Makes the failure of a connection: one line without the host's name, so that equal ones group, and what to try.
pub(super) fn failure(cause: Cause, log: &str, doing: &str, patience: Patience) -> Failure {
    let log = clean_lines(log.as_bytes());
    let last = last_line(&log);
    let agent = std::env::var_os("SSH_AUTH_SOCK").is_some();
    let (message, hint) = match cause {
        Cause::Resolve => {
            ("its name does not resolve".into(), Some("is it spelled right, and in DNS or in ssh's configuration?"))
        }
        Cause::Refused => {
            ("connection refused".into(), Some("no sshd listens there; is it the right port, is the host up?"))
        }
        Cause::NoRoute => ("no route to it".into(), Some("the network here knows no way there")),
        Cause::Timeout => (
            format!("no answer for {} s while {doing}", patience.connect.as_secs_f64()),
            Some("the host is down, behind a firewall, or hangs"),
        ),
        Cause::Silent => (
            format!("no answer for {} s while {doing}", patience.silence.as_secs_f64()),
            Some("the host or the network there hangs; what it was doing ends by its own deadline"),
        ),
        Cause::Reset => (format!("the connection was lost while {doing}"), Some("it is tried again by `retry`")),
        Cause::Turned => (
            "it hung up before it said who it is".into(),
            Some(
                "too many connections at once (MaxStartups there, ssh.connects here), or it does not take any from here",
            ),
        ),
        Cause::HostKeyChanged => (
            "its host key has changed".into(),
            Some(
                "only if you know why it changed: `ssh-keygen -R HOST`, then take the new key; else somebody may be in between",
            ),
        ),
        Cause::HostKeyUnknown => {
            ("its host key is not known".into(), Some("add it to known_hosts, or set ssh.host_keys = \"accept-new\""))
        }
        Cause::Permission if agent => (
            "permission denied".into(),
            Some(
                "`ssh-add -l` lists the keys that the agent offers; target.user must have one of them in its authorized_keys there",
            ),
        ),
        Cause::Permission => (
            "permission denied".into(),
            Some("no ssh agent: SSH_AUTH_SOCK is not set; start one and `ssh-add` the key, or name an IdentityFile"),
        ),
        Cause::Algorithms => (last.to_owned(), Some("its sshd and ssh.kex have no algorithm in common")),
        Cause::Configuration => (last.to_owned(), Some("mend ssh's configuration, or name another in ssh.config")),
        Cause::Other if last.is_empty() => (format!("ssh failed while {doing} and said nothing"), None),
        Cause::Other => (format!("ssh failed while {doing}: {last}"), None),
    };
    let mut failure = Failure::new(FailureClass::Unreachable, message).output(log);
    failure.hint = hint.map(str::to_owned);
    failure
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Cause, Patience, cause, failure};

    const PATIENCE: Patience = Patience { connect: Duration::from_secs(10), silence: Duration::from_secs(45) };

    #[test]
    fn what_openssh_writes_is_understood() {
        for (log, expected) in [
            ("ssh: Could not resolve hostname nx: Name or service not known", Cause::Resolve),
            ("ssh: connect to host 127.0.0.1 port 1: Connection refused", Cause::Refused),
            ("ssh: connect to host 192.0.2.1 port 22: No route to host", Cause::NoRoute),
            ("ssh: connect to host 192.0.2.1 port 22: Connection timed out", Cause::Timeout),
            ("Connection timed out during banner exchange\nConnection to 127.0.0.1 port 9 timed out", Cause::Timeout),
            ("Timeout, server 127.0.0.1 not responding.", Cause::Silent),
            (
                "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 127.0.0.1 port 22",
                Cause::Turned,
            ),
            ("kex_exchange_identification: Connection closed by remote host", Cause::Turned),
            ("Connection to 127.0.0.1 closed by remote host.", Cause::Reset),
            ("client_loop: send disconnect: Broken pipe", Cause::Reset),
            (
                "@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@\nHost key verification failed.",
                Cause::HostKeyChanged,
            ),
            (
                "No ED25519 host key is known for [127.0.0.1]:2 and you have requested strict checking.\r\nHost key verification failed.",
                Cause::HostKeyUnknown,
            ),
            ("scap@127.0.0.1: Permission denied (publickey).", Cause::Permission),
            ("Received disconnect from 1.2.3.4 port 22:2: Too many authentication failures", Cause::Permission),
            ("Unable to negotiate with 1.2.3.4 port 22: no matching key exchange method found.", Cause::Algorithms),
            ("/x/config: line 3: Bad configuration option: foo", Cause::Configuration),
            ("", Cause::Other),
        ] {
            assert_eq!(cause(log), expected, "{log}");
        }
    }

    #[test]
    fn a_wrong_key_is_never_tried_again() {
        for cause in [Cause::HostKeyChanged, Cause::HostKeyUnknown, Cause::Permission, Cause::Refused, Cause::Silent] {
            assert_eq!(cause.attempts(), 1, "{cause:?}");
        }
        assert!(Cause::Turned.attempts() > 1 && Cause::Timeout.attempts() > 1);
    }

    #[test]
    fn failures_are_one_line_without_the_hosts_name_and_say_what_to_try() {
        let log = "ssh: connect to host mw01 port 22: Connection refused\r\n";
        let failure = failure(Cause::Refused, log, "connecting", PATIENCE);
        assert_eq!(failure.message, "connection refused");
        assert!(failure.hint.is_some() && failure.output.contains("mw01"));
        let silent = super::failure(Cause::Silent, "", "switching", PATIENCE);
        assert_eq!(silent.message, "no answer for 45 s while switching");
    }
}
