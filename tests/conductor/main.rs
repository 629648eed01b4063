//! Rollouts as processes: real conductors on real sshd hosts, which are left, watched, stopped and killed.

mod commands;
#[path = "../common/fleet.rs"]
mod fleet;
mod journals;
mod killed;
mod locks;
mod service;
mod terminal;
mod trust;
