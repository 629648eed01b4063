use std::borrow::Cow;

use crate::model::PushBack;

/// Sorts what ssh says when it fails by what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Resolve,
    /// The resolver here gave no answer.
    Resolver,
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
    /// It said that it takes nobody from here for a while: too many keys were refused before.
    Penalty,
    HostKeyChanged,
    HostKeyRevoked,
    HostKeyUnknown,
    /// Its certificate is out of date, or not valid yet.
    CertificateExpired,
    /// Its certificate is another host's, or of an authority that is not the known one.
    CertificateForeign,
    Permission,
    /// The ssh agent here was asked to sign and did not.
    Agent,
    Algorithms,
    /// A jump host that opens no connections for others.
    Forwarding,
    Configuration,
    /// This machine has no descriptors, processes, memory or ports left.
    ThisMachine,
    Other,
}

impl Cause {
    /// Tells whether another attempt may go better by itself; never one against a key that is wrong.
    pub(super) const fn passes(self) -> bool {
        matches!(self, Self::Reset | Self::Turned | Self::ThisMachine)
    }

    /// Tells what pushes back by it, where fewer connections at once may go better.
    pub(super) const fn push_back(self) -> Option<PushBack> {
        match self {
            Self::Turned => Some(PushBack::TurnedAway),
            Self::Resolver => Some(PushBack::Names),
            Self::Agent => Some(PushBack::Agent),
            _ => None,
        }
    }
}

/// Says whose failure it is, where there is a host on the way to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The host's own.
    Host,
    /// The host's, as a jump host told it.
    Behind,
    /// The jump host's or the proxy's.
    Jump,
}

/// Holds what a log of ssh's means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) cause: Cause,
    pub(super) whose: Whose,
    /// A proxy ended without a word: ssh sends its standard error away, unless it is asked to tell more (`-v`).
    pub(super) mute: bool,
}

/// What ssh writes, and what that means. The first that matches counts, so what is certain stands first.
///
/// Observed with OpenSSH 8.4 to 10.6.
const SIGNS: &[(&str, Cause)] = &[
    ("Too many open files", Cause::ThisMachine),
    ("Cannot allocate memory", Cause::ThisMachine),
    ("Resource temporarily unavailable", Cause::ThisMachine),
    ("Cannot assign requested address", Cause::ThisMachine),
    ("No buffer space available", Cause::ThisMachine),
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", Cause::HostKeyChanged),
    ("REVOKED HOST KEY DETECTED", Cause::HostKeyRevoked),
    ("is marked as revoked", Cause::HostKeyRevoked),
    ("was revoked and you have requested strict checking", Cause::HostKeyRevoked),
    ("revoked host key", Cause::HostKeyRevoked),
    ("Certificate invalid: expired", Cause::CertificateExpired),
    ("Certificate invalid: not yet valid", Cause::CertificateExpired),
    ("Certificate invalid", Cause::CertificateForeign),
    ("Host certificate authority does not match", Cause::CertificateForeign),
    ("host key is known for", Cause::HostKeyUnknown),
    ("Host key verification failed", Cause::HostKeyUnknown),
    ("agent refused operation", Cause::Agent),
    ("communication with agent failed", Cause::Agent),
    ("Permission denied (", Cause::Permission),
    ("Too many authentication failures", Cause::Permission),
    ("no matching ", Cause::Algorithms),
    ("Bad configuration option", Cause::Configuration),
    ("bad configuration options", Cause::Configuration),
    ("Bad owner or permissions on", Cause::Configuration),
    ("Can't open user config file", Cause::Configuration),
    ("Bad SSH2 KexAlgorithms", Cause::Configuration),
    ("too long for Unix domain socket", Cause::Configuration),
    ("administratively prohibited", Cause::Forwarding),
    ("open failed: unknown channel type", Cause::Forwarding),
    ("connect failed: Temporary failure in name resolution", Cause::Resolve),
    ("Temporary failure in name resolution", Cause::Resolver),
    ("Could not resolve hostname", Cause::Resolve),
    ("connect failed: Name or service not known", Cause::Resolve),
    ("Connection refused", Cause::Refused),
    ("No route to host", Cause::NoRoute),
    ("Network is unreachable", Cause::NoRoute),
    ("not responding", Cause::Silent),
    ("timed out", Cause::Timeout),
    ("Not allowed at this time", Cause::Penalty),
    ("kex_exchange_identification", Cause::Turned),
    ("Exceeded MaxStartups", Cause::Turned),
    ("Connection reset", Cause::Reset),
    ("Connection closed", Cause::Reset),
    ("closed by remote host", Cause::Reset),
    ("Broken pipe", Cause::Reset),
];

