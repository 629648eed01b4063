use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::model::{Bytes, written_as_text};

/// Tells why a text names no fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FaultError {
    /// No such fault.
    #[error("{kind:?} is no fault; there are {}, and none", Fault::words())]
    Unknown {
        /// The text.
        kind: String,
    },
    /// The fault takes no amount, or not that one.
    #[error("{kind}: {amount:?} is not {expected}")]
    Amount {
        /// The fault.
        kind: &'static str,
        /// The text behind the colon.
        amount: String,
        /// What would have been right.
        expected: &'static str,
    },
}

/// Is what one host of the sandbox suffers from.
///
/// Written as a word, some with an amount of bytes behind a colon: `slow:64k`. What can be made as any user is made for
/// real; where that is not so, the variant says what it does instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nobody answers: connects time out, as with a machine without power. Connections that were open fall silent, and
    /// are reset when the host comes back. The kernel drops the SYNs, because the listener's queue is full.
    Down,
    /// The port is closed; connections that were open are reset.
    Refuses,
    /// Connects, then says nothing; connections that were open fall silent. All go on when the fault is gone.
    Hangs,
    /// Connects and logs in, but every new command waits until the fault is gone; then those run whose connection
    /// is still there.
    HangExec,
    /// The line has so many bytes a second in each direction.
    Slow(Bytes),
    /// The disk has so many bytes left: reads work, writes say `ENOSPC`. An overlay on a small tmpfs in a mount namespace;
    /// what was written is gone when the fault is. Where namespaces are not allowed, files may not grow over that
    /// size (`EFBIG`) instead.
    Full(Bytes),
    /// rsync's receiver is killed with -9 when it has been sent so many bytes.
    Dies(Bytes),
    /// The connection is reset when the host has been sent so many bytes over it.
    Cuts(Bytes),
    /// The interpreter is not there: not in PATH, and what the release links to does not run. Where namespaces are not
    /// allowed, only PATH is without it.
    WrongPython,
    /// rsync is not installed.
    NoRsync,
    /// An old copy of the product shadows the installed one, which then says the wrong version.
    Lies,
    /// The host's own calibration is bad: the product's health check fails here and nowhere else.
    Sick,
    /// The host does not accept the key.
    WrongKey,
    /// The host shows another host key than the known one.
    KeyChanged,
}

impl Fault {
    /// Every fault, with its usual amount.
    pub const ALL: [Self; 14] = [
        Self::Down,
        Self::Refuses,
        Self::Hangs,
        Self::HangExec,
        Self::Slow(Bytes(64 << 10)),
        Self::Full(Bytes(64 << 10)),
        Self::Dies(Bytes(32 << 10)),
        Self::Cuts(Bytes(32 << 10)),
        Self::WrongPython,
        Self::NoRsync,
        Self::Lies,
        Self::Sick,
        Self::WrongKey,
        Self::KeyChanged,
    ];

    /// Gives the word without the amount.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Refuses => "refuses",
            Self::Hangs => "hangs",
            Self::HangExec => "hang-exec",
            Self::Slow(_) => "slow",
            Self::Full(_) => "full",
            Self::Dies(_) => "dies",
            Self::Cuts(_) => "cuts",
            Self::WrongPython => "wrong-python",
            Self::NoRsync => "no-rsync",
            Self::Lies => "lies",
            Self::Sick => "sick",
            Self::WrongKey => "wrong-key",
            Self::KeyChanged => "key-changed",
        }
    }

    /// Says in one line what the host does, for a list of all of them.
    #[must_use]
    pub const fn does(self) -> &'static str {
        match self {
            Self::Down => "nobody answers, connects time out",
            Self::Refuses => "the port is closed",
            Self::Hangs => "connects, then silence",
            Self::HangExec => "logs in, then every command hangs",
            Self::Slow(_) => "so many bytes a second",
            Self::Full(_) => "so many bytes left on the disk",
            Self::Dies(_) => "rsync is killed -9 after so many bytes",
            Self::Cuts(_) => "the connection is reset after so many bytes",
            Self::WrongPython => "the interpreter of the release is not there",
            Self::NoRsync => "rsync is not installed",
            Self::Lies => "says that it runs an older version",
            Self::Sick => "the health check fails on this host",
            Self::WrongKey => "does not accept the key",
            Self::KeyChanged => "shows another host key",
        }
    }

    fn words() -> String {
        Self::ALL.map(Self::word).join(", ")
    }

    const fn amount(self) -> Option<Bytes> {
        match self {
            Self::Slow(amount) | Self::Full(amount) | Self::Dies(amount) | Self::Cuts(amount) => Some(amount),
            _ => None,
        }
    }

    const fn with_amount(self, amount: Bytes) -> Option<Self> {
        match self {
            Self::Slow(_) => Some(Self::Slow(amount)),
            Self::Full(_) => Some(Self::Full(amount)),
            Self::Dies(_) => Some(Self::Dies(amount)),
            Self::Cuts(_) => Some(Self::Cuts(amount)),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.amount() {
            Some(amount) => f.pad(&format!("{}:{}", self.word(), amount.0)),
            None => f.pad(self.word()),
        }
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (kind, amount) = text.split_once(':').map_or((text, None), |(kind, amount)| (kind, Some(amount)));
        let fault = Self::ALL
            .into_iter()
            .find(|fault| fault.word() == kind)
            .ok_or_else(|| FaultError::Unknown { kind: kind.to_owned() })?;
        let Some(amount) = amount else {
            return Ok(fault);
        };
        let wrong = |expected| FaultError::Amount { kind: fault.word(), amount: amount.to_owned(), expected };
        let bytes = parse_amount(amount).ok_or_else(|| wrong("a number of bytes, such as 65536, 64k or 2m"))?;
        fault.with_amount(bytes).ok_or_else(|| wrong("right there: this fault takes no amount"))
    }
}

/// Reads `65536`, `64k` or `2m`; nought is no amount.
fn parse_amount(text: &str) -> Option<Bytes> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match (lower.strip_suffix('k'), lower.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1 << 10),
        (_, Some(digits)) => (digits, 1 << 20),
        _ => (lower.as_str(), 1),
    };
    let count: u64 = digits.parse().ok()?;
    count.checked_mul(unit).filter(|&bytes| bytes > 0).map(Bytes)
}

written_as_text! { Fault, FaultError, str::parse }

#[cfg(test)]
mod tests {
    use super::{Fault, FaultError};
    use crate::model::Bytes;

    #[test]
    fn every_fault_reads_back_what_it_writes() {
        for fault in Fault::ALL {
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
            assert_eq!(fault.word().parse::<Fault>().unwrap(), fault, "the bare word means the usual amount");
        }
    }

    #[test]
    fn amounts_have_units_and_are_refused_where_they_mean_nothing() {
        assert_eq!("slow:128K".parse(), Ok(Fault::Slow(Bytes(128 << 10))));
        assert_eq!("full:2m".parse(), Ok(Fault::Full(Bytes(2 << 20))));
        for text in ["slow:", "slow:0", "slow:fast", "slow:-1", "full:99999999999999999999m", "down:1", "full:1 2"] {
            assert!(matches!(text.parse::<Fault>(), Err(FaultError::Amount { .. })), "{text:?} was taken");
        }
        let unknown = "sleepy".parse::<Fault>().unwrap_err().to_string();
        assert!(unknown.contains("hang-exec, slow, full"), "{unknown}");
    }
}
