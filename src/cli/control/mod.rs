//! Commands about rollouts that run, ran or wait: none of them needs a configuration, but for `resume` and `lock`.

mod args;
mod attach;
mod choose;
mod command;
mod history;
mod lock;
mod resume;

pub(super) use args::{AttachArgs, HostArgs, LockArgs, ResumeArgs, RetryArgs, RolloutArgs, RolloutsArgs, ShowArgs};
pub(super) use attach::{attach, follow, show as show_rollout};
pub(super) use choose::ask;
pub(super) use command::{give, roll_back_what_runs};
pub(super) use history::{rollouts, show};
pub(super) use lock::{lock, unlock};
pub(super) use resume::resume;