/// What ssh calls the other side when that is a proxy.
const PROXY: &str = "UNKNOWN port 65535";

/// Leaves what ssh says to people, and what the other side said in the place of its banner.
pub(super) fn without_debug(log: &str) -> Cow<'_, str> {
    let is_debug = |line: &str| {
        let rest = line.strip_prefix("debug").unwrap_or_default();
        rest.starts_with(['1', '2', '3']) && rest.get(1..).is_some_and(|rest| rest.starts_with(": "))
    };
    if !log.lines().any(is_debug) {
        return Cow::Borrowed(log);
    }
    let told = |line: &str| -> Option<String> {
        if !is_debug(line) {
            // What `-v` begins with.
            return (!line.starts_with("OpenSSH_")).then(|| line.to_owned());
        }
        let (_, words) = line.split_once("banner line ")?;
        Some(words.split_once(": ").map_or(words, |(_, words)| words).to_owned())
    };
    Cow::Owned(log.lines().filter_map(told).collect::<Vec<_>>().join("\n"))
}

/// Says what a log of ssh's means.
pub(super) fn read(log: &str) -> Reading {
    let log = without_debug(log);
    let by_proxy = log.contains(PROXY);
    let lines = || log.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains(PROXY));
    let is_banner = |line: &str| line.starts_with("kex_exchange_identification") || line.starts_with("banner exchange");
    // What is left is the proxy's, or nobody's: our side only says that it never saw the host.
    let said: Vec<&str> = lines().filter(|line| !(by_proxy && is_banner(line))).collect();
    if by_proxy {
        let behind = said.iter().any(|line| line.contains("open failed: connect failed"));
        let cause = match sign(&said.join("\n")) {
            _ if said.is_empty() && log.contains("timed out") => Cause::Timeout,
            _ if said.is_empty() => Cause::Turned,
            Cause::Reset if turned(&said) => Cause::Turned,
            cause => cause,
        };
        let whose = if behind { Whose::Behind } else { Whose::Jump };
        // Only a line with an address says that it was the jump host who hung up; a banner may be of either.
        let mute = cause == Cause::Turned && !turned(&said);
        return Reading { cause, whose, mute: mute || said.is_empty() };
    }
    let cause = match sign(&log) {
        Cause::Reset if turned(&said) => Cause::Turned,
        cause => cause,
    };
    Reading { cause, whose: Whose::Host, mute: false }
}

fn sign(log: &str) -> Cause {
    SIGNS.iter().find(|(sign, _)| log.contains(sign)).map_or(Cause::Other, |&(_, cause)| cause)
}

/// Tells a connection that was turned away from one that was lost: from OpenSSH 10.0 on it says so in this line alone, where one
/// that was open is `Connection to HOST closed by remote host.`
fn turned(lines: &[&str]) -> bool {
    lines.last().is_some_and(|line| {
        let ends_it = line.starts_with("Connection closed by ") || line.starts_with("Connection reset by ");
        ends_it && line.contains(" port ")
    })
}

#[cfg(test)]
mod tests {
    use super::{Cause, Reading, Whose, read};

    const CLOSED: &str = "Connection closed by UNKNOWN port 65535";

