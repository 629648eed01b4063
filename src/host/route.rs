use super::answer::Answer;
use super::held::Held;
use super::local::Local;
use super::script::Script;
use super::ssh::Ssh;
use super::transport::{Copied, Copy, Transport};
use crate::model::{Failure, Progress};

/// Carries to this machine or to another one.
#[derive(Debug)]
pub(super) enum Route {
    Ssh(Ssh),
    Local(Local),
}

impl Transport for Route {
    async fn run(&self, script: &Script) -> Result<Answer, Failure> {
        match self {
            Self::Ssh(ssh) => ssh.run(script).await,
            Self::Local(local) => local.run(script).await,
        }
    }

    async fn run_anew(&self, script: &Script) -> Result<Answer, Failure> {
        match self {
            Self::Ssh(ssh) => ssh.run_anew(script).await,
            Self::Local(local) => local.run_anew(script).await,
        }
    }

    async fn copy(&self, copy: &Copy, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<Copied, Failure> {
        match self {
            Self::Ssh(ssh) => ssh.copy(copy, progress).await,
            Self::Local(local) => local.copy(copy, progress).await,
        }
    }

    async fn fetch(&self, script: &Script, hear: &mut (dyn FnMut(&[u8]) + Send)) -> Result<Answer, Failure> {
        match self {
            Self::Ssh(ssh) => ssh.fetch(script, hear).await,
            Self::Local(local) => local.fetch(script, hear).await,
        }
    }

    async fn hold(&self, script: &Script, ready: &str) -> Result<(Answer, Option<Held>), Failure> {
        match self {
            Self::Ssh(ssh) => ssh.hold(script, ready).await,
            Self::Local(local) => local.hold(script, ready).await,
        }
    }

    async fn is_wide_enough(&self) -> Result<bool, Failure> {
        match self {
            Self::Ssh(ssh) => ssh.is_wide_enough().await,
            Self::Local(local) => local.is_wide_enough().await,
        }
    }

    async fn reach(&self) {
        match self {
            Self::Ssh(ssh) => ssh.reach().await,
            Self::Local(local) => local.reach().await,
        }
    }

    fn is_link(&self) -> bool {
        match self {
            Self::Ssh(ssh) => ssh.is_link(),
            Self::Local(local) => local.is_link(),
        }
    }

    async fn close(&self) {
        match self {
            Self::Ssh(ssh) => ssh.close().await,
            Self::Local(local) => local.close().await,
        }
    }
}
