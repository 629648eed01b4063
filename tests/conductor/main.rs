//! Rollouts as processes: real conductors on real sshd hosts, which are left, watched, stopped and killed.

mod commands;
mod fleet;
mod killed;
mod locks;
mod service;
mod terminal;
