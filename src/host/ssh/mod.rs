//! Carries scripts and files over ssh: one connection a host, opened when it is needed and again when it died.
//!
//! `pool` counts what is open and closes what is idle, `way` finds what stands before a host, and `throttle` counts what is being opened there; `master` is one connection, and `send` carries a pack over it; `config` is what ssh
//! is told, `system` what the whole machine says to it; `warm` finds connections that other processes of the same user have open, `fingerprint` tells whether they are as good
//! as an own one, and `names` counts who is on them; `control` speaks with a connection's process; `cause` reads what ssh wrote when it failed, `diagnosis` tells it to people, and
//! `jump` whose it is where another host is on the way.

mod cause;
mod config;
mod control;
mod diagnosis;
mod fingerprint;
mod jump;
mod link;
mod master;
mod names;
mod pool;
mod retry;
mod send;
mod system;
mod throttle;
mod warm;
mod way;

pub(super) use link::Ssh;
pub(super) use master::login;
pub(super) use pool::Pool;
pub(super) use way::has_proxies;