    #[test]
    fn what_openssh_writes_is_understood() {
        for (log, expected) in [
            ("ssh: Could not resolve hostname nx: Name or service not known", Cause::Resolve),
            ("ssh: Could not resolve hostname mw01: Temporary failure in name resolution", Cause::Resolver),
            (
                "sign_and_send_pubkey: signing failed for ED25519 \"me@here\" from agent: agent refused operation\nme@mw01: Permission denied (publickey).",
                Cause::Agent,
            ),
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
            ("Connection closed by 127.0.0.1 port 22\r\n", Cause::Turned),
            (
                "** WARNING: connection is not using a post-quantum key exchange algorithm.\nConnection closed by ::1 port 22",
                Cause::Turned,
            ),
            (
                "debug1: kex_exchange_identification: banner line 0: Not allowed at this time\nkex_exchange_identification: Connection closed by remote host",
                Cause::Penalty,
            ),
            (
                "debug1: kex_exchange_identification: banner line 0: Exceeded MaxStartups\nConnection closed by 127.0.0.1 port 22",
                Cause::Turned,
            ),
            ("Connection to 127.0.0.1 closed by remote host.", Cause::Reset),
            ("client_loop: send disconnect: Broken pipe", Cause::Reset),
            (
                "@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@\nHost key verification failed.",
                Cause::HostKeyChanged,
            ),
            (
                "@@@\n@       WARNING: REVOKED HOST KEY DETECTED!               @\n@@@\nThe ED25519 host key for box is marked as revoked.\nED25519 host key for box was revoked and you have requested strict checking.\nHost key verification failed.",
                Cause::HostKeyRevoked,
            ),
            (
                "Certificate invalid: name is not a listed principal\nNo ED25519 host key is known for box and you have requested strict checking.\nHost key verification failed.",
                Cause::CertificateForeign,
            ),
            (
                "Certificate invalid: expired\nNo ED25519-CERT host key is known for box and you have requested strict checking.\nHost key verification failed.",
                Cause::CertificateExpired,
            ),
            (
                "No ED25519 host key is known for [127.0.0.1]:2 and you have requested strict checking.\r\nHost key verification failed.",
                Cause::HostKeyUnknown,
            ),
            ("scap@127.0.0.1: Permission denied (publickey).", Cause::Permission),
            (
                "Received disconnect from 1.2.3.4 port 22:2: Too many authentication failures\nDisconnected from 1.2.3.4 port 22",
                Cause::Permission,
            ),
            ("Unable to negotiate with 1.2.3.4 port 22: no matching key exchange method found.", Cause::Algorithms),
            ("/x/config: line 3: Bad configuration option: foo", Cause::Configuration),
            ("socket: Too many open files\nssh: connect to host 127.0.0.1 port 22: failure", Cause::ThisMachine),
            ("fork failed: Resource temporarily unavailable", Cause::ThisMachine),
            ("ssh: connect to host 10.0.0.1 port 22: Cannot assign requested address", Cause::ThisMachine),
            ("", Cause::Other),
        ] {
            assert_eq!(read(log), Reading { cause: expected, whose: Whose::Host, mute: false }, "{log}");
        }
    }

    #[test]
    fn behind_a_jump_host_it_is_told_whose_failure_it_is() {
        for (said, cause, whose) in [
            ("me@jump: Permission denied (publickey).", Cause::Permission, Whose::Jump),
            ("ssh: connect to host jump port 22: Connection refused", Cause::Refused, Whose::Jump),
            (
                "No ED25519 host key is known for jump and you have requested strict checking.\nHost key verification failed.",
                Cause::HostKeyUnknown,
                Whose::Jump,
            ),
            (
                "channel 0: open failed: administratively prohibited: open failed\nstdio forwarding failed",
                Cause::Forwarding,
                Whose::Jump,
            ),
            (
                "channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed",
                Cause::Refused,
                Whose::Behind,
            ),
            (
                "channel 0: open failed: connect failed: Name or service not known\nstdio forwarding failed",
                Cause::Resolve,
                Whose::Behind,
            ),
            ("Connection closed by 127.0.0.1 port 2222", Cause::Turned, Whose::Jump),
            (
                "debug1: Executing proxy command: exec ssh -v -W '[box]:22' jump\nConnection closed by 127.0.0.1 port 2222\ndebug1: more",
                Cause::Turned,
                Whose::Jump,
            ),
        ] {
            for first in ["", "kex_exchange_identification: Connection closed by remote host\n"] {
                let log = format!("{said}\n{first}{CLOSED}");
                assert_eq!(read(&log), Reading { cause, whose, mute: false }, "{log}");
            }
        }
        for first in ["", "kex_exchange_identification: Connection closed by remote host\n"] {
            let reading = read(&format!("{first}{CLOSED}"));
            assert!(reading.mute && reading.whose == Whose::Jump && reading.cause == Cause::Turned);
        }
        let late = read("Connection timed out during banner exchange\nConnection to UNKNOWN port 65535 timed out");
        assert_eq!((late.cause, late.whose), (Cause::Timeout, Whose::Jump));
        // A host's own refusal behind a jump host is its own.
        assert_eq!(read("me@box: Permission denied (publickey).").whose, Whose::Host);
    }

    #[test]
    fn what_is_certain_is_never_tried_again() {
        for cause in [
            Cause::HostKeyChanged,
            Cause::HostKeyRevoked,
            Cause::HostKeyUnknown,
            Cause::CertificateExpired,
            Cause::CertificateForeign,
            Cause::Permission,
            Cause::Penalty,
            Cause::Refused,
            Cause::Silent,
            Cause::Timeout,
            Cause::Forwarding,
        ] {
            assert!(!cause.passes(), "{cause:?}");
        }
        assert!(Cause::Turned.passes() && Cause::Reset.passes());
    }
}
