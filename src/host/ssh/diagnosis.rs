use std::time::Duration;

use super::cause::{Cause, Reading, Whose, without_debug};
use crate::host::answer::{clean_lines, last_line};
use crate::model::{Failure, FailureClass};

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) connect: Duration,
    pub(super) silence: Duration,
}

/// Makes the failure of a connection: one line without the host's name, so that equal ones group, and what to try.
///
/// `jump` is what stands on the way to the host, as ssh's configuration has it: `jump host bastion`.
pub(super) fn failure(
    Reading { cause, whose, mute }: Reading,
    log: &str,
    doing: &str,
    patience: Patience,
    jump: Option<&str>,
) -> Failure {
    let log = clean_lines(without_debug(log).as_bytes());
    let last = last_line(&log);
    let agent = std::env::var_os("SSH_AUTH_SOCK").is_some();
    let (message, hint) = match cause {
        Cause::Resolve => {
            ("its name does not resolve".into(), Some("is it spelled right, and in DNS or in ssh's configuration?"))
        }
        Cause::Resolver => (
            "its name does not resolve".into(),
            Some(
                "the resolver here gave no answer, and may the next time: see /etc/resolv.conf, or run a cache here, as unbound is",
            ),
        ),
        Cause::Refused => {
            ("connection refused".into(), Some("no sshd listens there; is it the right port, is the host up?"))
        }
        Cause::NoRoute => ("no route to it".into(), Some("the network here knows no way there")),
        Cause::Timeout => (
            format!("no answer for {} s while {doing}", patience.connect.as_secs_f64()),
            Some("the host is down, behind a firewall, or hangs; ssh.connect_timeout says how long is waited"),
        ),
        Cause::Silent => (
            format!("no answer for {} s while {doing}", patience.silence.as_secs_f64()),
            Some("the host or the network there hangs; what it was doing ends by its own deadline"),
        ),
        Cause::Reset => (format!("the connection was lost while {doing}"), Some("it is tried again by `retry`")),
        Cause::Turned => (
            "it hung up before it said who it is".into(),
            Some(
                "too many connections at once (MaxStartups there, ssh.connects here), keys that were refused before \
                 (PerSourcePenalties there), or it does not take any from here",
            ),
        ),
        Cause::Penalty => (
            "it takes no connection from here for a while".into(),
            Some(
                "PerSourcePenalties there: some keys were refused before; wait, then see that the right key comes first \
                 (IdentitiesOnly)",
            ),
        ),
        Cause::HostKeyRevoked => (
            "its host key is revoked".into(),
            Some("somebody declared that key stolen: the host needs a new one; do not take the key for known"),
        ),
        Cause::CertificateExpired => (
            "its host certificate is out of date".into(),
            Some("sign the host's key anew, and see that the clocks are right; known_hosts is as it should be"),
        ),
        Cause::CertificateForeign => (
            "its host certificate is not for this host".into(),
            Some(
                "it names other principals, or another authority signed it: sign it for this name, or somebody may be in between",
            ),
        ),
        Cause::Forwarding => (
            "it opens no connection for others".into(),
            Some("AllowTcpForwarding or PermitOpen there forbids it, or a restriction of the key"),
        ),
        Cause::ThisMachine if whose == Whose::Behind => {
            (format!("no connection to it: {last}"), Some("what ran out did so there; it is waited for no longer"))
        }
        Cause::ThisMachine => (
            format!("this machine ran out of something while {doing}: {last}"),
            Some("it is no fault of the host: see `ulimit -n`, `ulimit -u` and the memory here, or lower ssh.connects"),
        ),
        Cause::HostKeyChanged => (
            "its host key has changed".into(),
            Some(
                "only if you know why it changed: `ssh-keygen -R HOST` (`[HOST]:PORT` where that is not 22), then take the new key; a line of known_hosts that names a whole site goes with it; else somebody may be in between",
            ),
        ),
        Cause::HostKeyUnknown => {
            ("its host key is not known".into(), Some("add it to known_hosts, or set ssh.host_keys = \"accept-new\""))
        }
        Cause::Agent => (
            "permission denied: the ssh agent here did not sign".into(),
            Some(
                "is it locked, is the key's token there, does the key want a confirmation? `ssh-add -l` and `ssh-add -T KEY.pub` tell",
            ),
        ),
        Cause::Permission if agent => (
            "permission denied".into(),
            Some(
                "`ssh-add -l` lists the keys that the agent offers; target.user must have one of them in its authorized_keys there; \
                 after some refusals it may take nobody from here for a while (PerSourcePenalties)",
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
    let message = match (whose, jump) {
        (Whose::Host, _) => message,
        (Whose::Jump, Some(jump)) if mute => format!("{jump} or the host: {message}"),
        (Whose::Jump, Some(jump)) => format!("{jump}: {message}"),
        (Whose::Jump, None) => format!("the proxy on the way to it: {message}"),
        (Whose::Behind, Some(jump)) => format!("{message}, as {jump} says"),
        (Whose::Behind, None) => format!("{message}, as its jump host says"),
    };
    let mut failure = Failure::new(FailureClass::Unreachable, message).output(log);
    failure.hint = hint.map(str::to_owned);
    // A proxy and what it says are here, too; what a jump host says of its own way on is not.
    failure.here = cause == Cause::ThisMachine && whose != Whose::Behind;
    failure
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Cause, Patience, Reading, Whose, failure};
    use crate::model::Failure;

    const PATIENCE: Patience = Patience { connect: Duration::from_secs(10), silence: Duration::from_secs(45) };

    fn told(cause: Cause, whose: Whose, log: &str) -> Failure {
        failure(Reading { cause, whose, mute: false }, log, "connecting", PATIENCE, Some("jump host bastion"))
    }

    #[test]
    fn failures_are_one_line_without_the_hosts_name_and_say_what_to_try() {
        let log = "debug1: noise\nssh: connect to host mw01 port 22: Connection refused\r\n";
        let failure = told(Cause::Refused, Whose::Host, log);
        assert_eq!(failure.message, "connection refused");
        assert!(failure.hint.is_some() && failure.output.contains("mw01") && !failure.output.contains("noise"));
        let silent = told(Cause::Silent, Whose::Host, "");
        assert_eq!(silent.message, "no answer for 45 s while connecting");
    }

    #[test]
    fn only_of_a_key_that_nobody_knows_it_is_said_that_it_may_be_taken() {
        for cause in [
            Cause::HostKeyChanged,
            Cause::HostKeyRevoked,
            Cause::CertificateExpired,
            Cause::CertificateForeign,
            Cause::Permission,
            Cause::Turned,
            Cause::Penalty,
        ] {
            let hint = told(cause, Whose::Host, "").hint.unwrap_or_default();
            assert!(!hint.is_empty() && !hint.contains("accept-new"), "{cause:?}: {hint}");
        }
        assert!(told(Cause::HostKeyUnknown, Whose::Host, "").hint.unwrap_or_default().contains("accept-new"));
        assert!(told(Cause::Turned, Whose::Host, "").hint.unwrap_or_default().contains("PerSourcePenalties"));
    }

    #[test]
    fn what_this_machine_ran_out_of_says_nothing_of_the_host() {
        let log = "socket: Too many open files\nssh: connect to host mw01 port 22: failure";
        assert!(told(Cause::ThisMachine, Whose::Host, log).here);
        assert!(told(Cause::ThisMachine, Whose::Jump, log).here);
        let behind = told(
            Cause::ThisMachine,
            Whose::Behind,
            "channel 0: open failed: connect failed: Cannot assign requested address",
        );
        assert!(!behind.here && behind.message.ends_with("as jump host bastion says"), "{behind}");
        assert!(!told(Cause::Refused, Whose::Host, "").here);
    }

    #[test]
    fn the_jump_host_is_named_with_its_cause() {
        for (cause, whose, message) in [
            (Cause::Permission, Whose::Jump, "jump host bastion: permission denied"),
            (Cause::Forwarding, Whose::Jump, "jump host bastion: it opens no connection for others"),
            (Cause::Refused, Whose::Behind, "connection refused, as jump host bastion says"),
            (Cause::HostKeyUnknown, Whose::Jump, "jump host bastion: its host key is not known"),
        ] {
            assert_eq!(told(cause, whose, "").message, message);
        }
    }
}
