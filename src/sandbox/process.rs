//! Processes of the sandbox: which are ours, and how they end.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::SandboxError;

/// The variable by which a process is known for the sandbox's own.
pub(super) const TOKEN_VARIABLE: &str = "SANDBOX_ID";

/// Names one process for good: ids are used again, but not with the same start in the same boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    pub(super) pid: u32,
    /// Clock ticks from boot (field 22 of `/proc/PID/stat`, proc(5)).
    start_ticks: u64,
    boot: String,
}

impl Identity {
    /// Names this process.
    pub(super) fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    fn of(pid: u32) -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(Self { pid, start_ticks: start_ticks(pid)?, boot: boot.trim().to_owned() })
    }

    pub(super) fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self) && !is_zombie(self.pid)
    }

    /// Signals the process, and never another one that has got its id.
    ///
    /// Gives whether it was there.
    pub(super) fn signal(&self, signal: Signal) -> bool {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return false;
        };
        // The descriptor stays that process's; only then is looking at its start worth anything.
        let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else {
            return false;
        };
        self.is_alive() && pidfd_send_signal(descriptor, signal).is_ok()
    }

    /// Waits until the process is gone; gives whether it is.
    pub(super) fn wait_gone(&self, most: Duration) -> bool {
        wait_until(most, || !self.is_alive())
    }
}

/// Asks again and again until the answer is yes or the time is over; gives the last answer.
pub(super) fn wait_until(most: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + most;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Kills every process that carries the token, until there is none; gives how many there were.
///
/// # Errors
///
/// When some are still there after `most`, as a process is that waits for a dead disk.
pub(super) fn sweep(token: &str, most: Duration) -> Result<usize, SandboxError> {
    let mut swept = Vec::new();
    let mut left = Vec::new();
    // A process that has just been forked, or is in the middle of exec, has no environment to be known by: nobody is
    // left when nobody was seen twice in a row.
    let mut empty_looks = 0;
    let is_clean = wait_until(most, || {
        left = carriers(token);
        for identity in &left {
            if identity.signal(Signal::KILL) && !swept.contains(&identity.pid) {
                swept.push(identity.pid);
            }
        }
        empty_looks = if left.is_empty() { empty_looks + 1 } else { 0 };
        empty_looks == 2
    });
    if is_clean {
        Ok(swept.len())
    } else {
        Err(SandboxError::Survivors { pids: left.iter().map(|one| one.pid).collect() })
    }
}

/// Finds the living processes with the token in their environment, this one excepted.
fn carriers(token: &str) -> Vec<Identity> {
    let wanted = format!("{TOKEN_VARIABLE}={token}");
    let own = std::process::id();
    pids()
        .filter(|&pid| pid != own)
        .filter(|pid| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|environment| environment.split(|&byte| byte == 0).any(|entry| entry == wanted.as_bytes()))
        })
        .filter_map(Identity::of)
        .filter(Identity::is_alive)
        .collect()
}

/// Tells whether any living process has this name (`comm`, at most 15 bytes).
pub(super) fn is_any_called(name: &str) -> bool {
    let is_called = |pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == name);
    pids().any(|pid| is_called(pid) && !is_zombie(pid))
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| std::str::from_utf8(entry.file_name().as_bytes()).ok()?.parse().ok())
}

/// Gives the fields of `/proc/PID/stat` from the third on: the second may hold blanks and brackets.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn start_ticks(pid: u32) -> Option<u64> {
    stat(pid)?.get(19)?.parse().ok()
}

fn is_zombie(pid: u32) -> bool {
    stat(pid).is_none_or(|fields| fields.first().is_some_and(|state| state == "Z" || state == "X"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use rustix::process::Signal;

    use super::{Identity, TOKEN_VARIABLE, sweep};

    #[test]
    fn a_process_that_got_the_same_id_later_is_not_touched() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        let other = Identity { start_ticks: identity.start_ticks + 1, ..identity.clone() };
        assert!(!other.is_alive());
        assert!(!other.signal(Signal::KILL));
        let before_boot = Identity { boot: "another".into(), ..identity.clone() };
        assert!(!before_boot.signal(Signal::KILL));
        assert!(child.try_wait().unwrap().is_none(), "the child is unharmed");
        assert!(identity.signal(Signal::KILL));
        child.wait().unwrap();
        assert!(identity.wait_gone(Duration::ZERO));
    }

    #[test]
    fn the_sweep_ends_those_with_the_token_and_no_others() {
        let token = "sweep-test-51f0";
        let mut ours = Command::new("sleep").arg("60").env(TOKEN_VARIABLE, token).spawn().unwrap();
        let mut theirs = Command::new("sleep").arg("60").env(TOKEN_VARIABLE, "sweep-test-51f0-not").spawn().unwrap();
        assert_eq!(sweep(token, Duration::from_secs(5)).unwrap(), 1);
        assert!(!ours.wait().unwrap().success());
        assert!(theirs.try_wait().unwrap().is_none());
        theirs.kill().unwrap();
        theirs.wait().unwrap();
    }
}
