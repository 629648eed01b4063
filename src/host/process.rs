use std::ffi::OsString;
use std::io;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::limits::patiently;

/// Holds a process and its group; both are ended when it is dropped.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) child: Child,
}

impl Group {
    /// Starts a process in a group of its own, and waits while this machine has no room for one.
    pub(super) async fn spawn(command: &mut Command) -> io::Result<Self> {
        command.process_group(0).kill_on_drop(true);
        let child = patiently(|| command.spawn()).await?;
        Ok(Self { child })
    }

    fn kill(&self) {
        // None once it was waited for: the number may be another's by then.
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid
            && let Err(error) = kill_process_group(pid, Signal::KILL)
        {
            tracing::debug!(%error, "a process group was gone before it was ended");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Makes a command that sees nothing of this terminal and speaks no other language.
pub(super) fn quiet(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .env("LC_ALL", "C")
        .env_remove("LANGUAGE")
        // Nobody is asked anything: a dialog on somebody's screen would be an answer to wait for.
        .env_remove("SSH_ASKPASS")
        .env("SSH_ASKPASS_REQUIRE", "never");
    command
}
