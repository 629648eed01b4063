use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use super::answer::Answer;
use super::converse::converse;
use super::held::{BEGINS, Held};
use super::limits::blame;
use super::process::{quiet, spawn};
use super::rsync::{self, Reach};
use super::script::Script;
use super::session::{Session, Stepped};
use super::settings::{TargetSettings, TransferSettings};
use super::shell::{Ends, NotOpened};
use super::ssh::Pool;
use super::transport::{Copied, Copy, Transport, cut_short, shell, silent};
use crate::model::{Failure, FailureClass, Progress};

/// Carries to this very machine: a deploy server is a host of its own fleet.
#[derive(Debug)]
pub(super) struct Local {
    target: Arc<TargetSettings>,
    transfer: Arc<TransferSettings>,
    pool: Arc<Pool>,
    session: Session,
}

impl Local {
    pub(super) fn new(target: Arc<TargetSettings>, transfer: Arc<TransferSettings>, pool: Arc<Pool>) -> Self {
        Self { target, transfer, pool, session: Session::default() }
    }

    /// Gives what a login would: scripts and rsync begin in the home folder.
    fn home() -> std::path::PathBuf {
        std::env::home_dir().filter(|home| home.is_dir()).unwrap_or_else(|| "/".into())
    }
}

impl Local {
    /// Starts a shell in a group of its own.
    async fn start(&self) -> Result<Ends, Failure> {
        let mut words = shell(&self.target.r#become);
        let mut command = quiet(words.next().unwrap_or("sh"));
        command.args(words).current_dir(Self::home());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let not_started = |error: &std::io::Error| {
            let message = format!("cannot start a shell on this machine: {error}");
            blame(Failure::new(FailureClass::Unreachable, message), error)
        };
        let mut group = spawn(&mut command).await.map_err(|error| not_started(&error))?;
        match group.pipes() {
            (Some(stdin), Some(stdout), Some(stderr)) => Ok(Ends {
                stdin: Box::pin(stdin),
                stdout: Box::pin(stdout),
                stderr: Box::pin(stderr),
                keep: Box::new(group),
            }),
            _ => Err(not_started(&std::io::Error::other("no pipes"))),
        }
    }

    /// Runs a script in a shell of its own.
    async fn run_alone(&self, script: &Script, hear: impl FnMut(&[u8])) -> Result<Answer, Failure> {
        let Ends { stdin, stdout, stderr, keep } = self.start().await?;
        let patience = script.deadline + Duration::from_secs(10);
        let talk = converse(script, patience, hear, stdin, stdout, stderr);
        let Ok((answer, complaints)) = tokio::time::timeout(patience, talk).await else {
            return Err(silent(script.phase, patience));
        };
        drop(keep);
        if answer.ended { Ok(answer) } else { Err(cut_short(script, &answer, &complaints)) }
    }
}

impl Transport for Local {
    async fn run(&self, script: &Script) -> Result<Answer, Failure> {
        let _turn = self.pool.exec().await;
        let mut gone = None;
        for _ in 0..2 {
            let Some(turn) = self.session.turn_for(script.phase).await else {
                return self.run_alone(script, |_| {}).await;
            };
            let patience = script.deadline + Duration::from_secs(10);
            match turn.step(script, 0, patience, self.start()).await {
                Stepped::Whole(answer) => return Ok(answer),
                Stepped::NotStarted(failure) => return Err(failure),
                Stepped::NotOpened(NotOpened { answer, complaints }) => {
                    return Err(cut_short(script, &Answer { begun: false, ..answer }, &complaints));
                }
                Stepped::Broken(Answer { mute: true, .. }, _) => return Err(silent(script.phase, patience)),
                Stepped::Broken(answer, complaints) if answer.begun => {
                    return Err(cut_short(script, &answer, &complaints));
                }
                // The shell was gone before: whatever ended it between two steps, another one is opened.
                Stepped::Broken(answer, complaints) => gone = Some(cut_short(script, &answer, &complaints)),
            }
        }
        Err(gone.unwrap_or_else(|| silent(script.phase, script.deadline)))
    }

    async fn run_anew(&self, script: &Script) -> Result<Answer, Failure> {
        let _turn = self.pool.exec().await;
        self.run_alone(script, |_| {}).await
    }

    async fn fetch(&self, script: &Script, hear: &mut (dyn FnMut(&[u8]) + Send)) -> Result<Answer, Failure> {
        let _turn = self.pool.transfer().await;
        self.run_alone(script, hear).await
    }

    async fn copy(&self, copy: &Copy, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<Copied, Failure> {
        let _turn = self.pool.transfer().await;
        let reach = Reach::local(&self.target.r#become);
        // Nothing here is worth trying again: there is no link to lose.
        rsync::run(&reach, copy, &self.transfer, progress).await.map_err(|broken| broken.failure)
    }

    async fn hold(&self, script: &Script, ready: &str) -> Result<(Answer, Option<Held>), Failure> {
        let _turn = self.pool.exec().await;
        Ok(Held::begin(script, ready, BEGINS, self.start().await?, ()).await)
    }

    async fn is_wide_enough(&self) -> Result<bool, Failure> {
        Ok(true)
    }

    async fn reach(&self) {}

    fn is_link(&self) -> bool {
        false
    }

    async fn close(&self) {
        self.session.close();
    }
}
