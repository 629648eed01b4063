use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use openssh::Stdio as Pipe;
use tokio::sync::Mutex;

use super::cause::{self, Cause};
use super::master::{Master, Use, common, explain, no_ssh};
use super::pool::Pool;
use super::retry::Retry;
use crate::host::answer::{Answer, Tail, class_of};
use crate::host::converse::converse;
use crate::host::limits::{Shortage, exhaustion};
use crate::host::process::{Group, quiet};
use crate::host::rsync::{self, Reach};
use crate::host::script::Script;
use crate::host::settings::{TargetSettings, TransferSettings};
use crate::host::transport::{Copied, Copy, Transport, cut_short, mute, shell, silent};
use crate::model::{Failure, FailureClass, HostId, Progress};
use crate::process::quote_words;

/// Carries to a host over ssh.
#[derive(Debug)]
pub(in crate::host) struct Ssh {
    host: HostId,
    target: Arc<TargetSettings>,
    transfer: Arc<TransferSettings>,
    pool: Arc<Pool>,
    /// Who opens it holds this, so that there is one handshake however many wait.
    master: Mutex<Option<Arc<Master>>>,
}

/// What became of a script.
enum Ran {
    Whole(Answer),
    /// The link was lost, and it is worth another attempt.
    Lost(Failure),
}

/// What became of a script that was sent over a connection of its own.
enum Anew {
    Answered(Answer),
    /// What ssh said instead.
    Refused(String),
}

impl Ssh {
    pub(in crate::host) fn new(
        host: HostId,
        target: Arc<TargetSettings>,
        transfer: Arc<TransferSettings>,
        pool: Arc<Pool>,
    ) -> Self {
        Self { host, target, transfer, pool, master: Mutex::new(None) }
    }

    /// Gives the connection, opened anew where it was closed or has died.
    async fn connection(&self) -> Result<Use, Failure> {
        let mut slot = self.master.lock().await;
        loop {
            if let Some(taken) = slot.as_ref().and_then(Master::begin) {
                if taken.is_alive().await {
                    return Ok(taken);
                }
                // While a person thinks, connections die; that is nobody's concern.
                taken.close();
            }
            *slot = None;
            *slot = Some(Master::open(&self.pool, &self.host).await?);
        }
    }

