use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use super::answer::Answer;
use super::converse::converse;
use super::process::{Group, quiet};
use super::rsync::{self, Reach};
use super::script::Script;
use super::settings::{TargetSettings, TransferSettings};
use super::ssh::Pool;
use super::transport::{Copied, Copy, Transport, cut_short, shell};
use crate::model::{Failure, FailureClass, Progress};

/// Carries to this very machine: a deploy server is a host of its own fleet.
#[derive(Debug)]
pub(super) struct Local {
    target: Arc<TargetSettings>,
    transfer: Arc<TransferSettings>,
    pool: Arc<Pool>,
}

impl Local {
    pub(super) const fn new(target: Arc<TargetSettings>, transfer: Arc<TransferSettings>, pool: Arc<Pool>) -> Self {
        Self { target, transfer, pool }
    }

    /// Gives what a login would: scripts and rsync begin in the home folder.
    fn home() -> std::path::PathBuf {
        std::env::home_dir().filter(|home| home.is_dir()).unwrap_or_else(|| "/".into())
    }
}

impl Transport for Local {
    async fn run(&self, script: &Script) -> Result<Answer, Failure> {
        let _turn = self.pool.exec().await;
        let mut words = shell(&self.target.r#become);
        let mut command = quiet(words.next().unwrap_or("sh"));
        command.args(words).current_dir(Self::home());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let not_started = |error: &dyn std::fmt::Display| {
            Failure::new(FailureClass::Unreachable, format!("cannot start a shell on this machine: {error}"))
        };
        let mut group = Group::spawn(&mut command).await.map_err(|error| not_started(&error))?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (group.child.stdin.take(), group.child.stdout.take(), group.child.stderr.take())
        else {
            return Err(not_started(&"no pipes"));
        };
        let patience = script.deadline + Duration::from_secs(10);
        let talk = converse(script, patience, stdin, stdout, stderr);
        let Ok((answer, complaints)) = tokio::time::timeout(patience, talk).await else {
            return Err(super::transport::silent(script.phase, patience));
        };
        if !answer.ended {
            return Err(cut_short(script, &answer, &complaints));
        }
        // It has said all; it ends by itself in a moment, and by force otherwise.
        if tokio::time::timeout(Duration::from_secs(2), group.child.wait()).await.is_err() {
            tracing::debug!(phase = ?script.phase, "a shell of this machine outlived its end");
        }
        Ok(answer)
    }

    async fn run_anew(&self, script: &Script) -> Result<Answer, Failure> {
        self.run(script).await
    }

    async fn copy(&self, copy: &Copy, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<Copied, Failure> {
        let _turn = self.pool.transfer().await;
        let reach = Reach::local(&self.target.r#become);
        // Nothing here is worth trying again: there is no link to lose.
        rsync::run(&reach, copy, &self.transfer, progress).await.map_err(|broken| broken.failure)
    }

    async fn close(&self) {}
}
