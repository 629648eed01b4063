use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::answer::{Answer, Tail, class_of, last_line};
use super::held::Held;
use super::script::{Phase, Script};
use crate::model::{Bytes, Failure, FailureClass, Progress};

/// Describes one transfer: a list of files, from a folder here into a folder there; or a pack.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    /// The folder that holds the files.
    pub(super) source: PathBuf,
    /// The folder on the host, absolute.
    pub(super) target: PathBuf,
    /// The files' names, each ended by a zero byte.
    pub(super) list: Arc<[u8]>,
    /// How many bytes the files have together: where progress ends.
    pub(super) total: Bytes,
    /// Whether the host's rsync knows zstd.
    pub(super) zstd: bool,
    /// Whether it is a pack: one new file that shares its inode with no other, and of which a part may be there.
    pub(super) pack: bool,
    /// Whether nothing of it is there yet.
    pub(super) fresh: bool,
}

/// Tells what one transfer sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copied {
    /// Of a pack, what attempts that broke have brought as well.
    pub(super) bytes: Bytes,
    pub(super) files: usize,
    pub(super) retries: u32,
}

/// Carries scripts and files to one host.
pub(super) trait Transport: Send + Sync + 'static {
    /// Runs a script and gives what it said, up to its end.
    ///
    /// # Errors
    ///
    /// When the host cannot be reached, or when the script did not come to its end.
    fn run(&self, script: &Script) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// Runs a script over a connection of its own: what it proves is that the host can be reached anew.
    ///
    /// # Errors
    ///
    /// As [`Transport::run`].
    fn run_anew(&self, script: &Script) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// Sends files, and tries again after a lost link.
    ///
    /// # Errors
    ///
    /// When not all of them arrived.
    fn copy(
        &self,
        copy: &Copy,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> impl Future<Output = Result<Copied, Failure>> + Send;

    /// Runs a script that brings something to the host from elsewhere, beside whatever else is done there; `hear` is given what comes
    /// of it on standard output, as it comes.
    ///
    /// # Errors
    ///
    /// As [`Transport::run`].
    fn fetch(
        &self,
        script: &Script,
        hear: &mut (dyn FnMut(&[u8]) + Send),
    ) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// Runs a script that stays once it has said `ready`, and holds it; what did not come so far is told by its answer alone.
    ///
    /// # Errors
    ///
    /// As [`Transport::run`].
    fn hold(
        &self,
        script: &Script,
        ready: &str,
    ) -> impl Future<Output = Result<(Answer, Option<Held>), Failure>> + Send;

    /// Tells whether the host lets as much run at once as a rollout does there: a step, a transfer, and a lease that is renewed.
    ///
    /// # Errors
    ///
    /// When the host cannot be reached.
    fn is_wide_enough(&self) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// Opens the connection before anything is asked; why it cannot be is told by what is asked then.
    fn reach(&self) -> impl Future<Output = ()> + Send;

    /// Tells whether there is a link to the host, which bytes cost something on.
    fn is_link(&self) -> bool;

    /// Closes what is open.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// Gives the words that start a shell which reads a script, behind whatever becomes another user.
pub(super) fn shell(r#become: &[String]) -> impl Iterator<Item = &str> {
    r#become.iter().map(String::as_str).chain(["sh", "-s"])
}

/// Makes a failure of an answer that did not come to its end, where the link itself held.
pub(super) fn cut_short(script: &Script, answer: &Answer, complaints: &Tail) -> Failure {
    let doing = script.phase.doing();
    let said = complaints.text();
    if answer.late {
        let seconds = script.deadline.as_secs();
        return Failure::new(class_of(script.phase), format!("took longer than {seconds} s while {doing}"))
            .hint("the host is slow or something there hangs; it was ended there")
            .output(said);
    }
    if answer.flooded {
        return Failure::new(class_of(script.phase), format!("the host said far too much while {doing}"));
    }
    if answer.begun {
        let failure = Failure::new(class_of(script.phase), format!("was cut off while {doing}"));
        let hint = "something on the host ended the script; whether it was done is unknown, and it can be repeated";
        return failure.hint(hint).output(said);
    }
    // No script of ours has run at all: a shell that refuses, or a `become` that does.
    let said = if said.is_empty() { answer.chatter.text() } else { said };
    let message = match last_line(&said) {
        "" => format!("no shell answered while {doing}"),
        why => format!("no shell answered while {doing}: {why}"),
    };
    let hint = if said.contains("sudo") {
        "target.become must work without a password there: `sudo -n`"
    } else {
        "the login shell must be able to run `sh -s`; is the account allowed a shell there?"
    };
    Failure::new(FailureClass::Unreachable, message).hint(hint).output(said)
}

/// Makes the failure of a host that lets us in and runs nothing.
pub(super) fn mute(phase: Phase, patience: Duration) -> Failure {
    let seconds = patience.as_secs_f64();
    Failure::new(
        FailureClass::Unreachable,
        format!("logs in, but no shell answered for {seconds} s while {}", phase.doing()),
    )
    .hint("the machine is up and hangs, as with a lost NFS home or a dying disk; a login by hand shows where")
}

/// Makes the failure of a host that says nothing.
pub(super) fn silent(phase: Phase, silence: Duration) -> Failure {
    let seconds = silence.as_secs_f64();
    Failure::new(FailureClass::Unreachable, format!("no answer for {seconds} s while {}", phase.doing()))
        .hint("the host or the network there hangs; what it was doing ends by its own deadline")
}

/// Gives the folder's path with a slash behind it, so that rsync means what is in it.
pub(super) fn contents_of(folder: &Path) -> std::ffi::OsString {
    let mut path = folder.as_os_str().to_owned();
    path.push("/");
    path
}