    fn command(&self) -> String {
        quote_words(shell(&self.target.r#become))
    }

    async fn try_run(&self, script: &Script) -> Result<Ran, Failure> {
        let connection = self.connection().await?;
        let doing = script.phase.doing();
        let silence = self.pool.settings.silence() + Duration::from_secs(5);
        // Nobody but us is on the link, so nothing is in the way: a host that runs no shell now is one that hangs. Behind a transfer a word
        // may take long.
        let begins = if connection.is_shared() { silence } else { self.pool.patience() };
        let mut shortage = Shortage::new();
        let mut child = loop {
            let mut command = connection.session().raw_command(self.command());
            command.stdin(Pipe::piped()).stdout(Pipe::piped()).stderr(Pipe::piped());
            match tokio::time::timeout(begins, command.spawn()).await {
                Err(_) => {
                    if !connection.is_shared() {
                        connection.close();
                    }
                    return Err(silent(script.phase, begins));
                }
                Ok(Ok(child)) => break child,
                Ok(Err(error)) => match exhaustion(&error) {
                    Some(lack) if shortage.wait(&lack.to_string()).await => {}
                    Some(lack) => return Err(no_ssh(lack)),
                    None => return self.after_loss(&connection, doing, &error.to_string()).await,
                },
            }
        };
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin().take(), child.stdout().take(), child.stderr().take())
        else {
            return Err(Failure::new(class_of(script.phase), "ssh gave no pipes"));
        };
        let most = script.deadline + silence;
        let talk = converse(script, begins, stdin, stdout, stderr);
        let Ok((answer, complaints)) = tokio::time::timeout(most, talk).await else {
            return Err(silent(script.phase, most));
        };
        if answer.mute {
            // The next one logs in anew: what hangs there may be this login alone.
            if !connection.is_shared() {
                connection.close();
            }
            return Err(mute(script.phase, begins));
        }
        if answer.ended {
            // It has said all; let it close its channel before another takes one.
            if tokio::time::timeout(Duration::from_secs(2), child.wait()).await.is_err() {
                tracing::debug!(host = %self.host, ?script.phase, "a shell outlived its end");
            }
            return Ok(Ran::Whole(answer));
        }
        if answer.late || answer.flooded || connection.is_alive().await {
            return Err(cut_short(script, &answer, &complaints));
        }
        self.after_loss(&connection, doing, "").await
    }

    /// Runs a script over a connection of its own, once.
    async fn try_anew(&self, script: &Script) -> Result<Anew, Failure> {
        let mut ssh = quiet("ssh");
        ssh.args(common(&self.pool)).args(["-T", "-S", "none", "-o", "ControlMaster=no", "-o", "ControlPath=none"]);
        ssh.arg("--").arg(self.host.as_str()).arg(self.command());
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = Group::spawn(&mut ssh).await.map_err(|error| no_ssh(&error))?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (group.child.stdin.take(), group.child.stdout.take(), group.child.stderr.take())
        else {
            return Err(no_ssh(&std::io::Error::other("no pipes")));
        };
        // To connect, and then for the shell to answer.
        let begins = self.pool.settings.connect_timeout.saturating_mul(2) + Duration::from_secs(2);
        let most = script.deadline + begins;
        let talk = converse(script, begins, stdin, stdout, stderr);
        let Ok((answer, complaints)) = tokio::time::timeout(most, talk).await else {
            return Err(silent(script.phase, most));
        };
        if answer.mute {
            return Err(silent(script.phase, begins));
        }
        if answer.ended {
            return Ok(Anew::Answered(answer));
        }
        if !answer.begun && !answer.late {
            let said: String = Tail::text(&complaints);
            if cause::read(&said).cause != Cause::Other {
                return Ok(Anew::Refused(said));
            }
        }
        Err(cut_short(script, &answer, &complaints))
    }

    /// Sorts the loss of a connection: dead for a reason that may pass, or for one that will not.
    async fn after_loss(&self, connection: &Use, doing: &str, error: &str) -> Result<Ran, Failure> {
        if connection.is_alive().await {
            // The host refused a channel: as many are open there as it allows.
            let message = format!("the host opened no channel while {doing}: {error}");
            let hint = "MaxSessions there must allow three";
            return Ok(Ran::Lost(Failure::new(FailureClass::Unreachable, message).hint(hint)));
        }
        let (cause, failure) = connection.last_words(&self.host, doing).await;
        connection.close();
        match cause {
            Cause::Reset | Cause::Turned => Ok(Ran::Lost(failure)),
            _ => Err(failure),
        }
    }
}

impl Transport for Ssh {
    async fn run(&self, script: &Script) -> Result<Answer, Failure> {
        let _turn = self.pool.exec().await;
        // Every script may run twice, so a lost link is tried once more.
        match self.try_run(script).await? {
            Ran::Whole(answer) => return Ok(answer),
            Ran::Lost(failure) => tracing::debug!(host = %self.host, %failure, "running a script again"),
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(100..500))).await;
        match self.try_run(script).await? {
            Ran::Whole(answer) => Ok(answer),
            Ran::Lost(failure) => Err(failure),
        }
    }

    async fn run_anew(&self, script: &Script) -> Result<Answer, Failure> {
        let _turn = self.pool.exec().await;
        let mut retry = Retry::new();
        loop {
            let turn = self.pool.connect().await;
            let said = match self.try_anew(script).await? {
                Anew::Answered(answer) => {
                    turn.accepted();
                    return Ok(answer);
                }
                Anew::Refused(said) => said,
            };
            let reading = cause::read(&said);
            if reading.cause == Cause::Turned {
                turn.turned_away(&self.host);
            }
            drop(turn);
            if !retry.again(&self.pool, &self.host, reading).await {
                return Err(explain(&self.pool, &self.host, reading, &said, script.phase.doing()).await);
            }
        }
    }

    async fn copy(&self, copy: &Copy, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<Copied, Failure> {
        let _turn = self.pool.transfer().await;
        let mut retries = 0;
        loop {
            let connection = self.connection().await?;
            let reach = Reach::control(connection.socket(), &self.target.r#become);
            let broken = match rsync::run(&reach, copy, &self.transfer, progress).await {
                Ok(copied) => return Ok(Copied { retries, ..copied }),
                Err(broken) => broken,
            };
            if !broken.again || retries >= self.transfer.retries {
                return Err(broken.failure);
            }
            tracing::debug!(host = %self.host, failure = %broken.failure, "sending again");
            // Where it only looks alive it is opened anew by the next one.
            if !connection.is_alive().await {
                connection.close();
            }
            drop(connection);
            retries += 1;
            let pause = Duration::from_millis(fastrand::u64(200..700)).saturating_mul(1 << retries.min(4));
            tokio::time::sleep(pause).await;
        }
    }

    async fn close(&self) {
        if let Some(master) = self.master.lock().await.take() {
            master.close();
        }
    }
}
