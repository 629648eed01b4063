//! Carries scripts and files over ssh: one connection a host, opened when it is needed and again when it died.
//!
//! `pool` counts what is open and closes what is idle; `master` is one connection; `config` is what ssh is told;
//! `control` speaks with a connection's process; `diagnosis` reads what ssh wrote when it failed.

mod config;
mod control;
mod diagnosis;
mod link;
mod master;
mod pool;

pub(super) use link::Ssh;
pub(super) use pool::Pool;
