use std::ffi::OsString;
use std::io;
use std::process::Stdio;

use tokio::process::Command;

use super::limits::patiently;
use crate::process::Group;

/// Starts a process in a group of its own, and waits while this machine has no room for one.
pub(super) async fn spawn(command: &mut Command) -> io::Result<Group> {
    patiently(|| Group::spawn(command)).await
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
