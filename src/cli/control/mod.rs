//! Commands about rollouts that run, ran or wait: none of them needs a configuration, but for `resume` and `lock`.

mod attach;
mod choose;
mod command;
mod history;
mod lock;
mod resume;

pub(super) use attach::{AttachArgs, attach, follow, show as show_rollout};
pub(super) use choose::one_that_runs;
pub(super) use command::{DecideArgs, HostArgs, RetryArgs, RolloutArgs, SoakArgs, give, send};
pub(super) use history::{RolloutsArgs, ShowArgs, rollouts, show};
pub(super) use lock::{LockArgs, UnlockArgs, lock, unlock};
pub(super) use resume::{ResumeArgs, resume};
