use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::model::HostId;

/// Tells why the sandbox did not do as it was asked.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// Tools that the sandbox is made of are not on this machine.
    #[error("the sandbox needs {}; on Debian: apt-get install {}", .missing.join(", "), .packages.join(" "))]
    Missing {
        /// What is not there.
        missing: Vec<&'static str>,
        /// Which Debian packages hold it.
        packages: Vec<&'static str>,
    },
    /// Loopback has 127.0.0.0/8, and `/proc` tells of processes, on Linux alone.
    #[error("the sandbox needs Linux: only there every address of 127.0.0.0/8 is this machine's own")]
    NotLinux,
    /// The number of hosts is none, or more than loopback's folder of them holds.
    #[error("a sandbox has 1 to {most} hosts, not {asked}")]
    Hosts {
        /// How many were asked for.
        asked: usize,
        /// How many there can be.
        most: usize,
    },
    /// There is no home folder and no XDG_STATE_HOME.
    #[error("there is no home folder to put the sandbox in; say where with --dir")]
    NoHome,
    /// The folder's path would not survive the shells and sockets that it goes through.
    #[error("{}: {reason}; choose another folder with --dir", .dir.display())]
    BadDir {
        /// The folder.
        dir: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The folder holds something that is not a sandbox.
    #[error("{}: not empty, and not a sandbox: it was left alone", .dir.display())]
    Foreign {
        /// The folder.
        dir: PathBuf,
    },
    /// The sandbox is up already, with another number of hosts.
    #[error("{}: a sandbox of {running} hosts is up; take it down first: coalmine sandbox down --dir {}", .dir.display(), .dir.display())]
    Up {
        /// The folder.
        dir: PathBuf,
        /// How many hosts it has.
        running: usize,
    },
    /// What a dead sandbox left is still there.
    #[error("{}: holds what a sandbox left that is no longer running; remove it: coalmine sandbox down --dir {}", .dir.display(), .dir.display())]
    Remains {
        /// The folder.
        dir: PathBuf,
    },
    /// No sandbox is running there.
    #[error("{}: no sandbox is running there; start one: coalmine sandbox up --dir {}", .dir.display(), .dir.display())]
    Down {
        /// The folder.
        dir: PathBuf,
    },
    /// The sandbox has no such host.
    #[error("{host} is not a host of the sandbox; it has {known}")]
    NoSuchHost {
        /// The name.
        host: HostId,
        /// Its hosts, folded.
        known: String,
    },
    /// No subnet of loopback was free.
    #[error("no free address and port on loopback after {tries} tries, the last at {last}")]
    NoAddress {
        /// How many were tried.
        tries: usize,
        /// Which one was tried last, with what was wrong.
        last: String,
    },
    /// The supervisor did not start, or did not answer.
    #[error("the sandbox's supervisor {what}")]
    Supervisor {
        /// What it did not do, with the end of its log.
        what: String,
    },
    /// The fleet is up and the first connection to it failed.
    #[error("no connection to the sandbox's first host: {what}")]
    NoConnection {
        /// What ssh and sshd said.
        what: String,
    },
    /// A tool failed.
    #[error("{tool} failed: {what}")]
    Tool {
        /// Which one.
        tool: &'static str,
        /// What it said.
        what: String,
    },
    /// Processes of the sandbox that could not be ended.
    #[error("processes of the sandbox are still running: {pids:?}")]
    Survivors {
        /// Their ids.
        pids: Vec<u32>,
    },
    /// A file that is the sandbox's own cannot be understood.
    #[error("{}: {what}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file or folder could not be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Adds the path to what the system said about it.
pub(super) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> SandboxError {
    let path = path.into();
    move |source| SandboxError::Io { path, source }
}
