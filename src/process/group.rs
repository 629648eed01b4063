use std::io;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

/// Holds a command that leads a process group of its own; the whole group is killed when this is dropped.
///
/// A group's number is its leader's, and may be another's once the leader is reaped and nobody else is in the group. So it is
/// forgotten then, and a signal goes nowhere.
#[derive(Debug)]
pub struct Group {
    child: Child,
    leader: Option<Pid>,
}

impl Group {
    /// Starts a command as the leader of a group.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, leader })
    }

    /// Gives the ends of the command's pipes, once; what is no pipe, or was given, is none.
    pub const fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take())
    }

    /// Waits for the command's end, and leaves alone what it started and let go of.
    ///
    /// # Errors
    ///
    /// When the system does not tell how it ended.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.leader = None;
        Ok(status)
    }

    /// Waits for the command's end, and goes on answering for what it started: somebody may still hold one of its outputs, which
    /// [`Self::kill`] ends, and [`Self::wait`] does not.
    ///
    /// # Errors
    ///
    /// When the system does not tell how it ended.
    pub async fn exited(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Sends a signal to all that are left of the group.
    pub fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // The only errors are that nobody is left, or nobody who may be signalled (kill(2)).
            if let Err(error) = kill_process_group(leader, signal) {
                tracing::debug!(%error, ?leader, ?signal, "a group of processes was not signalled");
            }
        }
    }

    /// Kills the group and reaps its leader.
    ///
    /// # Errors
    ///
    /// When the system does not tell how it ended.
    pub async fn kill(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        self.wait().await
    }

    /// Tells whether the leader still runs; a zombie does not.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.leader.is_some_and(|leader| matches!(waitid(WaitId::Pid(leader), options), Ok(None)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
